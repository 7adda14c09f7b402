package ghclient

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rhysd/actionlint"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// parseWorkflow reads what a workflow's file declares. Mistakes that leave
// triggers or jobs readable are GitHub's to judge: it knows keys that the
// parser does not.
func parseWorkflow(source []byte) (pipeline.WorkflowFile, error) {
	w, problems := actionlint.Parse(source)
	if w == nil || len(w.On) == 0 && len(w.Jobs) == 0 {
		if len(problems) == 0 {
			return pipeline.WorkflowFile{}, errors.New("the file declares nothing")
		}
		p := problems[0]
		return pipeline.WorkflowFile{}, fmt.Errorf("line %d: %s", max(p.Line, 1), sanitise.Text(p.Message))
	}
	file := pipeline.WorkflowFile{Name: value(w.Name), Concurrency: group(w.Concurrency), Jobs: workflowJobs(w)}
	for _, event := range w.On {
		if dispatch, ok := event.(*actionlint.WorkflowDispatchEvent); ok {
			file.Dispatchable = true
			file.Inputs = dispatchInputs(dispatch)
		}
	}
	return file, nil
}

// dispatchInputs are the inputs in the order of the file, which the parser's
// map has lost and the positions still tell.
func dispatchInputs(dispatch *actionlint.WorkflowDispatchEvent) []pipeline.Input {
	declared := make([]*actionlint.DispatchInput, 0, len(dispatch.Inputs))
	for _, in := range dispatch.Inputs {
		declared = append(declared, in)
	}
	slices.SortFunc(declared, func(a, b *actionlint.DispatchInput) int { return byPosition(a.Name, b.Name) })
	var inputs []pipeline.Input
	for _, d := range declared {
		in := pipeline.Input{
			Name:        value(d.Name),
			Description: value(d.Description),
			Type:        inputType(d.Type),
			Required:    d.Required != nil && d.Required.Value,
			Default:     defaultValue(d.Default),
		}
		for _, o := range d.Options {
			in.Options = append(in.Options, value(o))
		}
		inputs = append(inputs, in)
	}
	return inputs
}

// defaultValue is empty for YAML's null, which the parser gives as its text.
func defaultValue(s *actionlint.String) string {
	if s != nil && !s.Quoted && slices.Contains([]string{"~", "null", "Null", "NULL"}, s.Value) {
		return ""
	}
	return value(s)
}

// inputType is string where the file names none.
func inputType(t actionlint.WorkflowDispatchEventInputType) pipeline.InputType {
	switch t {
	case actionlint.WorkflowDispatchEventInputTypeNumber:
		return pipeline.InputNumber
	case actionlint.WorkflowDispatchEventInputTypeBoolean:
		return pipeline.InputBoolean
	case actionlint.WorkflowDispatchEventInputTypeChoice:
		return pipeline.InputChoice
	case actionlint.WorkflowDispatchEventInputTypeEnvironment:
		return pipeline.InputEnvironment
	case actionlint.WorkflowDispatchEventInputTypeNone, actionlint.WorkflowDispatchEventInputTypeString:
	}
	return pipeline.InputString
}

// workflowJobs are the jobs in the order of the file.
func workflowJobs(w *actionlint.Workflow) []pipeline.WorkflowJob {
	declared := make([]*actionlint.Job, 0, len(w.Jobs))
	for _, job := range w.Jobs {
		declared = append(declared, job)
	}
	slices.SortFunc(declared, func(a, b *actionlint.Job) int { return byPosition(a.ID, b.ID) })
	var jobs []pipeline.WorkflowJob
	for _, d := range declared {
		job := pipeline.WorkflowJob{ID: value(d.ID), Name: value(d.Name), Concurrency: group(d.Concurrency)}
		for _, need := range d.Needs {
			job.Needs = append(job.Needs, value(need))
		}
		if d.Environment != nil {
			job.Environment = value(d.Environment.Name)
		}
		jobs = append(jobs, job)
	}
	return jobs
}

func byPosition(a, b *actionlint.String) int {
	switch {
	case a.Pos.IsBefore(b.Pos):
		return -1
	case b.Pos.IsBefore(a.Pos):
		return 1
	}
	return 0
}

// value is a string of the file as it is written, made safe: a boolean or
// number stays the text that GitHub is to be sent. What is absent is empty.
func value(s *actionlint.String) string {
	if s == nil {
		return ""
	}
	return sanitise.Text(s.Value)
}

func group(c *actionlint.Concurrency) string {
	if c == nil {
		return ""
	}
	return value(c.Group)
}
