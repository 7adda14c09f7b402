package sheet

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// targets are what tab walks through in the form.
func (t *trigger) targets() []string {
	var out []string
	if len(t.repositories) > 1 {
		out = append(out, targetRepository)
	}
	out = append(out, targetWorkflow, targetRef)
	for _, v := range t.asked() {
		out = append(out, inputPrefix+v.input.Name)
	}
	for _, b := range t.buttons() {
		out = append(out, b.id)
	}
	return out
}

func (t *trigger) buttons() []button {
	all := []button{
		{id: buttonNext, label: "Next", off: t.missing().sentence},
		{id: buttonCopy, label: "Copy the gh command", short: "Copy gh command"},
	}
	if t.recalled {
		all = append(all, button{id: buttonDefaults, label: "Defaults"})
	}
	return append(all, button{id: buttonLater, label: "Not now"})
}

// typing is the field that has the focus; nil: none has.
func (t *trigger) typing() *field {
	if t.picker != nil {
		return t.picker.filter
	}
	if v := t.value(t.focus); v != nil {
		return v.text
	}
	return nil
}

func (t *trigger) move(n int) {
	all := t.targets()
	at := slices.Index(all, t.focus)
	t.focus = all[((at+n)%len(all)+len(all))%len(all)]
}

// pickerKey handles a key while a picker is open.
func (t *trigger) pickerKey(m tea.KeyPressMsg, now time.Time) Action {
	switch m.Keystroke() {
	case "esc":
		if t.workflow == "" && t.picker.control == targetWorkflow {
			return Close{}
		}
		t.picker = nil
		return nil
	case "enter":
		o, ok := t.picker.choice()
		if !ok || m.IsRepeat {
			return nil // it sends nothing, and may be quick; a key held since the form was there chooses nothing
		}
		return t.choose(o, now)
	}
	t.picker.handle(m)
	return nil
}

// key handles a key of the form.
func (t *trigger) key(m tea.KeyPressMsg, now time.Time) Action {
	switch m.Keystroke() {
	case "esc":
		return Close{}
	case "tab", "down":
		t.move(1)
	case "shift+tab", "up":
		t.move(-1)
	case "pgup":
		t.scroll.by(-5)
	case "pgdown":
		t.scroll.by(5)
	case "enter":
		return t.enter(m.IsRepeat, now)
	default:
		return t.letter(m)
	}
	return nil
}

// enter opens a picker, throws a switch, presses a button, or goes on.
func (t *trigger) enter(held bool, now time.Time) Action {
	if now.Sub(t.changed) < Settle {
		return nil
	}
	v := t.value(t.focus)
	switch {
	case t.focus == targetRepository, t.focus == targetWorkflow, t.focus == targetRef, v != nil && v.picks():
		return t.open(t.focus)
	case v != nil && v.input.Type == pipeline.InputBoolean:
		v.on = !v.on
	case v != nil:
		t.move(1)
		if t.value(t.focus) == nil {
			t.changed = now // on a button now: the next Enter must be a new decision
		}
	case !held:
		return t.press(t.focus, now)
	}
	return nil
}

// letter types, walks through options, or starts a picker with what was typed.
func (t *trigger) letter(m tea.KeyPressMsg) Action {
	v := t.value(t.focus)
	if v != nil && v.text != nil {
		v.text.handle(m)
		return nil
	}
	key := m.Keystroke()
	switch {
	case v != nil && v.walk(key):
	case v != nil || t.focus == targetRepository || t.focus == targetWorkflow || t.focus == targetRef:
		if strings.TrimSpace(m.Text) == "" {
			return nil
		}
		a := t.open(t.focus)
		t.picker.handle(m)
		return a
	case key == "q":
		return Close{}
	case key == "left", key == "h":
		t.move(-1)
	case key == "right", key == "l":
		t.move(1)
	}
	return nil
}

// walk goes through the options of a field; false: the key is none of those.
func (v *value) walk(key string) bool {
	switch {
	case v.input.Type == pipeline.InputBoolean:
		if key == "space" || key == "left" || key == "right" {
			v.on = !v.on
		}
	case key == "right" || key == "space":
		v.cycle(1)
	case key == "left":
		v.cycle(-1)
	default:
		return false
	}
	return true
}

func (t *trigger) press(id string, now time.Time) Action {
	switch id {
	case buttonNext:
		return t.next(now)
	case buttonCopy:
		if t.workflow == "" {
			t.note = "choose a workflow first"
			return nil
		}
		t.note = "copied"
		return Copy{Text: t.command(), What: "the gh command"}
	case buttonDefaults:
		t.reset()
		t.focus, t.changed = t.first(), now
	case buttonLater:
		return Close{}
	}
	return nil
}

func (t *trigger) paste(m tea.PasteMsg) {
	if t.picker != nil {
		t.picker.handle(m)
		return
	}
	if f := t.typing(); f != nil {
		f.handle(m)
	}
}

func (t *trigger) click(m tea.Mouse, now time.Time) Action {
	if m.Button != tea.MouseLeft || t.body == nil {
		return nil
	}
	s, inFoot, ok := t.place.hit(m, t.body, t.foot)
	switch {
	case !ok || now.Sub(t.changed) < Settle:
	case t.picker != nil:
		if o, isOption := strings.CutPrefix(s, "option "); isOption {
			t.picker.chosen = o
			if o, found := t.picker.choice(); found {
				return t.choose(o, now)
			}
		}
	case inFoot:
		t.focus = s
		return t.press(s, now)
	default:
		t.focus = s
		if v := t.value(s); v == nil || v.text == nil {
			return t.enter(false, now)
		}
	}
	return nil
}

func (t *trigger) wheel(b tea.MouseButton) {
	step := 0
	switch b {
	case tea.MouseWheelUp:
		step = -3
	case tea.MouseWheelDown:
		step = 3
	default:
	}
	if t.picker != nil {
		t.picker.move(step)
		return
	}
	t.scroll.by(step)
}
