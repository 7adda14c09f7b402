package panel

import (
	"slices"

	"github.com/deployctl/gh-deployctl/ui/frame"
)

// List is a cursor over rows that are known by a key. The cursor belongs to a
// key and not to a place: rows may come, go and move, and it stays on its own.
// When its row is gone it is on none, and what acts on the selection has
// nothing to act on until the operator chooses again.
type List[K comparable] struct {
	rows   []K
	key    K
	on     bool // the cursor is on key
	wanted bool // key was chosen, though its row may be gone
	anew   bool // the rows to come are others because the operator said so
	first  bool // the cursor keeps to the first row until it is moved
	came   bool // another row came under such a cursor
	index  int  // where the cursor is, or was
	offset int
}

// SetRows takes the rows as they are now. The first rows ever put the cursor
// on the first of them.
func (l *List[K]) SetRows(rows []K) {
	l.rows = rows
	if !l.wanted || l.first {
		if first := l.first; len(rows) > 0 {
			l.came = l.came || l.wanted && rows[0] != l.key
			l.Select(rows[0])
			l.first = first
		}
		return
	}
	i := slices.Index(rows, l.key)
	if i < 0 && l.anew && len(rows) > 0 {
		l.Select(rows[0])
		i = 0
	}
	if l.on = i >= 0; l.on {
		l.index, l.anew = i, false
	}
	l.index = max(min(l.index, len(rows)-1), 0)
}

// KeepFirst has the cursor on the first row, whichever it is, until the operator
// moves it or Pin is called: for rows of which the first matters most. Where
// what acts on the selection changes something, the first key has to pin it.
func (l *List[K]) KeepFirst() { l.first = !l.wanted || l.first }

// Pin has the cursor stay on the row that it is on, wherever that goes. It
// reports whether that is another row than the cursor was on at first: who
// presses a key just then may mean either.
func (l *List[K]) Pin() (came bool) {
	came = l.first && l.came
	l.first = false
	return came
}

// Choose says that the operator is choosing among the rows anew, by a filter:
// where the cursor's row is not among those that come, it goes to the first.
func (l *List[K]) Choose() { l.anew = true }

// Select puts the cursor on a key, and reports whether a row has it.
func (l *List[K]) Select(key K) bool {
	i := slices.Index(l.rows, key)
	if i < 0 {
		return false
	}
	l.key, l.on, l.wanted, l.first, l.index = key, true, true, false, i
	return true
}

// Key is what the cursor is on, and whether it is on anything.
func (l *List[K]) Key() (K, bool) { return l.key, l.on }

// Index is the row that the cursor is on; -1 where it is on none.
func (l *List[K]) Index() int {
	if !l.on {
		return -1
	}
	return l.index
}

// Len is how many rows there are.
func (l *List[K]) Len() int { return len(l.rows) }

// Row is the key of the i-th row, and whether there is one.
func (l *List[K]) Row(i int) (key K, ok bool) {
	if i < 0 || i >= len(l.rows) {
		return key, false
	}
	return l.rows[i], true
}

// Move moves the cursor by n rows, as far as there are rows. A cursor whose
// row is gone lands on what stands there now.
func (l *List[K]) Move(n int) {
	if len(l.rows) == 0 {
		return
	}
	i := l.index + n
	if !l.on && l.wanted && n > 0 {
		i-- // the row after the lost one took its place
	}
	l.Select(l.rows[max(min(i, len(l.rows)-1), 0)])
}

// First moves the cursor to the first row.
func (l *List[K]) First() { l.Move(-len(l.rows) - 1) }

// Last moves the cursor to the last row.
func (l *List[K]) Last() { l.Move(2*len(l.rows) + 1) }

// Window is the first of height lines to show of total, where the cursor's row
// begins at line top and is span lines high.
func (l *List[K]) Window(top, span, height, total int) int {
	if l.on {
		l.offset = frame.Window(l.offset, min(top+span-1, top+height-1), height, total)
		l.offset = frame.Window(l.offset, top, height, total)
	} else {
		l.offset = max(min(l.offset, total-height), 0)
	}
	return l.offset
}

// Scroll keys that every list understands, and how far they move on a page of
// n rows; 0: the key is not one of them.
func (l *List[K]) Scroll(key string, n int) bool {
	switch key {
	case "j", "down":
		l.Move(1)
	case "k", "up":
		l.Move(-1)
	case "g", "home":
		l.First()
	case "G", "end":
		l.Last()
	case "pgdown", "ctrl+d", "ctrl+f":
		l.Move(max(n-1, 1))
	case "pgup", "ctrl+u", "ctrl+b":
		l.Move(-max(n-1, 1))
	default:
		return false
	}
	return true
}
