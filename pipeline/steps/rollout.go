package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Kinds of a rollout's deployment.
const (
	kindDeploy   = "deploy"
	kindRollback = "rollback"
)

// deploymentsRead is how many deployments of an environment are looked at.
const deploymentsRead = 60

// lastWords is how long a step may take to record how it ended.
const lastWords = 30 * time.Second

// deployment finds the deployment that this run made: every attempt and every
// job of a run shares one. ok is false where there is none yet.
func (s *Suite) deployment(ctx context.Context, env pipeline.Environment, kind string) (d pipeline.Deployment, ok bool, err error) {
	list, err := s.deployments(ctx, env)
	for _, d := range list {
		if d.Payload.Kind == kind && s.mine(d.Payload) {
			return d, true, err
		}
	}
	return d, false, err
}

// mine reports whether a deployment was made by this run. A rollback without a
// run of GitHub Actions is known by its request.
func (s *Suite) mine(p pipeline.Payload) bool {
	if s.Run.ID != 0 {
		return p.RunID == s.Run.ID
	}
	return s.Run.RequestID != "" && p.RequestID == s.Run.RequestID
}

// deployments are the rollouts of an environment, newest first.
func (s *Suite) deployments(ctx context.Context, env pipeline.Environment) ([]pipeline.Deployment, error) {
	return s.GitHub.Deployments(pipeline.Uncached(ctx), pipeline.DeploymentQuery{
		Environment: env.GitHubEnvironment, Task: pipeline.DeploymentTask, Limit: deploymentsRead,
	})
}

// required is the run's deployment, which step prepare made.
func (s *Suite) required(ctx context.Context, env pipeline.Environment) (pipeline.Deployment, error) {
	d, ok, err := s.deployment(ctx, env, kindDeploy)
	if err == nil && !ok {
		err = &pipeline.Error{
			Kind: pipeline.KindRefused, Op: "find the deployment", On: fmt.Sprintf("run %d in %s", s.Run.ID, env.Name),
			Message: "this run has made none", Hint: "run gh deployctl step prepare before this step",
		}
	}
	return d, err
}

// open files the rollout's one deployment, and a copy of its payload in the
// backup bucket.
func (s *Suite) open(ctx context.Context, env pipeline.Environment, sha string, p pipeline.Payload, bucket string) (pipeline.Deployment, error) {
	p.Schema, p.RunID, p.RunAttempt, p.RequestID = 1, s.Run.ID, s.Run.Attempt, s.Run.RequestID
	d := pipeline.Deployment{
		SHA: sha, Ref: sha, Task: pipeline.DeploymentTask, Environment: env.GitHubEnvironment, Payload: p,
		Description: strings.TrimSpace(p.Kind + " " + p.Version),
	}
	id, err := s.Publisher.CreateDeployment(ctx, NewDeployment{
		SHA: sha, Environment: env.GitHubEnvironment, Production: env.Production, Description: d.Description, Payload: p,
	})
	if err != nil { // it may be there all the same: a second one must never be
		found, ok, lookErr := s.deployment(ctx, env, p.Kind)
		if !ok || lookErr != nil {
			return d, err
		}
		id = found.ID
	}
	d.ID = id
	s.Report.Printf("deployment %d created in %s: %s", id, env.GitHubEnvironment, d.Description)
	return d, s.backUp(ctx, env, d, bucket)
}

// backUp keeps the payload where no defect of GitHub reaches it.
func (s *Suite) backUp(ctx context.Context, env pipeline.Environment, d pipeline.Deployment, bucket string) error {
	if bucket == "" {
		s.Report.Warningf("no copy of the record", "BACKUP_S3_BUCKET is empty: the record of deployment %d is on GitHub alone; set it with gh deployctl secrets --backup", d.ID)
		return nil
	}
	content, err := json.MarshalIndent(struct {
		ID          int64            `json:"id"`
		SHA         string           `json:"sha"`
		Environment string           `json:"environment"`
		Payload     pipeline.Payload `json:"payload"`
	}{d.ID, d.SHA, env.Name, d.Payload}, "", "  ")
	if err != nil {
		return err
	}
	key := fmt.Sprintf("deployctl/%s/%d.json", env.Name, d.ID)
	if err := s.Deployer.Keep(ctx, env.Clusters[0], bucket, key, content); err != nil {
		return err
	}
	s.Report.Printf("its record is in s3://%s/%s", bucket, key)
	return nil
}

// progress adds a status to the rollout's deployment. That GitHub cannot be
// told is no reason to stop half-way through a rollout.
func (s *Suite) progress(ctx context.Context, env pipeline.Environment, d pipeline.Deployment, state, format string, args ...any) {
	if s.DryRun || d.ID == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	status := NewStatus{State: state, Description: fmt.Sprintf(format, args...), LogURL: s.Run.URL(), URL: pageOf(env)}
	if err := s.Publisher.AddStatus(ctx, d.ID, status); err != nil {
		s.Report.Warningf("status not recorded", "deployment %d is %s, and GitHub could not be told: %v", d.ID, state, err)
	}
}

// pageOf is where an environment can be looked at: its first health address.
func pageOf(env pipeline.Environment) string {
	for _, service := range env.Services {
		if service.HealthURL != "" {
			return service.HealthURL
		}
	}
	return ""
}

// ended records how a rollout ended badly: failure is a bad result, error that
// it could not be finished.
func (s *Suite) ended(ctx context.Context, env pipeline.Environment, d pipeline.Deployment, err error) error {
	state := "error"
	switch pipeline.KindOf(err) {
	case "":
		return nil
	case pipeline.KindFailed, pipeline.KindRefused, pipeline.KindConflict:
		state = "failure"
	default:
	}
	s.progress(ctx, env, d, state, "%s", brief(err))
	return err
}

// brief is an error without what to do next: a status has little room.
func brief(err error) string {
	if known, ok := errors.AsType[*pipeline.Error](err); ok {
		told := *known
		told.Hint = ""
		return told.Error()
	}
	return err.Error()
}

// Conclude ends the run's rollout as far as no step has done so: it gives its
// deployment the state success or failure, with a description, and gives the
// lock back. The lock of a rollback that began and did not succeed stays, as
// does what a rollback left as a hold. It may be called more than once.
func (s *Suite) Conclude(ctx context.Context, environment, state, description string) error {
	env, err := s.environment(environment)
	if err != nil || s.DryRun {
		return err
	}
	halfway := false
	for _, kind := range []string{kindDeploy, kindRollback} {
		d, ok, err := s.deployment(ctx, env, kind)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if now := d.State(); now != state && (state == "success" || !slices.Contains([]string{"failure", "error"}, now)) {
			s.progress(ctx, env, d, state, "%s", description)
		}
		halfway = halfway || kind == kindRollback && !d.Succeeded()
	}
	if halfway {
		s.Report.Printf("%s stays locked: its rollback is not complete; run the job again, or gh deployctl unlock -e %s", env.Name, env.Name)
		return nil
	}
	return s.release(ctx, env)
}
