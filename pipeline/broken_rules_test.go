//go:build !race && (linux || darwin)

package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// brokenRule is a rule of the engine that is broken on purpose: in a copy of a
// source file a piece is replaced by one that does wrong where BROKEN holds.
type brokenRule struct {
	invariant string // the two digits of the test that has to complain
	rule      string // what is broken
	file      string
	was, now  string
	walks     bool // the random interleavings have to complain as well
}

var brokenRules = []brokenRule{
	{"01", "a green run decides what is live", "truth.go", "\tv.Health, v.Why = health(s)\n", `	for _, r := range d.runs.Value.Runs {
		if BROKEN && r.Workflow == "cd-production.yml" && r.Conclusion == ConclusionSuccess {
			v.SHA = r.SHA
		}
	}
	v.Health, v.Why = health(s)
`, true},
	{"01", "what ECS does not say is what GitHub deployed last", "truth.go", "\tif best == \"\" {\n", `	if list := d.deployments[env.Name].Value; BROKEN && best == "" && len(list) > 0 {
		live.Release, live.Verdict = d.release(list[0].SHA), LiveSame
	}
	if best == "" {
`, true},
	{"01", "services that differ are one release", "truth.go", "case len(counts) > 1 || mixed:", "case (len(counts) > 1 || mixed) && !BROKEN:", false},

	{"02", "a rollback goes on beside another rollout", "rollback_gates.go", "if r.Environment != ev.env.Environment.Name || r.Phase.Terminal()", "if BROKEN || r.Environment != ev.env.Environment.Name || r.Phase.Terminal()", false},
	{"02", "an approval goes on beside another rollout", "approval_gates.go", "m.Run.ID != ev.run.Value.ID && !m.Waiting && !queued(m.Run)", "m.Run.ID != ev.run.Value.ID && !m.Waiting && !queued(m.Run) && !BROKEN", true},
	{"02", "the refusal does not name who holds the lane", "rollback_gates.go", "\t\tname := fmt.Sprintf(\"%s #%d\", r.Workflow, r.RunNumber)\n", "\t\tname := fmt.Sprintf(\"%s #%d\", r.Workflow, r.RunNumber)\n\t\tif BROKEN {\n\t\t\tname = \"another rollout\"\n\t\t}\n", false},

	{"03", "a later attempt decides about an earlier one", "rollouts.go", "known = run.Attempt <= r.Run.Attempt", "known = run.Attempt <= r.Run.Attempt || BROKEN", false},
	{"03", "a rollout takes over the newest attempt of its run", "rollouts.go", "\tif known {\n\t\tr.RunNumber,", "\tif known && BROKEN {\n\t\tr.Run.Attempt = run.Attempt\n\t}\n\tif known {\n\t\tr.RunNumber,", false},

	{"04", "a rollback is a deployment like others", "rollouts.go", "\tif dep.Payload.Kind == \"rollback\" {\n\t\tr.Kind,", "\tif dep.Payload.Kind == \"rollback\" && !BROKEN {\n\t\tr.Kind,", false},
	{"04", "a rollback changes what is on record of the one it left", "rollouts.go", "\t\t\tr.RolledBackBy = later.ID\n", "\t\t\tr.RolledBackBy = later.ID\n\t\t\tif BROKEN {\n\t\t\t\tr.Release, r.Started = d.release(d.deployedSHA(later, e)), later.Created\n\t\t\t}\n", true},

	{"05", "another attempt may be approved", "rollback.go", "\tadd(\"run_attempt_changed\",", "\tif BROKEN {\n\t\tis.RunAttempt = seen.RunAttempt\n\t}\n\tadd(\"run_attempt_changed\",", true},
	{"05", "another commit may be approved", "rollback.go", "\tadd(\"sha_changed\",", "\tif BROKEN {\n\t\tis.SHA = seen.SHA\n\t}\n\tadd(\"sha_changed\",", false},
	{"05", "another environment may be approved", "rollback.go", "\tadd(\"environment_changed\",", "\tif BROKEN {\n\t\tis.GateID = seen.GateID\n\t}\n\tadd(\"environment_changed\",", false},
	{"05", "what the checks said may change", "rollback.go", "if i < 0 || (seen[i].Verdict == now.Verdict", "if BROKEN || i < 0 || (seen[i].Verdict == now.Verdict", false},

	{"06", "what cannot be read passes", "evidence.go", "\tg.Sentence = g.Title + \" cannot be read\"\n", "\tif BROKEN {\n\t\tg.Verdict, g.Effect = Pass, Inform\n\t}\n\tg.Sentence = g.Title + \" cannot be read\"\n", true},
	{"06", "what was read before passes, whatever its age", "evidence.go", "return o.Err != nil || !o.Known()", "return o.Err != nil && !BROKEN || !o.Known()", true},
	{"06", "what is unknown stops a rollback", "rollback_gates.go", "\tcase unknown > 0:\n\t\tg.Verdict, g.Effect = Unknown, Acknowledge\n", "\tcase unknown > 0:\n\t\tg.Verdict, g.Effect = Unknown, Acknowledge\n\t\tif BROKEN {\n\t\t\tg.Effect = Block\n\t\t}\n", true},

	{"07", "a release need not soak", "approval_staged.go", "prev.Live.Since.IsZero() || soaked < prev.Environment.Soak:", "!BROKEN && (prev.Live.Since.IsZero() || soaked < prev.Environment.Soak):", true},
	{"07", "a part of the services is enough", "approval_staged.go", "on < prev.Live.Total && on > 0 {", "on < prev.Live.Total && on > 0 && !BROKEN {", false},
	{"07", "what staging never ran passes", "approval_staged.go", "\tg.Verdict, g.Effect = Fail, Block\n\tg.Sentence = fmt.Sprintf(\"%s never ran it", "\tg.Verdict, g.Effect = Fail, Block\n\tif BROKEN {\n\t\tg.Effect = Warn\n\t}\n\tg.Sentence = fmt.Sprintf(\"%s never ran it", true},

	{"08", "a freeze stops a rollback", "rollback_gates.go", "g.Verdict, g.Effect, g.Sentence = Fail, Inform, \"frozen (\"", "g.Verdict, g.Effect, g.Sentence = Fail, map[bool]Severity{true: Block}[BROKEN], \"frozen (\"", true},
	{"08", "a freeze lets an approval pass", "approval_freeze.go", "\t\tg.Verdict, g.Effect = Fail, Block\n\t\tg.Sentence = \"frozen: \"", "\t\tif g.Verdict, g.Effect = Fail, Block; BROKEN {\n\t\t\tg.Effect = Inform\n\t\t}\n\t\tg.Sentence = \"frozen: \"", false},

	{"09", "a rollback that succeeded holds nothing", "hold.go", "\t\tdone[in.ID] = true\n", "\t\tif done[in.ID] = true; BROKEN {\n\t\t\tcontinue\n\t\t}\n", true},
	{"09", "a rollback that failed holds", "hold.go", "\t\tif s.Rollouts[i].Phase == PhaseSucceeded {\n", "\t\tif s.Rollouts[i].Phase == PhaseSucceeded || BROKEN {\n", false},
	{"09", "what was left is not marked", "hold.go", "\tp.Intent.Faulty = slices.Clone(rollback.Faulty)\n", "\tif p.Intent.Faulty = slices.Clone(rollback.Faulty); BROKEN {\n\t\tp.Intent.Faulty = nil\n\t}\n", false},

	{"10", "what was sent is done", "operator.go", "if seen, err := look(ctx); seen && err == nil {", "if seen, err := look(ctx); (seen || BROKEN) && err == nil {", true},

	{"11", "a refusal leaves no receipt", "operator.go", "\tr.At = time.Now()\n\tnumber, _, err :=", "\tif BROKEN && r.Outcome == OutcomeRefused {\n\t\treturn r\n\t}\n\tr.At = time.Now()\n\tnumber, _, err :=", true},
	{"11", "what was acknowledged is forgotten", "operator.go", "Intent: p.Intent, Acks: c.Acks,", "Intent: p.Intent, Acks: map[bool][]string{false: c.Acks}[BROKEN],", false},
}

// ruleSwitch says in which copy of the rules the process is: it stands in the
// place of BROKEN.
const ruleSwitch = `package pipeline

import "os"

var ruleBroken = os.Getenv("PIPELINE_TEST_BROKEN_RULE")
`

// Every invariant's test, and the random interleavings where the table says so,
// complain about the engine once its rule is broken, and about nothing while
// none is. The rules are broken in one build of the tests, one at a time.
func TestEveryInvariantComplainsAboutItsBrokenRule(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the tests of this package anew")
	}
	binary := buildBroken(t)
	complains := func(test, rule string) (bool, string) {
		cmd := exec.CommandContext(t.Context(), binary, "-test.run", test, "-test.timeout", "2m")
		cmd.Env = append(os.Environ(), "PIPELINE_TEST_BROKEN_RULE="+rule, "DEPLOYCTL_WALKS=2000", "DEPLOYCTL_SEED=")
		out, err := cmd.CombinedOutput()
		return err != nil, string(out)
	}
	if failed, out := complains("^TestInvariant", ""); failed {
		t.Fatalf("with every rule in place: %s", out)
	}
	for i, r := range brokenRules {
		t.Run(r.invariant+" "+r.rule, func(t *testing.T) {
			t.Parallel()
			failed, out := complains("^TestInvariant"+r.invariant, ruleName(i))
			if !failed || !strings.Contains(out, "--- FAIL: TestInvariant"+r.invariant) {
				t.Errorf("TestInvariant%s does not complain: %s", r.invariant, out)
			}
			if !r.walks {
				return
			}
			failed, out = complains("^TestInterleavings$", ruleName(i))
			if !failed || !strings.Contains(out, "repeat with DEPLOYCTL_SEED=") {
				t.Errorf("the interleavings do not complain: %s", out)
			}
		})
	}
}

func ruleName(i int) string { return fmt.Sprintf("rule %d", i) }

// buildBroken builds this package's tests over sources that hold every rule and
// its broken form.
func buildBroken(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	replaced := map[string]string{"broken_rule.go": ruleSwitch}
	for i, r := range brokenRules {
		text, changed := replaced[r.file]
		if !changed {
			content, err := os.ReadFile(r.file)
			if err != nil {
				t.Fatal(err)
			}
			text = string(content)
		}
		if n := strings.Count(text, r.was); n != 1 {
			t.Fatalf("the rule that %q breaks stands %d times in %s; write the table anew", r.rule, n, r.file)
		}
		replaced[r.file] = strings.Replace(text, r.was, strings.ReplaceAll(r.now, "BROKEN", fmt.Sprintf("(ruleBroken == %q)", ruleName(i))), 1)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for name, text := range replaced {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(here, name)] = path
	}
	content, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	list, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "broken.test")
	if err := os.WriteFile(list, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "go", "test", "-c", "-overlay", list, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}
