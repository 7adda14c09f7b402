package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// externalWorkflow has what a runner meets: a matrix, needs, outputs, a gate, a
// condition, permissions and a job that always reports.
const externalWorkflow = `
name: cd-production
on: {push: {branches: [main]}, workflow_dispatch: {}}
permissions: {contents: read}
concurrency: cd-production
jobs:
  test:
    runs-on: ubuntu-24.04
    strategy: {matrix: {service: [orders, users]}}
    steps:
      - uses: actions/checkout@v4
      - run: pytest ${{ matrix.service }}
  version:
    runs-on: ubuntu-24.04
    permissions: {contents: read, deployments: write}
    outputs: {version: "${{ steps.v.outputs.version }}"}
    steps: [{id: v, run: echo}]
  gate:
    needs: [test, version]
    environment: production
    runs-on: ubuntu-24.04
    steps: [{run: echo go}]
  deploy:
    needs: [gate, version]
    environment: {name: production-deploy, url: "https://shop.example/${{ needs.version.outputs.version }}"}
    runs-on: ubuntu-24.04
    steps: [{run: "echo ${{ needs.version.outputs.version }}"}]
  notify:
    needs: [test, version, gate, deploy]
    if: always()
    runs-on: ubuntu-24.04
    steps: [{run: "echo ${{ needs.deploy.result }}"}]
`

// external is a sandbox whose jobs wait for the test, with a run of the workflow.
func external(c *client) *Run {
	w := c.s.World()
	w.Lock()
	defer w.Unlock()
	files := w.Files("main")
	maps.DeleteFunc(files, func(path, _ string) bool { return strings.HasPrefix(path, ".github/workflows/") })
	files[".github/workflows/cd-production.yml"] = externalWorkflow
	runs, err := w.Push("main", "bob", "Deliver by another runner", files)
	if err != nil || len(runs) != 1 {
		c.t.Fatalf("pushing started %d runs: %v", len(runs), err)
	}
	return runs[0]
}

// perform takes every queued job of the run and ends it; it gives their names.
func (c *client) perform(conclusions map[string]string) (names []string) {
	time.Sleep(10 * time.Second) // GitHub's own time between jobs
	w := c.s.World()
	w.Lock()
	defer w.Unlock()
	for _, j := range w.QueuedJobs() {
		names = append(names, j.Name)
		if err := w.StartJob(j, "here"); err != nil {
			c.t.Fatal(err)
		}
		context := w.Context(j)
		for _, step := range j.Steps {
			if step.Spec() != nil && context.Holds("") && w.StartStep(j, step) {
				w.Log(step, context.Expand(step.Command))
				conclusion := conclusions[j.Key]
				if conclusion == "" {
					conclusion = "success"
				}
				context.Step("v", conclusion, conclusion, map[string]string{"version": "v9"})
				w.FinishStep(j, step, conclusion)
			}
		}
		w.FinishJob(j, context.Conclusion(), context.Outputs())
	}
	slices.Sort(names)
	return names
}

func (c *client) jobsOf(r *Run) map[string]string {
	w := c.s.World()
	w.Lock()
	defer w.Unlock()
	states := map[string]string{}
	for _, j := range r.Attempt().Jobs {
		states[j.Name] = j.Status + " " + j.Conclusion
	}
	return states
}

func wantNames(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("queued are %q, want %q", got, want)
	}
}

// A runner from outside gets the jobs as the file has them; GitHub's part is
// played all the same.
func TestExternalRunner(t *testing.T) {
	inBubble(t, Options{Runner: External, Young: true}, func(c *client) {
		r := external(c)
		wantNames(t, c.perform(nil), "test (orders)", "test (users)", "version")
		wantNames(t, c.perform(nil))
		path := "actions/runs/" + fmt.Sprint(r.ID)
		if got := c.get(path).string("status"); got != "waiting" {
			t.Fatalf("before the review the run is %s", got)
		}
		c.approve(fmt.Sprint(r.ID))
		time.Sleep(4 * time.Minute)
		wantNames(t, c.perform(nil)) // the timer has not passed
		time.Sleep(time.Minute)
		wantNames(t, c.perform(nil), "gate")
		wantNames(t, c.perform(nil), "deploy")
		wantNames(t, c.perform(nil), "notify")
		if out := c.get(path); out.string("conclusion") != "success" {
			t.Errorf("the run ended %s %s", out.string("status"), out.string("conclusion"))
		}
		if d := c.get("deployments?environment=production-deploy&task=deploy&per_page=1"); d.string("0.sha") != r.SHA {
			t.Errorf("the job's own deployment: %s", d.text)
		}
		jobs := r.Attempt().Jobs
		if log := jobs[len(jobs)-2].log(); !strings.Contains(log, "echo v9") {
			t.Errorf("the log of deploy: %s", log)
		}
		if !strings.Contains(jobs[len(jobs)-1].log(), "echo success") {
			t.Errorf("notify does not know how deploy ended")
		}
	})
}

// A job that fails ends what needs it, but for what always runs; failed jobs
// run again.
func TestExternalFailureAndRerun(t *testing.T) {
	inBubble(t, Options{Runner: External, Young: true}, func(c *client) {
		r := external(c)
		c.perform(map[string]string{"version": "failure"})
		wantNames(t, c.perform(nil), "notify")
		states := c.jobsOf(r)
		if states["gate"] != "completed skipped" || states["version"] != "completed failure" || r.Attempt().Conclusion != "failure" {
			t.Errorf("after a failure: %v", states)
		}
		if got := c.send("POST", "actions/runs/"+fmt.Sprint(r.ID)+"/rerun-failed-jobs", nil); got.status != 201 {
			t.Fatal(got.text)
		}
		wantNames(t, c.perform(nil), "version")
	})
}

// A run that is cancelled takes its jobs from their runners; what always runs
// still does.
func TestExternalCancel(t *testing.T) {
	inBubble(t, Options{Runner: External, Young: true}, func(c *client) {
		r := external(c)
		time.Sleep(10 * time.Second)
		w := c.s.World()
		w.Lock()
		taken := w.QueuedJobs()[0]
		if err := w.StartJob(taken, "here"); err != nil {
			t.Fatal(err)
		}
		w.Unlock()
		if got := c.send("POST", "actions/runs/"+fmt.Sprint(r.ID)+"/cancel", nil); got.status != 202 {
			t.Fatal(got.text)
		}
		time.Sleep(10 * time.Second)
		w.Lock()
		if w.StartStep(taken, taken.Steps[1]) {
			t.Error("a step of a cancelled job begins")
		}
		w.FinishJob(taken, "success", nil)
		w.Unlock()
		wantNames(t, c.perform(nil), "notify")
		if r.Attempt().Conclusion != "cancelled" || taken.Conclusion != "cancelled" {
			t.Errorf("the run ended %s, its job %s", r.Attempt().Conclusion, taken.Conclusion)
		}
	})
}

// A job's token may do what the job's permissions say, and only while it runs.
func TestJobToken(t *testing.T) {
	inBubble(t, Options{Runner: External, Young: true}, func(c *client) {
		external(c)
		time.Sleep(10 * time.Second)
		w := c.s.World()
		w.Lock()
		tokens := map[string]string{}
		for _, j := range w.QueuedJobs() {
			if err := w.StartJob(j, "here"); err != nil {
				t.Fatal(err)
			}
			tokens[j.Key] = w.Context(j).Text("github", "token")
		}
		w.Unlock()
		deployment := map[string]any{"ref": "main", "environment": "production", "auto_merge": false, "required_contexts": []string{}}
		for _, try := range []struct {
			job, method, path string
			body              any
			status            int
		}{
			{"version", "GET", "git/ref/heads/main", nil, 200},
			{"version", "POST", "deployments", deployment, 201},
			{"test", "POST", "deployments", deployment, 403},
			{"test", "GET", "deployments", nil, 403},
			{"version", "GET", "actions/runs", nil, 403},
			{"version", "POST", "git/refs", map[string]any{"ref": "refs/heads/x", "sha": w.Hub.Repository.Refs["heads/main"]}, 403},
			{"version", "GET", "commits/main/check-runs", nil, 403},
			{"version", "GET", "actions/secrets", nil, 403},
			{"version", "GET", "/repos/acme/shop", nil, 200},
		} {
			as := *c
			as.token = tokens[try.job]
			if got := as.send(try.method, try.path, try.body); got.status != try.status {
				t.Errorf("%s: %s %s: %d, want %d: %s", try.job, try.method, try.path, got.status, try.status, got.text)
			}
		}
		w.Lock()
		w.FinishJob(w.Hub.live()[0].Attempt().Jobs[2], "success", nil)
		w.Unlock()
		as := *c
		as.token = tokens["version"]
		if got := as.send("GET", "git/ref/heads/main", nil); got.status != 401 {
			t.Errorf("after the job its token still opens: %d", got.status)
		}
	})
}

// An image is pushed for one service at a time, and has one digest a tree.
func TestPushImage(t *testing.T) {
	inBubble(t, Options{Runner: External, Young: true}, func(c *client) {
		r := external(c)
		w := c.s.World()
		w.Lock()
		defer w.Unlock()
		digest, err := w.PushImage("orders", r.SHA, r.SHA)
		if again, _ := w.PushImage("orders", r.SHA, r.SHA); err != nil || again != digest {
			t.Fatalf("pushed %s, then %s: %v", digest, again, err)
		}
		if w.Cloud.Image("shop/orders", r.SHA) == nil || w.Cloud.Image("shop/users", r.SHA) != nil {
			t.Error("the registry has other images than the one that was pushed")
		}
		if _, err := w.PushImage("cellar", r.SHA, r.SHA); err == nil {
			t.Error("an image of no service was taken")
		}
	})
}
