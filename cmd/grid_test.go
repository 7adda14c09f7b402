package cmd

import (
	"strings"
	"testing"
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
state    branch    title    id           fore...
success  featu...  Fix ...  11820400292
waiting  main      Rele...  11820400293  abou...
`},
		{40, `
state    branch    title     id
success  featu...  Fix t...  11820400292
waiting  main      Relea...  11820400293
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
