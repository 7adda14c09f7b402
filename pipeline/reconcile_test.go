package pipeline

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// An intent without a receipt is looked for by its effect. Nothing is sent.
func TestReconcileFindsEffectOrAbsence(t *testing.T) {
	dispatched := func(title, actor string) func(*world) {
		return func(w *world) {
			w.runs = append(w.runs, Run{ID: 700, Workflow: "rollback.yml", Number: 4, Event: "workflow_dispatch", Branch: "main", Actor: actor, Title: title, Created: time.Now()})
		}
	}
	review := Intent{ID: "REQ1", Kind: PlanApprove, RunID: productionRun, GateID: 7, SHA: shaNew, Environment: "production"}
	rerun := Intent{ID: "REQ2", Kind: PlanRerun, RunID: 99, RunAttempt: 1}
	cancel := Intent{ID: "REQ3", Kind: PlanCancel, RunID: productionRun}
	rollback := Intent{ID: "REQ4", Kind: PlanRollback, Workflow: "rollback.yml", Ref: "main", Operator: "alice"}
	tests := map[string]struct {
		intent Intent
		change func(*world)
		want   Finding
	}{
		"approved": {review, func(w *world) {
			w.reviews[productionRun] = []Review{{State: "approved", Comment: "ship it [deployctl req=REQ1 journal=1:abc]"}}
		}, FoundEffect},
		"approved by another": {review, func(w *world) {
			w.reviews[productionRun] = []Review{{State: "approved", Comment: "[deployctl req=REQ9]"}}
			delete(w.pending, productionRun)
		}, FoundAbsence},
		"not approved":     {review, func(*world) {}, FoundAbsence},
		"run again":        {rerun, func(w *world) { w.runs[1].Attempt = 2 }, FoundEffect},
		"not run again":    {rerun, func(*world) {}, FoundAbsence},
		"cancelled":        {cancel, func(w *world) { w.runs[0].Status, w.runs[0].Conclusion = StatusCompleted, ConclusionCancelled }, FoundEffect},
		"ended by itself":  {cancel, func(w *world) { w.runs[0].Status, w.runs[0].Conclusion = StatusCompleted, ConclusionFailure }, FoundDoubt},
		"not cancelled":    {cancel, func(*world) {}, FoundAbsence},
		"dispatched":       {rollback, dispatched("Roll back [req REQ4]", "alice"), FoundEffect},
		"another's":        {rollback, dispatched("Roll back [req REQ9]", "alice"), FoundAbsence},
		"nameless":         {rollback, dispatched("Roll back", "alice"), FoundDoubt},
		"another operator": {rollback, dispatched("Roll back", "bob"), FoundAbsence},
		"not dispatched":   {rollback, func(*world) {}, FoundAbsence},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, r := newWorld(time.Now()), &record{}
				w.change(tt.change)
				data, err := json.Marshal(tt.intent)
				if err != nil {
					t.Fatal(err)
				}
				r.left = []Abandoned{{At: time.Now(), Data: data}}
				e := start(t, w)
				began := time.Now()
				found, err := operatorOver(e, w, r).Reconcile(t.Context())
				if err != nil || len(found) != 1 || found[0].Finding != tt.want || found[0].Sentence == "" {
					t.Fatalf("found %+v, %v; want %s", found, err, tt.want)
				}
				if len(w.sent) != 0 {
					t.Errorf("sent %v", w.sent)
				}
				if len(r.kinds) != 1 || r.kinds[0] != "reconciled "+string(tt.intent.Kind) || !strings.Contains(r.data[0], tt.intent.ID) {
					t.Errorf("journal %v %v", r.kinds, r.data)
				}
				if waited := time.Since(began); tt.want == FoundAbsence && waited < 30*time.Second {
					t.Errorf("said that it is absent after %s, when it may still have been on its way", waited)
				}
				synctest.Wait()
				time.Sleep(time.Second)
				if s := e.Snapshot(); len(s.Reconciled) != 1 {
					t.Errorf("the snapshot shows %v", s.Reconciled)
				}
			})
		})
	}
}

// What cannot be looked up stays open, for the next start.
func TestReconcileLeavesWhatItCannotLookUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(time.Now()), &record{left: []Abandoned{{At: time.Now(), Data: json.RawMessage(`{"id":"REQ1","kind":"approve","run_id":100}`)}}}
		w.change(func(w *world) { w.fail["Reviews"] = Errorf(KindUnavailable, "502") })
		found, err := operatorOver(start(t, w), w, r).Reconcile(t.Context())
		var told *Error
		if len(found) != 0 || !errors.As(err, &told) || told.Kind != KindUnavailable || len(r.kinds) != 0 {
			t.Errorf("found %v, error %v, journal %v", found, err, r.kinds)
		}
	})
}
