package ui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/sheet"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// noHolder says why there is no holder of the lane to cancel.
func (c *Console) noHolder() string {
	e := c.state()
	switch {
	case e == nil:
		return c.noEnvironment()
	case e.Lane.Free():
		return "nobody holds the lane of " + e.Environment.Name
	}
	return ""
}

func (c *Console) openHolder() tea.Cmd { return c.open(sheet.NewCancel(c.state().Lane.Holder.Run)) }

func (c *Console) openHold() tea.Cmd {
	e := c.state()
	return c.open(sheet.NewHold(e.Environment.Name, e.Hold))
}

// rolling is the service whose rollout is stopped or continued: the selected
// one where it moves, else the first that pauses, else the first that moves.
func (c *Console) rolling() *pipeline.ServiceView {
	e := c.state()
	if e == nil {
		return nil
	}
	var moves, pauses *pipeline.ServiceView
	for i := range e.Services {
		v := &e.Services[i]
		if v.Rollout == nil || !v.Rollout.InFlight() {
			continue
		}
		if c.focus == keys.Services && v.Key.Service == c.snapshot.Focus.Service {
			return v
		}
		if _, paused := v.Rollout.Pause(); paused && pauses == nil {
			pauses = v
		}
		if moves == nil {
			moves = v
		}
	}
	if pauses != nil {
		return pauses
	}
	return moves
}

func (c *Console) nothingMoves() string {
	if c.rolling() == nil {
		return "ECS is rolling out nothing here"
	}
	return ""
}

func (c *Console) openStop() tea.Cmd {
	v := c.rolling()
	if _, paused := v.Rollout.Pause(); paused {
		return c.open(sheet.NewContinue(pipeline.ContinueRequest{Environment: v.Key.Environment, Service: v.Key.Service}))
	}
	return c.open(sheet.NewStop(pipeline.StopRequest{Environment: v.Key.Environment, Service: v.Key.Service}))
}

// freezeNotice is how long before a freeze it is worth a word.
const freezeNotice = 24 * time.Hour

// freezePart says that production is frozen, or will be soon.
func (c *Console) freezePart() part {
	s := c.styles
	if f, ok := c.snapshot.Frozen(c.now); ok {
		text := "frozen"
		if !f.Until.IsZero() {
			text += " until " + f.Until.In(c.options.Zone).Format("2 Jan 15:04")
		}
		return part{spans(s.Warn, text), spans(s.Warn, "frozen")}
	}
	if f, ok := c.snapshot.NextFreeze(c.now, freezeNotice); ok {
		text := "freeze in " + clock.Age(f.From.Sub(c.now))
		return part{spans(s.Warn, text), spans(s.Warn, text)}
	}
	return part{}
}

// paused is the service of the environment in focus whose rollout waits for
// somebody; nil: none does.
func (c *Console) paused() *pipeline.Paused {
	for _, p := range c.snapshot.Paused() {
		if p.Service.Environment == c.environment {
			return &p
		}
	}
	return nil
}

// laneNotice is what keeps the lane of an environment from moving: a freeze, an
// approval that nobody decides about, or a pause that nobody answers. Empty:
// nothing does.
func (c *Console) laneNotice(e *pipeline.EnvironmentState) (text string, mark theme.State, tail string) {
	for _, a := range c.snapshot.Overdue(c.now) {
		if h := e.Lane.Holder; h != nil && h.Run.ID == a.Run.ID {
			return fmt.Sprintf("#%d waits for approval and blocks the lane; a decides, C cancels it", a.Run.Number), theme.Attention, clock.Since(c.now, a.Since)
		}
	}
	if p := c.paused(); p != nil {
		if !p.Expires.IsZero() {
			tail = "expires in " + clock.Short(p.Expires.Sub(c.now))
		}
		return p.Service.Service + " pauses until somebody answers: S lets it go on, or takes it back", theme.Waiting, tail
	}
	if f, ok := c.snapshot.Frozen(c.now); ok && e.Environment.Production {
		if !f.Until.IsZero() {
			tail = "until " + f.Until.In(c.options.Zone).Format("2 Jan 15:04")
		}
		return "frozen: " + f.Reason + "; " + e.Lane.Sentence, theme.Attention, tail
	}
	return "", theme.NotYet, ""
}

// tellReconciled says what an earlier console left without a receipt, once it
// was looked up.
func (c *Console) tellReconciled(before, now *pipeline.Snapshot) {
	if len(now.Reconciled) <= len(before.Reconciled) {
		return
	}
	r := now.Reconciled[len(now.Reconciled)-1]
	text := fmt.Sprintf("the %s of %s was left without a receipt: %s", r.Intent.Kind, r.Intent.SeenAt.In(c.options.Zone).Format("2 Jan 15:04"), r.Sentence)
	if more := len(now.Reconciled) - 1; more > 0 {
		text += fmt.Sprintf("; %d more, see gh deployctl audit", more)
	}
	c.say(text, r.Finding == pipeline.FoundDoubt)
}
