package cmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func newStop(g *globals) *cobra.Command {
	o := &operate{globals: g}
	var req pipeline.StopRequest
	c := &cobra.Command{
		Use:   "stop",
		Short: "Let ECS take back the rollout that is in flight",
		Long: "stop asks ECS itself to end the service deployments that are in flight and to go back to the last\n" +
			"revision that completed (StopServiceDeployment). It needs policy.direct_aws_writes: true.\n" +
			"What has ended already is rolled back with gh deployctl rollback.",
		Args: noArguments,
	}
	o.ecsCommand(c, func(ctx context.Context, op *pipeline.Operator, environment string) (pipeline.Plan, error) {
		req.Environment = environment
		return op.PlanStop(ctx, req)
	})
	c.Flags().StringVar(&req.Service, "service", "", "only this service (default: every service that moves)")
	return c
}

func newContinue(g *globals) *cobra.Command {
	o := &operate{globals: g}
	var req pipeline.ContinueRequest
	c := &cobra.Command{
		Use:   "continue",
		Short: "Let a rollout that pauses at a hook go on, or back",
		Long: "continue answers the lifecycle hook at which an ECS deployment waits for a person: it goes on, or\n" +
			"back with --roll-back (ContinueServiceDeployment). It needs policy.direct_aws_writes: true.",
		Args: noArguments,
	}
	o.ecsCommand(c, func(ctx context.Context, op *pipeline.Operator, environment string) (pipeline.Plan, error) {
		req.Environment = environment
		return op.PlanContinue(ctx, req)
	})
	c.Flags().StringVar(&req.Service, "service", "", "the service (default: the only one that pauses)")
	c.Flags().BoolVar(&req.RollBack, "roll-back", false, "back to the revision before it, instead of on")
	return c
}

// ecsCommand gives a command what stop and continue share: the environment, the
// reason, and the path of every action.
func (o *operate) ecsCommand(c *cobra.Command, plan func(context.Context, *pipeline.Operator, string) (pipeline.Plan, error)) {
	var environment, reason string
	c.RunE = func(c *cobra.Command, _ []string) error {
		reason = strings.TrimSpace(reason)
		if !o.dryRun && len([]rune(reason)) < 10 {
			return usage(c, c.Name()+" needs --reason of 10 characters or more")
		}
		return o.run(c.Context(), func(ctx context.Context, op *pipeline.Operator, s *pipeline.Snapshot) (pipeline.Plan, error) {
			if environment == "" {
				environment = s.Focus.Environment
			}
			return plan(ctx, op, environment)
		}, pipeline.Confirmation{Reason: reason})
	}
	o.register(c)
	c.Flags().StringVarP(&environment, "environment", "e", "", "the environment (default: as configured, else production)")
	c.Flags().StringVar(&reason, "reason", "", "why, in 10 characters or more (required)")
}
