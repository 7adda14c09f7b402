package ui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// prompt is a line of input in the footer.
type prompt struct {
	label    string
	hint     string
	input    textinput.Model
	change   func(text string) tea.Cmd  // with every key; nil: nothing
	accept   func(text string) tea.Cmd  // with Enter
	cancel   func() tea.Cmd             // with Esc
	complete func(text string) []string // what its last word could become, with Tab; nil: nothing

	offers []string // what the last word that was typed could become
	turn   int      // which of them Tab has put in its place; -1: none
}

// offer looks for what the last word could become.
func (p *prompt) offer() {
	p.offers, p.turn = nil, -1
	if p.complete == nil {
		return
	}
	text := p.input.Value()
	if p.offers = p.complete(text); len(p.offers) == 1 && strings.HasSuffix(" "+text, " "+p.offers[0]) {
		p.offers = nil // that is it already
	}
}

// take puts the next offer in the place of the last word, or the one before it.
func (p *prompt) take(step int) bool {
	if len(p.offers) == 0 {
		return false
	}
	if p.turn < 0 && step < 0 {
		p.turn = 0
	}
	p.turn = (p.turn + step + len(p.offers)) % len(p.offers)
	text := p.input.Value()
	p.input.SetValue(text[:strings.LastIndexByte(text, ' ')+1] + p.offers[p.turn])
	p.input.CursorEnd()
	if len(p.offers) == 1 {
		p.offer() // of a term its values are next
	}
	return true
}

// ask opens a prompt.
func (c *Console) ask(label, text, hint string, p prompt) tea.Cmd {
	p.label, p.hint = label, hint
	p.input = textinput.New()
	p.input.Prompt = ""
	p.input.SetVirtualCursor(false)
	p.input.SetValue(text)
	p.input.CursorEnd()
	p.offer()
	c.prompt, c.dirty = &p, true
	return p.input.Focus()
}

// askFilter narrows the focused panel while it is typed.
func (c *Console) askFilter() tea.Cmd {
	before := c.filter()
	set := func(text string) tea.Cmd {
		c.setFilter(text)
		return c.syncLogs()
	}
	hint, accept := "text to find", set
	var complete func(text string) []string
	if c.focus == keys.Runs {
		hint = pipeline.FilterTerms + " and text " + c.styles.Glyphs.Dot + " tab completes"
		complete = c.completeFilter
		accept = func(text string) tea.Cmd {
			c.setFilter(text)
			c.runs.Search()
			return c.loadOlder()
		}
	}
	if c.focus == "logs" {
		hint = "text, /regular expression/, level:warn, service:NAME, req:ID, cw:PATTERN"
	}
	return c.ask("/", before, hint, prompt{change: set, accept: accept, cancel: func() tea.Cmd { return set(before) }, complete: complete})
}

// completeFilter is what the last word of a filter of runs could become: of all
// that are loaded, whichever repository they are of.
func (c *Console) completeFilter(text string) []string {
	known := slices.Concat(c.snapshot.Runs.Value, c.snapshot.Older)
	for _, r := range c.snapshot.Repositories {
		known = append(known, r.Runs.Value...)
	}
	return pipeline.CompleteRunFilter(text, known)
}

// askSearch marks matches in the logs or in the opened run's log.
func (c *Console) askSearch() tea.Cmd {
	accept := func(text string) tea.Cmd {
		if c.opened != nil {
			a, err := c.opened.SetSearch(text)
			if err != nil {
				c.say(err.Error(), true)
				return nil
			}
			return c.act(a)
		}
		if err := c.logs.SetSearch(text); err != nil {
			c.say(err.Error(), true)
			return nil
		}
		return c.seek(true)
	}
	return c.ask("search ", "", "text or /regular expression/", prompt{accept: accept})
}

// toPrompt gives a key or paste to the prompt.
func (c *Console) toPrompt(msg tea.Msg) tea.Cmd {
	p := c.prompt
	c.dirty = true
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch k.String() {
		case "enter":
			c.prompt = nil
			return p.accept(p.input.Value())
		case "esc":
			c.prompt = nil
			if p.cancel != nil {
				return p.cancel()
			}
			return nil
		case "tab", "shift+tab":
			step := 1
			if k.String() == "shift+tab" {
				step = -1
			}
			if p.take(step) && p.change != nil {
				return p.change(p.input.Value())
			}
			return nil
		}
	}
	before := p.input.Value()
	var cmd tea.Cmd
	p.input, cmd = p.input.Update(msg)
	if p.input.Value() != before {
		p.offer()
	}
	if p.change != nil && p.input.Value() != before {
		return tea.Batch(cmd, p.change(p.input.Value()))
	}
	return cmd
}

// line draws the prompt, and says where its cursor stands.
func (p *prompt) line(s *theme.Styles, width int) (string, int) {
	row := frame.NewRow(s, width, theme.Paint{})
	row.Space(1).Put(s.Accent, p.label)
	at := 1 + theme.Cells(p.label)
	value := p.input.Value()
	room := max(width-at-1, 1)
	before := string([]rune(value)[:p.input.Position()])
	if theme.Cells(before) > room {
		value = theme.CutLeft(before, room, s.Glyphs.Ellipsis)
		before = value
	}
	row.Put(s.Text, value)
	switch {
	case value == "":
		row.Put(s.Faint, " "+p.hint)
	case len(p.offers) > 0:
		row.Put(s.Faint, "  tab")
		for i, offer := range p.offers {
			paint := s.Muted
			if i == p.turn {
				paint = s.Accent
			}
			row.Space(2).Put(paint, offer)
		}
	default:
		row.Tail(s.Faint, " "+p.hint+" "+s.Glyphs.Dot+" esc cancels ")
	}
	return row.String(), min(at+theme.Cells(before), width-1)
}
