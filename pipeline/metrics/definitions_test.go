package metrics

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// story is a history in which the three definitions differ: over two weeks a
// release, a bad one, its rollback, the fix that shipped two pushes at once,
// and the fix again. The first deployment is outside of the period.
//
//	id  hours ago  what
//	1   400        the first deployment ever
//	2   100        good: one squashed commit, written 3 h before it was live
//	3    50        bad: rolled back by 4
//	4    49        the rollback
//	5    20        the fix: a merge of two commits in one push, and an earlier push
//	6    10        the fix again, with two success statuses
func story() Input {
	fix := good1(5, 20)
	again := dep(6, 10, "in_progress", "success", "success")
	again.SHA = fix.SHA
	again.Payload.Before = &pipeline.PayloadBefore{SHA: fix.SHA}
	at := func(sha string, hoursAgo float64, parents ...string) pipeline.Commit {
		c := commit(sha, hoursAgo)
		c.Authored, c.Parents = c.Committed, parents
		return c
	}
	bad := good1(3, 50)
	in := Input{
		Since: until.Add(-14 * 24 * time.Hour), Until: until,
		Deployments: []pipeline.Deployment{again, fix, rollbackOf(4, 3, 49), bad, good1(2, 100), good1(1, 400)},
		Commits: map[int64][]pipeline.Commit{
			1: {at("zero", 401)},
			2: {at(good1(2, 0).SHA, 102.5, "zero")},
			3: {at("b1", 53.5, "x"), at("b2", 52.5, "b1"), at(bad.SHA, 51.5, "x", "b2")},
			// p was pushed on its own before; the head merges q1 and q2.
			5: {at("p", 31.5, "x"), at("q1", 27.5, "x"), at("q2", 25.5, "q1"), at(fix.SHA, 21.5, "p", "q2")},
		},
		Pushed:    map[string]bool{"p": true, fix.SHA: true, bad.SHA: true},
		Incidents: []Incident{{Cause: 3, Created: until.Add(-48*time.Hour - 30*time.Minute), Resolved: until.Add(-19 * time.Hour)}},
	}
	return in
}

func TestTheThreeDefinitionsDiffer(t *testing.T) {
	tests := map[Definitions]struct {
		count     int
		rate      float64
		failed    int
		total     int
		lead      time.Duration
		changes   int
		recovery  time.Duration
		redeploys int
		level     string
	}{
		// Ours: 2 and 5 are deployments, 3 is a failure, 4 and 6 are neither. The
		// recovery is from 3 live (49.5) to the rollback verified (48.5). Lead
		// times are of 2 (3 h), p (12 h), q1 (8 h) and q2 (6 h); merges and what
		// failed do not count.
		Ours: {2, 1.0 / 3, 1, 3, 6 * time.Hour, 4, time.Hour, 1, ""},
		// fourkeys: each success status is a deployment: 2, 3, 4, 5, 6 and 6
		// again. The incident counts for the three changes of 3. Lead times: 2
		// (3 h), 3's three (4, 3, 2 h), and of 5 only what came with its last
		// push: q1, q2 and the merge (8, 6, 2 h). It lasted from 3 live, which
		// came before the incident was declared, until the incident was closed.
		FourKeys: {6, 3.0 / 6, 3, 6, 3 * time.Hour, 7, 30*time.Hour + 30*time.Minute, 1, "weekly"},
		// DevLake: five deployments, 6 once. The incident was declared when the
		// rollback had not finished, at the moment that it did: the newest that
		// had finished before is 3. Pull requests: 2 (3 h), 3 (4 h), and of 5 the
		// merge (8 h) and p (12 h). It lasted from 3 finished to the closing.
		DevLake: {5, 1.0 / 5, 1, 5, 4 * time.Hour, 4, 30*time.Hour + 30*time.Minute, 1, "medium"},
	}
	for as, want := range tests {
		t.Run(string(as), func(t *testing.T) {
			in := story()
			in.Definitions = as
			got := Compute(in)
			if got.Deployments.Count != want.count || got.Deployments.Level != want.level {
				t.Errorf("frequency %+v, want %d %s", got.Deployments, want.count, want.level)
			}
			if got.Failures.Failed != want.failed || got.Failures.Total != want.total || math.Abs(got.Failures.Value-want.rate) > 1e-9 {
				t.Errorf("failures %+v, want %d of %d", got.Failures, want.failed, want.total)
			}
			lead := got.LeadTime
			if as == Ours {
				lead = got.MergeToLive // the fixture's commits are written when they are committed
			}
			if lead.Count != want.changes || lead.Median != want.lead {
				t.Errorf("lead time %+v, want %s of %d", lead, want.lead, want.changes)
			}
			if got.Recovery.Median != want.recovery {
				t.Errorf("recovery %+v, want %s", got.Recovery, want.recovery)
			}
			if got.Redeploys != want.redeploys || got.Rollbacks != 1 {
				t.Errorf("%d redeploys, %d rollbacks", got.Redeploys, got.Rollbacks)
			}
		})
	}
}

// An incident that is declared after the rollback blames the rollback by
// DevLake's rule, and still the release by fourkeys', which asks who was blamed.
func TestAnIncidentAfterTheRollback(t *testing.T) {
	in := story()
	in.Incidents[0].Created = until.Add(-40 * time.Hour)
	in.Definitions = DevLake
	for _, r := range Compute(in).Rollouts {
		if (r.Incidents == 1) != (r.Deployment == 4) {
			t.Errorf("DevLake: %d incidents of deployment %d", r.Incidents, r.Deployment)
		}
	}
	in.Definitions = FourKeys
	for _, r := range Compute(in).Rollouts {
		if (r.Incidents == 3) != (r.Deployment == 3) {
			t.Errorf("fourkeys: %d incidents of deployment %d", r.Incidents, r.Deployment)
		}
	}
}

// One incident on many changes takes fourkeys' rate above one.
func TestFourKeysCanFailMoreThanEverything(t *testing.T) {
	in := story()
	in.Definitions, in.Deployments = FourKeys, in.Deployments[3:4]
	if got := Compute(in).Failures; got.Failed != 3 || got.Total != 1 || got.Value != 3 {
		t.Errorf("%+v", got)
	}
}

func TestLevels(t *testing.T) {
	daily := func(days, every int) []time.Time {
		var out []time.Time
		for i := 0; i < days; i += every {
			out = append(out, until.Add(-time.Duration(i)*24*time.Hour-time.Hour))
		}
		return out
	}
	tests := []struct {
		at       []time.Time
		fourKeys string
		devLake  string
	}{
		{daily(90, 1), "daily", "elite"},
		{daily(90, 2), "daily", "high"},
		{daily(90, 7), "weekly", "high"},
		{daily(90, 20), "monthly", "medium"},
		{daily(60, 59), "monthly", "medium"},
		{nil, "yearly", "low"},
	}
	since := until.Add(-90 * 24 * time.Hour)
	for i, tt := range tests {
		if got := fourKeysLevel(tt.at, frequency(tt.at, since, until, continuous).Median, since, until); got != tt.fourKeys {
			t.Errorf("%d: fourkeys %s, want %s", i, got, tt.fourKeys)
		}
		if got := devLakeLevel(tt.at, frequency(tt.at, since, until, lower).Median, since, until); got != tt.devLake {
			t.Errorf("%d: DevLake %s, want %s", i, got, tt.devLake)
		}
	}
}

func TestMediansOfTheThree(t *testing.T) {
	list := []time.Duration{1, 2, 4, 8}
	for name, tt := range map[string]struct {
		of          quantile
		median, p90 time.Duration
	}{"ours": {occurring, 2, 8}, "fourkeys": {continuous, 3, 6}, "DevLake": {lower, 2, 4}} {
		if got := spans(list, tt.of); got.Median != tt.median || got.P90 != tt.p90 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestOneService(t *testing.T) {
	set := func(d pipeline.Deployment, image, before string) pipeline.Deployment {
		d.Payload.Services = map[string]pipeline.ServiceTarget{"orders": {Image: image}}
		d.Payload.Before = &pipeline.PayloadBefore{SHA: "x", Services: map[string]pipeline.ServiceTarget{"orders": {Image: before}}}
		return d
	}
	list := []pipeline.Deployment{set(good1(4, 1), "b", "b"), set(good1(3, 2), "b", "a"), good1(2, 3), rollbackOf(1, 9, 4)}
	list[3].Payload.Services = map[string]pipeline.ServiceTarget{"users": {}}
	r := compute(list, func(in *Input) { in.Service = "orders" })
	var ids []int64
	for _, ro := range r.Rollouts {
		ids = append(ids, ro.Deployment)
	}
	// 4 left it as it was, 1 did not touch it; what 2 did nobody knows.
	if !slices.Equal(ids, []int64{3, 2}) || r.Service != "orders" {
		t.Errorf("%v", ids)
	}
}

func TestBreakdownsAndStages(t *testing.T) {
	at := until.Add(-time.Hour)
	failed := func(id int64, conclusion pipeline.Conclusion) pipeline.Run {
		return pipeline.Run{ID: id, Attempt: 1, Workflow: "ci.yml", Status: pipeline.StatusCompleted, Conclusion: conclusion, Created: at}
	}
	h := pipeline.NewHistory()
	h.AddRuns(failed(1, pipeline.ConclusionFailure), failed(2, pipeline.ConclusionFailure), failed(3, pipeline.ConclusionTimedOut),
		failed(4, pipeline.ConclusionFailure), failed(5, pipeline.ConclusionSuccess), failed(6, pipeline.ConclusionCancelled))
	job := func(name string, c pipeline.Conclusion, begin, minutes int, steps ...pipeline.StepRun) pipeline.JobRun {
		from := at.Add(time.Duration(begin) * time.Minute)
		return pipeline.JobRun{Name: name, Conclusion: c, Started: from, Completed: from.Add(time.Duration(minutes) * time.Minute), Steps: steps}
	}
	broken := []pipeline.JobRun{
		job("Deploy", pipeline.ConclusionFailure, 5, 1), // came later
		job("Test", pipeline.ConclusionFailure, 0, 3, pipeline.StepRun{Name: "Set up", Conclusion: "success"}, pipeline.StepRun{Name: "pytest", Conclusion: "failure"}),
	}
	h.Jobs[pipeline.RunKey{ID: 1, Attempt: 1}], h.Jobs[pipeline.RunKey{ID: 2, Attempt: 1}] = broken, broken
	h.Jobs[pipeline.RunKey{ID: 4, Attempt: 1}] = []pipeline.JobRun{{Name: "Approval", Conclusion: "failure"}}
	h.Jobs[pipeline.RunKey{ID: 5, Attempt: 1}] = []pipeline.JobRun{job("Test", "success", 0, 4), job("Build", "success", 60, 2)}
	c := pipeline.Configuration{Workflows: pipeline.Workflows{CI: "ci.yml"}}
	got := Breakdowns(h, c, until.Add(-2*time.Hour), until)
	if len(got) != 3 || got[0].Phase != "Test" || got[0].Reason != "pytest: failure" || len(got[0].Runs) != 2 {
		t.Fatalf("%+v", got)
	}
	for _, b := range got[1:] {
		switch b.Runs[0] {
		case 3:
			if b.Phase != "" || b.Reason != "timed out" {
				t.Errorf("jobs unknown: %+v", b)
			}
		case 4:
			if b.Phase != "Approval" || b.Reason != "did not begin: rejected, or not allowed to" {
				t.Errorf("rejected: %+v", b)
			}
		default:
			t.Errorf("%+v", b)
		}
	}
	stages := Stages(h, c, until.Add(-2*time.Hour), until)
	// The hour between the two jobs does not count.
	if len(stages) != 3 || stages[0].Job != "" || stages[0].Median != 6*time.Minute || stages[1].Job != "Test" || stages[2].P90 != 2*time.Minute {
		t.Errorf("%+v", stages)
	}
}
