package ghclient

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// etagServer answers 304 to whoever knows its tag, and counts.
type etagServer struct {
	tag, body    string
	full, spared int
	last         http.Header
}

func (s *etagServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.last = r.Header.Clone()
	if r.Header.Get("If-None-Match") == s.tag {
		s.spared++
		return answerWith(http.StatusNotModified, "", "X-Ratelimit-Remaining", "4000"), nil
	}
	s.full++
	return answerWith(http.StatusOK, s.body, "Etag", s.tag, "Link", `<http://api.github.localhost/x?page=2>; rel="next"`, "X-Ratelimit-Remaining", "4999"), nil
}

func roundTrip(t *testing.T, rt http.RoundTripper, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestConditionalAnswersWhatDidNotChange(t *testing.T) {
	server := &etagServer{tag: `W/"1"`, body: "first"}
	c := newConditional(server, 1<<10)
	roundTrip(t, c, ask(t, "GET"))
	resp, body := roundTrip(t, c, ask(t, "GET"))
	if server.full != 1 || server.spared != 1 {
		t.Fatalf("%d full and %d spared answers, want one of each", server.full, server.spared)
	}
	if resp.StatusCode != 200 || body != "first" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	if got := resp.Header.Get("X-Ratelimit-Remaining"); got != "4000" {
		t.Errorf("the rate limit is %s, want the fresh one", got)
	}
	if resp.Header.Get("Link") == "" {
		t.Error("the stored Link is gone")
	}
	server.tag, server.body = `W/"2"`, "second"
	if _, body := roundTrip(t, c, ask(t, "GET")); body != "second" {
		t.Errorf("got %q after a change", body)
	}
	if _, body := roundTrip(t, c, ask(t, "GET")); body != "second" || server.spared != 2 {
		t.Errorf("got %q, %d spared: the new tag was not kept", body, server.spared)
	}
}

func TestConditionalKeepsAnswersApart(t *testing.T) {
	tests := []struct {
		name   string
		change func(*http.Request)
		spared int
	}{
		{"same", func(*http.Request) {}, 1},
		{"another token", func(r *http.Request) { r.Header.Set("Authorization", "token b") }, 0},
		{"another Accept", func(r *http.Request) { r.Header.Set("Accept", acceptRaw) }, 0},
		{"another address", func(r *http.Request) { r.URL.RawQuery = "page=2" }, 0},
		{"no token", func(r *http.Request) { r.Header.Del("Authorization") }, 0},
		{"HEAD", func(r *http.Request) { r.Method = "HEAD" }, 0},
		{"POST", func(r *http.Request) { r.Method = "POST" }, 0},
		{"uncached", func(r *http.Request) { *r = *r.WithContext(pipeline.Uncached(r.Context())) }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := &etagServer{tag: `"1"`, body: "x"}
			c := newConditional(server, 1<<10)
			roundTrip(t, c, ask(t, "GET"))
			req := ask(t, "GET")
			tt.change(req)
			roundTrip(t, c, req)
			if server.spared != tt.spared {
				t.Errorf("%d spared, want %d", server.spared, tt.spared)
			}
			if tt.name == "uncached" && server.last.Get("Cache-Control") != "no-cache" {
				t.Error("an uncached read does not say so")
			}
		})
	}
}

func TestConditionalUncachedReadRefreshesTheStore(t *testing.T) {
	server := &etagServer{tag: `"1"`, body: "old"}
	c := newConditional(server, 1<<10)
	roundTrip(t, c, ask(t, "GET"))
	server.tag, server.body = `"2"`, "new"
	req := ask(t, "GET")
	roundTrip(t, c, req.WithContext(pipeline.Uncached(req.Context())))
	if _, body := roundTrip(t, c, ask(t, "GET")); body != "new" || server.spared != 1 {
		t.Errorf("got %q with %d spared", body, server.spared)
	}
}

func TestConditionalStoresOnlyWhatItMay(t *testing.T) {
	tests := []struct {
		name string
		resp func() *http.Response
		want int
	}{
		{"a success", func() *http.Response { return answerWith(200, "x", "Etag", "a") }, 1},
		{"no tag", func() *http.Response { return answerWith(200, "x") }, 0},
		{"an error", func() *http.Response { return answerWith(404, "x", "Etag", "a") }, 0},
		{"a redirect", func() *http.Response { return answerWith(302, "x", "Etag", "a") }, 0},
		{"forbidden", func() *http.Response { return answerWith(200, "x", "Etag", "a", "Cache-Control", "private, no-store") }, 0},
		{"too large", func() *http.Response { return answerWith(200, strings.Repeat("x", 300), "Etag", "a") }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newConditional(carried(func(*http.Request) (*http.Response, error) { return tt.resp(), nil }), 1<<10)
			roundTrip(t, c, ask(t, "GET"))
			if len(c.entries) != tt.want {
				t.Errorf("%d entries, want %d", len(c.entries), tt.want)
			}
		})
	}
}

func TestConditionalLetsTheLeastRecentlyUsedGo(t *testing.T) {
	c := newConditional(carried(func(r *http.Request) (*http.Response, error) {
		return answerWith(200, strings.Repeat("x", 30), "Etag", r.URL.RawQuery), nil
	}), 120)
	read := func(page string) {
		req := ask(t, "GET")
		req.URL.RawQuery = page
		roundTrip(t, c, req)
	}
	for _, page := range []string{"1", "2", "3", "4", "1", "5"} {
		read(page)
	}
	var kept []string
	for e := c.recent.Front(); e != nil; e = e.Next() {
		kept = append(kept, e.Value.(*cached).etag)
	}
	if got := strings.Join(kept, ""); got != "5143" || c.size != 120 || len(c.entries) != 4 {
		t.Errorf("kept %s, %d bytes, %d entries", got, c.size, len(c.entries))
	}
}

func TestConditionalKeepsNoTokenInTheClear(t *testing.T) {
	c := newConditional(&etagServer{tag: "a"}, 1<<10)
	roundTrip(t, c, ask(t, "GET"))
	for key, el := range c.entries {
		e := el.Value.(*cached)
		if strings.Contains(key.url+key.accept+e.etag, "token") || e.header.Get("Authorization") != "" {
			t.Error("the token is in the cache")
		}
	}
}
