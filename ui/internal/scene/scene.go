// Package scene builds the snapshots that the console's tests show: one for
// each screen that matters, all at the same moment of the same product. It is
// for tests only.
package scene

import (
	"fmt"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Now is the moment at which every scene plays.
var Now = time.Date(2026, time.September, 8, 14, 3, 22, 0, time.UTC)

// The releases of the scenes: staging's newest, production's, the faulty one
// before it, and a commit of a branch.
var (
	Fix   = release("a1b2c3d", "v1.42.0", "Fix cart rounding", "bob", time.Hour)
	Bump  = release("9f8e7d6", "v1.41.3", "Bump gunicorn", "carol", 53*time.Hour)
	Retry = release("5c4d3e2", "v1.41.2", "Retry webhooks", "alice", 60*time.Hour)
	Tax   = release("77c0de1", "", "Tax by region", "dave", 2*time.Hour)
	Older = release("1a2b3c4", "v1.40.9", "Speed up the catalogue", "carol", 170*time.Hour)
)

// Names are the services of every environment, in deployment order.
var Names = []string{"api-gateway", "catalog", "notifications", "orders", "payments", "users"}

func release(short, version, title, author string, age time.Duration) pipeline.Release {
	sha := (short + strings.Repeat(short, 5))[:40]
	images := make(map[string]string, len(Names))
	for i, n := range Names {
		images[n] = fmt.Sprintf("sha256:%s%02d", strings.Repeat(short[:1], 62), i)
	}
	return pipeline.Release{
		SHA: sha, Tree: "tree-" + short, Version: version, Title: title, Author: author,
		Created: Now.Add(-age), Images: images,
	}
}

// ago is the moment that long before the scene.
func ago(d time.Duration) time.Time { return Now.Add(-d) }

// fresh is the observation of a source that was read a moment ago.
func fresh(source string) pipeline.Observation {
	return pipeline.Observation{Source: source, At: ago(4 * time.Second), TTL: time.Minute}
}

func fact[T any](source string, v T) pipeline.Fact[T] {
	return pipeline.Fact[T]{Value: v, Observation: fresh(source)}
}

// configuration is that of acme/shop.
func configuration() pipeline.Configuration {
	env := func(name string) pipeline.Environment {
		e := pipeline.Environment{
			Name: name, GitHubEnvironment: name, DeployEnvironment: name, Workflow: "cd-" + name + ".yml",
			Clusters: []pipeline.Cluster{{Name: "shop-" + name, Region: "eu-central-1"}}, Soak: 10 * time.Minute,
		}
		for _, n := range Names {
			e.Services = append(e.Services, pipeline.Service{Name: n})
		}
		return e
	}
	staging, production := env("staging"), env("production")
	staging.Branches = []string{"develop"}
	production.Branches, production.Tags = []string{"main"}, []string{"v*"}
	production.After, production.Production = "staging", true
	production.GateEnvironment, production.DeployEnvironment = "production", "production-deploy"
	return pipeline.Configuration{
		Environments: []pipeline.Environment{staging, production}, Default: "production",
		Workflows: pipeline.Workflows{CI: "ci.yml", Staging: "cd-staging.yml", Production: "cd-production.yml", Rollback: "rollback.yml"},
		Origin:    "acme/shop@main:.github/deployctl.yml",
	}
}

// base is the repository at rest: v1.41.3 is live in production for two days,
// v1.42.0 in staging.
func base() *pipeline.Snapshot {
	s := &pipeline.Snapshot{
		Version: 1, AsOf: Now, Mode: pipeline.ModeOperator,
		Repository: pipeline.Repository{
			Host: "github.com", Owner: "acme", Name: "shop", DefaultBranch: "main", Private: true,
			URL: "https://github.com/acme/shop", Role: "maintain",
		},
		Viewer:   pipeline.Viewer{Login: "alice", ID: 7},
		Config:   configuration(),
		Identity: fact("aws identity", pipeline.CloudIdentity{Account: "123456789012", ARN: "arn:aws:sts::123456789012:assumed-role/operator/alice", Region: "eu-central-1"}),
		Rate:     pipeline.RateBudget{Limit: 5000, Remaining: 4812, Reset: Now.Add(31 * time.Minute), Sent: 412, Counted: 38},
		Jobs:     map[pipeline.RunKey]pipeline.Fact[[]pipeline.Job]{},
		Pending:  map[int64]pipeline.Fact[[]pipeline.PendingApproval]{},
		Workflows: fact("github workflows", []pipeline.Workflow{
			{ID: 1, Name: "CI", Path: ".github/workflows/ci.yml", State: "active"},
			{ID: 2, Name: "CD staging", Path: ".github/workflows/cd-staging.yml", State: "active"},
			{ID: 3, Name: "CD production", Path: ".github/workflows/cd-production.yml", State: "active"},
			{ID: 4, Name: "Rollback", Path: ".github/workflows/rollback.yml", State: "active"},
		}),
		Focus: pipeline.Focus{Environment: "production"},
		Logs:  pipeline.LogStatus{Groups: 6, Rate: 1204, Lines: 48211, Observation: fresh("aws logs")},
	}
	s.Sources = []pipeline.SourceStatus{
		{Name: "github runs", Observation: fresh("github runs"), Next: Now.Add(6 * time.Second)},
		{Name: "github deployments", Observation: fresh("github deployments")},
		{Name: "aws services shop-production", Observation: fresh("aws services shop-production")},
		{Name: "aws logs", Observation: fresh("aws logs")},
	}
	s.Runs = fact("github runs", runs())
	s.RunsTotal = 203
	s.Trains = trains()
	s.Environments = []pipeline.EnvironmentState{
		environment(s.Config.Environments[0], Fix, 31*time.Minute),
		environment(s.Config.Environments[1], Bump, 52*time.Hour),
	}
	s.Rollouts = []pipeline.Rollout{{
		ID: "deployment/9310", Kind: pipeline.RolloutPromotion, Environment: "production", Release: Bump, From: Retry,
		Run: pipeline.RunKey{ID: 210, Attempt: 1}, Workflow: "cd-production.yml", RunNumber: 210, Deployment: 9310,
		Phase: pipeline.PhaseSucceeded, Started: ago(53 * time.Hour), Ended: ago(52 * time.Hour), Done: 6, Total: 6,
	}}
	return s
}

// environment is one that runs r everywhere, in good health.
func environment(cfg pipeline.Environment, r pipeline.Release, since time.Duration) pipeline.EnvironmentState {
	e := pipeline.EnvironmentState{
		Environment: cfg,
		Live:        pipeline.Live{Release: r, Verdict: pipeline.LiveSame, Matching: len(cfg.Services), Total: len(cfg.Services), Since: ago(since)},
		Lane:        pipeline.Lane{Environment: cfg.Name, Group: "deploy-" + cfg.Name, Sentence: "free"},
		Observation: fresh("aws services shop-" + cfg.Name),
	}
	e.Return = pipeline.ReturnPath{
		Environment: cfg.Name, Deployable: 1, Sentence: "v1.41.3 → v1.40.9: possible · images present · no destructive migration",
		Observation: fresh("return path"),
		Candidates: []pipeline.Candidate{
			{Deployment: pipeline.Deployment{ID: 9302}, Release: Older, Verdict: pipeline.Pass, LiveFor: 110 * time.Hour, LiveSince: ago(170 * time.Hour)},
			{Deployment: pipeline.Deployment{ID: 9306}, Release: Retry, Verdict: pipeline.Fail, Faulty: true, Reasons: []string{"rolled back"}},
		},
	}
	e.Return.Best = &e.Return.Candidates[0]
	for i, svc := range cfg.Services {
		v := service(cfg, svc.Name, r, 2+i%3*2, i)
		v.Return = pipeline.ServiceReturn{Deployment: 9302, Release: Older, Candidates: 2, Deployable: 1, Sentence: "v1.40.9: possible · 1 of 2 candidates"}
		e.Services = append(e.Services, v)
	}
	return e
}

// runs are the newest runs of the repository at rest.
func runs() []pipeline.Run {
	run := func(number int, file string, r pipeline.Release, branch string, c pipeline.Conclusion, age, took time.Duration) pipeline.Run {
		return pipeline.Run{
			ID: int64(number), Workflow: file, Name: strings.TrimSuffix(file, ".yml"), Title: r.Title, Number: number, Attempt: 1,
			Event: "push", Status: pipeline.StatusCompleted, Conclusion: c, Branch: branch, SHA: r.SHA, CommitTitle: r.Title,
			Actor: r.Author, TriggeringActor: r.Author, Created: ago(age + took), Started: ago(age + took), Updated: ago(age),
			URL: fmt.Sprintf("https://github.com/acme/shop/actions/runs/%d", number),
		}
	}
	const ok, bad = pipeline.ConclusionSuccess, pipeline.ConclusionFailure
	return []pipeline.Run{
		run(341, "cd-staging.yml", Fix, "develop", ok, 31*time.Minute, 22*time.Minute),
		run(1181, "ci.yml", Fix, "develop", ok, 44*time.Minute, 552*time.Second),
		run(1180, "ci.yml", Tax, "feat/tax", bad, time.Hour, 482*time.Second),
		run(211, "cd-production.yml", Tax, "main", pipeline.ConclusionCancelled, 61*time.Minute, 4*time.Second),
		run(210, "cd-production.yml", Bump, "main", ok, 52*time.Hour, 36*time.Minute),
		run(18, "rollback.yml", Bump, "main", ok, 53*time.Hour, 16*time.Minute),
		run(209, "cd-production.yml", Retry, "main", ok, 57*time.Hour, 33*time.Minute),
		run(339, "cd-staging.yml", Bump, "develop", ok, 54*time.Hour, 24*time.Minute),
		run(1170, "ci.yml", Bump, "develop", ok, 55*time.Hour, 520*time.Second),
	}
}

// trains are the newest releases and how far they came.
func trains() []pipeline.Train {
	stop := func(env string, st pipeline.StopState, sentence string, age time.Duration) pipeline.Stop {
		return pipeline.Stop{Environment: env, State: st, Sentence: sentence, Since: ago(age)}
	}
	return []pipeline.Train{
		{Release: Fix, CI: stop("ci", pipeline.StopPassed, "9m12s", 44*time.Minute), Stops: []pipeline.Stop{
			stop("staging", pipeline.StopLive, "soaked 22m", 31*time.Minute), stop("production", pipeline.StopNone, "", 0),
		}},
		{Release: Bump, CI: stop("ci", pipeline.StopPassed, "8m40s", 55*time.Hour), Stops: []pipeline.Stop{
			stop("staging", pipeline.StopPassed, "", 54*time.Hour), stop("production", pipeline.StopLive, "live", 52*time.Hour),
		}},
		{Release: Retry, CI: stop("ci", pipeline.StopPassed, "8m51s", 61*time.Hour), Stops: []pipeline.Stop{
			stop("staging", pipeline.StopPassed, "", 60*time.Hour), stop("production", pipeline.StopFaulty, "faulty, rolled back", 53*time.Hour),
		}},
		{Release: Older, CI: stop("ci", pipeline.StopPassed, "9m02s", 172*time.Hour), Stops: []pipeline.Stop{
			stop("staging", pipeline.StopPassed, "", 171*time.Hour), stop("production", pipeline.StopPassed, "", 170*time.Hour),
		}},
	}
}
