package steps

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// site is a service behind TLS, and what its port 80 answers.
type site struct {
	header map[string]string
	plain  http.HandlerFunc // nil: nobody listens
	nobody string           // body of the page that is not there
	code   int              // its status; 0: 404
	debug  bool             // what its version page admits
}

var secure = map[string]string{
	"Strict-Transport-Security": "max-age=31536000; includeSubDomains", "X-Content-Type-Options": "nosniff",
	"X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
}

func toTLS(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://"+r.Host+r.URL.Path, http.StatusPermanentRedirect)
}

func without(name string) map[string]string {
	out := map[string]string{}
	for k, v := range secure {
		if k != name {
			out[k] = v
		}
	}
	return out
}

// serve lets a suite reach a site as https://example.com and http://example.com.
func serve(t *testing.T, at site) *Suite {
	t.Helper()
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	encrypted := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range at.header {
			w.Header().Set(name, value)
		}
		switch r.URL.Path {
		case "/health", "/ready":
			_, _ = io.WriteString(w, "ok")
		case "/version":
			_, _ = io.WriteString(w, map[bool]string{true: `{"version":"v1","debug":true}`, false: `{"version":"v1","debug":false}`}[at.debug])
		default:
			w.WriteHeader(max(at.code, http.StatusNotFound))
			_, _ = io.WriteString(w, at.nobody)
		}
	}))
	encrypted.Config.ErrorLog = quiet
	encrypted.StartTLS()
	t.Cleanup(encrypted.Close)
	plain := ""
	if at.plain != nil {
		server := httptest.NewServer(at.plain)
		t.Cleanup(server.Close)
		plain = server.Listener.Addr().String()
	}
	carrier, ok := encrypted.Client().Transport.(*http.Transport)
	if !ok {
		t.Fatal("no transport")
	}
	carrier = carrier.Clone()
	carrier.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		to := encrypted.Listener.Addr().String()
		if strings.HasSuffix(address, ":80") {
			to = plain
		}
		if to == "" {
			return nil, errors.New("connection refused")
		}
		return (&net.Dialer{}).DialContext(ctx, network, to)
	}
	t.Cleanup(carrier.CloseIdleConnections)
	return &Suite{HTTP: &http.Client{Transport: carrier}}
}

var shop = pipeline.Environment{Name: "production", Services: []pipeline.Service{{
	Name: "orders", HealthURL: "https://example.com/health", VersionURL: "https://example.com/version", SmokePaths: []string{"/health", "/ready"},
}}}

// Each property of a page has a site that lacks it alone.
func TestHowPagesAreServed(t *testing.T) {
	tests := []struct {
		name    string
		at      site
		check   string // the one that fails; empty: none
		verdict pipeline.Verdict
		says    string
	}{
		{"all is well", site{header: secure, plain: toTLS}, "", "", ""},
		{"nobody listens to plain http", site{header: secure}, "", "", ""},
		{"no redirect", site{header: secure, plain: func(w http.ResponseWriter, _ *http.Request) {}}, "redirect", pipeline.Fail, "answers 200 and does not redirect"},
		{"a redirect to plain http", site{header: secure, plain: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.com/login", http.StatusFound)
		}}, "redirect", pipeline.Fail, `"http://example.com/login", which is no https`},
		{"no HSTS", site{header: without("Strict-Transport-Security"), plain: toTLS}, "hsts", pipeline.Fail, "SECURE_HSTS_SECONDS"},
		{"sniffing", site{header: without("X-Content-Type-Options"), plain: toTLS}, "headers", pipeline.Fail, "X-Content-Type-Options"},
		{"framing", site{header: without("X-Frame-Options"), plain: toTLS}, "headers", pipeline.Fail, "frame-ancestors"},
		{"referrer", site{header: without("Referrer-Policy"), plain: toTLS}, "headers", pipeline.Fail, "Referrer-Policy"},
		{"Django's debug page", site{header: secure, plain: toTLS, nobody: "you have <code>DEBUG = True</code> in your settings"}, "debug", pipeline.Fail, "DEBUG is on"},
		{"a version page that admits it", site{header: secure, plain: toTLS, debug: true}, "debug", pipeline.Fail, "DEBUG is on"},
		{"an error instead of 404", site{header: secure, plain: toTLS, code: 500}, "debug", pipeline.Fail, "answers 500"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := serve(t, tt.at).smoke(t.Context(), shop)
			if len(found) != 6 {
				t.Fatalf("%d findings: %+v", len(found), found)
			}
			for _, f := range found {
				if f.Check == tt.check {
					if f.Verdict != tt.verdict || !strings.Contains(f.Sentence, tt.says) {
						t.Errorf("%+v", f)
					}
				} else if f.Verdict != pipeline.Pass {
					t.Errorf("%s is %s: %s", f.Check, f.Verdict, f.Sentence)
				}
			}
		})
	}
}

func TestHSTS(t *testing.T) {
	for value, want := range map[string]pipeline.Verdict{
		"max-age=31536000":                      pipeline.Pass,
		`includeSubDomains; Max-Age="15552000"`: pipeline.Pass,
		"max-age=300":                           pipeline.Fail,
		"max-age=0":                             pipeline.Fail,
		"includeSubDomains":                     pipeline.Fail,
		"max-age=soon":                          pipeline.Fail,
	} {
		found := serve(t, site{header: map[string]string{"Strict-Transport-Security": value}}).smoke(t.Context(), shop)
		for _, f := range found {
			if f.Check == "hsts" && f.Verdict != want {
				t.Errorf("%s: %+v", value, f)
			}
		}
	}
}

// A certificate that nobody signed is no answer.
func TestACertificateThatIsNotTrusted(t *testing.T) {
	s := serve(t, site{header: secure, plain: toTLS})
	carrier, _ := s.HTTP.Transport.(*http.Transport)
	carrier.TLSClientConfig.RootCAs = nil
	if f := s.smoke(t.Context(), shop)[0]; f.Verdict != pipeline.Fail || !strings.Contains(f.Sentence, "certificate") {
		t.Errorf("%+v", f)
	}
}

// looks gives one verdict after another, and the last for ever.
func looks(list string) func(context.Context) ([]Finding, error) {
	at := 0
	return func(context.Context) ([]Finding, error) {
		c := list[min(at, len(list)-1)]
		at++
		switch c {
		case 'e':
			return nil, pipeline.Errorf(pipeline.KindUnavailable, "502")
		case 'E':
			return nil, pipeline.Errorf(pipeline.KindForbidden, "not allowed")
		}
		verdicts := map[byte]pipeline.Verdict{'p': pipeline.Pass, 'f': pipeline.Fail, 'w': pipeline.Pending, '?': pipeline.Unknown, 'n': pipeline.NotApplicable}
		return []Finding{{Service: "users", Check: "targets", Verdict: pipeline.Pass}, {Service: "orders", Check: "health", Verdict: verdicts[c], Sentence: "/health"}}, nil
	}
}

func TestSteady(t *testing.T) {
	tests := []struct {
		looks string
		kind  pipeline.ErrorKind
		says  string
		took  time.Duration
	}{
		{"p", "", "", 10 * time.Second},
		{"n", "", "", 10 * time.Second},
		{"ffwp", "", "", 25 * time.Second},
		{"pfppp", "", "", 20 * time.Second}, // one drop is forgiven, and begins anew
		{"eep", "", "", 20 * time.Second},
		{"pfpfp", pipeline.KindFailed, "orders: health flaps, 2 of 4 looks were good", 15 * time.Second},
		{"ppfppf", pipeline.KindFailed, "flaps, 4 of 6", 25 * time.Second},
		{"f", pipeline.KindFailed, "not well after 1m: orders health: /health", 65 * time.Second},
		{"?", pipeline.KindFailed, "not well after 1m", 65 * time.Second},
		{"w", pipeline.KindFailed, "not well after 1m", 65 * time.Second},
		{"e", pipeline.KindUnavailable, "502", 65 * time.Second},
		{"E", pipeline.KindForbidden, "not allowed", 0},
	}
	for _, tt := range tests {
		t.Run(tt.looks, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, err := (&Suite{}).steady(t.Context(), time.Minute, looks(tt.looks))
				if took := time.Since(began); took != tt.took {
					t.Errorf("took %s", took)
				}
				if pipeline.KindOf(err) != tt.kind || err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

func TestAVerificationThatIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		if _, err := (&Suite{}).steady(ctx, time.Minute, looks("f")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

func TestVersionIn(t *testing.T) {
	for body, want := range map[string]string{
		`{"version":"v1.42.0","sha":"abc"}`: "v1.42.0", "v1.42.0\n": "v1.42.0", "<html>": "", `{"sha":"abc"}`: "", "": "",
		"two words": "", strings.Repeat("x", 65): "",
	} {
		if got := versionIn([]byte(body)); got != want {
			t.Errorf("%q: %q", body, got)
		}
	}
}
