package services

import (
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// eventsShown bounds the events of a service; the newest say enough.
const eventsShown = 8

// category is what a service's event is about, in one word, and whether it is
// bad news.
func category(message string) (word string, bad bool) {
	low := strings.ToLower(message)
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(low, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("circuit breaker", "rolling back", "rolled back", "deployment failed"):
		return "rollback", true
	case has("unhealthy", "health check"):
		return "health", true
	case has("unable to place", "no container instance", "capacity is unavailable", "unable to assume"):
		return "placing", true
	case has("unable to", "failed to", "error", "throttled"):
		return "failed", true
	case has("steady state"):
		return "steady", false
	case has("deployment"):
		return "deploy", false
	case has("registered", "deregistered", "draining"):
		return "targets", false
	case has("has started", "has begun"):
		return "started", false
	case has("has stopped", "stopped"):
		return "stopped", false
	case has("desired count", "scaling"):
		return "scaling", false
	}
	return "other", false
}

func (d *drawing) events(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	var lines []string
	label := "events"
	for i, e := range v.Events {
		if i == eventsShown {
			break
		}
		word, bad := category(e.Message)
		paint := s.Muted
		switch {
		case bad:
			paint = s.Warn
		case word == "steady":
			paint = s.OK
		}
		text := strings.TrimSpace(strings.TrimPrefix(e.Message, "(service "+v.Key.Service+")"))
		lines = append(lines, d.categorised(indent, label, paint, word, text, clock.Since(d.c.Now, e.At)))
		label = ""
	}
	return lines
}

// categorised draws a fact with a word before it that tells its kind.
func (d *drawing) categorised(indent int, label string, p theme.Paint, word, text, tail string) string {
	s := d.c.Styles
	d.row.Reset(s, d.width, theme.Paint{})
	d.row.Space(indent).Cell(s.Faint, label, labelWidth).Cell(p, word, 9)
	d.row.Reserve(theme.Cells(tail) + 1)
	d.row.Put(s.Muted, text)
	d.row.Reserve(0)
	return d.row.Tail(s.Muted, tail).String()
}
