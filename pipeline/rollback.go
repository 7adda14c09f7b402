package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PlanRollback plans to restore an earlier deployment of an environment.
func (o *Operator) PlanRollback(ctx context.Context, req RollbackRequest) (Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	s, err := o.ready(ctx)
	if err != nil {
		return Plan{}, err
	}
	env, err := s.Config.Named(req.Environment)
	if err != nil {
		return Plan{}, err
	}
	ev, err := o.gatherRollback(ctx, env)
	if err != nil {
		return Plan{}, err
	}
	ev.seen = liveECS(s.Environment(env.Name))
	target, err := o.target(ctx, ev, req)
	if err != nil {
		return Plan{}, err
	}
	o.gatherTarget(ctx, ev, target)
	target = again(ev.env.Return, target)
	in := o.newIntent(PlanRollback, s)
	in.Environment, in.Workflow, in.Ref = env.Name, s.Config.Workflows.Rollback, s.Repository.DefaultBranch
	in.Deployment, in.SHA = target.Deployment.ID, target.Release.SHA
	in.LiveSHA, in.LiveECS, in.Leaves = ev.env.Live.Release.SHA, liveECS(ev.env), leaves(ev)
	in.Halt, in.Direct = req.Halt, req.Direct
	if req.Halt {
		o.gatherHalt(ctx, ev)
		for _, run := range ev.halt.cancels {
			in.Cancels = append(in.Cancels, run.ID)
		}
		in.Stops = ev.halt.stops
	}
	if lock := ev.env.lock; lock != nil {
		in.HoldToken = lock.Token
	}
	if h := ev.env.Hold; h != nil {
		in.HoldBy = h.Owner + ": " + h.Reason
	}
	in.Faulty = leftBehind(ev, target)
	in.Inputs = optionalInputs(ev.rollback.Value, in)
	p := Plan{
		Intent: in, Title: "Roll back " + env.Name,
		Gates: rollbackGates(ev, target, in), Candidates: choices(ev, target),
		Typed: confirmWord, Reason: reasonLength, Preview: ev.rollbackPreview(target),
		Sends: rollbackSends(ev, in), Awaited: errors.Is(ev.errors.Err, context.DeadlineExceeded),
	}
	if req.Direct {
		p.Gates = append(withoutWorkflow(p.Gates), o.directGate(s), o.handsGate())
	}
	p.Intent.GatesFP = Fingerprint(p.Gates)
	p.Command = rollbackCommand(ev.env, in, firstOf(req.Reason, "REASON"))
	return p, nil
}

// rollbackCommand is the same without the sheet: what ends that which is in
// flight, and then what goes back.
func rollbackCommand(e *EnvironmentState, in Intent, reason string) string {
	if in.Direct {
		halt := ""
		if len(in.Cancels)+len(in.Stops) > 0 {
			halt = " --halt"
		}
		return fmt.Sprintf("gh deployctl rollback -e %s --to %d --direct%s --confirm %s --reason REASON", in.Environment, in.Deployment, halt, confirmWord)
	}
	var commands []string
	for _, run := range in.Cancels {
		commands = append(commands, fmt.Sprintf("gh run cancel %d -R %s", run, in.Repository))
	}
	if stops := ecsCommands(e, in, stopCommand); stops != "" {
		commands = append(commands, stops)
	}
	in.Inputs = rollbackInputs(in, Confirmation{Reason: reason}, "")
	return strings.Join(append(commands, dispatchCommand(in)), " && ")
}

// leaves is the deployment that a rollback would leave: the newest whose
// release is live, else the newest that succeeded.
func leaves(ev *evidence) int64 {
	for _, dep := range ev.env.Deployments.Value {
		if dep.Payload.Kind != "rollback" && ev.same(dep.SHA, ev.env.Live.Release.SHA) {
			return dep.ID
		}
	}
	return 0
}

// optionalInputs are the inputs that rollback.yml may declare beside the three
// that it must; GitHub answers 422 to those that it does not.
func optionalInputs(f WorkflowFile, in Intent) map[string]string {
	out := map[string]string{}
	for name, value := range map[string]string{
		"expected_current_sha": expected(in), "request_id": in.ID, "environment": in.Environment,
	} {
		if _, declared := f.Input(name); declared && value != "" {
			out[name] = value
		}
	}
	return out
}

// rollbackInputs completes the inputs with what the operator typed. The reason
// carries the request and the journal's head, so that GitHub's record anchors it.
func rollbackInputs(in Intent, c Confirmation, head string) map[string]string {
	out := cloneInputs(in.Inputs)
	if out == nil {
		out = map[string]string{}
	}
	out["deployment_id"] = strconv.FormatInt(in.Deployment, 10)
	out["confirm"] = confirmWord
	out["reason"] = anchored(c.Reason, in.ID, head)
	return out
}

// gatherRollback reads what the rollback's check list judges.
func (o *Operator) gatherRollback(ctx context.Context, env Environment) (*evidence, error) {
	gh := o.engine.opt.GitHub
	ev := &evidence{}
	soon, cancel := context.WithTimeout(ctx, gatherTimeout)
	defer cancel()
	r := &reading{o: o, ctx: Uncached(soon)}
	r.refreshEnvironment(env.Name)
	r.do(func(ctx context.Context) { _ = o.engine.readRuns(ctx) })        // its facts carry their errors
	r.do(func(ctx context.Context) { _ = o.engine.readHolds(ctx) })       // likewise
	r.do(func(ctx context.Context) { _ = o.engine.readDeployments(ctx) }) // likewise
	look(r, &ev.rollback, "github workflows", func(ctx context.Context) (WorkflowFile, error) {
		return gh.WorkflowFile(ctx, o.engine.Snapshot().Config.Workflows.Rollback, "")
	})
	o.gatherErrors(ctx, r, ev, env.Name)
	if env.Database.Instance != "" && o.engine.opt.Cloud != nil && len(env.Clusters) > 0 {
		look(r, &ev.snapshots, "aws snapshots", func(ctx context.Context) ([]DatabaseSnapshot, error) {
			return o.engine.opt.Cloud.Snapshots(ctx, env.Clusters[0], env.Database.Instance)
		})
	}
	r.wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, &Error{Kind: KindUnavailable, Op: "read the facts", Message: "no answer in time", Err: err}
	}
	_ = o.engine.readCommits(soon)
	ev.now = time.Now()
	ev.snap, ev.same = o.derived(ev.now)
	ev.env = environmentOr(ev.snap, env)
	return ev, nil
}

// gatherTimeout is how long the facts of a rollback are waited for, before those
// of its target: one source that does not answer leaves its own fact unknown, and
// does not take the plan with it.
const gatherTimeout = 12 * time.Second

// gatherTarget reads what depends on the candidate: its artefacts, and what
// lies between it and what is live.
func (o *Operator) gatherTarget(ctx context.Context, ev *evidence, target Candidate) {
	r := &reading{o: o, ctx: Uncached(ctx)}
	if live := ev.env.Live.Release.SHA; live != "" && target.Release.SHA != "" {
		r.do(func(ctx context.Context) {
			c, err := o.engine.opt.GitHub.Compare(ctx, target.Release.SHA, live)
			ev.compare = fact(Fact[Comparison]{}, "github compare", EvidenceLife, c, err)
			ev.migrations = o.readMigrations(ctx, ev.compare, live)
		})
	}
	if o.engine.opt.Cloud != nil {
		services := make([]ServiceState, len(ev.env.Services))
		for i, v := range ev.env.Services {
			services[i] = v.ServiceState
		}
		wanted := artifactsOf(ev.env.Deployments.Value, target.Deployment)
		o.gatherExpiries(r, ev, wanted)
		for _, v := range ev.env.Services { // what runs, to compare with
			wanted = append(wanted, artifact{service: v.Key.Service, definition: v.TaskDefinition})
		}
		r.do(func(ctx context.Context) {
			_ = o.engine.lookUp(ctx, services, wanted) // its facts carry their errors
			o.gatherSecrets(ctx, ev, target)
		})
	}
	r.wg.Wait()
	env := ev.env.Environment
	ev.now = time.Now()
	ev.snap, ev.same = o.derived(ev.now)
	ev.env = environmentOr(ev.snap, env)
}

// gatherExpiries asks when the registry's rules remove the target's images.
func (o *Operator) gatherExpiries(r *reading, ev *evidence, wanted []artifact) {
	refs := map[Cluster][]Image{}
	for _, a := range wanted {
		for _, v := range ev.env.Services {
			if repo := repositoryOf(v.ServiceState); v.Key.Service == a.service && repo != "" && a.digest != "" {
				refs[v.Cluster] = append(refs[v.Cluster], Image{Repository: repo, Digest: a.digest})
			}
		}
	}
	look(r, &ev.expiries, "aws lifecycle policies", func(ctx context.Context) (map[string]Expiry, error) {
		out := map[string]Expiry{}
		for cluster, images := range refs {
			found, err := o.engine.opt.Cloud.Expiries(ctx, cluster, images)
			if err != nil {
				return nil, err
			}
			maps.Copy(out, found)
		}
		return out, nil
	})
}

func (ev *evidence) rollbackPreview(target Candidate) Preview {
	p := Preview{From: ev.env.Live.Release, To: target.Release, LiveSince: ev.env.Live.Since}
	if !unreadable(ev.compare.Observation) {
		p.Commits, p.Truncated = ev.compare.Value.Commits, ev.compare.Value.Truncated
		p.Authors = authors(p.Commits)
	}
	for _, m := range ev.migrations.Value {
		p.Migrations = append(p.Migrations, m.Path)
	}
	for _, name := range sortedKeys(target.Deployment.Payload.Services) {
		change := ServiceChange{Service: name, To: Short(target.Release.SHA)}
		if i := slices.IndexFunc(ev.env.Services, func(v ServiceView) bool { return v.Key.Service == name }); i >= 0 {
			change.From = Short(ev.env.Services[i].SHA)
		}
		p.Services = append(p.Services, change)
	}
	p.Expected, p.Worst = usual(ev.env.Deployments.Value, "rollback")
	return p
}

// recheck gathers the facts again and compares them with what was shown. For
// an approval any difference refuses; a rollback refuses only on changed
// identity, lane or feasibility, so that an emergency is not stopped by a 502.
func (o *Operator) recheck(ctx context.Context, p Plan) ([]Difference, error) {
	ctx, cancel := context.WithTimeout(ctx, recheckTimeout)
	defer cancel()
	in := p.Intent
	switch in.Kind {
	case PlanApprove, PlanReject:
		now, err := o.PlanReview(ctx, ReviewRequest{RunID: in.RunID, Environment: in.Environment, Reject: in.Kind == PlanReject})
		if err != nil {
			return gone(err)
		}
		return append(identity(in, now.Intent), differences(withoutComment(p.Gates), withoutComment(now.Gates), nil)...), nil
	case PlanRollback:
		now, err := o.PlanRollback(ctx, RollbackRequest{Environment: in.Environment, To: in.Deployment, Halt: in.Halt, Direct: in.Direct})
		if err != nil {
			return gone(err)
		}
		return append(identity(in, now.Intent), differences(p.Gates, now.Gates, rollbackIdentity)...), nil
	case PlanRerun, PlanCancel:
		now, err := o.planRun(ctx, in.Kind, runRequest(in))
		if err != nil {
			return gone(err)
		}
		return append(identity(in, now.Intent), differences(p.Gates, now.Gates, nil)...), nil
	case PlanTrigger:
		now, err := o.PlanTrigger(ctx, TriggerRequest{Repository: in.Repository, Workflow: in.Workflow, Ref: in.Ref, Inputs: in.Inputs})
		if err != nil {
			return gone(err)
		}
		return identity(in, now.Intent), nil
	case PlanLock, PlanUnlock:
		now, err := o.PlanHold(ctx, HoldRequest{Environment: in.Environment, Release: in.Kind == PlanUnlock, For: in.HoldFor, After: in.After})
		if err != nil {
			return gone(err)
		}
		return append(identity(in, now.Intent), differences(p.Gates, now.Gates, nil)...), nil
	case PlanStop, PlanContinue:
		now, err := o.Renew(ctx, p)
		if err != nil {
			return gone(err)
		}
		return append(deploying(in.Stops, now.Intent.Stops), differences(p.Gates, now.Gates, nil)...), nil
	case PlanSettings: // never the plan of an operator
	}
	return nil, nil
}

// withoutComment leaves out what is typed: it says nothing of the world.
func withoutComment(gates []Gate) []Gate {
	return slices.DeleteFunc(slices.Clone(gates), func(g Gate) bool { return g.ID == "A18" })
}

// gone turns the refusal to plan again into a difference: what was shown is
// no longer there. Other errors mean that the facts could not be read.
func gone(err error) ([]Difference, error) {
	if k := KindOf(err); k == KindRefused || k == KindUsage || k == KindNotFound || k == KindConflict {
		return []Difference{{Code: "gone", Fact: "what was shown", Seen: "was there", Is: err.Error(), Source: "GitHub"}}, nil
	}
	return nil, err
}

// identity compares the facts that an intent binds to.
func identity(seen, is Intent) []Difference {
	var out []Difference
	add := func(code, fact, a, b, source string) {
		if a != b {
			out = append(out, Difference{Code: code, Fact: fact, Seen: a, Is: b, Source: source})
		}
	}
	add("run_attempt_changed", "run attempt", strconv.Itoa(seen.RunAttempt), strconv.Itoa(is.RunAttempt), "GitHub")
	add("sha_changed", "commit", Short(seen.SHA), Short(is.SHA), "GitHub")
	if seen.HoldToken != is.HoldToken {
		out = append(out, Difference{Code: "hold_changed", Fact: "the hold", Seen: firstOf(seen.HoldBy, "nobody's"), Is: firstOf(is.HoldBy, "nobody's"), Source: "GitHub"})
	}
	add("environment_changed", "environment", strconv.FormatInt(seen.GateID, 10), strconv.FormatInt(is.GateID, 10), "GitHub")
	if seen.Kind == PlanLock || seen.Kind == PlanUnlock || seen.Kind == PlanRerun || seen.Kind == PlanCancel || seen.Kind == PlanTrigger || seen.Kind == PlanReject {
		return out
	}
	if seen.Halt {
		out = append(out, inFlightChanged(seen, is)...)
		if len(seen.Cancels)+len(seen.Stops) > 0 {
			return out // what is live changes by nature until it has ended
		}
	}
	add("live_changed", "live release", Short(seen.LiveSHA), Short(is.LiveSHA), "ECS")
	for _, svc := range sortedKeys(seen.LiveECS) {
		if now, ok := is.LiveECS[svc]; ok {
			add("live_changed", svc, seen.LiveECS[svc], now, "ECS")
		}
	}
	return out
}

// rollbackIdentity are the gates whose change refuses a rollback: identity,
// lane and feasibility.
var rollbackIdentity = []string{"R1", "R2", "R3", "R7", "R8", "R9", "R10", "R15", "R19", "R20", "R23"}

// differences compares gates by id. Only those in ids count; nil: all. A gate
// that became unknown does not stop a rollback.
func differences(seen, is []Gate, ids []string) []Difference {
	var out []Difference
	for _, now := range is {
		if ids != nil && !slices.Contains(ids, now.ID) {
			continue
		}
		i := slices.IndexFunc(seen, func(g Gate) bool { return g.ID == now.ID })
		if i < 0 || (seen[i].Verdict == now.Verdict && seen[i].Effect == now.Effect && seen[i].Code == now.Code) {
			continue
		}
		if ids != nil && (now.Verdict == Unknown || !now.Blocks()) {
			continue
		}
		out = append(out, Difference{Code: now.Code, Fact: now.Title, Seen: seen[i].Sentence, Is: now.Sentence, Source: now.Source})
	}
	return out
}
