package sheet_test

import (
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/sheet"
)

// stagingFile declares one input of each type, in this order.
func stagingFile() pipeline.WorkflowFile {
	return pipeline.WorkflowFile{
		Path: ".github/workflows/cd-staging.yml", Ref: "main", Name: "CD staging", Dispatchable: true,
		Inputs: []pipeline.Input{
			{Name: "version", Description: "Version to deploy; empty: computed", Type: pipeline.InputString},
			{Name: "environment", Description: "Where to", Type: pipeline.InputEnvironment, Options: []string{"staging", "production"}, Required: true},
			{Name: "strategy", Type: pipeline.InputChoice, Options: []string{"rolling", "blue/green"}, Default: "blue/green"},
			{Name: "replicas", Type: pipeline.InputNumber, Default: "3", Required: true},
			{Name: "skip_smoke", Description: "Leave the smoke tests out", Type: pipeline.InputBoolean},
			{Name: "reason", Description: "Why", Type: pipeline.InputString, Required: true},
		},
	}
}

func rollbackFile() pipeline.WorkflowFile {
	in := func(name string) pipeline.Input {
		return pipeline.Input{Name: name, Type: pipeline.InputString, Required: true}
	}
	return pipeline.WorkflowFile{
		Path: ".github/workflows/rollback.yml", Ref: "main", Name: "Rollback", Dispatchable: true,
		Inputs: []pipeline.Input{in("deployment_id"), in("reason"), in("confirm"), {Name: "debug", Type: pipeline.InputBoolean}},
	}
}

func triggerPlan() pipeline.Plan {
	in := intent(pipeline.PlanTrigger)
	in.Environment, in.Workflow, in.Ref = "staging", "cd-staging.yml", "main"
	return pipeline.Plan{
		Intent: in, Title: "Run workflow · cd-staging.yml", Preview: pipeline.Preview{To: scene.Fix},
		Gates: []pipeline.Gate{
			pass("T1", "cd-staging.yml is active and takes these inputs", time.Second),
			gate("T2", "lane_held", pipeline.Fail, pipeline.Warn, "#341 holds the lane of staging: this run would wait behind it", time.Second),
		},
		Command: "gh workflow run cd-staging.yml --ref main", Sends: "dispatches cd-staging.yml at main a1b2c3d with 5 inputs",
	}
}

// openForm is the trigger sheet of a workflow whose file was read.
func openForm(t *testing.T, name string, f pipeline.WorkflowFile) *desk {
	t.Helper()
	d := open(t, sheet.NewTrigger(scene.Waiting(), "", name, ""))
	d.send(sheet.FileRead{Ticket: d.ticket(), File: f})
	return d
}

func TestTriggerReadsTheFileAtTheDefaultBranch(t *testing.T) {
	d := open(t, sheet.NewTrigger(scene.Waiting(), "", "cd-staging.yml", ""))
	w, ok := d.last.(sheet.FileWanted)
	if !ok || w.File != "cd-staging.yml" || w.Ref != "main" {
		t.Errorf("asked for %+v", d.last)
	}
}

func TestTriggerSendsDefaultsAndWhatWasFilledIn(t *testing.T) {
	d := openForm(t, "cd-staging.yml", stagingFile())
	d.keys(tea.KeyTab)                                       // environment
	d.keys(tea.KeyRight)                                     // production
	d.keys(tea.KeyTab, tea.KeyTab, tea.KeyTab, tea.KeySpace) // skip_smoke
	d.keys(tea.KeyTab)                                       // reason
	w, ok := d.write("it's time").toButton("Next").enter().(sheet.PlanWanted)
	if !ok {
		t.Fatalf("Next asked for %T:\n%s", d.last, d.text(120, 40))
	}
	want := pipeline.TriggerRequest{Workflow: "cd-staging.yml", Ref: "main", Inputs: map[string]string{
		"environment": "production", "strategy": "blue/green", "replicas": "3", "skip_smoke": "true", "reason": "it's time",
	}}
	if w.Kind != pipeline.PlanTrigger || !reflect.DeepEqual(w.Trigger, want) {
		t.Errorf("asked for %+v, want %+v", w.Trigger, want)
	}
	d.planned(triggerPlan()).sees("it's time").sees("#341 holds the lane")
	c, ok := d.toButton("Run cd-staging.yml").enter().(sheet.Confirm)
	if !ok || !reflect.DeepEqual(c.Plan, triggerPlan()) {
		t.Errorf("confirmed %+v", d.last)
	}
}

func TestTriggerValidatesBeforeNext(t *testing.T) {
	for name, tt := range map[string]struct {
		fill func(*desk)
		want string
	}{
		"required is missing": {func(*desk) {}, "reason: required"},
		"not a number": {func(d *desk) {
			d.keys(tea.KeyTab, tea.KeyTab, tea.KeyTab)
			d.write("x")
		}, "replicas: not a number"},
		"a required default was erased": {func(d *desk) {
			d.keys(tea.KeyTab, tea.KeyTab, tea.KeyTab)
			d.erase(1)
		}, "replicas: required"},
	} {
		t.Run(name, func(t *testing.T) {
			d := openForm(t, "cd-staging.yml", stagingFile())
			tt.fill(d)
			if a := d.toButton("Next").enter(); a != nil {
				t.Errorf("Next asked for %T", a)
			}
			d.sees(tt.want)
		})
	}
}

// The run under the cursor names a workflow that nobody can start: the form goes
// on to one that can be, and says so. Where none can, it says that.
func TestTriggerOfAWorkflowThatCannotBeStartedByHand(t *testing.T) {
	byPush := pipeline.WorkflowFile{Path: ".github/workflows/ci.yml", Ref: "main"}
	d := openForm(t, "ci.yml", byPush)
	w, ok := d.last.(sheet.FileWanted)
	if !ok || w.File == "ci.yml" || w.File == "rollback.yml" {
		t.Fatalf("asked for %+v, want another workflow's file", d.last)
	}
	d.send(sheet.FileRead{Ticket: d.ticket(), File: stagingFile()})
	d.sees(w.File).sees("ci.yml cannot be started by hand: this is the first that can").sees("strategy")

	d = openForm(t, "ci.yml", byPush)
	for tries, ticket := 0, (sheet.Ticket{}); ticket != d.ticket(); tries++ {
		if ticket = d.ticket(); tries > 10 {
			t.Fatal("it never stops asking")
		}
		d.send(sheet.FileRead{Ticket: ticket, File: byPush})
	}
	d.sees("ci.yml has no workflow_dispatch at main: it cannot be started by hand")
	if a := d.toButton("Next").enter(); a != nil {
		t.Errorf("Next asked for %T", a)
	}
}

func TestTriggerCopiesTheEquivalentCommand(t *testing.T) {
	d := openForm(t, "cd-staging.yml", stagingFile())
	d.keys(tea.KeyUp, tea.KeyUp, tea.KeyUp, tea.KeyUp, tea.KeyUp, tea.KeyUp) // around, to reason
	d.toButton("Not now").keys(tea.KeyUp, tea.KeyUp, tea.KeyUp)
	c, ok := d.write("it's time").toButton("Copy the gh command").enter().(sheet.Copy)
	want := `gh workflow run cd-staging.yml -R acme/shop --ref main -f environment=staging -f strategy=blue/green ` +
		`-f replicas=3 -f skip_smoke=false -f 'reason=it'\''s time'`
	if !ok || c.Text != want {
		t.Errorf("copied %q\nwant   %q", c.Text, want)
	}
}

func TestTriggerOfRollbackOpensTheRollbackSheet(t *testing.T) {
	d := openForm(t, "rollback.yml", rollbackFile())
	d.sees("This is a rollback").sees("is typed on the next sheet")
	d.write("9310").keys(tea.KeyTab)
	w, ok := d.write("carts are wrong").toButton("Next").enter().(sheet.RollbackWanted)
	want := pipeline.RollbackRequest{Environment: "production", To: 9310, Reason: "carts are wrong"}
	if !ok || w.Request != want {
		t.Errorf("asked for %+v, want %+v", d.last, want)
	}
}

func TestASmallFormDescribesTheInputThatHasTheFocus(t *testing.T) {
	d := openForm(t, "cd-staging.yml", stagingFile())
	for range 9 {
		got := d.text(60, 14)
		if strings.Contains(got, "Leave the smoke tests out") {
			if strings.Contains(got, "empty: computed") {
				t.Errorf("another input is described too:\n%s", got)
			}
			return
		}
		d.keys(tea.KeyTab)
	}
	t.Error("nowhere described:\n" + d.text(60, 14))
}

func TestTriggerPicksAWorkflowByTyping(t *testing.T) {
	d := open(t, sheet.NewTrigger(scene.Waiting(), "", "", "")).sees("ci.yml").sees("cd-production.yml")
	d.write("stag").misses("ci.yml")
	d.keys(tea.KeyEnter) // at once: it sends nothing
	w, ok := d.last.(sheet.FileWanted)
	if !ok || w.File != "cd-staging.yml" {
		t.Errorf("asked for %+v", d.last)
	}
}

func TestTriggerPicksARefAndKeepsWhatWasTyped(t *testing.T) {
	d := openForm(t, "cd-staging.yml", stagingFile())
	d.write("v9").keys(tea.KeyUp) // to the ref
	if _, ok := d.enter().(sheet.RefsWanted); !ok {
		t.Fatalf("opening the refs asked for %T", d.last)
	}
	d.sees("reading")
	d.send(sheet.RefsRead{Ticket: d.ticket(), Refs: []pipeline.Ref{
		{Name: "develop", SHA: scene.Fix.SHA}, {Name: "main", SHA: scene.Bump.SHA}, {Name: "v1.42.0", SHA: scene.Fix.SHA, Tag: true},
	}})
	d.sees("a1b2c3d tag")
	w, ok := d.write("v1").enter().(sheet.FileWanted)
	if !ok || w.Ref != "v1.42.0" || w.File != "cd-staging.yml" {
		t.Fatalf("asked for %+v", d.last)
	}
	f := stagingFile()
	f.Inputs[3].Default = "5" // untouched before: the new default counts
	d.send(sheet.FileRead{Ticket: d.ticket(), File: f})
	d.sees("> v9").sees("> 5").sees("read at v1.42.0")
}

func TestTriggerAnswersOfAnotherFileAreDropped(t *testing.T) {
	d := open(t, sheet.NewTrigger(scene.Waiting(), "", "ci.yml", ""))
	old := d.ticket()
	d.settle().keys(tea.KeyEnter) // the workflows
	d.write("staging").enter()
	d.send(sheet.FileRead{Ticket: old, File: rollbackFile()})
	d.misses("deployment_id")
	d.send(sheet.FileRead{Ticket: d.ticket(), File: stagingFile()})
	d.sees("skip_smoke")
}

func TestTriggerGoesBackToTheForm(t *testing.T) {
	d := openForm(t, "cd-staging.yml", stagingFile())
	d.keys(tea.KeyTab, tea.KeyTab, tea.KeyTab, tea.KeyTab, tea.KeyTab)
	d.write("because").toButton("Next").enter()
	d.planned(triggerPlan()).toButton("Back").enter()
	d.sees("* required").sees("> because")
	if _, ok := d.last.(sheet.Confirm); ok {
		t.Error("going back confirmed")
	}
}

func TestTriggerWithBooleansOnlyAndWithoutInputs(t *testing.T) {
	for name, inputs := range map[string][]pipeline.Input{
		"booleans": {{Name: "a", Type: pipeline.InputBoolean, Default: "true"}, {Name: "b", Type: pipeline.InputBoolean}},
		"none":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			d := openForm(t, "cd-staging.yml", pipeline.WorkflowFile{Dispatchable: true, Inputs: inputs})
			w, ok := d.toButton("Next").enter().(sheet.PlanWanted)
			if !ok {
				t.Fatalf("Next asked for %T", d.last)
			}
			want := map[string]string{}
			if inputs != nil {
				want = map[string]string{"a": "true", "b": "false"}
			}
			if !maps.Equal(w.Trigger.Inputs, want) {
				t.Errorf("inputs are %v, want %v", w.Trigger.Inputs, want)
			}
		})
	}
}

func TestAnOptionalChoiceCanBeLeftOut(t *testing.T) {
	f := pipeline.WorkflowFile{Dispatchable: true, Inputs: []pipeline.Input{{Name: "log", Type: pipeline.InputChoice, Options: []string{"info", "debug"}}}}
	d := openForm(t, "cd-staging.yml", f).sees("(not sent)")
	w := d.toButton("Next").enter().(sheet.PlanWanted)
	if len(w.Trigger.Inputs) != 0 {
		t.Errorf("inputs are %v, want none", w.Trigger.Inputs)
	}
}
