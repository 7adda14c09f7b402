package runs

import (
	"strconv"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// Moving reports whether a run goes on, so that its time does too.
func Moving(s *pipeline.Snapshot) bool {
	for i := range s.Runs.Value {
		if r := &s.Runs.Value[i]; r.Status == pipeline.StatusInProgress {
			return true
		}
	}
	for i := range s.Repositories {
		for _, r := range s.Repositories[i].Runs.Value {
			if r.Status == pipeline.StatusInProgress {
				return true
			}
		}
	}
	return false
}

// Lines draws the panel. They are the panel's own: do not change them.
func (p *Panel) Lines(c panel.Context) []string {
	key := c
	if !Moving(c.Snapshot) && len(c.Snapshot.Approvals) == 0 {
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

func (p *Panel) draw(c panel.Context) []string {
	height := max(c.Height-2, 0)
	first, content := p.content(c, height)
	if o := c.Snapshot.Runs.Observation; o.Err != nil || o.Stale(c.Now) && o.Known() {
		for i := range content {
			if p.tops[i] != p.list.Index() {
				frame.Dim(content[i:i+1], c.Styles.Stale)
			}
		}
	}
	return p.box(c, first).Lines(make([]string, 0, c.Height), c.Styles, content, c.Width, c.Height)
}

// content draws the visible lines. It returns the first line's number too.
func (p *Panel) content(c panel.Context, height int) (first int, lines []string) {
	total, top, span := 0, 0, 1
	for i := range p.rows {
		if i == p.list.Index() {
			top, span = total, 1+len(p.rows[i].notes)
		}
		total += 1 + len(p.rows[i].notes)
	}
	if c.Focused || c.Join.From == keys.Runs {
		first = p.list.Window(top, span, height, total)
	} // else the newest stand first: nobody looks for the cursor here
	p.tops = p.tops[:0]
	lines = make([]string, 0, height)
	if len(p.rows) == 0 {
		return 0, p.empty(c, height)
	}
	d := drawing{c: c, width: max(c.Width-2, 0), columns: p.columns(c)}
	if c.Join.Active() && c.Join.From != keys.Runs {
		d.release = panel.Releases(c.Snapshot, c.Join.SHA)
	}
	at := 0
	for i := range p.rows {
		r := &p.rows[i]
		for n := range 1 + len(r.notes) {
			if at >= first && len(lines) < height {
				lines = append(lines, d.line(r, n, i == p.list.Index()))
				p.tops = append(p.tops, i)
			}
			at++
		}
	}
	return first, lines
}

// empty says why there are no runs.
func (p *Panel) empty(c panel.Context, height int) []string {
	s := c.Styles
	var text string
	switch o := c.Snapshot.Runs.Observation; {
	case o.Err != nil && !o.Known():
		text = panel.Brief(o.Err)
	case !o.Known():
		text = "reading runs" + s.Glyphs.Ellipsis
	case p.filter != "":
		text = p.nothing()
	case c.Join.SHA != "":
		text = "no run of " + pipeline.Short(c.Join.SHA) + " among the newest; x shows all"
	case len(c.Snapshot.Workflows.Value) == 0 && c.Snapshot.Workflows.Known():
		text = "This repository has no workflows yet. Run gh deployctl init to write them."
	default:
		text = "No workflow has run yet. Press t to start one."
	}
	lines := panel.Message(c, text, height)
	for range lines {
		p.tops = append(p.tops, -1)
	}
	return lines
}

// nothing says that no run matches, and how far back was looked.
func (p *Panel) nothing() string {
	text := "no run matches “" + p.filter + "”"
	switch {
	case p.past.reading:
		return text + " yet; reading older ones"
	case p.past.err != nil:
		return text + " among those that are known; " + panel.Brief(p.past.err)
	case !p.past.ended[p.filter]:
		return text + " among the newest; j looks further back, esc shows all"
	}
	return text + "; esc shows all"
}

func (p *Panel) box(c panel.Context, first int) frame.Box {
	s := c.Styles
	title := []frame.Span{{Paint: s.Faint, Text: "1 "}, {Paint: s.Title, Text: "Runs"}}
	if p.filter != "" {
		title = append(title, frame.Span{Paint: s.Accent, Text: " /" + p.filter})
	}
	if c.Join.SHA != "" && c.Join.From != keys.Runs {
		title = append(title, frame.Span{Paint: s.Accent, Text: " " + s.Glyphs.Dot + " " + pipeline.Short(c.Join.SHA) + " only"})
	}
	foot := panel.Health(c, c.Snapshot.Runs.Observation)
	if len(foot) == 0 && c.Snapshot.Runs.Known() {
		foot = p.foot(c, first)
	}
	return frame.Box{Title: title, Foot: foot, Focused: c.Focused}
}

// foot counts the runs, and says what is wrong with another repository's or
// with those of the past.
func (p *Panel) foot(c panel.Context, first int) []frame.Span {
	s, total := c.Styles, c.Snapshot.RunsTotal
	for i := range c.Snapshot.Repositories {
		r := &c.Snapshot.Repositories[i]
		if total += r.Total; r.Runs.Err != nil {
			return []frame.Span{{Paint: s.Danger, Text: s.Glyphs.Failed + " " + r.Repository.FullName() + ": " + panel.Brief(r.Runs.Err)}}
		}
	}
	text := panel.Count(p.shown) + " of " + panel.Count(max(total, p.shown))
	switch {
	case p.past.err != nil:
		return []frame.Span{{Paint: s.Danger, Text: s.Glyphs.Failed + " older runs: " + panel.Brief(p.past.err)}}
	case p.past.reading:
		text += " " + s.Glyphs.Dot + " reading older" + s.Glyphs.Ellipsis
	case first > 0:
		text += " " + s.Glyphs.Dot + " " + s.Glyphs.Up + " more above"
	}
	return []frame.Span{{Paint: s.Muted, Text: text}}
}

// columns are the widths that all runs share; those of 0 are not shown.
type columns struct{ name, number, branch, event, actor, took int }

func (p *Panel) columns(c panel.Context) columns {
	var w columns
	highest := 0
	for i := range p.rows {
		r := p.rows[i].run
		w.name = max(w.name, fileCells(r))
		highest = max(highest, r.Number)
		w.branch = max(w.branch, theme.Cells(r.Branch))
		w.event, w.actor = max(w.event, theme.Cells(r.Event)), max(w.actor, theme.Cells(r.Actor))
	}
	inner := c.Width - 2
	w.number = min(len(strconv.Itoa(highest))+1, 7)
	w.name = min(w.name, 13+max(inner-56, 0)/3)
	if inner < 62 {
		w.branch = 0
	}
	w.branch = min(w.branch, 8+max(inner-60, 0)/6)
	w.event, w.actor, w.took = min(w.event, 17), min(w.actor, 14), 7
	if inner < wide {
		w.event, w.actor, w.took = 0, 0, 0
	}
	return w
}

// wide is from how many cells on a run says how it was started, by whom, and how
// long it took.
const wide = 110

// file is the workflow's file without its ending, behind the repository where
// it is another than the console's own.
func file(r *pipeline.Run) string {
	name := ownFile(r)
	if r.Repository != "" {
		name = panel.Tail(r.Repository) + "/" + name
	}
	return name
}

func ownFile(r *pipeline.Run) string {
	name := r.Workflow
	if name == "" {
		name = r.Name
	}
	return strings.TrimSuffix(strings.TrimSuffix(name, ".yml"), ".yaml")
}

// fileCells is how many cells file takes.
func fileCells(r *pipeline.Run) int {
	n := theme.Cells(ownFile(r))
	if r.Repository != "" {
		n += theme.Cells(panel.Tail(r.Repository)) + 1
	}
	return n
}

// file is the name of a run's workflow as far as there is room: a repository's
// name is cut rather than that of the workflow.
func (d *drawing) file(r *pipeline.Run) string {
	name := file(r)
	repository, workflow, of := strings.Cut(name, "/")
	room := d.columns.name - theme.Cells(workflow) - 1
	if !of || theme.Cells(name) <= d.columns.name || room < 3 {
		return name
	}
	return theme.Cut(repository, room, d.c.Styles.Glyphs.Ellipsis) + "/" + workflow
}

// drawing draws rows of one frame.
type drawing struct {
	c       panel.Context
	width   int
	columns columns
	release map[string]bool    // SHAs that another panel's selection relates to
	usual   pipeline.Durations // how long parts of the opened run take as a rule
	row     frame.Row
}

// line draws the n-th line of a row: the row itself, or one of its notes.
func (d *drawing) line(r *row, n int, selected bool) string {
	s := d.c.Styles
	back := theme.Paint{}
	if selected && n == 0 {
		back = s.SelectedDim
		if d.c.Focused {
			back = s.Selected
		}
	}
	d.row.Reset(s, d.width, back)
	switch {
	case n > 0:
		indent := 3
		if r.job != nil {
			indent = 6
		}
		paint := s.Muted
		if r.bad {
			paint = s.Danger
		}
		if r.step != nil {
			indent += 2
		}
		d.row.Space(indent).Put(paint, r.notes[n-1])
	case r.step != nil:
		d.part(6, theme.OfStatus(r.step.Status, r.step.Conclusion), r.step.Name, panel.Took(r.step.Started, r.step.Completed, d.c.Now))
	case r.job != nil:
		took := panel.Took(r.job.Started, r.job.Completed, d.c.Now)
		if r.job.Status == pipeline.StatusInProgress {
			d.moving(r.job, took, 3)
			return d.row.String()
		}
		switch {
		case r.job.Conclusion == pipeline.ConclusionSkipped:
			took = "skipped"
		case r.job.Status == pipeline.StatusWaiting && !r.job.Started.IsZero():
			took = clock.Age(d.c.Now.Sub(r.job.Started)) // nobody measures how long a person takes
		case took == "":
			took = r.usual
		}
		d.part(3, theme.OfStatus(r.job.Status, r.job.Conclusion), r.job.Name, took)
	default:
		d.run(r.run)
	}
	return d.row.String()
}

// part draws a job or step.
func (d *drawing) part(indent int, state theme.State, name, took string) {
	s := d.c.Styles
	mark, paint := d.mark(state), s.Text
	if state == theme.NotYet || state == theme.Skipped {
		paint = s.Muted
	}
	d.row.Space(indent)
	d.row.Reserve(theme.Cells(took) + 2)
	d.row.Mark(mark).Space(1).Put(paint, name)
	d.row.Reserve(0)
	d.tail(s.Muted, took)
}

// moving draws a job that runs: how long it has, and how long it still will.
func (d *drawing) moving(j *pipeline.Job, took string, indent int) {
	s := d.c.Styles
	f, left, paint := d.c.Snapshot.JobForecasts[j.ID], "", s.Muted
	switch {
	case f.Slow:
		left, paint = "slow", s.Warn
	case f.Left(d.c.Now) >= time.Second:
		left = "~" + clock.Elapsed(f.Left(d.c.Now))
	}
	if left != "" && d.row.Left() > theme.Cells(took+left)+24 {
		took += " " + left
	} else if f.Slow {
		took = s.Glyphs.Attention + " " + took
	}
	d.row.Space(indent)
	d.row.Reserve(theme.Cells(took) + 2)
	d.row.Mark(d.mark(theme.Moving)).Space(1).Put(s.Text, j.Name)
	d.row.Reserve(0)
	d.tail(paint, took)
}

// run draws a run: glyph, workflow, number, commit, branch, what is to be said
// of it, and its age.
func (d *drawing) run(r *pipeline.Run) {
	s, row := d.c.Styles, &d.row
	state := theme.OfStatus(r.Status, r.Conclusion)
	name := s.Text
	switch {
	case !r.Done():
		name = s.Strong
	case state == theme.Skipped:
		name = s.Muted
	}
	age := runAge(r, d.c.Now)
	row.Reserve(max(theme.Cells(age), 4) + 1)
	row.Mark(d.mark(state)).Space(1).Cell(name, d.file(r), d.columns.name).Space(1)
	row.CellRight(s.Muted, "#"+strconv.Itoa(r.Number), d.columns.number).Space(1)
	sha := s.Accent
	if d.release != nil && !d.release[r.SHA] {
		sha = s.Muted
	}
	short := pipeline.Short(r.SHA)
	row.Cell(sha, short[:min(len(short), max(row.Left(), 0))], 7) // of a commit fewer digits do
	if d.columns.branch > 0 {
		row.Space(1).Cell(s.Muted, branch(r.Branch, d.columns.branch), d.columns.branch)
	}
	if d.columns.took > 0 {
		row.Space(1).Cell(s.Muted, r.Event, d.columns.event).Space(1).Cell(s.Muted, r.Actor, d.columns.actor)
		row.Space(1).CellRight(s.Muted, panel.Took(r.Started, r.Ended(), d.c.Now), d.columns.took)
	}
	text, paint := d.sentence(r, state)
	if f := d.c.Snapshot.Forecasts[r.Key()]; state == theme.Moving && f.Known() {
		text, paint, age = d.foretold(f, text, age)
	}
	if theme.Cells(text)+2 > row.Left() {
		text = strings.TrimSuffix(text, " services") // of which there are so many
	}
	switch {
	case row.Left() > 10, state == theme.Moving && theme.Cells(text)+2 <= row.Left():
		row.Space(2).Put(paint, text)
	case row.Left() > 4 && d.columns.branch == 0: // too little for a sentence, and enough to tell main from develop
		row.Space(1).Put(s.Muted, branch(r.Branch, row.Left()-1))
	}
	if d.columns.took > 0 && text != r.Title && row.Left() > 20 {
		row.Space(2).Put(s.Faint, r.Title)
	}
	row.Reserve(0)
	d.tail(s.Muted, age)
}

// branch is a branch in so many cells: where it has to be cut, feature/ says less
// than what comes after it.
func branch(name string, room int) string {
	if theme.Cells(name) > room {
		return panel.Tail(name)
	}
	return name
}

// foretold adds to what a run does when it will have ended: in words where there
// is room for all of them, else in figures behind its age, where they are not cut
// off.
func (d *drawing) foretold(f pipeline.Forecast, text, age string) (string, theme.Paint, string) {
	s, left := d.c.Styles, f.Left(d.c.Now)
	whole := text + " " + s.Glyphs.Dot + " " + f.Sentence(d.c.Now)
	switch {
	case f.Slow && theme.Cells(whole)+2 > d.row.Left():
		return "slow " + s.Glyphs.Dot + " " + text, s.Warn, age
	case f.Slow:
		return whole, s.Warn, age
	}
	if theme.Cells(whole)+2 <= d.row.Left() {
		return whole, s.Moving, age
	}
	short := " ~" + clock.Elapsed(left)
	if left >= time.Second && theme.Cells(short) <= d.row.Left() {
		age += short
		d.row.Reserve(theme.Cells(age) + 1)
	}
	return text, s.Moving, age
}

// tail puts an age or duration at the end of the line, a blank before the
// border where there is room.
func (d *drawing) tail(p theme.Paint, text string) { d.row.Tail(p, text) }

func (d *drawing) mark(state theme.State) theme.Mark {
	if state == theme.Moving {
		return d.c.Styles.Spin(d.c.Spin)
	}
	return d.c.Styles.Mark(state)
}

// runAge is how long a run goes on, or how long ago it ended.
func runAge(r *pipeline.Run, now time.Time) string {
	switch {
	case r.Status == pipeline.StatusInProgress && !r.Started.IsZero():
		return clock.Elapsed(now.Sub(r.Started))
	case r.Done() && !r.Updated.IsZero():
		return clock.Short(now.Sub(r.Updated))
	case r.Attempt > 1 && !r.Started.IsZero(): // a new attempt that has not begun
		return clock.Short(now.Sub(r.Started))
	case !r.Created.IsZero():
		return clock.Short(now.Sub(r.Created))
	}
	return ""
}
