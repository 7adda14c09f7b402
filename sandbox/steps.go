package sandbox

import (
	"slices"
	"strings"
	"time"
)

// A span is how long something takes at speed 1.
type span struct{ low, high time.Duration }

// spans are the durations of the steps of this product, by name.
var spans = map[string]span{
	"version":   {2 * time.Second, 4 * time.Second},
	"preflight": {5 * time.Second, 9 * time.Second},
	"prepare":   {12 * time.Second, 20 * time.Second},
	"verify":    {25 * time.Second, 40 * time.Second},
	"smoke":     {30 * time.Second, 50 * time.Second},
	"release":   {5 * time.Second, 9 * time.Second},
	"notify":    {2 * time.Second, 4 * time.Second},
}

// wordSpans are the durations of other steps, by a word in what they run; the
// first match counts.
var wordSpans = []struct {
	word string
	span span
}{
	{"checkout", span{time.Second, 3 * time.Second}},
	{"setup-", span{4 * time.Second, 9 * time.Second}},
	{"configure-aws", span{time.Second, 2 * time.Second}},
	{"ecr-login", span{time.Second, 3 * time.Second}},
	{"pytest tests", span{110 * time.Second, 170 * time.Second}},
	{"pip install", span{14 * time.Second, 26 * time.Second}},
	{"pytest", span{120 * time.Second, 230 * time.Second}},
	{"build-push", span{110 * time.Second, 170 * time.Second}},
	{"trivy", span{25 * time.Second, 55 * time.Second}},
	{"npm ci", span{18 * time.Second, 32 * time.Second}},
	{"npm test", span{70 * time.Second, 120 * time.Second}},
	{"codecov", span{4 * time.Second, 9 * time.Second}},
	{"terraform -chdir=infrastructure init && terraform -chdir=infrastructure apply", span{50 * time.Second, 80 * time.Second}},
	{"terraform", span{8 * time.Second, 16 * time.Second}},
	{"initialize containers", span{9 * time.Second, 15 * time.Second}},
}

// spanOf is how long a step takes that has no effect to wait for.
func spanOf(step *Step) span {
	if s, ok := spans[step.verb]; ok {
		return s
	}
	text := strings.ToLower(step.Uses + " " + step.Command + " " + step.Name)
	for _, s := range wordSpans {
		if strings.Contains(text, s.word) {
			return s.span
		}
	}
	return span{time.Second, 3 * time.Second}
}

// action names what a step does to the world: one of the steps of this product,
// or what the id of its job says where the workflow file uses something else.
func (j *Job) action(step *Step) string {
	if step.verb != "" {
		return step.verb
	}
	if strings.HasPrefix(step.Uses, "docker/build-push-action@") || strings.Contains(step.Command, "docker buildx build") {
		return "build"
	}
	if step.spec == nil || step != j.lastOwnStep() || j.Run.file.ours {
		return ""
	}
	if j.Run.Workflow.File() == "ci.yml" {
		return ""
	}
	for _, action := range []string{"prepare", "migrate", "deploy", "rollback"} {
		if strings.Contains(strings.ToLower(j.Key), action) {
			return action
		}
	}
	return ""
}

func (j *Job) lastOwnStep() *Step {
	for _, step := range slices.Backward(j.Steps) {
		if step.spec != nil {
			return step
		}
	}
	return nil
}

// perform does what a step does, and calls done with its conclusion.
func (w *World) perform(j *Job, step *Step, done func(string)) {
	action := j.action(step)
	if action == "preflight" && strings.Contains(step.Command, "ci") && strings.Contains(step.Command, "wait") {
		w.awaitCI(j, step, done)
		return
	}
	s := spanOf(step)
	if isDryRun(step.Command, j.Run.Inputs) {
		w.after(w.between(s.low, s.high), func() {
			w.say(step, "dry run: nothing was changed")
			done("success")
		})
		return
	}
	switch action {
	case "migrate":
		w.migrate(j, step, done)
	case "deploy":
		w.deploy(j, step, done)
	case "rollback":
		w.restore(j, step, done)
	default:
		w.after(w.between(s.low, s.high), func() { w.conclude(j, step, action, done) })
	}
}

// conclude is what happens at the end of a step that only takes time.
func (w *World) conclude(j *Job, step *Step, action string, done func(string)) {
	switch action {
	case "build":
		w.ensureBuild(w.Hub.Repository.Commits[j.Run.SHA])
	case "version":
		version := w.versionOf(w.commitToDeploy(j.Run))
		j.setOutput("version", version)
		w.say(step, "version=%s", version)
	case "preflight":
		w.preflight(j, step, done)
		return
	case "prepare":
		w.prepare(j, step, done)
		return
	case "verify", "smoke":
		w.verify(j, step, action, done)
		return
	case "release":
		w.release(j, step)
	case "notify":
		w.say(step, "posted to Slack: %s %s", j.Run.Workflow.Name, j.Run.Title)
	}
	if w.failsByAccident(j, step) {
		if strings.HasPrefix(step.Command, "pytest") {
			step.failed = oldCart
			if w.unlucky[j.Run.SHA] {
				step.failed = lastItem
			}
			j.Annotations = append(j.Annotations, step.failed.annotation())
		}
		w.fail(j, step, done, "Process completed with exit code 1.")
		return
	}
	done("success")
}

// failsByAccident makes the tests of a broken commit fail, and those of an
// unlucky one at the first attempt.
func (w *World) failsByAccident(j *Job, step *Step) bool {
	tests := j.matrix["service"] == "orders" && strings.HasPrefix(step.Command, "pytest") ||
		strings.HasPrefix(step.Command, "npm test") || strings.HasPrefix(step.Command, "terraform test")
	return tests && (w.broken[j.Run.SHA] || w.unlucky[j.Run.SHA] && j.Attempt == 1)
}

// awaitCI waits for ci.yml's conclusion on the run's commit: absent, red or
// late fails.
func (w *World) awaitCI(j *Job, step *Step, done func(string)) {
	deadline := w.now.Add(w.scaled(20 * time.Minute))
	sha := w.commitToDeploy(j.Run).SHA
	var look func()
	look = func() {
		ci := w.latestCI(sha)
		switch {
		case ci != nil && ci.Attempt().Conclusion == "success":
			w.say(step, "ci.yml run %d on %s: success", ci.ID, sha[:7])
			w.preflight(j, step, done)
		case ci != nil && ci.Attempt().Status == "completed":
			w.fail(j, step, done, "ci.yml on %s ended with %s", sha[:7], ci.Attempt().Conclusion)
		case ci == nil && w.now.After(deadline.Add(-w.scaled(18*time.Minute))):
			w.fail(j, step, done, "ci.yml never ran on %s", sha[:7])
		case w.now.After(deadline):
			w.fail(j, step, done, "ci.yml on %s did not end in 20 minutes", sha[:7])
		default:
			w.after(5*time.Second, look)
		}
	}
	w.after(3*time.Second, look)
}

// latestCI is the newest run of ci.yml on a commit; nil when there is none.
func (w *World) latestCI(sha string) *Run {
	for _, r := range slices.Backward(w.Hub.Runs) {
		if r.SHA == sha && r.Workflow.File() == "ci.yml" {
			return r
		}
	}
	return nil
}

// commitToDeploy is the commit that a run ships: the one named by its version
// input, else its own.
func (w *World) commitToDeploy(r *Run) *Commit {
	if version := textOf(r.Inputs["version"]); version != "" {
		if c := w.Hub.Repository.resolve(version); c != nil {
			return c
		}
	}
	return w.Hub.Repository.Commits[r.SHA]
}
