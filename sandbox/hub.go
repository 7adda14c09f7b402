package sandbox

import (
	"strings"
	"time"

	"github.com/rhysd/actionlint"
)

// Hub is the GitHub side of the world: one repository with everything that
// belongs to it. It is guarded by the World's mutex.
type Hub struct {
	Repository   *Repository
	Users        []*User
	Team         *Team
	Workflows    []*Workflow
	Runs         []*Run // oldest first
	Environments []*Environment
	Deployments  []*Deployment // oldest first
	Statuses     map[string][]*CommitStatus
	Releases     []*Release // oldest first
	Secrets      []*Secret
	Variables    []*Variable
}

// User is an account.
type User struct {
	ID    int64
	Login string
	Name  string
	Email string
	Role  string // admin, maintain, write, triage, read
	Bot   bool
}

// Team is the one team that may review production.
type Team struct {
	ID         int64
	Slug, Name string
	Members    []string
}

// Repository is acme/shop with its git objects.
type Repository struct {
	ID            int64
	Owner, Name   string
	Description   string
	DefaultBranch string
	Created       time.Time
	Pushed        time.Time
	Commits       map[string]*Commit // by SHA
	Trees         map[string]Tree    // by SHA
	Blobs         map[string]string  // content by SHA
	Refs          map[string]string  // "heads/main" → SHA
	Reticent      bool               // does not say what a token may do in it
	Limited       bool               // its plan has no protection rules
}

// FullName is OWNER/NAME.
func (r *Repository) FullName() string { return r.Owner + "/" + r.Name }

// Commit is a git commit. Files is the whole tree at that commit.
type Commit struct {
	SHA       string
	TreeSHA   string
	Parents   []string
	Message   string
	Author    *User
	Committed time.Time
	Files     map[string]string // path → blob SHA
}

// Title is the first line of the message.
func (c *Commit) Title() string {
	title, _, _ := strings.Cut(c.Message, "\n")
	return title
}

// Tree is one directory of a commit.
type Tree []TreeEntry

// TreeEntry is a file or a directory in a Tree.
type TreeEntry struct {
	Name string
	Mode string // 100644, 040000
	SHA  string
}

// Workflow is a workflow file as GitHub lists it.
type Workflow struct {
	ID      int64
	Name    string
	Path    string // .github/workflows/ci.yml
	State   string // active, disabled_manually
	Created time.Time
	Updated time.Time
	runs    int // run numbers given
}

// File is the last part of the path.
func (w *Workflow) File() string { return w.Path[strings.LastIndex(w.Path, "/")+1:] }

// Run is a workflow run; Attempts holds every attempt, the last one is current.
type Run struct {
	ID         int64
	Workflow   *Workflow
	Number     int
	Event      string // push, pull_request, workflow_dispatch
	Branch     string // head_branch: a branch or tag name
	Ref        string // refs/heads/main, refs/tags/v1.2.0
	SHA        string
	Title      string // display_title
	Actor      *User
	Inputs     map[string]any
	Created    time.Time
	Updated    time.Time
	CheckSuite int64
	Attempts   []*Attempt
	Reviews    []*Review
	// Group is the concurrency group that the run is in, empty when none.
	Group            string
	CancelInProgress bool
	file             *workflowFile
	external         bool     // its jobs wait for a runner outside of the world
	rollout          *rollout // what its deploy steps do; nil before prepare
}

// Attempt is one execution of a run.
type Attempt struct {
	Number     int
	Triggering *User
	Started    time.Time
	Updated    time.Time
	Status     string // requested, queued, pending, waiting, in_progress, completed
	Conclusion string // success, failure, cancelled, …; empty until completed
	Jobs       []*Job
	context    object // github, as expressions see it; nil until one does
}

// Attempt is the current attempt.
func (r *Run) Attempt() *Attempt { return r.Attempts[len(r.Attempts)-1] }

// Job is one job of an attempt. Its id is also its check run's id.
type Job struct {
	ID          int64
	Run         *Run
	Attempt     int
	Key         string // id in the workflow file
	Name        string
	Status      string // queued, pending, waiting, in_progress, completed
	Conclusion  string
	Created     time.Time
	Started     time.Time
	Completed   time.Time
	Runner      string
	Labels      []string
	Needs       []string // keys
	Environment string   // "" when it names none
	Steps       []*Step
	Deployment  *Deployment // the one that GitHub makes for its environment
	Outputs     map[string]string
	Annotations []Annotation
	Group       string
	// Approved is when a reviewer let it pass, TimerEnds when the wait timer
	// does; zero when that has not happened or is not needed.
	Approved  time.Time
	TimerEnds time.Time
	spec      *actionlint.Job
	matrix    map[string]string
	// scope is what its expressions see before it starts: all that it needs has
	// ended when it is made.
	scope scope
}

// Step is one step of a job.
type Step struct {
	Number     int
	Name       string
	Status     string
	Conclusion string
	Started    time.Time
	Completed  time.Time
	Command    string // what a `run` step runs; "" for an action
	Uses       string
	Output     []OutputLine     // what its effect wrote
	verb       string           // of "gh deployctl step VERB"; "" for anything else
	failed     *failedTest      // what it found; nil: nothing, or it runs no tests of Python
	spec       *actionlint.Step // nil for what the runner does by itself
}

// OutputLine is a line of a step's log.
type OutputLine struct {
	At   time.Time
	Text string
}

// Annotation is a message on a check run.
type Annotation struct {
	Path    string
	Line    int
	Level   string // notice, warning, failure
	Title   string
	Message string
}

// Review is an answer to a pending deployment.
type Review struct {
	State        string // approved, rejected
	Comment      string
	User         *User
	Environments []*Environment
	At           time.Time
	Attempt      int
}

// Environment is a GitHub environment with its protection.
type Environment struct {
	ID            int64
	Name          string
	Created       time.Time
	Reviewers     []string // logins; "team:SLUG" for a team
	NoSelfReview  bool
	WaitTimer     int // minutes
	Policies      []BranchPolicy
	ProtectedOnly bool
	AdminBypass   bool
	Secrets       []*Secret
	Variables     []*Variable
}

// BranchPolicy names the refs that may deploy.
type BranchPolicy struct {
	ID   int64
	Name string
	Type string // branch, tag
}

// Deployment is a GitHub deployment. Those with task deployctl are rollouts,
// those with task deploy were made by GitHub for a job.
type Deployment struct {
	ID          int64
	SHA         string
	Ref         string
	Task        string
	Environment string
	Description string
	Creator     *User
	Created     time.Time
	Updated     time.Time
	Payload     any
	Production  bool
	Transient   bool
	Statuses    []*DeploymentStatus // oldest first
}

// State is the newest status' state, or "" when it has none.
func (d *Deployment) State() string {
	if len(d.Statuses) == 0 {
		return ""
	}
	return d.Statuses[len(d.Statuses)-1].State
}

// DeploymentStatus is one state that a deployment went through.
type DeploymentStatus struct {
	ID             int64
	State          string
	Description    string
	LogURL         string
	EnvironmentURL string
	Creator        *User
	Created        time.Time
}

// CommitStatus is a status that an external system set on a commit.
type CommitStatus struct {
	ID          int64
	State       string
	Context     string
	Description string
	Created     time.Time
	Creator     *User
}

// Release is a GitHub release.
type Release struct {
	ID         int64
	Tag        string
	Target     string
	Name       string
	Body       string
	Draft      bool
	Prerelease bool
	ByVersion  bool // it is the latest only if no other has a higher version
	Author     *User
	Created    time.Time
	Published  time.Time
}

// Secret is a sealed secret: Value is what was opened with the sandbox's own
// private key, kept so that tests can prove that clients seal correctly.
type Secret struct {
	Name    string
	Value   string
	Created time.Time
	Updated time.Time
}

// Variable is a plain configuration value.
type Variable struct {
	Name    string
	Value   string
	Created time.Time
	Updated time.Time
}
