package steps

import (
	"context"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Deployer is what the steps change in AWS. Each method sends its request once:
// whoever calls looks for the effect before trying again.
type Deployer interface {
	// Register makes a revision of a task definition from an existing one. It
	// returns the newest revision of the family instead where that is the same.
	Register(ctx context.Context, c pipeline.Cluster, r Revision) (arn string, err error)
	// Update moves a service to a task definition; desired 0 keeps its count.
	Update(ctx context.Context, c pipeline.Cluster, service, taskDefinition string, desired int) error
	// Stop makes ECS roll a service deployment back that is under way;
	// KindConflict where it has ended.
	Stop(ctx context.Context, c pipeline.Cluster, deployment string) error
	// RunTask starts a one-off task where a service's tasks run.
	RunTask(ctx context.Context, c pipeline.Cluster, t OneOff) (arn string, err error)
	// Snapshot begins a snapshot of a database; one of that name that is there
	// already is no error.
	Snapshot(ctx context.Context, c pipeline.Cluster, instance, id string, tags map[string]string) error
	// Keep writes an object to a bucket.
	Keep(ctx context.Context, c pipeline.Cluster, bucket, key string, content []byte) error
	// KeepSecret makes value the current value of a secret of Secrets Manager,
	// which it creates where there is none, and returns its ARN.
	KeepSecret(ctx context.Context, c pipeline.Cluster, name, value string) (arn string, err error)
}

// Revision is what differs between a task definition and the one that it is
// made from. All else, other containers among it, stays as it is.
type Revision struct {
	From        string            // ARN of the task definition that it is made from
	Container   string            // the container that is changed
	Image       string            // repository@digest
	Environment map[string]string // plain values that are set; others stay
	Secrets     map[string]string // name to ARN: references that are set; others stay
	Tags        map[string]string // of the revision
}

// OneOff is a task that belongs to no service, such as a migration.
type OneOff struct {
	Service        string // whose network it runs in
	TaskDefinition string
	Container      string
	Command        []string
	StartedBy      string // at most 36 characters
	Token          string // makes a second request with it answer with the first one's task
}

// Cloud is what the steps read of AWS beside what the engine reads.
type Cloud interface {
	pipeline.Cloud
	// Tagged finds the digest of the image that a repository of ECR
	// (registry/name) tags so; KindNotFound where there is none.
	Tagged(ctx context.Context, c pipeline.Cluster, repository, tag string) (digest string, err error)
	// Task reads one task by ARN; KindNotFound where ECS does not know it (any more).
	Task(ctx context.Context, c pipeline.Cluster, arn string) (pipeline.Task, error)
	// TaskLog reads what a task's container wrote to its log group, oldest first,
	// at most the newest limit lines.
	TaskLog(ctx context.Context, c pipeline.Cluster, group pipeline.LogGroup, task string, since time.Time, limit int) ([]string, error)
}
