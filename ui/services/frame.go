package services

import (
	"strconv"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

func (p *Panel) box(c panel.Context) frame.Box {
	s := c.Styles
	title := []frame.Span{{Paint: s.Faint, Text: "2 "}, {Paint: s.Title, Text: "Services"}}
	if c.Environment != "" {
		title = append(title, frame.Span{Paint: s.Muted, Text: " " + s.Glyphs.Dot + " " + c.Environment})
	}
	if p.filter != "" {
		title = append(title, frame.Span{Paint: s.Accent, Text: " /" + p.filter})
	}
	box := frame.Box{Title: title, Focused: c.Focused}
	e := c.State()
	if e == nil {
		return box
	}
	box.Foot = panel.Health(c, e.Observation)
	if len(box.Foot) == 0 {
		box.Foot = tally(s, p.rows)
		if at := p.place(c); at != "" {
			box.Foot = append([]frame.Span{{Paint: s.Muted, Text: at}, {Paint: s.Faint, Text: " " + s.Glyphs.Dot + " "}}, box.Foot...)
		}
	}
	if v, ok := p.Selected(); ok && p.tall { // its own row may be out of sight
		box.Title = append(box.Title, frame.Span{Paint: s.Accent, Text: " " + s.Glyphs.Dot + " " + v.Key.Service})
		box.Foot = append([]frame.Span{{Paint: s.Accent, Text: "J K scroll"}, {Paint: s.Faint, Text: " " + s.Glyphs.Dot + " "}}, box.Foot...)
	}
	return box
}

// place says where in the list the cursor is, where not all of it is in sight;
// without the focus the healthy ones are summed up, and none are hidden.
func (p *Panel) place(c panel.Context) string {
	inSight := map[int]bool{}
	for _, row := range p.tops {
		inSight[row] = row >= 0
	}
	delete(inSight, -1)
	if !c.Focused && !c.Join.Active() || len(inSight) == len(p.rows) {
		return ""
	}
	return panel.Count(p.list.Index()+1) + " of " + panel.Count(len(p.rows))
}

// tally counts the services that the filter lets through by how they fare.
func tally(s *theme.Styles, services []*pipeline.ServiceView) []frame.Span {
	var unhealthy, disagree, moving, degraded, unknown int
	for _, v := range services {
		switch theme.OfService(*v) {
		case theme.Failed:
			unhealthy++
		case theme.Disagrees:
			disagree++
		case theme.Moving:
			if v.Moving() {
				moving++
			} else {
				degraded++
			}
		case theme.Unknown:
			unknown++
		}
	}
	var spans []frame.Span
	add := func(n int, p theme.Paint, text string) {
		if n == 0 {
			return
		}
		if len(spans) > 0 {
			spans = append(spans, frame.Span{Paint: s.Faint, Text: " " + s.Glyphs.Dot + " "})
		}
		spans = append(spans, frame.Span{Paint: p, Text: strconv.Itoa(n) + " " + text})
	}
	add(unhealthy, s.Danger, "unhealthy")
	word := "disagree"
	if disagree == 1 {
		word = "disagrees"
	}
	add(disagree, s.Warn, word)
	add(degraded, s.Warn, "degraded")
	add(moving, s.Moving, "moving")
	add(unknown, s.Unknown, "unknown")
	if len(spans) == 0 && len(services) > 0 {
		return []frame.Span{{Paint: s.Muted, Text: "all " + strconv.Itoa(len(services)) + " healthy"}}
	}
	return spans
}
