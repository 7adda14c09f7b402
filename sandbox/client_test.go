package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// client talks to a sandbox over in-memory connections, as one user.
type client struct {
	t     *testing.T
	s     *Sandbox
	token string
	http  *http.Client
}

// answered is what came back.
type answered struct {
	status int
	header http.Header
	text   string
	json   any
}

// concurrent are the tests with a whole history, or many lines, that the race
// detector looks at all the same.
var concurrent = []string{"TestBadReleaseAndRollback", "TestConditionalRequests"}

// inBubble runs a test against a fresh sandbox in virtual time.
func inBubble(t *testing.T, options Options, test func(*client)) {
	t.Helper()
	if raceDetector && (!options.Young || options.LogRate > 0) && !slices.Contains(concurrent, t.Name()) {
		t.Skip("one goroutine lives through a whole history, which is slow under the race detector")
	}
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, options)
		test(c)
	})
}

func newClient(t *testing.T, options Options) *client {
	t.Helper()
	if options.Seed == 0 {
		options.Seed = 1
	}
	s, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return connect(t, s)
}

func connect(t *testing.T, s *Sandbox) *client {
	transport := s.Transport()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = s.Close()
	})
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{t: t, s: s, token: "sandbox", http: &http.Client{Transport: transport, CheckRedirect: stay}}
}

// shared is one calm sandbox for the tests that only read.
var shared = sync.OnceValues(func() (*Sandbox, error) { return New(Options{Scenario: "calm", Seed: 1}) })

func reader(t *testing.T) *client {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, s)
	c.http.Transport = direct{s}
	return c
}

// direct calls the handler without any connection.
type direct struct{ s *Sandbox }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	server := r.Clone(r.Context())
	server.Host = r.URL.Host
	if server.Body == nil {
		server.Body = http.NoBody
	}
	w := newAnswerRecorder()
	d.s.ServeHTTP(w, server)
	return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: r}, nil
}

func newAnswerRecorder() *answer { return newAnswer() }

// send makes a request to a path of the repository's API, or to a whole URL.
func (c *client) send(method, path string, body any, header ...string) answered {
	c.t.Helper()
	url := path
	switch {
	case strings.HasPrefix(path, "http://"):
	case strings.HasPrefix(path, "/"):
		url = "http://" + githubAPIHost + path
	default:
		url = "http://" + githubAPIHost + "/repos/acme/shop/" + path
	}
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(context.Background(), method, url, content)
	if err != nil {
		c.t.Fatal(err)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "token "+c.token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := c.http.Do(request)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, url, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, url, err)
	}
	out := answered{status: response.StatusCode, header: response.Header, text: string(text)}
	_ = json.Unmarshal(text, &out.json)
	return out
}

func (c *client) get(path string) answered {
	c.t.Helper()
	out := c.send(http.MethodGet, path, nil)
	if out.status != http.StatusOK {
		c.t.Fatalf("GET %s: %d %s", path, out.status, out.text)
	}
	return out
}

// at reads a value out of a JSON answer: "workflow_runs.0.id".
func (a answered) at(path string) any {
	value := a.json
	for _, key := range strings.Split(path, ".") {
		if list, isList := value.([]any); isList {
			n := int(numberOf(key))
			if n >= len(list) {
				return nil
			}
			value = list[n]
			continue
		}
		value = property(value, key)
	}
	return value
}

func (a answered) string(path string) string { return textOf(a.at(path)) }

func (a answered) list(path string) []any {
	if path == "" {
		return elements(a.json)
	}
	return elements(a.at(path))
}

// waitingRun is the id of the run that waits for approval.
func (c *client) waitingRun() string {
	c.t.Helper()
	out := c.get("actions/runs?status=waiting")
	if len(out.list("workflow_runs")) != 1 {
		c.t.Fatalf("want one waiting run, got %s", out.text)
	}
	return out.string("workflow_runs.0.id")
}

func (c *client) approve(run string) {
	c.t.Helper()
	out := c.send(http.MethodPost, "actions/runs/"+run+"/pending_deployments",
		object{"environment_ids": []int{4002}, "state": "approved", "comment": "ship it"})
	if out.status != http.StatusOK {
		c.t.Fatalf("approve: %d %s", out.status, out.text)
	}
}

// versions are the versions that an environment's services run, by service.
func (c *client) versions(environment string) map[string]string {
	c.t.Helper()
	versions := map[string]string{}
	for _, s := range services {
		out := c.get("http://" + s.name + "." + environment + ".sandbox/version")
		versions[s.name] = out.string("version")
	}
	return versions
}
