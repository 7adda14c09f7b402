package ghclient

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/cli/go-gh/v2/pkg/api"
	"github.com/cli/go-gh/v2/pkg/auth"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Dispatch starts a workflow. Where the server says which run it made, the
// answer names it; else RunID is 0 and the caller looks for the run.
func (c *Client) Dispatch(ctx context.Context, d pipeline.Dispatch) (pipeline.Dispatched, error) {
	body := struct {
		Ref        string            `json:"ref"`
		Inputs     map[string]string `json:"inputs,omitempty"`
		RunDetails bool              `json:"return_run_details,omitempty"`
	}{d.Ref, d.Inputs, !auth.IsEnterprise(c.host)} // servers do not know the parameter
	var answer struct {
		RunID int64 `json:"workflow_run_id"`
		URL   text  `json:"html_url"`
	}
	what := call{
		op:      "start the workflow " + d.Workflow,
		missing: "there is no workflow " + d.Workflow + " in " + c.fullName() + " that the token may start",
		explain: func(a *api.HTTPError) *pipeline.Error { return explainDispatch(d, a) },
	}
	err := c.send(ctx, what, c.repoPath("actions", "workflows", d.Workflow, "dispatches"), body, &answer)
	if err != nil {
		return pipeline.Dispatched{}, err
	}
	return pipeline.Dispatched{RunID: answer.RunID, URL: string(answer.URL)}, nil
}

// explainDispatch knows the 422s of a dispatch by GitHub's wording, which no
// document promises: what it does not know is told as GitHub wrote it.
func explainDispatch(d pipeline.Dispatch, a *api.HTTPError) *pipeline.Error {
	if a.StatusCode != http.StatusUnprocessableEntity {
		return nil
	}
	switch message := reason(a); {
	case strings.Contains(message, "No ref found"):
		return &pipeline.Error{Kind: pipeline.KindUsage, Message: "there is no branch or tag " + d.Ref, Hint: "choose one that exists"}
	case strings.Contains(message, "disabled workflow"):
		return &pipeline.Error{
			Kind:    pipeline.KindConflict,
			Message: "the workflow is disabled",
			Hint:    "run gh workflow enable " + d.Workflow,
		}
	case strings.Contains(message, "workflow_dispatch"):
		return &pipeline.Error{
			Kind:    pipeline.KindUsage,
			Message: "the file at " + d.Ref + " cannot be started by hand",
			Hint:    "add workflow_dispatch below its on: key",
		}
	case strings.Contains(message, "Unexpected inputs"), strings.Contains(message, "Required input"):
		return &pipeline.Error{
			Kind:    pipeline.KindUsage,
			Message: message,
			Hint:    "compare the inputs with those that the file at " + d.Ref + " declares",
		}
	}
	return nil
}

// Review approves or rejects environments that hold a run.
func (c *Client) Review(ctx context.Context, run int64, environments []int64, approve bool, comment string) error {
	verb, state := "approve", "approved"
	if !approve {
		verb, state = "reject", "rejected"
	}
	body := struct {
		Environments []int64 `json:"environment_ids"`
		State        string  `json:"state"`
		Comment      string  `json:"comment"`
	}{environments, state, comment}
	what := runCall(verb, run)
	what.explain = explainReview
	return c.send(ctx, what, c.repoPath("actions", "runs", decimal(run), "pending_deployments"), body, nil)
}

// explainReview tells the refusals of a review apart. GitHub documents neither
// their status nor their wording.
func explainReview(a *api.HTTPError) *pipeline.Error {
	message := strings.ToLower(a.Message)
	switch {
	case a.StatusCode != http.StatusForbidden && a.StatusCode != http.StatusUnprocessableEntity:
		return nil
	case strings.Contains(message, "self"), strings.Contains(message, "own deployment"):
		return &pipeline.Error{
			Kind:    pipeline.KindForbidden,
			Message: "the environment does not let people review runs that they started themselves",
			Hint:    "ask another reviewer",
		}
	case strings.Contains(message, "no pending deployment"), strings.Contains(message, "not pending"):
		return &pipeline.Error{
			Kind:    pipeline.KindConflict,
			Message: "nothing holds the run any more: somebody decided, or it ended",
		}
	case strings.Contains(message, "reviewer"), strings.Contains(message, "not authorized"), strings.Contains(message, "not allowed"):
		return &pipeline.Error{
			Kind:    pipeline.KindForbidden,
			Message: "GitHub does not let you review it: you are not one of its reviewers, or it was decided already",
			Hint:    "look at the run, or ask one of its reviewers",
		}
	}
	return nil
}

// Rerun runs a finished run again: all of its jobs, or those that failed.
func (c *Client) Rerun(ctx context.Context, run int64, failedOnly, debug bool) error {
	endpoint, what := "rerun", runCall("re-run", run)
	if failedOnly {
		endpoint, what = "rerun-failed-jobs", runCall("re-run the failed jobs of", run)
	}
	what.explain = explainRerun
	return c.send(ctx, what, c.repoPath("actions", "runs", decimal(run), endpoint), rerunBody{debug}, nil)
}

// RerunJob runs one job of a finished run again, and those that need it.
func (c *Client) RerunJob(ctx context.Context, job int64, debug bool) error {
	what := call{
		op:      fmt.Sprintf("re-run job %d", job),
		missing: fmt.Sprintf("job %d does not exist, or was deleted", job),
		explain: explainRerun,
	}
	return c.send(ctx, what, c.repoPath("actions", "jobs", decimal(job), "rerun"), rerunBody{debug}, nil)
}

type rerunBody struct {
	Debug bool `json:"enable_debug_logging"`
}

// explainRerun tells GitHub's refusals, which come as 403, from missing rights.
func explainRerun(a *api.HTTPError) *pipeline.Error {
	message := strings.ToLower(a.Message)
	switch {
	case a.StatusCode != http.StatusForbidden && a.StatusCode != http.StatusUnprocessableEntity:
		return nil
	case strings.Contains(message, "already running"), strings.Contains(message, "in progress"), strings.Contains(message, "not completed"):
		return &pipeline.Error{Kind: pipeline.KindConflict, Message: "it still runs", Hint: "wait for its end, or cancel it first"}
	case strings.Contains(message, "month ago"), strings.Contains(message, "too old"), strings.Contains(message, "30 days"):
		return &pipeline.Error{Kind: pipeline.KindConflict, Message: "it is older than 30 days, and GitHub does not re-run such", Hint: "start the workflow anew"}
	case strings.Contains(message, "workflow file may be broken"), strings.Contains(message, "cannot be retried"), strings.Contains(message, "cannot be rerun"):
		return &pipeline.Error{Kind: pipeline.KindConflict, Message: reason(a), Hint: "start the workflow anew"}
	}
	return nil
}

// Cancel ends a run; force does not wait for the jobs' own clean-up.
func (c *Client) Cancel(ctx context.Context, run int64, force bool) error {
	endpoint, what := "cancel", runCall("cancel", run)
	if force {
		endpoint = "force-cancel"
	}
	what.explain = func(a *api.HTTPError) *pipeline.Error {
		if a.StatusCode != http.StatusConflict {
			return nil
		}
		return &pipeline.Error{Kind: pipeline.KindConflict, Message: "the run has already finished"}
	}
	return c.send(ctx, what, c.repoPath("actions", "runs", decimal(run), endpoint), struct{}{}, nil)
}
