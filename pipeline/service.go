package pipeline

import (
	"strings"
	"time"
)

// ServiceKey names one service in one environment.
type ServiceKey struct{ Environment, Service string }

// ServiceState is what ECS says of one service. It is the actual truth: what
// runs, not what somebody asked for.
type ServiceState struct {
	Key            ServiceKey
	Cluster        Cluster
	ARN            string
	Status         string // ACTIVE, DRAINING, INACTIVE
	Desired        int
	Running        int
	Pending        int
	TaskDefinition string // ARN of the PRIMARY deployment
	Controller     string // ECS, CODE_DEPLOY, EXTERNAL
	Strategy       string // ROLLING, BLUE_GREEN, LINEAR, CANARY
	MinHealthy     int    // percent
	MaxHealthy     int    // percent
	Shift          Shift  // how traffic goes over to new tasks
	Breaker        Breaker
	Deployments    []ServiceSet
	Events         []ServiceEvent     // newest first
	Revisions      []ServiceRevision  // those that hold tasks now, the primary first
	Rollout        *ServiceDeployment // the newest ECS service deployment; nil: none known
	TargetGroups   []string           // ARNs
	LogGroups      []LogGroup         // from the task definition's awslogs options
	AlarmNames     []string           // of the deployment configuration
	Registries     []string           // ARNs of the Cloud Map services that its tasks are registered with
	Connect        *ServiceConnect    // nil: not part of Service Connect
	Created        time.Time
	Unread         bool // its task definition could not be read yet, because AWS lets so many a second through
	Tasks          Fact[[]Task]
	Targets        Fact[[]Target]
	Alarms         Fact[[]Alarm]
	Load           Fact[Load]
	Traffic        Fact[[]Traffic] // by target group
	Scaling        Fact[Scaling]
	Definition     Fact[DefinitionComparison] // what the task definition changes of the one that ran before
	Registrations  Fact[[]Registration]       // by registry
}

// Shift is how traffic goes over to a service's new tasks.
type Shift struct {
	Percent float64       // of the canary, or of each step of a linear shift; 0: all at once
	Pause   time.Duration // after the canary, or after each step
	Bake    time.Duration // how long both sides run on after the last step
}

// Breaker is what ECS does of itself when new tasks do not come up.
type Breaker struct{ On, RollsBack bool }

// ServiceSet is one of the deployments of DescribeServices: a set of tasks on
// one task definition.
type ServiceSet struct {
	ID             string
	Status         string // PRIMARY, ACTIVE, INACTIVE
	TaskDefinition string
	Desired        int
	Running        int
	Pending        int
	Failed         int
	RolloutState   string // COMPLETED, IN_PROGRESS, FAILED; empty where ECS gives none
	Reason         string
	Created        time.Time
	Updated        time.Time
}

// Primary returns the set that ECS is moving towards or holding.
func (s ServiceState) Primary() (ServiceSet, bool) {
	for _, d := range s.Deployments {
		if d.Status == "PRIMARY" {
			return d, true
		}
	}
	return ServiceSet{}, false
}

// Moving reports whether ECS is changing the service now.
func (s ServiceState) Moving() bool {
	if s.Rollout != nil && s.Rollout.InFlight() {
		return true
	}
	p, ok := s.Primary()
	return ok && p.RolloutState == "IN_PROGRESS"
}

// ServiceEvent is one event of a service.
type ServiceEvent struct {
	ID      string
	At      time.Time
	Message string
}

// ServiceRevision is an ECS service revision: exactly what its tasks run.
type ServiceRevision struct {
	ARN            string
	TaskDefinition string
	Images         []Image
	Running        int
	Requested      int
	Pending        int
	Weight         float64 // percent of production traffic; 0 where the strategy has none
	Created        time.Time
	SHA            string // commit, where image tag, task-definition tag or environment name it
	Version        string // as APP_VERSION or the tag deployctl:version says
}

// Digest is the digest of the service's own container: the first image.
func (r ServiceRevision) Digest() string {
	if len(r.Images) == 0 {
		return ""
	}
	return r.Images[0].Digest
}

// Image is a container image. A digest is identity; a tag never is.
type Image struct {
	Container  string
	Repository string // registry/name without tag
	Tag        string
	Digest     string // sha256:…
}

// ServiceDeployment is an ECS service deployment: one rollout of one service.
type ServiceDeployment struct {
	ARN            string
	Status         string // PENDING, IN_PROGRESS, SUCCESSFUL, STOPPED, STOP_REQUESTED, ROLLBACK_…
	Reason         string
	Stage          string // lifecycle stage; open set
	Strategy       string
	Created        time.Time
	Started        time.Time
	Finished       time.Time
	Stopped        time.Time
	Target         ServiceRevision
	Sources        []ServiceRevision
	BreakerFailed  int
	BreakerLimit   int
	BreakerStatus  string // MONITORING, MONITORING_COMPLETE, TRIGGERED, DISABLED
	AlarmStatus    string
	TriggeredBy    []string // alarms
	RollbackReason string
	RollbackTo     string // service revision ARN
	Hooks          []Hook
}

// Hook is a lifecycle hook of a service deployment.
type Hook struct {
	ID, Type, Status, TimeoutAction string
	Expires                         time.Time
}

// Unanswered is what ECS does once nobody has answered the hook in time.
func (h Hook) Unanswered() string {
	switch h.TimeoutAction {
	case "CONTINUE":
		return "goes on with it"
	case "ROLLBACK":
		return "rolls it back"
	}
	return "decides" // it does not say how
}

// InFlight reports whether the deployment has not reached a terminal status.
func (d ServiceDeployment) InFlight() bool {
	switch d.Status {
	case "PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS":
		return true
	}
	return false
}

// Reverted reports whether ECS itself took the deployment back, or tries to.
func (d ServiceDeployment) Reverted() bool { return strings.HasPrefix(d.Status, "ROLLBACK_") }

// Task is one ECS task.
type Task struct {
	ID             string // last part of the ARN
	ARN            string
	TaskDefinition string
	Status         string // last status
	Desired        string
	Health         string // HEALTHY, UNHEALTHY, UNKNOWN
	Group          string // service:NAME
	StartedBy      string // ID of the deployment
	StopCode       string
	StoppedReason  string
	Created        time.Time
	Started        time.Time
	Stopped        time.Time
	Zone           string
	Containers     []Container
}

// Container is one container of a task.
type Container struct {
	Name, Image, Digest, Status, Health, Reason string
	ExitCode                                    *int
}

// Target is one target of a load balancer's target group.
type Target struct {
	Group       string // target group's name
	ID          string // IP address or instance
	Port        int
	State       string // healthy, unhealthy, initial, draining, unused, unavailable
	Reason      string
	Description string
}

// Alarm is a CloudWatch alarm.
type Alarm struct {
	Name    string
	State   string // OK, ALARM, INSUFFICIENT_DATA
	Reason  string
	Metric  string
	Changed time.Time
}

// Load is what CloudWatch's metrics say of a service, newest value last.
type Load struct {
	CPU, Memory []float64 // percent, one value a minute
}

// LogGroup is a CloudWatch log group with the stream prefix that one
// container writes below.
type LogGroup struct {
	Name, Prefix, Container, Region string
}

// TaskDefinition is one revision of a task definition.
type TaskDefinition struct {
	ARN        string
	Family     string
	Revision   int
	Status     string // ACTIVE, INACTIVE, DELETE_IN_PROGRESS
	CPU        string
	Memory     string
	Containers []ContainerDefinition
	Roles      []string // ARNs that its tasks are given: the task's own, and that of the agent that starts it
	Tags       map[string]string
	Registered time.Time
}

// ContainerDefinition is a container as a task definition declares it. Values
// of its environment are kept apart from its secrets, whose values are never read.
type ContainerDefinition struct {
	Name        string
	Image       string
	Environment map[string]string
	Secrets     map[string]string // name to ARN
	Ports       []int
	LogGroup    LogGroup
	Limits      string // CPU units and memory of its own; empty: the task's
	Command     string // entry point and command, each argument quoted
	Check       string // its health check
}

// ImageState is what the registry says of one image.
type ImageState struct {
	Present bool
	Digest  string
	Tags    []string
	Pushed  time.Time
}

// SecretState is whether a secret or parameter that a task definition names is
// there.
type SecretState struct {
	Present bool
	Deleted time.Time // when it was marked for deletion: no task can start with it; zero: it was not
}

// Expiry is when the registry's own rules will remove an image.
type Expiry struct {
	Rule  int       // priority of the rule that will; 0: none does
	At    time.Time // when; zero: the rule counts images
	Spare int       // where it counts: how many images may still be pushed before
}

// Soon reports whether the image may be gone within days.
func (e Expiry) Soon(now time.Time) bool {
	if e.Rule == 0 {
		return false
	}
	if e.At.IsZero() {
		return e.Spare < 3
	}
	return e.At.Before(now.Add(3 * 24 * time.Hour))
}

// DatabaseSnapshot is a backup of a database.
type DatabaseSnapshot struct {
	ID, Instance, Status string
	Created              time.Time
}

// CloudIdentity is who the AWS calls are made as.
type CloudIdentity struct {
	Account, ARN, Region string
}
