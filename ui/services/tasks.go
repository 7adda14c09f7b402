package services

import (
	"fmt"
	"slices"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
)

// tasks are the tasks below the revision that they run: the one that ECS moves
// towards first. The headings are left out where all run the same.
func (d *drawing) tasks(v *pipeline.ServiceView, indent int) []string {
	groups := byRevision(v)
	label := "tasks"
	var lines []string
	if v.Pending > 0 || v.Running != v.Desired {
		paint := d.c.Styles.Text // more run while a rollout goes on
		if v.Running < v.Desired {
			paint = d.c.Styles.Warn
		}
		text := fmt.Sprintf("%d running", v.Running)
		if v.Pending > 0 {
			text += fmt.Sprintf(", %d pending", v.Pending)
		}
		text += fmt.Sprintf(", %d desired", v.Desired)
		lines, label = append(lines, d.fact(indent, label, paint, text, "")), ""
	}
	for i, g := range groups {
		if len(groups) > 1 {
			lines = append(lines, d.revision(v, g, i, indent, label))
			label = ""
		}
		more := d.ofRevision(g, indent, label, len(groups) > 1)
		if lines = append(lines, more...); len(more) > 0 {
			label = ""
		}
	}
	return lines
}

// tasksShown bounds the tasks of a revision that run, and those that stopped for
// one reason, which are named.
const tasksShown = 8

// ofRevision draws the tasks of one revision: those that run, the ill first, then
// those that stopped, by reason.
func (d *drawing) ofRevision(g revisionTasks, indent int, label string, below bool) []string {
	var lines []string
	add := func(line string) {
		lines = append(lines, line)
		label = ""
	}
	running := slices.DeleteFunc(slices.Clone(g.tasks), func(t *pipeline.Task) bool { return !t.Stopped.IsZero() })
	well := func(t *pipeline.Task) bool { return t.Status == "RUNNING" && t.Health != "UNHEALTHY" }
	slices.SortStableFunc(running, func(a, b *pipeline.Task) int { return place(well(a)) - place(well(b)) })
	for i, t := range running {
		if i == tasksShown && len(running) > tasksShown+1 {
			add(d.fact(indent, label, d.c.Styles.Muted, fmt.Sprintf("%d more", len(running)-i), ""))
			break
		}
		add(d.task(t, indent, label, below))
	}
	for _, s := range stops(g.tasks) {
		lines = append(lines, d.stopped(s, indent, label, below)...)
		label = ""
	}
	return lines
}

// stop is why tasks stopped, and which, the newest first.
type stop struct {
	reason string
	tasks  []*pipeline.Task
}

// stops groups tasks that stopped by why, the newest reason first.
func stops(tasks []*pipeline.Task) []stop {
	stopped := slices.DeleteFunc(slices.Clone(tasks), func(t *pipeline.Task) bool { return t.Stopped.IsZero() })
	slices.SortStableFunc(stopped, func(a, b *pipeline.Task) int { return b.Stopped.Compare(a.Stopped) })
	var out []stop
	for _, t := range stopped {
		reason := StoppedReason(t)
		at := slices.IndexFunc(out, func(s stop) bool { return s.reason == reason })
		if at < 0 {
			at = len(out)
			out = append(out, stop{reason: reason})
		}
		out[at].tasks = append(out[at].tasks, t)
	}
	return out
}

// stopped draws why tasks stopped and, where it were several, which.
func (d *drawing) stopped(s stop, indent int, label string, below bool) []string {
	if below {
		indent += 2
	}
	styles := d.c.Styles
	what := fmt.Sprintf("%-8.8s stopped: ", s.tasks[0].ID)
	if len(s.tasks) > 1 {
		what = fmt.Sprintf("%d stopped: ", len(s.tasks))
	}
	paint := styles.Warn
	if s.reason == replaced {
		paint = styles.Muted // nothing went wrong with it
	}
	lines := d.long(indent, label, paint, what+s.reason, clock.Since(d.c.Now, s.tasks[0].Stopped), 3)
	if len(s.tasks) == 1 {
		return lines
	}
	var ids []string
	for i, t := range s.tasks {
		if i == tasksShown {
			ids = append(ids, fmt.Sprintf("and %d more", len(s.tasks)-i))
			break
		}
		ids = append(ids, t.ID[:min(len(t.ID), 8)])
	}
	return append(lines, d.fact(indent, "", styles.Faint, strings.Join(ids, " "), ""))
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
	text := strings.TrimSpace(which+" "+d.releaseOf(v, g.definition)) + "  " + local(v, g.definition)
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

// releaseOf is the commit and version of a task definition: as ECS's revisions
// say or, of one that ECS lists no more, as the deployment that recorded it does.
func (d *drawing) releaseOf(v *pipeline.ServiceView, definition string) string {
	for _, r := range v.Revisions {
		if r.TaskDefinition == definition && r.SHA != "" {
			return strings.TrimSpace(pipeline.Short(r.SHA) + " " + r.Version)
		}
	}
	e := d.c.Snapshot.Environment(v.Key.Environment)
	if e == nil {
		return ""
	}
	for _, r := range e.Deployments.Value {
		if r.Payload.Services[v.Key.Service].TaskDefinition == definition && r.SHA != "" {
			return strings.TrimSpace(pipeline.Short(r.SHA) + " " + r.Payload.Version)
		}
	}
	return ""
}

// task draws one task that has not stopped; below says that it stands below a
// heading.
func (d *drawing) task(t *pipeline.Task, indent int, label string, below bool) string {
	s := d.c.Styles
	text := fmt.Sprintf("%-8.8s %s", t.ID, strings.ToLower(t.Status))
	paint := s.Text
	if t.Health != "" && t.Health != "UNKNOWN" {
		text += " " + strings.ToLower(t.Health)
	}
	if t.Health == "UNHEALTHY" {
		paint = s.Danger
	}
	if t.Zone != "" {
		text += "  " + t.Zone
	}
	if below {
		text = "  " + text
	}
	return d.fact(indent, label, paint, text, clock.Since(d.c.Now, t.Started))
}

func (d *drawing) targets(v *pipeline.ServiceView, indent int) []string {
	s := d.c.Styles
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
		text := strings.TrimSpace(fmt.Sprintf("%s:%d %s  %s", t.ID, t.Port, t.State, why))
		lines = append(lines, d.long(indent, "", s.Warn, text, "", 3)...)
	}
	return lines
}
