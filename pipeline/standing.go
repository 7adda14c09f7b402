package pipeline

import (
	"slices"
	"strings"
	"time"
)

// standingGates judge from the snapshot alone what a sheet would read: no
// request is made for them. What only a sheet reads is unknown, and says so.

// ApprovalGates are the gates of a run that waits (A1 to A18) as far as this
// snapshot tells. The sheet and the command read every fact anew.
func (s *Snapshot) ApprovalGates(a Approval) []Gate {
	env, _ := s.Config.Environment(a.Environment)
	ev := s.standing(env, a.Environment)
	ev.run = Fact[Run]{Value: a.Run, Observation: s.Runs.Observation}
	ev.pending = s.Pending[a.Run.ID]
	if env.After != "" {
		ev.previous = s.Environment(env.After)
	}
	i := slices.IndexFunc(ev.pending.Value, func(p PendingApproval) bool { return p.EnvironmentID == a.EnvironmentID })
	pending := PendingApproval{RunID: a.Run.ID, EnvironmentID: a.EnvironmentID, Environment: a.Gate, CanApprove: a.CanApprove, Reviewers: a.Reviewers, WaitStarted: a.Since}
	if i >= 0 {
		pending = ev.pending.Value[i]
	}
	in := Intent{Kind: PlanApprove, Operator: s.Viewer.Login, Environment: a.Environment, RunID: a.Run.ID, RunAttempt: a.Run.Attempt, SHA: a.Run.SHA}
	return unevaluated(approvalGates(ev, pending, in, ""))
}

// RollbackGates are the gates of going back to an environment's best candidate
// (R1 to R23) as far as this snapshot tells; none where there is no candidate.
func (s *Snapshot) RollbackGates(environment string) []Gate {
	e := s.Environment(environment)
	if e == nil || e.Return.Best == nil {
		return nil
	}
	ev := s.standing(e.Environment, environment)
	if f, ok := s.files[s.Config.Workflows.Rollback]; ok {
		ev.rollback = f
	}
	if f := s.spans[span{e.Return.Best.Release.SHA, e.Live.Release.SHA}]; f.Value.Comparison.Status != "" {
		ev.compare = Fact[Comparison]{Value: f.Value.Comparison, Observation: f.Observation}
		ev.migrations = Fact[[]Migration]{Value: f.Value.Migrations, Observation: f.Observation}
	}
	in := Intent{Kind: PlanRollback, Environment: environment, Deployment: e.Return.Best.Deployment.ID}
	return unevaluated(rollbackGates(ev, *e.Return.Best, in))
}

func (s *Snapshot) standing(env Environment, name string) *evidence {
	if env.Name == "" {
		env.Name = name
	}
	return &evidence{now: s.AsOf, snap: s, env: environmentOr(s, env), same: s.same}
}

// same reports whether two commits are one release: one SHA, or one tree.
func (s *Snapshot) same(a, b string) bool {
	return a != "" && b != "" && (a == b || s.trees[a] != "" && s.trees[a] == s.trees[b])
}

// unevaluated tells facts that nobody asked for from facts that cannot be read.
func unevaluated(gates []Gate) []Gate {
	for i, g := range gates {
		if g.Verdict == Unknown && g.Err == nil && (!g.Known() || strings.HasSuffix(g.Sentence, " cannot be read")) {
			gates[i].Code, gates[i].Effect = "not_evaluated", Inform
			gates[i].Sentence = g.Title + ": not evaluated; the sheet and the command read it"
			gates[i].Remedy, gates[i].Ack = "", ""
		}
	}
	return gates
}

// Frozen returns the freeze window that holds now, and whether there is one.
func (s *Snapshot) Frozen(now time.Time) (FreezeWindow, bool) {
	return frozen(s.Config.Policy.Freezes, now)
}

// NextFreeze returns the next freeze window that begins within a span.
func (s *Snapshot) NextFreeze(now time.Time, within time.Duration) (FreezeWindow, bool) {
	var next FreezeWindow
	for _, f := range s.Config.Policy.Freezes {
		if f.From.After(now) && f.From.Before(now.Add(within)) && (next.From.IsZero() || f.From.Before(next.From)) {
			next = f
		}
	}
	return next, !next.From.IsZero()
}

// Starting reports whether the configuration or the runs are still being read
// for the first time, so that what is missing may yet come.
func (s *Snapshot) Starting() bool {
	if len(s.Environments) > 0 {
		return false
	}
	unread := func(src SourceStatus) bool { return src.Name == "configuration" && untouched(src.Observation) }
	return untouched(s.Runs.Observation) || slices.ContainsFunc(s.Sources, unread)
}

// Overdue are the approvals that wait for longer than the team lets them: each
// blocks its lane. The oldest first.
func (s *Snapshot) Overdue(now time.Time) []Approval {
	limit := s.Config.Policy.MaxApprovalAge
	if limit == 0 {
		limit = defaultApprovalAge
	}
	var out []Approval
	for _, a := range s.Approvals {
		if !a.Since.IsZero() && now.Sub(a.Since) > limit {
			out = append(out, a)
		}
	}
	return out
}
