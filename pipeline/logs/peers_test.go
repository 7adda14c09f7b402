package logs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"
)

// simpleTail follows as most command-line tailers do: it asks from the newest
// timestamp that it has seen, of the streams that it found at the start, reads
// the first page of an answer, tries a refused request once more, and ends.
type simpleTail struct {
	source  Source
	group   string
	streams map[string]bool // nil: not looked up yet
	next    time.Time

	mu   sync.Mutex
	got  map[string]int
	died error
}

func (n *simpleTail) run(ctx context.Context) {
	for sleep(ctx, time.Second) == nil {
		query := Query{Group: n.group, Start: n.next}
		page, err := n.source.Filter(ctx, query)
		if err != nil {
			page, err = n.source.Filter(ctx, query)
		}
		n.mu.Lock()
		if n.died = err; err == nil {
			n.take(page)
		}
		n.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (n *simpleTail) take(page Page) {
	first := n.streams == nil
	if first {
		n.streams = map[string]bool{}
	}
	for _, e := range page.Events {
		if first {
			n.streams[e.Stream] = true
		}
		if !n.streams[e.Stream] {
			continue
		}
		n.got[e.ID]++
		if !e.Timestamp.Before(n.next) {
			n.next = e.Timestamp.Add(time.Millisecond)
		}
	}
}

// peerCase is something that happens to a log while it is followed.
type peerCase struct {
	name   string
	happen func(s *store)
}

const (
	peerGroup = "/ecs/orders"
	peerTask  = "app/orders/0a1b2c3d"
)

// refusing makes the store refuse the next requests, whoever sends them.
func refusing(s *store, times int, page Page, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := times
	s.answer = func(int, Query) (Page, error, bool) {
		if left--; left < 0 {
			return Page{}, nil, false
		}
		return page, err, true
	}
}

var peerCases = []peerCase{
	{"late line, 20 s old", func(s *store) { s.put(peerGroup, peerTask, "late", -20*time.Second) }},
	{"new task's stream", func(s *store) { s.put(peerGroup, "app/orders/4e5f6071", "booted", 0) }},
	{"clock 60 s ahead", func(s *store) { s.put(peerGroup, peerTask, "from the future", time.Minute) }},
	{"same millisecond", func(s *store) {
		at := -2500 * time.Millisecond
		s.put(peerGroup, peerTask, "elder", at)
		time.Sleep(1500 * time.Millisecond)
		s.put(peerGroup, peerTask, "sibling", at-1500*time.Millisecond)
	}},
	{"eight throttles in a row", func(s *store) { refusing(s, 8, Page{}, refusal{throttled: true}) }},
	{"empty pages with a token", func(s *store) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.answer = func(_ int, q Query) (Page, error, bool) {
			return Page{NextToken: "further"}, nil, q.NextToken == ""
		}
	}},
	{"torn answers", func(s *store) { refusing(s, 3, Page{}, errTorn) }},
}

// peerResult is how a tail fared.
type peerResult struct {
	lost, repeated int
	died           bool
}

func (r peerResult) String() string {
	out := fmt.Sprintf("%d lost, %d repeated", r.lost, r.repeated)
	if r.died {
		out += ", died"
	}
	return out
}

// compare counts what of the stored events came how often.
func (s *store) compare(times func(*stored) int) (r peerResult) {
	for i := range s.events {
		switch n := times(&s.events[i]); {
		case n == 0:
			r.lost++
		case n > 1:
			r.repeated += n - 1
		}
	}
	return r
}

// writeAround writes a line a second, with what happens in the middle.
func writeAround(s *store, happen func(*store)) {
	for i := range 40 {
		if i == 10 {
			happen(s)
		}
		s.put(peerGroup, peerTask, "tick", 0)
		time.Sleep(time.Second)
	}
	time.Sleep(3 * time.Minute)
}

// TestPeers puts what breaks the known tailers before this one and before a
// simple one, and prints how both fare. Nothing may be lost or repeated.
func TestPeers(t *testing.T) {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "WHAT HAPPENS\tTHIS TAIL\tA SIMPLE TAIL")
	for _, c := range peerCases {
		var ours, simple peerResult
		synctest.Test(t, func(t *testing.T) {
			s := &store{}
			ring, tail := following(t, s, Options{}, []string{peerGroup}, func(*Tail, *Ring) { writeAround(s, c.happen) })
			times := map[uint64]int{}
			for _, line := range ring.Snapshot() {
				times[line.event]++
			}
			ours = s.compare(func(e *stored) int { return times[e.key()] })
			ours.died = tail.State()[0].Err != nil
		})
		synctest.Test(t, func(t *testing.T) {
			s := &store{}
			n := &simpleTail{source: s, group: peerGroup, next: time.Now().Add(-time.Minute), got: map[string]int{}}
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			s.put(peerGroup, peerTask, "before", -time.Second)
			running.Go(func() { n.run(ctx) })
			writeAround(s, c.happen)
			cancel()
			running.Wait()
			simple = s.compare(func(e *stored) int { return n.got[e.ID] })
			simple.died = n.died != nil && ctx.Err() != nil && !errors.Is(n.died, context.Canceled)
		})
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", c.name, ours, simple)
		if ours != (peerResult{}) {
			t.Errorf("%s: %s", c.name, ours)
		}
		if simple == (peerResult{}) {
			t.Errorf("%s: a simple tail survives it, so that it proves nothing", c.name)
		}
	}
	_ = w.Flush() // into memory
	t.Log("\n" + table.String())
}

// A full ring bounds what is read again and remembered, and still gets each
// line that it has room for once.
func TestFullRingIsNotReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		ring := NewRing(50, 0)
		tail := NewTail(s, ring, Options{})
		tail.SetGroups([]Group{{Name: peerGroup, Service: "orders"}})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = tail.Run(ctx) })
		for range 3000 {
			s.put(peerGroup, peerTask, "tick", 0)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		remembered := 0
		cancel()
		running.Wait()
		for _, span := range tail.pollers[Group{Name: peerGroup, Service: "orders"}].seen.spans {
			remembered += len(span)
		}
		if remembered > 300 {
			t.Errorf("%d events are remembered for 50 lines", remembered)
		}
		times := map[uint64]int{}
		for _, line := range ring.Snapshot() {
			times[line.event]++
		}
		for _, e := range s.events[len(s.events)-50:] {
			if n := times[e.key()]; n != 1 {
				t.Errorf("one of the newest lines came %d times", n)
			}
		}
		if stats := ring.Stats(); stats.Lines != 50 || stats.Dropped != 2950 {
			t.Errorf("stats %+v", stats)
		}
	})
}

// Lines from before the beginning come when they are asked for.
func TestReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		s.put(peerGroup, peerTask, "an hour ago", -time.Hour)
		s.put(peerGroup, peerTask, "half an hour ago", -30*time.Minute)
		ring, _ := following(t, s, Options{Since: time.Minute}, []string{peerGroup}, func(tail *Tail, ring *Ring) {
			time.Sleep(time.Minute)
			if n := ring.Stats().Lines; n != 0 {
				t.Fatalf("%d lines from before the beginning", n)
			}
			tail.ReadBack(time.Now().Add(-45 * time.Minute))
			time.Sleep(time.Second)
			if got := ringTexts(ring.Snapshot()); got != "half an hour ago" {
				t.Errorf("lines are %q", got)
			}
			tail.ReadBack(time.Now().Add(-2 * time.Hour))
			time.Sleep(time.Minute)
			if !tail.State()[0].Backfilled {
				t.Error("the older lines are never called read")
			}
		})
		exactlyOnce(t, ring, s)
	})
}

// A failure that the next try ends is nobody's business; one that lasts, or
// that only somebody can end, is.
func TestPassingFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		err     error
		passing bool
	}{
		"torn": {errTorn, true}, "throttled": {refusal{throttled: true}, true}, "denied": {refusal{permanent: true}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &store{}
			following(t, s, Options{}, []string{peerGroup}, func(tail *Tail, _ *Ring) {
				time.Sleep(10 * time.Second)
				s.mu.Lock()
				s.answer = func(int, Query) (Page, error, bool) { return Page{}, tt.err, true }
				s.mu.Unlock()
				for tail.State()[0].Err == nil {
					time.Sleep(100 * time.Millisecond)
				}
				if state := tail.State()[0]; state.Passing() != tt.passing {
					t.Errorf("%s: passing %v at its beginning", name, state.Passing())
				}
				time.Sleep(10 * time.Second)
				if state := tail.State()[0]; state.Passing() {
					t.Errorf("%s: passing after ten seconds", name)
				}
			})
		})
	}
}
