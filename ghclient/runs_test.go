package ghclient

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const aRun = `{
	"id": 210, "workflow_id": 3, "path": ".github/workflows/cd-production.yml", "name": "CD production",
	"display_title": "Promote v1.42.0", "run_number": 87, "run_attempt": 2, "event": "push",
	"status": "completed", "conclusion": "failure", "head_branch": "main", "head_sha": "9f8e7d6",
	"head_commit": {"message": "Merge develop\n\nbody", "author": {"name": "Bob"}},
	"actor": {"login": "bob"}, "triggering_actor": {"login": "alice"},
	"created_at": "2026-11-22T10:00:00Z", "run_started_at": "2026-11-22T10:05:00Z", "updated_at": "2026-11-22T10:30:00Z",
	"html_url": "https://github.com/acme/shop/actions/runs/210"}`

func TestRun(t *testing.T) {
	g := newRegistry(t)
	g.get("/actions/runs/210?exclude_pull_requests=true", aRun)
	got, err := g.reader().Run(t.Context(), 210)
	want := pipeline.Run{
		ID: 210, WorkflowID: 3, Workflow: "cd-production.yml", Name: "CD production", Title: "Promote v1.42.0",
		Number: 87, Attempt: 2, Event: "push", Status: "completed", Conclusion: "failure", Branch: "main", SHA: "9f8e7d6",
		CommitTitle: "Merge develop", Actor: "bob", TriggeringActor: "alice",
		Created: at(t, "2026-11-22T10:00:00Z"), Started: at(t, "2026-11-22T10:05:00Z"), Updated: at(t, "2026-11-22T10:30:00Z"),
		URL: "https://github.com/acme/shop/actions/runs/210",
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What GitHub leaves out or adds must not break a run.
func TestSparseRun(t *testing.T) {
	g := newRegistry(t)
	g.get("/actions/runs/1", `{"id":1,"conclusion":null,"actor":null,"head_commit":null,"status":"hatching","run_started_at":null,"surprise":[1]}`)
	got, err := g.reader().Run(t.Context(), 1)
	if err != nil || got.Status != "hatching" || got.Conclusion != "" || got.Actor != "" || got.Workflow != "" || !got.Started.IsZero() {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestMissingRun(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/repos/acme/shop/actions/runs/7", 404, `{"message":"Not Found"}`)
	_, err := g.reader().Run(t.Context(), 7)
	fails(t, err, pipeline.KindNotFound, "cannot read run 7: run 7 does not exist, or was deleted")
}

func TestRunsFilter(t *testing.T) {
	from, until := at(t, "2026-11-22T11:00:00+01:00"), at(t, "2026-11-23T00:00:00Z")
	tests := []struct {
		query pipeline.RunQuery
		path  string
		want  string // the query that is sent, beside exclude_pull_requests
	}{
		{pipeline.RunQuery{}, "/actions/runs", "per_page=50"},
		{pipeline.RunQuery{Limit: 7}, "/actions/runs", "per_page=7"},
		{pipeline.RunQuery{Limit: 250}, "/actions/runs", "per_page=100"},
		{pipeline.RunQuery{Workflow: "ci.yml", Branch: "feature/a b"}, "/actions/workflows/ci.yml/runs", "branch=feature%2Fa+b&per_page=50"},
		{pipeline.RunQuery{Actor: "alice", Event: "push", Status: "waiting", SHA: "abc"}, "/actions/runs", "actor=alice&event=push&head_sha=abc&per_page=50&status=waiting"},
		{pipeline.RunQuery{CreatedFrom: from}, "/actions/runs", "created=%3E%3D2026-11-22T10%3A00%3A00Z&per_page=50"},
		{pipeline.RunQuery{CreatedUntil: until}, "/actions/runs", "created=%3C%3D2026-11-23T00%3A00%3A00Z&per_page=50"},
		{pipeline.RunQuery{CreatedFrom: from, CreatedUntil: until}, "/actions/runs", "created=2026-11-22T10%3A00%3A00Z..2026-11-23T00%3A00%3A00Z&per_page=50"},
	}
	for _, tt := range tests {
		g := newRegistry(t)
		g.get(tt.path, `{"total_count":0,"workflow_runs":[]}`)
		if _, err := g.reader().Runs(t.Context(), tt.query); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(g.last().url)
		if err != nil {
			t.Fatal(err)
		}
		sent := u.Query()
		if sent.Get("exclude_pull_requests") != "true" {
			t.Error("pull requests are not excluded")
		}
		sent.Del("exclude_pull_requests")
		if sent.Encode() != tt.want {
			t.Errorf("%+v: sent %s, want %s", tt.query, sent.Encode(), tt.want)
		}
	}
}

// runsPage is a page with runs of those ids.
func runsPage(total, from, count int) string {
	var runs []string
	for i := range count {
		runs = append(runs, fmt.Sprintf(`{"id":%d}`, from-i))
	}
	return fmt.Sprintf(`{"total_count":%d,"workflow_runs":[%s]}`, total, strings.Join(runs, ","))
}

func TestRunsPages(t *testing.T) {
	const next = `<http://api.github.localhost/repos/acme/shop/actions/runs?page=2>; rel="next"`
	tests := []struct {
		limit, want, requests int
	}{
		{150, 150, 2},
		{100, 100, 1},
		{400, 180, 2}, // the repository has no more
	}
	for _, tt := range tests {
		g := newRegistry(t)
		g.get("/actions/runs?per_page=100", runsPage(180, 180, 100)).with("Link", next)
		if tt.requests == 2 {
			g.get("/actions/runs?page=2", runsPage(180, 80, 80))
		}
		got, err := g.reader().Runs(t.Context(), pipeline.RunQuery{Limit: tt.limit})
		if err != nil || len(got.Runs) != tt.want || got.Total != 180 || g.count() != tt.requests {
			t.Fatalf("limit %d: %d of %d runs in %d requests, %v", tt.limit, len(got.Runs), got.Total, g.count(), err)
		}
		if got.Runs[0].ID != 180 || got.Runs[tt.want-1].ID != int64(180-tt.want+1) {
			t.Errorf("limit %d: from %d to %d", tt.limit, got.Runs[0].ID, got.Runs[tt.want-1].ID)
		}
	}
}

func TestRunsOfAMissingWorkflow(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/repos/acme/shop/actions/workflows/no.yml/runs", 404, `{"message":"Not Found"}`)
	_, err := g.reader().Runs(t.Context(), pipeline.RunQuery{Workflow: "no.yml"})
	fails(t, err, pipeline.KindNotFound, "there is no workflow no.yml")
}

func TestConcurrencyGroups(t *testing.T) {
	g := newRegistry(t)
	g.get("/actions/runs/9/concurrency_groups", `{"concurrency_groups":[{"group_name":"deploy-production","group_members":[
		{"run_id":8,"job_id":80,"job_name":"gate","position":0,"status":"in_progress"},
		{"run_id":9,"job_id":null,"job_name":null,"position":1,"status":"pending"}]}]}`)
	got, err := g.reader().ConcurrencyGroups(t.Context(), 9)
	want := []pipeline.ConcurrencyGroup{{Name: "deploy-production", Members: []pipeline.GroupMember{
		{RunID: 8, JobID: 80, JobName: "gate", Status: "in_progress"}, {RunID: 9, Position: 1, Status: "pending"},
	}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, status := range []int{404, 422} {
		g := newRegistry(t)
		g.on("GET", "/repos/acme/shop/actions/runs/9/concurrency_groups", status, `{"message":"x"}`)
		_, err := g.reader().ConcurrencyGroups(t.Context(), 9)
		fails(t, err, pipeline.KindNotFound, "GitHub shows no concurrency groups for run 9")
	}
}
