package runs

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

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
		return min(max(width*3/10, 28), 48)
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
	lines := o.header(c)
	o.head = len(lines)
	c.Height = max(c.Height-o.head, 0)
	left := o.listWidth(c.Width)
	var columns [][]string
	if left > 0 {
		columns = append(columns, o.drawJobs(c, left))
	}
	if right := c.Width - left; right > 0 {
		columns = append(columns, o.drawLog(c, right))
	}
	o.drawn = frame.Beside(append(make([]string, 0, o.head+c.Height), lines...), columns...)
	return o.drawn
}

// build makes the rows of jobs and the steps of the job that is shown.
func (o *Opened) build(c panel.Context) {
	o.rows = o.rows[:0]
	r := o.findRun(c.Snapshot)
	f, _ := o.jobs(c.Snapshot)
	jobs := f.Value
	o.keepJob(jobs)
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

// keepJob stays with the job that is shown when a new attempt gives it another
// ID, also where the attempt lists it only later; the log of the attempt before
// must not stand under the new one's name.
func (o *Opened) keepJob(jobs []pipeline.Job) {
	if len(jobs) == 0 {
		return
	}
	wanted := cmp.Or(o.lost, o.name)
	at := slices.IndexFunc(jobs, func(j pipeline.Job) bool { return j.ID == o.job })
	named := slices.IndexFunc(jobs, func(j pipeline.Job) bool { return j.Name == wanted })
	switch {
	case o.lost != "" && named >= 0:
		at, o.lost = named, ""
	case at >= 0:
		o.name = jobs[at].Name
		return
	case named >= 0:
		at = named
	default:
		next := lookedFor(jobs)
		at, o.lost = slices.IndexFunc(jobs, func(j pipeline.Job) bool { return j.ID == next }), wanted
	}
	o.job, o.name = jobs[at].ID, jobs[at].Name
	o.list = panel.List[key]{} // on the job again, once its rows are made
	o.unfoldFirst()
}

func (o *Opened) drawJobs(c panel.Context, width int) []string {
	s := c.Styles
	height := max(c.Height-2, 0)
	d := drawing{c: c, width: width - 2, usual: o.expectations(c)}
	d.c.Focused = !o.inLog
	o.first = o.list.Window(max(o.list.Index(), 0), 1, height, len(o.rows))
	var content []string
	for i := o.first; i < len(o.rows) && len(content) < height; i++ {
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
	title := []frame.Span{{Paint: s.Title, Text: "Jobs"}}
	return frame.Box{Title: title, Foot: o.tally(c), Focused: !o.inLog}.Lines(nil, s, content, width, c.Height)
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
		took := panel.Took(r.step.Started, r.step.Completed, d.c.Now)
		if r.step.Status != pipeline.StatusCompleted {
			took = d.expected(pipeline.Stage{Workflow: r.run.Workflow, Job: r.job.Name, Step: r.step.Name}, took)
		}
		d.part(2, theme.OfStatus(r.step.Status, r.step.Conclusion), r.step.Name, took)
		return d.row.String()
	}
	took := panel.Took(r.job.Started, r.job.Completed, d.c.Now)
	switch {
	case r.job.Conclusion == pipeline.ConclusionSkipped:
		took = "skipped"
	case r.job.Status == pipeline.StatusWaiting && !r.job.Started.IsZero():
		took = clock.Age(d.c.Now.Sub(r.job.Started)) // nobody measures how long a person takes
	case r.job.Status == pipeline.StatusInProgress:
		d.moving(r.job, took, 0)
		return d.row.String()
	case r.job.Status != pipeline.StatusCompleted:
		took = d.expected(pipeline.Stage{Workflow: r.run.Workflow, Job: r.job.Name}, took)
	}
	d.part(0, theme.OfStatus(r.job.Status, r.job.Conclusion), r.job.Name, took)
	return d.row.String()
}

// expected adds to how long a part has taken how long it takes as a rule.
func (d *drawing) expected(stage pipeline.Stage, took string) string {
	e := d.usual.Of(stage)
	if !e.Known() {
		return took
	}
	return strings.TrimSpace(took + " ~" + clock.Elapsed(e.Usual))
}

// tally counts the jobs by how they stand: those that went wrong first.
func (o *Opened) tally(c panel.Context) []frame.Span {
	s := c.Styles
	f, _ := o.jobs(c.Snapshot)
	var failed, done, moving int
	for i := range f.Value {
		j := &f.Value[i]
		switch {
		case j.Conclusion.Bad():
			failed++
		case j.Status == pipeline.StatusCompleted:
			done++
		case j.Status == pipeline.StatusInProgress:
			moving++
		}
	}
	if len(f.Value) == 0 {
		return nil
	}
	all := strconv.Itoa(len(f.Value))
	if failed > 0 {
		return []frame.Span{{Paint: s.Danger, Text: strconv.Itoa(failed) + " of " + all + " failed"}}
	}
	text := strconv.Itoa(done) + " of " + all + " done"
	if moving > 0 {
		text += ", " + strconv.Itoa(moving) + " running"
	}
	return []frame.Span{{Paint: s.Muted, Text: text}}
}
