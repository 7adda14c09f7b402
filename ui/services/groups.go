package services

import (
	"slices"
	"strconv"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// group puts the services of a cluster together. The cluster with the worst
// service comes first, and the worst service first within each: the rows are
// sorted by how ill they are already, so that the first of each cluster says it.
func (p *Panel) group() {
	place := map[pipeline.Cluster]int{}
	for _, v := range p.rows {
		if _, seen := place[v.Cluster]; !seen {
			place[v.Cluster] = len(place)
		}
	}
	slices.SortStableFunc(p.rows, func(a, b *pipeline.ServiceView) int { return place[a.Cluster] - place[b.Cluster] })
}

// heads are the headings of the clusters by the row that stands below them;
// none where the services are not grouped.
func (d *drawing) heads(p *Panel) map[int]string {
	if !p.grouped {
		return nil
	}
	heads := map[int]string{}
	for from := 0; from < len(p.rows); {
		to := from + 1
		for to < len(p.rows) && p.rows[to].Cluster == p.rows[from].Cluster {
			to++
		}
		heads[from] = d.head(p.rows[from:to])
		from = to
	}
	return heads
}

// head draws the heading of one cluster: its name, where it is, who reads it,
// and how its services fare.
func (d *drawing) head(rows []*pipeline.ServiceView) string {
	s := d.c.Styles
	c := rows[0].Cluster
	ill := 0
	for _, v := range rows {
		if rank(v) < well {
			ill++
		}
	}
	d.row.Reset(s, d.width, theme.Paint{})
	d.row.Put(s.Title, panel.Tail(c.Name))
	for _, part := range []string{c.Region, c.Profile, panel.Tail(c.Role)} {
		if part != "" {
			d.row.Put(s.Faint, " "+s.Glyphs.Dot+" "+part)
		}
	}
	if ill > 0 {
		return d.row.Tail(s.Warn, strconv.Itoa(ill)+" of "+strconv.Itoa(len(rows))+" to look at").String()
	}
	return d.row.Tail(s.Muted, strconv.Itoa(len(rows))+" healthy").String()
}
