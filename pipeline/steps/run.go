package steps

import (
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
	Server     string // https://github.com
}

// ReadRun reads what GitHub Actions tells a job through its environment.
// DEPLOYCTL_REQUEST_ID is what the workflows add of their own.
func ReadRun(getenv func(string) string) Run {
	id, _ := strconv.ParseInt(getenv("GITHUB_RUN_ID"), 10, 64) // absent outside of a run
	attempt, _ := strconv.Atoi(getenv("GITHUB_RUN_ATTEMPT"))   // the same
	return Run{
		Repository: getenv("GITHUB_REPOSITORY"),
		Workflow:   workflowFile(getenv("GITHUB_WORKFLOW_REF"), getenv("GITHUB_WORKFLOW")),
		Event:      getenv("GITHUB_EVENT_NAME"),
		ID:         id, Attempt: attempt, SHA: getenv("GITHUB_SHA"),
		Ref: firstOf(getenv("GITHUB_REF_NAME"), refName(getenv("GITHUB_REF"))), Tag: strings.HasPrefix(getenv("GITHUB_REF"), "refs/tags/"),
		Actor:     firstOf(getenv("GITHUB_TRIGGERING_ACTOR"), getenv("GITHUB_ACTOR")),
		RequestID: getenv("DEPLOYCTL_REQUEST_ID"), Job: getenv("GITHUB_JOB"),
		Server: strings.TrimRight(getenv("GITHUB_SERVER_URL"), "/"),
	}
}

// URL is the run's page; empty outside of a run.
func (r Run) URL() string {
	if r.ID == 0 || r.Server == "" || r.Repository == "" {
		return ""
	}
	return fmt.Sprintf("%s/%s/actions/runs/%d", r.Server, r.Repository, r.ID)
}

// Request names what the run carries out: the request of the command that
// dispatched it, else the run itself, the same in every job and attempt.
func (r Run) Request() string {
	if r.RequestID != "" {
		return r.RequestID
	}
	return runLock + strconv.FormatInt(r.ID, 10)
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

// firstOf is the first text that is not empty.
func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
