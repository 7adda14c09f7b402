package ui

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/ui/keys"
)

// rotateMsg says that the next panel's turn has come.
type rotateMsg struct{}

// turns are the live panels in the order in which a wall screen goes through
// them.
var turns = []keys.Scope{keys.Runs, keys.Services, keys.Logs}

// rotate waits for the next turn, on a console that nobody sits at.
func (c *Console) rotate() tea.Cmd {
	if c.options.Rotate <= 0 {
		return nil
	}
	return tea.Tick(c.options.Rotate, func(time.Time) tea.Msg { return rotateMsg{} })
}

// turn gives the focus to the next live panel, and after the last one to the
// first of the next environment.
func (c *Console) turn() tea.Cmd {
	next := slices.Index(turns, c.focus) + 1
	if next < len(turns) {
		return c.focusPanel(turns[next])
	}
	return tea.Batch(c.focusPanel(turns[0]), c.switchEnvironment(c.nextEnvironment()))
}

// nextEnvironment is the one after that which is shown, round and round.
func (c *Console) nextEnvironment() string {
	envs := c.snapshot.Environments
	for i := range envs {
		if envs[i].Environment.Name == c.environment {
			return envs[(i+1)%len(envs)].Environment.Name
		}
	}
	return c.environment
}
