package logs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

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
			throttles := 0
			for _, state := range tail.State() {
				if throttles += state.Throttles; state.Throttled || state.Err != nil {
					t.Errorf("still throttled: %+v", state)
				}
			}
			if throttles != 8 {
				t.Errorf("%d throttles are counted", throttles)
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
