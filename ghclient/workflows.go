package ghclient

import (
	"context"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const (
	mostWorkflowPages = 5
	mostRefPages      = 5 // 500 branches and 500 tags

	workflowFolder = ".github/workflows/"
)

type wireWorkflow struct {
	ID    int64 `json:"id"`
	Name  text  `json:"name"`
	Path  text  `json:"path"`
	State text  `json:"state"`
}

// Workflows lists the repository's workflows, deleted ones left out.
func (r *Reader) Workflows(ctx context.Context) ([]pipeline.Workflow, error) {
	type page struct {
		Workflows []wireWorkflow `json:"workflows"`
	}
	found := []pipeline.Workflow{}
	at := query(r.repoPath("actions", "workflows"), "per_page", strconv.Itoa(pageSize))
	_, err := pages(ctx, r, call{op: "list workflows", on: r.fullName()}, at, mostWorkflowPages, func(p page) bool {
		for _, w := range p.Workflows {
			if w.State != "deleted" {
				found = append(found, pipeline.Workflow{ID: w.ID, Name: string(w.Name), Path: string(w.Path), State: string(w.State)})
			}
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// WorkflowFile reads .github/workflows/file at a ref; empty: the default
// branch. Inputs of type environment get the repository's environments as
// options. A file that is no YAML is a KindInvalid that names the line.
func (r *Reader) WorkflowFile(ctx context.Context, file, ref string) (pipeline.WorkflowFile, error) {
	at := workflowFolder + file
	source, err := r.File(ctx, at, ref)
	if err != nil {
		return pipeline.WorkflowFile{}, err
	}
	parsed, err := parseWorkflow(source)
	if err != nil {
		e := pipeline.Errorf(pipeline.KindInvalid, "%w", err)
		e.Op = "read the workflow " + at
		return pipeline.WorkflowFile{}, e
	}
	parsed.Path, parsed.Ref = at, ref
	return parsed, r.addEnvironments(ctx, parsed.Inputs)
}

// addEnvironments fills the options of inputs that choose an environment.
func (r *Reader) addEnvironments(ctx context.Context, inputs []pipeline.Input) error {
	var names []string
	for i, in := range inputs {
		if in.Type != pipeline.InputEnvironment {
			continue
		}
		if names == nil {
			ws, err := r.listEnvironments(ctx)
			if err != nil {
				return err
			}
			names = make([]string, 0, len(ws))
			for _, w := range ws {
				names = append(names, string(w.Name))
			}
		}
		inputs[i].Options = names
	}
	return nil
}

// File reads a file of the repository as it is, unsanitised: it is for
// parsers. Where there is none it is a KindNotFound.
func (r *Reader) File(ctx context.Context, path, ref string) ([]byte, error) {
	where := "on the default branch"
	if ref != "" {
		where = "at " + ref
	}
	c := call{
		op:      "read " + path,
		on:      r.fullName(),
		missing: "there is no file " + path + " " + where,
	}
	escaped := (&url.URL{Path: strings.TrimPrefix(path, "/")}).EscapedPath()
	return r.bytes(ctx, r.raw, c, query(r.repoPath("contents")+"/"+escaped, "ref", ref))
}

type wireRef struct {
	Name   text `json:"name"`
	Commit struct {
		SHA text `json:"sha"`
	} `json:"commit"`
}

// Refs lists branches, then tags: up to 500 of each, in GitHub's order.
func (r *Reader) Refs(ctx context.Context) ([]pipeline.Ref, error) {
	branches, err := r.refs(ctx, "branches", false)
	if err != nil {
		return nil, err
	}
	tags, err := r.refs(ctx, "tags", true)
	return append(branches, tags...), err
}

// TagsOf lists the tags that name a commit, of all that there are: GitHub lists
// tags by name, so that any page may hold one.
func (r *Reader) TagsOf(ctx context.Context, sha string) ([]string, error) {
	var names []string
	at := query(r.repoPath("tags"), "per_page", strconv.Itoa(pageSize))
	_, err := pages(ctx, r, call{op: "list tags", on: r.fullName()}, at, math.MaxInt, func(p []wireRef) bool {
		for _, w := range p {
			if string(w.Commit.SHA) == sha {
				names = append(names, string(w.Name))
			}
		}
		return true
	})
	return names, err
}

func (r *Reader) refs(ctx context.Context, kind string, tag bool) ([]pipeline.Ref, error) {
	var found []pipeline.Ref
	at := query(r.repoPath(kind), "per_page", strconv.Itoa(pageSize))
	_, err := pages(ctx, r, call{op: "list " + kind, on: r.fullName()}, at, mostRefPages, func(p []wireRef) bool {
		for _, w := range p {
			found = append(found, pipeline.Ref{Name: string(w.Name), SHA: string(w.Commit.SHA), Tag: tag})
		}
		return true
	})
	return found, err
}
