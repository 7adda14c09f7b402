package services

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// Tasks stand below the revision that they run, the new one first, each with
// why it stopped.
func TestTasksStandBelowTheirRevision(t *testing.T) {
	old, next := "arn:aws:ecs:eu-central-1:1:task-definition/orders:17", "arn:aws:ecs:eu-central-1:1:task-definition/orders:18"
	task := func(id, definition string) pipeline.Task {
		return pipeline.Task{ID: id, TaskDefinition: definition, Status: "RUNNING", Started: scene.Now.Add(-time.Hour)}
	}
	stopped := task("cccccccccc", next)
	stopped.Status, stopped.Stopped, stopped.StopCode = "STOPPED", scene.Now, "TaskFailedToStart"
	stopped.StoppedReason = "CannotPullContainerError: not found"
	v := pipeline.ServiceView{ServiceState: pipeline.ServiceState{
		TaskDefinition: next,
		Deployments:    []pipeline.ServiceSet{{Status: "PRIMARY", TaskDefinition: next, RolloutState: "IN_PROGRESS"}},
		Revisions:      []pipeline.ServiceRevision{{TaskDefinition: next, SHA: strings.Repeat("a", 40), Version: "v2.0.0"}, {TaskDefinition: old, SHA: strings.Repeat("b", 40), Version: "v1.0.0"}},
	}}
	v.Tasks.Value = []pipeline.Task{task("aaaaaaaaaa", old), task("bbbbbbbbbb", next), stopped}
	d := drawing{c: context(scene.Disagreement()), width: 90}
	got := strings.Join(strings.Fields(text(d.tasks(&v, 2))), " ")
	want := "tasks new aaaaaaa v2.0.0 orders:18 1 running, 1 stopped bbbbbbbb running 1h cccccccc stopped: the image cannot be pulled: not found <1m " +
		"old bbbbbbb v1.0.0 orders:17 1 running aaaaaaaa running 1h"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	v.Key, v.Revisions = pipeline.ServiceKey{Environment: "production", Service: "orders"}, v.Revisions[:1] // ECS has forgotten the old one
	e := d.c.Snapshot.Environment("production")
	e.Deployments.Value = append(e.Deployments.Value, pipeline.Deployment{SHA: strings.Repeat("c", 40), Payload: pipeline.Payload{
		Version: "v0.9.0", Services: map[string]pipeline.ServiceTarget{"orders": {TaskDefinition: old}},
	}})
	if got := text(d.tasks(&v, 2)); !strings.Contains(got, "old ccccccc v0.9.0") {
		t.Errorf("the deployment that recorded it is not asked:\n%s", got)
	}
	v.Tasks.Value = v.Tasks.Value[:1]
	if got := text(d.tasks(&v, 2)); strings.Contains(got, "old") || !strings.Contains(got, "tasks") {
		t.Errorf("one revision needs no heading:\n%s", got)
	}
}

// Many tasks take few lines: the ill are named first, the rest is counted, and
// those that stopped stand below why.
func TestManyTasksTakeFewLines(t *testing.T) {
	v := pipeline.ServiceView{ServiceState: pipeline.ServiceState{Desired: 20, Running: 19, Pending: 1, TaskDefinition: "orders:18"}}
	for i := range 19 {
		v.Tasks.Value = append(v.Tasks.Value, pipeline.Task{ID: fmt.Sprintf("%08d", i), TaskDefinition: "orders:18", Status: "RUNNING", Health: "HEALTHY"})
	}
	v.Tasks.Value[18].Health = "UNHEALTHY"
	one := 1
	for i := range 3 {
		v.Tasks.Value = append(v.Tasks.Value, pipeline.Task{
			ID: fmt.Sprintf("9%07d", i), TaskDefinition: "orders:18", Status: "STOPPED", Stopped: scene.Now.Add(-time.Duration(3-i) * time.Minute),
			StopCode: "EssentialContainerExited", Containers: []pipeline.Container{{Name: "app", ExitCode: &one}},
		})
	}
	d := drawing{c: context(scene.Disagreement()), width: 90}
	lines := strings.Split(text(d.tasks(&v, 2)), "\n")
	got := strings.Join(strings.Fields(strings.Join(lines, " ")), " ")
	for _, want := range []string{
		"tasks 19 running, 1 pending, 20 desired 00000018 running unhealthy 00000000 running", "11 more",
		"3 stopped: app exited with 1: an error of the application 1m 90000002 90000001 90000000",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if len(lines) != 1+tasksShown+1+2 {
		t.Errorf("%d lines", len(lines))
	}
}

// A line about a service that fares well is drawn where it differs from its
// neighbours or is at a limit, and only there.
func TestStandingSaysOnlyWhatIsUnusual(t *testing.T) {
	steady := pipeline.ServiceView{ServiceState: pipeline.ServiceState{Strategy: "ROLLING", Desired: 2, Running: 2, Rollout: &pipeline.ServiceDeployment{Status: "SUCCESSFUL", BreakerLimit: 3}}}
	steady.Scaling.Value = pipeline.Scaling{Min: 2, Max: 6}
	tests := []struct {
		name   string
		change func(*pipeline.ServiceView)
		want   string
	}{
		{"nothing", func(*pipeline.ServiceView) {}, ""},
		{"another strategy", func(v *pipeline.ServiceView) { v.Strategy = "CANARY" }, "canary"},
		{"failures", func(v *pipeline.ServiceView) {
			v.Rollout = &pipeline.ServiceDeployment{Status: "SUCCESSFUL", BreakerFailed: 2, BreakerLimit: 3}
		}, "breaker 2 of 3"},
		{"at its maximum", func(v *pipeline.ServiceView) { v.Desired = 6 }, "6 of at most 6 tasks"},
		{"suspended", func(v *pipeline.ServiceView) { v.Scaling.Value.Suspended = []string{"in", "out"} }, "scaling in, out suspended"},
		{"errors", func(v *pipeline.ServiceView) {
			v.Traffic.Value = []pipeline.Traffic{{Points: []pipeline.TrafficPoint{{Requests: 20, P95: time.Second, Errors: 4}}}}
		}, "20/s p95 1000 ms 5xx 4.0%"},
	}
	for _, tt := range tests {
		v := steady
		tt.change(&v)
		d := drawing{c: context(scene.Disagreement()), width: 90, usual: usualStrategy([]*pipeline.ServiceView{&steady, &steady, &v})}
		d.c.Styles = theme.New(theme.Options{})
		if got := strings.TrimSpace(text([]string{d.standing(&v)})); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
