package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// halting is what a rollback ends before it begins: the runs that still change
// the environment, and what ECS does for them.
type halting struct {
	direct    bool                  // this program may stop ECS deployments itself
	migrating map[int64]Fact[[]Job] // jobs of the runs in flight
	cancels   []Run                 // deploying runs that are ended first
	stops     []ECSDeployment       // deployments that are taken back first
}

// gatherHalt reads the jobs of what is in flight, past every cache: a run that
// migrates the database is not cancelled.
func (o *Operator) gatherHalt(ctx context.Context, ev *evidence) {
	h := &halting{direct: ev.snap.Config.Policy.DirectAWSWrites && o.cloud != nil, migrating: map[int64]Fact[[]Job]{}}
	ev.halt = h
	for _, r := range ev.snap.Rollouts {
		run, known := ev.snap.Run(r.Run.ID)
		if r.Environment != ev.env.Environment.Name || !underWay(r) || r.Kind == RolloutRollback || !known || run.Done() {
			continue
		}
		jobs, err := o.engine.opt.GitHub.Jobs(Uncached(ctx), run.ID, run.Attempt)
		h.migrating[run.ID] = fact(Fact[[]Job]{}, "github jobs", EvidenceLife, jobs, err)
		h.cancels = append(h.cancels, run)
	}
	if !h.direct {
		return
	}
	for _, v := range ev.env.Services {
		if v.Rollout != nil && v.Rollout.Stoppable() {
			h.stops = append(h.stops, ECSDeployment{Service: v.Key.Service, ARN: v.Rollout.ARN})
		}
	}
}

// underWay reports whether a rollout is past its gate and still changes things.
func underWay(r Rollout) bool {
	return !r.Phase.Terminal() && r.Phase != PhaseIndeterminate && r.Phase != PhaseAwaiting
}

// changesSchema reports whether a job or step that runs now changes the database.
func changesSchema(jobs []Job) bool {
	says := func(name string) bool { return strings.Contains(strings.ToLower(name), "migrat") }
	return slices.ContainsFunc(jobs, func(j Job) bool {
		if j.Status != StatusInProgress {
			return false
		}
		running := slices.IndexFunc(j.Steps, func(s Step) bool { return s.Status == StatusInProgress })
		if running >= 0 {
			return says(j.Steps[running].Name)
		}
		return says(j.Name)
	})
}

// gateHalt is R7 where the plan ends what is in flight: what it ends, and
// whether it may.
func gateHalt(ev *evidence, g Gate) Gate {
	var ends []string
	for _, r := range ev.snap.Rollouts {
		if r.Environment != ev.env.Environment.Name || !underWay(r) {
			continue
		}
		if r.Kind == RolloutRollback {
			g.Verdict, g.Effect, g.Code = Fail, Block, "rollback_in_flight"
			g.Sentence = fmt.Sprintf("%s #%d by %s rolls back already: %s", r.Workflow, r.RunNumber, firstOf(r.RequestedBy, "somebody"), r.Phase)
			g.Remedy = "wait for it"
			return g
		}
	}
	for _, run := range ev.halt.cancels {
		jobs := ev.halt.migrating[run.ID]
		name := fmt.Sprintf("%s #%d", run.Workflow, run.Number)
		switch {
		case unreadable(jobs.Observation):
			g = unreadGate(g, jobs.Observation, Acknowledge)
			g.Sentence = "whether " + name + " migrates the database now is not known"
			return g
		case changesSchema(jobs.Value):
			g.Verdict, g.Effect, g.Code = Fail, Block, "migration_running"
			g.Sentence = name + " migrates the database now; to end it would leave the schema in between"
			g.Remedy = "wait until its migration has ended"
			return g
		}
		ends = append(ends, "cancels "+name)
	}
	switch moving := movingServices(ev.env); {
	case len(ev.halt.stops) > 0:
		ends = append(ends, "stops the ECS deployment of "+servicesOf(ev.halt.stops))
	case moving != "":
		ends = append(ends, "rollback.yml stops what ECS does to "+moving)
	}
	if len(ends) > 0 {
		g.Verdict, g.Effect, g.Code = Fail, Warn, "ends_in_flight"
		g.Sentence = "first " + strings.Join(ends, ", then ")
	}
	return g
}

func movingServices(e *EnvironmentState) string {
	var names []string
	for _, v := range e.Services {
		if v.Moving() {
			names = append(names, v.Key.Service)
		}
	}
	return strings.Join(names, ", ")
}

// halt ends what is in flight. It reports whether the rollback can go on; else
// the receipt says why not.
func (o *Operator) halt(ctx context.Context, in Intent, r *Receipt) bool {
	for _, id := range in.Cancels {
		err := o.actions.Cancel(ctx, id, false)
		if err != nil && !doubtful(err) && KindOf(err) != KindConflict { // a conflict: it has ended by itself
			r.Outcome, r.Code, r.Sentence = OutcomeRejected, string(KindOf(err)), fmt.Sprintf("run %d was not cancelled, so nothing was rolled back: %v", id, err)
			return false
		}
		tell(ctx, StageSending, fmt.Sprintf("asked run %d to end; waiting until it has", id))
		ended := o.await(ctx, func(ctx context.Context) (bool, error) {
			run, err := o.engine.opt.GitHub.Run(ctx, id)
			return run.Done(), err
		})
		if !ended {
			r.Outcome, r.Code = OutcomeUnseen, "cancel_unseen"
			r.Sentence = fmt.Sprintf("run %d was asked to end and has not yet, so nothing was rolled back; look at it, then try again", id)
			return false
		}
		r.step(ctx, fmt.Sprintf("cancelled run %d", id))
	}
	for _, d := range in.Stops {
		if err := o.sendStop(ctx, in, d); err != nil {
			// rollback.yml stops it as well; that it ended by itself is no news.
			r.step(ctx, fmt.Sprintf("the ECS deployment of %s was not stopped from here: %v", d.Service, err))
			continue
		}
		r.step(ctx, "stopped the ECS deployment of "+d.Service)
	}
	return true
}
