package frame

import "github.com/deployctl/gh-deployctl/ui/theme"

// Span is a text in one paint.
type Span struct {
	Paint theme.Paint
	Text  string
}

// Row builds one line of exactly its width in cells, from the left to the
// right; what does not fit is cut with an ellipsis. The zero Row is not ready:
// use NewRow or Reset. A Row may be reset and used again, so that a panel
// builds all its lines in one buffer.
type Row struct {
	buf      []byte
	styles   *theme.Styles
	back     theme.Paint
	width    int // cells of the line
	used     int // cells written
	reserved int // cells kept for the tail
}

// NewRow is a row of width cells on the background back.
func NewRow(styles *theme.Styles, width int, back theme.Paint) *Row {
	r := &Row{}
	r.Reset(styles, width, back)
	return r
}

// Reset empties the row for another line.
func (r *Row) Reset(styles *theme.Styles, width int, back theme.Paint) {
	r.buf, r.styles, r.back = r.buf[:0], styles, back
	r.width, r.used, r.reserved = max(width, 0), 0, 0
}

// Reserve keeps n cells at the end for Tail, out of reach of what is put
// before it.
func (r *Row) Reserve(n int) { r.reserved = min(n, r.width) }

// Left is how many cells are still free before the reserved ones.
func (r *Row) Left() int { return max(r.width-r.reserved-r.used, 0) }

// Put appends a text, cut to what is left.
func (r *Row) Put(p theme.Paint, text string) *Row {
	return r.cell(p, text, -1, false)
}

// Over appends a text on its own background, such as a match in a row that is
// selected.
func (r *Row) Over(p theme.Paint, text string) *Row {
	back := r.back
	r.back = theme.Paint{}
	r.Put(p, text)
	r.back = back
	return r
}

// Cell appends a text in exactly n cells.
func (r *Row) Cell(p theme.Paint, text string, n int) *Row { return r.cell(p, text, n, false) }

// CellRight appends a text in exactly n cells, at their right.
func (r *Row) CellRight(p theme.Paint, text string, n int) *Row { return r.cell(p, text, n, true) }

// Mark appends a state's glyph.
func (r *Row) Mark(m theme.Mark) *Row { return r.cell(m.Paint, m.Glyph, -1, false) }

// Space appends n blanks.
func (r *Row) Space(n int) *Row {
	n = min(n, r.Left())
	r.buf = theme.Paint{}.Append(r.buf, r.back, theme.Blank(n))
	r.used += max(n, 0)
	return r
}

// To moves on to column x, if it lies ahead.
func (r *Row) To(x int) *Row { return r.Space(x - r.used) }

// Spans appends several texts.
func (r *Row) Spans(spans ...Span) *Row {
	for _, s := range spans {
		r.Put(s.Paint, s.Text)
	}
	return r
}

// Tail appends a text at the very end of the line, in reserved cells if there
// are any; it is dropped where it does not fit beside what is there.
func (r *Row) Tail(p theme.Paint, text string) *Row {
	r.reserved = 0
	n := theme.Cells(text)
	if n > r.Left() {
		return r
	}
	return r.To(r.width-n).cell(p, text, -1, false)
}

func (r *Row) cell(p theme.Paint, text string, n int, right bool) *Row {
	left := r.Left()
	if n < 0 || n > left {
		n = min(theme.Cells(text), left)
	}
	if n == 0 {
		return r
	}
	text = theme.Cut(text, n, r.styles.Glyphs.Ellipsis)
	pad := n - theme.Cells(text)
	if right {
		r.Space(pad)
	}
	r.buf = p.Append(r.buf, r.back, text)
	r.used += n - pad
	if !right {
		r.Space(pad)
	}
	return r
}

// String is the line, filled to its width.
func (r *Row) String() string {
	r.reserved = 0
	r.Space(r.width - r.used)
	return string(r.buf)
}
