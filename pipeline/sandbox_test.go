package pipeline_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
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
	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// rehearsal is the engine and its operators on a simulated account, through the
// real clients and over connections in memory.
type rehearsal struct {
	*testing.T
	world  *sandbox.Sandbox
	config pipeline.Configuration
	token  string                        // of consoles that begin from now on; empty: alice's
	logs   bool                          // consoles that begin from now on read the logs
	shown  map[string]bool               // "A1 pass": what the gates have said
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

// rehearse runs a test in a world, in virtual time.
func rehearse(t *testing.T, options sandbox.Options, test func(r *rehearsal)) {
	t.Helper()
	t.Setenv("AWS_ENDPOINT_URL", "http://aws.sandbox")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIASANDBOX000000000")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))) // CloudWatch takes no question about 2000
		world, err := sandbox.New(options)
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
	c, err := ghclient.NewClient(ghclient.Options{Host: "github.localhost", Repository: "acme/shop", Token: cmp.Or(r.token, "sandbox"), Transport: r.carry(transport)})
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
		LogSource: r.logSource(cloud), NoTail: true,
	})
	e.Start(ctx)
	r.Cleanup(func() { _ = e.Close() })
	e.Settle(ctx)
	return pipeline.NewOperator(pipeline.OperatorOptions{Engine: e, Actions: client, Journal: forgetful{}}), e
}

// logSource reads the logs of the account, where the test asks for that.
func (r *rehearsal) logSource(cloud *aws.Cloud) func(pipeline.Cluster) logs.Source {
	if !r.logs {
		return nil
	}
	return func(c pipeline.Cluster) logs.Source { return cloud.LogSource(c) }
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
	rounds := 3
	if pipeline.RaceDetector {
		rounds = 1 // what runs at once is the same in each
	}
	for round := range rounds {
		rehearse(t, sandbox.Options{Scenario: "calm", Seed: 1, Young: true}, func(r *rehearsal) {
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
