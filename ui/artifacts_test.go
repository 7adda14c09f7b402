package ui

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/sheet"
)

func screen(d *desk) string { return ansi.Strip(d.View().Content) }

// A lists what the run left behind; one is saved where the prompt says, and one
// that has expired is refused.
func TestArtifactsOfARun(t *testing.T) {
	d := sit(t, scene.Waiting(), 120, 40)
	d.press("A")
	for _, want := range []string{"coverage", "2.1 MB", "trivy-report", "expired"} {
		if got := screen(d); !strings.Contains(got, want) {
			t.Fatalf("no %q in\n%s", want, got)
		}
	}
	d.press("down", "enter")
	if len(d.engine.Saved) != 0 || !strings.Contains(screen(d), "has expired") {
		t.Errorf("an expired one: saved %v\n%s", d.engine.Saved, screen(d))
	}
	d.press("A", "enter")
	if got := screen(d); !strings.Contains(got, "save below") {
		t.Fatalf("it does not ask where to\n%s", got)
	}
	d.press("enter")
	if len(d.engine.Saved) != 1 || !strings.HasPrefix(d.engine.Saved[0], "artifacts") || !strings.Contains(screen(d), "1 file saved") {
		t.Errorf("saved %v\n%s", d.engine.Saved, screen(d))
	}
}

// memory is an InputMemory that keeps what it is given.
type memory map[string]map[string]string

func (m memory) Recall(repository, workflow string) map[string]string {
	return m[repository+"|"+workflow]
}

func (m memory) Remember(repository, workflow string, inputs map[string]string) error {
	m[repository+"|"+workflow] = inputs
	return nil
}

// Inputs are kept when a workflow was started, and not when that was refused.
func TestInputsAreRememberedOnceSent(t *testing.T) {
	d := sit(t, scene.Waiting(), 120, 40)
	kept := memory{}
	d.options.Inputs = kept
	in := pipeline.Intent{Kind: pipeline.PlanTrigger, Repository: d.snapshot.Repository.FullName(), Workflow: "ci.yml", Inputs: map[string]string{"a": "1"}}
	d.settle(d.done(sheet.Done{Receipt: pipeline.Receipt{Intent: in, Outcome: pipeline.OutcomeRefused}}))
	if len(kept) != 0 {
		t.Errorf("a refusal is remembered: %v", kept)
	}
	d.settle(d.done(sheet.Done{Receipt: pipeline.Receipt{Intent: in, Outcome: pipeline.OutcomeDone}}))
	in.Repository = "acme/web"
	d.settle(d.done(sheet.Done{Receipt: pipeline.Receipt{Intent: in, Outcome: pipeline.OutcomeUnseen}}))
	if kept["|ci.yml"]["a"] != "1" || kept["acme/web|ci.yml"]["a"] != "1" {
		t.Errorf("kept %v", kept)
	}
}
