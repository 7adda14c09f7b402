package cmd_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/sandbox"
)

// What a shell in a container needs is a plug-in, and a terminal.
var needsTerminal = regexp.MustCompile(`execute-command`)

// TestBreakGlass runs the commands of the run books that need nothing of ours,
// in the order of the page, with GitHub's and Amazon's own clients.
func TestBreakGlass(t *testing.T) {
	t.Parallel()
	program(t, "gh", true)
	program(t, "aws", false)
	page, err := os.ReadFile("../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	script := []string{"set -euo pipefail", "trap 'echo \"failed: $BASH_COMMAND\" >&2' ERR"}
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		for line := range strings.Lines(block[1]) {
			if !strings.HasPrefix(line, "gh deployctl") && !needsTerminal.MatchString(line) {
				script = append(script, strings.TrimSpace(line))
			}
		}
	}
	if len(script) < 20 {
		t.Fatalf("only %d commands found", len(script))
	}
	w := startWorld(t, sandbox.Options{Scenario: "release", Speed: 600})
	c := newClient(t, w).with("HOME="+os.Getenv("HOME"), "PAGER=cat", "AWS_PAGER=")
	ids := "export RUN=" + strings.TrimSpace(c.must("gh", "api", "repos/acme/shop/actions/runs?status=failure", "--jq", ".workflow_runs[0].id")) +
		"\nexport HOLDER=" + strings.TrimSpace(c.must("gh", "api", "repos/acme/shop/actions/runs?status=waiting", "--jq", ".workflow_runs[0].id")) +
		"\nexport DEPLOYMENT=" + strings.TrimSpace(c.must("gh", "api", "repos/acme/shop/deployments?environment=production&task=deployctl", "--jq", ".[1].id")) +
		"\nexport PREVIOUS=" + strings.TrimSpace(c.must("aws", "ecs", "list-task-definitions", "--family-prefix", "shop-production-orders", "--sort", "DESC", "--query", "taskDefinitionArns[1]", "--output", "text")) + "\n"
	c.must("bash", "-c", ids+strings.Join(script, "\n"))
}
