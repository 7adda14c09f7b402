package pipeline

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"
)

// Bounds of what one console keeps of a repository.
const (
	runsKept        = 60 // newest runs on the list
	deploymentsKept = 30 // newest deployments of an environment
	movingWatched   = 8  // moving runs whose jobs are followed
	commitsKept     = 40 // newest commits of a branch
	inFlight        = 4  // requests at once, as GitHub's guidelines ask
)

func configurationPoller(e *Engine) *poller {
	const name = "configuration"
	return newPoller(name, func(s *Snapshot) time.Duration {
		if len(s.Config.Environments) == 0 {
			return everySettled
		}
		return everyHistory
	}, func(ctx context.Context) error {
		c, err := e.opt.Configure(ctx)
		e.observe(func(s *state) {
			s.config = fact(s.config, name, everyHistory, c, err)
			if s.focus.Environment == "" {
				s.focus.Environment = defaultEnvironment(c)
			}
		})
		return err
	})
}

// defaultEnvironment is the one that has the focus at the start: as the team
// says, else the last production one, else the last.
func defaultEnvironment(c Configuration) string {
	if _, ok := c.Environment(c.Default); ok {
		return c.Default
	}
	name := ""
	for _, env := range c.Environments {
		if name == "" || env.Production {
			name = env.Name
		}
	}
	return name
}

func gitHubPollers(e *Engine) []*poller {
	past := newPoller(historySource, pastInterval, e.readPast)
	past.aside = true
	return []*poller{
		newPoller("github runs", always(everyRuns), e.readRuns),
		newPoller("github jobs", jobsInterval, e.readJobs),
		newPoller("github approvals", approvalsInterval, e.readApprovals),
		newPoller("github repository", always(everyHistory), e.readRepository),
		newPoller("github commits", commitsInterval, e.readCommits),
		newPoller("github holds", always(everyHolds), e.readHolds),
		newPoller(spansSource, spansInterval, e.readSpans),
		past,
	}
}

// ensureDeployments gives every environment of the configuration the poller of
// its deployments, so that one that moves does not hurry those that do not.
func (e *Engine) ensureDeployments(s *Snapshot) {
	if e.opt.GitHub == nil || e.ctx == nil || e.ctx.Err() != nil {
		return
	}
	for _, env := range s.Config.Environments {
		if source := "github deployments " + env.Name; !e.hasPoller(source) {
			e.addPoller(newPoller(source, deploymentsInterval(env.Name), func(ctx context.Context) error {
				return e.readDeploymentsOf(ctx, env.Name)
			}))
		}
	}
}

func (e *Engine) readRuns(ctx context.Context) error {
	read := e.beginRead()
	list, err := e.opt.GitHub.Runs(ctx, RunQuery{Limit: runsKept})
	e.observe(func(s *state) {
		if !s.newest("github runs", read, err) {
			return
		}
		if err == nil {
			s.keepOlder(s.runs.Value.Runs, list.Runs)
		}
		s.runs = fact(s.runs, "github runs", staleFactor*everyRuns, list, err)
		s.listed = DurationsOf(s.runs.Value.Runs, s.jobs)
		if err == nil {
			s.forget()
		}
	})
	return err
}

// forget drops what belongs to runs that left the list.
func (s *state) forget() {
	known := map[int64]bool{s.focus.RunID: true}
	for _, r := range s.runs.Value.Runs {
		known[r.ID] = true
	}
	for id := range s.waiting {
		known[id] = true
	}
	for _, r := range s.otherRuns() {
		known[r.ID] = true
	}
	for key := range s.jobs {
		if !known[key.ID] {
			delete(s.jobs, key)
		}
	}
	for id := range s.pending {
		if !known[id] {
			delete(s.pending, id)
		}
	}
}

// jobsInterval follows the focused run closely while it moves.
func jobsInterval(s *Snapshot) time.Duration {
	if s.unreadJobs {
		return soon
	}
	focused, moving := false, false
	for _, r := range s.Runs.Value {
		if !r.Done() && r.Status != StatusWaiting {
			moving = true
			focused = focused || r.ID == s.Focus.RunID || s.Focus.RunID == 0
		}
	}
	if r, ok := s.Run(s.Focus.RunID); ok && !r.Done() && r.Status != StatusWaiting {
		moving, focused = true, true
	}
	switch {
	case focused && !s.Focus.Blurred:
		return everyFocused
	case moving:
		return everyMoving
	}
	return everyRuns
}

// readJobs reads the jobs of the runs that are due: the focused one each time,
// and first, the others that move every 15 s, and finished ones once. How the
// focused one fares is what decides when to look again: a run of a repository
// that does not answer must not slow it down.
func (e *Engine) readJobs(ctx context.Context) error {
	e.mu.Lock()
	due, closely := jobsDue(&e.state, time.Now())
	e.mu.Unlock()
	errs := concurrently(ctx, append(tasks(due, e.readJobsOf), e.renewOlder)...)
	if closely {
		return errs[0]
	}
	return firstError(errs)
}

func (e *Engine) readJobsOf(ctx context.Context, r Run) error {
	gh, err := e.github(r.Repository)
	if err != nil {
		return err
	}
	jobs, err := gh.Jobs(ctx, r.ID, r.Attempt)
	e.observe(func(s *state) {
		s.jobs[r.Key()] = fact(s.jobs[r.Key()], "github jobs", 2*everyMoving, jobs, err)
	})
	return err
}

// jobsDue lists the runs whose jobs are to be read, and whether the first of them
// is followed closely.
func jobsDue(s *state, now time.Time) (due []Run, closely bool) {
	moving := 0
	seen := map[string]bool{}
	for _, r := range s.watchedRuns() {
		have := s.jobs[r.Key()]
		focused := r.ID == s.focus.RunID
		fresh := have.Known() && have.Err == nil
		wanted := false
		switch {
		case r.Done():
			// A finished attempt never changes: read it once, when somebody
			// looks at it or it is the newest of its workflow, or it failed lately.
			// Of another repository, and of the past, only what somebody looks at.
			wanted = focused || r.Repository == "" && (!seen[r.Workflow] || r.Failed() && len(seen) < 8)
			if r.Repository == "" {
				seen[r.Workflow] = true
			}
			wanted = wanted && (!fresh || have.At.Before(r.Updated))
		case focused, s.focus.RunID == 0 && !closely && r.Status == StatusInProgress:
			due, closely = slices.Insert(due, 0, r), true
			continue
		default:
			moving++
			every := everyMoving * 6 / 5 // late rather than early: the focused run needs the requests
			if r.Status != StatusInProgress {
				every = everySettled // it waits, or has not begun: its jobs stand still
			}
			wanted = moving <= movingWatched && (!fresh || have.Age(now) >= every)
		}
		if wanted && (have.Err == nil || now.Sub(have.ErrAt) >= everyMoving) {
			due = append(due, r)
		}
	}
	return due, closely
}

// approvalsInterval asks often only while an answer could differ although the
// run still waits: what ends the waiting shows on the list of runs.
func approvalsInterval(s *Snapshot) time.Duration {
	every := everySettled
	for _, r := range s.Runs.Value {
		if r.Status != StatusWaiting {
			continue
		}
		held := s.Pending[r.ID]
		timed := slices.ContainsFunc(held.Value, func(p PendingApproval) bool { return p.TimerEnds().After(s.AsOf) })
		switch {
		case !held.Known() && held.Err == nil:
			every = min(every, everyFocused)
		case timed || r.ID == s.Focus.RunID:
			every = min(every, everyMoving)
		}
	}
	return every
}

// readApprovals finds waiting runs and reads what holds each.
func (e *Engine) readApprovals(ctx context.Context) error {
	if err := e.readWaiting(ctx); err != nil {
		return err
	}
	waiting := view(e, func(s *state) []Run { return slices.Collect(maps.Values(s.waiting)) })
	slices.SortFunc(waiting, func(a, b Run) int { return cmp.Compare(b.ID, a.ID) })
	return each(ctx, waiting, func(ctx context.Context, r Run) error {
		p, err := e.opt.GitHub.PendingApprovals(ctx, r.ID)
		var reviews []Review
		// Whether somebody approved makes a difference only while a timer runs.
		if err == nil && slices.ContainsFunc(p, func(p PendingApproval) bool { return p.TimerEnds().After(time.Now()) }) {
			reviews, err = e.opt.GitHub.Reviews(ctx, r.ID)
		}
		e.observe(func(s *state) {
			if err == nil {
				s.reviews[r.ID] = reviews
			}
			s.pending[r.ID] = fact(s.pending[r.ID], "github approvals", staleFactor*everySettled, p, err)
		})
		return err
	})
}

// readWaiting brings the waiting runs up to date: those on the list of runs and
// older ones. Those were on the list when they began to wait, so that they are
// asked for often only while there are any.
func (e *Engine) readWaiting(ctx context.Context) error {
	waiting := map[int64]Run{}
	if view(e, func(s *state) bool { return s.waitingDue(time.Now()) }) {
		list, err := e.opt.GitHub.Runs(ctx, RunQuery{Status: string(StatusWaiting), Limit: runsKept})
		if err != nil {
			return err
		}
		for _, r := range list.Runs {
			waiting[r.ID] = r
		}
		e.observe(func(s *state) { s.waitingRead = time.Now() })
	} else {
		waiting = view(e, func(s *state) map[int64]Run { return maps.Clone(s.waiting) })
	}
	e.observe(func(s *state) {
		for _, r := range s.runs.Value.Runs {
			delete(waiting, r.ID)
			if r.Status == StatusWaiting {
				waiting[r.ID] = r
			}
		}
		s.waiting = waiting
		for id := range s.pending {
			if _, ok := waiting[id]; !ok {
				delete(s.pending, id)
				delete(s.reviews, id)
			}
		}
	})
	return nil
}

// waitingDue reports whether waiting runs are asked for that the list of runs
// is too short for.
func (s *state) waitingDue(now time.Time) bool {
	every := everyHistory
	for id := range s.waiting {
		if !slices.ContainsFunc(s.runs.Value.Runs, func(r Run) bool { return r.ID == id }) {
			every = everySettled
		}
	}
	return now.Sub(s.waitingRead) >= every*3/4 // the interval has its jitter
}

// allRuns are the runs on the list and the older ones that wait, newest first.
func (s *state) allRuns() []Run {
	out := slices.Clone(s.runs.Value.Runs)
	for id, r := range s.waiting {
		if !slices.ContainsFunc(out, func(x Run) bool { return x.ID == id }) {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b Run) int { return b.Created.Compare(a.Created) })
	return out
}

// watchedRuns are the runs whose jobs may be asked for: those of allRuns, those
// of other repositories, and the older one that is looked at.
func (s *state) watchedRuns() []Run {
	out := slices.Concat(s.allRuns(), s.otherRuns())
	if r, ok := s.focusedOlder(); ok && !slices.ContainsFunc(out, func(x Run) bool { return x.ID == r.ID }) {
		out = append(out, r)
	}
	return out
}
