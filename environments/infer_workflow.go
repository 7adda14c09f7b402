package environments

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// ReadWorkflow reads what Infer wants to know from a workflow file; file may be
// a path. A file that is no YAML, or has another shape, is known by its name
// alone: a mistake in a workflow is nothing that inference should stop at.
func ReadWorkflow(file string, content []byte) Workflow {
	w := Workflow{File: path.Base(file)}
	root := new(reader).load(content)
	if name := child(root, "name"); name != nil && name.Kind == yaml.ScalarNode {
		w.Name = name.Value
	}
	push := child(child(root, "on"), "push")
	w.Branches, w.Tags = scalars(child(push, "branches")), scalars(child(push, "tags"))
	jobs := child(root, "jobs")
	if jobs == nil || jobs.Kind != yaml.MappingNode {
		return w
	}
	for i := 1; i < len(jobs.Content); i += 2 {
		environment := child(target(jobs.Content[i]), "environment")
		if name := child(environment, "name"); name != nil {
			environment = name
		}
		for _, name := range scalars(environment) {
			if !strings.Contains(name, "${{") && !slices.Contains(w.Environments, name) {
				w.Environments = append(w.Environments, name)
			}
		}
	}
	return w
}

// child returns the value of a key, or nil where there is none.
func child(node *yaml.Node, key string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return target(node.Content[i+1])
		}
	}
	return nil
}

// target follows an alias, which a workflow may have.
func target(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// scalars returns the texts of a value or of a list of values.
func scalars(node *yaml.Node) []string {
	switch {
	case node == nil:
		return nil
	case node.Kind == yaml.ScalarNode && node.ShortTag() != nullTag:
		return []string{node.Value}
	}
	var texts []string
	for _, item := range node.Content {
		if node.Kind == yaml.SequenceNode && item.Kind == yaml.ScalarNode {
			texts = append(texts, item.Value)
		}
	}
	return texts
}

// workflows finds the four files of the delivery system.
func (i *inference) workflows(environments []pipeline.Environment) pipeline.Workflows {
	var w pipeline.Workflows
	for _, e := range environments {
		switch e.Name {
		case "staging":
			w.Staging = e.Workflow
		case "production":
			w.Production = e.Workflow
		}
	}
	w.CI = i.workflowNamed("ci", "test", "tests", "build")
	w.Rollback = i.workflowNamed("rollback", "revert")
	for _, found := range []struct{ file, does string }{{w.CI, "tests and builds"}, {w.Rollback, "rolls back"}} {
		if found.file != "" {
			i.note("%s is the workflow that %s, because of its name.", found.file, found.does)
		}
	}
	return w
}

// workflowNamed returns the first file that carries one of the words, the most
// telling word first, in its file name before its title.
func (i *inference) workflowNamed(words ...string) string {
	for _, word := range words {
		for _, w := range i.facts.Workflows {
			if slices.Contains(tokens(trimExtension(w.File)), word) && usableFile(w.File) {
				return w.File
			}
		}
		for _, w := range i.facts.Workflows {
			if slices.Contains(tokens(w.Name), word) && usableFile(w.File) {
				return w.File
			}
		}
	}
	return ""
}

// deploysTo returns the workflow that deploys to an environment: one whose jobs
// name it, or whose file name does. A rollback names it too, but is none.
func (i *inference) deploysTo(e pipeline.Environment) Workflow {
	best, bestPoints := Workflow{}, 0
	for _, w := range i.facts.Workflows {
		if words := tokens(w.File + " " + w.Name); slices.Contains(words, "rollback") || slices.Contains(words, "revert") || !usableFile(w.File) {
			continue
		}
		points := 0
		for _, named := range w.Environments {
			if strings.EqualFold(named, e.GitHubEnvironment) || strings.EqualFold(named, e.DeployEnvironment) || strings.EqualFold(named, e.GateEnvironment) {
				points = 2
			}
		}
		if containsAll(tokens(trimExtension(w.File)), tokens(e.Name)) {
			points += 3
		} else if r := rankOf(e.Name); r != unknownRank && rankOf(trimExtension(w.File)) == r {
			points++
		}
		if points > 0 && len(w.Branches)+len(w.Tags) > 0 {
			points++
		}
		if points > bestPoints {
			best, bestPoints = w, points
		}
	}
	return best
}

func trimExtension(file string) string { return strings.TrimSuffix(file, path.Ext(file)) }

func usableFile(file string) bool { return new(workflowFile).read(file) == nil }
