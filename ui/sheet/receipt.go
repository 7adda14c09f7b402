package sheet

import (
	"errors"
	"fmt"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// refusal reports whether an outcome means that what was asked did not happen.
func refusal(o pipeline.Outcome) bool {
	return o == pipeline.OutcomeRefused || o == pipeline.OutcomeRejected
}

func outcomeTitle(o pipeline.Outcome, title string) string {
	switch o {
	case pipeline.OutcomeDone:
		return "Done: " + title
	case pipeline.OutcomeUnseen:
		return "Sent, its effect was not seen in time: " + title
	case pipeline.OutcomeRefused:
		return "Not sent: the world changed while you decided"
	case pipeline.OutcomeRejected:
		return "Sent, and refused by the server: " + title
	case pipeline.OutcomeUnknown:
	}
	return "It cannot be told whether it was sent: " + title
}

func outcomeState(o pipeline.Outcome) theme.State {
	switch o {
	case pipeline.OutcomeDone:
		return theme.Passed
	case pipeline.OutcomeRefused, pipeline.OutcomeRejected:
		return theme.Failed
	case pipeline.OutcomeUnseen:
		return theme.Moving
	case pipeline.OutcomeUnknown:
	}
	return theme.Unknown
}

func outcomePaint(s *theme.Styles, o pipeline.Outcome) theme.Paint {
	return s.Mark(outcomeState(o)).Paint.Bold()
}

// nextStep is what to do after an outcome that is not the hoped one.
func nextStep(o pipeline.Outcome) string {
	switch o {
	case pipeline.OutcomeRefused:
		return "Nothing was sent. Look again: the checks are made afresh, and what you typed stays."
	case pipeline.OutcomeUnseen:
		return "Do not send it again. The panels show it as soon as it is seen; gh deployctl audit tells what became of it."
	case pipeline.OutcomeRejected:
		return "Nothing was changed. Look again when the cause is gone."
	case pipeline.OutcomeUnknown:
		return "Do not send it again before the panels, or gh deployctl audit, show what became of it."
	case pipeline.OutcomeDone:
	}
	return ""
}

// drawReceipt shows how a command ended.
func drawReceipt(p *page, r pipeline.Receipt) {
	text := r.Sentence
	if text == "" {
		text = words(string(r.Outcome))
	}
	p.bullet(p.styles.Mark(outcomeState(r.Outcome)), p.styles.Strong, text, r.Code)
	if len(r.Differences) > 0 {
		p.blank()
		drawDifferences(p, r.Differences)
	}
	if next := nextStep(r.Outcome); next != "" {
		p.blank()
		p.prose(p.styles.Text, next, 0)
	}
	if r.Warning != "" {
		p.blank()
		p.bullet(p.styles.Mark(theme.Attention), p.styles.Warn, r.Warning, "")
	}
	if len(r.Steps) > 0 {
		p.blank()
	}
	for _, step := range r.Steps {
		p.prose(p.styles.Text, p.styles.Glyphs.Arrow+" "+step, 0)
	}
	p.blank()
	if len(r.Overrides) > 0 {
		p.prose(p.styles.Warn, "Marked for ever: "+strings.Join(r.Overrides, "; "), 0)
	}
	if r.Number > 0 {
		p.prose(p.styles.Muted, fmt.Sprintf("Receipt %d is in the journal, %s.", r.Number, r.At.In(p.now.Location()).Format("15:04:05")), 0)
	}
	if r.URL != "" {
		p.prose(p.styles.Accent, r.URL, 0)
	}
}

// drawDifferences is the table of what was shown and what is: one row a fact,
// or several where the page is narrow.
func drawDifferences(p *page, all []pipeline.Difference) {
	code, fact, seen, is := 4, 4, 8, 2
	for _, d := range all {
		code, fact = max(code, theme.Cells(d.Code)), max(fact, theme.Cells(d.Fact))
		seen, is = max(seen, theme.Cells(shorten(d.Seen))), max(is, theme.Cells(shorten(d.Is)))
	}
	if code+fact+seen+is+6 > p.width {
		drawDifferencesNarrow(p, all)
		return
	}
	row := func(paint theme.Paint, c, f, s, i, source string, now theme.Paint) {
		p.line(func(r *frame.Row) {
			r.Cell(p.styles.Muted, c, code+2).Cell(paint, f, fact+2).Cell(paint, s, seen+2).Cell(now, i, is+2).Put(p.styles.Faint, source)
		})
	}
	row(p.styles.Faint, "why", "fact", "you saw", "is", "", p.styles.Faint)
	for _, d := range all {
		source := d.Source
		if source != "" {
			source = "(" + source + ")"
		}
		row(p.styles.Text, d.Code, d.Fact, shorten(d.Seen), shorten(d.Is), source, p.styles.Danger)
	}
}

func drawDifferencesNarrow(p *page, all []pipeline.Difference) {
	for _, d := range all {
		p.spans(frame.Span{Paint: p.styles.Muted, Text: d.Code + "  "}, frame.Span{Paint: p.styles.Text, Text: d.Fact})
		for _, part := range []struct {
			label, text string
			paint       theme.Paint
		}{{"you saw  ", shorten(d.Seen), p.styles.Text}, {"is       ", shorten(d.Is), p.styles.Danger}} {
			for i, l := range frame.Wrap(part.text, max(p.width-2-len(part.label), 1)) {
				p.line(func(r *frame.Row) {
					if i > 0 {
						part.label = theme.Blank(len(part.label))
					}
					r.Space(2).Put(p.styles.Muted, part.label).Put(part.paint, l)
				})
			}
		}
	}
}

// shorten shortens what looks like a SHA or a digest; other texts stay.
func shorten(s string) string {
	if s == "" {
		return "nothing"
	}
	if strings.HasPrefix(s, "sha256:") || (len(s) == 40 && strings.Trim(s, "0123456789abcdef") == "") {
		return identity(s)
	}
	return s
}

// drawError shows why there is no plan, or no receipt, and what to do.
func drawError(p *page, err error) {
	p.bullet(p.styles.Mark(theme.Failed), p.styles.Danger, errorSentence(err), "")
	var e *pipeline.Error
	if errors.As(err, &e) && e.Hint != "" {
		p.blank()
		p.prose(p.styles.Text, p.styles.Glyphs.Arrow+" "+e.Hint, 2)
	}
	p.blank()
	switch pipeline.KindOf(err) {
	case pipeline.KindUnavailable, pipeline.KindThrottled:
		p.prose(p.styles.Muted, "What you typed stays. Try again when the source answers.", 2)
	default:
		p.prose(p.styles.Muted, "What you typed stays.", 2)
	}
}

// errorSentence is an error without the hint, which has a row of its own.
func errorSentence(err error) string {
	var e *pipeline.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	bare := *e
	bare.Hint = ""
	return bare.Error()
}

// reason is an error in the fewest words.
func reason(err error) string {
	var e *pipeline.Error
	if errors.As(err, &e) && e.Message != "" {
		return e.Message
	}
	return err.Error()
}

// words turns a stable code into words: not_applicable is "not applicable".
func words(code string) string { return strings.ReplaceAll(code, "_", " ") }

// openable is the run that a receipt is about; 0: none.
func (s *planned) openable() int64 {
	if s.receipt.RunID != 0 {
		return s.receipt.RunID
	}
	return s.receipt.Intent.RunID
}

// afterwards are the buttons of a receipt.
func (s *planned) afterwards() []button {
	var out []button
	switch s.receipt.Outcome {
	case pipeline.OutcomeRefused, pipeline.OutcomeRejected:
		out = append(out, button{id: buttonAgain, label: "Look again"})
	case pipeline.OutcomeDone, pipeline.OutcomeUnseen, pipeline.OutcomeUnknown:
	}
	if s.openable() != 0 {
		out = append(out, button{id: buttonOpen, label: "Show the run"})
	}
	return out
}
