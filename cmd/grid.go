package cmd

import (
	"io"
	"slices"

	"github.com/cli/go-gh/v2/pkg/tableprinter"
	"github.com/cli/go-gh/v2/pkg/text"
)

// column is a column of a grid.
type column struct {
	name string
	min  int // cells to which it may be cut; 0: it is never cut
	rank int // what goes where not all fit: the highest first; 0: never
}

// grid is a table that says what gives way on a narrow terminal, so that what
// the next command wants, a run's id, stands there whole. A pipe gets all of it.
type grid struct {
	columns []column
	rows    [][]string
}

func newGrid(columns ...column) *grid { return &grid{columns: columns} }

func (t *grid) add(fields ...string) { t.rows = append(t.rows, fields) }

// print prints the grid to a terminal that is as wide, or for a pipe where the
// width is 0.
func (t *grid) print(w io.Writer, width int) error {
	p := tableprinter.New(w, width > 0, max(width, 1))
	shown := make([]int, len(t.columns))
	for i := range shown {
		shown[i] = i
	}
	cells := t.natural()
	if width > 0 {
		shown = t.fitting(shown, cells, width)
		t.share(shown, cells, width)
	}
	write := func(at func(i int) string) {
		for _, i := range shown {
			text := at(i)
			if width > 0 && t.columns[i].min > 0 {
				text = cut(text, cells[i])
			}
			p.AddField(text, tableprinter.WithTruncate(nil))
		}
		p.EndRow()
	}
	if width > 0 && len(t.rows) > 0 {
		write(func(i int) string { return t.columns[i].name })
	}
	for _, row := range t.rows {
		write(func(i int) string { return row[i] })
	}
	return p.Render()
}

// cut shortens a text to as many cells.
func cut(s string, cells int) string { return text.Truncate(cells, s) }

// natural is how wide each column is with all of its text; 0: it has none.
func (t *grid) natural() []int {
	cells := make([]int, len(t.columns))
	for i, c := range t.columns {
		for _, row := range t.rows {
			cells[i] = max(cells[i], text.DisplayWidth(row[i]))
		}
		if cells[i] > 0 {
			cells[i] = max(cells[i], len(c.name))
		}
	}
	return cells
}

// fitting leaves out columns that are empty, and then those that go first until
// the rest fits.
func (t *grid) fitting(shown, cells []int, width int) []int {
	shown = slices.DeleteFunc(shown, func(i int) bool { return cells[i] == 0 })
	for {
		need, goes := -gap, -1
		for at, i := range shown {
			need += t.least(i, cells) + gap
			if c := t.columns[i]; c.rank > 0 && (goes < 0 || c.rank > t.columns[shown[goes]].rank) {
				goes = at
			}
		}
		if need <= width || goes < 0 {
			return shown
		}
		shown = slices.Delete(shown, goes, goes+1)
	}
}

// least is to how many cells a column may be cut.
func (t *grid) least(i int, cells []int) int {
	if least := t.columns[i].min; least > 0 {
		return min(cells[i], least)
	}
	return cells[i]
}

// share gives the columns that may be cut what is left of the width: each
// beyond its least in proportion to what it lacks, so that a long text gets most
// of it.
func (t *grid) share(shown, cells []int, width int) {
	free, lacking := width+gap, 0
	for _, i := range shown {
		free -= t.least(i, cells) + gap
		lacking += cells[i] - t.least(i, cells)
	}
	if free >= lacking {
		return
	}
	for _, i := range shown {
		least := t.least(i, cells)
		lack := cells[i] - least
		given := 0
		if lacking > 0 {
			given = max(free, 0) * lack / lacking
		}
		free, lacking = free-given, lacking-lack
		cells[i] = least + given
	}
}

// gap lies between two columns.
const gap = 2
