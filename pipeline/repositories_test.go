package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pagedHub is a GitHub whose runs are paged by when they were made, as GitHub's
// are: the newest first, the bound inclusive.
type pagedHub struct {
	*world
	name string
	all  []Run // newest first
}

func (s *pagedHub) Repository(context.Context) (Repository, error) {
	return Repository{Host: "github.com", Owner: "acme", Name: s.name, DefaultBranch: "trunk", Role: "push"}, s.asked("Repository")
}

func (s *pagedHub) Runs(_ context.Context, q RunQuery) (RunList, error) {
	if err := s.asked("Runs"); err != nil {
		return RunList{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := RunList{Total: len(s.all)}
	for _, r := range s.all {
		if (q.CreatedUntil.IsZero() || !r.Created.After(q.CreatedUntil)) && (q.Actor == "" || q.Actor == r.Actor) && len(list.Runs) < q.Limit {
			list.Runs = append(list.Runs, r)
		}
	}
	return list, nil
}

func (s *pagedHub) Run(_ context.Context, id int64) (Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.all {
		if r.ID == id {
			return r, nil
		}
	}
	return Run{}, Errorf(KindNotFound, "no run %d", id)
}

// past makes n runs that ended, one every minute back from now, from an id on.
func pastRuns(now time.Time, from int64, n int) []Run {
	var out []Run
	for i := range n {
		at := now.Add(-time.Duration(i+1) * time.Minute)
		out = append(out, Run{
			ID: from + int64(n-i), Workflow: "ci.yml", Number: n - i, Attempt: 1, Status: StatusCompleted, Conclusion: ConclusionSuccess,
			Actor: []string{"alice", "bob"}[i%2], Created: at, Started: at, Updated: at, SHA: shaLive,
		})
	}
	return out
}

// beside starts an engine over acme/shop with n runs and acme/web with m.
func beside(t *testing.T, n, m int) (e *Engine, own, web *pagedHub) {
	t.Helper()
	own = &pagedHub{newWorld(time.Now()), "shop", pastRuns(time.Now(), 1000, n)}
	web = &pagedHub{newWorld(time.Now()), "web", pastRuns(time.Now(), 90_000, m)}
	e = NewEngine(Options{
		GitHub: own, Mode: ModeOperator,
		OtherGitHub: func(name string) (GitHub, error) {
			if name != "acme/web" {
				return nil, Errorf(KindUsage, "no %s", name)
			}
			return web, nil
		},
		Configure: func(context.Context) (Configuration, error) {
			c := testConfiguration()
			c.Repositories = map[string]string{"orders": "acme/web", "users": "acme/shop", "payments": "acme/web"}
			return c, nil
		},
	})
	e.Start(t.Context())
	t.Cleanup(func() { _ = e.Close() })
	e.Settle(t.Context())
	time.Sleep(2 * time.Second)
	return e, own, web
}

func TestOtherRepositoriesStandBesideTheOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _, web := beside(t, 3, 2)
		s := e.Snapshot()
		if len(s.Repositories) != 1 || len(s.Repositories[0].Runs.Value) != 2 || s.Repositories[0].Repository.DefaultBranch != "trunk" {
			t.Fatalf("got %+v", s.Repositories)
		}
		if len(s.Runs.Value) != 3 || len(s.AllRuns()) != 5 {
			t.Errorf("%d own runs, %d in all; want 3 and 5", len(s.Runs.Value), len(s.AllRuns()))
		}
		r, ok := s.Run(90_001)
		if !ok || r.Repository != "acme/web" {
			t.Errorf("the run of another repository: %+v, %t", r, ok)
		}
		of := s.Of("acme/web")
		if of.Repository.FullName() != "acme/web" || len(of.Environments) != 0 || len(of.Workflows.Value) == 0 {
			t.Errorf("as acme/web sees it: %+v", of.Repository)
		}
		e.SetFocus(Focus{RunID: 90_001})
		before := web.called("Jobs")
		time.Sleep(20 * time.Second)
		if n := web.called("Jobs") - before; n != 1 {
			t.Errorf("its jobs were asked for %d times, want once: it has ended", n)
		}
	})
}

// What goes on in another repository has a forecast from that repository's own
// runs, and not from the workflow of the same name here.
func TestOtherRepositoriesAreForetold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, own, web := beside(t, 3, 2)
		now := time.Now()
		web.all = append([]Run{{
			ID: 90_100, Workflow: "ci.yml", Number: 100, Attempt: 1, Status: StatusInProgress, Created: now, Started: now, SHA: shaLive,
		}}, web.all...)
		for hub, took := range map[*pagedHub]time.Duration{own: 9 * time.Minute, web: 2 * time.Minute} {
			for i := range hub.all {
				if hub.all[i].Done() {
					hub.all[i].Updated = hub.all[i].Started.Add(took)
				}
			}
		}
		e := NewEngine(Options{GitHub: own, Mode: ModeOperator, OtherGitHub: func(string) (GitHub, error) { return web, nil }, Configure: func(context.Context) (Configuration, error) {
			c := testConfiguration()
			c.Repositories = map[string]string{"orders": "acme/web"}
			return c, nil
		}})
		e.Start(t.Context())
		t.Cleanup(func() { _ = e.Close() })
		e.Settle(t.Context())
		time.Sleep(2 * time.Second)
		f := e.Snapshot().Forecasts[RunKey{ID: 90_100, Attempt: 1}]
		if f.Usual != 2*time.Minute || f.Samples != 2 || f.ETA.IsZero() {
			t.Errorf("got %+v, want two minutes, of two samples", f)
		}
	})
}

// A repository that cannot be read takes nothing from the others.
func TestAnotherRepositoryFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _, web := beside(t, 3, 2)
		web.change(func(w *world) { w.fail["Runs"] = Errorf(KindForbidden, "no") })
		time.Sleep(2 * time.Minute)
		s := e.Snapshot()
		if s.Repositories[0].Runs.Err == nil || len(s.Repositories[0].Runs.Value) != 2 {
			t.Errorf("want the last good runs and the error: %+v", s.Repositories[0].Runs)
		}
		if s.Runs.Err != nil {
			t.Errorf("the own runs: %v", s.Runs.Err)
		}
	})
}

func TestRepositoryInterval(t *testing.T) {
	snapshot := func(n, moving int) *Snapshot {
		s := &Snapshot{}
		for i := range n {
			r := RepositoryState{Repository: Repository{Owner: "acme", Name: fmt.Sprint("r", i)}}
			if i < moving {
				r.Runs.Value = []Run{{Status: StatusInProgress}}
			}
			s.Repositories = append(s.Repositories, r)
		}
		return s
	}
	for _, test := range []struct {
		n, moving int
		name      string
		want      time.Duration
	}{
		{1, 0, "acme/r0", 30 * time.Second},
		{1, 1, "acme/r0", 15 * time.Second},
		{20, 0, "acme/r0", 200 * time.Second},
		{20, 1, "acme/r0", 15 * time.Second},
		{20, 20, "acme/r0", 100 * time.Second},
		{20, 1, "acme/r5", 200 * time.Second},
	} {
		if got := repositoryInterval(test.name)(snapshot(test.n, test.moving)); got != test.want {
			t.Errorf("%d repositories, %d moving: %s, want %s", test.n, test.moving, got, test.want)
		}
	}
}

// Pages of older runs of several repositories meet without gap or repetition,
// and the end is noticed.
func TestReadOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, own, web := beside(t, 400, 230)
		both := []string{"", "acme/web"}
		more, pages := true, 0
		for more && pages < 20 {
			var err error
			if _, more, err = e.ReadOlder(t.Context(), both, RunQuery{}); err != nil {
				t.Fatal(err)
			}
			pages++
			time.Sleep(time.Second)
			all := e.Snapshot().AllRuns()
			if !slices.IsSortedFunc(all, func(a, b Run) int { return b.Created.Compare(a.Created) }) {
				t.Fatal("not newest first")
			}
		}
		all := e.Snapshot().AllRuns()
		if len(all) != len(own.all)+len(web.all) {
			t.Errorf("%d runs after %d pages, want %d", len(all), pages, len(own.all)+len(web.all))
		}
		if pages > 8 {
			t.Errorf("%d pages for 540 older runs", pages)
		}
		if found, more, err := e.ReadOlder(t.Context(), both, RunQuery{}); found != 0 || more || err != nil {
			t.Errorf("behind the end: %d, %t, %v", found, more, err)
		}
	})
}

// Runs that fall off the list of the newest stay known once pages behind it
// were read.
func TestNoGapBehindTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, own, _ := beside(t, 100, 1)
		if _, _, err := e.ReadOlder(t.Context(), []string{""}, RunQuery{}); err != nil {
			t.Fatal(err)
		}
		own.change(func(*world) { own.all = append(pastRuns(time.Now().Add(10*time.Minute), 5000, 5), own.all...) })
		time.Sleep(time.Minute)
		s := e.Snapshot()
		known := map[int64]bool{}
		for _, r := range s.AllRuns() {
			known[r.ID] = true
		}
		for _, r := range own.all {
			if !known[r.ID] {
				t.Errorf("run %d is in a gap", r.ID)
			}
		}
	})
}

func TestReadOlderByFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _, _ := beside(t, 300, 1)
		found, _, err := e.ReadOlder(t.Context(), []string{""}, RunQuery{Actor: "bob"})
		if err != nil || found != 70 { // the newest 100 of bob's, 30 of which are on the list
			t.Errorf("found %d, %v", found, err)
		}
		time.Sleep(time.Second)
		for _, r := range e.Snapshot().Older {
			if r.Actor != "bob" {
				t.Fatalf("read a run of %s", r.Actor)
			}
		}
	})
}

// An older run that is run again is seen to move while it is looked at.
func TestAnOlderRunIsRenewedInFocus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, own, _ := beside(t, 200, 1)
		if _, _, err := e.ReadOlder(t.Context(), []string{""}, RunQuery{}); err != nil {
			t.Fatal(err)
		}
		id := own.all[100].ID
		e.SetFocus(Focus{RunID: id})
		time.Sleep(30 * time.Second)
		own.change(func(*world) {
			own.all[100].Attempt, own.all[100].Status, own.all[100].Conclusion = 2, StatusInProgress, ""
		})
		time.Sleep(30 * time.Second)
		if r, _ := e.Snapshot().Run(id); r.Attempt != 2 || r.Done() {
			t.Errorf("it is shown as %+v", r)
		}
	})
}

// A command for another repository goes there, by the same path, and one job
// runs again alone.
func TestCommandsForAnotherRepository(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, own, web := beside(t, 1, 2)
		r := &record{}
		o := NewOperator(OperatorOptions{Engine: e, Actions: own, OtherActions: func(string) (Actions, error) { return web, nil }, Journal: r})
		web.change(func(w *world) {
			w.jobs[90_002] = []Job{{ID: 7, Name: "test"}, {ID: 8, Name: "lint"}}
			w.onSend = func(*world, string) error { web.all[0].Attempt = 2; return nil }
		})
		if _, err := o.PlanRerun(t.Context(), RunRequest{Repository: "acme/web", RunID: 90_002, JobID: 99}); KindOf(err) != KindUsage || !strings.Contains(err.Error(), "has no job 99") {
			t.Errorf("a job that it has not: %v", err)
		}
		p, err := o.PlanRerun(t.Context(), RunRequest{Repository: "acme/web", RunID: 90_002, JobID: 7})
		if err != nil {
			t.Fatal(err)
		}
		if p.Intent.Repository != "acme/web" || !strings.Contains(p.Title, "Re-run test") || p.Command != "gh run rerun -R acme/web --job 7" {
			t.Errorf("plan %q %q of %s", p.Title, p.Command, p.Intent.Repository)
		}
		got, err := o.Execute(t.Context(), p, Confirmation{})
		if err != nil || got.Outcome != OutcomeDone {
			t.Fatalf("%+v, %v", got, err)
		}
		if !slices.Equal(web.sent, []string{"rerun job 7"}) || len(own.sent) != 0 {
			t.Errorf("sent %v to acme/web and %v to acme/shop", web.sent, own.sent)
		}
	})
}

func TestOtherRepositoriesAreBounded(t *testing.T) {
	c := Configuration{Repositories: map[string]string{"a": "acme/shop", "b": "ACME/Shop", "c": "nonsense"}}
	for i := range 30 {
		c.Repositories[fmt.Sprint("s", i)] = fmt.Sprintf("acme/r%02d", i)
	}
	got := OtherRepositories(c, "acme/shop")
	if len(got) > mostRepositories || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) || slices.Contains(got, "nonsense") {
		t.Errorf("got %v of %v", got, slices.Sorted(maps.Values(c.Repositories)))
	}
}
