package scene

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Operator is an operator that plans as the scenes say, remembers what it was
// asked, and answers what a test sets.
type Operator struct {
	Receipt pipeline.Receipt // what Execute answers, completed with the intent
	Err     error            // what every method fails with

	mu       sync.Mutex
	executed []pipeline.Plan
	typed    []pipeline.Confirmation
	rerun    []pipeline.RunRequest
}

// Executed are the plans that were executed.
func (o *Operator) Executed() []pipeline.Plan {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]pipeline.Plan(nil), o.executed...)
}

// Asked are the runs that a re-run or cancellation was planned for.
func (o *Operator) Asked() []pipeline.RunRequest {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]pipeline.RunRequest(nil), o.rerun...)
}

func gate(id, title, sentence string, v pipeline.Verdict, effect pipeline.Severity, ack string) pipeline.Gate {
	return pipeline.Gate{
		ID: id, Code: id, Title: title, Verdict: v, Effect: effect, Sentence: sentence, Ack: ack,
		Observation: pipeline.Observation{Source: "scene", At: ago(4 * time.Second), TTL: pipeline.EvidenceLife},
	}
}

// PlanTrigger implements sheet.Planner.
func (o *Operator) PlanTrigger(_ context.Context, r pipeline.TriggerRequest) (pipeline.Plan, error) {
	return pipeline.Plan{
		Intent: pipeline.Intent{ID: "01", Kind: pipeline.PlanTrigger, Workflow: r.Workflow, Ref: r.Ref, Inputs: r.Inputs, SeenAt: Now},
		Title:  "Run workflow · " + r.Workflow, Sends: "dispatches " + r.Workflow + " at " + r.Ref,
		Command: "gh workflow run " + r.Workflow + " --ref " + r.Ref,
	}, o.Err
}

// PlanReview implements sheet.Planner.
func (o *Operator) PlanReview(_ context.Context, r pipeline.ReviewRequest) (pipeline.Plan, error) {
	kind, verb := pipeline.PlanApprove, "Approve"
	if r.Reject {
		kind, verb = pipeline.PlanReject, "Reject"
	}
	return pipeline.Plan{
		Intent: pipeline.Intent{ID: "02", Kind: kind, Environment: "production", RunID: r.RunID, RunAttempt: 1, SHA: Fix.SHA, SeenAt: Now},
		Title:  fmt.Sprintf("%s production · cd-production #%d, attempt 1", verb, r.RunID), Comment: true,
		Preview: pipeline.Preview{From: Bump, To: Fix, Authors: []string{"bob", "carol"}, Expected: 19 * time.Minute, Worst: 27 * time.Minute, LiveSince: ago(52 * time.Hour)},
		Gates: []pipeline.Gate{
			gate("A1", "staging", "staging runs exactly a1b2c3d (same digests), healthy, soaked 22m", pipeline.Pass, pipeline.Inform, ""),
			gate("A2", "checks", "required checks: 7 of 7 on a1b2c3d", pipeline.Pass, pipeline.Inform, ""),
			gate("A7", "migrations", "migration orders.0057 adds a column with a default: additive", pipeline.Fail, pipeline.Warn, ""),
		},
		Sends: fmt.Sprintf("approves run %d", r.RunID), Command: "gh api …/pending_deployments",
	}, o.Err
}

// PlanRollback implements sheet.Planner.
func (o *Operator) PlanRollback(_ context.Context, r pipeline.RollbackRequest) (pipeline.Plan, error) {
	return pipeline.Plan{
		Intent: pipeline.Intent{ID: "03", Kind: pipeline.PlanRollback, Environment: r.Environment, Deployment: 9310, Leaves: 9315, SHA: Bump.SHA, SeenAt: Now},
		Title:  "Roll back " + r.Environment, Typed: "ROLLBACK", Reason: 10,
		Preview: pipeline.Preview{From: Fix, To: Bump, Expected: 15 * time.Minute},
		Gates: []pipeline.Gate{
			gate("R1", "images", "task definitions ACTIVE, images present by digest: 6 of 6", pipeline.Pass, pipeline.Inform, ""),
			gate("R5", "loses", "loses 3 commits: Fix cart rounding, Add coupon field, Bump redis", pipeline.Fail, pipeline.Warn, ""),
		},
		Candidates: Bad().Environment("production").Return.Candidates,
		Sends:      "dispatches rollback.yml with deployment_id 9310", Command: "gh workflow run rollback.yml -f deployment_id=9310",
	}, o.Err
}

// PlanRerun implements sheet.Planner.
func (o *Operator) PlanRerun(_ context.Context, r pipeline.RunRequest) (pipeline.Plan, error) {
	return o.ofRun(pipeline.PlanRerun, r)
}

// PlanCancel implements sheet.Planner.
func (o *Operator) PlanCancel(_ context.Context, r pipeline.RunRequest) (pipeline.Plan, error) {
	return o.ofRun(pipeline.PlanCancel, r)
}

func (o *Operator) ofRun(kind pipeline.PlanKind, r pipeline.RunRequest) (pipeline.Plan, error) {
	o.mu.Lock()
	o.rerun = append(o.rerun, r)
	o.mu.Unlock()
	return pipeline.Plan{
		Intent: pipeline.Intent{ID: "04", Kind: kind, RunID: r.RunID, RunAttempt: 1, SeenAt: Now},
		Title:  fmt.Sprintf("%s run %d", kind, r.RunID), Sends: fmt.Sprintf("%ss run %d", kind, r.RunID),
	}, o.Err
}

// PlanHold implements sheet.Planner.
func (o *Operator) PlanHold(_ context.Context, r pipeline.HoldRequest) (pipeline.Plan, error) {
	kind, title := pipeline.PlanLock, "Hold "+r.Environment
	if r.Release {
		kind, title = pipeline.PlanUnlock, "Lift the hold of "+r.Environment
	}
	return pipeline.Plan{
		Intent: pipeline.Intent{ID: "05", Kind: kind, Environment: r.Environment, SeenAt: Now}, Title: title, Reason: 10,
		Gates: []pipeline.Gate{gate("H2", "who sees it", "everybody: it is a ref of acme/shop", pipeline.Pass, pipeline.Inform, "")},
		Sends: "creates the lock of " + r.Environment, Command: "gh deployctl lock -e " + r.Environment,
	}, o.Err
}

// PlanStop implements sheet.Planner.
func (o *Operator) PlanStop(_ context.Context, r pipeline.StopRequest) (pipeline.Plan, error) {
	return o.ofECS(pipeline.PlanStop, "Stop the rollout · "+r.Service, r.Environment)
}

// PlanContinue implements sheet.Planner.
func (o *Operator) PlanContinue(_ context.Context, r pipeline.ContinueRequest) (pipeline.Plan, error) {
	return o.ofECS(pipeline.PlanContinue, "Continue the rollout · "+r.Service, r.Environment)
}

func (o *Operator) ofECS(kind pipeline.PlanKind, title, environment string) (pipeline.Plan, error) {
	return pipeline.Plan{
		Intent: pipeline.Intent{ID: "06", Kind: kind, Environment: environment, SeenAt: Now}, Title: title, Reason: 10,
		Preview: pipeline.Preview{Services: []pipeline.ServiceChange{{Service: "payments", From: "a1b2c3d", To: "9f8e7d6"}}},
		Gates:   []pipeline.Gate{gate("C1", "direct AWS writes", "the configuration does not let this program change ECS", pipeline.Fail, pipeline.Block, "")},
		Sends:   "asks ECS to roll back payments", Command: "aws ecs stop-service-deployment --service-deployment-arn …",
	}, o.Err
}

// Renew implements ui.Operator.
func (o *Operator) Renew(_ context.Context, p pipeline.Plan) (pipeline.Plan, error) { return p, o.Err }

// Execute implements ui.Operator.
func (o *Operator) Execute(_ context.Context, p pipeline.Plan, c pipeline.Confirmation) (pipeline.Receipt, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.executed, o.typed = append(o.executed, p), append(o.typed, c)
	r := o.Receipt
	if r.Outcome == "" {
		r = pipeline.Receipt{Number: 1182, Outcome: pipeline.OutcomeDone, Sentence: "approved: GitHub shows the run in progress", At: Now, RunID: p.Intent.RunID}
	}
	r.Intent = p.Intent
	return r, o.Err
}
