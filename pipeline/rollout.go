package pipeline

import "time"

// RolloutKind says why a rollout happened.
type RolloutKind string

// Kinds of rollout.
const (
	RolloutDeploy    RolloutKind = "deploy"    // a release reaches its first environment
	RolloutPromotion RolloutKind = "promotion" // a release reaches the next one
	RolloutRedeploy  RolloutKind = "redeploy"  // the same release again
	RolloutRollback  RolloutKind = "rollback"  // an earlier release again
	RolloutExternal  RolloutKind = "external"  // seen in ECS, started by nobody we know
)

// Phase is where a rollout stands.
type Phase string

// Phases in order, then the exits.
const (
	PhaseRequested   Phase = "requested"
	PhaseQueued      Phase = "queued"
	PhaseAwaiting    Phase = "awaiting approval"
	PhaseTimer       Phase = "waiting for the timer"
	PhaseApproved    Phase = "approved"
	PhaseMigrating   Phase = "migrating"
	PhaseUpdating    Phase = "updating"
	PhaseStabilising Phase = "stabilising"
	PhaseVerifying   Phase = "verifying"
	PhaseBaking      Phase = "baking"
	PhaseSucceeded   Phase = "succeeded"

	PhaseRejected      Phase = "rejected"      // a person said no
	PhaseExpired       Phase = "expired"       // nobody said anything for 30 days
	PhaseSuperseded    Phase = "superseded"    // a newer one took its place in the queue
	PhaseCancelled     Phase = "cancelled"     // ended by a person before anything changed
	PhaseFailed        Phase = "failed"        // a definite bad result
	PhaseErrored       Phase = "errored"       // could not finish
	PhaseReverted      Phase = "reverted"      // ECS itself rolled back
	PhaseRevertFailed  Phase = "revert failed" // and could not
	PhaseIndeterminate Phase = "indeterminate" // truths disagree or cannot be read
	PhaseFaulty        Phase = "faulty"        // succeeded, found bad later
)

// Terminal reports whether a rollout in this phase moves no more. An
// indeterminate one is not terminal, and not green either.
func (p Phase) Terminal() bool {
	switch p {
	case PhaseSucceeded, PhaseRejected, PhaseExpired, PhaseSuperseded, PhaseCancelled,
		PhaseFailed, PhaseErrored, PhaseReverted, PhaseRevertFailed, PhaseFaulty:
		return true
	default:
		return false
	}
}

// Rollout is one attempt to move an environment to a release. Its release and
// run never change.
type Rollout struct {
	ID           string // "deployment/9310", "run/17" or "ecs/ARN"
	Kind         RolloutKind
	Environment  string
	Release      Release
	From         Release
	Run          RunKey
	Workflow     string
	RunNumber    int
	Deployment   int64 // GitHub deployment; 0: none seen
	Phase        Phase
	Sentence     string // why it stands where it stands
	RollbackOf   int64  // deployment left
	RolledBackBy int64  // deployment that left this one
	RequestedBy  string
	Started      time.Time
	Ended        time.Time
	Done, Total  int // services on the release, of how many
	Expected     time.Duration
}

// Active reports whether the rollout can still change something.
func (r Rollout) Active() bool { return !r.Phase.Terminal() }
