// Package services is the panel of ECS services: what runs, what moves, and
// where the truths disagree, worst first.
package services

import (
	"slices"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// Panel is the panel of services. The zero Panel is ready.
type Panel struct {
	list   panel.List[string] // by name
	rows   []*pipeline.ServiceView
	open   map[string]bool // shown with all that is known of them
	filter string

	grouped bool // by cluster
	changes bool // all changes of task definitions are shown

	context panel.Context // that rows and lines were made for
	dirty   bool
	lines   []string
	tops    []int // row of each visible line; -1: none
	scroll  int   // first line of the details that is shown, where they do not fit
	tall    bool  // the selected service's own lines do not fit
}

// Filter is the text that services must contain.
func (p *Panel) Filter() string { return p.filter }

// SetFilter shows only services whose name, release, health, strategy, cluster
// or task definition contains the text.
func (p *Panel) SetFilter(text string) {
	p.filter, p.dirty = text, true
	p.list.Choose()
}

// Selected is the service that the cursor is on, and whether it is listed.
func (p *Panel) Selected() (pipeline.ServiceView, bool) {
	if i := p.list.Index(); i >= 0 && i < len(p.rows) {
		return *p.rows[i], true
	}
	return pipeline.ServiceView{}, false
}

// Join is the selection as the other panels follow it.
func (p *Panel) Join() panel.Join {
	v, ok := p.Selected()
	if !ok {
		return panel.Join{}
	}
	return panel.Join{From: keys.Services, Service: v.Key.Service, SHA: v.SHA}
}

// Key handles a key, and reports whether it was one of the panel's.
func (p *Panel) Key(k string) (panel.Action, bool) {
	switch k {
	case "enter", "right", "l":
		return p.toggle(k != "enter")
	case "left", "h":
		if v, ok := p.Selected(); ok {
			delete(p.open, v.Key.Service)
			p.dirty = true
		}
		return nil, true
	case "c":
		p.grouped, p.dirty = !p.grouped, true
		return nil, true
	case "d":
		return p.showChanges()
	case "J", "K":
		if p.tall || beside(p.context) {
			p.scroll = max(p.scroll+map[string]int{"J": 1, "K": -1}[k], 0)
			p.dirty = true
			return nil, true
		}
	}
	if !p.list.Scroll(k, max(p.context.Height-2, 1)) {
		return nil, false
	}
	p.dirty, p.scroll = true, 0
	return panel.Selected{Join: p.Join()}, true
}

// toggle opens the service under the cursor in place, or closes it.
func (p *Panel) toggle(openOnly bool) (panel.Action, bool) {
	v, ok := p.Selected()
	if !ok {
		return panel.Say{Text: "that service is no longer listed: choose one with j and k", Bad: true}, true
	}
	if p.open == nil {
		p.open = map[string]bool{}
	}
	p.list.Select(v.Key.Service) // it is the operator's choice now
	p.open[v.Key.Service] = openOnly || !p.open[v.Key.Service]
	p.dirty, p.scroll = true, 0
	return panel.Selected{Join: p.Join()}, true
}

// showChanges opens the service under the cursor with all that its task
// definition changes before everything else, or folds that again.
func (p *Panel) showChanges() (panel.Action, bool) {
	if v, ok := p.Selected(); ok && !p.open[v.Key.Service] && !p.context.Zoomed {
		p.changes = true
		return p.toggle(true)
	}
	p.changes, p.dirty, p.scroll = !p.changes, true, 0
	return nil, true
}

// Close closes what was opened in place, and reports whether anything was.
func (p *Panel) Close() bool {
	closed := false
	for _, open := range p.open {
		closed = closed || open
	}
	p.open, p.dirty = nil, true
	return closed
}

// Click puts the cursor on the row at a line of the panel, counted from its
// upper border.
func (p *Panel) Click(line int) panel.Action {
	if line < 1 || line > len(p.tops) || p.tops[line-1] < 0 {
		return nil
	}
	k, _ := p.list.Row(p.tops[line-1])
	p.list.Select(k)
	p.dirty = true
	return panel.Selected{Join: p.Join()}
}

// Wheel moves the cursor by n rows.
func (p *Panel) Wheel(n int) panel.Action {
	p.list.Move(n)
	p.dirty = true
	return panel.Selected{Join: p.Join()}
}

// Moving reports whether ECS changes a service of the environment now.
func Moving(e *pipeline.EnvironmentState) bool {
	if e == nil {
		return false
	}
	return slices.ContainsFunc(e.Services, func(v pipeline.ServiceView) bool { return v.Moving() })
}

// build makes the rows: worst first, and as configured among equals.
func (p *Panel) build(c panel.Context) {
	p.rows = p.rows[:0]
	if e := c.State(); e != nil {
		for i := range e.Services {
			v := &e.Services[i]
			if panel.Contains(p.filter, v.Key.Service, v.SHA, v.Version, string(v.Health), v.Why, v.TaskDefinition, v.Cluster.Name, v.Cluster.Region, v.Strategy) {
				p.rows = append(p.rows, v)
			}
		}
	}
	slices.SortStableFunc(p.rows, func(a, b *pipeline.ServiceView) int { return rank(a) - rank(b) })
	if p.grouped {
		p.group()
	}
	names := make([]string, len(p.rows))
	for i, v := range p.rows {
		names[i] = v.Key.Service
	}
	p.list.KeepFirst() // the worst
	p.list.SetRows(names)
}

// well is the rank of a service that nobody has to look at.
const well = 6

// rank orders services by how much they want to be looked at.
func rank(v *pipeline.ServiceView) int {
	switch theme.OfService(*v) {
	case theme.Failed:
		return 0
	case theme.Disagrees:
		if v.Health == pipeline.Healthy {
			return 2 // all may disagree at once, and one be ill
		}
		return 1
	case theme.Moving:
		if v.Health == pipeline.Healthy {
			return 4 // moves, and fares well
		}
		return 3
	case theme.Unknown:
		return 5
	}
	return well
}
