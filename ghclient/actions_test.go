package ghclient

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const dispatches = "/repos/acme/shop/actions/workflows/rollback.yml/dispatches"

func TestDispatch(t *testing.T) {
	d := pipeline.Dispatch{Workflow: "rollback.yml", Ref: "main", Inputs: map[string]string{"deployment_id": "9302", "confirm": "ROLLBACK"}}
	tests := []struct {
		name   string
		status int
		body   string
		want   pipeline.Dispatched
	}{
		{"with the run", 200, `{"workflow_run_id":211,"run_url":"https://api/x","html_url":"https://x/211"}`, pipeline.Dispatched{RunID: 211, URL: "https://x/211"}},
		{"without", 204, "", pipeline.Dispatched{}},
		{"empty", 200, "", pipeline.Dispatched{}},
		{"torn", 200, `{"workflow_run_id":2`, pipeline.Dispatched{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newRegistry(t)
			g.on("POST", dispatches, tt.status, tt.body)
			got, err := g.client().Dispatch(t.Context(), d)
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v", got, err)
			}
			want := `{"ref":"main","inputs":{"confirm":"ROLLBACK","deployment_id":"9302"},"return_run_details":true}`
			if sent := g.last(); sent.body != want || sent.header.Get("Authorization") != "token secret-token" {
				t.Errorf("sent %s", sent.body)
			}
		})
	}
}

// Enterprise servers do not know return_run_details.
func TestDispatchToAnEnterpriseServer(t *testing.T) {
	var sent string
	c, err := NewClient(Options{Host: "ghe.acme.test", Repository: "acme/shop", Token: "x", Transport: carried(func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		sent = r.URL.String() + " " + string(b)
		return answerWith(204, ""), err
	})})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Dispatch(t.Context(), pipeline.Dispatch{Workflow: "ci.yml", Ref: "v1"})
	if err != nil || got.RunID != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	if want := `https://ghe.acme.test/api/v3/repos/acme/shop/actions/workflows/ci.yml/dispatches {"ref":"v1"}`; sent != want {
		t.Errorf("sent %s", sent)
	}
}

func TestDispatchRefused(t *testing.T) {
	tests := []struct {
		status  int
		message string
		kind    pipeline.ErrorKind
		says    string
	}{
		{422, "No ref found for: nope", pipeline.KindUsage, "there is no branch or tag nope"},
		{422, "Workflow does not have 'workflow_dispatch' trigger", pipeline.KindUsage, "the file at nope cannot be started by hand"},
		{422, `Unexpected inputs provided: [\"foo\"]`, pipeline.KindUsage, `Unexpected inputs provided: ["foo"]; compare the inputs with those that the file at nope declares`},
		{422, "Required input 'reason' not provided", pipeline.KindUsage, "Required input 'reason' not provided"},
		{422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow", pipeline.KindConflict, "the workflow is disabled; run gh workflow enable rollback.yml"},
		{422, "Something new", pipeline.KindUsage, "Something new"},
		{404, "Not Found", pipeline.KindNotFound, "there is no workflow rollback.yml in acme/shop"},
		{403, "Resource not accessible by personal access token", pipeline.KindForbidden, "Resource not accessible"},
		{401, "Bad credentials", pipeline.KindAuth, "gh auth login"},
	}
	for _, tt := range tests {
		g := newRegistry(t)
		g.on("POST", dispatches, tt.status, `{"message":"`+tt.message+`"}`)
		_, err := g.client().Dispatch(t.Context(), pipeline.Dispatch{Workflow: "rollback.yml", Ref: "nope"})
		fails(t, err, tt.kind, "cannot start the workflow rollback.yml: ", tt.says)
	}
}

func TestReview(t *testing.T) {
	for state, approve := range map[string]bool{"approved": true, "rejected": false} {
		g := newRegistry(t)
		g.on("POST", "/repos/acme/shop/actions/runs/210/pending_deployments", 200, `[{"id":1}]`)
		if err := g.client().Review(t.Context(), 210, []int64{5, 6}, approve, "go [deployctl ack=A13]"); err != nil {
			t.Fatal(err)
		}
		if want := `{"environment_ids":[5,6],"state":"` + state + `","comment":"go [deployctl ack=A13]"}`; g.last().body != want {
			t.Errorf("sent %s", g.last().body)
		}
	}
}

func TestReviewRefused(t *testing.T) {
	tests := []struct {
		status  int
		message string
		kind    pipeline.ErrorKind
		says    string
	}{
		{422, "There are no pending deployment requests to approve", pipeline.KindConflict, "nothing holds the run any more"},
		{422, "Cannot approve: self-review is not allowed", pipeline.KindForbidden, "runs that they started themselves; ask another reviewer"},
		{403, "Current user is not a required reviewer", pipeline.KindForbidden, "you are not one of its reviewers, or it was decided already"},
		{422, "Something new", pipeline.KindUsage, "Something new"},
		{404, "Not Found", pipeline.KindNotFound, "run 210 does not exist"},
	}
	for _, tt := range tests {
		g := newRegistry(t)
		g.on("POST", "/repos/acme/shop/actions/runs/210/pending_deployments", tt.status, `{"message":"`+tt.message+`"}`)
		err := g.client().Review(t.Context(), 210, []int64{5}, true, "")
		fails(t, err, tt.kind, "cannot approve run 210: ", tt.says)
	}
}

func TestRunActions(t *testing.T) {
	tests := []struct {
		name   string
		act    func(context.Context, *Client) error
		path   string
		status int
		body   string
	}{
		{"rerun", func(ctx context.Context, c *Client) error { return c.Rerun(ctx, 7, false, false) }, "/actions/runs/7/rerun", 201, `{"enable_debug_logging":false}`},
		{"rerun failed", func(ctx context.Context, c *Client) error { return c.Rerun(ctx, 7, true, true) }, "/actions/runs/7/rerun-failed-jobs", 201, `{"enable_debug_logging":true}`},
		{"rerun job", func(ctx context.Context, c *Client) error { return c.RerunJob(ctx, 8, true) }, "/actions/jobs/8/rerun", 201, `{"enable_debug_logging":true}`},
		{"cancel", func(ctx context.Context, c *Client) error { return c.Cancel(ctx, 7, false) }, "/actions/runs/7/cancel", 202, `{}`},
		{"force", func(ctx context.Context, c *Client) error { return c.Cancel(ctx, 7, true) }, "/actions/runs/7/force-cancel", 202, `{}`},
	}
	for _, tt := range tests {
		for _, answer := range []string{"{}", ""} { // GitHub's body says nothing
			g := newRegistry(t)
			g.on("POST", "/repos/acme/shop"+tt.path, tt.status, answer)
			if err := tt.act(t.Context(), g.client()); err != nil || g.last().body != tt.body {
				t.Errorf("%s: sent %s, %v", tt.name, g.last().body, err)
			}
		}
	}
}

func TestRunActionsRefused(t *testing.T) {
	rerun := func(ctx context.Context, c *Client) error { return c.Rerun(ctx, 7, false, false) }
	cancel := func(ctx context.Context, c *Client) error { return c.Cancel(ctx, 7, false) }
	tests := []struct {
		act     func(context.Context, *Client) error
		path    string
		status  int
		message string
		kind    pipeline.ErrorKind
		says    string
	}{
		{rerun, "rerun", 403, "The workflow run is already running", pipeline.KindConflict, "cannot re-run run 7: it still runs"},
		{rerun, "rerun", 403, "Unable to retry this workflow run because it was created over a month ago", pipeline.KindConflict, "older than 30 days"},
		{rerun, "rerun", 403, "This workflow run cannot be retried", pipeline.KindConflict, "cannot be retried"},
		{rerun, "rerun", 403, "Must have admin rights to Repository.", pipeline.KindForbidden, "Must have admin rights"},
		{rerun, "rerun", 404, "Not Found", pipeline.KindNotFound, "run 7 does not exist"},
		{cancel, "cancel", 409, "Cannot cancel a workflow run that is completed.", pipeline.KindConflict, "cannot cancel run 7: the run has already finished"},
		{cancel, "cancel", 403, "Forbidden", pipeline.KindForbidden, "Forbidden"},
	}
	for _, tt := range tests {
		g := newRegistry(t)
		g.on("POST", "/repos/acme/shop/actions/runs/7/"+tt.path, tt.status, `{"message":"`+tt.message+`"}`)
		fails(t, tt.act(t.Context(), g.client()), tt.kind, tt.says)
	}
}

// An action is sent once, whatever comes of it, and the operator is told
// whether it may have had an effect.
func TestActionsAreSentOnce(t *testing.T) {
	dropped := func(w http.ResponseWriter, _ *http.Request) {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}
	tests := []struct {
		name   string
		status int
		serve  http.HandlerFunc
	}{
		{"bad gateway", 502, nil},
		{"unavailable", 503, nil},
		{"gateway time-out", 504, nil},
		{"server error", 500, nil},
		{"connection dropped", 0, dropped},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newRegistry(t)
			s := g.on("POST", "/repos/acme/shop/actions/runs/7/cancel", tt.status, "").always()
			s.serve = tt.serve
			err := g.client().Cancel(t.Context(), 7, false)
			fails(t, err, pipeline.KindUnavailable, "not known whether the request took effect", "before sending it again")
			if g.count() != 1 {
				t.Errorf("sent %d times", g.count())
			}
		})
	}
}

func TestActionThatNeverLeft(t *testing.T) {
	c, err := NewClient(Options{Host: "github.localhost", Repository: "acme/shop", Token: "x", Transport: carried(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	})})
	if err != nil {
		t.Fatal(err)
	}
	fails(t, c.Cancel(t.Context(), 7, false), pipeline.KindUnavailable, "refused the connection; nothing was sent")
}

// A redirected action must not become a GET that succeeds.
func TestActionsAreNotRedirected(t *testing.T) {
	for _, status := range []int{301, 302, 307, 308} {
		g := newRegistry(t)
		g.on("POST", "/repos/acme/shop/actions/runs/7/cancel", status, "").with("Location", "http://api.github.localhost/repositories/9")
		fails(t, g.client().Cancel(t.Context(), 7, false), pipeline.KindConflict, "the repository has moved, and nothing was done")
		if g.count() != 1 {
			t.Errorf("%d: %d requests", status, g.count())
		}
	}
}

// Throttling stops actions too, before they leave.
func TestThrottledAction(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/user", 403, `{"message":"You have exceeded a secondary rate limit"}`)
	c := g.client()
	_, _ = c.Viewer(t.Context())
	err := c.Cancel(t.Context(), 7, false)
	fails(t, err, pipeline.KindThrottled, "cannot cancel run 7: GitHub asked to be left alone until")
	var e *pipeline.Error
	if errors.As(err, &e); e.RetryAfter == 0 || strings.Contains(err.Error(), "took effect") {
		t.Errorf("got %+v", e)
	}
}
