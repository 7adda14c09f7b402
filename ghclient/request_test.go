package ghclient

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func TestRequestsAreOurs(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/user", 200, `{"login":"alice","id":7}`)
	if _, err := g.reader().Viewer(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := g.last().header
	for name, want := range map[string]string{
		"Accept":               "application/vnd.github+json",
		"User-Agent":           "gh-deployctl/1.2.3",
		"Authorization":        "token secret-token",
		"X-Github-Api-Version": "2022-11-28",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestPagingFollowsLinks(t *testing.T) {
	g := newRegistry(t)
	g.get("/tags?per_page=100", `[{"name":"v1","commit":{"sha":"a"}}]`).
		with("Link", `<http://api.github.localhost/repositories/9/tags?after=cursor&per_page=100>; rel="next", <http://api.github.localhost/z>; rel="last"`)
	g.on("GET", "/repositories/9/tags?after=cursor", 200, `[{"name":"v2","commit":{"sha":"b"}}]`).
		with("Link", `<http://api.github.localhost/y>; rel="prev"`)
	g.get("/branches?per_page=100", `[{"name":"main","commit":{"sha":"c"}}]`)
	refs, err := g.reader().Refs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []pipeline.Ref{{Name: "main", SHA: "c"}, {Name: "v1", SHA: "a", Tag: true}, {Name: "v2", SHA: "b", Tag: true}}
	if len(refs) != 3 || refs[0] != want[0] || refs[1] != want[1] || refs[2] != want[2] {
		t.Errorf("got %v", refs)
	}
}

func TestPagingIsBounded(t *testing.T) {
	g := newRegistry(t)
	g.get("/branches", `[{"name":"b"}]`).with("Link", `</repos/acme/shop/branches?page=2>; rel=next`).always()
	g.get("/tags", `[]`)
	refs, err := g.reader().Refs(t.Context())
	if err != nil || len(refs) != mostRefPages || g.count() != mostRefPages+1 {
		t.Errorf("%d refs in %d requests, %v", len(refs), g.count(), err)
	}
}

// The tags of a commit are looked for on all pages, also beyond those that a list
// of refs reads.
func TestTagsOfReadsAllPages(t *testing.T) {
	g := newRegistry(t)
	const last = mostRefPages + 3
	for n := 1; n < last; n++ {
		g.get(fmt.Sprintf("/tags?page=%d", n), `[{"name":"old","commit":{"sha":"b"}}]`).
			with("Link", fmt.Sprintf(`</repos/acme/shop/tags?page=%d>; rel=next`, n+1))
	}
	g.get(fmt.Sprintf("/tags?page=%d", last), `[{"name":"v1.42.0","commit":{"sha":"a"}},{"name":"w","commit":{"sha":"c"}}]`)
	g.get("/tags?per_page=100", `[{"name":"latest","commit":{"sha":"a"}}]`).with("Link", `</repos/acme/shop/tags?page=1>; rel=next`)
	tags, err := g.reader().TagsOf(t.Context(), "a")
	if err != nil || !slices.Equal(tags, []string{"latest", "v1.42.0"}) || g.count() != last+1 {
		t.Errorf("%v in %d requests, %v", tags, g.count(), err)
	}
}

func TestPagingStaysOnTheHost(t *testing.T) {
	for _, next := range []string{"http://evil.test/x", "https://api.github.localhost/x", "http://api.github.localhost:81/x"} {
		g := newRegistry(t)
		g.get("/branches", `[]`).with("Link", "<"+next+`>; rel="next"`)
		_, err := g.reader().Refs(t.Context())
		fails(t, err, pipeline.KindInvalid, "another host")
	}
}

func TestNextPage(t *testing.T) {
	at, err := http.NewRequest("GET", "http://h.test/a?b=c", nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ link, want string }{
		{"", ""},
		{`<http://h.test/p2>; rel="next"`, "http://h.test/p2"},
		{`<http://h.test/p0>; rel="prev", <http://h.test/p2>; rel="next"`, "http://h.test/p2"},
		{`<http://h.test/p2>; rel=next; title="x"`, "http://h.test/p2"},
		{`<http://h.test/p2>; title="next"; rel="last"`, ""},
		{`http://h.test/p2; rel="next"`, ""},
		{`<?page=2>; rel="next"`, "http://h.test/a?page=2"},
		{`garbage`, ""},
	}
	for _, tt := range tests {
		resp := &http.Response{Request: at, Header: http.Header{"Link": {tt.link}}}
		if got, err := nextPage(resp); got != tt.want || err != nil {
			t.Errorf("%s: got %q, %v", tt.link, got, err)
		}
	}
}

// A body that breaks off in the middle is asked for again, and never taken for
// the whole.
func TestTornAnswer(t *testing.T) {
	tear := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"login":"ali`)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.(*net.TCPConn).Close()
		}
	}
	g := newRegistry(t)
	g.on("GET", "/user", 200, "").serve = tear
	g.on("GET", "/user", 200, `{"login":"alice"}`)
	v, err := g.reader().Viewer(t.Context())
	if err != nil || v.Login != "alice" || g.count() != 2 {
		t.Errorf("got %v, %v in %d requests", v, err, g.count())
	}

	g = newRegistry(t)
	s := g.on("GET", "/user", 200, "").always()
	s.serve = tear
	_, err = g.reader().Viewer(t.Context())
	fails(t, err, pipeline.KindUnavailable, "api.github.localhost", "broke the connection off")
	if g.count() != retryAttempts {
		t.Errorf("%d requests", g.count())
	}
}

func TestUnchangedAnswersAreFree(t *testing.T) {
	g := newRegistry(t)
	r := g.reader()
	s := g.on("GET", "/user", 200, "").always()
	s.serve = func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Etag", `"1"`)
		w.Header().Set("Content-Type", "application/json")
		if req.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, `{"login":"alice"}`)
	}
	for range 5 {
		if v, err := r.Viewer(t.Context()); err != nil || v.Login != "alice" {
			t.Fatalf("got %v, %v", v, err)
		}
	}
	if _, err := r.Viewer(pipeline.Uncached(t.Context())); err != nil {
		t.Fatal(err)
	}
	if got := r.Rate(); got.Sent != 6 || got.Counted != 2 {
		t.Errorf("got %+v, want 6 sent and 2 counted", got)
	}
}

func TestWhatIsNotJSON(t *testing.T) {
	for _, body := range []string{"", "<html>", `{"login":`, `{"login":3}`, `[]`} {
		g := newRegistry(t)
		g.on("GET", "/user", 200, body)
		_, err := g.reader().Viewer(t.Context())
		fails(t, err, pipeline.KindInvalid, "cannot read who is signed in", "cannot be understood")
	}
}

func TestTextsAreSanitised(t *testing.T) {
	g := newRegistry(t)
	g.get("/actions/runs/7", `{"id":7,"path":".github/workflows/ci.yml@main","display_title":"\u001b[31mred\u001b[0m\r\u202etxt",
		"head_branch":"a\u0007b","head_commit":{"message":"fix\u001b]0;x\u0007\n\nbody"},"actor":{"login":"al\u0000ice"}}`)
	run, err := g.reader().Run(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	if run.Title != "red txt" || run.Branch != "ab" || run.CommitTitle != "fix" || run.Actor != "alice" || run.Workflow != "ci.yml" {
		t.Errorf("got %+v", run)
	}
}

func TestLargestAnswer(t *testing.T) {
	resp := answerWith(200, "")
	resp.Body = io.NopCloser(io.LimitReader(endless{}, maxBody+1))
	_, err := readWhole(resp)
	fails(t, err, pipeline.KindInvalid, strconv.Itoa(maxBody>>20)+" MB")
}

// endless is a body without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, strings.Repeat("x", len(p))), nil }
