package ui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/sheet"
)

// noHolder says why there is no holder of the lane to cancel.
func (c *Console) noHolder() string {
	e := c.state()
	switch {
	case e == nil:
		return c.noEnvironment()
	case e.Lane.Free():
		return "nobody holds the lane of " + e.Environment.Name
	}
	return ""
}

func (c *Console) openHolder() tea.Cmd { return c.open(sheet.NewCancel(c.state().Lane.Holder.Run)) }

func (c *Console) openHold() tea.Cmd {
	e := c.state()
	return c.open(sheet.NewHold(e.Environment.Name, e.Hold))
}

// rolling is the service whose rollout is stopped or continued: the selected
// one where it moves, else the first that pauses, else the first that moves.
func (c *Console) rolling() *pipeline.ServiceView {
	e := c.state()
	if e == nil {
		return nil
	}
	var moves, pauses *pipeline.ServiceView
	for i := range e.Services {
		v := &e.Services[i]
		if v.Rollout == nil || !v.Rollout.InFlight() {
			continue
		}
		if c.focus == keys.Services && v.Key.Service == c.snapshot.Focus.Service {
			return v
		}
		if _, paused := v.Rollout.Pause(); paused && pauses == nil {
			pauses = v
		}
		if moves == nil {
			moves = v
		}
	}
	if pauses != nil {
		return pauses
	}
	return moves
}

func (c *Console) nothingMoves() string {
	if c.rolling() == nil {
		return "ECS is rolling out nothing here"
	}
	return ""
}

func (c *Console) openStop() tea.Cmd {
	v := c.rolling()
	if _, paused := v.Rollout.Pause(); paused {
		return c.open(sheet.NewContinue(pipeline.ContinueRequest{Environment: v.Key.Environment, Service: v.Key.Service}))
	}
	return c.open(sheet.NewStop(pipeline.StopRequest{Environment: v.Key.Environment, Service: v.Key.Service}))
}
