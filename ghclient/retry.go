package ghclient

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"syscall"
	"time"
)

const (
	retryAttempts = 3
	retryBase     = 250 * time.Millisecond
)

// retryStatuses are a gateway's complaints, which a second try often mends.
var retryStatuses = []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// retry repeats a read that failed in passing: a gateway's error, a connection
// that broke, a torn body, a throttle that names a short wait. A write passes
// once, whatever comes of it.
type retry struct{ next http.RoundTripper }

// RoundTrip tries up to three times, with a jittered pause that doubles.
func (t retry) RoundTrip(req *http.Request) (*http.Response, error) {
	if !reads(req) || req.Body != nil && req.Body != http.NoBody {
		return t.next.RoundTrip(req)
	}
	for attempt := 1; ; attempt++ {
		resp, err := t.next.RoundTrip(req)
		if attempt == retryAttempts || !passing(resp, err) {
			return resp, err
		}
		if wait := asked(resp); wait > patience || pause(req.Context(), max(wait, backoff(attempt))) != nil {
			return resp, err // the failure says more than the interrupted pause
		}
		if resp != nil {
			_ = resp.Body.Close() // replaced by the next answer
		}
	}
}

// passing reports whether a failure may be gone at the next try.
func passing(resp *http.Response, err error) bool {
	if err == nil {
		_, throttled := throttle(resp.StatusCode, resp.Header, "")
		return slices.Contains(retryStatuses, resp.StatusCode) || throttled && asked(resp) > 0
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false // also when it tore a body
	}
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// asked is how long the server wants to be left alone; 0 where it does not say.
func asked(resp *http.Response) time.Duration {
	if resp == nil {
		return 0
	}
	return retryAfter(resp.Header)
}

// backoff is the pause after an attempt: base, twice base, …, each ±50 %, so
// that clients that failed together do not return together.
func backoff(attempt int) time.Duration {
	d := retryBase << (attempt - 1)
	return d/2 + rand.N(d)
}

// pause waits, or returns the context's error as soon as it ends, or at once
// when it would end before the wait.
func pause(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return context.DeadlineExceeded
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
