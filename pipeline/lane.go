package pipeline

import (
	"fmt"
	"slices"
	"time"
)

// evictionMemory is how long a run that a newer one replaced stays worth naming.
const evictionMemory = 24 * time.Hour

// lane is the queue of the runs that would change an environment: the oldest
// that has not ended holds it.
func (d *deriving) lane(env Environment) Lane {
	l := Lane{Environment: env.Name, Group: d.files[env.Workflow].Value.Concurrency}
	var members []LaneMember
	for _, r := range d.allRuns() {
		if !d.movesInto(env, r) {
			continue
		}
		if !r.Done() {
			members = append(members, LaneMember{
				Run: r, Since: firstTime(r.Started, r.Created), Waiting: r.Status == StatusWaiting, Timer: d.timer(r) != "",
			})
			continue
		}
		if r.Conclusion == ConclusionCancelled && d.now.Sub(r.Updated) < evictionMemory {
			if phase, _ := d.cancelled(r); phase == PhaseSuperseded {
				l.Evicted = append(l.Evicted, r)
			}
		}
	}
	slices.SortStableFunc(members, func(a, b LaneMember) int {
		if a, b := queued(a.Run), queued(b.Run); a != b {
			if a {
				return 1
			}
			return -1
		}
		return a.Since.Compare(b.Since)
	})
	if len(members) > 0 {
		l.Holder, l.Queue = &members[0], members[1:]
	}
	l.Sentence = l.sentence()
	return l
}

func queued(r Run) bool {
	return r.Status == StatusQueued || r.Status == StatusPending || r.Status == StatusRequested
}

func (l Lane) sentence() string {
	if l.Holder == nil {
		return "free"
	}
	doing := "running"
	switch {
	case l.Holder.Timer:
		doing = "waiting for its timer"
	case l.Holder.Waiting:
		doing = "waiting for approval"
	case queued(l.Holder.Run):
		doing = "queued"
	}
	s := fmt.Sprintf("#%d holds it, %s", l.Holder.Run.Number, doing)
	switch len(l.Queue) {
	case 0:
		s += "; nothing behind it"
	case 1:
		s += fmt.Sprintf("; #%d is behind it", l.Queue[0].Run.Number)
	default:
		s += fmt.Sprintf("; %d behind it", len(l.Queue))
	}
	if len(l.Evicted) > 0 {
		s += fmt.Sprintf("; #%d was evicted", l.Evicted[0].Number)
	}
	return s
}
