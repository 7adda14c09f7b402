package pipeline

import (
	"context"
	"slices"
	"time"
)

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
