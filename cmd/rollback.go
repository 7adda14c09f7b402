package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func newRollback(g *globals) *cobra.Command {
	o := &operate{globals: g}
	var req pipeline.RollbackRequest
	var confirm string
	c := &cobra.Command{
		Use:   "rollback",
		Short: "Restore an earlier deployment, after all checks",
		Long: "rollback dispatches rollback.yml for a deployment that was live before. Without --to it takes the\n" +
			"best candidate and names it. --dry-run prints the plan, its checks and the candidates.\n\n" +
			"The environment is locked with the request's id before anything is sent, so that one of two consoles that\n" +
			"confirm the same rollback sends it. Once it has succeeded the lock becomes a hold that marks the release\n" +
			"that was left as faulty: here with --wait, else by the next command or console that sees it.\n\n" +
			"--halt ends what is in flight first, by the same confirmation: it cancels the run that deploys, and stops\n" +
			"what ECS does where the configuration allows direct AWS writes. It is refused while a migration runs.\n" +
			"--direct restores the deployment from this machine, for when GitHub Actions is down.\n\n" +
			"A destructive migration between the two releases is acknowledged together with the backup to fall back\n" +
			"on, as the plan names it: --ack 'SCHEMA SNAPSHOT'; with SCHEMA alone where there is no usable backup.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkRollback(c, o.dryRun, confirm, req.Reason); err != nil {
				return err
			}
			return o.run(c.Context(), func(ctx context.Context, op *pipeline.Operator, s *pipeline.Snapshot) (pipeline.Plan, error) {
				if req.Environment == "" {
					req.Environment = s.Focus.Environment
				}
				return op.PlanRollback(ctx, req)
			}, pipeline.Confirmation{Reason: req.Reason, Typed: confirm})
		},
	}
	o.register(c)
	o.registerWait(c)
	f := c.Flags()
	f.StringVarP(&req.Environment, "environment", "e", "", "the environment (default: as configured, else production)")
	f.Int64Var(&req.To, "to", 0, "the `DEPLOYMENT_ID` to restore (default: the best candidate)")
	f.BoolVar(&req.Halt, "halt", false, "end what is in flight first: the run that deploys, and what ECS does for it")
	f.BoolVar(&req.Direct, "direct", false, "from this machine, without GitHub Actions; needs policy.direct_aws_writes")
	f.StringVar(&req.Reason, "reason", "", "why, in 10 characters or more (required)")
	f.StringVar(&confirm, "confirm", "", "the word ROLLBACK (required)")
	return c
}

// checkRollback refuses a wrong call before anything is read.
func checkRollback(c *cobra.Command, dryRun bool, confirm, reason string) error {
	switch {
	case dryRun:
		return nil
	case confirm != "ROLLBACK":
		return usage(c, fmt.Sprintf("rollback needs --confirm ROLLBACK, and got %q", confirm))
	case len([]rune(reason)) < 10:
		return usage(c, "rollback needs --reason of 10 characters or more")
	}
	return nil
}
