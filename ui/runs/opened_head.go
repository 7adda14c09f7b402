package runs

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// airy is how high the view must be for a header of two lines.
const airy = 30

// header says what was opened: which run and attempt of what, by whom, and how
// it stands. On small screens it is one line.
func (o *Opened) header(c panel.Context) []string {
	s, r := c.Styles, o.findRun(c.Snapshot)
	row := frame.NewRow(s, c.Width, theme.Paint{})
	if r == nil {
		return []string{row.Space(1).Put(s.Title, "run "+strconv.FormatInt(o.run, 10)).String()}
	}
	state, stands, paint := o.stands(c, r)
	mark := s.Mark(state)
	if state == theme.Moving {
		mark = s.Spin(c.Spin)
	}
	row.Reserve(theme.Cells(stands) + 3)
	row.Space(1).Mark(mark).Space(1).Put(s.Title, file(r)+" #"+strconv.Itoa(r.Number))
	if r.Attempt > 1 {
		row.Put(s.Accent, fmt.Sprintf("  attempt %d of %d", o.shown(r), r.Attempt))
	}
	facts := o.facts(c, r)
	if c.Height < airy {
		row.Put(s.Muted, "  "+strings.Join(facts[:min(len(facts), 2)], " "+s.Glyphs.Dot+" "))
		row.Reserve(0)
		return []string{row.Tail(paint, stands+" ").String()}
	}
	row.Put(s.Text, "  "+r.Title)
	row.Reserve(0)
	lines := []string{row.Tail(paint, stands+" ").String()}
	row.Reset(s, c.Width, theme.Paint{})
	return append(lines, row.Space(3).Put(s.Muted, strings.Join(facts, " "+s.Glyphs.Dot+" ")).String())
}

// shown is the number of the attempt that is shown.
func (o *Opened) shown(r *pipeline.Run) int {
	if o.attempt > 0 {
		return o.attempt
	}
	return r.Attempt
}

// facts are what a run was started from, by whom and when.
func (o *Opened) facts(c panel.Context, r *pipeline.Run) []string {
	out := []string{strings.TrimSpace(pipeline.Short(r.SHA) + " " + r.Branch)}
	if r.Event != "" || r.Actor != "" {
		out = append(out, strings.TrimSpace(r.Event+" by "+r.Actor))
	}
	if r.TriggeringActor != "" && r.TriggeringActor != r.Actor && o.shown(r) > 1 {
		out = append(out, "run again by "+r.TriggeringActor)
	}
	if from, _ := o.span(c, r); !from.IsZero() {
		out = append(out, "began "+c.Clock(from)+", "+clock.Age(c.Now.Sub(from))+" ago")
	}
	return out
}

// span is when the attempt that is shown began and ended; zero: not known, or
// not yet.
func (o *Opened) span(c panel.Context, r *pipeline.Run) (from, until time.Time) {
	if o.shown(r) == r.Attempt {
		from = r.Started
		if from.IsZero() {
			from = r.Created
		}
		return from, r.Ended()
	}
	jobs, _ := o.jobs(c.Snapshot)
	for _, j := range jobs.Value {
		if !j.Started.IsZero() && (from.IsZero() || j.Started.Before(from)) {
			from = j.Started
		}
		if j.Completed.After(until) {
			until = j.Completed
		}
	}
	return from, until
}

// stands says how the attempt that is shown stands, and for how long.
func (o *Opened) stands(c panel.Context, r *pipeline.Run) (theme.State, string, theme.Paint) {
	s := c.Styles
	state := theme.OfStatus(r.Status, r.Conclusion)
	word := outcome(r.Conclusion)
	if o.shown(r) != r.Attempt {
		state, word = o.olderState(c)
	}
	from, until := o.span(c, r)
	d := drawing{c: c}
	text, paint := d.sentence(r, state)
	switch {
	case word == "" && !r.Done() && state == theme.Moving:
		if f := c.Snapshot.Forecasts[r.Key()]; f.Known() {
			text += " " + s.Glyphs.Dot + " " + f.Sentence(c.Now)
			if f.Slow {
				paint = s.Warn
			}
		}
		return state, text + " " + s.Glyphs.Dot + " " + panel.Took(from, until, c.Now), paint
	case word == "":
		return state, text, paint
	case state == theme.Passed:
		paint = s.OK
	}
	if !until.IsZero() {
		word += " " + clock.Age(c.Now.Sub(until)) + " ago"
	}
	if took := panel.Took(from, until, c.Now); took != "" && !until.IsZero() {
		word += ", took " + took
	}
	return state, word, paint
}

// olderState is how an older attempt ended, as its jobs tell.
func (o *Opened) olderState(c panel.Context) (theme.State, string) {
	jobs, _ := o.jobs(c.Snapshot)
	if len(jobs.Value) == 0 {
		return theme.Unknown, "an older attempt"
	}
	worst := pipeline.ConclusionSuccess
	for _, j := range jobs.Value {
		switch {
		case j.Conclusion.Bad():
			worst = j.Conclusion
		case j.Conclusion == pipeline.ConclusionCancelled && !worst.Bad():
			worst = j.Conclusion
		}
	}
	return theme.OfStatus(pipeline.StatusCompleted, worst), outcome(worst)
}

// outcome is a conclusion as a sentence says it.
func outcome(c pipeline.Conclusion) string {
	switch c {
	case pipeline.ConclusionFailure:
		return "failed"
	case pipeline.ConclusionSuccess:
		return "succeeded"
	}
	return strings.ReplaceAll(string(c), "_", " ")
}

// expectations are what the parts of the run take as a rule.
func (o *Opened) expectations(c panel.Context) pipeline.Durations {
	r := o.findRun(c.Snapshot)
	if r == nil || r.Done() {
		return pipeline.Durations{}
	}
	return c.Snapshot.DurationsOf(r.Repository)
}
