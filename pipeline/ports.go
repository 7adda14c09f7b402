package pipeline

import (
	"context"
	"time"
)

// The ports that the engine reads through. Package ghclient implements the
// GitHub ones, package aws the cloud ones. All of them return *Error, sanitise
// every text that comes from outside, and obey the context's deadline.

// GitHub is everything that the engine reads from GitHub.
type GitHub interface {
	RepositoryReader
	WorkflowReader
	RunReader
	ApprovalReader
	DeploymentReader
	CommitReader
	HoldReader
}

// HoldReader reads the holds that all operators share.
type HoldReader interface {
	Holds(ctx context.Context) (map[string]Hold, error) // by environment
}

// RepositoryReader reads the repository and who is asking.
type RepositoryReader interface {
	Repository(ctx context.Context) (Repository, error)
	Viewer(ctx context.Context) (Viewer, error)
	Rate() RateBudget // as the newest answer said; makes no request
}

// WorkflowReader reads workflows, their files, and the refs they can run at.
type WorkflowReader interface {
	Workflows(ctx context.Context) ([]Workflow, error)
	// WorkflowFile reads .github/workflows/file at a branch, tag or SHA; ref empty: the default branch.
	WorkflowFile(ctx context.Context, file, ref string) (WorkflowFile, error)
	// File reads any file of the repository; KindNotFound where there is none.
	File(ctx context.Context, path, ref string) ([]byte, error)
	Refs(ctx context.Context) ([]Ref, error)
	// TagsOf lists the tags that name a commit, however many tags there are.
	TagsOf(ctx context.Context, sha string) ([]string, error)
}

// RunReader reads runs, their jobs, and finished jobs' logs.
type RunReader interface {
	Runs(ctx context.Context, q RunQuery) (RunList, error)
	Run(ctx context.Context, id int64) (Run, error)
	// Jobs reads all jobs of one attempt; attempt 0: the newest.
	Jobs(ctx context.Context, run int64, attempt int) ([]Job, error)
	// JobLog reads a finished job's log; KindNotFound while the job runs or never ran.
	JobLog(ctx context.Context, job int64) (JobLog, error)
	ConcurrencyGroups(ctx context.Context, run int64) ([]ConcurrencyGroup, error)
	// Annotations reads what a job's tools noted; KindForbidden where the token may not.
	Annotations(ctx context.Context, job int64) ([]Annotation, error)
	// Artifacts lists what a run left behind, expired ones too.
	Artifacts(ctx context.Context, run int64) ([]Artifact, error)
	// SaveArtifact unpacks an artifact below dir, which it makes where it is not
	// there, and returns the names of the files. It writes nothing outside dir
	// and over nothing that is there.
	SaveArtifact(ctx context.Context, a Artifact, dir string) ([]string, error)
}

// ApprovalReader reads what waits for a person, and what was decided.
type ApprovalReader interface {
	PendingApprovals(ctx context.Context, run int64) ([]PendingApproval, error)
	Reviews(ctx context.Context, run int64) ([]Review, error)
	Environments(ctx context.Context) ([]ProtectionRules, error)
}

// DeploymentReader reads deployments with their statuses, and releases.
type DeploymentReader interface {
	Deployments(ctx context.Context, q DeploymentQuery) ([]Deployment, error)
	Deployment(ctx context.Context, id int64) (Deployment, error)
	Releases(ctx context.Context, limit int) ([]PublishedRelease, error)
}

// CommitReader reads commits and what lies between them.
type CommitReader interface {
	Commits(ctx context.Context, ref string, limit int) ([]Commit, error)
	Commit(ctx context.Context, ref string) (Commit, error)
	Compare(ctx context.Context, base, head string) (Comparison, error)
	// Checks is the combined verdict of checks and statuses on a commit, newest per name.
	Checks(ctx context.Context, sha string) ([]Check, error)
}

// Check is one check run or commit status, the newest of its name.
type Check struct {
	Name       string
	Status     RunStatus
	Conclusion Conclusion
	URL        string
	FromRun    bool // a run that stands for its jobs, as the token cannot read check runs
}

// Cloud is everything that the engine reads from AWS. The cluster says which
// region and identity serve a call.
type Cloud interface {
	ServiceReader
	FitnessReader
	ContextReader
	ArtifactReader
	// Identity proves the credentials that serve a cluster.
	Identity(ctx context.Context, c Cluster) (CloudIdentity, error)
}

// ServiceReader reads services, their rollouts and their tasks.
type ServiceReader interface {
	// ServiceNames lists a cluster's services.
	ServiceNames(ctx context.Context, c Cluster) ([]string, error)
	// Clusters lists the clusters that the identity of c can see in its region; c.Name is ignored.
	Clusters(ctx context.Context, c Cluster) ([]string, error)
	// Services reads named services with deployments, events, revisions with
	// image digests, and the newest service deployment. The result is in the
	// order of names; a missing service is a ServiceState with Status "MISSING".
	Services(ctx context.Context, c Cluster, names []string) ([]ServiceState, error)
	// Tasks reads the running and the recently stopped tasks of a service.
	Tasks(ctx context.Context, c Cluster, service string) ([]Task, error)
	// ServiceDeployments reads a service's rollouts, newest first, with the
	// image digests of their target revisions.
	ServiceDeployments(ctx context.Context, c Cluster, service string, limit int) ([]ServiceDeployment, error)
}

// FitnessReader reads whether what runs is good.
type FitnessReader interface {
	Targets(ctx context.Context, c Cluster, groups []string) ([]Target, error)
	// Alarms reads alarms by name or by prefix ending in *.
	Alarms(ctx context.Context, c Cluster, names []string) ([]Alarm, error)
	// Loads reads CPU and memory of services over the last window; it costs money.
	Loads(ctx context.Context, c Cluster, services []string, window time.Duration) (map[string]Load, error)
	// Traffic reads requests, latency and errors of target groups over the last
	// window, by ARN; it costs money. A group without a load balancer is left out.
	Traffic(ctx context.Context, c Cluster, groups []string, window time.Duration) (map[string]Traffic, error)
}

// ContextReader reads what stands around services.
type ContextReader interface {
	// Scalings reads the bounds of autoscaling, by service; a service that
	// nothing scales is left out.
	Scalings(ctx context.Context, c Cluster, services []string) (map[string]Scaling, error)
	// Registrations reads Cloud Map services with their instances, in the order
	// of their ARNs.
	Registrations(ctx context.Context, c Cluster, registries []string) ([]Registration, error)
}

// ArtifactReader reads what a rollback needs to exist.
type ArtifactReader interface {
	TaskDefinition(ctx context.Context, c Cluster, arn string) (TaskDefinition, error)
	// Images looks up images by repository@digest in ECR, in one go.
	Images(ctx context.Context, c Cluster, refs []Image) (map[string]ImageState, error) // by digest
	Snapshots(ctx context.Context, c Cluster, instance string) ([]DatabaseSnapshot, error)
	// Secrets looks up what task definitions name as the source of a secret, by
	// that reference; what may not be looked at is left out.
	Secrets(ctx context.Context, c Cluster, refs []string) (map[string]SecretState, error)
	// Expiries says when the registry's own rules will remove images.
	Expiries(ctx context.Context, c Cluster, refs []Image) (map[string]Expiry, error) // by digest
}

// Actions is everything that an operator changes on GitHub. The watch mode has
// no value of this type. None of its methods retries.
type Actions interface {
	// Dispatch starts a workflow. RunID is 0 where the server does not say it.
	Dispatch(ctx context.Context, d Dispatch) (Dispatched, error)
	// Review approves or rejects environments of a run.
	Review(ctx context.Context, run int64, environments []int64, approve bool, comment string) error
	Rerun(ctx context.Context, run int64, failedOnly, debug bool) error
	RerunJob(ctx context.Context, job int64, debug bool) error
	Cancel(ctx context.Context, run int64, force bool) error
	// Lock takes a hold for everybody; KindConflict where somebody else has it. A
	// hold with a Token replaces exactly the one that the token names.
	Lock(ctx context.Context, h Hold) error
	// Unlock lifts the hold of that token; KindConflict where it is another one by now.
	Unlock(ctx context.Context, environment, token string) error
}

// CloudActions is everything that an operator changes on ECS without GitHub.
// Only a session that may act holds one, and it is used only where the team
// allows direct AWS writes. None of its methods retries.
type CloudActions interface {
	// StopDeployment asks ECS to end a service deployment and to go back to the
	// last revision that completed; KindConflict where it has ended.
	StopDeployment(ctx context.Context, c Cluster, deployment string) error
	// ContinueDeployment answers the lifecycle hook at which a deployment
	// pauses: on, or back; KindConflict where it waits no more.
	ContinueDeployment(ctx context.Context, c Cluster, deployment, hook string, rollBack bool) error
}

// DirectRollback restores a deployment from this machine, as the rollback step
// of the workflow does, and returns when it has ended. KindFailed and the like
// say what became of it.
type DirectRollback func(ctx context.Context, r DirectRequest) error

// DirectRequest is what a rollback without GitHub Actions is asked for.
type DirectRequest struct {
	Environment string
	Deployment  int64  // whose state is restored
	Reason      string // anchored in the journal
	RequestID   string // the lock carries it
	Current     string // the commit that must be live; empty: it changes by nature
	Operator    string
}

// Dispatch is a request to start a workflow.
type Dispatch struct {
	Workflow string // file name
	Ref      string // branch or tag
	Inputs   map[string]string
}

// Dispatched is what GitHub answered to a dispatch.
type Dispatched struct {
	RunID int64
	URL   string
}

type uncachedKey struct{}

// Uncached asks adapters to read around every cache: a re-check must see the
// world as it is.
func Uncached(ctx context.Context) context.Context {
	return context.WithValue(ctx, uncachedKey{}, true)
}

// IsUncached reports whether the context asks for uncached reads.
func IsUncached(ctx context.Context) bool {
	v, _ := ctx.Value(uncachedKey{}).(bool)
	return v
}
