package metrics

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// StageTime is how long a workflow, or a job of it, took when it succeeded.
type StageTime struct {
	Workflow string
	Job      string // empty: the workflow, without the time in which it waited for a person
	Spans
}

// Stages derives how long workflows and their jobs took in a period, in the
// order of the workflows and then of the jobs' first begin, and in the period
// before.
func Stages(h *pipeline.History, c pipeline.Configuration, since, until time.Time) []StageTime {
	now := h.Between(since, until).Durations().In(c)
	before := h.Between(since.Add(-until.Sub(since)), since).Durations().In(c)
	var out []StageTime
	add := func(s pipeline.Stage) {
		if e := now.Of(s); !e.Estimated() {
			t := StageTime{s.Workflow, s.Job, Spans{Count: e.Samples, Median: e.Usual, P90: e.Slowest}}
			if p := before.Of(s); !p.Estimated() {
				t.Previous = p.Usual
			}
			out = append(out, t)
		}
	}
	for _, file := range c.DeliveryWorkflows() {
		add(pipeline.Stage{Workflow: file})
		for _, job := range h.JobNames(file, since, until) {
			add(pipeline.Stage{Workflow: file, Job: job})
		}
	}
	return out
}

// Breakdown is one way in which runs failed: where, and why.
type Breakdown struct {
	Workflow string
	Phase    string  // the job that failed first; empty: its jobs are not known
	Reason   string  // its step and conclusion
	Runs     []int64 // newest first
}

// Breakdowns groups the failed runs of a period by phase and reason, the most
// frequent first.
func Breakdowns(h *pipeline.History, c pipeline.Configuration, since, until time.Time) []Breakdown {
	var out []Breakdown
	for _, r := range h.Runs {
		if !r.Failed() || !within(r.Created, since, until) || !slices.Contains(c.DeliveryWorkflows(), r.Workflow) {
			continue
		}
		phase, reason := broke(h.Jobs[r.Key()], r.Conclusion)
		i := slices.IndexFunc(out, func(b Breakdown) bool { return b.Workflow == r.Workflow && b.Phase == phase && b.Reason == reason })
		if i < 0 {
			out = append(out, Breakdown{r.Workflow, phase, reason, nil})
			i = len(out) - 1
		}
		out[i].Runs = append(out[i].Runs, r.ID)
	}
	slices.SortStableFunc(out, func(a, b Breakdown) int { return cmp.Compare(len(b.Runs), len(a.Runs)) })
	return out
}

// broke finds the job that failed first and what failed in it.
func broke(jobs []pipeline.JobRun, conclusion pipeline.Conclusion) (phase, reason string) {
	bad := slices.DeleteFunc(slices.Clone(jobs), func(j pipeline.JobRun) bool { return !j.Conclusion.Bad() })
	if len(bad) == 0 {
		return "", words(conclusion)
	}
	first := slices.MinFunc(bad, func(a, b pipeline.JobRun) int { return a.Completed.Compare(b.Completed) })
	for _, s := range first.Steps {
		if s.Conclusion.Bad() {
			return first.Name, s.Name + ": " + words(s.Conclusion)
		}
	}
	if len(first.Steps) == 0 && first.Conclusion == pipeline.ConclusionFailure {
		return first.Name, "did not begin: rejected, or not allowed to"
	}
	return first.Name, words(first.Conclusion)
}

func words(c pipeline.Conclusion) string { return strings.ReplaceAll(string(c), "_", " ") }
