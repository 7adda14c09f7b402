package sandbox

import (
	"container/heap"
	"time"
)

// event is something that happens in the world at a moment.
type event struct {
	at    time.Time
	order int // events of the same moment happen in the order they were planned
	apply func()
}

// agenda is a heap of events, the earliest first.
type agenda []*event

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	if a[i].at.Equal(a[j].at) {
		return a[i].order < a[j].order
	}
	return a[i].at.Before(a[j].at)
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(*event)) }
func (a *agenda) Pop() any {
	last := len(*a) - 1
	e := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	return e
}

// advance brings the world up to now: every event that is due happens in time
// order, and sees the moment it was planned for as the world's present. There
// are no goroutines: the world moves only when somebody looks at it.
func (w *World) advance(now time.Time) {
	for len(w.agenda) > 0 && !w.agenda[0].at.After(now) {
		e := heap.Pop(&w.agenda).(*event)
		w.now = e.at
		e.apply()
	}
	if now.After(w.now) {
		w.now = now
	}
}

// plan lets something happen at a moment; one that has passed is taken as now.
func (w *World) plan(at time.Time, apply func()) {
	if at.Before(w.now) {
		at = w.now
	}
	w.planned++
	heap.Push(&w.agenda, &event{at: at, order: w.planned, apply: apply})
}

// after lets something happen when a duration has passed, divided by the
// world's speed.
func (w *World) after(d time.Duration, apply func()) {
	w.plan(w.now.Add(w.scaled(d)), apply)
}

// scaled is how long d takes at the world's speed.
func (w *World) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / w.speed)
}

// between draws a duration from a range, evenly.
func (w *World) between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.random.Float64()*float64(high-low))
}
