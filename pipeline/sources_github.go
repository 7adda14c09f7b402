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

// deploymentsInterval follows an environment while it moves.
func deploymentsInterval(env string) func(*Snapshot) time.Duration {
	return func(s *Snapshot) time.Duration {
		e := s.Environment(env)
		switch {
		case e != nil && awaitsRecord(e.Deployments.Value, s.Run, s.AsOf):
			return everyFocused
		case moves(s, env):
			return everyMoving
		}
		return everySettled
	}
}

// commitsInterval asks soon while a commit's tree is not known.
func commitsInterval(s *Snapshot) time.Duration {
	if s.unresolved > 0 {
		return soon
	}
	return everySettled
}

// readDeployments reads those of every environment.
func (e *Engine) readDeployments(ctx context.Context) error {
	envs := view(e, func(s *state) []Environment { return s.config.Value.Environments })
	return each(ctx, envs, func(ctx context.Context, env Environment) error { return e.readDeploymentsOf(ctx, env.Name) })
}

func (e *Engine) readDeploymentsOf(ctx context.Context, name string) error {
	env, _, ok := e.environment(name)
	if !ok {
		return nil // taken out of the configuration
	}
	read := e.beginRead()
	list, err := e.opt.GitHub.Deployments(ctx, DeploymentQuery{
		Environment: env.GitHubEnvironment, Task: DeploymentTask, Limit: deploymentsKept,
	})
	e.observe(func(s *state) {
		if !s.newest("github deployments "+name, read, err) {
			return
		}
		s.deployments[name] = fact(s.deployments[name], "github deployments", staleFactor*everySettled, list, err)
	})
	return err
}

// readRepository reads what seldom changes.
func (e *Engine) readRepository(ctx context.Context) error {
	const source = "github repository"
	gh := e.opt.GitHub
	return firstError(concurrently(ctx,
		func(ctx context.Context) error {
			v, err := gh.Repository(ctx)
			e.observe(func(s *state) { s.repository = fact(s.repository, source, 2*everyHistory, v, err) })
			return err
		},
		func(ctx context.Context) error {
			v, err := gh.Viewer(ctx)
			e.observe(func(s *state) { s.viewer = fact(s.viewer, source, 2*everyHistory, v, err) })
			return err
		},
		func(ctx context.Context) error {
			v, err := gh.Releases(ctx, commitsKept)
			e.observe(func(s *state) { s.releases = fact(s.releases, source, 2*everyHistory, v, err) })
			return err
		},
		func(ctx context.Context) error {
			v, err := gh.Refs(ctx)
			e.observe(func(s *state) { s.tags = fact(s.tags, source, 2*everyHistory, tagged(v), err) })
			return err
		},
		e.readRules,
		e.readWorkflows,
	))
}

func (e *Engine) readRules(ctx context.Context) error {
	rules, err := e.opt.GitHub.Environments(ctx)
	e.observe(func(s *state) {
		for _, r := range rules {
			s.rules[r.Environment] = fact(s.rules[r.Environment], "github environments", 2*everyHistory, r, err)
		}
	})
	return err
}

func (e *Engine) readWorkflows(ctx context.Context) error {
	list, err := e.opt.GitHub.Workflows(ctx)
	e.observe(func(s *state) { s.workflows = fact(s.workflows, "github workflows", 2*everyHistory, list, err) })
	if err != nil {
		return err
	}
	active := slices.DeleteFunc(slices.Clone(list), func(w Workflow) bool { return w.State != "active" })
	return each(ctx, active[:min(len(active), 12)], func(ctx context.Context, w Workflow) error {
		f, err := e.opt.GitHub.WorkflowFile(ctx, w.File(), "")
		if KindOf(err) == KindNotFound || KindOf(err) == KindInvalid {
			err = nil // a workflow without a readable file (Dependabot's, a broken one) has no inputs to offer
		}
		e.observe(func(s *state) {
			s.files[w.File()] = fact(s.files[w.File()], "github workflows", 2*everyHistory, f, err)
		})
		return err
	})
}

// readCommits learns the trees of the commits that matter, so that a merge
// commit and the commit it merged are seen to be the same release.
func (e *Engine) readCommits(ctx context.Context) error {
	missing := view(e, func(s *state) []string { return s.unknownCommits() })
	if len(missing) == 0 {
		return nil
	}
	branches := view(e, func(s *state) []string { return s.branches() })
	err := each(ctx, branches, func(ctx context.Context, branch string) error {
		list, err := e.opt.GitHub.Commits(ctx, branch, commitsKept)
		if KindOf(err) == KindNotFound {
			return nil // the branch is only a pattern, or gone
		}
		e.learn(list...)
		return err
	})
	if err != nil {
		return err
	}
	missing = view(e, func(s *state) []string { return s.unknownCommits() })
	return each(ctx, missing[:min(len(missing), 12)], func(ctx context.Context, sha string) error {
		c, err := e.opt.GitHub.Commit(ctx, sha)
		if KindOf(err) == KindNotFound {
			c, err = Commit{SHA: sha}, nil // force-pushed away: known to have no tree
		}
		if err == nil {
			e.learn(c)
		}
		return err
	})
}

func (e *Engine) learn(list ...Commit) {
	e.observe(func(s *state) {
		for _, c := range list {
			s.commits[c.SHA] = c
		}
	})
}

// unknownCommits are the SHAs that runs of the delivery system, deployments
// and services name and whose trees are not known yet.
func (s *state) unknownCommits() []string {
	var out []string
	add := func(sha string) {
		if _, ok := s.commits[sha]; len(sha) == 40 && !ok && !slices.Contains(out, sha) {
			out = append(out, sha)
		}
	}
	for _, r := range s.allRuns() {
		if s.delivers(r.Workflow) {
			add(r.SHA)
		}
	}
	for _, f := range s.deployments {
		for _, d := range f.Value {
			add(d.SHA)
		}
	}
	for _, f := range s.services {
		for _, svc := range f.Value {
			for _, rev := range svc.Revisions {
				add(rev.SHA)
			}
		}
	}
	return out
}

// delivers reports whether a workflow moves releases between environments.
func (s *state) delivers(file string) bool {
	return slices.ContainsFunc(s.config.Value.Environments, func(e Environment) bool { return e.Workflow == file })
}

func (s *state) branches() []string {
	var out []string
	for _, e := range s.config.Value.Environments {
		for _, b := range e.Branches {
			if !slices.Contains(out, b) {
				out = append(out, b)
			}
		}
	}
	return out
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
