package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// DefinitionChange is one difference between two task definitions.
type DefinitionChange struct {
	Sign string // + added, - removed, ~ changed
	Text string // what, and from what to what: "orders: image 1a2b… → 9f8e…"
}

// DefinitionComparison is what a service's task definition changes of another.
type DefinitionComparison struct {
	From, To  string // ARNs
	TakenBack bool   // To is what ECS took back: the service runs From
	Changes   []DefinitionChange
}

// CompareDefinitions says how to differs from from: containers, images, CPU and
// memory, roles, ports, log groups, limits, commands, health checks, and the
// names of variables and secrets. Values of variables and commands are left out,
// because they may be secret; where a secret comes from is not secret.
func CompareDefinitions(from, to TaskDefinition) DefinitionComparison {
	d := definitionChanges{}
	d.value("cpu", from.CPU, to.CPU)
	d.value("memory", from.Memory, to.Memory)
	d.value("roles", roleNames(from), roleNames(to))
	before, after := containersByName(from), containersByName(to)
	for _, name := range union(before, after) {
		was, had := before[name]
		is, has := after[name]
		switch {
		case !had:
			d.add("+", "container "+name+"  "+imageName(is.Image))
		case !has:
			d.add("-", "container "+name+"  "+imageName(was.Image))
		default:
			d.container(name+": ", was, is)
		}
	}
	return DefinitionComparison{From: from.ARN, To: to.ARN, Changes: d}
}

type definitionChanges []DefinitionChange

func (d *definitionChanges) add(sign, text string) {
	*d = append(*d, DefinitionChange{sign, text})
}

func (d *definitionChanges) value(what, from, to string) {
	if from != to {
		d.add("~", fmt.Sprintf("%s %s → %s", what, firstOf(from, "none"), firstOf(to, "none")))
	}
}

func (d *definitionChanges) container(in string, was, is ContainerDefinition) {
	if was.Image != is.Image {
		from, to := imageName(was.Image), imageName(is.Image)
		if from == to { // the same repository and short digest, elsewhere
			from, to = was.Image, is.Image
		}
		if name, digest, ok := strings.Cut(from, "@"); ok && strings.HasPrefix(to, name+"@") {
			d.add("~", in+"image "+name+": "+digest+" → "+strings.TrimPrefix(to, name+"@"))
		} else {
			d.value(in+"image", from, to)
		}
	}
	d.names(in+"variable ", was.Environment, is.Environment, "changes")
	d.names(in+"secret ", was.Secrets, is.Secrets, "")
	d.value(in+"log group", was.LogGroup.Name, is.LogGroup.Name)
	d.value(in+"ports", portList(was.Ports), portList(is.Ports))
	d.value(in+"limits", was.Limits, is.Limits)
	if was.Command != is.Command { // its arguments may be secret
		d.add("~", in+"command changes")
	}
	if was.Check != is.Check {
		d.add("~", in+"health check changes")
	}
}

func roleNames(t TaskDefinition) string {
	var out []string
	for _, arn := range t.Roles {
		out = append(out, lastPart(arn))
	}
	return strings.Join(out, ", ")
}

// names compares what is named; hidden stands in for values that are not shown.
func (d *definitionChanges) names(noun string, was, is map[string]string, hidden string) {
	for _, name := range union(was, is) {
		from, had := was[name]
		to, has := is[name]
		switch {
		case !had:
			d.add("+", noun+name)
		case !has:
			d.add("-", noun+name)
		case from != to && hidden != "":
			d.add("~", noun+name+" "+hidden)
		case from != to:
			d.value(noun+name+" from", lastPart(from), lastPart(to))
		}
	}
}

func portList(ports []int) string {
	var out []string
	for _, p := range slices.Sorted(slices.Values(ports)) {
		out = append(out, strconv.Itoa(p))
	}
	return strings.Join(out, ", ")
}

// imageName is an image without its registry, and with a short digest.
func imageName(image string) string {
	name := image[strings.LastIndexByte(image, '/')+1:]
	if repository, digest, ok := strings.Cut(name, "@sha256:"); ok {
		return repository + "@" + digest[:min(12, len(digest))]
	}
	if repository, tag, ok := strings.Cut(name, ":"); ok && len(tag) == 40 {
		return repository + ":" + Short(tag)
	}
	return name
}

// TakenBack is the task definition that ECS took back last, when it went on to
// run another again; empty: it took none back.
func (s ServiceState) TakenBack() string {
	if r := s.Rollout; r != nil && r.Reverted() && r.Target.TaskDefinition != s.TaskDefinition {
		return r.Target.TaskDefinition
	}
	return ""
}

// PreviousDefinition is the task definition that a service ran before the one
// that it runs or moves to: that of the revision its newest rollout left, else
// the one before it in the family. Empty where there is none.
func (s ServiceState) PreviousDefinition() string {
	if s.Rollout != nil {
		for _, source := range s.Rollout.Sources {
			if source.TaskDefinition != "" && source.TaskDefinition != s.TaskDefinition {
				return source.TaskDefinition
			}
		}
	}
	family, number, _ := cutLast(s.TaskDefinition, ":")
	if n, err := strconv.Atoi(number); err == nil && n > 1 {
		return family + ":" + strconv.Itoa(n-1)
	}
	return ""
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

// CompareService reads what a service's task definition changes of another
// revision: a number of the family, an ARN, or, where against is empty, the one
// that ran before. Where ECS took a deployment back, the question is what that
// one had changed of what runs again.
func (e *Engine) CompareService(ctx context.Context, svc ServiceState, against string) (DefinitionComparison, error) {
	before, after := against, svc.TaskDefinition
	back := ""
	switch {
	case against == "":
		before = svc.PreviousDefinition()
		if back = svc.TakenBack(); back != "" {
			before, after = svc.TaskDefinition, back
		}
	case strings.Trim(against, "0123456789") == "":
		family, _, _ := cutLast(svc.TaskDefinition, ":")
		before = family + ":" + against
	}
	if before == "" || after == "" {
		return DefinitionComparison{To: after}, &Error{Kind: KindNotFound, Op: "compare the task definitions", On: svc.Key.Service, Message: "there is no revision to compare with"}
	}
	from, err := e.opt.Cloud.TaskDefinition(ctx, svc.Cluster, before)
	if err != nil {
		return DefinitionComparison{}, err
	}
	to, err := e.opt.Cloud.TaskDefinition(ctx, svc.Cluster, after)
	if err != nil {
		return DefinitionComparison{}, err
	}
	c := CompareDefinitions(from, to)
	c.TakenBack = back != ""
	return c, nil
}
