package sheet

import (
	"context"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Action is what a sheet asks of the console; nil is nothing. It is one of the
// types of this file.
type Action interface{ action() }

// Close asks to take the sheet off the screen. It never confirms anything.
type Close struct{}

// PlanWanted asks for a plan; the answer is [Planned].
type PlanWanted struct {
	Ticket   Ticket
	Kind     pipeline.PlanKind        // says which of the requests below counts
	Trigger  pipeline.TriggerRequest  // trigger
	Review   pipeline.ReviewRequest   // approve, reject
	Rollback pipeline.RollbackRequest // rollback
	Run      pipeline.RunRequest      // rerun, cancel
	Hold     pipeline.HoldRequest     // lock, unlock
	Stop     pipeline.StopRequest     // stop
	Continue pipeline.ContinueRequest // continue
}

// RenewWanted asks to read a plan's evidence again; the answer is [Planned].
type RenewWanted struct {
	Ticket Ticket
	Plan   pipeline.Plan
}

// Confirm asks to execute exactly this plan with what was typed; the answer is
// [Done].
type Confirm struct {
	Ticket       Ticket
	Plan         pipeline.Plan
	Confirmation pipeline.Confirmation
}

// RefsWanted asks for the branches and tags; the answer is [RefsRead].
type RefsWanted struct {
	Ticket     Ticket
	Repository string // empty: the console's own
}

// FileWanted asks what a workflow's file says at a ref; the answer is [FileRead].
type FileWanted struct {
	Ticket     Ticket
	Repository string // empty: the console's own
	File, Ref  string
}

// Copy asks to put text on the clipboard.
type Copy struct {
	Text string
	What string // what the text is, for the console's message: "the gh command"
}

// OpenRun asks to close the sheet and select a run.
type OpenRun struct{ ID int64 }

// RollbackWanted asks to replace the sheet by the rollback sheet: somebody
// chose the rollback workflow in the trigger sheet.
type RollbackWanted struct{ Request pipeline.RollbackRequest }

func (Close) action()          {}
func (PlanWanted) action()     {}
func (RenewWanted) action()    {}
func (Confirm) action()        {}
func (RefsWanted) action()     {}
func (FileWanted) action()     {}
func (Copy) action()           {}
func (OpenRun) action()        {}
func (RollbackWanted) action() {}

// Ticket names one question of one sheet, so that an answer that comes late,
// to a sheet that has asked something else since or is gone, is dropped.
type Ticket struct {
	sheet *question
	n     int
}

// question numbers what a sheet asks.
type question struct{ asked int }

func (q *question) ask() Ticket {
	q.asked++
	return Ticket{q, q.asked}
}

// current reports whether t is the newest question.
func (q *question) current(t Ticket) bool { return t.sheet == q && t.n == q.asked }

// Planned answers [PlanWanted] and [RenewWanted].
type Planned struct {
	Ticket Ticket
	Plan   pipeline.Plan
	Err    error
}

// Done answers [Confirm]. A refusal is a receipt and not an error.
type Done struct {
	Ticket  Ticket
	Receipt pipeline.Receipt
	Err     error
}

// Progressed tells how far a confirmed plan has come, before [Done] answers.
type Progressed struct {
	Ticket   Ticket
	Progress pipeline.Progress
}

// RefsRead answers [RefsWanted].
type RefsRead struct {
	Ticket Ticket
	Refs   []pipeline.Ref
	Err    error
}

// FileRead answers [FileWanted].
type FileRead struct {
	Ticket     Ticket
	File       pipeline.WorkflowFile
	Remembered map[string]string // what was sent last, by input
	Err        error
}

// Planner makes plans: the part of the operator that changes nothing.
type Planner interface {
	PlanTrigger(ctx context.Context, r pipeline.TriggerRequest) (pipeline.Plan, error)
	PlanReview(ctx context.Context, r pipeline.ReviewRequest) (pipeline.Plan, error)
	PlanRollback(ctx context.Context, r pipeline.RollbackRequest) (pipeline.Plan, error)
	PlanRerun(ctx context.Context, r pipeline.RunRequest) (pipeline.Plan, error)
	PlanCancel(ctx context.Context, r pipeline.RunRequest) (pipeline.Plan, error)
	PlanHold(ctx context.Context, r pipeline.HoldRequest) (pipeline.Plan, error)
	PlanStop(ctx context.Context, r pipeline.StopRequest) (pipeline.Plan, error)
	PlanContinue(ctx context.Context, r pipeline.ContinueRequest) (pipeline.Plan, error)
}

// Plan asks the planner for what is wanted.
func (w PlanWanted) Plan(ctx context.Context, p Planner) Planned {
	answer := Planned{Ticket: w.Ticket}
	switch w.Kind {
	case pipeline.PlanTrigger:
		answer.Plan, answer.Err = p.PlanTrigger(ctx, w.Trigger)
	case pipeline.PlanApprove, pipeline.PlanReject:
		answer.Plan, answer.Err = p.PlanReview(ctx, w.Review)
	case pipeline.PlanRollback:
		answer.Plan, answer.Err = p.PlanRollback(ctx, w.Rollback)
	case pipeline.PlanRerun:
		answer.Plan, answer.Err = p.PlanRerun(ctx, w.Run)
	case pipeline.PlanCancel:
		answer.Plan, answer.Err = p.PlanCancel(ctx, w.Run)
	case pipeline.PlanLock, pipeline.PlanUnlock:
		answer.Plan, answer.Err = p.PlanHold(ctx, w.Hold)
	case pipeline.PlanStop:
		answer.Plan, answer.Err = p.PlanStop(ctx, w.Stop)
	case pipeline.PlanContinue:
		answer.Plan, answer.Err = p.PlanContinue(ctx, w.Continue)
	default:
		answer.Err = pipeline.Errorf(pipeline.KindInternal, "no plan of the kind %q", w.Kind)
	}
	return answer
}
