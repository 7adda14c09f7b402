package sheet

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// option is one line of a picker.
type option struct {
	value string // what is chosen
	label string // what is read
	note  string // beside it, muted
}

// picker is a list from which one is chosen by typing a part of it.
type picker struct {
	control string // of the form, which the choice is for
	all     []option
	shown   []option
	filter  *field
	chosen  string // value under the cursor: kept by identity while the list changes
	offset  int
	waiting bool  // the options are still being read
	err     error // why they could not be read
}

func newPicker(control string, all []option, chosen string) *picker {
	p := &picker{control: control, all: all, filter: newField(), chosen: chosen}
	p.refilter()
	return p
}

// fill replaces the options; the cursor stays on what it was on.
func (p *picker) fill(all []option, err error) {
	p.all, p.err, p.waiting = all, err, false
	p.refilter()
}

func (p *picker) refilter() {
	words := strings.Fields(strings.ToLower(p.filter.text()))
	p.shown = p.shown[:0:0]
	for _, o := range p.all {
		text := strings.ToLower(o.value + " " + o.label + " " + o.note)
		ok := true
		for _, w := range words {
			ok = ok && strings.Contains(text, w)
		}
		if ok {
			p.shown = append(p.shown, o)
		}
	}
	if p.at() < 0 && len(p.shown) > 0 {
		p.chosen = p.shown[0].value
	}
}

// at is the place of the cursor among what is shown; -1: not there.
func (p *picker) at() int {
	for i, o := range p.shown {
		if o.value == p.chosen {
			return i
		}
	}
	return -1
}

// handle types into the filter or moves the cursor.
func (p *picker) handle(msg tea.Msg) {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		step := map[string]int{"down": 1, "up": -1, "tab": 1, "shift+tab": -1, "ctrl+n": 1, "ctrl+p": -1, "pgdown": 10, "pgup": -10}[k.Keystroke()]
		if step != 0 {
			p.move(step)
			return
		}
	}
	p.filter.handle(msg)
	p.refilter()
}

func (p *picker) move(n int) {
	if len(p.shown) == 0 {
		return
	}
	p.chosen = p.shown[max(min(p.at()+n, len(p.shown)-1), 0)].value
}

// choice is the option under the cursor.
func (p *picker) choice() (option, bool) {
	i := p.at()
	if i < 0 {
		return option{}, false
	}
	return p.shown[i], true
}

const pickerTarget = "filter"

// draw puts the filter and at most rows options on the page.
func (p *picker) draw(pg *page, title string, rows int) {
	pg.line(func(r *frame.Row) {
		r.Cell(pg.styles.Strong, title, labelCells(pg)-1).Space(1)
		pg.input(r, p.filter, pickerTarget, "type to filter", r.Left()-2)
	})
	pg.blank()
	switch {
	case p.waiting:
		pg.bullet(pg.styles.Mark(theme.Moving), pg.styles.Muted, "reading", "")
		return
	case p.err != nil:
		pg.bullet(pg.styles.Mark(theme.Failed), pg.styles.Danger, p.err.Error(), "")
		return
	case len(p.shown) == 0:
		pg.prose(pg.styles.Muted, fmt.Sprintf("none of %d matches", len(p.all)), 2)
		return
	}
	at := max(p.at(), 0)
	p.offset = frame.Window(p.offset, at, rows, len(p.shown))
	for i := p.offset; i < min(p.offset+rows, len(p.shown)); i++ {
		p.drawOption(pg, p.shown[i], i == at)
	}
	if hidden := len(p.shown) - rows; hidden > 0 {
		pg.spans(frame.Span{Paint: pg.styles.Faint, Text: fmt.Sprintf("  %d more: %s%s", hidden, pg.styles.Glyphs.Up, pg.styles.Glyphs.Down)})
	}
}

func (p *picker) drawOption(pg *page, o option, cursor bool) {
	back, mark := theme.Paint{}, " "
	if cursor {
		back, mark = pg.styles.Selected, pg.styles.Glyphs.Cursor
	}
	pg.mark("option "+o.value, 0, pg.width)
	row := frame.NewRow(pg.styles, pg.width, back)
	row.Put(pg.styles.Accent, mark).Space(1).Put(pg.styles.Text, o.label)
	pg.rows = append(pg.rows, row.Space(2).Put(pg.styles.Muted, o.note).String())
}
