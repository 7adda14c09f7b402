// Package sandbox simulates the world that the release console lives in: a
// GitHub repository with Actions, environments and deployments, an AWS account
// with two ECS clusters, the services' own pages and a Slack hook. One World
// stands behind all of it, so that approving a deployment on GitHub starts
// jobs, the jobs roll services, and the services write logs. It speaks real
// HTTP, and takes time only from package time.
package sandbox

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Names that the sandbox answers to when it is used as an HTTP proxy.
const (
	githubHost    = "github.localhost"
	githubAPIHost = "api.github.localhost"
	hooksHost     = "hooks.sandbox"
	awsHost       = "aws.sandbox"
)

// sandboxAccessKey is the access key that Environment hands out.
const sandboxAccessKey = "AKIASANDBOX000000000"

// Options says which world to simulate. The zero value is the calm scenario
// at its natural speed.
type Options struct {
	// Scenario is the name of one of Scenarios; empty means calm.
	Scenario string
	// Speed divides the durations of jobs, rollouts and timers; 0 means 1.
	Speed float64
	// Seed chooses names, ids and noise; worlds of one seed are alike.
	Seed uint64
	// LogRate is the number of log lines a second that the production services
	// write beyond their usual ones.
	LogRate int
	// Faults is the probability (0 to 1) that a request fails: server errors,
	// torn bodies, throttles and secondary rate limits.
	Faults float64
	// Files lies over the repository's own files, by path from its root
	// (".github/workflows/ci.yml"); nil means no overlay.
	Files fs.FS
	// Runner says who performs the jobs of runs that begin from now on; the zero
	// value lets the world do it.
	Runner RunnerMode
	// Policies holds IAM policy documents by access key, or by the ARN of a user
	// or role. Who is named may do what they allow, who is not named everything.
	Policies map[string][]string
	// Tokens holds the permissions of fine-grained tokens, by token and
	// permission ("actions": "read"). A token that is not named is a classic one.
	Tokens map[string]map[string]string
	// Young leaves out the history that scenarios share, but for its last release:
	// where it does not matter, such a world is there several times as fast.
	Young bool
}

// Sandbox is the simulated world as an http.Handler. It may be used by many
// goroutines at once.
type Sandbox struct {
	world   *World
	options Options
	faults  *faults
	hub     http.Handler
	aws     *awsAPI
	hook    []string // Slack messages received, newest last
	keys    *sealingKeys
	// budgets and requests are guarded by the world's lock.
	budgets  map[string]*budget
	requests int64

	counting sync.Mutex
	counts   Counts

	listener sync.Once
	memory   *memoryListener
	server   *http.Server
}

// New builds the world of a scenario as of now. It fails when there is no such
// scenario or when a workflow file of the repository cannot be read.
func New(options Options) (*Sandbox, error) {
	if options.Scenario == "" {
		options.Scenario = "calm"
	}
	if options.Speed <= 0 {
		options.Speed = 1
	}
	world, err := newWorld(options, time.Now())
	if err != nil {
		return nil, err
	}
	s := &Sandbox{world: world, options: options, faults: newFaults(options, world), keys: newSealingKeys(options.Seed)}
	s.counts = newCounts()
	s.hub = s.githubRoutes()
	s.aws = newAWSAPI(world)
	if s.aws.policies, err = parsePolicies(options.Policies); err != nil {
		return nil, err
	}
	return s, nil
}

// World gives tests and embedders the world itself; lock it before reading.
func (s *Sandbox) World() *World { return s.world }

// ServeHTTP answers for every host of the simulated world, whether the sandbox
// is used as a proxy or addressed directly. While a request is answered the
// world stands still; the answer is written when it moves again, so that a
// slow reader holds nobody up.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		http.Error(w, "the sandbox speaks plain HTTP only: CONNECT is refused", http.StatusMethodNotAllowed)
		return
	}
	host := hostOf(r)
	surface := surfaceOf(host, r)
	if surface == nil {
		http.Error(w, fmt.Sprintf("the sandbox knows no host %s", host), http.StatusBadGateway)
		return
	}
	if !readBody(w, r) {
		return
	}
	s.ask(surface, r).send(w)
}

// ask lets a surface answer while the world stands still. A fault in it ends
// its own request only: the world is let go in any case.
func (s *Sandbox) ask(surface func(*Sandbox, *answer, *http.Request), r *http.Request) *answer {
	answer := newAnswer()
	answer.gone = r.Context().Done()
	s.world.Lock()
	defer s.world.Unlock()
	surface(s, answer, r)
	return answer
}

// bodyLimit is the largest request body that is taken, in bytes.
const bodyLimit = 64 << 20

// readBody takes the whole body before the world is locked, so that a slow
// sender holds nobody up either.
func readBody(w http.ResponseWriter, r *http.Request) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		http.Error(w, "the request body could not be read: "+err.Error(), http.StatusBadRequest)
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return true
}

// surfaceOf chooses who answers; nil when the host is none of the sandbox's.
func surfaceOf(host string, r *http.Request) func(*Sandbox, *answer, *http.Request) {
	switch {
	case host == githubAPIHost:
		return (*Sandbox).serveGitHub
	case host == githubHost:
		return (*Sandbox).servePages
	case host == blobHost:
		return (*Sandbox).serveBlob
	case host == hooksHost:
		return (*Sandbox).serveHook
	case host == awsHost || host == "stream-"+awsHost || host == "data-"+awsHost || strings.HasSuffix(host, "."+awsHost):
		return (*Sandbox).serveCloud
	case strings.HasSuffix(host, ".sandbox"):
		return (*Sandbox).serveService
	case isLoopback(host):
		return surfaceWithoutProxy(r)
	}
	return nil
}

// surfaceWithoutProxy decides for plain requests to the sandbox's own port.
func surfaceWithoutProxy(r *http.Request) func(*Sandbox, *answer, *http.Request) {
	switch {
	case looksLikeAWS(r):
		return (*Sandbox).serveCloud
	case strings.HasPrefix(r.URL.Path, "/services/"):
		return (*Sandbox).serveHook
	case strings.HasPrefix(r.URL.Path, "/acme/"):
		return (*Sandbox).servePages
	}
	return (*Sandbox).serveGitHub
}

func looksLikeAWS(r *http.Request) bool {
	return r.Header.Get("X-Amz-Target") != "" || r.Header.Get("Smithy-Protocol") != "" ||
		strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256") ||
		r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") && r.URL.Path == "/"
}

// serveCloud counts and delays what goes to AWS.
func (s *Sandbox) serveCloud(w *answer, r *http.Request) {
	if s.world.intercept != nil && s.world.intercept(cloudOperation(r)) {
		refuseAWS(w, r, errUnavailable())
		return
	}
	if s.faults.strikeAWS(w, r, s.world.now) {
		s.countAWS(r, w.status)
		return
	}
	s.serveAWS(w, r)
	s.countAWS(r, w.status)
}

// hostOf is the host that the request is for, without a port.
func hostOf(r *http.Request) string {
	host := r.Host
	if r.URL.Host != "" {
		host = r.URL.Host
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

func isLoopback(host string) bool {
	if host == "localhost" || host == "" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && (ip.IsLoopback() || ip.IsUnspecified() || ip.IsPrivate())
}

// Environment gives the shell lines that point gh, the AWS clients and this
// product at a sandbox that listens on addr (host:port).
func (s *Sandbox) Environment(addr string) []string {
	proxy := "http://" + addr
	lines := []string{"unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN"}
	for _, pair := range []Pair{
		{"HTTP_PROXY", proxy},
		{"http_proxy", proxy},
		{"NO_PROXY", ""},
		{"no_proxy", ""},
		{"GH_HOST", githubHost},
		{"GH_TOKEN", "sandbox"},
		{"GH_REPO", s.world.Hub.Repository.FullName()},
		{"AWS_ENDPOINT_URL", "http://" + awsHost},
		{"AWS_REGION", Region},
		{"AWS_DEFAULT_REGION", Region},
		{"AWS_ACCESS_KEY_ID", sandboxAccessKey},
		{"AWS_SECRET_ACCESS_KEY", "sandbox"},
		{"AWS_EC2_METADATA_DISABLED", "true"},
	} {
		lines = append(lines, "export "+pair.Name+"="+pair.Value)
	}
	return lines
}
