package services

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

func context(s *pipeline.Snapshot) panel.Context {
	return panel.Context{
		Snapshot: s, Styles: theme.New(theme.Options{}), Zone: time.UTC, Now: scene.Now,
		Width: 80, Height: 30, Focused: true, Environment: "production",
	}
}

func text(lines []string) string { return ansi.Strip(strings.Join(lines, "\n")) }

func TestWorstFirst(t *testing.T) {
	var p Panel
	p.Lines(context(scene.Disagreement()))
	var names []string
	for _, v := range p.rows {
		names = append(names, v.Key.Service)
	}
	if got, want := strings.Join(names, " "), "payments notifications api-gateway catalog orders users"; got != want {
		t.Errorf("order is %s, want %s", got, want)
	}
}

func TestDisagreementSaysItsSentence(t *testing.T) {
	var p Panel
	got := strings.Join(strings.Fields(text(p.Lines(context(scene.Disagreement())))), " ")
	if !strings.Contains(got, "run #210 deployed 9f8e7d6, but ECS runs 5c4d3e2") {
		t.Errorf("the sentence is missing:\n%s", got)
	}
}

func TestSmallPanelKeepsTheIll(t *testing.T) {
	var p Panel
	c := context(scene.Disagreement())
	c.Focused, c.Height = false, 5
	got := text(p.Lines(c))
	for _, want := range []string{"payments", "notifications", "4 healthy"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestManyServicesKeepTheIllOnTop(t *testing.T) {
	var p Panel
	p.Lines(context(scene.Many(500)))
	seenHealthy := false
	for _, v := range p.rows {
		healthy := rank(v) == 5
		if seenHealthy && !healthy {
			t.Fatalf("%s is ill and stands below healthy ones", v.Key.Service)
		}
		seenHealthy = seenHealthy || healthy
	}
}

func TestOpenedServiceShowsItsTasks(t *testing.T) {
	var p Panel
	c := context(scene.Disagreement())
	p.Lines(c)
	p.Key("j")
	p.Key("enter")
	got := text(p.Lines(c))
	for _, want := range []string{"stopped: out of memory (137)", "targets", "events", "notifications:17"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if !p.Close() || p.Close() {
		t.Error("closing reports what it did once")
	}
}

func TestStoppedReason(t *testing.T) {
	code := func(n int) *int { return &n }
	tests := []struct {
		name string
		task pipeline.Task
		want string
	}{
		{"memory", pipeline.Task{Containers: []pipeline.Container{{ExitCode: code(137), Reason: "OutOfMemoryError: Container killed due to memory usage"}}}, "out of memory (137)"},
		{"image", pipeline.Task{Containers: []pipeline.Container{{Reason: "CannotPullContainerError: manifest unknown"}}}, "the image cannot be pulled: manifest unknown"},
		{"secrets", pipeline.Task{StopCode: "TaskFailedToStart", StoppedReason: "ResourceInitializationError: unable to pull secrets"}, "could not start: unable to pull secrets"},
		{"health", pipeline.Task{StopCode: "ServiceSchedulerInitiated", StoppedReason: "Task failed ELB health checks in (target-group x): codes [500]"}, "failed health checks: codes [500]"},
		{"scaling", pipeline.Task{StopCode: "ServiceSchedulerInitiated", StoppedReason: "Scaling activity initiated by (deployment ecs-svc/1)"}, "a scaling activity or rollout replaced it"},
		{"person", pipeline.Task{StopCode: "UserInitiated"}, "stopped by a person or a tool"},
		{"exit", pipeline.Task{StopCode: "EssentialContainerExited", Containers: []pipeline.Container{{Name: "app", ExitCode: code(1)}}}, "app exited with 1: an error of the application"},
		{"signal", pipeline.Task{Containers: []pipeline.Container{{Name: "app", ExitCode: code(134)}}}, "app exited with 134: signal 6"},
		{"nothing", pipeline.Task{}, "no reason given"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := StoppedReason(&tt.task); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
