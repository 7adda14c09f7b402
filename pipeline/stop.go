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
	if len(in.Stops) > 0 {
		p.Sends = "asks ECS to roll back " + servicesOf(in.Stops)
	}
	p.Gates = []Gate{
		permission(s, "T1", time.Now()), o.directGate(s), stopGate(e, in), sourceGate(e, in, stuck), driverGate(s, e, in),
	}
	p.Command = ecsCommands(e, in, stopCommand)
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
	p := Plan{Title: "Continue the rollout", Reason: reasonLength}
	verb, action := "go on with", "CONTINUE"
	if req.RollBack {
		p.Title, verb, action = "Roll back the paused rollout", "roll back", "ROLLBACK"
	}
	var paused []ServiceView
	for _, v := range e.Services {
		if v.Rollout == nil || req.Service != "" && v.Key.Service != req.Service {
			continue
		}
		if hook, waits := v.Rollout.Pause(); waits {
			in.Stops = append(in.Stops, ECSDeployment{Service: v.Key.Service, ARN: v.Rollout.ARN, Hook: hook.ID})
			p.Preview.Services = append(p.Preview.Services, answered(v, req.RollBack))
			paused = append(paused, v)
		}
	}
	p.Title += " · " + firstOf(servicesOf(in.Stops), req.Service, req.Environment)
	if len(in.Stops) > 0 {
		p.Sends = fmt.Sprintf("asks ECS to %s %s", verb, servicesOf(in.Stops))
	}
	p.Gates = append([]Gate{permission(s, "T1", time.Now()), o.directGate(s), pauseGate(e, in, paused)}, answerGates(s, e, in, paused)...)
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
	env, err := s.Config.Named(environment)
	if err != nil {
		return Intent{}, nil, nil, err
	}
	if service != "" && !slices.ContainsFunc(env.Services, func(v Service) bool { return v.Name == service }) {
		return Intent{}, nil, nil, NoSuch("service", service, env.ServiceNames())
	}
	if o.engine.opt.Cloud != nil {
		_ = o.engine.readServices(Uncached(ctx), environment) // its fact carries its error
	}
	if kind == PlanContinue && o.engine.opt.Cloud != nil {
		_ = o.engine.readFitness(Uncached(ctx), environment) // likewise
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
func backOut(v ServiceView) ServiceChange { return answered(v, true) }

// answered is what a service goes through when its deployment goes on, or back.
func answered(v ServiceView, back bool) ServiceChange {
	c := ServiceChange{Service: v.Key.Service, To: revisionName(v.Rollout.Target)}
	if len(v.Rollout.Sources) > 0 {
		c.From = revisionName(v.Rollout.Sources[0])
	}
	if back {
		c.From, c.To = c.To, c.From
	}
	return c
}

// revisionName is what tells a revision from another: its commit, else the
// digest of its image. Empty: neither is known.
func revisionName(r ServiceRevision) string { return firstOf(Short(r.SHA), r.Digest()) }

func servicesOf(list []ECSDeployment) string {
	var names []string
	for _, d := range list {
		names = append(names, d.Service)
	}
	return strings.Join(names, ", ")
}

// stopCommand is the aws command that stops a service's deployment.
func stopCommand(d ECSDeployment) string {
	return "aws ecs stop-service-deployment --stop-type ROLLBACK --service-deployment-arn " + d.ARN
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

// stop carries out a stop or the answer to a pause, marks the rollout in
// GitHub's record, and looks for the effect.
func (o *Operator) stop(ctx context.Context, in Intent, reason, head string, r *Receipt) {
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
	r.Overrides = append(r.Overrides, byHand(in))
	o.mark(ctx, in, reason, head, r)
	tell(ctx, StageObserving, "")
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
