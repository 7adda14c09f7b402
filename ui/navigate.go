package ui

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/runs"
)

// order is how tab goes through the panels.
var order = []keys.Scope{keys.Runs, keys.Services, keys.Logs, keys.Releases}

// cycle focuses the panel n places on.
func (c *Console) cycle(n int) tea.Cmd {
	i := slices.Index(order, c.focus) + n
	return c.focusPanel(order[(i+len(order))%len(order)])
}

func focusOn(s keys.Scope) func(*Console) tea.Cmd {
	return func(c *Console) tea.Cmd { return c.focusPanel(s) }
}

// focusPanel gives the keys to a panel. The selection that others follow stays.
func (c *Console) focusPanel(s keys.Scope) tea.Cmd {
	if c.opened != nil {
		c.opened = nil
	}
	c.focus = s
	c.relayout()
	return c.refocus()
}

// follow makes the other panels follow a selection.
func (c *Console) follow(j panel.Join) tea.Cmd {
	c.join = merge(c.join, j)
	c.dirty = true
	return c.joined()
}

// rejoin keeps the release of a joined service: a rollout gives it another, and
// what is shown beside it must not stay with the one before. It reports whether
// that changed.
func (c *Console) rejoin() bool {
	e := c.state()
	if c.join.From != keys.Services || e == nil {
		return false
	}
	for i := range e.Services {
		if v := &e.Services[i]; v.Key.Service == c.join.Service && v.SHA != "" && v.SHA != c.join.SHA {
			c.join.SHA = v.SHA
			return true
		}
	}
	return false
}

// joined lets logs and engine follow the join.
func (c *Console) joined() tea.Cmd {
	c.logs.Join(c.context(keys.Logs, c.layout.logs))
	return tea.Batch(c.syncLogs(), c.refocus())
}

// merge is what is joined after a selection. A release is the widest: choosing
// one begins anew. Within it, a run or service narrows without taking the
// release away, so that moving in a panel never changes that panel's own rows.
func merge(old, j panel.Join) panel.Join {
	switch {
	case !old.Active(), old.From == j.From, j.From == keys.Releases:
		return j
	case j.From == keys.Runs:
		old.Run = j.Run
	case j.From == keys.Services:
		old.Service = j.Service
	}
	return old
}

// unjoin undoes the selection that the other panels follow.
func (c *Console) unjoin() tea.Cmd {
	if !c.join.Active() {
		c.say("nothing is selected: all panels show everything", false)
		return nil
	}
	c.join = panel.Join{}
	return c.joined()
}

// toggleZoom gives the focused panel the whole screen, or gives it back. On a
// run, the run is opened.
func (c *Console) toggleZoom() tea.Cmd {
	if c.opened != nil {
		return c.closeRun()
	}
	if r, ok := c.runs.Selected(); ok && c.focus == keys.Runs {
		return c.openRun(r.ID, c.runs.Job())
	}
	c.zoom = !c.zoom
	c.relayout()
	return nil
}

// zoomPanel gives the focused panel the whole screen, or gives it back: the list
// of runs too, where zoom opens a run.
func (c *Console) zoomPanel() tea.Cmd {
	if c.opened != nil {
		c.opened, c.zoom = nil, false
	}
	c.zoom = !c.zoom
	c.relayout()
	return c.refocus()
}

// openRun shows a run over the whole screen.
func (c *Console) openRun(run, job int64) tea.Cmd {
	c.opened = runs.Open(c.snapshot, run, job)
	c.dirty = true
	return tea.Batch(c.loadJobLog(), c.refocus())
}

func (c *Console) closeRun() tea.Cmd {
	c.opened = nil
	c.relayout()
	return c.refocus()
}

// attempt shows an older or newer attempt of the opened run.
func (c *Console) attempt(step int) tea.Cmd {
	switch a := c.opened.Attempt(c.snapshot, step).(type) {
	case panel.Say:
		c.say(a.Text, a.Bad)
	case runs.LoadAttempt:
		return c.loadAttempt(a.Run, a.Attempt)
	}
	return c.loadJobLog()
}

// back undoes one thing: what is opened, then what narrows the view.
func (c *Console) back() tea.Cmd {
	if cmd, ok := c.stepBack(); ok {
		return cmd
	}
	switch {
	case c.filter() != "":
		c.setFilter("")
		return c.syncLogs()
	case c.join.Active():
		return c.unjoin()
	}
	return nil
}

// stepBack leaves what is opened over something else, and reports whether
// there was anything.
func (c *Console) stepBack() (tea.Cmd, bool) {
	switch {
	case c.opened != nil:
		return c.closeRun(), true
	case c.zoom:
		c.zoom = false
		c.relayout()
		return nil, true
	case c.focus == keys.Logs && c.logs.Close():
		return c.syncLogs(), true
	case c.focus == keys.Services && c.services.Close():
		return nil, true
	}
	return nil, false
}

func (c *Console) backOrQuit() tea.Cmd {
	if cmd, ok := c.stepBack(); ok {
		return cmd
	}
	return c.quit()
}

// switchEnvironment looks at another environment. Selections stay with the
// release; a service that exists there stays selected too.
func (c *Console) switchEnvironment(name string) tea.Cmd {
	if c.snapshot.Environment(name) == nil || name == c.environment {
		return nil
	}
	c.environment = name
	c.join.Service = ""
	c.dirty = true
	return c.joined()
}

func (c *Console) refresh() tea.Cmd {
	c.options.Engine.Refresh()
	if c.opened != nil {
		c.opened.Reload()
	}
	c.say("reading everything again", false)
	return c.loadJobLog()
}

// browse opens the selection's page.
func (c *Console) browse() tea.Cmd {
	url := c.url()
	switch {
	case url == "":
		c.say("there is no page for what is selected", true)
		return nil
	case c.options.OpenBrowser == nil:
		return c.copy(url, "the URL, for want of a browser")
	}
	open := c.options.OpenBrowser
	c.say("opening "+url, false)
	return func() tea.Msg { return browsedMsg{open(url)} }
}

func (c *Console) browsed(msg browsedMsg) {
	if msg.err != nil {
		c.say("the browser could not be opened: "+msg.err.Error(), true)
	}
	c.dirty = true
}

// url is the page of what is selected in the focused panel.
func (c *Console) url() string {
	if c.opened != nil {
		return c.opened.URL(c.snapshot)
	}
	repo := c.snapshot.Repository.URL
	switch c.focus {
	case keys.Runs:
		if r, ok := c.runs.Selected(); ok {
			return r.URL
		}
	case keys.Releases:
		t, ok := c.releases.Selected()
		switch {
		case ok && t.Published.URL != "":
			return t.Published.URL
		case ok && repo != "":
			return repo + "/commit/" + t.Release.SHA
		}
	case keys.Services:
		if v, ok := c.services.Selected(); ok {
			return consoleURL(v)
		}
	}
	return repo
}

// consoleURL is a service's page in the AWS console.
func consoleURL(v pipeline.ServiceView) string {
	if v.Cluster.Region == "" {
		return ""
	}
	return fmt.Sprintf("https://%s.console.aws.amazon.com/ecs/v2/clusters/%s/services/%s/health?region=%s",
		v.Cluster.Region, panel.Tail(v.Cluster.Name), panel.Tail(v.ARN), v.Cluster.Region)
}

// copySelection puts what is selected on the clipboard.
func (c *Console) copySelection() tea.Cmd {
	if c.opened != nil {
		return c.copy(c.opened.Selected(c.snapshot))
	}
	switch c.focus {
	case keys.Logs:
		return c.copy(c.logs.Selected())
	case keys.Releases:
		if t, ok := c.releases.Selected(); ok {
			return c.copy(t.Release.SHA, "the commit's SHA")
		}
	case keys.Services:
		if v, ok := c.services.Selected(); ok {
			return c.copy(v.ARN, "the service's ARN")
		}
	case keys.Runs:
		if r, ok := c.runs.Selected(); ok {
			return c.copy(r.URL, "the run's URL")
		}
	}
	return c.copy("", "")
}

func (c *Console) copy(text, what string) tea.Cmd {
	if text == "" {
		c.say("there is nothing to copy", true)
		return nil
	}
	c.say("copied "+what, false)
	return tea.SetClipboard(text)
}

// filter is the focused panel's filter.
func (c *Console) filter() string {
	switch c.focus {
	case keys.Releases:
		return c.releases.Filter()
	case keys.Services:
		return c.services.Filter()
	case keys.Logs:
		return c.logs.Filter()
	}
	return c.runs.Filter()
}

// setFilter sets the focused panel's filter.
func (c *Console) setFilter(text string) {
	c.dirty = true
	switch c.focus {
	case keys.Releases:
		c.releases.SetFilter(text)
	case keys.Services:
		c.services.SetFilter(text)
	case keys.Logs:
		c.logs.SetFilter(text)
	default:
		c.runs.SetFilter(text)
	}
}

// seek goes to the next or previous match in the logs.
func (c *Console) seek(back bool) tea.Cmd {
	find := c.logs.Seek(back)
	return func() tea.Msg { return find() }
}

// pivot shows only the request of the selected log line.
func (c *Console) pivot() tea.Cmd {
	a, _ := c.logs.Key("p")
	if c.logs.Filter() != "" {
		c.join = panel.Join{} // a request goes through all services
	}
	return tea.Batch(c.act(a), c.joined())
}
