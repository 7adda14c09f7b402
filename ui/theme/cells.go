package theme

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// spaces is what blanks are cut from.
var spaces = strings.Repeat(" ", 512)

// Blank is a text of n spaces; empty for n < 1.
func Blank(n int) string {
	switch {
	case n < 1:
		return ""
	case n <= len(spaces):
		return spaces[:n]
	}
	return strings.Repeat(" ", n)
}

// plain reports whether each byte of s is one cell.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// Cells is the width of s on the screen. Escape sequences have none.
func Cells(s string) int {
	if plain(s) {
		return len(s)
	}
	return ansi.StringWidth(s)
}

// Cut shortens s to at most n cells; what is cut ends in an ellipsis.
func Cut(s string, n int, ellipsis string) string {
	switch {
	case n <= 0:
		return ""
	case plain(s):
		if len(s) <= n {
			return s
		}
		if tail := Cells(ellipsis); tail <= n {
			return s[:n-tail] + ellipsis
		}
		return s[:n]
	case len(s) <= n || ansi.StringWidth(s) <= n: // a cell takes at least a byte
		return s
	case Cells(ellipsis) > n:
		ellipsis = ""
	}
	return ansi.Truncate(s, n, ellipsis)
}

// CutLeft shortens s to at most n cells from its beginning, for paths and
// names whose end says more.
func CutLeft(s string, n int, ellipsis string) string {
	w := Cells(s)
	switch {
	case n <= 0:
		return ""
	case w <= n:
		return s
	case Cells(ellipsis) > n:
		ellipsis = ""
	}
	return ansi.TruncateLeft(s, w-n+Cells(ellipsis), ellipsis)
}

// Fit is s in exactly n cells: cut with an ellipsis, or filled with spaces.
func Fit(s string, n int, ellipsis string) string {
	s = Cut(s, n, ellipsis)
	return s + Blank(n-Cells(s))
}

// FitRight is s in exactly n cells, at the right.
func FitRight(s string, n int, ellipsis string) string {
	s = Cut(s, n, ellipsis)
	return Blank(n-Cells(s)) + s
}
