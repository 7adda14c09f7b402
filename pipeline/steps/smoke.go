package steps

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// nowhere is a page that no service has: what Django answers to it tells
// whether DEBUG is on.
const nowhere = "/deployctl-smoke-test-of-a-page-that-is-not-there"

// shortestHSTS is the max-age in seconds that browsers' preload lists ask for
// at least, as six months.
const shortestHSTS = 15552000

// Smoke asks every service's smoke paths, and checks how its pages are served:
// the redirect to TLS, HSTS, the security headers, and that DEBUG is off. It is
// the last check: when it passes, the rollout has succeeded.
func (s *Suite) Smoke(ctx context.Context, req VerifyRequest) error {
	env, err := s.environment(req.Environment)
	if err != nil {
		return err
	}
	_, d, err := s.expectation(ctx, env)
	if err != nil {
		return err
	}
	found, err := s.steady(ctx, s.within(req.Timeout, smokeWithin), func(ctx context.Context) ([]Finding, error) {
		return s.smoke(ctx, env), ctx.Err()
	})
	s.showFindings("Smoke tests of "+env.Name, found)
	if err != nil {
		return s.judged(ctx, env, d, err)
	}
	if len(found) == 0 {
		s.Report.Warningf("nothing to test", "no service of %s has a health URL in the configuration", env.Name)
	}
	if s.Run.ID == 0 || s.DryRun || d.ID == 0 {
		return nil
	}
	return s.Conclude(ctx, req.Environment, "success", "verified, smoke tests passed")
}

// smoke looks once at all services.
func (s *Suite) smoke(ctx context.Context, env pipeline.Environment) []Finding {
	var out []Finding
	for _, service := range env.Services {
		base, err := url.Parse(service.HealthURL)
		if service.HealthURL == "" || err != nil {
			continue
		}
		health := s.ask(ctx, service.HealthURL)
		out = append(out, health.finding(service.Name, "health"))
		for _, path := range service.SmokePaths {
			if page := base.ResolveReference(&url.URL{Path: path}).String(); page != service.HealthURL {
				out = append(out, s.ask(ctx, page).finding(service.Name, "smoke"))
			}
		}
		out = append(out, s.redirect(ctx, service.Name, base), hsts(service.Name, base, health), headers(service.Name, health), s.debug(ctx, service, base))
	}
	return out
}

// redirect judges whether plain HTTP is sent to TLS.
func (s *Suite) redirect(ctx context.Context, service string, base *url.URL) Finding {
	f := Finding{Service: service, Check: "redirect", Verdict: pipeline.NotApplicable, Sentence: "its address is plain http"}
	if base.Scheme != "https" {
		return f
	}
	plain := *base
	plain.Scheme, plain.Host = "http", base.Hostname()
	a := s.ask(ctx, plain.String())
	f.Verdict, f.URL, f.Status, f.Took = pipeline.Fail, a.url, a.status, a.took
	location := ""
	if a.err == nil {
		location = a.header.Get("Location")
	}
	switch {
	case a.err != nil: // nobody listens: nothing is served without TLS
		f.Verdict, f.Sentence = pipeline.Pass, "plain http is not answered"
	case a.status >= 300 && a.status < 400 && strings.HasPrefix(location, "https://"):
		f.Verdict, f.Sentence = pipeline.Pass, fmt.Sprintf("plain http answers %d to https", a.status)
	case a.status >= 300 && a.status < 400:
		f.Sentence = fmt.Sprintf("plain http answers %d to %q, which is no https", a.status, location)
	default:
		f.Sentence = fmt.Sprintf("plain http answers %d and does not redirect; set SECURE_SSL_REDIRECT, or a redirect on the load balancer", a.status)
	}
	return f
}

// hsts judges whether browsers are told to stay with TLS.
func hsts(service string, base *url.URL, a answer) Finding {
	f := Finding{Service: service, Check: "hsts", Verdict: pipeline.NotApplicable, Sentence: "its address is plain http"}
	if base.Scheme != "https" {
		return f
	}
	f.Verdict = pipeline.Fail
	if a.err != nil {
		f.Verdict, f.Sentence = pipeline.Unknown, "there was no answer"
		return f
	}
	value := a.header.Get("Strict-Transport-Security")
	age := -1
	for directive := range strings.SplitSeq(value, ";") {
		if name, number, _ := strings.Cut(strings.TrimSpace(directive), "="); strings.EqualFold(name, "max-age") {
			if n, err := strconv.Atoi(strings.Trim(number, `"`)); err == nil {
				age = n
			}
		}
	}
	switch {
	case value == "":
		f.Sentence = "no Strict-Transport-Security; set SECURE_HSTS_SECONDS"
	case age < shortestHSTS:
		f.Sentence = fmt.Sprintf("Strict-Transport-Security has max-age %d, below %d", age, shortestHSTS)
	default:
		f.Verdict, f.Sentence = pipeline.Pass, value
	}
	return f
}

// headers judges the security headers that Django's SecurityMiddleware and its
// neighbours set.
func headers(service string, a answer) Finding {
	f := Finding{Service: service, Check: "headers", Verdict: pipeline.Pass, Sentence: "nosniff, framing and referrer are restricted"}
	if a.err != nil {
		f.Verdict, f.Sentence = pipeline.Unknown, "there was no answer"
		return f
	}
	var missing []string
	if !strings.EqualFold(a.header.Get("X-Content-Type-Options"), "nosniff") {
		missing = append(missing, "X-Content-Type-Options: nosniff")
	}
	if a.header.Get("X-Frame-Options") == "" && !strings.Contains(a.header.Get("Content-Security-Policy"), "frame-ancestors") {
		missing = append(missing, "X-Frame-Options, or frame-ancestors in Content-Security-Policy")
	}
	if a.header.Get("Referrer-Policy") == "" {
		missing = append(missing, "Referrer-Policy")
	}
	if len(missing) > 0 {
		f.Verdict, f.Sentence = pipeline.Fail, "without "+strings.Join(missing, "; without ")
	}
	return f
}

// debug judges whether DEBUG is off: Django's error pages tell everything where
// it is on.
func (s *Suite) debug(ctx context.Context, service pipeline.Service, base *url.URL) Finding {
	a := s.ask(ctx, base.ResolveReference(&url.URL{Path: nowhere}).String())
	f := Finding{Service: service.Name, Check: "debug", Verdict: pipeline.Pass, Sentence: "DEBUG is off", URL: a.url, Status: a.status, Took: a.took}
	said := answer{}
	if service.VersionURL != "" {
		said = s.ask(ctx, service.VersionURL)
	}
	switch {
	case a.err != nil:
		f.Verdict, f.Sentence = pipeline.Unknown, "there was no answer"
	case bytes.Contains(a.body, []byte("DEBUG = True")), bytes.Contains(a.body, []byte("Using the URLconf defined in")), admitsDebug(said.body):
		f.Verdict, f.Sentence = pipeline.Fail, "DEBUG is on: its error pages show settings and source"
	case a.status >= http.StatusInternalServerError:
		f.Verdict, f.Sentence = pipeline.Fail, fmt.Sprintf("a page that is not there answers %d", a.status)
	}
	return f
}

// admitsDebug reports whether a version page says that DEBUG is on.
func admitsDebug(body []byte) bool {
	var page struct {
		Debug bool `json:"debug"`
	}
	return json.Unmarshal(body, &page) == nil && page.Debug
}
