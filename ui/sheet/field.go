package sheet

import (
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// longest is how many characters a field takes. GitHub cuts review comments
// and inputs at 65,535; nobody types that on a sheet.
const longest = 2000

// field is one line of text that is typed. The editing is textinput's; drawing
// is done here, because a row must come out exactly as wide as it was asked to.
type field struct {
	input  textinput.Model
	offset int // first character on the screen
}

func newField() *field {
	in := textinput.New()
	in.SetVirtualCursor(false)
	in.CharLimit = longest
	in.KeyMap.Paste = key.NewBinding(key.WithDisabled()) // the terminal pastes; reading the clipboard would start a program
	in.Focus()
	return &field{input: in}
}

// handle edits the text. Other messages than keys and pastes do nothing.
func (f *field) handle(msg tea.Msg) {
	switch m := msg.(type) {
	case tea.KeyPressMsg:
		m.Text = sanitise.Text(m.Text)
		f.input, _ = f.input.Update(m)
	case tea.PasteMsg:
		m.Content = strings.Join(strings.Fields(sanitise.Text(m.Content)), " ")
		f.input, _ = f.input.Update(m)
	}
}

// text is what was typed, without blanks around it.
func (f *field) text() string { return strings.TrimSpace(f.input.Value()) }

func (f *field) set(text string) {
	f.input.SetValue(text)
	f.input.CursorEnd()
}

// window is the part of the text that fits in width cells with the cursor in
// it, and the cell of the cursor.
func (f *field) window(width int) (string, int) {
	runes := []rune(f.input.Value())
	cursor := min(f.input.Position(), len(runes))
	f.offset = min(f.offset, cursor)
	for f.offset < cursor && theme.Cells(string(runes[f.offset:cursor])) >= width {
		f.offset++
	}
	if theme.Cells(string(runes)) < width {
		f.offset = 0
	}
	return theme.Cut(string(runes[f.offset:]), width, ""), theme.Cells(string(runes[f.offset:cursor]))
}

// draw puts the field in width cells of the row and returns where in them the
// cursor stands. A placeholder shows while nothing is typed.
func (f *field) draw(r *frame.Row, s *theme.Styles, width int, placeholder string, focused bool) int {
	width = min(width, r.Left())
	text, at := f.window(width)
	paint := s.Field
	switch {
	case text == "" && placeholder != "":
		r.Put(s.Faint.On(s.Field), theme.Fit(placeholder, width, s.Glyphs.Ellipsis))
		return 0
	case focused:
		paint = s.Strong.On(s.Field)
	}
	r.Put(paint, theme.Fit(text, width, ""))
	return min(at, max(width-1, 0))
}
