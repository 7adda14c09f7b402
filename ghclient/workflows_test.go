package ghclient

import (
	"reflect"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func TestWorkflows(t *testing.T) {
	g := newRegistry(t)
	g.get("/actions/workflows?per_page=100", `{"total_count":3,"workflows":[{"id":1,"name":"CI","path":".github/workflows/ci.yml","state":"active"},
		{"id":2,"name":"Old","path":".github/workflows/old.yml","state":"deleted"},{"id":3,"name":"Off","path":".github/workflows/off.yml","state":"disabled_manually"}]}`)
	got, err := g.reader().Workflows(t.Context())
	want := []pipeline.Workflow{
		{ID: 1, Name: "CI", Path: ".github/workflows/ci.yml", State: "active"},
		{ID: 3, Name: "Off", Path: ".github/workflows/off.yml", State: "disabled_manually"},
	}
	if err != nil || !reflect.DeepEqual(got, want) || got[0].File() != "ci.yml" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFile(t *testing.T) {
	const body = "a: \"\\u001b\"\n\xff\x1b" // as it is: escapes and broken bytes too
	g := newRegistry(t)
	g.get("/contents/.github/a%20b/c%23.yml?ref=feature/x", body).with("Content-Type", "application/vnd.github.raw+json; charset=utf-8")
	got, err := g.reader().File(t.Context(), ".github/a b/c#.yml", "feature/x")
	if err != nil || string(got) != body {
		t.Errorf("got %q, %v", got, err)
	}
	if accept := g.last().header.Get("Accept"); accept != "application/vnd.github.raw+json" {
		t.Errorf("Accept is %q", accept)
	}
}

func TestMissingFile(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/repos/acme/shop/contents/.github/deployctl.yml", 404, `{"message":"Not Found"}`).always()
	r := g.reader()
	_, err := r.File(t.Context(), ".github/deployctl.yml", "")
	fails(t, err, pipeline.KindNotFound, "there is no file .github/deployctl.yml on the default branch")
	_, err = r.File(t.Context(), ".github/deployctl.yml", "v1")
	fails(t, err, pipeline.KindNotFound, "there is no file .github/deployctl.yml at v1")
}

const rollbackFile = `# comments stay out
name: "Rollback \u001b[31m"
run-name: Rollback [req ${{ inputs.request_id }}]
on:
  schedule:
    - cron: "0 3 * * *"
  workflow_dispatch:
    inputs:
      Zeta:
        description: |
          the deployment to restore
        required: true
      environment:
        type: environment
        default: production
      level:
        type: choice
        options: [info, &w warn, 3, *w]
        default: warn
      dry_run: {type: boolean, default: false, required: true}
      count:
        type: number
        default: 010
      alpha:
        default: ~
      quoted:
        default: "null"
      bare:
concurrency:
  group: rollback-${{ inputs.environment }}
  cancel-in-progress: false
jobs:
  restore:
    name: Restore
    needs: [check, "save"]
    environment:
      name: production-deploy
      url: https://x
    concurrency: restore
  check:
    environment: ${{ inputs.environment }}
  save:
    needs: check
    unknown-key: 1
`

func TestWorkflowFile(t *testing.T) {
	g := newRegistry(t)
	g.get("/contents/.github/workflows/rollback.yml?ref=main", rollbackFile)
	g.get("/environments", `{"environments":[{"id":1,"name":"staging"},{"id":2,"name":"production"}]}`)
	got, err := g.reader().WorkflowFile(t.Context(), "rollback.yml", "main")
	want := pipeline.WorkflowFile{
		Path: ".github/workflows/rollback.yml", Ref: "main", Name: "Rollback ", Dispatchable: true,
		Concurrency: "rollback-${{ inputs.environment }}",
		Inputs: []pipeline.Input{
			{Name: "Zeta", Description: "the deployment to restore", Type: "string", Required: true},
			{Name: "environment", Type: "environment", Default: "production", Options: []string{"staging", "production"}},
			{Name: "level", Type: "choice", Default: "warn", Options: []string{"info", "warn", "3", "warn"}},
			{Name: "dry_run", Type: "boolean", Default: "false", Required: true},
			{Name: "count", Type: "number", Default: "010"},
			{Name: "alpha", Type: "string"},
			{Name: "quoted", Type: "string", Default: "null"},
			{Name: "bare", Type: "string"},
		},
		Jobs: []pipeline.WorkflowJob{
			{ID: "restore", Name: "Restore", Needs: []string{"check", "save"}, Environment: "production-deploy", Concurrency: "restore"},
			{ID: "check", Environment: "${{ inputs.environment }}"},
			{ID: "save", Needs: []string{"check"}},
		},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

func TestDispatchable(t *testing.T) {
	tests := []struct {
		on     string
		want   bool
		inputs int
	}{
		{"on: workflow_dispatch", true, 0},
		{"on: push", false, 0},
		{"on: [push]", false, 0},
		{"on: [push, workflow_dispatch]", true, 0},
		{"'on': {workflow_dispatch: }", true, 0},
		{"on:\n  push:\n    branches: [workflow_dispatch]", false, 0},
		{"on:\n  workflow_dispatch:\n    inputs:\n      a: {}\n      b:", true, 2},
		{"on:\n  workflow_call:\n    inputs:\n      a: {}", false, 0},
		{"on:\njobs: {a: {}}", false, 0},
		{"jobs: {a: {}}", false, 0},
	}
	for _, tt := range tests {
		got, err := parseWorkflow([]byte(tt.on + "\n"))
		if err != nil || got.Dispatchable != tt.want || len(got.Inputs) != tt.inputs {
			t.Errorf("%s: got %v with %d inputs, %v", tt.on, got.Dispatchable, len(got.Inputs), err)
		}
	}
}

func TestBrokenWorkflowFile(t *testing.T) {
	tests := []struct{ name, source, says string }{
		{"not YAML", "on: [push\njobs: }\n", "line "},
		{"empty", "", "workflow is empty"},
		{"only a comment", "# nothing\n", "workflow is empty"},
		{"a list", "- on: push\n", "line 1: "},
		{"a text", "\n\nhello\n", "line 3: "},
		{"no triggers and no jobs", "name: x\n", "\"on\" section is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newRegistry(t)
			g.get("/contents/.github/workflows/x.yml", tt.source)
			_, err := g.reader().WorkflowFile(t.Context(), "x.yml", "")
			fails(t, err, pipeline.KindInvalid, "cannot read the workflow .github/workflows/x.yml: ", tt.says)
		})
	}
}

func FuzzParseWorkflow(f *testing.F) {
	f.Add([]byte(rollbackFile))
	f.Add([]byte("on: &a [*a]\njobs: {a: {needs: *a}}"))
	f.Fuzz(func(_ *testing.T, source []byte) {
		_, _ = parseWorkflow(source) // must not panic
	})
}
