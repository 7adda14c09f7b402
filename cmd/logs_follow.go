package cmd

import (
	"slices"
	"sync"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// taskPatience is how long the lines of a task that nobody knows wait for its
// release, which ECS is asked for at once.
const taskPatience = 5 * time.Second

// inOrder prints what came before it begins, and then each batch, in the order
// of time. It ends the command when nobody reads any more.
type inOrder struct {
	printer *linePrinter
	cancel  func()
	learn   func(service string) // has the service's tasks read, in the background

	mu    sync.Mutex
	begun bool
	held  []*logs.Line         // until it begins, or until their task is known
	met   map[string]time.Time // when the first line of an unknown task came
}

// Add prints lines, or holds them.
func (s *inOrder) Add(lines []*logs.Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = append(s.held, lines...)
	if s.begun {
		s.print(false)
	}
}

// begin prints what came so far; called again, what has waited long enough.
func (s *inOrder) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = true
	if len(s.held) > 0 {
		s.print(false)
	}
}

// finish prints what is still held.
func (s *inOrder) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.print(true)
}

// print prints what is held and, unless it is the last time, needs not wait; the
// caller holds the lock.
func (s *inOrder) print(all bool) {
	slices.SortStableFunc(s.held, func(a, b *logs.Line) int { return a.Timestamp().Compare(b.Timestamp()) })
	var ready, waiting []*logs.Line
	for _, l := range s.held {
		if !all && s.waits(l) {
			waiting = append(waiting, l)
		} else {
			ready = append(ready, l)
		}
	}
	s.printer.print(ready)
	s.held = waiting
	if s.printer.err != nil {
		s.cancel()
	}
}

// waits reports whether a line waits for the release of its task, where that is
// printed or chosen by.
func (s *inOrder) waits(l *logs.Line) bool {
	if !s.printer.asJSON && s.printer.filter.Release == "" {
		return false
	}
	release, wanted := s.printer.tasks.of(l)
	if !wanted || release != "" {
		delete(s.met, l.Task)
		return false
	}
	at, known := s.met[l.Task]
	if !known {
		at = time.Now()
		s.met[l.Task] = at
		s.learn(l.Service)
	}
	return time.Since(at) < taskPatience
}

// Remove has nothing to take back: what was printed is printed.
func (s *inOrder) Remove(string) {}
