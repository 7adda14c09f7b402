package sandbox

import (
	"slices"

	"github.com/bmatcuk/doublestar/v4"
)

// entersGroup puts a run into its concurrency group. It reports false when the
// run has to wait; then whatever waited before it is evicted, as on GitHub.
func (w *World) entersGroup(r *Run) bool {
	if r.Group == "" {
		return true
	}
	holder, waiting := w.group(r.Group)
	if holder == nil || holder == r {
		return true
	}
	if r.CancelInProgress {
		w.Cancel(holder, true)
		return true
	}
	for _, other := range waiting {
		if other != r {
			w.Cancel(other, true)
		}
	}
	a := r.Attempt()
	a.Status, a.Updated, r.Updated = "pending", w.now, w.now
	return false
}

// group gives the run that holds a concurrency group and those that wait for
// it, oldest first.
func (w *World) group(name string) (holder *Run, waiting []*Run) {
	for _, r := range w.Hub.Runs {
		if r.Group != name || name == "" {
			continue
		}
		switch a := r.Attempt(); {
		case a.Status == "completed":
		case a.Status == "pending" && len(a.Jobs) == 0:
			waiting = append(waiting, r)
		case holder == nil:
			holder = r
		}
	}
	return holder, waiting
}

// leaveGroup lets the oldest waiting run of a group begin.
func (w *World) leaveGroup(name string) {
	holder, waiting := w.group(name)
	if holder != nil || len(waiting) == 0 {
		return
	}
	next := waiting[0]
	a := next.Attempt()
	a.Status, a.Updated, next.Updated = "queued", w.now, w.now
	w.launch(next)
}

// jobGroup is group for jobs.
func (w *World) jobGroup(name string) (holder *Job, waiting []*Job) {
	for _, r := range w.Hub.Runs {
		if name == "" || r.Attempt().Status == "completed" {
			continue
		}
		for _, j := range r.Attempt().Jobs {
			switch {
			case j.Group != name || j.Status == "completed":
			case j.Status == "pending":
				waiting = append(waiting, j)
			case holder == nil:
				holder = j
			}
		}
	}
	return holder, waiting
}

func (w *World) entersJobGroup(j *Job) bool {
	if j.Group == "" {
		return true
	}
	j.Status = "pending"
	holder, waiting := w.jobGroup(j.Group)
	if holder == nil {
		return true
	}
	for _, other := range waiting {
		if other != j {
			w.endJob(other, "cancelled")
			w.schedule(other.Run, other.Run.Attempt())
		}
	}
	return false
}

func (w *World) leaveJobGroup(name string) {
	holder, waiting := w.jobGroup(name)
	if holder == nil && len(waiting) > 0 {
		w.enqueue(waiting[0])
	}
}

// live lists the runs that have not ended, oldest first.
func (h *Hub) live() []*Run {
	return slices.DeleteFunc(slices.Clone(h.Runs), func(r *Run) bool { return r.Attempt().Status == "completed" })
}

// globMatches matches a branch or tag pattern.
func globMatches(pattern, name string) bool {
	ok, err := doublestar.Match(pattern, name)
	return err == nil && ok
}
