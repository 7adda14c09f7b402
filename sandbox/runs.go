package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rhysd/actionlint"
)

// trigger is what starts a run.
type trigger struct {
	event  string // push, pull_request, workflow_dispatch, schedule
	ref    string // refs/heads/…, refs/tags/…
	commit *Commit
	actor  *User
	inputs object
	title  string // of the pull request
}

// newRun files a run of a workflow with its first attempt, and starts nothing.
func (w *World) newRun(workflow *Workflow, file *workflowFile, t trigger) *Run {
	workflow.runs++
	r := &Run{
		ID: w.nextID("run"), Workflow: workflow, Number: workflow.runs, Event: t.event,
		Ref: t.ref, Branch: shortRef(t.ref), SHA: t.commit.SHA, Actor: t.actor, Inputs: t.inputs,
		Created: w.now, Updated: w.now, CheckSuite: w.nextID("suite"), file: file,
		external: w.external,
	}
	r.Attempts = []*Attempt{{Number: 1, Triggering: t.actor, Started: w.now, Updated: w.now, Status: "queued"}}
	context := r.scope(nil, nil)
	r.Title = t.commit.Title()
	switch {
	case t.title != "":
		r.Title = t.title
	case t.event == "workflow_dispatch":
		r.Title = workflow.Name
	}
	if name := file.syntax.RunName; name != nil {
		if text := strings.TrimSpace(context.expand(name.Value)); text != "" {
			r.Title = text
		}
	}
	if c := file.syntax.Concurrency; c != nil && c.Group != nil {
		r.Group = context.expand(c.Group.Value)
		r.CancelInProgress = context.decides(c.CancelInProgress)
	}
	w.Hub.Runs = append(w.Hub.Runs, r)
	return r
}

// shortRef is a ref without refs/heads/ or refs/tags/.
func shortRef(ref string) string {
	return strings.TrimPrefix(strings.TrimPrefix(ref, "refs/heads/"), "refs/tags/")
}

// scope is what expressions see in a run, or in one of its jobs.
func (r *Run) scope(matrix map[string]string, needs []*Job) scope {
	s := scope{parsed: &r.file.parsed}
	results := make(object, len(needs))
	for _, j := range needs {
		outputs := make(object, len(j.Outputs))
		for name, value := range j.Outputs {
			outputs[name] = value
		}
		results[j.Key] = object{"result": j.Conclusion, "outputs": outputs}
		s.failed = s.failed || j.Conclusion == "failure"
		s.halted = s.halted || j.Conclusion == "cancelled"
		s.skipped = s.skipped || j.Conclusion == "skipped"
	}
	values := make(object, len(matrix))
	for key, value := range matrix {
		values[key] = value
	}
	s.contexts = object{"github": r.context(), "inputs": r.Inputs, "matrix": values, "needs": results}
	return s
}

// context is what expressions know as github. It is made once an attempt:
// whoever adds to it makes a copy.
func (r *Run) context() object {
	a := r.Attempt()
	if a.context != nil {
		return a.context
	}
	refType := "branch"
	if strings.HasPrefix(r.Ref, "refs/tags/") {
		refType = "tag"
	}
	a.context = object{
		"event_name": r.Event, "ref": r.Ref, "ref_name": r.Branch, "ref_type": refType, "sha": r.SHA,
		"run_id": fmt.Sprint(r.ID), "run_number": fmt.Sprint(r.Number), "run_attempt": fmt.Sprint(len(r.Attempts)),
		"actor": r.Actor.Login, "repository": "acme/shop", "workflow": r.Workflow.Name, "head_ref": "",
		"event": object{"inputs": r.Inputs, "pull_request": object{"title": r.Title, "number": float64(r.Number)}},
	}
	return a.context
}

// launch starts an attempt: at once, or when its concurrency group is free.
func (w *World) launch(r *Run) {
	if w.entersGroup(r) {
		w.after(w.between(2*time.Second, 4*time.Second), func() { w.schedule(r, r.Attempt()) })
	}
}

// schedule creates every job whose needs have ended, and ends the attempt when
// nothing is left. As on GitHub, a job does not exist before it may run.
func (w *World) schedule(r *Run, a *Attempt) {
	if a.Status == "completed" || a != r.Attempt() {
		return
	}
	for created := true; created; {
		created = false
		for _, spec := range r.file.jobs {
			missing := a.missing(spec)
			if len(missing) == 0 {
				continue
			}
			needs, ready := a.needs(r.file, spec)
			if !ready {
				continue
			}
			created = true
			for _, matrix := range missing {
				w.openJob(w.newJob(r, a, spec, matrix, needs))
			}
		}
	}
	w.settle(r, a)
}

// missing are the combinations of a job's matrix that the attempt has not begun:
// all of them or, where only some run again, those.
func (a *Attempt) missing(spec *actionlint.Job) []map[string]string {
	if a.Number == 1 && slices.ContainsFunc(a.Jobs, func(j *Job) bool { return j.Key == spec.ID.Value }) {
		return nil
	}
	return slices.DeleteFunc(combinations(spec), func(matrix map[string]string) bool {
		return slices.ContainsFunc(a.Jobs, func(j *Job) bool { return j.Key == spec.ID.Value && maps.Equal(j.matrix, matrix) })
	})
}

// settle derives the attempt's status from its jobs'.
func (w *World) settle(r *Run, a *Attempt) {
	if a.Status == "completed" {
		return
	}
	open := map[string]int{}
	for _, j := range a.Jobs {
		open[j.Status]++
	}
	status := "in_progress"
	switch {
	case open["in_progress"] > 0:
	case open["queued"] > 0 && open["completed"] == 0:
		status = "queued"
	case open["queued"] > 0:
	case open["waiting"] > 0:
		status = "waiting"
	case open["pending"] > 0:
		status = "pending"
	default:
		w.complete(r, a, conclude(a.Jobs))
		return
	}
	if a.Status != status {
		a.Status, a.Updated, r.Updated = status, w.now, w.now
	}
}

// conclude sums up jobs: the worst conclusion wins.
func conclude(jobs []*Job) string {
	seen := map[string]bool{}
	for _, j := range jobs {
		seen[j.Conclusion] = true
	}
	for _, conclusion := range []string{"cancelled", "failure", "success"} {
		if seen[conclusion] {
			return conclusion
		}
	}
	return "skipped"
}

// complete ends an attempt, closes its rollout and lets the next run of the
// concurrency group begin.
func (w *World) complete(r *Run, a *Attempt, conclusion string) {
	a.Status, a.Conclusion, a.Updated, r.Updated = "completed", conclusion, w.now, w.now
	w.closeRollout(r, conclusion)
	w.leaveGroup(r.Group)
}

// Cancel asks for a run's cancellation. It reports false when the run has
// ended. Jobs that run take a moment to stop, unless forced.
func (w *World) Cancel(r *Run, forced bool) bool {
	a := r.Attempt()
	if a.Status == "completed" {
		return false
	}
	running := false
	for _, j := range a.Jobs {
		switch j.Status {
		case "completed":
		case "in_progress":
			running = true
		default:
			w.endJob(j, "cancelled")
		}
	}
	stop := func() {
		if a.Status == "completed" {
			return
		}
		for _, j := range a.Jobs {
			if j.Status != "completed" {
				w.endJob(j, "cancelled")
			}
		}
		if r.external && !forced && len(a.Jobs) > 0 {
			w.schedule(r, a) // jobs that always run still do
			return
		}
		w.complete(r, a, "cancelled")
	}
	if running && !forced {
		w.after(4*time.Second, stop)
		return true
	}
	stop()
	return true
}

// Rerun begins another attempt: of all jobs, or only of those that keep says
// false for; the others are taken over as they ended.
func (w *World) Rerun(r *Run, by *User, keep func(*Job) bool) {
	previous := r.Attempt()
	next := &Attempt{Number: previous.Number + 1, Triggering: by, Started: w.now, Updated: w.now, Status: "queued"}
	for _, j := range previous.Jobs {
		if keep(j) {
			taken := *j
			taken.ID, taken.Attempt = w.nextID("job"), next.Number
			next.Jobs = append(next.Jobs, &taken)
		}
	}
	r.Attempts = append(r.Attempts, next)
	r.Updated = w.now
	r.rollout = nil
	w.launch(r)
}

// user finds an account by login; nil when there is none.
func (h *Hub) user(login string) *User {
	for _, u := range h.Users {
		if strings.EqualFold(u.Login, login) {
			return u
		}
	}
	return nil
}

// workflow finds a workflow by id, file name or path; nil when there is none.
func (h *Hub) workflow(ref string) *Workflow {
	for _, f := range h.Workflows {
		if ref == fmt.Sprint(f.ID) || ref == f.File() || ref == f.Path {
			return f
		}
	}
	return nil
}

// run finds a run by id; nil when there is none.
func (h *Hub) run(id int64) *Run {
	i, found := slices.BinarySearchFunc(h.Runs, id, func(r *Run, id int64) int { return int(r.ID - id) })
	if !found {
		return nil
	}
	return h.Runs[i]
}

// environment finds an environment by name or id; nil when there is none.
func (h *Hub) environment(ref string) *Environment {
	for _, e := range h.Environments {
		if strings.EqualFold(e.Name, ref) || fmt.Sprint(e.ID) == ref {
			return e
		}
	}
	return nil
}

// deployment finds a deployment by id; nil when there is none.
func (h *Hub) deployment(id int64) *Deployment {
	for _, d := range h.Deployments {
		if d.ID == id {
			return d
		}
	}
	return nil
}
