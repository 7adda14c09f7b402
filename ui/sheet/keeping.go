package sheet

import (
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// keeping is the sheet of what is done to an environment as a whole, with a
// reason: hold it, lift that, stop what ECS does, let a pause go on or back.
type keeping struct {
	noControls
	want PlanWanted
	hold *pipeline.Hold // as it was when the sheet opened
}

// buttonTurn turns the answer to a pause around: on, or back.
const buttonTurn = "turn"

// NewHold is the sheet that holds an environment, or lifts the hold that is
// there.
func NewHold(environment string, held *pipeline.Hold) Sheet {
	want := PlanWanted{Kind: pipeline.PlanLock, Hold: pipeline.HoldRequest{Environment: environment}}
	if held != nil {
		want.Kind, want.Hold.Release = pipeline.PlanUnlock, true
	}
	return newPlanned(&keeping{want: want, hold: held}, want)
}

// NewStop is the sheet that lets ECS take back what it is rolling out.
func NewStop(r pipeline.StopRequest) Sheet {
	want := PlanWanted{Kind: pipeline.PlanStop, Stop: r}
	return newPlanned(&keeping{want: want}, want)
}

// NewContinue is the sheet that answers the hook at which a rollout pauses.
func NewContinue(r pipeline.ContinueRequest) Sheet {
	want := PlanWanted{Kind: pipeline.PlanContinue, Continue: r}
	return newPlanned(&keeping{want: want}, want)
}

func (k *keeping) title() string {
	switch k.want.Kind {
	case pipeline.PlanLock:
		return "Hold " + k.want.Hold.Environment
	case pipeline.PlanUnlock:
		return "Lift the hold of " + k.want.Hold.Environment
	case pipeline.PlanStop:
		return "Stop the rollout"
	default:
		return "Continue the rollout"
	}
}

func (k *keeping) reading() string {
	if k.want.Kind == pipeline.PlanLock || k.want.Kind == pipeline.PlanUnlock {
		return "the hold, past every cache"
	}
	return "what ECS does, and the run behind it, past every cache"
}

func (k *keeping) shows(pipeline.Gate) bool { return true }

func (k *keeping) head(_ *planned, p *page) {
	switch k.want.Kind {
	case pipeline.PlanLock:
		p.prose(p.styles.Muted, "Nothing is approved and nothing deploys there until somebody lifts it. A rollback passes.", 0)
	case pipeline.PlanUnlock:
		k.drawHold(p)
	case pipeline.PlanStop:
		p.prose(p.styles.Muted, "ECS ends the deployment and goes back to the last revision that completed, by itself.", 0)
	default:
		text := "The deployment goes on to its next stage: the new tasks take over."
		if k.want.Continue.RollBack {
			text = "ECS takes the deployment back: the tasks before it take over again."
		}
		p.prose(p.styles.Muted, text, 0)
	}
}

// drawHold says whose hold would be lifted, why it is there, and what it marks.
func (k *keeping) drawHold(p *page) {
	if k.hold == nil {
		return
	}
	h := *k.hold
	p.line(func(r *frame.Row) {
		r.Mark(p.styles.Mark(theme.Attention)).Space(1).Put(p.styles.Strong, h.Owner).Tail(p.styles.Muted, "since "+clock.Since(p.now, h.Since))
	})
	p.prose(p.styles.Text, h.Reason, 2)
	if len(h.Faulty) > 0 {
		var marked []string
		for _, sha := range h.Faulty {
			marked = append(marked, pipeline.Short(sha))
		}
		p.prose(p.styles.Warn, "It marks "+strings.Join(marked, ", ")+" as faulty; lifted, that release can be deployed again.", 2)
	}
}

func (k *keeping) buttons(s *planned) []button {
	out := []button{{id: buttonGo, label: k.verb(), danger: true, off: s.shortfall()}}
	if k.want.Kind == pipeline.PlanContinue {
		label := "Roll back instead"
		if k.want.Continue.RollBack {
			label = "Continue instead"
		}
		out = append(out, button{id: buttonTurn, label: label})
	}
	return append(out, button{id: buttonCopy, label: "Copy the command", short: "Copy"}, button{id: buttonLater, label: "Not now"})
}

func (k *keeping) verb() string {
	switch {
	case k.want.Kind == pipeline.PlanLock:
		return "Hold " + k.want.Hold.Environment
	case k.want.Kind == pipeline.PlanUnlock:
		return "Lift the hold"
	case k.want.Kind == pipeline.PlanStop:
		return "Stop it"
	case k.want.Continue.RollBack:
		return "Roll back"
	}
	return "Continue"
}

// press turns the answer to a pause around, which is another plan.
func (k *keeping) press(s *planned, id string, now time.Time) Action {
	if id != buttonTurn {
		return nil
	}
	k.want.Continue.RollBack = !k.want.Continue.RollBack
	s.want = k.want
	s.planAt, s.plan = time.Time{}, pipeline.Plan{}
	return s.replan(now)
}
