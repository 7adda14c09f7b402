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
	lines = append(lines, d.hooks(v, indent)...)
	lines = append(lines, d.revisions(v, indent)...)
	lines = append(lines, d.definition(v, indent)...)
	lines = append(lines, d.tasks(v, indent)...)
	lines = append(lines, d.targets(v, indent)...)
	lines = append(lines, d.traffic(v, indent)...)
	lines = append(lines, d.scaling(v, indent)...)
	lines = append(lines, d.registered(v, indent)...)
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
	return []string{d.fact(indent, "way back", paint, r.Sentence, "")}
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
	r := v.Rollout
	if r == nil {
		return strategy(v.Strategy) + ", none that ECS remembers", s.Muted
	}
	text := strings.ToLower(strings.ReplaceAll(r.Status, "_", " "))
	text += " " + s.Glyphs.Dot + " " + strategy(r.Strategy)
	if r.Stage != "" {
		text += " " + s.Glyphs.Dot + " " + strings.ToLower(strings.ReplaceAll(r.Stage, "_", " "))
	}
	if r.BreakerLimit > 0 {
		text += fmt.Sprintf(" %s breaker %d of %d", s.Glyphs.Dot, r.BreakerFailed, r.BreakerLimit)
		if r.BreakerStatus == "TRIGGERED" {
			text += ", triggered"
		}
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
		if title := d.title(r.SHA); title != "" {
			text += "  " + title
		}
		if digest := r.Digest(); digest != "" {
			text += "  " + shortDigest(digest)
		}
		tasks := strconv.Itoa(r.Running)
		if r.Pending > 0 {
			tasks += "+" + strconv.Itoa(r.Pending)
		}
		if v.Rollout != nil && v.Rollout.InFlight() && strategy(v.Rollout.Strategy) != "rolling" {
			tasks += " " + s.Progress(r.Weight/100, 8) + fmt.Sprintf(" %.0f%% traffic", r.Weight)
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

func shortDigest(digest string) string {
	const prefix = len("sha256:")
	if len(digest) > prefix+12 {
		return digest[:prefix+12]
	}
	return digest
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
