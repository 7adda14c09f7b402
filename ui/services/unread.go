package services

import (
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/panel"
)

// unread says which facts of a service could not be read now, and why: once,
// where one reason holds for several. What was known of them before stands in
// its place, greyed with the rest of what is old.
func (d *drawing) unread(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	var reasons []string
	facts := map[string][]string{}
	for _, f := range []struct {
		name string
		pipeline.Observation
	}{
		{"changes", v.Definition.Observation},
		{"tasks", v.Tasks.Observation},
		{"targets", v.Targets.Observation},
		{"traffic", v.Traffic.Observation},
		{"scaling", v.Scaling.Observation},
		{"discovery", v.Registrations.Observation},
		{"alarms", v.Alarms.Observation},
		{"load", v.Load.Observation},
	} {
		if f.Err == nil || f.name == "changes" && pipeline.KindOf(f.Err) == pipeline.KindNotFound {
			continue
		}
		reason := panel.Brief(f.Err)
		if facts[reason] == nil {
			reasons = append(reasons, reason)
		}
		name := f.name
		if f.Known() {
			name += " (" + panel.Age(d.c, f.Observation) + " old)"
		}
		facts[reason] = append(facts[reason], name)
	}
	var lines []string
	label := "not read"
	for _, reason := range reasons {
		text := s.Glyphs.Failed + " " + reason
		lines = append(lines, d.long(indent, label, s.Danger, text, "", 3)...)
		lines = append(lines, d.long(indent, "", s.Muted, strings.Join(facts[reason], ", "), "", 3)...)
		label = ""
	}
	return lines
}
