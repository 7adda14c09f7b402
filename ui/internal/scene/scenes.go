package scene

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// All are the scenes by name.
func All() map[string]*pipeline.Snapshot {
	return map[string]*pipeline.Snapshot{
		"waiting": Waiting(), "rollout": Rollout(), "bad": Bad(), "disagreement": Disagreement(),
		"first-run": FirstRun(), "sources": Sources(), "empty": Empty(), "wild": Wild(), "many": Many(500),
		"starting": Starting(),
	}
}

// Sorted are the names of All in order.
func Sorted() []string { return slices.Sorted(maps.Keys(All())) }

// job is a job of run 212.
func job(id int64, name string, status pipeline.RunStatus, c pipeline.Conclusion, started, took time.Duration) pipeline.Job {
	j := pipeline.Job{ID: id, RunID: 212, Attempt: 1, Name: name, Status: status, Conclusion: c, Created: ago(started)}
	if status == pipeline.StatusCompleted || status == pipeline.StatusInProgress {
		j.Started = ago(started)
	}
	if status == pipeline.StatusCompleted {
		j.Completed = ago(started - took)
	}
	return j
}

// promotion is run 212, which takes v1.42.0 to production.
func promotion(status pipeline.RunStatus, age time.Duration) pipeline.Run {
	return pipeline.Run{
		ID: 212, Workflow: "cd-production.yml", Name: "cd-production", Title: Fix.Title, Number: 212, Attempt: 1, Event: "push",
		Status: status, Branch: "main", SHA: Fix.SHA, CommitTitle: Fix.Title, Actor: "bob", TriggeringActor: "bob",
		Created: ago(age), Started: ago(age), Updated: ago(time.Minute), URL: "https://github.com/acme/shop/actions/runs/212",
	}
}

// Waiting is the screen of every day: a good release waits for approval.
func Waiting() *pipeline.Snapshot {
	s := base()
	run := promotion(pipeline.StatusWaiting, 6*time.Minute)
	s.Runs.Value = slices.Insert(s.Runs.Value, 0, run)
	const done, ok = pipeline.StatusCompleted, pipeline.ConclusionSuccess
	s.Jobs[run.Key()] = fact("github jobs", []pipeline.Job{
		job(1, "Pre-deployment", done, ok, 6*time.Minute, 42*time.Second),
		job(2, "Security scan", done, ok, 5*time.Minute, 118*time.Second),
		job(3, "Approval: production", pipeline.StatusWaiting, "", 3*time.Minute, 0),
		job(4, "Backup and migration", pipeline.StatusQueued, "", 0, 0),
		job(5, "Deploy services", pipeline.StatusQueued, "", 0, 0),
		job(6, "Verify", pipeline.StatusQueued, "", 0, 0),
	})
	reviewers := []pipeline.Reviewer{{Name: "alice"}, {Name: "bob"}, {Name: "sre-team", Team: true}}
	s.Pending[212] = fact("github approvals", []pipeline.PendingApproval{{
		RunID: 212, EnvironmentID: 41, Environment: "production", WaitTimer: 5 * time.Minute, WaitStarted: ago(6 * time.Minute),
		CanApprove: true, Reviewers: reviewers,
	}})
	s.Approvals = []pipeline.Approval{{
		Run: run, Environment: "production", Gate: "production", EnvironmentID: 41, Release: Fix, Since: ago(3 * time.Minute),
		Reviewers: reviewers, CanApprove: true,
	}}
	s.Trains[0].Stops[1] = pipeline.Stop{Environment: "production", State: pipeline.StopWaiting, Sentence: "waits for you", Since: ago(3 * time.Minute), RunID: 212}
	p := s.Environment("production")
	p.Lane.Holder = &pipeline.LaneMember{Run: run, Since: ago(3 * time.Minute), Waiting: true}
	p.Lane.Sentence = "#212 holds it, waiting for approval 3m · nothing behind it"
	s.Jobs[pipeline.RunKey{ID: 1180, Attempt: 1}] = fact("github jobs", failedJobs())
	return s
}

// failedJobs are the jobs of ci #1180, whose tests failed.
func failedJobs() []pipeline.Job {
	const done, ok, bad = pipeline.StatusCompleted, pipeline.ConclusionSuccess, pipeline.ConclusionFailure
	jobs := []pipeline.Job{
		job(21, "Security scan", done, ok, 68*time.Minute, 118*time.Second),
		job(22, "Test api-gateway", done, ok, 68*time.Minute, 191*time.Second),
		job(23, "Test orders", done, bad, 68*time.Minute, 280*time.Second),
		job(24, "Build images", done, pipeline.ConclusionSkipped, 63*time.Minute, 0),
	}
	step := func(n int, name string, c pipeline.Conclusion, at, took time.Duration) pipeline.Step {
		return pipeline.Step{Number: n, Name: name, Status: done, Conclusion: c, Started: ago(at), Completed: ago(at - took)}
	}
	jobs[2].Steps = []pipeline.Step{
		step(1, "Set up job", ok, 68*time.Minute, 2*time.Second),
		step(2, "Start services", ok, 68*time.Minute, 21*time.Second),
		step(3, "pytest", bad, 67*time.Minute, 242*time.Second),
		step(4, "Upload coverage", pipeline.ConclusionSkipped, 63*time.Minute, 0),
	}
	for i := range jobs {
		jobs[i].RunID = 1180
	}
	return jobs
}

// Rollout is v1.42.0 on its way through production: three of six services done.
func Rollout() *pipeline.Snapshot {
	s := Waiting()
	s.Approvals, s.Pending = nil, map[int64]pipeline.Fact[[]pipeline.PendingApproval]{}
	run := promotion(pipeline.StatusInProgress, 16*time.Minute)
	s.Runs.Value[0] = run
	const done, ok = pipeline.StatusCompleted, pipeline.ConclusionSuccess
	s.Jobs[run.Key()] = fact("github jobs", []pipeline.Job{
		job(1, "Pre-deployment", done, ok, 16*time.Minute, 42*time.Second),
		job(2, "Security scan", done, ok, 15*time.Minute, 118*time.Second),
		job(3, "Approval: production", done, ok, 13*time.Minute, 182*time.Second),
		job(4, "Backup and migration", done, ok, 10*time.Minute, 258*time.Second),
		job(5, "Deploy services", pipeline.StatusInProgress, "", 5*time.Minute, 0),
		job(6, "Verify", pipeline.StatusQueued, "", 0, 0),
	})
	s.Trains[0].Stops[1] = pipeline.Stop{
		Environment: "production", State: pipeline.StopMoving, Sentence: "updating 3 of 6, 7m of about 19m", Since: ago(7 * time.Minute), RunID: 212, Progress: 0.5,
	}
	s.Trains[1].Stops[1] = pipeline.Stop{Environment: "production", State: pipeline.StopPartly, Sentence: "live on 3 of 6", Since: ago(52 * time.Hour)}
	s.Rollouts = append([]pipeline.Rollout{{
		ID: "deployment/9315", Kind: pipeline.RolloutPromotion, Environment: "production", Release: Fix, From: Bump,
		Run: run.Key(), Workflow: run.Workflow, RunNumber: 212, Deployment: 9315, Phase: pipeline.PhaseUpdating,
		Sentence: "updating 3 of 6", RequestedBy: "bob", Started: ago(7 * time.Minute), Done: 3, Total: 6, Expected: 19 * time.Minute,
	}}, s.Rollouts...)
	p := s.Environment("production")
	p.Live = pipeline.Live{Release: Fix, Verdict: pipeline.LiveMixed, Matching: 3, Total: 6, Since: ago(4 * time.Minute)}
	p.Lane.Holder = &pipeline.LaneMember{Run: run, Since: ago(7 * time.Minute)}
	p.Lane.Sentence = "#212 holds it, deploying 7m · nothing behind it"
	for i := range 3 {
		p.Services[i] = service(p.Environment, Names[i], Fix, 2+i%3*2, i)
	}
	moving(&p.Services[3])
	return s
}

// moving makes the service roll from Bump to Fix, four old tasks and three new.
func moving(v *pipeline.ServiceView) {
	v.Desired, v.Running, v.SHA, v.Version, v.OtherSHAs = 6, 7, Fix.SHA, Fix.Version, []string{Bump.SHA}
	v.Health, v.Why = pipeline.Healthy, "4 on 9f8e7d6, 3 on a1b2c3d"
	name := v.Key.Service
	v.Revisions = []pipeline.ServiceRevision{revision(name, Fix, 18, 3), revision(name, Bump, 17, 4)}
	v.Revisions[0].Requested, v.Revisions[0].Pending = 6, 1
	v.Deployments = []pipeline.ServiceSet{
		{ID: "ecs-svc/1801", Status: "PRIMARY", TaskDefinition: v.Revisions[0].TaskDefinition, Desired: 6, Running: 3, Pending: 1, RolloutState: "IN_PROGRESS", Created: ago(time.Minute), Updated: ago(4 * time.Second)},
		{ID: "ecs-svc/1700", Status: "ACTIVE", TaskDefinition: v.Revisions[1].TaskDefinition, Desired: 6, Running: 4, RolloutState: "COMPLETED", Created: ago(52 * time.Hour)},
	}
	v.Rollout = &pipeline.ServiceDeployment{
		ARN: "arn:aws:ecs:eu-central-1:123456789012:service-deployment/shop/orders/2", Status: "IN_PROGRESS", Strategy: "ROLLING",
		Created: ago(time.Minute), Started: ago(time.Minute), Target: v.Revisions[0], Sources: v.Revisions[1:],
		BreakerLimit: 3, BreakerStatus: "MONITORING", AlarmStatus: "MONITORING",
	}
}

// Bad is v1.42.0 live for six minutes, with errors and an alarm.
func Bad() *pipeline.Snapshot {
	s := base()
	run := promotion(pipeline.StatusCompleted, 40*time.Minute)
	run.Conclusion, run.Updated = pipeline.ConclusionSuccess, ago(6*time.Minute)
	s.Runs.Value = slices.Insert(s.Runs.Value, 0, run)
	s.Environments[1] = environment(s.Config.Environments[1], Fix, 6*time.Minute)
	p := &s.Environments[1]
	p.Return.Sentence = "v1.42.0 → v1.41.3: possible · images present · no destructive migration"
	p.Return.Candidates[0].Release = Bump
	orders := &p.Services[3]
	orders.Health, orders.Why = pipeline.Unhealthy, "alarm orders-5xx since 5m: 4.1 % of requests fail"
	orders.Alarms.Value = []pipeline.Alarm{{Name: "orders-5xx", State: "ALARM", Metric: "HTTPCode_Target_5XX_Count", Reason: "Threshold Crossed: 1 datapoint [412.0] was greater than the threshold (20.0).", Changed: ago(5 * time.Minute)}}
	orders.Targets.Value[1].State, orders.Targets.Value[1].Reason = "unhealthy", "Target.ResponseCodeMismatch"
	orders.Targets.Value[1].Description = "Health checks failed with these codes: [500]"
	s.Trains[0].Stops[1] = pipeline.Stop{Environment: "production", State: pipeline.StopLive, Sentence: "live, orders unhealthy", Since: ago(6 * time.Minute)}
	s.Trains[1].Stops[1] = pipeline.Stop{Environment: "production", State: pipeline.StopPassed, Since: ago(52 * time.Hour)}
	return s
}

// Disagreement is Waiting where ECS took payments back to an older release,
// and notifications run out of memory.
func Disagreement() *pipeline.Snapshot {
	s := Waiting()
	p := s.Environment("production")
	crash(&p.Services[2])
	p.Services[4] = service(p.Environment, "payments", Retry, 3, 4)
	d := pipeline.Disagreement{
		Service: "payments", Environment: "production", Since: ago(52 * time.Hour),
		Sentence: "run #210 deployed 9f8e7d6, but ECS runs 5c4d3e2: its circuit breaker rolled the service back 2d ago",
	}
	payments := &p.Services[4]
	payments.Disagreement = &d
	payments.Rollout.Status, payments.Rollout.RollbackReason = "ROLLBACK_SUCCESSFUL", "Service deployment rolled back because the circuit breaker threshold was exceeded."
	payments.Rollout.BreakerFailed, payments.Rollout.BreakerStatus = 3, "TRIGGERED"
	p.Disagreements = []pipeline.Disagreement{d}
	p.Live.Verdict, p.Live.Matching = pipeline.LiveMixed, 5
	s.Trains[1].Stops[1] = pipeline.Stop{Environment: "production", State: pipeline.StopPartly, Sentence: "live on 5 of 6", Since: ago(52 * time.Hour)}
	return s
}

// FirstRun has no configuration and no AWS credentials.
func FirstRun() *pipeline.Snapshot {
	s := base()
	s.Config.Inferred, s.Config.Origin = true, "inferred"
	s.Config.Notes = []string{
		"staging and production are the environments that GitHub has.",
		"cd-production.yml names the environment production; it has reviewers, so it is the gate.",
		"No cluster could be found without AWS credentials.",
	}
	denied := &pipeline.Error{
		Kind: pipeline.KindAuth, Op: "read services", On: "cluster shop-production", Message: "no AWS credentials for eu-central-1",
		Hint: "run aws sso login --profile acme-prod or set AWS_PROFILE",
	}
	s.Identity = pipeline.Fact[pipeline.CloudIdentity]{Observation: pipeline.Observation{Source: "aws identity", Err: denied, ErrAt: ago(9 * time.Second)}}
	for i := range s.Environments {
		e := &s.Environments[i]
		e.Environment.Clusters = nil
		e.Services, e.Return, e.Live = nil, pipeline.ReturnPath{}, pipeline.Live{Verdict: pipeline.LiveUnknown}
		e.Observation = pipeline.Observation{Source: "aws services", Err: denied, ErrAt: ago(9 * time.Second)}
	}
	s.Config.Environments[0].Clusters, s.Config.Environments[1].Clusters = nil, nil
	s.Logs = pipeline.LogStatus{Observation: pipeline.Observation{Source: "aws logs", Err: denied, ErrAt: ago(9 * time.Second)}}
	s.Sources[2] = pipeline.SourceStatus{Name: "aws services shop-production", Observation: s.Environments[1].Observation}
	s.Sources[3] = pipeline.SourceStatus{Name: "aws logs", Observation: s.Logs.Observation}
	return s
}

// Sources is Disagreement when nothing could be read for four minutes.
func Sources() *pipeline.Snapshot {
	s := Disagreement()
	old := func(source, message string) pipeline.Observation {
		return pipeline.Observation{
			Source: source, At: ago(250 * time.Second), TTL: time.Minute, ErrAt: ago(10 * time.Second),
			Err: &pipeline.Error{Kind: pipeline.KindUnavailable, Op: "read " + source, Message: message, Err: errors.New(message)},
		}
	}
	s.Runs.Observation = old("github runs", "GitHub answered 502 Bad Gateway")
	s.Sources[0] = pipeline.SourceStatus{Name: "github runs", Observation: s.Runs.Observation, Next: Now.Add(20 * time.Second)}
	p := s.Environment("production")
	p.Observation = old("aws services", "AWS asks for fewer requests (ThrottlingException)")
	s.Sources[2] = pipeline.SourceStatus{Name: "aws services shop-production", Observation: p.Observation, Next: Now.Add(20 * time.Second)}
	s.Logs.Observation = old("aws logs", "access denied: logs:FilterLogEvents")
	s.Logs.Behind = 250 * time.Second
	s.Logs.Dropped = 1204
	s.Rate.Remaining = 212
	return s
}

// Starting is a snapshot from disk before anything was read.
func Starting() *pipeline.Snapshot {
	s := Waiting()
	s.Restored = true
	s.Sources = nil
	s.AsOf = ago(3 * time.Hour)
	return s
}

// Empty is a repository without workflows, runs or environments.
func Empty() *pipeline.Snapshot {
	s := base()
	s.Repository.Name = "blank"
	s.Config = pipeline.Configuration{Inferred: true, Origin: "inferred"}
	s.Runs, s.RunsTotal = fact("github runs", []pipeline.Run(nil)), 0
	s.Workflows = fact("github workflows", []pipeline.Workflow(nil))
	s.Trains, s.Environments, s.Rollouts, s.Approvals = nil, nil, nil, nil
	s.Focus = pipeline.Focus{}
	s.Logs = pipeline.LogStatus{}
	s.Sources = s.Sources[:1]
	return s
}

// Wild has long names, wide characters and missing texts everywhere.
func Wild() *pipeline.Snapshot {
	s := Disagreement()
	s.Repository.Owner, s.Repository.Name = "organisation-with-a-very-long-name", "repository-日本語-with-a-longer-one"
	long := strings.Repeat("feature/länger-als-jede-spalte-", 4)
	for i := range s.Runs.Value {
		r := &s.Runs.Value[i]
		switch i % 3 {
		case 0:
			r.Branch, r.Title = long, "修正: カートの丸め処理を直す "+long
		case 1:
			r.Name, r.Workflow, r.Actor = "👩‍💻 "+long, long+".yml", ""
		case 2:
			r.SHA, r.Title, r.Number = "", "", 123456789
		}
	}
	for i := range s.Trains {
		s.Trains[i].Release.Title = "日本語のコミットの題名 " + long
		s.Trains[i].Release.Version = "v2026.11.24-build.1234567890+" + long
	}
	p := s.Environment("production")
	for i := range p.Services {
		v := &p.Services[i]
		v.Key.Service = fmt.Sprintf("サービス-%d-%s", i, long)
		v.Desired, v.Running = 1234, 12345
		v.Why = strings.Repeat("理由 ", 40)
	}
	p.Return.Sentence, p.Lane.Sentence = long+long, ""
	return s
}

// Fleet is everything at once, as much of it as parts of sixteen: whole, 2,000
// runs of 20 repositories, and 500 services with two tasks each.
func Fleet(parts int) *pipeline.Snapshot {
	s := Many(500 * parts / 16)
	p := s.Environment("production")
	for i := range p.Services {
		v := &p.Services[i]
		tasks := []pipeline.Task{task(v.Key.Service, Bump, 0), task(v.Key.Service, Bump, 1)}
		v.Desired, v.Running, v.Tasks = 2, 2, fact("aws tasks", tasks)
	}
	known := s.Runs.Value
	for i := range 2000*parts/16 - len(known) {
		r := known[i%len(known)]
		r.ID, r.Number, r.Created = int64(10_000+i), 3000-i, r.Created.Add(-time.Duration(i)*time.Hour)
		if n := i % 20; n > 0 {
			r.Repository = fmt.Sprintf("acme/service-%02d", n)
		}
		s.Older = append(s.Older, r)
	}
	s.RunsTotal = len(known) + len(s.Older)
	for i := range 20 * parts / 16 {
		s.Repositories = append(s.Repositories, pipeline.RepositoryState{
			Repository: pipeline.Repository{Owner: "acme", Name: fmt.Sprintf("service-%02d", i+1)}, Observation: fresh("github repository"),
		})
	}
	return s
}

// Many has n services in production, a few of them ill.
func Many(n int) *pipeline.Snapshot {
	s := Waiting()
	p := s.Environment("production")
	p.Services = nil
	for i := range n {
		v := service(p.Environment, fmt.Sprintf("service-%03d", i), Bump, 1+i%4, i)
		switch {
		case i%97 == 13:
			crash(&v)
		case i%199 == 50:
			moving(&v)
		}
		p.Services = append(p.Services, v)
	}
	p.Live.Total, p.Live.Matching = n, n
	return s
}
