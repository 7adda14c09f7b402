package ghclient

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const aCommit = `{"sha":"9f8e7d6","author":{"login":"bob"},"commit":{"message":"Merge develop\n\nTwo things","tree":{"sha":"77aa"},
	"author":{"name":"Bob B","date":"2026-11-22T10:00:00Z"},"committer":{"date":"2026-11-22T10:01:00Z"}},"parents":[{"sha":"a"},{"sha":"b"}]}`

func TestCommit(t *testing.T) {
	g := newRegistry(t)
	g.get("/commits/feature%2Fx", aCommit)
	got, err := g.reader().Commit(t.Context(), "feature/x")
	want := pipeline.Commit{
		SHA: "9f8e7d6", Tree: "77aa", Title: "Merge develop", Message: "Merge develop\n\nTwo things", Author: "bob",
		Authored: at(t, "2026-11-22T10:00:00Z"), Committed: at(t, "2026-11-22T10:01:00Z"), Parents: []string{"a", "b"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestMissingCommit(t *testing.T) {
	for _, status := range []int{404, 422} {
		g := newRegistry(t)
		g.on("GET", "/repos/acme/shop/commits/abc", status, `{"message":"No commit found for SHA: abc"}`)
		_, err := g.reader().Commit(t.Context(), "abc")
		fails(t, err, pipeline.KindNotFound, "cannot read the commit of abc: there is no commit, branch or tag abc")
	}
}

func TestCommits(t *testing.T) {
	g := newRegistry(t)
	g.get("/commits?sha=main&per_page=2", "["+strings.Replace(aCommit, `{"login":"bob"}`, "null", 1)+`,{"sha":"2"},{"sha":"3"}]`)
	got, err := g.reader().Commits(t.Context(), "main", 2)
	if err != nil || len(got) != 2 || got[0].Author != "Bob B" || got[1].SHA != "2" {
		t.Errorf("got %+v, %v", got, err)
	}
	g = newRegistry(t)
	g.get("/commits?per_page=30", `[]`)
	if got, err := g.reader().Commits(t.Context(), "", 0); err != nil || got == nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestCompare(t *testing.T) {
	g := newRegistry(t)
	g.get("/compare/v1...feature%2Fx?per_page=100", `{"status":"diverged","ahead_by":2,"behind_by":1,"total_commits":2,"commits":[{"sha":"1"}],
		"files":[{"filename":"b","previous_filename":"a","status":"renamed","additions":3,"deletions":1}]}`).
		with("Link", `<http://api.github.localhost/repos/acme/shop/compare/v1...feature%2Fx?page=2>; rel="next"`)
	g.get("/compare/v1...feature%2Fx?page=2", `{"status":"diverged","total_commits":2,"commits":[{"sha":"2"}],"files":[]}`)
	got, err := g.reader().Compare(t.Context(), "v1", "feature/x")
	want := pipeline.Comparison{
		Base: "v1", Head: "feature/x", Status: "diverged", Ahead: 2, Behind: 1,
		Commits: []pipeline.Commit{{SHA: "1"}, {SHA: "2"}},
		Files:   []pipeline.ChangedFile{{Path: "b", Previous: "a", Status: "renamed", Additions: 3, Deletions: 1}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestCompareSaysWhenItIsNotWhole(t *testing.T) {
	files := strings.TrimSuffix(strings.Repeat(`{"filename":"f"},`, mostFiles), ",")
	tests := []struct {
		name, body string
		want       bool
	}{
		{"whole", `{"total_commits":1,"commits":[{"sha":"1"}],"files":[]}`, false},
		{"commits held back", `{"total_commits":2,"commits":[{"sha":"1"}],"files":[]}`, true},
		{"files held back", fmt.Sprintf(`{"total_commits":1,"commits":[{"sha":"1"}],"files":[%s]}`, files), true},
		{"identical", `{"status":"identical","total_commits":0,"commits":[],"files":[]}`, false},
	}
	for _, tt := range tests {
		g := newRegistry(t)
		g.get("/compare/a...b", tt.body)
		if got, err := g.reader().Compare(t.Context(), "a", "b"); err != nil || got.Truncated != tt.want {
			t.Errorf("%s: got %v, %v", tt.name, got.Truncated, err)
		}
	}
}

func TestCompareWithoutCommonHistory(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/repos/acme/shop/compare/a...b", 404, `{"message":"No common ancestor between a and b."}`)
	_, err := g.reader().Compare(t.Context(), "a", "b")
	fails(t, err, pipeline.KindNotFound, "cannot compare a and b: one of the two commits does not exist")
}

func TestChecks(t *testing.T) {
	g := newRegistry(t)
	g.get("/commits/abc/check-runs?filter=latest", `{"check_runs":[
		{"id":1,"name":"test","status":"completed","conclusion":"failure","started_at":"2026-11-22T10:00:00Z","html_url":"https://old"},
		{"id":2,"name":"test","status":"completed","conclusion":"success","started_at":"2026-11-22T11:00:00Z","html_url":"https://new"},
		{"id":3,"name":"build","status":"completed","conclusion":"success","started_at":"2026-11-22T10:00:00Z"},
		{"id":4,"name":"build","status":"queued","conclusion":null,"started_at":null}]}`)
	g.get("/commits/abc/status", `{"state":"pending","statuses":[{"context":"codecov","state":"error","target_url":"https://c"},
		{"context":"legacy","state":"pending"},{"context":"sonar","state":"success","target_url":null}]}`)
	got, err := g.reader().Checks(t.Context(), "abc")
	want := []pipeline.Check{
		{Name: "build", Status: "queued"},
		{Name: "codecov", Status: "completed", Conclusion: "failure", URL: "https://c"},
		{Name: "legacy", Status: "pending"},
		{Name: "sonar", Status: "completed", Conclusion: "success"},
		{Name: "test", Status: "completed", Conclusion: "success", URL: "https://new"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A fine-grained token cannot read check runs. It is asked once, and runs
// stand for them.
func TestChecksWithoutThePermission(t *testing.T) {
	for _, status := range []int{403, 404} {
		g := newRegistry(t)
		denied := g.on("GET", "/repos/acme/shop/commits/abc/check-runs", status, `{"message":"Resource not accessible by personal access token"}`)
		denied.many = status == 404 // which may also mean that this commit is unknown
		g.get("/actions/runs?head_sha=abc", `{"workflow_runs":[{"id":2,"name":"CI","status":"in_progress"},{"id":1,"name":"CI","status":"completed","conclusion":"failure"}]}`).always()
		g.get("/commits/abc/status", `{"statuses":[{"context":"codecov","state":"success"}]}`).always()
		r := g.reader()
		for range 2 {
			got, err := r.Checks(t.Context(), "abc")
			want := []pipeline.Check{{Name: "CI", Status: "in_progress", FromRun: true}, {Name: "codecov", Status: "completed", Conclusion: "success"}}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%d: got %+v, %v", status, got, err)
			}
		}
	}
}

// Half an answer must not look green.
func TestChecksWithUnreadableStatuses(t *testing.T) {
	g := newRegistry(t)
	g.get("/commits/abc/check-runs", `{"check_runs":[{"name":"test","status":"completed","conclusion":"success"}]}`)
	g.on("GET", "/repos/acme/shop/commits/abc/status", 500, `{}`)
	got, err := g.reader().Checks(t.Context(), "abc")
	fails(t, err, pipeline.KindUnavailable, "cannot read the statuses of abc")
	if got != nil {
		t.Errorf("got %+v", got)
	}
}
