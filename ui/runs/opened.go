package runs

import (
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/ui/panel"
)

// Opened is one run over the whole screen: its jobs and steps at the left, the
// log of a job at the right, opened at the first error.
type Opened struct {
	run     int64
	attempt int // 0: the newest
	older   map[int]pipeline.Fact[[]pipeline.Job]
	list    panel.List[key]
	rows    []row
	inLog   bool // the keys go to the log
	times   bool // show when each line was written

	job    int64 // whose log is shown
	name   string
	lost   string // name of the job that was looked at, and that the newest attempt does not list yet
	logs   map[int64]*reading
	folded map[int]bool // sections of the log shown
	lines  []visible    // of the log, as folded
	cursor int          // among lines
	offset int
	search logs.Pattern
	found  []int // lines that match; nil: not looked for yet
	wrap   bool  // long lines take several rows

	height  int // rows of the log when it was drawn last
	width   int // cells of a line of it, then
	head    int // lines above jobs and log, then
	first   int // the first of the rows shown, then
	context panel.Context
	dirty   bool
	drawn   []string
}

// reading is a job's log, or how far it is.
type reading struct {
	log     *jobLog
	err     error
	pending bool
}

// visible is one row of the log's view: a section's head, or a line in it or,
// where lines are wrapped, a part of one.
type visible struct {
	section  int
	line     int // -1: the head
	from, to int // of the line's text
}

// LoadAttempt asks the console to read the jobs of an attempt.
type LoadAttempt struct {
	Run     int64
	Attempt int
}

// Open opens a run, at a job where one is named, else at the one that matters
// most.
func Open(s *pipeline.Snapshot, run, job int64) *Opened {
	o := &Opened{run: run, logs: map[int64]*reading{}, folded: map[int]bool{}, dirty: true, older: map[int]pipeline.Fact[[]pipeline.Job]{}}
	r, ok := s.Run(run)
	if !ok {
		return o
	}
	if job == 0 {
		job = lookedFor(s.Jobs[r.Key()].Value)
	}
	o.job = job
	return o
}

// lookedFor is the job that a run is opened for: the first that failed, else
// that waits or goes on, else the first; 0: there is none.
func lookedFor(jobs []pipeline.Job) int64 {
	for _, wanted := range []func(*pipeline.Job) bool{
		func(j *pipeline.Job) bool { return j.Conclusion.Bad() },
		func(j *pipeline.Job) bool { return j.Status == pipeline.StatusWaiting },
		func(j *pipeline.Job) bool { return j.Status == pipeline.StatusInProgress },
		func(*pipeline.Job) bool { return true },
	} {
		for i := range jobs {
			if wanted(&jobs[i]) {
				return jobs[i].ID
			}
		}
	}
	return 0
}

// Run is the run's ID.
func (o *Opened) Run() int64 { return o.run }

// Job is the job whose log is shown, or whose row the cursor is on; 0: none.
func (o *Opened) Job() int64 { return o.job }

// Want is the job whose log is to be read now; 0: none.
func (o *Opened) Want(s *pipeline.Snapshot) int64 {
	j := o.findJob(s, o.job)
	if j == nil || j.Status != pipeline.StatusCompleted || j.Conclusion == pipeline.ConclusionSkipped {
		return 0
	}
	if o.logs[o.job] != nil {
		return 0
	}
	o.logs[o.job] = &reading{pending: true}
	return o.job
}

// SetLog takes a job's log with its annotations, or why it could not be read.
func (o *Opened) SetLog(job int64, log pipeline.JobLog, notes []pipeline.Annotation, err error) {
	r := &reading{err: err}
	if err == nil {
		r.log = parseLog(log.Lines)
		r.log.annotate(notes)
	}
	o.logs[job], o.dirty = r, true
	if job == o.job {
		o.unfoldFirst()
	}
}

// Reload forgets a log that could not be read, so that it is asked for again.
func (o *Opened) Reload() {
	if r := o.logs[o.job]; r != nil && r.err != nil {
		delete(o.logs, o.job)
	}
}

// SearchesLog reports whether the keys go to the log.
func (o *Opened) SearchesLog() bool { return o.inLog }

func (o *Opened) findRun(s *pipeline.Snapshot) *pipeline.Run {
	if r, ok := s.Run(o.run); ok {
		return &r
	}
	return nil
}

// jobs are those of the attempt that is shown, and whether they were asked for.
func (o *Opened) jobs(s *pipeline.Snapshot) (jobs pipeline.Fact[[]pipeline.Job], asked bool) {
	r := o.findRun(s)
	k := pipeline.RunKey{ID: o.run, Attempt: max(o.attempt, 1)}
	if r != nil && (o.attempt == 0 || o.attempt == r.Attempt) {
		k = r.Key()
	}
	if jobs, asked = s.Jobs[k]; asked {
		return jobs, true
	}
	jobs, asked = o.older[k.Attempt]
	return jobs, asked
}

// SetAttempt takes the jobs of an older attempt, or why they could not be read.
func (o *Opened) SetAttempt(attempt int, jobs []pipeline.Job, err error) {
	f := pipeline.Fact[[]pipeline.Job]{Value: jobs}
	f.Err = err
	if err == nil {
		f.At = time.Now()
	}
	o.older[attempt], o.dirty = f, true
	if attempt != o.attempt {
		return
	}
	for i := range jobs {
		if o.job == 0 || jobs[i].Conclusion.Bad() {
			if o.job = jobs[i].ID; jobs[i].Conclusion.Bad() {
				break
			}
		}
	}
}

func (o *Opened) findJob(s *pipeline.Snapshot, id int64) *pipeline.Job {
	f, _ := o.jobs(s)
	for i := range f.Value {
		if f.Value[i].ID == id {
			return &f.Value[i]
		}
	}
	return nil
}

// Key handles a key, and reports whether it was one of the view's.
func (o *Opened) Key(k string) (panel.Action, bool) {
	o.dirty = true
	switch k {
	case "tab", "shift+tab":
		o.inLog = !o.inLog
		return nil, true
	case "t":
		o.times = !o.times
		return nil, true
	case "w":
		o.rewrap()
		return nil, true
	case "n", "N":
		return o.next(k == "N"), true
	case "f":
		return o.foldAll(), true
	case "E":
		return o.firstError(), true
	}
	if o.inLog {
		return nil, o.logKey(k)
	}
	switch k {
	case "enter", "right", "l":
		o.inLog = true
		return nil, true
	}
	if !o.list.Scroll(k, max(o.height, 1)) {
		return nil, false
	}
	o.follow()
	return nil, true
}

// follow shows the log of the job that the cursor is in, from the step on which
// the cursor is.
func (o *Opened) follow() {
	k, ok := o.list.Key()
	switch {
	case !ok:
	case k.job != o.job:
		o.job, o.lost = k.job, ""
		o.unfoldFirst()
	case k.step > 0:
		o.toStep(o.findJob(o.context.Snapshot, k.job), k.step)
	}
}

// Attempt goes to an older (-1) or newer (+1) attempt of the run.
func (o *Opened) Attempt(s *pipeline.Snapshot, step int) any {
	r := o.findRun(s)
	if r == nil {
		return panel.Say{Text: "that run is no longer listed", Bad: true}
	}
	now := o.attempt
	if now == 0 {
		now = r.Attempt
	}
	next := now + step
	switch {
	case next < 1:
		return panel.Say{Text: "this is the first attempt"}
	case next > r.Attempt:
		return panel.Say{Text: "this is the newest attempt"}
	}
	o.attempt, o.job, o.lost, o.dirty = next, 0, "", true
	o.lines, o.cursor = nil, 0
	o.list = panel.List[key]{}
	if _, asked := o.jobs(s); asked {
		return nil
	}
	return LoadAttempt{Run: o.run, Attempt: next}
}

// Selected is the text to copy: the line under the cursor, else the run's URL.
func (o *Opened) Selected(s *pipeline.Snapshot) (text, what string) {
	if l := o.log(); o.inLog && l != nil && o.cursor < len(o.lines) {
		if v := o.lines[o.cursor]; v.line >= 0 {
			return strings.TrimSpace(l.lines[v.line].text), "the line"
		}
	}
	return o.URL(s), "the URL"
}

// URL is the page of the job shown, else of the run.
func (o *Opened) URL(s *pipeline.Snapshot) string {
	if j := o.findJob(s, o.job); j != nil && j.URL != "" {
		return j.URL
	}
	if r := o.findRun(s); r != nil {
		return r.URL
	}
	return ""
}

// Wheel scrolls the log, or moves among the jobs where the pointer is there.
func (o *Opened) Wheel(x, n int) {
	o.dirty = true
	if x < o.listWidth(o.context.Width) {
		o.list.Move(n)
		o.follow()
		return
	}
	o.inLog = true
	o.cursor = max(min(o.cursor+n, len(o.lines)-1), 0)
}

// Click selects the job or the line under the pointer, counted from the upper
// left corner of the view.
func (o *Opened) Click(x, y int) {
	o.dirty = true
	y -= o.head
	if y < 1 {
		return
	}
	if x < o.listWidth(o.context.Width) {
		o.inLog = false
		if k, ok := o.list.Row(o.first + y - 1); ok {
			o.list.Select(k)
			o.follow()
		}
		return
	}
	o.inLog = true
	if at := o.offset + y - 1; at >= 0 && at < len(o.lines) {
		o.cursor = at
		if o.lines[at].line < 0 {
			o.toggleSection()
		}
	}
}
