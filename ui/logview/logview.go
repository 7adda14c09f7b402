// Package logview is the panel of logs: a window onto the ring that the engine
// fills. Only the rows on the screen are ever drawn, so that a hundred thousand
// lines cost what fifty do.
package logview

import (
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/ui/panel"
)

// Panel is the panel of logs.
type Panel struct {
	view     *logs.View
	ring     *logs.Ring
	filter   string      // as the operator typed it
	problem  string      // why the filter cannot be used
	typed    logs.Filter // the filter, parsed
	level    logs.Level  // at least
	search   logs.Pattern
	match    string // which of the matches the cursor is on; empty: none was sought
	wrap     bool
	cursor   *logs.Line // the line that the operator is on; nil while following
	expanded *logs.Line // shown in full below itself
	synced   uint64     // grows with every change of the rows
	seeking  time.Time  // that the cursor goes to as older lines come; zero: none

	context panel.Context // that lines were made for
	dirty   bool
	lines   []string
	rows    []*logs.Line // of the visible lines
	scratch []*logs.Line
	before  map[*logs.Line]string // short texts of the frame before
	short   map[*logs.Line]string // and of this one
}

// New is the panel over a ring.
func New(ring *logs.Ring) *Panel {
	return &Panel{
		ring: ring, view: logs.NewView(ring, logs.Filter{}), dirty: true,
		before: map[*logs.Line]string{}, short: map[*logs.Line]string{},
	}
}

// Filter is the filter as it was typed.
func (p *Panel) Filter() string { return p.filter }

// SetFilter shows only matching lines: a text, a /regular expression/, and
// conditions such as level:warn, service:orders or req:ID. A filter that cannot
// be understood leaves the last good one in place and says so.
func (p *Panel) SetFilter(text string) {
	p.filter, p.dirty, p.problem = text, true, ""
	f, err := logs.ParseFilter(text)
	if err != nil {
		p.problem = err.Error()
		return
	}
	p.typed = f
	p.apply()
}

// Join follows the selection of another panel: the lines of a service, or of a
// release where the environment runs more than one.
func (p *Panel) Join(c panel.Context) {
	p.context = c
	p.apply()
}

// apply composes the view's filter from what was typed and what is joined.
func (p *Panel) apply() {
	f := p.typed
	f.Level = max(f.Level, p.level)
	if service, release := p.joined(p.context); service != "" && len(f.Services) == 0 {
		f.Services = []string{service}
	} else if release != "" && f.Release == "" {
		f.Release = release
	}
	if f.String() == p.view.Filter().String() {
		return
	}
	p.view.SetFilter(f)
	p.cursor, p.expanded, p.dirty = nil, nil, true
	p.view.Follow()
}

// joined is the service and the release that the join narrows the logs to. A
// release narrows only where services run more than one: elsewhere all lines
// are its own, or none are.
func (p *Panel) joined(c panel.Context) (service, release string) {
	if c.Join.Service != "" {
		return c.Join.Service, ""
	}
	if c.Join.SHA == "" || c.Snapshot == nil {
		return "", ""
	}
	e := c.State()
	if e == nil {
		return "", ""
	}
	set := panel.Releases(c.Snapshot, c.Join.SHA)
	ours, others := "", false
	for i := range e.Services {
		for _, r := range e.Services[i].Revisions {
			if set[r.SHA] {
				ours = pipeline.Short(r.SHA)
			} else if r.SHA != "" {
				others = true
			}
		}
	}
	if ours == "" || !others {
		return "", ""
	}
	return "", ours
}

// Sync takes in what the ring got since the last call and reports whether the
// panel changed. It may take a tenth of a second after a change of the filter,
// and may run on another goroutine than the panel's other methods, except that
// its result is shown only after Synced.
func (p *Panel) Sync() bool { return p.view.Sync() }

// Synced tells the panel that Sync changed the rows.
func (p *Panel) Synced() {
	p.synced++
	p.dirty = true
	p.seek()
}

// Following reports whether the newest lines are shown as they come.
func (p *Panel) Following() bool { return p.view.Following() }

// Key handles a key, and reports whether it was one of the panel's.
func (p *Panel) Key(k string) (panel.Action, bool) {
	height := max(p.context.Height-2, 1)
	p.seeking = time.Time{}
	switch k {
	case "j", "down":
		p.move(1)
	case "k", "up":
		p.move(-1)
	case "pgdown", "ctrl+d", "ctrl+f":
		p.move(height - 1)
	case "pgup", "ctrl+u", "ctrl+b":
		p.move(-(height - 1))
	case "g", "home":
		p.move(-p.view.Len())
	case "G", "end", "f":
		p.follow()
	case "w":
		p.wrap = !p.wrap
	case "L":
		return p.cycleLevel(), true
	case "enter":
		return p.expand(), true
	case "p":
		return p.pivot(), true
	default:
		return nil, false
	}
	p.dirty = true
	return nil, true
}

// follow shows the newest lines again.
func (p *Panel) follow() {
	p.cursor, p.expanded, p.match, p.dirty = nil, nil, "", true
	p.view.Follow()
}

// move moves the cursor by n rows; the view stops following.
func (p *Panel) move(n int) {
	p.match = ""
	total := p.view.Len()
	if total == 0 {
		return
	}
	at := total - 1
	if p.cursor != nil {
		at = p.view.Locate(p.cursor)
	} else if n > 0 {
		return // at the end already
	}
	p.goTo(max(min(at+n, total-1), 0))
}

// goTo puts the cursor on a row and freezes the view around it.
func (p *Panel) goTo(row int) {
	height := max(p.context.Height-2, 1)
	p.scratch = p.view.Window(p.scratch[:0], row, 1)
	if len(p.scratch) == 0 {
		return
	}
	p.cursor, p.dirty = p.scratch[0], true
	top := p.view.Top(height)
	if row < top {
		top = row
	}
	if row >= top+height {
		top = row - height + 1
	}
	p.view.Freeze(top)
}

// cycleLevel raises the lowest level that is shown, and begins again after
// errors.
func (p *Panel) cycleLevel() panel.Action {
	switch p.level {
	case logs.LevelUnknown:
		p.level = logs.LevelInfo
	case logs.LevelInfo:
		p.level = logs.LevelWarn
	case logs.LevelWarn:
		p.level = logs.LevelError
	default:
		p.level = logs.LevelUnknown
	}
	p.apply()
	if p.level == logs.LevelUnknown {
		return panel.Say{Text: "lines of every level"}
	}
	return panel.Say{Text: "lines from level " + p.level.String() + " up"}
}

// expand shows the line under the cursor in full, JSON indented.
func (p *Panel) expand() panel.Action {
	if p.cursor == nil {
		p.move(0)
		if p.view.Len() > 0 {
			p.goTo(p.view.Len() - 1)
		}
		return nil
	}
	if p.expanded == p.cursor {
		p.expanded = nil
	} else {
		p.expanded = p.cursor
	}
	p.dirty = true
	return nil
}

// pivot shows only the request of the line under the cursor, in all services.
func (p *Panel) pivot() panel.Action {
	if p.cursor == nil || p.cursor.Request == "" {
		return panel.Say{Text: "that line names no request: choose one with k and j", Bad: true}
	}
	request := p.cursor.Request
	p.SetFilter("req:" + request) // which takes the cursor away
	return panel.Say{Text: "only request " + request + ", in all services; esc shows all"}
}

// Close takes back one thing: what is expanded, then the freeze, then level.
// It reports whether there was anything.
func (p *Panel) Close() bool {
	switch {
	case p.expanded != nil:
		p.expanded, p.dirty = nil, true
	case !p.search.Empty():
		p.search, p.match, p.dirty = logs.Pattern{}, "", true
	case p.cursor != nil:
		p.follow()
	case p.level != logs.LevelUnknown:
		p.level = logs.LevelUnknown
		p.apply()
	default:
		return false
	}
	return true
}

// SetSearch marks what matches; n and N go from match to match. An error says
// why the text cannot be searched for.
func (p *Panel) SetSearch(text string) error {
	pattern, err := logs.ParsePattern(text)
	if err != nil {
		return err
	}
	p.search, p.match, p.dirty = pattern, "", true
	return nil
}

// Selected is the text to copy: the line under the cursor, else what is on the
// screen.
func (p *Panel) Selected() (text, what string) {
	if p.cursor != nil {
		return p.cursor.Text, "the line"
	}
	var b strings.Builder
	var last *logs.Line
	for _, l := range p.rows {
		if l != nil && l != last {
			b.WriteString(l.Timestamp().UTC().Format("2006-01-02T15:04:05.000Z") + " " + l.Service + " " + l.Text + "\n")
			last = l
		}
	}
	return b.String(), "the lines on the screen"
}

// Click puts the cursor on the line at a line of the panel, counted from its
// upper border.
func (p *Panel) Click(line int) panel.Action {
	if line < 1 || line > len(p.rows) || p.rows[line-1] == nil {
		return nil
	}
	p.goTo(p.view.Locate(p.rows[line-1]))
	return nil
}

// Wheel scrolls by n rows. Scrolling to the end follows again.
func (p *Panel) Wheel(n int) panel.Action {
	height := max(p.context.Height-2, 1)
	top := p.view.Top(height) + n
	p.dirty = true
	if top >= p.view.Len()-height {
		p.follow()
		return nil
	}
	p.view.Freeze(max(top, 0))
	p.scratch = p.view.Window(p.scratch[:0], max(top, 0), 1)
	if len(p.scratch) > 0 {
		p.cursor = p.scratch[0]
	}
	return nil
}
