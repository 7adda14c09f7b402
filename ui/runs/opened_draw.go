package runs

import (
	"fmt"
	"strconv"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// both is how wide the view must be to show jobs and log side by side.
const both = 90

func (o *Opened) listWidth(width int) int {
	switch {
	case width >= both:
		return min(max(width/4, 28), 44)
	case o.inLog:
		return 0
	}
	return width
}

// Lines draws the view. They are the view's own: do not change them.
func (o *Opened) Lines(c panel.Context) []string {
	key := c
	if r := o.findRun(c.Snapshot); r == nil || r.Done() {
		key = c.Settled()
	}
	if !o.dirty && key == o.context && o.drawn != nil {
		return o.drawn
	}
	o.context, o.dirty = key, false
	o.build(c)
	left := o.listWidth(c.Width)
	var columns [][]string
	if left > 0 {
		columns = append(columns, o.drawJobs(c, left))
	}
	if right := c.Width - left; right > 0 {
		columns = append(columns, o.drawLog(c, right))
	}
	o.drawn = frame.Beside(make([]string, 0, c.Height), columns...)
	return o.drawn
}

// build makes the rows of jobs and the steps of the job that is shown.
func (o *Opened) build(c panel.Context) {
	o.rows = o.rows[:0]
	r := o.findRun(c.Snapshot)
	f, _ := o.jobs(c.Snapshot)
	jobs := f.Value
	if o.job == 0 && len(jobs) > 0 {
		o.job = jobs[0].ID
	}
	for i := range jobs {
		j := &jobs[i]
		o.rows = append(o.rows, row{key: key{run: o.run, job: j.ID}, run: r, job: j})
		for n := range j.Steps {
			if j.ID == o.job {
				o.rows = append(o.rows, row{key: key{o.run, j.ID, j.Steps[n].Number}, run: r, job: j, step: &j.Steps[n]})
			}
		}
	}
	keyed := make([]key, len(o.rows))
	for i := range o.rows {
		keyed[i] = o.rows[i].key
	}
	fresh := o.list.Len() == 0
	o.list.SetRows(keyed)
	if fresh {
		o.list.Select(key{run: o.run, job: o.job})
	}
}

func (o *Opened) drawJobs(c panel.Context, width int) []string {
	s := c.Styles
	height := max(c.Height-2, 0)
	d := drawing{c: c, width: width - 2}
	d.c.Focused = !o.inLog
	first := o.list.Window(max(o.list.Index(), 0), 1, height, len(o.rows))
	var content []string
	for i := first; i < len(o.rows) && len(content) < height; i++ {
		content = append(content, d.opened(&o.rows[i], i == o.list.Index()))
	}
	if len(o.rows) == 0 {
		narrow := c
		narrow.Width = width
		f, read := o.jobs(c.Snapshot)
		text := jobsMissing(read, f.Observation)
		if o.findRun(c.Snapshot) == nil {
			text = "that run is no longer among the newest"
		}
		content = panel.Message(narrow, text, height)
	}
	title := []frame.Span{{Paint: s.Title, Text: "run " + strconv.FormatInt(o.run, 10)}}
	if r := o.findRun(c.Snapshot); r != nil {
		title = []frame.Span{{Paint: s.Title, Text: file(r) + " #" + strconv.Itoa(r.Number)}}
		attempt := max(o.attempt, 0)
		if attempt == 0 {
			attempt = r.Attempt
		}
		if r.Attempt > 1 {
			title = append(title, frame.Span{Paint: s.Muted, Text: fmt.Sprintf(" attempt %d of %d", attempt, r.Attempt)})
		}
	}
	return frame.Box{Title: title, Foot: o.summary(c), Focused: !o.inLog}.Lines(nil, s, content, width, c.Height)
}

// opened draws a job or step with less indent than the tree does.
func (d *drawing) opened(r *row, selected bool) string {
	s := d.c.Styles
	back := theme.Paint{}
	if selected {
		back = s.SelectedDim
		if d.c.Focused {
			back = s.Selected
		}
	}
	d.row.Reset(s, d.width, back)
	if r.step != nil {
		d.part(2, theme.OfStatus(r.step.Status, r.step.Conclusion), r.step.Name, panel.Took(r.step.Started, r.step.Completed, d.c.Now))
		return d.row.String()
	}
	took := panel.Took(r.job.Started, r.job.Completed, d.c.Now)
	if r.job.Conclusion == pipeline.ConclusionSkipped {
		took = "skipped"
	}
	d.part(0, theme.OfStatus(r.job.Status, r.job.Conclusion), r.job.Name, took)
	return d.row.String()
}

// summary is the run in one line, for the border.
func (o *Opened) summary(c panel.Context) []frame.Span {
	s, r := c.Styles, o.findRun(c.Snapshot)
	if r == nil {
		return nil
	}
	text := pipeline.Short(r.SHA) + " " + r.Branch
	if r.Done() { // first, because the border may be too short for all
		text = string(r.Conclusion) + " " + clock.Short(c.Now.Sub(r.Updated)) + " ago " + s.Glyphs.Dot + " " + text
	}
	return []frame.Span{{Paint: s.Muted, Text: text}}
}

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
		return box.Lines(nil, s, panel.Message(narrow, o.noLog(c), o.height), width, c.Height)
	}
	box.Right = []frame.Span{{Paint: s.Muted, Text: panel.Plural(len(l.lines), "line") + " " + s.Glyphs.Dot + " " + panel.Plural(l.errors, "error")}}
	if !o.search.Empty() {
		box.Foot = []frame.Span{{Paint: s.Accent, Text: "search " + o.search.String() + " " + s.Glyphs.Dot + " n N"}}
	}
	o.offset = frame.Window(o.offset, o.cursor, o.height, len(o.lines))
	d := drawing{c: c, width: width - 2}
	content := make([]string, 0, o.height)
	for i := o.offset; i < len(o.lines) && len(content) < o.height; i++ {
		content = append(content, o.logRow(&d, l, i))
	}
	return box.Lines(nil, s, content, width, c.Height)
}

// noLog says why there is no log to show.
func (o *Opened) noLog(c panel.Context) string {
	j := o.findJob(c.Snapshot, o.job)
	switch r := o.logs[o.job]; {
	case j == nil:
		return "choose a job"
	case r != nil && r.err != nil:
		return panel.Brief(r.err) + "; r tries again"
	case r != nil && r.pending:
		return "reading the log" + c.Styles.Glyphs.Ellipsis
	case j.Conclusion == pipeline.ConclusionSkipped:
		return "skipped: it has no log"
	case j.Status != pipeline.StatusCompleted:
		return "GitHub gives a job's log when the job has ended. o opens it in the browser, where it can be followed."
	}
	return ""
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
	if v.line == l.first {
		first = "first error, n next"
		d.row.Reserve(theme.Cells(first) + 4)
	}
	d.row.Space(2)
	if o.times && !line.at.IsZero() {
		d.row.Put(s.Faint, d.c.Clock(line.at)).Space(1)
	}
	o.logText(d, line)
	d.row.Reserve(0)
	if first != "" {
		d.row.Tail(s.Warn, " "+first)
	}
	return d.row.String()
}

// logText draws a line in its own colours, with what is searched for marked.
func (o *Opened) logText(d *drawing, line logLine) {
	s, base := d.c.Styles, line.kind.paint(d.c.Styles)
	at := 0
	if !o.search.Empty() {
		for _, span := range o.search.Spans(line.text) {
			d.row.Put(base, line.text[at:span[0]])
			d.row.Put(base.On(s.Match), line.text[span[0]:span[1]])
			at = span[1]
		}
	}
	if at == 0 && line.kind != errorLine {
		for _, span := range line.colour {
			d.row.Put(base, line.text[at:span.From])
			d.row.Put(s.Look(base, span.Look), line.text[span.From:span.To])
			at = span.To
		}
	}
	d.row.Put(base, line.text[at:])
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
