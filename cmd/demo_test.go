package cmd

import (
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/sandbox"
)

// The list of drills keeps within the terminal, and tells each goal whole.
func TestGoalsAreReadWhole(t *testing.T) {
	for _, width := range []int{80, 120} {
		var b strings.Builder
		if err := writeGoals(&b, width); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > width {
				t.Errorf("in %d cells a line has %d: %s", width, n, line)
			}
		}
		words := strings.Join(strings.Fields(b.String()), " ")
		for _, s := range sandbox.Scenarios() {
			if want := strings.Join(strings.Fields(s.Name+" "+s.Title+" "+s.Goal), " "); !strings.Contains(words, want) {
				t.Errorf("in %d cells %s is not told whole", width, s.Name)
			}
		}
	}
}
