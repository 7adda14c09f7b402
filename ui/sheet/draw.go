package sheet

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// Lines implements [Sheet]. It lays the sheet out as generously as fits.
func (s *planned) Lines(styles *theme.Styles, width, height int, now time.Time) []string {
	w := sheetWidth(width)
	inner := max(w-2-2*margin(w), 0)
	for l := roomy; l < levels; l++ {
		s.body, s.foot = newPage(styles, inner, l, now, s.focus), newPage(styles, inner, l, now, s.focus)
		s.drawBody(s.body)
		s.drawFoot(s.foot)
		if len(s.body.rows)+len(s.foot.rows)+2 <= height {
			break
		}
	}
	box := frame.Box{Title: s.titleSpans(styles), Foot: s.footer(styles, w-6, now), Focused: true}
	if text := s.notice(styles.Glyphs.Dot); text != "" && s.body.level == compact {
		box.Foot = []frame.Span{{Paint: styles.Banner, Text: " " + text + " "}}
	}
	if s.stage == ended && refusal(s.receipt.Outcome) || s.stage == failed {
		box.Border = styles.Danger
	}
	lines, place := s.scroll.box(box, s.body, s.foot, w, height)
	s.place = place
	return lines
}

// Cursor implements [Sheet].
func (s *planned) Cursor() *tea.Cursor { return cursorOn(s.body, s.place) }

// cursorOn is where a page's cursor stands on the sheet; nil: nowhere.
func cursorOn(body *page, place placement) *tea.Cursor {
	if body == nil || body.caret == nil {
		return nil
	}
	y, shown := place.screen(body.caret.Y, false)
	if !shown {
		return nil
	}
	c := tea.NewCursor(place.x+body.caret.X, y)
	c.Shape = tea.CursorBar
	return c
}

func (s *planned) titleSpans(styles *theme.Styles) []frame.Span {
	title, paint := s.plan.Title, styles.Title
	if title == "" {
		title = s.subject.title()
	}
	switch s.stage {
	case ended:
		title, paint = outcomeTitle(s.receipt.Outcome, title), outcomePaint(styles, s.receipt.Outcome)
	case dryRun:
		title = "Dry run: " + title
	case failed, checking, ready, sending:
	}
	return []frame.Span{{Paint: paint, Text: title}}
}

// footer says what is sent, and how long the evidence counts, as fully as fits
// in width cells.
func (s *planned) footer(styles *theme.Styles, width int, now time.Time) []frame.Span {
	var texts []string
	switch s.stage {
	case ready, dryRun:
		texts = s.freshness(now)
		if s.plan.Sends != "" {
			sends := s.plan.Sends + " " + styles.Glyphs.Dot + " "
			texts = append([]string{sends + texts[0], sends + texts[1], sends + texts[2]}, texts...)
		}
	case sending:
		texts = []string{"esc leaves this sheet; the outcome is told anyway", "esc leaves this sheet"}
	case checking, ended, failed:
	}
	for i, t := range texts {
		if theme.Cells(t) <= width || i == len(texts)-1 {
			return []frame.Span{{Paint: styles.Muted, Text: t}}
		}
	}
	return nil
}

// freshness says when the evidence is read again, ever more briefly.
func (s *planned) freshness(now time.Time) []string {
	if s.renewing {
		return []string{"reading the evidence again; what you typed stays", "reading the evidence again", "reading again"}
	}
	left := (max(s.renewAt().Sub(now), 0) + time.Second - 1) / time.Second
	if s.renewErr != nil {
		text := fmt.Sprintf("next try in %d s", left)
		return []string{"the evidence could not be read again; " + text, text, text}
	}
	text := fmt.Sprintf("refreshes in %d s", left)
	return []string{"evidence " + text + "; what you typed stays", "evidence " + text, text}
}

func (s *planned) drawBody(p *page) {
	s.drawNotice(p)
	switch s.stage {
	case checking:
		s.drawChecking(p)
	case ready:
		s.drawReady(p)
	case dryRun:
		s.drawDryRun(p)
	case sending:
		s.drawSending(p)
	case ended:
		drawReceipt(p, s.receipt)
	case failed:
		drawError(p, s.err)
	}
	p.trim()
}

// drawFoot draws the buttons, and what is missing or was answered.
func (s *planned) drawFoot(p *page) {
	p.padding()
	p.buttons(shortened(s.shownButtons(), p.width))
	if text, paint := s.remark(p.styles); text != "" || s.stage == ready {
		p.remark(paint, text)
		return
	}
	p.padding()
}

// remark is what stands beside the buttons.
func (s *planned) remark(styles *theme.Styles) (string, theme.Paint) {
	if s.note != "" {
		return s.note, styles.Accent
	}
	if s.stage != ready {
		return "", theme.Paint{}
	}
	if text := s.shortfall(); text != "" {
		if len(s.plan.Blocking()) > 0 {
			return text, styles.Danger
		}
		return text, styles.Warn
	}
	return "", theme.Paint{}
}

func (s *planned) drawChecking(p *page) {
	if s.hasPlan() {
		s.subject.head(s, p)
		p.blank()
	}
	p.line(func(r *frame.Row) {
		r.Mark(p.styles.Mark(theme.Moving)).Space(1).Put(p.styles.Text, "Checking")
		if d := p.now.Sub(s.since); d >= 2*time.Second {
			r.Tail(p.styles.Faint, clock.Elapsed(d))
		}
	})
	p.prose(p.styles.Muted, s.subject.reading(), 2)
}

// drawSending shows how far what was confirmed has come: read again, sent once,
// seen.
func (s *planned) drawSending(p *page) {
	stages := []struct {
		stage pipeline.Sending
		text  string
	}{
		{pipeline.StageRechecking, "Reading again every fact that you were shown; if one differs nothing is sent"},
		{pipeline.StageSending, "Sending it, once"},
		{pipeline.StageObserving, "Sent, not yet seen: it counts when its effect is"},
	}
	state := theme.Passed
	for _, it := range stages {
		switch {
		case it.stage == s.progress:
			p.bullet(p.styles.Mark(theme.Moving), p.styles.Strong, it.text, clock.Elapsed(p.now.Sub(s.since)))
			state = theme.NotYet
		case state == theme.Passed:
			p.bullet(p.styles.Mark(state), p.styles.Muted, it.text, "")
		default:
			p.bullet(p.styles.Mark(state), p.styles.Faint, it.text, "")
		}
		if it.stage == pipeline.StageSending {
			if s.plan.Sends != "" {
				p.prose(p.styles.Muted, s.plan.Sends, 2)
			}
			for _, step := range s.steps {
				p.prose(p.styles.Text, p.styles.Glyphs.Arrow+" "+step, 2)
			}
		}
	}
}

func (s *planned) drawReady(p *page) {
	s.subject.head(s, p)
	p.blank()
	s.drawGates(p)
	p.blank()
	s.drawChange(p)
	s.drawInputs(p)
}

// notice is what the operator must know before they confirm: that what they
// see is no longer so, or could not be read again; empty: nothing.
func (s *planned) notice(dot string) string {
	var parts []string
	if s.stage != ready && s.stage != dryRun {
		return ""
	}
	if len(s.banner) > 0 {
		parts = append(parts, "changed: "+strings.Join(s.banner, " "+dot+" "))
	}
	if s.renewErr != nil {
		parts = append(parts, "not read again: "+reason(s.renewErr))
	}
	return strings.Join(parts, " "+dot+" ")
}

// drawNotice puts the notice on the row below the title, which is blank
// without one: no row moves when it comes. Compact pages have no such row; the
// notice takes the place of the footer there.
func (s *planned) drawNotice(p *page) {
	text := s.notice(p.styles.Glyphs.Dot)
	if p.level == compact {
		return
	}
	if text == "" {
		p.padding()
		return
	}
	p.line(func(r *frame.Row) { r.Put(p.styles.Banner, theme.Fit(" "+text, p.width, p.styles.Glyphs.Ellipsis)) })
}

// drawChange says what will change, in one row; and at the roomiest level which
// services.
func (s *planned) drawChange(p *page) {
	v := s.plan.Preview
	var facts []string
	switch n := len(v.Services); n {
	case 0:
	case 1:
		facts = append(facts, v.Services[0].Service+" "+identity(v.Services[0].From)+" "+p.styles.Glyphs.Arrow+" "+identity(v.Services[0].To))
	default:
		facts = append(facts, count(n, "service"))
	}
	if n := len(v.Migrations); n > 0 {
		note := " (backup first)"
		if s.plan.Intent.Kind == pipeline.PlanRollback {
			note = " stay as they are"
			if n == 1 {
				note = " stays as it is"
			}
		}
		facts = append(facts, count(n, "migration")+note)
	}
	if v.Expected > 0 {
		facts = append(facts, duration(v.Expected, v.Worst))
	}
	if len(facts) == 0 {
		return
	}
	text := strings.Join(facts, " "+p.styles.Glyphs.Dot+" ")
	if labelCells(p)+theme.Cells(text) > p.width {
		text = strings.NewReplacer(" (backup first)", "", " as they are", "", " as it is", "").Replace(text)
	}
	s.label(p, "What will change", "Changes", "", func(r *frame.Row) { r.Put(p.styles.Text, text) })
	if p.level == roomy && len(v.Services) > 1 {
		drawMoves(p, v.Services)
	}
}

// duration is how long it usually takes, and took at worst: "about 19 min, 27
// at worst".
func duration(usual, worst time.Duration) string {
	text := "about " + clock.About(usual)
	most := clock.About(worst)
	if worst <= usual || most == clock.About(usual) {
		return text
	}
	if usual >= time.Minute && worst < time.Hour {
		most = strings.TrimSuffix(most, " min")
	}
	return text + ", " + most + " at worst"
}

// drawMoves lists what each service goes through.
func drawMoves(p *page, services []pipeline.ServiceChange) {
	name := 0
	for _, c := range services {
		name = max(name, theme.Cells(c.Service))
	}
	for _, c := range services {
		p.line(func(r *frame.Row) {
			r.Space(labelCells(p)).Cell(p.styles.Muted, c.Service, min(name, 30)).Space(2).
				Put(p.styles.Muted, identity(c.From)).Put(p.styles.Faint, " "+p.styles.Glyphs.Arrow+" ").Put(p.styles.Text, identity(c.To))
		})
	}
}

// identity shortens a digest or SHA to what people compare.
func identity(s string) string {
	digest := strings.TrimPrefix(s, "sha256:")
	if digest != s {
		return "sha256:" + digest[:min(len(digest), 12)]
	}
	if s == "" {
		return "unknown"
	}
	return pipeline.Short(s)
}

// drawInputs draws the fields that belong to no gate.
func (s *planned) drawInputs(p *page) {
	if p.level == roomy {
		p.blank()
	}
	if s.plan.Comment {
		s.label(p, "Comment", "Comment", targetComment, func(r *frame.Row) {
			p.input(r, s.field(targetComment), targetComment, "required: why now, and who watches", r.Left()-2)
		})
	}
	if s.plan.Reason > 0 {
		s.label(p, "Reason", "Reason", targetReason, func(r *frame.Row) {
			need := s.counter()
			p.input(r, s.field(targetReason), targetReason, fmt.Sprintf("at least %d characters", s.plan.Reason), r.Left()-4-theme.Cells(need))
			paint := p.styles.Faint
			if s.reasonLeft() > 0 && s.text(targetReason) != "" {
				paint = p.styles.Warn
			}
			r.Tail(paint, need)
		})
	}
	if s.plan.Typed != "" {
		s.label(p, "Type", "Type", targetWord, func(r *frame.Row) { s.drawWord(p, r, targetWord, s.plan.Typed) })
	}
}

// counter tells how long the reason is, of how long it has to be.
func (s *planned) counter() string {
	return fmt.Sprintf("%d of %d", len([]rune(s.text(targetReason))), s.plan.Reason)
}

// drawWord draws the field for a word that has to be typed, and whether it was.
func (s *planned) drawWord(p *page, r *frame.Row, target, word string) {
	p.input(r, s.field(target), target, word, min(max(theme.Cells(word)+2, 12), r.Left()-4))
	switch typed := s.text(target); {
	case typed == word:
		r.Space(1).Mark(p.styles.Mark(theme.Passed))
	case typed != "" && !strings.HasPrefix(word, typed):
		r.Space(1).Mark(p.styles.Mark(theme.Failed)).Put(p.styles.Muted, " not "+word)
	}
}

// labelCells is the width of the column of labels.
func labelCells(p *page) int {
	switch {
	case p.width >= 80:
		return 19
	case p.width >= 50:
		return 10
	}
	return 8
}

// label adds a row with a label in front of what fill puts.
func (s *planned) label(p *page, long, short, target string, fill func(r *frame.Row)) {
	if labelCells(p) <= theme.Cells(long) {
		long = short
	}
	p.line(func(r *frame.Row) {
		paint := p.styles.Muted
		if target != "" && p.focus == target {
			paint = p.styles.Strong
		}
		r.Cell(paint, long, labelCells(p)-1).Space(1)
		fill(r)
	})
}
