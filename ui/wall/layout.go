package wall

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// The smallest cell that is drawn with a border. On less there is one row an
// environment.
const (
	minCellWidth  = 44
	minCellHeight = 7
)

// grid is how the cells of one page stand.
type grid struct{ columns, rows int }

func (g grid) cells() int { return g.columns * g.rows }

// arrange chooses the grid for n cells in a space: of those that hold all of
// them the one whose cells are shaped best, else as many as can be.
func arrange(n, width, height int) grid {
	most := grid{max(width/minCellWidth, 1), max(height/minCellHeight, 1)}
	if n <= 0 || n > most.cells() {
		return most
	}
	best, bestShape := most, -1
	for rows := 1; rows <= most.rows; rows++ {
		g := grid{(n + rows - 1) / rows, rows}
		if g.columns > most.columns {
			continue
		}
		if d := g.distortion(width, height); bestShape < 0 || d < bestShape {
			best, bestShape = g, d
		}
	}
	return best
}

// distortion is how far a grid's cells are from two and a half times as wide as
// high, in cells of the screen, which is what text fills best.
func (g grid) distortion(width, height int) int {
	d := 2*width/g.columns - 5*height/g.rows
	return max(d, -d)
}

// heights shares the rows of a page among the rows of its grid: none gets less
// than it takes to draw a cell, and one whose cells have much to say gets more.
func (g grid) heights(page []cell, height int) []int {
	out, sum := make([]int, g.rows), 0
	for row := range out {
		want := minCellHeight
		for i := row * g.columns; i < min((row+1)*g.columns, len(page)); i++ {
			want = max(want, page[i].want())
		}
		out[row] = min(want, height/g.rows*3/2)
		sum += out[row]
	}
	for row := 0; sum != height; row = (row + 1) % g.rows {
		switch {
		case sum < height:
			out[row]++
			sum++
		case out[row] > minCellHeight: // one is: arrange gives each row that much
			out[row]--
			sum--
		}
	}
	return out
}

// draw is the whole frame.
func (m *Model) draw() string {
	if m.width < 1 || m.height < 1 {
		return ""
	}
	lines := make([]string, 0, m.height)
	cells := m.cells()
	foot := m.foot()
	space := m.height - 1 - len(foot)
	gap := 0
	if m.height >= 16 {
		gap = 1
		space -= 2
	}
	body, pages := m.body(cells, m.width, max(space, 0))
	lines = append(lines, m.header(pages))
	if gap > 0 {
		lines = append(lines, theme.Blank(m.width))
	}
	lines = append(lines, body...)
	if gap > 0 {
		lines = append(lines, theme.Blank(m.width))
	}
	lines = append(lines, foot...)
	if stale := m.stale(); len(stale) > 0 {
		frame.Dim(lines[1:], m.styles.Stale)
		banner := m.banner(stale)
		lines = slices.Insert(lines, 1, banner...)
	}
	for len(lines) < m.height {
		lines = append(lines, theme.Blank(m.width))
	}
	return strings.Join(lines[:m.height], "\n")
}

// body draws the cells of the present page in a space, and says how many pages
// there are.
func (m *Model) body(cells []cell, width, height int) ([]string, int) {
	if len(m.stale()) > 0 {
		height = max(height-len(m.banner(m.stale())), 0)
	}
	switch {
	case height == 0:
		return nil, 1
	case len(cells) == 0:
		return m.nothing(width, height), 1
	case width < minCellWidth || height < minCellHeight:
		return m.list(cells, width, height)
	}
	g := arrange(len(cells), width, height)
	pages := (len(cells) + g.cells() - 1) / g.cells()
	first := m.page % pages * g.cells()
	page := cells[first:min(first+g.cells(), len(cells))]
	var lines []string
	for row, h := range g.heights(page, height) {
		var columns [][]string
		space := width
		for column := range g.columns {
			w := space / (g.columns - column)
			space -= w
			if i := row*g.columns + column; i < len(page) {
				columns = append(columns, m.drawCell(page[i], w, h))
			} else {
				columns = append(columns, slices.Repeat([]string{theme.Blank(w)}, h))
			}
		}
		lines = frame.Beside(lines, columns...)
	}
	return lines, pages
}

// nothing is the body of a wall without cells.
func (m *Model) nothing(width, height int) []string {
	state, text := theme.Moving, "reading: no environment is known yet"
	switch {
	case m.opt.Exceptions && len(m.snapshot.Environments) > 0:
		state, text = theme.Passed, "nothing needs anybody: "+m.liveAll()
	case m.opt.Environment != "" && len(m.snapshot.Environments) > 0:
		state, text = theme.Attention, "there is no environment "+m.opt.Environment
	case newest(m.snapshot).IsZero():
	default:
		state, text = theme.NotYet, "no environments: run gh deployctl init to say where "+m.snapshot.Repository.FullName()+" is deployed"
	}
	lines := slices.Repeat([]string{theme.Blank(width)}, height)
	row := frame.NewRow(m.styles, width, theme.Paint{})
	room := max(width-4, 0)
	text = theme.Cut(text, room, m.styles.Glyphs.Ellipsis)
	row.Space((width-theme.Cells(text)-2)/2).Mark(m.styles.Mark(state)).Space(1).Put(m.styles.Strong, text)
	lines[height/2] = row.String()
	return lines
}

// liveAll says what is live everywhere, in one row.
func (m *Model) liveAll() string {
	var parts []string
	for _, e := range m.snapshot.Environments {
		parts = append(parts, e.Environment.Name+" "+e.Live.Release.Name())
	}
	return strings.Join(parts, ", ")
}

// list is one row an environment, for screens on which no cell fits, and below
// it what is wrong there, if that fits too.
func (m *Model) list(cells []cell, width, height int) ([]string, int) {
	var full []string
	for _, c := range cells {
		full = append(full, m.listRow(c, width))
		for _, t := range c.exceptions(m.now) {
			row := frame.NewRow(m.styles, width, theme.Paint{})
			full = append(full, row.Space(2).Mark(m.styles.Mark(t.state)).Space(1).Put(m.styles.Text, strings.TrimSpace(t.name+" "+t.text)).String())
		}
	}
	if len(full) <= height {
		return append(full, slices.Repeat([]string{theme.Blank(width)}, height-len(full))...), 1
	}
	pages := (len(cells) + height - 1) / height
	first := m.page % pages * height
	var lines []string
	for _, c := range cells[first:min(first+height, len(cells))] {
		lines = append(lines, m.listRow(c, width))
	}
	return append(lines, slices.Repeat([]string{theme.Blank(width)}, height-len(lines))...), pages
}

func (m *Model) listRow(c cell, width int) string {
	row := frame.NewRow(m.styles, width, theme.Paint{})
	row.Mark(m.styles.Mark(c.state())).Space(1).Cell(m.styles.Strong, c.env.Environment.Name, min(12, width/3)).Space(1).
		Put(m.styles.Text, c.env.Live.Release.Name())
	return row.Space(2).Put(m.styles.Muted, c.standing(m.now)).String()
}

// freezeNotice is how long before a freeze it is worth a word.
const freezeNotice = 24 * time.Hour

// header says whose wall it is and how old its data.
func (m *Model) header(pages int) string {
	s := m.styles
	heart := s.Faint
	if !m.arrived.IsZero() && m.now.Sub(m.arrived) < beatLength {
		heart = s.Danger
	}
	age := "no data yet"
	if at := oldest(m.snapshot); !at.IsZero() {
		age = "data " + strings.TrimSuffix(clock.Ago(m.now.Sub(at)), " ago") + " old"
	}
	if m.snapshot.Restored {
		age = "from disk, " + clock.Since(m.now, m.snapshot.AsOf) + " old"
	}
	var tail []frame.Span
	add := func(p theme.Paint, text string) {
		tail = append(tail, frame.Span{Paint: p, Text: text}, frame.Span{Text: "   "})
	}
	if pages > 1 {
		add(s.Muted, fmt.Sprintf("page %d of %d", m.page%pages+1, pages))
	}
	if f, ok := m.snapshot.NextFreeze(m.now, freezeNotice); ok && m.width >= 80 {
		add(s.Warn, "freeze in "+clock.Age(f.From.Sub(m.now)))
	}
	tail = append(tail, frame.Span{Paint: heart, Text: s.Glyphs.Heart + " "})
	add(s.Text, m.now.In(m.opt.Location).Format("15:04:05"))
	if m.width >= 70 {
		add(s.Muted, "read-only")
	}
	tail = append(tail, frame.Span{Paint: s.Muted, Text: age})
	n := 1 // a blank at the end
	for _, t := range tail {
		n += theme.Cells(t.Text)
	}
	row := frame.NewRow(s, m.width, theme.Paint{})
	row.Reserve(min(n+1, m.width))
	row.Space(1).Put(s.Strong, strings.ToUpper(m.snapshot.Repository.FullName()))
	row.Reserve(0)
	row.To(max(m.width-n, 0)).Spans(tail...)
	return row.String()
}

// order is the environments that are shown, production first; those that need
// somebody go before the others where they do not all fit on a page.
func (m *Model) order() []pipeline.EnvironmentState {
	var out []pipeline.EnvironmentState
	for _, e := range slices.Backward(m.snapshot.Environments) {
		if m.opt.Environment == "" || e.Environment.Name == m.opt.Environment {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b pipeline.EnvironmentState) int {
		switch {
		case a.Environment.Production == b.Environment.Production:
			return 0
		case a.Environment.Production:
			return -1
		}
		return 1
	})
	return out
}
