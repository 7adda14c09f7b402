package sheet

import (
	"fmt"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// ending is the sheet that runs a run again or cancels it. It is bound to the
// run it was opened on.
type ending struct {
	run    pipeline.Run
	kind   pipeline.PlanKind
	failed bool // only the jobs that failed
	debug  bool // with debug logging
	force  bool // without waiting for the jobs' own clean-up
}

// The switches of the sheet.
const (
	controlFailed = "failed"
	controlDebug  = "debug"
	controlForce  = "force"
)

// NewRerun is the sheet that runs a run again; failedOnly is how its switch
// stands at first.
func NewRerun(run pipeline.Run, failedOnly bool) Sheet {
	return newEnding(&ending{run: run, kind: pipeline.PlanRerun, failed: failedOnly})
}

// NewCancel is the sheet that ends a run.
func NewCancel(run pipeline.Run) Sheet {
	return newEnding(&ending{run: run, kind: pipeline.PlanCancel})
}

func newEnding(about *ending) *planned { return newPlanned(about, about.request()) }

func (e *ending) request() PlanWanted {
	return PlanWanted{Kind: e.kind, Run: pipeline.RunRequest{RunID: e.run.ID, FailedOnly: e.failed, Debug: e.debug, Force: e.force}}
}

func (e *ending) verb() string {
	if e.kind == pipeline.PlanCancel {
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
	return []string{controlFailed, controlDebug}
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
	on := e.switched(control)
	*on = !*on
	s.want = e.request()
	return s.replan(now), true
}

func (e *ending) switched(control string) *bool {
	switch control {
	case controlFailed:
		return &e.failed
	case controlDebug:
		return &e.debug
	}
	return &e.force
}

func (e *ending) head(s *planned, p *page) {
	run := e.run
	mark := p.styles.Mark(theme.OfStatus(run.Status, run.Conclusion))
	p.line(func(r *frame.Row) {
		r.Mark(mark).Space(1).Put(p.styles.Strong, fmt.Sprintf("%s #%d", workflowName(run.Workflow), run.Number)).
			Put(p.styles.Muted, fmt.Sprintf("  attempt %d  ", run.Attempt)).
			Put(p.styles.Text, run.Branch).Space(1).Put(p.styles.Accent, pipeline.Short(run.SHA)).
			Tail(p.styles.Muted, standing(run)+" "+clock.Since(p.now, runMoment(run)))
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
	label, off, on := "Debug", "off", "on: step and runner debug lines in the logs"
	switch control {
	case controlFailed:
		label, off, on = "Jobs", "all of them", "only those that failed, and what depends on them"
	case controlForce:
		label, off, on = "Force", "no: jobs may clean up", "yes: jobs are not asked, always() steps do not run"
	}
	p.mark(control, 0, p.width)
	s.label(p, label, label, control, func(r *frame.Row) {
		p.prompt(r, control)
		text, paint := off, p.styles.Text
		if *e.switched(control) {
			text = on
		}
		r.Put(p.styles.Accent, box(*e.switched(control))+" ").Put(paint, text)
	})
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
