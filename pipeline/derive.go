package pipeline

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// derive concludes a snapshot from what was observed. It is a pure function of
// the state and the time.
func derive(s *state, now time.Time) *Snapshot {
	d := &deriving{state: s, now: now, byTree: map[string][]string{}}
	d.index()
	snap := &Snapshot{
		AsOf:       now,
		Mode:       s.mode,
		Repository: s.repository.Value,
		Viewer:     s.viewer.Value,
		Config:     s.config.Value,
		Identity:   s.identity,
		RunsTotal:  s.runs.Value.Total,
		Runs:       Fact[[]Run]{Value: d.allRuns(), Observation: s.runs.Observation},
		Older:      s.older,
		Jobs:       maps.Clone(s.jobs),
		Pending:    maps.Clone(s.pending),
		Workflows:  s.workflows,
		Focus:      s.focus,
		Logs:       s.logs,
		Reconciled: slices.Clone(s.reconciled),

		images: maps.Clone(s.images), definitions: maps.Clone(s.definitions),
		rules: maps.Clone(s.rules), concurrency: map[string]string{}, files: maps.Clone(s.files), spans: maps.Clone(s.spans), trees: make(map[string]string, len(s.commits)),
	}
	snap.Repositories = s.repositories()
	for file, f := range s.files {
		snap.concurrency[file] = f.Value.Concurrency
	}
	for sha, c := range s.commits {
		snap.trees[sha] = c.Tree
	}
	for _, env := range s.config.Value.Environments {
		state := d.environment(env)
		snap.Environments = append(snap.Environments, state)
		snap.Rollouts = append(snap.Rollouts, d.rollouts(&state)...)
	}
	for i := range snap.Environments {
		d.conclude(&snap.Environments[i], snap.Rollouts)
	}
	slices.SortStableFunc(snap.Rollouts, func(a, b Rollout) int { return b.Started.Compare(a.Started) })
	d.forecasts(snap)
	snap.Approvals = d.approvals()
	snap.Trains = d.trains(snap)
	snap.unresolved = len(s.unknownCommits())
	due, _ := jobsDue(s, now)
	snap.unreadJobs = slices.ContainsFunc(due, func(r Run) bool {
		f := s.jobs[r.Key()]
		return !f.Known() && f.Err == nil
	})
	return snap
}

// deriving holds what several conclusions need.
type deriving struct {
	*state
	now    time.Time
	byTree map[string][]string // tree to the commits that have it
	images map[string]string   // digest to the SHA that a deployment recorded for it
	every  []Run               // run, gathered once

	recorded map[string]string // SHA to the version that a deployment recorded
	versions map[string]string // SHA to version, as found out
}

// allRuns are the runs of the state; a derivation asks for them often.
func (d *deriving) allRuns() []Run {
	if d.every == nil {
		d.every = d.state.allRuns()
	}
	return d.every
}

// same reports whether two commits are the same release: one SHA or one tree.
func (d *deriving) same(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if a == b {
		return true
	}
	tree := d.commits[a].Tree
	return tree != "" && tree == d.commits[b].Tree
}

// release tells what is known of a commit as a release.
func (d *deriving) release(sha string) Release {
	if sha == "" {
		return Release{}
	}
	c := d.commits[sha]
	r := Release{SHA: sha, Tree: c.Tree, Version: d.version(sha), Title: c.Title, Author: c.Author, Created: c.Committed}
	if r.Title == "" {
		for _, run := range d.runs.Value.Runs {
			if run.SHA == sha {
				r.Title, r.Author = run.CommitTitle, run.Actor
				break
			}
		}
	}
	// A merge commit's own subject says little; the commit that it merged says more.
	if strings.HasPrefix(r.Title, "Merge ") && len(c.Parents) > 1 {
		if merged, ok := d.commits[c.Parents[1]]; ok && merged.Title != "" {
			r.Title, r.Author = merged.Title, merged.Author
		}
	}
	return r
}

// environment gathers the facts of one environment and what each service runs.
func (d *deriving) environment(env Environment) EnvironmentState {
	services := d.services[env.Name]
	out := EnvironmentState{
		Environment: env,
		Rules:       d.rules[firstOf(env.GateEnvironment, env.GitHubEnvironment)],
		Deployments: d.deployments[env.Name],
		Errors:      d.errors[env.Name],
		Observation: services.Observation,
		Hold:        d.hold(env.Name),
		holds:       d.holds.Observation,
		lock:        d.lock(env.Name),
	}
	out.Services = slices.Grow(out.Services, len(services.Value))
	for _, svc := range services.Value {
		key := svc.Key
		svc.Tasks, svc.Targets, svc.Alarms, svc.Load = d.tasks[key], d.targets[key], d.alarms[key], d.loads[key]
		svc.Traffic, svc.Scaling, svc.Registrations = d.traffic[key], d.scalings[key], d.registered[key]
		if c := d.compared[key]; c.Value.To == firstOf(svc.TakenBack(), svc.TaskDefinition) || c.Err != nil {
			svc.Definition = c
		}
		out.Services = append(out.Services, d.service(svc, services.Observation))
		h := d.history[key]
		out.unreadHistory = out.unreadHistory || svc.ARN != "" && svc.Status != "MISSING" && !h.Known() && h.Err == nil
	}
	out.Live = d.live(env, out.Services)
	return out
}

// conclude adds what needs the rollouts: disagreements, the lane, the way back.
func (d *deriving) conclude(e *EnvironmentState, rollouts []Rollout) {
	d.disagree(e, rollouts)
	e.Lane = d.lane(e.Environment)
	e.Return = d.returnPath(e)
	e.Live.Since = d.liveSince(e)
}

// liveSince is when the live release was verified here by the newest
// deployment of it; zero where no deployment says so.
func (d *deriving) liveSince(e *EnvironmentState) time.Time {
	for _, dep := range e.Deployments.Value {
		if dep.Succeeded() && d.same(d.deployedSHA(dep, e), e.Live.Release.SHA) {
			return dep.SucceededAt()
		}
	}
	return time.Time{}
}

// approvals is the inbox: what waits for a person, oldest first.
func (d *deriving) approvals() []Approval {
	var out []Approval
	for _, r := range d.allRuns() {
		if r.Status != StatusWaiting {
			continue
		}
		for _, p := range d.pending[r.ID].Value {
			if d.approved(r.ID, p.Environment) {
				continue // only its timer keeps it
			}
			a := Approval{
				Run: r, Gate: p.Environment, EnvironmentID: p.EnvironmentID, Environment: p.Environment,
				Release: d.release(r.SHA), Since: firstTime(p.WaitStarted, r.Started, r.Created),
				TimerEnds: p.TimerEnds(), Reviewers: p.Reviewers, CanApprove: p.CanApprove,
			}
			for _, env := range d.config.Value.Environments {
				if env.GateEnvironment == p.Environment || (env.GateEnvironment == "" && env.GitHubEnvironment == p.Environment) {
					a.Environment = env.Name
				}
			}
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b Approval) int { return a.Since.Compare(b.Since) })
	return out
}

// movement is a fingerprint of what moves; when it changes, pollers look at
// their intervals again.
func movement(s *Snapshot) string {
	var b strings.Builder
	for i := range s.Environments {
		e := &s.Environments[i]
		b.WriteString(e.Environment.Name)
		for _, is := range []bool{moves(s, e.Environment.Name), e.Deployments.Known(), e.Known(), unread(e), undecided(e), e.Return.unread} {
			if is {
				b.WriteByte('*')
			} else {
				b.WriteByte('.')
			}
		}
	}
	if s.unresolved > 0 {
		b.WriteByte('?')
	}
	if s.unreadJobs {
		b.WriteByte('!')
	}
	b.WriteString(s.Focus.Service)
	for _, r := range s.Runs.Value {
		if !r.Done() {
			b.WriteString(string(r.Status) + ",")
		}
	}
	for i := range s.Repositories {
		b.WriteByte('/')
		for _, r := range s.Repositories[i].Runs.Value {
			if !r.Done() {
				b.WriteString(string(r.Status) + ",")
			}
		}
	}
	return b.String()
}

// moves reports whether an environment is changing: a run that deploys there
// is past its gate, or ECS moves a service. The empty name asks for any.
func moves(s *Snapshot, env string) bool {
	for i := range s.Environments {
		e := &s.Environments[i]
		if env != "" && e.Environment.Name != env {
			continue
		}
		if slices.ContainsFunc(e.Services, func(v ServiceView) bool { return v.Moving() }) {
			return true
		}
	}
	return slices.ContainsFunc(s.Rollouts, func(r Rollout) bool {
		return (env == "" || r.Environment == env) && r.Active() &&
			r.Phase != PhaseAwaiting && r.Phase != PhaseQueued && r.Phase != PhaseIndeterminate
	})
}

// unread reports whether a service's targets or alarms were never asked for.
func unread(e *EnvironmentState) bool {
	return slices.ContainsFunc(e.Services, func(v ServiceView) bool {
		return len(v.TargetGroups) > 0 && !v.Targets.Known() && v.Targets.Err == nil ||
			len(alarmNames(e.Environment, v.ServiceState)) > 0 && !v.Alarms.Known() && v.Alarms.Err == nil
	})
}

// undecided reports whether a candidate's artefacts were never looked up.
func undecided(e *EnvironmentState) bool {
	return len(e.Services) > 0 && slices.ContainsFunc(e.Return.Candidates, func(c Candidate) bool { return c.unread })
}

func firstOf(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return ""
}

func firstTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// lastPart is what follows the last slash of an ARN or path.
func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
