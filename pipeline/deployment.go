package pipeline

import (
	"slices"
	"time"
)

// DeploymentTask is the task name of the one GitHub deployment that stands for
// a rollout. Jobs that name an environment make deployments of their own, with
// other tasks; every reader filters on this one.
const DeploymentTask = "deployctl"

// Deployment is a GitHub deployment: the record of one rollout.
type Deployment struct {
	ID          int64
	SHA, Ref    string
	Task        string
	Environment string
	Creator     string
	Description string
	Created     time.Time
	Updated     time.Time
	Payload     Payload
	Statuses    []DeploymentStatus // newest first
}

// DeploymentStatus is one status of a deployment.
type DeploymentStatus struct {
	State       string // queued, pending, in_progress, success, failure, error, inactive
	Description string
	LogURL      string
	Creator     string
	Created     time.Time
}

// State is the newest status; empty where there is none yet.
func (d Deployment) State() string {
	if len(d.Statuses) == 0 {
		return ""
	}
	return d.Statuses[0].State
}

// Succeeded reports whether the deployment ever reached success. An inactive
// one did before another took its place (docs.github.com: auto_inactive).
func (d Deployment) Succeeded() bool {
	return slices.ContainsFunc(d.Statuses, func(s DeploymentStatus) bool {
		return s.State == "success" || s.State == "inactive"
	})
}

// SucceededAt is when the deployment first reached success; zero: never.
func (d Deployment) SucceededAt() time.Time {
	for _, s := range slices.Backward(d.Statuses) {
		if s.State == "success" {
			return s.Created
		}
	}
	return time.Time{}
}

// Payload is what step prepare writes into a rollout's deployment. It is the
// record that a rollback restores.
type Payload struct {
	Schema     int                      `json:"schema"`
	Kind       string                   `json:"kind"` // deploy or rollback
	Version    string                   `json:"version,omitempty"`
	RequestID  string                   `json:"request_id,omitempty"`
	RunID      int64                    `json:"run_id,omitempty"`
	RunAttempt int                      `json:"run_attempt,omitempty"`
	Services   map[string]ServiceTarget `json:"services,omitempty"`
	Before     *PayloadBefore           `json:"before,omitempty"`
	Snapshot   string                   `json:"snapshot,omitempty"`    // database snapshot taken before the change
	RollbackOf int64                    `json:"rollback_of,omitempty"` // the deployment left
	To         int64                    `json:"to,omitempty"`          // the deployment whose state is restored
	Reason     string                   `json:"reason,omitempty"`      // of a rollback, whole: it names the request and the journal's head
}

// PayloadBefore is what ran when the rollout began.
type PayloadBefore struct {
	SHA      string                   `json:"sha,omitempty"`
	Services map[string]ServiceTarget `json:"services,omitempty"`
}

// ServiceTarget is what a service runs, or is to run.
type ServiceTarget struct {
	TaskDefinition string `json:"task_definition,omitempty"`
	Image          string `json:"image,omitempty"` // digest: sha256:…
	Desired        int    `json:"desired,omitempty"`
}

// DeploymentQuery selects deployments of one environment; zero fields do not filter.
type DeploymentQuery struct {
	Environment string
	Task        string
	SHA         string
	CreatedFrom time.Time // none that is older
	Limit       int       // newest first; 0: one page of 30
}

// PendingApproval is an environment that holds a run until somebody decides or
// its timer passes.
type PendingApproval struct {
	RunID         int64
	EnvironmentID int64
	Environment   string
	WaitTimer     time.Duration
	WaitStarted   time.Time
	CanApprove    bool // the operator is a reviewer, as GitHub says
	Reviewers     []Reviewer
}

// TimerEnds is when the wait timer passes; zero where there is none.
func (p PendingApproval) TimerEnds() time.Time {
	if p.WaitTimer == 0 || p.WaitStarted.IsZero() {
		return time.Time{}
	}
	return p.WaitStarted.Add(p.WaitTimer)
}

// Reviewer is a user or team that may approve.
type Reviewer struct {
	Name string
	Team bool
}

// Review is a decision that was made about a run's environments.
type Review struct {
	State        string // approved, rejected, pending
	Comment      string
	User         string
	Environments []string
}

// ProtectionRules are what GitHub asks before a job may enter an environment.
type ProtectionRules struct {
	Environment       string
	ID                int64
	Reviewers         []Reviewer
	PreventSelfReview bool
	AdminsBypass      bool
	WaitTimer         time.Duration
	Branches          []string // custom branch and tag patterns; empty: see ProtectedOnly
	ProtectedOnly     bool     // only protected branches
	CustomRules       []string // apps that decide
}
