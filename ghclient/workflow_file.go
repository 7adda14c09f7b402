package ghclient

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// parseWorkflow reads what a workflow's file declares. It works on YAML nodes,
// which keep the order of inputs and jobs and the spelling of defaults. What it
// does not know is GitHub's to judge.
func parseWorkflow(source []byte) (pipeline.WorkflowFile, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(source, &document); err != nil {
		return pipeline.WorkflowFile{}, fmt.Errorf("the file is not valid YAML: %s", sanitise.Text(err.Error()))
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) == 0 {
		return pipeline.WorkflowFile{}, errors.New("the file is empty")
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return pipeline.WorkflowFile{}, fmt.Errorf("line %d: a workflow begins with keys, such as on and jobs", root.Line)
	}
	file := pipeline.WorkflowFile{
		Name:        scalar(child(root, "name")),
		Concurrency: nameOr(child(root, "concurrency"), "group"),
		Jobs:        workflowJobs(child(root, "jobs")),
	}
	file.Dispatchable, file.Inputs = dispatch(child(root, "on"))
	return file, nil
}

// dispatch finds workflow_dispatch in the three forms of on: a name, a list of
// names, a mapping.
func dispatch(on *yaml.Node) (dispatchable bool, inputs []pipeline.Input) {
	const event = "workflow_dispatch"
	if on == nil || on.Kind != yaml.MappingNode {
		for _, name := range texts(on) {
			dispatchable = dispatchable || name == event
		}
		return dispatchable, nil
	}
	for name, settings := range entries(on) {
		if name != event {
			continue
		}
		dispatchable = true
		for name, declared := range entries(child(settings, "inputs")) {
			inputs = append(inputs, input(name, declared))
		}
	}
	return dispatchable, inputs
}

// input reads one declared input; its type is string where it names none.
func input(name string, n *yaml.Node) pipeline.Input {
	in := pipeline.Input{
		Name:        name,
		Description: scalar(child(n, "description")),
		Type:        pipeline.InputType(scalar(child(n, "type"))),
		Required:    strings.EqualFold(scalar(child(n, "required")), "true"),
		Default:     scalar(child(n, "default")),
		Options:     texts(child(n, "options")),
	}
	if in.Type == "" {
		in.Type = pipeline.InputString
	}
	return in
}

func workflowJobs(n *yaml.Node) []pipeline.WorkflowJob {
	var jobs []pipeline.WorkflowJob
	for id, declared := range entries(n) {
		jobs = append(jobs, pipeline.WorkflowJob{
			ID:          id,
			Name:        scalar(child(declared, "name")),
			Needs:       texts(child(declared, "needs")),
			Environment: nameOr(child(declared, "environment"), "name"),
			Concurrency: nameOr(child(declared, "concurrency"), "group"),
		})
	}
	return jobs
}

// entries are the keys and values of a mapping in the order of the file; none
// where the node is no mapping.
func entries(n *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(scalar(n.Content[i]), anchored(n.Content[i+1])) {
				return
			}
		}
	}
}

// child is the value of a key; nil where there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	for name, value := range entries(n) {
		if name == key {
			return value
		}
	}
	return nil
}

// anchored is the node that an alias stands for.
func anchored(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// scalar is a value as it is written, made safe: a boolean or number stays the
// text that GitHub is to be sent. Null and what is no scalar are empty.
func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return sanitise.Text(n.Value)
}

// nameOr reads a setting that is either a name or a mapping with the name
// below a key.
func nameOr(n *yaml.Node, key string) string {
	if n != nil && n.Kind == yaml.MappingNode {
		n = child(n, key)
	}
	return scalar(n)
}

// texts reads a setting that is either one scalar or a list of them.
func texts(n *yaml.Node) []string {
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.SequenceNode:
		var out []string
		for _, item := range n.Content {
			out = append(out, scalar(anchored(item)))
		}
		return out
	case n.Kind == yaml.ScalarNode && n.Tag != "!!null":
		return []string{scalar(n)}
	}
	return nil
}
