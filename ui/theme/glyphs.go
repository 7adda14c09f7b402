package theme

// Glyphs are the characters that are not letters. Each is one cell wide.
type Glyphs struct {
	Passed, Failed, Live, Moving, Disagrees, Waiting, NotYet, Skipped, Attention, Unknown string

	Spin     []string // Moving, as it turns
	Ellipsis string
	Dot      string // between facts: "·"
	Arrow    string // from → to
	Rule     string // between stages
	Folded   string // a tree's branch that can be opened
	Open     string // one that is
	Cursor   string // in front of the selected choice
	Bar      string // marks a row that belongs to a selection elsewhere
	Full     string // of a progress bar
	Empty    string
	Up, Down string
	Spark    []string // eight heights, lowest first
	Heart    string
	Released string // beside a version that has a GitHub release

	TopLeft, TopRight, BottomLeft, BottomRight, Horizontal, Vertical string // of borders
}

func glyphs(ascii bool) Glyphs {
	if ascii {
		return Glyphs{
			Passed: "+", Failed: "x", Live: "*", Moving: "o", Disagrees: "!", Waiting: "?", NotYet: ".",
			Skipped: "-", Attention: "!", Unknown: "?",
			Spin: []string{"o", "O"}, Ellipsis: "~", Dot: "-", Arrow: ">", Rule: "-", Folded: ">", Open: "v",
			Cursor: ">", Bar: "|", Full: "#", Empty: ".", Up: "^", Down: "v",
			Spark: []string{".", ".", ":", ":", "-", "=", "#", "#"}, Heart: "*", Released: "#",
			TopLeft: "+", TopRight: "+", BottomLeft: "+", BottomRight: "+", Horizontal: "-", Vertical: "|",
		}
	}
	return Glyphs{
		Passed: "✓", Failed: "✗", Live: "●", Moving: "◐", Disagrees: "▲", Waiting: "◆", NotYet: "○",
		Skipped: "⊘", Attention: "!", Unknown: "?",
		Spin: []string{"◐", "◓", "◑", "◒"}, Ellipsis: "…", Dot: "·", Arrow: "→", Rule: "─", Folded: "▸", Open: "▾",
		Cursor: "›", Bar: "▎", Full: "▓", Empty: "░", Up: "↑", Down: "↓",
		Spark: []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, Heart: "♥", Released: "★",
		TopLeft: "╭", TopRight: "╮", BottomLeft: "╰", BottomRight: "╯", Horizontal: "─", Vertical: "│",
	}
}

// Sparkline draws the newest n values, each between 0 and ceiling, one cell a
// value. Missing values at the left are blank.
func (s *Styles) Sparkline(values []float64, n int, ceiling float64) string {
	if len(values) > n {
		values = values[len(values)-n:]
	}
	b := make([]byte, 0, n*3)
	b = append(b, Blank(n-len(values))...)
	top := len(s.Glyphs.Spark) - 1
	for _, v := range values {
		i := 0
		if ceiling > 0 {
			i = min(max(int(v/ceiling*float64(top)+0.5), 0), top)
		}
		b = append(b, s.Glyphs.Spark[i]...)
	}
	return string(b)
}

// Progress draws a bar of n cells, filled to the fraction done.
func (s *Styles) Progress(done float64, n int) string {
	full := min(max(int(done*float64(n)+0.5), 0), n)
	b := make([]byte, 0, n*3)
	for i := range n {
		if i < full {
			b = append(b, s.Glyphs.Full...)
		} else {
			b = append(b, s.Glyphs.Empty...)
		}
	}
	return string(b)
}
