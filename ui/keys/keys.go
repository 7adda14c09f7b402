// Package keys is the type of the console's command table. One table drives
// what a key does, the footer, the help screen, the command palette, the
// README's key table, and what read-only mode refuses. It is a leaf, so that
// panels and the console share it without importing each other.
package keys

import (
	"slices"
	"strings"
)

// Scope is where a command works.
type Scope string

// The scopes. A command of a panel goes before a global one of the same key.
const (
	Global   Scope = ""
	Releases Scope = "releases"
	Runs     Scope = "runs"
	Services Scope = "services"
	Logs     Scope = "logs"
	Run      Scope = "run" // an opened run, over the whole screen
)

// Command is one thing that the operator can do.
type Command struct {
	ID        string   // stable name, also what the palette takes: "approve"
	Keys      []string // as tea.KeyPressMsg.String says them; the first is shown
	Shown     string   // how the footer writes the key; empty: the first of Keys
	Short     string   // the footer's word; empty: not in the footer
	Title     string   // what it does, for help and palette: "Approve or reject what waits"
	Group     string   // section of the help screen
	Scope     Scope
	Dangerous bool // opens the way to a change; read-only mode refuses it
}

// Key is the key as the operator reads it.
func (c Command) Key() string {
	if c.Shown != "" {
		return c.Shown
	}
	if len(c.Keys) == 0 {
		return ""
	}
	return Label(c.Keys[0])
}

// Names are all keys of the command as the operator reads them.
func (c Command) Names() string {
	if c.Shown != "" {
		return c.Shown
	}
	names := make([]string, len(c.Keys))
	for i, k := range c.Keys {
		names[i] = Label(k)
	}
	return strings.Join(names, " ")
}

// ReadOnly is why a dangerous command is refused where nothing can be changed.
const ReadOnly = "this console is read-only: it holds nothing that could change anything"

// Refusal says why the mode refuses the command; empty: it does not.
func (c Command) Refusal(readOnly bool) string {
	if readOnly && c.Dangerous {
		return ReadOnly
	}
	return ""
}

// Table is an ordered set of commands.
type Table []Command

// Match finds the command of a key in a scope: the scope's own first, then the
// global one.
func (t Table) Match(scope Scope, key string) (Command, bool) {
	for _, want := range []Scope{scope, Global} {
		for _, c := range t {
			if c.Scope == want && slices.Contains(c.Keys, key) {
				return c, true
			}
		}
	}
	return Command{}, false
}

// Find returns the command of that ID.
func (t Table) Find(id string) (Command, bool) {
	i := slices.IndexFunc(t, func(c Command) bool { return c.ID == id })
	if i < 0 {
		return Command{}, false
	}
	return t[i], true
}

// Groups are the sections of the help screen, in the order of the table.
func (t Table) Groups() []string {
	var out []string
	for _, c := range t {
		if !slices.Contains(out, c.Group) {
			out = append(out, c.Group)
		}
	}
	return out
}

// Group returns the commands of one section.
func (t Table) Group(name string) Table {
	var out Table
	for _, c := range t {
		if c.Group == name {
			out = append(out, c)
		}
	}
	return out
}

// Markdown is the table as the README shows it.
func (t Table) Markdown() string {
	var b strings.Builder
	b.WriteString("| key | does |\n|---|---|\n")
	for _, c := range t {
		names := strings.Fields(c.Names())
		for i, n := range names {
			names[i] = "`" + n + "`"
		}
		title := c.Title
		if c.Scope != Global {
			title += " (" + string(c.Scope) + ")"
		}
		if c.Dangerous {
			title += " †"
		}
		b.WriteString("| " + strings.Join(names, " ") + " | " + title + " |\n")
	}
	b.WriteString("\n† opens a sheet that checks first and sends only what is confirmed; refused in read-only mode.\n")
	return b.String()
}

// Label is a key as the operator reads it.
func Label(key string) string {
	switch key {
	case "enter":
		return "⏎"
	case "up":
		return "↑"
	case "down":
		return "↓"
	case "left":
		return "←"
	case "right":
		return "→"
	case "pgup":
		return "PgUp"
	case "pgdown":
		return "PgDn"
	}
	return key
}
