package pipeline

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// scribe is Actions that can mark deployments.
type scribe struct {
	*world
	err     error
	remarks *[]string
}

func (s scribe) Mark(_ context.Context, _ int64, remark string) error {
	*s.remarks = append(*s.remarks, remark)
	return s.err
}

// What an operator does to a rollout past its run stays marked: in the receipt,
// and in GitHub's record with the request and the journal's head. A mark that
// cannot be made stops nothing.
func TestWhatIsDoneByHandStaysMarked(t *testing.T) {
	for name, err := range map[string]error{"marked": nil, "not marked": errors.New("502")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(time.Now())
				w.configure = allowed
				w.runs[0].Status = StatusInProgress
				w.deployments["production"] = append([]Deployment{{
					ID: 9400, SHA: shaNew, Task: DeploymentTask, Environment: "production", Created: time.Now(),
					Payload:  Payload{Kind: "deploy", RunID: w.runs[0].ID, RunAttempt: 1},
					Statuses: []DeploymentStatus{{State: "in_progress", Created: time.Now()}},
				}}, w.deployments["production"]...)
				rollsOut(w, "h1")
				var remarks []string
				o := NewOperator(OperatorOptions{Engine: start(t, w), Actions: scribe{w, err, &remarks}, Cloud: hands{w}, Journal: &record{}})
				p, planErr := goOn(false)(o)
				if planErr != nil {
					t.Fatal(planErr)
				}
				var stages []Sending
				ctx := WithProgress(t.Context(), func(p Progress) {
					if p.Step == "" {
						stages = append(stages, p.Stage)
					}
				})
				got, execErr := o.Execute(ctx, p, Confirmation{Reason: strings.Repeat("green answers well ", 12)})
				if execErr != nil || got.Outcome != OutcomeDone || !slices.Contains(got.Overrides, "orders let go on past its pause by hand") {
					t.Fatalf("%+v %v", got, execErr)
				}
				if len(remarks) != 1 || len([]rune(remarks[0])) > MarkLength || !strings.Contains(remarks[0], "req="+p.Intent.ID) || !strings.HasPrefix(remarks[0], "alice: orders let go on") {
					t.Errorf("marked with %q", remarks)
				}
				if want := "deployment 9400"; len(got.Steps) != 1 || !strings.Contains(got.Steps[0], want) || (err != nil) != strings.Contains(got.Steps[0], "not marked") {
					t.Errorf("steps %q", got.Steps)
				}
				if want := []Sending{StageRechecking, StageSending, StageObserving}; !slices.Equal(stages, want) {
					t.Errorf("told %v, want %v", stages, want)
				}
			})
		})
	}
}

// To go on with new tasks that fare badly, or of which nothing is known, has to
// be typed; to go back does not.
func TestFareGate(t *testing.T) {
	now := time.Now()
	known := Observation{Source: "test", At: now, TTL: time.Minute}
	view := func(change func(*ServiceView)) ServiceView {
		v := ServiceView{Observation: known, ServiceState: ServiceState{Rollout: &ServiceDeployment{}, AlarmNames: []string{"a"}, TargetGroups: []string{"g"}}}
		v.Alarms = Fact[[]Alarm]{Value: []Alarm{{Name: "5xx", State: "OK"}}, Observation: known}
		v.Targets = Fact[[]Target]{Value: []Target{{State: "healthy"}}, Observation: known}
		change(&v)
		return v
	}
	for name, tt := range map[string]struct {
		change  func(*ServiceView)
		back    bool
		verdict Verdict
		effect  Severity
	}{
		"well":               {func(*ServiceView) {}, false, Pass, Inform},
		"an alarm":           {func(v *ServiceView) { v.Alarms.Value[0].State = "ALARM" }, false, Fail, Acknowledge},
		"an alarm, back":     {func(v *ServiceView) { v.Alarms.Value[0].State = "ALARM" }, true, Fail, Inform},
		"a target is ill":    {func(v *ServiceView) { v.Targets.Value[0].State = "unhealthy" }, false, Fail, Acknowledge},
		"a task failed":      {func(v *ServiceView) { v.Rollout.BreakerFailed = 1 }, false, Fail, Acknowledge},
		"alarms unread":      {func(v *ServiceView) { v.Alarms.Err = errors.New("AccessDenied") }, false, Unknown, Acknowledge},
		"services unread":    {func(v *ServiceView) { unreadNow(&v.Observation) }, false, Unknown, Acknowledge},
		"targets never read": {func(v *ServiceView) { v.Targets = Fact[[]Target]{} }, false, Unknown, Acknowledge},
	} {
		if g := fareGate(view(tt.change), Intent{Kind: PlanContinue, RollBack: tt.back}); g.Verdict != tt.verdict || g.Effect != tt.effect {
			t.Errorf("%s: %+v", name, g)
		}
	}
}

// A run that only queues does not stop a rollback; a rollback that queues does.
func TestQueuedRunsAndARollback(t *testing.T) {
	for kind, want := range map[RolloutKind]Severity{RolloutPromotion: Warn, RolloutRollback: Block} {
		ev := &evidence{snap: &Snapshot{}, env: &EnvironmentState{Environment: Environment{Name: "production"}}}
		ev.snap.Runs.Observation = Observation{Source: "test", At: time.Now(), TTL: time.Minute}
		ev.snap.Rollouts = []Rollout{{Environment: "production", Kind: kind, Phase: PhaseQueued, RequestedBy: "bob"}}
		if g := gateInFlight(ev); g.Effect != want || g.Verdict != Fail {
			t.Errorf("%s: %+v", kind, g)
		}
	}
}

// To lift the lock of what still changes an environment has to be typed.
func TestALockThatProtectsSomething(t *testing.T) {
	known := Observation{Source: "test", At: time.Now(), TTL: time.Minute}
	for name, tt := range map[string]struct {
		rollout Rollout
		seen    Observation
		verdict Verdict
	}{
		"it runs":   {Rollout{Environment: "production", Run: RunKey{ID: 1}, Phase: PhaseUpdating, Kind: RolloutRollback}, known, Fail},
		"it ended":  {Rollout{Environment: "production", Run: RunKey{ID: 1}, Phase: PhaseSucceeded}, known, Pass},
		"elsewhere": {Rollout{Environment: "staging", Run: RunKey{ID: 1}, Phase: PhaseUpdating}, known, Pass},
		"not known": {Rollout{}, Observation{}, Unknown},
		"it waits":  {Rollout{Environment: "production", Run: RunKey{ID: 1}, Phase: PhaseAwaiting}, known, Pass},
		"it queues": {Rollout{Environment: "production", Run: RunKey{ID: 1}, Phase: PhaseQueued}, known, Pass},
	} {
		s := &Snapshot{Rollouts: []Rollout{tt.rollout}}
		s.Runs.Observation = tt.seen
		if g := busyGate(s, "production"); g.Verdict != tt.verdict || (tt.verdict != Pass) != g.NeedsAck() {
			t.Errorf("%s: %+v", name, g)
		}
	}
}
