package sheet

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

// rollback is the sheet that restores an earlier deployment.
type rollback struct {
	environment string
	candidates  []pipeline.Candidate // as the first plan listed them; never reordered
	chosen      int64                // deployment; 0: what the plan chooses
}

const (
	buttonDirect = "direct"
	controlTo    = "to"
	controlHalt  = "halt"
	buttonDry    = "dry"

	gateWouldHelp = "R18" // has a row of its own
	showCandidate = 5     // rows of the list
)

// NewRollback is the sheet for a rollback of an environment: to the deployment
// of the request, or the best candidate where it names none. A reason in the
// request is filled in.
func NewRollback(r pipeline.RollbackRequest) Sheet {
	about := &rollback{environment: r.Environment, chosen: r.To}
	r.Halt = true // what is in flight is ended by the same confirmation, unless it is switched off
	s := newPlanned(about, PlanWanted{Kind: pipeline.PlanRollback, Rollback: r})
	if r.Reason != "" {
		s.field(targetReason).set(r.Reason)
	}
	return s
}

func (r *rollback) title() string { return "Roll back " + r.environment }

func (r *rollback) reading() string {
	return "what runs now, earlier deployments, task definitions, images by digest, migrations, backups, the lane"
}

func (r *rollback) shows(g pipeline.Gate) bool { return g.ID != gateWouldHelp }

// take keeps the candidates of the first plan in their places: they are what
// the operator chooses from, and must not move under the cursor. What a later
// plan knows of them is taken over.
func (r *rollback) take(plan pipeline.Plan) {
	if len(r.candidates) == 0 {
		r.candidates = slices.Clone(plan.Candidates)
	}
	for _, c := range plan.Candidates {
		if i := slices.IndexFunc(r.candidates, func(old pipeline.Candidate) bool { return old.Deployment.ID == c.Deployment.ID }); i >= 0 {
			r.candidates[i] = c
		}
	}
	if r.chosen == 0 {
		r.chosen = plan.Intent.Deployment
	}
}

// target is the candidate that is chosen, and its place in the list; -1: it is
// not in the list.
func (r *rollback) target() (pipeline.Candidate, int) {
	i := slices.IndexFunc(r.candidates, func(c pipeline.Candidate) bool { return c.Deployment.ID == r.chosen })
	if i < 0 {
		return pipeline.Candidate{}, -1
	}
	return r.candidates[i], i
}

func (r *rollback) controls(s *planned) []string {
	r.take(s.plan)
	var out []string
	if len(r.candidates) > 1 {
		out = append(out, controlTo)
	}
	if r.halts(s) {
		out = append(out, controlHalt)
	}
	return out
}

// halts reports whether there is something in flight that the plan could end.
func (r *rollback) halts(s *planned) bool {
	return !s.want.Rollback.Halt || len(s.plan.Intent.Cancels)+len(s.plan.Intent.Stops) > 0
}

// turn chooses another candidate, which is another plan.
func (r *rollback) turn(s *planned, control, key string, now time.Time) (Action, bool) {
	if control == controlHalt {
		return r.switchHalt(s, key, now)
	}
	step := 0
	switch key {
	case "down", "j":
		step = 1
	case "up", "k":
		step = -1
	default:
		return nil, false
	}
	_, at := r.target()
	to := at + step
	if to < 0 || to >= len(r.candidates) {
		return nil, true
	}
	r.chosen = r.candidates[to].Deployment.ID
	s.want.Rollback.To = r.chosen
	s.want.Rollback.Reason = s.text(targetReason)
	return s.replan(now), true
}

// switchHalt leaves what is in flight alone, or not.
func (r *rollback) switchHalt(s *planned, key string, now time.Time) (Action, bool) {
	if key != "space" && key != "left" && key != "right" {
		return nil, false
	}
	s.want.Rollback.Halt = !s.want.Rollback.Halt
	s.want.Rollback.To = r.chosen
	return s.replan(now), true
}

// drawHalt is the switch for what is in flight.
func (r *rollback) drawHalt(s *planned, p *page) {
	if !r.halts(s) {
		return
	}
	p.mark(controlHalt, 0, p.width)
	p.line(func(row *frame.Row) {
		row.Put(p.styles.Muted, "In flight ")
		p.prompt(row, controlHalt)
		text := "left alone"
		if s.want.Rollback.Halt {
			text = "ended first: " + flight(s.plan.Intent)
		}
		row.Put(p.styles.Accent, box(s.want.Rollback.Halt)+" ").Put(p.styles.Text, text)
	})
}

// flight names what a plan ends first.
func flight(in pipeline.Intent) string {
	var out []string
	if n := len(in.Cancels); n > 0 {
		out = append(out, count(n, "run"))
	}
	if n := len(in.Stops); n > 0 {
		out = append(out, count(n, "ECS deployment"))
	}
	return strings.Join(out, ", ")
}

func (r *rollback) head(s *planned, p *page) {
	r.take(s.plan)
	switch {
	case p.level >= folded:
		p.spans(r.from(s, p)...)
		r.drawChosen(s, p)
	case p.width >= 84:
		r.drawBeside(s, p)
	default:
		p.spans(r.from(s, p)...)
		r.drawList(s, p, 0)
	}
	r.drawHalt(s, p)
	r.drawHelp(s, p)
}

// from is the release that would be left.
func (r *rollback) from(s *planned, p *page) []frame.Span {
	v := s.plan.Preview
	out := []frame.Span{{Paint: p.styles.Muted, Text: "From "}}
	if v.From.Zero() {
		return append(out, frame.Span{Paint: p.styles.Unknown, Text: "unknown: ECS cannot be read"})
	}
	out = append(out, nameSpans(p, v.From)...)
	if !v.LiveSince.IsZero() {
		out = append(out, frame.Span{Paint: p.styles.Muted, Text: "  live " + clock.Since(p.now, v.LiveSince)})
	}
	return out
}

func nameSpans(p *page, r pipeline.Release) []frame.Span {
	var out []frame.Span
	if r.Version != "" {
		out = append(out, frame.Span{Paint: p.styles.Strong, Text: r.Version + " "})
	}
	return append(out, frame.Span{Paint: p.styles.Accent, Text: pipeline.Short(r.SHA)})
}

// drawChosen is the chosen candidate alone, with how many others there are.
func (r *rollback) drawChosen(s *planned, p *page) {
	c, at := r.target()
	p.mark(controlTo, 0, p.width)
	p.line(func(row *frame.Row) {
		row.Put(p.styles.Muted, "To ")
		p.prompt(row, controlTo)
		tail := ""
		if n := len(r.candidates) - 1; n > 0 {
			tail = fmt.Sprintf("%d more: %s%s", n, p.styles.Glyphs.Up, p.styles.Glyphs.Down)
			row.Reserve(theme.Cells(tail) + 1)
		}
		if at < 0 {
			row.Spans(nameSpans(p, s.plan.Preview.To)...)
		} else {
			r.candidate(p, row, c, true)
		}
		row.Tail(p.styles.Faint, tail)
	})
}

// drawBeside puts what is left and what it could go to side by side.
func (r *rollback) drawBeside(s *planned, p *page) {
	half := p.width * 45 / 100
	first := len(p.rows)
	r.drawList(s, p, half)
	p.row.Reset(p.styles, half-2, theme.Paint{})
	left := p.row.Spans(r.from(s, p)...).String() + "  "
	p.rows[first] = left + strings.TrimPrefix(p.rows[first], theme.Blank(half))
}

// drawList lists the candidates around the chosen one, from column x on.
func (r *rollback) drawList(s *planned, p *page, x int) {
	_, at := r.target()
	if at < 0 {
		p.line(func(row *frame.Row) {
			row.Space(x).Put(p.styles.Muted, "To   ").Spans(nameSpans(p, s.plan.Preview.To)...)
		})
		return
	}
	first := frame.Window(max(at-showCandidate/2, 0), at, showCandidate, len(r.candidates))
	last := min(first+showCandidate, len(r.candidates))
	for i := first; i < last; i++ {
		if i == at {
			p.mark(controlTo, x, p.width)
		}
		p.line(func(row *frame.Row) {
			label := "   "
			if i == first {
				label = "To "
			}
			row.Space(x).Put(p.styles.Muted, label)
			switch {
			case i == at:
				p.prompt(row, controlTo)
			default:
				row.Space(2)
			}
			r.candidate(p, row, r.candidates[i], i == at)
		})
	}
	if hidden := len(r.candidates) - (last - first); hidden > 0 {
		p.spans(frame.Span{Paint: p.styles.Faint, Text: theme.Blank(x+5) + fmt.Sprintf("%d more: %s%s", hidden, p.styles.Glyphs.Up, p.styles.Glyphs.Down)})
	}
}

// candidate puts one candidate: whether it can be deployed, what it is, and
// how it did.
func (r *rollback) candidate(p *page, row *frame.Row, c pipeline.Candidate, chosen bool) {
	paint := p.styles.Muted
	if chosen {
		paint = p.styles.Text
	}
	state := theme.OfVerdict(c.Verdict)
	if c.Faulty && state == theme.Passed {
		state = theme.Attention
	}
	row.Mark(p.styles.Mark(state)).Space(1)
	if chosen {
		row.Spans(nameSpans(p, c.Release)...)
	} else {
		row.Put(paint, strings.TrimSpace(c.Release.Version+" "+pipeline.Short(c.Release.SHA)))
	}
	row.Put(p.styles.Muted, "  "+standingOf(c))
}

// standingOf says how a candidate did when it was live, or why it cannot be
// taken.
func standingOf(c pipeline.Candidate) string {
	var out []string
	if c.Verdict == pipeline.Fail && len(c.Reasons) > 0 {
		return strings.Join(c.Reasons, ", ")
	}
	if c.LiveFor > 0 {
		out = append(out, "live "+clock.Age(c.LiveFor))
	}
	said := slices.ContainsFunc(c.Reasons, func(r string) bool { return strings.Contains(r, "faulty") })
	switch {
	case c.Faulty && !said:
		out = append(out, "faulty")
	case c.Verdict == pipeline.Pass && !c.Faulty:
		out = append(out, "verified")
	}
	return strings.Join(append(out, c.Reasons...), ", ")
}

// drawHelp says whether leaving the release would help: the evidence for the
// rollback, apart from what could stand in its way.
func (r *rollback) drawHelp(s *planned, p *page) {
	i := slices.IndexFunc(s.plan.Gates, func(g pipeline.Gate) bool { return g.ID == gateWouldHelp })
	if i < 0 || s.stage == checking {
		return
	}
	g := s.plan.Gates[i]
	p.blank()
	const question = "Would it help?  "
	tail := age(p.now, g.At)
	room := p.width - len(question)
	for n, l := range frame.Wrap(sentence(g), max(room-len(tail)-1, 10)) {
		p.line(func(row *frame.Row) {
			if n > 0 {
				row.Space(len(question)).Put(p.styles.Text, l)
				return
			}
			row.Put(p.styles.Muted, question).Put(p.styles.Text, l).Tail(p.styles.Faint, tail)
		})
	}
}

// targetSHA is the commit that would run again.
func (r *rollback) targetSHA(s *planned) string {
	if sha := s.plan.Preview.To.SHA; sha != "" {
		return sha
	}
	return s.plan.Intent.SHA
}

func (r *rollback) buttons(s *planned) []button {
	out := []button{
		{id: buttonGo, label: r.verb(s) + pipeline.Short(r.targetSHA(s)), danger: true, off: s.shortfall()},
		{id: buttonDry, label: "Dry run"},
		{id: buttonCopy, label: "Copy the gh command", short: "Copy gh command"},
		{id: buttonLater, label: "Not now"},
	}
	if s.want.Rollback.Direct || s.snapshot != nil && s.snapshot.Config.Policy.DirectAWSWrites {
		label := "Without GitHub Actions"
		if s.want.Rollback.Direct {
			label = "Through GitHub Actions"
		}
		out = slices.Insert(out, 2, button{id: buttonDirect, label: label})
	}
	return out
}

// verb says on the button what else than the rollback is done.
func (r *rollback) verb(s *planned) string {
	if len(s.plan.Intent.Cancels)+len(s.plan.Intent.Stops) > 0 {
		return "End it, roll back to "
	}
	return "Roll back to "
}

func (r *rollback) press(s *planned, id string, now time.Time) Action {
	switch id {
	case buttonDry:
		s.enter(dryRun, now)
	case buttonDirect:
		s.want.Rollback.Direct = !s.want.Rollback.Direct
		s.want.Rollback.To = r.chosen
		return s.replan(now)
	}
	return nil
}

// drawDryRun shows what would be sent.
func (s *planned) drawDryRun(p *page) {
	p.bullet(p.styles.Mark(theme.NotYet), p.styles.Strong, "Nothing is sent. Confirmed, this plan would do exactly this:", "")
	p.blank()
	p.prose(p.styles.Text, s.plan.Sends, 2)
	p.blank()
	s.drawMovesOrNone(p)
	if left := s.shortfall(); left != "" {
		p.prose(p.styles.Warn, "Still asked for: "+left, 2)
		p.blank()
	}
	p.prose(p.styles.Muted, "The same without this program:", 2)
	p.prose(p.styles.Accent, s.plan.Command, 4)
}

func (s *planned) drawMovesOrNone(p *page) {
	if len(s.plan.Preview.Services) == 0 {
		return
	}
	p.prose(p.styles.Muted, "Services, in this order:", 2)
	drawMoves(p, s.plan.Preview.Services)
	p.blank()
}
