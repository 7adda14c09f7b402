package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// archive is a HistorySource in memory that lists no more runs than GitHub.
type archive struct {
	HistorySource
	runs        []Run // newest first
	deployments []Deployment
	queries     []RunQuery
	asked       []DeploymentQuery
	single      []int64

	mu      sync.Mutex
	jobs    []RunKey
	reviews int
}

func (a *archive) Runs(_ context.Context, q RunQuery) (RunList, error) {
	a.queries = append(a.queries, q)
	var list RunList
	for _, r := range a.runs {
		if r.Workflow == q.Workflow && !r.Created.Before(q.CreatedFrom) && !r.Created.After(q.CreatedUntil) {
			list.Total++
			if len(list.Runs) < min(q.Limit, runsAtMost) {
				list.Runs = append(list.Runs, r)
			}
		}
	}
	return list, nil
}

func (a *archive) Run(_ context.Context, id int64) (Run, error) {
	a.single = append(a.single, id)
	for _, r := range a.runs {
		if r.ID == id {
			return r, nil
		}
	}
	return Run{}, Errorf(KindNotFound, "deleted")
}

func (a *archive) Jobs(_ context.Context, run int64, attempt int) ([]Job, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.jobs = append(a.jobs, RunKey{run, attempt})
	if run == 13 {
		return nil, Errorf(KindNotFound, "deleted")
	}
	return []Job{{Name: "Test", Conclusion: ConclusionSuccess, Started: longAgo, Completed: longAgo.Add(time.Minute), Steps: []Step{{Name: "pytest", Conclusion: ConclusionSuccess, Started: longAgo, Completed: longAgo.Add(40 * time.Second)}}}}, nil
}

func (a *archive) Reviews(context.Context, int64) ([]Review, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reviews++
	return nil, nil
}

func (a *archive) Deployments(_ context.Context, q DeploymentQuery) ([]Deployment, error) {
	a.asked = append(a.asked, q)
	return slices.DeleteFunc(slices.Clone(a.deployments), func(d Deployment) bool {
		return d.Environment != q.Environment || d.Created.Before(q.CreatedFrom)
	}), nil
}

var longAgo = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// made is a run that ended, so many hours before longAgo.
func made(id int64, hours float64) Run {
	at := longAgo.Add(-time.Duration(hours * float64(time.Hour))).Truncate(time.Second)
	return Run{ID: id, Attempt: 1, Workflow: "ci.yml", Status: StatusCompleted, Conclusion: ConclusionSuccess, Created: at, Started: at, Updated: at.Add(10 * time.Minute)}
}

// Where more runs match than GitHub lists, the window is split until all are
// known; none is lost at the seams, and none is there twice.
func TestMoreRunsThanGitHubLists(t *testing.T) {
	a := &archive{}
	const runs = 3400
	for i := range runs {
		hours := float64(i) / 20
		if i < 1500 {
			hours = float64(i) / 1000 // many in a short time
		}
		a.runs = append(a.runs, made(int64(runs-i), hours))
	}
	slices.SortFunc(a.runs, func(x, y Run) int { return y.Created.Compare(x.Created) })
	h := NewHistory()
	if err := h.ReadRuns(t.Context(), a, "ci.yml", longAgo.Add(-400*time.Hour), longAgo); err != nil {
		t.Fatal(err)
	}
	seen := map[int64]bool{}
	for i, r := range h.Runs {
		if seen[r.ID] {
			t.Errorf("%d is there twice", r.ID)
		}
		seen[r.ID] = true
		if i > 0 && r.Created.After(h.Runs[i-1].Created) {
			t.Fatalf("%d is out of order", r.ID)
		}
	}
	if len(h.Runs) != runs || len(a.queries) < 5 {
		t.Errorf("%d of %d runs with %d queries", len(h.Runs), runs, len(a.queries))
	}
}

// The next start reads what is new, what an overlap may have changed, and what
// had not ended; an earlier begin reads what is older.
func TestOnlyWhatIsNewIsRead(t *testing.T) {
	waiting, gone := made(2, 200), made(3, 210)
	waiting.Status, waiting.Conclusion, gone.Status, gone.Conclusion = StatusWaiting, "", StatusWaiting, ""
	a := &archive{runs: []Run{made(1, 1), waiting, gone}}
	h := NewHistory()
	read := func(since, now time.Time) {
		t.Helper()
		a.queries, a.single = nil, nil
		if err := h.ReadRuns(t.Context(), a, "ci.yml", since, now); err != nil {
			t.Fatal(err)
		}
	}
	begin := longAgo.Add(-300 * time.Hour)
	read(begin, longAgo)
	if len(h.Runs) != 3 || len(a.queries) != 1 {
		t.Fatalf("%d runs, %d queries", len(h.Runs), len(a.queries))
	}
	a.runs = []Run{made(9, -1), made(1, 1), made(2, 200)} // 9 is new, 2 ended, 3 was deleted
	later := longAgo.Add(2 * time.Hour)
	read(begin, later)
	if len(a.queries) != 1 || !a.queries[0].CreatedFrom.Equal(longAgo.Add(-overlap)) {
		t.Errorf("asked %+v", a.queries)
	}
	if !slices.Equal(a.single, []int64{2, 3}) || len(h.Runs) != 3 || h.Runs[0].ID != 9 || !h.Runs[2].Done() {
		t.Errorf("looked again at %v, have %d", a.single, len(h.Runs))
	}
	read(begin.Add(-time.Hour), later)
	if len(a.queries) != 2 || !a.queries[0].CreatedUntil.Equal(begin) {
		t.Errorf("asked %+v", a.queries)
	}
	read(begin, later.Add(1000*time.Hour)) // nothing in between is known
	if len(a.queries) != 1 || !a.queries[0].CreatedFrom.Equal(later.Add(-overlap)) {
		t.Errorf("asked %+v", a.queries)
	}
}

func TestDeploymentsOfTheHistory(t *testing.T) {
	of := func(id int64, hours float64, state string) Deployment {
		at := longAgo.Add(-time.Duration(hours * float64(time.Hour)))
		return Deployment{ID: id, Environment: "production", Created: at, Statuses: []DeploymentStatus{{State: state, Created: at}}}
	}
	a := &archive{deployments: []Deployment{of(3, 1, "success"), of(2, 100, "in_progress"), of(1, 200, "inactive")}}
	h := NewHistory()
	for _, since := range []float64{300, 300, 400} {
		if err := h.ReadDeployments(t.Context(), a, "production", longAgo.Add(-time.Duration(since)*time.Hour), longAgo); err != nil {
			t.Fatal(err)
		}
	}
	var from []string
	for _, q := range a.asked {
		from = append(from, fmt.Sprint(longAgo.Sub(q.CreatedFrom).Hours()))
	}
	// The second time from the one that was open on; then from the earlier begin.
	if !slices.Equal(from, []string{"300", "100", "400"}) {
		t.Errorf("asked from %v hours ago", from)
	}
	if got := h.DeploymentsOf("production", longAgo.Add(-150*time.Hour)); len(got) != 2 || got[0].ID != 3 || len(h.Deployments) != 3 {
		t.Errorf("%+v", got)
	}
}

// The jobs of a finished attempt and who decided about it are read once.
func TestJobsAreReadOnce(t *testing.T) {
	a := &archive{}
	h := NewHistory()
	runs := []Run{made(11, 1), made(12, 2), made(13, 3)}
	open := made(14, 0)
	open.Status = StatusInProgress
	left, err := h.ReadJobs(t.Context(), a, append(runs, open), 2)
	if err != nil || left != 1 || len(a.jobs) != 2 {
		t.Fatalf("%d left, %v, %v", left, a.jobs, err)
	}
	for range 2 {
		if left, err = h.ReadJobs(t.Context(), a, append(runs, open), 2); err != nil || left != 0 {
			t.Fatalf("%d left, %v", left, err)
		}
	}
	if len(h.Jobs) != 3 || len(a.jobs) != 3 || h.Jobs[RunKey{11, 1}][0].Steps[0].Took != 40*time.Second {
		t.Errorf("%+v", h.Jobs)
	}
	for range 2 {
		if err := h.ReadReviews(t.Context(), a, append(runs, open)); err != nil {
			t.Fatal(err)
		}
	}
	if a.reviews != 5 { // the one that goes on twice
		t.Errorf("%d reads of reviews", a.reviews)
	}
	h.AddRuns(runs...)
	again := runs[0]
	again.Attempt = 2
	h.AddRuns(again)
	h.Forget(longAgo)
	if len(h.Jobs) != 2 || len(h.Reviews) != 3 {
		t.Errorf("kept the jobs of %d, the reviews of %d", len(h.Jobs), len(h.Reviews))
	}
	h.Forget(longAgo.Add(2 * historyLife))
	if len(h.Runs)+len(h.Jobs)+len(h.Reviews) != 0 {
		t.Errorf("kept %+v", h)
	}
}
