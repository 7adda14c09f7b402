package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rollBack carries out a confirmed rollback: it takes the lock, ends what is in
// flight where that was asked, and sends the rollback once. A lock whose
// rollback was not sent is given back.
func (o *Operator) rollBack(ctx context.Context, in Intent, c Confirmation, head string, r *Receipt) {
	before := o.lockOf(in.Environment)
	if !o.claim(ctx, in, c.Reason, head, r) {
		return
	}
	switch {
	case in.Halt && !(o.halt(ctx, in, r) && o.keeps(ctx, in, r)):
	case in.Direct:
		o.rollBackDirectly(ctx, in, c, head, r)
	default:
		o.dispatch(ctx, in, rollbackInputs(in, c, head), r)
	}
	switch {
	case r.Outcome == OutcomeRejected || r.Outcome == OutcomeRefused || r.Code == "cancel_unseen":
		o.release(ctx, in, before, r)
	case r.RunID != 0:
		o.mu.Lock()
		o.rollbacks = append(o.rollbacks, sentRollback{in, r.RunID})
		o.mu.Unlock()
	}
}

// rollBackDirectly restores the deployment from this machine, and holds the
// environment when that has succeeded.
func (o *Operator) rollBackDirectly(ctx context.Context, in Intent, c Confirmation, head string, r *Receipt) {
	err := o.direct(ctx, DirectRequest{
		Environment: in.Environment, Deployment: in.Deployment, Reason: anchored(c.Reason, in.ID, head),
		RequestID: in.ID, Current: expected(in), Operator: in.Operator,
	})
	switch {
	case err == nil:
		r.Outcome, r.Sentence = OutcomeDone, fmt.Sprintf("%s runs deployment %d again, restored from here", in.Environment, in.Deployment)
		if held, sent := o.holdAfter(ctx, in); sent && held.Outcome != OutcomeDone {
			r.Warning = firstOf(r.Warning, held.Sentence)
		}
	case doubtful(err):
		r.Outcome, r.Code, r.Sentence = OutcomeUnknown, "direct_unknown", "the rollback from here did not end, so look at the services: "+err.Error()
	default:
		r.Outcome, r.Code, r.Sentence = OutcomeRejected, string(KindOf(err)), "the rollback from here failed: "+err.Error()
	}
}

// handsGate (C5): this program has the rollback step at hand.
func (o *Operator) handsGate() Gate {
	g := Gate{ID: "C5", Code: "no_direct_rollback", Title: "the rollback step", Verdict: Pass, Sentence: "runs from this machine, with its AWS identity", Observation: Observation{Source: "this program", At: time.Now()}}
	if o.direct == nil {
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = "this session cannot run the rollback step itself"
		g.Remedy = "roll back through the workflow"
	}
	return g
}

// withoutWorkflow leaves out what only concerns rollback.yml: it is not used.
func withoutWorkflow(gates []Gate) []Gate {
	out := slices.Clone(gates)
	for i, g := range out {
		if g.ID == "R8" || g.ID == "R19" || g.ID == "R23" {
			out[i] = Gate{ID: g.ID, Code: g.Code, Title: g.Title, Verdict: NotApplicable, Sentence: "GitHub Actions takes no part in it", Observation: g.Observation}
		}
	}
	return out
}

// rollbackSends says in one line what a confirmation sends.
func rollbackSends(ev *evidence, in Intent) string {
	var parts []string
	if ev.halt != nil {
		for _, run := range ev.halt.cancels {
			parts = append(parts, fmt.Sprintf("cancels %s #%d", run.Workflow, run.Number))
		}
		if len(in.Stops) > 0 {
			parts = append(parts, "stops the ECS deployment of "+servicesOf(in.Stops))
		}
	}
	last := fmt.Sprintf("dispatches %s with deployment_id %d", in.Workflow, in.Deployment)
	if in.Direct {
		last = fmt.Sprintf("restores deployment %d from this machine", in.Deployment)
	}
	return strings.Join(append(parts, "locks "+in.Environment, last), ", ")
}

// leftBehind are the commits that a rollback marks as faulty: what is live,
// unless that is what it goes back to, and what the runs that it ends bring.
func leftBehind(ev *evidence, target Candidate) []string {
	var out []string
	add := func(sha string) {
		if sha != "" && !ev.same(sha, target.Release.SHA) && !slices.Contains(out, sha) {
			out = append(out, sha)
		}
	}
	add(ev.env.Live.Release.SHA)
	if ev.halt != nil {
		if len(ev.halt.cancels) > 0 {
			out = nil // what was live before the run is not to blame
		}
		for _, run := range ev.halt.cancels {
			add(run.SHA)
		}
	}
	for _, v := range ev.env.Services {
		if len(out) == 0 {
			add(v.SHA)
		}
	}
	return out
}

// expected is the commit that the rollback must find live; empty where that
// changes by nature.
func expected(in Intent) string {
	if in.Halt && len(in.Cancels)+len(in.Stops) > 0 {
		return ""
	}
	return in.LiveSHA
}

// ends reports whether the plan ends a run before it begins. Another rollback
// never is ended.
func (ev *evidence) ends(r Run) bool {
	return ev.halt != nil && slices.ContainsFunc(ev.halt.cancels, func(c Run) bool { return c.ID == r.ID })
}

// inFlightChanged compares what a rollback would end: more than was shown
// refuses, less does not.
func inFlightChanged(seen, is Intent) []Difference {
	var out []Difference
	for _, id := range is.Cancels {
		if !slices.Contains(seen.Cancels, id) {
			out = append(out, Difference{Code: "in_flight_changed", Fact: "runs in flight", Seen: "not there", Is: "run " + strconv.FormatInt(id, 10), Source: "GitHub"})
		}
	}
	return out
}

// deploying compares the ECS deployments that a plan is bound to.
func deploying(seen, is []ECSDeployment) []Difference {
	if slices.Equal(seen, is) {
		return nil
	}
	return []Difference{{Code: "deployment_changed", Fact: "ECS deployments", Seen: firstOf(arns(seen), "none"), Is: firstOf(arns(is), "none"), Source: "ECS"}}
}

func arns(list []ECSDeployment) string {
	var out []string
	for _, d := range list {
		out = append(out, strings.TrimSpace(d.Service+" "+d.ARN[strings.LastIndexByte(d.ARN, '/')+1:]+" "+d.Hook))
	}
	return strings.Join(out, ", ")
}
