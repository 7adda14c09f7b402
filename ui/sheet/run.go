package sheet

import (
	"fmt"
	"slices"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// ending is the sheet that runs a run again or cancels it. It is bound to the
// run it was opened on.
type ending struct {
	run   pipeline.Run
	kind  pipeline.PlanKind
	job   pipeline.Job // that can run again alone; zero: none was chosen
	which scope
	debug bool // with debug logging
	force bool // without waiting for the jobs' own clean-up
}

// scope is which jobs run again.
type scope int

const (
	allJobs scope = iota
	failedJobs
	oneJob
	scopes
)

// The switches of the sheet.
const (
	controlJobs  = "jobs"
	controlDebug = "debug"
	controlForce = "force"
)

// NewRerun is the sheet that runs a run again: at first only what failed, where
// anything did. A job, if it is not zero, can be chosen to run alone, and alone
// says that it is chosen at first.
func NewRerun(run pipeline.Run, job pipeline.Job, alone bool) Sheet {
	e := &ending{run: run, kind: pipeline.PlanRerun, job: job}
	switch {
	case alone && job.ID != 0:
		e.which = oneJob
	case run.Failed():
		e.which = failedJobs
	}
	return newEnding(e)
}

// NewCancel is the sheet that ends a run.
func NewCancel(run pipeline.Run) Sheet {
	return newEnding(&ending{run: run, kind: pipeline.PlanCancel})
}

func newEnding(about *ending) *planned { return newPlanned(about, about.request()) }

func (e *ending) request() PlanWanted {
	r := pipeline.RunRequest{Repository: e.run.Repository, RunID: e.run.ID, FailedOnly: e.which == failedJobs, Debug: e.debug, Force: e.force}
	if e.which == oneJob {
		r.JobID = e.job.ID
	}
	return PlanWanted{Kind: e.kind, Run: r}
}

func (e *ending) verb() string {
	switch {
	case e.force:
		return "Force-cancel"
	case e.kind == pipeline.PlanCancel:
		return "Cancel"
	}
	return "Re-run"
}

func (e *ending) title() string {
	return fmt.Sprintf("%s %s #%d, attempt %d", e.verb(), workflowName(e.run.Workflow), e.run.Number, e.run.Attempt)
}

func (e *ending) reading() string { return "the run and its attempt, past every cache" }

func (e *ending) shows(pipeline.Gate) bool { return true }

func (e *ending) controls(*planned) []string {
	if e.kind == pipeline.PlanCancel {
		return []string{controlForce}
	}
	return []string{controlJobs, controlDebug}
}

// turn throws a switch, which is another plan.
func (e *ending) turn(s *planned, control, key string, now time.Time) (Action, bool) {
	switch key {
	case "space", "left", "right":
	case "enter":
		if now.Sub(s.changed) < Settle {
			return nil, true
		}
	default:
		return nil, false
	}
	switch control {
	case controlJobs:
		e.next(key == "left")
	case controlDebug:
		e.debug = !e.debug
	default:
		e.force = !e.force
	}
	s.want = e.request()
	return s.replan(now), true
}

// next goes to the next choice of jobs that makes sense for the run.
func (e *ending) next(back bool) {
	step := scope(1)
	if back {
		step = scopes - 1
	}
	for {
		e.which = (e.which + step) % scopes
		if e.which == allJobs || e.which == failedJobs && e.run.Failed() || e.which == oneJob && e.job.ID != 0 {
			return
		}
	}
}

// stands is how a switch stands, in words, and whether that is not as usual.
func (e *ending) stands(control string) (text string, on bool) {
	switch {
	case control == controlDebug && e.debug:
		return "on: step and runner debug lines in the logs", true
	case control == controlDebug:
		return "off", false
	case control == controlForce && e.force:
		return "yes: jobs are not asked, always() steps do not run", true
	case control == controlForce:
		return "no: jobs may clean up", false
	case e.which == failedJobs:
		return "only those that failed, and what depends on them", true
	case e.which == oneJob:
		return "only " + e.job.Name + ", and what depends on it", true
	}
	return "all of them", false
}

func (e *ending) head(s *planned, p *page) {
	run := e.run
	mark := p.styles.Mark(theme.OfStatus(run.Status, run.Conclusion))
	if run.Repository != "" {
		p.spans(frame.Span{Paint: p.styles.Accent, Text: "  " + run.Repository})
	}
	p.line(func(r *frame.Row) {
		r.Mark(mark).Space(1).Put(p.styles.Strong, fmt.Sprintf("%s #%d", workflowName(run.Workflow), run.Number)).
			Put(p.styles.Muted, fmt.Sprintf("  attempt %d  ", run.Attempt)).
			Put(p.styles.Text, run.Branch).Space(1).Put(p.styles.Accent, pipeline.Short(run.SHA)).
			Tail(p.styles.Muted, standing(run)+" "+clock.Since(p.now, runMoment(run))+ago(run))
	})
	if run.Title != "" {
		p.spans(frame.Span{Paint: p.styles.Muted, Text: "  " + run.Title})
	}
	if run.Actor != "" && p.level == roomy {
		p.spans(frame.Span{Paint: p.styles.Faint, Text: fmt.Sprintf("  run %d, by %s", run.ID, run.Actor)})
	}
	p.blank()
	for _, control := range e.controls(s) {
		e.drawSwitch(s, p, control)
	}
}

// ago follows how long a run has stood as it stands, where it is over.
func ago(r pipeline.Run) string {
	if r.Done() {
		return " ago"
	}
	return ""
}

// runMoment is when a run came to stand as it stands.
func runMoment(r pipeline.Run) time.Time {
	if r.Done() {
		return r.Ended()
	}
	if !r.Started.IsZero() {
		return r.Started
	}
	return r.Created
}

func (e *ending) drawSwitch(s *planned, p *page, control string) {
	label := map[string]string{controlJobs: "Jobs", controlDebug: "Debug", controlForce: "Force"}[control]
	p.mark(control, 0, p.width)
	s.label(p, label, label, control, func(r *frame.Row) {
		p.prompt(r, control)
		text, on := e.stands(control)
		sign := box(on)
		if control == controlJobs {
			sign = p.styles.Glyphs.Open
		}
		r.Put(p.styles.Accent, sign+" ").Put(p.styles.Text, text)
		if hint := e.hint(s, p, control); r.Left() > theme.Cells(hint)+1 {
			r.Tail(p.styles.Faint, hint)
		}
	})
}

// hint says how a switch is thrown, on the one that has the focus or, where none
// has, on the first.
func (e *ending) hint(s *planned, p *page, control string) string {
	controls := e.controls(s)
	switch {
	case p.focus == control:
		return "space changes it"
	case control == controls[0] && !slices.Contains(controls, p.focus):
		return "tab goes here"
	}
	return ""
}

// box is a switch as it stands.
func box(on bool) string {
	if on {
		return "[x]"
	}
	return "[ ]"
}

func (e *ending) buttons(s *planned) []button {
	return []button{
		{id: buttonGo, label: fmt.Sprintf("%s #%d", e.verb(), e.run.Number), danger: e.kind == pipeline.PlanCancel, off: s.shortfall()},
		{id: buttonCopy, label: "Copy the gh command", short: "Copy gh command"},
		{id: buttonLater, label: "Not now"},
	}
}

func (e *ending) press(*planned, string, time.Time) Action { return nil }
