package ghclient

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// rated is an answer with the headers of the rate limit; the window ends in an hour.
func rated(status, limit, remaining int, more ...string) *http.Response {
	return answerWith(status, "", append([]string{
		"X-Ratelimit-Limit", strconv.Itoa(limit),
		"X-Ratelimit-Remaining", strconv.Itoa(remaining),
		"X-Ratelimit-Reset", strconv.FormatInt(time.Now().Add(time.Hour).Truncate(time.Hour).Unix(), 10),
		"X-Ratelimit-Resource", "core",
		"Date", time.Now().UTC().Format(http.TimeFormat),
	}, more...)...)
}

// fixed is a governor over one answer.
func fixed(answer func() *http.Response) (*governor, *int) {
	sent := new(int)
	return newGovernor(carried(func(*http.Request) (*http.Response, error) {
		*sent++
		return answer(), nil
	})), sent
}

func try(t *testing.T, g *governor, req *http.Request) error {
	t.Helper()
	_, err := g.RoundTrip(req)
	return err
}

func TestGovernorKeepsTheLastFifth(t *testing.T) {
	tests := []struct {
		name      string
		remaining int
		method    string
		uncached  bool
		refused   bool
	}{
		{"a read with plenty", 2000, "GET", false, false},
		{"a read just above", 1001, "GET", false, false},
		{"a read on the reserve", 1000, "GET", false, true},
		{"a re-check on the reserve", 1000, "GET", true, false},
		{"an action on the reserve", 1000, "POST", false, false},
		{"a re-check with nothing left", 0, "GET", true, true},
		{"an action with nothing left", 0, "POST", false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, sent := fixed(func() *http.Response { return rated(200, 5000, tt.remaining) })
				if err := try(t, g, ask(t, "GET")); err != nil {
					t.Fatal(err)
				}
				req := ask(t, tt.method)
				if tt.uncached {
					req = req.WithContext(pipeline.Uncached(req.Context()))
				}
				err := try(t, g, req)
				if (err != nil) != tt.refused || tt.refused && *sent != 1 {
					t.Fatalf("%d sent, %v", *sent, err)
				}
				if tt.refused {
					fails(t, err, pipeline.KindThrottled, "until")
					var e *pipeline.Error
					if errors.As(err, &e); e.RetryAfter <= 0 || e.RetryAfter > time.Hour {
						t.Errorf("come back in %v", e.RetryAfter)
					}
				}
				time.Sleep(time.Hour + time.Second) // another window
				if err := try(t, g, ask(t, "GET")); err != nil {
					t.Errorf("after the reset: %v", err)
				}
			})
		})
	}
}

func TestGovernorWaitsWhenItIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		g, sent := fixed(func() *http.Response {
			if first {
				first = false
				return answerWith(429, "", "Retry-After", "3")
			}
			return answerWith(200, "")
		})
		if err := try(t, g, ask(t, "GET")); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if err := try(t, g, ask(t, "POST")); err != nil || time.Since(begun) != 3*time.Second || *sent != 2 {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

func TestGovernorObeysLimits(t *testing.T) {
	tests := []struct {
		name   string
		answer func() *http.Response
		wait   time.Duration // 0: not a limit
	}{
		{"retry-after", func() *http.Response { return answerWith(429, "", "Retry-After", "90") }, 90 * time.Second},
		{"retry-after on 403", func() *http.Response { return answerWith(403, "", "Retry-After", "90") }, 90 * time.Second},
		{"secondary without a time", func() *http.Response {
			return answerWith(403, `{"message":"You have exceeded a secondary rate limit."}`)
		}, time.Minute},
		{"429 without a time", func() *http.Response { return answerWith(429, "") }, time.Minute},
		{"missing rights", func() *http.Response { return answerWith(403, `{"message":"Must have admin rights"}`) }, 0},
		{"not found", func() *http.Response { return answerWith(404, "") }, 0},
		{"server error with retry-after", func() *http.Response { return answerWith(503, "", "Retry-After", "90") }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, sent := fixed(tt.answer)
				_ = try(t, g, ask(t, "GET"))
				err := try(t, g, ask(t, "POST"))
				if tt.wait == 0 {
					if err != nil {
						t.Errorf("refused: %v", err)
					}
					return
				}
				var e *pipeline.Error
				if !errors.As(err, &e) || e.RetryAfter != tt.wait || *sent != 1 {
					t.Fatalf("got %v, want to wait %v", err, tt.wait)
				}
				time.Sleep(tt.wait)
				if _ = try(t, g, ask(t, "GET")); *sent != 2 {
					t.Error("not sent after the wait")
				}
			})
		})
	}
}

func TestGovernorBacksOffFromRepeatedSecondaryLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := true
		g, _ := fixed(func() *http.Response {
			if limited {
				return answerWith(429, "")
			}
			return answerWith(200, "")
		})
		wait := func() time.Duration {
			_ = try(t, g, ask(t, "GET"))
			d := time.Until(g.blocked)
			time.Sleep(max(d, 0))
			return d
		}
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 16} {
			if got := wait(); got != want*time.Minute {
				t.Errorf("waits %v, want %v", got, want*time.Minute)
			}
		}
		limited = false
		wait()
		limited = true
		if got := wait(); got != time.Minute {
			t.Errorf("waits %v after a success", got)
		}
	})
}

func TestGovernorSendsFourAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		inFlight, most := map[string]int{}, map[string]int{}
		g := newGovernor(carried(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			inFlight[r.URL.Host]++
			most[r.URL.Host] = max(most[r.URL.Host], inFlight[r.URL.Host])
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			inFlight[r.URL.Host]--
			mu.Unlock()
			return answerWith(200, ""), nil
		}))
		var wg sync.WaitGroup
		for i := range 24 {
			wg.Go(func() {
				req := ask(t, "GET")
				req.URL.Host = []string{"one.test", "two.test"}[i%2]
				_ = try(t, g, req)
			})
		}
		begun := time.Now()
		wg.Wait()
		if most["one.test"] != 4 || most["two.test"] != 4 || time.Since(begun) != 3*time.Second {
			t.Errorf("at most %v in flight, %v in all", most, time.Since(begun))
		}
	})
}

func TestGovernorCounts(t *testing.T) {
	status := 200
	g := newGovernor(carried(func(*http.Request) (*http.Response, error) {
		if status == 0 {
			return nil, errors.New("broken")
		}
		return rated(status, 5000, 4000), nil
	}))
	for _, status = range []int{200, 304, 404, 0} {
		_ = try(t, g, ask(t, "GET"))
	}
	other := ask(t, "GET") // a store of job logs
	other.Header.Del("Authorization")
	status = 200
	_ = try(t, g, other)
	got := g.Budget()
	if got.Sent != 4 || got.Counted != 3 || got.Limit != 5000 || got.Remaining != 4000 || time.Until(got.Reset) <= 0 {
		t.Errorf("got %+v", got)
	}
}

func TestGovernorLearnsTheNewest(t *testing.T) {
	header := func(remaining, window int, resource string) http.Header {
		return http.Header{
			"X-Ratelimit-Limit": {"5000"}, "X-Ratelimit-Remaining": {strconv.Itoa(remaining)},
			"X-Ratelimit-Reset": {strconv.Itoa(window)}, "X-Ratelimit-Resource": {resource},
		}
	}
	g := newGovernor(nil)
	steps := []struct {
		header http.Header
		want   int
	}{
		{header(4000, 100, "core"), 4000},
		{header(4001, 100, "core"), 4000}, // overtaken
		{header(3999, 100, "core"), 3999},
		{header(10, 100, "search"), 3999}, // another allowance
		{header(4999, 200, "core"), 4999}, // a new window
		{header(1, 100, "core"), 4999},    // of the old one
		{http.Header{}, 4999},
	}
	for i, s := range steps {
		if g.learn(s.header); g.budget.Remaining != s.want {
			t.Errorf("step %d: %d remain, want %d", i, g.budget.Remaining, s.want)
		}
	}
}

// The reset is told by GitHub's clock: a wrong local one must not block or
// free the client.
func TestGovernorDistrustsTheLocalClock(t *testing.T) {
	server := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	h := http.Header{
		"Date":              {server.Format(http.TimeFormat)},
		"X-Ratelimit-Reset": {strconv.FormatInt(server.Add(90*time.Second).Unix(), 10)},
	}
	if got := untilReset(h); got != 90*time.Second {
		t.Errorf("resets in %v", got)
	}
	h.Set("Retry-After", server.Add(time.Minute).Format(http.TimeFormat))
	if got := retryAfter(h); got != time.Minute {
		t.Errorf("retry in %v", got)
	}
}

// torn is a body that breaks off.
type torn struct{ *strings.Reader }

func (torn) Close() error { return nil }

func (t torn) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if err != nil {
		err = errors.New("broken off")
	}
	return n, err
}

func TestGovernorNoticesTornBodies(t *testing.T) {
	tests := []struct {
		method string
		status int
		fails  bool
	}{
		{"GET", 200, true},
		{"POST", 200, false}, // it was accepted, whatever came back
		{"GET", 404, false},  // the status says enough
	}
	for _, tt := range tests {
		g, _ := fixed(func() *http.Response {
			resp := answerWith(tt.status, "")
			resp.Body = torn{strings.NewReader(`{"a":`)}
			return resp
		})
		err := try(t, g, ask(t, tt.method))
		if (err != nil) != tt.fails || tt.fails && !passing(nil, err) {
			t.Errorf("%s %d: %v", tt.method, tt.status, err)
		}
	}
}
