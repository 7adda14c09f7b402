package sandbox

import (
	"fmt"
	"slices"
)

var checkRoutes = []route{
	{"GET " + inRepository + "/commits/{ref}/status", "read", combinedStatus},
	{"GET " + inRepository + "/commits/{ref}/statuses", "read", listStatuses},
	{"POST " + inRepository + "/statuses/{sha}", "write", createStatus},
	{"GET " + inRepository + "/commits/{ref}/check-runs", "read", listCheckRuns},
	{"GET " + inRepository + "/commits/{ref}/check-suites", "read", listCheckSuites},
	{"GET " + inRepository + "/check-runs/{job}", "read", withJob(func(c *call, j *Job) reply { return ok(c.checkRunJSON(j)) })},
	{"GET " + inRepository + "/check-runs/{job}/annotations", "read", withJob(listAnnotations)},
	{"GET " + inRepository + "/check-suites/{suite}", "read", withSuite(func(c *call, r *Run) reply { return ok(c.checkSuiteJSON(r)) })},
	{"GET " + inRepository + "/check-suites/{suite}/check-runs", "read", withSuite(func(c *call, r *Run) reply { return c.checkRunsReply(r.Attempt().Jobs) })},
}

func withSuite(answer func(*call, *Run) reply) func(*call) reply {
	return func(c *call) reply {
		for _, r := range c.w.Hub.Runs {
			if r.CheckSuite == c.pathID("suite") {
				return answer(c, r)
			}
		}
		return notFound()
	}
}

// combinedStatus sums up the newest status of each context; without any it is
// pending, as on GitHub.
func combinedStatus(c *call) reply {
	commit := c.w.Hub.Repository.resolve(c.r.PathValue("ref"))
	if commit == nil {
		return notFound()
	}
	newest := map[string]*CommitStatus{}
	for _, s := range c.w.Hub.Statuses[commit.SHA] {
		newest[s.Context] = s
	}
	state := "pending"
	var list []*CommitStatus
	for _, context := range sortedKeys(newest) {
		list = append(list, newest[context])
	}
	if len(list) > 0 {
		state = "success"
	}
	for _, s := range list {
		if s.State == "pending" && state == "success" {
			state = "pending"
		}
		if s.State == "failure" || s.State == "error" {
			state = "failure"
		}
	}
	return ok(object{
		"state": state, "sha": commit.SHA, "total_count": len(list), "statuses": collect(list, c.statusJSON),
		"repository": c.briefRepository(), "url": c.api("/commits/%s/status", commit.SHA),
	})
}

func (c *call) statusJSON(s *CommitStatus) object {
	return object{
		"id": s.ID, "state": s.State, "context": s.Context, "description": orNull(s.Description), "target_url": nil,
		"created_at": stamp(s.Created), "updated_at": stamp(s.Created), "creator": c.userJSON(s.Creator),
	}
}

func listStatuses(c *call) reply {
	commit := c.w.Hub.Repository.resolve(c.r.PathValue("ref"))
	if commit == nil {
		return notFound()
	}
	newest := slices.Clone(c.w.Hub.Statuses[commit.SHA])
	slices.Reverse(newest)
	part, header := page(c, newest, 30, 100)
	return reply{status: 200, header: header, body: collect(part, c.statusJSON)}
}

func createStatus(c *call) reply {
	commit := c.w.Hub.Repository.Commits[c.r.PathValue("sha")]
	if commit == nil {
		return unprocessable("No commit found for SHA: %s", c.r.PathValue("sha"))
	}
	state, context := textOf(c.body["state"]), textOf(c.body["context"])
	if !slices.Contains([]string{"error", "failure", "pending", "success"}, state) {
		return unprocessable("Validation Failed")
	}
	if context == "" {
		context = "default"
	}
	s := &CommitStatus{ID: c.w.nextID("status"), State: state, Context: context, Description: textOf(c.body["description"]), Created: c.w.now, Creator: c.user}
	c.w.Hub.Statuses[commit.SHA] = append(c.w.Hub.Statuses[commit.SHA], s)
	return created(c.statusJSON(s))
}

// listCheckRuns lists the jobs of the runs on a commit as check runs, the
// newest of each name unless all are asked for.
func listCheckRuns(c *call) reply {
	commit := c.w.Hub.Repository.resolve(c.r.PathValue("ref"))
	if commit == nil {
		return unprocessable("No commit found for SHA: %s", c.r.PathValue("ref"))
	}
	query := c.r.URL.Query()
	var jobs []*Job
	seen := map[string]bool{}
	for _, r := range slices.Backward(c.w.Hub.Runs) {
		if r.SHA != commit.SHA {
			continue
		}
		for _, j := range r.Attempt().Jobs {
			key := r.Workflow.Path + j.Name
			if seen[key] && query.Get("filter") != "all" || query.Has("check_name") && query.Get("check_name") != j.Name || query.Has("status") && query.Get("status") != checkStatus(j) {
				continue
			}
			seen[key] = true
			jobs = append(jobs, j)
		}
	}
	return c.checkRunsReply(jobs)
}

func (c *call) checkRunsReply(jobs []*Job) reply {
	part, header := page(c, jobs, 30, 100)
	return reply{status: 200, header: header, body: object{"total_count": len(jobs), "check_runs": collect(part, c.checkRunJSON)}}
}

// checkStatus is a job's status in the words of checks, which know no waiting
// in lists by status.
func checkStatus(j *Job) string { return j.Status }

func (c *call) checkRunJSON(j *Job) object {
	return object{
		"id": j.ID, "node_id": fmt.Sprintf("CR_%d", j.ID), "name": j.Name, "head_sha": j.Run.SHA, "external_id": "",
		"status": checkStatus(j), "conclusion": orNull(j.Conclusion), "started_at": stamp(j.Started), "completed_at": stamp(j.Completed),
		"url": c.api("/check-runs/%d", j.ID), "html_url": c.web("/actions/runs/%d/job/%d", j.Run.ID, j.ID), "details_url": c.web("/actions/runs/%d/job/%d", j.Run.ID, j.ID),
		"output": object{
			"title": nil, "summary": nil, "text": nil, "annotations_count": len(j.Annotations), "annotations_url": c.api("/check-runs/%d/annotations", j.ID),
		},
		"app":         object{"id": 15368, "slug": "github-actions", "name": "GitHub Actions"},
		"check_suite": object{"id": j.Run.CheckSuite}, "pull_requests": []object{},
	}
}

func listCheckSuites(c *call) reply {
	commit := c.w.Hub.Repository.resolve(c.r.PathValue("ref"))
	if commit == nil {
		return unprocessable("No commit found for SHA: %s", c.r.PathValue("ref"))
	}
	runs := slices.DeleteFunc(slices.Clone(c.w.Hub.Runs), func(r *Run) bool { return r.SHA != commit.SHA })
	part, header := page(c, runs, 30, 100)
	return reply{status: 200, header: header, body: object{"total_count": len(runs), "check_suites": collect(part, c.checkSuiteJSON)}}
}

func (c *call) checkSuiteJSON(r *Run) object {
	a := r.Attempt()
	return object{
		"id": r.CheckSuite, "node_id": fmt.Sprintf("CS_%d", r.CheckSuite), "head_branch": r.Branch, "head_sha": r.SHA,
		"status": a.Status, "conclusion": orNull(a.Conclusion), "latest_check_runs_count": len(a.Jobs),
		"app":        object{"id": 15368, "slug": "github-actions", "name": "GitHub Actions"},
		"created_at": stamp(r.Created), "updated_at": stamp(r.Updated), "url": c.api("/check-suites/%d", r.CheckSuite),
		"check_runs_url": c.api("/check-suites/%d/check-runs", r.CheckSuite),
	}
}

func listAnnotations(c *call, j *Job) reply {
	part, header := page(c, j.Annotations, 30, 100)
	return reply{status: 200, header: header, body: collect(part, func(a Annotation) object {
		return object{
			"path": a.Path, "start_line": a.Line, "end_line": a.Line, "start_column": nil, "end_column": nil,
			"annotation_level": a.Level, "title": a.Title, "message": a.Message, "raw_details": nil,
			"blob_href": c.web("/blob/%s/%s", j.Run.SHA, a.Path),
		}
	})}
}
