package services

import (
	"fmt"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// notes are the lines below a service that is not simply healthy, each of so many
// at most.
func (d *drawing) notes(v *pipeline.ServiceView, most int) []string {
	s := d.c.Styles
	var lines []string
	if v.Disagreement != nil {
		lines = append(lines, d.wrapped(s.Warn, v.Disagreement.Sentence, 4, most)...)
	}
	if v.Why != "" && v.Health != pipeline.Healthy {
		// The row counts the tasks: the note has room for the reason.
		why := strings.TrimPrefix(because(v), fmt.Sprintf("%d of %d running: ", v.Running, v.Desired))
		lines = append(lines, d.wrapped(s.Warn, why, 4, most)...)
	}
	if r := v.Rollout; r != nil {
		for _, h := range r.Hooks {
			if h.Status == "AWAITING_ACTION" {
				lines = append(lines, d.wrapped(s.Waiting, pause(h, d.c.Now), 4, most)...)
			}
		}
	}
	if v.Moving() {
		lines = append(lines, d.wrapped(s.Muted, progress(v, s.Glyphs.Dot), 4, most)...)
	}
	return lines
}

// because is why a service is not healthy, with the names in it as short as they
// are beside the service.
func because(v *pipeline.ServiceView) string {
	if cluster := panel.Tail(v.Cluster.Name); cluster != "" {
		return strings.ReplaceAll(v.Why, " "+cluster+"-", " ")
	}
	return v.Why
}

// standing says what is worth a line of a service that fares well: what is not
// as it is with its neighbours, and what is at its limit. Most say nothing.
func (d *drawing) standing(v *pipeline.ServiceView) string {
	s := d.c.Styles
	var parts []string
	if own := strategy(v.Strategy); d.usual != "" && own != d.usual {
		parts = append(parts, own)
	}
	if r := v.Rollout; r != nil && r.BreakerFailed > 0 && !v.Moving() {
		parts = append(parts, fmt.Sprintf("breaker %d of %d", r.BreakerFailed, r.BreakerLimit))
	}
	if text := healthyTargets(v); text != "" && !whole(v) && d.health == 0 {
		parts = append(parts, "targets "+text)
	}
	if f := v.Scaling.Value; f.Scales() && f.Min != f.Max && v.Desired >= f.Max {
		parts = append(parts, fmt.Sprintf("%d of at most %d tasks", v.Desired, f.Max))
	}
	if f := v.Scaling.Value; len(f.Suspended) > 0 {
		parts = append(parts, "scaling "+strings.Join(f.Suspended, ", ")+" suspended")
	}
	for _, t := range v.Traffic.Value {
		if p, ok := t.Latest(); ok && p.Errors >= 1 && !v.Moving() {
			parts = append(parts, fmt.Sprintf("%s p95 %s 5xx %s", rate(p.Requests), milliseconds(p.P95), share(p.Errors)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	d.row.Reset(s, d.width, theme.Paint{})
	return d.row.Space(4).Put(s.Faint, strings.Join(parts, " "+s.Glyphs.Dot+" ")).String()
}

// usualStrategy is how most of the services are rolled out.
func usualStrategy(rows []*pipeline.ServiceView) string {
	count, usual := map[string]int{}, ""
	for _, v := range rows {
		own := strategy(v.Strategy)
		count[own]++
		if count[own] > count[usual] {
			usual = own
		}
	}
	return usual
}

// progress is how a rollout of the service stands.
func progress(v *pipeline.ServiceView, dot string) string {
	var parts []string
	for i, r := range v.Revisions {
		if i == 0 || r.Running > 0 {
			parts = append(parts, fmt.Sprintf("%d on %s", r.Running, orUnknown(pipeline.Short(r.SHA))))
		}
	}
	text := strings.Join(parts, ", ")
	if r := v.Rollout; r != nil && r.BreakerLimit > 0 {
		text += fmt.Sprintf(" %s breaker %d of %d", dot, r.BreakerFailed, r.BreakerLimit)
	}
	if r := v.Rollout; r != nil && strategy(r.Strategy) != "rolling" {
		text += fmt.Sprintf(" %s %s, %s", dot, strategy(r.Strategy), strings.ToLower(strings.ReplaceAll(r.Stage, "_", " ")))
		text += fmt.Sprintf(", %.0f%% of traffic on %s", r.Target.Weight, orUnknown(pipeline.Short(r.Target.SHA)))
	}
	if t := v.Traffic.Value; len(t) > 0 {
		if p, ok := t[0].Latest(); ok {
			text += fmt.Sprintf(" %s %s p95 %s 5xx %s", dot, rate(p.Requests), milliseconds(p.P95), share(p.Errors))
		}
	}
	if n := len(v.Targets.Value); n > 0 {
		ok := 0
		for _, t := range v.Targets.Value {
			if t.State == "healthy" {
				ok++
			}
		}
		text += fmt.Sprintf(" %s targets %d of %d", dot, ok, n)
	}
	return text
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// wrapped draws a text over at most most lines, indented.
func (d *drawing) wrapped(p theme.Paint, text string, indent, most int) []string {
	s := d.c.Styles
	parts := frame.Wrap(text, max(d.width-indent-1, 1))
	if len(parts) > most {
		rest := strings.Join(parts[most-1:], " ")
		parts = append(parts[:most-1], theme.Cut(rest, max(d.width-indent-1, 1), s.Glyphs.Ellipsis))
	}
	lines := make([]string, len(parts))
	for i, part := range parts {
		d.row.Reset(s, d.width, theme.Paint{})
		lines[i] = d.row.Space(indent).Put(p, part).String()
	}
	return lines
}
