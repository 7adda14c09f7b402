package steps_test

import (
	"bytes"
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployctl/gh-deployctl/aws"
	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
	"github.com/deployctl/gh-deployctl/sandbox"
)

const bucket = "shop-backups"

var services = []string{"api-gateway", "catalog", "notifications", "orders", "payments", "users"}

// bench is a simulated world with a suite that works in it over HTTP.
type bench struct {
	*testing.T
	world  *sandbox.Sandbox
	github *ghclient.Client
	cloud  *aws.Cloud
	suite  steps.Suite
	log    *listener
}

// listener keeps what a step says, and calls whoever waits for a line.
type listener struct {
	mu   sync.Mutex
	text bytes.Buffer
	on   map[string]func()
}

func (l *listener) Write(p []byte) (int, error) {
	l.mu.Lock()
	l.text.Write(p)
	var hear func()
	for part, do := range l.on {
		if strings.Contains(string(p), part) {
			hear = do
			delete(l.on, part)
		}
	}
	l.mu.Unlock()
	if hear != nil {
		hear()
	}
	return len(p), nil
}

func (l *listener) said() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// concurrent are the tests that the race detector looks at: between them they
// make every step do its work.
var concurrent = []string{"TestReleaseGoesToProduction", "TestARolloutEnds", "TestRollbackStopsWhatIsInFlightAndGoesOn", "TestAReleaseIsPublishedOnce", "TestPreflightWaitsForCI"}

// inWorld runs a test in a young world where v1.42.0 stands on staging, verified,
// and waits for production.
func inWorld(t *testing.T, test func(b *bench)) {
	t.Helper()
	in(t, sandbox.Options{Scenario: "release", Seed: 1, Young: true}, test)
}

// inOldWorld is inWorld with all the releases that went before.
func inOldWorld(t *testing.T, test func(b *bench)) {
	t.Helper()
	in(t, sandbox.Options{Scenario: "release", Seed: 1}, test)
}

func in(t *testing.T, options sandbox.Options, test func(b *bench)) {
	t.Helper()
	if raceDetector && !slices.Contains(concurrent, t.Name()) {
		t.Skip("its steps do one thing after the other, and a world is slow under the race detector")
	}
	t.Setenv("AWS_ENDPOINT_URL", "http://aws.sandbox")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIASANDBOX000000000")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
	for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CA_BUNDLE", "HTTP_PROXY", "http_proxy"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	synctest.Test(t, func(t *testing.T) {
		world, err := sandbox.New(options)
		if err != nil {
			t.Fatal(err)
		}
		carrier := world.Transport()
		defer func() {
			carrier.CloseIdleConnections()
			_ = world.Close()
		}()
		test(newBench(t, world, carrier))
	})
}

func newBench(t *testing.T, world *sandbox.Sandbox, carrier *http.Transport) *bench {
	github, err := ghclient.NewClient(ghclient.Options{Host: "github.localhost", Repository: "acme/shop", Token: "sandbox", Transport: carrier})
	if err != nil {
		t.Fatal(err)
	}
	options := aws.Options{Region: "eu-central-1", DialContext: world.DialContext}
	cloud, err := aws.New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	deployer, err := aws.NewDeployer(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, world: world, github: github, cloud: cloud, log: &listener{on: map[string]func(){}}}
	b.suite = steps.Suite{
		Configuration: configuration(), GitHub: github, Cloud: cloud, Deployer: deployer, Publisher: github,
		HTTP: &http.Client{Transport: carrier}, Report: steps.NewReport(b.log, func(string) string { return "" }),
	}
	runs, err := github.Runs(t.Context(), pipeline.RunQuery{Workflow: "cd-production.yml", Limit: 1})
	if err != nil || len(runs.Runs) == 0 {
		t.Fatalf("%v, %v", runs, err)
	}
	r := runs.Runs[0]
	b.suite.Run = steps.Run{Repository: "acme/shop", Workflow: "cd-production.yml", ID: r.ID, Attempt: r.Attempt, SHA: r.SHA, Ref: "main", Actor: "alice", Server: "http://github.localhost"}
	return b
}

func configuration() pipeline.Configuration {
	environment := func(name string) pipeline.Environment {
		e := pipeline.Environment{
			Name: name, GitHubEnvironment: name, DeployEnvironment: name, Workflow: "cd-" + name + ".yml", Branches: []string{"develop"},
			Clusters: []pipeline.Cluster{{Name: "shop-" + name, Region: "eu-central-1"}},
			Database: pipeline.Database{Instance: "shop-" + name, MigrationService: "orders"},
		}
		for _, service := range services {
			e.Services = append(e.Services, pipeline.Service{Name: service, HealthURL: "http://" + service + "." + name + ".sandbox/health"})
		}
		return e
	}
	staging, production := environment("staging"), environment("production")
	production.After, production.Production, production.GateEnvironment, production.DeployEnvironment = "staging", true, "production", "production-deploy"
	production.Branches = []string{"main"}
	return pipeline.Configuration{
		Environments: []pipeline.Environment{staging, production},
		Workflows:    pipeline.Workflows{CI: "ci.yml", Staging: "cd-staging.yml", Production: "cd-production.yml", Rollback: "rollback.yml"},
	}
}

// settings are what a deployment renders.
func settings() steps.Settings {
	return steps.Settings{Variables: `{"LOG_LEVEL":"WARNING","AWS_ROLE_ARN":"arn:aws:iam::1:role/x"}`, Secrets: map[string]string{"DB_PASSWORD": "correct horse battery", "SENTRY_DSN": ""}}
}

func (b *bench) deploy(ctx context.Context) error {
	return b.suite.Deploy(ctx, steps.DeployRequest{Environment: "production", Settings: settings(), Timeout: 10 * time.Minute})
}

func (b *bench) prepare() error {
	return b.suite.Prepare(b.Context(), steps.PrepareRequest{Environment: "production", Version: "v1.42.0", Bucket: bucket})
}

func (b *bench) prepared() {
	b.Helper()
	if err := b.prepare(); err != nil {
		b.Fatalf("%v\n%s", err, b.log.said())
	}
}

// rollbackReason is why the tests roll back.
const rollbackReason = "orders fails since v1.42.0"

// rollback begins another run, which rolls back.
func (b *bench) rollback(ctx context.Context, run int64, req steps.RollbackRequest) error {
	other := b.suite
	other.Run.ID, other.Run.Workflow, other.Run.Attempt = run, "rollback.yml", 1
	req.Environment, req.Bucket = "production", bucket
	if req.Reason == "" {
		req.Reason = rollbackReason
	}
	return other.Rollback(ctx, req)
}

// states reads the services of production.
func (b *bench) states() map[string]pipeline.ServiceState {
	b.Helper()
	list, err := b.cloud.Services(pipeline.Uncached(b.Context()), b.suite.Configuration.Environments[1].Clusters[0], services)
	if err != nil {
		b.Fatal(err)
	}
	out := map[string]pipeline.ServiceState{}
	for _, s := range list {
		out[s.Key.Service] = s
	}
	return out
}

// rollouts counts the service deployments that a service has had.
func (b *bench) rollouts(service string) int {
	b.Helper()
	list, err := b.cloud.ServiceDeployments(pipeline.Uncached(b.Context()), b.suite.Configuration.Environments[1].Clusters[0], service, 100)
	if err != nil {
		b.Fatal(err)
	}
	return len(list)
}

// deployments are the rollouts of production, newest first.
func (b *bench) deployments() []pipeline.Deployment {
	b.Helper()
	list, err := b.github.Deployments(pipeline.Uncached(b.Context()), pipeline.DeploymentQuery{Environment: "production", Task: pipeline.DeploymentTask, Limit: 10})
	if err != nil {
		b.Fatal(err)
	}
	return list
}

func (b *bench) hold() (pipeline.Hold, bool) {
	b.Helper()
	holds, err := b.github.Holds(pipeline.Uncached(b.Context()))
	if err != nil {
		b.Fatal(err)
	}
	h, ok := holds["production"]
	return h, ok
}

// change changes the world as its inhabitants would.
func (b *bench) change(do func(w *sandbox.World)) {
	w := b.world.World()
	w.Lock()
	defer w.Unlock()
	do(w)
}

// wantCode fails the test where a step ends with another exit code, or with a
// sentence that lacks a part.
func (b *bench) wantCode(err error, code int, parts ...string) {
	b.Helper()
	if got := pipeline.ExitCode(err); got != code {
		b.Fatalf("exit code %d, want %d: %v\n%s", got, code, err, b.log.said())
	}
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			b.Errorf("%v does not say %q", err, part)
		}
	}
}

func (b *bench) runs(sha string) []string {
	var out []string
	for name, s := range b.states() {
		if len(s.Revisions) > 0 && s.Revisions[0].SHA == sha && !s.Moving() {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
