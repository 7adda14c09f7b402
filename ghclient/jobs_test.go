package ghclient

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

func TestJobs(t *testing.T) {
	g := newRegistry(t)
	g.get("/actions/runs/210/jobs?filter=latest&per_page=100", `{"total_count":2,"jobs":[{"id":31,"run_id":210,"run_attempt":2,"name":"deploy","status":"in_progress","conclusion":null,
		"created_at":"2026-11-22T10:00:00Z","started_at":"2026-11-22T10:00:05Z","completed_at":null,"runner_name":"runner-1","html_url":"https://x/31",
		"steps":[{"number":1,"name":"Set up job","status":"completed","conclusion":"success","started_at":"2026-11-22T10:00:05Z","completed_at":"2026-11-22T10:00:06Z"},
			{"number":2,"name":"Deploy","status":"queued","conclusion":null}]}]}`).
		with("Link", `<http://api.github.localhost/repos/acme/shop/actions/runs/210/jobs?page=2>; rel="next"`)
	g.get("/actions/runs/210/jobs?page=2", `{"total_count":2,"jobs":[{"id":32,"name":"verify","status":"queued","steps":null}]}`)
	got, err := g.reader().Jobs(t.Context(), 210, 0)
	want := []pipeline.Job{{
		ID: 31, RunID: 210, Attempt: 2, Name: "deploy", Status: "in_progress", Runner: "runner-1", URL: "https://x/31",
		Created: at(t, "2026-11-22T10:00:00Z"), Started: at(t, "2026-11-22T10:00:05Z"),
		Steps: []pipeline.Step{
			{Number: 1, Name: "Set up job", Status: "completed", Conclusion: "success", Started: at(t, "2026-11-22T10:00:05Z"), Completed: at(t, "2026-11-22T10:00:06Z")},
			{Number: 2, Name: "Deploy", Status: "queued"},
		},
	}, {ID: 32, Name: "verify", Status: "queued"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestJobsOfAnAttempt(t *testing.T) {
	g := newRegistry(t)
	g.get("/actions/runs/210/attempts/1/jobs", `{"jobs":[{"id":1}]}`)
	if got, err := g.reader().Jobs(t.Context(), 210, 1); err != nil || len(got) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	g = newRegistry(t)
	g.on("GET", "/repos/acme/shop/actions/runs/210/attempts/9/jobs", 404, `{}`)
	_, err := g.reader().Jobs(t.Context(), 210, 9)
	fails(t, err, pipeline.KindNotFound, "cannot list the jobs of run 210: attempt 9 of run 210 does not exist")
}

func TestJobLog(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/repos/acme/shop/actions/jobs/31/logs", 302, "").with("Location", "http://store.test/log?sig=s3cret")
	g.on("GET", "http://store.test/log?sig=s3cret", 200,
		"\ufeff2026-11-22T10:00:05.1234567Z ##[group]Run\r\n"+
			"2026-11-22T10:00:06.0000000Z \x1b[36;1mdocker\x1b[0m\tpull 10%\r20%\r\n"+
			"2026-11-22T10:00:07Z\n"+
			"no time here\xff\n").with("Content-Type", "text/plain")
	got, err := g.reader().JobLog(t.Context(), 31)
	want := []pipeline.LogText{
		{At: time.Date(2026, 11, 22, 10, 0, 5, 123456700, time.UTC), Text: "##[group]Run"},
		{At: time.Date(2026, 11, 22, 10, 0, 6, 0, time.UTC), Text: "docker    pull 10% 20%", Colour: []sanitise.Span{{To: 6, Look: sanitise.Look{Foreground: sanitise.Palette(6), Bold: true}}}},
		{At: time.Date(2026, 11, 22, 10, 0, 7, 0, time.UTC)},
		{Text: "no time here\ufffd"},
	}
	if err != nil || got.JobID != 31 || !reflect.DeepEqual(got.Lines, want) {
		t.Errorf("got %+v, %v", got.Lines, err)
	}
	if h := g.last().header; h.Get("Authorization") != "" {
		t.Error("the store got the token")
	}
	if got := g.last(); got.header.Get("If-None-Match") != "" {
		t.Error("the store was asked conditionally")
	}
}

func TestEmptyJobLog(t *testing.T) {
	for _, body := range []string{"", "\n", "\ufeff"} {
		if got := logLines(body); len(got) != 0 {
			t.Errorf("%+v: %+v", body, got)
		}
	}
}

func TestJobLogThatIsNotThere(t *testing.T) {
	tests := []struct {
		name   string
		stub   func(*registry)
		status string
	}{
		{"still running", func(g *registry) {
			g.on("GET", "/repos/acme/shop/actions/jobs/31/logs", 302, "").with("Location", "http://store.test/log")
			g.on("GET", "http://store.test/log", 404, `<?xml version="1.0"?><Error><Code>BlobNotFound</Code></Error>`).with("Content-Type", "application/xml")
		}, "the job still runs, or it never ran"},
		{"no such job", func(g *registry) {
			g.on("GET", "/repos/acme/shop/actions/jobs/31/logs", 404, `{"message":"Not Found"}`)
		}, "the job still runs, or it never ran"},
		{"expired", func(g *registry) {
			g.on("GET", "/repos/acme/shop/actions/jobs/31/logs", http.StatusGone, `{"message":"Server Error"}`)
		}, "deleted the log"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newRegistry(t)
			tt.stub(g)
			_, err := g.reader().JobLog(t.Context(), 31)
			fails(t, err, pipeline.KindNotFound, "cannot read the log of job 31", tt.status)
		})
	}
}
