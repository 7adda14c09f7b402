package metrics

import (
	"fmt"
	"slices"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// classify makes rollouts of deployments, oldest first.
func classify(in Input) []Rollout {
	left := map[int64]int64{} // deployment to the one that rolled it back
	for _, d := range in.Deployments {
		if isRollback(d) && d.Succeeded() {
			left[d.Payload.RollbackOf] = d.ID
		}
	}
	out := make([]Rollout, 0, len(in.Deployments))
	for _, d := range slices.Backward(in.Deployments) {
		r := Rollout{Deployment: d.ID, SHA: d.SHA, Version: d.Payload.Version, Live: live(d)}
		r.Outcome, r.Why = outcome(d, in.Phases[d.ID], left[d.ID])
		out = append(out, r)
	}
	return out
}

func isRollback(d pipeline.Deployment) bool { return d.Payload.Kind == "rollback" }

// live is when a deployment took traffic: when it was verified, else when it
// began, else when it was made.
func live(d pipeline.Deployment) time.Time {
	if at := d.SucceededAt(); !at.IsZero() {
		return at
	}
	for _, s := range slices.Backward(d.Statuses) {
		if s.State == "in_progress" {
			return s.Created
		}
	}
	return d.Created
}

// outcome says what a deployment counts as. What ECS said of it goes before
// what GitHub says.
func outcome(d pipeline.Deployment, phase pipeline.Phase, leftBy int64) (Outcome, string) {
	switch {
	case isRollback(d):
		return Rollback, fmt.Sprintf("leaves deployment %d", d.Payload.RollbackOf)
	case leftBy != 0:
		return Failed, fmt.Sprintf("rolled back by deployment %d", leftBy)
	case phase == pipeline.PhaseReverted, phase == pipeline.PhaseRevertFailed:
		return Failed, "ECS took it back"
	case phase == pipeline.PhaseFaulty:
		return Failed, "found bad later"
	case phase == pipeline.PhaseIndeterminate:
		return Apart, "the truths disagree"
	case phase != "" && !phase.Terminal():
		return Apart, string(phase)
	case d.Succeeded() && again(d):
		return Redeploy, "the same release again"
	case d.Succeeded():
		return Succeeded, "verified"
	}
	switch d.State() {
	case "failure":
		if begun(d) {
			return Failed, "failed after it had begun"
		}
		return Apart, "failed before it changed anything"
	case "error":
		return Apart, "could not be finished"
	}
	return Apart, "has no final status"
}

// again reports whether a deployment set the release that was live before it.
func again(d pipeline.Deployment) bool {
	return d.Payload.Before != nil && d.Payload.Before.SHA == d.SHA
}

// begun reports whether a deployment got so far as to change something.
func begun(d pipeline.Deployment) bool {
	return slices.ContainsFunc(d.Statuses, func(s pipeline.DeploymentStatus) bool { return s.State == "in_progress" })
}

// arrive gives every commit to the first rollout that it went live with. One
// that was rolled back and comes again keeps its first arrival.
func arrive(in Input, all []Rollout) {
	seen := map[string]bool{}
	for i := range all {
		r := &all[i]
		if r.Outcome != Succeeded && r.Outcome != Failed {
			continue
		}
		for _, c := range in.Commits[r.Deployment] {
			if seen[c.SHA] || len(c.Parents) > 1 {
				continue // a merge brings what it merges
			}
			seen[c.SHA] = true
			r.Commits++
			r.lead = positive(r.lead, r.Live.Sub(c.Authored))
			r.merge = positive(r.merge, r.Live.Sub(c.Committed))
		}
		r.LeadTime = spans(r.lead, occurring).Median
	}
}

// positive keeps a span that can be: clocks of machines where commits are
// written are at times wrong.
func positive(list []time.Duration, d time.Duration) []time.Duration {
	if d <= 0 || d > 10*365*24*time.Hour {
		return list
	}
	return append(list, d)
}

// recoveries measures each failure up to the next good release: the rollback
// that left it, or the next rollout that succeeded and stayed. Failures on the
// way there are a part of the first one's recovery.
func recoveries(in Input, all []Rollout) {
	first := -1
	for i := range all {
		r := &all[i]
		switch {
		case r.Outcome == Failed && first < 0:
			first = i
		case r.Outcome == Failed:
			r.PartOf = all[first].Deployment
		case first >= 0 && good(in, *r):
			all[first].Recovered = r.Live
			all[first].Recovery = max(r.Live.Sub(all[first].Live), 0)
			first = -1
		}
	}
	if first >= 0 {
		all[first].Recovery = max(in.Until.Sub(all[first].Live), 0)
	}
}

// good reports whether a rollout left the environment well.
func good(in Input, r Rollout) bool {
	if r.Outcome == Rollback || r.Outcome == Redeploy {
		return slices.ContainsFunc(in.Deployments, func(d pipeline.Deployment) bool { return d.ID == r.Deployment && d.Succeeded() })
	}
	return r.Outcome == Succeeded
}
