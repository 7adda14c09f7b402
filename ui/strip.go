package ui

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// stripKey is everything that the strip's lines follow from.
type stripKey struct {
	snapshot      *pipeline.Snapshot
	styles        *theme.Styles
	environment   string
	now, counted  time.Time
	width, height int
}

// strip is stripLines, drawn again only if something changed.
func (c *Console) strip(width, height int) []string {
	key := stripKey{c.snapshot, c.styles, c.environment, c.now.Truncate(time.Minute), c.errors.counted(), width, height}
	if key != c.stripKey || c.stripDrawn == nil {
		c.stripKey, c.stripDrawn = key, c.stripLines(width, height)
	}
	return c.stripDrawn
}

// stripLines draws the lines that say whether the way back is open, who holds the
// lane, and which errors are new. Where there is one line, it says all in
// short.
func (c *Console) stripLines(width, height int) []string {
	e := c.state()
	if e == nil || height <= 0 {
		return blanks(width, height)
	}
	var lines []string
	switch height {
	case 1:
		lines = []string{c.shortStrip(e, width)}
	case 2:
		lines = []string{c.returnLine(e, width), c.laneLine(e, width)}
		if line, bad := c.errorLine(e, width); bad {
			lines[1] = line
		}
	default:
		line, _ := c.errorLine(e, width)
		lines = []string{c.returnLine(e, width), c.laneLine(e, width), line}
	}
	return append(lines, blanks(width, height-len(lines))...)
}

func blanks(width, n int) []string {
	var out []string
	for range n {
		out = append(out, theme.Blank(width))
	}
	return out
}

func (c *Console) labelled(width int, label string, mark theme.Mark, p theme.Paint, text, tail string) string {
	row := frame.NewRow(c.styles, width, theme.Paint{})
	row.Space(1).Cell(c.styles.Faint, label, 13).Mark(mark).Space(1)
	row.Reserve(theme.Cells(tail) + 2)
	row.Put(p, text)
	row.Reserve(0)
	if tail != "" {
		row.Tail(c.styles.Muted, tail+" ")
	}
	return row.String()
}

// returnLine says whether the environment can be rolled back, and to what.
func (c *Console) returnLine(e *pipeline.EnvironmentState, width int) string {
	s, r := c.styles, e.Return
	state, paint := returnState(e, s)
	text, tail := r.Sentence, ""
	if text == "" {
		text = "not known yet"
	}
	if n := len(r.Candidates); n > 0 && !strings.Contains(text, "candidates") {
		tail = fmt.Sprintf("%d of %d candidates", r.Deployable, n)
	}
	switch {
	case r.Err != nil && r.Known():
		tail = "as of " + clock.Since(c.now, r.At) + " ago"
	case r.Err != nil:
		text, tail = "not known: "+panel.Brief(r.Err), ""
	}
	return c.labelled(width, "Return path", s.Mark(state), paint, text, tail)
}

func returnState(e *pipeline.EnvironmentState, s *theme.Styles) (theme.State, theme.Paint) {
	r := e.Return
	switch {
	case e.Live.Release.Zero():
		return theme.Unknown, s.Muted
	case r.Best == nil && slices.ContainsFunc(r.Candidates, func(c pipeline.Candidate) bool { return c.Verdict == pipeline.Unknown }):
		return theme.Unknown, s.Warn
	case r.Best == nil && r.Known():
		return theme.Failed, s.Danger
	case r.Best == nil:
		return theme.Unknown, s.Muted
	case r.Best.PastReturn():
		return theme.Attention, s.Warn
	case r.Best.Verdict == pipeline.Pass:
		return theme.Passed, s.Text
	case r.Best.Verdict == pipeline.Fail:
		return theme.Failed, s.Danger
	}
	return theme.Unknown, s.Warn
}

// laneLine says who holds the environment's lane, and what waits behind.
func (c *Console) laneLine(e *pipeline.EnvironmentState, width int) string {
	s := c.styles
	if h := e.Hold; h != nil {
		text := "held by " + h.Owner + ": " + h.Reason
		if h.Local() {
			text = "held on this machine alone: " + h.Reason
		}
		return c.labelled(width, "Lane", s.Mark(theme.Attention), s.Warn, text, clock.Since(c.now, h.Since))
	}
	if text, mark, tail := c.laneNotice(e); text != "" {
		return c.labelled(width, "Lane", s.Mark(mark), s.Warn, text, tail)
	}
	text := e.Lane.Sentence
	if text == "" {
		text = "free"
		if !e.Lane.Free() {
			text = fmt.Sprintf("#%d holds it", e.Lane.Holder.Run.Number)
		}
	}
	state, tail := theme.NotYet, ""
	switch {
	case e.Lane.Holder == nil:
	case e.Lane.Holder.Waiting:
		state = theme.Waiting
	default:
		state = theme.Moving
	}
	if n := len(e.Lane.Queue); n > 0 && !strings.Contains(text, "behind") {
		tail = fmt.Sprintf("%d behind it", n)
	}
	paint := s.Text
	if o := c.snapshot.Runs.Observation; c.aged(o) {
		paint, tail = s.Stale, "as of "+clock.Since(c.now, o.At)+" ago"
	}
	if f, ok := c.snapshot.NextFreeze(c.now, freezeNotice); ok && tail == "" && e.Environment.Production {
		tail = f.Reason + " begins in " + clock.Age(f.From.Sub(c.now))
	}
	return c.labelled(width, "Lane", s.Mark(state), paint, text, tail)
}

// errorLine says which errors are new since the live release took traffic.
func (c *Console) errorLine(e *pipeline.EnvironmentState, width int) (line string, bad bool) {
	s := c.styles
	at := inTraffic(e)
	found := c.errors.since(e.Errors, at)
	since := ""
	if !e.Live.Release.Zero() {
		since = " since " + e.Live.Release.Name() + " took traffic"
	}
	switch {
	case at.IsZero():
		return c.labelled(width, "New errors", s.Mark(theme.Unknown), s.Muted, "not known: nobody knows since when this release is live", ""), false
	case found.fresh == nil && c.aged(c.snapshot.Logs.Observation): // silence is no proof while nobody listens
		return c.labelled(width, "New errors", s.Mark(theme.Unknown), s.Warn, "not known: the logs cannot be read", ""), false
	case found.fresh == nil && found.lines == 0:
		return c.labelled(width, "New errors", s.Mark(theme.Passed), s.Text, "no errors in the logs"+since, ""), false
	case found.fresh == nil:
		text := fmt.Sprintf("none%s; %s of known kinds", since, panel.Plural(found.lines, "error"))
		return c.labelled(width, "New errors", s.Mark(theme.Passed), s.Text, text, ""), false
	}
	before := "0 before"
	if !found.complete {
		before = "before: not read"
	}
	text := fmt.Sprintf("×%s (%s)  %s", panel.Count(found.fresh.After), before, strings.TrimLeft(found.fresh.Template, "# "))
	tail := found.fresh.Service
	if found.kinds > 1 {
		tail = fmt.Sprintf("%s %s %s", tail, s.Glyphs.Dot, panel.Plural(found.kinds-1, "more kind"))
	}
	return c.labelled(width, "New errors", s.Mark(theme.Attention), s.Danger, text, tail), true
}

// inTraffic is since when the live release takes traffic: as the engine says,
// else since ECS began to roll the first service of it.
func inTraffic(e *pipeline.EnvironmentState) time.Time {
	at := e.Live.Since
	if !at.IsZero() || e.Live.Release.Zero() {
		return at
	}
	for i := range e.Services {
		v := &e.Services[i]
		if set, ok := v.Primary(); ok && v.SHA == e.Live.Release.SHA && (at.IsZero() || set.Created.Before(at)) {
			at = set.Created
		}
	}
	return at
}

// shortStrip says return path, lane and new errors in one line.
func (c *Console) shortStrip(e *pipeline.EnvironmentState, width int) string {
	s := c.styles
	row := frame.NewRow(s, width, theme.Paint{})
	state, paint := returnState(e, s)
	row.Space(1).Put(s.Faint, "return ").Mark(s.Mark(state)).Space(1)
	tail, tailPaint := "", s.Muted
	if found := c.errors.since(e.Errors, inTraffic(e)); found.fresh != nil {
		tail, tailPaint = fmt.Sprintf("new: %s ×%d", theme.Cut(strings.TrimLeft(found.fresh.Template, "# "), width/3, s.Glyphs.Ellipsis), found.fresh.After), s.Danger
	} else if h := e.Hold; h != nil {
		tail, tailPaint = fmt.Sprintf("held by %s %s", h.Owner, clock.Since(c.now, h.Since)), s.Warn
	} else if e.Lane.Holder != nil {
		tail = fmt.Sprintf("lane #%d %s", e.Lane.Holder.Run.Number, clock.Since(c.now, e.Lane.Holder.Since))
	}
	row.Reserve(theme.Cells(tail) + 2)
	text := e.Return.Sentence
	if text == "" {
		text = "not known yet"
	}
	row.Put(paint, text)
	row.Reserve(0)
	return row.Tail(tailPaint, tail+" ").String()
}

// newErrors counts the error lines that are held, by what they have in common.
// It is brought up to date where the logs are, off the loop.
type newErrors struct {
	ring *logs.Ring
	view *logs.View

	mu       sync.Mutex
	counts   *logs.Signatures
	complete time.Time // all lines from then on are held; zero: none are
	checked  time.Time
}

// errorsSlot is how far apart the errors are counted anew.
const errorsSlot = time.Second

// counted is when the errors were counted last.
func (n *newErrors) counted() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.checked
}

// sync counts again if lines came and the last count is old enough.
func (n *newErrors) sync() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now := time.Now(); now.Sub(n.checked) < errorsSlot {
		return
	}
	n.checked = time.Now()
	if !n.view.Sync() && n.counts != nil {
		return
	}
	counts := logs.NewSignatures(logs.LevelError)
	counts.Add(n.view.Lines())
	n.counts, n.complete = counts, n.ring.Stats().Oldest
}

// withCompared adds to the signatures that are held those of a comparison
// around the instant, which read more of the time around it. What came before
// there is not new here.
func withCompared(compared pipeline.Fact[logs.Evidence], at time.Time, held []logs.Signature) (all []logs.Signature, read bool) {
	e := compared.Value
	if !compared.Known() || e.Read.Before(at) {
		return held, false
	}
	type kind struct{ group, template string }
	place := map[kind]int{}
	for i := range held {
		place[kind{held[i].Group, held[i].Template}] = i
	}
	for _, found := range e.Signatures {
		i, both := place[kind{found.Group, found.Template}]
		if !both {
			held = append(held, found)
			continue
		}
		held[i].Before, held[i].After = max(held[i].Before, found.Before), max(held[i].After, found.After)
	}
	return held, len(e.Failed()) == 0
}

// exception matches a line that names one, which says more than the line that
// an error was logged with.
var exception = regexp.MustCompile(`^[\w.]+(Error|Exception)\b`)

// freshErrors are the errors since a release took traffic.
type freshErrors struct {
	fresh    *logs.Signature // the most frequent that did not come before; nil: none
	kinds    int             // how many of those there are
	lines    int             // all error lines since
	complete bool            // whether lines from before were seen
}

// since sums up the errors from an instant on: those of the lines that are held,
// and those that the engine's comparison of the environment's logs found.
func (n *newErrors) since(compared pipeline.Fact[logs.Evidence], at time.Time) freshErrors {
	n.mu.Lock()
	defer n.mu.Unlock()
	var f freshErrors
	if n.counts == nil || at.IsZero() {
		return f
	}
	f.complete = !n.complete.IsZero() && n.complete.Before(at)
	found, read := withCompared(compared, at, n.counts.Since(at))
	f.complete = f.complete || read
	for _, s := range found {
		f.lines += s.After
		if !s.New() {
			continue
		}
		f.kinds++
		if f.fresh == nil || exception.MatchString(s.Template) && !exception.MatchString(f.fresh.Template) {
			one := s
			f.fresh = &one
		}
	}
	return f
}
