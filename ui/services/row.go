package services

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// drawing draws services of one frame.
type drawing struct {
	c        panel.Context
	width    int
	name     int    // cells of the name column
	count    int    // cells of running/desired
	spark    int    // cells of the load's sparkline; 0: none
	version  int    // cells of the version; 0: not shown
	health   int    // cells of healthy and all targets; 0: not shown
	age      bool   // whether the row says since when the service runs what it runs
	usual    string // how most services are rolled out
	changes  bool   // whether all changes of a task definition are shown
	live     string
	relevant map[string]bool // SHAs that another panel's selection relates to
	row      frame.Row
}

func newDrawing(p *Panel, c panel.Context) drawing {
	d := drawing{c: c, width: max(c.Width-2, 0)}
	loads := false
	for _, v := range p.rows {
		d.name = max(d.name, theme.Cells(v.Key.Service))
		d.count = max(d.count, len(count(v)))
		loads = loads || len(v.Load.Value.CPU) > 0
	}
	d.count = min(d.count, 9)
	d.name = min(d.name, max(d.width-d.count-14, 4), 28)
	d.changes = p.changes
	d.usual = usualStrategy(p.rows)
	d.columns(p, d.width-d.name-d.count-11, loads)
	if e := c.State(); e != nil {
		d.live = e.Live.Release.SHA
	}
	if c.Join.Active() && c.Join.From != keys.Services && c.Join.SHA != "" {
		d.relevant = d.releasesRunning(p)
	}
	return d
}

// columns shares out what is left of a row: the targets first, whose health counts
// more than a load, then the load, the version and the age.
func (d *drawing) columns(p *Panel, free int, loads bool) {
	version, targets := 0, 0
	for _, v := range p.rows {
		version = max(version, theme.Cells(v.Version))
		targets = max(targets, len(healthyTargets(v)))
	}
	if targets > 0 && free > targets {
		d.health = targets
		free -= targets + 1
	}
	if loads && free >= 12 {
		d.spark = min(free-7, 15)
		free -= d.spark + 7
	}
	if version = min(version, 12); version > 0 && free > version {
		d.version = version
		free -= version + 1
	}
	d.age = free >= 8
}

// healthyTargets counts the targets that are healthy, of all: "6/6 ok"; empty
// where there are none.
func healthyTargets(v *pipeline.ServiceView) string {
	n := len(v.Targets.Value)
	if n == 0 {
		return ""
	}
	ok := 0
	for _, t := range v.Targets.Value {
		if t.State == "healthy" {
			ok++
		}
	}
	return strconv.Itoa(ok) + "/" + strconv.Itoa(n) + " ok"
}

// releasesRunning is the join's release, if any service runs it: else nothing
// here is about it, and nothing is dimmed.
func (d *drawing) releasesRunning(p *Panel) map[string]bool {
	set := panel.Releases(d.c.Snapshot, d.c.Join.SHA)
	for _, v := range p.rows {
		if runs(v, set) {
			return set
		}
	}
	return nil
}

func runs(v *pipeline.ServiceView, set map[string]bool) bool {
	if set[v.SHA] {
		return true
	}
	for _, sha := range v.OtherSHAs {
		if set[sha] {
			return true
		}
	}
	return false
}

// count is how many tasks run, of how many that should; those that are starting
// stand apart: "3+1/4".
func count(v *pipeline.ServiceView) string {
	running := strconv.Itoa(v.Running)
	if v.Pending > 0 {
		running += "+" + strconv.Itoa(v.Pending)
	}
	return running + "/" + strconv.Itoa(v.Desired)
}

// service draws a service's own line.
func (d *drawing) service(v *pipeline.ServiceView, selected bool) string {
	s, row := d.c.Styles, &d.row
	back := theme.Paint{}
	if selected {
		back = s.SelectedDim
		if d.c.Focused {
			back = s.Selected
		}
	}
	row.Reset(s, d.width, back)
	name := s.Text
	if d.relevant != nil && !runs(v, d.relevant) {
		name = s.Faint
	}
	tasks := s.Muted
	if v.Running != v.Desired {
		tasks = s.Warn
	}
	row.Mark(d.mark(v)).Space(1).Cell(name, v.Key.Service, d.name).Space(1)
	row.CellRight(tasks, count(v), d.count).Space(1)
	row.Cell(d.sha(v), d.release(v), 7)
	if d.version > 0 {
		row.Space(1).Cell(s.Muted, v.Version, d.version)
	}
	if d.health > 0 {
		paint := s.Muted
		if text := healthyTargets(v); text != "" && !whole(v) {
			paint = s.Warn
		}
		row.Space(1).CellRight(paint, healthyTargets(v), d.health)
	}
	if d.age {
		row.Space(1).CellRight(s.Faint, clock.Since(d.c.Now, deployed(v)), 7)
	}
	d.load(v)
	return row.String()
}

// whole reports whether all targets are healthy.
func whole(v *pipeline.ServiceView) bool {
	return !slices.ContainsFunc(v.Targets.Value, func(t pipeline.Target) bool { return t.State != "healthy" })
}

// deployed is since when the service runs, or goes for, what it runs.
func deployed(v *pipeline.ServiceView) time.Time {
	if p, ok := v.Primary(); ok && !p.Created.IsZero() {
		return p.Created
	}
	return rolloutSince(v)
}

// brief draws a service's own line, with the reason in it where there is no
// line for the reason.
func (d *drawing) brief(v *pipeline.ServiceView, reason bool) string {
	s := d.c.Styles
	why := because(v)
	if v.Disagreement != nil {
		why = v.Disagreement.Sentence
	}
	if !reason || why == "" {
		return d.service(v, false)
	}
	row := &d.row
	row.Reset(s, d.width, theme.Paint{})
	row.Mark(d.mark(v)).Space(1).Cell(s.Text, v.Key.Service, d.name).Space(1)
	row.CellRight(s.Warn, count(v), d.count).Space(1).Cell(d.sha(v), d.release(v), 7).Space(2)
	return row.Put(s.Warn, why).String()
}

func (d *drawing) mark(v *pipeline.ServiceView) theme.Mark {
	state := theme.OfService(*v)
	if state == theme.Moving && v.Moving() {
		return d.c.Styles.Spin(d.c.Spin)
	}
	m := d.c.Styles.Mark(state)
	if state == theme.Moving {
		m.Paint = d.c.Styles.Warn // degraded, not on its way
	}
	return m
}

func (d *drawing) release(v *pipeline.ServiceView) string {
	if v.SHA == "" {
		return "?"
	}
	return pipeline.Short(v.SHA)
}

func (d *drawing) sha(v *pipeline.ServiceView) theme.Paint {
	s := d.c.Styles
	switch {
	case v.SHA == "":
		return s.Unknown
	case d.live != "" && v.SHA != d.live:
		return s.Warn
	}
	return s.Accent
}

// load draws the CPU's course and its newest value.
func (d *drawing) load(v *pipeline.ServiceView) {
	cpu := v.Load.Value.CPU
	if len(cpu) == 0 || d.row.Left() < 6 {
		return
	}
	s := d.c.Styles
	newest := cpu[len(cpu)-1]
	paint := s.Muted
	if newest >= 85 {
		paint = s.Warn
	}
	if d.spark > 0 {
		d.row.Space(1).Put(s.Faint, s.Sparkline(cpu, d.spark, scale(cpu)))
	}
	d.row.Tail(paint, fmt.Sprintf("%4s", panel.Percent(newest)))
}

// scale is the height of a sparkline: a course that stays low is not drawn
// flat, and what reaches its limit is not drawn like what does not.
func scale(percent []float64) float64 {
	if slices.Max(percent) < 50 {
		return 50
	}
	return 100
}
