package cmd

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/cli/go-gh/v2/pkg/term"
	"github.com/spf13/pflag"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// consoleFlags are the flags of the console.
type consoleFlags struct {
	readOnly    bool
	environment string
}

func (f *consoleFlags) register(fl *pflag.FlagSet) {
	fl.BoolVar(&f.readOnly, "read-only", false, "show everything, change nothing: there is nothing in the program that could")
	fl.StringVarP(&f.environment, "environment", "e", "", "the environment that has the focus at the start")
}

// runConsole opens the console. What can be wrong is found before the terminal
// is taken over, so that an error stands alone on a clean screen.
func runConsole(ctx context.Context, g *globals, f consoleFlags) error {
	if err := g.needTerminal("the console"); err != nil {
		return err
	}
	collectEarly()
	mode := pipeline.ModeOperator
	if f.readOnly {
		mode = pipeline.ModeReadOnly
	}
	s, err := g.open(ctx, sessionOptions{mode: mode, restore: true, focus: pipeline.Focus{Environment: f.environment}})
	if err != nil {
		return err
	}
	defer s.Close()
	o := ui.Options{Engine: s.engine, Version: Version(), OpenBrowser: s.openBrowser, Theme: g.theme(), Zone: g.zone()}
	if mode == pipeline.ModeOperator {
		op, err := s.operator(io.Discard)
		if err != nil {
			return err
		}
		o.Operator, o.Inputs = op, s.inputs()
		go op.Guard(ctx)
		go func() { _, _ = op.Reconcile(ctx) }() // what it finds is in the snapshot and the journal; what it cannot look up waits for the next start
	}
	defer s.keep()
	return ui.Run(ctx, o)
}

// theme is how the screens look, as the environment and the flags say.
func (g *globals) theme() theme.Options {
	o := theme.Detect(os.Getenv)
	switch {
	case g.noColor:
		o.Kind = theme.Mono
	case g.highContrast:
		o.Kind = theme.HighContrast
	}
	return o
}

// zone is the zone of the times that are shown.
func (g *globals) zone() *time.Location {
	if g.utc {
		return time.UTC
	}
	return time.Local
}

// needTerminal refuses a screen where there is none.
func (g *globals) needTerminal(what string) error {
	out, ok := g.Out.(*os.File)
	in, isFile := g.In.(*os.File)
	if ok && isFile && term.IsTerminal(out) && term.IsTerminal(in) {
		return nil
	}
	return &pipeline.Error{Kind: pipeline.KindUsage, Message: what + " needs a terminal", Hint: "use gh deployctl status in scripts"}
}
