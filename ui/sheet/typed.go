package sheet

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// gap is something that a plan asks for and that is not there yet.
type gap struct {
	sentence string
	target   string // where it is typed; empty: it cannot be
}

// field returns the field of a target, made on first use. It lives as long as
// the sheet, so that what was typed outlives every renewal.
func (s *planned) field(target string) *field {
	f, ok := s.fields[target]
	if !ok {
		f = newField()
		s.fields[target] = f
	}
	return f
}

func (s *planned) text(target string) string {
	if f, ok := s.fields[target]; ok {
		return f.text()
	}
	return ""
}

// ackTarget names the field in which a gate is acknowledged.
func ackTarget(g pipeline.Gate) string { return ackPrefix + g.ID }

// ackWord is what has to be typed to accept a gate.
func ackWord(g pipeline.Gate) string {
	if g.Ack != "" {
		return g.Ack
	}
	return g.Code
}

// ackShown is the word with what has to follow it.
func ackShown(g pipeline.Gate) string {
	if g.Named {
		return ackWord(g) + " and its ticket"
	}
	return ackWord(g)
}

// accepted reports whether the gate's own word was typed.
func (s *planned) accepted(g pipeline.Gate) bool {
	typed := s.text(ackTarget(g))
	return typed == ackWord(g) && !g.Named || g.Named && g.Accepts(typed)
}

// acks are the words of the gates that were accepted.
func (s *planned) acks() []string {
	var out []string
	for _, g := range s.plan.Gates {
		typed := s.text(ackTarget(g))
		if g.NeedsAck() && s.accepted(g) && !slices.Contains(out, typed) {
			out = append(out, typed)
		}
	}
	return out
}

// missing is what keeps the plan from being confirmed, what cannot be helped
// first.
func (s *planned) missing() []gap {
	var out []gap
	if n := len(s.plan.Blocking()); n > 0 {
		out = append(out, gap{sentence: fmt.Sprintf("refused by %s", count(n, "check"))})
	}
	for _, g := range s.plan.Gates {
		if g.NeedsAck() && !s.accepted(g) {
			out = append(out, gap{"type " + ackShown(g) + " to accept it", ackTarget(g)})
		}
	}
	if s.plan.Comment && s.text(targetComment) == "" {
		out = append(out, gap{"a comment is required", targetComment})
	}
	if n := s.reasonLeft(); n > 0 {
		out = append(out, gap{fmt.Sprintf("the reason needs %s more", count(n, "character")), targetReason})
	}
	if s.plan.Typed != "" && s.text(targetWord) != s.plan.Typed {
		out = append(out, gap{"type " + s.plan.Typed, targetWord})
	}
	return out
}

// reasonLeft is how many characters the reason lacks.
func (s *planned) reasonLeft() int {
	if s.plan.Reason == 0 {
		return 0
	}
	return max(s.plan.Reason-utf8.RuneCountInString(s.text(targetReason)), 0)
}

// shortfall says in a few words what is missing; empty: nothing.
func (s *planned) shortfall() string {
	if n := len(s.plan.Blocking()); n > 0 {
		return "refused by " + count(n, "check")
	}
	var words []string
	acks := 0
	for _, m := range s.missing() {
		switch {
		case strings.HasPrefix(m.target, ackPrefix):
			acks++
		case m.target == targetComment:
			words = append(words, "a comment")
		case m.target == targetReason:
			words = append(words, "a reason")
		default:
			words = append(words, "the word "+s.plan.Typed)
		}
	}
	if acks > 0 {
		words = append([]string{count(acks, "acknowledgement")}, words...)
	}
	if len(words) == 0 {
		return ""
	}
	return "missing: " + strings.Join(words, ", ")
}

// count is a number with its noun: "1 check", "3 checks".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
