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
			"best candidate and names it. --dry-run prints the plan, its checks and the candidates. With --wait it also\n" +
			"holds the environment once the rollback has succeeded, and marks the release that it left as faulty.",
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
