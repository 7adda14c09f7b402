package logview

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// Lines draws the panel. They are the panel's own: do not change them.
func (p *Panel) Lines(c panel.Context) []string {
	key := c.Settled()
	if !p.dirty && key == p.context && p.lines != nil {
		return p.lines
	}
	if c.Join != p.context.Join || c.Environment != p.context.Environment || c.Snapshot != p.context.Snapshot {
		p.context = key
		p.apply()
	}
	p.context, p.dirty = key, false
	p.lines = p.draw(c)
	return p.lines
}

func (p *Panel) draw(c panel.Context) []string {
	height := max(c.Height-2, 0)
	content := p.content(c, height)
	if o := c.Snapshot.Logs.Observation; o.Known() && o.Err != nil {
		frame.Dim(content, c.Styles.Stale)
	}
	box := frame.Box{Title: p.title(c), Foot: p.foot(c), Focused: c.Focused}
	return box.Lines(make([]string, 0, c.Height), c.Styles, content, c.Width, c.Height)
}

// content draws the visible rows.
func (p *Panel) content(c panel.Context, height int) []string {
	p.rows = p.rows[:0]
	total := p.view.Len()
	if total == 0 {
		lines := panel.Message(c, p.empty(c), height)
		for range lines {
			p.rows = append(p.rows, nil)
		}
		return lines
	}
	d := p.newDrawing(c)
	p.before, p.short = p.short, p.before
	clear(p.short)
	lines := make([]string, 0, height)
	for _, l := range p.window(height) {
		for _, text := range p.lineOf(&d, l) {
			lines = append(lines, text)
			p.rows = append(p.rows, l)
		}
	}
	if extra := len(lines) - height; extra > 0 {
		// Lines that take several rows push others out: the oldest while the
		// newest are followed, and otherwise whatever is farther from the cursor.
		cut := extra
		if at := slices.Index(p.rows, p.cursor); p.cursor != nil && at >= 0 {
			last := at // of what is opened in place, which is to be seen to its end
			for last+1 < len(p.rows) && p.rows[last+1] == p.cursor {
				last++
			}
			cut = min(extra, max(at-height/2, min(last-height+1, at), 0))
		} else if !p.view.Following() {
			cut = 0
		}
		lines, p.rows = lines[cut:cut+height], p.rows[cut:cut+height]
	}
	return lines
}

// foldedBlocks is how many screens of lines are looked through for a screen of
// folded ones.
const foldedBlocks = 8

// window is the lines to draw. While the newest are followed, of a traceback
// only its head and its last line, which names the exception, are among them:
// the panel is an overview then. Scrolling freezes it, and shows every line; so
// does a filter that leaves no more than fit.
func (p *Panel) window(height int) []*logs.Line {
	if !p.view.Following() || p.wrap || p.view.Len() <= height {
		p.scratch = p.view.Window(p.scratch[:0], p.top(height), height)
		return p.scratch
	}
	all := p.view.Window(p.scratch[:0], max(p.view.Len()-foldedBlocks*height, 0), foldedBlocks*height)
	p.scratch = all
	kept := all[:0]
	for i, l := range all {
		inside := l.Continuation && i+1 < len(all) && all[i+1].Continuation && all[i+1].Service == l.Service
		if !inside {
			kept = append(kept, l)
		}
	}
	return kept[max(len(kept)-height, 0):]
}

// top is the first line to draw. Lines that come late between it and the cursor,
// or a panel that becomes lower, must not push the cursor out.
func (p *Panel) top(height int) int {
	top := p.view.Top(height)
	if p.cursor == nil || p.view.Following() {
		return top
	}
	if lowest := p.view.Locate(p.cursor) - height + 1; top < lowest {
		p.view.Freeze(lowest)
		return lowest
	}
	return top
}

// unread reports whether it is still open where the environment's logs are.
func unread(c panel.Context) bool {
	e := c.State()
	if e == nil {
		return c.Snapshot.Starting()
	}
	coming := slices.ContainsFunc(e.Services, func(v pipeline.ServiceView) bool { return v.Unread || len(v.LogGroups) > 0 })
	return coming || !e.Known() && e.Err == nil
}

func (p *Panel) empty(c panel.Context) string {
	status := c.Snapshot.Logs
	switch {
	case status.Err != nil && (!status.Known() || p.ring.Stats().Lines == 0):
		return panel.Brief(status.Err)
	case !p.view.Filter().Empty() && p.ring.Stats().Lines > 0:
		return fmt.Sprintf("none of %s lines match %s; esc shows all", panel.Count(p.ring.Stats().Lines), p.view.Filter().String())
	case status.Groups == 0 && !status.Known() && unread(c):
		return "reading which log groups there are" + c.Styles.Glyphs.Ellipsis
	case status.Groups == 0 && !status.Known() && c.State() == nil:
		return "No environment is known; the logs of its services will stand here."
	case status.Groups == 0 && !status.Known() && !c.State().Known():
		return "Where the services log is not known: they could not be read."
	case status.Groups == 0 && !status.Known():
		return "No log group is followed: the task definitions of this environment name none."
	}
	return "nothing has been written yet"
}

func (p *Panel) title(c panel.Context) []frame.Span {
	s := c.Styles
	title := []frame.Span{{Paint: s.Faint, Text: "3 "}, {Paint: s.Title, Text: "Logs"}}
	if c.Environment != "" {
		title = append(title, frame.Span{Paint: s.Muted, Text: " " + s.Glyphs.Dot + " " + c.Environment})
	}
	service, release := p.joined(c)
	switch {
	case service != "":
		title = append(title, frame.Span{Paint: s.Accent, Text: " " + s.Glyphs.Dot + " " + service + " only"})
	case release != "":
		title = append(title, frame.Span{Paint: s.Accent, Text: " " + s.Glyphs.Dot + " " + release + " only"})
	}
	if p.level != logs.LevelUnknown {
		title = append(title, frame.Span{Paint: s.Accent, Text: " " + s.Glyphs.Dot + " " + p.level.String() + " up"})
	}
	if p.filter != "" {
		title = append(title, frame.Span{Paint: s.Accent, Text: " /" + p.filter})
	}
	return title
}

func (p *Panel) foot(c panel.Context) []frame.Span {
	s, status := c.Styles, c.Snapshot.Logs
	dot := frame.Span{Paint: s.Faint, Text: " " + s.Glyphs.Dot + " "}
	if p.problem != "" {
		return []frame.Span{{Paint: s.Danger, Text: p.problem}}
	}
	var spans []frame.Span
	switch {
	case p.view.Len() == 0:
	case p.view.Following() && status.Err != nil: // nothing comes that could be followed
	case p.view.Following():
		spans = append(spans, frame.Span{Paint: s.OK, Text: "following"})
	default:
		spans = append(spans, frame.Span{Paint: s.Warn, Text: "frozen"})
		if p.match != "" {
			spans = append(spans, dot, frame.Span{Paint: s.Accent, Text: p.match})
		}
		if n := p.view.Unseen(); n > 0 {
			spans = append(spans, dot, frame.Span{Paint: s.Accent, Text: panel.Count(n) + " new, G follows"})
		}
	}
	if total := p.ring.Stats().Lines; len(spans) > 0 && !p.view.Filter().Empty() {
		spans = append(spans, dot, frame.Span{Paint: s.Muted, Text: panel.Count(p.view.Len()) + " of " + panel.Count(total)})
	}
	if o := status.Observation; o.Err != nil || o.Known() && o.Stale(c.Now) {
		if len(spans) > 0 {
			spans = append(spans, dot)
		}
		return append(spans, panel.Health(c, o)...)
	}
	if len(spans) > 0 && status.Rate >= 0.5 {
		spans = append(spans, dot, frame.Span{Paint: s.Muted, Text: panel.Count(int(status.Rate+0.5)) + "/s"})
	}
	if status.Behind >= 2*time.Second {
		if len(spans) > 0 {
			spans = append(spans, dot)
		}
		spans = append(spans, frame.Span{Paint: s.Warn, Text: "behind " + clock.About(status.Behind)})
	}
	if len(spans) > 0 && status.Dropped > 0 {
		spans = append(spans, dot, frame.Span{Paint: s.Muted, Text: panel.Count(status.Dropped) + " let go"})
	}
	return spans
}

// drawing draws lines of one frame.
type drawing struct {
	c       panel.Context
	zone    *time.Location
	width   int
	service int // cells of the service column; 0: all lines are of one service
	order   map[string]int
	search  logs.Pattern
	cursor  *logs.Line
	row     frame.Row
}

func (p *Panel) newDrawing(c panel.Context) drawing {
	d := drawing{c: c, zone: p.zone(), width: max(c.Width-2, 0), search: p.search, cursor: p.cursor, order: map[string]int{}}
	longest := 0
	if e := c.State(); e != nil {
		for i, v := range e.Services {
			d.order[v.Key.Service] = i
			longest = max(longest, theme.Cells(v.Key.Service))
		}
	}
	if service, _ := p.joined(c); service == "" {
		most := 8
		if d.width > 60 {
			most = 13
		}
		d.service = min(max(longest, 8), most)
	}
	if d.width < 34 {
		d.service = min(d.service, 5)
	}
	return d
}

// errorRows is how many rows an error may take where lines are not wrapped:
// errors are what the panel is looked at for.
const errorRows = 3

// lineOf draws a line: one row, or as many as it takes when it is wrapped or
// expanded.
func (p *Panel) lineOf(d *drawing, l *logs.Line) []string {
	if l == p.expanded {
		lines := []string{d.line(l, p.condensed(l), true)}
		parts := l.Expanded()
		if len(parts) == 1 {
			parts = frame.Wrap(l.Text, max(d.textWidth(), 10))
			lines = lines[:0]
			for i, part := range parts {
				lines = append(lines, d.line(l, part, i == 0))
			}
			return append(lines, d.facts(l)...)
		}
		for _, part := range parts {
			lines = append(lines, d.line(l, part, false))
		}
		return append(lines, d.facts(l)...)
	}
	text := l.Text
	if p.search.Empty() {
		text = p.condensed(l)
	}
	if theme.Cells(text) <= d.textWidth() || !p.wrap && (l.Level < logs.LevelError || l.Continuation) {
		return []string{d.line(l, text, true)}
	}
	parts := frame.Wrap(text, max(d.textWidth(), 10))
	if !p.wrap && len(parts) > errorRows {
		parts = append(parts[:errorRows-1], strings.Join(parts[errorRows-1:], " "))
	}
	lines := make([]string, len(parts))
	for i, part := range parts {
		lines[i] = d.line(l, part, i == 0)
	}
	return lines
}

// condensed is a line's short text. What was on the screen before is not
// condensed again.
func (p *Panel) condensed(l *logs.Line) string {
	text, ok := p.before[l]
	if !ok {
		text = Condense(l)
	}
	p.short[l] = text
	return text
}

// textWidth is how many cells of a row are text.
func (d *drawing) textWidth() int {
	w := d.width - 9
	if d.service > 0 {
		w -= d.service + 1
	}
	return w
}

// LateMark stands behind the time of a line that came when its place had long
// been shown.
const LateMark = "+"

// line draws one row: time and service, and the text in its level's colour.
func (d *drawing) line(l *logs.Line, text string, head bool) string {
	s, row := d.c.Styles, &d.row
	back := theme.Paint{}
	if l == d.cursor {
		back = s.SelectedDim
		if d.c.Focused {
			back = s.Selected
		}
	}
	row.Reset(s, d.width, back)
	if head && !l.Continuation {
		if l.Late > 0 {
			row.Put(s.Warn, d.c.Clock(l.Timestamp())+LateMark)
		} else {
			row.Put(s.Faint, d.c.Clock(l.Timestamp())).Space(1)
		}
		if d.service > 0 {
			row.Cell(d.source(l.Service), l.Service, d.service).Space(1)
		}
	} else {
		row.Space(d.width - d.textWidth())
	}
	d.text(l, text)
	return row.String()
}

func (d *drawing) source(service string) theme.Paint {
	if n, ok := d.order[service]; ok {
		return d.c.Styles.Source(n)
	}
	return d.c.Styles.Muted
}

// text puts a text with what the search matches marked.
func (d *drawing) text(l *logs.Line, text string) {
	paint := LevelPaint(d.c.Styles, l.Level)
	at := 0
	if !d.search.Empty() {
		for _, span := range d.search.Spans(text) {
			d.row.Put(paint, text[at:span[0]])
			d.row.Over(paint.On(d.c.Styles.Match), text[span[0]:span[1]])
			at = span[1]
		}
	}
	d.row.Put(paint, text[at:])
}

// LevelPaint is the colour of a line of that level.
func LevelPaint(s *theme.Styles, level logs.Level) theme.Paint {
	switch level {
	case logs.LevelError, logs.LevelCritical:
		return s.Danger
	case logs.LevelWarn:
		return s.LevelWarn
	case logs.LevelDebug:
		return s.LevelDebug
	case logs.LevelInfo, logs.LevelUnknown:
	}
	return s.Text
}

// facts are the rows below an expanded line: when it was written, and where it
// comes from.
func (d *drawing) facts(l *logs.Line) []string {
	s := d.c.Styles
	told := []string{l.Timestamp().In(d.zone).Format("2 January 15:04:05.000"), l.Service}
	if l.Task != "" {
		told = append(told, "task "+l.Task[:min(len(l.Task), 8)])
	}
	if l.Release != "" {
		told = append(told, pipeline.Short(l.Release))
	}
	if l.Late > 0 {
		told = append(told, "came "+clock.About(l.Late)+" late")
	}
	if l.Request != "" {
		told = append(told, "request "+l.Request+" (p: only this)")
	}
	var rows []string
	for _, part := range frame.Wrap(strings.Join(told, " "+s.Glyphs.Dot+" "), max(d.textWidth(), 10)) {
		d.row.Reset(s, d.width, theme.Paint{})
		d.row.Space(d.width - d.textWidth())
		rows = append(rows, d.row.Put(s.Muted, part).String())
	}
	return rows
}
