package logs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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
	now := time.Now()
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
	var page Page
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
	times := make(map[string]int)
	lines := ring.Snapshot()
	for i, line := range lines {
		times[line.ID]++
		if i > 0 && lines[i-1].compare(line) >= 0 {
			t.Errorf("line %d %q is out of order", i, line.Text)
		}
	}
	for _, e := range s.events {
		if times[e.ID] != 1 {
			t.Errorf("event %s %q came %d times", e.ID, e.Message, times[e.ID])
		}
	}
	if len(lines) != len(s.events) {
		t.Errorf("%d lines of %d events", len(lines), len(s.events))
	}
}

func TestTailLosesAndRepeatsNothing(t *testing.T) {
	const orders, users = "/ecs/orders", "/ecs/users"
	tests := []struct {
		name   string
		store  *store
		during func(*testing.T, *store, *Tail, *Ring)
	}{
		{"lines before and after the start", &store{}, func(t *testing.T, s *store, _ *Tail, _ *Ring) {
			for range 30 {
				s.put(orders, "app/orders/1", "tick", 0)
				time.Sleep(700 * time.Millisecond)
			}
		}},
		{"late line", &store{}, func(t *testing.T, s *store, _ *Tail, ring *Ring) {
			for i := range 60 {
				s.put(orders, "app/orders/1", "tick", 0)
				if i == 40 {
					s.put(orders, "app/orders/1", "late", -20*time.Second)
				}
				time.Sleep(time.Second)
			}
			time.Sleep(time.Minute)
			late := withText(ring, "late")
			if len(late) != 1 || late[0].Late < 20*time.Second {
				t.Errorf("late line is marked %v", late)
			}
			for _, line := range withText(ring, "tick") {
				if line.Late != 0 {
					t.Errorf("line in time is marked late by %v", line.Late)
				}
			}
		}},
		{"late by less than a sweep", &store{}, func(t *testing.T, s *store, _ *Tail, _ *Ring) {
			time.Sleep(3 * time.Minute)
			for _, offset := range []time.Duration{-9, -11, -60, -85} {
				s.put(orders, "app/orders/1", "late", offset*time.Second)
			}
		}},
		{"new stream", &store{}, func(t *testing.T, s *store, _ *Tail, _ *Ring) {
			s.put(orders, "app/orders/old", "a", 0)
			time.Sleep(10 * time.Second)
			s.put(orders, "app/orders/new", "b", 0)
			time.Sleep(time.Second)
			s.put(orders, "app/orders/new", "c", 0)
		}},
		{"clock ahead", &store{}, func(t *testing.T, s *store, _ *Tail, ring *Ring) {
			s.put(orders, "app/orders/1", "before", 0)
			time.Sleep(3 * time.Second)
			s.put(orders, "app/orders/2", "from the future", time.Minute)
			time.Sleep(3 * time.Second)
			s.put(orders, "app/orders/1", "after", 0)
			time.Sleep(3 * time.Second)
			if got := texts(ring); !slices.Equal(got, []string{"before", "from the future", "after"}) {
				t.Errorf("order is %q", got)
			}
			time.Sleep(2 * time.Minute)
		}},
		{"same millisecond, stored later", &store{}, func(t *testing.T, s *store, _ *Tail, _ *Ring) {
			time.Sleep(5 * time.Second)
			s.put(orders, "app/orders/1", "first", 0)
			s.put(orders, "app/orders/1", "first", 0)
			time.Sleep(3 * time.Second)
			s.put(orders, "app/orders/2", "sibling", -3*time.Second)
		}},
		{"eight throttles in a row", &store{answer: func(n int, _ Query) (Page, error, bool) {
			return Page{}, fmt.Errorf("filter: %w", refusal{throttled: true}), n >= 4 && n < 12
		}}, func(t *testing.T, s *store, tail *Tail, _ *Ring) {
			for range 40 {
				s.put(orders, "app/orders/1", "tick", 0)
				time.Sleep(time.Second)
			}
			for _, state := range tail.State() {
				if state.Throttled || state.Err != nil {
					t.Errorf("still throttled: %+v", state)
				}
				if state.Group.Name == orders && state.Throttles == 0 {
					t.Error("throttles are not counted")
				}
			}
		}},
		{"pages", &store{pageSize: 7}, func(t *testing.T, s *store, _ *Tail, _ *Ring) {
			for range 30 {
				for range 5 {
					s.put(orders, "app/orders/1", "tick", 0)
				}
				time.Sleep(time.Second)
			}
			time.Sleep(time.Minute)
		}},
		{"empty pages with a token", &store{answer: emptyPages()}, func(t *testing.T, s *store, _ *Tail, _ *Ring) {
			for range 20 {
				s.put(orders, "app/orders/1", "tick", 0)
				time.Sleep(time.Second)
			}
		}},
		{"torn answers", &store{pageSize: 3, answer: func(n int, _ Query) (Page, error, bool) {
			return Page{}, errTorn, n%3 == 0
		}}, func(t *testing.T, s *store, _ *Tail, _ *Ring) {
			for range 20 {
				s.put(orders, "app/orders/1", "tick", 0)
				time.Sleep(time.Second)
			}
			time.Sleep(time.Minute)
		}},
		{"expired tokens", &store{pageSize: 3, answer: expiredTokens()}, func(t *testing.T, s *store, _ *Tail, _ *Ring) {
			time.Sleep(time.Second)
			for range 20 {
				s.put(orders, "app/orders/1", "tick", 0)
			}
			time.Sleep(3 * time.Minute)
		}},
		{"backfill that begins anew", &store{pageSize: 2, answer: func(n int, q Query) (Page, error, bool) {
			return Page{}, errTorn, q.NewestFirst && q.NextToken != "" && n < 60
		}}, func(t *testing.T, s *store, _ *Tail, _ *Ring) {
			time.Sleep(3 * time.Minute)
		}},
		{"an hour without the source", &store{}, func(t *testing.T, s *store, tail *Tail, _ *Ring) {
			time.Sleep(time.Minute)
			s.mu.Lock()
			s.answer = func(int, Query) (Page, error, bool) { return Page{}, errors.New("no route to host"), true }
			s.mu.Unlock()
			for range 60 {
				s.put(orders, "app/orders/1", "tick", 0)
				time.Sleep(time.Minute)
			}
			if state := tail.State()[0]; state.Err == nil || state.Behind < 59*time.Minute {
				t.Errorf("state = %+v", state)
			}
			s.mu.Lock()
			s.answer = nil
			s.mu.Unlock()
		}},
		{"panic", &store{answer: func(n int, _ Query) (Page, error, bool) {
			if n == 3 {
				panic("nil map")
			}
			return Page{}, nil, false
		}}, func(t *testing.T, s *store, _ *Tail, _ *Ring) {
			s.put(orders, "app/orders/1", "tick", 0)
		}},
		{"token that leads to itself", &store{answer: func(n int, q Query) (Page, error, bool) {
			return Page{NextToken: "same"}, nil, q.End.IsZero()
		}}, func(t *testing.T, s *store, _ *Tail, _ *Ring) {
			s.put(orders, "app/orders/1", "tick", 0) // which only sweeps find
			time.Sleep(time.Minute)
			if n := s.count(); n > 120 {
				t.Errorf("%d requests in a minute: the token is followed for ever", n)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for i := range 5 {
					tt.store.put(orders, "app/orders/0", "old", -time.Duration(i)*110*time.Second)
					tt.store.put(users, "app/users/0", "old", -time.Duration(i)*110*time.Second)
				}
				ring, _ := following(t, tt.store, Options{}, []string{orders, users}, func(tail *Tail, ring *Ring) {
					tt.during(t, tt.store, tail, ring)
					time.Sleep(time.Minute)
				})
				exactlyOnce(t, ring, tt.store)
				for _, line := range withText(ring, "old") {
					if line.Late != 0 && tt.store.answer == nil {
						t.Errorf("line from before the start is marked late by %v", line.Late)
					}
				}
			})
		})
	}
}

// expiredTokens refuses every token until each group's query was begun anew
// twice.
func expiredTokens() func(int, Query) (Page, error, bool) {
	refused, anew := make(map[string]bool), make(map[string]int)
	return func(_ int, q Query) (Page, error, bool) {
		if q.NextToken != "" && anew[q.Group] < 2 {
			refused[q.Group] = true
			return Page{}, errors.New("the specified nextToken is invalid"), true
		}
		if q.NextToken == "" && refused[q.Group] {
			refused[q.Group] = false
			anew[q.Group]++
		}
		return Page{}, nil, false
	}
}

// emptyPages puts two empty pages before the one that each query is about.
func emptyPages() func(int, Query) (Page, error, bool) {
	return func(_ int, q Query) (Page, error, bool) {
		switch q.NextToken {
		case "":
			return Page{NextToken: "empty"}, nil, true
		case "empty":
			return Page{NextToken: "empty too"}, nil, true
		}
		return Page{}, nil, false
	}
}

func withText(ring *Ring, text string) (found []*Line) {
	for _, line := range ring.Snapshot() {
		if line.Text == text {
			found = append(found, line)
		}
	}
	return found
}

// texts returns the ring's lines but those from before the start.
func texts(ring *Ring) (texts []string) {
	for _, line := range ring.Snapshot() {
		if line.Text != "old" {
			texts = append(texts, line.Text)
		}
	}
	return texts
}

// A line that comes in within the overlap is shown by the next poll, without
// waiting for a sweep.
func TestTailOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		following(t, s, Options{}, []string{"/ecs/orders"}, func(_ *Tail, ring *Ring) {
			time.Sleep(95 * time.Second) // a sweep has just been
			s.put("/ecs/orders", "app/orders/1", "nine seconds old", -9*time.Second)
			time.Sleep(6 * time.Second)
			if len(withText(ring, "nine seconds old")) != 1 {
				t.Error("not shown yet")
			}
		})
	})
}

// More comes in than can be read: the tail says how far it is behind, reads on
// and catches up.
func TestTailBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{pageSize: 10}
		ring, _ := following(t, s, Options{}, []string{"/ecs/orders", "/ecs/users"}, func(tail *Tail, _ *Ring) {
			for range 30 {
				for range 60 {
					s.put("/ecs/orders", "app/orders/1", "tick", 0)
				}
				time.Sleep(time.Second)
			}
			state := tail.State()
			if state[0].Behind < behindAfter || state[0].Rate < 1 || state[0].LastSuccess.IsZero() {
				t.Errorf("busy group: %+v", state[0])
			}
			if state[1].Behind != 0 {
				t.Errorf("one group's load makes another late: %+v", state[1])
			}
			time.Sleep(20 * time.Minute)
			if state := tail.State()[0]; state.Behind != 0 || state.Rate != 0 {
				t.Errorf("still behind: %+v", state)
			}
		})
		exactlyOnce(t, ring, s)
	})
}

func TestTailSetGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		ring, tail := following(t, s, Options{}, []string{"/ecs/orders", "/ecs/users"}, func(tail *Tail, ring *Ring) {
			s.put("/ecs/orders", "app/orders/1", "order", 0)
			s.put("/ecs/users", "app/users/1", "user", 0)
			s.put("/ecs/payments", "app/payments/1", "payment", 0)
			time.Sleep(10 * time.Second)
			tail.SetGroups([]Group{{Name: "/ecs/payments", Service: "payments"}, {Name: "/ecs/orders", Service: "orders"}})
			time.Sleep(10 * time.Second)
			if got := texts(ring); !slices.Equal(got, []string{"order", "payment"}) {
				t.Errorf("lines are %q", got)
			}
			tail.SetGroups([]Group{{Name: "/ecs/payments", Service: "payments"}, {Name: "/ecs/orders", Service: "orders", StreamPrefix: "web"}})
			time.Sleep(10 * time.Second)
			if got := texts(ring); !slices.Equal(got, []string{"payment"}) {
				t.Errorf("lines are %q after the prefix changed", got)
			}
		})
		if dropped := ring.Stats().Dropped; dropped != 0 {
			t.Errorf("%d lines count as dropped", dropped)
		}
		if state := tail.State(); len(state) != 2 || state[0].Group.Name != "/ecs/payments" {
			t.Errorf("state = %+v", state)
		}
	})
}

// An error that only somebody's doing can end is asked about rarely, and ends
// when they did it.
func TestTailPermanentError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		denied := true
		s := &store{}
		s.answer = func(int, Query) (Page, error, bool) {
			return Page{}, fmt.Errorf("logs: %w", refusal{permanent: true}), denied
		}
		ring, _ := following(t, s, Options{}, []string{"/ecs/orders"}, func(tail *Tail, _ *Ring) {
			s.put("/ecs/orders", "app/orders/1", "tick", 0)
			time.Sleep(5 * time.Minute)
			if n := s.count(); n > 11 {
				t.Errorf("%d requests in five minutes", n)
			}
			s.mu.Lock()
			denied = false
			s.mu.Unlock()
			time.Sleep(time.Minute)
		})
		exactlyOnce(t, ring, s)
	})
}

func TestTailIdleCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		following(t, s, Options{}, []string{"/ecs/orders"}, func(*Tail, *Ring) {
			time.Sleep(10 * time.Minute)
			if n := s.count(); n > 150 {
				t.Errorf("%d requests in ten idle minutes", n)
			}
		})
	})
}

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := NewLimiter(4)
		start := time.Now()
		var order []int
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				if err := limiter.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
			})
		}
		gone := func() int {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return len(order)
		}
		time.Sleep(300 * time.Millisecond)
		limiter.Throttled()
		refused := time.Now()
		if n := gone(); n != 2 {
			t.Errorf("%d went before the refusal", n)
		}
		time.Sleep(150 * time.Millisecond)
		if n := gone(); n != 2 {
			t.Errorf("%d went although the quota is used up", n)
		}
		all.Wait()
		if !slices.IsSorted(order) {
			t.Errorf("out of turn: %v", order)
		}
		if took := time.Since(refused); took < 1400*time.Millisecond || time.Since(start) > 5*time.Second {
			t.Errorf("six requests took %v after the refusal", took)
		}
		for range 20 {
			limiter.Throttled()
		}
		waited := time.Now()
		if err := limiter.Wait(t.Context()); err != nil || time.Since(waited) > longestBackoff {
			t.Errorf("waited %v, %v: back-off is not capped", time.Since(waited), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := limiter.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait of an ended context = %v", err)
		}
	})
}

// Whatever is stored when, with whatever lag, and whatever the source answers:
// each event comes once, in order.
func TestTailUnderRandomFaults(t *testing.T) {
	for seed := range uint64(25) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			faults := rand.New(rand.NewPCG(seed, 2))
			s := &store{pageSize: 1 + random.IntN(40), latency: time.Duration(random.IntN(300)) * time.Millisecond}
			s.answer = func(int, Query) (Page, error, bool) {
				switch faults.IntN(20) {
				case 0, 1:
					return Page{}, refusal{throttled: true}, true
				case 2:
					return Page{}, errTorn, true
				case 3:
					return Page{}, context.DeadlineExceeded, true
				}
				return Page{}, nil, false
			}
			groups := []string{"/ecs/a", "/ecs/b", "/ecs/c"}
			ring, tail := following(t, s, Options{Since: 2 * time.Minute}, groups, func(*Tail, *Ring) {
				for range 400 {
					offset := -time.Duration(random.ExpFloat64()*2000) * time.Millisecond
					if random.IntN(10) == 0 {
						offset = time.Duration(random.IntN(90)-45) * time.Second
					}
					s.put(groups[random.IntN(3)], fmt.Sprint("app/x/", random.IntN(5)), "tick", offset)
					time.Sleep(time.Duration(random.IntN(600)) * time.Millisecond)
				}
				s.mu.Lock()
				s.answer = nil
				s.mu.Unlock()
				time.Sleep(3 * time.Minute)
			})
			exactlyOnce(t, ring, s)
			lines := 0
			for _, state := range tail.State() {
				lines += state.Lines
			}
			if lines != len(s.events) {
				t.Errorf("states count %d lines of %d", lines, len(s.events))
			}
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// The time before the start is read newest first, as far as the budget goes;
// a query that has to begin anew repeats nothing, however old its lines are.
func TestTailBackfill(t *testing.T) {
	tests := []struct {
		name  string
		pages int
		torn  bool
		want  int // of 30 events, the newest of which are in the first query
	}{
		{"whole", 100, false, 30},
		{"bounded", 4, false, 16},
		{"begun anew", 100, true, 30},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &store{pageSize: 3}
				for i := range 30 {
					s.put("/ecs/orders", "app/orders/1", "old", -time.Duration(i)*18*time.Second)
				}
				asked := 0
				s.answer = func(_ int, q Query) (Page, error, bool) {
					if q.NewestFirst {
						asked++
					}
					return Page{}, errTorn, tt.torn && q.NewestFirst && asked > 6 && asked < 12
				}
				o := Options{BackfillPages: tt.pages, Sweep: 20 * time.Second}
				ring, _ := following(t, s, o, []string{"/ecs/orders"}, func(tail *Tail, _ *Ring) {
					time.Sleep(2 * time.Minute)
					if state := tail.State()[0]; !state.Backfilled {
						t.Errorf("state = %+v", state)
					}
				})
				if got := ring.Snapshot(); len(got) != tt.want || got[0].ID != s.events[tt.want-1].ID {
					t.Errorf("%d lines, want the newest %d; oldest is %s", len(got), tt.want, got[0].ID)
				}
			})
		})
	}
}
