package ui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

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

func dialogText(c *Console, width int) string {
	return ansi.Strip(strings.Join(c.dialog.lines(c, width, 22), "\n"))
}
