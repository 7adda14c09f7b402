package keys_test

import (
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/ui/keys"
)

var table = keys.Table{
	{ID: "approve", Keys: []string{"a"}, Short: "approve", Title: "Approve", Group: "Act", Dangerous: true},
	{ID: "open", Keys: []string{"enter", "l"}, Title: "Open", Group: "Move"},
	{ID: "expand", Keys: []string{"enter"}, Title: "Expand", Group: "Logs", Scope: keys.Logs},
}

func TestMatchPrefersTheScope(t *testing.T) {
	for scope, want := range map[keys.Scope]string{keys.Runs: "open", keys.Logs: "expand"} {
		if c, ok := table.Match(scope, "enter"); !ok || c.ID != want {
			t.Errorf("in %s enter is %q, want %q", scope, c.ID, want)
		}
	}
	if _, ok := table.Match(keys.Runs, "Q"); ok {
		t.Error("an unknown key matched")
	}
}

func TestReadOnlyRefusesWhatIsDangerous(t *testing.T) {
	for _, c := range table {
		if got := c.Refusal(true) != ""; got != c.Dangerous {
			t.Errorf("%s refused: %v", c.ID, got)
		}
		if c.Refusal(false) != "" {
			t.Errorf("%s refused for an operator", c.ID)
		}
	}
}

func TestMarkdown(t *testing.T) {
	got := table.Markdown()
	for _, want := range []string{"| `a` | Approve † |", "| `⏎` `l` | Open |", "| `⏎` | Expand (logs) |"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
