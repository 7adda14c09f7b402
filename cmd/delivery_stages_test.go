package cmd_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/sandbox"
)

// stageLimit is far more than a part of a stage takes, on the slowest machine.
const stageLimit = 3 * time.Minute

// deployRole is the role that jobs assume by OIDC.
const deployRole = "arn:aws:iam::" + sandbox.Account + ":role/deploy"

// picture is what status --json says.
type picture struct {
	Environments []struct {
		Name string
		Live struct{ SHA, Verdict string }
	}
	Runs []struct {
		ID                        int64
		Status, Conclusion, Phase string
	}
	Approvals []struct {
		RunID            int64 `json:"run_id"`
		Environment, SHA string
		CanApprove       bool `json:"can_approve"`
	}
	Holds         []struct{ Environment, Owner, Reason string }
	Disagreements []struct{ Service, Environment, Sentence string }
	Rollouts      []rolloutSeen
	ReturnPath    []struct {
		Environment string
		Best        int64
		Candidates  []struct {
			Deployment int64 `json:"deployment_id"`
			SHA        string
			Faulty     bool
		}
	} `json:"return_path"`
}

type rolloutSeen struct {
	Kind, Environment, SHA, Phase, Sentence string
	RunID                                   int64 `json:"run_id"`
	Deployment                              int64 `json:"deployment_id"`
	Done                                    int   `json:"services_done"`
	Total                                   int   `json:"services_total"`
}

// look asks the console for its picture.
func (d *delivery) look(t *testing.T) picture {
	t.Helper()
	var p picture
	decode(t, d.must(built(t), "status", "--json"), &p)
	return p
}

// live is the commit that an environment runs, where all its services agree.
func (p picture) live(environment string) string {
	for _, e := range p.Environments {
		if e.Name == environment && e.Live.Verdict == "same" {
			return e.Live.SHA
		}
	}
	return ""
}

// rollout is what a run does.
func (p picture) rollout(run *sandbox.Run) rolloutSeen {
	i := slices.IndexFunc(p.Rollouts, func(o rolloutSeen) bool { return o.RunID == run.ID })
	if i < 0 {
		return rolloutSeen{}
	}
	return p.Rollouts[i]
}

// agrees compares the console's picture with what is so: what is live where,
// how a run stands, and that nothing is said to disagree.
func (d *delivery) agrees(t *testing.T, run *sandbox.Run, phase, staging, production string) picture {
	t.Helper()
	p := d.look(t)
	if got := p.live("staging"); !d.same(got, staging) {
		t.Errorf("status: staging runs %q, not %q", got, staging)
	}
	if got := p.live("production"); !d.same(got, production) {
		t.Errorf("status: production runs %q, not %q", got, production)
	}
	if got := p.rollout(run); got.Phase != phase {
		t.Errorf("status: the rollout of run %d is %q (%s), not %q", run.ID, got.Phase, got.Sentence, phase)
	}
	for _, g := range p.Disagreements {
		if want := fmt.Sprintf("run #%d ended with failure, and ECS runs its", run.Number); phase != "indeterminate" || !strings.HasPrefix(g.Sentence, want) {
			t.Errorf("status: %s in %s: %s", g.Service, g.Environment, g.Sentence)
		}
	}
	return p
}

// same says whether two commits are one release: they have one tree, and so one
// image a service.
func (d *delivery) same(a, b string) bool {
	w := d.world.World()
	w.Lock()
	defer w.Unlock()
	one, other := w.Hub.Repository.Commits[a], w.Hub.Repository.Commits[b]
	return one != nil && other != nil && one.TreeSHA == other.TreeSHA
}

// through sees runs to their end and holds their conclusions against those of
// their workflows.
func (d *delivery) through(t *testing.T, runs []*sandbox.Run, want map[string]string) {
	t.Helper()
	d.runner.drive(t, "the runs have ended", stageLimit, func() bool {
		return !slices.ContainsFunc(runs, func(r *sandbox.Run) bool { return r.Attempt().Status != "completed" })
	})
	d.concluded(t, runs, want)
}

func (d *delivery) concluded(t *testing.T, runs []*sandbox.Run, want map[string]string) {
	t.Helper()
	w := d.world.World()
	w.Lock()
	defer w.Unlock()
	for _, r := range runs {
		expected := want[r.Workflow.File()]
		if expected == "" {
			expected = "success"
		}
		if got := r.Attempt().Conclusion; got != expected {
			t.Errorf("%s ended with %s, not %s", r.Workflow.File(), got, expected)
		}
	}
}

// of finds the run of a workflow.
func of(t *testing.T, runs []*sandbox.Run, file string) *sandbox.Run {
	t.Helper()
	for _, r := range runs {
		if r.Workflow.File() == file {
			return r
		}
	}
	t.Fatalf("no run of %s was started", file)
	return nil
}

// toStaging pushes to develop, and sees ci.yml and cd-staging.yml through.
func (d *delivery) toStaging(t *testing.T) {
	d.production = d.look(t).live("production")
	d.ship(t, "Set up the delivery system")
	d.told(t, "is live on staging")
	if pushed, applied := d.runner.tools.called("docker push"), d.runner.tools.called("terraform -chdir=infrastructure apply"); pushed != 6 || applied != 1 {
		t.Errorf("%d images were pushed, and Terraform applied %d times", pushed, applied)
	}
}

// ship takes the checkout to staging.
func (d *delivery) ship(t *testing.T, message string) {
	t.Helper()
	runs := d.push(t, "develop", message)
	d.through(t, runs, nil)
	d.staging = runs[0].SHA
	if !t.Failed() {
		d.agrees(t, of(t, runs, "cd-staging.yml"), "succeeded", d.staging, d.production)
	}
}

// toGate merges into main and stops where the approval is wanted.
func (d *delivery) toGate(t *testing.T) {
	pushed := d.runner.tools.called("docker push")
	w := d.world.World()
	w.Lock()
	runs, err := w.Merge("develop", "main", "carol", "Release the delivery system")
	w.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	d.waiting = of(t, runs, "cd-production.yml")
	d.runner.drive(t, "the run waits for its approval", stageLimit, func() bool {
		return d.waiting.Attempt().Status == "waiting" || d.waiting.Attempt().Status == "completed"
	})
	d.told(t, "wants an approval for production")
	d.through(t, []*sandbox.Run{of(t, runs, "ci.yml")}, nil)
	if again := d.runner.tools.called("docker push") - pushed; again != 0 {
		t.Errorf("%d images were built again for the tree that staging verified", again)
	}
	p := d.agrees(t, d.waiting, "awaiting approval", d.staging, d.production)
	if len(p.Approvals) != 1 || p.Approvals[0].RunID != d.waiting.ID || p.Approvals[0].Environment != "production" || !p.Approvals[0].CanApprove {
		t.Errorf("status: approvals are %+v", p.Approvals)
	}
}

// toProduction approves with the console and sees the rollout go by.
func (d *delivery) toProduction(t *testing.T) {
	d.approve(t)
	d.runner.drive(t, "services move", stageLimit, d.moving)
	p := d.look(t)
	if o := p.rollout(d.waiting); o.Phase != "updating" && o.Phase != "stabilising" || o.Deployment == 0 || o.Total != 6 {
		t.Errorf("status, while services move: %+v", o)
	}
	d.through(t, []*sandbox.Run{d.waiting}, nil)
	d.production = d.waiting.SHA
	p = d.agrees(t, d.waiting, "succeeded", d.staging, d.production)
	if len(p.Approvals)+len(p.Holds) != 0 {
		t.Errorf("status: approvals %v, holds %v are left", p.Approvals, p.Holds)
	}
	d.good = p.rollout(d.waiting).Deployment
	d.told(t, "is live on production")
}

// told says whether the newest message to Slack says so.
func (d *delivery) told(t *testing.T, what string) {
	t.Helper()
	messages := d.world.Messages()
	if len(messages) == 0 || !strings.Contains(messages[len(messages)-1], what) {
		t.Errorf("Slack was not told that it %s: %q", what, messages)
	}
}

func (d *delivery) approve(t *testing.T) {
	t.Helper()
	out := d.must(built(t), "approve", fmt.Sprint(d.waiting.ID), "--comment", "Go, staging looks good", "--sha", d.waiting.SHA)
	if !strings.Contains(out, "done: approved") {
		t.Errorf("approve: %s", out)
	}
}

// moving says whether ECS moves a service of production; the world is locked.
func (d *delivery) moving() bool {
	for _, s := range d.world.World().Cloud.Cluster("shop-production").Services {
		if c := s.Current(); c != nil && !c.Terminal() {
			return true
		}
	}
	return false
}

// toRelease tags what is live: nothing moves, and GitHub has a release. From
// here on the jobs have a role, and no more use for the access keys.
func (d *delivery) toRelease(t *testing.T) {
	if n := d.runner.tools.called("oidc "); n != 0 {
		t.Errorf("%d jobs assumed a role before there was one", n)
	}
	d.must("gh", "api", "--silent", "repos/acme/shop/actions/variables", "-f", "name=AWS_ROLE_ARN", "-f", "value="+deployRole)
	defer func() {
		if n := d.runner.tools.called("oidc " + deployRole); n == 0 {
			t.Error("no job assumed the role")
		}
	}()
	w := d.world.World()
	w.Lock()
	runs, err := w.Tag("v1.43.0", "main", "carol")
	w.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	d.waiting = of(t, runs, "cd-production.yml")
	d.runner.drive(t, "the run waits for its approval", stageLimit, func() bool { return d.waiting.Attempt().Status == "waiting" })
	d.approve(t)
	d.through(t, runs, nil)
	if out := d.must("gh", "release", "view", "v1.43.0"); !strings.Contains(out, "v1.43.0") {
		t.Errorf("gh release view: %s", out)
	}
	d.good = d.agrees(t, d.waiting, "succeeded", d.staging, d.production).rollout(d.waiting).Deployment
}

// unhealthy ships a release that starts in production and cannot answer there.
func (d *delivery) unhealthy(t *testing.T) {
	d.files["services/users/users/settings.py"] += "\nCACHES = {\"sessions\": {\"LOCATION\": \"redis://sessions:6379/0\"}}\n"
	d.ship(t, "Keep sessions apart")
	d.toGate(t)
	d.approve(t)
	d.through(t, []*sandbox.Run{d.waiting}, map[string]string{"cd-production.yml": "failure"})
	d.ended(t, d.waiting, "Deploy services", "success")
	d.ended(t, d.waiting, "Verify", "failure")
	d.ended(t, d.waiting, "Notify", "success")
	p := d.agrees(t, d.waiting, "indeterminate", d.staging, d.waiting.SHA) // it failed, and is live
	d.told(t, "failed in verify")
	if len(p.Disagreements) != 6 {
		t.Errorf("status: GitHub and ECS disagree about %d services", len(p.Disagreements))
	}
	if len(p.Holds) != 0 {
		t.Errorf("status: the lock of a run that failed is left: %+v", p.Holds)
	}
}

// ended holds a job's conclusion against what it should be.
func (d *delivery) ended(t *testing.T, run *sandbox.Run, job, want string) {
	t.Helper()
	w := d.world.World()
	w.Lock()
	defer w.Unlock()
	for _, j := range run.Attempt().Jobs {
		if j.Name == job && j.Conclusion != want {
			t.Errorf("job %s ended with %s, not %s", job, j.Conclusion, want)
		}
	}
}

// rollback goes back with the console: it locks, dispatches rollback.yml, and
// the workflow restores the deployment before.
func (d *delivery) rollback(t *testing.T) {
	bad := d.waiting.SHA
	for _, path := range d.look(t).ReturnPath {
		if path.Environment == "production" && path.Best != d.good {
			t.Errorf("status: the way back leads to deployment %d, not %d", path.Best, d.good)
		}
	}
	d.must(built(t), "rollback", "--reason", "users answers nothing since the release", "--confirm", "ROLLBACK")
	run := d.newest()
	d.through(t, []*sandbox.Run{run}, nil)
	p := d.agrees(t, run, "succeeded", d.staging, d.production)
	d.told(t, "was rolled back to v1.43.0")
	if o := p.rollout(run); o.Kind != "rollback" || o.SHA != d.production {
		t.Errorf("status: the rollback is %+v", o)
	}
	if len(p.Holds) != 1 || p.Holds[0].Environment != "production" {
		t.Errorf("status: holds are %+v", p.Holds)
	}
	for _, path := range p.ReturnPath {
		for _, c := range path.Candidates {
			if path.Environment == "production" && c.SHA == bad && !c.Faulty {
				t.Errorf("status: what was rolled back is not marked: %+v", c)
			}
		}
	}
}

// newest is the run that was started last.
func (d *delivery) newest() *sandbox.Run {
	w := d.world.World()
	w.Lock()
	defer w.Unlock()
	return w.Hub.Runs[len(w.Hub.Runs)-1]
}

// staysOut dispatches what was rolled back: it does not come to the gate.
func (d *delivery) staysOut(t *testing.T) {
	d.must("gh", "workflow", "run", "cd-production.yml", "--ref", "main")
	run := d.newest()
	d.through(t, []*sandbox.Run{run}, map[string]string{"cd-production.yml": "failure"})
	d.ended(t, run, "Pre-deployment checks", "failure")
	d.ended(t, run, "Approval", "skipped")
	if got := d.look(t).live("production"); !d.same(got, d.production) {
		t.Errorf("production runs %s", got)
	}
	d.must(built(t), "unlock", "--environment", "production", "--reason", "The fix is on its way")
}

// redChecks pushes what its tests refuse: nothing of it comes to staging.
func (d *delivery) redChecks(t *testing.T) {
	d.runner.tools.fails("pytest", true)
	defer d.runner.tools.fails("pytest", false)
	runs := d.push(t, "develop", "Break the tests")
	d.through(t, runs, map[string]string{"ci.yml": "failure", "cd-staging.yml": "failure"})
	ci, cd := of(t, runs, "ci.yml"), of(t, runs, "cd-staging.yml")
	d.ended(t, ci, "Build orders", "skipped")
	d.ended(t, ci, "Summary", "failure")
	d.ended(t, cd, "Version and CI", "failure")
	d.ended(t, cd, "Prepare", "skipped")
	d.agrees(t, cd, "failed", d.staging, d.production)
}

// failedMigration pushes a migration that raises: no service is touched.
func (d *delivery) failedMigration(t *testing.T) {
	d.files["services/orders/orders/migrations/0099_totals.py"] = "from django.db import migrations\n\n\ndef fill(apps, schema_editor):\n" +
		"    raise ValueError(\"an order without a total\")\n\n\nclass Migration(migrations.Migration):\n    dependencies = []\n    operations = [migrations.RunPython(fill)]\n"
	runs := d.push(t, "develop", "Fill the totals")
	d.through(t, runs, map[string]string{"cd-staging.yml": "failure"})
	run := of(t, runs, "cd-staging.yml")
	d.ended(t, run, "Database migration", "failure")
	d.ended(t, run, "Deploy services", "skipped")
	d.ended(t, run, "Notify", "success")
	d.told(t, "failed in migrate")
	if p := d.agrees(t, run, "failed", d.staging, d.production); len(p.Holds) != 0 {
		t.Errorf("status: the lock of a run that failed is left: %+v", p.Holds)
	}
}
