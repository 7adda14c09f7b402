package sandbox

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rhysd/actionlint"
)

// The embedded workflows are ones that actionlint finds nothing wrong with.
func TestEmbeddedWorkflowsAreClean(t *testing.T) {
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(repositoryFiles, "repository/.github/workflows/*.yml")
	if err != nil || len(files) != 4 {
		t.Fatalf("%d workflows, %v", len(files), err)
	}
	for _, path := range files {
		source, err := fs.ReadFile(repositoryFiles, path)
		if err != nil {
			t.Fatal(err)
		}
		problems, err := linter.Lint(path, source, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range problems {
			t.Error(problem)
		}
	}
}

// Exactly one job of cd-production names the protected environment: another
// would ask for approval again.
func TestOneGate(t *testing.T) {
	source, err := fs.ReadFile(repositoryFiles, "repository/.github/workflows/cd-production.yml")
	if err != nil {
		t.Fatal(err)
	}
	file, err := parseWorkflow(string(source))
	if err != nil {
		t.Fatal(err)
	}
	gates := 0
	for _, job := range file.jobs {
		if job.Environment != nil && job.Environment.Name.Value == "production" {
			gates++
		}
	}
	if gates != 1 {
		t.Errorf("%d jobs name production", gates)
	}
}

func TestExpressions(t *testing.T) {
	s := scope{contexts: object{
		"github": object{"ref": "refs/tags/v1.2.0", "event_name": "push"},
		"inputs": object{"request_id": "", "flag": false, "n": "3"},
		"needs":  object{"a": object{"result": "success"}, "b": object{"result": "skipped"}},
	}}
	for expression, want := range map[string]string{
		"x ${{ github.ref }}":                                        "x refs/tags/v1.2.0",
		"${{ startsWith(github.ref, 'refs/tags/v') }}":               "true",
		"${{ inputs.request_id && format('[{0}]', 'r') || 'none' }}": "none",
		"${{ join(needs.*.result, ' ') }}":                           "success skipped",
		"${{ inputs.n > 2 && 'many' }}":                              "many",
		"${{ contains('abc', 'B') }}":                                "true",
		"${{ !inputs.flag }}":                                        "true",
		"${{ github['event_name'] != 'push' }}":                      "false",
		"${{ inputs.absent }}":                                       "",
		"no expression":                                              "no expression",
	} {
		if got := s.expand(expression); got != want {
			t.Errorf("%s = %q, want %q", expression, got, want)
		}
	}
}

// Without a status function an `if` holds only when nothing has failed.
func TestConditions(t *testing.T) {
	for _, test := range []struct {
		condition             string
		fine, failed, skipped bool
	}{
		{"", true, false, false},
		{"always()", true, true, true},
		{"failure()", false, true, false},
		{"success()", true, false, false},
		{"${{ 1 == 1 }}", true, false, false},
		{"${{ !cancelled() }}", true, true, true},
	} {
		for state, want := range map[*scope]bool{{}: test.fine, {failed: true}: test.failed, {skipped: true}: test.skipped} {
			if got := state.holds(test.condition); got != want {
				t.Errorf("%q with %+v = %v", test.condition, *state, got)
			}
		}
	}
}

// Files lie over the repository's own, and the simulation runs them.
func TestOverlay(t *testing.T) {
	workflow := `name: greet
on: {workflow_dispatch: {}}
jobs:
  hello:
    runs-on: ubuntu-24.04
    steps:
      - name: Greet
        run: echo hello
`
	inBubble(t, Options{Scenario: "calm", Files: fstest.MapFS{".github/workflows/greet.yml": {Data: []byte(workflow)}}}, func(c *client) {
		out := c.send(http.MethodPost, "actions/workflows/greet.yml/dispatches", object{"ref": "main", "return_run_details": true})
		time.Sleep(time.Minute)
		if run := c.get("actions/runs/" + out.string("workflow_run_id")); run.string("conclusion") != "success" || run.string("name") != "greet" {
			t.Errorf("%s %s", run.string("name"), run.string("conclusion"))
		}
	})
}

func TestScenarioNames(t *testing.T) {
	if _, err := New(Options{Scenario: "nope"}); err == nil || !strings.Contains(err.Error(), "bad-release") {
		t.Errorf("an unknown scenario: %v", err)
	}
	for _, s := range Scenarios() {
		if s.Name == "" || s.Title == "" || s.Goal == "" {
			t.Errorf("%+v is not described", s)
		}
	}
}

func TestHosts(t *testing.T) {
	c := reader(t)
	for url, status := range map[string]int{
		"http://example.com/":                              502,
		"http://nobody.production.sandbox/health":          502,
		"http://orders.production.sandbox/health":          200,
		"http://orders.staging.sandbox/ready":              200,
		"http://orders.staging.sandbox/nope":               404,
		"http://github.localhost/acme/shop/actions/runs/1": 404,
		"http://github.localhost/acme/shop":                200,
		"http://github.localhost/other/repo":               404,
		"http://127.0.0.1:8099/repos/acme/shop":            200,
		"http://127.0.0.1:8099/api/v3/repos/acme/shop":     200,
		"http://hooks.sandbox/services/T/B/x":              400,
	} {
		if out := c.send(http.MethodGet, url, nil); out.status != status {
			t.Errorf("%s: %d, want %d", url, out.status, status)
		}
	}
	if link := c.get("http://127.0.0.1:8099/repos/acme/shop/actions/runs?per_page=1").header.Get("Link"); !strings.Contains(link, "<http://127.0.0.1:8099/repos/") {
		t.Errorf("Link without a proxy: %s", link)
	}
	request, _ := http.NewRequestWithContext(context.Background(), http.MethodConnect, "http://api.github.com:443", nil)
	response, err := c.http.Do(request)
	if err != nil || response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("CONNECT: %v %v", response, err)
	}
	page := c.get("http://orders.production.sandbox/version")
	for _, header := range []string{"Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options"} {
		if page.header.Get(header) == "" {
			t.Errorf("a service answers without %s", header)
		}
	}
}

func TestHook(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "calm"}, func(c *client) {
		if out := c.send(http.MethodPost, "http://hooks.sandbox/services/T/B/x", object{"text": "hello"}); out.text != "ok" {
			t.Errorf("hook: %d %s", out.status, out.text)
		}
		if got := c.s.Messages(); len(got) != 1 || !strings.Contains(got[0], "hello") {
			t.Errorf("messages: %v", got)
		}
	})
}

// With faults every kind of failure is seen, and the world goes on.
func TestFaults(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "calm", Faults: 0.5}, func(c *client) {
		seen := map[string]int{}
		for range 300 {
			seen[c.fate("http://"+githubAPIHost+"/repos/acme/shop", "token sandbox")]++
			seen["aws "+c.fate("http://aws.sandbox/?Action=GetCallerIdentity&Version=2011-06-15",
				"AWS4-HMAC-SHA256 Credential=A23456/20000101/eu-central-1/sts/aws4_request, SignedHeaders=host, Signature=0")]++
		}
		for _, fate := range []string{"fine", "torn", "late", "server", "secondary", "aws fine", "aws torn", "aws late", "aws server", "aws throttled"} {
			if seen[fate] == 0 {
				t.Errorf("never %s: %v", fate, seen)
			}
		}
	})
}

// fate sends a GET that gives up after ten seconds, and says what became of it.
func (c *client) fate(url, authorization string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Authorization", authorization)
	response, err := c.http.Do(request)
	if errors.Is(err, context.DeadlineExceeded) {
		return "late"
	}
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "torn"
	case response.StatusCode == http.StatusForbidden && response.Header.Get("Retry-After") != "":
		return "secondary"
	case strings.Contains(string(body), "Throttling"):
		return "throttled"
	case response.StatusCode >= 500:
		return "server"
	case response.StatusCode == http.StatusOK:
		return "fine"
	}
	return response.Status + string(body)
}

// The primary limit runs out, and comes back after its hour.
func TestRateLimit(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "calm"}, func(c *client) {
		c.get("/user")
		c.s.world.Lock()
		c.s.budgetOf("sandbox").used = primaryLimit
		c.s.world.Unlock()
		out := c.send(http.MethodGet, "/user", nil)
		if out.status != http.StatusForbidden || out.header.Get("X-RateLimit-Remaining") != "0" {
			t.Errorf("spent: %d, remaining %s", out.status, out.header.Get("X-RateLimit-Remaining"))
		}
		if c.get("/rate_limit").string("resources.core.remaining") != "0" {
			t.Error("the rate limit cannot be read")
		}
		time.Sleep(time.Hour)
		c.get("/user")
	})
}

func TestEnvironmentLines(t *testing.T) {
	s := reader(t).s
	text := strings.Join(s.Environment("127.0.0.1:8099"), "\n")
	for _, want := range []string{
		"unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN", "export HTTP_PROXY=http://127.0.0.1:8099", "export http_proxy=http://127.0.0.1:8099",
		"export NO_PROXY=", "export no_proxy=", "export GH_HOST=github.localhost", "export GH_TOKEN=", "export GH_REPO=acme/shop",
		"export AWS_ENDPOINT_URL=http://aws.sandbox", "export AWS_REGION=eu-central-1", "export AWS_DEFAULT_REGION=eu-central-1",
		"export AWS_ACCESS_KEY_ID=", "export AWS_SECRET_ACCESS_KEY=", "export AWS_EC2_METADATA_DISABLED=true",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %s", want)
		}
	}
}

// What gh asks GraphQL for, answered with exactly the fields that it names.
func TestGraphQL(t *testing.T) {
	c := reader(t)
	ours := object{"owner": "acme", "name": "shop", "perPage": 5, "tagName": "v1.41.3"}
	for name, test := range map[string]struct{ query, want string }{
		"repository": {
			"query Info($owner: String!, $name: String!) { repository(owner: $owner, name: $name) {name, o: owner{login}, description} }",
			`{"data":{"repository":{"description":"Six Django services on Amazon ECS","name":"shop","o":{"login":"acme"}}}}`,
		},
		"releases": {
			"query($owner: String!, $name: String!, $perPage: Int!){repository(owner: $owner, name: $name){releases(first: $perPage){nodes{tagName},pageInfo{hasNextPage,endCursor}}}}",
			`{"data":{"repository":{"releases":{"nodes":[{"tagName":"v1.42.0"},{"tagName":"v1.41.3"},{"tagName":"v1.41.2"},{"tagName":"v1.41.1"},{"tagName":"v1.41.0"}],"pageInfo":{"endCursor":"5","hasNextPage":true}}}}}`,
		},
		"one release": {
			"query($owner: String!, $name: String!, $tagName: String!){repository(owner: $owner, name: $name){release(tagName: $tagName){isDraft}}}",
			`{"data":{"repository":{"release":{"isDraft":false}}}}`,
		},
		"fragments": {
			"query{viewer{...who}} fragment who on User{login ... on User{name}}",
			`{"data":{"viewer":{"login":"alice","name":"Alice Ahrens"}}}`,
		},
		"unknown repository": {
			`query{repository(owner: "x", name: "y"){name}}`,
			`{"data":{"repository":null},"errors":[{"message":"Could not resolve to a Repository with the name 'x/y'.","path":["repository"],"type":"NOT_FOUND"}]}`,
		},
		"what the server can": {
			`query{Release: __type(name: "Release"){fields(includeDeprecated: true){name}}}`,
			`{"data":{"Release":{"fields":[]}}}`,
		},
	} {
		out := c.send(http.MethodPost, "/graphql", object{"query": test.query, "variables": ours})
		if got := strings.TrimSpace(out.text); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, test.want)
		}
	}
	if out := c.send(http.MethodPost, "/graphql", object{"query": "query{"}); out.string("errors.0.message") == "" {
		t.Errorf("a broken query: %s", out.text)
	}
}

// Approving over GraphQL is approving.
func TestGraphQLReview(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "release"}, func(c *client) {
		run := c.waitingRun()
		mutation := `mutation($run: ID!){approveDeployments(input: {workflowRunId: $run, environmentIds: ["EN_4002"], comment: "go"}){deployments{environment}}}`
		ask := func(query string) answered {
			return c.send(http.MethodPost, "/graphql", object{"query": query, "variables": object{"run": "WFR_" + run}})
		}
		nodes := ask(`query($run: ID!){nodes(ids: [$run]){... on WorkflowRun{databaseId checkSuite{status} pendingDeploymentRequests(first: 5){nodes{currentUserCanApprove environment{name}}}}}}`)
		if nodes.string("data.nodes.0.checkSuite.status") != "WAITING" || nodes.at("data.nodes.0.pendingDeploymentRequests.nodes.0.currentUserCanApprove") != true {
			t.Errorf("nodes: %s", nodes.text)
		}
		if out := ask(mutation); out.string("data.approveDeployments.deployments.0.environment") != "production" {
			t.Errorf("approve: %s", out.text)
		}
		if out := ask(mutation); out.string("errors.0.message") == "" {
			t.Errorf("approve again: %s", out.text)
		}
	})
}
