package cmd_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/sandbox"
)

// What of the set-up cannot be done here: a browser, the extension's home, a
// console, and the push, which the test does to the sandbox itself.
var notHere = regexp.MustCompile(`^(gh auth login|gh extension install|gh deployctl$|git push)`)

// answers are what somebody would type, as flags and files: a line that asks
// becomes these.
func answers(t *testing.T) *strings.Replacer {
	return strings.NewReplacer(
		"gh deployctl init --extension OWNER/REPO@VERSION", "gh deployctl init --yes --extension "+extensionRepository+"@"+extensionVersion+
			" --extension-sha256 "+sum(t, built(t))+" --staging-url 'http://{service}.staging.sandbox' --production-url 'http://{service}.production.sandbox'"+
			" --production-database shop-production --migration-service orders",
		"init --environments --reviewer LOGIN", "init --environments --yes --reviewer alice",
		"/tmp/", "$TMPDIR/", "ACCOUNT", sandbox.Account,
		"gh deployctl secrets --aws --database --backup", "echo AWS_ACCOUNT_ID="+sandbox.Account+" | gh deployctl secrets --aws --from -"+
			"\nfor e in staging production; do printf 'DB_NAME=shop\\nDB_USER=shop_app\\nDB_PASSWORD=correct-horse-battery-1\\nBACKUP_S3_BUCKET=shop-backups\\n' |"+
			" gh deployctl secrets --database --backup --environment $e --from -; done",
		"env push staging", "env push staging --yes", "env push production", "env push production --yes",
	)
}

// TestSetupPage does what docs/setup.md says, line by line, until all is right:
// with GitHub's and Amazon's own clients and this program. TestDelivery goes on
// from there to the first release.
func TestSetupPage(t *testing.T) {
	t.Parallel()
	if raceDetector {
		t.Skip("commands run one after the other, in processes that the race detector does not see")
	}
	program(t, "gh", true)
	program(t, "aws", false)
	w := reachableWorld(t, sandbox.Options{Scenario: "calm", Speed: 600})
	c := newClient(t, w)
	c.dir = filepath.Join(c.dir, "shop")
	world := w.World()
	world.Lock()
	files := world.Files("main")
	world.Unlock()
	maps.DeleteFunc(files, func(path, _ string) bool { return strings.HasPrefix(path, ".github/") })
	write(t, c.dir, files)
	c.must("git", "init", "-q", "-b", "main", ".")

	page, err := os.ReadFile("../docs/setup.md")
	if err != nil {
		t.Fatal(err)
	}
	trust := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(string(page))
	write(t, c.dir, map[string]string{"trust.json": trust[1], "policy.json": mergedPolicy(t), "trust-staging.json": trust[1], "policy-staging.json": mergedPolicy(t)})
	before, after, _ := strings.Cut(string(page), "## 6. ")
	c.follows(before)
	for _, name := range []string{"trust.json", "policy.json", "trust-staging.json", "policy-staging.json"} {
		if err := os.Remove(filepath.Join(c.dir, name)); err != nil {
			t.Fatal(err)
		}
	}

	// Commit what init wrote, merge it; then all is right.
	all := read(t, c.dir)
	maps.DeleteFunc(all, func(path, _ string) bool { return strings.HasSuffix(path, ".env") })
	pushed := func(branch string) {
		t.Helper()
		world.Lock()
		defer world.Unlock()
		if _, err := world.Push(branch, "bob", "Add the delivery system", all); err != nil {
			t.Fatal(err)
		}
	}
	pushed("main")
	right, _, _ := strings.Cut(after, "## 7. ")
	if said := c.follows(right); !strings.Contains(said, " right, 0 warnings, 0 failed, 0 unknown, ") {
		t.Errorf("not all is right:\n%s", said)
	}
}

// follows runs the commands of a part of a page in one shell, and returns what
// they say.
func (c *client) follows(part string) string {
	c.t.Helper()
	script := []string{
		"set -euo pipefail", "trap 'echo \"failed: $BASH_COMMAND\" >&2' ERR", `gh() { if [ "$1" = deployctl ]; then shift; ` + built(c.t) + ` "$@"; elif [ "$1" = variable ]; then variable "$@"; else command gh "$@"; fi; }`,
		// gh variable came with gh 2.26; here its request is made by hand.
		`variable() { local name=$3 at=repos/$GH_REPO/actions; shift 3; [ "$1" != --env ] || { at=repos/$GH_REPO/environments/$2; shift 2; }; [ "$1" = --body ]; command gh api "$at/variables" -f "name=$name" -f "value=$2"; }`,
	}
	known := answers(c.t.(*testing.T))
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(part, -1) {
		for line := range strings.Lines(block[1]) {
			if line = strings.TrimSpace(line); !notHere.MatchString(line) {
				script = append(script, known.Replace(line))
			}
		}
	}
	return c.must("bash", "-c", strings.Join(script, "\n"))
}

// mergedPolicy is what docs/permissions.md gives the role of the workflows, in
// one document.
func mergedPolicy(t *testing.T) string {
	t.Helper()
	_, works, _ := pagePolicies(t)
	var all struct {
		Version   string
		Statement []json.RawMessage
	}
	for _, document := range works {
		var one struct{ Statement []json.RawMessage }
		if err := json.Unmarshal([]byte(document), &one); err != nil {
			t.Fatal(err)
		}
		all.Statement = append(all.Statement, one.Statement...)
	}
	all.Version = "2012-10-17"
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
