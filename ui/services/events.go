package services

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// eventsShown bounds the events of a service, those that say nothing new not
// counted.
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

// Parts of events that say nothing to a reader, or too much.
var (
	ofDeployment = regexp.MustCompile(`\(deployment [^)]*\)\s*`)
	ofTarget     = regexp.MustCompile(`\(target-group ([^)]*)\)`)
	ofTask       = regexp.MustCompile(`\btask ([0-9a-f]{8})[0-9a-f]{24}\b`)
	ofReason     = regexp.MustCompile(`\s*due to \(reason (?:Health checks failed with these codes: )?([^()]*)\)`)
	ofTasks      = regexp.MustCompile(`tasks: \(task .*`)
	ofPort       = regexp.MustCompile(`\s*\((?:port [0-9]+|instance [^)]*)\)`)
)

// said is an event's message without the service's own name and what ARNs repeat.
func said(v *pipeline.ServiceView, message string) string {
	text := strings.TrimSpace(strings.TrimPrefix(message, "(service "+v.Key.Service+")"))
	text = ofTarget.ReplaceAllStringFunc(text, func(m string) string {
		return local(v, targetGroup(ofTarget.FindStringSubmatch(m)[1]))
	})
	text = ofReason.ReplaceAllString(ofTasks.ReplaceAllString(text, "tasks"), ": $1")
	text = ofTask.ReplaceAllString(ofPort.ReplaceAllString(text, ""), "task $1")
	if short := ofDeployment.ReplaceAllString(text, ""); strings.HasPrefix(short, "deployment ") {
		text = short
	}
	return strings.TrimSuffix(text, ".")
}

// happened is one event, or several in a row that are about the same and no bad
// news: of those the newest speaks for all.
type happened struct {
	event pipeline.ServiceEvent
	word  string
	bad   bool
	more  int
}

// told are the events worth a line, newest first.
func told(events []pipeline.ServiceEvent) []happened {
	var out []happened
	for _, e := range events {
		word, bad := category(e.Message)
		if n := len(out) - 1; n >= 0 && out[n].word == word && (!bad && word != "deploy" && word != "other" || out[n].event.Message == e.Message) {
			out[n].more++
			continue
		}
		if len(out) == eventsShown {
			break
		}
		out = append(out, happened{event: e, word: word, bad: bad})
	}
	return out
}

func (d *drawing) events(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	var lines []string
	label := "events"
	for _, h := range told(v.Events) {
		paint := s.Muted
		switch {
		case h.bad:
			paint = s.Warn
		case h.word == "steady":
			paint = s.OK
		}
		tail := clock.Since(d.c.Now, h.event.At)
		if h.more > 0 {
			tail = fmt.Sprintf("+%d like it  %s", h.more, tail)
		}
		text := said(v, h.event.Message)
		room := max(d.width-indent-labelWidth-wordWidth-theme.Cells(tail)-2, 1)
		if !h.bad || theme.Cells(text) <= room {
			lines = append(lines, d.categorised(indent, label, paint, h.word, text, tail))
		} else { // bad news is told whole, as far as two lines go
			parts := frame.Wrap(text, room)
			lines = append(lines, d.categorised(indent, label, paint, h.word, parts[0], tail),
				d.categorised(indent, "", paint, "", strings.Join(parts[1:], " "), ""))
		}
		label = ""
	}
	return lines
}

// wordWidth is how many cells the word takes that tells a fact's kind.
const wordWidth = 9

// categorised draws a fact with a word before it that tells its kind.
func (d *drawing) categorised(indent int, label string, p theme.Paint, word, text, tail string) string {
	s := d.c.Styles
	d.row.Reset(s, d.width, theme.Paint{})
	d.row.Space(indent).Cell(s.Faint, label, labelWidth).Cell(p, word, wordWidth)
	d.row.Reserve(theme.Cells(tail) + 1)
	d.row.Put(s.Muted, text)
	d.row.Reserve(0)
	return d.row.Tail(s.Muted, tail).String()
}
