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
	if width > 0 {
		shown = t.fitting(shown, width)
	}
	write := func(at func(i int) string) {
		for _, i := range shown {
			if t.columns[i].min == 0 {
				p.AddField(at(i), tableprinter.WithTruncate(nil))
			} else {
				p.AddField(at(i))
			}
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

// fitting leaves out columns that are empty, and then those that go first until
// the rest fits.
func (t *grid) fitting(shown []int, width int) []int {
	wide := make([]int, len(t.columns))
	for i := range t.columns {
		for _, row := range t.rows {
			wide[i] = max(wide[i], text.DisplayWidth(row[i]))
		}
	}
	shown = slices.DeleteFunc(shown, func(i int) bool { return wide[i] == 0 })
	for {
		need, goes := -gap, -1
		for at, i := range shown {
			c := t.columns[i]
			cells := max(wide[i], len(c.name))
			if c.min > 0 {
				cells = min(cells, c.min)
			}
			need += cells + gap
			if c.rank > 0 && (goes < 0 || c.rank > t.columns[shown[goes]].rank) {
				goes = at
			}
		}
		if need <= width || goes < 0 {
			return shown
		}
		shown = slices.Delete(shown, goes, goes+1)
	}
}

// gap lies between two columns.
const gap = 2
