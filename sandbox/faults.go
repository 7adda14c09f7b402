package sandbox

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// faults makes requests fail, by chance or because the scenario says so. It
// has its own dice, so that the world itself stays the same.
type faults struct {
	share    float64
	throttle float64
	expiry   time.Time // of sandboxAccessKey; zero means never
	random   *rand.Rand
}

func newFaults(options Options, w *World) *faults {
	f := &faults{share: options.Faults, throttle: w.scenario.throttle, random: rand.New(rand.NewPCG(options.Seed, 0xfa0175))}
	if w.scenario.expiry > 0 {
		f.expiry = w.start.Add(w.scaled(w.scenario.expiry))
	}
	return f
}

// roll says whether this request fails, and chooses one of n ways.
func (f *faults) roll(n int) (int, bool) {
	if f.share <= 0 || f.random.Float64() >= f.share {
		return 0, false
	}
	return f.random.IntN(n), true
}

// timeOut is how long a request that is never answered is kept waiting.
const timeOut = 30 * time.Second

// strikeGitHub fails a request to GitHub; it reports false when the request is
// still to be answered. That may happen to an answer which the client will
// never read in full: then the effect is there, and the client does not know.
func (f *faults) strikeGitHub(w *answer) bool {
	way, failed := f.roll(10)
	switch {
	case !failed:
		return false
	case way < 3:
		refusal(http.StatusBadGateway, "Server Error").write(w)
	case way < 5:
		refusal(http.StatusServiceUnavailable, "No server is currently available to service your request.").write(w)
	case way < 7:
		w.Header().Set("Retry-After", "3")
		refusal(http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.").write(w)
	case way < 9:
		w.torn = true
		return false
	default:
		w.late = timeOut
		return false
	}
	return true
}

// strikeAWS fails a request to AWS; it reports false when it did not.
func (f *faults) strikeAWS(w *answer, r *http.Request, now time.Time) bool {
	switch {
	case !f.expiry.IsZero() && now.After(f.expiry) && strings.Contains(r.Header.Get("Authorization"), sandboxAccessKey):
		refuseAWS(w, r, errExpiredToken())
		return true
	case f.throttle > 0 && f.random.Float64() < f.throttle:
		refuseAWS(w, r, errThrottled())
		return true
	}
	way, failed := f.roll(10)
	switch {
	case !failed:
		return false
	case way < 4:
		refuseAWS(w, r, errThrottled())
	case way < 7:
		refuseAWS(w, r, errUnavailable())
	case way < 9:
		w.torn = true
		return false
	default:
		w.late = timeOut
		return false
	}
	return true
}

// Intercept has a function asked before each request is answered, under the
// world's lock: what it does happens just before that request, and where it
// reports true the request fails with 502. Requests to GitHub are named by
// method and path, those to AWS by operation ("GetLifecyclePolicy"). nil ends it.
func (w *World) Intercept(f func(request string) (fails bool)) { w.intercept = f }

// cloudOperation names the operation that a request to AWS asks for, before
// anybody has read it.
func cloudOperation(r *http.Request) string {
	body, _ := io.ReadAll(r.Body) // it is in memory
	r.Body = io.NopCloser(bytes.NewReader(body))
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
		return form.Get("Action")
	}
	return awsOperationName(r)
}
