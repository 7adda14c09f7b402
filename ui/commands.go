package ui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/ui/keys"
)

// command is a line of the command table with what it does here.
type command struct {
	keys.Command
	refuse func(*Console) string  // why it cannot be done now; nil: it always can
	run    func(*Console) tea.Cmd // nil: the focused panel does it
}

// Commands is the console's command table, for the documentation.
func Commands() keys.Table {
	var t keys.Table
	for _, c := range commands() {
		t = append(t, c.Command)
	}
	return t
}

// commands are all there is to press, in the order of help and footer.
func commands() []command {
	var all []command
	for _, part := range [][]command{acting(), looking(), moving(), inServices(), inLogs(), inRun(), general()} {
		all = append(all, part...)
	}
	return all
}

// acting are the commands that change something: each opens a sheet.
func acting() []command {
	const group = "Act"
	danger := func(id, key, short, title string, refuse func(*Console) string, run func(*Console) tea.Cmd) command {
		return command{
			Command: keys.Command{ID: id, Keys: []string{key}, Short: short, Title: title, Group: group, Dangerous: true},
			refuse:  refuse, run: run,
		}
	}
	return []command{
		danger("approve", "a", "approve", "Approve or reject what waits", (*Console).noApproval, (*Console).openReview),
		danger("trigger", "t", "trigger", "Start a workflow", (*Console).noWorkflow, (*Console).openTrigger),
		danger("rollback", "R", "roll back", "Roll the environment back", (*Console).noEnvironment, (*Console).openRollback),
		danger("rerun", "u", "re-run…", "Run the selected run again", (*Console).cannotRerun, (*Console).openRerun),
		danger("cancel", "c", "cancel…", "Cancel the selected run", (*Console).cannotCancel, (*Console).openCancel),
		danger("cancel-holder", "C", "", "Cancel the run that holds the lane", (*Console).noHolder, (*Console).openHolder),
		danger("hold", "H", "", "Hold the environment, or lift its hold", (*Console).noEnvironment, (*Console).openHold),
		danger("stop", "S", "stop, go on…", "Stop or continue what ECS rolls out", (*Console).nothingMoves, (*Console).openStop),
	}
}

// looking are the commands that change what is shown.
func looking() []command {
	const group = "Look"
	return []command{
		{Command: keys.Command{ID: "open", Keys: []string{"enter"}, Short: "open", Title: "Open what is selected", Group: group}},
		{Command: keys.Command{ID: "filter", Keys: []string{"/"}, Short: "filter", Title: "Show only what matches", Group: group}, run: (*Console).askFilter},
		{Command: keys.Command{ID: "panel", Keys: []string{"tab"}, Short: "panel", Title: "Go to the next panel", Group: group}, run: func(c *Console) tea.Cmd { return c.cycle(1) }},
		{Command: keys.Command{ID: "previous-panel", Keys: []string{"shift+tab"}, Title: "Go to the previous panel", Group: group}, run: func(c *Console) tea.Cmd { return c.cycle(-1) }},
		{Command: keys.Command{ID: "releases", Keys: []string{"0"}, Title: "Go to the releases", Group: group}, run: focusOn(keys.Releases)},
		{Command: keys.Command{ID: "runs", Keys: []string{"1"}, Title: "Go to the runs", Group: group}, run: focusOn(keys.Runs)},
		{Command: keys.Command{ID: "services", Keys: []string{"2"}, Title: "Go to the services", Group: group}, run: focusOn(keys.Services)},
		{Command: keys.Command{ID: "logs", Keys: []string{"3"}, Title: "Go to the logs", Group: group}, run: focusOn(keys.Logs)},
		{Command: keys.Command{ID: "zoom", Keys: []string{"z"}, Short: "zoom", Title: "One panel or run over the whole screen", Group: group}, run: (*Console).toggleZoom},
		{Command: keys.Command{ID: "zoom-panel", Keys: []string{"Z"}, Title: "The list of runs over the whole screen", Group: group}, run: (*Console).zoomPanel},
		{Command: keys.Command{ID: "environment", Keys: []string{"e"}, Short: "environment", Title: "Look at another environment", Group: group}, refuse: (*Console).noEnvironment, run: (*Console).pickEnvironment},
		{Command: keys.Command{ID: "artifacts", Keys: []string{"A"}, Title: "Artifacts of the run: list, save", Group: group, Scope: keys.Runs}, refuse: (*Console).noRun, run: (*Console).openArtifacts},
		{Command: keys.Command{ID: "all", Keys: []string{"x"}, Title: "Undo the selection: show everything", Group: group}, run: (*Console).unjoin},
		{Command: keys.Command{ID: "configuration", Keys: []string{"i"}, Title: "Configuration, and how it was inferred", Group: group}, run: (*Console).showConfiguration},
	}
}

// moving are the keys of every list.
func moving() []command {
	const group = "Move"
	return []command{
		{Command: keys.Command{ID: "down", Keys: []string{"j", "down"}, Title: "Down", Group: group}},
		{Command: keys.Command{ID: "up", Keys: []string{"k", "up"}, Title: "Up", Group: group}},
		{Command: keys.Command{ID: "top", Keys: []string{"g", "home"}, Title: "To the beginning", Group: group}},
		{Command: keys.Command{ID: "bottom", Keys: []string{"G", "end"}, Title: "To the end; logs follow again", Group: group}},
		{Command: keys.Command{ID: "page-down", Keys: []string{"pgdown", "ctrl+d"}, Title: "A page down", Group: group}},
		{Command: keys.Command{ID: "page-up", Keys: []string{"pgup", "ctrl+u"}, Title: "A page up", Group: group}},
		{Command: keys.Command{ID: "fold", Keys: []string{"left", "h"}, Title: "Fold a run or service", Group: group}},
		{Command: keys.Command{ID: "unfold", Keys: []string{"right", "l"}, Title: "Open it in place", Group: group}},
	}
}

// inServices are the commands of the panel of services.
func inServices() []command {
	const group = "Services"
	return []command{
		{Command: keys.Command{ID: "group-clusters", Keys: []string{"c"}, Title: "By cluster, or the worst first", Group: group, Scope: keys.Services}},
		{Command: keys.Command{ID: "definition", Keys: []string{"d"}, Title: "What the task definition changes", Group: group, Scope: keys.Services}},
		{Command: keys.Command{ID: "details", Keys: []string{"J", "K"}, Shown: "J K", Title: "Scroll details that do not fit", Group: group, Scope: keys.Services}},
	}
}

// inLogs are the commands of the panel of logs.
func inLogs() []command {
	const group = "Logs"
	return []command{
		{Command: keys.Command{ID: "follow", Keys: []string{"f"}, Title: "Follow the newest lines", Group: group, Scope: keys.Logs}},
		{Command: keys.Command{ID: "search", Short: "search", Keys: []string{"s"}, Title: "Search, without hiding the rest", Group: group, Scope: keys.Logs}, run: (*Console).askSearch},
		{Command: keys.Command{ID: "next", Short: "next error", Keys: []string{"n"}, Title: "Next match, or error", Group: group, Scope: keys.Logs}, run: func(c *Console) tea.Cmd { return c.seek(false) }},
		{Command: keys.Command{ID: "previous", Keys: []string{"N"}, Title: "Previous match, or error", Group: group, Scope: keys.Logs}, run: func(c *Console) tea.Cmd { return c.seek(true) }},
		{Command: keys.Command{ID: "time", Short: "go to time", Keys: []string{"t"}, Title: "Go to a time, also before the oldest line", Group: group, Scope: keys.Logs}, run: (*Console).askTime},
		{Command: keys.Command{ID: "errors", Short: "new errors", Keys: []string{"E"}, Title: "New errors since traffic moved", Group: group, Scope: keys.Logs}, refuse: (*Console).noEnvironment, run: (*Console).compareLogs},
		{Command: keys.Command{ID: "save", Keys: []string{"S"}, Title: "Save the lines shown to a file", Group: group, Scope: keys.Logs}, run: (*Console).askSave},
		{Command: keys.Command{ID: "wrap", Keys: []string{"w"}, Title: "Wrap long lines", Group: group, Scope: keys.Logs}},
		{Command: keys.Command{ID: "level", Short: "level", Keys: []string{"L"}, Title: "Lowest level: info, warn, error, all", Group: group, Scope: keys.Logs}},
		{Command: keys.Command{ID: "request", Keys: []string{"p"}, Title: "Only this request, in all services", Group: group, Scope: keys.Logs}, run: (*Console).pivot},
	}
}

// inRun are the commands of an opened run.
func inRun() []command {
	const group = "Opened run"
	return []command{
		{Command: keys.Command{ID: "run-search", Keys: []string{"/", "s"}, Short: "search", Title: "Search the log", Group: group, Scope: keys.Run}, run: (*Console).askSearch},
		{Command: keys.Command{ID: "run-next", Keys: []string{"n", "N"}, Shown: "n N", Short: "next, previous", Title: "Next or previous match, or error", Group: group, Scope: keys.Run}},
		{Command: keys.Command{ID: "run-side", Keys: []string{"tab", "shift+tab"}, Shown: "tab", Short: "jobs, log", Title: "Between jobs and log", Group: group, Scope: keys.Run}},
		{Command: keys.Command{ID: "run-times", Keys: []string{"t"}, Short: "times", Title: "Show when each line was written", Group: group, Scope: keys.Run}},
		{Command: keys.Command{ID: "run-wrap", Keys: []string{"w"}, Short: "wrap", Title: "Wrap long lines of the log", Group: group, Scope: keys.Run}},
		{Command: keys.Command{ID: "run-first-error", Keys: []string{"E"}, Short: "first error", Title: "Go to the first error", Group: group, Scope: keys.Run}},
		{Command: keys.Command{ID: "run-fold", Keys: []string{"f"}, Short: "fold", Title: "Fold all groups of the log, or open them", Group: group, Scope: keys.Run}},
		{Command: keys.Command{ID: "run-artifacts", Keys: []string{"A"}, Short: "artifacts", Title: "Artifacts of the run: list, save", Group: group, Scope: keys.Run}, refuse: (*Console).noRun, run: (*Console).openArtifacts},
		{Command: keys.Command{ID: "run-save", Keys: []string{"S"}, Title: "Save the job's log to a file", Group: group, Scope: keys.Run}, run: (*Console).askSaveJobLog},
		{Command: keys.Command{ID: "older-attempt", Keys: []string{"["}, Title: "Older attempt of the run", Group: group, Scope: keys.Run}, run: func(c *Console) tea.Cmd { return c.attempt(-1) }},
		{Command: keys.Command{ID: "newer-attempt", Keys: []string{"]"}, Title: "Newer attempt of the run", Group: group, Scope: keys.Run}, run: func(c *Console) tea.Cmd { return c.attempt(1) }},
	}
}

// general are the commands that every terminal program has.
func general() []command {
	const group = "General"
	return []command{
		{Command: keys.Command{ID: "browse", Keys: []string{"o"}, Title: "Open in the browser", Short: "browser", Group: group}, run: (*Console).browse},
		{Command: keys.Command{ID: "copy", Keys: []string{"y"}, Title: "Copy the URL, name or line", Group: group}, run: (*Console).copySelection},
		{Command: keys.Command{ID: "refresh", Keys: []string{"r"}, Title: "Read everything again now", Group: group}, run: (*Console).refresh},
		{Command: keys.Command{ID: "palette", Keys: []string{":"}, Short: "command", Title: "Choose a command by name", Group: group}, run: (*Console).openPalette},
		{Command: keys.Command{ID: "help", Keys: []string{"?"}, Short: "help", Title: "Show this help", Group: group}, run: (*Console).openHelp},
		{Command: keys.Command{ID: "back", Keys: []string{"esc"}, Title: "Back: close, clear or undo one thing", Group: group}, run: (*Console).back},
		{Command: keys.Command{ID: "quit", Keys: []string{"q"}, Short: "quit", Title: "Back from what is opened, else quit", Group: group}, run: (*Console).backOrQuit},
		{Command: keys.Command{ID: "leave", Keys: []string{"ctrl+c"}, Title: "Quit at once", Group: group}, run: func(c *Console) tea.Cmd { return c.quit() }},
	}
}

// scope is where keys go.
func (c *Console) scope() keys.Scope {
	if c.opened != nil {
		return keys.Run
	}
	return c.focus
}

// key routes a key: to the sheet, the dialog or the prompt that is open, else
// through the command table to what does it.
func (c *Console) key(msg tea.KeyPressMsg) tea.Cmd {
	c.dirty = true
	k := msg.String()
	switch {
	case k == "ctrl+c":
		return c.quit()
	case c.sheet != nil:
		return c.toSheet(msg)
	case c.dialog != nil:
		return c.toDialog(msg)
	case c.prompt != nil:
		return c.toPrompt(msg)
	}
	c.toast = toast{}
	came := c.runs.Pin()
	matched, ok := c.table.Match(c.scope(), k)
	if ok && came && c.opened == nil && (matched.ID == "cancel" || matched.ID == "rerun") {
		c.say(matched.Key()+" is refused: no run is selected, and the newest has changed; "+matched.Key()+" again takes it, j and k choose", true)
		return nil
	}
	if k != "q" {
		c.quitAsked = false
	}
	if ok {
		if cmd, done := c.perform(matched.ID); done {
			return cmd
		}
	}
	return c.toPanel(k)
}

// perform does a command by its ID, or says why not. It reports whether the
// command is the console's own.
func (c *Console) perform(id string) (cmd tea.Cmd, done bool) {
	for i := range c.commands {
		it := &c.commands[i]
		if it.ID != id {
			continue
		}
		why := it.Refusal(c.readOnly())
		if why == "" && it.Dangerous {
			why = c.snapshot.Denied(it.ID)
		}
		if why == "" && it.refuse != nil {
			why = it.refuse(c)
		}
		if why != "" {
			c.say(it.Key()+" is refused: "+why, true)
			return nil, true
		}
		if it.run == nil {
			return nil, false
		}
		return it.run(c), true
	}
	return nil, false
}

// toPanel gives a key to the focused panel.
func (c *Console) toPanel(k string) tea.Cmd {
	if c.opened != nil {
		a, _ := c.opened.Key(k)
		return tea.Batch(c.act(a), c.loadJobLog())
	}
	switch c.focus {
	case keys.Releases:
		a, _ := c.releases.Key(k)
		return c.act(a)
	case keys.Services:
		a, _ := c.services.Key(k)
		return c.act(a)
	case keys.Logs:
		a, _ := c.logs.Key(k)
		return tea.Batch(c.act(a), c.syncLogs())
	default:
		a, _ := c.runs.Key(k)
		return tea.Batch(c.act(a), c.loadOlder())
	}
}
