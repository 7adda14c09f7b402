package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/rhysd/actionlint"
)

// workflowFile is a parsed workflow file as it stands at some commit.
type workflowFile struct {
	syntax *actionlint.Workflow
	jobs   []*actionlint.Job // in the order of the file
	ours   bool              // some step of it is one of this product
	parsed sync.Map          // its expressions, read: text to actionlint.ExprNode, nil where it cannot be read
}

// parseWorkflow reads a workflow file; it fails with the first error in it.
func parseWorkflow(source string) (*workflowFile, error) {
	syntax, problems := actionlint.Parse([]byte(source))
	if len(problems) > 0 {
		return nil, problems[0]
	}
	if syntax == nil {
		return nil, errors.New("the workflow file is empty")
	}
	jobs := slices.SortedFunc(maps.Values(syntax.Jobs), func(a, b *actionlint.Job) int {
		return cmp.Compare(a.Pos.Line, b.Pos.Line)
	})
	return &workflowFile{syntax: syntax, jobs: jobs, ours: deployctlStep.MatchString(source)}, nil
}

// name is the workflow's own name, or else the path of its file.
func (f *workflowFile) name(path string) string {
	if f.syntax.Name != nil && f.syntax.Name.Value != "" {
		return f.syntax.Name.Value
	}
	return path
}

// dispatch is the workflow_dispatch trigger; nil when there is none.
func (f *workflowFile) dispatch() *actionlint.WorkflowDispatchEvent {
	for _, event := range f.syntax.On {
		if dispatch, ok := event.(*actionlint.WorkflowDispatchEvent); ok {
			return dispatch
		}
	}
	return nil
}

// triggeredByPush reports whether a push to a ref (refs/heads/… or refs/tags/…)
// starts the workflow.
func (f *workflowFile) triggeredByPush(ref string) bool {
	for _, event := range f.syntax.On {
		hook, ok := event.(*actionlint.WebhookEvent)
		if !ok || hook.Hook.Value != "push" {
			continue
		}
		branch, isBranch := strings.CutPrefix(ref, "refs/heads/")
		tag, _ := strings.CutPrefix(ref, "refs/tags/")
		noFilter := hook.Branches == nil && hook.Tags == nil
		if isBranch {
			return noFilter || matches(hook.Branches, branch)
		}
		return noFilter || matches(hook.Tags, tag)
	}
	return false
}

func matches(filter *actionlint.WebhookEventFilter, name string) bool {
	if filter == nil {
		return false
	}
	for _, pattern := range filter.Values {
		if ok, err := doublestar.Match(pattern.Value, name); err == nil && ok {
			return true
		}
	}
	return false
}

// checkInputs fills in defaults and refuses what GitHub refuses. The error's
// text is GitHub's.
func (f *workflowFile) checkInputs(given map[string]any) (object, error) {
	declared := f.dispatch().Inputs
	var unexpected []string
	for name := range given {
		if declared[strings.ToLower(name)] == nil {
			unexpected = append(unexpected, fmt.Sprintf("%q", name))
		}
	}
	if len(unexpected) > 0 {
		slices.Sort(unexpected)
		return nil, fmt.Errorf("Unexpected inputs provided: [%s]", strings.Join(unexpected, ", ")) //nolint:staticcheck // GitHub's words
	}
	inputs := object{}
	for _, key := range sortedKeys(declared) {
		input := declared[key]
		value, ok := given[input.Name.Value]
		if !ok && input.Default != nil {
			value, ok = input.Default.Value, true
		}
		if text := textOf(value); !ok || text == "" {
			if input.Required != nil && input.Required.Value {
				return nil, fmt.Errorf("Required input '%s' not provided", input.Name.Value) //nolint:staticcheck // GitHub's words
			}
		}
		if err := checkInput(input, textOf(value)); err != nil {
			return nil, err
		}
		inputs[input.Name.Value] = typedInput(input, value)
	}
	return inputs, nil
}

func checkInput(input *actionlint.DispatchInput, value string) error {
	name := input.Name.Value
	listed := func(o *actionlint.String) bool { return o.Value == value }
	switch {
	case value == "":
	case input.Type == actionlint.WorkflowDispatchEventInputTypeChoice:
		if !slices.ContainsFunc(input.Options, listed) {
			return fmt.Errorf("Provided value '%s' for input '%s' not in the list of allowed values", value, name) //nolint:staticcheck // GitHub's words
		}
	case input.Type == actionlint.WorkflowDispatchEventInputTypeBoolean:
		if value != "true" && value != "false" {
			return fmt.Errorf("Provided value '%s' for input '%s' is not a boolean", value, name) //nolint:staticcheck // GitHub's words
		}
	}
	return nil
}

func typedInput(input *actionlint.DispatchInput, value any) any {
	if input.Type == actionlint.WorkflowDispatchEventInputTypeBoolean {
		return textOf(value) == "true"
	}
	return textOf(value)
}

// combinations are the values of a job's matrix; one empty combination when it
// has none.
func combinations(job *actionlint.Job) []map[string]string {
	all := []map[string]string{{}}
	if job.Strategy == nil || job.Strategy.Matrix == nil {
		return all
	}
	matrix := job.Strategy.Matrix
	for _, key := range sortedKeys(matrix.Rows) {
		var next []map[string]string
		for _, combination := range all {
			for _, value := range matrix.Rows[key].Values {
				extended := maps.Clone(combination)
				extended[matrix.Rows[key].Name.Value] = rawText(value)
				next = append(next, extended)
			}
		}
		if len(next) > 0 {
			all = next
		}
	}
	if matrix.Include == nil {
		return all
	}
	return include(all, len(matrix.Rows) == 0, matrix.Include.Combinations)
}

// include adds a matrix's extra combinations: one that contradicts none of a
// row's values extends that row, and one that fits nowhere is a row of its own.
func include(rows []map[string]string, empty bool, extra []*actionlint.MatrixCombination) []map[string]string {
	if empty {
		rows = nil
	}
	own := len(rows)
	for _, combination := range extra {
		values := map[string]string{}
		for _, assign := range combination.Assigns {
			values[assign.Key.Value] = rawText(assign.Value)
		}
		fits := false
		for _, row := range rows[:own] {
			contradicts := slices.ContainsFunc(sortedKeys(values), func(key string) bool { return row[key] != "" && row[key] != values[key] })
			if !contradicts {
				maps.Copy(row, values)
				fits = true
			}
		}
		if !fits {
			rows = append(rows, values)
		}
	}
	return rows
}

// rawText is a YAML scalar as it was written.
func rawText(value actionlint.RawYAMLValue) string {
	if text, isText := value.(*actionlint.RawYAMLString); isText {
		return text.Value
	}
	return value.String()
}

// deployctlStep finds which step of this product a command runs, if any.
var deployctlStep = regexp.MustCompile(`\bdeployctl\s+step\s+([a-z]+)`)

// optionalDryRun is how a command passes --dry-run only when a variable is set.
var optionalDryRun = regexp.MustCompile(`\$\{\w+:\+--dry-run\}`)

// isDryRun reports whether a command is told to change nothing.
func isDryRun(command string, inputs object) bool {
	if optionalDryRun.MatchString(command) && truthy(inputs["dry_run"]) {
		return true
	}
	return strings.Contains(optionalDryRun.ReplaceAllString(command, ""), "--dry-run")
}

// serviceFlag finds the one service that a command is limited to.
var serviceFlag = regexp.MustCompile(`--service[= ]+"?([a-z][a-z-]*)`)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
