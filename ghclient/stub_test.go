package ghclient

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// TestMain keeps the tests away from the gh configuration of whoever runs them.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ghclient")
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"GH_HOST", "GH_REPO", "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"} {
		_ = os.Unsetenv(name)
	}
	_ = os.Setenv("GH_CONFIG_DIR", dir)
	_ = os.Setenv("GH_PATH", "/nonexistent/gh")
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// registry is a GitHub that answers what a test registered, each answer once
// and in order. It fails the test on a request that nobody registered, and on
// an answer that nobody asked for.
type registry struct {
	t        *testing.T
	server   *httptest.Server
	mu       sync.Mutex
	stubs    []*stub
	requests []request
}

// request is what arrived.
type request struct {
	method, url, body string
	header            http.Header
}

// stub is one registered answer.
type stub struct {
	method string
	target *url.URL // its query parameters must be among the request's
	status int
	header http.Header
	body   string
	serve  http.HandlerFunc // instead of status, header and body
	many   bool
	used   int
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	g := &registry{t: t}
	g.server = httptest.NewServer(g)
	t.Cleanup(func() {
		g.server.Close()
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, s := range g.stubs {
			if s.used == 0 {
				t.Errorf("never asked: %s %s", s.method, s.target)
			}
		}
	})
	return g
}

// on registers an answer; target is an API path, or a URL of another host.
func (g *registry) on(method, target string, status int, body string) *stub {
	g.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = "http://api.github.localhost" + target
	}
	u, err := url.Parse(target)
	if err != nil {
		g.t.Fatal(err)
	}
	s := &stub{method: method, target: u, status: status, body: body, header: http.Header{}}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stubs = append(g.stubs, s)
	return s
}

// get registers an answer to a GET below the repository.
func (g *registry) get(path, body string) *stub {
	g.t.Helper()
	return g.on("GET", "/repos/acme/shop"+path, 200, body)
}

// with adds a header to the answer.
func (s *stub) with(name, value string) *stub {
	s.header.Add(name, value)
	return s
}

// always lets the answer be given any number of times, at least once.
func (s *stub) always() *stub {
	s.many = true
	return s
}

func (s *stub) matches(r *http.Request) bool {
	if s.method != r.Method || s.target.Host != r.Host || s.target.EscapedPath() != r.URL.EscapedPath() {
		return false
	}
	for name, want := range s.target.Query() {
		if r.URL.Query().Get(name) != want[0] {
			return false
		}
	}
	return s.many || s.used == 0
}

func (g *registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := g.take(r)
	if s == nil {
		g.t.Errorf("nobody registered %s http://%s%s", r.Method, r.Host, r.URL)
		http.Error(w, "unregistered", http.StatusTeapot)
		return
	}
	if s.serve != nil {
		s.serve(w, r)
		return
	}
	for name, values := range s.header {
		w.Header()[name] = values
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(s.status)
	_, _ = io.WriteString(w, s.body)
}

func (g *registry) take(r *http.Request) *stub {
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests = append(g.requests, request{r.Method, "http://" + r.Host + r.URL.String(), string(body), r.Header.Clone()})
	for _, s := range g.stubs {
		if s.matches(r) {
			s.used++
			return s
		}
	}
	return nil
}

// last is the newest request.
func (g *registry) last() request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.requests[len(g.requests)-1]
}

// count is how many requests arrived.
func (g *registry) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.requests)
}

// options reach the registry whatever host is asked for.
func (g *registry) options() Options {
	carrier := newCarrier("")
	carrier.Proxy = nil
	carrier.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", g.server.Listener.Addr().String())
	}
	g.t.Cleanup(carrier.CloseIdleConnections)
	return Options{Host: "github.localhost", Repository: "acme/shop", Token: "secret-token", Version: "1.2.3", Transport: carrier}
}

func (g *registry) reader() *Reader {
	g.t.Helper()
	r, err := NewReader(g.options())
	if err != nil {
		g.t.Fatal(err)
	}
	return r
}

func (g *registry) client() *Client {
	g.t.Helper()
	c, err := NewClient(g.options())
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

// fails checks an error's kind and that its sentence holds each part.
func fails(t *testing.T, err error, kind pipeline.ErrorKind, parts ...string) {
	t.Helper()
	if pipeline.KindOf(err) != kind {
		t.Fatalf("got %q (%v), want kind %q", pipeline.KindOf(err), err, kind)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

// carried is a RoundTripper made of a function.
type carried func(*http.Request) (*http.Response, error)

func (f carried) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answerWith makes a response.
func answerWith(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// ask makes an authorised request to the API.
func ask(t *testing.T, method string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://api.github.localhost/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "token a")
	return req
}
