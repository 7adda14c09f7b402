package runs

import (
	"slices"
	"strconv"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// sentence is what is to be said of a run in one line.
func (d *drawing) sentence(r *pipeline.Run, state theme.State) (string, theme.Paint) {
	s, snap := d.c.Styles, d.c.Snapshot
	switch state {
	case theme.Waiting:
		return waitingSentence(d.c, r), s.Waiting
	case theme.Moving:
		return movingSentence(snap, r), s.Moving
	case theme.Failed:
		return failedSentence(snap, r), s.Danger
	case theme.Skipped:
		return endedSentence(snap, r), s.Muted
	case theme.NotYet:
		if holder := heldUp(snap, r); holder != "" {
			return holder, s.Warn
		}
		return strings.ReplaceAll(string(r.Status), "_", " "), s.Muted
	case theme.Unknown:
		return string(r.Status) + " " + string(r.Conclusion), s.Unknown
	}
	return r.Title, s.Muted
}

// heldUp says which run a run waits for that stands in the queue of a lane;
// empty: it does not.
func heldUp(s *pipeline.Snapshot, r *pipeline.Run) string {
	for i := range s.Environments {
		lane := &s.Environments[i].Lane
		for _, m := range lane.Queue {
			if m.Run.ID == r.ID && lane.Holder != nil {
				return "waits behind #" + strconv.Itoa(lane.Holder.Run.Number)
			}
		}
	}
	return ""
}

// waitingSentence says whom or what a run waits for.
func waitingSentence(c panel.Context, r *pipeline.Run) string {
	for _, a := range c.Snapshot.Approvals {
		if a.Run.ID == r.ID {
			return "waits for " + panel.Who(a.Reviewers, c.Snapshot.Viewer.Login)
		}
	}
	for _, p := range c.Snapshot.Pending[r.ID].Value {
		if ends := p.TimerEnds(); ends.After(c.Now) {
			return "timer " + clock.Elapsed(ends.Sub(c.Now)) + " left"
		}
	}
	if len(c.Snapshot.Pending[r.ID].Value) > 0 { // none of it is wanted any more
		return "approved, about to start"
	}
	return "waits for its environment's rules"
}

func movingSentence(s *pipeline.Snapshot, r *pipeline.Run) string {
	for i := range s.Rollouts {
		if ro := &s.Rollouts[i]; ro.Run == r.Key() && ro.Active() {
			if ro.Sentence != "" {
				return ro.Sentence
			}
			return string(ro.Phase)
		}
	}
	for _, j := range s.Jobs[r.Key()].Value {
		if j.Status == pipeline.StatusInProgress {
			return j.Name
		}
	}
	return "in progress"
}

func failedSentence(s *pipeline.Snapshot, r *pipeline.Run) string {
	for _, j := range s.Jobs[r.Key()].Value {
		if !j.Conclusion.Bad() {
			continue
		}
		for _, st := range j.Steps {
			if st.Conclusion.Bad() {
				return j.Name + ": " + st.Name
			}
		}
		return j.Name
	}
	if r.Conclusion == pipeline.ConclusionFailure && r.Title != "" {
		return r.Title // the glyph says that it failed; its jobs are not read
	}
	return strings.ReplaceAll(string(r.Conclusion), "_", " ")
}

// endedSentence says why a run ended without a result: a newer one took its
// place, or somebody cancelled it.
func endedSentence(s *pipeline.Snapshot, r *pipeline.Run) string {
	for i := range s.Environments {
		lane := &s.Environments[i].Lane
		if !slices.ContainsFunc(lane.Evicted, func(e pipeline.Run) bool { return e.ID == r.ID }) {
			continue
		}
		if newer := evictedBy(lane, r); newer != 0 {
			return "superseded by #" + strconv.Itoa(newer)
		}
		return "superseded"
	}
	return strings.ReplaceAll(string(r.Conclusion), "_", " ")
}

// evictedBy is the number of the run that took a run's place in a lane: the one
// after it, whether that waits or holds the lane by now; 0: it is gone.
func evictedBy(lane *pipeline.Lane, r *pipeline.Run) int {
	next := 0
	note := func(other pipeline.Run) {
		if other.Workflow == r.Workflow && other.Number > r.Number && (next == 0 || other.Number < next) {
			next = other.Number
		}
	}
	for _, m := range lane.Queue {
		note(m.Run)
	}
	if lane.Holder != nil {
		note(lane.Holder.Run)
	}
	return next
}
