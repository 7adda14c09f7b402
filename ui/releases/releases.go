// Package releases is the release train: one line for each release, one cell
// for each stage that it passes through.
package releases

import (
	"slices"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// Panel is the release train. It has no border: its lines are the head of the
// console. The zero Panel is ready.
type Panel struct {
	list   panel.List[string] // by SHA
	rows   []*pipeline.Train
	filter string

	context panel.Context // that rows and lines were made for
	dirty   bool
	lines   []string
	shown   []int // the row on each line
}

// Filter is the text that releases must contain.
func (p *Panel) Filter() string { return p.filter }

// SetFilter shows only releases whose version, commit, title or author
// contains the text.
func (p *Panel) SetFilter(text string) {
	p.filter, p.dirty = text, true
	p.list.Choose()
}

// Selected is the release that the cursor is on, and whether it is listed.
func (p *Panel) Selected() (pipeline.Train, bool) {
	if i := p.list.Index(); i >= 0 && i < len(p.rows) {
		return *p.rows[i], true
	}
	return pipeline.Train{}, false
}

// Join is the selection as the other panels follow it.
func (p *Panel) Join() panel.Join {
	t, ok := p.Selected()
	if !ok {
		return panel.Join{}
	}
	return panel.Join{From: keys.Releases, SHA: t.Release.SHA}
}

// Key handles a key, and reports whether it was one of the panel's.
func (p *Panel) Key(k string) (panel.Action, bool) {
	if k != "enter" && !p.list.Scroll(k, max(p.context.Height, 1)) {
		return nil, false
	}
	p.dirty = true
	return panel.Selected{Join: p.Join()}, true
}

// Click puts the cursor on the release at a line of the panel.
func (p *Panel) Click(line int) panel.Action {
	if line < 0 || line >= len(p.shown) {
		return nil
	}
	k, _ := p.list.Row(p.shown[line])
	p.list.Select(k)
	p.dirty = true
	return panel.Selected{Join: p.Join()}
}

// Wheel moves the cursor by n releases.
func (p *Panel) Wheel(n int) panel.Action {
	p.list.Move(n)
	p.dirty = true
	return panel.Selected{Join: p.Join()}
}

// Moving reports whether a release is on its way.
func Moving(s *pipeline.Snapshot) bool {
	for _, t := range s.Trains {
		if t.CI.State == pipeline.StopMoving {
			return true
		}
		for _, st := range t.Stops {
			if st.State == pipeline.StopMoving {
				return true
			}
		}
	}
	return false
}

// Lines draws the panel, exactly Height lines of Width cells. They are the
// panel's own: do not change them.
func (p *Panel) Lines(c panel.Context) []string {
	key := c
	if !Moving(c.Snapshot) {
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

func (p *Panel) build(c panel.Context) {
	p.rows = p.rows[:0]
	var shas []string
	for i := range c.Snapshot.Trains {
		t := &c.Snapshot.Trains[i]
		if panel.Contains(p.filter, t.Release.Version, t.Release.SHA, t.Release.Title, t.Release.Author) {
			p.rows = append(p.rows, t)
			shas = append(shas, t.Release.SHA)
		}
	}
	p.list.SetRows(shas)
}

func (p *Panel) draw(c panel.Context) []string {
	lines := make([]string, 0, c.Height)
	if len(p.rows) == 0 && c.Height > 0 {
		lines = append(lines, frame.NewRow(c.Styles, c.Width, theme.Paint{}).Space(1).Put(c.Styles.Muted, p.empty(c)).String())
	}
	first := p.list.Window(max(p.list.Index(), 0), 1, c.Height, len(p.rows))
	p.shown = p.shown[:0]
	for i := first; i < min(first+c.Height, len(p.rows)); i++ {
		p.shown = append(p.shown, i)
	}
	if first == 0 {
		p.pin()
	}
	shown := make([]*pipeline.Train, len(p.shown))
	for line, i := range p.shown {
		shown[line] = p.rows[i]
	}
	if len(shown) > 0 {
		d := newDrawing(c, shown)
		for line, i := range p.shown {
			lines = append(lines, d.train(shown[line], i == p.list.Index()))
		}
	}
	if o := c.Snapshot.Runs.Observation; o.Known() && (o.Err != nil || o.Stale(c.Now)) {
		frame.Dim(lines, c.Styles.Stale)
	}
	for len(lines) < c.Height {
		lines = append(lines, theme.Blank(c.Width))
	}
	return lines[:max(c.Height, 0)]
}

// pin brings the releases below the window into it that are live somewhere or
// on their way: what runs is never out of sight because newer commits came. They
// take the places of the oldest that are neither.
func (p *Panel) pin() {
	for i := len(p.shown); i < len(p.rows); i++ {
		if !matters(p.rows[i]) {
			continue
		}
		for line := len(p.shown) - 1; line > 0; line-- {
			if at := p.shown[line]; at != p.list.Index() && !matters(p.rows[at]) {
				p.shown = append(slices.Delete(p.shown, line, line+1), i)
				break
			}
		}
	}
}

// matters reports whether a release is live in an environment, or on its way.
func matters(t *pipeline.Train) bool {
	return slices.ContainsFunc(t.Stops, func(st pipeline.Stop) bool {
		switch st.State {
		case pipeline.StopLive, pipeline.StopPartly, pipeline.StopMoving, pipeline.StopWaiting:
			return true
		}
		return false
	})
}

func (p *Panel) empty(c panel.Context) string {
	unread := slices.ContainsFunc(c.Snapshot.Sources, func(src pipeline.SourceStatus) bool { return src.Name == "configuration" && src.Err != nil })
	switch o := c.Snapshot.Runs.Observation; {
	case p.filter != "":
		return "no release matches “" + p.filter + "”; esc shows all"
	case c.Snapshot.Starting():
	case o.Known() && !unread:
		return "no releases yet"
	case o.Err != nil, unread:
		return "releases could not be read"
	}
	return "reading releases" + c.Styles.Glyphs.Ellipsis
}

// cell is one stage of a train, measured before it is drawn so that stages
// stand one below the other.
type cell struct {
	name  string
	mark  theme.Mark
	text  string
	paint theme.Paint
}

func (c cell) cells() int {
	n := theme.Cells(c.name) + 2
	if c.text != "" {
		n += 1 + theme.Cells(c.text)
	}
	return n
}

// drawing draws the trains of one frame.
type drawing struct {
	c       panel.Context
	cells   map[*pipeline.Train][]cell
	widths  []int // of each stage
	version int
	mark    bool // some of the versions have a GitHub release
	gap     int  // cells between two stages
	row     frame.Row
	related map[string]bool // SHAs that another panel's selection relates to
}

func newDrawing(c panel.Context, rows []*pipeline.Train) drawing {
	d := drawing{c: c, gap: 4, cells: make(map[*pipeline.Train][]cell, len(rows))}
	if c.Join.Active() && c.Join.From != keys.Releases {
		d.related = panel.Releases(c.Snapshot, c.Join.SHA)
	}
	for _, t := range rows {
		d.version = max(d.version, theme.Cells(panel.Version(t.Release.Version)))
		d.mark = d.mark || t.Published.Tag != ""
	}
	d.version = min(d.version, 12)
	if d.mark {
		d.version++
	}
	title := 24
	switch {
	case c.Width < 100:
		title, d.gap = 12, 3
	case c.Width < 140:
		title = 20
	}
	for detail := 3; detail >= 0; detail-- {
		d.measure(rows, detail)
		if d.fits(title) {
			break
		}
	}
	return d
}

// measure makes the cells at a level of detail: 3 everything, 2 without what
// CI says, 1 only what the last stage says, 0 nothing but glyphs.
func (d *drawing) measure(rows []*pipeline.Train, detail int) {
	d.widths = d.widths[:0]
	for _, t := range rows {
		cells := []cell{d.cell("CI", t.CI, detail >= 3)}
		for i, st := range t.Stops {
			last := i == len(t.Stops)-1
			cells = append(cells, d.cell(st.Environment, st, detail >= 2 || last && detail >= 1))
		}
		for i, cl := range cells {
			if i == len(d.widths) {
				d.widths = append(d.widths, 0)
			}
			width := cl.cells()
			if i < len(cells)-1 { // one long sentence must not widen the column of all
				width = min(width, theme.Cells(cl.name)+3+max(d.c.Width/8, 10))
			}
			d.widths[i] = max(d.widths[i], width)
		}
		d.cells[t] = cells
	}
}

// fits reports whether a title of at least that many cells remains. A last
// stage that alone is too long is cut.
func (d *drawing) fits(title int) bool {
	total := 0
	for _, w := range d.widths {
		total += w + d.gap
	}
	free := d.c.Width - d.version - 13 - total + d.gap
	if last := len(d.widths) - 1; last >= 0 && free < title && d.widths[last]+free-title >= 24 {
		d.widths[last] += free - title
		return true
	}
	return free >= title
}

func (d *drawing) cell(name string, st pipeline.Stop, detailed bool) cell {
	s := d.c.Styles
	state := theme.OfStop(st.State)
	cl := cell{name: name, mark: s.Mark(state), paint: s.Muted}
	switch state {
	case theme.Moving:
		cl.mark, cl.paint = s.Spin(d.c.Spin), s.Moving
	case theme.Waiting:
		cl.paint = s.Waiting
	case theme.Failed:
		cl.paint = s.Danger
	case theme.Disagrees:
		cl.paint = s.Warn
	}
	if !detailed || st.State == pipeline.StopNone {
		return cl
	}
	cl.text = st.Sentence
	switch {
	case d.c.Width >= 120:
	case state == theme.Waiting: // the glyph says that it waits
		cl.text = strings.TrimPrefix(cl.text, "waits for ")
	case state == theme.Moving: // what it does goes before how far it is
		cl.text, _, _ = strings.Cut(cl.text, " · ")
	}
	if !st.Until.IsZero() { // until when says more than for how long already
		cl.text = "timer until " + d.c.Clock(st.Until)
		if d.c.Width < 120 {
			cl.text = "until " + d.c.Clock(st.Until)
		}
		return cl
	}
	partly := d.c.Width < 120 && st.State == pipeline.StopPartly // on how many services is what matters
	if !partly && !st.Since.IsZero() && state != theme.Moving && name != "CI" && st.Sentence != "" && !strings.Contains(st.Sentence, "soaked") {
		cl.text += " " + clock.Age(d.c.Now.Sub(st.Since))
	}
	return cl
}

// train draws one release.
func (d *drawing) train(t *pipeline.Train, selected bool) string {
	s, row, r := d.c.Styles, &d.row, &t.Release
	back := theme.Paint{}
	if selected && (d.c.Focused || d.c.Join.From == keys.Releases) {
		back = s.SelectedDim
		if d.c.Focused {
			back = s.Selected
		}
	}
	row.Reset(s, d.c.Width, back)
	stages := 0
	for _, w := range d.widths {
		stages += w + d.gap
	}
	if d.related != nil && d.isRelated(t) {
		row.Put(s.Related, s.Glyphs.Bar)
	} else {
		row.Space(1)
	}
	row.Reserve(max(stages-d.gap+2, 0))
	if d.version > 0 {
		d.name(t)
	}
	row.Cell(s.Accent, pipeline.Short(r.SHA), 7).Space(2)
	title := r.Title
	row.Put(s.Text, title)
	if r.Author != "" && row.Left() > theme.Cells(r.Author)+3 {
		row.Put(s.Faint, " ("+r.Author+")")
	}
	row.Reserve(0)
	row.To(d.c.Width - max(stages-d.gap, 0) - 1)
	for i, cl := range d.cells[t] {
		d.stage(cl, d.widths[i], i == len(d.cells[t])-1)
	}
	return row.String()
}

// name draws what a release is called, and whether it is published on GitHub.
func (d *drawing) name(t *pipeline.Train) {
	s, name := d.c.Styles, panel.Version(t.Release.Version)
	if t.Published.Tag == "" {
		d.row.Cell(s.Strong, name, d.version).Space(1)
		return
	}
	name = theme.Cut(name, d.version-1, s.Glyphs.Ellipsis)
	d.row.Put(s.Strong, name).Put(s.Accent, s.Glyphs.Released).Space(d.version - theme.Cells(name))
}

// stage draws a cell over the width of its column; a short one is filled by
// the rule that leads to the next.
func (d *drawing) stage(cl cell, width int, last bool) {
	s, row := d.c.Styles, &d.row
	n := theme.Cells(cl.name) + 2
	row.Put(s.Muted, cl.name).Space(1).Mark(cl.mark)
	if cl.text != "" {
		text := theme.Cut(cl.text, max(width-n-1, 0), s.Glyphs.Ellipsis)
		row.Space(1).Put(cl.paint, text)
		n += 1 + theme.Cells(text)
	}
	if last {
		return
	}
	row.Space(1).Put(s.Border, strings.Repeat(s.Glyphs.Rule, max(width-n+d.gap-2, 0))).Space(1)
}

func (d *drawing) isRelated(t *pipeline.Train) bool {
	if d.related[t.Release.SHA] {
		return true
	}
	for _, a := range t.Aliases {
		if d.related[a] {
			return true
		}
	}
	return false
}
