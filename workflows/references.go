package workflows

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Reference is one use of a secret in a workflow file.
type Reference struct {
	Secret      string // in capitals, as GitHub stores it
	Job         string // empty: the whole file
	Environment string // that the job names; empty: none, or one that an expression decides
}

// secretUse finds secrets in expressions: secrets.NAME and secrets['NAME'].
var secretUse = regexp.MustCompile(`\bsecrets(?:\.([A-Za-z_][A-Za-z0-9_]*)|\[\s*'([A-Za-z_][A-Za-z0-9_]*)'\s*\])`)

// References finds the secrets that a workflow file reads, each once a job.
// GITHUB_TOKEN, which every job is given, is left out. The error says that the
// file is no YAML.
func References(content []byte) ([]Reference, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(content, &root); err != nil {
		return nil, fmt.Errorf("read the workflow: %w", err)
	}
	if len(root.Content) == 0 {
		return nil, nil
	}
	var out []Reference
	for key, value := range pairs(root.Content[0]) {
		if key != "jobs" {
			out = append(out, used(value, Reference{})...)
			continue
		}
		for job, body := range pairs(value) {
			out = append(out, used(body, Reference{Job: job, Environment: environmentOf(body)})...)
		}
	}
	slices.SortFunc(out, func(a, b Reference) int { return cmp.Or(cmp.Compare(a.Job, b.Job), cmp.Compare(a.Secret, b.Secret)) })
	return slices.Compact(out), nil
}

// pairs ranges over a mapping's keys and values.
func pairs(node *yaml.Node) func(func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		if node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, node.Content[i+1]) {
				return
			}
		}
	}
}

// environmentOf is the environment that a job names by its name.
func environmentOf(job *yaml.Node) string {
	for key, value := range pairs(job) {
		if key != "environment" {
			continue
		}
		name := value.Value
		for k, v := range pairs(value) {
			if k == "name" {
				name = v.Value
			}
		}
		if !strings.Contains(name, "${{") {
			return name
		}
	}
	return ""
}

// used finds the secrets in all values below a node.
func used(node *yaml.Node, at Reference) []Reference {
	var out []Reference
	if node.Kind == yaml.ScalarNode {
		for _, m := range secretUse.FindAllStringSubmatch(node.Value, -1) {
			at.Secret = strings.ToUpper(m[1] + m[2])
			if at.Secret != "GITHUB_TOKEN" {
				out = append(out, at)
			}
		}
	}
	if node.Kind == yaml.AliasNode {
		return nil // what it stands for is counted where it is
	}
	for _, child := range node.Content {
		out = append(out, used(child, at)...)
	}
	return out
}
