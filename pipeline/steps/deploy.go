package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// DeployRequest asks to roll the services of an environment.
type DeployRequest struct {
	Environment string
	Settings    Settings
	Timeout     time.Duration // for one service to stabilise; 0: 15 minutes
}

// Deploy moves every service of the run's deployment to its image, in order,
// and judges each by the terminal state of its own service deployment. Before
// each it looks again whether something stands against it. A service that is
// where it should be is left alone, so that a re-run goes on where an earlier
// attempt ended.
func (s *Suite) Deploy(ctx context.Context, req DeployRequest) error {
	env, err := s.environment(req.Environment)
	if err != nil {
		return err
	}
	d, err := s.planned(ctx, env)
	if err != nil {
		return err
	}
	fleet, err := s.fleet(ctx, env)
	if err != nil {
		return err
	}
	p, err := s.render(req.Settings, d.SHA, d.Payload.Version)
	if err != nil {
		return err
	}
	fleet = slices.DeleteFunc(fleet, func(r running) bool { return d.Payload.Services[r.service.Name].Image == "" })
	if len(fleet) == 0 {
		return &pipeline.Error{Kind: pipeline.KindRefused, Op: "deploy " + env.Name, Message: "its deployment names none of the services", Hint: "run step prepare again"}
	}
	if s.DryRun {
		return s.dryDeploy(ctx, env, d, fleet, p)
	}
	for i, r := range fleet {
		s.progress(ctx, env, d, "in_progress", "%s (%d of %d)", r.service.Name, i+1, len(fleet))
		if err := s.deployService(ctx, env, d, r, p, req.Timeout); err != nil {
			s.stopped(env, d, fleet, i, err)
			return s.ended(ctx, env, d, err)
		}
	}
	s.progress(ctx, env, d, "in_progress", "deployed, verifying")
	s.Report.Summary(fmt.Sprintf("Deployed **%s** (`%s`) to %s: %s", Cell(firstOf(d.Payload.Version, pipeline.Short(d.SHA))), pipeline.Short(d.SHA), env.Name, names(fleet)))
	return nil
}

// stopped says in the summary how far a deployment came.
func (s *Suite) stopped(env pipeline.Environment, d pipeline.Deployment, fleet []running, at int, err error) {
	rows := make([][]string, 0, len(fleet))
	for i, r := range fleet {
		state := "not touched"
		switch {
		case i < at:
			state = "runs the release"
		case i == at:
			state = brief(err)
		}
		rows = append(rows, []string{r.service.Name, state})
	}
	s.Report.Table(fmt.Sprintf("Deployment %d of %s stopped", d.ID, env.Name), []string{"Service", "State"}, rows)
	s.Report.Summary(fmt.Sprintf("Run the job again to go on from %s, or go back with `gh deployctl rollback -e %s`.", fleet[at].service.Name, env.Name))
}

// planned is the run's deployment. A dry run has none: it shows what one would hold.
func (s *Suite) planned(ctx context.Context, env pipeline.Environment) (pipeline.Deployment, error) {
	if !s.DryRun {
		return s.required(ctx, env)
	}
	if d, ok, err := s.deployment(ctx, env, kindDeploy); ok || err != nil {
		return d, err
	}
	fleet, err := s.fleet(ctx, env)
	if err != nil {
		return pipeline.Deployment{}, err
	}
	services, err := s.images(ctx, env, fleet)
	if err != nil {
		return pipeline.Deployment{}, err
	}
	version, err := s.version(ctx, env)
	return pipeline.Deployment{SHA: s.Run.SHA, Payload: pipeline.Payload{Kind: kindDeploy, Version: version, Services: services}}, err
}

func (s *Suite) dryDeploy(ctx context.Context, env pipeline.Environment, d pipeline.Deployment, fleet []running, p rendering) error {
	var rows [][]string
	for _, r := range fleet {
		present, err := s.Cloud.TaskDefinition(ctx, r.Cluster, r.TaskDefinition)
		if err != nil {
			return err
		}
		changes := firstOf(strings.Join(p.differences(present, r.image().Container, d.Payload.Services[r.service.Name].Image), ", "), "nothing to change")
		s.Report.Printf("dry run: %s: %s", r.service.Name, changes)
		rows = append(rows, []string{r.service.Name, changes})
	}
	s.Report.Table("Dry run: what a deployment to "+env.Name+" would change", []string{"Service", "Changes"}, rows)
	return nil
}

// deployService moves one service.
func (s *Suite) deployService(ctx context.Context, env pipeline.Environment, d pipeline.Deployment, r running, p rendering, timeout time.Duration) error {
	if err := s.clear(ctx, env, d.SHA); err != nil {
		return err
	}
	if err := s.lock(ctx, env, "deploying "+firstOf(d.Payload.Version, pipeline.Short(d.SHA))); err != nil {
		return err
	}
	r, err := s.one(ctx, r)
	if err != nil {
		return err
	}
	digest := d.Payload.Services[r.service.Name].Image
	if r.Rollout != nil && r.Rollout.InFlight() {
		if target := r.Rollout.Target; target.Digest() == digest && target.SHA == d.SHA && !r.Rollout.Reverted() {
			s.Report.Printf("%s: is on its way already, from an earlier attempt", r.service.Name)
			return s.follow(ctx, s.resume(r, target.TaskDefinition, digest, timeout))
		}
		return &pipeline.Error{
			Kind: pipeline.KindRefused, Op: "deploy " + r.service.Name, Message: "ECS is changing it now: " + position(*r.Rollout),
			Hint: "wait for the end of that, then run the job again",
		}
	}
	present, err := s.Cloud.TaskDefinition(pipeline.Uncached(ctx), r.Cluster, r.TaskDefinition)
	if err != nil {
		return err
	}
	secrets, err := s.keepSecrets(ctx, r, present, p.secrets)
	if err != nil {
		return err
	}
	if settledOn(r, digest) && len(p.differences(present, r.image().Container, digest)) == 0 {
		s.Report.Printf("%s: runs %s already", r.service.Name, shortDigest(digest))
		return nil
	}
	definition, err := s.register(ctx, r, digest, p, secrets)
	if err != nil {
		return err
	}
	m, err := s.start(ctx, r, definition, digest, 0, timeout)
	if err != nil {
		return err
	}
	s.Report.Printf("%s: %s → %s, image %s", r.service.Name, lastOf(r.TaskDefinition), lastOf(definition), shortDigest(digest))
	return s.follow(ctx, m)
}

// register makes the revision that runs an image with the rendered environment.
func (s *Suite) register(ctx context.Context, r running, digest string, p rendering, secrets map[string]string) (string, error) {
	return s.Deployer.Register(ctx, r.Cluster, Revision{
		From: r.TaskDefinition, Container: r.image().Container, Image: r.image().Repository + "@" + digest,
		Environment: p.environment, Secrets: secrets, Tags: p.tags,
	})
}

func names(fleet []running) string {
	var out []string
	for _, r := range fleet {
		out = append(out, r.service.Name)
	}
	return strings.Join(out, ", ")
}

// lastOf is what follows the last slash of an ARN.
func lastOf(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
