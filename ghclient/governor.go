package ghclient

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const (
	// maxInFlight is how many requests one host is given at a time.
	maxInFlight = 4
	// patience is how long a request waits for its turn inside the client; what
	// would take longer fails at once with the time to come back.
	patience = 5 * time.Second
	// reserve is the share of the hourly allowance, 1 in 5, that reads leave to
	// actions and to the re-checks before them.
	reserve = 5
	// secondaryWait is the least to wait after a secondary limit that names no
	// time; it doubles with each one in a row, up to secondaryMost.
	secondaryWait = time.Minute
	secondaryMost = 16 * time.Minute
)

// governor keeps the client within GitHub's limits: few requests at a time,
// none while GitHub asks to wait, and no ordinary read on the last fifth of the
// hourly allowance. It reads every answer whole, so that a connection is free
// as soon as its answer is here.
type governor struct {
	next http.RoundTripper

	mu      sync.Mutex
	slots   map[string]chan struct{} // by host
	budget  pipeline.RateBudget
	window  int64     // the reset time as GitHub wrote it, which names the window
	blocked time.Time // nothing is sent before
	strikes int       // secondary limits in a row
}

func newGovernor(next http.RoundTripper) *governor {
	return &governor{next: next, slots: map[string]chan struct{}{}}
}

// Budget is what remains, as the newest answer said.
func (g *governor) Budget() pipeline.RateBudget {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.budget
}

// RoundTrip waits for its turn, sends, and learns from the answer. A request
// that would wait too long is a KindThrottled and is not sent. A torn answer is
// an error for a read; an action that was accepted stays accepted.
func (g *governor) RoundTrip(req *http.Request) (*http.Response, error) {
	release, err := g.enter(req)
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper owns the body, also when it fails
		}
		return nil, err
	}
	defer release()
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		g.count(req, nil)
		return nil, err
	}
	_, torn := readWhole(resp)
	g.count(req, resp)
	if torn != nil && reads(req) && resp.StatusCode < 300 {
		return nil, torn
	}
	return resp, nil
}

// enter takes a slot of the host once the limits allow the request.
func (g *governor) enter(req *http.Request) (release func(), err error) {
	slot := g.slot(req.URL.Host)
	for {
		if err := g.admit(req); err != nil {
			return nil, err
		}
		select {
		case slot <- struct{}{}:
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
		if g.delay(req) == 0 { // an answer that came meanwhile may ask to wait
			return func() { <-slot }, nil
		}
		<-slot
	}
}

func (g *governor) slot(host string) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.slots[host] == nil {
		g.slots[host] = make(chan struct{}, maxInFlight)
	}
	return g.slots[host]
}

// admit waits out a short delay, and refuses where the delay is long.
func (g *governor) admit(req *http.Request) error {
	for {
		d := g.delay(req)
		if d == 0 {
			return nil
		}
		if d > patience {
			return g.throttled(d)
		}
		if err := pause(req.Context(), d); err != nil {
			if req.Context().Err() != nil {
				return err
			}
			return g.throttled(d)
		}
	}
}

// delay is how long the request must not be sent; 0: it may go.
func (g *governor) delay(req *http.Request) time.Duration {
	if !limited(req) {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if d := g.blocked.Sub(now); d > 0 {
		return d
	}
	kept := g.budget.Limit / reserve
	if !reads(req) || pipeline.IsUncached(req.Context()) {
		kept = 0
	}
	if g.budget.Limit == 0 || g.budget.Remaining > kept {
		return 0
	}
	return max(g.budget.Reset.Sub(now), 0)
}

// limited reports whether GitHub counts the request: those to other hosts,
// which carry no token, are not its business.
func limited(req *http.Request) bool { return req.Header.Get("Authorization") != "" }

func (g *governor) throttled(d time.Duration) error {
	b := g.Budget()
	e := &pipeline.Error{Kind: pipeline.KindThrottled, RetryAfter: d, Hint: "wait until then; other tools with this login share the limit"}
	until := time.Now().Add(d).Format("15:04:05")
	switch {
	case b.Limit > 0 && b.Remaining == 0:
		e.Message = "the " + strconv.Itoa(b.Limit) + " requests of this hour are used up until " + until
	case b.Limit > 0 && b.Remaining <= b.Limit/reserve:
		e.Message = "the last " + strconv.Itoa(b.Remaining) + " requests of this hour are kept for actions until " + until
	default:
		e.Message = "GitHub asked to be left alone until " + until
	}
	return e
}

// count books a request and what its answer says of the limits.
func (g *governor) count(req *http.Request, resp *http.Response) {
	if !limited(req) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.budget.Sent++
	if resp == nil {
		g.budget.Counted++ // it may have arrived
		return
	}
	if resp.StatusCode != http.StatusNotModified {
		g.budget.Counted++
	}
	g.learn(resp.Header)
	if resp.StatusCode < 400 {
		g.strikes = 0
		return
	}
	body, _ := bodyBytes(resp) // held already
	wait, throttled := throttle(resp.StatusCode, resp.Header, string(body))
	switch {
	case !throttled:
		return
	case wait == 0:
		wait = min(secondaryWait<<g.strikes, secondaryMost)
		g.strikes = min(g.strikes+1, 4)
	}
	if until := time.Now().Add(wait); until.After(g.blocked) {
		g.blocked = until
	}
}

// learn takes over the limits that a header states. Answers overtake each
// other: within a window the smallest remainder is the newest.
func (g *governor) learn(h http.Header) {
	if resource := h.Get("X-Ratelimit-Resource"); resource != "" && resource != "core" {
		return
	}
	limit, err1 := strconv.Atoi(h.Get("X-Ratelimit-Limit"))
	remaining, err2 := strconv.Atoi(h.Get("X-Ratelimit-Remaining"))
	window, err3 := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || window < g.window {
		return
	}
	if window == g.window {
		remaining = min(remaining, g.budget.Remaining)
	}
	g.window = window
	g.budget.Limit, g.budget.Remaining = limit, remaining
	g.budget.Reset = time.Now().Add(untilReset(h))
}

// throttle reports whether an answer means "too many requests", and how long
// to wait; 0: the answer does not say.
func throttle(status int, h http.Header, message string) (wait time.Duration, throttled bool) {
	if status != http.StatusForbidden && status != http.StatusTooManyRequests {
		return 0, false
	}
	if wait := retryAfter(h); wait > 0 {
		return wait, true
	}
	if h.Get("X-Ratelimit-Remaining") == "0" {
		return max(untilReset(h), time.Second), true
	}
	message = strings.ToLower(message)
	return 0, status == http.StatusTooManyRequests ||
		strings.Contains(message, "secondary rate limit") || strings.Contains(message, "abuse detection")
}

// retryAfter is what the header of that name asks for; 0 where it is absent.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(v); err == nil {
		return max(time.Duration(seconds)*time.Second, 0)
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(serverTime(h)), 0)
	}
	return 0
}

// untilReset is how long the window of the rate limit still lasts, by the
// server's own clock: ours may be wrong.
func untilReset(h http.Header) time.Duration {
	reset, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64)
	if err != nil {
		return 0
	}
	return max(time.Unix(reset, 0).Sub(serverTime(h)), 0)
}

func serverTime(h http.Header) time.Time {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		return at
	}
	return time.Now()
}
