package pipeline

import (
	"context"
	"slices"
	"time"
)

const (
	historySource = "github history"
	// jobsSampled is how many of a workflow's newest successful runs have their
	// jobs read, for what they took.
	jobsSampled = 5
	// jobsAtOnce bounds what one look at the history reads.
	jobsAtOnce = 20
)

// restorePast takes over what an earlier start kept.
func (e *Engine) restorePast() {
	h := NewHistory()
	if e.opt.History != nil {
		kept, err := e.opt.History.Load()
		if err != nil {
			e.log.Warn("the kept history is not used", "error", err.Error())
		}
		if kept != nil {
			h = kept
		}
	}
	e.history = h
	durations := h.Durations()
	e.observe(func(s *state) { s.past, s.pastRestored = durations, true })
}

// readPast adds to the history what ended since the last look: from what
// the other sources read anyhow, and of the newest runs that succeeded from
// their jobs, each read once and kept on disk.
func (e *Engine) readPast(ctx context.Context) error {
	if e.history == nil {
		e.restorePast()
		return nil // what is looked at is read first
	}
	h := e.history
	config, changed := e.takeOver(h)
	before := len(h.Jobs)
	_, err := h.ReadJobs(ctx, e.opt.GitHub, sampled(h, config), jobsAtOnce)
	if !changed && len(h.Jobs) == before {
		return err
	}
	durations := h.Durations()
	e.observe(func(s *state) { s.past = durations })
	if e.opt.History != nil {
		h.Forget(time.Now())
		if saved := e.opt.History.Save(h); saved != nil {
			e.log.Warn("the history was not kept", "error", saved.Error())
		}
	}
	return err
}

// takeOver adds the runs that ended and the jobs that are known of them, and
// reports whether that changed anything.
func (e *Engine) takeOver(h *History) (config Configuration, changed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := &e.state
	for _, r := range s.runs.Value.Runs {
		if !r.Done() || !s.config.Value.delivers(r.Workflow) {
			continue
		}
		i := slices.IndexFunc(h.Runs, func(x Run) bool { return x.ID == r.ID })
		if i < 0 || h.Runs[i] != r {
			h.AddRuns(r)
			changed = true
		}
		jobs := s.jobs[r.Key()]
		if _, known := h.Jobs[r.Key()]; !known && jobs.Known() && jobs.Err == nil && !jobs.At.Before(r.Updated) {
			h.Jobs[r.Key()] = jobRuns(jobs.Value)
			changed = true
		}
	}
	return s.config.Value, changed
}

// delivers reports whether a workflow is part of the delivery system.
func (c Configuration) delivers(workflow string) bool {
	return slices.Contains(c.DeliveryWorkflows(), workflow)
}

// DeliveryWorkflows are the files of the delivery system's workflows, each once.
func (c Configuration) DeliveryWorkflows() []string {
	list := []string{c.Workflows.CI, c.Workflows.Staging, c.Workflows.Production, c.Workflows.Rollback}
	for _, e := range c.Environments {
		list = append(list, e.Workflow)
	}
	var out []string
	for _, file := range list {
		if file != "" && !slices.Contains(out, file) {
			out = append(out, file)
		}
	}
	return out
}

// sampled are the newest successful runs of each workflow, newest first: those
// whose jobs are worth a request.
func sampled(h *History, c Configuration) []Run {
	count := map[string]int{}
	var out []Run
	for _, r := range h.Runs {
		if r.Conclusion == ConclusionSuccess && c.delivers(r.Workflow) && count[r.Workflow] < jobsSampled {
			count[r.Workflow]++
			out = append(out, r)
		}
	}
	return out
}

// pastInterval looks soon while nothing is known of the past, and once a
// minute then.
func pastInterval(s *Snapshot) time.Duration {
	if len(s.Durations.of) == 0 {
		return everyRuns
	}
	return everySettled
}

// forecasts tells when the runs and jobs that go on will have ended.
func (d *deriving) forecasts(snap *Snapshot) {
	snap.Durations = d.past.In(d.config.Value)
	snap.Durations.listed = &d.listed
	snap.Forecasts, snap.JobForecasts = map[RunKey]Forecast{}, map[int64]Forecast{}
	for _, r := range d.watchedRuns() {
		if r.Done() {
			continue
		}
		expected, jobs := snap.DurationsOf(r.Repository), d.jobs[r.Key()].Value
		snap.Forecasts[r.Key()] = expected.ForecastRun(r, jobs, d.now)
		for _, j := range jobs {
			if f := expected.ForecastJob(r.Workflow, j, d.now); f.Known() {
				snap.JobForecasts[j.ID] = f
			}
		}
	}
	for i := range snap.Rollouts {
		r := &snap.Rollouts[i]
		if f, ok := snap.Forecasts[r.Run]; ok && r.Active() && r.Phase != PhaseAwaiting && r.Phase != PhaseTimer {
			r.Expected = f.Usual
		}
	}
}
