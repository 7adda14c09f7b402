package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// explainSlack allows for clocks of GitHub and AWS that differ.
const explainSlack = 2 * time.Minute

// external derives the rollouts that ECS made and that no deployment and no run
// of ours explains: somebody used the AWS console, or another tool. It looks no
// further back than runs and deployments are known without a gap.
func (d *deriving) external(e *EnvironmentState) []Rollout {
	since := d.knownSince(e)
	if since.IsZero() {
		return nil
	}
	var out []Rollout
	for _, v := range e.Services {
		for _, sd := range d.deploymentsOf(v) {
			if sd.Created.Before(since.Add(explainSlack)) || d.explained(e, v.Key.Service, sd) {
				continue
			}
			out = append(out, d.externalRollout(e, v, sd))
		}
	}
	return out
}

// deploymentsOf is what ECS did to a service lately, with its newest doing as
// it stands now.
func (d *deriving) deploymentsOf(v ServiceView) []ServiceDeployment {
	list := slices.Clone(d.history[v.Key].Value)
	if v.Rollout == nil {
		return list
	}
	if i := slices.IndexFunc(list, func(sd ServiceDeployment) bool { return sd.ARN == v.Rollout.ARN }); i >= 0 {
		list[i] = *v.Rollout
		return list
	}
	return append([]ServiceDeployment{*v.Rollout}, list...)
}

// knownSince is the moment from which on runs and deployments are known
// without a gap; zero: not at all.
func (d *deriving) knownSince(e *EnvironmentState) time.Time {
	if unreadable(d.runs.Observation) || unreadable(e.Deployments.Observation) || len(d.runs.Value.Runs) == 0 {
		return time.Time{}
	}
	since := d.runs.Value.Runs[len(d.runs.Value.Runs)-1].Created
	if n := len(e.Deployments.Value); n > 0 && e.Deployments.Value[n-1].Created.After(since) {
		since = e.Deployments.Value[n-1].Created
	}
	return since
}

// explained reports whether a deployment of ours set what ECS deployed, or a
// run that moves the environment was under way.
func (d *deriving) explained(e *EnvironmentState, service string, sd ServiceDeployment) bool {
	for _, dep := range e.Deployments.Value {
		if within(sd.Created, dep.Created, concluded(dep)) && d.sets(e, dep, service, sd.Target) {
			return true
		}
	}
	return slices.ContainsFunc(d.allRuns(), func(r Run) bool {
		return d.movesInto(e.Environment, r) && within(sd.Created, r.Created, r.Ended())
	})
}

// within reports whether a moment lies in a span; an end of zero is open.
func within(at, from, until time.Time) bool {
	return !at.Before(from.Add(-explainSlack)) && (until.IsZero() || !at.After(until.Add(explainSlack)))
}

// concluded is when a deployment first reached a final status; zero: not yet.
func concluded(dep Deployment) time.Time {
	for _, s := range slices.Backward(dep.Statuses) {
		if s.State == "success" || s.State == "failure" || s.State == "error" {
			return s.Created
		}
	}
	return time.Time{}
}

// sets reports whether a deployment means a service to run a revision.
func (d *deriving) sets(e *EnvironmentState, dep Deployment, service string, rev ServiceRevision) bool {
	t, named := dep.Payload.Services[service]
	if named && t.Image != "" && rev.Digest() != "" {
		return t.Image == rev.Digest()
	}
	return (named || len(dep.Payload.Services) == 0) && d.same(d.deployedSHA(dep, e), d.revisionSHA(rev))
}

func (d *deriving) externalRollout(e *EnvironmentState, v ServiceView, sd ServiceDeployment) Rollout {
	r := Rollout{
		ID: "ecs/" + sd.ARN, Kind: RolloutExternal, Environment: e.Environment.Name,
		Release: d.release(d.revisionSHA(sd.Target)), Started: firstTime(sd.Started, sd.Created), Total: 1,
	}
	if len(sd.Sources) > 0 {
		r.From = d.release(d.revisionSHA(sd.Sources[0]))
	}
	r.Phase = servicePhase(sd)
	if r.Phase == PhaseSucceeded {
		r.Done = 1
	}
	if r.Phase.Terminal() {
		r.Ended = firstTime(sd.Finished, sd.Stopped)
	}
	r.Sentence = fmt.Sprintf("%s was changed outside of GitHub Actions", v.Key.Service)
	if sd.Reverted() {
		r.Sentence += ", and ECS took it back"
	}
	return r
}

// servicePhase is where a service deployment of ECS stands.
func servicePhase(sd ServiceDeployment) Phase {
	switch sd.Status {
	case "SUCCESSFUL":
		return PhaseSucceeded
	case "ROLLBACK_SUCCESSFUL":
		return PhaseReverted
	case "ROLLBACK_FAILED":
		return PhaseRevertFailed
	case "STOPPED":
		return PhaseFailed
	case "PENDING":
		return PhaseQueued
	case "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS":
		if strings.Contains(sd.Stage, "BAKE") {
			return PhaseBaking
		}
		return PhaseUpdating
	}
	return PhaseIndeterminate
}

// reverted says whether ECS took back what a deployment set; empty: it did not.
// While it is at it, the truths disagree.
func (d *deriving) reverted(e *EnvironmentState, dep Deployment) (Phase, string) {
	var back, failed, going []string
	for _, v := range e.Services {
		for _, sd := range d.deploymentsOf(v) {
			if !sd.Reverted() || !within(sd.Created, dep.Created, concluded(dep)) || !d.sets(e, dep, v.Key.Service, sd.Target) {
				continue
			}
			switch {
			case sd.Status == "ROLLBACK_FAILED":
				failed = append(failed, v.Key.Service)
			case sd.InFlight():
				going = append(going, v.Key.Service)
			default:
				back = append(back, v.Key.Service)
			}
			break
		}
	}
	switch {
	case len(failed) > 0:
		return PhaseRevertFailed, byECS + "could not take back " + strings.Join(failed, ", ")
	case len(going) > 0:
		return PhaseIndeterminate, byECS + "is taking back " + strings.Join(going, ", ")
	case len(back) > 0:
		return PhaseReverted, byECS + "took back " + strings.Join(back, ", ")
	}
	return "", ""
}

// byECS begins every sentence of what ECS took back by itself.
const byECS = "ECS "

// tookBack reports whether a sentence tells of something that ECS took back.
func tookBack(sentence string) bool { return strings.HasPrefix(sentence, byECS) }

// ecsPhase is the phase of a rollout as far as ECS says it: updating while a
// service has still to be begun, stabilising while the last ones settle, baking
// while ECS watches its alarms.
func (d *deriving) ecsPhase(e *EnvironmentState, r Rollout) (Phase, bool) {
	moving, begun, baking := false, 0, false
	for _, v := range e.Services {
		moving = moving || v.Moving()
		if len(v.Revisions) > 0 && d.same(d.revisionSHA(v.Revisions[0]), r.Release.SHA) {
			begun++
		}
		baking = baking || v.Rollout != nil && v.Rollout.InFlight() && strings.Contains(v.Rollout.Stage, "BAKE")
	}
	switch {
	case !moving:
		return "", false
	case begun < len(e.Services):
		return PhaseUpdating, true
	case baking:
		return PhaseBaking, true
	}
	return PhaseStabilising, true
}
