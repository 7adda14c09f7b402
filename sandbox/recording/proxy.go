// Package recording stands before a sandbox: it records what clients ask, and
// answers some of it as a network or a service in trouble does.
package recording

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

// Proxy records requests and hands them on.
type Proxy struct {
	next http.Handler

	mu     sync.Mutex
	seen   []Request
	answer func(http.ResponseWriter, Request) // nil: nothing fails
	fails  *regexp.Regexp                     // the requests that answer is for
}

// New stands before a handler.
func New(next http.Handler) *Proxy { return &Proxy{next: next} }

// Request is what a client asked for.
type Request struct {
	Method, Host, Path string
	Operation          string // of AWS: "ListServices"
}

// String is what patterns are held against.
func (r Request) String() string {
	if r.Operation != "" {
		return r.Host + " " + r.Operation
	}
	return r.Method + " " + r.Host + r.Path
}

// GitHub says whether a request went to GitHub.
func (r Request) GitHub() bool { return strings.HasSuffix(r.Host, "github.localhost") }

// AWS says whether a request went to AWS.
func (r Request) AWS() bool { return strings.HasSuffix(r.Host, "aws.sandbox") }

// ServeHTTP records, and forwards what does not fail.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := identify(r)
	p.mu.Lock()
	p.seen = append(p.seen, asked)
	answer := p.answer
	if answer != nil && !p.fails.MatchString(asked.String()) {
		answer = nil
	}
	p.mu.Unlock()
	if answer != nil {
		answer(w, asked)
		return
	}
	p.next.ServeHTTP(w, r)
}

// identify names a request. AWS names its operations in three ways: a header,
// a form and, in CBOR, the path.
func identify(r *http.Request) Request {
	asked := Request{Method: r.Method, Host: r.Host, Path: r.URL.Path}
	if !asked.AWS() {
		return asked
	}
	_, asked.Operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch {
	case asked.Operation != "":
	case strings.Contains(asked.Path, "/operation/"):
		asked.Operation = path.Base(asked.Path)
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		body, _ := io.ReadAll(r.Body) // what is torn, the sandbox refuses
		r.Body = io.NopCloser(bytes.NewReader(body))
		if form, err := url.ParseQuery(string(body)); err == nil {
			asked.Operation = form.Get("Action")
		}
	}
	return asked
}

// Requests are those so far, without the first ones, as many as after.
func (p *Proxy) Requests(after int) ([]Request, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Request(nil), p.seen[min(after, len(p.seen)):]...), nil
}

// Break makes the requests that a pattern matches fail in a way that Faults
// names; no fault heals the network.
func (p *Proxy) Break(fault, pattern string) error {
	matches, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	answer, ok := faults[fault]
	if !ok && fault != "" {
		return fmt.Errorf("there is no fault %q", fault)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer, p.fails = answer, matches
	return nil
}

// faults are the ways in which a request can fail.
var faults = map[string]func(http.ResponseWriter, Request){
	"cut": func(http.ResponseWriter, Request) { panic(http.ErrAbortHandler) },
	"502": func(w http.ResponseWriter, _ Request) {
		http.Error(w, "<html>502 Bad Gateway</html>", http.StatusBadGateway)
	},
	"404": func(w http.ResponseWriter, _ Request) { answer(w, http.StatusNotFound, `{"message":"Not Found"}`) },
	"403": func(w http.ResponseWriter, _ Request) {
		answer(w, http.StatusForbidden, `{"message":"Resource not accessible by personal access token"}`)
	},
	"throttle": throttle,
	"expire": func(w http.ResponseWriter, _ Request) {
		answer(w, http.StatusBadRequest, `{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}`)
	},
}

func throttle(w http.ResponseWriter, r Request) {
	if r.AWS() {
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
