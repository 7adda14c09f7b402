package cmd_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/sandbox"
)

// TestBadRelease is what the console is for, from outside: a release waits, is
// approved, rolls through ECS with its logs beside it, goes wrong, and is
// rolled back; the journal tells it all.
func TestBadRelease(t *testing.T) {
	t.Parallel()
	tmux(t)
	w := startWorld(t, sandbox.Options{Scenario: "bad-release", Speed: 60})
	c := newClient(t, w)
	tm := c.open(160, 45, built(t))
	tm.sees(`1 waits for you`)
	tm.sees(`orders\s+6/6`)

	approveInConsole(tm)
	if got := posts(t, w, `pending_deployments`); got != 1 {
		t.Fatalf("%d reviews were sent, not 1", got)
	}

	// The rollout is seen in all three panels: its jobs, its services on two
	// releases at once, and the new release's errors in the logs.
	sha := waitingSHA(t, c)
	tm.sees(`cd-production +#212 +` + sha)
	tm.sees(`Deploy|deploy|Rolling|rolling`)
	tm.seesWithin(40*time.Second, `orders +\d/6.*`+sha)
	tm.seesWithin(40*time.Second, `orders +.*(ERROR|Error|Traceback| 500 )`)

	rollBackInConsole(tm)
	if got := posts(t, w, `rollback\.yml/dispatches`); got != 1 {
		t.Fatalf("%d rollbacks were sent, not 1", got)
	}
	tm.seesWithin(60*time.Second, `v1\.41\.3.*production ● live`)
	eventuallyEvery(t, time.Second, 40*time.Second, "the release before it is live again", func() (bool, string) {
		r := c.run(built(t), "status")
		return regexp.MustCompile(`(?m)^production  v1\.41\.3 `).MatchString(r.stdout) &&
			regexp.MustCompile(`(?m)^  orders\t6/6\t[0-9a-f]{7}\thealthy`).MatchString(r.stdout), r.stdout + r.stderr
	})
	quit(tm)

	checkJournal(t, c)
}

// approveInConsole presses through the approval sheet.
func approveInConsole(tm *terminal) {
	tm.t.Helper()
	tm.presses("a", `Approve production`)
	tm.sees(`missing: a comment`)
	tm.types("Go: alice watches")
	tm.sees(`> Go: alice watches`)
	tm.pressesOn(`\[ Approve [0-9a-f]{7} \]`, "Enter", `approved [0-9a-f]{7} for production`)
	tm.escapes("Space")
	tm.sees(`q quit`)
}

// rollBackInConsole presses through the rollback sheet.
func rollBackInConsole(tm *terminal) {
	tm.t.Helper()
	tm.presses("R", `Roll back production`)
	tm.sees(`ROLLBACK`)
	tm.types("orders fails since the release")
	tm.sees(`orders fails since the release`)
	tm.keys("Tab")
	tm.types("ROLLBACK")
	tm.sees(`Reason +> orders fails since the release +\d+ of 10`)
	tm.pressesOn(`\[ Roll back to [0-9a-f]{7} \]`, "Enter", `Receipt \d+ is in the journal`)
	tm.escapes("Space")
	tm.sees(`q quit`)
}

// posts counts the changing requests to GitHub whose path matches.
func posts(t *testing.T, w *world, pattern string) int {
	re := regexp.MustCompile(pattern)
	n := 0
	for _, r := range w.requests(t) {
		if r.GitHub() && r.Method == "POST" && re.MatchString(r.Path) {
			n++
		}
	}
	return n
}

// waitingSHA is the short commit of the newest production run.
func waitingSHA(t *testing.T, c *client) string {
	t.Helper()
	var runs []struct{ SHA string }
	if err := json.Unmarshal([]byte(c.must(built(t), "runs", "-w", "cd-production.yml", "-L", "1", "--json")), &runs); err != nil || len(runs) != 1 {
		t.Fatalf("runs: %v, %v", runs, err)
	}
	return runs[0].SHA[:7]
}

// checkJournal verifies the journal and that both actions are in it, before
// they were sent and after.
func checkJournal(t *testing.T, c *client) {
	t.Helper()
	if out := c.must(built(t), "audit", "verify"); !strings.HasPrefix(out, "whole: ") {
		t.Errorf("audit verify: %s", out)
	}
	var entries []struct{ Kind, Command, Operator string }
	if err := json.Unmarshal([]byte(c.must(built(t), "audit", "--journal", "--json")), &entries); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range entries {
		if e.Kind == "intent" {
			kinds = append(kinds, e.Command)
		}
		if e.Operator != "alice" {
			t.Errorf("the journal names %q as the operator", e.Operator)
		}
	}
	// The rollback that succeeded holds the lane, which is a command of its own.
	if !slices.Equal(kinds, []string{"approve", "rollback"}) && !slices.Equal(kinds, []string{"approve", "rollback", "lock"}) {
		t.Errorf("the journal's intents are %v", kinds)
	}
	path := filepath.Join(c.dir, "state", "gh-deployctl", "journal", "github.localhost", "acme", "shop.jsonl")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the journal's mode is %o", info.Mode().Perm())
	}
}

// TestDemo opens the demo on a clean machine, with nothing configured: the
// three panels hold live data, and it leaves nothing behind.
func TestDemo(t *testing.T) {
	t.Parallel()
	tmux(t)
	dir := t.TempDir()
	c := &client{t: t, dir: dir, env: append(home(dir), "AWS_PROFILE=mine", "GH_TOKEN=mine", "HTTPS_PROXY=http://127.0.0.1:1", "AWS_ENDPOINT_URL_ECS=http://127.0.0.1:1")}
	tm := c.open(160, 45, builtToRace(t), "demo")
	tm.sees(`1 waits for you`)
	tm.sees(`cd-production +#212`)
	tm.sees(`orders +6/6`)
	tm.sees(`following · \d+/s`)
	tm.resize(80, 24)
	tm.sees(`Runs`)
	tm.resize(40, 10)
	tm.sees(`\S`)
	tm.resize(160, 45)
	tm.sees(`orders +6/6`)
	quit(tm)
	if left, err := filepath.Glob(filepath.Join(dir, "gh-deployctl-demo-*")); err != nil || len(left) > 0 {
		t.Errorf("the demo left %v behind (%v)", left, err)
	}
	if exists(filepath.Join(dir, "state")) {
		t.Error("the demo wrote into the operator's own state")
	}
}
