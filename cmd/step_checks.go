package cmd

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline/steps"
)

func newStepVersion(g *globals) *cobra.Command {
	c, o := g.step("version", "Compute the version: the tag, or the commit's date and short SHA", "", func(ctx context.Context, s *steps.Suite, o *stepFlags) error {
		_, err := s.Version(ctx, o.environment)
		return err
	})
	c.Long = "version prints what the run deploys and sets the output version: the tag that the run is about, else a tag\n" +
		"of the environment's patterns that names the commit, else the commit's own date and its short SHA."
	o.onEnvironment(c, true)
	return c
}

func newStepPreflight(g *globals) *cobra.Command {
	var wait bool
	c, o := g.step("preflight", "Refuse where something stands against deploying", "the wait for ci.yml (default 30m)", func(ctx context.Context, s *steps.Suite, o *stepFlags) error {
		return s.Preflight(ctx, steps.PreflightRequest{Environment: o.environment, WaitForCI: wait, Timeout: o.timeout})
	})
	c.Long = "preflight exits with 3 on a hold, a lock of somebody else, a freeze, a release that was rolled back, another\n" +
		"rollout under way, or a commit that the environment before has not verified. With --wait-for-ci it first waits\n" +
		"for ci.yml on this commit, and exits with 1 when that is absent, red or late."
	o.onEnvironment(c, true)
	c.Flags().BoolVar(&wait, "wait-for-ci", false, "wait until ci.yml has ended on this commit")
	return c
}

func newStepVerify(g *globals) *cobra.Command {
	c, o := g.step("verify", "Wait until the deployment is what it should be, and well", "the verification (default 5m)", func(ctx context.Context, s *steps.Suite, o *stepFlags) error {
		return s.Verify(ctx, steps.VerifyRequest{Environment: o.environment, Timeout: o.timeout})
	})
	c.Long = "verify checks tasks, load balancer targets, the image of every service against the run's deployment, health\n" +
		"endpoints and versions, until all were good three times in a row. What flaps fails at once."
	o.onEnvironment(c, true)
	return c
}

func newStepSmoke(g *globals) *cobra.Command {
	c, o := g.step("smoke", "Ask the smoke paths, and check how pages are served", "the tests (default 3m)", func(ctx context.Context, s *steps.Suite, o *stepFlags) error {
		return s.Smoke(ctx, steps.VerifyRequest{Environment: o.environment, Timeout: o.timeout})
	})
	c.Long = "smoke asks every service's smoke paths, and checks the redirect to TLS, HSTS, the security headers and that\n" +
		"DEBUG is off. When it passes, the rollout has succeeded: its deployment says so, and the lock is given back."
	o.onEnvironment(c, true)
	return c
}

// occasions are what notify can be told to tell.
var occasions = []string{string(steps.OccasionApproval), string(steps.OccasionFinished), string(steps.OccasionReverted), string(steps.OccasionRollback), string(steps.OccasionCI)}

func newStepNotify(g *globals) *cobra.Command {
	var occasion string
	c, o := g.step("notify", "End what the run left open, and tell Slack", "", func(ctx context.Context, s *steps.Suite, o *stepFlags) error {
		return s.Notify(ctx, steps.NotifyRequest{Environment: o.environment, Occasion: steps.Occasion(occasion)})
	})
	c.Long = "notify gives the lock back that a failed run left, ends its deployment, and posts how the run went to\n" +
		"SLACK_WEBHOOK_URL. NEEDS is ${{ toJSON(needs) }}. Without a webhook it says so and exits with 0; in a run a\n" +
		"message that Slack does not take is a warning, too."
	o.onEnvironment(c, false)
	c.Flags().StringVar(&occasion, "occasion", "", "what to tell: "+strings.Join(occasions, ", ")+" (default: as the workflow and its outcome say)")
	next := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if occasion != "" && !slices.Contains(occasions, occasion) {
			return usage(c, "--occasion is one of "+strings.Join(occasions, ", "))
		}
		return next(c, args)
	}
	return c
}

func newStepRelease(g *globals) *cobra.Command {
	var version string
	c, _ := g.step("release", "Publish the GitHub release of a tag, once", "", func(ctx context.Context, s *steps.Suite, _ *stepFlags) error {
		return s.Release(ctx, version)
	})
	c.Long = "release publishes a release with generated notes. Where the tag has one already it says so and exits with 0."
	needs(c, "version", &version, "the `TAG` to release")
	return c
}

// needs adds a text flag without which the command is wrong.
func needs(c *cobra.Command, name string, into *string, help string) {
	c.Flags().StringVar(into, name, "", help+" (required)")
	next := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if *into == "" {
			return usage(c, c.Name()+" needs --"+name)
		}
		return next(c, args)
	}
}
