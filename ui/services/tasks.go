package services

import (
	"fmt"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/panel"
)

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
