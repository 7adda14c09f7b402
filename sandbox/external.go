package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"
)

// RunnerMode says who performs the jobs of workflow runs.
type RunnerMode int

const (
	// Simulated jobs play by themselves: what they would do to the world happens
	// in the time that it would take.
	Simulated RunnerMode = iota
	// External jobs stay queued until a runner outside of the world takes them
	// (QueuedJobs, StartJob) and says how they went. Everything that GitHub does
	// itself still happens: needs, conditions, matrices, concurrency groups,
	// environments with their reviewers and timers, and the jobs' deployments.
	// Runs that began before the sandbox did are simulated in any case.
	External
)

// The methods below are what a self-hosted runner and a person with a checkout
// do to the world. As all methods of World they expect its lock to be held.

// Files gives the content of the repository's files at a branch, tag or commit,
// by path; nil when there is no such ref.
func (w *World) Files(ref string) map[string]string {
	c := w.Hub.Repository.resolve(ref)
	if c == nil {
		return nil
	}
	content := make(map[string]string, len(c.Files))
	for path, blob := range c.Files {
		content[path] = w.Hub.Repository.Blobs[blob]
	}
	return content
}

// Push commits a whole tree of files to a branch and starts the workflows that
// listen, as they are in that tree. It fails where nobody has that login or a
// workflow file cannot be read.
func (w *World) Push(branch, login, message string, files map[string]string) ([]*Run, error) {
	by := w.Hub.user(login)
	if by == nil {
		return nil, fmt.Errorf("there is no user %s", login)
	}
	blobs := make(map[string]string, len(files))
	for path, text := range files {
		blobs[path] = w.Hub.Repository.putBlob(text)
	}
	if err := w.listWorkflows(blobs); err != nil {
		return nil, err
	}
	var parents []string
	if tip := w.Hub.Repository.resolve("heads/" + branch); tip != nil {
		parents = append(parents, tip.SHA)
	}
	return w.push("refs/heads/"+branch, w.commit(blobs, parents, by, message), by), nil
}

// Merge commits the tree of one branch to another with both as parents, and
// starts the workflows that listen. It fails where a branch or the user is
// unknown.
func (w *World) Merge(from, into, login, message string) ([]*Run, error) {
	r := w.Hub.Repository
	theirs, ours, by := r.resolve("heads/"+from), r.resolve("heads/"+into), w.Hub.user(login)
	if theirs == nil || ours == nil || by == nil {
		return nil, fmt.Errorf("%s cannot merge %s into %s: one of them is unknown", login, from, into)
	}
	return w.push("refs/heads/"+into, w.commit(theirs.Files, []string{ours.SHA, theirs.SHA}, by, message), by), nil
}

// Tag names the tip of a branch, or another commit, and starts the workflows
// that listen to tags. It fails where the commit or the user is unknown.
func (w *World) Tag(name, at, login string) ([]*Run, error) {
	c, by := w.Hub.Repository.resolve(at), w.Hub.user(login)
	if c == nil || by == nil {
		return nil, fmt.Errorf("%s cannot tag %s: one of them is unknown", login, at)
	}
	return w.push("refs/tags/"+name, c, by), nil
}

// listWorkflows parses the workflow files of a tree and lists those that are
// new.
func (w *World) listWorkflows(blobs map[string]string) error {
	for _, path := range sortedKeys(blobs) {
		if !strings.HasPrefix(path, ".github/workflows/") {
			continue
		}
		file, err := parseWorkflow(w.Hub.Repository.Blobs[blobs[path]])
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		w.parsed[blobs[path]] = file
		if w.Hub.workflow(path) == nil {
			w.Hub.Workflows = append(w.Hub.Workflows, &Workflow{
				ID: w.nextID("workflow"), Name: file.name(path), Path: path, State: "active", Created: w.now, Updated: w.now,
			})
		}
	}
	return nil
}

// PushImage stores a service's image that was built of a commit, with a tag, as
// docker push does, and gives its digest: one tree has one. An image that is
// there gets one more tag. It fails where there is no such commit or service.
func (w *World) PushImage(service, sha, tag string) (string, error) {
	c, repository := w.Hub.Repository.Commits[sha], "shop/"+service
	if _, known := w.Cloud.Images[repository]; c == nil || !known {
		return "", fmt.Errorf("the registry takes no image of %s at %s", service, sha)
	}
	b := w.buildOfTree(c)
	image := w.Cloud.Image(repository, b.digests[service])
	if image == nil {
		image = w.storeImage(service, b)
	}
	if !slices.Contains(b.commits, sha) {
		b.commits = append(b.commits, sha)
	}
	if !slices.Contains(image.Tags, tag) {
		image.Tags = append(image.Tags, tag)
	}
	return image.Digest, nil
}

// QueuedJobs lists the jobs that wait for an external runner, oldest first.
func (w *World) QueuedJobs() []*Job {
	var jobs []*Job
	for _, r := range w.Hub.live() {
		for _, j := range r.Attempt().Jobs {
			if r.external && j.Status == "queued" {
				jobs = append(jobs, j)
			}
		}
	}
	return jobs
}

// Spec is the job as the workflow file has it.
func (j *Job) Spec() *actionlint.Job { return j.spec }

// Spec is the step as the workflow file has it; nil for what the runner does by
// itself.
func (s *Step) Spec() *actionlint.Step { return s.spec }

// File is the workflow file of the run's commit.
func (r *Run) File() *actionlint.Workflow { return r.file.syntax }

// StartJob hands a queued job to a runner of that name. It fails when the job
// is not queued, which it is not when it was cancelled in the meantime.
func (w *World) StartJob(j *Job, runner string) error {
	if !j.Run.external || j.Status != "queued" {
		return fmt.Errorf("job %s is %s, not queued for a runner", j.Name, j.Status)
	}
	w.beginJob(j, runner)
	w.ownSteps(j, "Set up job", "Initialize containers")
	return nil
}

// StartStep begins a step of the file. It reports false when the job does not
// run any more: then the runner has to give it up.
func (w *World) StartStep(j *Job, step *Step) bool {
	if j.Status != "in_progress" {
		return false
	}
	step.Status, step.Started = "in_progress", w.now
	return true
}

// Log adds lines to a step's log.
func (w *World) Log(step *Step, lines ...string) {
	for _, line := range lines {
		w.say(step, "%s", line)
	}
}

// FinishStep ends a step with success, failure, cancelled or skipped.
func (w *World) FinishStep(j *Job, step *Step, conclusion string) {
	if j.Status != "in_progress" {
		return
	}
	if step.Started.IsZero() {
		step.Started = w.now
	}
	step.Status, step.Conclusion, step.Completed = "completed", conclusion, w.now
}

// FinishJob ends a job with its outputs; the jobs that need it may begin. What
// the file's steps have not said is the outcome: a job fails where a step did.
// A job that ended in the meantime, for it was cancelled, stays as it is.
func (w *World) FinishJob(j *Job, conclusion string, outputs map[string]string) {
	if j.Status != "in_progress" {
		return
	}
	maps.Copy(j.Outputs, outputs)
	for _, step := range j.Steps {
		if step.spec == nil {
			w.ownSteps(j, step.Name)
		}
	}
	w.endJob(j, conclusion)
	w.schedule(j.Run, j.Run.Attempt())
}

// ownSteps ends those steps that the runner does by itself.
func (w *World) ownSteps(j *Job, names ...string) {
	for _, step := range j.Steps {
		if step.spec == nil && step.Status != "completed" && slices.Contains(names, step.Name) {
			w.FinishStep(j, step, "success")
		}
	}
}
