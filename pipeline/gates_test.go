package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// richWorld is the small world with everything that a check list asks about:
// a database, target groups, secrets, lifecycle rules, a second way back.
func richWorld(now time.Time) *world {
	w := newWorld(now)
	w.configure = func(c *Configuration) {
		c.Environments[1].Database = Database{Instance: "shop-production"}
	}
	const shaAncient = "5555555555555555555555555555555555555555"
	w.commits[shaAncient] = Commit{SHA: shaAncient, Tree: "tree-ancient", Title: "Ancient"}
	w.deployments["production"][0].Payload.Snapshot = "before-live"
	w.deployments["production"] = append(w.deployments["production"], deployed(1, "production", shaAncient, "ancient", now.Add(-96*time.Hour), "first"))
	w.snapshots = []DatabaseSnapshot{{ID: "before-live", Status: "available"}}
	w.expiries = map[string]Expiry{}
	for _, release := range []string{"live", "new", "older", "ancient"} {
		for _, svc := range []string{"orders", "users"} {
			w.images[digest(svc, release)] = ImageState{Present: true, Digest: digest(svc, release)}
			w.expiries[digest(svc, release)] = Expiry{Rule: 1, Spare: 40}
			w.definitions[definition(svc, release)] = TaskDefinition{
				ARN: definition(svc, release), Status: "ACTIVE", CPU: "256", Memory: "512",
				Containers: []ContainerDefinition{{
					Name: "app", Ports: []int{8000}, Environment: map[string]string{"APP_VERSION": release},
					Secrets: map[string]string{"DATABASE_URL": "arn:secret/" + svc},
				}},
			}
		}
	}
	for i := range w.services["shop-production"] {
		w.services["shop-production"][i].TargetGroups = []string{"arn:tg"}
	}
	return w
}

// judged is everything that a check list judges; a row of the tables changes
// one thing in it.
type judged struct {
	*evidence
	intent    Intent
	pending   PendingApproval
	comment   string
	candidate Candidate
}

// row is one check with one thing wrong.
type row struct {
	id, name string
	change   func(*judged)
	verdict  Verdict
	effect   Severity
	code     string
}

var errDown = &Error{Kind: KindUnavailable, Message: "502"}

func unreadNow(o *Observation) { o.Err = errDown }

// stop ends the engine, after which what it published belongs to the test: a
// row may change it.
func stop(t *testing.T, e *Engine) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func judgedApproval(t *testing.T) *judged {
	w := richWorld(time.Now())
	o := operatorOver(start(t, w), w, &record{})
	defer stop(t, o.engine)
	env, _ := testConfiguration().Environment("production")
	ev, err := o.gatherApproval(t.Context(), env, productionRun, 7)
	if err != nil {
		t.Fatal(err)
	}
	return &judged{evidence: ev, intent: Intent{Operator: "alice", RunAttempt: 1}, pending: w.pending[productionRun][0], comment: "ship it"}
}

func judgedRollback(t *testing.T) *judged {
	w := richWorld(time.Now())
	w.runs, w.pending, w.compare = w.runs[1:], nil, Comparison{Status: "ahead"}
	o := operatorOver(start(t, w), w, &record{})
	defer stop(t, o.engine)
	ev, err := o.gatherRollback(t.Context(), o.engine.Snapshot().Config.Environments[1])
	if err != nil {
		t.Fatal(err)
	}
	c, err := bestOf(ev.env.Return)
	if err != nil {
		t.Fatal(err)
	}
	ev.seen = liveECS(ev.env)
	o.gatherTarget(t.Context(), ev, c)
	ev.errors = fact(Fact[logs.Evidence]{}, "aws logs", time.Minute, compared(2, 40), nil)
	return &judged{evidence: ev, intent: Intent{Deployment: c.Deployment.ID, Environment: "production"}, candidate: again(ev.env.Return, c)}
}

// checkGates runs a table: nothing wrong passes every check of the list, and
// each row shows what one wrong thing does to its check. Every id of the list
// is shown failing and unknown, but for those that cannot be, with the reason.
func checkGates(t *testing.T, prefix string, last int, base func(*testing.T) *judged, list func(*judged) []Gate, rows []row, never map[string]string) {
	t.Helper()
	shown := map[string]bool{}
	synctest.Test(t, func(t *testing.T) {
		for _, g := range list(base(t)) {
			if g.Verdict != Pass || g.Effect != Inform || g.Sentence == "" || g.Code == "" || !g.Known() || g.Source == "" {
				t.Errorf("with nothing wrong: %+v", g)
			}
			shown[g.ID+" "+string(g.Verdict)] = true
		}
	})
	for _, r := range rows {
		t.Run(r.id+" "+r.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := base(t)
				r.change(j)
				gates := list(j)
				i := slices.IndexFunc(gates, func(g Gate) bool { return g.ID == r.id })
				g := gates[i]
				if g.Verdict != r.verdict || g.Effect != r.effect || g.Sentence == "" || (r.code != "" && g.Code != r.code) {
					t.Errorf("%s %s %q (%s), want %s %s %q", g.Verdict, g.Effect, g.Code, g.Sentence, r.verdict, r.effect, r.code)
				}
				if g.NeedsAck() && g.Ack == "" {
					t.Error("wants an acknowledgement and names no word for it")
				}
				if r.verdict == Unknown && !g.Blocks() && !g.NeedsAck() && !g.Warns() && g.Effect != Inform {
					t.Error("an unknown that means nothing")
				}
			})
		})
		shown[r.id+" "+string(r.verdict)] = true
	}
	for n := range last {
		id := fmt.Sprint(prefix, n+1)
		for _, v := range []Verdict{Pass, Fail, Unknown} {
			if key := id + " " + string(v); !shown[key] && never[key] == "" {
				t.Errorf("%s is never shown as %s", id, v)
			}
		}
	}
}

// PossibleVerdicts lists every id with every verdict that its check can give,
// as the tables here show them: "A1 pass".
func PossibleVerdicts() []string {
	var out []string
	for _, list := range [][]row{approvalRows, rollbackRows} {
		for _, r := range list {
			out = append(out, r.id+" "+string(Pass), r.id+" "+string(r.verdict))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestEveryApprovalGate(t *testing.T) {
	checkGates(t, "A", 18, judgedApproval, func(j *judged) []Gate {
		return approvalGates(j.evidence, j.pending, j.intent, j.comment)
	}, approvalRows, map[string]string{
		"A1 unknown":  "without the run there is no sheet at all",
		"A18 unknown": "only the operator knows the comment",
	})
}

var approvalRows = []row{
	{"A1", "no longer waits", func(j *judged) { j.run.Value.Status = StatusInProgress }, Fail, Block, "run_changed"},
	{"A1", "another attempt", func(j *judged) { j.run.Value.Attempt = 2 }, Fail, Block, "run_changed"},
	{"A1", "another workflow", func(j *judged) { j.run.Value.Workflow = "nightly.yml" }, Fail, Block, "other_workflow"},
	{"A2", "not a reviewer", func(j *judged) { j.evidence.pending.Value[0].CanApprove = false }, Fail, Block, "not_reviewer"},
	{"A2", "decided", func(j *judged) { j.evidence.pending.Value = nil }, Fail, Block, "already_decided"},
	{"A2", "unread", func(j *judged) { unreadNow(&j.evidence.pending.Observation) }, Unknown, Block, ""},
	{"A3", "no reviewer", func(j *judged) { j.env.Rules.Value.Reviewers = nil }, Fail, Warn, "weak_gate"},
	{"A3", "any branch", func(j *judged) { j.env.Rules.Value.Branches = nil }, Fail, Warn, "weak_gate"},
	{"A3", "unread", func(j *judged) { unreadNow(&j.env.Rules.Observation) }, Unknown, Warn, ""},
	{"A4", "own run", func(j *judged) { j.intent.Operator = "bob" }, Fail, Warn, "self_review"},
	{"A4", "own run, required", func(j *judged) { j.intent.Operator, j.snap.Config.Policy.FourEyes = "bob", "require" }, Fail, Block, "self_review"},
	{"A4", "authors unread", func(j *judged) { unreadNow(&j.compare.Observation) }, Unknown, Acknowledge, ""},
	{"A4", "authors cut off", func(j *judged) { j.compare.Value.Truncated = true }, Unknown, Acknowledge, ""},
	{"A4", "off", func(j *judged) { j.snap.Config.Policy.FourEyes = "off" }, NotApplicable, Inform, ""},
	{"A5", "a downgrade", func(j *judged) { j.compare.Value.Status, j.compare.Value.Behind = "behind", 2 }, Fail, Block, "not_ahead"},
	{"A5", "diverged", func(j *judged) { j.compare.Value.Status = "diverged" }, Fail, Block, "diverged"},
	{"A5", "live already", func(j *judged) { j.env.Live.Release.SHA = shaNew }, Fail, Warn, ""},
	{"A5", "unread", func(j *judged) { unreadNow(&j.compare.Observation) }, Unknown, Block, ""},
	{"A5", "live unknown", func(j *judged) { j.env.Live = Live{Verdict: LiveUnknown} }, Unknown, Block, "live_unknown"},
	{"A5", "the first", func(j *judged) { j.env.Live, j.env.Deployments.Value = Live{Verdict: LiveUnknown}, nil }, NotApplicable, Inform, ""},
	{"A6", "a newer run", func(j *judged) {
		j.snap.Runs.Value = append(j.snap.Runs.Value, Run{ID: 101, Workflow: "cd-production.yml", Number: 13, Status: StatusWaiting})
	}, Fail, Block, "superseded"},
	{"A6", "unread", func(j *judged) { unreadNow(&j.snap.Runs.Observation) }, Unknown, Block, ""},
	{"A7", "never staged", func(j *judged) { j.previous.Live.Release.SHA, j.snap.Rollouts = shaLive, nil }, Fail, Block, "not_staged"},
	{"A7", "moved on", func(j *judged) { j.previous.Live.Release.SHA = shaLive }, Fail, Warn, "staging_moved_on"},
	{"A7", "mixed", func(j *judged) { j.previous.Live.Verdict = LiveMixed }, Fail, Block, "not_staged"},
	{"A7", "ill", func(j *judged) { j.previous.Services[0].Health = Degraded }, Fail, Block, "staging_unhealthy"},
	{"A7", "not soaked", func(j *judged) { j.previous.Live.Since = j.now.Add(-time.Minute) }, Fail, Block, "not_soaked"},
	{"A7", "unread", func(j *judged) { unreadNow(&j.previous.Observation) }, Unknown, Block, ""},
	{"A7", "commit unknown", func(j *judged) { j.previous.Live = Live{Verdict: LiveUnknown} }, Unknown, Block, ""},
	{"A7", "the first stage", func(j *judged) { j.previous = nil }, NotApplicable, Inform, ""},
	{"A8", "failed", func(j *judged) { j.checks.Value[0].Conclusion = ConclusionFailure }, Fail, Block, "checks_failed"},
	{"A8", "still runs", func(j *judged) { j.checks.Value[0].Status = StatusInProgress }, Pending, Block, "checks_pending"},
	{"A8", "none", func(j *judged) { j.checks.Value = nil }, Unknown, Block, "no_checks"},
	{"A8", "unread", func(j *judged) { unreadNow(&j.checks.Observation) }, Unknown, Block, ""},
	{"A9", "gone", func(j *judged) { j.images.Value[digest("users", "new")] = ImageState{} }, Fail, Block, "image_missing"},
	{"A9", "unread", func(j *judged) { unreadNow(&j.images.Observation) }, Unknown, Acknowledge, ""},
	{"A9", "a digest unknown", func(j *judged) { delete(j.digests, "users") }, Unknown, Acknowledge, ""},
	{"A10", "large", func(j *judged) { j.compare.Value.Commits = make([]Commit, 40) }, Fail, Warn, "large_change"},
	{"A10", "unread", func(j *judged) { unreadNow(&j.compare.Observation) }, Unknown, Warn, ""},
	{"A11", "reverted later", func(j *judged) {
		j.after.Value.Commits = []Commit{{SHA: shaOlder, Message: "Revert it\n\nThis reverts commit " + shaStage + "."}}
	}, Fail, Acknowledge, "revert_left_behind"},
	{"A11", "main unread", func(j *judged) { unreadNow(&j.after.Observation) }, Unknown, Inform, ""},
	{"A11", "cut off", func(j *judged) { j.after.Value.Truncated = true }, Unknown, Inform, ""},
	{"A11", "no commits", func(j *judged) { j.compare.Value.Commits = nil }, NotApplicable, Inform, ""},
	{"A12", "destructive", migrates(MigrationDestructive), Fail, Acknowledge, "migration_destructive"},
	{"A12", "backfill", migrates(MigrationBackfill), Fail, Warn, "migration_backfill"},
	{"A12", "not understood", migrates(MigrationUnknown), Unknown, Acknowledge, "migration_unknown"},
	{"A12", "unread", func(j *judged) { unreadNow(&j.migrations.Observation) }, Unknown, Acknowledge, ""},
	{"A13", "image gone", func(j *judged) {
		j.snap.images[digest("orders", "live")] = Fact[ImageState]{Observation: j.env.Observation}
	}, Fail, Acknowledge, "no_return"},
	{"A13", "past a migration", migrates(MigrationIrreversible), Fail, Acknowledge, "no_return"},
	{"A13", "image unread", func(j *judged) { delete(j.snap.images, digest("orders", "live")) }, Unknown, Warn, ""},
	{"A14", "ill", func(j *judged) { j.env.Services[0].Health, j.env.Services[0].Why = Degraded, "1 of 2" }, Fail, Acknowledge, "unhealthy_before"},
	{"A14", "truths disagree", func(j *judged) { j.env.Disagreements = []Disagreement{{Service: "orders", Sentence: "no"}} }, Fail, Acknowledge, "truths_disagree"},
	{"A14", "alarms unread", func(j *judged) { unreadNow(&j.env.Services[0].Alarms.Observation) }, Unknown, Acknowledge, ""},
	{"A15", "another run", func(j *judged) {
		j.env.Lane.Holder = &LaneMember{Run: Run{ID: 9, Workflow: "cd-production.yml", Status: StatusInProgress}}
	}, Fail, Block, "lane_held"},
	{"A15", "ECS moves", func(j *judged) { j.env.Services[0].Deployments[0].RolloutState = "IN_PROGRESS" }, Fail, Block, "service_moving"},
	{"A15", "unread", func(j *judged) { unreadNow(&j.snap.Runs.Observation) }, Unknown, Block, ""},
	{"A16", "frozen", func(j *judged) { j.snap.Config.Policy.Freezes = []FreezeWindow{{Reason: "Christmas"}} }, Fail, Block, "frozen"},
	{"A16", "a freeze begins before it is done", func(j *judged) {
		j.snap.Config.Policy.Freezes = []FreezeWindow{{Reason: "Christmas", From: j.now.Add(5 * time.Minute)}}
	}, Fail, Warn, "freeze_near"},
	{"A16", "a freeze begins tomorrow", func(j *judged) {
		j.snap.Config.Policy.Freezes = []FreezeWindow{{Reason: "Christmas", From: j.now.Add(23 * time.Hour)}}
	}, Pass, Inform, "frozen"},
	{"A16", "held", func(j *judged) { j.env.Hold = &Hold{Owner: "bob", Reason: "incident"} }, Fail, Block, "held"},
	{"A16", "marked as faulty", func(j *judged) { j.env.Hold = &Hold{Owner: "bob", Reason: "rolled back", Faulty: []string{shaStage}} }, Fail, Block, "release_faulty"},
	{"A16", "unread", func(j *judged) { unreadNow(&j.env.holds) }, Unknown, Acknowledge, "hold_unknown"},
	{"A17", "forgotten", func(j *judged) { j.pending.WaitStarted = j.now.Add(-48 * time.Hour) }, Fail, Warn, "waited_long"},
	{"A17", "since when", func(j *judged) { j.pending.WaitStarted, j.run.Value.Created = time.Time{}, time.Time{} }, Unknown, Inform, ""},
	{"A18", "none yet", func(j *judged) { j.comment = "" }, Pending, Inform, "comment"},
	{"A18", "blanks", func(j *judged) { j.comment = "  " }, Fail, Block, "comment"},
}

func migrates(class MigrationClass) func(*judged) {
	return func(j *judged) {
		j.migrations.Value = []Migration{{Name: "orders.0001_x", Class: class, Why: "because"}}
	}
}

func TestEveryRollbackGate(t *testing.T) {
	checkGates(t, "R", 23, judgedRollback, func(j *judged) []Gate {
		return rollbackGates(j.evidence, j.candidate, j.intent)
	}, rollbackRows, nil)
}

// What a rollback leaves is what it marks as faulty: never the release that it
// goes back to, though most services run that already.
func TestARollbackSaysWhatItLeaves(t *testing.T) {
	for name, tt := range map[string]struct {
		change     func(*judged)
		live, then string // of R3 and R22
	}{
		"all run one release": {func(*judged) {}, "ECS runs ", "marks v-live as faulty"},
		"most run the target": {func(j *judged) {
			j.candidate.Release.SHA = shaLive
			j.env.Live.Verdict, j.env.Live.Matching, j.env.Live.Total = LiveMixed, 1, 2
			j.env.Services[0].SHA, j.env.Services[0].Version = shaOlder, "v-older"
		}, "a mixture: ", "marks v-older as faulty"},
		"nothing else runs": {func(j *judged) { j.candidate.Release.SHA = shaLive }, "is live already", "marks nothing as faulty"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := judgedRollback(t)
				tt.change(j)
				if g := gateDifferent(j.evidence, j.candidate); !strings.Contains(g.Sentence, tt.live) {
					t.Errorf("R3 says %q, and not %q", g.Sentence, tt.live)
				}
				if g := gateAfter(j.evidence, j.candidate); !strings.Contains(g.Sentence, tt.then) {
					t.Errorf("R22 says %q, and not %q", g.Sentence, tt.then)
				}
			})
		})
	}
}

// What is typed for a destructive migration names the snapshot that could bring
// the data back, where one is known; the word alone no longer does.
func TestADestructiveMigrationNamesItsBackup(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*judged)
		want   string
	}{
		"known":         {func(*judged) {}, "SCHEMA before-live"},
		"gone":          {func(j *judged) { j.snapshots.Value = nil }, "SCHEMA"},
		"unread":        {func(j *judged) { unreadNow(&j.snapshots.Observation) }, "SCHEMA"},
		"being made":    {func(j *judged) { j.snapshots.Value[0].Status = "creating" }, "SCHEMA"},
		"no database":   {func(j *judged) { j.env.Environment.Database = Database{} }, "SCHEMA"},
		"only additive": {migrates(MigrationAdditive), "SCHEMA"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := judgedRollback(t)
				migrates(MigrationDestructive)(j)
				tt.change(j)
				g := gateSchema(j.evidence, j.candidate)
				if g.Ack != tt.want || g.NeedsAck() && !g.Accepts(" "+tt.want) {
					t.Errorf("wants %q, and not %q", g.Ack, tt.want)
				}
				if named := tt.want != "SCHEMA"; named && (g.Accepts("SCHEMA") || g.Accepts("R12") || g.Accepts("SCHEMA other") || g.Word() != "'SCHEMA before-live'") {
					t.Errorf("accepts less than %q; --ack %s", tt.want, g.Word())
				}
			})
		})
	}
}

var rollbackRows = []row{
	{"R1", "another environment", func(j *judged) { j.candidate.Deployment.Environment = "staging" }, Fail, Block, "bad_target"},
	{"R1", "unread", func(j *judged) { unreadNow(&j.env.Deployments.Observation) }, Unknown, Block, ""},
	{"R2", "never succeeded", func(j *judged) { j.candidate.Deployment.Statuses[0].State = "failure" }, Fail, Block, "never_succeeded"},
	{"R2", "rolled back", func(j *judged) { j.candidate.Faulty = true }, Fail, Acknowledge, "target_faulty"},
	{"R2", "no status", func(j *judged) { j.candidate.Deployment.Statuses = nil }, Unknown, Acknowledge, ""},
	{"R3", "live already", func(j *judged) { j.candidate.Release.SHA = shaLive }, Fail, Block, "already_live"},
	{"R3", "unread", func(j *judged) { unreadNow(&j.env.Observation) }, Unknown, Acknowledge, ""},
	{"R3", "live unknown", func(j *judged) { j.env.Live.Verdict = LiveUnknown }, Unknown, Acknowledge, ""},
	{"R4", "loses commits", func(j *judged) { j.compare.Value.Commits = []Commit{{SHA: shaLive, Title: "Live"}} }, Fail, Warn, "loses_commits"},
	{"R4", "diverged", func(j *judged) { j.compare.Value.Status = "diverged" }, Fail, Acknowledge, "diverged"},
	{"R4", "unread", func(j *judged) { unreadNow(&j.compare.Observation) }, Unknown, Acknowledge, ""},
	{"R5", "moved since", func(j *judged) { j.seen = map[string]string{"orders": "ecs-svc/before"} }, Fail, Warn, "live_moved"},
	{"R5", "unread", func(j *judged) { unreadNow(&j.env.Observation) }, Unknown, Acknowledge, ""},
	{"R6", "mixed", func(j *judged) { j.env.Services[0].OtherSHAs = []string{shaOlder} }, Fail, Warn, "mixed_revisions"},
	{"R6", "one service apart", func(j *judged) { j.env.Live.Verdict, j.env.Services[0].SHA = LiveMixed, shaOlder }, Fail, Warn, "mixed_revisions"},
	{"R6", "unread", func(j *judged) { unreadNow(&j.env.Observation) }, Unknown, Warn, ""},
	{"R7", "in flight", func(j *judged) { j.snap.Rollouts = []Rollout{{Environment: "production", Phase: PhaseUpdating}} }, Fail, Block, "rollout_in_flight"},
	{"R7", "waits for approval", func(j *judged) { j.snap.Rollouts = []Rollout{{Environment: "production", Phase: PhaseAwaiting}} }, Fail, Warn, "approval_waits"},
	{"R7", "ECS moves", func(j *judged) { j.env.Services[0].Deployments[0].RolloutState = "IN_PROGRESS" }, Fail, Block, "service_moving"},
	{"R7", "unread", func(j *judged) { unreadNow(&j.snap.Runs.Observation) }, Unknown, Acknowledge, ""},
	{"R8", "held", func(j *judged) {
		j.snap.Runs.Value = append(j.snap.Runs.Value, Run{Workflow: "rollback.yml", Status: StatusInProgress})
	}, Fail, Block, "lane_held"},
	{"R8", "unread", func(j *judged) { unreadNow(&j.rollback.Observation) }, Unknown, Warn, ""},
	{"R9", "inactive", func(j *judged) {
		j.snap.definitions[definition("users", "older")] = Fact[TaskDefinition]{Value: TaskDefinition{Status: "INACTIVE"}, Observation: j.env.Observation}
	}, Fail, Block, "definition_inactive"},
	{"R9", "unread", func(j *judged) { delete(j.snap.definitions, definition("users", "older")) }, Unknown, Acknowledge, ""},
	{"R9", "not recorded", func(j *judged) { unrecorded(j) }, NotApplicable, Inform, ""},
	{"R10", "gone", func(j *judged) {
		j.snap.images[digest("users", "older")] = Fact[ImageState]{Observation: j.env.Observation}
	}, Fail, Block, "image_missing"},
	{"R10", "unread", func(j *judged) { delete(j.snap.images, digest("users", "older")) }, Unknown, Acknowledge, ""},
	{"R10", "no record", func(j *judged) { j.candidate.Deployment.Payload.Services = nil }, Unknown, Acknowledge, ""},
	{"R11", "soon by count", func(j *judged) { j.expiries.Value[digest("users", "older")] = Expiry{Rule: 1, Spare: 1} }, Fail, Warn, "image_expires"},
	{"R11", "soon by age", func(j *judged) {
		j.expiries.Value[digest("users", "older")] = Expiry{Rule: 1, At: j.now.Add(time.Hour)}
	}, Fail, Warn, "image_expires"},
	{"R11", "unread", func(j *judged) { unreadNow(&j.expiries.Observation) }, Unknown, Inform, ""},
	{"R11", "no policy", func(j *judged) { j.expiries.Value = nil }, NotApplicable, Inform, ""},
	{"R12", "destructive", migrates(MigrationDestructive), Fail, Acknowledge, "migration_destructive"},
	{"R12", "backfill", migrates(MigrationBackfill), Fail, Warn, "migration_backfill"},
	{"R12", "not understood", migrates(MigrationUnknown), Unknown, Acknowledge, "migration_unknown"},
	{"R12", "unread", func(j *judged) { unreadNow(&j.migrations.Observation) }, Unknown, Acknowledge, ""},
	{"R13", "missing, needed", func(j *judged) { j.snapshots.Value = nil; migrates(MigrationDestructive)(j) }, Fail, Acknowledge, "no_backup"},
	{"R13", "missing, not needed", func(j *judged) { j.snapshots.Value = nil }, Fail, Inform, "no_backup"},
	{"R13", "unread, needed", func(j *judged) { unreadNow(&j.snapshots.Observation); migrates(MigrationDestructive)(j) }, Unknown, Acknowledge, ""},
	{"R13", "no database", func(j *judged) { j.env.Environment.Database = Database{} }, NotApplicable, Inform, ""},
	{"R14", "memory", differs(func(d *TaskDefinition) { d.Memory = "1024" }), Fail, Warn, "configuration_differs"},
	{"R14", "variable", differs(func(d *TaskDefinition) { d.Containers[0].Environment = map[string]string{"OLD": "1"} }), Fail, Warn, "configuration_differs"},
	{"R14", "port", differs(func(d *TaskDefinition) { d.Containers[0].Ports = []int{9000} }), Fail, Acknowledge, "ports_differ"},
	{"R14", "unread", func(j *judged) { delete(j.snap.definitions, definition("users", "older")) }, Unknown, Warn, ""},
	{"R14", "not recorded", unrecorded, NotApplicable, Inform, ""},
	{"R15", "gone", func(j *judged) { j.secrets.Value["arn:secret/users"] = SecretState{} }, Fail, Block, "secret_gone"},
	{"R15", "marked for deletion", func(j *judged) {
		j.secrets.Value["arn:secret/users"] = SecretState{Present: true, Deleted: j.now}
	}, Fail, Block, "secret_gone"},
	{"R15", "another secret, not looked up", differs(func(d *TaskDefinition) { d.Containers[0].Secrets = map[string]string{"KEY": "arn:secret/other"} }), Unknown, Warn, "secret_not_looked_up"},
	{"R15", "not looked up, but running tasks have it", func(j *judged) { j.secrets = Fact[map[string]SecretState]{} }, Pass, Inform, ""},
	{"R15", "unread", func(j *judged) { delete(j.snap.definitions, definition("users", "older")) }, Unknown, Warn, ""},
	{"R15", "not recorded", unrecorded, NotApplicable, Inform, ""},
	{"R16", "zero", func(j *judged) { j.env.Services[0].Desired = 0 }, Fail, Warn, "scaled_to_zero"},
	{"R16", "unread", func(j *judged) { unreadNow(&j.env.Observation) }, Unknown, Inform, ""},
	{"R17", "one stays", func(j *judged) { delete(j.candidate.Deployment.Payload.Services, "users") }, Fail, Warn, "dependants"},
	{"R17", "unread", func(j *judged) { unreadNow(&j.env.Deployments.Observation) }, Unknown, Inform, ""},
	{"R17", "one service", func(j *judged) { j.env.Services = j.env.Services[:1] }, NotApplicable, Inform, ""},
	{"R18", "alarm came first", func(j *judged) {
		j.env.Services[0].Deployments[0].Created = j.now.Add(-time.Hour)
		j.env.Services[0].Alarms.Value = []Alarm{{Name: "5xx", State: "ALARM", Changed: j.now.Add(-2 * time.Hour)}}
		j.errors.Value = compared(20, 20)
	}, Fail, Inform, "alarm_came_first"},
	{"R18", "nothing got worse", func(j *judged) { j.errors.Value = compared(20, 20) }, Fail, Inform, "nothing_got_worse"},
	{"R18", "alarms unread", func(j *judged) {
		unreadNow(&j.env.Services[0].Alarms.Observation)
		j.errors.Value = compared(20, 20)
	}, Unknown, Inform, ""},
	{"R18", "logs unread", func(j *judged) { unreadNow(&j.errors.Observation) }, Unknown, Inform, ""},
	{"R19", "none", func(j *judged) { j.rollback.Err = Errorf(KindNotFound, "none") }, Fail, Block, "rollback_workflow"},
	{"R19", "an input is missing", func(j *judged) { j.rollback.Value.Inputs = j.rollback.Value.Inputs[1:] }, Fail, Block, "rollback_workflow"},
	{"R19", "disabled", func(j *judged) {
		for i := range j.snap.Workflows.Value {
			j.snap.Workflows.Value[i].State = "disabled_manually"
		}
	}, Fail, Block, "rollback_workflow"},
	{"R19", "unread", func(j *judged) { unreadNow(&j.rollback.Observation) }, Unknown, Warn, ""},
	{"R20", "may only read", func(j *judged) { j.snap.Repository.Role = "pull" }, Fail, Block, "not_allowed"},
	{"R20", "unread", func(j *judged) { j.snap.Repository.Role = "" }, Unknown, Block, ""},
	{"R21", "frozen", func(j *judged) { j.snap.Config.Policy.Freezes = []FreezeWindow{{Reason: "Christmas"}} }, Fail, Inform, "frozen"},
	{"R21", "held by another", func(j *judged) { j.env.Hold = &Hold{Owner: "bob", Reason: "incident"} }, Fail, Acknowledge, "held"},
	{"R21", "another begins to roll back", func(j *judged) {
		j.env.Hold = &Hold{Owner: "bob", Reason: "errors", Cause: causeRollback, RequestID: "REQ1", Since: j.now, Until: j.now.Add(claimLife)}
	}, Fail, Block, "rollback_claimed"},
	{"R21", "the rollback of another has failed", func(j *judged) {
		j.env.Hold = &Hold{Owner: "bob", Reason: "errors", Cause: causeRollback, RequestID: "REQ1", Since: j.now, Until: j.now.Add(claimLife)}
		j.snap.Runs.Value = append(j.snap.Runs.Value, Run{Workflow: "rollback.yml", Title: "rollback [req REQ1]", Status: StatusCompleted, Conclusion: ConclusionFailure})
	}, Fail, Acknowledge, "held"},
	{"R21", "held by oneself", func(j *judged) { j.env.Hold = &Hold{Owner: "alice", Reason: "incident"} }, Fail, Warn, "held"},
	{"R21", "unread", func(j *judged) { unreadNow(&j.env.holds) }, Unknown, Warn, "hold_unknown"},
	{"R22", "no second choice", func(j *judged) { j.env.Return.Candidates = nil }, Fail, Inform, "no_second_choice"},
	{"R22", "unread", func(j *judged) { unreadNow(&j.env.Deployments.Observation) }, Unknown, Inform, ""},
	{"R23", "waits for a person", func(j *judged) { j.rollback.Value.Jobs[0].Environment = "production" }, Fail, Block, "rollback_gated"},
	{"R23", "an expression", func(j *judged) { j.rollback.Value.Jobs[0].Environment = "${{ inputs.environment }}" }, Unknown, Warn, ""},
	{"R23", "unread", func(j *judged) { unreadNow(&j.rollback.Observation) }, Unknown, Warn, ""},
}

// differs changes the definition that the target would restore for users.
func differs(change func(*TaskDefinition)) func(*judged) {
	return func(j *judged) {
		key := definition("users", "older")
		f := j.snap.definitions[key]
		f.Value.Containers = slices.Clone(f.Value.Containers)
		change(&f.Value)
		j.snap.definitions[key] = f
	}
}

// unrecorded takes away every record of which definitions the target ran.
func unrecorded(j *judged) {
	for i := range j.env.Deployments.Value {
		j.env.Deployments.Value[i].Payload.Before = nil
	}
}

// What cannot be read when a sheet opens is an error of the sheet, not a pass.
func TestAPlanWithoutItsRunIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(time.Now())
		o := operatorOver(start(t, w), w, &record{})
		w.change(func(w *world) { w.fail["Run"] = errDown })
		_, err := o.PlanReview(t.Context(), ReviewRequest{RunID: productionRun})
		if !errors.Is(err, errDown) {
			t.Errorf("%v", err)
		}
	})
}

// A run of another workflow that waits at the gate cannot be approved, and can
// be turned away.
func TestARunOfAnotherWorkflowAtTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(time.Now())
		w.runs[0].Workflow = "nightly.yml"
		o := operatorOver(start(t, w), w, &record{})
		for _, reject := range []bool{false, true} {
			p, err := o.PlanReview(t.Context(), ReviewRequest{RunID: productionRun, Reject: reject, Comment: "what is this"})
			if err != nil {
				t.Fatal(err)
			}
			if g := gate(t, p, "A1"); g.Code != "other_workflow" || g.Blocks() == reject {
				t.Errorf("reject %t: %+v", reject, g)
			}
		}
	})
}

// Where a token cannot read check runs, A8 says by what it judged instead.
func TestChecksByRunsSayThatTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const said = ", by runs and statuses: this token cannot read check runs"
		j := judgedApproval(t)
		if g := gateChecks(j.evidence); g.Verdict != Pass || strings.Contains(g.Sentence, said) {
			t.Errorf("check runs: %s: %s", g.Verdict, g.Sentence)
		}
		j.checks.Value[0].FromRun = true
		if g := gateChecks(j.evidence); g.Verdict != Pass || !strings.HasSuffix(g.Sentence, said) {
			t.Errorf("a run: %s: %s", g.Verdict, g.Sentence)
		}
	})
}

// The backup that R12 and R13 name is from before everything that the rollback
// would undo, not from before the newest deployment.
func TestTheBackupIsFromBeforeTheChange(t *testing.T) {
	list := []Deployment{
		{ID: 4, Payload: Payload{Snapshot: "before-4"}},
		{ID: 3, Payload: Payload{Kind: "rollback"}},
		{ID: 2, Payload: Payload{Snapshot: "before-2"}},
		{ID: 1, Payload: Payload{Snapshot: "before-1"}},
	}
	ev := &evidence{env: &EnvironmentState{Deployments: Fact[[]Deployment]{Value: list}}}
	for target, want := range map[int64]string{1: "before-2", 2: "before-4", 3: "before-4", 4: ""} {
		if got := recordedSnapshot(ev, Candidate{Deployment: Deployment{ID: target}}); got != want {
			t.Errorf("back to %d: %q, want %q", target, got, want)
		}
	}
}

// silent is a world whose snapshots are never told.
type silent struct{ *world }

func (silent) Snapshots(ctx context.Context, _ Cluster, _ string) ([]DatabaseSnapshot, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A source that does not answer leaves its own fact unknown: an emergency waits
// for it, and goes on.
func TestARollbackIsPlannedWithoutASourceThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := richWorld(time.Now())
		w.runs, w.pending, w.compare = w.runs[1:], nil, Comparison{Status: "ahead"}
		e := start(t, w)
		e.opt.Cloud = silent{w}
		began := time.Now()
		p, err := operatorOver(e, w, &record{}).PlanRollback(t.Context(), RollbackRequest{Environment: "production"})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > planTimeout {
			t.Errorf("it took %s", took)
		}
		if g := gate(t, p, "R13"); g.Verdict != Unknown || g.Blocks() {
			t.Errorf("the backup that nobody told of: %s %s", g.Verdict, g.Effect)
		}
		if blocking := p.Blocking(); len(blocking) > 0 {
			t.Errorf("%v keeps it from being sent", blocking)
		}
	})
}

// That the deployments could not be read is not that there is no way back.
func TestAWayBackThatIsNotKnownIsNotRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := richWorld(time.Now())
		w.fail["Deployments"] = errDown
		_, err := operatorOver(start(t, w), w, &record{}).PlanRollback(t.Context(), RollbackRequest{Environment: "production"})
		if KindOf(err) != KindUnavailable || !strings.Contains(err.Error(), "not known") {
			t.Errorf("it says %v", err)
		}
	})
}
