package services

import (
	"fmt"
	"slices"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/panel"
)

// tasks are the tasks below the revision that they run: the one that ECS moves
// towards first. The headings are left out where all run the same.
func (d *drawing) tasks(v *pipeline.ServiceView, indent int) []string {
	if err := v.Tasks.Err; err != nil {
		return []string{d.fact(indent, "tasks", d.c.Styles.Danger, panel.Brief(err), "")}
	}
	groups := byRevision(v)
	label := "tasks"
	var lines []string
	for i, g := range groups {
		if len(groups) > 1 {
			lines = append(lines, d.revision(v, g, i, indent, label))
			label = ""
		}
		for _, t := range g.tasks {
			lines = append(lines, d.task(t, indent, label, len(groups) > 1))
			label = ""
		}
	}
	return lines
}

// revisionTasks are the tasks of one task definition.
type revisionTasks struct {
	definition string // ARN
	tasks      []*pipeline.Task
}

// byRevision groups a service's tasks, that of the primary revision first, then
// as they are listed.
func byRevision(v *pipeline.ServiceView) []revisionTasks {
	var groups []revisionTasks
	for i := range v.Tasks.Value {
		t := &v.Tasks.Value[i]
		at := slices.IndexFunc(groups, func(g revisionTasks) bool { return g.definition == t.TaskDefinition })
		if at < 0 {
			at = len(groups)
			groups = append(groups, revisionTasks{definition: t.TaskDefinition})
		}
		groups[at].tasks = append(groups[at].tasks, t)
	}
	slices.SortStableFunc(groups, func(a, b revisionTasks) int {
		return place(a.definition != v.TaskDefinition) - place(b.definition != v.TaskDefinition)
	})
	return groups
}

func place(later bool) int {
	if later {
		return 1
	}
	return 0
}

// revision draws the heading of a revision's tasks: whether it is the new one,
// its release, and how many of its tasks run and have stopped.
func (d *drawing) revision(v *pipeline.ServiceView, g revisionTasks, n, indent int, label string) string {
	s := d.c.Styles
	which, paint := "old", s.Muted
	if n == 0 && g.definition == v.TaskDefinition {
		which, paint = "new", s.Text
		if !v.Moving() {
			which = "now"
		}
	}
	text := which
	for _, r := range v.Revisions {
		if r.TaskDefinition == g.definition && r.SHA != "" {
			text += " " + strings.TrimSpace(pipeline.Short(r.SHA)+" "+r.Version)
		}
	}
	text += "  " + panel.Tail(g.definition)
	stopped := 0
	for _, t := range g.tasks {
		stopped += place(!t.Stopped.IsZero())
	}
	tail := fmt.Sprintf("%d running", len(g.tasks)-stopped)
	if stopped > 0 {
		tail += fmt.Sprintf(", %d stopped", stopped)
	}
	return d.fact(indent, label, paint, text, tail)
}

// task draws one task, with why it stopped; below says that it stands below a heading.
func (d *drawing) task(t *pipeline.Task, indent int, label string, below bool) string {
	s := d.c.Styles
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
	if below {
		text = "  " + text
	}
	return d.fact(indent, label, paint, text, clock.Since(d.c.Now, at))
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
