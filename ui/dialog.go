package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/logview"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/sheet"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// dialog is a box over the console that changes nothing: help, palette, a
// choice. It is drawn by the console in the middle of the screen.
type dialog interface {
	// key handles a key and reports whether the dialog stays open.
	key(c *Console, msg tea.KeyPressMsg) (cmd tea.Cmd, stays bool)
	// lines draws the dialog in at most width by height cells.
	lines(c *Console, width, height int) []string
}

// toDialog gives a key to the open dialog.
func (c *Console) toDialog(msg tea.KeyPressMsg) tea.Cmd {
	c.dirty = true
	d := c.dialog
	cmd, stays := d.key(c, msg)
	if !stays && c.dialog == d {
		c.dialog = nil
	}
	return cmd
}

// choice is one line of a chooser.
type choice struct {
	id     string
	text   string
	note   string // at the right
	state  *theme.Mark
	search string // what the filter looks at, beside text
}

// chooser lets the operator pick one of several, narrowed by typing.
type chooser struct {
	title   string
	typing  bool // letters narrow; else they move and only / would
	text    string
	choices []choice
	cursor  int
	offset  int
	picked  func(c *Console, id string) tea.Cmd
}

// shown are the choices that match what was typed.
func (p *chooser) shown() []choice {
	var out []choice
	for _, it := range p.choices {
		if panel.Contains(p.text, it.text, it.search) {
			out = append(out, it)
		}
	}
	return out
}

func (p *chooser) key(c *Console, msg tea.KeyPressMsg) (tea.Cmd, bool) {
	shown := p.shown()
	switch k := msg.String(); k {
	case "esc":
		return nil, false
	case "enter":
		if p.cursor >= len(shown) {
			return nil, true
		}
		c.dialog = nil
		return p.picked(c, shown[p.cursor].id), false
	case "down", "ctrl+n", "tab":
		p.cursor++
	case "up", "ctrl+p", "shift+tab":
		p.cursor--
	case "backspace":
		if r := []rune(p.text); len(r) > 0 {
			p.text, p.cursor = string(r[:len(r)-1]), 0
		}
	default:
		p.letter(k, msg.Text)
		if k == "q" && !p.typing {
			return nil, false
		}
	}
	p.cursor = max(min(p.cursor, len(p.shown())-1), 0)
	return nil, true
}

func (p *chooser) letter(k, text string) {
	switch {
	case p.typing && text != "":
		p.text, p.cursor = p.text+text, 0
	case k == "j":
		p.cursor++
	case k == "k":
		p.cursor--
	}
}

func (p *chooser) lines(c *Console, width, height int) []string {
	s := c.styles
	w := min(max(width-8, 20), 72, width)
	shown := p.shown()
	room := max(min(height-4, len(p.choices)), 1)
	p.offset = frame.Window(p.offset, p.cursor, room, len(shown))
	var content []string
	row := &frame.Row{}
	if p.typing {
		row.Reset(s, w-2, theme.Paint{})
		row.Space(1).Put(s.Accent, s.Glyphs.Cursor+" ").Put(s.Text, p.text).Put(s.Accent, "_")
		content = append(content, row.String())
	}
	for i := p.offset; i < min(p.offset+room, len(shown)); i++ {
		back := theme.Paint{}
		if i == p.cursor {
			back = s.Selected
		}
		row.Reset(s, w-2, back)
		row.Space(1)
		if m := shown[i].state; m != nil {
			row.Mark(*m).Space(1)
		}
		row.Reserve(theme.Cells(shown[i].note) + 2)
		row.Put(s.Text, shown[i].text)
		row.Reserve(0)
		content = append(content, row.Tail(s.Muted, shown[i].note+" ").String())
	}
	if len(shown) == 0 {
		content = append(content, frame.NewRow(s, w-2, theme.Paint{}).Space(1).Put(s.Muted, "nothing matches").String())
	}
	box := frame.Box{
		Title: []frame.Span{{Paint: s.Title, Text: p.title}}, Focused: true,
		Foot: []frame.Span{{Paint: s.Muted, Text: "⏎ choose " + s.Glyphs.Dot + " esc back"}},
	}
	h := len(content) + 2
	if p.typing {
		h = min(room+3, height) // it keeps its size while the list narrows
	}
	return box.Lines(nil, s, content, w, min(h, height))
}

// openPalette lets choose a command by name.
func (c *Console) openPalette() tea.Cmd {
	p := &chooser{title: "Command", typing: true, picked: func(c *Console, id string) tea.Cmd {
		cmd, done := c.perform(id)
		if !done {
			if it, ok := c.table.Find(id); ok && len(it.Keys) > 0 {
				return c.toPanel(it.Keys[0])
			}
		}
		return cmd
	}}
	for _, cmd := range c.commands {
		if cmd.ID == "palette" || cmd.Scope != "" && cmd.Scope != c.scope() {
			continue
		}
		note := cmd.Key()
		switch {
		case cmd.Refusal(c.readOnly()) != "":
			note = "read-only  " + note
		case c.denied[cmd.ID]:
			note = "not allowed  " + note
		}
		p.choices = append(p.choices, choice{id: cmd.ID, text: cmd.Title, note: note, search: cmd.ID})
	}
	c.dialog = p
	return nil
}

// pickEnvironment lets choose the environment to look at. Of two, the other is
// taken at once.
func (c *Console) pickEnvironment() tea.Cmd {
	envs := c.snapshot.Environments
	if len(envs) == 2 {
		for _, e := range envs {
			if e.Environment.Name != c.environment {
				return c.switchEnvironment(e.Environment.Name)
			}
		}
	}
	p := &chooser{title: "Environment", picked: func(c *Console, id string) tea.Cmd { return c.switchEnvironment(id) }}
	for i, e := range envs {
		p.choices = append(p.choices, choice{id: e.Environment.Name, text: e.Environment.Name, note: liveNote(&e)})
		if e.Environment.Name == c.environment {
			p.cursor = i
		}
	}
	c.dialog = p
	return nil
}

func liveNote(e *pipeline.EnvironmentState) string {
	if e.Live.Release.Zero() {
		return string(pipeline.LiveUnknown)
	}
	return e.Live.Release.Name() + " live"
}

// pickApproval lets choose among several runs that wait.
func (c *Console) pickApproval(all []pipeline.Approval) tea.Cmd {
	p := &chooser{title: "What waits for approval"}
	byID := map[string]pipeline.Approval{}
	mark := c.styles.Mark(theme.Waiting)
	for _, a := range all {
		id := approvalID(a)
		byID[id] = a
		p.choices = append(p.choices, choice{
			id: id, state: &mark, note: clock.Since(c.now, a.Since),
			text: a.Environment + "  " + approvalName(a) + "  " + a.Release.Title,
		})
	}
	p.picked = func(c *Console, id string) tea.Cmd { return c.open(sheet.NewReview(byID[id])) }
	c.dialog = p
	return nil
}

// help is the list of all commands.
type help struct{ offset int }

func (c *Console) openHelp() tea.Cmd {
	c.dialog = &help{}
	return nil
}

func (h *help) key(_ *Console, msg tea.KeyPressMsg) (tea.Cmd, bool) {
	switch msg.String() {
	case "j", "down":
		h.offset++
	case "k", "up":
		h.offset--
	case "pgdown", "space":
		h.offset += 10
	case "pgup":
		h.offset -= 10
	case "g", "home":
		h.offset = 0
	default:
		return nil, false
	}
	return nil, true
}

func (h *help) lines(c *Console, width, height int) []string {
	s := c.styles
	columns, column := 1, helpColumn(c.table)
	if 2*column+4 <= width {
		columns = 2
	}
	w := min(width, max(columns*column+4, legendWidth))
	content := h.content(c, w, min(column, w-4), columns)
	room := max(height-2, 1)
	h.offset = max(min(h.offset, len(content)-room), 0)
	title := "Help"
	if c.options.Version != "" {
		title += " " + s.Glyphs.Dot + " deployctl " + c.options.Version
	}
	foot := "any key closes"
	if len(content) > room {
		foot = "j k scroll " + s.Glyphs.Dot + " " + foot
	}
	box := frame.Box{
		Title: []frame.Span{{Paint: s.Title, Text: title}}, Focused: true,
		Foot: []frame.Span{{Paint: s.Muted, Text: foot}},
	}
	return box.Lines(nil, s, content[h.offset:], w, min(len(content)+2, height))
}

// legendWidth is how wide the help is for the sake of its legend.
const legendWidth = 80

// helpKeys is how wide the keys of a command stand in the help.
const helpKeys = 13

// helpColumn is how wide a column must be to cut no description.
func helpColumn(table keys.Table) int {
	longest := 0
	for _, cmd := range table {
		longest = max(longest, theme.Cells(cmd.Title))
	}
	return helpKeys + longest + 2
}

// content draws all groups in columns of that width, and the legend below.
func (h *help) content(c *Console, whole, width, columns int) []string {
	s := c.styles
	var parts [][]string
	total := 0
	for _, g := range c.table.Groups() {
		part := h.group(c, g, width)
		parts = append(parts, part)
		total += len(part)
	}
	cols := make([][]string, columns)
	at := 0
	for _, part := range parts {
		if at < columns-1 && len(cols[at])+len(part)/2 > total/columns {
			at++
		}
		cols[at] = append(cols[at], part...)
	}
	longest := 0
	for _, col := range cols {
		longest = max(longest, len(col))
	}
	inner := whole - 2
	var out []string
	for y := range longest {
		row := " "
		for _, col := range cols {
			if y < len(col) {
				row += col[y]
			} else {
				row += theme.Blank(width)
			}
		}
		out = append(out, row+theme.Blank(inner-1-width*columns))
	}
	return append(out, legend(s, inner)...)
}

func (h *help) group(c *Console, name string, width int) []string {
	s := c.styles
	row := frame.NewRow(s, width, theme.Paint{})
	lines := []string{row.Put(s.Accent, name).String()}
	for _, cmd := range c.table.Group(name) {
		row.Reset(s, width, theme.Paint{})
		text := s.Text
		if cmd.Refusal(c.readOnly()) != "" || c.denied[cmd.ID] {
			text = s.Faint
		}
		row.Cell(s.Strong, cmd.Names(), helpKeys)
		for i, part := range frame.Wrap(cmd.Title, max(width-helpKeys-1, 10)) {
			if i > 0 {
				row.Reset(s, width, theme.Paint{})
				row.Space(helpKeys)
			}
			lines = append(lines, row.Put(text, part).String())
		}
	}
	return append(lines, theme.Blank(width))
}

// What the glyph beside a version says, and that behind the time of a log line.
const (
	released = "has a GitHub release"
	cameLate = "after a time: the line came late"
)

// legend explains the glyphs.
func legend(s *theme.Styles, width int) []string {
	var lines []string
	row := frame.NewRow(s, width, theme.Paint{})
	row.Space(1)
	for _, state := range theme.States() {
		if row.Left() < theme.Cells(state.String())+5 {
			lines = append(lines, row.String())
			row.Reset(s, width, theme.Paint{})
			row.Space(1)
		}
		row.Mark(s.Mark(state)).Put(s.Muted, " "+state.String()+"   ")
	}
	for _, sign := range []frame.Span{{Paint: s.Accent, Text: s.Glyphs.Released + " " + released}, {Paint: s.Warn, Text: logview.LateMark + " " + cameLate}} {
		if row.Left() < theme.Cells(sign.Text)+4 {
			lines = append(lines, row.String())
			row.Reset(s, width, theme.Paint{})
			row.Space(1)
		}
		glyph, words, _ := strings.Cut(sign.Text, " ")
		row.Put(sign.Paint, glyph).Put(s.Muted, " "+words+"   ")
	}
	return append(lines, row.String())
}

// welcome tells what was found where nobody configured anything.
type welcome struct{ notes bool }

// wantsWelcome reports whether the first live snapshot shows a repository that
// nobody described.
func wantsWelcome(s *pipeline.Snapshot) bool {
	return s.Config.Inferred && !s.Restored && s.Workflows.Known()
}

func (c *Console) showConfiguration() tea.Cmd {
	c.dialog = welcome{notes: true}
	return nil
}

func (w welcome) key(c *Console, msg tea.KeyPressMsg) (tea.Cmd, bool) {
	if msg.String() == "i" && !w.notes {
		c.dialog = welcome{notes: true}
		return nil, true
	}
	return nil, false
}

func (w welcome) lines(c *Console, width, height int) []string {
	s, snap := c.styles, c.snapshot
	wide := min(width, 90)
	var content []string
	put := func(p theme.Paint, text string) {
		for _, l := range frame.Wrap(text, wide-6) {
			content = append(content, frame.NewRow(s, wide-2, theme.Paint{}).Space(2).Put(p, l).String())
		}
	}
	blank := func() { content = append(content, theme.Blank(wide-2)) }
	blank()
	title := "Welcome"
	if w.notes {
		title = "Configuration"
		put(s.Text, configurationOrigin(snap.Config))
		for _, n := range snap.Config.Notes {
			put(s.Muted, s.Glyphs.Dot+" "+n)
		}
		for _, p := range snap.Config.Problems {
			put(s.Warn, s.Glyphs.Attention+" "+p.Sentence)
		}
	} else {
		put(s.Text, snap.Repository.FullName()+" "+found(snap))
		put(s.Text, "Environments: "+environmentNames(snap)+".")
		if snap.Identity.Err != nil {
			put(s.Danger, s.Glyphs.Failed+" "+panel.Brief(snap.Identity.Err)+".")
			put(s.Muted, "Runs and approvals work without AWS; services and logs do not.")
		}
		blank()
		put(s.Muted, "Press i to see what was inferred, or run gh deployctl init to write it down.")
	}
	blank()
	box := frame.Box{
		Title: []frame.Span{{Paint: s.Title, Text: title}}, Focused: true,
		Foot: []frame.Span{{Paint: s.Muted, Text: "any key closes"}},
	}
	return box.Lines(nil, s, content, wide, min(len(content)+2, height))
}

// configurationOrigin says in a sentence where the configuration is from.
func configurationOrigin(c pipeline.Configuration) string {
	switch {
	case c.Inferred:
		return "Nobody wrote one down; this was inferred. gh deployctl init writes it."
	case c.Origin == "":
		return "Not read yet."
	}
	return "Read from " + c.Origin + "."
}

func found(s *pipeline.Snapshot) string {
	var files []string
	for _, w := range s.Workflows.Value {
		files = append(files, w.File())
	}
	if len(files) == 0 {
		return "has no workflows yet."
	}
	return "has workflows " + strings.Join(files, ", ") + "."
}

func environmentNames(s *pipeline.Snapshot) string {
	var names []string
	for _, e := range s.Environments {
		names = append(names, e.Environment.Name)
	}
	if len(names) == 0 {
		return "none yet"
	}
	return strings.Join(names, ", ")
}
