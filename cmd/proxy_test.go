package cmd_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"
)

// proxy records the requests that clients send to a sandbox, and answers some
// of them as a network or a service in trouble does.
type proxy struct {
	next http.Handler

	mu    sync.Mutex
	seen  []request
	fault func(http.ResponseWriter, request) bool // true: it has answered
}

// request is what a client asked for.
type request struct {
	method, host, path string
	operation          string // of AWS: "ListServices"
}

func (r request) String() string {
	if r.operation != "" {
		return r.host + " " + r.operation
	}
	return r.method + " " + r.host + r.path
}

// github says whether a request went to GitHub.
func (r request) github() bool { return strings.HasSuffix(r.host, "github.localhost") }

// aws says whether a request went to AWS.
func (r request) aws() bool { return strings.HasSuffix(r.host, "aws.sandbox") }

// ServeHTTP records, and forwards what no fault answers.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := identify(r)
	p.mu.Lock()
	p.seen = append(p.seen, req)
	fault := p.fault
	p.mu.Unlock()
	if fault != nil && fault(w, req) {
		return
	}
	p.next.ServeHTTP(w, r)
}

// identify names a request. AWS names its operations in three ways: a header,
// a form and, in CBOR, the path.
func identify(r *http.Request) request {
	req := request{method: r.Method, host: r.Host, path: r.URL.Path}
	if !req.aws() {
		return req
	}
	_, req.operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch {
	case req.operation != "":
	case strings.Contains(req.path, "/operation/"):
		req.operation = path.Base(req.path)
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		body, _ := io.ReadAll(r.Body) // what is torn, the sandbox refuses
		r.Body = io.NopCloser(bytes.NewReader(body))
		if form, err := url.ParseQuery(string(body)); err == nil {
			req.operation = form.Get("Action")
		}
	}
	return req
}

// requests are all so far.
func (p *proxy) requests() []request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]request(nil), p.seen...)
}

// breaks makes the requests fail that a pattern matches as String prints them;
// nil heals the network.
func (p *proxy) breaks(fault func(http.ResponseWriter, request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
}

// faults are the ways in which a request can fail, by the name that scripts
// use.
var faults = map[string]func(http.ResponseWriter, request){
	"cut": func(http.ResponseWriter, request) { panic(http.ErrAbortHandler) },
	"502": func(w http.ResponseWriter, _ request) {
		http.Error(w, "<html>502 Bad Gateway</html>", http.StatusBadGateway)
	},
	"404": func(w http.ResponseWriter, _ request) { answer(w, http.StatusNotFound, `{"message":"Not Found"}`) },
	"403": func(w http.ResponseWriter, _ request) {
		answer(w, http.StatusForbidden, `{"message":"Resource not accessible by personal access token"}`)
	},
	"throttle": throttle,
	"expire": func(w http.ResponseWriter, _ request) {
		answer(w, http.StatusBadRequest, `{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}`)
	},
}

func throttle(w http.ResponseWriter, r request) {
	if r.aws() {
		answer(w, http.StatusBadRequest, `{"__type":"ThrottlingException","message":"Rate exceeded"}`)
		return
	}
	w.Header().Set("Retry-After", "3600")
	answer(w, http.StatusTooManyRequests, `{"message":"You have exceeded a secondary rate limit."}`)
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // who has gone does not read it
}

// fails is a fault by its name, for the requests that a pattern matches.
func fails(name, pattern string) (func(http.ResponseWriter, request) bool, error) {
	fault, ok := faults[name]
	if !ok {
		return nil, fmt.Errorf("there is no fault %q", name)
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter, r request) bool {
		if !re.MatchString(r.String()) {
			return false
		}
		fault(w, r)
		return true
	}, nil
}
