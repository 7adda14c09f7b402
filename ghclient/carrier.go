package ghclient

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/cli/go-gh/v2/pkg/config"
	"golang.org/x/net/http/httpproxy"
)

const (
	dialTimeout   = 10 * time.Second
	headerTimeout = 20 * time.Second
	idlePerHost   = maxInFlight
)

// newCarrier makes the transport that puts requests on the wire. The proxy is
// read from the environment now: net/http's own reads it once a process, which
// would miss what the demo sets. A socket, where gh's configuration names one,
// takes the place of every host.
func newCarrier(socket string) *http.Transport {
	t := &http.Transport{ForceAttemptHTTP2: true, TLSHandshakeTimeout: dialTimeout}
	if d, ok := http.DefaultTransport.(*http.Transport); ok {
		t = d.Clone()
	}
	proxy := httpproxy.FromEnvironment().ProxyFunc()
	t.Proxy = func(r *http.Request) (*url.URL, error) { return proxy(r.URL) }
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	t.DialContext = dialer.DialContext
	t.ResponseHeaderTimeout = headerTimeout
	t.MaxIdleConnsPerHost = idlePerHost
	if socket != "" {
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		}
		t.Proxy, t.DialContext, t.DialTLSContext = nil, dial, dial
	}
	return t
}

// unixSocket is http_unix_socket of gh's configuration; empty where unset.
func unixSocket() string {
	cfg, err := config.Read(nil)
	if err != nil || cfg == nil {
		return ""
	}
	socket, _ := cfg.Get([]string{"http_unix_socket"})
	return socket
}

// requestLog writes one debug record a request. It names no query, because the
// address of a job's log carries a signature there, and no header.
type requestLog struct {
	next http.RoundTripper
	log  *slog.Logger
}

// RoundTrip passes the request on and records its outcome.
func (t requestLog) RoundTrip(req *http.Request) (*http.Response, error) {
	if !t.log.Enabled(req.Context(), slog.LevelDebug) {
		return t.next.RoundTrip(req)
	}
	begun := time.Now()
	resp, err := t.next.RoundTrip(req)
	record := []any{"method", req.Method, "host", req.URL.Host, "path", req.URL.Path, "took", time.Since(begun)}
	if err != nil {
		t.log.DebugContext(req.Context(), "github request failed", append(record, "error", err)...)
		return nil, err
	}
	t.log.DebugContext(req.Context(), "github request",
		append(record, "status", resp.StatusCode, "remaining", resp.Header.Get("X-Ratelimit-Remaining"))...)
	return resp, nil
}

// opaque hides from go-gh that a successful answer is JSON. Its own sanitiser
// writes control characters as text and fails on what is not UTF-8, also in
// raw files; ours acts on the decoded strings.
type opaque struct{ next http.RoundTripper }

// RoundTrip passes the request on and relabels what succeeded.
func (t opaque) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err == nil && resp.StatusCode < 300 {
		resp.Header.Set("Content-Type", "application/octet-stream")
	}
	return resp, err
}
