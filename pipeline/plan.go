package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// PlanKind is what a plan would do.
type PlanKind string

// Kinds of plan.
const (
	PlanTrigger  PlanKind = "trigger"
	PlanApprove  PlanKind = "approve"
	PlanReject   PlanKind = "reject"
	PlanRollback PlanKind = "rollback"
	PlanRerun    PlanKind = "rerun"
	PlanCancel   PlanKind = "cancel"
	PlanLock     PlanKind = "lock"
	PlanUnlock   PlanKind = "unlock"
	PlanStop     PlanKind = "stop"     // an ECS deployment in flight
	PlanContinue PlanKind = "continue" // an ECS deployment that pauses at a hook
	PlanSettings PlanKind = "settings" // secrets, variables, protection rules; see [Settings]
)

// Plan is a change that was checked and not yet made. It is frozen: a sheet
// shows this value, and what is sent is decided by this value, whatever the
// world does meanwhile.
type Plan struct {
	Intent     Intent
	Title      string // "Approve production · cd-production #212, attempt 1"
	Preview    Preview
	Gates      []Gate
	Candidates []Candidate // of a rollback: what else it could go to
	Typed      string      // the word to type; empty: none
	Reason     int         // characters that a reason must have; 0: none asked
	Comment    bool        // a comment is required
	Command    string      // the equivalent gh command, for the clipboard and the day this program is down
	Sends      string      // what will be sent, in one line: "dispatches rollback.yml with deployment_id 9310"
	Awaited    bool        // the comparison of the logs goes on: once the environment has it, the plan is worth renewing
}

// Ready reports whether nothing blocks, given the acknowledged words.
func (p Plan) Ready(acks []string) bool { return len(p.Blocking()) == 0 && len(p.Missing(acks)) == 0 }

// Blocking returns the gates that refuse.
func (p Plan) Blocking() []Gate {
	var out []Gate
	for _, g := range p.Gates {
		if g.Blocks() {
			out = append(out, g)
		}
	}
	return out
}

// Missing returns the gates that want an acknowledgement which acks lacks.
func (p Plan) Missing(acks []string) []Gate {
	var out []Gate
	for _, g := range p.Gates {
		if g.NeedsAck() && !slices.ContainsFunc(acks, g.Accepts) {
			out = append(out, g)
		}
	}
	return out
}

// Overrides are the checks that acks pass, each with what was typed: what stays
// marked for ever.
func (p Plan) Overrides(acks []string) []string {
	var out []string
	for _, g := range p.Gates {
		if i := slices.IndexFunc(acks, g.Accepts); g.NeedsAck() && i >= 0 {
			out = append(out, g.ID+" "+g.Code+": "+strings.TrimSpace(acks[i]))
		}
	}
	return out
}

// marks are the overrides as they stand in what is sent to GitHub.
func (p Plan) marks(acks []string) string {
	var b strings.Builder
	for _, g := range p.Gates {
		i := slices.IndexFunc(acks, g.Accepts)
		if !g.NeedsAck() || i < 0 {
			continue
		}
		fmt.Fprintf(&b, " [deployctl ack=%s]", g.ID)
		if g.Named {
			fmt.Fprintf(&b, " [deployctl %s]", strings.NewReplacer("[", "", "]", "").Replace(strings.TrimSpace(acks[i])))
		}
	}
	return b.String()
}

// SeenAt is the age of the oldest evidence on the sheet.
func (p Plan) SeenAt() time.Time {
	var oldest time.Time
	for _, g := range p.Gates {
		if !g.At.IsZero() && (oldest.IsZero() || g.At.Before(oldest)) {
			oldest = g.At
		}
	}
	return oldest
}

// EvidenceLife is how long a sheet's evidence counts before it is read again.
const EvidenceLife = 60 * time.Second

// Intent is what the operator wants, with everything that they were shown.
// What is sent follows from the intent alone.
type Intent struct {
	ID          string            `json:"id"` // request id, sortable by time
	Kind        PlanKind          `json:"kind"`
	Repository  string            `json:"repository"`
	Environment string            `json:"environment,omitempty"`
	Operator    string            `json:"operator"`
	RunID       int64             `json:"run_id,omitempty"`
	RunAttempt  int               `json:"run_attempt,omitempty"`
	GateID      int64             `json:"environment_id,omitempty"` // GitHub environment id
	SHA         string            `json:"sha,omitempty"`
	Workflow    string            `json:"workflow,omitempty"`
	Ref         string            `json:"ref,omitempty"`
	Inputs      map[string]string `json:"inputs,omitempty"`
	Deployment  int64             `json:"deployment,omitempty"` // rollback: restored
	Leaves      int64             `json:"leaves,omitempty"`     // rollback: left
	LiveSHA     string            `json:"live_sha,omitempty"`
	LiveECS     map[string]string `json:"live_ecs,omitempty"` // service to PRIMARY deployment id, as seen
	LaneHolder  int64             `json:"lane_holder,omitempty"`
	GatesFP     string            `json:"gates_fp,omitempty"`
	FailedOnly  bool              `json:"failed_only,omitempty"`
	JobID       int64             `json:"job_id,omitempty"` // re-run: of this job alone
	Force       bool              `json:"force,omitempty"`
	Debug       bool              `json:"debug,omitempty"`
	HoldToken   string            `json:"hold_token,omitempty"` // of the hold that was there
	HoldFor     time.Duration     `json:"hold_for,omitempty"`
	LocalHold   bool              `json:"local_hold,omitempty"` // of this machine alone
	Faulty      []string          `json:"faulty,omitempty"`     // commits that the hold marks
	HoldBy      string            `json:"hold_by,omitempty"`    // whose hold was there, and why
	After       string            `json:"after,omitempty"`      // hold: the rollback whose lock becomes it
	Service     string            `json:"service,omitempty"`
	Stops       []ECSDeployment   `json:"stops,omitempty"`     // stop, continue, rollback: what ECS is asked to end
	RollBack    bool              `json:"roll_back,omitempty"` // continue: back instead of on
	Halt        bool              `json:"halt,omitempty"`      // rollback: what is in flight is ended first
	Cancels     []int64           `json:"cancels,omitempty"`   // rollback: runs that are ended first
	Direct      bool              `json:"direct,omitempty"`    // rollback: from here, without GitHub Actions
	Command     string            `json:"command,omitempty"`   // settings: what was typed
	Settings    []Setting         `json:"settings,omitempty"`  // settings: what is to change, without values
	SeenAt      time.Time         `json:"seen_at"`
}

// what names the command that an intent came from.
func (in Intent) what() string { return cmp.Or(in.Command, string(in.Kind)) }

// Preview is what would change.
type Preview struct {
	From, To   Release
	Commits    []Commit // gained; of a rollback: lost
	Truncated  bool
	Authors    []string
	Migrations []string // files
	Services   []ServiceChange
	Expected   time.Duration // usual
	Worst      time.Duration // slowest of the recent ones
	LiveSince  time.Time
}

// ServiceChange is what one service would go through.
type ServiceChange struct {
	Service  string
	From, To string // digests or short SHAs
}

// Confirmation is what the operator typed.
type Confirmation struct {
	Comment string
	Reason  string
	Typed   string
	Acks    []string
}

// Outcome is how a command ended.
type Outcome string

// Outcomes of a command.
const (
	OutcomeDone     Outcome = "done"     // sent, and its effect was seen
	OutcomeUnseen   Outcome = "unseen"   // sent, its effect not seen in time
	OutcomeRefused  Outcome = "refused"  // nothing was sent
	OutcomeRejected Outcome = "rejected" // sent, and the server said no
	OutcomeUnknown  Outcome = "unknown"  // it cannot be told whether it was sent
)

// Receipt is the record of a command, also when it was refused.
type Receipt struct {
	Number      uint64       `json:"number"` // of the journal's line
	Intent      Intent       `json:"intent"`
	Outcome     Outcome      `json:"outcome"`
	Code        string       `json:"code,omitempty"` // reason code: live_changed, sha_changed
	Sentence    string       `json:"sentence"`
	Differences []Difference `json:"differences,omitempty"`
	Acks        []string     `json:"acks,omitempty"`
	Comment     string       `json:"comment,omitempty"`
	Steps       []string     `json:"steps,omitempty"`     // what was done before the last step
	Overrides   []string     `json:"overrides,omitempty"` // checks that were passed by name: "not_staged: hotfix INC-42"
	RunID       int64        `json:"run_id,omitempty"`
	URL         string       `json:"url,omitempty"`
	At          time.Time    `json:"at"`
	Warning     string       `json:"warning,omitempty"` // the journal could not be written
}

// Difference is one fact that changed between what was shown and what is.
type Difference struct {
	Code   string `json:"code"`
	Fact   string `json:"fact"` // "payments", "run attempt"
	Seen   string `json:"seen"`
	Is     string `json:"is"`
	Source string `json:"source"`
}
