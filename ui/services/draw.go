package services

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
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

func (p *Panel) draw(c panel.Context) []string {
	v, selected := p.Selected()
	if !c.Zoomed || c.Width < detailsWidth || !selected {
		return p.box(c).Lines(make([]string, 0, c.Height), c.Styles, p.content(c), c.Width, c.Height)
	}
	left, right := c, c
	left.Width = min(c.Width*2/5, 64)
	right.Width = c.Width - left.Width
	list := p.box(left).Lines(nil, c.Styles, p.content(left), left.Width, c.Height)
	d := drawing{c: right, width: right.Width - 2}
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
	blocks, total, top, span := p.blocks(&d, c, height)
	for i, b := range blocks {
		if i == p.list.Index() {
			span = 1 + len(b.notes)
			break
		}
		top += 1 + len(b.notes)
	}
	if !c.Focused && !c.Join.Active() && total > height {
		return p.worst(&d, blocks, height)
	}
	first := p.list.Window(top, span, height, total)
	lines := make([]string, 0, height)
	at := 0
	for _, b := range blocks {
		for n := range 1 + len(b.notes) {
			if at >= first && len(lines) < height {
				if n == 0 {
					lines = append(lines, d.service(p.rows[b.row], b.row == p.list.Index()))
				} else {
					lines = append(lines, b.notes[n-1])
				}
				p.tops = append(p.tops, b.row)
			}
			at++
		}
	}
	return p.aged(c, lines)
}

// blocks lays out all services. Notes are drawn only near the screen's part of
// a long list, because of 500 services nearly all are out of sight.
func (p *Panel) blocks(d *drawing, c panel.Context, height int) (blocks []block, total, top, span int) {
	blocks = make([]block, len(p.rows))
	cursor := p.list.Index()
	for i, v := range p.rows {
		blocks[i].row = i
		open := p.open[v.Key.Service]
		switch {
		case open && !c.Zoomed:
			blocks[i].notes = d.details(v, 4)
		case i < height || i >= cursor-height && i <= cursor+height:
			blocks[i].notes = d.notes(v, c.Focused || height > len(p.rows))
		}
		total += 1 + len(blocks[i].notes)
	}
	return blocks, total, 0, 1
}

// worst draws what fits of the ill services and sums the healthy ones up.
func (p *Panel) worst(d *drawing, blocks []block, height int) []string {
	lines := make([]string, 0, height)
	shown := 0
	ill, room := 0, height // lines for the ill, one of them each at least
	for _, v := range p.rows {
		if rank(v) < 5 {
			ill++
			room--
		}
	}
	for _, b := range blocks[:ill] {
		v := p.rows[b.row]
		if len(lines) >= height-1 && shown < len(p.rows)-1 {
			break
		}
		notes := b.notes
		if len(notes) >= room { // the healthy ones need a line too
			notes = nil
		}
		lines = append(lines, d.brief(v, len(notes) == 0))
		p.tops = append(p.tops, b.row)
		shown++
		for _, n := range notes {
			lines = append(lines, n)
			p.tops = append(p.tops, b.row)
			room--
		}
	}
	for _, line := range d.inline(p.rows[shown:], height-len(lines)) {
		lines = append(lines, line)
		p.tops = append(p.tops, -1)
	}
	return p.aged(d.c, lines)
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

func (p *Panel) box(c panel.Context) frame.Box {
	s := c.Styles
	title := []frame.Span{{Paint: s.Faint, Text: "2 "}, {Paint: s.Title, Text: "Services"}}
	if c.Environment != "" {
		title = append(title, frame.Span{Paint: s.Muted, Text: " " + s.Glyphs.Dot + " " + c.Environment})
	}
	if p.filter != "" {
		title = append(title, frame.Span{Paint: s.Accent, Text: " /" + p.filter})
	}
	box := frame.Box{Title: title, Focused: c.Focused}
	e := c.State()
	if e == nil {
		return box
	}
	box.Foot = panel.Health(c, e.Observation)
	if len(box.Foot) == 0 {
		box.Foot = tally(s, e)
	}
	return box
}

// tally counts the services by how they fare.
func tally(s *theme.Styles, e *pipeline.EnvironmentState) []frame.Span {
	var unhealthy, disagree, moving, degraded, unknown int
	for _, v := range e.Services {
		switch theme.OfService(v) {
		case theme.Failed:
			unhealthy++
		case theme.Disagrees:
			disagree++
		case theme.Moving:
			if v.Moving() {
				moving++
			} else {
				degraded++
			}
		case theme.Unknown:
			unknown++
		}
	}
	var spans []frame.Span
	add := func(n int, p theme.Paint, text string) {
		if n == 0 {
			return
		}
		if len(spans) > 0 {
			spans = append(spans, frame.Span{Paint: s.Faint, Text: " " + s.Glyphs.Dot + " "})
		}
		spans = append(spans, frame.Span{Paint: p, Text: strconv.Itoa(n) + " " + text})
	}
	add(unhealthy, s.Danger, "unhealthy")
	word := "disagree"
	if disagree == 1 {
		word = "disagrees"
	}
	add(disagree, s.Warn, word)
	add(degraded, s.Warn, "degraded")
	add(moving, s.Moving, "moving")
	add(unknown, s.Unknown, "unknown")
	if len(spans) == 0 && len(e.Services) > 0 {
		return []frame.Span{{Paint: s.Muted, Text: "all " + strconv.Itoa(len(e.Services)) + " healthy"}}
	}
	return spans
}

// drawing draws services of one frame.
type drawing struct {
	c        panel.Context
	width    int
	name     int // cells of the name column
	count    int // cells of running/desired
	spark    int // cells of the load's sparkline; 0: none
	live     string
	relevant map[string]bool // SHAs that another panel's selection relates to
	row      frame.Row
}

func newDrawing(p *Panel, c panel.Context) drawing {
	d := drawing{c: c, width: max(c.Width-2, 0)}
	loads := false
	for _, v := range p.rows {
		d.name = max(d.name, theme.Cells(v.Key.Service))
		d.count = max(d.count, len(count(v)))
		loads = loads || len(v.Load.Value.CPU) > 0
	}
	d.count = min(d.count, 7)
	d.name = min(d.name, max(d.width-d.count-14, 4), 28)
	if free := d.width - d.name - d.count - 11; loads && free >= 12 {
		d.spark = min(free-6, 15)
	}
	if e := c.State(); e != nil {
		d.live = e.Live.Release.SHA
	}
	if c.Join.Active() && c.Join.From != keys.Services && c.Join.SHA != "" {
		d.relevant = d.releasesRunning(p)
	}
	return d
}

// releasesRunning is the join's release, if any service runs it: else nothing
// here is about it, and nothing is dimmed.
func (d *drawing) releasesRunning(p *Panel) map[string]bool {
	set := panel.Releases(d.c.Snapshot, d.c.Join.SHA)
	for _, v := range p.rows {
		if runs(v, set) {
			return set
		}
	}
	return nil
}

func runs(v *pipeline.ServiceView, set map[string]bool) bool {
	if set[v.SHA] {
		return true
	}
	for _, sha := range v.OtherSHAs {
		if set[sha] {
			return true
		}
	}
	return false
}

func count(v *pipeline.ServiceView) string {
	return strconv.Itoa(v.Running) + "/" + strconv.Itoa(v.Desired)
}

// service draws a service's own line.
func (d *drawing) service(v *pipeline.ServiceView, selected bool) string {
	s, row := d.c.Styles, &d.row
	back := theme.Paint{}
	if selected {
		back = s.SelectedDim
		if d.c.Focused {
			back = s.Selected
		}
	}
	row.Reset(s, d.width, back)
	name := s.Text
	if d.relevant != nil && !runs(v, d.relevant) {
		name = s.Faint
	}
	tasks := s.Muted
	if v.Running != v.Desired {
		tasks = s.Warn
	}
	row.Mark(d.mark(v)).Space(1).Cell(name, v.Key.Service, d.name).Space(1)
	row.CellRight(tasks, count(v), d.count).Space(1)
	row.Cell(d.sha(v), d.release(v), 7)
	d.load(v)
	return row.String()
}

// brief draws a service's own line, with the reason in it where there is no
// line for the reason.
func (d *drawing) brief(v *pipeline.ServiceView, reason bool) string {
	s := d.c.Styles
	why := v.Why
	if v.Disagreement != nil {
		why = v.Disagreement.Sentence
	}
	if !reason || why == "" {
		return d.service(v, false)
	}
	row := &d.row
	row.Reset(s, d.width, theme.Paint{})
	row.Mark(d.mark(v)).Space(1).Cell(s.Text, v.Key.Service, d.name).Space(1)
	row.CellRight(s.Warn, count(v), d.count).Space(1).Cell(d.sha(v), d.release(v), 7).Space(2)
	return row.Put(s.Warn, why).String()
}

func (d *drawing) mark(v *pipeline.ServiceView) theme.Mark {
	state := theme.OfService(*v)
	if state == theme.Moving && v.Moving() {
		return d.c.Styles.Spin(d.c.Spin)
	}
	m := d.c.Styles.Mark(state)
	if state == theme.Moving {
		m.Paint = d.c.Styles.Warn // degraded, not on its way
	}
	return m
}

func (d *drawing) release(v *pipeline.ServiceView) string {
	if v.SHA == "" {
		return "?"
	}
	return pipeline.Short(v.SHA)
}

func (d *drawing) sha(v *pipeline.ServiceView) theme.Paint {
	s := d.c.Styles
	switch {
	case v.SHA == "":
		return s.Unknown
	case d.live != "" && v.SHA != d.live:
		return s.Warn
	}
	return s.Accent
}

// load draws the CPU's course and its newest value.
func (d *drawing) load(v *pipeline.ServiceView) {
	cpu := v.Load.Value.CPU
	if len(cpu) == 0 || d.row.Left() < 6 {
		return
	}
	s := d.c.Styles
	newest := cpu[len(cpu)-1]
	paint := s.Muted
	if newest >= 85 {
		paint = s.Warn
	}
	if d.spark > 0 {
		d.row.Space(1).Put(s.Faint, s.Sparkline(cpu, d.spark, scale(cpu)))
	}
	d.row.Tail(paint, fmt.Sprintf("%4s", panel.Percent(newest)))
}

// scale is the height of a sparkline: a course that stays low is not drawn
// flat, and what reaches its limit is not drawn like what does not.
func scale(percent []float64) float64 {
	if slices.Max(percent) < 50 {
		return 50
	}
	return 100
}

// inline draws services several to a line, and sums up those for which there
// is no room.
func (d *drawing) inline(rest []*pipeline.ServiceView, height int) []string {
	each := d.name + d.count + 5
	columns := max(d.width/max(each, 1), 1)
	var lines []string
	for len(rest) > 0 && len(lines) < height {
		if len(lines) == height-1 && len(rest) > columns || columns == 1 {
			return append(lines, d.sum(rest))
		}
		d.row.Reset(d.c.Styles, d.width, theme.Paint{})
		for _, v := range rest[:min(columns, len(rest))] {
			d.row.Mark(d.mark(v)).Space(1).Cell(d.c.Styles.Text, v.Key.Service, d.name).Space(1)
			d.row.CellRight(d.c.Styles.Muted, count(v), d.count).Space(2)
		}
		rest = rest[min(columns, len(rest)):]
		lines = append(lines, d.row.String())
	}
	return lines
}

// sum draws one line for services of which nothing more is to be said.
func (d *drawing) sum(rest []*pipeline.ServiceView) string {
	s := d.c.Styles
	healthy := 0
	for _, v := range rest {
		if rank(v) == 5 {
			healthy++
		}
	}
	d.row.Reset(s, d.width, theme.Paint{})
	if ill := len(rest) - healthy; ill > 0 {
		d.row.Mark(s.Mark(theme.Attention)).Space(1).Put(s.Warn, strconv.Itoa(ill)+" more to look at").Space(2)
	}
	if healthy > 0 {
		d.row.Mark(s.Mark(theme.Live)).Space(1).Put(s.Muted, strconv.Itoa(healthy)+" healthy")
	}
	return d.row.String()
}

// notes are the lines below a service that is not simply healthy.
func (d *drawing) notes(v *pipeline.ServiceView, room bool) []string {
	s := d.c.Styles
	most := 1
	if room {
		most = 3
	}
	var lines []string
	if v.Disagreement != nil {
		lines = append(lines, d.wrapped(s.Warn, v.Disagreement.Sentence, 4, most)...)
	}
	if v.Why != "" && v.Health != pipeline.Healthy {
		lines = append(lines, d.wrapped(s.Warn, v.Why, 4, most)...)
	}
	if v.Moving() {
		lines = append(lines, d.wrapped(s.Muted, progress(v, s.Glyphs.Dot), 4, most)...)
	}
	return lines
}

// progress is how a rollout of the service stands.
func progress(v *pipeline.ServiceView, dot string) string {
	var parts []string
	for i, r := range v.Revisions {
		if i == 0 || r.Running > 0 {
			parts = append(parts, fmt.Sprintf("%d on %s", r.Running, orUnknown(pipeline.Short(r.SHA))))
		}
	}
	text := strings.Join(parts, ", ")
	if r := v.Rollout; r != nil && r.BreakerLimit > 0 {
		text += fmt.Sprintf(" %s breaker %d of %d", dot, r.BreakerFailed, r.BreakerLimit)
	}
	if n := len(v.Targets.Value); n > 0 {
		ok := 0
		for _, t := range v.Targets.Value {
			if t.State == "healthy" {
				ok++
			}
		}
		text += fmt.Sprintf(" %s targets %d of %d", dot, ok, n)
	}
	return text
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// wrapped draws a text over at most most lines, indented.
func (d *drawing) wrapped(p theme.Paint, text string, indent, most int) []string {
	s := d.c.Styles
	parts := frame.Wrap(text, max(d.width-indent-1, 1))
	if len(parts) > most {
		rest := strings.Join(parts[most-1:], " ")
		parts = append(parts[:most-1], theme.Cut(rest, max(d.width-indent-1, 1), s.Glyphs.Ellipsis))
	}
	lines := make([]string, len(parts))
	for i, part := range parts {
		d.row.Reset(s, d.width, theme.Paint{})
		lines[i] = d.row.Space(indent).Put(p, part).String()
	}
	return lines
}
