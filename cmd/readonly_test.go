package cmd_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/sandbox"
	"github.com/deployctl/gh-deployctl/sandbox/recording"
)

// awsReads are the operations that a read-only session may send: none of them
// changes anything.
var awsReads = []string{
	"GetCallerIdentity",
	"DescribeClusters", "DescribeServiceDeployments", "DescribeServiceRevisions", "DescribeServices", "DescribeTaskDefinition",
	"DescribeTasks", "ListClusters", "ListServiceDeployments", "ListServices", "ListTaskDefinitions", "ListTasks",
	"DescribeLogGroups", "DescribeLogStreams", "FilterLogEvents", "GetLogEvents",
	"DescribeImages", "BatchGetImage", "ListImages",
	"DescribeTargetGroups", "DescribeTargetHealth", "DescribeAlarms", "DescribeAlarmHistory", "GetMetricData",
	"DescribeDBInstances", "DescribeDBSnapshots", "DescribeScalableTargets", "DescribeScalingActivities",
	"GetService", "GetNamespace", "ListInstances", "GetInstancesHealthStatus",
}

// everyKey is what a keyboard has, except what ends the program in any state
// (q, Q and Ctrl-C) and what stops it for the shell (Ctrl-Z).
func everyKey() []string {
	keys := []string{
		"Enter", "Tab", "BTab", "Space", "BSpace", "Up", "Down", "Left", "Right", "Home", "End", "PPage", "NPage", "DC", "IC",
		"F1", "F2", "F5", "F10", "S-Up", "S-Down", "C-Up", "C-Down", "M-Enter", "M-a", "M-r",
	}
	for c := rune('!'); c <= '~'; c++ {
		if c != 'q' && c != 'Q' {
			keys = append(keys, string(c))
		}
	}
	for c := 'a'; c <= 'z'; c++ {
		if c != 'c' && c != 'z' {
			keys = append(keys, "C-"+string(c))
		}
	}
	return keys
}

// mutates says why a request is none of a read-only session.
func mutates(r recording.Request) bool {
	if r.AWS() {
		return !slices.Contains(awsReads, r.Operation)
	}
	return r.Method != http.MethodGet && r.Method != http.MethodHead
}

// TestReadOnlyCannotMutate presses every key there is, in every read-only face,
// with a release waiting that one key would approve elsewhere; while all is
// well, while nothing answers, and while the credentials have expired.
func TestReadOnlyCannotMutate(t *testing.T) {
	t.Parallel()
	tmux(t)
	for _, face := range []struct {
		name, ready string
		args        []string
	}{
		{"watch", `(?i)production`, []string{"watch", "--rotate", "1s"}},
		{"panels", `Runs[\s\S]*Services[\s\S]*Logs`, []string{"watch", "--panels", "--rotate", "1s"}},
		{"console", `Runs[\s\S]*Services[\s\S]*Logs`, []string{"--read-only"}},
	} {
		t.Run(face.name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, sandbox.Options{Scenario: "release", Speed: 20})
			tm := newClient(t, w).open(120, 40, append([]string{built(t)}, face.args...)...)
			tm.sees(`(?i)acme/shop`)
			tm.sees(face.ready)
			pressAll(tm)
			for _, trouble := range []struct{ fault, pattern string }{{"cut", ""}, {"expire", "aws"}, {"403", "github"}} {
				before := len(w.requests(t))
				w.breaks(t, trouble.fault, trouble.pattern)
				eventually(t, 30*time.Second, "it asks again", func() (bool, string) {
					more, err := w.Requests(before)
					return err == nil && len(more) > 3, ""
				})
				pressAll(tm)
				w.breaks(t, "", "")
			}
			quit(tm)
			checkReads(t, w)
		})
	}
}

// pressAll presses every key; Escape between them closes what each opened, so
// that the next one meets the main screen, and not only a prompt.
func pressAll(tm *terminal) {
	tm.t.Helper()
	for batch := range slices.Chunk(everyKey(), 20) {
		tm.escapes(batch...)
	}
	tm.keys(everyKey()...) // and through whatever they open
}

// quit presses q until the program has ended.
func quit(tm *terminal) {
	tm.t.Helper()
	ended := regexp.MustCompile(`ended with \d+`)
	eventually(tm.t, 20*time.Second, "q ends the program", func() (bool, string) {
		screen := tm.screen()
		if ended.MatchString(screen) {
			return true, ""
		}
		tm.escapes("Space", "Space") // out of whatever is open
		tm.keys("q")
		return false, screen
	})
	tm.ended()
}

func checkReads(t *testing.T, w *world) {
	t.Helper()
	var hosts []string
	for _, r := range w.requests(t) {
		if mutates(r) {
			t.Errorf("a read-only session sent %s %s", r.Method, r)
		}
		hosts = append(hosts, r.Host)
	}
	// A test that saw nothing has proved nothing.
	for _, host := range []string{"github.localhost", "aws.sandbox"} {
		if !slices.ContainsFunc(hosts, func(h string) bool { return strings.HasSuffix(h, host) }) {
			t.Errorf("nothing was asked of %s", host)
		}
	}
}
