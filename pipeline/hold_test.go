package pipeline

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// localHolds is a HoldStore in memory.
type localHolds map[string]Hold

func (l localHolds) Holds() (map[string]Hold, error) { return l, nil }
func (l localHolds) Keep(h Hold) error               { l[h.Environment] = h; return nil }
func (l localHolds) Drop(environment string) error   { delete(l, environment); return nil }

func TestAHoldIsTakenAndLifted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(time.Now()), &record{}
		o := operatorOver(start(t, w), w, r)
		do := func(req HoldRequest, acks ...string) Receipt {
			t.Helper()
			p, err := o.PlanHold(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := o.Execute(t.Context(), p, Confirmation{Reason: "incident 7 is open", Acks: acks})
			if err != nil {
				return Receipt{Outcome: OutcomeRefused, Code: string(KindOf(err))}
			}
			return got
		}
		if got := do(HoldRequest{Environment: "production", Release: true}); got.Outcome != OutcomeRefused || got.Code != "not_held" {
			t.Errorf("lifted what was not held: %+v", got)
		}
		if got := do(HoldRequest{Environment: "production", For: time.Hour}); got.Outcome != OutcomeDone {
			t.Fatalf("%+v", got)
		}
		time.Sleep(time.Second)
		if h := o.engine.Snapshot(); h.Environment("production").Hold == nil || !strings.HasPrefix(h.Environment("production").Hold.Reason, "incident 7") {
			t.Fatalf("the snapshot shows %+v", h.Environment("production").Hold)
		}
		if got := do(HoldRequest{Environment: "production"}); got.Outcome != OutcomeRefused || got.Code != "held" {
			t.Errorf("held twice: %+v", got)
		}
		w.change(func(w *world) {
			h := w.holds["production"]
			h.Owner = "bob"
			w.holds["production"] = h
		})
		if got := do(HoldRequest{Environment: "production", Release: true}); got.Outcome != OutcomeRefused {
			t.Errorf("lifted another's hold without a word: %+v", got)
		}
		if got := do(HoldRequest{Environment: "production", Release: true}, "hold"); got.Outcome != OutcomeDone || len(w.holds) != 0 {
			t.Errorf("%+v, %v", got, w.holds)
		}
	})
}

func TestAHoldRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(time.Now())
		w.holds = map[string]Hold{"production": {Owner: "bob", Reason: "lunch", Until: time.Now().Add(time.Hour), Token: "t"}}
		if h := settledEngine(w).Snapshot().Environment("production").Hold; h == nil || h.Owner != "bob" {
			t.Errorf("%+v", h)
		}
		time.Sleep(61 * time.Minute)
		if h := settledEngine(w).Snapshot().Environment("production").Hold; h != nil {
			t.Errorf("it holds for longer than it said: %+v", h)
		}
	})
}

// Between the sheet and its confirmation somebody else takes the hold: one of
// the two gets it, and the other a refusal.
func TestOnlyOneOfTwoTakesAHold(t *testing.T) {
	for name, when := range map[string]string{"before the re-check": "", "in the last moment": "lock"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, r := newWorld(time.Now()), &record{}
				o := operatorOver(start(t, w), w, r)
				p, err := o.PlanHold(t.Context(), HoldRequest{Environment: "production"})
				if err != nil {
					t.Fatal(err)
				}
				other := func(w *world) { w.holds = map[string]Hold{"production": {Owner: "bob", Token: "other"}} }
				if when == "" {
					w.change(other)
				} else {
					w.change(func(w *world) { w.onSend = func(w *world, _ string) error { other(w); return nil } })
				}
				got, err := o.Execute(t.Context(), p, Confirmation{Reason: "incident 7 is open"})
				if err != nil || (got.Outcome != OutcomeRefused && got.Outcome != OutcomeRejected) || w.holds["production"].Owner != "bob" {
					t.Errorf("%+v, %v", got, err)
				}
			})
		})
	}
}

// Without the right to write the hold is this machine's alone, and says so.
func TestAHoldOfThisMachineAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r, local := newWorld(time.Now()), &record{}, localHolds{}
		w.role = "pull"
		e := start(t, w)
		e.opt.LocalHolds = local
		o := operatorOver(e, w, r)
		p, err := o.PlanHold(t.Context(), HoldRequest{Environment: "production"})
		if err != nil {
			t.Fatal(err)
		}
		if g := gate(t, p, "H2"); !g.Warns() || !strings.Contains(g.Sentence, "this machine alone") {
			t.Errorf("%+v", g)
		}
		got, err := o.Execute(t.Context(), p, Confirmation{Reason: "incident 7 is open"})
		if err != nil || got.Outcome != OutcomeDone || len(w.sent) != 0 || local["production"].Owner != "alice" {
			t.Errorf("%+v, %v, sent %v, kept %v", got, err, w.sent, local)
		}
		p, err = o.PlanHold(t.Context(), HoldRequest{Environment: "production", Release: true})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := o.Execute(t.Context(), p, Confirmation{Reason: "incident 7 is over"}); err != nil || got.Outcome != OutcomeDone || len(local) != 0 {
			t.Errorf("%+v, %v, kept %v", got, err, local)
		}
	})
}

// The team's policy says how long a hold may last.
func TestAHoldEndsByPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(time.Now())
		w.configure = func(c *Configuration) { c.Policy.MaxHold = 8 * time.Hour }
		o := operatorOver(start(t, w), w, &record{})
		long, err := o.PlanHold(t.Context(), HoldRequest{Environment: "production", For: 9 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if g := gate(t, long, "H3"); !g.Blocks() || !strings.Contains(g.Sentence, "8h") {
			t.Errorf("%+v", g)
		}
		open, err := o.PlanHold(t.Context(), HoldRequest{Environment: "production"})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := o.Execute(t.Context(), open, Confirmation{Reason: "incident 7 is open"}); err != nil || got.Outcome != OutcomeDone {
			t.Fatalf("%+v, %v", got, err)
		}
		if h := w.holds["production"]; h.Until.Sub(h.Since) != 8*time.Hour {
			t.Errorf("it holds from %s until %s", h.Since, h.Until)
		}
	})
}
