package steps

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Run is the workflow run that a step belongs to, as the GITHUB_* variables
// say. It is zero where a step is called by hand.
type Run struct {
	Repository string // OWNER/NAME
	Workflow   string // file name: cd-production.yml
	Event      string // push, workflow_dispatch, pull_request
	ID         int64
	Attempt    int
	SHA        string // full
	Ref        string // branch or tag
	Tag        bool   // Ref is a tag
	Actor      string // who caused this attempt
	RequestID  string // of the request that caused the run; empty: none
	Job        string
	URL        string // of the run's page
}

// ReadRun reads what GitHub Actions tells a job through its environment.
// DEPLOYCTL_REQUEST_ID is what the workflows add of their own.
func ReadRun(getenv func(string) string) Run {
	id, _ := strconv.ParseInt(getenv("GITHUB_RUN_ID"), 10, 64) // absent outside of a run
	attempt, _ := strconv.Atoi(getenv("GITHUB_RUN_ATTEMPT"))   // the same
	r := Run{
		Repository: getenv("GITHUB_REPOSITORY"),
		Workflow:   workflowFile(getenv("GITHUB_WORKFLOW_REF"), getenv("GITHUB_WORKFLOW")),
		Event:      getenv("GITHUB_EVENT_NAME"),
		ID:         id, Attempt: attempt, SHA: getenv("GITHUB_SHA"),
		Ref: cmp.Or(getenv("GITHUB_REF_NAME"), refName(getenv("GITHUB_REF"))), Tag: strings.HasPrefix(getenv("GITHUB_REF"), "refs/tags/"),
		Actor:     cmp.Or(getenv("GITHUB_TRIGGERING_ACTOR"), getenv("GITHUB_ACTOR")),
		RequestID: getenv("DEPLOYCTL_REQUEST_ID"), Job: getenv("GITHUB_JOB"),
	}
	if server := strings.TrimRight(getenv("GITHUB_SERVER_URL"), "/"); server != "" && id != 0 {
		r.URL = fmt.Sprintf("%s/%s/actions/runs/%d", server, r.Repository, id)
	}
	return r
}

// workflowFile takes the file out of OWNER/NAME/.github/workflows/FILE@REF.
func workflowFile(ref, name string) string {
	path, _, _ := strings.Cut(ref, "@")
	if i := strings.LastIndex(path, "/"); i >= 0 {
		return path[i+1:]
	}
	return name
}

func refName(ref string) string {
	return strings.TrimPrefix(strings.TrimPrefix(ref, "refs/heads/"), "refs/tags/")
}
