package ghclient

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// The proxy is read when the carrier is made, not once a process.
func TestCarrierReadsTheProxyAtConstruction(t *testing.T) {
	for _, proxy := range []string{"http://127.0.0.1:1001", "http://127.0.0.1:1002"} {
		t.Setenv("HTTP_PROXY", proxy)
		got, err := newCarrier("").Proxy(ask(t, "GET"))
		if err != nil || got == nil || got.String() != proxy {
			t.Errorf("got %v, %v, want %s", got, err, proxy)
		}
	}
}

// The sandbox is reached like this, by an unmodified client.
func TestCarrierThroughAProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"login":"via `+r.URL.String()+`"}`)
	}))
	defer proxy.Close()
	t.Setenv("HTTP_PROXY", proxy.URL)
	r, err := NewReader(Options{Host: "github.localhost", Repository: "acme/shop", Token: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := r.Viewer(t.Context()); err != nil || v.Login != "via http://api.github.localhost/user" {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestCarrierOverASocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Skip("no unix sockets here: ", err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host)
	})}}
	server.Start()
	defer server.Close()
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // a socket goes before
	carrier := newCarrier(socket)
	defer carrier.CloseIdleConnections()
	if _, body := roundTrip(t, carrier, ask(t, "GET")); body != "api.github.localhost" {
		t.Errorf("got %q", body)
	}
}

func TestRequestLogTellsNoSecret(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	rt := requestLog{log: log, next: carried(func(*http.Request) (*http.Response, error) {
		return answerWith(200, "", "X-Ratelimit-Remaining", "42"), nil
	})}
	req := ask(t, "GET")
	req.URL.RawQuery = "sig=s3cret"
	roundTrip(t, rt, req)
	got := out.String()
	if strings.Contains(got, "s3cret") || strings.Contains(got, "token") {
		t.Errorf("the log tells a secret: %s", got)
	}
	for _, want := range []string{"method=GET", "path=/x", "status=200", "remaining=42"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}
