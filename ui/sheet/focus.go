package sheet

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// targets are what tab walks through, in the order of the screen.
func (s *planned) targets() []string {
	var out []string
	if s.stage == ready || (s.stage == checking && s.hasPlan()) {
		out = append(out, s.subject.controls(s)...)
	}
	if s.stage == ready {
		for _, g := range s.plan.Gates {
			if g.NeedsAck() {
				out = append(out, ackTarget(g))
			}
		}
		if s.plan.Comment {
			out = append(out, targetComment)
		}
		if s.plan.Reason > 0 {
			out = append(out, targetReason)
		}
		if s.plan.Typed != "" {
			out = append(out, targetWord)
		}
	}
	for _, b := range s.shownButtons() {
		out = append(out, b.id)
	}
	return out
}

// shownButtons are the buttons of the stage. There is always one.
func (s *planned) shownButtons() []button {
	closing := button{id: buttonLater, label: "Close"}
	switch s.stage {
	case ready:
		return s.subject.buttons(s)
	case dryRun:
		return []button{{id: buttonBack, label: "Back"}, {id: buttonCopy, label: "Copy the gh command", short: "Copy gh command"}, {id: buttonLater, label: "Not now"}}
	case failed:
		return slices.Concat([]button{{id: buttonAgain, label: "Try again"}}, s.previous, []button{closing})
	case ended:
		return append(s.afterwards(), closing)
	case checking:
		return append(slices.Clone(s.previous), button{id: buttonLater, label: "Not now"})
	case sending:
	}
	return []button{closing}
}

// typing is the field that has the focus; nil: none has.
func (s *planned) typing() *field {
	if s.stage != ready {
		return nil
	}
	switch {
	case s.focus == targetComment, s.focus == targetReason, s.focus == targetWord, strings.HasPrefix(s.focus, ackPrefix):
		return s.field(s.focus)
	}
	return nil
}

// keepFocus puts the focus on something that exists: what had it, else the
// first thing that is missing, else a button. Where nothing has to be typed and
// the change cannot be taken back that is the one that changes nothing.
func (s *planned) keepFocus() {
	all := s.targets()
	if slices.Contains(all, s.focus) {
		return
	}
	s.focus = s.shownButtons()[0].id
	switch {
	case s.stage == ended && s.receipt.Outcome == pipeline.OutcomeDone:
		s.focus = buttonLater
	case s.stage != ready:
	case len(s.plan.Blocking()) > 0, s.plan.Intent.Kind == pipeline.PlanCancel:
		s.focus = buttonLater
	default:
		if missing := s.missing(); len(missing) > 0 {
			s.focus = missing[0].target
		}
	}
}

// move puts the focus n targets further, around the end.
func (s *planned) move(n int) {
	all := s.targets()
	at := slices.Index(all, s.focus)
	s.focus = all[((at+n)%len(all)+len(all))%len(all)]
	s.scroll.free = false
}

func (s *planned) key(m tea.KeyPressMsg, now time.Time) Action {
	s.note = ""
	key := m.Keystroke()
	if slices.Contains(s.subject.controls(s), s.focus) {
		if a, ok := s.subject.turn(s, s.focus, key, now); ok {
			return a
		}
	}
	switch key {
	case "esc":
		return s.leave(now)
	case "tab", "down":
		s.move(1)
	case "shift+tab", "up":
		s.move(-1)
	case "pgup":
		s.scroll.by(-5)
	case "pgdown":
		s.scroll.by(5)
	case "ctrl+r":
		if s.stage == ready && !s.renewing {
			return s.renew()
		}
	case "enter":
		return s.enterKey(m.IsRepeat, now)
	default:
		return s.letter(m, now)
	}
	return nil
}

// leave closes the sheet, or goes back from the dry run.
func (s *planned) leave(now time.Time) Action {
	if s.stage == dryRun {
		s.enter(ready, now)
		return nil
	}
	return Close{}
}

// enterKey goes on from a field and presses a button. A key that is held down
// presses nothing, and neither does one that comes right after a change.
func (s *planned) enterKey(held bool, now time.Time) Action {
	if now.Sub(s.changed) < Settle {
		return nil
	}
	if s.typing() == nil {
		if held {
			return nil
		}
		return s.press(s.focus, now)
	}
	s.move(1)
	if s.typing() == nil { // on a button now: the next Enter must be a new decision
		s.changed = now
	}
	return nil
}

// letter types, or walks along the buttons.
func (s *planned) letter(m tea.KeyPressMsg, now time.Time) Action {
	if f := s.typing(); f != nil {
		f.handle(m)
		s.scroll.free = false
		return nil
	}
	switch m.Keystroke() {
	case "q":
		return s.leave(now)
	case "left", "h":
		s.move(-1)
	case "right", "l":
		s.move(1)
	case "j":
		s.scroll.by(1)
	case "k":
		s.scroll.by(-1)
	}
	return nil
}

// press acts on a button.
func (s *planned) press(id string, now time.Time) Action {
	if !slices.ContainsFunc(s.shownButtons(), func(b button) bool { return b.id == id }) {
		return nil
	}
	switch id {
	case buttonLater:
		return Close{}
	case buttonCopy:
		s.note = "copied"
		return Copy{Text: s.plan.Command, What: "the gh command"}
	case buttonAgain:
		return s.replan(now)
	case buttonOpen:
		return OpenRun{ID: s.openable()}
	case buttonBack:
		s.enter(ready, now)
		return nil
	case buttonGo:
		return s.confirm(now)
	}
	return s.subject.press(s, id, now)
}

// click puts the focus on what was clicked and presses it if it is a button.
func (s *planned) click(m tea.Mouse, now time.Time) Action {
	if m.Button != tea.MouseLeft || s.body == nil {
		return nil
	}
	target, inFoot, ok := s.place.hit(m, s.body, s.foot)
	if !ok {
		return nil
	}
	s.focus, s.note, s.scroll.free = target, "", false
	if inFoot && now.Sub(s.changed) >= Settle {
		return s.press(target, now)
	}
	return nil
}

func (s *planned) wheel(b tea.MouseButton) {
	switch b {
	case tea.MouseWheelUp:
		s.scroll.by(-3)
	case tea.MouseWheelDown:
		s.scroll.by(3)
	default:
	}
}
