package pipeline

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func expectedConfiguration() Configuration {
	return Configuration{
		Workflows: Workflows{CI: "ci.yml", Staging: "cd-staging.yml", Production: "cd-production.yml", Rollback: "rollback.yml"},
		Environments: []Environment{
			{Name: "staging", Workflow: "cd-staging.yml"},
			{Name: "production", Workflow: "cd-production.yml", GateEnvironment: "production", Production: true},
		},
	}
}

// Before there is any history, the durations that such workflows have are an
// estimate, and said to be one.
func TestEstimatesBeforeThereIsHistory(t *testing.T) {
	d := NewHistory().Durations().In(expectedConfiguration())
	for workflow, want := range map[string]Expectation{
		"ci.yml":            {12 * time.Minute, 15 * time.Minute, 0},
		"cd-staging.yml":    {25 * time.Minute, 30 * time.Minute, 0},
		"cd-production.yml": {37 * time.Minute, 45 * time.Minute, 0},
		"rollback.yml":      {17 * time.Minute, 20 * time.Minute, 0},
		"nightly.yml":       {},
	} {
		if got := d.Of(Stage{Workflow: workflow}); got != want {
			t.Errorf("%s: %+v, want %+v", workflow, got, want)
		}
	}
	f := d.ForecastRun(Run{Workflow: "ci.yml", Status: StatusInProgress, Started: longAgo}, nil, longAgo.Add(2*time.Minute))
	if got := f.Sentence(longAgo.Add(2 * time.Minute)); got != "about 10m left, an estimate" {
		t.Error(got)
	}
}

// What is expected of a workflow is the time in which its jobs ran: an hour of
// waiting for a person is no part of it, and two jobs at once count once.
func TestDurationsFromHistory(t *testing.T) {
	h := NewHistory()
	for i := range 10 {
		r := made(int64(i+1), float64(i))
		r.Workflow = "cd-production.yml"
		h.AddRuns(r)
		slow := time.Duration(i) * time.Minute
		at := func(minutes int) time.Time { return r.Created.Add(time.Duration(minutes) * time.Minute) }
		h.Jobs[r.Key()] = []JobRun{
			{Name: "Check", Conclusion: ConclusionSuccess, Started: at(0), Completed: at(4), Steps: []StepRun{{"pytest", ConclusionSuccess, time.Minute}}},
			{Name: "Scan", Conclusion: ConclusionSuccess, Started: at(1), Completed: at(3)},
			{Name: "Deploy", Conclusion: ConclusionSuccess, Started: at(90), Completed: at(100).Add(slow)},
			{Name: "Skipped", Conclusion: ConclusionSkipped},
		}
	}
	failed := made(11, 0)
	failed.Workflow, failed.Conclusion = "cd-production.yml", ConclusionFailure
	unread := made(12, 0)
	unread.Workflow, unread.Updated = "cd-production.yml", unread.Created.Add(300*time.Hour)
	h.AddRuns(failed, unread, made(13, 0))
	d := h.Durations().In(expectedConfiguration())
	for stage, want := range map[Stage]Expectation{
		{Workflow: "cd-production.yml"}:                               {18 * time.Minute, 22 * time.Minute, 10},
		{Workflow: "cd-production.yml", Job: "Deploy"}:                {14 * time.Minute, 18 * time.Minute, 10},
		{Workflow: "cd-production.yml", Job: "Check", Step: "pytest"}: {time.Minute, time.Minute, 10},
		{Workflow: "cd-production.yml", Job: "Skipped"}:               {},
		{Workflow: "ci.yml"}:                                          {10 * time.Minute, 10 * time.Minute, 1}, // from begin to end: nobody is waited for
	} {
		if got := d.Of(stage); got != want {
			t.Errorf("%+v: %+v, want %+v", stage, got, want)
		}
	}
}

func TestForecasts(t *testing.T) {
	d := Durations{of: map[Stage]Expectation{
		{Workflow: "cd.yml"}:                {20 * time.Minute, 25 * time.Minute, 9},
		{Workflow: "cd.yml", Job: "Deploy"}: {8 * time.Minute, 10 * time.Minute, 9},
	}}
	now := longAgo
	ago := func(minutes int) time.Time { return now.Add(-time.Duration(minutes) * time.Minute) }
	checked := Job{Name: "Check", Status: StatusCompleted, Started: ago(200), Completed: ago(196)}
	deploying := func(minutes int) Job {
		return Job{Name: "Deploy", Status: StatusInProgress, Started: ago(minutes)}
	}
	tests := map[string]struct {
		status  RunStatus
		jobs    []Job
		elapsed time.Duration
		says    string
		slow    bool
	}{
		"waits for a person":  {StatusWaiting, []Job{checked, {Name: "Gate", Status: StatusWaiting, Started: ago(196)}}, 4 * time.Minute, "takes about 20m", false},
		"went on":             {StatusInProgress, []Job{checked, deploying(6)}, 10 * time.Minute, "about 10m left", false},
		"any moment":          {StatusInProgress, []Job{checked, deploying(20)}, 24 * time.Minute, "any moment: usually 20m", false},
		"slower than usual":   {StatusInProgress, []Job{checked, deploying(27)}, 31 * time.Minute, "slower than usual: 31m, 9 in 10 took 25m at most", true},
		"its jobs are unread": {StatusInProgress, nil, 5 * time.Minute, "about 15m left", false},
		"queued":              {StatusQueued, []Job{}, 0, "takes about 20m", false},
		"ended":               {StatusCompleted, []Job{checked}, 0, "", false},
	}
	for name, tt := range tests {
		f := d.ForecastRun(Run{Workflow: "cd.yml", Status: tt.status, Started: ago(5)}, tt.jobs, now)
		if f.Elapsed != tt.elapsed || f.Sentence(now) != tt.says || f.Slow != tt.slow {
			t.Errorf("%s: %+v %q", name, f, f.Sentence(now))
		}
		if f.ETA.IsZero() != (tt.status != StatusInProgress) {
			t.Errorf("%s: ETA %s", name, f.ETA)
		}
	}
	if f := d.ForecastJob("cd.yml", deploying(11), now); !f.Slow || f.Elapsed != 11*time.Minute {
		t.Errorf("a slow job: %+v", f)
	}
	if f := d.ForecastJob("cd.yml", deploying(3), now); !f.ETA.Equal(now.Add(5 * time.Minute)) {
		t.Errorf("a job: %+v", f)
	}
	if f := d.ForecastJob("cd.yml", Job{Name: "Deploy", Status: StatusQueued}, now); !f.ETA.IsZero() || f.Usual != 8*time.Minute {
		t.Errorf("a job that has not begun: %+v", f)
	}
}

// shelf is a HistoryStore in memory.
type shelf struct {
	kept  *History
	saved int
}

func (s *shelf) Load() (*History, error) { return NewHistory(), Errorf(KindInvalid, "torn") }
func (s *shelf) Save(h *History) error {
	s.saved++
	s.kept = h
	return nil
}

// The engine reads the jobs of a few finished runs, once, keeps what they took,
// and says in its snapshots what is to be expected.
func TestTheEngineLearnsDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		w := newWorld(now)
		store := &shelf{}
		for i := range 9 {
			at := now.Add(-time.Duration(i+2) * time.Hour)
			id := int64(50 + i)
			w.runs = append(w.runs, Run{ID: id, Workflow: "ci.yml", Number: i, Attempt: 1, Status: StatusCompleted, Conclusion: ConclusionSuccess, SHA: shaLive, Created: at, Started: at, Updated: at.Add(9 * time.Minute)})
			w.jobs[id] = []Job{{ID: id, Name: "Test", Status: StatusCompleted, Conclusion: ConclusionSuccess, Started: at, Completed: at.Add(8 * time.Minute)}}
		}
		e := NewEngine(Options{Repository: Repository{Host: "x", Owner: "acme", Name: "shop"}, GitHub: w, Cloud: w, Configure: func(context.Context) (Configuration, error) { return testConfiguration(), nil }, History: store})
		e.Start(t.Context())
		defer func() { _ = e.Close() }()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if store.saved == 0 || len(store.kept.Jobs) < jobsSampled {
			t.Fatalf("saved %d times: %+v", store.saved, store.kept)
		}
		w.mu.Lock()
		reads := w.calls["Jobs"]
		w.mu.Unlock()
		saved := store.saved
		time.Sleep(time.Hour)
		synctest.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.calls["Jobs"]-reads > 65 || store.saved != saved { // the run that waits is looked at once a minute
			t.Errorf("%d reads in an idle hour, saved %d times", w.calls["Jobs"]-reads, store.saved-saved)
		}
		if got := e.Snapshot().Durations.Of(Stage{Workflow: "ci.yml", Job: "Test"}); got.Usual != 8*time.Minute || got.Samples < jobsSampled-1 {
			t.Errorf("%+v", got)
		}
		f, ok := e.Snapshot().Forecasts[RunKey{productionRun, 1}]
		if !ok || !f.Known() || !f.Estimated() || !f.ETA.IsZero() {
			t.Errorf("of the run that waits: %+v", f)
		}
	})
}
