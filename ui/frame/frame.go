// Package frame joins lines into screens. A panel is a slice of lines of equal
// width that it keeps while nothing changed; a frame is those lines one beside
// the other. Nothing here measures or wraps what a panel already fitted, which
// is what keeps a frame three orders of magnitude cheaper than a layout by
// style functions.
package frame

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/deployctl/gh-deployctl/ui/theme"
)

// Rect is a part of the screen, in cells.
type Rect struct{ X, Y, Width, Height int }

// Empty reports whether the rectangle holds no cell.
func (r Rect) Empty() bool { return r.Width <= 0 || r.Height <= 0 }

// Contains reports whether the cell at x, y lies in the rectangle.
func (r Rect) Contains(x, y int) bool {
	return x >= r.X && x < r.X+r.Width && y >= r.Y && y < r.Y+r.Height
}

// Inner is the rectangle within a border.
func (r Rect) Inner() Rect {
	return Rect{r.X + 1, r.Y + 1, max(r.Width-2, 0), max(r.Height-2, 0)}
}

// Center places a box of w by h cells in the middle of the rectangle, cut to
// its size.
func (r Rect) Center(w, h int) Rect {
	w, h = min(w, r.Width), min(h, r.Height)
	return Rect{r.X + (r.Width-w)/2, r.Y + (r.Height-h)/2, w, h}
}

// Box is a border with texts in it.
type Box struct {
	Title     []Span // in the upper border, left
	Right     []Span // in the upper border, right; given up first
	Foot      []Span // in the lower border, left
	FootRight []Span // in the lower border, right
	Focused   bool
	Border    theme.Paint // zero: by focus
}

// Lines draws the box of width by height cells around content, whose lines
// must be width-2 cells wide; missing lines are blank, surplus ones left out.
// The lines are appended to dst.
func (b Box) Lines(dst []string, s *theme.Styles, content []string, width, height int) []string {
	if width < 2 || height < 2 {
		for range max(height, 0) {
			dst = append(dst, theme.Blank(width))
		}
		return dst
	}
	paint := b.Border
	if paint.Zero() {
		paint = s.Border
		if b.Focused {
			paint = s.BorderFocused
		}
	}
	g := s.Glyphs
	dst = append(dst, edge(s, paint, g.TopLeft, g.TopRight, b.Title, b.Right, width))
	side := paint.Render(g.Vertical)
	for i := range height - 2 {
		line := ""
		if i < len(content) {
			line = content[i]
		} else {
			line = theme.Blank(width - 2)
		}
		dst = append(dst, side+line+side)
	}
	return append(dst, edge(s, paint, g.BottomLeft, g.BottomRight, b.Foot, b.FootRight, width))
}

// edge is one horizontal border with texts in it.
func edge(s *theme.Styles, paint theme.Paint, left, right string, text, tail []Span, width int) string {
	row := NewRow(s, width, theme.Paint{})
	row.Put(paint, left)
	row.Reserve(1)
	tailCells := spanCells(tail)
	if tailCells > 0 && spanCells(text)+tailCells+6 > row.Left() {
		tail, tailCells = nil, 0
	}
	if len(text) > 0 && row.Left() > 2 {
		row.reserved++ // a blank after the text
		row.Space(1).Spans(text...)
		row.reserved--
		row.Space(1)
	}
	rule := row.Left() - tailCells
	if tailCells > 0 {
		rule -= 3
	}
	row.Put(paint, strings.Repeat(s.Glyphs.Horizontal, max(rule, 0)))
	if tailCells > 0 {
		row.Space(1).Spans(tail...).Space(1).Put(paint, s.Glyphs.Horizontal)
	}
	row.reserved = 0
	return row.Put(paint, right).String()
}

func spanCells(spans []Span) int {
	n := 0
	for _, s := range spans {
		n += theme.Cells(s.Text)
	}
	return n
}

// Beside appends the lines of several columns, joined row by row, to dst. The
// columns must be of equal height.
func Beside(dst []string, columns ...[]string) []string {
	if len(columns) == 0 {
		return dst
	}
	for y := range columns[0] {
		n := 0
		for _, c := range columns {
			n += len(c[y])
		}
		var b strings.Builder
		b.Grow(n)
		for _, c := range columns {
			b.WriteString(c[y])
		}
		dst = append(dst, b.String())
	}
	return dst
}

// Splice lays box over lines with its upper left corner at x, y. It changes
// lines. What would stick out is left out.
func Splice(lines, box []string, x, y int) {
	for i, over := range box {
		at := y + i
		if at < 0 || at >= len(lines) {
			continue
		}
		under, width := lines[at], theme.Cells(over)
		left := theme.Fit(ansi.Truncate(under, x, ""), x, "")
		total := theme.Cells(under)
		rest := ""
		if end := x + width; end < total {
			rest = theme.FitRight(ansi.Cut(under, end, total), total-end, "")
		}
		lines[at] = left + over + rest
	}
}

// Dim repaints lines in one paint, without what they had: the screen behind a
// sheet.
func Dim(lines []string, p theme.Paint) {
	for i, l := range lines {
		lines[i] = p.Render(ansi.Strip(l))
	}
}

// Window is the first line to show of total, so that the one under the cursor
// is among the height visible ones, moving as little as possible from offset.
func Window(offset, cursor, height, total int) int {
	if height <= 0 {
		return 0
	}
	if cursor < offset {
		offset = cursor
	}
	if cursor >= offset+height {
		offset = cursor - height + 1
	}
	return max(min(offset, total-height), 0)
}

// Wrap breaks text into lines of at most width cells, at spaces where it can: a
// name with a hyphen in it stays whole.
func Wrap(text string, width int) []string {
	if width <= 0 {
		return nil
	}
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		lines = append(lines, wrap(paragraph, width)...)
	}
	return lines
}

func wrap(text string, width int) []string {
	var lines []string
	for theme.Cells(text) > width {
		part := theme.Cut(text, width, "")
		if part == "" { // not even one character fits
			_, size := utf8.DecodeRuneInString(text)
			part = text[:size]
		} else if i := strings.LastIndexByte(part, ' '); i > 0 && text[len(part)] != ' ' && strings.TrimLeft(part[:i], " ") != "" {
			part = part[:i]
		}
		lines = append(lines, strings.TrimRight(part, " "))
		text = strings.TrimLeft(text[len(part):], " ")
	}
	if text == "" && len(lines) > 0 {
		return lines
	}
	return append(lines, text)
}
