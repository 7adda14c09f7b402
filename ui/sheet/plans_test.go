package sheet_test

import (
	"errors"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
)

// titles are those of the gates by their IDs.
var titles = map[string]string{
	"A1": "the run", "A5": "order", "A7": "the environment before", "A8": "required checks", "A9": "images", "A12": "migrations",
	"A13": "the way back", "A14": "health now", "A15": "alarms", "R4": "history", "R7": "other rollouts", "R9": "task definitions",
	"R12": "migrations", "R13": "the backup", "R18": "would it help", "T1": "rollback.yml", "T2": "the lane", "C1": "the run", "C4": "the lane",
}

func gate(id, code string, v pipeline.Verdict, effect pipeline.Severity, sentence string, age time.Duration) pipeline.Gate {
	return pipeline.Gate{
		ID: id, Code: code, Title: titles[id], Verdict: v, Effect: effect, Sentence: sentence,
		Observation: pipeline.Observation{Source: "test", At: scene.Now.Add(-age)},
	}
}

func pass(id, sentence string, age time.Duration) pipeline.Gate {
	return gate(id, "", pipeline.Pass, pipeline.Inform, sentence, age)
}

func ack(g pipeline.Gate, word string) pipeline.Gate {
	g.Ack = word
	return g
}

func intent(kind pipeline.PlanKind) pipeline.Intent {
	return pipeline.Intent{
		ID: "01JDEADBEEF", Kind: kind, Repository: "acme/shop", Environment: "production", Operator: "alice",
		LiveSHA: scene.Bump.SHA, SeenAt: scene.Now.Add(-9 * time.Second),
	}
}

func services() []pipeline.ServiceChange {
	var out []pipeline.ServiceChange
	for _, n := range scene.Names {
		out = append(out, pipeline.ServiceChange{Service: n, From: scene.Bump.Images[n], To: scene.Fix.Images[n]})
	}
	return out
}

func commits() []pipeline.Commit {
	return []pipeline.Commit{
		{SHA: "d00dfeedd00dfeed", Title: "Bump redis", Author: "carol"},
		{SHA: "c0ffee1c0ffee1c0", Title: "Add coupon field", Author: "bob"},
		{SHA: scene.Fix.SHA, Title: scene.Fix.Title, Author: "bob"},
	}
}

// approvePlan is the approval of the draft: two acknowledgements and a comment
// are missing.
func approvePlan() pipeline.Plan {
	in := intent(pipeline.PlanApprove)
	in.RunID, in.RunAttempt, in.GateID, in.SHA = 212, 1, 77, scene.Fix.SHA
	payments := ack(gate("A14", "unhealthy", pipeline.Fail, pipeline.Acknowledge, "payments disagrees: ECS runs 5c4d3e2", 9*time.Second), "payments")
	payments.Evidence = []string{"PRIMARY deployment ecs-svc/99 runs 5c4d3e2 since 2d 5h"}
	payments.Remedy = "roll payments forward with this release, or look at its events first"
	return pipeline.Plan{
		Intent: in, Title: "Approve production · cd-production #212, attempt 1",
		Preview: pipeline.Preview{
			From: scene.Bump, To: scene.Fix, Commits: commits(), Authors: []string{"bob", "carol"},
			Migrations: []string{"orders/migrations/0057_coupon.py"}, Services: services(),
			Expected: 19 * time.Minute, Worst: 27 * time.Minute, LiveSince: scene.Now.Add(-52 * time.Hour),
		},
		Gates: []pipeline.Gate{
			pass("A7", "staging runs exactly a1b2c3d (same digests), healthy, soaked 22m", 4*time.Second),
			pass("A8", "required checks: 7 of 7 on a1b2c3d", 4*time.Second),
			pass("A5", "ahead of live by 3 commits; no newer run waits", 4*time.Second),
			pass("A9", "images present by digest: 6 of 6", 9*time.Second),
			gate("A12", "migration", pipeline.Fail, pipeline.Warn, "migration orders.0057 adds a column with a default: additive", 9*time.Second),
			pass("A13", "return path: back to 9f8e7d6 stays possible after this", 9*time.Second),
			payments,
			ack(gate("A15", "alarms", pipeline.Unknown, pipeline.Acknowledge, "alarms cannot be read (AccessDenied)", 9*time.Second), "alarms"),
		},
		Comment: true,
		Command: "gh api repos/acme/shop/actions/runs/212/pending_deployments -f state=approved",
		Sends:   "approves run 212, attempt 1, for production",
	}
}

// rejectPlan is the other answer to the same run.
func rejectPlan() pipeline.Plan {
	p := approvePlan()
	p.Intent.Kind = pipeline.PlanReject
	p.Title = "Reject production · cd-production #212, attempt 1"
	p.Gates = []pipeline.Gate{pass("A1", "run 212 waits for production, attempt 1, at a1b2c3d", 2*time.Second)}
	p.Preview.Services, p.Preview.Migrations, p.Preview.Expected = nil, nil, 0
	p.Sends = "rejects run 212, attempt 1, for production"
	return p
}

// blockedPlan is an approval that is refused: staging never ran the release.
func blockedPlan() pipeline.Plan {
	p := approvePlan()
	g := gate("A7", "not_staged", pipeline.Fail, pipeline.Block, "staging never ran a1b2c3d", 4*time.Second)
	g.Remedy = "deploy it to staging first, or trigger cd-production with the hotfix override"
	p.Gates[0] = g
	return p
}

func candidates() []pipeline.Candidate {
	faulty := pipeline.Candidate{
		Deployment: pipeline.Deployment{ID: 9306, SHA: scene.Retry.SHA}, Release: scene.Retry, Verdict: pipeline.Pass,
		Faulty: true, Reasons: []string{"rolled back"},
	}
	return []pipeline.Candidate{
		{Deployment: pipeline.Deployment{ID: 9310, SHA: scene.Bump.SHA}, Release: scene.Bump, Verdict: pipeline.Pass, LiveFor: 52 * time.Hour},
		faulty,
		{Deployment: pipeline.Deployment{ID: 9302, SHA: scene.Older.SHA}, Release: scene.Older, Verdict: pipeline.Fail, Reasons: []string{"image gone from ECR"}},
	}
}

// rollbackPlan is the rollback of the draft to one of its candidates.
func rollbackPlan(to int64) pipeline.Plan {
	in := intent(pipeline.PlanRollback)
	in.LiveSHA, in.Workflow = scene.Fix.SHA, "rollback.yml"
	all := candidates()
	chosen := all[0]
	for _, c := range all {
		if c.Deployment.ID == to {
			chosen = c
		}
	}
	in.Deployment, in.SHA, in.Leaves = chosen.Deployment.ID, chosen.Release.SHA, 9311
	var back []pipeline.ServiceChange
	for _, n := range scene.Names {
		back = append(back, pipeline.ServiceChange{Service: n, From: scene.Fix.Images[n], To: chosen.Release.Images[n]})
	}
	return pipeline.Plan{
		Intent: in, Title: "Roll back production",
		Preview: pipeline.Preview{
			From: scene.Fix, To: chosen.Release, Services: back, Expected: 9 * time.Minute, Worst: 14 * time.Minute,
			LiveSince: scene.Now.Add(-6 * time.Minute), Commits: commits(),
		},
		Gates: []pipeline.Gate{
			pass("R9", "task definitions ACTIVE, images present by digest: 6 of 6", 2*time.Second),
			pass("R7", "no other rollout in flight, lane free", 2*time.Second),
			gate("R4", "loses_commits", pipeline.Fail, pipeline.Warn, "loses 3 commits: Fix cart rounding, Add coupon field, Bump redis", 3*time.Second),
			pass("R12", "orders.0057 is additive; the older code runs with it", 3*time.Second),
			pass("R13", "backup snapshot shop-prod-2026-11-22-1357 available", 3*time.Second),
			pass("R18", "errors rose 40 s after a1b2c3d took traffic · 1 new signature, ×412", 3*time.Second),
		},
		Candidates: all, Typed: "ROLLBACK", Reason: 10,
		Command: "gh workflow run rollback.yml --ref main -f deployment_id=9310 -f reason='…' -f confirm=ROLLBACK",
		Sends:   "dispatches rollback.yml with deployment_id 9310",
	}
}

// schemaPlan is a rollback past a migration that destroys data: what is typed
// for it names the snapshot from before.
func schemaPlan() pipeline.Plan {
	p := rollbackPlan(9310)
	g := gate("R12", "migration_destructive", pipeline.Fail, pipeline.Acknowledge, "migration orders.0058_drop_billing_address: destructive (RemoveField); the older code may fail with it", 3*time.Second)
	g.Title = "migrations"
	p.Gates[3] = ack(g, "SCHEMA shop-prod-2026-11-22-1357")
	return p
}

func failedRun() pipeline.Run {
	return pipeline.Run{
		ID: 1180, Workflow: "ci.yml", Number: 1180, Attempt: 1, Title: "Tax by region", Branch: "feat/tax", SHA: scene.Tax.SHA,
		Status: pipeline.StatusCompleted, Conclusion: pipeline.ConclusionFailure, Actor: "dave",
		Created: scene.Now.Add(-70 * time.Minute), Started: scene.Now.Add(-70 * time.Minute), Updated: scene.Now.Add(-62 * time.Minute),
	}
}

func movingRun() pipeline.Run {
	r := failedRun()
	r.ID, r.Workflow, r.Number, r.Branch, r.SHA, r.Title = 341, "cd-staging.yml", 341, "develop", scene.Fix.SHA, scene.Fix.Title
	r.Status, r.Conclusion, r.Started = pipeline.StatusInProgress, "", scene.Now.Add(-7*time.Minute)
	return r
}

func runPlan(kind pipeline.PlanKind, r pipeline.Run) pipeline.Plan {
	in := intent(kind)
	in.Environment, in.LiveSHA = "", ""
	in.RunID, in.RunAttempt, in.SHA, in.Workflow = r.ID, r.Attempt, r.SHA, r.Workflow
	p := pipeline.Plan{Intent: in, Gates: []pipeline.Gate{pass("C1", "the run is as shown", 1*time.Second)}}
	if kind == pipeline.PlanCancel {
		p.Title, p.Sends, p.Command = "Cancel cd-staging #341, attempt 1", "cancels run 341", "gh run cancel 341"
		p.Gates = append(p.Gates, gate("C4", "mid_rollout", pipeline.Fail, pipeline.Warn, "services are being updated: orders 3 of 6", time.Second))
	} else {
		p.Title, p.Sends, p.Command = "Re-run ci #1180, attempt 1", "runs the failed jobs of run 1180 again", "gh run rerun 1180 --failed"
	}
	return p
}

func refused() pipeline.Receipt {
	return pipeline.Receipt{
		Number: 1182, Outcome: pipeline.OutcomeRefused, Code: "live_changed", Sentence: "payments runs another release than you were shown",
		Differences: []pipeline.Difference{
			{Code: "live_changed", Fact: "payments", Seen: scene.Bump.SHA, Is: scene.Retry.SHA, Source: "ECS, 3 s ago"},
			{Code: "lane_held", Fact: "lane", Seen: "free", Is: "#213, carol", Source: "GitHub, 2 s ago"},
		},
		At: scene.Now, Intent: pipeline.Intent{RunID: 212},
	}
}

func approved() pipeline.Receipt {
	return pipeline.Receipt{
		Number: 1183, Outcome: pipeline.OutcomeDone, Sentence: "production was approved for run #212; its jobs have started",
		Acks: []string{"payments", "alarms"}, RunID: 212, URL: "https://github.com/acme/shop/actions/runs/212", At: scene.Now,
	}
}

func unavailable() error {
	return &pipeline.Error{
		Kind: pipeline.KindUnavailable, Op: "read the run", On: "acme/shop", Message: "GitHub answered 502 Bad Gateway",
		Hint: "wait a moment; githubstatus.com tells whether it is their side", Err: errors.New("502"),
	}
}
