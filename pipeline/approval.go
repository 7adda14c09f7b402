package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// PlanReview plans to approve or reject what holds a run.
func (o *Operator) PlanReview(ctx context.Context, req ReviewRequest) (Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	s, err := o.ready(ctx)
	if err != nil {
		return Plan{}, err
	}
	pending, env, err := o.held(ctx, s, req)
	if err != nil {
		return Plan{}, err
	}
	ev, err := o.gatherApproval(ctx, env, req.RunID, pending.EnvironmentID)
	if err != nil {
		return Plan{}, err
	}
	run := ev.run.Value
	if req.SHA != "" && !strings.HasPrefix(run.SHA, strings.ToLower(req.SHA)) {
		return Plan{}, &Error{Kind: KindRefused, Message: fmt.Sprintf("run #%d is at %s, not at %s", run.Number, Short(run.SHA), req.SHA), Hint: "look at the run again"}
	}
	in := o.newIntent(PlanApprove, s)
	if req.Reject {
		in.Kind = PlanReject
	}
	in.Environment, in.RunID, in.RunAttempt, in.SHA, in.Workflow = env.Name, run.ID, run.Attempt, run.SHA, run.Workflow
	in.GateID, in.LiveSHA, in.LiveECS = pending.EnvironmentID, ev.env.Live.Release.SHA, liveECS(ev.env)
	p := Plan{Intent: in, Comment: true, Gates: approvalGates(ev, pending, in, req.Comment), Preview: ev.approvalPreview()}
	verb := "Approve"
	if req.Reject {
		verb = "Reject"
		p.Gates = rejectGates(p.Gates)
	}
	p.Intent.GatesFP = Fingerprint(p.Gates)
	p.Title = fmt.Sprintf("%s %s · %s #%d, attempt %d", verb, env.Name, run.Workflow, run.Number, run.Attempt)
	p.Command = reviewCommand(in, req.Reject)
	p.Sends = fmt.Sprintf("%ss %s at %s of run %d", strings.ToLower(verb), pending.Environment, Short(run.SHA), run.ID)
	return p, nil
}

func reviewCommand(in Intent, reject bool) string {
	state := "approved"
	if reject {
		state = "rejected"
	}
	return fmt.Sprintf("gh api -X POST repos/%s/actions/runs/%d/pending_deployments -F 'environment_ids[]=%d' -f state=%s -f comment='…'",
		in.Repository, in.RunID, in.GateID, state)
}

// rejectGates keeps what a rejection depends on: the run and the right to
// decide. Nothing about the release matters when it is turned away, and a run
// that has no business at this gate is what should be.
func rejectGates(gates []Gate) []Gate {
	out := slices.DeleteFunc(slices.Clone(gates), func(g Gate) bool { return g.ID != "A1" && g.ID != "A2" && g.ID != "A18" })
	for i := range out {
		if out[i].Code == codeOtherWorkflow {
			out[i].Effect = Warn
		}
	}
	return out
}

// held finds the pending approval that a request means, and the environment as
// the team knows it.
func (o *Operator) held(ctx context.Context, s *Snapshot, req ReviewRequest) (PendingApproval, Environment, error) {
	pending, err := o.engine.opt.GitHub.PendingApprovals(Uncached(ctx), req.RunID)
	if err != nil {
		return PendingApproval{}, Environment{}, err
	}
	var found []PendingApproval
	for _, p := range pending {
		if req.Environment == "" || req.Environment == p.Environment || gateOf(s.Config, p.Environment).Name == req.Environment {
			found = append(found, p)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], gateOf(s.Config, found[0].Environment), nil
	case len(found) > 1:
		return PendingApproval{}, Environment{}, Errorf(KindUsage, "run %d waits for %d environments; name one with --environment", req.RunID, len(found))
	case len(pending) > 0:
		return PendingApproval{}, Environment{}, Errorf(KindUsage, "run %d does not wait for %s but for %s", req.RunID, req.Environment, pending[0].Environment)
	}
	return PendingApproval{}, Environment{}, &Error{Kind: KindRefused, Message: fmt.Sprintf("run %d waits for nobody's approval", req.RunID), Hint: "gh deployctl status shows what waits"}
}

// gateOf is the environment whose gate has that name; one that the team did
// not configure is known by its GitHub name alone.
func gateOf(c Configuration, gate string) Environment {
	for _, e := range c.Environments {
		if e.GateEnvironment == gate || (e.GateEnvironment == "" && e.GitHubEnvironment == gate) {
			return e
		}
	}
	return Environment{Name: gate, GitHubEnvironment: gate, GateEnvironment: gate}
}

// gatherApproval reads everything that the approval's check list judges, in
// parallel and around every cache.
func (o *Operator) gatherApproval(ctx context.Context, env Environment, runID, _ int64) (*evidence, error) {
	gh := o.engine.opt.GitHub
	ev := &evidence{}
	r := &reading{o: o, ctx: Uncached(ctx)}
	r.refreshEnvironment(env.Name)
	if env.After != "" {
		r.refreshEnvironment(env.After)
	}
	look(r, &ev.pending, "github approvals", func(ctx context.Context) ([]PendingApproval, error) { return gh.PendingApprovals(ctx, runID) })
	r.do(func(ctx context.Context) { _ = o.engine.readRuns(ctx) })
	r.do(func(ctx context.Context) { _ = o.engine.readHolds(ctx) }) // likewise
	r.do(func(ctx context.Context) { _ = o.engine.readDeployments(ctx) })
	run, err := gh.Run(r.ctx, runID)
	if err != nil {
		r.wg.Wait()
		return nil, err
	}
	ev.run = fact(Fact[Run]{}, "github runs", EvidenceLife, run, nil)
	look(r, &ev.checks, "github checks", func(ctx context.Context) ([]Check, error) { return gh.Checks(ctx, run.SHA) })
	r.wg.Wait()
	_ = o.engine.readCommits(ctx) // trees of commits that only now became known
	ev.now = time.Now()
	ev.snap, ev.same = o.derived(ev.now)
	ev.env = environmentOr(ev.snap, env)
	if env.After != "" {
		ev.previous = ev.snap.Environment(env.After)
	}
	o.gatherChange(ctx, ev, run.SHA)
	return ev, nil
}

func environmentOr(s *Snapshot, env Environment) *EnvironmentState {
	if e := s.Environment(env.Name); e != nil {
		return e
	}
	return &EnvironmentState{Environment: env, Live: Live{Verdict: LiveUnknown}}
}

// gatherChange reads what would change: commits, migrations, images.
func (o *Operator) gatherChange(ctx context.Context, ev *evidence, head string) {
	r := &reading{o: o, ctx: Uncached(ctx)}
	if live := ev.env.Live.Release.SHA; live != "" {
		r.do(func(ctx context.Context) {
			c, err := o.engine.opt.GitHub.Compare(ctx, live, head)
			ev.compare = fact(Fact[Comparison]{}, "github compare", EvidenceLife, c, err)
			ev.migrations = o.readMigrations(ctx, ev.compare, head)
		})
	}
	if branch := ev.snap.Repository.DefaultBranch; branch != "" {
		look(r, &ev.after, "github compare", func(ctx context.Context) (Comparison, error) {
			return o.engine.opt.GitHub.Compare(ctx, head, branch)
		})
	}
	if ev.previous != nil && o.engine.opt.Cloud != nil {
		refs := ev.verified(head)
		if len(refs) > 0 {
			look(r, &ev.images, "aws images", func(ctx context.Context) (map[string]ImageState, error) {
				return o.engine.opt.Cloud.Images(ctx, ev.previous.Services[0].Cluster, refs)
			})
		}
	}
	o.gatherReturn(ctx, r, ev.env)
	r.wg.Wait()
	ev.now = time.Now()
	previous, name := ev.previous, ev.env.Environment
	ev.snap, ev.same = o.derived(ev.now)
	ev.env = environmentOr(ev.snap, name)
	if previous != nil {
		ev.previous = ev.snap.Environment(previous.Environment.Name)
	}
}

// verified finds the images that the environment before has verified of a
// release, as `step prepare` does: those that its newest good deployment of the
// release records, which may be gone from there since, else those that it runs.
func (ev *evidence) verified(head string) (images []Image) {
	var record map[string]ServiceTarget
	for _, d := range ev.previous.Deployments.Value {
		if d.Succeeded() && d.Payload.Kind != "rollback" && ev.same(d.SHA, head) {
			record = d.Payload.Services
			break
		}
	}
	ev.digests = map[string]string{}
	for _, v := range ev.previous.Services {
		if len(v.Revisions) == 0 || len(v.Revisions[0].Images) == 0 {
			continue
		}
		image := v.Revisions[0].Images[0]
		if digest := record[v.Key.Service].Image; digest != "" {
			image.Digest = digest
		} else if !ev.same(v.SHA, head) || image.Digest == "" {
			continue
		}
		ev.digests[v.Key.Service] = image.Digest
		images = append(images, image)
	}
	return images
}

// gatherReturn looks up whether today's live release could be deployed again.
func (o *Operator) gatherReturn(_ context.Context, r *reading, e *EnvironmentState) {
	if o.engine.opt.Cloud == nil || len(e.Services) == 0 {
		return
	}
	r.do(func(ctx context.Context) {
		services := make([]ServiceState, len(e.Services))
		var wanted []artifact
		for i, v := range e.Services {
			services[i] = v.ServiceState
			if len(v.Revisions) > 0 {
				wanted = append(wanted, artifact{v.Key.Service, v.Revisions[0].TaskDefinition, v.Revisions[0].Digest()})
			}
		}
		_ = o.engine.lookUp(ctx, services, wanted) // its facts carry their errors
	})
}

func (ev *evidence) approvalPreview() Preview {
	p := Preview{From: ev.env.Live.Release, To: releaseOf(ev.snap, ev.run.Value), LiveSince: ev.env.Live.Since}
	if !unreadable(ev.compare.Observation) {
		p.Commits, p.Truncated = ev.compare.Value.Commits, ev.compare.Value.Truncated
		p.Authors = authors(p.Commits)
	}
	for _, m := range ev.migrations.Value {
		p.Migrations = append(p.Migrations, m.Path)
	}
	for _, v := range ev.env.Services {
		p.Services = append(p.Services, ServiceChange{Service: v.Key.Service, From: Short(v.SHA), To: Short(ev.run.Value.SHA)})
	}
	p.Expected, p.Worst = usual(ev.env.Deployments.Value, "deploy")
	return p
}

func releaseOf(s *Snapshot, run Run) Release {
	for _, t := range s.Trains {
		if t.Is(run.SHA) {
			r := t.Release
			r.SHA = run.SHA
			return r
		}
	}
	return Release{SHA: run.SHA, Title: run.CommitTitle, Author: run.Actor}
}

// authors are the people behind commits, each once, merges aside.
func authors(commits []Commit) []string {
	var out []string
	for _, c := range commits {
		if len(c.Parents) < 2 && !slices.Contains(out, c.Author) {
			out = append(out, c.Author)
		}
	}
	return out
}
