package cmd_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/sandbox"
	"github.com/deployctl/gh-deployctl/workflows"
)

// trial is a job of the written workflows: what has to happen when it succeeds,
// and what must not pass it.
type trial struct {
	of     string   // of the matrix; empty: the job has none
	does   []string // calls of tools and actions
	says   string   // a line of its summary
	faults []string // calls that fail; each alone makes the job fail
}

// trials are all jobs that init writes. What our own steps do is tested where
// they are (pipeline/steps); here they have to be called, with all they need.
var trials = map[string]map[string]trial{
	workflows.CI: {
		"scan": {
			does:   []string{"upload-sarif trivy-dependencies", "upload-sarif trivy-files"},
			faults: []string{"trivy fs vuln", "trivy fs secret", "trivy fs misconfig", "upload-sarif trivy-files"},
		},
		"test":        {of: "orders", does: []string{"pip install -r requirements.txt", "codecov orders", "artifact junit-orders"}, faults: []string{"pip install", "pytest --cov"}},
		"terraform":   {faults: []string{"terraform fmt -check", "terraform -chdir=infrastructure validate", "tfsec infrastructure"}},
		"build":       {of: "orders", does: []string{"docker push", "aws ecr put-image", "upload-sarif trivy-image-orders"}, faults: []string{"docker build services/orders", "trivy image vuln", "docker push", "aws ecr put-image"}},
		"integration": {does: []string{"pip install pytest"}, faults: []string{"pytest tests/integration"}},
		"summary":     {does: []string{"step notify"}, says: "| scan | success |", faults: []string{"job scan", "gh-release"}},
	},
	workflows.Staging: {
		"version":   {faults: []string{"step version --environment staging", "step preflight --environment staging --wait-for-ci", "gh-release"}},
		"prepare":   {faults: []string{"step prepare --environment staging --version v9 "}},
		"migrate":   {faults: []string{"step migrate --environment staging "}},
		"terraform": {does: []string{"terraform -chdir=infrastructure show"}, says: "### Terraform plan", faults: []string{"terraform -chdir=infrastructure plan", "terraform -chdir=infrastructure apply"}},
		"deploy":    {faults: []string{"step deploy --environment staging "}},
		"verify":    {faults: []string{"step verify --environment staging ", "step smoke --environment staging "}},
		"notify":    {faults: []string{"step notify --environment staging "}},
	},
	workflows.Production: {
		"preflight": {faults: []string{"step version --environment production", "step preflight --environment production --wait-for-ci"}},
		"security":  {faults: []string{"trivy fs vuln", "trivy fs secret", "trivy fs misconfig"}},
		"announce":  {does: []string{"step notify --environment production --occasion approval"}, faults: []string{"gh-release"}},
		"approval":  {says: "Approved: v9 (", faults: []string{"review"}},
		"scan":      {of: "orders", does: []string{"oidc "}, faults: []string{"aws ecr describe-images --repository-name shop/orders", "trivy image vuln"}},
		"prepare":   {faults: []string{"step preflight --environment production +", "step prepare --environment production --version v9 "}},
		"migrate":   {faults: []string{"step migrate --environment production "}},
		"deploy":    {faults: []string{"step deploy --environment production "}},
		"verify":    {faults: []string{"step verify --environment production ", "step smoke --environment production "}},
		"release":   {faults: []string{"step release --version v9 "}},
		"notify":    {faults: []string{"step notify --environment production "}},
	},
	workflows.Rollback: {
		"feasibility": {faults: []string{"confirm rollback", "reason bad", "deployment_id $(id)", "step rollback --environment production --to 77 --reason orders answers 500 --expected-current-sha  --request-id  --dry-run"}},
		"rollback":    {faults: []string{"step rollback --environment production --to 77 --reason orders answers 500 --expected-current-sha  --request-id  +"}},
		"verify":      {faults: []string{"step verify --environment production ", "step smoke --environment production "}},
		"notify":      {faults: []string{"step notify --environment production "}},
	},
}

// TestEveryJobCanFail performs each job of each workflow alone: it succeeds where
// all is well and has done its work, and fails for each of its faults.
func TestEveryJobCanFail(t *testing.T) {
	if raceDetector {
		t.Skip("its jobs are shell scripts, one after the other")
	}
	t.Parallel()
	for _, file := range workflows.Names() {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			y := newYard(t, file)
			var jobs []string
			for key := range y.start(t, "").File().Jobs {
				jobs = append(jobs, key)
			}
			slices.Sort(jobs)
			if known := slices.Sorted(maps.Keys(trials[file])); !slices.Equal(jobs, known) {
				t.Fatalf("the file has the jobs %v, and %v are tried", jobs, known)
			}
			for _, key := range jobs {
				y.try(t, key, trials[file][key])
			}
		})
	}
}

// yard is a world whose repository has the written workflows, and a runner that
// performs single jobs of one of them.
type yard struct {
	*runner
	file   string
	run    *sandbox.Run // the newest
	runs   int
	report string // of the job that was performed last
}

func newYard(t *testing.T, file string) *yard {
	t.Helper()
	y := &yard{runner: newRunner(t, reachableWorld(t, sandbox.Options{Scenario: "calm", Speed: 600, Runner: sandbox.External})), file: file}
	y.steps = "only"
	y.tools.program = filepath.Join(t.TempDir(), "gh-deployctl")
	if err := os.WriteFile(y.tools.program, []byte("our program"), 0o600); err != nil {
		t.Fatal(err)
	}
	system := workflows.System{
		DefaultBranch: "main", StagingBranch: "develop", Tags: []string{"v*"}, ImagePrefix: "shop/",
		Terraform: "infrastructure", IntegrationTests: "tests/integration",
		Staging:    workflows.Stage{Name: "staging", Deploy: "staging", Region: sandbox.Region, Base: "http://api-gateway.staging.sandbox", Migration: true},
		Production: workflows.Stage{Name: "production", Gate: "production", Deploy: "production-deploy", Region: sandbox.Region, Migration: true},
		Extension:  workflows.Extension{Repository: extensionRepository, Version: extensionVersion, SHA256: sum(t, y.tools.program)},
	}
	for _, name := range []string{"catalog", "orders"} {
		system.Services = append(system.Services, workflows.Service{Name: name, Directory: "services/" + name, Python: true})
	}
	rendered, err := workflows.Render(system)
	if err != nil {
		t.Fatal(err)
	}
	w := y.world.World()
	w.Lock()
	defer w.Unlock()
	files := w.Files("main")
	files["tests/integration/test_flow.py"], files["infrastructure/main.tf"], files[".github/deployctl.yml"] = "", "", "version: 1\n"
	for _, f := range rendered {
		files[workflows.Directory+"/"+f.Name] = string(f.Content)
	}
	for name, value := range map[string]string{
		"AWS_ACCOUNT_ID": sandbox.Account, "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI", "BACKUP_S3_BUCKET": "shop-backups",
		"DB_PASSWORD": "correct horse battery", "SLACK_WEBHOOK_URL": "http://hooks.sandbox/services/T0/B0/x", "CODECOV_TOKEN": "a-token-of-codecov",
	} {
		w.Hub.Secrets = append(w.Hub.Secrets, &sandbox.Secret{Name: name, Value: value})
	}
	if file == workflows.Production { // there the jobs have a role
		w.Hub.Variables = append(w.Hub.Variables, &sandbox.Variable{Name: "AWS_ROLE_ARN", Value: deployRole})
	}
	for _, branch := range []string{"main", "develop"} {
		runs, err := w.Push(branch, "bob", "The delivery system", files)
		if err == nil {
			_, err = w.PushImage("orders", runs[0].SHA, runs[0].SHA)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return y
}

// start begins a run of the yard's file, and ends all others. The fault may be
// one of the inputs.
func (y *yard) start(t *testing.T, fault string) *sandbox.Run {
	t.Helper()
	w := y.world.World()
	w.Lock()
	defer w.Unlock()
	y.runs++
	inputs := map[string]any{}
	if y.file == workflows.Rollback {
		inputs = map[string]any{"deployment_id": "77", "reason": "orders answers 500", "confirm": "ROLLBACK"}
		if name, value, ok := strings.Cut(fault, " "); ok && inputs[name] != nil {
			inputs[name] = value
		}
	}
	var runs []*sandbox.Run
	var err error
	switch y.file {
	case workflows.Production: // a tag, so that there is something to release
		runs, err = w.Tag(fmt.Sprintf("v1.99.%d", y.runs), "main", "carol")
	case workflows.Rollback:
		run, failed := w.Dispatch(w.Hub.Workflows[slices.IndexFunc(w.Hub.Workflows, func(f *sandbox.Workflow) bool { return f.File() == y.file })], "main", inputs, w.Hub.Users[0])
		runs, err = []*sandbox.Run{run}, failed
	default: // each tree is one that was never built
		files := w.Files("develop")
		files["CHANGES"] = fmt.Sprintf("Change %d", y.runs)
		runs, err = w.Push("develop", "bob", files["CHANGES"], files)
	}
	if err != nil {
		t.Fatal(err)
	}
	y.run = of(t, runs, y.file)
	for _, r := range slices.Clone(w.Hub.Runs) {
		if r != y.run && r.Attempt().Status != "completed" {
			w.Cancel(r, true)
		}
	}
	return y.run
}

// try performs a job where all is well, and once for each of its faults.
func (y *yard) try(t *testing.T, key string, trial trial) {
	t.Helper()
	if len(trial.faults) == 0 {
		t.Errorf("nothing makes %s fail", key)
	}
	before := map[string]int{}
	for _, call := range trial.does {
		before[call] = y.tools.called(call)
	}
	if got := y.perform(t, key, trial.of, ""); got != "success" {
		t.Errorf("%s, where all is well, ended with %s\n%s", key, got, y.report)
	}
	if !strings.Contains(y.report, trial.says) {
		t.Errorf("the summary of %s lacks %q\n%s", key, trial.says, y.report)
	}
	for _, call := range trial.does {
		if y.tools.called(call) == before[call] {
			t.Errorf("%s did not do: %s\n%s", key, call, y.report)
		}
	}
	for _, fault := range trial.faults {
		if got := y.perform(t, key, trial.of, fault); got != "failure" {
			t.Errorf("%s, with %q failing, ended with %s\n%s", key, fault, got, y.report)
		}
	}
}

// perform runs one job of a new run: those that it needs are said to have
// succeeded, but for the one that is the fault.
func (y *yard) perform(t *testing.T, key, of, fault string) (conclusion string) {
	t.Helper()
	run, w := y.start(t, fault), y.world.World()
	y.tools.fails(fault, fault != "")
	defer y.tools.fails(fault, false)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(stageLimit); time.Now().Before(end); <-tick.C {
		w.Lock()
		job := y.reach(t, run, key, of, fault)
		if job == nil || job.Status == "completed" {
			w.Unlock()
			if job != nil {
				return job.Conclusion
			}
			continue
		}
		m := y.machine(job)
		w.Unlock()
		m.perform()
		y.report = m.report.String()
		w.Lock()
		defer w.Unlock()
		return job.Conclusion
	}
	t.Fatalf("%s did not begin\n%s", key, y.open())
	return ""
}

// reach brings a run to a job: the others end, the gate opens. nil: not yet. The
// world is locked.
func (y *yard) reach(t *testing.T, run *sandbox.Run, key, of, fault string) *sandbox.Job {
	w := y.world.World()
	if waiting := w.Waiting("production"); slices.Contains(waiting, run) {
		i := slices.IndexFunc(w.Hub.Environments, func(e *sandbox.Environment) bool { return e.Name == "production" })
		gate, answer := w.Hub.Environments[i], "approved"
		gate.WaitTimer = 0
		if fault == "review" {
			answer = "rejected"
		}
		reviewer := w.Hub.Users[slices.IndexFunc(w.Hub.Users, func(u *sandbox.User) bool { return u.Login == "bob" })]
		if _, err := w.Review(run, []*sandbox.Environment{gate}, answer, "", reviewer); err != nil {
			t.Fatal(err)
		}
	}
	for _, j := range run.Attempt().Jobs {
		if j.Key == key && strings.Contains(j.Name, of) && j.Status == "completed" {
			return j
		}
	}
	for _, j := range w.QueuedJobs() {
		if err := w.StartJob(j, "runner"); err != nil || j.Run != run {
			continue
		}
		if j.Key == key && strings.Contains(j.Name, of) {
			return j
		}
		conclusion := "success"
		if fault == "job "+j.Key {
			conclusion = "failure"
		}
		w.FinishJob(j, conclusion, map[string]string{"version": "v9"})
	}
	return nil
}
