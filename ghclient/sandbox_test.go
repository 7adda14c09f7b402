package ghclient

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// inSandbox runs a test against a simulated GitHub without a long past, in
// virtual time.
func inSandbox(t *testing.T, scenario string, test func(*testing.T, *sandbox.Sandbox, *Client)) {
	t.Helper()
	inWorld(t, sandbox.Options{Scenario: scenario, Seed: 1, Young: true}, test)
}

func inWorld(t *testing.T, options sandbox.Options, test func(*testing.T, *sandbox.Sandbox, *Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		world, err := sandbox.New(options)
		if err != nil {
			t.Fatal(err)
		}
		carrier := world.Transport()
		c, err := NewClient(Options{Host: "github.localhost", Repository: "acme/shop", Token: "sandbox", Transport: carrier})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { // also when the test gives up: a bubble must not leave anything behind
			carrier.CloseIdleConnections()
			if err := world.Close(); err != nil {
				t.Error(err)
			}
		}()
		test(t, world, c)
	})
}

func must[V any](t *testing.T) func(V, error) V {
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestSandboxIsReadWhole(t *testing.T) {
	inWorld(t, sandbox.Options{Scenario: "release", Seed: 1}, func(t *testing.T, world *sandbox.Sandbox, c *Client) {
		ctx := t.Context()
		repo := must[pipeline.Repository](t)(c.Repository(ctx))
		if repo.FullName() != "acme/shop" || repo.DefaultBranch != "main" || !repo.CanWrite() {
			t.Errorf("repository %+v", repo)
		}
		if v := must[pipeline.Viewer](t)(c.Viewer(ctx)); v.Login != "alice" {
			t.Errorf("viewer %+v", v)
		}
		var files []string
		for _, w := range must[[]pipeline.Workflow](t)(c.Workflows(ctx)) {
			files = append(files, w.File())
		}
		for _, want := range []string{"ci.yml", "cd-staging.yml", "cd-production.yml", "rollback.yml"} {
			if !slices.Contains(files, want) {
				t.Errorf("no %s in %v", want, files)
			}
		}
		readRuns(t, c)
		readFiles(t, c)
		readEnvironments(t, c)
		readDeployments(t, c)
		readCommits(t, c)
		if rate := c.Rate(); rate.Limit == 0 || rate.Remaining == 0 || rate.Sent == 0 || rate.Counted == 0 {
			t.Errorf("rate %+v", rate)
		}
		got, rate := world.Counts(), c.Rate()
		if n := got.GitHubByMethod["GET"]; n != got.GitHubSent || int64(n) != rate.Sent || int64(got.GitHubCounted) != rate.Counted {
			t.Errorf("the sandbox counted %+v, the client %+v", got, rate)
		}
		pollFree(t, c)
		carrier := world.Transport()
		defer carrier.CloseIdleConnections()
		refuseStrangers(t, carrier)
	})
}

func readRuns(t *testing.T, c *Client) {
	t.Helper()
	ctx := t.Context()
	list := must[pipeline.RunList](t)(c.Runs(ctx, pipeline.RunQuery{Limit: 150}))
	if len(list.Runs) != 150 || list.Total < 150 {
		t.Errorf("%d runs of %d", len(list.Runs), list.Total)
	}
	done := must[pipeline.RunList](t)(c.Runs(ctx, pipeline.RunQuery{Workflow: "ci.yml", Status: "success", Branch: "main", Limit: 5}))
	if len(done.Runs) == 0 {
		t.Fatal("no green run of ci.yml")
	}
	for _, r := range done.Runs {
		if r.Workflow != "ci.yml" || r.Conclusion != "success" || r.Branch != "main" || len(r.SHA) != 40 || r.Created.IsZero() {
			t.Errorf("run %+v", r)
		}
	}
	jobs := must[[]pipeline.Job](t)(c.Jobs(ctx, done.Runs[0].ID, done.Runs[0].Attempt))
	if len(jobs) == 0 || len(jobs[0].Steps) == 0 || jobs[0].Conclusion == "" {
		t.Fatalf("jobs %+v", jobs)
	}
	log := must[pipeline.JobLog](t)(c.JobLog(ctx, jobs[0].ID))
	if len(log.Lines) == 0 || log.Lines[0].At.IsZero() {
		t.Errorf("log %+v", log)
	}
	_, err := c.Run(ctx, 1)
	fails(t, err, pipeline.KindNotFound, "run 1 does not exist")
}

func readFiles(t *testing.T, c *Client) {
	t.Helper()
	ctx := t.Context()
	f := must[pipeline.WorkflowFile](t)(c.WorkflowFile(ctx, "rollback.yml", "main"))
	if _, ok := f.Input("deployment_id"); !f.Dispatchable || !ok || len(f.Jobs) == 0 {
		t.Errorf("rollback.yml %+v", f)
	}
	if b := must[[]byte](t)(c.File(ctx, ".github/deployctl.yml", "")); !strings.Contains(string(b), "version: 1") {
		t.Errorf("configuration %q", b)
	}
	_, err := c.File(ctx, "no/such/file", "main")
	fails(t, err, pipeline.KindNotFound, "there is no file no/such/file at main")
	refs := must[[]pipeline.Ref](t)(c.Refs(ctx))
	if !slices.ContainsFunc(refs, func(r pipeline.Ref) bool { return r.Name == "develop" && !r.Tag && len(r.SHA) == 40 }) ||
		!slices.ContainsFunc(refs, func(r pipeline.Ref) bool { return r.Tag }) {
		t.Errorf("refs %+v", refs)
	}
}

func readEnvironments(t *testing.T, c *Client) {
	t.Helper()
	for _, e := range must[[]pipeline.ProtectionRules](t)(c.Environments(t.Context())) {
		if e.Environment != "production" {
			continue
		}
		if len(e.Reviewers) == 0 || e.WaitTimer != 5*time.Minute || !slices.Equal(e.Branches, []string{"main", "v*"}) {
			t.Errorf("production %+v", e)
		}
		return
	}
	t.Error("no environment production")
}

func readDeployments(t *testing.T, c *Client) {
	t.Helper()
	ctx := t.Context()
	ds := must[[]pipeline.Deployment](t)(c.Deployments(ctx, pipeline.DeploymentQuery{Environment: "production", Task: pipeline.DeploymentTask, Limit: 10}))
	if len(ds) == 0 {
		t.Fatal("no deployments of production")
	}
	for _, d := range ds {
		if d.Task != "deployctl" || d.Environment != "production" || d.State() == "" || d.Payload.Schema != 1 || len(d.Payload.Services) == 0 {
			t.Errorf("deployment %+v", d)
		}
	}
	one := must[pipeline.Deployment](t)(c.Deployment(ctx, ds[0].ID))
	if one.SHA != ds[0].SHA || one.State() != ds[0].State() {
		t.Errorf("got %+v, want %+v", one, ds[0])
	}
	if releases := must[[]pipeline.PublishedRelease](t)(c.Releases(ctx, 5)); len(releases) == 0 || releases[0].Tag == "" {
		t.Errorf("releases %+v", releases)
	}
}

func readCommits(t *testing.T, c *Client) {
	t.Helper()
	ctx := t.Context()
	commits := must[[]pipeline.Commit](t)(c.Commits(ctx, "main", 20))
	if len(commits) < 3 || commits[0].Tree == "" || commits[0].Title == "" {
		t.Fatalf("commits %+v", commits)
	}
	head := must[pipeline.Commit](t)(c.Commit(ctx, "main"))
	if head.SHA != commits[0].SHA {
		t.Errorf("main is at %s, want %s", head.SHA, commits[0].SHA)
	}
	cmp := must[pipeline.Comparison](t)(c.Compare(ctx, commits[2].SHA, head.SHA))
	if cmp.Status != "ahead" || cmp.Ahead == 0 || len(cmp.Commits) != cmp.Ahead || cmp.Commits[len(cmp.Commits)-1].SHA != head.SHA || cmp.Truncated {
		t.Errorf("comparison %+v", cmp)
	}
	if checks := must[[]pipeline.Check](t)(c.Checks(ctx, head.SHA)); len(checks) == 0 {
		t.Error("no checks")
	}
	_, err := c.Commit(ctx, "no-such-branch")
	fails(t, err, pipeline.KindNotFound, "no-such-branch")
}

// waiting is the run that waits for production.
func waiting(t *testing.T, c *Client) (pipeline.Run, pipeline.PendingApproval) {
	t.Helper()
	list := must[pipeline.RunList](t)(c.Runs(t.Context(), pipeline.RunQuery{Workflow: "cd-production.yml", Status: "waiting"}))
	if len(list.Runs) == 0 {
		t.Fatal("nothing waits")
	}
	pending := must[[]pipeline.PendingApproval](t)(c.PendingApprovals(t.Context(), list.Runs[0].ID))
	if len(pending) != 1 {
		t.Fatalf("pending %+v", pending)
	}
	return list.Runs[0], pending[0]
}

func TestSandboxApproval(t *testing.T) {
	inSandbox(t, "release", func(t *testing.T, _ *sandbox.Sandbox, c *Client) {
		ctx := t.Context()
		run, gate := waiting(t, c)
		if gate.Environment != "production" || !gate.CanApprove || len(gate.Reviewers) == 0 {
			t.Fatalf("gate %+v", gate)
		}
		if err := c.Review(ctx, run.ID, []int64{gate.EnvironmentID}, true, "looks good"); err != nil {
			t.Fatal(err)
		}
		reviews := must[[]pipeline.Review](t)(c.Reviews(pipeline.Uncached(ctx), run.ID))
		if len(reviews) != 1 || reviews[0].State != "approved" || reviews[0].User != "alice" || reviews[0].Comment != "looks good" {
			t.Errorf("reviews %+v", reviews)
		}
		fails(t, c.Review(ctx, run.ID, []int64{gate.EnvironmentID}, true, "again"), pipeline.KindForbidden, "decided already")
		time.Sleep(2 * time.Hour) // the timer, the jobs
		run = must[pipeline.Run](t)(c.Run(ctx, run.ID))
		if !run.Done() || run.Conclusion != "success" {
			t.Errorf("run %+v", run)
		}
		fails(t, c.Cancel(ctx, run.ID, false), pipeline.KindConflict, "the run has already finished")
		if err := c.Rerun(ctx, run.ID, false, false); err != nil {
			t.Error(err)
		}
		if again := must[pipeline.Run](t)(c.Run(ctx, run.ID)); again.Attempt != run.Attempt+1 {
			t.Errorf("attempt %d after %d", again.Attempt, run.Attempt)
		}
	})
}

func TestSandboxDispatch(t *testing.T) {
	inSandbox(t, "calm", func(t *testing.T, _ *sandbox.Sandbox, c *Client) {
		ctx := t.Context()
		sent := must[pipeline.Dispatched](t)(c.Dispatch(ctx, pipeline.Dispatch{Workflow: "cd-staging.yml", Ref: "develop"}))
		if sent.RunID == 0 || sent.URL == "" {
			t.Fatalf("sent %+v", sent)
		}
		run := must[pipeline.Run](t)(c.Run(ctx, sent.RunID))
		if run.Workflow != "cd-staging.yml" || run.Event != "workflow_dispatch" || run.Branch != "develop" || run.Actor != "alice" {
			t.Errorf("run %+v", run)
		}
		time.Sleep(time.Minute)
		for _, job := range must[[]pipeline.Job](t)(c.Jobs(ctx, run.ID, 0)) {
			if job.Status == "in_progress" {
				_, err := c.JobLog(ctx, job.ID)
				fails(t, err, pipeline.KindNotFound, "the job still runs")
			}
		}
		_ = must[[]pipeline.ConcurrencyGroup](t)(c.ConcurrencyGroups(ctx, run.ID))
		if err := c.Cancel(ctx, run.ID, true); err != nil {
			t.Error(err)
		}
		for _, tt := range []struct {
			d    pipeline.Dispatch
			kind pipeline.ErrorKind
			says string
		}{
			{pipeline.Dispatch{Workflow: "cd-staging.yml", Ref: "nope"}, pipeline.KindUsage, "there is no branch or tag nope"},
			{pipeline.Dispatch{Workflow: "nope.yml", Ref: "main"}, pipeline.KindNotFound, "there is no workflow nope.yml"},
			{pipeline.Dispatch{Workflow: "cd-staging.yml", Ref: "develop", Inputs: map[string]string{"nope": "1"}}, pipeline.KindUsage, "nope"},
		} {
			_, err := c.Dispatch(ctx, tt.d)
			fails(t, err, tt.kind, tt.says)
		}
	})
}

// pollFree checks that asking for what does not change costs nothing.
func pollFree(t *testing.T, c *Client) {
	t.Helper()
	poll := func() {
		_ = must[pipeline.RunList](t)(c.Runs(t.Context(), pipeline.RunQuery{}))
		_ = must[[]pipeline.Deployment](t)(c.Deployments(t.Context(), pipeline.DeploymentQuery{Environment: "production", Task: pipeline.DeploymentTask}))
		_ = must[[]pipeline.ProtectionRules](t)(c.Environments(t.Context()))
	}
	poll()
	before := c.Rate()
	for range 10 {
		poll()
	}
	after := c.Rate()
	if after.Counted != before.Counted || after.Remaining != before.Remaining {
		t.Errorf("ten polls cost %d requests, and %d of the limit", after.Counted-before.Counted, before.Remaining-after.Remaining)
	}
}

// refuseStrangers checks what an unknown repository and a wrong token get.
func refuseStrangers(t *testing.T, carrier http.RoundTripper) {
	t.Helper()
	open := func(repository, token string) *Reader {
		return must[*Reader](t)(NewReader(Options{Host: "github.localhost", Repository: repository, Token: token, Transport: carrier}))
	}
	_, err := open("acme/nothing", "sandbox").Repository(t.Context())
	fails(t, err, pipeline.KindNotFound, "acme/nothing does not exist, or the token may not see it")
	_, err = open("acme/shop", "bad-token").Repository(t.Context())
	fails(t, err, pipeline.KindAuth, "gh auth login --hostname github.localhost")
}
