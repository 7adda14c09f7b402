package ui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
)

func TestSavedLinesArePrivateAndNeverOverwrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "production.log")
	lines := logs.Parse(logs.Group{Service: "orders"}, &logs.Event{Message: "one\n\x1b]0;title\atwo", Timestamp: scene.Now})
	if err := saveLines(path, lines); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	content, err := os.ReadFile(path)
	if err != nil || strings.Count(string(content), "\n") != 2 || strings.ContainsRune(string(content), 0x1b) {
		t.Errorf("content %q, %v", content, err)
	}
	for _, bad := range []string{path, "", filepath.Join(path, "below")} {
		if err := saveLines(bad, lines); err == nil || !strings.HasPrefix(err.Error(), "not saved") {
			t.Errorf("saving to %q: %v", bad, err)
		}
	}
}

func TestJobLogIsSavedWhole(t *testing.T) {
	t.Chdir(t.TempDir())
	d := sit(t, scene.Waiting(), 120, 40)
	d.press("j", "j", "j", "j", "j", "j", "j", "j", "j", "z", "S", "enter")
	content, err := os.ReadFile("run-1180-Test-orders.log")
	if err != nil || !strings.Contains(string(content), "Z E       KeyError: 'sku'\n") || !strings.Contains(string(content), "## Run pytest\n") {
		t.Errorf("saved %q, %v", content, err)
	}
	if got := d.screen(); !strings.Contains(got, "saved 56 lines to") {
		t.Errorf("not said:\n%s", got)
	}
}

func TestNewErrorsShowBothSides(t *testing.T) {
	for width, name := range map[int]string{80: "narrow", 200: "wide"} {
		d := sit(t, scene.Waiting(), width, 24)
		cmd := d.compareLogs()
		if got := dialogText(d.Console, width); !strings.Contains(got, "Reading the errors") {
			t.Errorf("%s, before the answer:\n%s", name, got)
		}
		msg, ok := cmd().(comparedMsg)
		if !ok {
			t.Fatal("no comparison")
		}
		msg.evidence.Samples = append(msg.evidence.Samples, logs.Sample{Group: logs.Group{Name: "/ecs/x", Service: "users"}, Silent: true})
		d.compared(msg)
		got := dialogText(d.Console, width)
		for _, want := range []string{"1 kind new", "0 before, 412 after", "before none", "812 ms", "903 ms", "users wrote nothing at all"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", name, want, got)
			}
		}
	}
}

// What the comparison of the logs found counts on the strip too: an error of
// which no line is held any more, and what came before the moment.
func TestStripKnowsWhatWasCompared(t *testing.T) {
	at := time.Now().Add(-20 * time.Minute)
	ring := logs.NewRing(0, 0)
	group := logs.Group{Name: "/ecs/orders", Service: "orders"}
	ring.Add(logs.Parse(group, &logs.Event{ID: "1", Timestamp: at.Add(15 * time.Minute), Message: "ERROR the provider timed out"}))
	n := newErrors{ring: ring, view: logs.NewView(ring, logs.Filter{Level: logs.LevelError})}
	n.sync()
	if f := n.since(pipeline.Fact[logs.Evidence]{}, at); f.kinds != 1 || f.complete {
		t.Errorf("from the held lines alone: %+v", f)
	}
	known := logs.Signature{Group: group.Name, Service: "orders", Template: "ERROR the provider timed out", Before: 3, After: 2}
	gone := logs.Signature{Group: group.Name, Service: "orders", Template: "KeyError: 'sku'", After: 40}
	compared := pipeline.Fact[logs.Evidence]{
		Value:       logs.Evidence{At: at, Read: time.Now(), Samples: []logs.Sample{{Group: group}}, Signatures: []logs.Signature{gone, known}},
		Observation: pipeline.Observation{At: time.Now()},
	}
	f := n.since(compared, at)
	if f.kinds != 1 || !f.complete || f.fresh == nil || f.fresh.Template != gone.Template || f.lines != 42 {
		t.Errorf("with the comparison: %+v", f)
	}
	if f := n.since(compared, time.Now().Add(time.Minute)); f.kinds != 0 || f.lines != 0 {
		t.Errorf("it is of an earlier moment: %+v", f)
	}
}

func dialogText(c *Console, width int) string {
	return ansi.Strip(strings.Join(c.dialog.lines(c, width, 22), "\n"))
}
