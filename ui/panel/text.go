package panel

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// Age is how old an observation is.
func Age(c Context, o pipeline.Observation) string { return clock.Age(o.Age(c.Now)) }

// Brief is an error in the space of a border: why, and what to do.
func Brief(err error) string {
	var e *pipeline.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := e.Message
	if text == "" {
		text = e.Error()
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Message is a text in an empty panel, wrapped, a line below its top.
func Message(c Context, text string, height int) []string {
	width := max(c.Width-2, 0)
	lines := []string{theme.Blank(width)}
	for _, l := range frame.Wrap(text, max(width-4, 1)) {
		lines = append(lines, frame.NewRow(c.Styles, width, theme.Paint{}).Space(2).Put(c.Styles.Muted, l).String())
	}
	return lines[:min(len(lines), height)]
}

// Count writes a number with thousands apart: 48,211.
func Count[T int | int64 | uint64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural is "1 run", "2 runs".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}

// Tail is the last part of an ARN or path.
func Tail(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// Who lists reviewers, the operator as "you", first.
func Who(reviewers []pipeline.Reviewer, viewer string) string {
	names := make([]string, 0, len(reviewers))
	for _, r := range reviewers {
		if r.Name == viewer && !r.Team {
			names = append([]string{"you"}, names...)
		} else {
			names = append(names, r.Name)
		}
	}
	return strings.Join(names, ", ")
}

// Took is the time between two moments, the second being now where it has not
// come; empty where the first has not.
func Took(from, until, now time.Time) string {
	if from.IsZero() {
		return ""
	}
	if until.IsZero() {
		until = now
	}
	return clock.Elapsed(until.Sub(from))
}

// Percent writes a share of a hundred without decimals.
func Percent(v float64) string { return fmt.Sprintf("%.0f%%", v) }

// Contains reports whether any text holds the filter, in any case.
func Contains(filter string, texts ...string) bool {
	if filter == "" {
		return true
	}
	filter = strings.ToLower(filter)
	for _, t := range texts {
		if strings.Contains(strings.ToLower(t), filter) {
			return true
		}
	}
	return false
}

// Version is a release's version as it stands beside its commit; empty where it
// was computed from date and commit, and says nothing that those do not.
func Version(v string) string {
	i := strings.LastIndexByte(v, '-')
	if i < 0 || len(v)-i-1 < 7 || strings.Trim(v[i+1:], "0123456789abcdef") != "" {
		return v
	}
	return ""
}
