package services

import (
	"fmt"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// details are all that is known of a service, one fact a line, indented. What
// its task definition changes comes first where somebody asked for that.
func (d *drawing) details(v *pipeline.ServiceView, indent int) []string {
	var lines []string
	if d.changes {
		lines = d.definition(v, indent)
	}
	lines = append(lines, d.summary(v, indent)...)
	lines = append(lines, d.unread(v, indent)...)
	if lost(v) {
		lines = append(lines, d.registered(v, indent)...)
	}
	lines = append(lines, d.hooks(v, indent)...)
	lines = append(lines, d.revisions(v, indent)...)
	lines = append(lines, d.images(v, indent)...)
	if !d.changes {
		lines = append(lines, d.definition(v, indent)...)
	}
	lines = append(lines, d.tasks(v, indent)...)
	lines = append(lines, d.targets(v, indent)...)
	lines = append(lines, d.traffic(v, indent)...)
	lines = append(lines, d.scaling(v, indent)...)
	if !lost(v) {
		lines = append(lines, d.registered(v, indent)...)
	}
	lines = append(lines, d.alarms(v, indent)...)
	return append(lines, d.events(v, indent)...)
}

// labelWidth is how many cells the labels of facts take.
const labelWidth = 10

// fact draws a label and a text beside it.
func (d *drawing) fact(indent int, label string, p theme.Paint, text, tail string) string {
	s := d.c.Styles
	d.row.Reset(s, d.width, theme.Paint{})
	d.row.Space(indent).Cell(s.Faint, label, labelWidth)
	if theme.Cells(tail)*3 > d.row.Left() { // the text says more than its tail
		tail = ""
	}
	d.row.Reserve(theme.Cells(tail) + 1)
	d.row.Put(p, text)
	d.row.Reserve(0)
	return d.row.Tail(s.Muted, tail).String()
}

// long draws a label and a text that may go on over several lines.
func (d *drawing) long(indent int, label string, p theme.Paint, text, tail string, most int) []string {
	room := max(d.width-indent-labelWidth-1, 1)
	first := room
	if tail != "" {
		first = max(room-theme.Cells(tail)-2, 1)
	}
	if theme.Cells(text) <= first {
		return []string{d.fact(indent, label, p, text, tail)}
	}
	parts := frame.Wrap(text, first)[:1]
	if rest := strings.TrimSpace(strings.TrimPrefix(text, parts[0])); rest != "" {
		parts = append(parts, frame.Wrap(rest, room)...)
	}
	if len(parts) > most {
		parts = append(parts[:most-1], strings.Join(parts[most-1:], " "))
	}
	var lines []string
	for _, part := range parts {
		lines = append(lines, d.fact(indent, label, p, part, tail))
		label, tail = "", ""
	}
	return lines
}

// local is a name without the cluster's before it, which all names of a team's
// alarms, target groups and task definitions begin with.
func local(v *pipeline.ServiceView, name string) string {
	name = panel.Tail(name)
	if short, ok := strings.CutPrefix(name, panel.Tail(v.Cluster.Name)+"-"); ok && v.Cluster.Name != "" && short != "" {
		return short
	}
	return name
}

func (d *drawing) summary(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	var lines []string
	if v.Disagreement != nil {
		lines = append(lines, d.wrapped(s.Warn, v.Disagreement.Sentence, indent, 4)...)
	}
	if v.Why != "" && v.Health != pipeline.Healthy {
		lines = append(lines, d.wrapped(s.Warn, because(v), indent, 3)...)
	}
	text, paint := rollout(v, s)
	lines = append(lines, d.long(indent, "rollout", paint, text, clock.Since(d.c.Now, rolloutSince(v)), 2)...)
	if r := v.Rollout; r != nil && r.RollbackReason != "" {
		lines = append(lines, d.wrapped(s.Warn, r.RollbackReason, indent+10, 2)...)
	}
	if l := v.Load.Value; len(l.CPU) > 0 && len(l.Memory) > 0 {
		lines = append(lines, d.fact(indent, "load", s.Muted, fmt.Sprintf("cpu %s %s  mem %s %s",
			s.Sparkline(l.CPU, d.course(), scale(l.CPU)), panel.Percent(l.CPU[len(l.CPU)-1]),
			s.Sparkline(l.Memory, d.course(), scale(l.Memory)), panel.Percent(l.Memory[len(l.Memory)-1])), ""))
	}
	return append(lines, d.wayBack(v, indent)...)
}

// wayBack says what the service could go back to.
func (d *drawing) wayBack(v *pipeline.ServiceView, indent int) []string {
	s, r := d.c.Styles, &v.Return
	if r.Sentence == "" {
		return nil
	}
	paint := s.Text
	if r.Deployment == 0 || r.NoReturn != nil {
		paint = s.Warn
	}
	return d.long(indent, "way back", paint, r.Sentence, "", 3)
}

// course is how many cells the sparklines among the details take.
func (d *drawing) course() int {
	if d.width < 64 {
		return 5
	}
	return 15
}

// rollout says how the newest ECS service deployment stands.
func rollout(v *pipeline.ServiceView, s *theme.Styles) (string, theme.Paint) {
	dot := " " + s.Glyphs.Dot + " "
	r := v.Rollout
	if r == nil {
		return strategy(v.Strategy) + manner(v) + ", none that ECS remembers", s.Muted
	}
	text := strings.ToLower(strings.ReplaceAll(r.Status, "_", " ")) + dot + strategy(r.Strategy) + manner(v)
	if r.Stage != "" {
		text += dot + strings.ToLower(strings.ReplaceAll(r.Stage, "_", " "))
	}
	switch {
	case r.BreakerLimit > 0:
		text += fmt.Sprintf("%sbreaker %d of %d", dot, r.BreakerFailed, r.BreakerLimit)
		if r.BreakerStatus == "TRIGGERED" {
			text += ", triggered"
		}
		if v.Breaker.On && !v.Breaker.RollsBack {
			text += ", does not roll back"
		}
	case !v.Breaker.On && v.Controller == "ECS" && v.MinHealthy > 0:
		text += dot + "no circuit breaker"
	}
	if len(r.TriggeredBy) > 0 {
		text += dot + "alarms " + strings.Join(r.TriggeredBy, ", ")
	}
	switch {
	case r.Reverted():
		return text, s.Danger
	case r.InFlight():
		return text, s.Moving
	}
	return text, s.Text
}

// manner is how fast the service's traffic goes over: " 10% for 5m, bake 10m";
// empty where it goes at once.
func manner(v *pipeline.ServiceView) string {
	text := ""
	if v.Shift.Percent > 0 {
		text = " " + panel.Percent(v.Shift.Percent)
		word := " for "
		if strategy(v.Strategy) == "linear" {
			word = " each "
		}
		if v.Shift.Pause > 0 {
			text += word + clock.Age(v.Shift.Pause)
		}
	}
	if v.Shift.Bake > 0 {
		text += ", bake " + clock.Age(v.Shift.Bake)
	}
	return text
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

// revisions are the releases that hold tasks, with how many and, while traffic
// shifts, their share of it.
func (d *drawing) revisions(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	var lines []string
	label := "runs"
	for i, r := range v.Revisions {
		text := strings.TrimSpace(orUnknown(pipeline.Short(r.SHA)) + " " + r.Version)
		tail := panel.Plural(r.Running, "task")
		if r.Pending > 0 {
			tail += fmt.Sprintf(" +%d", r.Pending)
		}
		if v.Rollout != nil && v.Rollout.InFlight() && strategy(v.Rollout.Strategy) != "rolling" {
			tail += " " + s.Progress(r.Weight/100, 8) + fmt.Sprintf(" %.0f%% traffic", r.Weight)
		}
		paint := s.Text
		if i > 0 {
			paint = s.Warn
		}
		d.row.Reset(s, d.width, theme.Paint{})
		d.row.Space(indent).Cell(s.Faint, label, labelWidth)
		d.row.Reserve(theme.Cells(tail) + 1) // more than the title: how far traffic has gone over
		d.row.Put(paint, text)
		if title := d.title(r.SHA); d.row.Left() > 10 {
			d.row.Space(2).Put(paint, title)
		}
		d.row.Reserve(0)
		lines = append(lines, d.row.Tail(s.Muted, tail).String())
		label = ""
	}
	return lines
}

// images say for each revision which image runs, what it was built from, and as
// which release: the three that a team calls one thing by.
func (d *drawing) images(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	var lines []string
	label := "image"
	for i, r := range v.Revisions {
		var parts []string
		for n, image := range r.Images {
			name := panel.Tail(image.Repository)
			if image.Digest != "" {
				name += "@" + shortDigest(image.Digest)
			} else if image.Tag != "" {
				name += ":" + image.Tag
			}
			if n > 0 {
				name = "beside " + name
			}
			parts = append(parts, name)
			if n > 0 {
				continue
			}
			for _, known := range []string{pipeline.Short(r.SHA), r.Version} {
				if known != "" {
					parts[0] += " " + s.Glyphs.Arrow + " " + known
				}
			}
		}
		parts = append(parts, local(v, r.TaskDefinition))
		paint := s.Muted
		if i > 0 {
			paint = s.Faint
		}
		lines = append(lines, d.long(indent, label, paint, strings.Join(parts, " "+s.Glyphs.Dot+" "), "", 2)...)
		label = ""
	}
	return lines
}

// title is the first line of a commit that a train carries; empty: not known.
func (d *drawing) title(sha string) string {
	if sha == "" || d.c.Snapshot == nil {
		return ""
	}
	for _, t := range d.c.Snapshot.Trains {
		if t.Release.SHA == sha {
			return t.Release.Title
		}
	}
	return ""
}

// shortDigest is as much of a digest as people compare.
func shortDigest(digest string) string {
	digest = strings.TrimPrefix(digest, "sha256:")
	return digest[:min(len(digest), 12)]
}

func (d *drawing) alarms(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	var lines []string
	label := "alarms"
	for _, a := range v.Alarms.Value {
		paint, word := s.OK, "ok"
		switch a.State {
		case "ALARM":
			paint, word = s.Danger, "alarm"
		case "INSUFFICIENT_DATA":
			paint, word = s.Unknown, "no data"
		}
		lines = append(lines, d.categorised(indent, label, paint, word, local(v, a.Name), clock.Since(d.c.Now, a.Changed)))
		if a.State == "ALARM" && a.Reason != "" {
			lines = append(lines, d.wrapped(s.Danger, a.Reason, indent+labelWidth, 2)...)
		}
		label = ""
	}
	return lines
}
