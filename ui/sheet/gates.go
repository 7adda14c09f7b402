package sheet

import (
	"fmt"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// drawGates lists the checks. Short pages fold those that pass into one row,
// first; the others stay in the order of the plan.
func (s *planned) drawGates(p *page) {
	if p.level >= folded {
		s.drawPassing(p)
	}
	for _, g := range s.plan.Gates {
		if !s.subject.shows(g) || (p.level >= folded && folds(g)) {
			continue
		}
		s.drawGate(p, g)
	}
}

// folds reports whether a gate says nothing that a short sheet must show.
func folds(g pipeline.Gate) bool {
	return g.Verdict == pipeline.Pass || g.Verdict == pipeline.NotApplicable
}

// drawPassing is the one row that stands for all gates that pass.
func (s *planned) drawPassing(p *page) {
	n := 0
	var oldest time.Time
	for _, g := range s.plan.Gates {
		if !s.subject.shows(g) || !folds(g) {
			continue
		}
		n++
		if !g.At.IsZero() && (oldest.IsZero() || g.At.Before(oldest)) {
			oldest = g.At
		}
	}
	if n == 0 {
		return
	}
	text := fmt.Sprintf("%d checks pass", n)
	if n == 1 {
		text = "1 check passes"
	}
	p.bullet(p.styles.Mark(theme.Passed), p.styles.Text, text, age(p.now, oldest))
}

func (s *planned) drawGate(p *page, g pipeline.Gate) {
	mark := p.styles.Mark(theme.OfGate(g))
	paint := p.styles.Text
	switch {
	case g.Verdict == pipeline.NotApplicable:
		paint = p.styles.Muted
	case g.Blocks():
		paint = p.styles.Danger
	}
	if g.NeedsAck() {
		s.drawAck(p, g, mark, paint)
	} else {
		p.entry(mark, g.Title, s.titleCells(p), paint, s.sentence(p, g), age(p.now, g.At))
	}
	if p.level != roomy || folds(g) {
		return
	}
	indent := 4 + s.titleCells(p)
	for _, e := range g.Evidence {
		p.prose(p.styles.Muted, e, indent)
	}
	if g.Remedy != "" {
		p.prose(p.styles.Muted, p.styles.Glyphs.Arrow+" "+g.Remedy, indent)
	}
}

// titleCells is the width of the column with the gates' titles. Pages that are
// not wide have none: the sentences need the room.
func (s *planned) titleCells(p *page) int {
	if p.width < 90 {
		return 0
	}
	n := 0
	for _, g := range s.plan.Gates {
		if s.subject.shows(g) {
			n = max(n, min(theme.Cells(g.Title), 24)+2)
		}
	}
	return n
}

// drawAck draws a gate with the field for its acknowledgement: on the same row
// where there is room, else on the next, and below what is to be typed where
// that is long, as the name of a snapshot is.
func (s *planned) drawAck(p *page, g pipeline.Gate, mark theme.Mark, paint theme.Paint) {
	ask := "type " + ackShown(g) + " to accept "
	tail := age(p.now, g.At)
	text := s.sentence(p, g)
	field := ackCells(g) + 4
	titles := s.titleCells(p)
	if 2+titles+theme.Cells(text)+2+theme.Cells(ask)+field+theme.Cells(tail)+1 <= p.width {
		p.line(func(r *frame.Row) {
			r.Mark(mark).Space(1).Cell(p.styles.Muted, g.Title, titles).Put(paint, text).Put(p.styles.Muted, "; "+ask)
			s.drawAckField(p, r, g)
			r.Tail(p.styles.Faint, tail)
		})
		return
	}
	p.entry(mark, g.Title, titles, paint, text, tail)
	if 2+titles+theme.Cells(ask)+field > p.width {
		p.prose(p.styles.Muted, strings.TrimSpace(ask)+":", 2+titles)
		ask = ""
	}
	p.line(func(r *frame.Row) {
		r.Space(2+titles).Put(p.styles.Muted, ask)
		s.drawAckField(p, r, g)
	})
}

// ackCells is the width of the field for an acknowledgement.
func ackCells(g pipeline.Gate) int {
	if g.Named {
		return theme.Cells(ackWord(g)) + 14
	}
	return max(theme.Cells(ackWord(g))+2, 8)
}

func (s *planned) drawAckField(p *page, r *frame.Row, g pipeline.Gate) {
	target := ackTarget(g)
	p.input(r, s.field(target), target, "", ackCells(g))
	switch typed := s.text(target); {
	case s.accepted(g):
		r.Space(1).Mark(p.styles.Mark(theme.Passed))
	case typed != "":
		r.Space(1).Mark(p.styles.Mark(theme.NotYet))
	}
}

// sentence is what a gate found; a gate without words says its title.
func sentence(g pipeline.Gate) string {
	if g.Sentence != "" {
		return g.Sentence
	}
	return g.Title + ": " + words(string(g.Verdict))
}

// sentence is a gate's sentence for a page: beside the column of titles it does
// not begin with its title once more.
func (s *planned) sentence(p *page, g pipeline.Gate) string {
	text := sentence(g)
	if s.titleCells(p) == 0 || g.Title == "" {
		return text
	}
	if rest, ok := strings.CutPrefix(text, g.Title); ok && len(rest) > 1 {
		if trimmed := strings.TrimLeft(rest, ": "); trimmed != rest && trimmed != "" {
			return trimmed
		}
	}
	return text
}

// age is the age of evidence; empty where it is not known.
func age(now, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return clock.Ago(now.Sub(at))
}
