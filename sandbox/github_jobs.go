package sandbox

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

var jobRoutes = []route{
	{"GET " + inRepository + "/actions/runs/{run}/jobs", "read", withRun(listJobs)},
	{"GET " + inRepository + "/actions/runs/{run}/attempts/{attempt}/jobs", "read", withAttempt(listAttemptJobs)},
	{"GET " + inRepository + "/actions/jobs/{job}", "read", withJob(func(c *call, j *Job) reply { return ok(c.jobJSON(j)) })},
	{"GET " + inRepository + "/actions/jobs/{job}/logs", "read", withJob(redirectToLog)},
	{"GET " + inRepository + "/actions/runs/{run}/logs", "read", withRun(func(c *call, r *Run) reply { return redirectToZip(c, r, r.Attempt()) })},
	{"GET " + inRepository + "/actions/runs/{run}/attempts/{attempt}/logs", "read", withAttempt(redirectToZip)},
}

func withJob(answer func(*call, *Job) reply) func(*call) reply {
	return func(c *call) reply {
		j := c.w.Hub.job(c.pathID("job"))
		if j == nil {
			return notFound()
		}
		return answer(c, j)
	}
}

// job finds a job by id, in any attempt of any run; nil when there is none.
func (h *Hub) job(id int64) *Job {
	for _, r := range slices.Backward(h.Runs) {
		for _, a := range r.Attempts {
			for _, j := range a.Jobs {
				if j.ID == id {
					return j
				}
			}
		}
	}
	return nil
}

func listJobs(c *call, r *Run) reply {
	if c.r.URL.Query().Get("filter") != "all" {
		return c.jobsReply(r.Attempt().Jobs)
	}
	var all []*Job
	for _, a := range r.Attempts {
		all = append(all, a.Jobs...)
	}
	return c.jobsReply(all)
}

func listAttemptJobs(c *call, _ *Run, a *Attempt) reply { return c.jobsReply(a.Jobs) }

func (c *call) jobsReply(jobs []*Job) reply {
	part, header := page(c, jobs, 30, 100)
	return reply{status: 200, header: header, body: object{"total_count": len(jobs), "jobs": collect(part, c.jobJSON)}}
}

func (c *call) jobJSON(j *Job) object {
	var runner, group any
	if j.Runner != "" {
		runner, group = j.Runner, "GitHub Actions"
	}
	started := j.Started
	if started.IsZero() {
		started = j.Created
	}
	return object{
		"id": j.ID, "node_id": fmt.Sprintf("CR_%d", j.ID), "run_id": j.Run.ID, "run_attempt": j.Attempt,
		"run_url":  c.api("/actions/runs/%d", j.Run.ID),
		"head_sha": j.Run.SHA, "head_branch": j.Run.Branch, "workflow_name": j.Run.Workflow.Name,
		"name": j.Name, "status": j.Status, "conclusion": orNull(j.Conclusion),
		"created_at": stamp(j.Created), "started_at": stamp(started), "completed_at": stamp(j.Completed),
		"labels": j.Labels, "runner_id": nil, "runner_name": runner, "runner_group_id": nil, "runner_group_name": group,
		"steps": collect(j.Steps, stepJSON), "check_run_url": c.api("/check-runs/%d", j.ID),
		"url": c.api("/actions/jobs/%d", j.ID), "html_url": c.web("/actions/runs/%d/job/%d", j.Run.ID, j.ID),
	}
}

func stepJSON(s *Step) object {
	return object{
		"number": s.Number, "name": s.Name, "status": s.Status, "conclusion": orNull(s.Conclusion),
		"started_at": stamp(s.Started), "completed_at": stamp(s.Completed),
	}
}

// blobURL is where a log is kept: on another host, without authentication.
func (c *call) blobURL(format string, args ...any) string {
	path := fmt.Sprintf("/_blobs"+format, args...)
	if c.base == "http://"+githubAPIHost {
		return "http://" + blobHost + path
	}
	return c.base + path
}

func redirect(to string) reply {
	return reply{status: http.StatusFound, header: map[string]string{"Location": to}}
}

func redirectToLog(c *call, j *Job) reply { return redirect(c.blobURL("/jobs/%d", j.ID)) }

func redirectToZip(c *call, r *Run, a *Attempt) reply {
	if a.Status != "completed" {
		return notFound()
	}
	return redirect(c.blobURL("/runs/%d/%d", r.ID, a.Number))
}

// serveBlob serves the log of a job that has ended, or the zip of an attempt.
func (s *Sandbox) serveBlob(w *answer, r *http.Request) {
	s.countOther()
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/_blobs/"), "/")
	number := func(i int) int64 {
		if i >= len(parts) {
			return 0
		}
		n, _ := strconv.ParseInt(parts[i], 10, 64)
		return n
	}
	j, run, left := s.blob(number(1))
	switch {
	case parts[0] == "artifacts" && left != nil:
		w.Header().Set("Content-Type", "application/zip")
		_, _ = w.Write(left.archive())
	case parts[0] == "jobs" && j != nil && j.Status == "completed" && len(j.Steps) > 0 && j.Runner != "":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(j.log()))
	case parts[0] == "runs" && run != nil && int(number(2)) >= 1 && int(number(2)) <= len(run.Attempts):
		w.Header().Set("Content-Type", "application/zip")
		_, _ = w.Write(run.Attempts[number(2)-1].logs())
	default:
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`<?xml version="1.0" encoding="utf-8"?><Error><Code>BlobNotFound</Code><Message>The specified blob does not exist.</Message></Error>`))
	}
}

// blob finds what has an id: a job, a run or an artifact of any repository.
func (s *Sandbox) blob(id int64) (j *Job, r *Run, a *artifact) {
	for _, w := range s.worlds() {
		if j == nil {
			j = w.Hub.job(id)
		}
		if r == nil {
			r = w.Hub.run(id)
		}
		if found, ok := w.Hub.artifact(id); ok {
			a = &found
		}
	}
	return j, r, a
}

// log is a job's whole log, as a runner writes it.
func (j *Job) log() string {
	var out strings.Builder
	for _, step := range j.Steps {
		out.WriteString(j.stepLog(step))
	}
	return out.String()
}

func (j *Job) stepLog(step *Step) string {
	if step.Conclusion == "skipped" || step.Started.IsZero() {
		return ""
	}
	var out strings.Builder
	line := func(at time.Time, text string) {
		fmt.Fprintf(&out, "%s %s\n", at.UTC().Format("2006-01-02T15:04:05.0000000Z"), text)
	}
	at := step.Started
	switch {
	case step.Number == 1:
		line(at, "Current runner version: '2.321.0'")
		line(at, "##[group]Runner Image")
		line(at, "Image: ubuntu-24.04")
		line(at, "##[endgroup]")
		line(at, "Complete job name: "+j.Name)
	case step.Command != "":
		line(at, "##[group]Run "+strings.SplitN(step.Command, "\n", 2)[0])
		for text := range strings.Lines(step.Command) {
			line(at, "\x1b[36;1m"+strings.TrimSuffix(text, "\n")+"\x1b[0m")
		}
		line(at, "shell: /usr/bin/bash -e {0}")
		line(at, "##[endgroup]")
	case step.Uses != "":
		line(at, "##[group]Run "+step.Uses)
		line(at, "##[endgroup]")
	default:
		line(at, step.Name)
	}
	for _, said := range append(typicalOutput(j, step), step.Output...) {
		line(said.At, said.Text)
	}
	if step.Conclusion == "failure" && len(step.Output) == 0 {
		line(step.Completed, "##[error]Process completed with exit code 1.")
	}
	return out.String()
}

// typicalOutput is what well-known tools print, spread over the step's time.
func typicalOutput(j *Job, step *Step) []OutputLine {
	var lines []string
	switch service := j.matrix["service"]; {
	case strings.HasPrefix(step.Uses, "actions/checkout@"):
		lines = []string{"Syncing repository: acme/shop", "HEAD is now at " + short(j.Run.SHA) + " " + j.Run.Title}
	case strings.HasPrefix(step.Command, "pytest"), strings.Contains(step.Command, "&& pytest"):
		lines = []string{"============================= test session starts ==============================", "collected 214 items", "tests/test_api.py ............................................... [ 22%]"}
		if step.Conclusion == "failure" {
			lines = append(lines, step.failed.report()...)
		} else {
			lines = append(lines, "tests/test_models.py ............................................ [100%]", "============================= 214 passed in 98.02s =============================")
		}
	case strings.HasPrefix(step.Command, "npm test"):
		lines = []string{"> web@3.2.0 test", "\x1b[32m✓\x1b[39m src/search.test.ts \x1b[2m(14 tests)\x1b[22m 212ms"}
		if step.Conclusion == "failure" {
			lines = append(lines, "\x1b[31m❯\x1b[39m src/cart.test.ts \x1b[2m(9 tests | 1 failed)\x1b[22m 341ms",
				"\x1b[31mAssertionError: expected 10.01 to be 10 // Object.is equality\x1b[39m", " ❯ src/cart.test.ts:41:25", "\x1b[1m\x1b[31mTests  1 failed | 22 passed (23)\x1b[39m\x1b[22m")
		} else {
			lines = append(lines, "\x1b[1m\x1b[32mTests  23 passed (23)\x1b[39m\x1b[22m")
		}
	case strings.HasPrefix(step.Uses, "docker/build-push-action@"):
		lines = []string{"#1 [internal] load build definition from Dockerfile", "#7 [4/5] RUN pip install --no-cache-dir -r requirements.txt", "#7 CACHED", "#9 pushing manifest for shop/" + service + ":" + j.Run.SHA}
	case strings.Contains(step.Uses, "trivy"):
		lines = []string{"INFO  Detecting vulnerabilities...", "Total: 0 (HIGH: 0, CRITICAL: 0)"}
	case strings.Contains(step.Command, "terraform"):
		lines = []string{"Success! The configuration is valid.", "Apply complete! Resources: 0 added, 0 changed, 0 destroyed."}
	}
	length := step.Completed.Sub(step.Started)
	var out []OutputLine
	for i, text := range lines {
		out = append(out, OutputLine{At: step.Started.Add(length * time.Duration(i+1) / time.Duration(len(lines)+1)), Text: text})
	}
	return out
}

// logs is the zip of an attempt: one file a job and one a step, named as
// GitHub names them.
func (a *Attempt) logs() []byte {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	add := func(name, content string) {
		if f, err := archive.Create(name); err == nil {
			_, _ = f.Write([]byte(content))
		}
	}
	for i, j := range a.Jobs {
		if len(j.Steps) == 0 {
			continue
		}
		name := strings.NewReplacer("/", "", ":", "").Replace(j.Name)
		add(fmt.Sprintf("%d_%s.txt", i, name), j.log())
		for _, step := range j.Steps {
			if text := j.stepLog(step); text != "" {
				add(fmt.Sprintf("%s/%d_%s.txt", name, step.Number, strings.NewReplacer("/", "", ":", "").Replace(step.Name)), text)
			}
		}
	}
	_ = archive.Close()
	return out.Bytes()
}
