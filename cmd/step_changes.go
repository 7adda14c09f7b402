package cmd

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline/steps"
	"github.com/deployctl/gh-deployctl/workflows"
)

func newStepPrepare(g *globals) *cobra.Command {
	var version string
	c, o := g.step("prepare", "Create the rollout's deployment and save the present state", "", func(ctx context.Context, s *steps.Suite, o *stepFlags) error {
		return s.Prepare(ctx, steps.PrepareRequest{Environment: o.environment, Version: version, Bucket: os.Getenv("BACKUP_S3_BUCKET")})
	})
	c.Long = "prepare takes the lock and creates the run's one deployment: what it will set, and what runs now, with a copy\n" +
		"in BACKUP_S3_BUCKET. It refuses where there would be no way back, unless that was acknowledged in the approval."
	o.onEnvironment(c, true)
	needs(c, "version", &version, "the `VERSION`, as step version computed it")
	return c
}

func newStepMigrate(g *globals) *cobra.Command {
	c, o := g.step("migrate", "Snapshot the database, then migrate it in a task of its own", "the migration (default 20m)", func(ctx context.Context, s *steps.Suite, o *stepFlags) error {
		return s.Migrate(ctx, steps.MigrateRequest{Environment: o.environment, Settings: settingsOf(s), Timeout: o.timeout})
	})
	c.Long = "migrate waits for a snapshot of the database, then runs the migration as a one-off ECS task of the new image.\n" +
		"A task that does not exit with 0 fails the step, and its last lines are printed."
	o.onEnvironment(c, true)
	return c
}

func newStepDeploy(g *globals) *cobra.Command {
	c, o := g.step("deploy", "Move every service to the deployment's image", "the stabilising of one service (default 15m)", func(ctx context.Context, s *steps.Suite, o *stepFlags) error {
		return s.Deploy(ctx, steps.DeployRequest{Environment: o.environment, Settings: settingsOf(s), Timeout: o.timeout})
	})
	c.Long = "deploy registers task definitions with the deployment's digests, the variables of DEPLOYCTL_VARIABLES and\n" +
		"references to the secrets, updates the services in order, and judges each by the end of its own service\n" +
		"deployment. Before each it looks again whether something stands against it."
	o.onEnvironment(c, true)
	return c
}

func newStepRollback(g *globals) *cobra.Command {
	var req steps.RollbackRequest
	var request string
	c, o := g.step("rollback", "Restore an earlier deployment, service by service", "the stabilising of one service (default 15m)", func(ctx context.Context, s *steps.Suite, o *stepFlags) error {
		req.Environment, req.Bucket, req.Timeout = o.environment, os.Getenv("BACKUP_S3_BUCKET"), o.timeout
		if request != "" {
			s.Run.RequestID = request
		}
		return s.Rollback(ctx, req)
	})
	c.Long = "rollback saves the present state as a deployment of its own, restores the task definitions of another, each\n" +
		"service verified before the next, and holds the environment against what it left. A job that is run again\n" +
		"goes on where the earlier attempt ended."
	o.onEnvironment(c, true)
	f := c.Flags()
	f.Int64Var(&req.To, "to", 0, "the `DEPLOYMENT_ID` to restore (default: the best candidate)")
	f.StringVar(&req.Reason, "reason", "", "why, in 10 characters or more (required)")
	f.StringVar(&req.ExpectedSHA, "expected-current-sha", "", "the full `SHA` that must be live; anything else is refused")
	f.StringVar(&request, "request-id", "", "the `ID` of the request that this carries out")
	next := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if len([]rune(strings.TrimSpace(req.Reason))) < 10 {
			return usage(c, fmt.Sprintf("%s needs --reason of 10 characters or more", c.Name()))
		}
		return next(c, args)
	}
	return c
}

// settingsOf are what the deployment job hands over for the containers.
func settingsOf(s *steps.Suite) steps.Settings {
	out := steps.Settings{Variables: s.Getenv("DEPLOYCTL_VARIABLES"), Secrets: map[string]string{}}
	for _, name := range workflows.ApplicationSecrets() {
		out.Secrets[name] = s.Getenv(name)
	}
	return out
}
