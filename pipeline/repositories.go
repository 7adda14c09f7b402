package pipeline

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// Bounds of what is asked of the other repositories that a configuration names.
const (
	mostRepositories = 20
	otherRunsKept    = 30 // newest runs of each
	// Each repository more makes all of them wait longer, so that twenty cost
	// no more than two.
	repositoryShare     = 10 * time.Second // while nothing moves in it
	movingShare         = 5 * time.Second  // of each repository in which something moves
	everyIdleRepository = 30 * time.Second
)

// RepositoryState is what is known of a repository beside the console's own.
type RepositoryState struct {
	Repository  Repository // Host, Owner and Name alone until it was read
	Runs        Fact[[]Run]
	Total       int // how many runs it has; Runs holds the newest
	Workflows   Fact[[]Workflow]
	Durations   Durations `json:"-"` // as its newest runs took
	Observation           // of Repository
}

// OtherRepositories are the repositories beside its own that a console watches, in
// the order of their names and at most mostRepositories.
func OtherRepositories(c Configuration, own string) []string {
	var names []string
	for _, name := range c.Repositories {
		if !strings.EqualFold(name, own) && strings.Count(name, "/") == 1 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names[:min(len(names), mostRepositories)]
}

// Of is the snapshot as another repository sees it: its role, workflows and
// runs, and none of the environments, which are this repository's. An unknown
// name gives a repository of which nothing is known; an empty one the snapshot
// itself.
func (s *Snapshot) Of(repository string) *Snapshot {
	if repository == "" || strings.EqualFold(repository, s.Repository.FullName()) {
		return s
	}
	owner, name, _ := strings.Cut(repository, "/")
	other := &Snapshot{
		Version: s.Version, AsOf: s.AsOf, Mode: s.Mode, Viewer: s.Viewer, Focus: Focus{RunID: s.Focus.RunID}, Jobs: s.Jobs,
		Repository: Repository{Host: s.Repository.Host, Owner: owner, Name: name},
	}
	for _, r := range s.Repositories {
		if strings.EqualFold(r.Repository.FullName(), repository) {
			other.Repository, other.Runs, other.RunsTotal, other.Workflows = r.Repository, r.Runs, r.Total, r.Workflows
		}
	}
	return other
}

// github is the port of a repository; an empty name is the console's own.
func (e *Engine) github(repository string) (GitHub, error) {
	if repository == "" || strings.EqualFold(repository, e.Snapshot().Repository.FullName()) || strings.EqualFold(repository, e.opt.Repository.FullName()) {
		return e.opt.GitHub, nil
	}
	e.portsLock.Lock()
	defer e.portsLock.Unlock()
	if port, ok := e.ports[repository]; ok {
		return port, nil
	}
	if e.opt.OtherGitHub == nil {
		return nil, Errorf(KindUsage, "this console reads %s alone, and not %s", e.Snapshot().Repository.FullName(), repository)
	}
	port, err := e.opt.OtherGitHub(repository)
	if err != nil {
		return nil, err
	}
	if e.ports == nil {
		e.ports = map[string]GitHub{}
	}
	e.ports[repository] = port
	return port, nil
}

// githubOf is the port of the repository that a run is of. A run that the
// snapshot does not hold is taken to be of the console's own.
func (e *Engine) githubOf(run int64) (GitHub, error) {
	r, _ := e.Snapshot().Run(run)
	return e.github(r.Repository)
}

// ensureRepositories gives every other repository of the configuration its poller.
func (e *Engine) ensureRepositories(s *Snapshot) {
	if e.opt.GitHub == nil || e.opt.OtherGitHub == nil || e.ctx == nil || e.ctx.Err() != nil {
		return
	}
	for _, name := range OtherRepositories(s.Config, s.Repository.FullName()) {
		if source := "github runs " + name; !e.hasPoller(source) {
			p := newPoller(source, repositoryInterval(name), func(ctx context.Context) error { return e.readOther(ctx, name) })
			p.aside = true
			e.addPoller(p)
		}
	}
}

// repositoryInterval grows with the number of repositories.
func repositoryInterval(name string) func(*Snapshot) time.Duration {
	return func(s *Snapshot) time.Duration {
		moving, here := 0, false
		for i := range s.Repositories {
			r := &s.Repositories[i]
			if slices.ContainsFunc(r.Runs.Value, func(r Run) bool { return !r.Done() && r.Status != StatusWaiting }) {
				moving++
				here = here || r.Repository.FullName() == name
			}
		}
		if here {
			return max(everyMoving, time.Duration(moving)*movingShare)
		}
		return max(everyIdleRepository, time.Duration(len(s.Repositories))*repositoryShare)
	}
}

// readOther reads the newest runs of another repository, and now and then what
// seldom changes there.
func (e *Engine) readOther(ctx context.Context, name string) error {
	if !slices.Contains(view(e, func(s *state) []string { return s.otherNames() }), name) {
		return nil // taken out of the configuration
	}
	gh, err := e.github(name)
	if err != nil {
		return err
	}
	source := "github runs " + name
	list, err := gh.Runs(ctx, RunQuery{Limit: otherRunsKept})
	for i := range list.Runs {
		list.Runs[i].Repository = name
	}
	life := staleFactor * max(everyIdleRepository, mostRepositories*repositoryShare)
	e.observe(func(s *state) {
		o := s.others[name]
		if err == nil {
			s.keepOlder(o.runs.Value.Runs, list.Runs)
		}
		o.runs = fact(o.runs, source, life, list, err)
		o.past = DurationsOf(o.runs.Value.Runs, s.jobs)
		s.others[name] = o
	})
	if err != nil {
		return err
	}
	known := view(e, func(s *state) Observation { return s.others[name].repository.Observation })
	if known.Known() && known.Age(time.Now()) < everyHistory {
		return nil
	}
	return e.describeOther(ctx, gh, name)
}

// describeOther reads what seldom changes of another repository: what the
// operator may do there and which workflows it has.
func (e *Engine) describeOther(ctx context.Context, gh GitHub, name string) error {
	repository, err := gh.Repository(ctx)
	var workflows []Workflow
	if err == nil {
		workflows, err = gh.Workflows(ctx)
	}
	e.observe(func(s *state) {
		o := s.others[name]
		o.repository = fact(o.repository, "github "+name, 2*everyHistory, repository, err)
		o.workflows = fact(o.workflows, "github "+name, 2*everyHistory, workflows, err)
		s.others[name] = o
	})
	return err
}

// otherRepository is what was observed of another repository.
type otherRepository struct {
	repository Fact[Repository]
	runs       Fact[RunList]
	workflows  Fact[[]Workflow]
	past       Durations
}

func (s *state) otherNames() []string {
	return OtherRepositories(s.config.Value, s.repository.Value.FullName())
}

// otherRuns are the newest runs of all other repositories.
func (s *state) otherRuns() []Run {
	n := 0
	for _, o := range s.others {
		n += len(o.runs.Value.Runs)
	}
	out := make([]Run, 0, n)
	for _, name := range slices.Sorted(maps.Keys(s.others)) {
		out = append(out, s.others[name].runs.Value.Runs...)
	}
	return out
}

// repositories are the states of the other repositories, by name.
func (s *state) repositories() []RepositoryState {
	var out []RepositoryState
	for _, full := range s.otherNames() {
		o := s.others[full]
		r := RepositoryState{
			Repository: o.repository.Value, Observation: o.repository.Observation,
			Runs:  Fact[[]Run]{Value: o.runs.Value.Runs, Observation: o.runs.Observation},
			Total: o.runs.Value.Total, Workflows: o.workflows, Durations: o.past,
		}
		if r.Repository.Name == "" {
			owner, name, _ := strings.Cut(full, "/")
			r.Repository = Repository{Host: s.repository.Value.Host, Owner: owner, Name: name}
		}
		out = append(out, r)
	}
	return out
}
