package pipeline

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// rolling is production while deployment 9 takes shaNew there by run 100, as
// far as a test says.
type rolling struct {
	*world
	now time.Time
}

// deploying puts deployment 9 on record, with the status that it has now.
func (r rolling) deploying(status string) {
	d := deployed(9, "production", shaNew, "new", r.now.Add(-time.Minute), "live")
	d.Created, d.Payload.RunID = r.now.Add(-20*time.Minute), 100
	d.Payload.Before.SHA = shaLive
	d.Statuses = []DeploymentStatus{{State: status, Created: r.now.Add(-time.Minute), Description: "as told"}}
	r.deployments["production"] = slices.Insert(r.deployments["production"], 0, d)
	r.runs[0].Created = r.now.Add(-25 * time.Minute)
	r.run(StatusCompleted, ConclusionSuccess)
}

// byHand has no run perform deployment 9, which last said something so long ago.
func (r rolling) byHand(silent time.Duration) {
	d := &r.deployments["production"][0]
	d.Payload.RunID, d.Statuses[0].Created = 0, r.now.Add(-silent)
}

func (r rolling) run(s RunStatus, c Conclusion) {
	r.runs[0].Status, r.runs[0].Conclusion, r.runs[0].Updated = s, c, r.now.Add(-time.Minute)
	delete(r.pending, productionRun)
}

// runs says which release each service runs: one name for both, or two.
func (r rolling) live(releases ...string) {
	shas := map[string]string{"live": shaLive, "new": shaNew}
	for i, name := range []string{"orders", "users"} {
		release := releases[i%len(releases)]
		r.services["shop-production"][i] = service(name, release, shas[release])
	}
}

// ecs says what ECS made of deployment 9 on orders.
func (r rolling) ecs(status, stage string) *ServiceDeployment {
	sd := &ServiceDeployment{
		ARN: "arn:sd/1", Status: status, Stage: stage, Created: r.now.Add(-10 * time.Minute),
		Target: ServiceRevision{SHA: shaNew, Images: []Image{{Digest: digest("orders", "new")}}},
	}
	r.services["shop-production"][0].Rollout = sd
	return sd
}

func (r rolling) jobs(name string) {
	r.world.jobs[100] = []Job{{Name: name, Status: StatusInProgress}}
}

func (r rolling) atGate(created time.Time) {
	r.run(StatusCompleted, ConclusionFailure)
	r.runs[0].Created = created
	r.world.jobs[100] = []Job{{Name: "Approve production", Status: StatusCompleted, Conclusion: ConclusionFailure}}
}

func TestEveryPhaseAndExit(t *testing.T) {
	tests := []struct {
		name     string
		arrange  func(rolling)
		id       string
		phase    Phase
		sentence string // part of it
	}{
		{"requested", func(r rolling) { r.run(StatusRequested, "") }, "run/100", PhaseRequested, ""},
		{"queued", func(r rolling) { r.run(StatusQueued, "") }, "run/100", PhaseQueued, ""},
		{"behind another", func(r rolling) { r.run(StatusPending, "") }, "run/100", PhaseQueued, ""},
		{"waits for a person", func(rolling) {}, "run/100", PhaseAwaiting, ""},
		{"waits for its timer", func(r rolling) {
			r.pending[100] = []PendingApproval{{Environment: "production", WaitTimer: 5 * time.Minute, WaitStarted: r.now}}
		}, "run/100", PhaseTimer, "timer of production"},
		{"approved", func(r rolling) { r.run(StatusInProgress, "") }, "run/100", PhaseApproved, ""},
		{"migrates", func(r rolling) { r.run(StatusInProgress, ""); r.jobs("Backup and migrate") }, "run/100", PhaseMigrating, ""},
		{"updates by its job", func(r rolling) { r.run(StatusInProgress, ""); r.jobs("Deploy services") }, "run/100", PhaseUpdating, ""},
		{"verifies", func(r rolling) { r.run(StatusInProgress, ""); r.jobs("Verify health") }, "run/100", PhaseVerifying, ""},
		{"updates by ECS", func(r rolling) {
			r.deploying("in_progress")
			r.run(StatusInProgress, "")
			r.live("new", "live")
			r.ecs("IN_PROGRESS", "")
		}, "deployment/9", PhaseUpdating, "1 of 2 services"},
		{"stabilises", func(r rolling) {
			r.deploying("in_progress")
			r.run(StatusInProgress, "")
			r.live("new")
			r.ecs("IN_PROGRESS", "")
		}, "deployment/9", PhaseStabilising, ""},
		{"bakes", func(r rolling) {
			r.deploying("in_progress")
			r.run(StatusInProgress, "")
			r.live("new")
			r.ecs("IN_PROGRESS", "BAKE_TIME")
		}, "deployment/9", PhaseBaking, ""},
		{"between its jobs, on one of two", func(r rolling) {
			r.deploying("in_progress")
			r.run(StatusInProgress, "")
			r.live("new", "live")
		}, "deployment/9", PhaseUpdating, ""},
		{"between its jobs, on all", func(r rolling) { r.deploying("in_progress"); r.run(StatusInProgress, ""); r.live("new") }, "deployment/9", PhaseVerifying, ""},
		{"succeeded", func(r rolling) { r.deploying("success"); r.live("new") }, "deployment/9", PhaseSucceeded, ""},

		{"rejected", func(r rolling) { r.atGate(r.now.Add(-time.Hour)) }, "run/100", PhaseRejected, "at its gate"},
		{"expired", func(r rolling) { r.atGate(r.now.Add(-31 * 24 * time.Hour)) }, "run/100", PhaseExpired, "30 days"},
		{"superseded", func(r rolling) {
			r.run(StatusCompleted, ConclusionCancelled)
			r.runs = slices.Insert(r.world.runs, 0, Run{ID: 101, Workflow: "cd-production.yml", Number: 13, Status: StatusQueued, SHA: shaOlder, Created: r.now.Add(-time.Minute)})
			r.world.runs = r.runs
		}, "run/100", PhaseSuperseded, "superseded by #13"},
		{"cancelled by a person, a newer one came earlier", func(r rolling) {
			r.run(StatusCompleted, ConclusionCancelled)
			r.runs[0].Created = r.now.Add(-2 * time.Hour)
			r.world.runs = slices.Insert(r.world.runs, 0, Run{ID: 101, Workflow: "cd-production.yml", Number: 13, Status: StatusQueued, SHA: shaOlder, Created: r.now.Add(-time.Hour)})
		}, "run/100", PhaseCancelled, "cancelled"},
		{"failed before anything changed", func(r rolling) { r.run(StatusCompleted, ConclusionFailure) }, "run/100", PhaseFailed, "before anything changed"},
		{"could not start", func(r rolling) { r.run(StatusCompleted, ConclusionStartupFailure) }, "run/100", PhaseErrored, "could not start"},
		{"ran out of time", func(r rolling) { r.run(StatusCompleted, ConclusionTimedOut) }, "run/100", PhaseErrored, "out of time"},
		{"failed", func(r rolling) { r.deploying("failure") }, "deployment/9", PhaseFailed, "as told"},
		{"errored", func(r rolling) { r.deploying("error") }, "deployment/9", PhaseErrored, "as told"},
		{"reverted", func(r rolling) { r.deploying("failure"); r.ecs("ROLLBACK_SUCCESSFUL", "") }, "deployment/9", PhaseReverted, "took back orders"},
		{"green but reverted", func(r rolling) { r.deploying("success"); r.ecs("ROLLBACK_SUCCESSFUL", "") }, "deployment/9", PhaseReverted, "took back orders"},
		{"revert failed", func(r rolling) { r.deploying("success"); r.ecs("ROLLBACK_FAILED", "") }, "deployment/9", PhaseRevertFailed, "could not take back orders"},
		{"being reverted", func(r rolling) { r.deploying("success"); r.ecs("ROLLBACK_IN_PROGRESS", "") }, "deployment/9", PhaseIndeterminate, "is taking back orders"},
		{"green and not live", func(r rolling) { r.deploying("success"); r.live("new", "live") }, "deployment/9", PhaseIndeterminate, "1 of 2 services"},
		{"red and live", func(r rolling) { r.deploying("failure"); r.live("new") }, "deployment/9", PhaseIndeterminate, "runs it everywhere"},
		{"broken off and live", func(r rolling) { r.deploying("error"); r.live("new") }, "deployment/9", PhaseIndeterminate, "runs it everywhere"},
		{"cancelled but live", func(r rolling) {
			r.deploying("in_progress")
			r.run(StatusCompleted, ConclusionCancelled)
			r.live("new")
		}, "deployment/9", PhaseIndeterminate, "was cancelled, and ECS runs it on 2 of 2"},
		{"cancelled but live, without a deployment", func(r rolling) { r.run(StatusCompleted, ConclusionCancelled); r.live("new") }, "run/100", PhaseIndeterminate, "was cancelled, and ECS runs it on 2 of 2"},
		{"cancelled before it changed anything", func(r rolling) { r.deploying("in_progress"); r.run(StatusCompleted, ConclusionCancelled) }, "deployment/9", PhaseCancelled, "was cancelled"},
		{"from a machine, on one of two", func(r rolling) { r.deploying("in_progress"); r.byHand(time.Minute); r.live("new", "live") }, "deployment/9", PhaseIndeterminate, "without GitHub Actions"},
		{"from a machine, on all", func(r rolling) { r.deploying("in_progress"); r.byHand(time.Minute); r.live("new") }, "deployment/9", PhaseIndeterminate, "without GitHub Actions"},
		{"from a machine, which is silent", func(r rolling) { r.deploying("in_progress"); r.byHand(time.Hour); r.live("new", "live") }, "deployment/9", PhaseIndeterminate, "no final status"},
		{"from a machine, which is silent while ECS moves a service", func(r rolling) {
			r.deploying("in_progress")
			r.byHand(time.Hour)
			r.live("new", "live")
			r.ecs("IN_PROGRESS", "")
		}, "deployment/9", PhaseIndeterminate, "without GitHub Actions"},
		{"nobody says", func(r rolling) { r.deploying("in_progress"); r.world.runs = r.runs[1:] }, "deployment/9", PhaseIndeterminate, "no final status"},
		{"faulty", func(r rolling) {
			back := deployed(10, "production", shaNew, "live", r.now, "new")
			back.Payload.Kind, back.Payload.RollbackOf, back.Payload.To = "rollback", 3, 2
			r.deployments["production"] = slices.Insert(r.deployments["production"], 0, back)
		}, "deployment/3", PhaseFaulty, "rolled back by deployment 10"},
		{"reverted, and something newer since", func(r rolling) {
			sd := r.ecs("ROLLBACK_SUCCESSFUL", "")
			r.deploying("success")
			r.history = map[string][]ServiceDeployment{"shop-production/orders": {*sd}}
			r.world.history = r.history
			r.services["shop-production"][0].Rollout = nil
			again := deployed(11, "production", shaOlder, "older", r.now, "live")
			r.deployments["production"] = slices.Insert(r.deployments["production"], 0, again)
		}, "deployment/9", PhaseReverted, "took back orders"},
	}
	seen := map[Phase]bool{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(time.Now())
				tt.arrange(rolling{w, time.Now()})
				s := settledEngine(w).Snapshot()
				i := slices.IndexFunc(s.Rollouts, func(r Rollout) bool { return r.ID == tt.id })
				if i < 0 {
					t.Fatalf("no rollout %s in %+v", tt.id, s.Rollouts)
				}
				r := s.Rollouts[i]
				if r.Phase != tt.phase || !strings.Contains(r.Sentence, tt.sentence) {
					t.Errorf("%s (%s), want %s (%s)", r.Phase, r.Sentence, tt.phase, tt.sentence)
				}
				if apart := s.Environment("production").Disagreements; strings.Contains(r.Sentence, "from a machine") && len(apart) > 0 {
					t.Errorf("while it goes on, the truths disagree: %+v", apart)
				}
				if lane := s.Environment("production").Lane; (tt.phase == PhaseTimer) != strings.Contains(lane.Sentence, "waiting for its timer") {
					t.Errorf("in phase %s the lane says %q", r.Phase, lane.Sentence)
				}
			})
		})
		seen[tt.phase] = true
	}
	for _, p := range []Phase{
		PhaseRequested, PhaseQueued, PhaseAwaiting, PhaseTimer, PhaseApproved, PhaseMigrating, PhaseUpdating, PhaseStabilising, PhaseVerifying,
		PhaseBaking, PhaseSucceeded, PhaseRejected, PhaseExpired, PhaseSuperseded, PhaseCancelled, PhaseFailed, PhaseErrored, PhaseReverted,
		PhaseRevertFailed, PhaseIndeterminate, PhaseFaulty,
	} {
		if !seen[p] {
			t.Errorf("no test shows the phase %s", p)
		}
	}
}

// A change that neither a deployment nor a run explains is a rollout of its
// own; what they explain is not.
func TestExternalRollouts(t *testing.T) {
	outside := func(status string, at time.Duration) func(rolling) {
		return func(r rolling) {
			sd := r.ecs(status, "")
			sd.Created = r.now.Add(at)
		}
	}
	tests := []struct {
		name    string
		arrange func(rolling)
		phase   Phase // empty: no external rollout
	}{
		{"by hand", outside("SUCCESSFUL", -3*time.Minute), PhaseSucceeded},
		{"by hand, moving", outside("IN_PROGRESS", -3*time.Minute), PhaseUpdating},
		{"by hand, taken back", outside("ROLLBACK_SUCCESSFUL", -3*time.Minute), PhaseReverted},
		{"by hand, stopped", outside("STOPPED", -3*time.Minute), PhaseFailed},
		{"by a deployment", func(r rolling) { r.deploying("success"); r.ecs("SUCCESSFUL", "") }, ""},
		{"another image during a deployment", func(r rolling) {
			r.deploying("success")
			r.runs[0].Workflow = "ci.yml"
			r.ecs("SUCCESSFUL", "").Target.Images[0].Digest = "sha256:other"
		}, PhaseSucceeded},
		{"by a run without a deployment", func(r rolling) {
			r.run(StatusInProgress, "")
			r.runs[0].Created = r.now.Add(-5 * time.Minute)
			r.ecs("SUCCESSFUL", "").Created = r.now.Add(-3 * time.Minute)
		}, ""},
		{"before anything is known", outside("SUCCESSFUL", -40*24*time.Hour), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(time.Now())
				w.runs[0].Status, w.runs[0].Conclusion, w.runs[0].Updated = StatusCompleted, ConclusionCancelled, time.Now().Add(-30*time.Minute)
				w.runs[0].Created = time.Now().Add(-40 * time.Minute)
				w.runs[1].Created = time.Now().Add(-30 * 24 * time.Hour)
				w.runs[1], w.runs[0] = w.runs[0], w.runs[1]
				slices.Reverse(w.runs)
				tt.arrange(rolling{w, time.Now()})
				var found []Rollout
				for _, r := range settledEngine(w).Snapshot().Rollouts {
					if r.Kind == RolloutExternal {
						found = append(found, r)
					}
				}
				switch {
				case tt.phase == "" && len(found) != 0:
					t.Errorf("found %+v", found)
				case tt.phase != "" && (len(found) != 1 || found[0].Phase != tt.phase || !strings.Contains(found[0].Sentence, "orders was changed outside")):
					t.Errorf("found %+v, want %s", found, tt.phase)
				}
			})
		})
	}
}

// A cancelled run whose release is live was not somebody in the AWS console.
func TestACancelledRunIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(time.Now())
		r := rolling{w, time.Now()}
		r.deploying("in_progress")
		r.run(StatusCompleted, ConclusionCancelled)
		r.live("new")
		r.ecs("SUCCESSFUL", "")
		list := settledEngine(w).Snapshot().Environment("production").Disagreements
		if len(list) != 2 {
			t.Fatalf("%+v", list)
		}
		for _, d := range list {
			if !strings.Contains(d.Sentence, "#12 was cancelled, and ECS runs its ") {
				t.Errorf("%s: %s", d.Service, d.Sentence)
			}
		}
	})
}

// What the train says of an environment whose services nobody has read yet.
func TestNobodyKnowsWhatIsLiveBeforeItWasRead(t *testing.T) {
	rollout := func(sha string, hour int) Rollout {
		return Rollout{Environment: "staging", Release: Release{SHA: sha}, Phase: PhaseSucceeded, Started: time.Date(2026, 11, 30, hour, 0, 0, 0, time.UTC)}
	}
	rollouts := []Rollout{rollout("new", 9), rollout("old", 8)}
	e := &EnvironmentState{Environment: Environment{Name: "staging"}, Live: Live{Verdict: LiveUnknown, Total: 2}}
	state := func(sha string) StopState {
		return (&deriving{}).stop(Train{Release: Release{SHA: sha}}, e, rollouts).State
	}
	if got := state("new"); got != StopUnknown {
		t.Errorf("the newest is %s", got)
	}
	if got := state("old"); got != StopPassed {
		t.Errorf("the one before is %s", got)
	}
	e.At = time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)
	if got := state("new"); got != StopPassed {
		t.Errorf("once it was read, and something else runs, the newest is %s", got)
	}
}

// What a failed rollout put in place was not changed by somebody else, also while
// only its run says that it failed.
func TestWhatAFailedRolloutLeftIsItsOwn(t *testing.T) {
	for _, state := range []string{"failure", "in_progress"} {
		t.Run(state, func(t *testing.T) { whatItLeftIsItsOwn(t, state) })
	}
}

func whatItLeftIsItsOwn(t *testing.T, state string) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(time.Now())
		r := rolling{w, time.Now()}
		r.deploying(state)
		r.run(StatusCompleted, ConclusionFailure)
		r.live("new")
		r.ecs("SUCCESSFUL", "")
		var sentences []string
		for _, e := range settledEngine(w).Snapshot().Environments {
			for _, d := range e.Disagreements {
				sentences = append(sentences, d.Sentence)
			}
		}
		if len(sentences) != 2 || !strings.Contains(sentences[0], " ended with failure, and ECS runs its ") {
			t.Errorf("disagreements: %q", sentences)
		}
	})
}
