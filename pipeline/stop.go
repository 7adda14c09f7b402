package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ECSDeployment names a service deployment that a plan acts on, and nothing
// that replaced it meanwhile.
type ECSDeployment struct {
	Service string `json:"service"`
	ARN     string `json:"arn"`
	Hook    string `json:"hook,omitempty"` // the hook at which it pauses
}

// StopRequest asks ECS to end what it is doing to services and to go back to
// the last revision that completed.
type StopRequest struct {
	Environment string
	Service     string // empty: every service that moves
}

// ContinueRequest answers a lifecycle hook at which a deployment pauses.
type ContinueRequest struct {
	Environment string
	Service     string // empty: the only one that pauses
	RollBack    bool   // go back instead of on
}

// hookAwaits is the status of a hook that waits for somebody.
const hookAwaits = "AWAITING_ACTION"

// Pause returns the hook at which the deployment waits for a person.
func (d ServiceDeployment) Pause() (Hook, bool) {
	i := slices.IndexFunc(d.Hooks, func(h Hook) bool { return h.Status == hookAwaits && h.Type != "AWS_LAMBDA" })
	if i < 0 || !d.InFlight() {
		return Hook{}, false
	}
	return d.Hooks[i], true
}

// Stoppable reports whether ECS can be asked to take the deployment back: it
// goes on, and is not going back already.
func (d ServiceDeployment) Stoppable() bool {
	return d.Status == "PENDING" || d.Status == "IN_PROGRESS"
}

// PlanStop plans to end the ECS deployments in flight of an environment.
func (o *Operator) PlanStop(ctx context.Context, req StopRequest) (Plan, error) {
	in, e, s, err := o.lookAtECS(ctx, PlanStop, req.Environment, req.Service)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Title: "Stop the rollout · " + firstOf(req.Service, req.Environment), Reason: reasonLength, Preview: Preview{From: e.Live.Release}}
	var stuck []string
	for _, v := range e.Services {
		if v.Rollout == nil || !v.Rollout.Stoppable() || req.Service != "" && v.Key.Service != req.Service {
			continue
		}
		in.Stops = append(in.Stops, ECSDeployment{Service: v.Key.Service, ARN: v.Rollout.ARN})
		if len(v.Rollout.Sources) == 0 {
			stuck = append(stuck, v.Key.Service)
		}
		p.Preview.Services = append(p.Preview.Services, backOut(v))
	}
	p.Sends = "asks ECS to roll back " + firstOf(servicesOf(in.Stops), "nothing")
	p.Gates = []Gate{
		permission(s, "T1", time.Now()), o.directGate(s), stopGate(e, in), sourceGate(e, stuck), driverGate(s, e),
	}
	p.Command = ecsCommands(e, in, func(d ECSDeployment) string {
		return "aws ecs stop-service-deployment --stop-type ROLLBACK --service-deployment-arn " + d.ARN
	})
	in.GatesFP = Fingerprint(p.Gates)
	p.Intent = in
	return p, nil
}

// PlanContinue plans to let a paused ECS deployment go on, or back.
func (o *Operator) PlanContinue(ctx context.Context, req ContinueRequest) (Plan, error) {
	in, e, s, err := o.lookAtECS(ctx, PlanContinue, req.Environment, req.Service)
	if err != nil {
		return Plan{}, err
	}
	in.RollBack = req.RollBack
	p := Plan{Title: "Continue the rollout", Reason: reasonLength, Preview: Preview{From: e.Live.Release}}
	verb, action := "go on with", "CONTINUE"
	if req.RollBack {
		p.Title, verb, action = "Roll back the paused rollout", "roll back", "ROLLBACK"
	}
	for _, v := range e.Services {
		if v.Rollout == nil || req.Service != "" && v.Key.Service != req.Service {
			continue
		}
		if hook, paused := v.Rollout.Pause(); paused {
			in.Stops = append(in.Stops, ECSDeployment{Service: v.Key.Service, ARN: v.Rollout.ARN, Hook: hook.ID})
			change := backOut(v)
			if !req.RollBack {
				change = ServiceChange{Service: v.Key.Service, To: Short(firstOf(v.Rollout.Target.SHA, v.SHA))}
			}
			p.Preview.Services = append(p.Preview.Services, change)
		}
	}
	p.Title += " · " + firstOf(servicesOf(in.Stops), req.Service, req.Environment)
	p.Sends = fmt.Sprintf("asks ECS to %s %s", verb, firstOf(servicesOf(in.Stops), "nothing"))
	p.Gates = []Gate{permission(s, "T1", time.Now()), o.directGate(s), pauseGate(e, in), driverGate(s, e)}
	p.Command = ecsCommands(e, in, func(d ECSDeployment) string {
		return fmt.Sprintf("aws ecs continue-service-deployment --action %s --hook-id %s --service-deployment-arn %s", action, d.Hook, d.ARN)
	})
	in.GatesFP = Fingerprint(p.Gates)
	p.Intent = in
	return p, nil
}

// lookAtECS reads again what ECS does in an environment, and begins an intent.
func (o *Operator) lookAtECS(ctx context.Context, kind PlanKind, environment, service string) (Intent, *EnvironmentState, *Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	s, err := o.ready(ctx)
	if err != nil {
		return Intent{}, nil, nil, err
	}
	env, ok := s.Config.Environment(environment)
	if !ok {
		return Intent{}, nil, nil, Errorf(KindUsage, "there is no environment %q in the configuration", environment)
	}
	if service != "" && !slices.ContainsFunc(env.Services, func(v Service) bool { return v.Name == service }) {
		return Intent{}, nil, nil, Errorf(KindUsage, "there is no service %q in %s", service, environment)
	}
	if o.engine.opt.Cloud != nil {
		_ = o.engine.readServices(Uncached(ctx), environment) // its fact carries its error
	}
	_ = o.engine.readRuns(Uncached(ctx)) // likewise
	now, _ := o.derived(time.Now())
	in := o.newIntent(kind, s)
	in.Environment, in.Service = environment, service
	e := environmentOr(now, env)
	in.LiveSHA = e.Live.Release.SHA
	return in, e, now, nil
}

// backOut is what a service goes through when ECS takes its deployment back.
func backOut(v ServiceView) ServiceChange {
	c := ServiceChange{Service: v.Key.Service, From: Short(firstOf(v.Rollout.Target.SHA, v.SHA))}
	if len(v.Rollout.Sources) > 0 {
		c.To = Short(v.Rollout.Sources[0].SHA)
	}
	return c
}

func servicesOf(list []ECSDeployment) string {
	var names []string
	for _, d := range list {
		names = append(names, d.Service)
	}
	return strings.Join(names, ", ")
}

// ecsCommands are the aws commands that do the same, one for each deployment.
func ecsCommands(e *EnvironmentState, in Intent, command func(ECSDeployment) string) string {
	var out []string
	for _, d := range in.Stops {
		line := command(d)
		if c, ok := e.clusterOf(d.Service); ok && c.Region != "" {
			line += " --region " + c.Region
		}
		out = append(out, line)
	}
	return strings.Join(out, " && ")
}

func (e *EnvironmentState) clusterOf(service string) (Cluster, bool) {
	for _, v := range e.Services {
		if v.Key.Service == service {
			return v.Cluster, true
		}
	}
	return Cluster{}, false
}

// directGate (C1): the team lets this program change ECS itself.
func (o *Operator) directGate(s *Snapshot) Gate {
	g := Gate{ID: "C1", Code: "direct_writes_off", Title: "direct AWS writes", Verdict: Pass, Sentence: "the team allows them", Observation: Observation{Source: "configuration", At: time.Now()}}
	switch {
	case !s.Config.Policy.DirectAWSWrites:
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = "the configuration does not let this program change ECS"
		g.Remedy = "set policy.direct_aws_writes: true, or use the command below with credentials that may"
	case o.cloud == nil:
		g.Verdict, g.Effect, g.Code = Fail, Block, "no_cloud"
		g.Sentence = "this session has no AWS identity that could change ECS"
	}
	return g
}

// stopGate (C2): there is something in flight, and it is what is shown.
func stopGate(e *EnvironmentState, in Intent) Gate {
	g := Gate{ID: "C2", Code: "nothing_in_flight", Title: "ECS deployments", Verdict: Pass, Observation: e.Observation}
	if unreadable(e.Observation) {
		return unreadGate(g, e.Observation, Block)
	}
	g.Sentence = "in flight: " + servicesOf(in.Stops)
	for _, d := range in.Stops {
		g.Evidence = append(g.Evidence, d.Service+" "+d.ARN)
	}
	if len(in.Stops) == 0 {
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = "ECS is not changing " + firstOf(in.Service, "any service of "+in.Environment) + " now"
		g.Remedy = "roll back what has ended with the rollback sheet"
	}
	return g
}

// pauseGate (C2): exactly what is shown waits for a person.
func pauseGate(e *EnvironmentState, in Intent) Gate {
	g := Gate{ID: "C2", Code: "nothing_paused", Title: "the pause", Verdict: Pass, Observation: e.Observation}
	if unreadable(e.Observation) {
		return unreadGate(g, e.Observation, Block)
	}
	switch len(in.Stops) {
	case 0:
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = "no deployment of " + firstOf(in.Service, in.Environment) + " waits for a person"
	case 1:
		g.Sentence = in.Stops[0].Service + " waits at its hook " + in.Stops[0].Hook
	default:
		g.Verdict, g.Effect, g.Code = Fail, Block, "several_paused"
		g.Sentence = "several pause: " + servicesOf(in.Stops)
		g.Remedy = "choose one service"
	}
	return g
}

// sourceGate (C3): ECS has a revision to go back to.
func sourceGate(e *EnvironmentState, stuck []string) Gate {
	g := Gate{ID: "C3", Code: "no_source", Title: "the way back", Verdict: Pass, Sentence: "ECS goes back to the last revision that completed", Observation: e.Observation}
	if len(stuck) > 0 {
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = "ECS has nothing to go back to for " + strings.Join(stuck, ", ")
	}
	return g
}

// driverGate (C4): a run that waits for the deployment will see it fail.
func driverGate(s *Snapshot, e *EnvironmentState) Gate {
	g := Gate{ID: "C4", Code: "run_in_flight", Title: "the run behind it", Verdict: Pass, Sentence: "no run waits for it", Observation: s.Runs.Observation}
	if unreadable(s.Runs.Observation) {
		return unreadGate(g, s.Runs.Observation, Warn)
	}
	if h := e.Lane.Holder; h != nil && !h.Waiting && !queued(h.Run) {
		g.Verdict, g.Effect = Fail, Warn
		g.Sentence = fmt.Sprintf("%s #%d waits for it and goes by what ECS does", h.Run.Workflow, h.Run.Number)
		g.Remedy = "cancel it as well, or roll back with both in one plan"
	}
	return g
}

// stop carries out a stop or the answer to a pause, and looks for its effect.
func (o *Operator) stop(ctx context.Context, in Intent, r *Receipt) {
	for i, d := range in.Stops {
		err := o.sendStop(ctx, in, d)
		if err != nil && !doubtful(err) {
			r.Outcome, r.Code, r.Sentence = OutcomeRejected, string(KindOf(err)), d.Service+": "+err.Error()
			if i > 0 {
				r.Sentence = "after " + servicesOf(in.Stops[:i]) + ", " + r.Sentence
			}
			return
		}
		if err != nil {
			r.Warning = d.Service + ": " + err.Error()
		}
	}
	seen := o.await(ctx, func(ctx context.Context) (bool, error) { return o.stopSeen(ctx, in) })
	switch {
	case seen:
		r.Outcome, r.Sentence = OutcomeDone, stopSentence(in)
	case r.Warning != "":
		r.Outcome, r.Code, r.Sentence = OutcomeUnknown, "sent_unknown", "it cannot be told whether it was sent: "+r.Warning
	default:
		r.Outcome, r.Code, r.Sentence = OutcomeUnseen, "effect_unseen", "sent, not yet seen; look at the services before you try again"
	}
}

func (o *Operator) sendStop(ctx context.Context, in Intent, d ECSDeployment) error {
	e := o.engine.Snapshot().Environment(in.Environment)
	if e == nil || o.cloud == nil {
		return Errorf(KindInternal, "nobody serves %s", in.Environment)
	}
	cluster, ok := e.clusterOf(d.Service)
	if !ok {
		return Errorf(KindInternal, "nobody knows the cluster of %s", d.Service)
	}
	if in.Kind == PlanContinue {
		return o.cloud.ContinueDeployment(ctx, cluster, d.ARN, d.Hook, in.RollBack)
	}
	return o.cloud.StopDeployment(ctx, cluster, d.ARN)
}

// stopSeen reports whether ECS does to every deployment what was asked.
func (o *Operator) stopSeen(ctx context.Context, in Intent) (bool, error) {
	if err := o.engine.readServices(ctx, in.Environment); err != nil {
		return false, err
	}
	s, _ := o.derived(time.Now())
	e := s.Environment(in.Environment)
	for _, d := range in.Stops {
		i := slices.IndexFunc(e.Services, func(v ServiceView) bool { return v.Key.Service == d.Service })
		if i < 0 || e.Services[i].Rollout == nil || e.Services[i].Rollout.ARN != d.ARN {
			continue // another deployment took its place: it has ended
		}
		now := e.Services[i].Rollout
		hook, paused := now.Pause()
		if in.Kind == PlanContinue && paused && hook.ID == d.Hook || in.Kind != PlanContinue && now.Stoppable() {
			return false, nil
		}
	}
	return true, nil
}

func stopSentence(in Intent) string {
	switch {
	case in.Kind == PlanContinue && !in.RollBack:
		return "ECS goes on with " + servicesOf(in.Stops)
	default:
		return "ECS takes back " + servicesOf(in.Stops)
	}
}

// traceStop looks whether ECS does what an abandoned intent asked. A breaker
// may have done the same, which ECS tells apart only by its reason.
func (o *Operator) traceStop(ctx context.Context, in Intent) (Reconciliation, error) {
	seen, err := o.stopSeen(ctx, in)
	if err != nil {
		return Reconciliation{}, err
	}
	if seen {
		return Reconciliation{Finding: FoundDoubt, Sentence: servicesOf(in.Stops) + " moved on; ECS does not say at whose word"}, nil
	}
	return Reconciliation{Finding: FoundAbsence, Sentence: fmt.Sprintf("the %s of %s did not reach ECS", noun(in.Kind), servicesOf(in.Stops))}, nil
}
