package sheet

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// level is how generously a sheet is laid out. The most generous one that fits
// the height is taken; what does not fit at the last scrolls.
type level int

const (
	roomy   level = iota // evidence, remedies, commits, blank rows
	airy                 // blank rows between the groups
	folded               // the same, but passing gates are one row, and so are the candidates
	compact              // no blank rows either
	levels
)

// page is a sheet's content while it is laid out: rows of equal width, which of
// them hold what can have the focus, and where the cursor stands.
type page struct {
	styles *theme.Styles
	width  int
	level  level
	now    time.Time
	focus  string // the target that has the focus
	rows   []string
	spots  []spot
	caret  *tea.Position
	row    frame.Row
}

// spot is where a target stands on the page.
type spot struct {
	target    string
	y, x0, x1 int
}

func newPage(s *theme.Styles, width int, l level, now time.Time, focus string) *page {
	return &page{styles: s, width: width, level: l, now: now, focus: focus}
}

// line adds one row that fill builds.
func (p *page) line(fill func(r *frame.Row)) {
	p.row.Reset(p.styles, p.width, theme.Paint{})
	fill(&p.row)
	p.rows = append(p.rows, p.row.String())
}

// spans adds one row of texts, cut to the width.
func (p *page) spans(spans ...frame.Span) { p.line(func(r *frame.Row) { r.Spans(spans...) }) }

// blank adds an empty row where the level has them, never two in a row and
// never at the top.
func (p *page) blank() {
	if p.level == compact || len(p.rows) == 0 || p.rows[len(p.rows)-1] == theme.Blank(p.width) {
		return
	}
	p.rows = append(p.rows, theme.Blank(p.width))
}

// padding adds an empty row at a border, where the level has them.
func (p *page) padding() {
	if p.level != compact {
		p.rows = append(p.rows, theme.Blank(p.width))
	}
}

// remarkCells is the room that a remark wants beside the buttons.
const remarkCells = 44

// remark puts a text at the right of the last row, beside its buttons, or on a
// row of its own where they leave too little, before the border. That row is
// there without a text too, so that nothing moves while one types.
func (p *page) remark(paint theme.Paint, text string) {
	used := 0
	for _, t := range p.spots {
		if t.y == len(p.rows)-1 {
			used = max(used, t.x1)
		}
	}
	if room := p.width - used - 2; room >= remarkCells {
		text = theme.Cut(text, room, p.styles.Glyphs.Ellipsis)
		last := len(p.rows) - 1
		p.rows[last] = theme.Fit(p.rows[last], used+2, "") + theme.FitRight(paint.Render(text), room, "")
		p.padding()
		return
	}
	p.line(func(r *frame.Row) { r.Put(paint, text) })
}

// trim takes blank rows off the end.
func (p *page) trim() {
	for len(p.rows) > 0 && p.rows[len(p.rows)-1] == theme.Blank(p.width) {
		p.rows = p.rows[:len(p.rows)-1]
	}
}

// prose adds text, wrapped, its rows indented by indent cells.
func (p *page) prose(paint theme.Paint, text string, indent int) {
	for _, l := range frame.Wrap(text, max(p.width-indent, 1)) {
		p.line(func(r *frame.Row) { r.Space(indent).Put(paint, l) })
	}
}

// bullet adds a glyph and wrapped text beside it, with a word at the end of the
// first row.
func (p *page) bullet(mark theme.Mark, paint theme.Paint, text, tail string) {
	p.entry(mark, "", 0, paint, text, tail)
}

// entry is a bullet with a title in a column of its own, n cells wide, between
// the glyph and the text.
func (p *page) entry(mark theme.Mark, title string, n int, paint theme.Paint, text, tail string) {
	indent := 2 + n
	room := p.width - indent
	if tail != "" {
		room -= theme.Cells(tail) + 1
	}
	if room < 12 { // the tail would leave no room to read the text
		room, tail = p.width-indent, ""
	}
	for i, l := range frame.Wrap(text, max(room, 1)) {
		p.line(func(r *frame.Row) {
			if i > 0 {
				r.Space(indent).Put(paint, l)
				return
			}
			r.Mark(mark).Space(1).Cell(p.styles.Muted, title, n).Put(paint, l).Tail(p.styles.Faint, tail)
		})
	}
}

// pair adds a row with texts at the left and one at the right, which is given
// up first.
func (p *page) pair(tail string, spans ...frame.Span) {
	p.line(func(r *frame.Row) {
		n := 0
		for _, s := range spans {
			n += theme.Cells(s.Text)
		}
		if tail != "" && n+theme.Cells(tail)+2 > p.width && theme.Cells(tail) < p.width/2 {
			r.Reserve(theme.Cells(tail) + 2)
		}
		r.Spans(spans...).Tail(p.styles.Muted, tail)
	})
}

// mark remembers that a target stands on the row to be added next, from column
// x0 up to x1.
func (p *page) mark(target string, x0, x1 int) {
	p.spots = append(p.spots, spot{target, len(p.rows), x0, x1})
}

// input adds what is left of the row as a field.
func (p *page) input(r *frame.Row, f *field, target, placeholder string, width int) {
	p.prompt(r, target)
	x := p.width - r.Left()
	width = min(width, r.Left())
	p.mark(target, max(x-2, 0), x+width)
	at := f.draw(r, p.styles, width, placeholder, p.focus == target)
	if p.focus == target && width > 0 {
		p.caret = &tea.Position{X: x + at, Y: len(p.rows)}
	}
}

// prompt marks a control: whether it has the focus.
func (p *page) prompt(r *frame.Row, target string) {
	if p.focus == target {
		r.Put(p.styles.Accent, "> ")
		return
	}
	r.Put(p.styles.Faint, "> ")
}

// buttons adds the buttons, on as many rows as they need.
func (p *page) buttons(all []button) {
	type placed struct {
		button
		x int
	}
	var row []placed
	x := 0
	flush := func() {
		if len(row) == 0 {
			return
		}
		for _, b := range row {
			p.mark(b.id, b.x, b.x+theme.Cells(b.face()))
		}
		p.line(func(r *frame.Row) {
			for _, b := range row {
				r.To(b.x).Put(b.paint(p), b.face())
			}
		})
		row, x = nil, 0
	}
	gap := 3
	if p.level == compact {
		gap = 2
	}
	for _, b := range all {
		if n := theme.Cells(b.face()); x > 0 && x+n > p.width {
			flush()
		}
		row = append(row, placed{b, x})
		x += theme.Cells(b.face()) + gap
	}
	flush()
}

// button is something that Enter presses.
type button struct {
	id, label string
	short     string // where rows are narrow; empty: label
	danger    bool   // changes something
	off       string // why it cannot be pressed; empty: it can
}

// shortened gives buttons their short labels on narrow pages.
func shortened(all []button, width int) []button {
	if width >= 80 {
		return all
	}
	for i := range all {
		if all[i].short != "" {
			all[i].label = all[i].short
		}
	}
	return all
}

func (b button) face() string { return "[ " + b.label + " ]" }

func (b button) paint(p *page) theme.Paint {
	s := p.styles
	switch {
	case p.focus == b.id && b.off != "":
		return s.Strong.On(s.Field)
	case p.focus == b.id && b.danger:
		return s.ButtonDanger
	case p.focus == b.id:
		return s.ButtonFocused
	case b.off != "":
		return s.Faint
	}
	return s.Button
}

// widest is how wide a sheet may be: a title, a sentence that is read at a
// glance, and an age.
const widest = 118

// sheetWidth is how wide a sheet is in a space of so many cells.
func sheetWidth(space int) int {
	if space <= 84 {
		return space
	}
	return min(space-4, widest)
}

// margin is the blank between a sheet's border and its text.
func margin(width int) int {
	if width < 88 {
		return 1
	}
	return 2
}

// scroll is which part of a page that is too high is on the screen.
type scroll struct {
	offset int
	free   bool // moved by hand; otherwise it follows the focus
}

func (s *scroll) by(rows int) { s.offset, s.free = s.offset+rows, true }

// box draws a page below a title and above a footer: body rows scroll, foot
// rows stay. It returns the lines and where page rows ended up on them.
func (s *scroll) box(b frame.Box, body, foot *page, width, height int) ([]string, placement) {
	pad := margin(width)
	rows := body.rows
	space := height - 2
	fixed := foot.rows
	if space < len(fixed)+2 { // too low to keep the buttons in place: they scroll with the rest
		rows, fixed = append(append([]string(nil), rows...), fixed...), nil
	}
	view := min(len(rows), max(space-len(fixed), 0))
	if !s.free {
		s.offset = frame.Window(s.offset, body.focusRow(foot, fixed == nil), view, len(rows))
	}
	s.offset = max(min(s.offset, len(rows)-view), 0)
	b.Right = mark(body.styles, body.styles.Glyphs.Up, s.offset)
	b.FootRight = mark(body.styles, body.styles.Glyphs.Down, len(rows)-view-s.offset)
	b.Title, b.Foot = beside(b.Title, b.Right, width), beside(b.Foot, b.FootRight, width)
	shown := append(append([]string(nil), rows[s.offset:s.offset+view]...), fixed...)
	for i, l := range shown {
		if width < 2+2*pad {
			l = "" // no room between the margins
		}
		shown[i] = theme.Blank(min(pad, width-2)) + l + theme.Blank(min(pad, width-2-pad))
	}
	lines := b.Lines(nil, body.styles, shown, width, min(len(shown)+2, height))
	at := placement{x: 1 + pad, body: 1 - s.offset, top: 1, bottom: 1 + view, foot: 1 + view}
	if fixed == nil {
		at.foot, at.bottom = 1-s.offset+len(body.rows), 1+view
	}
	return lines, at
}

// mark says how many rows are hidden beyond a border; nil: none.
func mark(s *theme.Styles, arrow string, hidden int) []frame.Span {
	if hidden <= 0 {
		return nil
	}
	return []frame.Span{{Paint: s.Accent, Text: fmt.Sprintf("%s %d more", arrow, hidden)}}
}

// beside cuts the text of a border so that a mark fits beside it: that there is
// more to see matters more than the end of a title.
func beside(text, mark []frame.Span, width int) []frame.Span {
	if len(text) == 0 || len(mark) == 0 {
		return text
	}
	room := max(width-theme.Cells(mark[0].Text)-8, 0)
	return []frame.Span{{Paint: text[0].Paint, Text: theme.Cut(text[0].Text, room, "")}}
}

// focusRow is the row to keep on the screen.
func (p *page) focusRow(foot *page, joined bool) int {
	for _, s := range p.spots {
		if s.target == p.focus {
			return s.y
		}
	}
	if joined {
		for _, s := range foot.spots {
			if s.target == p.focus {
				return len(p.rows) + s.y
			}
		}
	}
	return 0
}

// placement says where the rows of a page stand in the lines of a sheet.
type placement struct {
	x           int // of the first column
	body, foot  int // line of row 0 of each page
	top, bottom int // lines between which body rows show
}

// screen turns a position on a page into one on the sheet; false: scrolled away.
func (at placement) screen(y int, inFoot bool) (int, bool) {
	if inFoot {
		return at.foot + y, true
	}
	y += at.body
	return y, y >= at.top && y < at.bottom
}

// hit finds the target at a place of the mouse, and whether it is in the foot.
func (at placement) hit(m tea.Mouse, body, foot *page) (target string, inFoot, ok bool) {
	for _, p := range []*page{foot, body} {
		for _, t := range p.spots {
			y, shown := at.screen(t.y, p == foot)
			if x := m.X - at.x; shown && y == m.Y && x >= t.x0 && x < t.x1 {
				return t.target, p == foot, true
			}
		}
	}
	return "", false, false
}
