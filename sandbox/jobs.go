package sandbox

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rhysd/actionlint"
)

// needs gives the jobs that a job of the file waits for, with everything those
// waited for, and whether all of them have ended.
func (a *Attempt) needs(file *workflowFile, spec *actionlint.Job) ([]*Job, bool) {
	var jobs []*Job
	for _, need := range spec.Needs {
		found := false
		for _, j := range a.Jobs {
			if j.Key != need.Value {
				continue
			}
			if j.Status != "completed" {
				return nil, false
			}
			found = true
			jobs = append(jobs, j)
		}
		if !found && file.syntax.Jobs[strings.ToLower(need.Value)] != nil {
			return nil, false
		}
	}
	return jobs, true
}

// newJob makes a job of the file, with its steps, for one matrix combination.
func (w *World) newJob(r *Run, a *Attempt, spec *actionlint.Job, matrix map[string]string, needs []*Job) *Job {
	scope := r.scope(matrix, needs)
	j := &Job{
		ID: w.nextID("job"), Run: r, Attempt: a.Number, Key: spec.ID.Value, Name: jobName(spec, matrix, scope),
		Status: "queued", Created: w.now, Outputs: map[string]string{}, spec: spec, matrix: matrix, scope: scope,
		Labels: []string{"ubuntu-24.04"},
	}
	if spec.RunsOn != nil && len(spec.RunsOn.Labels) > 0 {
		j.Labels = nil
		for _, label := range spec.RunsOn.Labels {
			j.Labels = append(j.Labels, scope.expand(label.Value))
		}
	}
	for _, need := range spec.Needs {
		j.Needs = append(j.Needs, need.Value)
	}
	if spec.Environment != nil && spec.Environment.Name != nil {
		j.Environment = scope.expand(spec.Environment.Name.Value)
	}
	if spec.Concurrency != nil && spec.Concurrency.Group != nil {
		j.Group = scope.expand(spec.Concurrency.Group.Value)
	}
	j.Steps = stepsOf(spec, scope)
	a.Jobs = append(a.Jobs, j)
	return j
}

func jobName(spec *actionlint.Job, matrix map[string]string, s scope) string {
	name := spec.ID.Value
	if spec.Name != nil && spec.Name.Value != "" {
		name = spec.Name.Value
	}
	if strings.Contains(name, "${{") || len(matrix) == 0 {
		return s.expand(name)
	}
	var values []string
	for _, key := range sortedKeys(matrix) {
		values = append(values, matrix[key])
	}
	return fmt.Sprintf("%s (%s)", name, strings.Join(values, ", "))
}

// stepsOf lists the steps as a runner shows them: set-up first, then the
// file's, then what actions do afterwards, then the end.
func stepsOf(spec *actionlint.Job, s scope) []*Step {
	steps := []*Step{{Name: "Set up job"}}
	var after []*Step
	if spec.Services != nil {
		steps = append(steps, &Step{Name: "Initialize containers"})
		after = append(after, &Step{Name: "Stop containers"})
	}
	for _, part := range spec.Steps {
		step := &Step{spec: part}
		switch run := part.Exec.(type) {
		case *actionlint.ExecRun:
			step.Command = s.expand(run.Run.Value)
			first, _, _ := strings.Cut(step.Command, "\n")
			step.Name = "Run " + first
			if found := deployctlStep.FindStringSubmatch(step.Command); found != nil {
				step.verb = found[1]
			}
		case *actionlint.ExecAction:
			step.Uses = run.Uses.Value
			step.Name = "Run " + step.Uses
		}
		if part.Name != nil && part.Name.Value != "" {
			step.Name = s.expand(part.Name.Value)
		}
		steps = append(steps, step)
		if strings.HasPrefix(step.Uses, "actions/checkout@") {
			after = append(after, &Step{Name: "Post " + step.Name})
		}
	}
	steps = append(append(steps, after...), &Step{Name: "Complete job"})
	for i, step := range steps {
		step.Number, step.Status = i+1, "queued"
	}
	return steps
}

// openJob decides what becomes of a new job: skipped, refused by its
// environment, waiting for it, waiting for its group, or queued.
func (w *World) openJob(j *Job) {
	condition := ""
	if j.spec.If != nil {
		condition = j.spec.If.Value
	}
	if !j.scope.holds(condition) {
		j.Status, j.Conclusion, j.Started, j.Completed, j.Steps = "completed", "skipped", w.now, w.now, nil
		return
	}
	environment := w.Hub.environment(j.Environment)
	if j.Environment != "" && environment == nil {
		environment = w.addEnvironment(j.Environment)
	}
	if environment == nil {
		w.enqueue(j)
		return
	}
	w.newJobDeployment(j, environment)
	if !environment.admits(j.Run.Ref) {
		j.Annotations = append(j.Annotations, Annotation{
			Path: ".github", Line: 1, Level: "failure",
			Message: fmt.Sprintf("%s %q is not allowed to deploy to %s due to environment protection rules.",
				refKind(j.Run.Ref), j.Run.Branch, environment.Name),
		})
		j.Steps = nil
		w.endJob(j, "failure")
		return
	}
	if len(environment.Reviewers) > 0 {
		j.Status = "waiting"
		w.deploymentStatus(j.Deployment, "waiting", "", w.bot())
		return
	}
	w.waitTimer(j, environment)
}

func refKind(ref string) string {
	if strings.HasPrefix(ref, "refs/tags/") {
		return "Tag"
	}
	return "Branch"
}

// waitTimer holds a job back for as long as its environment asks.
func (w *World) waitTimer(j *Job, e *Environment) {
	if e.WaitTimer == 0 {
		w.enqueue(j)
		return
	}
	j.Status = "waiting"
	j.TimerEnds = w.now.Add(w.scaled(time.Duration(e.WaitTimer) * time.Minute))
	w.plan(j.TimerEnds, func() {
		if j.Status == "waiting" {
			w.enqueue(j)
			w.settle(j.Run, j.Run.Attempt())
		}
	})
}

// enqueue lets a job wait for its own concurrency group, then for a runner.
func (w *World) enqueue(j *Job) {
	if !w.entersJobGroup(j) {
		return
	}
	j.Status = "queued"
	if j.Deployment != nil {
		w.deploymentStatus(j.Deployment, "queued", "", w.bot())
	}
	if j.Run.external {
		return // until a runner takes it
	}
	w.after(w.between(2*time.Second, 6*time.Second), func() {
		if j.Status != "queued" {
			return
		}
		w.beginJob(j, fmt.Sprintf("GitHub Actions %d", 1000+j.ID%97))
		w.runStep(j, 0)
	})
}

// beginJob gives a job to a runner.
func (w *World) beginJob(j *Job, runner string) {
	j.Status, j.Started, j.Runner = "in_progress", w.now, runner
	if j.Deployment != nil {
		w.deploymentStatus(j.Deployment, "in_progress", "", w.bot())
	}
	w.settle(j.Run, j.Run.Attempt())
}

// runStep performs the i-th step and then the ones after it.
func (w *World) runStep(j *Job, i int) {
	if j.Status != "in_progress" {
		return
	}
	if i == len(j.Steps) {
		w.endJob(j, stepsConclusion(j.Steps))
		w.schedule(j.Run, j.Run.Attempt())
		return
	}
	step := j.Steps[i]
	step.Started = w.now
	if !w.stepHolds(j, step) {
		step.Status, step.Conclusion, step.Completed = "completed", "skipped", w.now
		w.runStep(j, i+1)
		return
	}
	step.Status = "in_progress"
	w.perform(j, step, func(conclusion string) {
		if j.Status != "in_progress" || step.Status != "in_progress" {
			return
		}
		step.Status, step.Conclusion, step.Completed = "completed", conclusion, w.now
		w.runStep(j, i+1)
	})
}

func (w *World) stepHolds(j *Job, step *Step) bool {
	if step.spec == nil {
		return true
	}
	hasFailed := stepsConclusion(j.Steps) == "failure"
	if step.spec.If == nil {
		return !hasFailed
	}
	s := j.scope
	s.failed, s.skipped, s.halted = hasFailed, false, false
	return s.holds(step.spec.If.Value)
}

func stepsConclusion(steps []*Step) string {
	for _, step := range steps {
		tolerated := step.spec != nil && step.spec.ContinueOnError != nil && step.spec.ContinueOnError.Value
		if step.Conclusion == "failure" && !tolerated {
			return "failure"
		}
	}
	return "success"
}

// endJob completes a job, with what is left of its steps.
func (w *World) endJob(j *Job, conclusion string) {
	if j.Started.IsZero() {
		j.Started = w.now
	}
	j.Status, j.Conclusion, j.Completed = "completed", conclusion, w.now
	for _, step := range j.Steps {
		if step.Status == "completed" {
			continue
		}
		if step.Started.IsZero() {
			step.Started = w.now
		}
		step.Conclusion = "skipped"
		if step.Status == "in_progress" {
			step.Conclusion = conclusion
		}
		step.Status, step.Completed = "completed", w.now
	}
	if j.Deployment != nil {
		state := map[string]string{"success": "success", "failure": "failure"}[conclusion]
		if state == "" {
			state = "error"
		}
		w.deploymentStatus(j.Deployment, state, "", w.bot())
	}
	w.leaveJobGroup(j.Group)
}

// setOutput records a job output, as a step's id and name would have it.
func (j *Job) setOutput(name, value string) {
	for key := range maps.Keys(j.spec.Outputs) {
		if strings.EqualFold(key, name) {
			j.Outputs[name] = value
		}
	}
}

// environmentFlag reads the environment that a command names.
var environmentFlag = regexp.MustCompile(`--environment[= ]+"?(staging|production)\b`)

// target names the environment (staging, production) that a run works on.
func (r *Run) target(command string) string {
	if found := environmentFlag.FindStringSubmatch(command); found != nil {
		return found[1]
	}
	if strings.Contains(r.Workflow.File(), "staging") {
		return "staging"
	}
	return "production"
}

// say adds a line to a step's log.
func (w *World) say(step *Step, format string, args ...any) {
	step.Output = append(step.Output, OutputLine{At: w.now, Text: fmt.Sprintf(format, args...)})
}

// fail ends a step with an error annotation.
func (w *World) fail(j *Job, step *Step, done func(string), format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	w.say(step, "##[error]%s", message)
	j.Annotations = append(j.Annotations, Annotation{Path: ".github", Line: 1, Level: "failure", Message: message})
	done("failure")
}

// admits reports whether an environment lets a ref deploy.
func (e *Environment) admits(ref string) bool {
	kind := strings.ToLower(refKind(ref))
	return len(e.Policies) == 0 || slices.ContainsFunc(e.Policies, func(p BranchPolicy) bool {
		return p.Type == kind && globMatches(p.Name, shortRef(ref))
	})
}
