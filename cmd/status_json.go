package cmd

import (
	"fmt"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// statusSchema numbers the format of status --json.
const statusSchema = 1

// runsInStatus is how many runs status --json lists.
const runsInStatus = 20

type statusJSON struct {
	Schema        int                       `json:"schema"`
	AsOf          time.Time                 `json:"as_of"`
	Repository    string                    `json:"repository"`
	Mode          string                    `json:"mode"`
	Configuration configurationJSON         `json:"configuration"`
	Sources       []sourceJSON              `json:"sources"`
	Environments  []environmentJSON         `json:"environments"`
	Runs          []runJSON                 `json:"runs"`
	Approvals     []approvalJSON            `json:"approvals"`
	Pauses        []pauseJSON               `json:"pauses"`
	Holds         []holdJSON                `json:"holds"`
	Disagreements []disagreementJSON        `json:"disagreements"`
	Rollouts      []rolloutJSON             `json:"rollouts"`
	Gates         []gateJSON                `json:"gates"`
	Lanes         []laneJSON                `json:"lanes"`
	ReturnPath    []returnJSON              `json:"return_path"`
	Freeze        *freezeJSON               `json:"freeze"` // that holds now, or the next within a week
	Reconciled    []pipeline.Reconciliation `json:"reconciled,omitempty"`
}

type configurationJSON struct {
	Origin   string   `json:"origin"`
	Inferred bool     `json:"inferred"`
	Notes    []string `json:"notes,omitempty"`
}

type sourceJSON struct {
	Name  string   `json:"name"`
	State string   `json:"state"`
	Age   *float64 `json:"age_seconds"`
	Error *string  `json:"error"`
}

type environmentJSON struct {
	Name     string        `json:"name"`
	Live     liveJSON      `json:"live"`
	Services []serviceJSON `json:"services"`
}

type liveJSON struct {
	SHA     *string    `json:"sha"`
	Version *string    `json:"version"`
	Verdict string     `json:"verdict"`
	Since   *time.Time `json:"since"`
}

type serviceJSON struct {
	Name           string  `json:"name"`
	Desired        *int    `json:"desired"`
	Running        *int    `json:"running"`
	Pending        *int    `json:"pending"`
	RolloutState   *string `json:"rollout_state"`
	Health         string  `json:"health"`
	Why            *string `json:"why"`
	TaskDefinition *string `json:"task_definition"`
	Image          *string `json:"image"`
	SHA            *string `json:"sha"`
	Version        *string `json:"version"`

	Cluster       string             `json:"cluster"`
	Region        string             `json:"region,omitempty"`
	Strategy      *string            `json:"strategy"`
	Rollout       *ecsRolloutJSON    `json:"rollout"`
	Targets       *targetsJSON       `json:"targets"`
	Alarms        []string           `json:"alarms_ringing"`
	Scaling       *scalingJSON       `json:"scaling"`
	Load          *loadJSON          `json:"load"`
	Traffic       []trafficJSON      `json:"traffic,omitempty"`
	Registrations []registrationJSON `json:"registrations,omitempty"`
	Connect       *connectJSON       `json:"service_connect,omitempty"`
	Stopped       []stoppedJSON      `json:"stopped_tasks,omitempty"`
}

type runJSON struct {
	ID         int64     `json:"id"`
	Repository string    `json:"repository,omitempty"` // where it is another than the console's own
	Workflow   string    `json:"workflow"`
	Number     int       `json:"number"`
	Attempt    int       `json:"attempt"`
	Status     string    `json:"status"`
	Conclusion *string   `json:"conclusion"`
	Phase      *string   `json:"phase"`
	Title      string    `json:"title"`
	Branch     string    `json:"branch"`
	SHA        string    `json:"sha"`
	Actor      string    `json:"actor"`
	CreatedAt  time.Time `json:"created_at"`
	URL        string    `json:"url"`

	// Of a run that goes on; left out otherwise, and where nothing is expected.
	Elapsed  *float64   `json:"elapsed_seconds,omitempty"`  // in which it ran; waiting does not count
	Expected *float64   `json:"expected_seconds,omitempty"` // usual, of its workflow
	Slowest  *float64   `json:"slowest_seconds,omitempty"`  // nine in ten took no longer
	Estimate *bool      `json:"expected_is_estimate,omitempty"`
	ETA      *time.Time `json:"eta,omitempty"` // unless it waits
	Slow     *bool      `json:"slow,omitempty"`
	Forecast *string    `json:"forecast,omitempty"` // in words
}

// pauseJSON is an ECS deployment that waits at a hook for a person.
type pauseJSON struct {
	Environment string     `json:"environment"`
	Service     string     `json:"service"`
	Hook        string     `json:"hook"`
	Sentence    string     `json:"sentence"`
	Expires     *time.Time `json:"expires_at"`     // null: not known
	Without     *string    `json:"timeout_action"` // what ECS does without an answer
}

type approvalJSON struct {
	RunID       int64    `json:"run_id"`
	Environment string   `json:"environment"`
	SHA         string   `json:"sha"`
	Waiting     float64  `json:"waiting_seconds"`
	CanApprove  bool     `json:"can_approve"`
	Overdue     bool     `json:"overdue"` // waits for longer than policy.max_approval_age
	Reviewers   []string `json:"reviewers"`
}

type holdJSON struct {
	Environment string     `json:"environment"`
	Owner       string     `json:"owner"`
	Reason      string     `json:"reason"`
	Cause       string     `json:"cause"` // manual, rollback, incident
	Since       time.Time  `json:"since"`
	Until       *time.Time `json:"until"`  // null: until it is lifted
	Faulty      []string   `json:"faulty"` // commits that must not come back
	Local       bool       `json:"local"`  // of this machine alone
}

type disagreementJSON struct {
	Service     string `json:"service"`
	Environment string `json:"environment"`
	Sentence    string `json:"sentence"`
}

type rolloutJSON struct {
	ID          string     `json:"id"`
	Kind        string     `json:"kind"`
	Environment string     `json:"environment"`
	SHA         *string    `json:"sha"`
	Version     *string    `json:"version"`
	Phase       string     `json:"phase"`
	Sentence    *string    `json:"sentence"`
	RunID       *int64     `json:"run_id"`
	Deployment  *int64     `json:"deployment_id"`
	Done        int        `json:"services_done"`
	Total       int        `json:"services_total"`
	Started     *time.Time `json:"started_at"`
	Ended       *time.Time `json:"ended_at"`
}

// freezeNotice is how long before a freeze it is worth a word.
const freezeNotice = 7 * 24 * time.Hour

type freezeJSON struct {
	From   time.Time  `json:"from"`
	Until  *time.Time `json:"until"`
	Reason string     `json:"reason"`
	Active bool       `json:"active"`
}

type gateJSON struct {
	Environment *string  `json:"environment,omitempty"` // in status: what it is a gate of
	RunID       *int64   `json:"run_id,omitempty"`      // in status: of the run that waits
	ID          string   `json:"id"`
	Code        string   `json:"code"`
	Title       string   `json:"title"`
	Verdict     string   `json:"verdict"`
	Effect      string   `json:"effect"`
	Sentence    string   `json:"sentence"`
	Evidence    []string `json:"evidence,omitempty"`
	Remedy      *string  `json:"remedy"`
	Ack         *string  `json:"ack"`
	Age         *float64 `json:"age_seconds"`
}

type laneJSON struct {
	Environment string  `json:"environment"`
	Holder      *int64  `json:"holder"`
	Queue       []int64 `json:"queue"`
	Evicted     []int64 `json:"evicted"`
	Sentence    string  `json:"sentence"`
}

type returnJSON struct {
	Environment string          `json:"environment"`
	Best        *int64          `json:"best"`
	Why         *string         `json:"why"` // why that one is the best
	Sentence    string          `json:"sentence"`
	Deployable  int             `json:"deployable"` // how many of the candidates
	NoReturn    *noReturnJSON   `json:"point_of_no_return"`
	Candidates  []candidateJSON `json:"candidates"`
	Services    []wayBackJSON   `json:"services"`
}

// noReturnJSON is a migration that older code does not run with.
type noReturnJSON struct {
	Migration  string `json:"migration"`
	Class      string `json:"class"`
	Why        string `json:"why"`
	SHA        string `json:"sha"`    // of the newest candidate that lies before it
	Candidates int    `json:"before"` // how many lie before it
}

// wayBackJSON is the way back of one service.
type wayBackJSON struct {
	Service    string        `json:"service"`
	Best       *int64        `json:"best"`
	Sentence   string        `json:"sentence"`
	Deployable int           `json:"deployable"`
	Candidates int           `json:"candidates"`
	NoReturn   *noReturnJSON `json:"point_of_no_return"`
}

type candidateJSON struct {
	Deployment int64    `json:"deployment_id"`
	SHA        string   `json:"sha"`
	Version    *string  `json:"version"`
	Verdict    string   `json:"verdict"`
	Faulty     bool     `json:"faulty"`
	Reasons    []string `json:"reasons"`
	Migrations []string `json:"migrations"` // between it and what is live: null where nobody knows
}

func holdOf(h pipeline.Hold) holdJSON {
	out := holdJSON{Environment: h.Environment, Owner: h.Owner, Reason: h.Reason, Cause: h.Cause, Since: h.Since, Faulty: append([]string{}, h.Faulty...), Local: h.Local()}
	if !h.Until.IsZero() {
		out.Until = &h.Until
	}
	return out
}

// statusOf renders a snapshot in the format that scripts rely on: what is
// unknown is null, what is empty is an empty list.
func statusOf(s *pipeline.Snapshot, now time.Time) statusJSON {
	out := statusJSON{
		Schema: statusSchema, AsOf: s.AsOf.UTC(), Repository: s.Repository.FullName(), Mode: string(s.Mode),
		Configuration: configurationJSON{s.Config.Origin, s.Config.Inferred, s.Config.Notes},
		Sources:       []sourceJSON{}, Environments: []environmentJSON{}, Runs: []runJSON{}, Approvals: []approvalJSON{}, Pauses: []pauseJSON{},
		Holds: []holdJSON{}, Disagreements: []disagreementJSON{}, Rollouts: []rolloutJSON{}, Gates: []gateJSON{},
		Lanes: []laneJSON{}, ReturnPath: []returnJSON{},
	}
	for _, src := range s.Sources {
		out.Sources = append(out.Sources, sourceOf(src, now))
	}
	for i := range s.Environments {
		e := &s.Environments[i]
		out.Environments = append(out.Environments, environmentOf(e))
		out.Lanes = append(out.Lanes, laneOf(e.Lane))
		out.ReturnPath = append(out.ReturnPath, returnOf(e.Return, e.Services))
		for _, d := range e.Disagreements {
			out.Disagreements = append(out.Disagreements, disagreementJSON{d.Service, d.Environment, d.Sentence})
		}
		if h := e.Hold; h != nil {
			out.Holds = append(out.Holds, holdOf(*h))
		}
	}
	for _, r := range s.Runs.Value[:min(runsInStatus, len(s.Runs.Value))] {
		out.Runs = append(out.Runs, runOf(s, r))
	}
	for _, a := range s.Approvals {
		out.Approvals = append(out.Approvals, approvalOf(a, now))
		out.Gates = append(out.Gates, standingOf(s.ApprovalGates(a), a.Environment, a.Run.ID, now)...)
	}
	for _, p := range s.Paused() {
		out.Pauses = append(out.Pauses, pauseJSON{p.Service.Environment, p.Service.Service, p.Hook.ID, p.Sentence(now), moment(p.Expires), known(p.Hook.TimeoutAction)})
	}
	for _, a := range s.Overdue(now) {
		for i := range out.Approvals {
			out.Approvals[i].Overdue = out.Approvals[i].Overdue || out.Approvals[i].RunID == a.Run.ID && out.Approvals[i].Environment == a.Environment
		}
	}
	for i := range s.Environments {
		if e := &s.Environments[i]; e.Environment.Production {
			out.Gates = append(out.Gates, standingOf(s.RollbackGates(e.Environment.Name), e.Environment.Name, 0, now)...)
		}
	}
	if f, ok := s.Frozen(now); ok {
		out.Freeze = &freezeJSON{f.From.UTC(), moment(f.Until), f.Reason, true}
	} else if f, ok := s.NextFreeze(now, freezeNotice); ok {
		out.Freeze = &freezeJSON{f.From.UTC(), moment(f.Until), f.Reason, false}
	}
	out.Reconciled = append(out.Reconciled, s.Reconciled...)
	for _, r := range s.Rollouts {
		out.Rollouts = append(out.Rollouts, rolloutOf(r))
	}
	return out
}

func sourceOf(src pipeline.SourceStatus, now time.Time) sourceJSON {
	out := sourceJSON{Name: src.Name, State: src.State(now)}
	if src.Known() {
		out.Age = pointer(src.Age(now).Seconds())
	}
	if src.Err != nil {
		out.Error = pointer(sentence(src.Err))
	}
	return out
}

func environmentOf(e *pipeline.EnvironmentState) environmentJSON {
	out := environmentJSON{Name: e.Environment.Name, Services: []serviceJSON{}}
	out.Live = liveJSON{SHA: known(e.Live.Release.SHA), Version: known(e.Live.Release.Version), Verdict: string(e.Live.Verdict), Since: moment(e.Live.Since)}
	for _, v := range e.Services {
		svc := serviceJSON{Name: v.Key.Service, Health: string(v.Health), Why: known(v.Why), TaskDefinition: known(v.TaskDefinition), SHA: known(v.SHA)}
		if v.ARN != "" {
			svc.Desired, svc.Running, svc.Pending = pointer(v.Desired), pointer(v.Running), pointer(v.Pending)
		}
		if p, ok := v.Primary(); ok {
			svc.RolloutState = known(p.RolloutState)
		}
		if len(v.Revisions) > 0 {
			svc.Image = known(v.Revisions[0].Digest())
		}
		addDepth(&svc, v)
		out.Services = append(out.Services, svc)
	}
	return out
}

func runOf(s *pipeline.Snapshot, r pipeline.Run) runJSON {
	out := runJSON{
		ID: r.ID, Repository: r.Repository, Workflow: r.Workflow, Number: r.Number, Attempt: r.Attempt, Status: string(r.Status), Conclusion: known(string(r.Conclusion)),
		Title: r.Title, Branch: r.Branch, SHA: r.SHA, Actor: r.Actor, CreatedAt: r.Created.UTC(), URL: r.URL,
	}
	for _, ro := range s.Rollouts {
		if ro.Run.ID == r.ID {
			out.Phase = pointer(string(ro.Phase))
		}
	}
	if f, ok := s.Forecasts[r.Key()]; ok {
		out.foretell(f, s.AsOf)
	}
	return out
}

// foretell adds when a run that goes on will have ended.
func (r *runJSON) foretell(f pipeline.Forecast, now time.Time) {
	r.Elapsed = pointer(f.Elapsed.Seconds())
	if !f.Known() {
		return
	}
	r.Expected, r.Slowest, r.Estimate = pointer(f.Usual.Seconds()), pointer(f.Slowest.Seconds()), pointer(f.Estimated())
	r.ETA, r.Slow, r.Forecast = moment(f.ETA), pointer(f.Slow), known(f.Sentence(now))
}

func approvalOf(a pipeline.Approval, now time.Time) approvalJSON {
	out := approvalJSON{RunID: a.Run.ID, Environment: a.Environment, SHA: a.Run.SHA, Waiting: now.Sub(a.Since).Seconds(), CanApprove: a.CanApprove, Reviewers: []string{}}
	for _, r := range a.Reviewers {
		out.Reviewers = append(out.Reviewers, r.Name)
	}
	return out
}

func rolloutOf(r pipeline.Rollout) rolloutJSON {
	out := rolloutJSON{
		ID: r.ID, Kind: string(r.Kind), Environment: r.Environment, SHA: known(r.Release.SHA), Version: known(r.Release.Version),
		Phase: string(r.Phase), Sentence: known(r.Sentence), Done: r.Done, Total: r.Total, Started: moment(r.Started), Ended: moment(r.Ended),
	}
	if r.Run.ID != 0 {
		out.RunID = pointer(r.Run.ID)
	}
	if r.Deployment != 0 {
		out.Deployment = pointer(r.Deployment)
	}
	return out
}

func gateOf(g pipeline.Gate, now time.Time) gateJSON {
	out := gateJSON{
		ID: g.ID, Code: g.Code, Title: g.Title, Verdict: string(g.Verdict), Effect: g.Effect.String(), Sentence: g.Sentence,
		Evidence: g.Evidence, Remedy: known(g.Remedy), Ack: known(g.Ack),
	}
	if g.Known() {
		out.Age = pointer(g.Age(now).Seconds())
	}
	return out
}

// standingOf are gates with what they are gates of.
func standingOf(gates []pipeline.Gate, environment string, run int64, now time.Time) []gateJSON {
	var out []gateJSON
	for _, g := range gates {
		j := gateOf(g, now)
		j.Environment = known(environment)
		if run != 0 {
			j.RunID = pointer(run)
		}
		out = append(out, j)
	}
	return out
}

func laneOf(l pipeline.Lane) laneJSON {
	out := laneJSON{Environment: l.Environment, Queue: []int64{}, Evicted: []int64{}, Sentence: l.Sentence}
	if l.Holder != nil {
		out.Holder = pointer(l.Holder.Run.ID)
	}
	for _, m := range l.Queue {
		out.Queue = append(out.Queue, m.Run.ID)
	}
	for _, r := range l.Evicted {
		out.Evicted = append(out.Evicted, r.ID)
	}
	return out
}

func returnOf(r pipeline.ReturnPath, services []pipeline.ServiceView) returnJSON {
	out := returnJSON{
		Environment: r.Environment, Sentence: r.Sentence, Why: known(r.Why), Deployable: r.Deployable, NoReturn: noReturnOf(r.NoReturn),
		Candidates: []candidateJSON{}, Services: []wayBackJSON{},
	}
	if r.Best != nil {
		out.Best = pointer(r.Best.Deployment.ID)
	}
	for _, c := range r.Candidates {
		out.Candidates = append(out.Candidates, candidateOf(c))
	}
	for _, v := range services {
		b := wayBackJSON{
			Service: v.Key.Service, Sentence: v.Return.Sentence, Deployable: v.Return.Deployable, Candidates: v.Return.Candidates,
			NoReturn: noReturnOf(v.Return.NoReturn),
		}
		if v.Return.Deployment != 0 {
			b.Best = pointer(v.Return.Deployment)
		}
		out.Services = append(out.Services, b)
	}
	return out
}

func candidateOf(c pipeline.Candidate) candidateJSON {
	out := candidateJSON{
		Deployment: c.Deployment.ID, SHA: c.Release.SHA, Version: known(c.Release.Version), Verdict: string(c.Verdict), Faulty: c.Faulty,
		Reasons: append([]string{}, c.Reasons...),
	}
	if c.Migrations.Known() {
		out.Migrations = []string{}
	}
	for _, m := range c.Migrations.Value {
		out.Migrations = append(out.Migrations, fmt.Sprintf("%s: %s (%s)", m.Name, m.Class, m.Why))
	}
	return out
}

func noReturnOf(p *pipeline.PointOfReturn) *noReturnJSON {
	if p == nil {
		return nil
	}
	return &noReturnJSON{Migration: p.Migration.Name, Class: string(p.Migration.Class), Why: p.Migration.Why, SHA: p.Release.SHA, Candidates: p.Before}
}

func pointer[T any](v T) *T { return &v }

// known is nil for a text that is not known.
func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return pointer(t.UTC())
}
