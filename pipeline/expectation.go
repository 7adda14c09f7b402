package pipeline

import (
	"fmt"
	"slices"
	"time"
)

// Expectation is how long something takes as a rule.
type Expectation struct {
	Usual   time.Duration // median: half of the samples took no longer
	Slowest time.Duration // p90: nine in ten took no longer
	Samples int           // 0: an estimate, from no history
}

// Known reports whether anything is expected at all.
func (e Expectation) Known() bool { return e.Usual > 0 }

// Estimated reports whether it is an estimate, made before there is any history.
func (e Expectation) Estimated() bool { return e.Samples == 0 }

// Slower reports whether a span is longer than nine in ten took. An estimate
// makes nothing slow that takes less than half as long again.
func (e Expectation) Slower(took time.Duration) bool {
	if !e.Known() {
		return false
	}
	if e.Estimated() {
		return took > e.Slowest+e.Slowest/2
	}
	return took > e.Slowest
}

// samplesKept is how many of the newest samples make an expectation: what a
// workflow took a year ago says little of today.
const samplesKept = 50

// expect summarises spans, newest first, by values that occurred.
func expect(spans []time.Duration) Expectation {
	spans = slices.Clone(spans[:min(len(spans), samplesKept)])
	if len(spans) == 0 {
		return Expectation{}
	}
	slices.Sort(spans)
	at := func(percent int) time.Duration { return spans[(len(spans)*percent+99)/100-1] }
	return Expectation{Usual: at(50), Slowest: at(90), Samples: len(spans)}
}

// Stage names a part of a workflow: the workflow where Job is empty, a job
// where Step is.
type Stage struct{ Workflow, Job, Step string }

// Durations are the expectations of a repository's workflows, jobs and steps.
// They are never changed once made.
type Durations struct {
	of     map[Stage]Expectation  // from the jobs of runs
	whole  map[string]Expectation // by workflow, from begin to end, waiting included
	listed *Durations             // from the runs on the list alone, for what the history does not keep
	config Configuration
}

// Of is what is expected of a stage; the zero Expectation where nothing is. Of
// a workflow whose jobs are not known it is what its runs took from begin to
// end, unless they wait for a person, and without history the estimate of its
// role.
func (d Durations) Of(s Stage) Expectation {
	for _, from := range []*Durations{&d, d.listed} {
		if from == nil {
			continue
		}
		if e, ok := from.of[s]; ok {
			return e
		}
		if e, ok := from.whole[s.Workflow]; ok && s.Job == "" && !gated(d.config, s.Workflow) {
			return e
		}
	}
	if s.Job != "" {
		return Expectation{}
	}
	return estimates(d.config)[s.Workflow]
}

// In says which workflow has which role.
func (d Durations) In(c Configuration) Durations {
	d.config = c
	return d
}

// estimates are how long the workflows of the delivery system take before
// anything is known of a repository.
func estimates(c Configuration) map[string]Expectation {
	between := func(least, most time.Duration) Expectation {
		return Expectation{Usual: (least + most) / 2 * time.Minute, Slowest: most * time.Minute}
	}
	out := map[string]Expectation{}
	for _, e := range c.Environments {
		out[e.Workflow] = between(20, 30)
		if e.Production {
			out[e.Workflow] = between(30, 45)
		}
	}
	out[c.Workflows.CI] = between(10, 15)
	out[c.Workflows.Staging] = between(20, 30)
	out[c.Workflows.Production] = between(30, 45)
	out[c.Workflows.Rollback] = between(15, 20)
	delete(out, "")
	return out
}

// Durations derives what to expect from the history: of runs that succeeded,
// the time in which some job ran, so that waiting for a person or a runner does
// not count; of their jobs and steps, what those took.
func (h *History) Durations() Durations {
	spans, whole := map[Stage][]time.Duration{}, map[string][]time.Duration{}
	add := func(s Stage, took time.Duration) {
		if took > 0 {
			spans[s] = append(spans[s], took)
		}
	}
	for _, r := range h.Runs {
		if r.Conclusion != ConclusionSuccess {
			continue
		}
		jobs, known := h.Jobs[r.Key()]
		if !known {
			if took := r.Updated.Sub(firstTime(r.Started, r.Created)); took > 0 {
				whole[r.Workflow] = append(whole[r.Workflow], took)
			}
			continue
		}
		add(Stage{Workflow: r.Workflow}, ran(jobs))
		for _, j := range jobs {
			if j.Conclusion == ConclusionSuccess && !j.Started.IsZero() {
				add(Stage{r.Workflow, j.Name, ""}, j.Completed.Sub(j.Started))
			}
			for _, s := range j.Steps {
				if s.Conclusion == ConclusionSuccess {
					add(Stage{r.Workflow, j.Name, s.Name}, s.Took)
				}
			}
		}
	}
	out := Durations{of: map[Stage]Expectation{}, whole: map[string]Expectation{}}
	for stage, list := range spans {
		out.of[stage] = expect(list)
	}
	for workflow, list := range whole {
		out.whole[workflow] = expect(list)
	}
	return out
}

// DurationsOf tells what to expect from runs at hand, and from those of their
// jobs that are known.
func DurationsOf(runs []Run, jobs map[RunKey]Fact[[]Job]) Durations {
	h := NewHistory()
	h.AddRuns(runs...)
	for _, r := range runs {
		if known := jobs[r.Key()]; r.Done() && known.Known() && !known.At.Before(r.Updated) {
			h.Jobs[r.Key()] = jobRuns(known.Value)
		}
	}
	return h.Durations()
}

// DurationsOf are what is expected of a repository's workflows; an empty name is
// the console's own.
func (s *Snapshot) DurationsOf(repository string) Durations {
	if repository == "" {
		return s.Durations
	}
	for i := range s.Repositories {
		if s.Repositories[i].Repository.FullName() == repository {
			return s.Repositories[i].Durations
		}
	}
	return Durations{}
}

// gated reports whether runs of a workflow wait for a person.
func gated(c Configuration, workflow string) bool {
	return slices.ContainsFunc(c.Environments, func(e Environment) bool { return e.Workflow == workflow && e.GateEnvironment != "" })
}

// ran is the time in which at least one of the jobs ran.
func ran(jobs []JobRun) time.Duration {
	return covered(jobs, func(j JobRun) Span { return Span{j.Started, j.Completed} })
}

// covered is the length of the union of spans. A span without both ends counts
// for nothing.
func covered[T any](list []T, span func(T) Span) time.Duration {
	var spans []Span
	for _, item := range list {
		if s := span(item); !s.From.IsZero() && s.Until.After(s.From) {
			spans = append(spans, s)
		}
	}
	slices.SortFunc(spans, func(a, b Span) int { return a.From.Compare(b.From) })
	var total time.Duration
	var end time.Time
	for _, s := range spans {
		from := latest(s.From, end)
		if s.Until.After(from) {
			total += s.Until.Sub(from)
			end = s.Until
		}
	}
	return total
}

// Forecast says when something that goes on will have ended.
type Forecast struct {
	Expectation
	Elapsed time.Duration // in which it ran; waiting does not count
	ETA     time.Time     // zero: not known, or it waits for a person
	Slow    bool          // slower than nine in ten were
}

// Left is how long it will still take; 0: not known, or any moment.
func (f Forecast) Left(now time.Time) time.Duration {
	if f.ETA.IsZero() {
		return 0
	}
	return max(f.ETA.Sub(now), 0)
}

// Sentence tells the forecast in a few words; empty where nothing is expected.
func (f Forecast) Sentence(now time.Time) string {
	switch {
	case !f.Known():
		return ""
	case f.Slow && f.Estimated():
		return fmt.Sprintf("slower than usual: %s, estimated %s at most", Duration(f.Elapsed), Duration(f.Slowest))
	case f.Slow:
		return fmt.Sprintf("slower than usual: %s, 9 in 10 took %s at most", Duration(f.Elapsed), Duration(f.Slowest))
	case f.ETA.IsZero():
		return "takes about " + Duration(f.Usual) + f.estimate()
	case f.Left(now) < time.Second:
		return "any moment: usually " + Duration(f.Usual) + f.estimate()
	}
	return "about " + Duration(f.Left(now)) + " left" + f.estimate()
}

func (f Forecast) estimate() string {
	if f.Estimated() {
		return ", an estimate"
	}
	return ""
}

// ForecastRun tells when a run that goes on will have ended. Its jobs tell how
// long it ran, as far as they are known; nil: the time since it was started.
func (d Durations) ForecastRun(r Run, jobs []Job, now time.Time) Forecast {
	f := Forecast{Expectation: d.Of(Stage{Workflow: r.Workflow})}
	switch {
	case r.Done():
		return Forecast{}
	case jobs != nil:
		f.Elapsed = covered(jobs, func(j Job) Span { return jobSpan(j, now) })
	case r.Status == StatusInProgress:
		f.Elapsed = max(now.Sub(firstTime(r.Started, r.Created)), 0)
	}
	f.Slow = f.Slower(f.Elapsed)
	if f.Known() && r.Status == StatusInProgress {
		f.ETA = now.Add(max(f.Usual-f.Elapsed, 0))
	}
	return f
}

// ForecastJob tells when a job that runs will have ended.
func (d Durations) ForecastJob(workflow string, j Job, now time.Time) Forecast {
	f := Forecast{Expectation: d.Of(Stage{Workflow: workflow, Job: j.Name})}
	if j.Status == StatusCompleted {
		return Forecast{}
	}
	if s := jobSpan(j, now); !s.From.IsZero() {
		f.Elapsed = max(s.Until.Sub(s.From), 0)
		f.Slow = f.Slower(f.Elapsed)
		if f.Known() {
			f.ETA = now.Add(max(f.Usual-f.Elapsed, 0))
		}
	}
	return f
}

// jobSpan is the time in which a job ran; zero where it did not begin, or only
// waits for a person.
func jobSpan(j Job, now time.Time) Span {
	switch j.Status {
	case StatusCompleted:
		return Span{j.Started, j.Completed}
	case StatusInProgress:
		return Span{j.Started, now}
	default:
		return Span{}
	}
}
