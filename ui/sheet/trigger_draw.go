package sheet

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// Lines implements [Sheet].
func (t *trigger) Lines(styles *theme.Styles, width, height int, now time.Time) []string {
	if t.confirm != nil {
		return t.confirm.Lines(styles, width, height, now)
	}
	w := sheetWidth(width)
	inner := max(w-2-2*margin(w), 0)
	focus := t.focus
	if t.picker != nil {
		focus = pickerTarget
	}
	for l := roomy; l < levels; l++ {
		t.body, t.foot = newPage(styles, inner, l, now, focus), newPage(styles, inner, l, now, focus)
		t.drawBody(t.body, height)
		t.drawFoot(t.foot)
		if len(t.body.rows)+len(t.foot.rows)+2 <= height {
			break
		}
	}
	title := "Run workflow"
	if t.workflow != "" {
		title += " " + styles.Glyphs.Dot + " " + t.workflow
	}
	b := frame.Box{
		Title: []frame.Span{{Paint: styles.Title, Text: title}}, Focused: true,
		Foot: []frame.Span{{Paint: styles.Muted, Text: t.summary(styles.Glyphs.Dot)}},
	}
	if b.Foot[0].Text == "" {
		b.Foot = nil
	}
	lines, place := t.scroll.box(b, t.body, t.foot, w, height)
	t.place = place
	return lines
}

// Cursor implements [Sheet].
func (t *trigger) Cursor() *tea.Cursor {
	if t.confirm != nil {
		return t.confirm.Cursor()
	}
	return cursorOn(t.body, t.place)
}

func (t *trigger) drawBody(p *page, height int) {
	p.padding()
	if t.picker != nil {
		title := map[string]string{targetRepository: "Repository", targetWorkflow: "Workflow", targetRef: "Ref"}[t.picker.control]
		if title == "" {
			title = strings.TrimPrefix(t.picker.control, inputPrefix)
		}
		t.picker.draw(p, title, max(min(height-12, 16), 3))
		return
	}
	if len(t.repositories) > 1 {
		t.drawControl(p, "Repository", targetRepository, t.repository, "", fmt.Sprintf("%d repositories", len(t.repositories)))
	}
	t.drawControl(p, "Workflow", targetWorkflow, t.workflow, t.workflowNote(), count(len(t.workflows), "workflow"))
	t.drawControl(p, "Ref", targetRef, t.ref, t.refSHA(), "branches, tags")
	if instead := t.guessedInstead(); instead != "" && t.state == read && p.level < folded {
		p.prose(p.styles.Faint, instead+" cannot be started by hand: this is the first that can", t.labelCells(p)+2)
	}
	p.blank()
	switch t.state {
	case underway:
		p.line(func(r *frame.Row) {
			r.Mark(p.styles.Mark(theme.Moving)).Space(1).Put(p.styles.Muted, "reading "+t.workflow+" at "+t.ref)
			if d := p.now.Sub(t.since); d >= 2*time.Second {
				r.Tail(p.styles.Faint, clock.Elapsed(d))
			}
		})
	case unreadable:
		p.bullet(p.styles.Mark(theme.Failed), p.styles.Danger, t.fileErr.Error(), "")
	case read:
		t.drawInputs(p)
	case unread:
	}
	p.trim()
}

func (t *trigger) workflowNote() string {
	for _, w := range t.workflows {
		if w.File() == t.workflow {
			return w.Name
		}
	}
	return ""
}

// drawControl is a control that opens a picker.
func (t *trigger) drawControl(p *page, label, target, text, note, hint string) {
	p.mark(target, 0, p.width)
	p.line(func(r *frame.Row) {
		t.label(p, r, label, target)
		p.prompt(r, target)
		if text == "" {
			r.Put(p.styles.Faint, "choose")
		} else {
			r.Put(p.styles.Text, text)
		}
		r.Put(p.styles.Muted, "  "+note).Tail(p.styles.Faint, p.styles.Glyphs.Open+" "+hint)
	})
}

func (t *trigger) label(p *page, r *frame.Row, text, target string) {
	paint := p.styles.Muted
	if p.focus == target {
		paint = p.styles.Strong
	}
	r.Cell(paint, text, t.labelCells(p)-1).Space(1)
}

// labelCells makes room for the longest name of an input, within reason.
func (t *trigger) labelCells(p *page) int {
	n := 10
	if len(t.repositories) > 1 {
		n = 12
	}
	for _, v := range t.values {
		n = max(n, theme.Cells(v.input.Name)+3)
	}
	return min(n, max(p.width/3, 8))
}

func (t *trigger) drawInputs(p *page) {
	switch {
	case t.rollsBack():
		p.bullet(p.styles.Mark(theme.Attention), p.styles.Text, "This is a rollback: it opens the rollback sheet, with its checks.", "")
		p.blank()
	case !t.file.Dispatchable:
		p.bullet(p.styles.Mark(theme.Failed), p.styles.Danger,
			fmt.Sprintf("%s has no workflow_dispatch at %s: it cannot be started by hand", t.workflow, t.ref), "")
		return
	case len(t.values) == 0:
		p.prose(p.styles.Muted, "It takes no inputs.", 0)
	}
	for _, v := range t.values {
		if t.rollsBack() && v.input.Name == confirmInput {
			p.line(func(r *frame.Row) {
				t.label(p, r, v.input.Name, "")
				r.Put(p.styles.Faint, "  is typed on the next sheet")
			})
			continue
		}
		t.drawInput(p, v)
	}
}

// drawInput is one input with its value, its problem, and its description.
func (t *trigger) drawInput(p *page, v *value) {
	target := inputPrefix + v.input.Name
	name := v.input.Name
	if v.input.Required {
		name += "*"
	}
	if v.text == nil {
		p.mark(target, 0, p.width)
	}
	problem := v.problem()
	if !t.tried && v.String() == "" {
		problem = ""
	}
	p.line(func(r *frame.Row) {
		t.label(p, r, name, target)
		t.drawValue(p, r, v, theme.Cells(problem))
		r.Tail(p.styles.Warn, problem)
	})
	if v.input.Description != "" && p.level < folded {
		p.prose(p.styles.Faint, v.input.Description, t.labelCells(p)+2)
	}
}

// drawValue is the control of an input; kept cells are left free at its right.
func (t *trigger) drawValue(p *page, r *frame.Row, v *value, kept int) {
	target := inputPrefix + v.input.Name
	room := max(r.Left()-2, 0)
	if kept > 0 {
		room = max(room-kept-2, 0)
	}
	switch {
	case v.input.Type == pipeline.InputBoolean:
		p.prompt(r, target)
		word := "no"
		if v.on {
			word = "yes"
		}
		r.Put(p.styles.Accent, box(v.on)).Put(p.styles.Text, " "+word)
	case v.picks():
		p.prompt(r, target)
		text, paint := v.pick, p.styles.Text
		if text == "" {
			text, paint = "(not sent)", p.styles.Faint
		}
		r.Put(paint, text)
		if kept == 0 {
			r.Tail(p.styles.Faint, p.styles.Glyphs.Open+" "+strings.Join(v.input.Options, ", "))
		}
	case v.input.Type == pipeline.InputNumber:
		p.input(r, v.text, target, "number", min(20, room))
	default:
		p.input(r, v.text, target, "", room)
	}
}

func (t *trigger) drawFoot(p *page) {
	p.padding()
	if t.picker != nil {
		p.spans(frame.Span{Paint: p.styles.Faint, Text: "enter chooses, esc goes back"})
		p.padding()
		return
	}
	p.buttons(shortened(t.buttons(), p.width))
	if v := t.value(t.focus); t.note == "" && v != nil && p.level >= folded {
		p.remark(p.styles.Muted, v.input.Description) // the form has no room for it
		return
	}
	p.remark(p.styles.Accent, t.note)
}
