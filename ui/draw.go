package ui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// View implements [tea.Model]. It is called after every message; the frame is
// made again only if something changed.
func (c *Console) View() tea.View {
	if !c.dirty && c.view.Content != "" {
		return c.view
	}
	c.dirty = false
	cursor := c.draw()
	c.view = tea.View{
		Content: joinLines(c.lines), AltScreen: true, MouseMode: tea.MouseModeCellMotion, ReportFocus: true,
		WindowTitle: c.title(), Cursor: cursor, ProgressBar: c.progress(),
	}
	return c.view
}

func joinLines(lines []string) string {
	n := len(lines)
	for _, l := range lines {
		n += len(l)
	}
	var b strings.Builder
	b.Grow(n)
	for i, l := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(l)
	}
	return b.String()
}

// draw makes the lines of the frame and says where the text cursor stands.
func (c *Console) draw() *tea.Cursor {
	l := c.layout
	c.lines = c.lines[:0]
	if l.screen.Height <= 0 {
		return nil
	}
	c.lines = append(c.lines, c.header(l.screen.Width))
	c.body(l)
	for len(c.lines) < l.footer.Y {
		c.lines = append(c.lines, theme.Blank(l.screen.Width))
	}
	var cursor *tea.Cursor
	if !l.footer.Empty() {
		c.lines = append(c.lines[:l.footer.Y], "")
		c.lines[l.footer.Y], cursor = c.footer(l.footer)
	}
	switch {
	case c.sheet != nil:
		return c.overSheet()
	case c.dialog != nil:
		c.over(c.dialog.lines(c, l.body.Width, l.body.Height), l.body)
		return nil
	}
	return cursor
}

// body draws everything between header and footer.
func (c *Console) body(l layout) {
	if c.opened != nil {
		c.lines = append(c.lines, c.opened.Lines(c.context(keys.Run, l.body))...)
		return
	}
	if line := c.trouble(l); line != "" {
		c.lines = append(c.lines, line)
	}
	switch l.shape {
	case beside:
		c.until(l.releases.Y)
		c.lines = append(c.lines, c.panel(keys.Releases)...)
		c.until(l.runs.Y)
		c.lines = frame.Beside(c.lines, c.panel(keys.Runs), c.panel(keys.Services), c.panel(keys.Logs))
		c.until(l.strip.Y)
		c.lines = append(c.lines, c.strip(l.strip.Width, l.strip.Height)...)
	case stacked:
		c.until(l.releases.Y)
		c.lines = append(c.lines, c.panel(keys.Releases)...)
		c.until(l.runs.Y)
		for _, s := range []keys.Scope{keys.Runs, keys.Services, keys.Logs} {
			c.lines = append(c.lines, c.panel(s)...)
		}
		c.until(l.strip.Y)
		c.lines = append(c.lines, c.strip(l.strip.Width, l.strip.Height)...)
	default:
		c.lines = append(c.lines, c.panel(c.focus)...)
	}
}

// until fills up with blank lines to a line of the screen.
func (c *Console) until(y int) {
	for len(c.lines) < y {
		c.lines = append(c.lines, theme.Blank(c.layout.screen.Width))
	}
}

// panel draws a panel at its size.
func (c *Console) panel(s keys.Scope) []string {
	ctx := c.context(s, c.layout.panel(s))
	switch s {
	case keys.Releases:
		return c.releases.Lines(ctx)
	case keys.Services:
		return c.services.Lines(ctx)
	case keys.Logs:
		return c.logs.Lines(ctx)
	default:
		return c.runs.Lines(ctx)
	}
}

// over lays a box over the middle of an area, and greys what is behind it.
func (c *Console) over(box []string, area frame.Rect) frame.Rect {
	if len(box) == 0 {
		return frame.Rect{}
	}
	frame.Dim(c.lines, c.styles.Faint)
	at := area.Center(theme.Cells(box[0]), len(box))
	frame.Splice(c.lines, box, at.X, at.Y)
	return at
}

// overSheet draws the open sheet and returns where its text cursor stands.
func (c *Console) overSheet() *tea.Cursor {
	area := frame.Rect{Width: c.layout.screen.Width, Height: c.layout.screen.Height}
	if area.Height > 12 {
		area = c.layout.body
	}
	box := c.sheet.Lines(c.styles, area.Width, area.Height, c.exactly())
	c.sheetRect = c.over(box, area)
	cursor := c.sheet.Cursor()
	if cursor == nil {
		return nil
	}
	moved := *cursor
	moved.X += c.sheetRect.X
	moved.Y += c.sheetRect.Y
	return &moved
}

// footer draws the last line: the prompt, a message, or the keys.
func (c *Console) footer(r frame.Rect) (string, *tea.Cursor) {
	s := c.styles
	if c.prompt != nil {
		line, x := c.prompt.line(s, r.Width)
		return line, tea.NewCursor(x, r.Y)
	}
	if c.toast.text != "" {
		return c.message(r.Width), nil
	}
	row := frame.NewRow(s, r.Width, theme.Paint{})
	if c.join.Active() && c.opened == nil {
		row.Space(1).Put(s.Accent, "x").Put(s.Muted, " all ")
	}
	tail := ""
	if c.layout.shape == single && c.opened == nil {
		for _, text := range []string{"80×24 shows all panels ", "80×24: all "} {
			if tail == "" && row.Left()-theme.Cells(text) >= 20 {
				tail = text
			}
		}
	}
	c.footerKeys(row, theme.Cells(tail))
	return row.Tail(s.Faint, tail).String(), nil
}

// messageRows is how many lines a message may take of the screen's last ones.
const messageRows = 3

// message draws the toast. What does not fit the last line takes those above
// it: why a key is refused must not be cut off where it says what to do.
func (c *Console) message(width int) string {
	s := c.styles
	mark, paint := s.Mark(theme.Passed), s.Text
	if c.toast.bad {
		mark, paint = s.Mark(theme.Attention), s.Warn
	}
	parts := frame.Wrap(c.toast.text, max(width-4, 1))
	if len(parts) > messageRows {
		parts = append(parts[:messageRows-1], strings.Join(parts[messageRows-1:], " "))
	}
	lines := make([]string, len(parts))
	for i, part := range parts {
		row := frame.NewRow(s, width, theme.Paint{}).Space(1)
		if i == 0 {
			row.Mark(mark)
		} else {
			row.Space(1)
		}
		lines[i] = row.Space(1).Put(paint, part).String()
	}
	last := len(lines) - 1
	copy(c.lines[max(len(c.lines)-1-last, 0):], lines[:last])
	return lines[last]
}

// footerKeys puts the keys that are worth knowing here, as many as fit beside a
// tail of so many cells.
func (c *Console) footerKeys(row *frame.Row, tail int) {
	s := c.styles
	help, _ := c.table.Find("help")
	row.Reserve(tail + theme.Cells(help.Short) + 4)
	for _, cmd := range c.footerOrder() {
		if cmd.ID == help.ID {
			row.Reserve(tail)
		}
		if cmd.Short == "" || !c.inFooter(cmd) {
			continue
		}
		if theme.Cells(cmd.Key())+theme.Cells(cmd.Short)+2 > row.Left() {
			continue
		}
		key, word := s.Accent, s.Muted
		if cmd.Refusal(c.readOnly()) != "" {
			continue
		}
		if c.denied[cmd.ID] { // it says why when it is pressed
			key, word = s.Faint, s.Faint
		}
		short := cmd.Short
		if cmd.ID == "quit" && (c.opened != nil || c.zoom) {
			short = "back"
		}
		row.Space(1).Put(key, cmd.Key()).Space(1).Put(word, short).Space(1)
	}
}

// footerPlace is where a footer stands: in a panel, or beside an opened run.
type footerPlace struct {
	scope  keys.Scope
	opened bool
}

// footerOrder is the table without keys that do something else here, and with
// what works only in the focused panel before what works everywhere, behind
// what changes something. The table never changes, so that each is made once.
func (c *Console) footerOrder() keys.Table {
	at := footerPlace{c.scope(), c.opened != nil}
	if known, ok := c.footers[at]; ok {
		return known
	}
	order := slices.DeleteFunc(slices.Clone(c.table), func(cmd keys.Command) bool {
		here, ok := c.table.Match(at.scope, cmd.Keys[0])
		return ok && here.ID != cmd.ID
	})
	if !at.opened && at.scope != keys.Global {
		slices.SortStableFunc(order, func(a, b keys.Command) int { return cmp.Compare(footerRank(a, at.scope), footerRank(b, at.scope)) })
	}
	if c.footers == nil {
		c.footers = map[footerPlace]keys.Table{}
	}
	c.footers[at] = order
	return order
}

func footerRank(cmd keys.Command, scope keys.Scope) int {
	switch {
	case cmd.Dangerous:
		return 0
	case cmd.Scope == scope:
		return 1
	}
	return 2
}

// inFooter reports whether a command is worth a place in the footer here.
func (c *Console) inFooter(cmd keys.Command) bool {
	ofRun := cmd.ID == "rerun" || cmd.ID == "cancel" || cmd.ID == "browse"
	switch {
	case cmd.ID == "stop":
		return c.opened == nil && c.paused() != nil
	case c.opened == nil:
		return !ofRun && (cmd.Scope == keys.Global || cmd.Scope == c.scope())
	case cmd.ID == "rerun":
		return c.cannotRerun() == ""
	case cmd.ID == "cancel":
		return c.cannotCancel() == ""
	case cmd.ID == "approve":
		return c.noApproval() == ""
	}
	return cmd.Scope == keys.Run || ofRun || cmd.ID == "help" || cmd.ID == "quit"
}

// toast is a message in the footer that goes by itself.
type toast struct {
	text  string
	bad   bool
	until time.Time
}

// toastTime is how long a message stays; a refusal stays longer, to be read.
const toastTime = 5 * time.Second

// say shows a message in the footer.
func (c *Console) say(text string, bad bool) {
	stay := toastTime
	if bad {
		stay *= 2
	}
	c.toast, c.dirty = toast{text, bad, c.now.Add(stay)}, true
}

func (t *toast) expire(now time.Time) {
	if !t.until.IsZero() && !now.Before(t.until) {
		*t = toast{}
	}
}
