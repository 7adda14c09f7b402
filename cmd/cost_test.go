package cmd_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployctl/gh-deployctl/aws"
	"github.com/deployctl/gh-deployctl/environments"
	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// watching is a repository that is looked at, and what an hour of that may cost.
type watching struct {
	name          string
	scenario      string // empty: calm, in which nothing waits
	live          int    // runs that go on all the time
	wall          bool   // it is the wall that looks
	sent, counted int    // requests to GitHub an hour, at most
}

// watchings are the ones that have a budget; moreWatchings are only measured.
var (
	watchings = []watching{
		{name: "idle repository", sent: 720, counted: 20},
		{name: "five live runs", live: 5, sent: 3000, counted: 900},
		{name: "five live runs, one of which waits", scenario: "release", live: 4, sent: 3000, counted: 900},
	}
	moreWatchings = []watching{
		{name: "one live run", live: 1},
		{name: "twenty live runs", live: 20},
		{name: "wall, idle repository", wall: true},
		{name: "wall, five live runs", wall: true, live: 5},
	}
)

// cost is what looking on cost, an hour.
type cost struct {
	sent, counted, aws int
	paths, calls       map[string]int
	oldest             time.Duration // that the jobs of the focused run ever were
}

// freshness is how old the jobs of the focused run may be.
const freshness = 3 * time.Second

// TestCost holds an hour of watching to its budget. These are counts: they
// differ from one run to the next only by the jitter of the intervals.
func TestCost(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("hours of a whole world")
	}
	for _, w := range watchings {
		t.Run(w.name, func(t *testing.T) {
			got := w.hour(t, false)
			t.Logf("GitHub: %d sent, %d counted: %s", got.sent, got.counted, listed(got.paths))
			t.Logf("AWS: %d: %s", got.aws, listed(got.calls))
			t.Logf("the jobs of the focused run were at most %s old", got.oldest)
			if got.sent > w.sent || got.counted > w.counted {
				t.Errorf("%d requests sent and %d counted, want at most %d and %d", got.sent, got.counted, w.sent, w.counted)
			}
			if w.live > 0 && (got.oldest == 0 || got.oldest > freshness) {
				t.Errorf("the jobs of the focused run were %s old, want at most %s", got.oldest, freshness)
			}
		})
	}
}

// hour runs the engine with the real adapters over in-memory connections for
// an hour of virtual time, after the first load. The tail of the logs asks
// GitHub nothing and AWS a lot, so that it is left out where nobody wants to know.
func (w watching) hour(t *testing.T, tail bool) (got cost) {
	t.Helper()
	onlySandboxAccount(t)
	synctest.Test(t, func(t *testing.T) {
		world, err := sandbox.New(sandbox.Options{Scenario: w.scenario, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = world.Close() }()
		transport := world.Transport()
		defer transport.CloseIdleConnections()
		counter := &pathCounter{next: far{transport}, paths: map[string]int{}}
		engine := engineOver(t, world, counter, w.wall, tail && !w.wall)
		traffic := &liveRuns{world: world.World(), want: w.live}
		traffic.keepUp()
		engine.Start(t.Context())
		defer func() { _ = engine.Close() }()
		time.Sleep(2 * time.Minute)
		before, paths := world.Counts(), counter.read()
		for look := range 3600 * looksASecond {
			time.Sleep(time.Second / looksASecond)
			if look%looksASecond == 0 {
				if focused := traffic.keepUp(); engine.Snapshot().Focus.RunID != focused {
					engine.SetFocus(pipeline.Focus{RunID: focused})
				}
			}
			got.oldest = max(got.oldest, focusedAge(engine.Snapshot()))
		}
		after := world.Counts()
		got.sent, got.counted = after.GitHubSent-before.GitHubSent, after.GitHubCounted-before.GitHubCounted
		got.paths, got.calls = since(counter.read(), paths), since(after.AWS, before.AWS)
		for _, n := range got.calls {
			got.aws += n
		}
	})
	return got
}

// looksASecond is how often the age of what is focused is looked at: seldom
// enough to be quick, often enough to see each answer just before the next.
const looksASecond = 20

// far is a server whose answers are on their way for as long as GitHub's are.
type far struct{ next http.RoundTripper }

// RoundTrip answers after 100 to 160 ms.
func (f far) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(100*time.Millisecond + rand.N(60*time.Millisecond))
	return f.next.RoundTrip(r)
}

// onlySandboxAccount points the SDK at the sandbox, and at nothing of the machine's.
func onlySandboxAccount(t *testing.T) {
	t.Helper()
	nothing := filepath.Join(t.TempDir(), "nothing")
	for name, value := range map[string]string{
		"AWS_PROFILE": "", "AWS_SESSION_TOKEN": "", "AWS_CONFIG_FILE": nothing, "AWS_SHARED_CREDENTIALS_FILE": nothing,
		"AWS_ENDPOINT_URL": "http://aws.sandbox", "AWS_ACCESS_KEY_ID": "AKIASANDBOX000000000", "AWS_SECRET_ACCESS_KEY": "sandbox",
		"AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

// engineOver makes an engine as the commands do, over a sandbox in memory.
func engineOver(t testing.TB, world *sandbox.Sandbox, github http.RoundTripper, wall, tail bool) *pipeline.Engine {
	t.Helper()
	client, err := ghclient.NewClient(ghclient.Options{Host: "github.localhost", Repository: "acme/shop", Token: "sandbox", Transport: github})
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := aws.New(t.Context(), aws.Options{Region: "eu-central-1", DialContext: world.DialContext})
	if err != nil {
		t.Fatal(err)
	}
	o := pipeline.Options{GitHub: client, Cloud: cloud, Wall: wall, Mode: pipeline.ModeOperator}
	o.Configure = func(ctx context.Context) (pipeline.Configuration, error) {
		content, err := client.File(ctx, environments.Path, "")
		if err != nil {
			return pipeline.Configuration{}, err
		}
		return environments.Parse(environments.Path, content)
	}
	if tail {
		o.LogSource = func(c pipeline.Cluster) logs.Source { return cloud.LogSource(c) }
	}
	return pipeline.NewEngine(o)
}

// liveRuns keeps a number of runs going: one brings the head of develop to
// staging, the others check older commits again.
type liveRuns struct {
	world  *sandbox.World
	want   int
	deploy *sandbox.Run
}

// keepUp begins what ended anew, and returns the run that deploys.
func (l *liveRuns) keepUp() int64 {
	if l.want == 0 {
		return 0
	}
	l.world.Lock()
	defer l.world.Unlock()
	hub := l.world.Hub
	var checks []*sandbox.Run
	var staging *sandbox.Workflow
	for _, w := range hub.Workflows {
		if w.File() == "cd-staging.yml" {
			staging = w
		}
	}
	for _, r := range slices.Backward(hub.Runs) {
		head := hub.Repository.Refs["heads/develop"] // staging waits for its checks
		if r.Workflow.File() == "ci.yml" && r.SHA != head && len(checks) < l.want-1 {
			checks = append(checks, r)
		}
	}
	for _, r := range checks {
		if r.Attempt().Status == "completed" {
			l.world.Rerun(r, r.Actor, func(*sandbox.Job) bool { return false })
		}
	}
	if l.deploy == nil || l.deploy.Attempt().Status == "completed" {
		run, err := l.world.Dispatch(staging, "develop", nil, hub.Users[1])
		if err != nil {
			panic(err)
		}
		l.deploy = run
	}
	return l.deploy.ID
}

// focusedAge is how old the jobs of the focused run are while it goes on; 0
// where there is none, or where it is too new for jobs to be known.
func focusedAge(s *pipeline.Snapshot) time.Duration {
	for _, r := range s.Runs.Value {
		if r.ID == s.Focus.RunID && r.Status == pipeline.StatusInProgress {
			jobs := s.Jobs[r.Key()]
			return jobs.Age(time.Now())
		}
	}
	return 0
}

// pathCounter counts requests by their path without its numbers.
type pathCounter struct {
	next  http.RoundTripper
	mu    sync.Mutex
	paths map[string]int
}

var variable = regexp.MustCompile(`/(\d+|[0-9a-f]{40})\b`)

// RoundTrip counts what is sent, and what of it is counted by GitHub.
func (p *pathCounter) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := p.next.RoundTrip(r)
	path := variable.ReplaceAllString(strings.TrimPrefix(r.URL.Path, "/repos/acme/shop/"), "/N")
	if status := r.URL.Query().Get("status"); status != "" {
		path += "?status=" + status
	}
	if err == nil && resp.StatusCode != http.StatusNotModified {
		path += " counted"
	}
	p.mu.Lock()
	p.paths[path]++
	p.mu.Unlock()
	return resp, err
}

func (p *pathCounter) read() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.paths)
}

// since subtracts counters.
func since(now, before map[string]int) map[string]int {
	out := map[string]int{}
	for name, n := range now {
		if n > before[name] {
			out[name] = n - before[name]
		}
	}
	return out
}

// listed renders counters, the largest first.
func listed(counts map[string]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return counts[b] - counts[a] })
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", counts[name], name)
	}
	return strings.Join(names, ", ")
}
