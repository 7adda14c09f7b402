package services

import (
	"strconv"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// worst draws what fits of the ill services and sums the healthy ones up.
func (p *Panel) worst(d *drawing, blocks []block, height int) []string {
	lines := make([]string, 0, height)
	shown := 0
	ill := p.ill()
	room := height - ill // lines for the ill, beside one each
	for _, b := range blocks[:ill] {
		v := p.rows[b.row]
		if len(lines) >= height-1 && shown < len(p.rows)-1 {
			break
		}
		notes := b.notes
		if len(notes) >= room { // the healthy ones need a line too
			notes = nil
		}
		lines = append(lines, d.brief(v, len(notes) == 0))
		p.tops = append(p.tops, b.row)
		shown++
		for _, n := range notes {
			lines = append(lines, n)
			p.tops = append(p.tops, b.row)
			room--
		}
	}
	for _, line := range d.inline(p.rows[shown:], height-len(lines)) {
		lines = append(lines, line)
		p.tops = append(p.tops, -1)
	}
	return p.aged(d.c, lines)
}

// ill counts the services that want to be looked at.
func (p *Panel) ill() int {
	n := 0
	for _, v := range p.rows {
		if rank(v) < well {
			n++
		}
	}
	return n
}

// inline draws services several to a line, and sums up those for which there
// is no room.
func (d *drawing) inline(rest []*pipeline.ServiceView, height int) []string {
	each := d.name + d.count + 5
	columns := max(d.width/max(each, 1), 1)
	var lines []string
	for len(rest) > 0 && len(lines) < height {
		if len(lines) == height-1 && len(rest) > columns || columns == 1 {
			return append(lines, d.sum(rest))
		}
		d.row.Reset(d.c.Styles, d.width, theme.Paint{})
		for _, v := range rest[:min(columns, len(rest))] {
			d.row.Mark(d.mark(v)).Space(1).Cell(d.c.Styles.Text, v.Key.Service, d.name).Space(1)
			d.row.CellRight(d.c.Styles.Muted, count(v), d.count).Space(2)
		}
		rest = rest[min(columns, len(rest)):]
		lines = append(lines, d.row.String())
	}
	return lines
}

// sum draws one line for services of which nothing more is to be said.
func (d *drawing) sum(rest []*pipeline.ServiceView) string {
	s := d.c.Styles
	healthy := 0
	for _, v := range rest {
		if rank(v) == well {
			healthy++
		}
	}
	d.row.Reset(s, d.width, theme.Paint{})
	if ill := len(rest) - healthy; ill > 0 {
		d.row.Mark(s.Mark(theme.Attention)).Space(1).Put(s.Warn, strconv.Itoa(ill)+" more to look at").Space(2)
	}
	if healthy > 0 {
		d.row.Mark(s.Mark(theme.Live)).Space(1).Put(s.Muted, strconv.Itoa(healthy)+" healthy")
	}
	return d.row.String()
}
