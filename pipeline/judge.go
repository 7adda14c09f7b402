package pipeline

import (
	"context"
	"slices"
	"time"
)

// A Judge runs the check lists once, without an engine that polls: what the
// workflows' steps ask before they change anything. It reads only.
type Judge struct {
	operator *Operator
	own      int64
}

// Judgement is what the check lists say.
type Judgement struct {
	Gates       []Gate
	Target      Candidate                // of a rollback: what it restores
	Artifacts   map[string]ServiceTarget // of the target, by service, with the task definitions that ran them
	Leaves      int64                    // of a rollback: the deployment that it leaves; 0: unknown
	Live        Live
	Deployments []Deployment // of the environment, newest first, without those of the judging run
	Migrations  []Migration  // between what is live and what was asked about
	same        func(a, b string) bool
}

// Same reports whether two commits are the same release.
func (j Judgement) Same(a, b string) bool { return j.same != nil && j.same(a, b) }

// NewJudge makes a Judge over ports. The run that asks, own, stands in nobody's
// way: neither it nor its deployment is judged.
func NewJudge(opt Options, c Configuration, own int64) *Judge {
	e := NewEngine(opt)
	e.observe(func(s *state) { s.config = fact(s.config, "configuration", 0, c, nil) })
	e.derived(time.Now())
	return &Judge{&Operator{engine: e}, own}
}

// stepGates are those of a rollback's gates that are asked once it runs. The
// others are about starting rollback.yml, or about its lock.
var stepGates = []string{"R1", "R2", "R3", "R4", "R6", "R7", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "R16", "R17", "R18"}

// Rollback judges whether a deployment of the environment can be restored;
// to 0 takes the best candidate.
func (j *Judge) Rollback(ctx context.Context, env Environment, to int64) (Judgement, error) {
	ev, err := j.gather(ctx, env)
	if err != nil {
		return Judgement{}, err
	}
	target, err := j.operator.target(ctx, ev, RollbackRequest{Environment: env.Name, To: to})
	if err != nil {
		return Judgement{}, err
	}
	j.operator.gatherTarget(ctx, ev, target)
	in := Intent{Kind: PlanRollback, Environment: env.Name, Deployment: target.Deployment.ID}
	out := j.judgement(ev)
	for _, g := range rollbackGates(ev, target, in) {
		if slices.Contains(stepGates, g.ID) && (g.ID != "R7" || runsElsewhere(ev)) {
			out.Gates = append(out.Gates, g)
		}
	}
	out.Target, out.Leaves, out.Artifacts = target, leaves(ev), map[string]ServiceTarget{}
	for _, a := range artifactsOf(ev.env.Deployments.Value, target.Deployment) {
		t := target.Deployment.Payload.Services[a.service]
		t.TaskDefinition = a.definition
		out.Artifacts[a.service] = t
	}
	return out, nil
}

// Return judges the way back from a commit that is not deployed yet to what is
// live now (A13).
func (j *Judge) Return(ctx context.Context, env Environment, head string) (Judgement, error) {
	ev, err := j.gather(ctx, env)
	if err != nil {
		return Judgement{}, err
	}
	j.operator.gatherChange(ctx, ev, head)
	out := j.judgement(ev)
	out.Gates = []Gate{gateWayBack(ev)}
	return out, nil
}

func (j *Judge) judgement(ev *evidence) Judgement {
	return Judgement{Live: ev.env.Live, Deployments: ev.env.Deployments.Value, Migrations: ev.migrations.Value, same: ev.same}
}

// gather reads the facts, and leaves out what the judging run did itself.
func (j *Judge) gather(ctx context.Context, env Environment) (*evidence, error) {
	o := j.operator
	ev, err := o.gatherRollback(ctx, env)
	if err != nil {
		return nil, err
	}
	o.engine.observe(func(s *state) {
		for name, list := range s.deployments {
			list.Value = slices.DeleteFunc(slices.Clone(list.Value), func(d Deployment) bool { return j.own != 0 && d.Payload.RunID == j.own })
			s.deployments[name] = list
		}
		s.runs.Value.Runs = slices.DeleteFunc(slices.Clone(s.runs.Value.Runs), func(r Run) bool { return r.ID == j.own })
	})
	_ = o.engine.readHistory(ctx, env.Name)   // its facts carry their errors: what ECS took back is no way back
	_ = o.engine.readArtifacts(ctx, env.Name) // likewise
	j.again(ev, env)
	return ev, unreadFacts(ev)
}

func (j *Judge) again(ev *evidence, env Environment) {
	ev.now = time.Now()
	ev.snap, ev.same = j.operator.derived(ev.now)
	ev.env = environmentOr(ev.snap, env)
}

// unreadFacts refuses to judge without the two facts that all gates need.
func unreadFacts(ev *evidence) error {
	for _, o := range []Observation{ev.env.Observation, ev.env.Deployments.Observation} {
		if o.Err != nil {
			return o.Err
		}
	}
	return nil
}

// runsElsewhere reports whether another run changes the environment now. What
// ECS alone still does is stopped by the step itself.
func runsElsewhere(ev *evidence) bool {
	return slices.ContainsFunc(ev.snap.Rollouts, func(r Rollout) bool {
		return r.Environment == ev.env.Environment.Name && r.Kind != RolloutExternal && !r.Phase.Terminal() && r.Phase != PhaseIndeterminate
	})
}
