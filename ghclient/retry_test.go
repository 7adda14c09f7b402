package ghclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// failing answers from a list, the last one for ever, and counts.
type failing struct {
	outcomes []any // int status or error
	sent     int
}

func (f *failing) RoundTrip(*http.Request) (*http.Response, error) {
	o := f.outcomes[min(f.sent, len(f.outcomes)-1)]
	f.sent++
	if err, ok := o.(error); ok {
		return nil, err
	}
	return answerWith(o.(int), ""), nil
}

func TestRetry(t *testing.T) {
	reset := fmt.Errorf("read: %w", syscall.ECONNRESET)
	tests := []struct {
		name     string
		method   string
		outcomes []any
		sent     int
		status   int
	}{
		{"success at once", "GET", []any{200}, 1, 200},
		{"bad gateway once", "GET", []any{502, 200}, 2, 200},
		{"unavailable, then time-out", "GET", []any{503, 504, 200}, 3, 200},
		{"for ever", "GET", []any{502}, 3, 502},
		{"reset", "GET", []any{reset, 200}, 2, 200},
		{"body torn by the caller", "GET", []any{tornOff{context.Canceled}, 200}, 1, 0},
		{"torn body", "GET", []any{io.ErrUnexpectedEOF, 200}, 2, 200},
		{"reset for ever", "GET", []any{reset}, 3, 0},
		{"HEAD", "HEAD", []any{502, 200}, 2, 200},
		{"not found", "GET", []any{404, 200}, 1, 404},
		{"server error", "GET", []any{500, 200}, 1, 500},
		{"throttled", "GET", []any{429, 200}, 1, 429},
		{"other error", "GET", []any{errors.New("x"), 200}, 1, 0},
		{"a write with a bad gateway", "POST", []any{502, 200}, 1, 502},
		{"a write with a reset", "POST", []any{reset, 200}, 1, 0},
		{"PUT", "PUT", []any{503, 200}, 1, 503},
		{"PATCH", "PATCH", []any{503, 200}, 1, 503},
		{"DELETE", "DELETE", []any{504, 200}, 1, 504},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &failing{outcomes: tt.outcomes}
				resp, err := retry{f}.RoundTrip(ask(t, tt.method))
				if f.sent != tt.sent {
					t.Errorf("sent %d times, want %d", f.sent, tt.sent)
				}
				if tt.status == 0 && err == nil || tt.status != 0 && (err != nil || resp.StatusCode != tt.status) {
					t.Errorf("got %v, %v, want status %d", resp, err, tt.status)
				}
			})
		})
	}
}

func TestRetryNeverRepeatsABody(t *testing.T) {
	f := &failing{outcomes: []any{502}}
	req := ask(t, "GET")
	req.Body = io.NopCloser(strings.NewReader("x"))
	if _, err := (retry{f}).RoundTrip(req); err != nil || f.sent != 1 {
		t.Errorf("sent %d times, %v", f.sent, err)
	}
}

func TestRetryBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		begun := time.Now()
		rt := retry{carried(func(*http.Request) (*http.Response, error) {
			at = append(at, time.Since(begun))
			return answerWith(502, ""), nil
		})}
		if _, err := rt.RoundTrip(ask(t, "GET")); err != nil {
			t.Fatal(err)
		}
		first, second := at[1]-at[0], at[2]-at[1]
		if first < retryBase/2 || first >= 3*retryBase/2 || second < retryBase || second >= 3*retryBase {
			t.Errorf("paused %v and %v", first, second)
		}
	})
}

func TestRetryObeysTheServer(t *testing.T) {
	tests := []struct {
		status int
		after  string
		sent   int
		least  time.Duration
	}{
		{503, "3", 2, 3 * time.Second},
		{503, "60", 1, 0}, // longer than a request may wait: the caller is told
		{429, "3", 2, 3 * time.Second},
		{403, "3", 2, 3 * time.Second},
		{429, "60", 1, 0},
		{429, "", 1, 0}, // the governor knows how long
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			begun, sent := time.Now(), 0
			rt := retry{carried(func(*http.Request) (*http.Response, error) {
				if sent++; sent > 1 {
					return answerWith(200, ""), nil
				}
				return answerWith(tt.status, "", "Retry-After", tt.after), nil
			})}
			if _, err := rt.RoundTrip(ask(t, "GET")); err != nil || sent != tt.sent || time.Since(begun) < tt.least {
				t.Errorf("%d, Retry-After %s: sent %d in %v, %v", tt.status, tt.after, sent, time.Since(begun), err)
			}
		})
	}
}

func TestRetryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		begun := time.Now()
		f := &failing{outcomes: []any{502}}
		resp, err := retry{f}.RoundTrip(ask(t, "GET").WithContext(ctx))
		if err != nil || resp.StatusCode != 502 || f.sent != 1 || time.Since(begun) != 0 {
			t.Errorf("got %v, %v after %v and %d requests: the failure is what to tell", resp, err, time.Since(begun), f.sent)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f := &failing{outcomes: []any{502}}
		time.AfterFunc(retryBase/4, cancel)
		begun := time.Now()
		_, _ = retry{f}.RoundTrip(ask(t, "GET").WithContext(ctx))
		if f.sent != 1 || time.Since(begun) != retryBase/4 {
			t.Errorf("%d requests, %v after the cancel", f.sent, time.Since(begun)-retryBase/4)
		}
	})
}
