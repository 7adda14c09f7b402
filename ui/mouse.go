package ui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/panel"
)

// click focuses the panel under the pointer and selects what is there.
func (c *Console) click(msg tea.MouseClickMsg) tea.Cmd {
	c.dirty = true
	switch {
	case c.sheet != nil:
		return c.mouseToSheet(msg, msg.X, msg.Y)
	case c.dialog != nil:
		c.dialog = nil
		return nil
	case msg.Button != tea.MouseLeft:
		return nil
	case c.opened != nil:
		c.opened.Click(msg.X-c.layout.body.X, msg.Y-c.layout.body.Y)
		return c.loadJobLog()
	}
	s, ok := c.under(msg.X, msg.Y)
	if !ok {
		return nil
	}
	line := msg.Y - c.layout.panel(s).Y
	a := c.clickPanel(s, line)
	if s != c.focus {
		return tea.Batch(c.focusPanel(s), c.act(a))
	}
	return c.act(a)
}

func (c *Console) clickPanel(s keys.Scope, line int) panel.Action {
	switch s {
	case keys.Releases:
		return c.releases.Click(line)
	case keys.Services:
		return c.services.Click(line)
	case keys.Logs:
		return c.logs.Click(line)
	default:
		return c.runs.Click(line)
	}
}

// under is the panel at a cell.
func (c *Console) under(x, y int) (keys.Scope, bool) {
	for _, s := range order {
		if r := c.layout.panel(s); !r.Empty() && r.Contains(x, y) {
			return s, true
		}
	}
	return "", false
}

// wheelStep is how many rows a notch of the wheel moves.
const wheelStep = 3

// wheel scrolls what is under the pointer.
func (c *Console) wheel(msg tea.MouseWheelMsg) tea.Cmd {
	c.dirty = true
	step := wheelStep
	switch msg.Button {
	case tea.MouseWheelUp:
		step = -wheelStep
	case tea.MouseWheelDown:
	default:
		return nil
	}
	switch {
	case c.sheet != nil:
		return c.mouseToSheet(msg, msg.X, msg.Y)
	case c.dialog != nil:
		return nil
	case c.opened != nil:
		c.opened.Wheel(msg.X, step)
		return c.loadJobLog()
	}
	s, ok := c.under(msg.X, msg.Y)
	if !ok {
		return nil
	}
	return c.wheelPanel(s, step)
}

func (c *Console) wheelPanel(s keys.Scope, step int) tea.Cmd {
	switch s {
	case keys.Releases:
		return c.act(c.releases.Wheel(step))
	case keys.Services:
		return c.act(c.services.Wheel(step))
	case keys.Logs:
		return c.act(c.logs.Wheel(step))
	default:
		return c.act(c.runs.Wheel(step))
	}
}

// mouseToSheet gives a click or wheel turn to the sheet, counted from its
// upper left corner. What is beside the sheet is nobody's.
func (c *Console) mouseToSheet(msg tea.Msg, x, y int) tea.Cmd {
	if !c.sheetRect.Contains(x, y) {
		return nil
	}
	switch m := msg.(type) {
	case tea.MouseClickMsg:
		m.X, m.Y = x-c.sheetRect.X, y-c.sheetRect.Y
		return c.toSheet(m)
	case tea.MouseWheelMsg:
		m.X, m.Y = x-c.sheetRect.X, y-c.sheetRect.Y
		return c.toSheet(m)
	}
	return nil
}

// paste gives pasted text to whatever takes text.
func (c *Console) paste(msg tea.PasteMsg) tea.Cmd {
	switch {
	case c.sheet != nil:
		return c.toSheet(msg)
	case c.prompt != nil:
		return c.toPrompt(msg)
	}
	return nil
}
