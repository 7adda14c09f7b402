package metrics

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

var until = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// dep is a deployment that was made some hours ago and reached its states half
// an hour apart.
func dep(id int64, hoursAgo float64, states ...string) pipeline.Deployment {
	at := until.Add(-time.Duration(hoursAgo * float64(time.Hour)))
	d := pipeline.Deployment{ID: id, SHA: string(rune('a' + id)), Created: at, Payload: pipeline.Payload{Kind: "deploy"}}
	for i, s := range states {
		d.Statuses = append([]pipeline.DeploymentStatus{{State: s, Created: at.Add(time.Duration(i) * 30 * time.Minute)}}, d.Statuses...)
	}
	return d
}

func good1(id int64, hoursAgo float64) pipeline.Deployment {
	return dep(id, hoursAgo, "in_progress", "success")
}

func rollbackOf(id, left int64, hoursAgo float64) pipeline.Deployment {
	d := good1(id, hoursAgo)
	d.Payload.Kind, d.Payload.RollbackOf = "rollback", left
	return d
}

func commit(sha string, hoursAgo float64) pipeline.Commit {
	at := until.Add(-time.Duration(hoursAgo * float64(time.Hour)))
	return pipeline.Commit{SHA: sha, Authored: at.Add(-time.Hour), Committed: at}
}

func compute(deployments []pipeline.Deployment, change func(*Input)) Report {
	in := Input{Environment: "production", Since: until.Add(-14 * 24 * time.Hour), Until: until, Deployments: deployments}
	if change != nil {
		change(&in)
	}
	return Compute(in)
}

func TestWhatCountsAsWhat(t *testing.T) {
	again := good1(1, 5)
	again.Payload.Before = &pipeline.PayloadBefore{SHA: again.SHA}
	inactive := dep(1, 5, "in_progress", "success", "inactive")
	twice := dep(1, 5, "in_progress", "success", "success")
	tests := map[string]struct {
		deployments []pipeline.Deployment
		phase       pipeline.Phase // of deployment 1
		want        Outcome        // of deployment 1
		count       int
		failed      int
		total       int
	}{
		"verified":                    {[]pipeline.Deployment{good1(1, 5)}, pipeline.PhaseSucceeded, Succeeded, 1, 0, 1},
		"replaced since":              {[]pipeline.Deployment{inactive}, "", Succeeded, 1, 0, 1},
		"two success statuses":        {[]pipeline.Deployment{twice}, "", Succeeded, 1, 0, 1},
		"rolled back later":           {[]pipeline.Deployment{rollbackOf(2, 1, 3), good1(1, 5)}, "", Failed, 0, 1, 1},
		"rolled back in vain":         {[]pipeline.Deployment{withStates(rollbackOf(2, 1, 3), "failure"), good1(1, 5)}, "", Succeeded, 1, 0, 1},
		"green, taken back by ECS":    {[]pipeline.Deployment{good1(1, 5)}, pipeline.PhaseReverted, Failed, 0, 1, 1},
		"declared faulty":             {[]pipeline.Deployment{good1(1, 5)}, pipeline.PhaseFaulty, Failed, 0, 1, 1},
		"failed after it had begun":   {[]pipeline.Deployment{dep(1, 5, "in_progress", "failure")}, "", Failed, 0, 1, 1},
		"failed before":               {[]pipeline.Deployment{dep(1, 5, "queued", "failure")}, "", Apart, 0, 0, 0},
		"could not be finished":       {[]pipeline.Deployment{dep(1, 5, "in_progress", "error")}, "", Apart, 0, 0, 0},
		"goes on":                     {[]pipeline.Deployment{dep(1, 5, "in_progress")}, pipeline.PhaseUpdating, Apart, 0, 0, 0},
		"nobody knows":                {[]pipeline.Deployment{good1(1, 5)}, pipeline.PhaseIndeterminate, Apart, 0, 0, 0},
		"no status":                   {[]pipeline.Deployment{dep(1, 5)}, "", Apart, 0, 0, 0},
		"the same release again":      {[]pipeline.Deployment{again}, "", Redeploy, 0, 0, 0},
		"a rollback":                  {[]pipeline.Deployment{rollbackOf(1, 9, 5)}, "", Rollback, 0, 0, 0},
		"older than the period":       {[]pipeline.Deployment{good1(1, 24*15)}, "", "", 0, 0, 0},
		"older, and failed meanwhile": {[]pipeline.Deployment{rollbackOf(2, 1, 3), good1(1, 24*15)}, "", "", 0, 0, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := compute(tt.deployments, func(in *Input) { in.Phases = map[int64]pipeline.Phase{1: tt.phase} })
			var got Outcome
			for _, ro := range r.Rollouts {
				if ro.Deployment == 1 {
					got = ro.Outcome
					if ro.Why == "" {
						t.Error("it does not say why")
					}
				}
			}
			if got != tt.want || r.Deployments.Count != tt.count || r.Failures.Failed != tt.failed || r.Failures.Total != tt.total {
				t.Errorf("%q, count %d, failed %d of %d; want %q, %d, %d of %d", got, r.Deployments.Count, r.Failures.Failed, r.Failures.Total, tt.want, tt.count, tt.failed, tt.total)
			}
		})
	}
}

func withStates(d pipeline.Deployment, state string) pipeline.Deployment {
	d.Statuses = []pipeline.DeploymentStatus{{State: state, Created: d.Created}}
	return d
}

func TestFrequencyAndTrend(t *testing.T) {
	r := compute([]pipeline.Deployment{good1(7, 1), good1(6, 2), good1(5, 30), good1(4, 24*15), dep(3, 24*16, "in_progress", "failure")}, nil)
	if r.Deployments.Count != 3 || r.Deployments.Days != 2 || r.Deployments.PerWeek != 1.5 || r.Deployments.Previous != 0.5 {
		t.Errorf("%+v", r.Deployments)
	}
	if r.Failures.Value != 0 || r.Failures.Previous == nil || *r.Failures.Previous != 0.5 {
		t.Errorf("%+v", r.Failures)
	}
}

func TestLeadTimeIsOfFirstArrivals(t *testing.T) {
	merge := commit("m", 1)
	merge.Parents = []string{"a", "b"}
	r := compute([]pipeline.Deployment{good1(3, 1), rollbackOf(2, 1, 10), good1(1, 20)}, func(in *Input) {
		in.Commits = map[int64][]pipeline.Commit{
			1: {commit("x", 21.5), commit("y", 29.5)},
			3: {commit("x", 21.5), commit("z", 3.5), merge, commit("future", -9)},
		}
	})
	// Live 30 minutes after they were made: x 2 h, y 10 h with the failed one; z 3 h.
	if r.MergeToLive.Count != 1 || r.MergeToLive.Median != 3*time.Hour {
		t.Errorf("of the good ones: %+v", r.MergeToLive)
	}
	if r.LeadTime.Median != 4*time.Hour {
		t.Errorf("from written: %+v", r.LeadTime)
	}
	if first := r.Rollouts[2]; first.Commits != 2 || first.Outcome != Failed {
		t.Errorf("what came first: %+v", first)
	}
	if last := r.Rollouts[0]; last.Commits != 2 || last.LeadTime != 4*time.Hour {
		t.Errorf("what came last: %+v", last)
	}
}

func TestRecovery(t *testing.T) {
	tests := map[string]struct {
		deployments []pipeline.Deployment
		count, open int
		median      time.Duration
	}{
		"nothing failed":       {[]pipeline.Deployment{good1(1, 5)}, 0, 0, 0},
		"by rollback":          {[]pipeline.Deployment{rollbackOf(2, 1, 3), good1(1, 5)}, 1, 0, 2 * time.Hour},
		"by a fix":             {[]pipeline.Deployment{good1(2, 3), dep(1, 5, "in_progress", "failure")}, 1, 0, 150 * time.Minute},
		"a bad fix on the way": {[]pipeline.Deployment{good1(3, 1), dep(2, 3, "in_progress", "failure"), dep(1, 5, "in_progress", "failure")}, 1, 0, 270 * time.Minute},
		"a rollback in vain":   {[]pipeline.Deployment{good1(3, 1), withStates(rollbackOf(2, 1, 3), "failure"), dep(1, 5, "in_progress", "failure")}, 1, 0, 270 * time.Minute},
		"still open":           {[]pipeline.Deployment{dep(1, 5, "in_progress", "failure")}, 1, 1, 5 * time.Hour},
		"two":                  {[]pipeline.Deployment{good1(4, 1), dep(3, 2, "in_progress", "failure"), good1(2, 5), dep(1, 9, "in_progress", "failure")}, 2, 0, 90 * time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := compute(tt.deployments, nil).Recovery
			if r.Count != tt.count || r.Open != tt.open || r.Median != tt.median {
				t.Errorf("%+v, want %d, %d open, %s", r, tt.count, tt.open, tt.median)
			}
		})
	}
}

func TestSpansAreValuesThatOccurred(t *testing.T) {
	tests := []struct {
		list        []time.Duration
		median, p90 time.Duration
	}{
		{nil, 0, 0},
		{[]time.Duration{5}, 5, 5},
		{[]time.Duration{4, 1}, 1, 4},
		{[]time.Duration{3, 1, 2}, 2, 3},
		{[]time.Duration{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, 5, 9},
	}
	for _, tt := range tests {
		if got := spans(tt.list, occurring); got.Median != tt.median || got.P90 != tt.p90 || got.Count != len(tt.list) {
			t.Errorf("%v: %+v", tt.list, got)
		}
	}
}

// hub is a HistorySource in memory.
type hub struct {
	pipeline.HistorySource
	list     []pipeline.Deployment
	asked    pipeline.DeploymentQuery
	compared map[string]error

	mu       sync.Mutex
	compares int
}

func (h *hub) Deployments(_ context.Context, q pipeline.DeploymentQuery) ([]pipeline.Deployment, error) {
	h.asked = q
	return h.list, nil
}

func (h *hub) Compare(_ context.Context, base, head string) (pipeline.Comparison, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.compares++
	return pipeline.Comparison{Commits: []pipeline.Commit{{SHA: base + head}}}, h.compared[base+head]
}

func TestCollect(t *testing.T) {
	recorded := good1(3, 1)
	recorded.Payload.Before = &pipeline.PayloadBefore{SHA: "was"}
	list := []pipeline.Deployment{recorded, rollbackOf(2, 1, 1.1), good1(1, 1.2), good1(0, 1.3)}
	for i := range list {
		list[i].Environment = "prod"
	}
	from := &hub{list: list, compared: map[string]error{"ab": pipeline.Errorf(pipeline.KindNotFound, "gone")}}
	s := &pipeline.Snapshot{Rollouts: []pipeline.Rollout{{Environment: "production", Deployment: 3, Phase: pipeline.PhaseReverted}, {Environment: "staging", Deployment: 1, Phase: pipeline.PhaseFailed}}}
	env := pipeline.Environment{Name: "production", GitHubEnvironment: "prod"}
	since, h := until.Add(-time.Hour), pipeline.NewHistory()
	for range 2 {
		if _, err := Collect(t.Context(), from, h, pipeline.Configuration{}, []pipeline.Environment{env}, since, until); err != nil {
			t.Fatal(err)
		}
	}
	if from.asked.Environment != "prod" || !from.asked.CreatedFrom.Equal(until.Add(-2*time.Hour)) || from.asked.Task != pipeline.DeploymentTask {
		t.Errorf("asked %+v", from.asked)
	}
	if from.compares != 3 { // what is gone is asked for again, the rest once
		t.Errorf("compared %d times", from.compares)
	}
	in := InputOf(h, s, env, since, until)
	if len(in.Commits) != 1 || in.Commits[3][0].SHA != "wasd" {
		t.Errorf("commits %v", in.Commits)
	}
	if len(in.Phases) != 1 || in.Phases[3] != pipeline.PhaseReverted {
		t.Errorf("phases %v", in.Phases)
	}
	if len(in.Incidents) != 1 || in.Incidents[0].Cause != 1 {
		t.Errorf("incidents %+v", in.Incidents)
	}
	from.compared["ab"] = pipeline.Errorf(pipeline.KindUnavailable, "502")
	if _, err := Collect(t.Context(), from, pipeline.NewHistory(), pipeline.Configuration{}, []pipeline.Environment{env}, since, until); pipeline.KindOf(err) != pipeline.KindUnavailable {
		t.Errorf("a source that fails: %v", err)
	}
}
