package cmd

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func newTrigger(g *globals) *cobra.Command {
	o := &operate{globals: g}
	var ref string
	var fields []string
	c := &cobra.Command{
		Use:   "trigger WORKFLOW",
		Short: "Start a workflow, its inputs checked against its file at the ref",
		Args:  oneArgument("the workflow's file name"),

		ValidArgsFunction: g.completeWorkflows,
		RunE: func(c *cobra.Command, args []string) error {
			inputs, err := keyValues(c, fields)
			if err != nil {
				return err
			}
			return o.run(c.Context(), func(ctx context.Context, op *pipeline.Operator, s *pipeline.Snapshot) (pipeline.Plan, error) {
				if args[0] == s.Config.Workflows.Rollback {
					return pipeline.Plan{}, usage(c, args[0]+" is the rollback; use gh deployctl rollback, which checks first")
				}
				return op.PlanTrigger(ctx, pipeline.TriggerRequest{Workflow: args[0], Ref: ref, Inputs: inputs})
			}, pipeline.Confirmation{})
		},
	}
	o.register(c)
	o.registerWait(c)
	c.Flags().StringVarP(&ref, "ref", "r", "", "branch or tag to run at (default: the default branch)")
	c.Flags().StringArrayVarP(&fields, "field", "f", nil, "an input, as `KEY=VALUE` (repeatable)")
	offer(c, "ref", g.completeRefs)
	offer(c, "field", g.completeInputs)
	return c
}

func keyValues(c *cobra.Command, fields []string) (map[string]string, error) {
	out := map[string]string{}
	for _, f := range fields {
		k, v, ok := strings.Cut(f, "=")
		if !ok || k == "" {
			return nil, usage(c, fmt.Sprintf("-f wants KEY=VALUE, and got %q", f))
		}
		out[k] = v
	}
	return out, nil
}

// runID reads a run's id from an argument.
func runID(c *cobra.Command, arg string) (int64, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return 0, usage(c, fmt.Sprintf("%q is not the id of a run; gh deployctl runs lists them", arg))
	}
	return id, nil
}

func newReview(g *globals, approve bool) *cobra.Command {
	o := &operate{globals: g}
	req := pipeline.ReviewRequest{Reject: !approve}
	var comment string
	c := &cobra.Command{
		Use:   "approve RUN",
		Short: "Approve the environment that holds a run, after all checks",
		Args:  oneArgument("the run's id"),

		ValidArgsFunction: g.completeRunsThat(func(r pipeline.Run) bool { return r.Status == pipeline.StatusWaiting }),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if req.RunID, err = runID(c, args[0]); err != nil {
				return err
			}
			if strings.TrimSpace(comment) == "" && !o.dryRun {
				return usage(c, c.Name()+" needs --comment: say why")
			}
			req.Comment = comment
			return o.run(c.Context(), func(ctx context.Context, op *pipeline.Operator, _ *pipeline.Snapshot) (pipeline.Plan, error) {
				return op.PlanReview(ctx, req)
			}, pipeline.Confirmation{Comment: comment})
		},
	}
	if !approve {
		c.Use, c.Short = "reject RUN", "Reject the environment that holds a run"
	}
	o.register(c)
	if approve {
		o.registerWait(c)
	}
	f := c.Flags()
	f.StringVarP(&req.Environment, "environment", "e", "", "the environment, where the run waits for several")
	f.StringVarP(&comment, "comment", "c", "", "why (required)")
	f.StringVar(&req.SHA, "sha", "", "refuse when the run is at another commit")
	return c
}

func newRerun(g *globals) *cobra.Command {
	o := &operate{globals: g}
	var req pipeline.RunRequest
	c := &cobra.Command{
		Use:   "rerun RUN",
		Short: "Run a run again, as a new attempt",
		Args:  oneArgument("the run's id"),

		ValidArgsFunction: g.completeRunsThat(pipeline.Run.Done),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if req.RunID, err = runID(c, args[0]); err != nil {
				return err
			}
			if req.FailedOnly && req.JobID != 0 {
				return usage(c, "--failed and --job exclude each other")
			}
			return o.run(c.Context(), func(ctx context.Context, op *pipeline.Operator, _ *pipeline.Snapshot) (pipeline.Plan, error) {
				return op.PlanRerun(ctx, req)
			}, pipeline.Confirmation{})
		},
	}
	o.register(c)
	c.Flags().BoolVar(&req.FailedOnly, "failed", false, "only the jobs that failed, and what depends on them")
	c.Flags().Int64Var(&req.JobID, "job", 0, "only the job of this `ID`, and what depends on it")
	c.Flags().BoolVar(&req.Debug, "debug", false, "with debug logging")
	return c
}

func newCancel(g *globals) *cobra.Command {
	o := &operate{globals: g}
	var req pipeline.RunRequest
	var holder string
	c := &cobra.Command{
		Use:   "cancel [RUN]",
		Short: "End a run, or the one that holds an environment's lane",
		Args:  atMost(1, "the run's id"),

		ValidArgsFunction: g.completeRunsThat(func(r pipeline.Run) bool { return !r.Done() }),
		RunE: func(c *cobra.Command, args []string) (err error) {
			switch {
			case (len(args) == 1) == (holder != ""):
				return usage(c, "cancel takes a run's id, or --holder ENVIRONMENT")
			case len(args) == 1:
				if req.RunID, err = runID(c, args[0]); err != nil {
					return err
				}
			}
			return o.run(c.Context(), func(ctx context.Context, op *pipeline.Operator, s *pipeline.Snapshot) (pipeline.Plan, error) {
				if holder != "" {
					if req.RunID, err = holderOf(s, holder); err != nil {
						return pipeline.Plan{}, err
					}
				}
				return op.PlanCancel(ctx, req)
			}, pipeline.Confirmation{})
		},
	}
	o.register(c)
	c.Flags().StringVar(&holder, "holder", "", "the run that holds the lane of this `ENVIRONMENT`")
	c.Flags().BoolVar(&req.Force, "force", false, "without waiting for the jobs' own clean-up")
	return c
}

// holderOf is the run that holds an environment's lane.
func holderOf(s *pipeline.Snapshot, environment string) (int64, error) {
	e := s.Environment(environment)
	switch {
	case e == nil:
		return 0, pipeline.NoSuch("environment", environment, s.Config.EnvironmentNames())
	case e.Lane.Free():
		return 0, &pipeline.Error{Kind: pipeline.KindRefused, Message: "nobody holds the lane of " + environment}
	}
	return e.Lane.Holder.Run.ID, nil
}
