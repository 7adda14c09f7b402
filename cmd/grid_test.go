package cmd

import (
	"strings"
	"testing"
	"time"

	"github.com/cli/go-gh/v2/pkg/text"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/journal"
)

// What the next command wants stands whole on a narrow terminal; what matters
// least is left out, and a pipe gets all.
func TestGridGivesWay(t *testing.T) {
	grid := newGrid(column{name: "state"}, column{name: "branch", min: 6, rank: 1}, column{name: "empty", min: 6}, column{name: "title", min: 8}, column{name: "id"}, column{name: "forecast", min: 6, rank: 2})
	grid.add("success", "feature/cart", "", "Fix the rounding of the cart", "11820400292", "")
	grid.add("waiting", "main", "", "Release v1.42.0", "11820400293", "about 12 min")
	tests := []struct {
		width int
		want  string
	}{
		{0, "success\tfeature/cart\t\tFix the rounding of the cart\t11820400292\t\nwaiting\tmain\t\tRelease v1.42.0\t11820400293\tabout 12 min\n"},
		{90, `
state    branch        title                         id           forecast
success  feature/cart  Fix the rounding of the cart  11820400292
waiting  main          Release v1.42.0               11820400293  about 12 min
`},
		{48, `
state    branch  title      id           fore...
success  fea...  Fix th...  11820400292
waiting  main    Releas...  11820400293  abou...
`},
		{40, `
state    branch  title       id
success  fea...  Fix the...  11820400292
waiting  main    Release...  11820400293
`},
		{36, `
state    title           id
success  Fix the rou...  11820400292
waiting  Release v1....  11820400293
`},
	}
	for _, tt := range tests {
		var b strings.Builder
		if err := grid.print(&b, tt.width); err != nil {
			t.Fatal(err)
		}
		got := b.String()
		if tt.width > 0 {
			got = "\n"
			for line := range strings.Lines(b.String()) {
				got += strings.TrimRight(line, " \n") + "\n"
			}
		}
		if got != tt.want {
			t.Errorf("in %d cells:\n%s", tt.width, got)
		}
	}
}

// On 80 columns most of the audit's line is what was done.
func TestAuditOnANarrowTerminal(t *testing.T) {
	at := time.Date(2026, 11, 30, 17, 22, 5, 0, time.UTC)
	sentence := "succeeded: approved 1510961 for production; \"shipping it, staging looks good\"; overridden: A12"
	entry := journal.Entry{Seq: 104, Kind: "receipt", Command: "approve", Operator: "alice", ID: "0MX3KO8OECQEOERM", Hash: strings.Repeat("9f8e7d6c", 8)}
	list := []record{
		{pipeline.Event{At: at, Kind: "receipt", Sentence: sentence}, &entry},
		{pipeline.Event{At: at, By: true, Source: "GitHub", Kind: "approval", Actor: "carol", Environment: "production", Subject: "cd-production #212", Sentence: sentence}, nil},
	}
	for width, least := range map[int]int{80: 34, 120: 40, 300: len(sentence)} {
		var b strings.Builder
		if err := (&globals{}).auditGrid(list).print(&b, width); err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(strings.TrimSpace(b.String()), "\n") {
			line = strings.TrimRight(line, " ")
			if n := text.DisplayWidth(line); n > width {
				t.Errorf("in %d cells line %d has %d: %q", width, i, n, line)
			}
			if i > 0 && !strings.Contains(line, sentence[:least-len("...")]) {
				t.Errorf("in %d cells line %d says less than %d cells of what was done: %q", width, i, least, line)
			}
		}
	}
}
