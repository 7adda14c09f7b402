package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// trainsKept bounds the release train.
const trainsKept = 20

// trains derives the release train: releases, newest first, each with its
// standing in the checks and in every environment.
func (d *deriving) trains(s *Snapshot) []Train {
	var out []Train
	add := func(sha string, at time.Time) {
		if sha == "" {
			return
		}
		for i := range out {
			if d.same(out[i].Release.SHA, sha) {
				if out[i].Release.SHA != sha && !slices.Contains(out[i].Aliases, sha) {
					out[i].Aliases = append(out[i].Aliases, sha)
				}
				return
			}
		}
		r := d.release(sha)
		if r.Created.IsZero() {
			r.Created = at
		}
		out = append(out, Train{Release: r})
	}
	for _, r := range d.allRuns() {
		if d.delivers(r.Workflow) {
			add(r.SHA, r.Created)
		}
	}
	for _, e := range s.Environments {
		add(e.Live.Release.SHA, e.Live.Since)
		for _, dep := range e.Deployments.Value {
			if dep.Payload.Kind != "rollback" {
				add(dep.SHA, dep.Created)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Train) int { return b.Release.Created.Compare(a.Release.Created) })
	out = out[:min(len(out), trainsKept)]
	for i := range out {
		d.stops(&out[i], s)
		out[i].Published, _ = d.published(out[i].Release.Version)
		out[i].Published.Body = ""
	}
	return out
}

// is reports whether a commit is the train's release.
func (t Train) is(sha string) bool {
	return sha != "" && (sha == t.Release.SHA || slices.Contains(t.Aliases, sha))
}

// Is reports whether a commit is this release, under any of its SHAs.
func (t Train) Is(sha string) bool { return t.is(sha) }

func (d *deriving) stops(t *Train, s *Snapshot) {
	t.CI = d.checks(*t)
	for i := range s.Environments {
		t.Stops = append(t.Stops, d.stop(*t, &s.Environments[i], s.Rollouts))
	}
}

// checks is the verdict of the newest ci run of the release.
func (d *deriving) checks(t Train) Stop {
	stop := Stop{Environment: "ci", State: StopNone}
	for _, r := range d.allRuns() {
		if r.Workflow != d.config.Value.Workflows.CI || !t.is(r.SHA) {
			continue
		}
		stop.RunID, stop.Since = r.ID, r.Updated
		switch {
		case !r.Done():
			stop.State, stop.Sentence = StopMoving, "running"
			stop.Since = firstTime(r.Started, r.Created)
		case r.Conclusion == ConclusionSuccess:
			stop.State, stop.Sentence = StopPassed, Duration(r.Updated.Sub(firstTime(r.Started, r.Created)))
		case r.Failed():
			stop.State, stop.Sentence = StopFailed, "failed"
		default:
			stop.State, stop.Sentence = StopCancelled, string(r.Conclusion)
		}
		return stop
	}
	return stop
}

// stop is a release's standing in one environment: first what waits or moves,
// then what ECS runs, then what became of it.
func (d *deriving) stop(t Train, e *EnvironmentState, rollouts []Rollout) Stop {
	stop := Stop{Environment: e.Environment.Name, State: StopNone}
	var last *Rollout
	for i := range rollouts {
		r := &rollouts[i]
		if r.Environment == e.Environment.Name && t.is(r.Release.SHA) && (last == nil || r.Started.After(last.Started)) {
			last = r
		}
	}
	if last != nil {
		stop.RunID, stop.Since = last.Run.ID, last.Started
	}
	if last != nil && last.Active() && last.Phase != PhaseIndeterminate {
		return d.movingStop(stop, *last)
	}
	if on := servicesOn(t, e); on > 0 {
		if t.is(e.Live.Release.SHA) {
			stop.Since = e.Live.Since
		}
		if on == e.Live.Total && e.Live.Verdict == LiveSame {
			stop.State, stop.Sentence = StopLive, "live"
			return stop
		}
		stop.State, stop.Sentence = StopPartly, fmt.Sprintf("live on %d of %d", on, e.Live.Total)
		return stop
	}
	if last == nil {
		return stop
	}
	stop = past(stop, *last)
	if stop.State == StopPassed && nobodyKnows(e) && newestSuccess(rollouts, last) {
		stop.State, stop.Sentence, stop.Since = StopUnknown, "unknown", time.Time{}
	}
	return stop
}

// nobodyKnows reports whether nobody knows yet what an environment runs, although
// ECS could say it.
func nobodyKnows(e *EnvironmentState) bool {
	return e.Live.Total > 0 && e.Live.Release.Zero() && !e.Known()
}

// newestSuccess reports whether no later rollout succeeded in the environment
// of one: if anything is live there of which GitHub knows, then this.
func newestSuccess(rollouts []Rollout, r *Rollout) bool {
	return !slices.ContainsFunc(rollouts, func(o Rollout) bool {
		return o.Environment == r.Environment && o.Phase == PhaseSucceeded && o.Started.After(r.Started)
	})
}

func servicesOn(t Train, e *EnvironmentState) int {
	n := 0
	for _, v := range e.Services {
		if t.is(v.SHA) {
			n++
		}
	}
	return n
}

func (d *deriving) movingStop(stop Stop, r Rollout) Stop {
	stop.State, stop.Sentence = StopMoving, string(r.Phase)
	switch r.Phase {
	case PhaseAwaiting, PhaseTimer:
		stop.State, stop.Sentence = StopWaiting, "waits for approval"
		pending := d.pending[r.Run.ID].Value
		if len(pending) > 0 && !slices.ContainsFunc(pending, func(p PendingApproval) bool { return !d.approved(r.Run.ID, p.Environment) }) {
			stop.Sentence = "about to start"
		}
		for _, p := range pending {
			stop.Since = firstTime(p.WaitStarted, stop.Since)
			if p.CanApprove && stop.Sentence == "waits for approval" {
				stop.Sentence = "waits for you"
			}
			if ends := p.TimerEnds(); r.Phase == PhaseTimer && ends.After(d.now) {
				stop.Until = ends
			}
		}
		if r.Phase == PhaseTimer {
			stop.Sentence = "waits for its timer"
		}
	case PhaseUpdating:
		stop.Sentence = fmt.Sprintf("updating %d of %d", r.Done, r.Total)
	default: // the phase says it
	}
	if r.Total > 0 {
		stop.Progress = float64(r.Done) / float64(r.Total)
	}
	if r.Kind == RolloutRollback {
		stop.Sentence = strings.TrimSpace("rolling back · " + stop.Sentence)
	}
	return stop
}

// past is the standing of a release that is not here any more.
func past(stop Stop, r Rollout) Stop {
	stop.Since = firstTime(r.Ended, r.Started)
	states := map[Phase]StopState{
		PhaseSucceeded: StopPassed, PhaseFaulty: StopFaulty, PhaseReverted: StopReverted, PhaseRevertFailed: StopReverted,
		PhaseFailed: StopFailed, PhaseErrored: StopFailed, PhaseRejected: StopRejected, PhaseExpired: StopRejected,
		PhaseCancelled: StopCancelled, PhaseSuperseded: StopSuperseded, PhaseIndeterminate: StopUnknown,
	}
	stop.State = states[r.Phase]
	switch stop.State {
	case StopPassed:
		stop.Sentence = "was live"
	case StopFaulty:
		stop.Sentence = "faulty, rolled back"
	case StopReverted:
		stop.Sentence = "ECS took it back"
	default:
		stop.Sentence = firstOf(r.Sentence, string(r.Phase))
	}
	return stop
}

// Duration renders a span as people say it: 42s, 9m12s, 2h5m, 3d4h.
func Duration(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", s)
	case d < 10*time.Minute && s > 0:
		return fmt.Sprintf("%dm%02ds", m, s)
	case d < time.Hour:
		return fmt.Sprintf("%dm", m)
	case h < 24 && m > 0:
		return fmt.Sprintf("%dh%dm", h, m)
	case h < 24:
		return fmt.Sprintf("%dh", h)
	case h%24 > 0 && h < 24*10:
		return fmt.Sprintf("%dd%dh", h/24, h%24)
	}
	return fmt.Sprintf("%dd", h/24)
}
