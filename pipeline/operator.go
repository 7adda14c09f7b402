package pipeline

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Recorder keeps the journal: what was intended before it was sent, and what
// came of it. Record returns the number of the line and the short hash of the
// chain's head, which goes into what is sent to GitHub and anchors the chain.
type Recorder interface {
	Record(ctx context.Context, kind, id, operator, command string, data json.RawMessage) (number uint64, head string, err error)
	// Abandoned returns the intents that have neither a receipt nor were
	// reconciled and whose writers live no more, the oldest first. An intent that
	// some process is just carrying out is not among them.
	Abandoned(ctx context.Context) ([]Abandoned, error)
}

// OperatorOptions are what an Operator is built from.
type OperatorOptions struct {
	Engine  *Engine
	Actions Actions
	// Cloud changes ECS itself; nil: nothing here can.
	Cloud CloudActions
	// Direct restores a deployment from this machine; nil: only GitHub Actions does.
	Direct DirectRollback
	// OtherActions gives what changes another repository of the configuration,
	// OWNER/NAME; nil: only the console's own is changed.
	OtherActions func(repository string) (Actions, error)
	// Settings looks for what became of an abandoned change of settings; nil: it
	// stays in doubt.
	Settings SettingsReader
	Journal  Recorder
	// Deadline bounds how long an effect is looked for; 0: 30 s.
	Deadline time.Duration
}

// Operator changes the world on behalf of a person, by the one path that there
// is: plan → confirm → re-check → send once → observe → receipt. Watch mode has
// no value of this type.
type Operator struct {
	engine   *Engine
	actions  Actions
	cloud    CloudActions
	direct   DirectRollback
	others   func(repository string) (Actions, error)
	settings SettingsReader
	journal  Recorder
	deadline time.Duration

	mu        sync.Mutex
	rollbacks []sentRollback // of this operator, not ended yet
}

// NewOperator makes an Operator over a running engine.
func NewOperator(o OperatorOptions) *Operator {
	if o.Deadline == 0 {
		o.Deadline = 30 * time.Second
	}
	return &Operator{engine: o.Engine, actions: o.Actions, cloud: o.Cloud, direct: o.Direct, others: o.OtherActions, settings: o.Settings, journal: o.Journal, deadline: o.Deadline}
}

const (
	planTimeout    = 20 * time.Second
	recheckTimeout = 5 * time.Second
	reasonLength   = 10
	confirmWord    = "ROLLBACK"
)

// Renew makes the plan again for the same intent, with evidence read now. What
// the operator typed is the face's to keep.
func (o *Operator) Renew(ctx context.Context, p Plan) (Plan, error) {
	in := p.Intent
	switch in.Kind {
	case PlanApprove, PlanReject:
		return o.PlanReview(ctx, ReviewRequest{RunID: in.RunID, Environment: in.Environment, Reject: in.Kind == PlanReject, SHA: in.SHA})
	case PlanRollback:
		return o.PlanRollback(ctx, RollbackRequest{Environment: in.Environment, To: in.Deployment, Halt: in.Halt, Direct: in.Direct})
	case PlanTrigger:
		return o.PlanTrigger(ctx, TriggerRequest{Repository: in.Repository, Workflow: in.Workflow, Ref: in.Ref, Inputs: in.Inputs})
	case PlanRerun:
		return o.PlanRerun(ctx, runRequest(in))
	case PlanCancel:
		return o.PlanCancel(ctx, runRequest(in))
	case PlanLock, PlanUnlock:
		return o.PlanHold(ctx, HoldRequest{Environment: in.Environment, Release: in.Kind == PlanUnlock, For: in.HoldFor, After: in.After})
	case PlanStop:
		return o.PlanStop(ctx, StopRequest{Environment: in.Environment, Service: in.Service})
	case PlanContinue:
		return o.PlanContinue(ctx, ContinueRequest{Environment: in.Environment, Service: in.Service, RollBack: in.RollBack})
	case PlanSettings: // a Settings plans these
	}
	return Plan{}, Errorf(KindInternal, "a plan of unknown kind %q", in.Kind)
}

// newIntent begins an intent with an id that sorts by time.
func (o *Operator) newIntent(kind PlanKind, s *Snapshot) Intent {
	now := time.Now()
	return Intent{
		ID: requestID(now), Kind: kind, Repository: s.Repository.FullName(),
		Operator: s.Viewer.Login, SeenAt: now,
	}
}

// requestID is unique and sorts by time: milliseconds in base 36, then random.
func requestID(now time.Time) string {
	return fmt.Sprintf("%09s%s", formatBase36(now.UnixMilli()), rand.Text()[:7])
}

func formatBase36(n int64) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	var b []byte
	for ; n > 0; n /= 36 {
		b = append([]byte{digits[n%36]}, b...)
	}
	return string(b)
}

// Execute carries out a confirmed plan: it validates what was typed, reads the
// facts again around every cache, compares, writes the intent, sends once, and
// observes. A refusal is a receipt with OutcomeRefused and a nil error; an
// error means that nothing can be said in a receipt (a confirmation that lacks
// something: KindUsage; a context that ended before anything was sent).
func (o *Operator) Execute(ctx context.Context, p Plan, c Confirmation) (Receipt, error) {
	if err := validate(p, c); err != nil {
		return Receipt{}, err
	}
	r := Receipt{Intent: p.Intent, Acks: c.Acks, Overrides: p.Overrides(c.Acks), Comment: firstOf(c.Reason, c.Comment), At: time.Now()}
	if blocking := p.Blocking(); len(blocking) > 0 {
		r.Outcome, r.Code, r.Sentence = OutcomeRefused, blocking[0].Code, blocking[0].Sentence
		return o.finish(ctx, r), nil
	}
	tell(ctx, StageRechecking, "")
	differences, err := o.recheck(ctx, p)
	if err != nil {
		r.Outcome, r.Code, r.Sentence = OutcomeRefused, "evidence_unavailable", "the facts could not be read again: "+err.Error()
		return o.finish(ctx, r), nil
	}
	if len(differences) > 0 {
		r.Outcome, r.Code, r.Differences = OutcomeRefused, differences[0].Code, differences
		r.Sentence = changedWorld(differences[0])
		return o.finish(ctx, r), nil
	}
	head, err := o.intend(ctx, &r)
	if err != nil {
		if p.Intent.Kind != PlanRollback {
			r.Outcome, r.Code = OutcomeRefused, "journal_unwritable"
			r.Sentence = "the journal cannot be written, so nothing was sent: " + err.Error()
			r.Warning = err.Error()
			return r, nil
		}
		r.Warning = "NOT IN THE JOURNAL: " + err.Error()
	}
	tell(ctx, StageSending, "")
	o.send(ctx, p, c, head, &r)
	o.engine.Refresh()
	return o.finish(ctx, r), nil
}

// changedWorld says why nothing was sent; who was faster is named.
func changedWorld(d Difference) string {
	if slices.Contains([]string{"hold_changed", "lane_held", "in_flight_changed", "rollout_in_flight"}, d.Code) && d.Is != "" {
		return fmt.Sprintf("somebody was faster; %s is now: %s; nothing was sent", d.Fact, d.Is)
	}
	return "the world changed while you decided; nothing was sent"
}

// validate checks what was typed against what the plan asks for.
func validate(p Plan, c Confirmation) error {
	usage := func(format string, args ...any) error {
		return &Error{Kind: KindUsage, Message: fmt.Sprintf(format, args...)}
	}
	if p.Comment && c.Comment == "" {
		return usage("%s needs a comment; say why in --comment", p.Intent.Kind)
	}
	if n := len([]rune(c.Reason)); n < p.Reason {
		return usage("the reason has %d characters and needs %d or more", n, p.Reason)
	}
	if p.Typed != "" && c.Typed != p.Typed {
		return usage("type %s to confirm", p.Typed)
	}
	if missing := p.Missing(c.Acks); len(missing) > 0 && len(p.Blocking()) == 0 {
		return &Error{Kind: KindRefused, Message: missing[0].Sentence, Hint: "acknowledge it with --ack " + missing[0].Word()}
	}
	return nil
}

// writeDown writes what there is to say of an intent into the journal, whatever
// became of the context.
func writeDown(ctx context.Context, j Recorder, kind string, in Intent, v any) (number uint64, head string, err error) {
	data, err := json.Marshal(v)
	if err != nil {
		return 0, "", err
	}
	return j.Record(context.WithoutCancel(ctx), kind, in.ID, in.Operator, in.what(), data)
}

// intend writes the intent before anything is sent.
func (o *Operator) intend(ctx context.Context, r *Receipt) (head string, err error) {
	_, head, err = writeDown(ctx, o.journal, "intent", r.Intent, r.Intent)
	return head, err
}

// finish writes the receipt. It is written whatever became of the context.
func (o *Operator) finish(ctx context.Context, r Receipt) Receipt {
	r.At = time.Now()
	number, _, err := writeDown(ctx, o.journal, "receipt", r.Intent, r)
	r.Number = number
	if err != nil && r.Warning == "" {
		r.Warning = "the receipt could not be written to the journal: " + err.Error()
	}
	return r
}

// send does the one call of the plan and then looks for its effect.
func (o *Operator) send(ctx context.Context, p Plan, c Confirmation, head string, r *Receipt) {
	in := p.Intent
	var err error
	switch in.Kind {
	case PlanApprove, PlanReject:
		err = o.actions.Review(ctx, in.RunID, []int64{in.GateID}, in.Kind == PlanApprove, anchored(c.Comment+p.marks(c.Acks), in.ID, head))
		r.RunID = in.RunID
	case PlanRollback:
		o.rollBack(ctx, in, c, head, r)
		return
	case PlanStop, PlanContinue:
		o.stop(ctx, in, firstOf(c.Reason, c.Comment), head, r)
		return
	case PlanLock, PlanUnlock:
		o.hold(ctx, in, c.Reason, head, r)
		return
	case PlanTrigger:
		o.dispatch(ctx, in, in.Inputs, r)
		return
	case PlanRerun, PlanCancel:
		err, r.RunID = o.change(ctx, in), in.RunID
	case PlanSettings: // a Settings sends these
		return
	}
	o.judge(ctx, in, err, r)
}

// judge turns the answer to a call on a run into an outcome. A definite no is
// told as such; after a time-out the effect is looked for before anything is
// said, and nothing is ever sent again.
func (o *Operator) judge(ctx context.Context, in Intent, err error, r *Receipt) {
	if err != nil && !doubtful(err) {
		r.Outcome, r.Code, r.Sentence = OutcomeRejected, string(KindOf(err)), err.Error()
		return
	}
	tell(ctx, StageObserving, "")
	seen := o.await(ctx, func(ctx context.Context) (bool, error) { return o.effectSeen(ctx, in, r) })
	switch {
	case seen:
		r.Outcome, r.Sentence = OutcomeDone, effectSentence(in)
	case err != nil:
		r.Outcome, r.Code, r.Sentence = OutcomeUnknown, "sent_unknown", "it cannot be told whether it was sent: "+err.Error()
	default:
		r.Outcome, r.Code, r.Sentence = OutcomeUnseen, "effect_unseen", "sent, not yet seen; look at the run before you try again"
	}
}

// doubtful reports whether an error leaves open if the request was carried out.
func doubtful(err error) bool {
	k := KindOf(err)
	return k == KindUnavailable || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// effectSeen looks at the run for what the intent asked.
func (o *Operator) effectSeen(ctx context.Context, in Intent, r *Receipt) (bool, error) {
	gh, err := o.engine.github(in.Repository)
	if err != nil {
		return false, err
	}
	run, err := gh.Run(ctx, in.RunID)
	if err != nil {
		return false, err
	}
	r.URL = run.URL
	switch in.Kind {
	case PlanApprove, PlanReject:
		return o.reviewed(ctx, in)
	case PlanRerun:
		return run.Attempt > in.RunAttempt, nil
	case PlanCancel:
		return run.Done(), nil
	case PlanTrigger, PlanRollback, PlanLock, PlanUnlock, PlanStop, PlanContinue, PlanSettings:
	}
	return false, nil
}

// reviewed looks for our own request id among the run's reviews: an approved
// environment stays pending while its wait timer runs.
func (o *Operator) reviewed(ctx context.Context, in Intent) (bool, error) {
	reviews, err := o.engine.opt.GitHub.Reviews(ctx, in.RunID)
	for _, rv := range reviews {
		if containsText(rv.Comment, in.ID) {
			return true, err
		}
	}
	return false, err
}

func effectSentence(in Intent) string {
	switch in.Kind {
	case PlanApprove:
		return "approved " + Short(in.SHA) + " for " + in.Environment
	case PlanReject:
		return "rejected " + Short(in.SHA) + " for " + in.Environment
	case PlanRerun:
		return "run again, as a new attempt"
	case PlanCancel:
		return "cancelled"
	case PlanTrigger, PlanRollback, PlanLock, PlanUnlock, PlanStop, PlanContinue, PlanSettings:
	}
	return "done"
}

// observeEvery is the pause between two looks for an effect.
const observeEvery = time.Second

// await looks until the effect is seen or the deadline passes. Errors of single
// looks are passed over: only the effect counts. It outlives a cancelled
// context by no more than one look.
func (o *Operator) await(ctx context.Context, look func(context.Context) (bool, error)) bool {
	return await(ctx, o.deadline, look)
}

func await(ctx context.Context, deadline time.Duration, look func(context.Context) (bool, error)) bool {
	ctx, cancel := context.WithTimeout(Uncached(ctx), deadline)
	defer cancel()
	for {
		if seen, err := look(ctx); seen && err == nil {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(observeEvery):
		}
	}
}
