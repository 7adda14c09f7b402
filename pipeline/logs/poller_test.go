package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

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

// A machine whose clock is wrong sees the lines of one whose clock is right,
// and no worse.
func TestTailWithAWrongClock(t *testing.T) {
	for _, ahead := range []time.Duration{time.Minute, time.Hour, -time.Minute, -time.Hour} {
		for _, since := range []time.Duration{-1, 30 * time.Second, 10 * time.Minute} {
			synctest.Test(t, func(t *testing.T) {
				s := &store{skew: -ahead, latency: 200 * time.Millisecond}
				s.put("/ecs/orders", "app/orders/1", "old", -20*time.Second)
				s.put("/ecs/orders", "app/orders/1", "older", -2*time.Minute)
				ring, _ := following(t, s, Options{Since: since}, []string{"/ecs/orders"}, func(tail *Tail, ring *Ring) {
					time.Sleep(3 * time.Second)
					for range 20 {
						id := s.put("/ecs/orders", "app/orders/1", "tick", 0)
						time.Sleep(7 * time.Second)
						if lines := withText(ring, "tick"); len(lines) == 0 || lines[len(lines)-1].event != (&Event{ID: id}).key() {
							t.Fatal("not shown yet")
						}
					}
					time.Sleep(time.Minute)
					if state := tail.State()[0]; state.Behind != 0 || state.Late != 0 {
						t.Errorf("state = %+v", state)
					}
				})
				old, older := len(withText(ring, "old")), len(withText(ring, "older"))
				if wants := since > 0; old == 0 && wants || older == 0 && since > time.Minute || len(withText(ring, "tick")) != 20 {
					t.Errorf("ahead %v, since %v: %d old and %d older lines", ahead, since, old, older)
				}
			})
		}
	}
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

// What a server does not know, such as an order, is done without, and keeps
// nobody from the newest lines.
func TestTailRefusedBackfill(t *testing.T) {
	for _, known := range []string{"oldest first", "nothing"} {
		synctest.Test(t, func(t *testing.T) {
			s := &store{}
			s.answer = func(_ int, q Query) (Page, error, bool) {
				backfill := !q.End.IsZero() && q.End.Before(time.Now().Add(-30*time.Second)) && q.Start.Before(time.Now().Add(-5*time.Minute))
				return Page{}, refusal{permanent: true}, q.NewestFirst || backfill && known == "nothing"
			}
			s.put("/ecs/orders", "app/orders/1", "old", -5*time.Minute)
			ring, _ := following(t, s, Options{}, []string{"/ecs/orders"}, func(_ *Tail, ring *Ring) {
				for range 20 {
					id := s.put("/ecs/orders", "app/orders/1", "tick", 0)
					time.Sleep(6 * time.Second)
					if lines := withText(ring, "tick"); len(lines) == 0 || lines[len(lines)-1].event != (&Event{ID: id}).key() {
						t.Fatal("not shown yet")
					}
				}
			})
			if known == "oldest first" {
				exactlyOnce(t, ring, s)
			}
		})
	}
}

// A token that the source refuses for good is given up at once.
func TestTailRefusedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{pageSize: 3}
		expired := expiredTokens()
		s.answer = func(n int, q Query) (Page, error, bool) {
			_, _, refused := expired(n, q)
			return Page{}, refusal{permanent: true}, refused
		}
		for range 10 {
			s.put("/ecs/orders", "app/orders/1", "tick", 0)
		}
		ring, _ := following(t, s, Options{}, []string{"/ecs/orders"}, func(*Tail, *Ring) { time.Sleep(10 * time.Second) })
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
				if got := ring.Snapshot(); len(got) != tt.want || got[0].event != s.events[tt.want-1].key() {
					t.Errorf("%d lines, want the newest %d; oldest is %v", len(got), tt.want, got[0].Timestamp())
				}
			})
		})
	}
}

// Two consoles that share a quota of five requests a second find a pace at
// which both are served, and neither loses or repeats a line.
func TestTwoTailsShareAQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var granted []time.Time
		refused := 0
		s := &store{}
		s.answer = func(int, Query) (Page, error, bool) {
			mu.Lock()
			defer mu.Unlock()
			now := time.Now()
			granted = slices.DeleteFunc(granted, func(at time.Time) bool { return now.Sub(at) >= time.Second })
			if len(granted) >= 5 {
				refused++
				return Page{}, refusal{throttled: true}, true
			}
			granted = append(granted, now)
			return Page{}, nil, false
		}
		groups := []string{"/ecs/a", "/ecs/b", "/ecs/c", "/ecs/d", "/ecs/e", "/ecs/f"}
		first, _ := following(t, s, Options{}, groups, func(*Tail, *Ring) {
			second, _ := following(t, s, Options{}, groups, func(*Tail, *Ring) {
				for i := range 600 {
					s.put(groups[i%len(groups)], "app/x/1", "tick", 0)
					time.Sleep(time.Second)
				}
				time.Sleep(time.Minute)
			})
			exactlyOnce(t, second, s)
		})
		exactlyOnce(t, first, s)
		if share := float64(refused) / float64(s.count()); share > 0.05 {
			t.Errorf("%d of %d requests were refused", refused, s.count())
		}
	})
}

// A group in which nothing is written costs little, and what comes two minutes
// late there is still found within half a minute.
func TestQuietGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		ring, _ := following(t, s, Options{}, []string{"/ecs/a"}, func(tail *Tail, ring *Ring) {
			tail.SetPace(func(Group) Pace { return Pace{Interval: 6 * time.Second, Idle: 20 * time.Second} })
			time.Sleep(5 * time.Minute)
			asked := s.count()
			time.Sleep(time.Hour)
			if n := s.count() - asked; n > 305 {
				t.Errorf("%d requests in an hour of silence, at a pause of 20 s and a sweep each 30 s", n)
			}
			s.put("/ecs/a", "app/x/1", "late", -110*time.Second)
			time.Sleep(41 * time.Second)
			if ring.Stats().Lines != 1 {
				t.Error("a line that comes 110 s late is not there after 40 s")
			}
		})
		exactlyOnce(t, ring, s)
	})
}

// A group is read at the pace that it is given, and at once when that becomes
// quicker.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		slow := Pace{Interval: 15 * time.Second, Idle: 30 * time.Second}
		ring, _ := following(t, s, Options{SweepEvery: time.Hour}, []string{"/ecs/a"}, func(tail *Tail, ring *Ring) {
			tail.SetPace(func(Group) Pace { return slow })
			time.Sleep(5 * time.Minute)
			asked := s.count()
			time.Sleep(5 * time.Minute)
			if n := s.count() - asked; n > 11 {
				t.Errorf("%d requests in five minutes at a pause of 30 s", n)
			}
			if state := tail.State()[0]; state.Behind != 0 {
				t.Errorf("behind %v at its own pace", state.Behind)
			}
			time.Sleep(31 * time.Second)
			s.put("/ecs/a", "app/x/1", "seen", 0)
			tail.SetPace(func(Group) Pace { return Pace{Interval: time.Second, First: true} })
			time.Sleep(100 * time.Millisecond)
			if ring.Stats().Lines != 1 {
				t.Error("a quicker pace waits for the slower one's end")
			}
		})
		exactlyOnce(t, ring, s)
	})
}

// At the start nothing is behind, however long the first answers take, and
// although their date says only the second: a clock that seems to be ahead for
// that moves the beginning back, and delays nothing.
func TestNotBehindAtTheStart(t *testing.T) {
	for _, skew := range []time.Duration{0, -2900 * time.Millisecond, -time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			s := &store{latency: 2 * time.Second, skew: skew}
			_, _ = following(t, s, Options{Since: time.Hour}, []string{"/ecs/a", "/ecs/b"}, func(tail *Tail, _ *Ring) {
				for range 20 {
					time.Sleep(time.Second)
					for _, state := range tail.State() {
						if state.Behind != 0 {
							t.Errorf("skew %v: behind %v", skew, state.Behind)
						}
					}
				}
			})
		})
	}
}

func TestLimiterRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := NewLimiter(0)
		for range 5 {
			limiter.Throttled() // of requests that were under way together
		}
		if got := limiter.Rate(); got < 2.6 || got > 2.7 {
			t.Errorf("rate %v after a throttle", got)
		}
		for range 30 {
			time.Sleep(2 * time.Second)
			limiter.Throttled()
		}
		if got := limiter.Rate(); got != lowestRate {
			t.Errorf("rate %v after many throttles", got)
		}
		for range 120 {
			time.Sleep(time.Second)
			limiter.Succeeded()
		}
		if got := limiter.Rate(); got != DefaultRate {
			t.Errorf("rate %v two minutes after the last throttle", got)
		}
		usual := 0
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for limiter.wait(ctx, false) == nil {
			usual++
		}
		if usual < 23 || usual > 25 {
			t.Errorf("%d requests in ten seconds that nobody waits for", usual)
		}
	})
}

// The rate is that of what comes now: what is read of the time before, at the
// start or after a failure, does not count, and what stopped is told at once.
func TestRateIsOfWhatComesNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		for i := range 5 * 60 * 20 { // twenty a second, for five minutes
			s.put("/ecs/orders", "app/orders/1", "tick", -time.Duration(i)*50*time.Millisecond)
			s.events[i].Ingested = s.events[i].Timestamp
		}
		broken := false
		s.answer = func(int, Query) (Page, error, bool) { return Page{}, errTorn, broken }
		near := func(when string, tail *Tail, want float64) {
			if got := tail.State()[0].Rate; got < want*0.8 || got > want*1.2 {
				t.Errorf("%s: %v lines a second, want %v", when, got, want)
			}
		}
		write := func(seconds, each int) {
			for range seconds {
				for range each {
					s.put("/ecs/orders", "app/orders/1", "tick", 0)
				}
				time.Sleep(time.Second)
			}
		}
		fail := func(is bool) {
			s.mu.Lock()
			defer s.mu.Unlock()
			broken = is
		}
		following(t, s, Options{Since: time.Hour}, []string{"/ecs/orders"}, func(tail *Tail, _ *Ring) {
			time.Sleep(100 * time.Millisecond)
			near("at the start", tail, 20)
			write(15, 3)
			near("after a while", tail, 3)
			fail(true)
			write(60, 3)
			fail(false)
			write(6, 3)
			near("after a failure", tail, 3)
			time.Sleep(20 * time.Second)
			near("when it is quiet", tail, 0)
		})
	})
}
