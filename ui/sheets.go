package ui

import (
	"context"
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/sheet"
)

// noApproval says why nothing can be approved.
func (c *Console) noApproval() string {
	switch {
	case len(c.snapshot.Approvals) > 0:
		return ""
	case len(c.snapshot.Paused()) > 0:
		return "nothing waits for approval; what ECS pauses at is answered with S"
	}
	return "nothing waits for approval"
}

func (c *Console) noWorkflow() string {
	if len(c.snapshot.Workflows.Value) == 0 {
		return "no workflow is known yet"
	}
	return ""
}

func (c *Console) noEnvironment() string {
	if c.state() == nil {
		return "no environment is configured: run gh deployctl init"
	}
	return ""
}

// selectedRun is the run that u and c act on: the opened one, else the one
// under the cursor of the runs.
func (c *Console) selectedRun() (pipeline.Run, bool) {
	if c.opened != nil {
		return c.snapshot.Run(c.opened.Run())
	}
	return c.runs.Selected()
}

// selectedJob is the job of a run that u can run alone: the one whose log is
// shown, else the one under the cursor; the zero Job: none is.
func (c *Console) selectedJob(r pipeline.Run) pipeline.Job {
	id := c.runs.Job()
	if c.opened != nil {
		id = c.opened.Job()
	}
	for _, j := range c.snapshot.Jobs[r.Key()].Value {
		if j.ID == id {
			return j
		}
	}
	return pipeline.Job{}
}

func (c *Console) cannotRerun() string {
	r, ok := c.selectedRun()
	switch {
	case !ok:
		return "no run is selected"
	case !r.Done():
		return "#" + strconv.Itoa(r.Number) + " has not ended yet"
	}
	return ""
}

func (c *Console) cannotCancel() string {
	r, ok := c.selectedRun()
	switch {
	case !ok:
		return "no run is selected"
	case r.Done():
		return "#" + strconv.Itoa(r.Number) + " has ended already"
	}
	return ""
}

// openReview opens the approval sheet: on the selected run where it waits,
// else on the only one that waits for the environment in focus, else it lets
// the operator choose.
func (c *Console) openReview() tea.Cmd {
	all := c.snapshot.Approvals
	if r, ok := c.selectedRun(); ok && (c.opened != nil || c.focus == keys.Runs) {
		for _, a := range all {
			if a.Run.ID == r.ID {
				return c.open(sheet.NewReview(a))
			}
		}
	}
	var here []pipeline.Approval
	for _, a := range all {
		if a.Environment == c.environment {
			here = append(here, a)
		}
	}
	if len(here) == 0 {
		here = all
	}
	if len(here) == 1 {
		return c.open(sheet.NewReview(here[0]))
	}
	return c.pickApproval(here)
}

func (c *Console) openTrigger() tea.Cmd {
	file, repository := "", ""
	if r, ok := c.runs.Selected(); ok && c.join.From == keys.Runs {
		file, repository = r.Workflow, r.Repository
	}
	return c.open(sheet.NewTrigger(c.snapshot, repository, file, ""))
}

func (c *Console) openRollback() tea.Cmd {
	return c.open(sheet.NewRollback(pipeline.RollbackRequest{Environment: c.environment}))
}

func (c *Console) openRerun() tea.Cmd {
	r, _ := c.selectedRun()
	return c.open(sheet.NewRerun(r, c.selectedJob(r), c.opened == nil && c.runs.Job() != 0))
}

func (c *Console) openCancel() tea.Cmd {
	r, _ := c.selectedRun()
	return c.open(sheet.NewCancel(r))
}

// open shows a sheet. What it is about was decided by whoever made it, and no
// later snapshot or selection changes that.
func (c *Console) open(s sheet.Sheet) tea.Cmd {
	c.sheet, c.dialog, c.prompt, c.dirty = s, nil, nil, true
	c.lastTick = c.now
	s.Observe(c.snapshot, c.now)
	action, cmd := s.Start(c.exactly())
	return tea.Batch(cmd, c.sheetAsks(action))
}

// exactly is the time of now, not cut to the second: a sheet measures with it
// how long ago it changed.
func (c *Console) exactly() time.Time { return c.options.Now().In(c.options.Zone) }

// toSheet hands a message to the open sheet. Without one, the answer comes too
// late and is dropped.
func (c *Console) toSheet(msg tea.Msg) tea.Cmd {
	if c.sheet == nil {
		return nil
	}
	c.dirty = true
	action, cmd := c.sheet.Handle(msg, c.exactly())
	return tea.Batch(cmd, c.sheetAsks(action))
}

func (c *Console) tellSheet() tea.Cmd { return c.toSheet(sheet.Tick{}) }

// sheetAsks does what a sheet asks.
func (c *Console) sheetAsks(a sheet.Action) tea.Cmd {
	switch a := a.(type) {
	case sheet.Close:
		c.closeSheet()
	case sheet.PlanWanted:
		return c.plan(a)
	case sheet.RenewWanted:
		return c.renew(a)
	case sheet.Confirm:
		return c.execute(a)
	case sheet.RefsWanted:
		return c.readRefs(a)
	case sheet.FileWanted:
		return c.readFile(a)
	case sheet.Copy:
		return c.copy(a.Text, a.What)
	case sheet.OpenRun:
		return c.showRun(a.ID)
	case sheet.RollbackWanted:
		return c.open(sheet.NewRollback(a.Request))
	}
	return nil
}

func (c *Console) closeSheet() {
	c.sheet, c.dirty = nil, true
}

// planTime bounds the reads behind a plan.
const planTime = 30 * time.Second

func (c *Console) plan(w sheet.PlanWanted) tea.Cmd {
	operator, ctx := c.options.Operator, c.ctx
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, planTime)
		defer cancel()
		return w.Plan(ctx, operator)
	}
}

func (c *Console) renew(w sheet.RenewWanted) tea.Cmd {
	operator, ctx := c.options.Operator, c.ctx
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, planTime)
		defer cancel()
		plan, err := operator.Renew(ctx, w.Plan)
		return sheet.Planned{Ticket: w.Ticket, Plan: plan, Err: err}
	}
}

// execute sends what was confirmed. It does not end with the sheet: closing it
// takes nothing back.
func (c *Console) execute(w sheet.Confirm) tea.Cmd {
	c.sending++
	operator := c.options.Operator
	steps := make(chan pipeline.Progress, 32)
	ctx := pipeline.WithProgress(c.ctx, func(p pipeline.Progress) {
		select {
		case steps <- p:
		default: // nobody reads so slowly; what is missing stands in the receipt
		}
	})
	send := func() tea.Msg {
		defer close(steps)
		receipt, err := operator.Execute(ctx, w.Plan, w.Confirmation)
		return sheet.Done{Ticket: w.Ticket, Receipt: receipt, Err: err}
	}
	return tea.Batch(send, nextStep(w.Ticket, steps))
}

// stepped is one step of what was confirmed, and where the next comes from.
type stepped struct {
	sheet.Progressed
	steps <-chan pipeline.Progress
}

// nextStep waits for the next step of what was confirmed; the last has no
// message.
func nextStep(t sheet.Ticket, steps <-chan pipeline.Progress) tea.Cmd {
	return func() tea.Msg {
		p, ok := <-steps
		if !ok {
			return nil
		}
		return stepped{sheet.Progressed{Ticket: t, Progress: p}, steps}
	}
}

// progressed shows a step on the sheet, if it is still open, and waits for the
// next.
func (c *Console) progressed(m stepped) tea.Cmd {
	return tea.Batch(c.toSheet(m.Progressed), nextStep(m.Ticket, m.steps))
}

// done takes a receipt: the sheet shows it, and so does the footer, for when
// the sheet is gone.
func (c *Console) done(msg sheet.Done) tea.Cmd {
	c.sending--
	c.quitAsked = false
	switch {
	case msg.Err != nil:
		c.say(msg.Err.Error(), true)
	default:
		good := msg.Receipt.Outcome == pipeline.OutcomeDone
		c.say(msg.Receipt.Sentence, !good)
		if kind := msg.Receipt.Intent.Kind; good && msg.Receipt.RunID != 0 && (kind == pipeline.PlanRollback || kind == pipeline.PlanTrigger) {
			c.runs.Await(msg.Receipt.RunID) // who starts something wants to see it
		}
	}
	c.options.Engine.Refresh()
	return tea.Batch(c.toSheet(msg), c.remember(msg.Receipt))
}

// remember keeps the inputs of a workflow that was started, for its next form.
func (c *Console) remember(r pipeline.Receipt) tea.Cmd {
	sent := r.Outcome == pipeline.OutcomeDone || r.Outcome == pipeline.OutcomeUnseen
	if c.options.Inputs == nil || r.Intent.Kind != pipeline.PlanTrigger || !sent {
		return nil
	}
	memory, in := c.options.Inputs, r.Intent
	repository := in.Repository
	if repository == c.snapshot.Repository.FullName() {
		repository = ""
	}
	return func() tea.Msg {
		_ = memory.Remember(repository, in.Workflow, in.Inputs) // only the next form is poorer
		return nil
	}
}

func (c *Console) readRefs(w sheet.RefsWanted) tea.Cmd {
	engine, ctx := c.options.Engine, c.ctx
	return func() tea.Msg {
		refs, err := engine.Refs(ctx, w.Repository)
		return sheet.RefsRead{Ticket: w.Ticket, Refs: refs, Err: err}
	}
}

func (c *Console) readFile(w sheet.FileWanted) tea.Cmd {
	engine, memory, ctx := c.options.Engine, c.options.Inputs, c.ctx
	return func() tea.Msg {
		file, err := engine.WorkflowFile(ctx, w.Repository, w.File, w.Ref)
		answer := sheet.FileRead{Ticket: w.Ticket, File: file, Err: err}
		if memory != nil {
			answer.Remembered = memory.Recall(w.Repository, w.File)
		}
		return answer
	}
}

// showRun closes the sheet and selects a run, such as the one just started.
func (c *Console) showRun(id int64) tea.Cmd {
	c.closeSheet()
	c.focus = keys.Runs
	c.relayout()
	if !c.runs.Select(id) {
		c.say("run "+strconv.FormatInt(id, 10)+" is not listed yet; it will be at the top", false)
		return nil
	}
	return c.follow(panel.Join{From: keys.Runs, Run: id})
}
