package cmd_test

import (
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/sandbox"
)

// On a plan without protection rules the operator reads which rule is refused,
// what stands without it, and what to do; the journal has it too.
func TestEnvironmentsWithoutThePlan(t *testing.T) {
	t.Parallel()
	w := reachableWorld(t, sandbox.Options{Scenario: "calm", Young: true})
	world := w.World()
	world.Lock()
	world.LimitPlan()
	world.Unlock()
	c := newClient(t, w)
	got := c.run(built(t), "init", "--environments", "--wait", "10m", "--reviewer", "bob", "--yes")
	said := got.stdout + got.stderr
	for _, part := range []string{
		"plan of acme/shop does not include the rule required reviewers", "the environment stands without it and nobody is asked",
		"make the repository public", "GitHub Enterprise", "start it by hand",
	} {
		if !strings.Contains(said, part) {
			t.Errorf("it does not say %q:\n%s", part, said)
		}
	}
	if got.code != 3 {
		t.Errorf("exit %d", got.code)
	}
	if audit := c.must(built(t), "audit", "--journal"); !strings.Contains(audit, "does not include the rule required reviewers") {
		t.Errorf("the journal lacks it:\n%s", audit)
	}
}
