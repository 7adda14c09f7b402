package logs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// store is a log store that answers as CloudWatch does: by the events' own
// timestamps, in pages whose tokens mark a place in that order, so that what is
// stored behind the place is not found.
type store struct {
	mu       sync.Mutex
	events   []stored
	pageSize int
	queries  []Query
	answer   func(n int, query Query) (Page, error, bool) // overrules the n-th answer, from 1
	latency  time.Duration
	skew     time.Duration // of the store's clock, which its writers share
}

type stored struct {
	Event
	number int
}

var errTorn = errors.New("unexpected end of JSON input")

type refusal struct{ throttled, permanent bool }

func (r refusal) Error() string   { return "refused" }
func (r refusal) Throttled() bool { return r.throttled }
func (r refusal) Permanent() bool { return r.permanent }

// put stores an event whose timestamp is now plus offset.
func (s *store) put(group, stream, message string, offset time.Duration) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().Add(s.skew)
	n := len(s.events)
	id := fmt.Sprintf("%s-%06d", group, n)
	s.events = append(s.events, stored{number: n, Event: Event{
		ID: id, Group: group, Stream: stream, Message: message,
		Timestamp: now.Add(offset).Truncate(time.Millisecond), Ingested: now,
	}})
	return id
}

func (s *store) Filter(ctx context.Context, query Query) (Page, error) {
	if err := sleep(ctx, s.latency); err != nil {
		return Page{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queries = append(s.queries, query)
	if s.answer != nil {
		if page, err, overruled := s.answer(len(s.queries), query); overruled {
			return page, err
		}
	}
	return s.page(query), nil
}

// page answers a query from what is stored now.
func (s *store) page(query Query) Page {
	var found []stored
	for _, e := range s.events {
		outside := e.Timestamp.Before(query.Start) || !query.End.IsZero() && e.Timestamp.After(query.End)
		if e.Group == query.Group && !outside && strings.HasPrefix(e.Stream, query.StreamPrefix) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b stored) int {
		return cmp.Or(a.Timestamp.Compare(b.Timestamp), a.Ingested.Compare(b.Ingested), cmp.Compare(a.number, b.number))
	})
	if query.NewestFirst {
		slices.Reverse(found)
	}
	if i := slices.IndexFunc(found, func(e stored) bool { return e.ID == query.NextToken }); i >= 0 {
		found = found[i+1:]
	}
	page := Page{At: time.Now().Add(s.skew)}
	size := cmp.Or(s.pageSize, 10_000)
	for i, e := range found {
		if i == size {
			page.NextToken = found[i-1].ID
			break
		}
		page.Events = append(page.Events, e.Event)
	}
	return page
}

func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queries)
}

// following runs a tail of the groups over the store into a ring while during
// runs, and returns the ring and the tail, which has ended.
func following(t *testing.T, s *store, o Options, groups []string, during func(*Tail, *Ring)) (*Ring, *Tail) {
	t.Helper()
	ring := NewRing(0, 0)
	tail := NewTail(s, ring, o)
	var list []Group
	for _, name := range groups {
		list = append(list, Group{Name: name, Service: strings.TrimPrefix(name, "/ecs/")})
	}
	tail.SetGroups(list)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- tail.Run(ctx) }()
	during(tail, ring)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v, want the context's error", err)
	}
	return ring, tail
}

// exactlyOnce fails the test unless the ring holds each stored event once, in
// order.
func exactlyOnce(t *testing.T, ring *Ring, s *store) {
	t.Helper()
	times := make(map[uint64]int)
	lines := ring.Snapshot()
	for i, line := range lines {
		times[line.event]++
		if i > 0 && lines[i-1].compare(line) >= 0 {
			t.Errorf("line %d %q is out of order", i, line.Text)
		}
	}
	for _, e := range s.events {
		if n := times[e.key()]; n != 1 {
			t.Errorf("event %s %q came %d times", e.ID, e.Message, n)
		}
	}
	if len(lines) != len(s.events) {
		t.Errorf("%d lines of %d events", len(lines), len(s.events))
	}
}
