package ui

import (
	"strconv"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// part is a piece of the header's right side, with a shorter form for narrow
// screens.
type part struct{ long, short []frame.Span }

// headerKey is everything that the header follows from.
type headerKey struct {
	snapshot    *pipeline.Snapshot
	styles      *theme.Styles
	environment string
	now         time.Time
	pace        tickPace
	sending     bool
	width       int
}

// header is headerDrawn, drawn again only if something changed.
func (c *Console) header(width int) string {
	key := headerKey{c.snapshot, c.styles, c.environment, c.now, c.pace(), c.sending > 0, width}
	if key.pace == paceIdle {
		key.now = c.now.Truncate(time.Minute)
	}
	if key != c.headerKey || c.headerLine == "" {
		c.headerKey, c.headerLine = key, c.headerDrawn(width)
	}
	return c.headerLine
}

// headerDrawn draws the line that is always there: where, who, how healthy the
// sources are, what waits, and the time.
func (c *Console) headerDrawn(width int) string {
	s := c.styles
	left := c.place(width)
	parts := []part{c.waitingPart(), c.freezePart(), c.agePart(), c.modePart(), c.gitHubPart(), c.awsPart(), c.clockPart()}
	right := fit(s, parts, width-cells(left)-3)
	row := frame.NewRow(s, width, theme.Paint{})
	row.Reserve(cells(right) + 1)
	row.Spans(left...)
	row.Reserve(0)
	return row.To(width - cells(right) - 1).Spans(right...).String()
}

// place says where this is: program, repository and environment, as far as
// half the screen goes.
func (c *Console) place(width int) []frame.Span {
	s, repo := c.styles, c.snapshot.Repository
	var left []frame.Span
	if width >= 60 {
		left = append(left, frame.Span{Paint: s.Accent.Bold(), Text: " deployctl "})
	}
	name := repo.FullName()
	if theme.Cells(name) > width/3 {
		name = theme.Cut(repo.Name, max(width/3, 8), s.Glyphs.Ellipsis)
	}
	left = append(left, frame.Span{Paint: s.Strong, Text: " " + name})
	if c.environment != "" {
		env := theme.Cut(c.environment, max(width/4, 6), s.Glyphs.Ellipsis)
		left = append(left, frame.Span{Paint: s.Faint, Text: " " + s.Glyphs.Dot + " "}, frame.Span{Paint: s.Strong, Text: env})
	}
	if c.snapshot.Config.Inferred && width >= 100 {
		left = append(left, frame.Span{Paint: s.Muted, Text: " (inferred)"})
	}
	return left
}

// fit joins the parts in as many cells as there are: all of them long, else
// short, else as many as fit, the most important first.
func fit(s *theme.Styles, parts []part, width int) []frame.Span {
	long, short := join(s, parts, false), join(s, parts, true)
	if cells(long) <= width {
		return long
	}
	for n := len(parts); cells(short) > width && n > 0; n-- {
		// The clock at the end goes last but for what waits.
		cut := append(append([]part(nil), parts[:max(n-2, 1)]...), parts[len(parts)-1])
		short = join(s, cut, true)
		if n <= 2 {
			short = join(s, parts[:1], true)
		}
	}
	if cells(short) > width {
		return nil
	}
	return short
}

func join(s *theme.Styles, parts []part, short bool) []frame.Span {
	var out []frame.Span
	for _, p := range parts {
		spans := p.long
		if short {
			spans = p.short
		}
		if len(spans) == 0 {
			continue
		}
		if len(out) > 0 {
			out = append(out, frame.Span{Paint: s.Faint, Text: " " + s.Glyphs.Dot + " "})
		}
		out = append(out, spans...)
	}
	return out
}

func cells(spans []frame.Span) int {
	n := 0
	for _, s := range spans {
		n += theme.Cells(s.Text)
	}
	return n
}

// waitingPart counts what waits for a person, and how much of that for the
// operator.
func (c *Console) waitingPart() part {
	paused := len(c.snapshot.Paused())
	mine, all := 0, len(c.snapshot.Approvals)+paused
	if c.snapshot.Denied("stop") == "" {
		mine = paused
	}
	for _, a := range c.snapshot.Approvals {
		if a.CanApprove {
			mine++
		}
	}
	s := c.styles
	glyph := s.Glyphs.Waiting + " "
	switch {
	case all == 0:
		return part{}
	case mine > 0:
		text := strconv.Itoa(mine) + " waits for you"
		if mine > 1 {
			text = strconv.Itoa(mine) + " wait for you"
		}
		return c.overdue(part{spans(s.Waiting, glyph+text), spans(s.Waiting, glyph+strconv.Itoa(mine)+" for you")})
	}
	text := "1 waits for approval"
	switch {
	case paused > 0 && all == 1:
		text = "1 waits"
	case paused > 0:
		text = strconv.Itoa(all) + " wait"
	case all > 1:
		text = strconv.Itoa(all) + " wait for approval"
	}
	return c.overdue(part{spans(s.Waiting, glyph+text), spans(s.Waiting, glyph+strconv.Itoa(all))})
}

// overdue adds how many approvals wait for longer than the team lets them.
func (c *Console) overdue(p part) part {
	n := len(c.snapshot.Overdue(c.now))
	if n == 0 {
		return p
	}
	late := frame.Span{Paint: c.styles.Danger, Text: ", " + strconv.Itoa(n) + " overdue"}
	return part{append(p.long, late), append(p.short, late)}
}

// agePart says that nothing on the screen was read by this program yet.
func (c *Console) agePart() part {
	if !c.snapshot.Restored {
		return part{}
	}
	text := "as it was " + clock.Since(c.now, c.snapshot.AsOf) + " ago"
	return part{spans(c.styles.Warn, text+", reading"+c.styles.Glyphs.Ellipsis), spans(c.styles.Warn, text)}
}

func (c *Console) modePart() part {
	s := c.styles
	if c.sending > 0 {
		text := "sending" + s.Glyphs.Ellipsis
		return part{spans(s.Moving, text), spans(s.Moving, text)}
	}
	if c.readOnly() {
		return part{spans(s.Muted, "read-only"), spans(s.Muted, "read-only")}
	}
	login := c.snapshot.Viewer.Login
	if login == "" {
		return part{}
	}
	return part{spans(s.Muted, "operator "+login), spans(s.Muted, login)}
}

// gitHubPart is the remaining budget, or what is wrong.
func (c *Console) gitHubPart() part {
	s, rate := c.styles, c.snapshot.Rate
	glyph, paint := c.sourceMark("github")
	long, short := "github", "gh"
	if rate.Limit > 0 {
		long += " " + panel.Count(rate.Remaining)
		if rate.Remaining*5 < rate.Limit {
			paint = s.Warn
			long += " until " + rate.Reset.In(c.options.Zone).Format("15:04")
			short += " " + panel.Count(rate.Remaining)
		}
	}
	return part{spans(paint, long+glyph), spans(paint, short+glyph)}
}

func (c *Console) awsPart() part {
	glyph, paint := c.sourceMark("aws")
	long := "aws"
	if region := c.snapshot.Identity.Value.Region; region != "" {
		long += " " + region
	}
	if c.snapshot.Identity.Err != nil && !c.snapshot.Identity.Known() {
		glyph, paint = " "+c.styles.Glyphs.Failed, c.styles.Danger
	}
	return part{spans(paint, long+glyph), spans(paint, "aws"+glyph)}
}

// sourceMark is how the sources of one system fare: the worst of them. One that
// has not answered yet is no reason to say that all is well.
func (c *Console) sourceMark(system string) (string, theme.Paint) {
	s := c.styles
	known, stale, unread := false, false, false
	for _, src := range c.snapshot.Sources {
		if !strings.HasPrefix(src.Name, system) {
			continue
		}
		switch {
		case src.Err != nil:
			return " " + s.Glyphs.Failed, s.Danger
		case src.Known() && src.Stale(c.now):
			stale = true
		case src.Known():
			known = true
		default:
			unread = true
		}
	}
	switch {
	case stale:
		return " stale", s.Warn
	case unread:
		return " reading" + s.Glyphs.Ellipsis, s.Muted
	case known:
		return " " + s.Glyphs.Passed, s.Muted
	}
	return "", s.Faint
}

// lasting is how long a source has to fail before more is said of it than its
// panel and the header do: most failures are over with the next answer.
const lasting = 30 * time.Second

// fails reports whether a fact cannot be read for longer than one bad answer.
func (c *Console) fails(o pipeline.Observation) bool {
	return o.Err != nil && (!o.Known() || o.Age(c.now) >= lasting)
}

// aged reports whether a fact that was known is no longer to be taken for fresh.
func (c *Console) aged(o pipeline.Observation) bool {
	return o.Known() && (c.fails(o) || o.Stale(c.now))
}

// trouble is why a system cannot be read and what to do, in a line that has the
// room which the panels' borders lack; empty: nothing lasts, or there is no room.
func (c *Console) trouble(l layout) string {
	if l.releases.Y < 2 {
		return ""
	}
	s := c.styles
	back, fail, dot := theme.Paint{}, s.Danger, s.Faint
	if c.options.Rotate > 0 { // a wall that is dead says so across the room
		back, fail, dot = s.Banner, theme.Paint{}, theme.Paint{}
	}
	var told []frame.Span
	for _, system := range []string{"github", "aws"} {
		for _, src := range c.snapshot.Sources {
			if src.Err == nil || !strings.HasPrefix(src.Name, system) {
				continue
			}
			if pipeline.KindOf(src.Err) != pipeline.KindAuth && !c.fails(src.Observation) {
				continue
			}
			if len(told) > 0 {
				told = append(told, frame.Span{Paint: dot, Text: " " + s.Glyphs.Dot + " "})
			}
			told = append(told, frame.Span{Paint: fail, Text: s.Glyphs.Failed + " " + system + ": " + panel.Brief(src.Err)})
			break
		}
	}
	if len(told) == 0 {
		return ""
	}
	row := frame.NewRow(s, l.screen.Width, back).Space(1)
	if c.options.Rotate > 0 {
		row.Put(theme.Paint{}, "STALE ")
	}
	return row.Spans(told...).String()
}

// clockPart counts seconds only while something moves, so that an idle screen
// does not change sixty times a minute.
func (c *Console) clockPart() part {
	format := "15:04"
	if c.pace() != paceIdle {
		format = "15:04:05"
	}
	text := c.now.Format(format)
	if c.options.Zone == time.UTC { // asked for: nobody is to take it for local time
		text += "Z"
	}
	return part{spans(c.styles.Muted, text), spans(c.styles.Muted, text)}
}

func spans(p theme.Paint, text string) []frame.Span { return []frame.Span{{Paint: p, Text: text}} }

// approvalID names an approval for as long as it waits.
func approvalID(a pipeline.Approval) string {
	return strconv.FormatInt(a.Run.ID, 10) + "/" + strconv.FormatInt(a.EnvironmentID, 10)
}

func approvalName(a pipeline.Approval) string {
	return "#" + strconv.Itoa(a.Run.Number) + " " + pipeline.Short(a.Run.SHA)
}
