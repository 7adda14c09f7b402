package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Abandoned is an intent in the journal whose writer did not live to write
// what came of it.
type Abandoned struct {
	At   time.Time       // when it was written
	Data json.RawMessage // the Intent
}

func (a Abandoned) intent() (in Intent, ok bool) {
	err := json.Unmarshal(a.Data, &in)
	return in, err == nil && in.ID != ""
}

// Finding says what was found of an abandoned intent.
type Finding string

// Findings of a reconciliation.
const (
	FoundEffect  Finding = "effect"  // it was carried out
	FoundAbsence Finding = "absence" // it was not, and will not be
	FoundDoubt   Finding = "doubt"   // what is there may or may not be its effect
)

// Reconciliation is what became of an intent that had no receipt: looked up by
// its effect, and never sent again.
type Reconciliation struct {
	Intent   Intent    `json:"intent"`
	Finding  Finding   `json:"finding"`
	Sentence string    `json:"sentence"`
	RunID    int64     `json:"run_id,omitempty"`
	URL      string    `json:"url,omitempty"`
	At       time.Time `json:"at"` // when it was looked up
}

// Reconcile looks for the effect of every intent that was left without a
// receipt, and records what it found, or that there is nothing. It sends
// nothing. The findings are also in the next snapshots. An intent whose effect
// cannot be looked up now stays as it is, and the error says so.
func (o *Operator) Reconcile(ctx context.Context) ([]Reconciliation, error) {
	abandoned, err := o.journal.Abandoned(ctx)
	if err != nil {
		return nil, &Error{Kind: KindInternal, Op: "read the journal", Err: err}
	}
	var out []Reconciliation
	for _, a := range abandoned {
		in, ok := a.intent()
		if !ok {
			continue // not one of ours: audit verify speaks about it
		}
		found, lookErr := o.reconcile(ctx, in, a.At)
		if lookErr == nil && in.Kind == PlanRollback && found.Finding == FoundAbsence {
			o.release(ctx, in, nil, &Receipt{At: time.Now()}) // its lock, where it was taken, holds nobody up
		}
		if lookErr == nil {
			lookErr = o.recordReconciled(ctx, found)
		}
		if lookErr != nil {
			err = &Error{Kind: KindOf(lookErr), Op: "look for what became of " + string(in.Kind) + " " + in.ID, Message: lookErr.Error(), Err: lookErr}
			continue
		}
		out = append(out, found)
	}
	if len(out) > 0 {
		o.engine.observe(func(s *state) { s.reconciled = append(s.reconciled, out...) })
	}
	return out, err
}

func (o *Operator) recordReconciled(ctx context.Context, r Reconciliation) error {
	_, _, err := writeDown(ctx, o.journal, "reconciled", r.Intent, r)
	return err
}

// reconcile looks for an effect until it is seen, or until so much time has
// passed since the intent that what is not there will not come.
func (o *Operator) reconcile(ctx context.Context, in Intent, written time.Time) (Reconciliation, error) {
	for {
		r, err := o.trace(Uncached(ctx), in, written)
		r.Intent, r.At = in, time.Now()
		if err != nil || r.Finding != FoundAbsence || r.At.Sub(written) >= o.deadline {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-time.After(observeEvery):
		}
	}
}

// trace looks once for what an intent may have left.
func (o *Operator) trace(ctx context.Context, in Intent, written time.Time) (Reconciliation, error) {
	switch in.Kind {
	case PlanApprove, PlanReject:
		return o.traceReview(ctx, in)
	case PlanRerun, PlanCancel:
		return o.traceRun(ctx, in)
	case PlanTrigger, PlanRollback:
		return o.traceDispatch(ctx, in, written)
	case PlanStop, PlanContinue:
		return o.traceStop(ctx, in)
	case PlanLock, PlanUnlock:
		return o.traceHold(ctx, in)
	case PlanSettings:
		return traceSettings(ctx, o.settings, in)
	}
	return Reconciliation{Finding: FoundDoubt, Sentence: fmt.Sprintf("a command of unknown kind %q", in.Kind)}, nil
}

// traceReview finds a decision by the request id in its comment.
func (o *Operator) traceReview(ctx context.Context, in Intent) (Reconciliation, error) {
	r := Reconciliation{RunID: in.RunID}
	seen, err := o.reviewed(ctx, in)
	if err != nil {
		return r, err
	}
	r.Finding, r.Sentence = FoundAbsence, fmt.Sprintf("the %s of run %d did not reach GitHub", noun(in.Kind), in.RunID)
	if seen {
		r.Finding, r.Sentence = FoundEffect, effectSentence(in)
	}
	return r, nil
}

// traceRun compares a run with what was wanted of it. Somebody else may have
// done the same, which GitHub does not tell apart.
func (o *Operator) traceRun(ctx context.Context, in Intent) (Reconciliation, error) {
	r := Reconciliation{RunID: in.RunID}
	gh, err := o.engine.github(in.Repository)
	if err != nil {
		return r, err
	}
	run, err := gh.Run(ctx, in.RunID)
	if err != nil {
		return r, err
	}
	r.URL = run.URL
	r.Finding, r.Sentence = FoundAbsence, fmt.Sprintf("the %s of run %d did not reach GitHub", noun(in.Kind), in.RunID)
	switch {
	case in.Kind == PlanRerun && run.Attempt > in.RunAttempt:
		r.Finding, r.Sentence = FoundEffect, fmt.Sprintf("#%d is at attempt %d", run.Number, run.Attempt)
	case in.Kind == PlanCancel && run.Conclusion == ConclusionCancelled:
		r.Finding, r.Sentence = FoundEffect, fmt.Sprintf("#%d is cancelled", run.Number)
	case in.Kind == PlanCancel && run.Done():
		r.Finding, r.Sentence = FoundDoubt, fmt.Sprintf("#%d ended with %s", run.Number, run.Conclusion)
	}
	return r, nil
}

// dispatchWindow is how long after its intent a dispatch can have been sent.
const dispatchWindow = 2 * time.Minute

// traceDispatch finds a run by the request id in its name, else by its ref,
// operator and moment, which leaves a doubt.
func (o *Operator) traceDispatch(ctx context.Context, in Intent, written time.Time) (Reconciliation, error) {
	r := Reconciliation{}
	gh, err := o.engine.github(in.Repository)
	if err != nil {
		return r, err
	}
	list, err := gh.Runs(ctx, RunQuery{
		Workflow: in.Workflow, Event: "workflow_dispatch", CreatedFrom: written.Add(-clockSlack), Limit: 100,
	})
	if err != nil {
		return r, err
	}
	var perhaps []Run
	for _, run := range list.Runs {
		if containsText(run.Title, in.ID) {
			r.Finding, r.RunID, r.URL = FoundEffect, run.ID, run.URL
			r.Sentence = fmt.Sprintf("%s #%d was started", in.Workflow, run.Number)
			return r, nil
		}
		if run.Branch == in.Ref && run.Actor == in.Operator && !strings.Contains(run.Title, "[req ") && run.Created.Before(written.Add(dispatchWindow)) {
			perhaps = append(perhaps, run)
		}
	}
	r.Finding, r.Sentence = FoundAbsence, fmt.Sprintf("no run of %s was started by it", in.Workflow)
	if len(perhaps) > 0 {
		r.Finding, r.RunID, r.URL = FoundDoubt, perhaps[0].ID, perhaps[0].URL
		r.Sentence = fmt.Sprintf("%s #%d may be the run that it started", in.Workflow, perhaps[0].Number)
	}
	return r, nil
}

// traceHold finds a hold by the request id that it carries.
func (o *Operator) traceHold(ctx context.Context, in Intent) (Reconciliation, error) {
	seen, err := o.holdSeen(ctx, in)
	if err != nil {
		return Reconciliation{}, err
	}
	if seen {
		return Reconciliation{Finding: FoundEffect, Sentence: fmt.Sprintf("the %s of %s was carried out", in.Kind, in.Environment)}, nil
	}
	return Reconciliation{Finding: FoundAbsence, Sentence: fmt.Sprintf("the %s of %s did not reach GitHub", in.Kind, in.Environment)}, nil
}

// noun is what a command of a kind is called.
func noun(k PlanKind) string {
	switch k {
	case PlanApprove:
		return "approval"
	case PlanReject:
		return "rejection"
	case PlanRerun:
		return "re-run"
	case PlanCancel, PlanTrigger, PlanRollback, PlanLock, PlanUnlock, PlanStop, PlanContinue, PlanSettings:
	}
	return string(k)
}
