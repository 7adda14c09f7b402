package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployctl/gh-deployctl/aws"
	"github.com/deployctl/gh-deployctl/environments"
	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// rehearsal is the engine and its operators on a simulated account, through the
// real clients and over connections in memory.
type rehearsal struct {
	*testing.T
	world  *sandbox.Sandbox
	config pipeline.Configuration
	down   atomic.Pointer[regexp.Regexp] // requests that are answered with 502
}

// carry answers 502 to what is down.
func (r *rehearsal) carry(next http.RoundTripper) http.RoundTripper {
	return tripper(func(req *http.Request) (*http.Response, error) {
		if down := r.down.Load(); down != nil && down.MatchString(req.Method+" "+req.URL.Path) {
			return &http.Response{StatusCode: http.StatusBadGateway, Request: req, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
		}
		return next.RoundTrip(req)
	})
}

type tripper func(*http.Request) (*http.Response, error)

func (t tripper) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// rehearse runs a test on a scenario, in virtual time.
func rehearse(t *testing.T, scenario string, test func(r *rehearsal)) {
	t.Helper()
	t.Setenv("AWS_ENDPOINT_URL", "http://aws.sandbox")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIASANDBOX000000000")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	synctest.Test(t, func(t *testing.T) {
		world, err := sandbox.New(sandbox.Options{Scenario: scenario, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = world.Close() }()
		test(&rehearsal{T: t, world: world})
	})
}

// client is a fresh client of the simulated GitHub.
func (r *rehearsal) client() *ghclient.Client {
	r.Helper()
	transport := r.world.Transport()
	r.Cleanup(transport.CloseIdleConnections)
	c, err := ghclient.NewClient(ghclient.Options{Host: "github.localhost", Repository: "acme/shop", Token: "sandbox", Transport: r.carry(transport)})
	if err != nil {
		r.Fatal(err)
	}
	return c
}

// configure reads the repository's own configuration.
func (r *rehearsal) configure(ctx context.Context) {
	r.Helper()
	text, err := r.client().File(ctx, ".github/deployctl.yml", "")
	if err != nil {
		r.Fatal(err)
	}
	if r.config, err = environments.Parse("deployctl.yml", text); err != nil {
		r.Fatal(err)
	}
}

// operator is one console: an engine and an operator of its own.
func (r *rehearsal) operator(ctx context.Context) (*pipeline.Operator, *pipeline.Engine) {
	r.Helper()
	client := r.client()
	cloud, err := aws.New(ctx, aws.Options{Region: "eu-central-1", DialContext: r.world.DialContext})
	if err != nil {
		r.Fatal(err)
	}
	if len(r.config.Environments) == 0 {
		r.configure(ctx)
	}
	e := pipeline.NewEngine(pipeline.Options{
		Repository: pipeline.Repository{Host: "github.localhost", Owner: "acme", Name: "shop"}, GitHub: client, Cloud: cloud, Mode: pipeline.ModeOperator,
		Configure: func(context.Context) (pipeline.Configuration, error) { return r.config, nil },
	})
	e.Start(ctx)
	r.Cleanup(func() { _ = e.Close() })
	e.Settle(ctx)
	return pipeline.NewOperator(pipeline.OperatorOptions{Engine: e, Actions: client, Journal: forgetful{}}), e
}

// forgetful is a journal that keeps nothing.
type forgetful struct{}

func (forgetful) Record(context.Context, string, string, string, string, json.RawMessage) (uint64, string, error) {
	return 1, "head", nil
}

func (forgetful) Abandoned(context.Context) ([]pipeline.Abandoned, error) { return nil, nil }

// Two consoles over one GitHub confirm the same rollback at one moment, many
// times: exactly one run starts, and the other console is told who was faster.
func TestTwoConsolesOverOneSandbox(t *testing.T) {
	const rounds = 3
	for round := range rounds {
		rehearse(t, "calm", func(r *rehearsal) {
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			var plans [2]pipeline.Plan
			var operators [2]*pipeline.Operator
			var engine *pipeline.Engine
			for i := range operators {
				operators[i], engine = r.operator(ctx)
				var err error
				if plans[i], err = operators[i].PlanRollback(ctx, pipeline.RollbackRequest{Environment: "production"}); err != nil {
					r.Fatal(err)
				}
			}
			var got [2]pipeline.Receipt
			var wg sync.WaitGroup
			for i, o := range operators {
				wg.Go(func() {
					time.Sleep(time.Duration(i*round) * 200 * time.Millisecond)
					got[i], _ = o.Execute(ctx, plans[i], pipeline.Confirmation{Reason: "errors on checkout", Typed: "ROLLBACK", Acks: acks(plans[i])})
				})
			}
			wg.Wait()
			time.Sleep(15 * time.Second)
			runs := 0
			for _, run := range engine.Snapshot().Runs.Value {
				if run.Workflow == "rollback.yml" && strings.Contains(run.Title, "[req ") && (strings.Contains(run.Title, plans[0].Intent.ID) || strings.Contains(run.Title, plans[1].Intent.ID)) {
					runs++
				}
			}
			won, lost := got[0], got[1]
			if won.Outcome != pipeline.OutcomeDone {
				won, lost = lost, won
			}
			if runs != 1 || won.Outcome != pipeline.OutcomeDone || lost.Outcome != pipeline.OutcomeRefused {
				r.Fatalf("round %d: %d runs; %s %s; %s %s %s", round, runs, won.Outcome, won.Sentence, lost.Outcome, lost.Code, lost.Sentence)
			}
			if !strings.Contains(fmt.Sprint(lost.Sentence, lost.Differences), "alice") {
				r.Errorf("round %d: nobody is named: %s %v", round, lost.Sentence, lost.Differences)
			}
		})
	}
}

func acks(p pipeline.Plan) []string {
	var out []string
	for _, g := range p.Gates {
		if g.NeedsAck() {
			out = append(out, g.ID)
		}
	}
	return out
}

// state is a named state of the sandbox, and what the gates say in it.
type state struct {
	name, scenario string
	prepare        func(*pipeline.Configuration)
	down           string // requests that fail once the engine has settled
	rollback       bool   // of production; else an approval
	to             string // version that the rollback names; empty: the best
	want           string // "A17 fail, A6 fail": at least these
}

var states = []state{
	{name: "a good release", scenario: "release", want: "A1 pass, A2 pass, A3 pass, A5 pass, A6 pass, A7 pass, A8 pass, A9 pass, A10 pass, A11 pass, A13 pass, A14 pass, A15 pass, A16 pass, A17 pass, A18 pending"},
	{name: "a forgotten approval", scenario: "wedged-lane", want: "A17 fail, A6 fail"},
	{name: "a dropped column", scenario: "destructive-migration", want: "A12 fail, A13 fail"},
	{name: "frozen", scenario: "release", prepare: func(c *pipeline.Configuration) { c.Policy.Freezes = []pipeline.FreezeWindow{{Reason: "Christmas"}} }, want: "A16 fail"},
	{name: "four eyes are off", scenario: "release", prepare: func(c *pipeline.Configuration) { c.Policy.FourEyes = "off" }, want: "A4 not_applicable"},
	{name: "no stage before", scenario: "release", prepare: func(c *pipeline.Configuration) { c.Environments[1].After = "" }, want: "A7 not_applicable"},
	{name: "not soaked", scenario: "release", prepare: func(c *pipeline.Configuration) { c.Environments[0].Soak = 48 * time.Hour }, want: "A7 fail"},
	{name: "comparisons are down", scenario: "release", down: "/compare/", want: "A5 unknown, A10 unknown, A11 unknown, A12 unknown"},
	{name: "checks are down", scenario: "release", down: "/(check-runs|status|check-suites)|/actions/runs$", want: "A8 unknown, A6 unknown, A15 unknown"},
	{name: "locks are down", scenario: "release", down: "/git/", want: "A16 unknown"},

	{name: "a settled world", scenario: "calm", rollback: true, want: "R1 pass, R2 pass, R3 pass, R5 pass, R6 pass, R7 pass, R8 pass, R9 pass, R10 pass, R16 pass, R17 pass, R19 pass, R20 pass, R21 pass, R23 pass"},
	{name: "its image is gone", scenario: "missing-image", rollback: true, to: "v1.41.3", want: "R10 fail"},
	{name: "a release waits", scenario: "release", rollback: true, want: "R7 fail, R4 fail"},
	{name: "a freeze", scenario: "calm", rollback: true, prepare: func(c *pipeline.Configuration) { c.Policy.Freezes = []pipeline.FreezeWindow{{Reason: "Christmas"}} }, want: "R21 fail"},
	{name: "no database", scenario: "calm", rollback: true, prepare: func(c *pipeline.Configuration) { c.Environments[1].Database = pipeline.Database{} }, want: "R13 not_applicable"},
	{name: "no such workflow", scenario: "calm", rollback: true, prepare: func(c *pipeline.Configuration) { c.Workflows.Rollback = "none.yml" }, want: "R19 fail"},
	{name: "history is down", scenario: "calm", rollback: true, down: "/compare/", want: "R4 unknown, R12 unknown"},
	{name: "runs are down", scenario: "calm", rollback: true, down: "/actions/runs$", want: "R7 unknown, R8 unknown"},
	{name: "files are down", scenario: "calm", rollback: true, down: "/contents/.*rollback", want: "R19 unknown, R8 unknown, R23 unknown"},
	{name: "locks are down, rolling back", scenario: "calm", rollback: true, down: "/git/", want: "R21 unknown"},
}

// The gates say of every named state of the sandbox what it is: read through
// the real clients, and not made for the test.
func TestGatesOfSandboxStates(t *testing.T) {
	var scenarios []string
	for _, s := range states {
		if !slices.Contains(scenarios, s.scenario) {
			scenarios = append(scenarios, s.scenario)
		}
	}
	for _, scenario := range scenarios {
		t.Run(scenario, func(t *testing.T) {
			rehearse(t, scenario, func(r *rehearsal) {
				for _, s := range states {
					if s.scenario == scenario {
						r.check(s)
					}
				}
			})
		})
	}
}

// check looks at one state with a console of its own.
func (r *rehearsal) check(s state) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	r.down.Store(nil)
	r.config = pipeline.Configuration{}
	if s.prepare != nil {
		r.configure(ctx)
		s.prepare(&r.config)
	}
	o, e := r.operator(ctx)
	defer func() { _ = e.Close() }()
	p, err := r.plan(ctx, o, e.Snapshot(), s)
	if err != nil {
		r.Errorf("%s: %v", s.name, err)
		return
	}
	for want := range strings.SplitSeq(s.want, ", ") {
		id, verdict, _ := strings.Cut(want, " ")
		i := slices.IndexFunc(p.Gates, func(g pipeline.Gate) bool { return g.ID == id })
		if i < 0 || string(p.Gates[i].Verdict) != verdict {
			r.Errorf("%s: %s is not %s: %+v", s.name, id, verdict, p.Gates[max(i, 0)])
		}
	}
}

func (r *rehearsal) plan(ctx context.Context, o *pipeline.Operator, snap *pipeline.Snapshot, s state) (pipeline.Plan, error) {
	if s.down != "" {
		r.down.Store(regexp.MustCompile(s.down))
	}
	if !s.rollback {
		if len(snap.Approvals) == 0 {
			return pipeline.Plan{}, fmt.Errorf("nothing waits in %s", s.scenario)
		}
		return o.PlanReview(ctx, pipeline.ReviewRequest{RunID: snap.Approvals[0].Run.ID})
	}
	req := pipeline.RollbackRequest{Environment: "production"}
	for _, c := range snap.Environment("production").Return.Candidates {
		if s.to != "" && c.Release.Version == s.to {
			req.To = c.Deployment.ID
		}
	}
	return o.PlanRollback(ctx, req)
}
