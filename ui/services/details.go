package services

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// details are all that is known of a service, one fact a line, indented.
func (d *drawing) details(v *pipeline.ServiceView, indent int) []string {
	lines := d.summary(v, indent)
	lines = append(lines, d.revisions(v, indent)...)
	lines = append(lines, d.tasks(v, indent)...)
	lines = append(lines, d.targets(v, indent)...)
	lines = append(lines, d.alarms(v, indent)...)
	return append(lines, d.events(v, indent)...)
}

// fact draws a label and a text beside it.
func (d *drawing) fact(indent int, label string, p theme.Paint, text, tail string) string {
	s := d.c.Styles
	d.row.Reset(s, d.width, theme.Paint{})
	d.row.Space(indent).Cell(s.Faint, label, 10)
	d.row.Reserve(theme.Cells(tail) + 1)
	d.row.Put(p, text)
	d.row.Reserve(0)
	return d.row.Tail(s.Muted, tail).String()
}

func (d *drawing) summary(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	var lines []string
	if v.Disagreement != nil {
		lines = append(lines, d.wrapped(s.Warn, v.Disagreement.Sentence, indent, 4)...)
	}
	if v.Why != "" && v.Health != pipeline.Healthy {
		lines = append(lines, d.wrapped(s.Warn, v.Why, indent, 3)...)
	}
	text, paint := rollout(v, s)
	lines = append(lines, d.fact(indent, "rollout", paint, text, clock.Since(d.c.Now, rolloutSince(v))))
	if r := v.Rollout; r != nil && r.RollbackReason != "" {
		lines = append(lines, d.wrapped(s.Warn, r.RollbackReason, indent+10, 2)...)
	}
	if l := v.Load.Value; len(l.CPU) > 0 && len(l.Memory) > 0 {
		lines = append(lines, d.fact(indent, "load", s.Muted, fmt.Sprintf("cpu %s %s   memory %s %s",
			s.Sparkline(l.CPU, 15, scale(l.CPU)), panel.Percent(l.CPU[len(l.CPU)-1]),
			s.Sparkline(l.Memory, 15, scale(l.Memory)), panel.Percent(l.Memory[len(l.Memory)-1])), ""))
	}
	return lines
}

// rollout says how the newest ECS service deployment stands.
func rollout(v *pipeline.ServiceView, s *theme.Styles) (string, theme.Paint) {
	r := v.Rollout
	if r == nil {
		return "none that ECS remembers", s.Muted
	}
	text := strings.ToLower(strings.ReplaceAll(r.Status, "_", " "))
	if r.Strategy != "" {
		text += " " + s.Glyphs.Dot + " " + strings.ToLower(strings.ReplaceAll(r.Strategy, "_", "/"))
	}
	if r.Stage != "" {
		text += " " + s.Glyphs.Dot + " " + strings.ToLower(strings.ReplaceAll(r.Stage, "_", " "))
	}
	if r.BreakerLimit > 0 {
		text += fmt.Sprintf(" %s breaker %d of %d", s.Glyphs.Dot, r.BreakerFailed, r.BreakerLimit)
	}
	if len(r.TriggeredBy) > 0 {
		text += " " + s.Glyphs.Dot + " alarms " + strings.Join(r.TriggeredBy, ", ")
	}
	switch {
	case r.Reverted():
		return text, s.Danger
	case r.InFlight():
		return text, s.Moving
	}
	return text, s.Text
}

func rolloutSince(v *pipeline.ServiceView) time.Time {
	if v.Rollout == nil {
		return time.Time{}
	}
	if !v.Rollout.Finished.IsZero() {
		return v.Rollout.Finished
	}
	return v.Rollout.Created
}

func (d *drawing) revisions(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	var lines []string
	label := "runs"
	for i, r := range v.Revisions {
		text := fmt.Sprintf("%-7s %s  %s", orUnknown(pipeline.Short(r.SHA)), r.Version, panel.Tail(r.TaskDefinition))
		if digest := r.Digest(); digest != "" {
			text += "  " + shortDigest(digest)
		}
		tasks := strconv.Itoa(r.Running)
		if r.Pending > 0 {
			tasks += "+" + strconv.Itoa(r.Pending)
		}
		if r.Weight > 0 && r.Weight < 100 {
			tasks += fmt.Sprintf(" %.0f%% traffic", r.Weight)
		}
		paint := s.Text
		if i > 0 {
			paint = s.Warn
		}
		lines = append(lines, d.fact(indent, label, paint, text, tasks))
		label = ""
	}
	return lines
}

func shortDigest(digest string) string {
	const prefix = len("sha256:")
	if len(digest) > prefix+12 {
		return digest[:prefix+12]
	}
	return digest
}

func (d *drawing) tasks(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	label := "tasks"
	if err := v.Tasks.Err; err != nil {
		return []string{d.fact(indent, label, s.Danger, panel.Brief(err), "")}
	}
	var lines []string
	for i := range v.Tasks.Value {
		t := &v.Tasks.Value[i]
		text := fmt.Sprintf("%-8.8s %s", t.ID, strings.ToLower(t.Status))
		paint, at := s.Text, t.Started
		if t.Health != "" && t.Health != "UNKNOWN" {
			text += " " + strings.ToLower(t.Health)
		}
		if t.Health == "UNHEALTHY" {
			paint = s.Danger
		}
		if !t.Stopped.IsZero() {
			text, paint, at = fmt.Sprintf("%-8.8s stopped: %s", t.ID, StoppedReason(t)), s.Warn, t.Stopped
		}
		if t.Zone != "" {
			text += "  " + t.Zone
		}
		lines = append(lines, d.fact(indent, label, paint, text, clock.Since(d.c.Now, at)))
		label = ""
	}
	return lines
}

func (d *drawing) targets(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	if err := v.Targets.Err; err != nil {
		return []string{d.fact(indent, "targets", s.Danger, panel.Brief(err), "")}
	}
	if len(v.Targets.Value) == 0 {
		return nil
	}
	healthy := 0
	for _, t := range v.Targets.Value {
		if t.State == "healthy" {
			healthy++
		}
	}
	paint := s.Text
	if healthy < len(v.Targets.Value) {
		paint = s.Warn
	}
	lines := []string{d.fact(indent, "targets", paint, fmt.Sprintf("%d of %d healthy", healthy, len(v.Targets.Value)), "")}
	for _, t := range v.Targets.Value {
		if t.State == "healthy" {
			continue
		}
		why := t.Description
		if why == "" {
			why = t.Reason
		}
		lines = append(lines, d.fact(indent, "", s.Warn, fmt.Sprintf("%s:%d %s  %s", t.ID, t.Port, t.State, why), ""))
	}
	return lines
}

func (d *drawing) alarms(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	if err := v.Alarms.Err; err != nil {
		return []string{d.fact(indent, "alarms", s.Danger, panel.Brief(err), "")}
	}
	var lines []string
	label := "alarms"
	for _, a := range v.Alarms.Value {
		paint := s.Muted
		text := a.Name + "  " + strings.ToLower(strings.ReplaceAll(a.State, "_", " "))
		switch a.State {
		case "ALARM":
			paint = s.Danger
			text += "  " + a.Reason
		case "INSUFFICIENT_DATA":
			paint = s.Unknown
		}
		lines = append(lines, d.fact(indent, label, paint, text, clock.Since(d.c.Now, a.Changed)))
		label = ""
	}
	return lines
}

// eventsShown bounds the events of a service; the newest say enough.
const eventsShown = 6

func (d *drawing) events(v *pipeline.ServiceView, indent int) []string {
	var lines []string
	label := "events"
	for i, e := range v.Events {
		if i == eventsShown {
			break
		}
		text := strings.TrimSpace(strings.TrimPrefix(e.Message, "(service "+v.Key.Service+")"))
		lines = append(lines, d.fact(indent, label, d.c.Styles.Muted, text, clock.Since(d.c.Now, e.At)))
		label = ""
	}
	return lines
}
