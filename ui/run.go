package ui

import (
	"context"
	"errors"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/ui/theme"
)

// framesPerSecond is what the renderer is asked for: at 60 its ticker alone
// would take most of the 16 ms that a key has to reach the screen in.
const framesPerSecond = 120

// Run shows the console until the operator leaves or ctx ends, and leaves the
// terminal as it was. Ending ctx is no error. Check credentials and
// configuration before: once the program runs, the terminal is asked questions
// whose answers would reach the shell if it ended at once.
func Run(ctx context.Context, o Options) error {
	o = o.withDefaults()
	if (o.Theme == theme.Options{}) {
		o.Theme = theme.Detect(o.Getenv)
	}
	c := New(o)
	defer c.stop()
	options := append([]tea.ProgramOption{
		tea.WithContext(ctx), tea.WithFPS(framesPerSecond), tea.WithFilter(coalesce(time.Now)),
	}, o.Program...)
	_, err := tea.NewProgram(c, options...).Run()
	if err != nil && ctx.Err() != nil && errors.Is(err, tea.ErrProgramKilled) {
		return nil
	}
	return err
}

// wheelSlot is how far apart wheel turns are taken.
const wheelSlot = 16 * time.Millisecond

// coalesce is a filter that lets one wheel turn through a slot: a trackpad
// sends hundreds a second, and each would cost a frame.
func coalesce(now func() time.Time) func(tea.Model, tea.Msg) tea.Msg {
	var last time.Time
	return func(_ tea.Model, msg tea.Msg) tea.Msg {
		switch msg.(type) {
		case tea.MouseMotionMsg:
			return nil // nothing follows the pointer
		case tea.MouseWheelMsg:
			if t := now(); t.Sub(last) >= wheelSlot {
				last = t
				return msg
			}
			return nil
		}
		return msg
	}
}
