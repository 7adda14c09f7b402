package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func newLock(g *globals) *cobra.Command {
	c := holdCommand(g, false)
	c.Use, c.Short = "lock", "Hold an environment: nothing is approved there until it is lifted"
	c.Long = "lock takes a hold that every operator sees: a branch of the repository, created atomically, so that\n" +
		"one of two who try gets it. Where the token may not write, the hold is kept on this machine alone,\n" +
		"and the command says so."
	return c
}

func newUnlock(g *globals) *cobra.Command {
	c := holdCommand(g, true)
	c.Use, c.Short = "unlock", "Lift the hold of an environment"
	c.Long = "unlock lifts a hold, if it is still the one that was looked at. The hold of another operator wants\n" +
		"an acknowledgement: --ack hold."
	return c
}

// holdCommand is lock or unlock: the same plan, re-check and receipt as every
// other action.
func holdCommand(g *globals, release bool) *cobra.Command {
	o := &operate{globals: g}
	req := pipeline.HoldRequest{Release: release}
	var reason, span string
	c := &cobra.Command{
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if !o.dryRun && len([]rune(strings.TrimSpace(reason))) < 10 {
				return usage(c, c.Name()+" needs --reason of 10 characters or more")
			}
			if span != "" {
				var err error
				if req.For, err = parseSpan(span); err != nil {
					return usage(c, err.Error())
				}
			}
			return o.run(c.Context(), func(ctx context.Context, op *pipeline.Operator, s *pipeline.Snapshot) (pipeline.Plan, error) {
				if req.Environment == "" {
					req.Environment = s.Focus.Environment
				}
				return op.PlanHold(ctx, req)
			}, pipeline.Confirmation{Reason: strings.TrimSpace(reason)})
		},
	}
	o.register(c)
	f := c.Flags()
	f.StringVarP(&req.Environment, "environment", "e", "", "the environment (default: as configured, else production)")
	f.StringVar(&reason, "reason", "", "why, in 10 characters or more (required)")
	if !release {
		f.StringVar(&span, "for", "", "how long, such as 2h or 1d (default: until it is lifted)")
	}
	return c
}

// parseSpan reads a span of time in the future, with days.
func parseSpan(s string) (time.Duration, error) {
	now := time.Now()
	at, err := parseSince(s, now)
	if err != nil || !at.Before(now) || strings.ContainsAny(s, ":-") {
		return 0, fmt.Errorf("--for is a span such as 30m, 2h or 1d, and not %q", s)
	}
	return now.Sub(at), nil
}
