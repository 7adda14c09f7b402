package ghclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cli/go-gh/v2/pkg/api"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func TestRefusals(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		header []string
		kind   pipeline.ErrorKind
		says   []string
	}{
		{
			"no token", 401, `{"message":"Bad credentials"}`, nil, pipeline.KindAuth,
			[]string{"cannot list runs of acme/shop", "does not accept the token", "gh auth login --hostname github.localhost"},
		},
		{
			"no such repository", 404, `{"message":"Not Found"}`, nil, pipeline.KindNotFound,
			[]string{"acme/shop does not exist, or the token may not see it", "gh auth status"},
		},
		{
			"no scope", 404, `{"message":"Not Found"}`,
			[]string{"X-OAuth-Scopes", "gist, read:org", "X-Accepted-OAuth-Scopes", "public_repo, repo"},
			pipeline.KindNotFound,
			[]string{"lacks the scope repo", "gh auth refresh --hostname github.localhost --scopes repo"},
		},
		{
			"no scope at all", 403, `{"message":"Forbidden"}`,
			[]string{"X-OAuth-Scopes", "", "X-Accepted-OAuth-Scopes", "workflow"},
			pipeline.KindForbidden,
			[]string{"Forbidden", "lacks the scope workflow"},
		},
		{
			"scope is there", 403, `{"message":"Must have admin rights to Repository."}`,
			[]string{"X-OAuth-Scopes", "repo", "X-Accepted-OAuth-Scopes", "repo"},
			pipeline.KindForbidden,
			[]string{"Must have admin rights to Repository"},
		},
		{
			"fine-grained permission", 403, `{"message":"Resource not accessible by personal access token"}`,
			[]string{"X-Accepted-GitHub-Permissions", "actions=read"},
			pipeline.KindForbidden,
			[]string{"Resource not accessible", "needs the permission actions=read"},
		},
		{
			"single sign-on", 403, `{"message":"Resource protected by organization SAML enforcement."}`,
			[]string{"X-GitHub-SSO", "required; url=https://github.com/orgs/acme/sso?x=1"},
			pipeline.KindForbidden,
			[]string{"single sign-on", "authorise the token at https://github.com/orgs/acme/sso?x=1"},
		},
		{
			"primary limit", 403, `{"message":"API rate limit exceeded"}`,
			[]string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "0"},
			pipeline.KindThrottled,
			[]string{"fewer requests"},
		},
		{"secondary limit", 403, `{"message":"You have exceeded a secondary rate limit"}`, nil, pipeline.KindThrottled, []string{"1m0s"}},
		{"retry-after", 429, `{}`, []string{"Retry-After", "30"}, pipeline.KindThrottled, []string{"30s"}},
		{"conflict", 409, `{"message":"Git Repository is empty."}`, nil, pipeline.KindConflict, []string{"Git Repository is empty"}},
		{"gone", 410, `{}`, nil, pipeline.KindNotFound, nil},
		{
			"unprocessable", 422, `{"message":"Validation Failed","errors":[{"resource":"Run","field":"status","code":"invalid"}]}`, nil, pipeline.KindUsage,
			[]string{"Validation Failed: Run.status is invalid"},
		},
		{"server error", 500, `{}`, nil, pipeline.KindUnavailable, []string{"GitHub answered 500 Internal Server Error"}},
		{"not JSON", 500, `<html>`, []string{"Content-Type", "text/html"}, pipeline.KindUnavailable, []string{"500 Internal Server Error"}},
		{"odd", 418, `{}`, nil, pipeline.KindInvalid, []string{"418 I'm a teapot"}},
		{"escapes", 403, `{"message":"\u001b[31mred\u0007"}`, nil, pipeline.KindForbidden, []string{"red"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newRegistry(t)
			s := g.on("GET", "/repos/acme/shop/actions/runs", tt.status, tt.body)
			for i := 0; i+1 < len(tt.header); i += 2 {
				s.header[http.CanonicalHeaderKey(tt.header[i])] = []string{tt.header[i+1]}
			}
			_, err := g.reader().Runs(t.Context(), pipeline.RunQuery{})
			fails(t, err, tt.kind, tt.says...)
			if strings.ContainsAny(err.Error(), "\x1b\x07\n") {
				t.Errorf("%q is not one safe line", err)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, errors.Unwrap(err)), "secret-token") {
				t.Error("the token is in the error")
			}
		})
	}
}

// A token from the environment wins over gh auth login, which would not help.
func TestBadTokenFromTheEnvironment(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/user", 401, `{}`)
	t.Setenv("GH_TOKEN", "old")
	o := g.options()
	o.Token = ""
	r, err := NewReader(o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Viewer(t.Context())
	fails(t, err, pipeline.KindAuth, "correct or unset GH_TOKEN, or run gh auth login --hostname github.localhost")
}

func TestGatewayErrorsNameTheStatus(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/user", 502, "").always()
	_, err := g.reader().Viewer(t.Context())
	fails(t, err, pipeline.KindUnavailable, "GitHub answered 502 Bad Gateway")
	if g.count() != retryAttempts {
		t.Errorf("%d requests", g.count())
	}
}

func TestThrottledSaysWhen(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/user", 429, "{}").with("Retry-After", "90")
	r := g.reader()
	for range 2 { // the second is not even sent
		_, err := r.Viewer(t.Context())
		var e *pipeline.Error
		if !errors.As(err, &e) || e.Kind != pipeline.KindThrottled || e.Op == "" || e.RetryAfter < 80*time.Second || e.RetryAfter > 90*time.Second {
			t.Fatalf("got %+v", err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	at := func(err error) error { return &url.Error{Op: "Get", URL: "https://api.acme.test/x?sig=1", Err: err} }
	tests := []struct {
		err  error
		says string
	}{
		{at(&net.DNSError{Name: "api.acme.test", IsNotFound: true}), "the name api.acme.test cannot be resolved"},
		{at(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), "api.acme.test refused the connection"},
		{at(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), "api.acme.test broke the connection off"},
		{at(io.ErrUnexpectedEOF), "api.acme.test broke the connection off"},
		{at(context.DeadlineExceeded), "api.acme.test did not answer in time"},
		{at(context.Canceled), "given up"},
		{at(&tls.CertificateVerificationError{Err: errors.New("unknown authority")}), "certificate of api.acme.test is not trusted: unknown authority"},
		{at(errors.New("odd\x1b[31m")), "api.acme.test cannot be reached: odd"},
		{errors.New("bare"), "fallback.test cannot be reached: bare"},
	}
	for _, tt := range tests {
		e := unreachable(tt.err, "fallback.test")
		if e.Kind != pipeline.KindUnavailable || !strings.Contains(e.Error(), tt.says) || strings.Contains(e.Error(), "\x1b") {
			t.Errorf("%v: %q", tt.err, e)
		}
	}
}

// What an error carries for a log must not carry the signature of an address.
func TestErrorsAreRedacted(t *testing.T) {
	for _, err := range []error{
		&url.Error{Op: "Get", URL: "https://store.test/log?sig=s3cret", Err: io.EOF},
		&api.HTTPError{StatusCode: 404, RequestURL: &url.URL{Host: "store.test", RawQuery: "sig=s3cret"}},
	} {
		if got := redacted(err).Error(); strings.Contains(got, "s3cret") {
			t.Errorf("%q", got)
		}
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{Host: "github.localhost", Repository: "acme/shop", Token: "x", Transport: carried(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		r, err := NewReader(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		_, err = r.Viewer(ctx)
		fails(t, err, pipeline.KindUnavailable, "did not answer in time")
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
		_, err = r.Viewer(t.Context()) // no deadline of the caller's: ours
		fails(t, err, pipeline.KindUnavailable, "did not answer in time")
		if took := time.Since(begun); took != 3*time.Second+readTimeout {
			t.Errorf("took %v", took)
		}
	})
}
