package services

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// strategy says how ECS rolls the service out.
func strategy(name string) string {
	switch name {
	case "ROLLING", "":
		return "rolling"
	case "BLUE_GREEN":
		return "blue/green"
	}
	return strings.ToLower(name)
}

// hooks are the lifecycle hooks of the rollout, those that wait for a person first.
func (d *drawing) hooks(v *pipeline.ServiceView, indent int) []string {
	if v.Rollout == nil {
		return nil
	}
	s := d.c.Styles
	var lines []string
	label := "hooks"
	for _, h := range v.Rollout.Hooks {
		text, paint := pause(h, d.c.Now), s.Muted
		if h.Status == "AWAITING_ACTION" {
			paint = s.Waiting
		}
		lines = append(lines, d.long(indent, label, paint, text, "", 3)...)
		label = ""
	}
	return lines
}

// pause says what a hook waits for, and what becomes of it.
func pause(h pipeline.Hook, now time.Time) string {
	text := strings.ToLower(strings.ReplaceAll(h.Status, "_", " "))
	if h.Status == "AWAITING_ACTION" {
		text = "PAUSE waits for somebody to continue"
	} else if h.Type != "" {
		text = h.Type + " " + text
	}
	if h.Expires.After(now) && h.Status == "AWAITING_ACTION" {
		text += ", expires in " + clock.Short(h.Expires.Sub(now))
		switch h.TimeoutAction {
		case "ROLLBACK":
			text += " and then rolls back"
		case "CONTINUE":
			text += " and then goes on"
		}
	}
	return text
}

// scaling says within which bounds the desired count is kept.
func (d *drawing) scaling(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	f := v.Scaling
	switch {
	case !f.Known():
		return nil
	case !f.Value.Scales():
		return []string{d.fact(indent, "scaling", s.Muted, "nothing scales it", "")}
	}
	text := fmt.Sprintf("%d of %d to %d tasks", v.Desired, f.Value.Min, f.Value.Max)
	paint := s.Text
	if pinned := f.Value.Pinned(v.Desired); pinned != "" {
		text += " " + s.Glyphs.Dot + " " + pinned
		if v.Desired >= f.Value.Max {
			paint = s.Warn
		}
	}
	if len(f.Value.Suspended) > 0 {
		text += " " + s.Glyphs.Dot + " suspended: " + strings.Join(f.Value.Suspended, ", ")
		paint = s.Warn
	}
	return d.long(indent, "scaling", paint, text, "", 2)
}

// traffic is a line for each target group that takes requests.
func (d *drawing) traffic(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	var lines []string
	label := "traffic"
	for _, t := range v.Traffic.Value {
		newest, ok := t.Latest()
		if !ok {
			lines = append(lines, d.fact(indent, label, s.Muted, "takes no requests", local(v, t.Group)))
			label = ""
			continue
		}
		paint := s.Text
		if newest.Errors >= 1 {
			paint = s.Danger
		}
		text := fmt.Sprintf("%s  p95 %s  5xx %s", rate(newest.Requests), milliseconds(newest.P95), share(newest.Errors))
		if course := s.Sparkline(rates(t), d.course(), busiest(t)) + " "; theme.Cells(course+text) < d.width-indent-labelWidth {
			text = course + text // the figures say more than their course
		}
		lines = append(lines, d.fact(indent, label, paint, text, local(v, t.Group)))
		label = ""
	}
	return lines
}

func rates(t pipeline.Traffic) []float64 {
	values := make([]float64, len(t.Points))
	for i, p := range t.Points {
		values[i] = p.Requests
	}
	return values
}

// busiest is the height of the sparkline: the minute with the most requests.
func busiest(t pipeline.Traffic) float64 {
	most := 0.0
	for _, p := range t.Points {
		most = max(most, p.Requests)
	}
	return most
}

func rate(perSecond float64) string {
	if perSecond < 10 {
		return strconv.FormatFloat(perSecond, 'f', 1, 64) + "/s"
	}
	return strconv.FormatFloat(perSecond, 'f', 0, 64) + "/s"
}

func milliseconds(d time.Duration) string {
	if d >= 10*time.Second {
		return strconv.FormatFloat(d.Seconds(), 'f', 0, 64) + " s"
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
}

func share(percent float64) string {
	if percent > 0 && percent < 10 {
		return strconv.FormatFloat(percent, 'f', 1, 64) + "%"
	}
	return panel.Percent(percent)
}

// lost reports whether tasks run that other services do not find.
func lost(v *pipeline.ServiceView) bool {
	return slices.ContainsFunc(v.Registrations.Value, func(r pipeline.Registration) bool { return r.Healthy() < v.Running })
}

// registered says where other services find this one.
func (d *drawing) registered(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	var lines []string
	label := "discovery"
	add := func(p theme.Paint, text string) {
		lines = append(lines, d.long(indent, label, p, text, "", 2)...)
		label = ""
	}
	for _, r := range v.Registrations.Value {
		paint := s.Text
		if r.Healthy() < v.Running {
			paint = s.Warn
		}
		text := fmt.Sprintf("Cloud Map %s: %d of %d instances healthy", r.Name, r.Healthy(), len(r.Instances))
		if r.Healthy() < v.Running {
			text += ", for " + panel.Plural(v.Running, "task")
		}
		add(paint, text)
		for _, i := range r.Instances {
			if i.Health == "UNHEALTHY" {
				add(s.Warn, fmt.Sprintf("%.8s %s %s", i.ID, i.Address, strings.ToLower(i.Health)))
			}
		}
	}
	if c := v.Connect; c != nil {
		text := "Service Connect " + c.Namespace + ": "
		if len(c.Offers) == 0 {
			text += "a client only"
		} else {
			text += strings.Join(c.Offers, ", ")
		}
		add(s.Text, text)
	}
	return lines
}

// changesShown is how much of a task definition's changes stands in the details
// before they are asked for.
const changesShown = 4

// definition says what the task definition changes of the one that ran before,
// or, where ECS took a deployment back, what that one had changed. Where there is
// nothing to say, it says why to whoever asked.
func (d *drawing) definition(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
	f := v.Definition
	switch {
	case f.Known():
	case !d.changes:
		return nil
	case f.Err == nil:
		return []string{d.fact(indent, "changes", s.Muted, "being read"+s.Glyphs.Ellipsis, "")}
	case pipeline.KindOf(f.Err) == pipeline.KindNotFound:
		return d.long(indent, "changes", s.Muted, "nothing to compare "+local(v, v.TaskDefinition)+" with: it is the first revision, or the one before is gone", "", 3)
	default:
		return d.long(indent, "changes", s.Danger, s.Glyphs.Failed+" "+panel.Brief(f.Err), "", 3)
	}
	from, to := local(v, f.Value.From), local(v, f.Value.To)
	label, tail := "changes", "from "+from
	var lines []string
	if f.Value.TakenBack || d.changes {
		heading := to + " from " + from
		if f.Value.TakenBack {
			heading = to + ", which ECS took back, from " + from
		}
		lines = d.long(indent, label, s.Muted, heading, "", 3)
		label, tail = "", ""
	}
	if len(f.Value.Changes) == 0 {
		return append(lines, d.fact(indent, label, s.Muted, "nothing", tail))
	}
	shown := len(f.Value.Changes)
	if !d.changes {
		shown = min(shown, changesShown)
	}
	for _, c := range f.Value.Changes[:shown] {
		paint := s.Text
		switch c.Sign {
		case "+":
			paint = s.OK
		case "-":
			paint = s.Danger
		}
		lines = append(lines, d.long(indent, label, paint, c.Sign+" "+c.Text, tail, 2)...)
		label, tail = "", ""
	}
	if more := len(f.Value.Changes) - shown; more > 0 {
		lines = append(lines, d.fact(indent, "", s.Muted, strconv.Itoa(more)+" more: d", ""))
	}
	return lines
}
