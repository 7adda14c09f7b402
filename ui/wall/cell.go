package wall

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// cell is one environment with what the wall says of it.
type cell struct {
	env      pipeline.EnvironmentState
	troubles []trouble // what needs somebody, worst first
	moves    []pipeline.Rollout
	waits    []pipeline.Approval
	healthy  int
}

// trouble is one exception.
type trouble struct {
	state theme.State
	name  string // of the service; empty: the environment's own
	text  string
}

// urgency orders troubles: what fails goes before what waits.
func urgency(s theme.State) int {
	return slices.Index([]theme.State{theme.Failed, theme.Unknown, theme.Disagrees, theme.Attention, theme.Moving, theme.Waiting}, s)
}

// want is how many rows the cell needs to say all that must be said, its
// borders included.
func (c cell) want() int { return 4 + len(c.troubles) + max(2*len(c.waits)+2*len(c.moves), 1) }

// cells are the environments to show, in their order.
func (m *Model) cells() []cell {
	var out []cell
	for _, e := range m.order() {
		c := m.cell(e)
		if m.opt.Exceptions && len(c.troubles) == 0 && len(c.waits) == 0 {
			continue
		}
		out = append(out, c)
	}
	if g := arrange(len(out), m.width, m.height-4); g.cells() < len(out) {
		slices.SortStableFunc(out, func(a, b cell) int { return cmp.Compare(a.rank(), b.rank()) })
	}
	return out
}

// rank is how soon a cell must be seen.
func (c cell) rank() int {
	switch {
	case len(c.troubles) > 0:
		return urgency(c.troubles[0].state)
	case len(c.waits) > 0:
		return 10
	case len(c.moves) > 0:
		return 11
	}
	return 12
}

func (m *Model) cell(e pipeline.EnvironmentState) cell {
	c := cell{env: e}
	for _, v := range e.Services {
		if t, ok := serviceTrouble(v); ok {
			c.troubles = append(c.troubles, t)
		} else {
			c.healthy++
		}
	}
	if e.Err != nil {
		c.troubles = append(c.troubles, trouble{state: theme.Unknown, text: "services cannot be read" + why(e.Err)})
	}
	if h := e.Hold; h != nil {
		c.troubles = append(c.troubles, trouble{state: theme.Attention, text: held(h, m.now)})
	}
	if f, ok := m.snapshot.Frozen(m.now); ok && e.Environment.Production {
		c.troubles = append(c.troubles, trouble{state: theme.Attention, text: m.frozen(f)})
	}
	slices.SortStableFunc(c.troubles, func(a, b trouble) int { return urgency(a.state) - urgency(b.state) })
	for _, r := range m.snapshot.Rollouts {
		if r.Environment == e.Environment.Name && r.Active() && r.Phase != pipeline.PhaseAwaiting {
			c.moves = append(c.moves, r)
		}
	}
	for _, a := range m.snapshot.Approvals {
		if a.Environment == e.Environment.Name {
			c.waits = append(c.waits, a)
		}
	}
	return c
}

// frozen says why nothing is approved, and until when.
func (m *Model) frozen(f pipeline.FreezeWindow) string {
	text := "frozen: " + f.Reason
	if !f.Until.IsZero() {
		text += ", until " + f.Until.In(m.opt.Location).Format("2 Jan 15:04")
	}
	return text
}

func held(h *pipeline.Hold, now time.Time) string {
	text := "held by " + h.Owner
	if h.Local() {
		text += " on this machine alone"
	}
	if h.Reason != "" {
		text += ": " + h.Reason
	}
	if since := clock.Since(now, h.Since); since != "" {
		text += ", " + since
	}
	return text
}

// serviceTrouble says what is wrong with a service; false: nothing.
func serviceTrouble(v pipeline.ServiceView) (trouble, bool) {
	state := theme.OfService(v)
	if state == theme.Live || (state == theme.Moving && v.Health == pipeline.Healthy) {
		if v.Rollout != nil {
			if _, waits := v.Rollout.Pause(); waits {
				return trouble{state: theme.Waiting, name: v.Key.Service, text: "pauses until somebody answers"}, true
			}
		}
		return trouble{}, false
	}
	t := trouble{state: state, name: v.Key.Service, text: v.Why}
	if v.Disagreement != nil && state == theme.Disagrees {
		t.text = "ECS runs " + pipeline.Short(v.SHA)
		if v.SHA == "" {
			t.text = v.Disagreement.Sentence
		}
	}
	if t.text == "" {
		t.text = fmt.Sprintf("%d of %d running", v.Running, v.Desired)
	}
	return t, true
}

// exceptions are all that is not at rest: what is wrong, what waits, what
// moves.
func (c cell) exceptions(now time.Time) []trouble {
	out := slices.Clone(c.troubles)
	for _, a := range c.waits {
		out = append(out, trouble{state: theme.Waiting, text: strings.TrimSpace(a.Release.Name() + " waits for approval " + clock.Since(now, a.Since))})
	}
	for _, r := range c.moves {
		out = append(out, trouble{state: theme.OfPhase(r.Phase), text: r.Release.Name() + " " + phase(r)})
	}
	return out
}

// state is the one glyph of an environment.
func (c cell) state() theme.State {
	switch {
	case len(c.troubles) > 0:
		return c.troubles[0].state
	case len(c.waits) > 0:
		return theme.Waiting
	case len(c.moves) > 0:
		return theme.Moving
	case c.env.Live.Verdict == pipeline.LiveSame:
		return theme.Live
	case c.env.Live.Verdict == pipeline.LiveMixed:
		return theme.Disagrees
	}
	return theme.Unknown
}

// standing says on how much of the environment its release is live.
func (c cell) standing(now time.Time) string {
	l := c.env.Live
	since := clock.Since(now, l.Since)
	switch l.Verdict {
	case pipeline.LiveSame:
		return strings.TrimSpace("live " + since)
	case pipeline.LiveMixed:
		text := fmt.Sprintf("live on %d of %d", l.Matching, l.Total)
		if since != "" {
			text += ", " + since
		}
		return text
	case pipeline.LiveUnknown:
	}
	return "nobody knows what is live"
}

// liveState is the glyph beside what is live.
func (c cell) liveState() theme.State {
	switch c.env.Live.Verdict {
	case pipeline.LiveSame:
		return theme.Live
	case pipeline.LiveMixed:
		if len(c.moves) > 0 {
			return theme.Moving
		}
		return theme.Disagrees
	case pipeline.LiveUnknown:
	}
	return theme.Unknown
}

// inside is a cell's content while it is drawn: rows of width cells, and one
// more that stays blank.
type inside struct {
	styles        *theme.Styles
	now           time.Time
	width, height int
	loose         bool // blank rows between the groups
	rows          []string
}

func (in *inside) line(fill func(r *frame.Row)) {
	row := frame.NewRow(in.styles, in.width, theme.Paint{})
	fill(row.Space(in.indent()))
	in.rows = append(in.rows, row.String()+" ") // text never touches the border
}

func (in *inside) indent() int {
	if in.width < 56 {
		return 1
	}
	return 3
}

func (in *inside) blank() {
	if in.loose {
		in.rows = append(in.rows, theme.Blank(in.width+1))
	}
}

// left is how many rows are free.
func (in *inside) left() int { return in.height - len(in.rows) }

// drawCell draws an environment in exactly width by height cells.
func (m *Model) drawCell(c cell, width, height int) []string {
	in := &inside{styles: m.styles, now: m.now, width: width - 3, height: height - 2, loose: height >= max(13, c.want()+5)}
	in.blank()
	m.drawLive(in, c)
	in.blank()
	m.drawHealth(in, c)
	in.blank()
	m.drawMoving(in, c)
	if in.left() > 4 {
		in.blank()
		m.drawRest(in, c)
	}
	title := strings.ToUpper(c.env.Environment.Name)
	b := frame.Box{Title: []frame.Span{{Paint: m.styles.Title, Text: title}}}
	if c.env.Stale(m.now) && c.env.Known() {
		b.Right = []frame.Span{{Paint: m.styles.Warn, Text: "as of " + c.env.At.In(m.opt.Location).Format("15:04:05")}}
	}
	if len(c.troubles) > 0 || len(c.waits) > 0 {
		b.Border = m.styles.Mark(c.state()).Paint
	}
	return b.Lines(nil, m.styles, in.rows[:min(len(in.rows), in.height)], width, height)
}

// drawLive is what runs, in large letters where there is room.
func (m *Model) drawLive(in *inside, c cell) {
	r, s := c.env.Live.Release, m.styles
	standing := c.standing(m.now)
	mark := s.Mark(c.liveState())
	big, second := m.big(r.Name(), in), pipeline.Short(r.SHA)
	if big == nil && r.Version != "" { // too long for large letters: the commit, which never is
		big, second = m.big(second, in), r.Version
	}
	if big == nil {
		in.line(func(row *frame.Row) {
			row.Reserve(min(theme.Cells(standing)+4, in.width/2))
			row.Put(s.Strong, r.Name())
			if r.Version != "" {
				row.Space(3).Put(s.Accent, pipeline.Short(r.SHA))
			}
			row.Reserve(0)
			tail := theme.Cells(standing) + 3
			row.To(max(in.width-tail, 0)).Space(1).Mark(mark).Space(1).Put(s.Text, standing)
		})
		return
	}
	for _, l := range big {
		in.line(func(row *frame.Row) { row.Put(s.Strong, l) })
	}
	in.blank()
	in.line(func(row *frame.Row) {
		row.Mark(mark).Space(1).Put(s.Text, standing).Space(3).Put(s.Accent, second).Space(2).Put(s.Muted, r.Title)
	})
}

// big is a version in the largest letters that fit; nil: none do.
func (m *Model) big(name string, in *inside) []string {
	room := in.width - in.indent() - 4
	text := bigText(name, m.opt.Theme.ASCII)
	switch {
	case text == nil || in.height < 18 || theme.Cells(text[0]) > room:
		return nil
	case in.height >= 36 && 2*theme.Cells(text[0]) <= room:
		return double(text)
	}
	return text
}

// drawHealth is how many services are well, and which are not.
func (m *Model) drawHealth(in *inside, c cell) {
	total := len(c.env.Services)
	in.line(func(row *frame.Row) {
		paint := m.styles.Text
		if total > 0 && c.healthy == total {
			paint = m.styles.OK
		}
		if total == 0 {
			row.Put(m.styles.Unknown, "no services are known")
			return
		}
		row.Put(paint, fmt.Sprintf("%d of %d services healthy", c.healthy, total))
	})
	name := 0
	for _, t := range c.troubles {
		name = max(name, min(theme.Cells(t.name), 20))
	}
	shown := min(len(c.troubles), max(in.left()-in.needed(c), 1))
	for i, t := range c.troubles[:shown] {
		in.line(func(row *frame.Row) {
			more := ""
			if hidden := len(c.troubles) - shown; hidden > 0 && i == shown-1 {
				more = fmt.Sprintf("and %d more", hidden)
				row.Reserve(theme.Cells(more) + 2)
			}
			row.Mark(m.styles.Mark(t.state)).Space(1)
			if t.name != "" {
				row.Cell(m.styles.Strong, t.name, name).Space(2)
			}
			row.Put(m.styles.Text, t.text).Tail(m.styles.Muted, more)
		})
	}
}

// needed is how many rows what moves and waits takes.
func (in *inside) needed(c cell) int {
	n := 2*len(c.waits) + 2*len(c.moves)
	if n == 0 {
		n = 1
	}
	if in.loose {
		n++
	}
	return n
}

// drawMoving is what is on its way and what waits for whom.
func (m *Model) drawMoving(in *inside, c cell) {
	s := m.styles
	for _, r := range c.moves {
		m.drawRollout(in, r)
	}
	for _, a := range c.waits {
		in.line(func(row *frame.Row) {
			row.Mark(s.Mark(theme.Waiting)).Space(1).Put(s.Waiting, a.Release.Name()+" waits for approval").Space(3).
				Put(s.Text, clock.Since(m.now, a.Since))
		})
		in.line(func(row *frame.Row) { row.Space(2).Put(s.Muted, who(a, m.now)) })
	}
	if len(c.moves) == 0 && len(c.waits) == 0 {
		in.line(func(row *frame.Row) { row.Put(s.Muted, "nothing moving") })
	}
}

// who is for whom an approval waits, and until when its timer runs.
func who(a pipeline.Approval, now time.Time) string {
	var names []string
	for _, r := range a.Reviewers {
		names = append(names, r.Name)
	}
	text := strings.Join(names, ", ")
	if text == "" {
		text = "anybody with write access"
	}
	if left := a.TimerEnds.Sub(now); left > 0 {
		text += "; timer " + clock.About(left.Round(time.Minute))
	}
	return text
}

// phase is where a rollout stands, and on how many services.
func phase(r pipeline.Rollout) string {
	if r.Total > 0 && r.Phase == pipeline.PhaseUpdating {
		return fmt.Sprintf("%s %d of %d", r.Phase, r.Done, r.Total)
	}
	return string(r.Phase)
}

// drawRollout is a rollout with its phase and how far it is.
func (m *Model) drawRollout(in *inside, r pipeline.Rollout) {
	s := m.styles
	took := ""
	if !r.Started.IsZero() {
		took = clock.Since(m.now, r.Started)
		if r.Expected > 0 {
			took += " of about " + clock.Age(r.Expected)
		}
	}
	in.line(func(row *frame.Row) {
		name := r.Release.Name()
		if r.Kind == pipeline.RolloutRollback {
			name = "rollback to " + name
		}
		row.Mark(s.Mark(theme.OfPhase(r.Phase))).Space(1).Put(s.Strong, name).Space(2).Put(s.Moving, phase(r)).Space(3).Put(s.Muted, took)
	})
	in.line(func(row *frame.Row) {
		row.Space(2)
		if r.Total > 0 {
			row.Put(s.Moving, s.Progress(float64(r.Done)/float64(r.Total), max(min(in.width-10, 40), 4)))
			return
		}
		row.Put(s.Muted, r.Sentence)
	})
}

// drawRest fills what is left of a large cell: the way back, the services, and
// how the last rollouts ended.
func (m *Model) drawRest(in *inside, c cell) {
	s := m.styles
	const label = "way back  "
	for i, l := range frame.Wrap(c.env.Return.Sentence, max(in.width-in.indent()-len(label), 10)) {
		if l == "" || in.left() < 2 {
			break
		}
		in.line(func(row *frame.Row) {
			if i == 0 {
				row.Put(s.Muted, label)
			}
			row.To(in.indent()+len(label)).Put(s.Text, l)
		})
	}
	if ended := m.lastRollouts(c.env.Environment.Name); len(ended) > 0 && in.left() > 3 {
		in.blank()
		in.line(func(row *frame.Row) { row.Put(s.Muted, "before this") })
		for _, r := range ended[:min(len(ended), max(min(in.left()-1, 4), 0))] {
			in.line(func(row *frame.Row) {
				row.Mark(s.Mark(theme.OfPhase(r.Phase))).Space(1).Put(s.Text, r.Release.Name()).Space(2).
					Put(s.Muted, string(r.Kind)+" "+string(r.Phase)).Space(2).Put(s.Faint, clock.Since(m.now, r.Ended))
			})
		}
	}
	if n := len(c.env.Services); n > 0 && in.left() > n+2 {
		in.blank()
		for _, v := range c.env.Services {
			m.drawService(in, v)
		}
	}
}

// lastRollouts are the rollouts of an environment that ended, newest first.
func (m *Model) lastRollouts(environment string) []pipeline.Rollout {
	var out []pipeline.Rollout
	for _, r := range m.snapshot.Rollouts {
		if r.Environment == environment && !r.Active() {
			out = append(out, r)
		}
	}
	return out
}

func (m *Model) drawService(in *inside, v pipeline.ServiceView) {
	s := m.styles
	in.line(func(row *frame.Row) {
		row.Mark(s.Mark(theme.OfService(v))).Space(1).Cell(s.Text, v.Key.Service, min(24, in.width/3)).Space(1).
			CellRight(s.Muted, fmt.Sprintf("%d/%d", v.Running, v.Desired), 7).Space(2).Put(s.Accent, pipeline.Short(v.SHA)).
			Space(2).Put(s.Faint, v.Version)
	})
}
