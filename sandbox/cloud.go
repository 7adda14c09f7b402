package sandbox

import (
	"fmt"
	"strings"
	"time"
)

// Where the simulated AWS account lives.
const (
	Account = "123456789012"
	Region  = "eu-central-1"
)

// Cloud is the AWS side of the world: one account in one region. Everything in
// it is guarded by the World's mutex.
type Cloud struct {
	Clusters        []*Cluster
	TaskDefinitions map[string][]*TaskDefinition // by family, oldest revision first
	Images          map[string][]*Image          // by repository ("shop/orders"), oldest push first
	TargetGroups    []*TargetGroup
	Alarms          []*Alarm
	Databases       []*Database
	Snapshots       []*Snapshot // oldest first
	LogGroups       []*LogGroup
	Secrets         []*CloudSecret
	Parameters      []*Parameter
	Buckets         map[string]*Bucket
	// LifecyclePolicy is that of every image repository, as JSON; empty: none has one.
	LifecyclePolicy string
}

// Cluster is an ECS cluster. Environment names the environment that it serves.
type Cluster struct {
	Name        string
	ARN         string
	Environment string // staging or production
	Services    []*Service
	// OneOff holds tasks that belong to no service (migrations), newest last;
	// stopped ones stay for an hour, as in ECS.
	OneOff  []*Task
	fleet   bool     // not the shop's: it writes little, and nothing moves in it
	applied []string // migrations that its database has had
}

// Service is an ECS service behind a target group, with the rolling controller
// and a circuit breaker that rolls back.
type Service struct {
	Name        string
	ARN         string
	Cluster     *Cluster
	Status      string // ACTIVE, DRAINING, INACTIVE
	Desired     int
	Created     time.Time
	TargetGroup *TargetGroup
	LogGroup    *LogGroup
	MinHealthy  int // percent
	MaxPercent  int
	Alarms      []string // names of the deployment alarms
	// Deployments is the complete history, oldest first; the last one is the
	// current one. ListServiceDeployments and the classic deployments[] of
	// DescribeServices are both derived from it.
	Deployments []*ServiceDeployment
	Tasks       []*Task         // running and starting ones, and stopped ones for an hour
	Events      []*ServiceEvent // newest first, at most 100
	Pauses      *PauseHook      // where its deployments wait before they bake; nil: nowhere
	Strategy    string          // one of the strategies; empty: rolling
	Connects    bool            // it is part of Service Connect
	MinCapacity int             // of its scalable target
	MaxCapacity int
	points      []Point // per-minute load, oldest first
	noise       noise
}

// ServiceEvent is one line of a service's event list.
type ServiceEvent struct {
	ID      string
	Created time.Time
	Message string
}

// Statuses of a ServiceDeployment, as ECS names them.
const (
	DeploymentPending            = "PENDING"
	DeploymentInProgress         = "IN_PROGRESS"
	DeploymentSuccessful         = "SUCCESSFUL"
	DeploymentStopped            = "STOPPED"
	DeploymentStopRequested      = "STOP_REQUESTED"
	DeploymentRollbackRequested  = "ROLLBACK_REQUESTED"
	DeploymentRollbackInProgress = "ROLLBACK_IN_PROGRESS"
	DeploymentRollbackSuccessful = "ROLLBACK_SUCCESSFUL"
	DeploymentRollbackFailed     = "ROLLBACK_FAILED"
)

// ServiceDeployment is one attempt of ECS to bring a service to a revision.
type ServiceDeployment struct {
	ID        string // short id, also the last part of the ARN
	ARN       string
	ClassicID string // "ecs-svc/…" in DescribeServices.deployments[]
	Service   *Service
	Status    string
	Reason    string // statusReason
	Stage     string // lifecycleStage, empty when done
	Created   time.Time
	Started   time.Time
	Updated   time.Time
	Finished  time.Time // zero until terminal
	Stopped   time.Time // when a stop was requested, else zero
	Source    *ServiceRevision
	Target    *ServiceRevision
	Desired   int // tasks that the target revision is asked for
	Failed    int // tasks of the target revision that failed
	Threshold int // failures at which the circuit breaker opens
	// Breaker and AlarmState are the monitors' states: DISABLED, MONITORING,
	// TRIGGERED, MONITORING_COMPLETE.
	Breaker         string
	AlarmState      string
	TriggeredAlarms []string
	// Rollback says that ECS goes (or went) back to Source, and why.
	RollbackReason  string
	RollbackStarted time.Time
	Hooks           []*LifecycleHook // that were reached, oldest first
	// Weight is how much of the production traffic Target has, in percent, where
	// the strategy shifts traffic.
	Weight float64
	// Traffic is when the first task of Target became healthy and was sent
	// requests; zero before that.
	Traffic time.Time
}

// Terminal reports whether ECS is done with the deployment.
func (d *ServiceDeployment) Terminal() bool {
	switch d.Status {
	case DeploymentSuccessful, DeploymentStopped, DeploymentRollbackSuccessful, DeploymentRollbackFailed:
		return true
	}
	return false
}

// Serving is the revision that the deployment moves towards now: its target,
// or its source once it rolls back.
func (d *ServiceDeployment) Serving() *ServiceRevision {
	if !d.RollbackStarted.IsZero() && d.Source != nil {
		return d.Source
	}
	return d.Target
}

// ServiceRevision pins what a deployment runs: the task definition and the
// digest that its image had at that time.
type ServiceRevision struct {
	ARN            string
	Service        *Service
	TaskDefinition *TaskDefinition
	Created        time.Time
	Alternate      bool // its tasks are targets of the service's alternate group
}

// TaskDefinition is one registered revision of a family. Every family here has
// one container named app.
type TaskDefinition struct {
	Family      string
	Revision    int
	ARN         string
	Status      string // ACTIVE, INACTIVE
	Registered  time.Time
	Image       string // as given: REPOSITORY@sha256:… or REPOSITORY:tag
	Container   string // name of the container
	CPU, Memory string
	Port        int
	Environment []Pair
	Secrets     []Pair // name → valueFrom
	Tags        []Pair
	LogGroup    string
	LogPrefix   string
	// Raw is the request that registered it where a client did so; nil for
	// those made by the simulation.
	Raw map[string]any
}

// Pair is a name with a value, in the order given.
type Pair struct{ Name, Value string }

// Digest is the sha256:… of the image, or "" when the image is named by tag.
func (t *TaskDefinition) Digest() string {
	if _, digest, ok := strings.Cut(t.Image, "@"); ok {
		return digest
	}
	return ""
}

// Env is the value of a container environment variable, or "".
func (t *TaskDefinition) Env(name string) string {
	for _, p := range t.Environment {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// Task is one ECS task with its single container.
type Task struct {
	ID         string
	ARN        string
	Cluster    *Cluster
	Service    *Service // nil for a one-off task
	Deployment *ServiceDeployment
	Definition *TaskDefinition
	Revision   *ServiceRevision
	Status     string // PROVISIONING, PENDING, ACTIVATING, RUNNING, DEACTIVATING, STOPPING, DEPROVISIONING, STOPPED
	Desired    string // RUNNING, STOPPED
	Health     string // HEALTHY, UNHEALTHY, UNKNOWN
	Address    string // private IPv4
	StartedBy  string
	Command    []string // override of a one-off task
	Created    time.Time
	Started    time.Time
	Stopping   time.Time
	Stopped    time.Time
	StopCode   string
	StopReason string
	Exit       *int // of the container
	Digest     string
	// Target is its state in the target group: initial, healthy, unhealthy,
	// draining, unused; TargetReason the ELB reason code.
	Target       string
	TargetReason string
	// Registered is how Cloud Map holds it, where somebody has changed that: as
	// UNHEALTHY, or not at all (GONE).
	Registered string
	stream     *LogStream
}

// TargetGroup is an ELBv2 target group; its targets are its service's tasks.
type TargetGroup struct {
	Name        string
	ARN         string
	Service     *Service
	Port        int
	HealthPath  string
	Alternate   bool // the second one, of a service whose deployments shift traffic
	ListenerARN string
}

// Image is a pushed container image.
type Image struct {
	Repository string // shop/orders
	Digest     string
	Tags       []string
	Pushed     time.Time
	Size       int64
	Deleted    bool // removed by a lifecycle policy: no longer pullable
}

// Alarm is a CloudWatch metric alarm.
type Alarm struct {
	Name        string
	ARN         string
	Description string
	Environment string
	Service     string
	Metric      string // CloudWatch metric name
	Namespace   string
	Statistic   string
	Threshold   float64
	Comparison  string
	Period      int // seconds
	Evaluations int
	State       string // OK, ALARM, INSUFFICIENT_DATA
	Reason      string
	Updated     time.Time // of the state
	History     []AlarmChange
	since       time.Time // when the value first was on the other side
}

// AlarmChange is one transition of an alarm, newest last.
type AlarmChange struct {
	At       time.Time
	From, To string
	Reason   string
}

// Database is an RDS instance.
type Database struct {
	ID      string
	ARN     string
	Engine  string
	Version string
	Class   string
	Status  string // available, backing-up
	Created time.Time
	SizeGiB int
}

// Snapshot is an RDS snapshot.
type Snapshot struct {
	ID       string
	ARN      string
	Database *Database
	Status   string // creating, available
	Percent  int
	Created  time.Time
	Type     string // manual, automated
	Tags     []Pair
}

// LogGroup holds the events of all of its streams in time order.
type LogGroup struct {
	Name      string
	ARN       string
	Created   time.Time
	Retention int          // days
	Streams   []*LogStream // oldest first
	Events    []LogEvent   // by (Timestamp, Ingested); bounded, oldest dropped
	dropped   int
}

// LogStream is one task's stream.
type LogStream struct {
	Name    string // app/SERVICE/TASKID
	ARN     string
	Created time.Time
	First   time.Time
	Last    time.Time
}

// LogEvent is one line. ID is unique and as long as a real one.
type LogEvent struct {
	ID        string
	Stream    *LogStream
	Timestamp time.Time
	Ingested  time.Time
	Message   string
}

// CloudSecret is a Secrets Manager secret (its value is never served).
type CloudSecret struct {
	Name    string
	ARN     string
	Created time.Time
	Changed time.Time
	Deleted time.Time // scheduled for deletion when not zero
}

// Parameter is an SSM parameter.
type Parameter struct {
	Name    string
	ARN     string
	Type    string
	Value   string
	Version int
	Changed time.Time
}

// Bucket is an S3 bucket.
type Bucket struct {
	Name    string
	Created time.Time
	Objects map[string]*Object
}

// Object is an S3 object.
type Object struct {
	Body        []byte
	ContentType string
	Modified    time.Time
	Meta        map[string]string
}

// Point is one minute of a service's load, as CloudWatch would aggregate it.
type Point struct {
	Minute   time.Time
	CPU      float64 // percent
	Memory   float64 // percent
	Requests float64 // in this minute
	Errors   float64 // 5xx in this minute
	P50, P95 float64 // target response time, seconds
	// Alternate is the share of the requests that the alternate target group got.
	Alternate float64
}

// Cluster finds a cluster by name or ARN; nil when there is none.
func (c *Cloud) Cluster(ref string) *Cluster {
	for _, cluster := range c.Clusters {
		if ref == cluster.Name || ref == cluster.ARN {
			return cluster
		}
	}
	return nil
}

// Service finds a service by name or ARN in the cluster; nil when absent.
func (c *Cluster) Service(ref string) *Service {
	for _, service := range c.Services {
		if ref == service.Name || ref == service.ARN {
			return service
		}
	}
	return nil
}

// Current is the newest service deployment; nil for a service never deployed.
func (s *Service) Current() *ServiceDeployment {
	if len(s.Deployments) == 0 {
		return nil
	}
	return s.Deployments[len(s.Deployments)-1]
}

// TaskDefinition finds a registered revision by ARN, "family:revision" or
// "family" (its newest active revision); nil when there is none.
func (c *Cloud) TaskDefinition(ref string) *TaskDefinition {
	ref = ref[strings.LastIndex(ref, "/")+1:]
	family, revision, numbered := strings.Cut(ref, ":")
	definitions := c.TaskDefinitions[family]
	for i := len(definitions) - 1; i >= 0; i-- {
		d := definitions[i]
		if numbered && fmt.Sprint(d.Revision) == revision || !numbered && d.Status == "ACTIVE" {
			return d
		}
	}
	return nil
}

// Image finds an image in a repository ("shop/orders") by digest or tag; nil
// when it was never pushed or is gone.
func (c *Cloud) Image(repository, ref string) *Image {
	for _, image := range c.Images[repository] {
		if image.Deleted {
			continue
		}
		if image.Digest == ref {
			return image
		}
		for _, tag := range image.Tags {
			if tag == ref {
				return image
			}
		}
	}
	return nil
}

// LogGroup finds a group by name or ARN (with or without the final ":*").
func (c *Cloud) LogGroup(ref string) *LogGroup {
	ref = strings.TrimSuffix(ref, ":*")
	for _, group := range c.LogGroups {
		if ref == group.Name || ref == group.ARN {
			return group
		}
	}
	return nil
}

// arn makes an ARN in the simulated account and region.
func arn(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, Region, Account, resource)
}
