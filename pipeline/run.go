package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// Repository is the GitHub repository that the console works on.
type Repository struct {
	Host, Owner, Name string
	DefaultBranch     string
	Private           bool
	URL               string
	Role              string // what the operator may do: admin, maintain, push, triage, pull
}

// FullName is OWNER/NAME.
func (r Repository) FullName() string { return r.Owner + "/" + r.Name }

// CanWrite reports whether the operator's role allows dispatch, re-run, cancel.
func (r Repository) CanWrite() bool {
	return slices.Contains([]string{"admin", "maintain", "push"}, r.Role)
}

// Viewer is the GitHub user whose token is in use.
type Viewer struct {
	Login string
	ID    int64
}

// RunStatus is GitHub's status of a run or job. The set is open: an unknown
// value is shown as it is.
type RunStatus string

// Statuses of runs, jobs and steps.
const (
	StatusQueued     RunStatus = "queued"
	StatusRequested  RunStatus = "requested"
	StatusPending    RunStatus = "pending" // behind another in its concurrency group
	StatusWaiting    RunStatus = "waiting" // held by an environment's rules
	StatusInProgress RunStatus = "in_progress"
	StatusCompleted  RunStatus = "completed"
)

// Conclusion is GitHub's conclusion of a completed run, job or step; open set.
type Conclusion string

// Conclusions of runs, jobs and steps.
const (
	ConclusionSuccess        Conclusion = "success"
	ConclusionFailure        Conclusion = "failure"
	ConclusionCancelled      Conclusion = "cancelled"
	ConclusionSkipped        Conclusion = "skipped"
	ConclusionNeutral        Conclusion = "neutral"
	ConclusionTimedOut       Conclusion = "timed_out"
	ConclusionActionRequired Conclusion = "action_required"
	ConclusionStale          Conclusion = "stale"
	ConclusionStartupFailure Conclusion = "startup_failure"
)

// RunStates are the statuses and conclusions that GitHub lists runs by.
func RunStates() []string {
	var out []string
	for _, s := range []RunStatus{StatusQueued, StatusRequested, StatusPending, StatusWaiting, StatusInProgress, StatusCompleted} {
		out = append(out, string(s))
	}
	for _, c := range []Conclusion{
		ConclusionSuccess, ConclusionFailure, ConclusionCancelled, ConclusionSkipped, ConclusionNeutral,
		ConclusionTimedOut, ConclusionActionRequired, ConclusionStale, ConclusionStartupFailure,
	} {
		out = append(out, string(c))
	}
	return out
}

// Run is one run of a workflow, at its newest attempt.
type Run struct {
	ID              int64
	Repository      string // OWNER/NAME where it is another than the console's own; empty: its own
	Workflow        string // file name below .github/workflows: ci.yml
	WorkflowID      int64
	Name            string // the workflow's name
	Title           string // display title: run-name or the commit's subject
	Number          int
	Attempt         int
	Event           string
	Status          RunStatus
	Conclusion      Conclusion
	Branch          string // head branch or tag
	SHA             string // head commit, 40 hex digits
	CommitTitle     string
	Actor           string // who caused the run
	TriggeringActor string // who caused this attempt
	Created         time.Time
	Started         time.Time // of this attempt
	Updated         time.Time
	URL             string
}

// Done reports whether the run has ended.
func (r Run) Done() bool { return r.Status == StatusCompleted }

// Failed reports whether the run ended badly: neither success nor a person's or a queue's doing.
func (r Run) Failed() bool { return r.Conclusion.Bad() }

// Ended is when the run completed, as GitHub tells it (updated_at); zero while it runs.
func (r Run) Ended() time.Time {
	if !r.Done() {
		return time.Time{}
	}
	return r.Updated
}

// Bad reports whether a conclusion means that something went wrong.
func (c Conclusion) Bad() bool {
	switch c {
	case ConclusionFailure, ConclusionTimedOut, ConclusionStartupFailure, ConclusionActionRequired:
		return true
	case ConclusionSuccess, ConclusionCancelled, ConclusionSkipped, ConclusionNeutral, ConclusionStale:
	}
	return false
}

// RunKey names one attempt of a run.
type RunKey struct {
	ID      int64
	Attempt int
}

// MarshalText writes the key as ID/ATTEMPT, for maps in JSON.
func (k RunKey) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%d/%d", k.ID, k.Attempt), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *RunKey) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "%d/%d", &k.ID, &k.Attempt)
	return err
}

// Key names the run's newest attempt.
func (r Run) Key() RunKey { return RunKey{r.ID, r.Attempt} }

// RunQuery selects runs; zero fields do not filter.
type RunQuery struct {
	Workflow, Branch, Actor, Event, Status, SHA string
	CreatedFrom, CreatedUntil                   time.Time
	Limit                                       int // at most this many, newest first; 0: one page of 50
}

// RunList is what a query found.
type RunList struct {
	Runs  []Run
	Total int // how many match in all, of which Runs are the newest
}

// Job is one job of a run's attempt.
type Job struct {
	ID         int64
	RunID      int64
	Attempt    int
	Name       string
	Status     RunStatus
	Conclusion Conclusion
	Created    time.Time
	Started    time.Time
	Completed  time.Time
	Runner     string
	URL        string
	Steps      []Step
}

// Step is one step of a job.
type Step struct {
	Number     int
	Name       string
	Status     RunStatus
	Conclusion Conclusion
	Started    time.Time
	Completed  time.Time
}

// JobLog is the log of a finished job.
type JobLog struct {
	JobID int64
	Lines []LogText
}

// LogText is one line of a job's log.
type LogText struct {
	At     time.Time       // zero where the line has no timestamp
	Text   string          // without escape sequences or control characters
	Colour []sanitise.Span // how parts of Text looked: colours and emphasis, nothing else of its escape sequences
}

// Annotation is a message that a job left on a file or on itself.
type Annotation struct {
	Level, Path, Title, Message string // Level is notice, warning or failure
	Line                        int
}

// Artifact is a file archive that a run left behind.
type Artifact struct {
	ID      int64
	Name    string
	Bytes   int64 // of the archive
	Created time.Time
	Expires time.Time
	Expired bool // GitHub has deleted what was in it
	Digest  string
}

// Size is the archive's size as people say it: 812 B, 34 kB, 2.1 MB.
func (a Artifact) Size() string {
	switch n := float64(a.Bytes); {
	case n < 1e3:
		return fmt.Sprintf("%d B", a.Bytes)
	case n < 1e6:
		return fmt.Sprintf("%.0f kB", n/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.1f MB", n/1e6)
	default:
		return fmt.Sprintf("%.1f GB", n/1e9)
	}
}

// Workflow is a workflow of the repository.
type Workflow struct {
	ID    int64
	Name  string
	Path  string // .github/workflows/ci.yml
	State string // active, disabled_manually, …
}

// File is the workflow's file name.
func (w Workflow) File() string { return w.Path[strings.LastIndexByte(w.Path, '/')+1:] }

// WorkflowFile is what a workflow's file says at one ref.
type WorkflowFile struct {
	Path, Ref    string
	Name         string
	Dispatchable bool // has workflow_dispatch
	Inputs       []Input
	Concurrency  string // the group expression of the whole workflow; empty: none
	Jobs         []WorkflowJob
}

// Input returns the declared input of that name.
func (f WorkflowFile) Input(name string) (Input, bool) {
	i := slices.IndexFunc(f.Inputs, func(in Input) bool { return in.Name == name })
	if i < 0 {
		return Input{}, false
	}
	return f.Inputs[i], true
}

// WorkflowJob is a job as the file declares it.
type WorkflowJob struct {
	ID, Name    string
	Needs       []string
	Environment string // empty: names none; an expression is kept as written
	Concurrency string
}

// InputType is the type of a workflow_dispatch input.
type InputType string

// Types of workflow_dispatch inputs, as GitHub documents them.
const (
	InputString      InputType = "string"
	InputBoolean     InputType = "boolean"
	InputChoice      InputType = "choice"
	InputNumber      InputType = "number"
	InputEnvironment InputType = "environment"
)

// Input is one workflow_dispatch input, in the order of the file.
type Input struct {
	Name        string
	Description string
	Type        InputType
	Required    bool
	Default     string
	Options     []string // of a choice; of an environment, the repository's environments
}

// Ref is a branch or tag.
type Ref struct {
	Name string
	SHA  string
	Tag  bool
}

// Commit is one commit.
type Commit struct {
	SHA       string
	Tree      string // tree SHA: two commits with one tree are the same release
	Title     string // first line of the message
	Message   string
	Author    string // login where GitHub knows it, else the name
	Authored  time.Time
	Committed time.Time
	Parents   []string
}

// Comparison is what lies between two commits.
type Comparison struct {
	Base, Head    string
	Status        string // ahead, behind, diverged, identical
	Ahead, Behind int
	Commits       []Commit // oldest first; at most what the API gives
	Files         []ChangedFile
	Truncated     bool // the API held back commits or files
	FilesCut      bool // it held back files
}

// ChangedFile is one file of a comparison.
type ChangedFile struct {
	Path, Previous, Status string
	Additions, Deletions   int
}

// PublishedRelease is a GitHub release.
type PublishedRelease struct {
	Tag, Name, Body, Target, URL string
	Draft, Prerelease            bool
	Created, Published           time.Time
}

// ConcurrencyGroup is a queue that GitHub keeps: one holds it, one waits.
type ConcurrencyGroup struct {
	Name    string
	Members []GroupMember
}

// GroupMember is a run or job in a concurrency group.
type GroupMember struct {
	RunID, JobID int64
	JobName      string
	Position     int
	Status       RunStatus
}

// RateBudget is what remains of a source's allowance.
type RateBudget struct {
	Limit, Remaining int
	Reset            time.Time
	Sent, Counted    int64 // requests by this process: all, and those that were not a free 304
}

// Short abbreviates a SHA to the seven digits that people read out.
func Short(sha string) string {
	if len(sha) > 7 {
		return sha[:7]
	}
	return sha
}
