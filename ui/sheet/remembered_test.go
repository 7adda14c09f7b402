package sheet_test

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/sheet"
)

// The form begins with what was sent last, as far as the file still takes it,
// and one button brings the defaults back.
func TestTriggerRemembers(t *testing.T) {
	d := open(t, sheet.NewTrigger(scene.Waiting(), "", "cd-staging.yml", ""))
	d.send(sheet.FileRead{Ticket: d.ticket(), File: stagingFile(), Remembered: map[string]string{
		"version": "v1.41.3", "strategy": "rolling", "environment": "gone", "skip_smoke": "true", "replicas": "5", "unknown": "x",
	}})
	got := d.text(120, 40)
	for _, want := range []string{"v1.41.3", "rolling", "[x] yes", "values as sent last", "[ Defaults ]"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "gone") {
		t.Error("an environment that is no more is chosen")
	}
	d.toButton("Defaults").enter()
	got = d.text(120, 40)
	if strings.Contains(got, "v1.41.3") || strings.Contains(got, "as sent last") || !strings.Contains(got, "blue/green") {
		t.Errorf("the defaults are not back:\n%s", got)
	}
}

// Twenty-five inputs are filled in on the smallest screen: the focused one is
// always in sight.
func TestTriggerWithManyInputs(t *testing.T) {
	f := pipeline.WorkflowFile{Path: "big.yml", Dispatchable: true}
	for i := range 25 {
		f.Inputs = append(f.Inputs, pipeline.Input{Name: fmt.Sprintf("input_%02d", i), Type: pipeline.InputString, Description: "one of many"})
	}
	d := openForm(t, "big.yml", f)
	for i := range 25 {
		d.write(fmt.Sprintf("value-%02d", i))
		if got := d.text(80, 24); !strings.Contains(got, fmt.Sprintf("value-%02d", i)) {
			t.Fatalf("input %d has the focus and is out of sight:\n%s", i, got)
		}
		d.keys(tea.KeyTab)
	}
	d.toButton("Next").enter()
	w, ok := d.last.(sheet.PlanWanted)
	if !ok || len(w.Trigger.Inputs) != 25 || w.Trigger.Inputs["input_24"] != "value-24" {
		t.Errorf("asked for %+v", d.last)
	}
}

// A workflow of another repository is read, planned and sent there.
func TestTriggerInAnotherRepository(t *testing.T) {
	s := *scene.Waiting()
	s.Repositories = []pipeline.RepositoryState{{
		Repository: pipeline.Repository{Owner: "acme", Name: "web", DefaultBranch: "trunk"},
		Workflows:  pipeline.Fact[[]pipeline.Workflow]{Value: []pipeline.Workflow{{Path: ".github/workflows/publish.yml", State: "active"}}},
	}}
	d := open(t, sheet.NewTrigger(&s, "acme/web", "publish.yml", ""))
	w, ok := d.last.(sheet.FileWanted)
	if !ok || w.Repository != "acme/web" || w.Ref != "trunk" {
		t.Fatalf("asked for %+v", d.last)
	}
	d.send(sheet.FileRead{Ticket: w.Ticket, File: pipeline.WorkflowFile{Path: "publish.yml", Dispatchable: true}})
	d.sees("acme/web")
	d.toButton("Next").enter()
	if p, ok := d.last.(sheet.PlanWanted); !ok || p.Trigger.Repository != "acme/web" {
		t.Errorf("planned %+v", d.last)
	}
}

// Of a run that failed, all jobs, those that failed or the chosen one run again.
func TestRerunChoosesItsJobs(t *testing.T) {
	job := pipeline.Job{ID: 23, Name: "Test orders"}
	d := open(t, sheet.NewRerun(failedRun(), job, true))
	request := func() pipeline.RunRequest {
		w, ok := d.last.(sheet.PlanWanted)
		if !ok {
			t.Fatalf("no plan is wanted but %+v", d.last)
		}
		return w.Run
	}
	if r := request(); r.JobID != 23 || r.FailedOnly {
		t.Errorf("at first %+v", r)
	}
	d.planned(runPlan(pipeline.PlanRerun, failedRun())).sees("only Test orders")
	for _, want := range []pipeline.RunRequest{{RunID: 1180}, {RunID: 1180, FailedOnly: true}, {RunID: 1180, JobID: 23}} {
		d.toButton("Not now").keys(tea.KeyTab, tea.KeyRight) // the first control comes behind the last button
		if r := request(); r != want {
			t.Errorf("want %+v, got %+v", want, r)
		}
		d.planned(runPlan(pipeline.PlanRerun, failedRun()))
	}
}
