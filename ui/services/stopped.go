package services

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// replaced is why most tasks stop: their time was over.
const replaced = "a scaling activity or rollout replaced it"

// StoppedReason says in the operator's words why a task stopped: what its
// containers' exit codes and reasons mean goes before ECS's own phrase.
func StoppedReason(t *pipeline.Task) string {
	for _, c := range t.Containers {
		if strings.HasPrefix(c.Reason, "OutOfMemoryError") {
			return "out of memory" + exit(c)
		}
		if strings.HasPrefix(c.Reason, "CannotPullContainerError") {
			return "the image cannot be pulled: " + after(c.Reason)
		}
	}
	switch t.StopCode {
	case "TaskFailedToStart":
		return failedToStart(t.StoppedReason)
	case "UserInitiated":
		return "stopped by a person or a tool"
	case "ServiceSchedulerInitiated":
		return scheduler(t.StoppedReason)
	case "SpotInterruption", "TerminationNotice":
		return "its spot capacity was taken back"
	}
	for _, c := range t.Containers {
		if c.ExitCode != nil && *c.ExitCode != 0 {
			return c.Name + " " + exitMeaning(*c.ExitCode)
		}
		if c.Reason != "" {
			return c.Name + ": " + c.Reason
		}
	}
	if t.StoppedReason != "" {
		return t.StoppedReason
	}
	return "no reason given"
}

func exit(c pipeline.Container) string {
	if c.ExitCode == nil {
		return ""
	}
	return fmt.Sprintf(" (%d)", *c.ExitCode)
}

// exitMeaning explains an exit code as shells and container runtimes use it.
func exitMeaning(code int) string {
	switch code {
	case 1:
		return "exited with 1: an error of the application"
	case 126:
		return "exited with 126: its command cannot be executed"
	case 127:
		return "exited with 127: its command was not found"
	case 137:
		return "exited with 137: killed, mostly for want of memory or after the stop timeout"
	case 139:
		return "exited with 139: segmentation fault"
	case 143:
		return "exited with 143: asked to stop (SIGTERM)"
	}
	if code > 128 && code < 160 {
		return fmt.Sprintf("exited with %d: signal %d", code, code-128)
	}
	return fmt.Sprintf("exited with %d", code)
}

// failedToStart shortens the reasons that ECS gives before a container ran.
func failedToStart(reason string) string {
	kind, _, _ := strings.Cut(reason, ":")
	switch strings.TrimSpace(kind) {
	case "ResourceInitializationError":
		return "could not start: " + after(reason)
	case "CannotPullContainerError":
		return "the image cannot be pulled: " + after(reason)
	case "CannotStartContainerError", "CannotCreateContainerError":
		return "the container cannot be started: " + after(reason)
	case "":
		return "could not start"
	}
	return "could not start: " + reason
}

// within is what ECS puts in brackets behind a word: (target-group ARN).
var within = regexp.MustCompile(`\((target-group|reason|deployment) ([^()]*(?:\[[^]]*\])?)\)`)

// scheduler explains why the service's scheduler stopped a task.
func scheduler(reason string) string {
	low := strings.ToLower(reason)
	switch {
	case strings.Contains(low, "failed elb health checks"):
		return "failed the load balancer's health checks" + detail(reason)
	case strings.Contains(low, "failed container health checks"):
		return "failed its container's health check" + detail(reason)
	case strings.Contains(low, "scaling activity"):
		return replaced
	case reason == "":
		return "the service replaced it"
	}
	return reason
}

// detail is what ECS says beside why a check failed: of which target group, with
// which status codes.
func detail(reason string) string {
	out := ""
	for _, m := range within.FindAllStringSubmatch(reason, -1) {
		switch m[1] {
		case "target-group":
			out += " of " + targetGroup(m[2])
		case "reason":
			out += ": " + strings.TrimPrefix(m[2], "Health checks failed with these codes: ")
		}
	}
	if _, rest, ok := strings.Cut(within.ReplaceAllString(reason, ""), ": "); ok && rest != "" {
		out += ": " + strings.TrimSpace(rest)
	}
	return out
}

// targetGroup is the name in a target group's ARN.
func targetGroup(arn string) string {
	if _, rest, ok := strings.Cut(arn, ":targetgroup/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		return name
	}
	return arn
}

// after is what follows the first colon of a text.
func after(s string) string {
	if _, rest, ok := strings.Cut(s, ":"); ok {
		return strings.TrimSpace(rest)
	}
	return s
}
