package services

import (
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/panel"
)

// Lines draws the panel. They are the panel's own: do not change them.
func (p *Panel) Lines(c panel.Context) []string {
	key := c
	if !Moving(c.State()) {
		key = c.Settled()
	}
	if !p.dirty && key == p.context && p.lines != nil {
		return p.lines
	}
	p.context, p.dirty = key, false
	p.build(c)
	p.lines = p.draw(c)
	return p.lines
}

// detailsWidth is how wide a zoomed panel must be to show details beside the list.
const detailsWidth = 110

// beside reports whether the details of the selected service stand beside the
// list: below it they would be twice.
func beside(c panel.Context) bool { return c.Zoomed && c.Width >= detailsWidth }

func (p *Panel) draw(c panel.Context) []string {
	v, selected := p.Selected()
	if !beside(c) || !selected {
		content := p.content(c) // the box says how much of the list it shows
		return p.box(c).Lines(make([]string, 0, c.Height), c.Styles, content, c.Width, c.Height)
	}
	left, right := c, c
	left.Width = min(c.Width*2/5, 64)
	right.Width = c.Width - left.Width
	content := p.content(left)
	list := p.box(left).Lines(nil, c.Styles, content, left.Width, c.Height)
	d := drawing{c: right, width: right.Width - 2, changes: p.changes}
	lines := d.details(&v, 1)
	p.scroll = max(min(p.scroll, len(lines)-c.Height+2), 0)
	box := frame.Box{Title: []frame.Span{{Paint: c.Styles.Title, Text: v.Key.Service}}}
	if p.scroll > 0 || len(lines) > c.Height-2 {
		box.Foot = []frame.Span{{Paint: c.Styles.Muted, Text: "J K scroll"}}
	}
	return frame.Beside(nil, list, box.Lines(nil, c.Styles, lines[p.scroll:], right.Width, c.Height))
}

// block is a service with the lines that stand below it.
type block struct {
	row   int
	head  string   // of the group that begins with it; empty: none
	notes []string // drawn
}

// content draws the visible lines.
func (p *Panel) content(c panel.Context) []string {
	height := max(c.Height-2, 0)
	p.tops = p.tops[:0]
	if len(p.rows) == 0 {
		lines := panel.Message(c, p.empty(c), height)
		for range lines {
			p.tops = append(p.tops, -1)
		}
		return lines
	}
	d := newDrawing(p, c)
	blocks, total := p.blocks(&d, c, height)
	if !c.Focused && !c.Join.Active() && total > height {
		return p.worst(&d, blocks, height)
	}
	top, span := 0, 1
	for i, b := range blocks {
		if i == p.list.Index() {
			span = b.height()
			break
		}
		top += b.height()
	}
	first := p.list.Window(top, span, height, total)
	if p.tall = span > height && !beside(p.context); p.tall {
		p.scroll = min(p.scroll, span-height)
		first = top + p.scroll
	}
	lines := make([]string, 0, height)
	at := 0
	put := func(line func() string, row int) {
		if at >= first && len(lines) < height {
			lines = append(lines, line())
			p.tops = append(p.tops, row)
		}
		at++
	}
	for _, b := range blocks {
		if b.head != "" {
			put(func() string { return b.head }, -1)
		}
		put(func() string { return d.service(p.rows[b.row], b.row == p.list.Index()) }, b.row)
		for _, n := range b.notes {
			put(func() string { return n }, b.row)
		}
	}
	return p.aged(c, lines)
}

// height is how many lines the block takes.
func (b block) height() int {
	if b.head != "" {
		return 2 + len(b.notes)
	}
	return 1 + len(b.notes)
}

// indent is how far details stand below their service.
func (d *drawing) indent() int {
	if d.width < 64 {
		return 2
	}
	return 4
}

// blocks lays out all services. Notes are drawn only near the screen's part of
// a long list, because of 500 services nearly all are out of sight.
func (p *Panel) blocks(d *drawing, c panel.Context, height int) (blocks []block, total int) {
	blocks = make([]block, len(p.rows))
	cursor, heads := p.list.Index(), d.heads(p)
	most := 3 // lines of a note
	if !c.Focused && height <= len(p.rows) {
		most = max(min((height-1)/max(p.ill(), 1)-1, most), 1)
	}
	for i, v := range p.rows {
		blocks[i].row, blocks[i].head = i, heads[i]
		open := p.open[v.Key.Service] || c.Zoomed && i == cursor // the screen is theirs
		switch {
		case open && !beside(p.context):
			blocks[i].notes = d.details(v, d.indent())
		case i < height || i >= cursor-height && i <= cursor+height:
			blocks[i].notes = d.notes(v, most)
		}
		total += blocks[i].height()
	}
	if total+len(p.rows) <= height { // room to say what is at its limit, too
		for i, v := range p.rows {
			if (p.open[v.Key.Service] || c.Zoomed && i == cursor) && !beside(p.context) || v.Moving() {
				continue // its details or its progress say it
			}
			if line := d.standing(v); line != "" {
				blocks[i].notes = append([]string{line}, blocks[i].notes...)
				total++
			}
		}
	}
	return blocks, total
}

// aged greys lines whose data is older than it may be.
func (p *Panel) aged(c panel.Context, lines []string) []string {
	e := c.State()
	if e != nil && e.Known() && (e.Err != nil || e.Stale(c.Now)) {
		frame.Dim(lines, c.Styles.Stale)
	}
	return lines
}

func (p *Panel) empty(c panel.Context) string {
	e := c.State()
	switch {
	case e == nil && mistake(c.Snapshot) != "":
		return mistake(c.Snapshot)
	case e == nil && c.Snapshot.Starting():
		return "reading the configuration" + c.Styles.Glyphs.Ellipsis
	case e == nil:
		return "No environment is configured. Run gh deployctl init to describe where this repository is deployed."
	case p.filter != "":
		return "no service matches “" + p.filter + "”; esc shows all"
	case e.Err != nil:
		return panel.Brief(e.Err)
	case len(e.Environment.Clusters) == 0:
		return "No ECS cluster is known for " + e.Environment.Name + ": run gh deployctl init to name it."
	case !e.Known():
		return "reading services" + c.Styles.Glyphs.Ellipsis
	}
	return "The cluster has no services."
}

// mistake is what keeps the configuration from being used; empty: nothing.
func mistake(s *pipeline.Snapshot) string {
	for _, source := range s.Sources {
		if source.Name == "configuration" && source.Err != nil {
			return panel.Brief(source.Err)
		}
	}
	for _, p := range s.Config.Problems {
		if !p.Warning {
			return p.Sentence
		}
	}
	return ""
}
