package cmd

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui"
	"github.com/deployctl/gh-deployctl/ui/wall"
)

// watchFlags are the flags of the wall.
type watchFlags struct {
	rotate      time.Duration
	environment string
	exceptions  bool
	panels      bool
}

func (f *watchFlags) register(fl *pflag.FlagSet) {
	fl.DurationVar(&f.rotate, "rotate", 20*time.Second, "how long each page stands")
	fl.StringVarP(&f.environment, "environment", "e", "", "only this environment")
	fl.BoolVar(&f.exceptions, "exceptions", false, "only what is not as it should be")
	fl.BoolVar(&f.panels, "panels", false, "the three live panels, rotating, instead of the large cells")
}

func newWatch(g *globals) *cobra.Command {
	var f watchFlags
	c := &cobra.Command{
		Use:   "watch",
		Short: "The wall: read-only, for a screen that everybody sees",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return runWatch(c.Context(), g, f) },
	}
	f.register(c.Flags())
	return c
}

// runWatch opens the wall over read-only ports.
func runWatch(ctx context.Context, g *globals, f watchFlags) error {
	if f.rotate < time.Second {
		return &pipeline.Error{Kind: pipeline.KindUsage, Message: "--rotate is a second or more"}
	}
	if err := g.needTerminal("the wall"); err != nil {
		return err
	}
	collectEarly()
	s, err := g.open(ctx, sessionOptions{
		mode: pipeline.ModeReadOnly, wall: true, noLogs: !f.panels, restore: true,
		focus: pipeline.Focus{Environment: f.environment},
	})
	if err != nil {
		return err
	}
	defer s.Close()
	defer s.keep()
	if f.panels {
		return ui.Run(ctx, ui.Options{Engine: s.engine, Version: Version(), Theme: g.theme(), Zone: g.zone(), Rotate: f.rotate})
	}
	return wall.Run(ctx, s.engine, wall.Options{
		Theme: g.theme(), Rotate: f.rotate, Environment: f.environment, Exceptions: f.exceptions, Location: g.zone(),
	})
}
