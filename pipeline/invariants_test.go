package pipeline

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Each test of this file is named after an invariant of the engine, and fails
// when its rule is broken.

// rolloutOf finds a rollout.
func rolloutOf(t *testing.T, s *Snapshot, id string) Rollout {
	t.Helper()
	i := slices.IndexFunc(s.Rollouts, func(r Rollout) bool { return r.ID == id })
	if i < 0 {
		t.Fatalf("no rollout %s in %+v", id, s.Rollouts)
	}
	return s.Rollouts[i]
}

func TestInvariant01LiveComesFromECSOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tests := map[string]struct {
			arrange func(rolling)
			want    string
			verdict LiveVerdict
		}{
			"nothing new":                 {func(rolling) {}, "tree-live", LiveSame},
			"a green run, ECS has it not": {func(r rolling) { r.deploying("success") }, "tree-live", LiveSame},
			"a cancelled run, ECS has it": {func(r rolling) { r.run(StatusCompleted, ConclusionCancelled); r.live("new") }, "tree-new", LiveSame},
			"a failed one, ECS has it":    {func(r rolling) { r.deploying("failure"); r.live("new") }, "tree-new", LiveSame},
			"ECS in between":              {func(r rolling) { r.deploying("success"); r.live("new", "live") }, "tree-live", LiveMixed},
			"GitHub knows nothing":        {func(r rolling) { r.world.runs, r.world.deployments = r.runs[:0], nil }, "tree-live", LiveSame},
			"ECS does not say":            {func(r rolling) { r.world.services = map[string][]ServiceState{} }, "", LiveUnknown},
		}
		for name, tt := range tests {
			w := newWorld(time.Now())
			tt.arrange(rolling{w, time.Now()})
			live := settledEngine(w).Snapshot().Environment("production").Live
			got := w.commits[live.Release.SHA].Tree // a merge and what it merged are one release
			if got != tt.want || live.Verdict != tt.verdict {
				t.Errorf("%s: %s %s, want %s %s", name, got, live.Verdict, tt.want, tt.verdict)
			}
		}
	})
}

func TestInvariant02OneMutatingRolloutAndTheRefusalNamesTheHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(time.Now()), &record{}
		w.runs = append(w.runs, Run{ID: 98, Workflow: "cd-production.yml", Number: 11, Attempt: 1, Status: StatusInProgress, SHA: shaOlder, Created: time.Now().Add(-time.Hour)})
		o := operatorOver(start(t, w), w, r)
		approval, err := o.PlanReview(t.Context(), ReviewRequest{RunID: productionRun})
		if err != nil {
			t.Fatal(err)
		}
		rollback, err := o.PlanRollback(t.Context(), RollbackRequest{Environment: "production"})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range []Gate{gate(t, approval, "A15"), gate(t, rollback, "R7")} {
			if !g.Blocks() || !strings.Contains(g.Sentence, "cd-production.yml #11") {
				t.Errorf("%s does not refuse by the holder's name: %+v", g.ID, g)
			}
		}
		for p, c := range map[*Plan]Confirmation{&approval: {Comment: "ship it"}, &rollback: {Reason: "errors on checkout", Typed: "ROLLBACK"}} {
			if got, err := o.Execute(t.Context(), *p, c); err != nil || got.Outcome != OutcomeRefused || len(w.sent) != 0 {
				t.Errorf("%s %v, sent %v", got.Outcome, err, w.sent)
			}
		}
	})
}

func TestInvariant03AReleaseAndItsRunNeverChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(time.Now())
		r := rolling{w, time.Now()}
		r.deploying("failure")
		before := rolloutOf(t, settledEngine(w).Snapshot(), "deployment/9")
		w.runs[0].Attempt = 2
		r.run(StatusInProgress, "")
		s := settledEngine(w).Snapshot()
		after := rolloutOf(t, s, "deployment/9")
		if before.Run != after.Run || before.Release.SHA != after.Release.SHA || after.Phase != PhaseFailed {
			t.Errorf("the first attempt became %+v", after)
		}
		again := rolloutOf(t, s, "run/100")
		if again.Run != (RunKey{100, 2}) || !again.Active() {
			t.Errorf("the second attempt is %+v", again)
		}
	})
}

func TestInvariant04ARollbackIsANewRollout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(time.Now())
		before := rolloutOf(t, settledEngine(w).Snapshot(), "deployment/3")
		back := deployed(10, "production", shaNew, "older", time.Now(), "live")
		back.Payload.Kind, back.Payload.RollbackOf, back.Payload.To = "rollback", 3, 2
		w.deployments["production"] = slices.Insert(w.deployments["production"], 0, back)
		s := settledEngine(w).Snapshot()
		left, rollback := rolloutOf(t, s, "deployment/3"), rolloutOf(t, s, "deployment/10")
		if left.Release.SHA != before.Release.SHA || left.Started != before.Started || left.RolledBackBy != 10 || left.Kind != before.Kind {
			t.Errorf("history was rewritten: %+v", left)
		}
		if rollback.Kind != RolloutRollback || rollback.RollbackOf != 3 || rollback.Release.SHA != shaOlder {
			t.Errorf("the rollback is %+v", rollback)
		}
	})
}

func TestInvariant05AnApprovalBindsToWhatWasShown(t *testing.T) {
	tests := map[string]func(*world){
		"attempt":     func(w *world) { w.runs[0].Attempt = 2 },
		"commit":      func(w *world) { w.runs[0].SHA = shaStage },
		"environment": func(w *world) { w.pending[productionRun][0].EnvironmentID = 8 },
		"gates":       func(w *world) { w.rules[0].Reviewers = nil },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, r := newWorld(time.Now()), &record{}
				o := operatorOver(start(t, w), w, r)
				p, err := o.PlanReview(t.Context(), ReviewRequest{RunID: productionRun})
				if err != nil {
					t.Fatal(err)
				}
				w.change(change)
				if name == "gates" {
					if err := o.engine.readRules(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				got, err := o.Execute(t.Context(), p, Confirmation{Comment: "ship it"})
				if err != nil || got.Outcome != OutcomeRefused || len(w.sent) != 0 {
					t.Errorf("%s %q %v, sent %v", got.Outcome, got.Code, err, w.sent)
				}
			})
		})
	}
}

// Whichever source fails, no check that stands on it passes; and of a rollback
// only who acts and on what can refuse because it is unknown.
func TestInvariant06UnknownIsNeverPass(t *testing.T) {
	for _, source := range []string{
		"Runs", "Compare", "Compare main", "Checks", "Deployments", "WorkflowFile", "File",
		"Holds", "Services", "Alarms", "Targets", "TaskDefinition", "Images", "Snapshots", "Expiries",
	} {
		t.Run(source, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := richWorld(time.Now())
				w.services["shop-production"][0].AlarmNames = []string{"5xx"}
				w.compare.Files = []ChangedFile{{Path: "orders/migrations/0001_x.py"}}
				w.contents["orders/migrations/0001_x.py"] = "    operations = []\n"
				o := operatorOver(start(t, w), w, &record{})
				w.change(func(w *world) { w.fail[source] = errDown })
				unknown := 0
				if p, err := o.PlanReview(t.Context(), ReviewRequest{RunID: productionRun}); err == nil {
					unknown += judgeUnknown(t, p, Block, nil)
				}
				if p, err := o.PlanRollback(t.Context(), RollbackRequest{Environment: "production"}); err == nil {
					unknown += judgeUnknown(t, p, Acknowledge, []string{"R1", "R20"})
				}
				if unknown == 0 {
					t.Errorf("nothing became unknown")
				}
			})
		})
	}
}

// judgeUnknown counts the unknown checks of a plan. Those whose evidence failed
// must be among them, and none may ask more than most, but for the named ones.
func judgeUnknown(t *testing.T, p Plan, most Severity, identity []string) int {
	t.Helper()
	n := 0
	for _, g := range p.Gates {
		if g.Err != nil && g.Verdict == Pass {
			t.Errorf("%s passes on evidence that could not be read: %s", g.ID, g.Sentence)
		}
		if g.Verdict != Unknown {
			continue
		}
		n++
		if g.Effect > most && !slices.Contains(identity, g.ID) {
			t.Errorf("%s: an unknown asks for %s", g.ID, g.Effect)
		}
	}
	return n
}

func TestInvariant07PromotionNeedsThisReleaseVerifiedAndSoaked(t *testing.T) {
	tests := map[string]struct {
		change func(*world)
		want   Severity
		names  string
	}{
		"exactly it":      {func(*world) {}, Inform, "exactly this release"},
		"never there":     {func(w *world) { w.services["shop-staging"], w.deployments["staging"] = onStaging("live", shaLive), nil }, Block, "never ran it"},
		"in part":         {func(w *world) { w.services["shop-staging"][0] = service("orders", "live", shaLive) }, Block, "1 of 2"},
		"not long enough": {func(w *world) { w.deployments["staging"][0].Statuses[0].Created = time.Now() }, Block, "soaked"},
		"it has moved on": {func(w *world) {
			w.services["shop-staging"] = onStaging("older", shaOlder)
			w.deployments["staging"] = slices.Insert(w.deployments["staging"], 0, deployed(14, "staging", shaOlder, "older", time.Now(), "new"))
		}, Warn, "v-older"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(time.Now())
				tt.change(w)
				p, err := operatorOver(start(t, w), w, &record{}).PlanReview(t.Context(), ReviewRequest{RunID: productionRun})
				if err != nil {
					t.Fatal(err)
				}
				if g := gate(t, p, "A7"); g.Effect != tt.want || !strings.Contains(g.Sentence, tt.names) {
					t.Errorf("%s %s (%s), want %s (%s)", g.Verdict, g.Effect, g.Sentence, tt.want, tt.names)
				}
			})
		})
	}
}

func onStaging(release, sha string) []ServiceState {
	return []ServiceState{service("orders", release, sha), service("users", release, sha)}
}

func TestInvariant08ARollbackPassesPolicyAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(time.Now())
		w.configure = func(c *Configuration) { c.Policy.Freezes = []FreezeWindow{{Reason: "Christmas"}} }
		o := operatorOver(start(t, w), w, &record{})
		rollback, err := o.PlanRollback(t.Context(), RollbackRequest{Environment: "production"})
		if err != nil {
			t.Fatal(err)
		}
		if g := gate(t, rollback, "R21"); g.Blocks() || g.NeedsAck() || !strings.Contains(g.Sentence, "Christmas") {
			t.Errorf("a freeze stops a rollback, or is not noted: %+v", g)
		}
		approval, err := o.PlanReview(t.Context(), ReviewRequest{RunID: productionRun})
		if err != nil {
			t.Fatal(err)
		}
		if g := gate(t, approval, "A16"); !g.Blocks() {
			t.Errorf("a freeze does not stop an approval: %+v", g)
		}
	})
	for _, r := range rollbackRows {
		if r.code == "rollback_claimed" {
			continue // R21 speaks of the lane here: somebody else rolls back now
		}
		if r.effect == Block && !slices.Contains(append([]string{"R1"}, rollbackIdentity...), r.id) {
			t.Errorf("%s refuses a rollback and is no check of identity, lane or feasibility", r.id)
		}
	}
}

func TestInvariant09ASuccessfulRollbackHoldsAndMarks(t *testing.T) {
	for name, succeeds := range map[string]bool{"succeeded": true, "failed": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, r := newWorld(time.Now()), &record{}
				o := operatorOver(start(t, w), w, r)
				go o.Guard(t.Context())
				p, err := o.PlanRollback(t.Context(), RollbackRequest{Environment: "production"})
				if err != nil {
					t.Fatal(err)
				}
				got, err := o.Execute(t.Context(), p, Confirmation{Reason: "errors on checkout", Typed: "ROLLBACK"})
				if err != nil || got.Outcome != OutcomeDone {
					t.Fatalf("%s %s %v", got.Outcome, got.Sentence, err)
				}
				time.Sleep(time.Minute)
				if h, locked := w.held("production"); !locked || h.Until.IsZero() || h.RequestID != p.Intent.ID || len(h.Faulty) > 0 {
					t.Fatalf("not locked for this rollback alone: %+v", h)
				}
				w.change(func(w *world) { w.rolledBack(got.RunID, succeeds) })
				time.Sleep(3 * time.Minute)
				h, _ := w.held("production")
				held := h.Until.IsZero() // the lock of a rollback that failed runs out
				if held != succeeds {
					t.Fatalf("held: %t, the rollback %s", held, name)
				}
				if held && (h.Cause != "rollback" || !h.Marks(shaLive) || h.Owner != "alice") {
					t.Errorf("%+v", h)
				}
				if n := sentCount(w, "lock production"); n > 2 {
					t.Errorf("locked %d times", n)
				}
				if !held {
					return
				}
				approval, err := o.PlanReview(t.Context(), ReviewRequest{RunID: productionRun})
				if err != nil {
					t.Fatal(err)
				}
				if g := gate(t, approval, "A16"); !g.Blocks() || g.Code != "held" {
					t.Errorf("the lane is not held: %+v", g)
				}
			})
		})
	}
}

// rolledBack ends a rollback run and what it left on record.
func (w *world) rolledBack(run int64, succeeds bool) {
	i := slices.IndexFunc(w.runs, func(r Run) bool { return r.ID == run })
	w.runs[i].Status, w.runs[i].Conclusion, w.runs[i].Updated = StatusCompleted, ConclusionSuccess, time.Now()
	back := deployed(10, "production", shaLive, "older", time.Now(), "live")
	back.Payload.Kind, back.Payload.RollbackOf, back.Payload.To, back.Payload.RunID = "rollback", 3, 2, run
	if !succeeds {
		w.runs[i].Conclusion = ConclusionFailure
		back.Statuses = []DeploymentStatus{{State: "failure", Created: time.Now()}}
	} else {
		w.services["shop-production"] = []ServiceState{service("orders", "older", shaOlder), service("users", "older", shaOlder)}
	}
	w.deployments["production"] = slices.Insert(w.deployments["production"], 0, back)
}

func TestInvariant10RequestedIsNotEffective(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(time.Now()), &record{}
		o := operatorOver(start(t, w), w, r)
		p, err := o.PlanCancel(t.Context(), RunRequest{RunID: productionRun})
		if err != nil {
			t.Fatal(err)
		}
		got, err := o.Execute(t.Context(), p, Confirmation{}) // GitHub takes it, and the run goes on
		if err != nil || got.Outcome != OutcomeUnseen || !strings.Contains(got.Sentence, "sent, not yet seen") || len(w.sent) != 1 {
			t.Errorf("%s %q %v, sent %v", got.Outcome, got.Sentence, err, w.sent)
		}
	})
}

func TestInvariant11EveryCommandLeavesAReceipt(t *testing.T) {
	tests := map[string]struct {
		change func(*world) // after the plan
		onSend func(*world, string) error
		want   Outcome
	}{
		"done":     {func(*world) {}, func(w *world, _ string) error { w.runs[0].Status = StatusCompleted; return nil }, OutcomeDone},
		"refused":  {func(w *world) { w.runs[0].Attempt = 2 }, nil, OutcomeRefused},
		"unread":   {func(w *world) { w.fail["Run"] = errDown }, nil, OutcomeRefused},
		"rejected": {func(*world) {}, func(*world, string) error { return Errorf(KindForbidden, "no") }, OutcomeRejected},
		"unseen":   {func(*world) {}, nil, OutcomeUnseen},
		"unknown":  {func(*world) {}, func(*world, string) error { return errDown }, OutcomeUnknown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, r := newWorld(time.Now()), &record{}
				o := operatorOver(start(t, w), w, r)
				p, err := o.PlanCancel(t.Context(), RunRequest{RunID: productionRun})
				if err != nil {
					t.Fatal(err)
				}
				w.change(func(w *world) { tt.change(w); w.onSend = tt.onSend })
				got, err := o.Execute(t.Context(), p, Confirmation{Acks: []string{"override"}})
				if err != nil || got.Outcome != tt.want {
					t.Fatalf("%s %q, %v; want %s", got.Outcome, got.Sentence, err, tt.want)
				}
				last := len(r.kinds) - 1
				if last < 0 || r.kinds[last] != "receipt cancel" || !strings.Contains(r.data[last], `"acks":["override"]`) || !strings.Contains(r.data[last], string(tt.want)) {
					t.Errorf("journal %v %v", r.kinds, r.data)
				}
			})
		})
	}
}

// What watch is built from cannot change anything: no port of the engine has a
// method of Actions, and no field of the engine or its options holds one. What
// would break that is found.
func TestInvariant12WatchHoldsNothingThatMutates(t *testing.T) {
	ports := []reflect.Type{reflect.TypeFor[GitHub](), reflect.TypeFor[Cloud]()}
	holders := []reflect.Type{reflect.TypeFor[Engine](), reflect.TypeFor[Options](), reflect.TypeFor[state]()}
	for _, what := range mutators(ports, holders) {
		t.Error(what)
	}
	type brokenPort interface {
		GitHub
		Cancel(ctx context.Context, run int64, force bool) error
	}
	type brokenCloud interface {
		Cloud
		StopDeployment(ctx context.Context, c Cluster, deployment string) error
	}
	broken := []reflect.Type{
		reflect.TypeFor[struct{ Actions Actions }](), reflect.TypeFor[struct{ GitHub interface{ Actions } }](), reflect.TypeFor[struct{ o *Operator }](),
		reflect.TypeFor[struct{ Cloud CloudActions }](), reflect.TypeFor[struct{ Direct DirectRollback }](),
	}
	found := mutators([]reflect.Type{reflect.TypeFor[brokenPort](), reflect.TypeFor[brokenCloud]()}, broken)
	if len(found) != 2+len(broken) {
		t.Errorf("of %d ways to change the world only these are found: %v", 2+len(broken), found)
	}
}

// mutators names the methods of ports and the fields of holders by which the
// world could be changed.
func mutators(ports, holders []reflect.Type) []string {
	var out []string
	acting := []reflect.Type{reflect.TypeFor[Actions](), reflect.TypeFor[CloudActions]()}
	for _, port := range ports {
		for _, a := range acting {
			for i := range a.NumMethod() {
				if _, has := port.MethodByName(a.Method(i).Name); has {
					out = append(out, fmt.Sprintf("%s can %s", port, a.Method(i).Name))
				}
			}
		}
	}
	for _, holder := range holders {
		for i := range holder.NumField() {
			f := holder.Field(i)
			acts := slices.ContainsFunc(acting, f.Type.Implements)
			if acts || f.Type == reflect.TypeFor[*Operator]() || f.Type == reflect.TypeFor[DirectRollback]() {
				out = append(out, fmt.Sprintf("%s.%s can change the world", holder, f.Name))
			}
		}
	}
	return out
}
