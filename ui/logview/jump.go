package logview

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/ui/panel"
)

// ParseTime reads a time as an operator types it: a span back from now (5m,
// -90s, "2h ago"), or a clock time of the zone (14:03, 14:03:22), which lies in
// the past, with a date before it where that is another day.
func ParseTime(text string, now time.Time, zone *time.Location) (time.Time, error) {
	text = strings.TrimSpace(text)
	span := strings.TrimPrefix(strings.TrimSpace(strings.TrimSuffix(text, "ago")), "-")
	if d, err := time.ParseDuration(span); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	now = now.In(zone)
	for _, layout := range []string{"15:04:05", "15:04"} {
		at, err := time.ParseInLocation(layout, text, zone)
		if err != nil {
			continue
		}
		at = time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), at.Second(), 0, zone)
		if at.After(now) {
			at = at.AddDate(0, 0, -1)
		}
		return at, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("a time is 5m, 14:03, 14:03:22 or 2026-11-23 14:03, and not %q", text)
}

// JumpTo puts the cursor on the first line at or after the instant. It reports
// whether older lines have to be read for that; the cursor goes on to the
// instant as they come, until it is moved.
func (p *Panel) JumpTo(at time.Time) (action panel.Action, older bool) {
	oldest := p.ring.Stats().Oldest
	older = oldest.IsZero() || at.Before(oldest)
	p.seeking = time.Time{}
	if older {
		p.seeking = at
	}
	row, total := p.view.RowAt(at), p.view.Len()
	switch {
	case total == 0:
	case row == total:
		p.follow()
		return panel.Say{Text: "no line is newer: following"}, older
	default:
		p.goTo(row)
	}
	if older {
		return panel.Say{Text: "reading the lines since " + at.In(p.zone()).Format("15:04:05 on 2 January")}, true
	}
	return nil, false
}

// zone is that of the times on the screen.
func (p *Panel) zone() *time.Location {
	if p.context.Zone == nil {
		return time.Local
	}
	return p.context.Zone
}

// seek moves the cursor to the time that was asked for, as far as lines have
// come by now.
func (p *Panel) seek() {
	if p.seeking.IsZero() || p.view.Len() == 0 {
		return
	}
	p.goTo(min(p.view.RowAt(p.seeking), p.view.Len()-1))
	if oldest := p.ring.Stats().Oldest; !oldest.After(p.seeking) {
		p.seeking = time.Time{}
	}
}

// SourcePattern is the CloudWatch filter pattern of the filter; empty: none.
func (p *Panel) SourcePattern() string { return p.typed.Source }

// Rows are all lines that the filter lets through, in order of time.
func (p *Panel) Rows() []*logs.Line { return p.view.Lines() }

// Write writes lines as text, one each: time in UTC, service and text, which is
// safe for terminals.
func Write(w io.Writer, lines []*logs.Line) error {
	out := bufio.NewWriter(w)
	for _, l := range lines {
		if _, err := fmt.Fprintf(out, "%s %s %s\n", l.Timestamp().UTC().Format("2006-01-02T15:04:05.000Z"), l.Service, l.Text); err != nil {
			return err
		}
	}
	return out.Flush()
}
