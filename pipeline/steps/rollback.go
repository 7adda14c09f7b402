package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// RollbackRequest asks to restore an earlier deployment.
type RollbackRequest struct {
	Environment string
	To          int64         // deployment that is restored; 0: the best candidate
	Reason      string        // 10 characters or more
	ExpectedSHA string        // the commit that must be live; empty: any
	Bucket      string        // keeps a copy of the record; empty: none does
	Timeout     time.Duration // for one service to stabilise; 0: 15 minutes
}

const (
	reasonLength  = 10
	healthyWithin = 3 * time.Minute
	probeTimeout  = 10 * time.Second
)

// Rollback restores what an earlier deployment set, service by service, each
// verified before the next. It saves the present in the same way first, stops
// what ECS has in flight, and ends with a hold that marks what was left as
// faulty. A re-run goes on where an earlier attempt ended.
func (s *Suite) Rollback(ctx context.Context, req RollbackRequest) error {
	env, err := s.environment(req.Environment)
	if err != nil {
		return err
	}
	if len([]rune(strings.TrimSpace(req.Reason))) < reasonLength {
		return &pipeline.Error{Kind: pipeline.KindUsage, Message: fmt.Sprintf("a rollback needs a reason of %d characters or more", reasonLength), Hint: "say why with --reason"}
	}
	d, begun, err := s.deployment(ctx, env, kindRollback)
	if err != nil {
		return err
	}
	if !begun {
		if d, err = s.planRollback(ctx, env, req); err != nil {
			return err
		}
	}
	fleet, err := s.fleet(ctx, env)
	if err != nil {
		return err
	}
	s.showRollback(env, fleet, d)
	if s.DryRun {
		if _, err := s.rival(ctx, env); err != nil {
			return err
		}
		s.Report.Printf("dry run: nothing was changed")
		return nil
	}
	if err := s.adopt(ctx, env, "rolling back: "+req.Reason); err != nil {
		return err
	}
	if begun {
		s.Report.Printf("rollback %d of this run goes on", d.ID)
	} else if d, err = s.openRollback(ctx, env, d, fleet, req); err != nil {
		return err
	}
	if err := s.restore(ctx, env, d, fleet, req.Timeout); err != nil {
		return s.ended(ctx, env, d, err)
	}
	return s.settle(ctx, env, d, req.Reason)
}

// planRollback asks the check list, and makes the record of what is restored.
func (s *Suite) planRollback(ctx context.Context, env pipeline.Environment, req RollbackRequest) (pipeline.Deployment, error) {
	j, err := s.judge().Rollback(ctx, env, req.To)
	if err != nil {
		return pipeline.Deployment{}, err
	}
	if live := j.Live.Release.SHA; req.ExpectedSHA != "" && live != req.ExpectedSHA && !j.Same(live, req.ExpectedSHA) {
		return pipeline.Deployment{}, &pipeline.Error{
			Kind: pipeline.KindRefused, Op: "roll back " + env.Name,
			Message: fmt.Sprintf("%s is live, and %s was expected: the world changed since it was looked at", firstOf(pipeline.Short(live), "an unknown commit"), pipeline.Short(req.ExpectedSHA)),
			Hint:    "look at what is live, and decide again",
		}
	}
	s.showGates(env, j.Gates)
	for _, g := range j.Gates {
		switch {
		case g.Blocks():
			return pipeline.Deployment{}, &pipeline.Error{
				Kind: pipeline.KindRefused, Op: "roll back " + env.Name, Message: g.Sentence + " (" + g.ID + ")",
				Hint: firstOf(g.Remedy, "choose another deployment with --to"),
			}
		case g.NeedsAck():
			// rollback.yml has nowhere to acknowledge, and an emergency waits for nobody.
			s.Report.Warningf(g.ID+" "+g.Title, "%s; it wanted an acknowledgement, and the rollback goes on without one", g.Sentence)
			s.Report.Summary(fmt.Sprintf("- **%s %s** was not acknowledged: %s", g.ID, Cell(g.Title), Cell(g.Sentence)))
		case g.Warns():
			s.Report.Warningf(g.ID+" "+g.Title, "%s", g.Sentence)
		default:
			s.Report.Printf("%s %s: %s", g.ID, g.Title, g.Sentence)
		}
	}
	t := j.Target.Deployment
	s.Report.Printf("restores deployment %d, %s (%s)", t.ID, firstOf(t.Payload.Version, "without a version"), pipeline.Short(t.SHA))
	return pipeline.Deployment{SHA: t.SHA, Payload: pipeline.Payload{
		Kind: kindRollback, Version: t.Payload.Version, Services: j.Artifacts, RollbackOf: j.Leaves, To: t.ID,
	}}, nil
}

// showGates writes the check list into the summary.
func (s *Suite) showGates(env pipeline.Environment, gates []pipeline.Gate) {
	rows := make([][]string, len(gates))
	for i, g := range gates {
		verdict := string(g.Verdict)
		switch {
		case g.Blocks():
			verdict = "refused"
		case g.NeedsAck():
			verdict = "passed without an acknowledgement"
		case g.Warns():
			verdict = "warning"
		}
		rows[i] = []string{g.ID + " " + g.Title, verdict, g.Sentence}
	}
	s.Report.Table("Check list of the rollback of "+env.Name, []string{"Check", "Verdict", "Finding"}, rows)
}

// showRollback says what happens to each service.
func (s *Suite) showRollback(env pipeline.Environment, fleet []running, d pipeline.Deployment) {
	rows := make([][]string, len(fleet))
	for i, r := range fleet {
		target, named := d.Payload.Services[r.service.Name]
		what := shortDigest(r.image().Digest) + " → " + shortDigest(target.Image)
		switch {
		case !named || target.Image == "":
			what = "stays; the deployment that is restored did not set it"
		case settledOn(r, target.Image):
			what = "runs " + shortDigest(target.Image) + " already"
		}
		s.Report.Printf("%s: %s", r.service.Name, what)
		rows[i] = []string{r.service.Name, what}
	}
	s.Report.Table(fmt.Sprintf("Rollback of %s to %s (%s)", env.Name, Cell(firstOf(d.Payload.Version, "no version")), pipeline.Short(d.SHA)), []string{"Service", "What happens"}, rows)
}

// openRollback saves the present, and files the rollback's own deployment.
func (s *Suite) openRollback(ctx context.Context, env pipeline.Environment, plan pipeline.Deployment, fleet []running, req RollbackRequest) (pipeline.Deployment, error) {
	p := plan.Payload
	p.Before, p.Reason = before(fleet), req.Reason // a status has room for a part of the reason
	d, err := s.open(ctx, env, plan.SHA, p, req.Bucket)
	if d.ID != 0 && err != nil { // the copy is missing, which is no reason not to go back
		s.Report.Warningf("no copy of the record", "%v", err)
		err = nil
	}
	if err != nil {
		return d, err
	}
	s.progress(ctx, env, d, "in_progress", "rolling back: %s", req.Reason)
	s.hand(d)
	return d, nil
}

// restore stops what moves, then takes one service after the other back.
func (s *Suite) restore(ctx context.Context, env pipeline.Environment, d pipeline.Deployment, fleet []running, timeout time.Duration) error {
	fleet = slices.DeleteFunc(slices.Clone(fleet), func(r running) bool { return d.Payload.Services[r.service.Name].Image == "" })
	if err := s.stopAll(ctx, d, fleet, timeout); err != nil {
		return err
	}
	for i, r := range fleet {
		s.progress(ctx, env, d, "in_progress", "%s (%d of %d)", r.service.Name, i+1, len(fleet))
		if err := s.restoreService(ctx, d, r, timeout); err != nil {
			if i > 0 {
				s.Report.Printf("restored before: %s", names(fleet[:i]))
			}
			return err
		}
	}
	return nil
}

// stopAll stops the service deployments in flight that do not lead to the
// target, and waits until ECS has let go of them.
func (s *Suite) stopAll(ctx context.Context, d pipeline.Deployment, fleet []running, timeout time.Duration) error {
	var stopped []running
	for _, r := range fleet {
		if r.Rollout == nil || !r.Rollout.InFlight() || heading(r, d.Payload.Services[r.service.Name].Image) {
			continue
		}
		if !r.Rollout.Reverted() {
			err := s.Deployer.Stop(ctx, r.Cluster, r.Rollout.ARN)
			if err != nil && pipeline.KindOf(err) != pipeline.KindConflict && !doubtful(err) {
				return err
			}
			s.Report.Printf("%s: its service deployment in flight is stopped", r.service.Name)
		}
		stopped = append(stopped, r)
	}
	for _, r := range stopped {
		if err := s.still(ctx, r, time.Now().Add(s.within(timeout, stabilisesEnd))); err != nil {
			return err
		}
	}
	return nil
}

// heading reports whether ECS is on its way to an image: then there is nothing to stop.
func heading(r running, digest string) bool {
	return r.Rollout.Target.Digest() == digest && !r.Rollout.Reverted()
}

// still waits until nothing moves a service.
func (s *Suite) still(ctx context.Context, r running, deadline time.Time) error {
	for {
		now, err := s.one(ctx, r)
		if err != nil && !passing(err) {
			return err
		}
		if err == nil && (now.Rollout == nil || !now.Rollout.InFlight()) {
			return nil
		}
		if time.Now().After(deadline) {
			return &pipeline.Error{Kind: pipeline.KindFailed, Op: "roll back " + r.service.Name, Message: "ECS does not end the service deployment in flight", Hint: "look at its tasks, then run the job again"}
		}
		if err := s.pause(ctx, followEvery); err != nil {
			return cut(r.service.Name, err)
		}
	}
}

// restoreService takes one service back and verifies it.
func (s *Suite) restoreService(ctx context.Context, d pipeline.Deployment, r running, timeout time.Duration) error {
	r, err := s.one(ctx, r)
	if err != nil {
		return err
	}
	target := d.Payload.Services[r.service.Name]
	switch {
	case r.Rollout != nil && r.Rollout.InFlight() && heading(r, target.Image):
		s.Report.Printf("%s: is on its way back already", r.service.Name)
		err = s.follow(ctx, s.resume(r, r.Rollout.Target.TaskDefinition, target.Image, timeout))
	case settledOn(r, target.Image):
		s.Report.Printf("%s: runs %s already", r.service.Name, shortDigest(target.Image))
	default:
		err = s.sendBack(ctx, d, r, target, timeout)
	}
	if err != nil {
		return err
	}
	return s.healthy(ctx, r)
}

// sendBack moves a service to the task definition that ran the image then, or
// to a new revision of the present one where that is gone.
func (s *Suite) sendBack(ctx context.Context, d pipeline.Deployment, r running, target pipeline.ServiceTarget, timeout time.Duration) error {
	definition := target.TaskDefinition
	if definition != "" {
		td, err := s.Cloud.TaskDefinition(pipeline.Uncached(ctx), r.Cluster, definition)
		if err != nil && pipeline.KindOf(err) != pipeline.KindNotFound && pipeline.KindOf(err) != pipeline.KindInvalid {
			return err
		}
		if err != nil || td.Status != "ACTIVE" || !slices.ContainsFunc(td.Containers, func(c pipeline.ContainerDefinition) bool {
			return strings.HasSuffix(c.Image, "@"+target.Image)
		}) {
			s.Report.Printf("%s: %s cannot be used any more; its image goes into a new revision", r.service.Name, lastOf(definition))
			definition = ""
		}
	}
	if definition == "" {
		p, err := s.render(Settings{}, d.SHA, d.Payload.Version)
		if err != nil {
			return err
		}
		if definition, err = s.register(ctx, r, target.Image, p, nil); err != nil {
			return err
		}
	}
	desired := 0
	if r.Desired == 0 {
		desired = target.Desired // scaled to zero: it goes back with the tasks that it had
	}
	m, err := s.start(ctx, r, definition, target.Image, desired, timeout)
	if err != nil {
		return err
	}
	s.Report.Printf("%s: back to %s, image %s", r.service.Name, lastOf(definition), shortDigest(target.Image))
	return s.follow(ctx, m)
}

// healthy waits until a service's targets and its health endpoint were good in
// several looks in a row. One that flaps is not well.
func (s *Suite) healthy(ctx context.Context, r running) error {
	_, err := s.steady(ctx, s.scaled(healthyWithin), func(ctx context.Context) ([]Finding, error) {
		now, err := s.one(ctx, r)
		if err != nil {
			return nil, err
		}
		return s.health(ctx, now), ctx.Err()
	})
	if pipeline.KindOf(err) != pipeline.KindFailed {
		if err == nil {
			s.Report.Printf("%s: healthy, %d looks in a row", r.service.Name, steadyRounds)
		}
		return err
	}
	why := err.Error()
	if e := (*pipeline.Error)(nil); errors.As(err, &e) {
		why = e.Message
	}
	return &pipeline.Error{
		Kind: pipeline.KindFailed, Op: "verify " + r.service.Name, Message: "it is restored, and " + why,
		Hint: "the services after it were not touched; look at its log, then run the job again",
	}
}

// health looks once at what tells whether a service answers its users.
func (s *Suite) health(ctx context.Context, r running) (found []Finding) {
	if len(r.TargetGroups) > 0 {
		found = append(found, s.targetsOf(ctx, r))
	}
	if url := r.service.HealthURL; url != "" {
		a := s.ask(ctx, url)
		found = append(found, a.finding(r.service.Name, "health"))
	}
	return found
}

// settle records the success, marks what was left, and holds the environment.
func (s *Suite) settle(ctx context.Context, env pipeline.Environment, d pipeline.Deployment, reason string) error {
	left := s.left(ctx, env, d)
	if err := s.mark(ctx, env, left, reason); err != nil {
		s.Report.Errorf("not held", "%s is restored, and not held against what was left: %v; hold it with gh deployctl lock -e %s", env.Name, err, env.Name)
	}
	s.progress(ctx, env, d, "success", "restored %s, verified", firstOf(d.Payload.Version, pipeline.Short(d.SHA)))
	s.retire(ctx, env, d)
	s.Report.Summary(fmt.Sprintf("%s is back on **%s** (`%s`), as deployment %d.", env.Name, Cell(firstOf(d.Payload.Version, "no version")), pipeline.Short(d.SHA), d.ID))
	return nil
}

// retire makes the deployment that was left inactive. One that never succeeded
// keeps its state: inactive says that it once did.
func (s *Suite) retire(ctx context.Context, env pipeline.Environment, d pipeline.Deployment) {
	if d.Payload.RollbackOf == 0 {
		return
	}
	left, err := s.GitHub.Deployment(pipeline.Uncached(ctx), d.Payload.RollbackOf)
	if err != nil {
		s.Report.Warningf("status not recorded", "deployment %d, which was left, cannot be read: %v", d.Payload.RollbackOf, err)
		return
	}
	if left.Succeeded() && left.State() != "inactive" {
		s.progress(ctx, env, left, "inactive", "rolled back by deployment %d", d.ID)
	}
}

// left are the commits that the rollback left: those whose images ran on the
// services that it moved. They follow from the record, so that a re-run finds
// the same.
func (s *Suite) left(ctx context.Context, env pipeline.Environment, d pipeline.Deployment) []string {
	var candidates, out []string
	if list, err := s.deployments(ctx, env); err == nil && d.Payload.Before != nil {
		for name, was := range d.Payload.Before.Services {
			if to := d.Payload.Services[name].Image; to == "" || to == was.Image {
				continue
			}
			i := slices.IndexFunc(list, func(o pipeline.Deployment) bool {
				return o.Payload.Kind == kindDeploy && o.Payload.Services[name].Image == was.Image
			})
			if i >= 0 {
				candidates = append(candidates, list[i].SHA)
			}
		}
	}
	if len(candidates) == 0 {
		candidates = []string{beforeSHA(d.Payload)}
	}
	slices.Sort(candidates)
	for _, sha := range slices.Compact(candidates) {
		if same, err := s.same(ctx, sha, d.SHA); sha != "" && err == nil && !same {
			out = append(out, sha)
		}
	}
	return out
}
