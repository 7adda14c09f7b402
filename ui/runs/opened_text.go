package runs

import (
	"fmt"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

func (o *Opened) drawLog(c panel.Context, width int) []string {
	s := c.Styles
	o.height = max(c.Height-2, 0)
	box := frame.Box{Focused: o.inLog}
	if j := o.findJob(c.Snapshot, o.job); j != nil {
		box.Title = []frame.Span{{Paint: s.Title, Text: j.Name}}
	}
	l := o.log()
	if l == nil {
		narrow := c
		narrow.Width = width
		return box.Lines(nil, s, o.noLog(narrow), width, c.Height)
	}
	if room := o.room(width - 2); room != o.width {
		o.width = room
		if o.wrap {
			o.relay()
		}
	}
	box.Right = []frame.Span{{Paint: s.Muted, Text: panel.Plural(len(l.lines), "line") + " " + s.Glyphs.Dot + " " + panel.Plural(l.errors, "error")}}
	if !o.search.Empty() {
		box.Foot = []frame.Span{{Paint: s.Accent, Text: "search " + o.search.String() + " " + s.Glyphs.Dot + " " + o.matched() + " " + s.Glyphs.Dot + " n N"}}
	}
	o.offset = frame.Window(o.offset, o.cursor, o.height, len(o.lines))
	d := drawing{c: c, width: width - 2}
	content := make([]string, 0, o.height)
	for i := o.offset; i < len(o.lines) && len(content) < o.height; i++ {
		content = append(content, o.logRow(&d, l, i))
	}
	return box.Lines(nil, s, content, width, c.Height)
}

// room is how many cells of a row of the log a line's text has.
func (o *Opened) room(width int) int {
	width -= 2
	if o.times {
		width -= 9
	}
	return max(width, 1)
}

// noLog says why there is no log to show, and what there is to say instead.
func (o *Opened) noLog(c panel.Context) []string {
	j := o.findJob(c.Snapshot, o.job)
	say := func(text string) []string { return panel.Message(c, text, o.height) }
	switch r := o.logs[o.job]; {
	case j == nil:
		return say("choose a job")
	case r != nil && r.err != nil:
		return say(panel.Brief(r.err) + "; r tries again")
	case r != nil && r.pending:
		return say("reading the log" + c.Styles.Glyphs.Ellipsis)
	case j.Conclusion == pipeline.ConclusionSkipped:
		return say("skipped: it has no log")
	case j.Status != pipeline.StatusCompleted:
		return o.before(c, j)
	}
	return nil
}

// before is what is known of a job that has not ended: GitHub gives its log only
// then.
func (o *Opened) before(c panel.Context, j *pipeline.Job) []string {
	s := c.Styles
	row := frame.NewRow(s, max(c.Width-2, 0), theme.Paint{})
	lines := []string{row.String()}
	put := func(m theme.Mark, p theme.Paint, text string) {
		for i, part := range frame.Wrap(text, max(c.Width-8, 1)) {
			row.Reset(s, max(c.Width-2, 0), theme.Paint{})
			row.Space(2)
			if i == 0 {
				row.Mark(m)
			}
			lines = append(lines, row.To(4).Put(p, part).String())
		}
	}
	r := o.findRun(c.Snapshot)
	stage := pipeline.Stage{Job: j.Name}
	if r != nil {
		stage.Workflow = r.Workflow
	}
	usual := ""
	if e := o.expectations(c).Of(stage); e.Known() {
		usual = "as a rule it takes " + clock.Elapsed(e.Usual)
	}
	switch j.Status {
	case pipeline.StatusWaiting:
		put(s.Mark(theme.Waiting), s.Waiting, "This job waits at an environment's rules.")
		if r != nil {
			for _, note := range waitingNotes(c, r) {
				put(theme.Mark{}, s.Text, note)
			}
			for _, a := range c.Snapshot.Approvals {
				if a.Run.ID == r.ID && a.CanApprove {
					put(theme.Mark{}, s.Muted, "a opens the sheet with the checks, to approve or reject")
				}
			}
		}
	case pipeline.StatusInProgress:
		done := 0
		for i := range j.Steps {
			st := &j.Steps[i]
			if st.Status == pipeline.StatusCompleted {
				done++
			}
			if st.Status == pipeline.StatusInProgress {
				put(s.Spin(c.Spin), s.Moving, fmt.Sprintf("%s, step %d of %d, for %s", st.Name, done+1, len(j.Steps), panel.Took(st.Started, st.Completed, c.Now)))
			}
		}
	default:
		text := "It has not begun: "
		switch {
		case !j.Created.IsZero() && j.Status == pipeline.StatusQueued && c.Now.Sub(j.Created) >= time.Second:
			text += "queued for " + clock.Elapsed(c.Now.Sub(j.Created)) + ", no runner has taken it yet"
		default:
			text += strings.ReplaceAll(string(j.Status), "_", " ")
		}
		put(s.Mark(theme.NotYet), s.Text, text)
	}
	if usual != "" {
		put(theme.Mark{}, s.Muted, usual)
	}
	row.Reset(s, max(c.Width-2, 0), theme.Paint{})
	lines = append(lines, row.String())
	put(theme.Mark{}, s.Faint, "GitHub gives a job's log when the job has ended. o opens it in the browser, where it can be followed.")
	return lines[:min(len(lines), o.height)]
}

// logRow draws the i-th visible line of the log.
func (o *Opened) logRow(d *drawing, l *jobLog, i int) string {
	s, v := d.c.Styles, o.lines[i]
	back := theme.Paint{}
	if i == o.cursor {
		back = s.SelectedDim
		if o.inLog {
			back = s.Selected
		}
	}
	d.row.Reset(s, d.width, back)
	if v.line < 0 {
		return o.sectionRow(d, l, v.section)
	}
	line := l.lines[v.line]
	first := ""
	if v.line == l.first && v.from == 0 {
		first = "first error, n next"
		d.row.Reserve(theme.Cells(first) + 4)
	}
	d.row.Space(2)
	if o.times && !line.at.IsZero() {
		if v.from == 0 {
			d.row.Put(s.Faint, d.c.Clock(line.at))
		}
		d.row.To(2 + 9)
	}
	o.logText(d, line, v)
	d.row.Reserve(0)
	if first != "" {
		d.row.Tail(s.Warn, " "+first)
	}
	return d.row.String()
}

// logText draws a part of a line in the line's own colours, with what is
// searched for marked.
func (o *Opened) logText(d *drawing, line logLine, v visible) {
	s, base := d.c.Styles, line.kind.paint(d.c.Styles)
	at := v.from
	put := func(p theme.Paint, from, to int) {
		from, to = max(from, at), min(to, v.to)
		if from >= to {
			return
		}
		d.row.Put(base, line.text[at:from])
		d.row.Put(p, line.text[from:to])
		at = to
	}
	var matches [][2]int
	if !o.search.Empty() {
		matches = o.search.Spans(line.text)
	}
	for _, m := range matches {
		put(base.On(s.Match), m[0], m[1])
	}
	if len(matches) == 0 && line.kind != errorLine {
		for _, span := range line.colour {
			put(s.Look(base, span.Look), span.From, span.To)
		}
	}
	if at < v.to {
		d.row.Put(base, line.text[at:v.to])
	}
}

func (o *Opened) sectionRow(d *drawing, l *jobLog, i int) string {
	s, sec := d.c.Styles, l.sections[i]
	glyph := s.Glyphs.Open
	if o.folded[i] {
		glyph = s.Glyphs.Folded
	}
	paint := s.Strong
	tail := ""
	if took := sec.took(l.lines); took > 0 {
		tail = clock.Elapsed(took)
	}
	d.row.Put(s.Muted, glyph).Space(1)
	d.row.Reserve(theme.Cells(tail) + 12)
	d.row.Put(paint, sec.name)
	if sec.errors > 0 {
		d.row.Space(2).Put(s.Danger, panel.Plural(sec.errors, "error"))
	}
	d.row.Reserve(0)
	return d.row.Tail(s.Muted, tail).String()
}
