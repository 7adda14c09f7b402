package workflows

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// outcome runs a workflow's graph: the jobs that fail are given, all others
// succeed. It returns what GitHub would conclude of each job.
func outcome(t *testing.T, w workflow, facts map[string]string, failing ...string) map[string]string {
	t.Helper()
	result := map[string]string{}
	for len(result) < len(w.Jobs) {
		before := len(result)
		for id, j := range w.Jobs {
			if _, known := result[id]; known {
				continue
			}
			ready, green := true, true
			for _, n := range j.needs() {
				r, known := result[n]
				ready = ready && known
				green = green && r == "success"
			}
			if !ready {
				continue
			}
			switch {
			case !condition(t, j.If, green, facts):
				result[id] = "skipped"
			case slices.Contains(failing, id):
				result[id] = "failure"
			default:
				result[id] = "success"
			}
		}
		if len(result) == before {
			t.Fatalf("the graph goes round in a circle: %v", result)
		}
	}
	return result
}

// condition decides the conditions that the templates use. One that does not
// ask for a status function needs every predecessor to have succeeded.
func condition(t *testing.T, text string, green bool, facts map[string]string) bool {
	t.Helper()
	if text == "always()" {
		return true
	}
	if text == "" {
		return green
	}
	left, right, ok := strings.Cut(text, " == ")
	fact, known := facts[left]
	if !ok || !known {
		t.Fatalf("this test does not know the condition %q", text)
	}
	return green && fact == strings.Trim(right, "'")
}

func states(result map[string]string, state string) []string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(result)) {
		if result[id] == state {
			out = append(out, id)
		}
	}
	return out
}

func TestPaths(t *testing.T) {
	files := render(t, shop())
	branch := map[string]string{"github.ref_type": "branch", "github.event_name": "push", "github.ref": "refs/heads/develop"}
	tag := map[string]string{"github.ref_type": "tag", "github.event_name": "push", "github.ref": "refs/tags/v1.2.3"}
	request := map[string]string{"github.ref_type": "branch", "github.event_name": "pull_request", "github.ref": "refs/pull/1/merge"}
	for _, c := range []struct {
		title, file string
		facts       map[string]string
		failing     []string
		skipped     string
	}{
		{"a pull request builds nothing", CI, request, nil, "build integration"},
		{"a vulnerable dependency", CI, branch, []string{"scan"}, "build integration"},
		{"staging", Staging, branch, nil, ""},
		{"staging: ci.yml is red", Staging, branch, []string{"version"}, "deploy migrate prepare terraform verify"},
		{"staging: migration fails", Staging, branch, []string{"migrate"}, "deploy terraform verify"},
		{"staging: health fails", Staging, branch, []string{"verify"}, ""},
		{"production by a tag", Production, tag, nil, ""},
		{"production by a branch", Production, branch, nil, "release"},
		{"production: rejected", Production, tag, []string{"approval"}, "deploy migrate prepare release scan verify"},
		{"production: no way back", Production, tag, []string{"prepare"}, "deploy migrate release verify"},
		{"production: migration fails", Production, tag, []string{"migrate"}, "deploy release verify"},
		{"production: a service does not stabilise", Production, tag, []string{"deploy"}, "release verify"},
		{"production: health fails", Production, tag, []string{"verify"}, "release"},
		{"production: insecure", Production, tag, []string{"security"}, "announce approval deploy migrate prepare release scan verify"},
		{"rollback", Rollback, branch, nil, ""},
		{"rollback: not feasible", Rollback, branch, []string{"feasibility"}, "rollback verify"},
		{"rollback: health fails", Rollback, branch, []string{"verify"}, ""},
	} {
		t.Run(c.title, func(t *testing.T) {
			result := outcome(t, parse(t, files[c.file]), c.facts, c.failing...)
			if got := strings.Join(states(result, "skipped"), " "); got != c.skipped {
				t.Errorf("skipped: %s, want %s", got, c.skipped)
			}
			if got := states(result, "failure"); !slices.Equal(got, c.failing) && len(c.failing) > 0 {
				t.Errorf("failed: %v, want %v", got, c.failing)
			}
			last := "notify"
			if c.file == CI {
				last = "summary"
			}
			if result[last] != "success" {
				t.Errorf("%s is %s: nobody hears of it", last, result[last])
			}
		})
	}
}

// TestLastJobHearsOfAll: the job that reports waits for every other one.
func TestLastJobHearsOfAll(t *testing.T) {
	forAll(t, func(t *testing.T, _ System, name string, content []byte) {
		w := parse(t, content)
		last := "notify"
		if name == CI {
			last = "summary"
		}
		got := append(w.Jobs[last].needs(), last)
		slices.Sort(got)
		if want := slices.Sorted(maps.Keys(w.Jobs)); !slices.Equal(got, want) {
			t.Errorf("%s hears of %v, and there are %v", last, got, want)
		}
	})
}

// TestStepsAreCalled: each file calls the steps that it is there for, in order.
func TestStepsAreCalled(t *testing.T) {
	files := render(t, shop())
	for name, want := range map[string][]string{
		CI:         {"notify"},
		Staging:    {"version", "preflight", "prepare", "migrate", "deploy", "verify", "smoke", "notify"},
		Production: {"version", "preflight", "notify", "preflight", "prepare", "migrate", "deploy", "verify", "smoke", "release", "notify"},
		Rollback:   {"rollback", "rollback", "verify", "smoke", "notify"},
	} {
		var got []string
		for line := range strings.SplitSeq(string(files[name]), "\n") {
			if _, call, ok := strings.Cut(line, "run: gh deployctl step "); ok {
				got = append(got, strings.Fields(call)[0])
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s calls %v", name, got)
		}
	}
}
