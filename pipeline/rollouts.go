package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// rollouts derives the rollouts of an environment: one for each deployment of
// ours, and one for each run that would deploy here and has none yet.
func (d *deriving) rollouts(e *EnvironmentState) []Rollout {
	var out []Rollout
	claimed := map[RunKey]bool{}
	for i, dep := range e.Deployments.Value {
		r := d.deploymentRollout(e, i, dep)
		claimed[r.Run] = true
		out = append(out, r)
	}
	out = append(out, d.external(e)...)
	for _, r := range d.allRuns() {
		if claimed[r.Key()] || !d.movesInto(e.Environment, r) {
			continue
		}
		out = append(out, d.runRollout(e, r))
	}
	slices.SortStableFunc(out, func(a, b Rollout) int { return b.Started.Compare(a.Started) })
	return out
}

// movesInto reports whether a run moves releases into the environment. A
// rollback run says in its title which environment it means; where it does
// not, it means production.
func (d *deriving) movesInto(env Environment, r Run) bool {
	if r.Workflow == env.Workflow {
		return true
	}
	return r.Workflow == d.config.Value.Workflows.Rollback && r.Workflow != "" && env.Production
}

func (d *deriving) deploymentRollout(e *EnvironmentState, i int, dep Deployment) Rollout {
	env := e.Environment
	r := Rollout{
		ID: fmt.Sprintf("deployment/%d", dep.ID), Environment: env.Name, Deployment: dep.ID,
		Release: d.release(d.deployedSHA(dep, e)), RequestedBy: dep.Creator,
		Kind: RolloutDeploy, Workflow: env.Workflow, Started: dep.Created,
		Run: RunKey{dep.Payload.RunID, max(dep.Payload.RunAttempt, 1)}, Total: len(e.Services),
	}
	if env.After != "" {
		r.Kind = RolloutPromotion
	}
	if dep.Payload.Before != nil {
		r.From = d.release(dep.Payload.Before.SHA)
		if d.same(r.From.SHA, r.Release.SHA) {
			r.Kind = RolloutRedeploy
		}
	}
	if dep.Payload.Kind == "rollback" {
		r.Kind, r.Workflow, r.RollbackOf = RolloutRollback, d.config.Value.Workflows.Rollback, dep.Payload.RollbackOf
	}
	r.Done = d.servicesOn(e, r.Release.SHA)
	for _, later := range e.Deployments.Value[:i] {
		if later.Payload.Kind == "rollback" && later.Payload.RollbackOf == dep.ID && later.Succeeded() {
			r.RolledBackBy = later.ID
		}
	}
	run, known := d.run(dep.Payload.RunID)
	if known {
		r.RunNumber, r.RequestedBy = run.Number, firstOf(run.Actor, r.RequestedBy)
		known = run.Attempt <= r.Run.Attempt // a later attempt says nothing of this one
	}
	r.Phase, r.Sentence = d.phase(e, i, dep, run, known, r)
	if r.Phase.Terminal() && len(dep.Statuses) > 0 {
		r.Ended = firstTime(dep.SucceededAt(), dep.Statuses[0].Created) // inactive came later, with what replaced it
	}
	return r
}

func (d *deriving) run(id int64) (Run, bool) {
	for _, r := range d.allRuns() {
		if r.ID == id && id != 0 {
			return r, true
		}
	}
	return Run{}, false
}

// phase says where a rollout stands. The run says what was asked; only ECS
// makes a green run a success.
func (d *deriving) phase(e *EnvironmentState, i int, dep Deployment, run Run, known bool, r Rollout) (Phase, string) {
	if r.RolledBackBy != 0 {
		return PhaseFaulty, fmt.Sprintf("rolled back by deployment %d", r.RolledBackBy)
	}
	newest := i == 0
	if known && !run.Done() {
		return d.moving(e, run, r)
	}
	if phase, sentence := d.reverted(e, dep); phase != "" && (!newest || r.Done < r.Total) {
		return phase, sentence
	}
	if phase, sentence := recorded(dep, newest && e.Known(), r); phase != "" {
		return phase, sentence
	}
	if newest && d.fromMachine(e, dep) {
		return PhaseIndeterminate, "performed from a machine, without GitHub Actions, and not ended"
	}
	return unfinished(run, known, newest, r)
}

// silence is how long a rollout that no run performs may say nothing before
// nobody knows whether it goes on: a service has a quarter of an hour to come
// to rest, and is then verified.
const silence = 20 * time.Minute

// fromMachine reports whether somebody is performing a rollout that has no run,
// such as a direct rollback: it says so for each service, or ECS moves one.
// Nothing proves that the machine is still there, so that it stops nobody.
func (d *deriving) fromMachine(e *EnvironmentState, dep Deployment) bool {
	switch dep.State() {
	case "", "queued", "pending", "in_progress":
	default:
		return false
	}
	said := dep.Created
	if len(dep.Statuses) > 0 {
		said = dep.Statuses[0].Created
	}
	moves := slices.ContainsFunc(e.Services, func(v ServiceView) bool { return v.Moving() })
	return dep.Payload.RunID == 0 && (d.now.Sub(said) < silence || moves)
}

// recorded is the phase that a deployment's final status gives, held against
// what ECS runs where it is the newest; empty: it has none.
func recorded(dep Deployment, newest bool, r Rollout) (Phase, string) {
	switch dep.State() {
	case "success", "inactive":
		if newest && r.Done < r.Total {
			return PhaseIndeterminate, fmt.Sprintf("GitHub says success, ECS runs it on %d of %d services", r.Done, r.Total)
		}
		return PhaseSucceeded, ""
	case "failure", "error":
		if newest && r.Done == r.Total && r.Total > 0 {
			return PhaseIndeterminate, "GitHub says " + dep.State() + ", and ECS runs it everywhere"
		}
		if dep.State() == "error" {
			return PhaseErrored, firstOf(dep.Statuses[0].Description, "it could not finish")
		}
		return PhaseFailed, firstOf(dep.Statuses[0].Description, "the run failed")
	}
	return "", ""
}

// unfinished is the phase of a rollout whose run ended and left no final status.
func unfinished(run Run, known, newest bool, r Rollout) (Phase, string) {
	switch {
	case known && run.Conclusion == ConclusionCancelled && newest && r.Done > 0:
		return PhaseIndeterminate, fmt.Sprintf("run #%d was cancelled, and ECS runs it on %d of %d services", run.Number, r.Done, r.Total)
	case known && run.Conclusion == ConclusionCancelled:
		return PhaseCancelled, fmt.Sprintf("run #%d was cancelled", run.Number)
	case known && run.Failed():
		return failure(run, fmt.Sprintf("run #%d failed", run.Number))
	}
	return PhaseIndeterminate, "GitHub's deployment has no final status"
}

// moving is the phase of a rollout whose run goes on.
func (d *deriving) moving(e *EnvironmentState, run Run, r Rollout) (Phase, string) {
	switch run.Status {
	case StatusRequested:
		return PhaseRequested, ""
	case StatusQueued, StatusPending:
		return PhaseQueued, ""
	case StatusWaiting:
		if of := d.timer(run); of != "" {
			return PhaseTimer, "the wait timer of " + of + " runs"
		}
		return PhaseAwaiting, ""
	case StatusInProgress, StatusCompleted:
	}
	if phase, ok := d.ecsPhase(e, r); ok {
		return phase, fmt.Sprintf("%d of %d services", r.Done, r.Total)
	}
	if phase, ok := jobPhase(d.jobs[run.Key()].Value); ok {
		return phase, ""
	}
	return betweenJobs(r), ""
}

// betweenJobs is the phase of a rollout of which no job runs at the moment, by
// how far it has come.
func betweenJobs(r Rollout) Phase {
	switch {
	case r.Done == 0 || r.Kind == RolloutRedeploy: // what a redeploy brings, runs already
		return PhaseApproved
	case r.Done < r.Total:
		return PhaseUpdating
	}
	return PhaseVerifying
}

// timer is the environment whose wait timer alone a run waits for; empty: none.
func (d *deriving) timer(run Run) string {
	if run.Status != StatusWaiting {
		return ""
	}
	for _, p := range d.pending[run.ID].Value {
		if ends := p.TimerEnds(); ends.After(d.now) && (len(p.Reviewers) == 0 || d.approved(run.ID, p.Environment)) {
			return p.Environment
		}
	}
	return ""
}

// approved reports whether somebody approved the environment already: it stays
// pending while its wait timer runs.
func (d *deriving) approved(run int64, environment string) bool {
	return slices.ContainsFunc(d.reviews[run], func(r Review) bool {
		return r.State == "approved" && slices.Contains(r.Environments, environment)
	})
}

// jobPhase reads the phase off the names of the jobs and steps that run now.
func jobPhase(jobs []Job) (Phase, bool) {
	words := []struct {
		word  string
		phase Phase
	}{
		{"migrat", PhaseMigrating},
		{"backup", PhaseMigrating},
		{"deploy serv", PhaseUpdating},
		{"roll", PhaseUpdating},
		{"verif", PhaseVerifying},
		{"smoke", PhaseVerifying},
		{"health", PhaseVerifying},
		{"deploy", PhaseUpdating},
	}
	for _, j := range jobs {
		if j.Status != StatusInProgress {
			continue
		}
		name := strings.ToLower(j.Name)
		for _, w := range words {
			if strings.Contains(name, w.word) {
				return w.phase, true
			}
		}
	}
	return "", false
}

// runRollout is the rollout of a run that made no deployment yet, or never.
func (d *deriving) runRollout(e *EnvironmentState, run Run) Rollout {
	r := Rollout{
		ID: fmt.Sprintf("run/%d", run.ID), Kind: RolloutDeploy, Environment: e.Environment.Name,
		Release: d.release(run.SHA), Run: run.Key(), Workflow: run.Workflow, RunNumber: run.Number,
		RequestedBy: run.Actor, Started: run.Created, Ended: run.Ended(), Total: len(e.Services),
	}
	switch {
	case run.Workflow == d.config.Value.Workflows.Rollback:
		r.Kind = RolloutRollback
	case e.Environment.After != "":
		r.Kind = RolloutPromotion
	}
	switch {
	case !run.Done():
		r.Phase, r.Sentence = d.moving(e, run, r)
	case run.Conclusion == ConclusionSuccess:
		r.Phase = PhaseSucceeded
	case run.Conclusion == ConclusionCancelled:
		r.Phase, r.Sentence = d.cancelled(run)
		if r.Done = d.servicesOn(e, run.SHA); r.Done > 0 && !d.deployedBefore(e, run) {
			r.Phase, r.Sentence = PhaseIndeterminate, fmt.Sprintf("run #%d was cancelled, and ECS runs it on %d of %d services", run.Number, r.Done, r.Total)
		}
	case run.Failed():
		r.Phase, r.Sentence = failure(run, "before anything changed")
		switch {
		case !rejected(d.jobs[run.Key()].Value):
		case run.Updated.Sub(run.Created) >= approvalLife:
			r.Phase, r.Sentence = PhaseExpired, "nobody decided for 30 days"
		default:
			r.Phase, r.Sentence = PhaseRejected, "rejected at its gate"
		}
	default:
		r.Phase = PhaseIndeterminate
	}
	return r
}

// evictionSlack is how far apart GitHub may note that a run came and that it
// evicted the one which waited.
const evictionSlack = 2 * time.Minute

// cancelled tells a run that a newer one replaced from one that somebody ended:
// GitHub cancels the one at the moment that the other comes.
func (d *deriving) cancelled(run Run) (Phase, string) {
	for _, newer := range slices.Backward(d.runs.Value.Runs) {
		if newer.Workflow != run.Workflow || !newer.Created.After(run.Created) {
			continue
		}
		if apart := newer.Created.Sub(run.Updated).Abs(); apart < evictionSlack {
			return PhaseSuperseded, fmt.Sprintf("superseded by #%d", newer.Number)
		}
	}
	return PhaseCancelled, "cancelled"
}

// failure tells a run that could not finish from one with a bad result.
func failure(run Run, sentence string) (Phase, string) {
	switch run.Conclusion {
	case ConclusionStartupFailure:
		return PhaseErrored, fmt.Sprintf("run #%d could not start", run.Number)
	case ConclusionTimedOut:
		return PhaseErrored, fmt.Sprintf("run #%d ran out of time", run.Number)
	default:
		return PhaseFailed, sentence
	}
}

// approvalLife is how long GitHub lets a run wait for a decision.
const approvalLife = 30 * 24 * time.Hour

// servicesOn counts the services that run a release and nothing else.
func (d *deriving) servicesOn(e *EnvironmentState, sha string) int {
	n := 0
	for _, v := range e.Services {
		if d.same(v.SHA, sha) && len(v.OtherSHAs) == 0 {
			n++
		}
	}
	return n
}

// deployedBefore reports whether another rollout explains that a run's release
// is live.
func (d *deriving) deployedBefore(e *EnvironmentState, run Run) bool {
	return slices.ContainsFunc(e.Deployments.Value, func(dep Deployment) bool {
		return dep.Succeeded() && d.same(d.deployedSHA(dep, e), run.SHA)
	})
}

// rejected reports whether the job at the gate failed without ever starting.
func rejected(jobs []Job) bool {
	return slices.ContainsFunc(jobs, func(j Job) bool {
		return j.Conclusion == ConclusionFailure && len(j.Steps) == 0
	})
}
