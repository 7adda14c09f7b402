package pipeline

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var confirmed = Confirmation{Reason: "errors on checkout", Typed: "ROLLBACK"}

// Two consoles confirm the same rollback at the same moment: one dispatches,
// and the other is told who was faster.
func TestTwoConsolesConfirmOneRollback(t *testing.T) {
	for round := range 50 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(time.Now())
			var got [2]Receipt
			var plans [2]Plan
			var operators [2]*Operator
			for i := range operators {
				operators[i] = operatorOver(start(t, w), w, &record{})
				var err error
				if plans[i], err = operators[i].PlanRollback(t.Context(), RollbackRequest{Environment: "production"}); err != nil {
					t.Fatal(err)
				}
			}
			var wg sync.WaitGroup
			for i, o := range operators {
				wg.Go(func() {
					time.Sleep(time.Duration(i*(round%3)) * time.Millisecond)
					got[i], _ = o.Execute(t.Context(), plans[i], confirmed)
				})
			}
			wg.Wait()
			if n := sentCount(w, "dispatch"); n != 1 {
				t.Fatalf("round %d: dispatched %d times", round, n)
			}
			won, lost := got[0], got[1]
			if won.Outcome != OutcomeDone {
				won, lost = lost, won
			}
			if won.Outcome != OutcomeDone || lost.Outcome != OutcomeRefused || lost.Code != "lane_locked" && lost.Code != "hold_changed" && lost.Code != "lane_held" && lost.Code != "rollout_in_flight" {
				t.Fatalf("round %d: %+v\n%+v", round, won, lost)
			}
			if !strings.Contains(lost.Sentence, "alice") {
				t.Errorf("round %d: nobody is named: %s %v", round, lost.Sentence, lost.Differences)
			}
		})
	}
}

// What becomes of the lock when the rollback is not sent, or the locks cannot
// be written.
func TestTheLockOfARollbackThatWasNotSent(t *testing.T) {
	bob := Hold{Environment: "production", Owner: "bob", Reason: "incident 7", Token: "bobs"}
	for name, tt := range map[string]struct {
		before  map[string]Hold
		fail    string // which write fails, and how
		err     error
		outcome Outcome
		left    string // owner of the lock that is left
	}{
		"the dispatch is refused":                   {nil, "dispatch", Errorf(KindForbidden, "no"), OutcomeRejected, ""},
		"the dispatch is refused, a hold was there": {map[string]Hold{"production": bob}, "dispatch", Errorf(KindForbidden, "no"), OutcomeRejected, "bob"},
		"the dispatch is in doubt":                  {nil, "dispatch", Errorf(KindUnavailable, "502"), OutcomeUnknown, "alice"},
		"locks cannot be written":                   {nil, "lock", Errorf(KindForbidden, "no"), OutcomeDone, ""},
		"the lock has run out":                      {map[string]Hold{"production": {Owner: "carol", Until: time.Unix(1, 0), Token: "old"}}, "", nil, OutcomeDone, "alice"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(time.Now())
				w.holds = tt.before
				o := operatorOver(start(t, w), w, &record{})
				p, err := o.PlanRollback(t.Context(), RollbackRequest{Environment: "production"})
				if err != nil {
					t.Fatal(err)
				}
				w.change(func(w *world) {
					w.onSend = func(_ *world, what string) error {
						if tt.fail != "" && strings.HasPrefix(what, tt.fail) {
							return tt.err
						}
						return nil
					}
				})
				c := confirmed
				c.Acks = []string{"hold"}
				got, err := o.Execute(t.Context(), p, c)
				if err != nil || got.Outcome != tt.outcome {
					t.Fatalf("%+v, %v", got, err)
				}
				h, locked := w.held("production")
				if locked != (tt.left != "") || h.Owner != tt.left {
					t.Errorf("left %+v", h)
				}
				if tt.fail == "lock" && !strings.Contains(got.Warning, "another console") {
					t.Errorf("no word about the missing lock: %q", got.Warning)
				}
			})
		})
	}
}

// A rollback that nobody stayed for is followed by its hold all the same: any
// console that sees it succeed turns its lock into one, once.
func TestAnyConsoleHoldsAfterARollback(t *testing.T) {
	for name, lifted := range map[string]bool{"left": false, "lifted meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(time.Now())
				first := operatorOver(start(t, w), w, &record{})
				p, err := first.PlanRollback(t.Context(), RollbackRequest{Environment: "production"})
				if err != nil {
					t.Fatal(err)
				}
				got, err := first.Execute(t.Context(), p, confirmed)
				if err != nil || got.Outcome != OutcomeDone {
					t.Fatalf("%+v %v", got, err)
				}
				w.change(func(w *world) {
					w.rolledBack(got.RunID, true)
					w.deployments["production"][0].Payload.RequestID = p.Intent.ID
					if lifted {
						delete(w.holds, "production")
					}
				})
				time.Sleep(90 * time.Minute) // the lock has run out by now
				another := start(t, w)
				var wg sync.WaitGroup
				for range 2 {
					o := operatorOver(another, w, &record{})
					wg.Go(func() { o.HoldAfter(context.Background(), another.Snapshot()) })
				}
				wg.Wait()
				h, held := w.held("production")
				if held == lifted || held && (!h.Until.IsZero() || !h.Marks(shaLive) || h.Owner != "alice") {
					t.Errorf("%+v", h)
				}
			})
		})
	}
}

// The lock that a failed rollback leaves does not stand in the way of its own
// operator's next one.
func TestTheLockOfAFailedRollbackGivesWayToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(time.Now())
		o := operatorOver(start(t, w), w, &record{})
		go o.Guard(t.Context())
		for round := range 2 {
			p, err := o.PlanRollback(t.Context(), RollbackRequest{Environment: "production"})
			if err != nil {
				t.Fatal(err)
			}
			got, err := o.Execute(t.Context(), p, confirmed)
			if err != nil || got.Outcome != OutcomeDone {
				t.Fatalf("round %d: %s %s %s %v, %v", round, got.Outcome, got.Code, got.Sentence, got.Differences, err)
			}
			if h, locked := w.held("production"); !locked || h.RequestID != p.Intent.ID {
				t.Errorf("round %d: locked for %+v", round, h)
			}
			w.change(func(w *world) { w.rolledBack(got.RunID, false) })
			time.Sleep(time.Minute)
		}
	})
}
