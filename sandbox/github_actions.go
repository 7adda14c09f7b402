package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

var actionsRoutes = []route{
	{"GET " + inRepository + "/actions/workflows", "read", listWorkflows},
	{"GET " + inRepository + "/actions/workflows/{workflow}", "read", withWorkflow(func(c *call, f *Workflow) reply { return ok(c.workflowJSON(f)) })},
	{"GET " + inRepository + "/actions/workflows/{workflow}/runs", "read", withWorkflow(listRuns)},
	{"GET " + inRepository + "/actions/workflows/{workflow}/timing", "read", withWorkflow(func(*call, *Workflow) reply { return ok(object{"billable": object{}}) })},
	{"PUT " + inRepository + "/actions/workflows/{workflow}/enable", "write", withWorkflow(switchWorkflow("active"))},
	{"PUT " + inRepository + "/actions/workflows/{workflow}/disable", "write", withWorkflow(switchWorkflow("disabled_manually"))},
	{"POST " + inRepository + "/actions/workflows/{workflow}/dispatches", "write", withWorkflow(dispatch)},
	{"GET " + inRepository + "/actions/runs", "read", func(c *call) reply { return listRuns(c, nil) }},
	{"GET " + inRepository + "/actions/runs/{run}", "read", withRun(func(c *call, r *Run) reply { return ok(c.runJSON(r, r.Attempt())) })},
	{"GET " + inRepository + "/actions/runs/{run}/attempts/{attempt}", "read", withAttempt(func(c *call, r *Run, a *Attempt) reply { return ok(c.runJSON(r, a)) })},
	{"GET " + inRepository + "/actions/runs/{run}/timing", "read", withRun(getTiming)},
	{"POST " + inRepository + "/actions/runs/{run}/rerun", "write", withRun(rerunAll)},
	{"POST " + inRepository + "/actions/runs/{run}/rerun-failed-jobs", "write", withRun(rerunFailed)},
	{"POST " + inRepository + "/actions/jobs/{job}/rerun", "write", withJob(rerunJob)},
	{"POST " + inRepository + "/actions/runs/{run}/cancel", "write", withRun(cancelRun(false))},
	{"POST " + inRepository + "/actions/runs/{run}/force-cancel", "write", withRun(cancelRun(true))},
	{"DELETE " + inRepository + "/actions/runs/{run}", "admin", withRun(deleteRun)},
}

func withWorkflow(answer func(*call, *Workflow) reply) func(*call) reply {
	return func(c *call) reply {
		f := c.w.Hub.workflow(c.r.PathValue("workflow"))
		if f == nil {
			return notFound()
		}
		return answer(c, f)
	}
}

func withRun(answer func(*call, *Run) reply) func(*call) reply {
	return func(c *call) reply {
		r := c.w.Hub.run(c.pathID("run"))
		if r == nil {
			return notFound()
		}
		return answer(c, r)
	}
}

func withAttempt(answer func(*call, *Run, *Attempt) reply) func(*call) reply {
	return withRun(func(c *call, r *Run) reply {
		n := int(c.pathID("attempt"))
		if n < 1 || n > len(r.Attempts) {
			return notFound()
		}
		return answer(c, r, r.Attempts[n-1])
	})
}

func listWorkflows(c *call) reply {
	all := c.w.Hub.Workflows
	part, header := page(c, all, 30, 100)
	return reply{status: 200, header: header, body: object{"total_count": len(all), "workflows": collect(part, c.workflowJSON)}}
}

func (c *call) workflowJSON(f *Workflow) object {
	return object{
		"id": f.ID, "node_id": fmt.Sprintf("W_%d", f.ID), "name": f.Name, "path": f.Path, "state": f.State,
		"created_at": stamp(f.Created), "updated_at": stamp(f.Updated),
		"url":       c.api("/actions/workflows/%d", f.ID),
		"html_url":  c.web("/blob/main/%s", f.Path),
		"badge_url": c.web("/workflows/%s/badge.svg", f.Name),
	}
}

func switchWorkflow(state string) func(*call, *Workflow) reply {
	return func(c *call, f *Workflow) reply {
		f.State, f.Updated = state, c.w.now
		return nothing()
	}
}

// listRuns lists runs newest first, by all of GitHub's filters.
func listRuns(c *call, of *Workflow) reply {
	match := c.runFilter()
	var found []*Run
	for _, r := range slices.Backward(c.w.Hub.Runs) {
		if (of == nil || r.Workflow == of) && match(r) {
			found = append(found, r)
		}
	}
	total := len(found)
	if c.isSearch() {
		found = found[:min(1000, total)]
	}
	part, header := page(c, found, 30, 100)
	return reply{status: 200, header: header, body: object{
		"total_count":   total,
		"workflow_runs": collect(part, func(r *Run) object { return c.runJSON(r, r.Attempt()) }),
	}}
}

func (c *call) isSearch() bool {
	query := c.r.URL.Query()
	return slices.ContainsFunc([]string{"actor", "branch", "check_suite_id", "created", "event", "head_sha", "status"}, query.Has)
}

func (c *call) runFilter() func(*Run) bool {
	query := c.r.URL.Query()
	is := func(name, value string) bool { return !query.Has(name) || query.Get(name) == value }
	from, to := window(query.Get("created"))
	return func(r *Run) bool {
		a := r.Attempt()
		status := query.Get("status")
		return is("actor", r.Actor.Login) && is("branch", r.Branch) && is("event", r.Event) && is("head_sha", r.SHA) &&
			is("check_suite_id", strconv.FormatInt(r.CheckSuite, 10)) &&
			(status == "" || status == a.Status || status == a.Conclusion) &&
			!r.Created.Before(from) && (to.IsZero() || !r.Created.After(to))
	}
}

// window reads a search range of dates: A..B, >=A, >A, <=B, <B or a day. The
// ends are inclusive; a zero end is open.
func window(text string) (from, to time.Time) {
	switch before, after, isRange := strings.Cut(text, ".."); {
	case text == "":
	case isRange:
		from, _ = moment(before)
		_, to = moment(after)
	case strings.HasPrefix(text, ">="):
		from, _ = moment(text[2:])
	case strings.HasPrefix(text, ">"):
		_, from = moment(text[1:])
		from = from.Add(time.Second)
	case strings.HasPrefix(text, "<="):
		_, to = moment(text[2:])
	case strings.HasPrefix(text, "<"):
		to, _ = moment(text[1:])
		to = to.Add(-time.Second)
	default:
		from, to = moment(text)
	}
	return from, to
}

// moment reads a date or a time; a date spans its day.
func moment(text string) (from, to time.Time) {
	if day, err := time.Parse("2006-01-02", text); err == nil {
		return day, day.Add(24*time.Hour - time.Second)
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, at.Add(time.Second - 1)
		}
	}
	return time.Time{}, time.Time{}
}

func (c *call) runJSON(r *Run, a *Attempt) object {
	commit := c.w.Hub.Repository.Commits[r.SHA]
	url := c.api("/actions/runs/%d", r.ID)
	updated := a.Updated
	out := object{
		"id": r.ID, "node_id": fmt.Sprintf("WFR_%d", r.ID), "name": r.Workflow.Name, "display_title": r.Title,
		"path": r.Workflow.Path, "run_number": r.Number, "run_attempt": a.Number, "event": r.Event,
		"status": a.Status, "conclusion": orNull(a.Conclusion), "workflow_id": r.Workflow.ID,
		"head_branch": r.Branch, "head_sha": r.SHA, "actor": c.userJSON(r.Actor), "triggering_actor": c.userJSON(a.Triggering),
		"created_at": stamp(r.Created), "updated_at": stamp(updated), "run_started_at": stamp(a.Started),
		"check_suite_id": r.CheckSuite, "check_suite_node_id": fmt.Sprintf("CS_%d", r.CheckSuite),
		"html_url": c.web("/actions/runs/%d", r.ID), "url": url, "jobs_url": url + "/jobs", "logs_url": url + "/logs",
		"check_suite_url": c.api("/check-suites/%d", r.CheckSuite), "artifacts_url": url + "/artifacts",
		"cancel_url": url + "/cancel", "rerun_url": url + "/rerun", "workflow_url": c.api("/actions/workflows/%d", r.Workflow.ID),
		"pull_requests": []object{}, "referenced_workflows": []object{}, "previous_attempt_url": nil,
		"head_commit": object{
			"id": r.SHA, "tree_id": commit.TreeSHA, "message": commit.Message, "timestamp": stamp(commit.Committed),
			"author": object{"name": commit.Author.Name, "email": commit.Author.Email}, "committer": object{"name": commit.Author.Name, "email": commit.Author.Email},
		},
		"repository":      c.briefRepository(),
		"head_repository": c.briefRepository(),
	}
	if a.Number > 1 {
		out["previous_attempt_url"] = fmt.Sprintf("%s/attempts/%d", url, a.Number-1)
	}
	return out
}

func (c *call) briefRepository() object {
	r := c.w.Hub.Repository
	return object{
		"id": r.ID, "node_id": fmt.Sprintf("R_%d", r.ID), "name": r.Name, "full_name": r.FullName(), "private": true,
		"owner": object{"login": r.Owner, "id": 900, "type": "Organization"}, "html_url": c.web(""), "url": c.api(""),
	}
}

func getTiming(_ *call, r *Run) reply {
	a := r.Attempt()
	return ok(object{"billable": object{}, "run_duration_ms": a.Updated.Sub(a.Started).Milliseconds()})
}

// dispatch starts a workflow; with return_run_details it says which run.
func dispatch(c *call, f *Workflow) reply {
	ref := textOf(c.body["ref"])
	if ref == "" {
		return unprocessable("Invalid request.\n\n\"ref\" wasn't supplied.")
	}
	if f.State != "active" {
		return unprocessable("Cannot trigger a 'workflow_dispatch' on a disabled workflow")
	}
	inputs, _ := c.body["inputs"].(object)
	for name, value := range inputs {
		if _, isText := value.(string); !isText {
			return unprocessable("Invalid request.\n\nFor 'properties/%s', %v is not a string.", name, value)
		}
	}
	run, err := c.w.Dispatch(f, ref, inputs, c.user)
	if err != nil {
		return unprocessable("%s", err)
	}
	if !truthy(c.body["return_run_details"]) {
		return nothing()
	}
	return ok(object{
		"workflow_run_id": run.ID, "run_url": c.api("/actions/runs/%d", run.ID), "html_url": c.web("/actions/runs/%d", run.ID),
	})
}

// rerunnable refuses what GitHub refuses to run again.
func (c *call) rerunnable(r *Run) *reply {
	refused := func(why string) *reply {
		p := refusal(http.StatusForbidden, "%s", why)
		return &p
	}
	switch {
	case r.Attempt().Status != "completed":
		return refused("This workflow run is already running and can not be retried")
	case c.w.now.Sub(r.Created) > 30*day:
		return refused("Unable to retry this workflow run because it was created over a month ago")
	case len(r.Attempts) >= 50:
		return refused("This workflow run cannot be retried again: it has been retried 50 times")
	}
	return nil
}

func rerunAll(c *call, r *Run) reply {
	if p := c.rerunnable(r); p != nil {
		return *p
	}
	c.w.Rerun(r, c.user, func(*Job) bool { return false })
	return created(object{})
}

func rerunFailed(c *call, r *Run) reply {
	if p := c.rerunnable(r); p != nil {
		return *p
	}
	if !slices.ContainsFunc(r.Attempt().Jobs, func(j *Job) bool { return failed(j) }) {
		return refusal(http.StatusForbidden, "This workflow run cannot be retried: it has no failed jobs")
	}
	again := c.w.withDependents(r, failed)
	c.w.Rerun(r, c.user, func(j *Job) bool { return !again[j.ID] })
	return created(object{})
}

func failed(j *Job) bool {
	return j.Conclusion == "failure" || j.Conclusion == "cancelled" || j.Conclusion == "timed_out"
}

func rerunJob(c *call, job *Job) reply {
	if p := c.rerunnable(job.Run); p != nil {
		return *p
	}
	again := c.w.withDependents(job.Run, func(j *Job) bool { return j.ID == job.ID })
	c.w.Rerun(job.Run, c.user, func(j *Job) bool { return !again[j.ID] })
	return created(object{})
}

// withDependents gives the ids of the chosen jobs and of all that need them. Of
// a matrix only the chosen combinations run again.
func (w *World) withDependents(r *Run, chosen func(*Job) bool) map[int64]bool {
	again, keys := map[int64]bool{}, map[string]bool{}
	for grown := true; grown; {
		grown = false
		for _, j := range r.Attempt().Jobs {
			if !again[j.ID] && (chosen(j) || slices.ContainsFunc(j.Needs, func(need string) bool { return keys[need] })) {
				again[j.ID], keys[j.Key], grown = true, true, true
			}
		}
	}
	return again
}

func cancelRun(forced bool) func(*call, *Run) reply {
	return func(c *call, r *Run) reply {
		if !c.w.Cancel(r, forced) {
			return refusal(http.StatusConflict, "Cannot cancel a workflow run that is completed.")
		}
		return reply{status: http.StatusAccepted, body: object{}}
	}
}

func deleteRun(c *call, r *Run) reply {
	if r.Attempt().Status != "completed" {
		return refusal(http.StatusForbidden, "Could not delete the workflow run: it has not completed")
	}
	c.w.Hub.Runs = slices.DeleteFunc(c.w.Hub.Runs, func(other *Run) bool { return other == r })
	return nothing()
}
