package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// HoldStore keeps the holds that are known on this machine alone: what is left
// where the token may not write to the repository.
type HoldStore interface {
	// Holds are all of them by environment.
	Holds() (map[string]Hold, error)
	// Keep adds a hold, and replaces one of the same environment.
	Keep(h Hold) error
	// Drop removes the hold of an environment; none is no error.
	Drop(environment string) error
}

// HoldRequest asks to keep an environment from being changed, or to lift that.
type HoldRequest struct {
	Environment string
	Release     bool          // lift it
	For         time.Duration // how long; 0: until it is lifted
	After       string        // the request of a rollback that succeeded, whose lock becomes the hold
}

// Active reports whether the hold has not run out.
func (h Hold) Active(now time.Time) bool { return h.Until.IsZero() || now.Before(h.Until) }

// Local reports whether the hold is of this machine alone: nobody else sees it,
// and no workflow obeys it.
func (h Hold) Local() bool { return h.Token == "" }

// Marks reports whether the hold marks a commit as faulty.
func (h Hold) Marks(sha string) bool { return sha != "" && slices.Contains(h.Faulty, sha) }

// hold is what holds an environment: the shared lock, else one of this machine.
func (d *deriving) hold(name string) *Hold {
	for _, holds := range []map[string]Hold{d.holds.Value, d.localHolds} {
		if h, ok := holds[name]; ok && h.Active(d.now) {
			h.Environment = name
			return &h
		}
	}
	return nil
}

// lock is the shared lock as it is, also one that has run out.
func (d *deriving) lock(name string) *Hold {
	h, ok := d.holds.Value[name]
	if !ok {
		return nil
	}
	h.Environment = name
	return &h
}

func (e *Engine) readHolds(ctx context.Context) error {
	read := e.beginRead()
	shared, err := e.opt.GitHub.Holds(ctx)
	var local map[string]Hold
	if e.opt.LocalHolds != nil {
		var localErr error
		if local, localErr = e.opt.LocalHolds.Holds(); err == nil {
			err = localErr
		}
	}
	e.observe(func(s *state) {
		if !s.newest("github holds", read, err) {
			return
		}
		s.holds = fact(s.holds, "github holds", staleFactor*everyHolds, shared, err)
		s.localHolds = local
	})
	return err
}

// PlanHold plans to hold an environment, or to lift its hold. Where the token
// may not write, the hold is kept on this machine alone, and the plan says so.
func (o *Operator) PlanHold(ctx context.Context, req HoldRequest) (Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	s, err := o.ready(ctx)
	if err != nil {
		return Plan{}, err
	}
	if _, err := s.Config.Named(req.Environment); err != nil {
		return Plan{}, err
	}
	if err := o.engine.readHolds(Uncached(ctx)); err != nil {
		return Plan{}, err
	}
	now, _ := o.derived(time.Now())
	state := now.Environment(req.Environment)
	held := state.Hold
	in := o.newIntent(PlanLock, s)
	in.Environment, in.HoldFor, in.LocalHold, in.After = req.Environment, req.For, !s.Repository.CanWrite(), req.After
	p := Plan{Title: "Hold " + req.Environment, Reason: reasonLength, Sends: "creates the lock of " + req.Environment}
	if req.Release {
		in.Kind, p.Title, p.Sends = PlanUnlock, "Lift the hold of "+req.Environment, "deletes the lock of "+req.Environment
	}
	switch {
	case held != nil:
		in.HoldToken, in.LocalHold, in.HoldBy = held.Token, held.Local(), held.Owner+": "+held.Reason
	case state.lock != nil:
		in.HoldToken = state.lock.Token // it has run out, and is replaced
	}
	if limit := s.Config.Policy.MaxHold; limit > 0 && !req.Release && req.For == 0 && req.After == "" {
		in.HoldFor = limit
	}
	p.Gates = []Gate{holdGate(req, held, in.Operator, now.AsOf), reachGate(s, in, now.AsOf), lengthGate(s, in, now.AsOf)}
	if req.Release {
		p.Gates = append(p.Gates, busyGate(now, req.Environment))
	}
	if in.LocalHold {
		p.Sends = "sends nothing: the hold of " + req.Environment + " is kept on this machine alone"
	}
	p.Command = lockCommand(req)
	in.GatesFP = Fingerprint(p.Gates)
	p.Intent = in
	return p, nil
}

func lockCommand(req HoldRequest) string {
	verb := "lock"
	if req.Release {
		verb = "unlock"
	}
	return fmt.Sprintf("gh deployctl %s -e %s --reason '…'", verb, req.Environment)
}

// holdGate (H1): there is no hold to take, or one to lift.
func holdGate(req HoldRequest, held *Hold, operator string, now time.Time) Gate {
	g := Gate{ID: "H1", Code: "held", Title: "the hold", Ack: "hold", Verdict: Pass, Observation: Observation{Source: "github holds", At: now}}
	switch {
	case held == nil && req.Release:
		g.Verdict, g.Effect, g.Code, g.Sentence = Fail, Block, "not_held", req.Environment+" is not held"
	case held == nil:
		g.Sentence = req.Environment + " is not held"
	case req.After != "" && held.RequestID == req.After:
		g.Sentence = "the lock of the rollback becomes the hold"
	case !req.Release:
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = fmt.Sprintf("%s holds it already: %s", held.Owner, held.Reason)
	case held.Owner != operator:
		g.Verdict, g.Effect = Fail, Acknowledge
		g.Sentence = fmt.Sprintf("it is the hold of %s: %s", held.Owner, held.Reason)
		g.Remedy = "talk to " + held.Owner + " first"
	default:
		g.Sentence = "it is your own: " + held.Reason
	}
	return g
}

// busyGate (H4): a lock that is lifted while something changes the environment
// lets a second change in beside it.
func busyGate(s *Snapshot, environment string) Gate {
	g := Gate{ID: "H4", Code: "rollout_in_flight", Title: "what it protects", Ack: "running", Verdict: Pass, Sentence: "nothing changes " + environment + " now", Observation: s.Runs.Observation}
	if unreadable(s.Runs.Observation) {
		return unreadGate(g, s.Runs.Observation, Acknowledge)
	}
	i := slices.IndexFunc(s.Rollouts, func(r Rollout) bool {
		return r.Environment == environment && r.Run.ID != 0 && underWay(r) && !queues(r)
	})
	if i >= 0 {
		r := s.Rollouts[i]
		g.Verdict, g.Effect = Fail, Acknowledge
		g.Sentence = fmt.Sprintf("%s #%d%s still changes %s: %s", r.Workflow, r.RunNumber, by(r.RequestedBy), environment, r.Phase)
		g.Remedy = "let it end; it gives its lock back, or turns it into a hold"
	}
	return g
}

// reachGate (H2): everybody sees the hold.
func reachGate(s *Snapshot, in Intent, now time.Time) Gate {
	g := Gate{ID: "H2", Code: "local_only", Title: "who sees it", Verdict: Pass, Sentence: "everybody: it is a ref of " + s.Repository.FullName(), Observation: Observation{Source: "github repository", At: now}}
	if in.LocalHold {
		g.Verdict, g.Effect = Fail, Warn
		g.Sentence = "this machine alone: " + firstOf(s.Viewer.Login, "the token") + " may not write to the repository"
	}
	return g
}

// lengthGate (H3): a hold that is taken by hand ends when the team's policy says.
func lengthGate(s *Snapshot, in Intent, now time.Time) Gate {
	g := Gate{ID: "H3", Code: "hold_too_long", Title: "how long", Verdict: Pass, Observation: Observation{Source: "configuration", At: now}}
	limit := s.Config.Policy.MaxHold
	switch {
	case in.Kind == PlanUnlock:
		g.Verdict, g.Sentence = NotApplicable, "it is lifted"
	case limit > 0 && in.HoldFor > limit:
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = fmt.Sprintf("a hold lasts %s at most, by policy.holds", Duration(limit))
		g.Remedy = "ask for less, and take it again when it ends"
	case in.HoldFor > 0:
		g.Sentence = "it ends by itself after " + Duration(in.HoldFor)
	default:
		g.Sentence = "until somebody lifts it"
	}
	return g
}

// hold takes or lifts a hold, and looks whether it is so.
func (o *Operator) hold(ctx context.Context, in Intent, reason, head string, r *Receipt) {
	h := Hold{Environment: in.Environment, Owner: in.Operator, Reason: reason, Cause: "manual", Since: time.Now().UTC(), RequestID: in.ID, Token: in.HoldToken, Faulty: in.Faulty}
	h.Message = anchored(reason, in.ID, head)
	if len(in.Faulty) > 0 {
		h.Cause = causeRollback
	}
	if lock := o.lockOf(in.Environment); in.After != "" && lock != nil && lock.RequestID == in.After {
		h.Owner = lock.Owner // whoever's console turns the lock into a hold
	}
	if in.HoldFor > 0 {
		h.Until = h.Since.Add(in.HoldFor)
	}
	err := o.sendHold(ctx, in, h)
	if err != nil && !doubtful(err) {
		r.Outcome, r.Code, r.Sentence = OutcomeRejected, string(KindOf(err)), err.Error()
		return
	}
	tell(ctx, StageObserving, "")
	seen := o.await(ctx, func(ctx context.Context) (bool, error) { return o.holdSeen(ctx, in) })
	switch {
	case seen && in.Kind == PlanUnlock:
		r.Outcome, r.Sentence = OutcomeDone, in.Environment+" is held no more"
	case seen:
		r.Outcome, r.Sentence = OutcomeDone, in.Environment+" is held"
		if in.LocalHold {
			r.Sentence += ", on this machine alone: the token may not write to the repository"
		}
	case err != nil:
		r.Outcome, r.Code, r.Sentence = OutcomeUnknown, "sent_unknown", "it cannot be told whether it was sent: "+err.Error()
	default:
		r.Outcome, r.Code, r.Sentence = OutcomeUnseen, "effect_unseen", "sent, not yet seen; look at the holds before you try again"
	}
}

func (o *Operator) sendHold(ctx context.Context, in Intent, h Hold) error {
	local := o.engine.opt.LocalHolds
	switch {
	case in.LocalHold && local == nil:
		return &Error{Kind: KindForbidden, Message: "the token may not write to the repository, and there is no place for a hold on this machine"}
	case in.LocalHold && in.Kind == PlanUnlock:
		return local.Drop(in.Environment)
	case in.LocalHold:
		return local.Keep(h)
	case in.Kind == PlanUnlock:
		return o.actions.Unlock(ctx, in.Environment, in.HoldToken)
	}
	return o.actions.Lock(ctx, h)
}

// holdSeen reports whether the hold is as the intent wants it.
func (o *Operator) holdSeen(ctx context.Context, in Intent) (bool, error) {
	if err := o.engine.readHolds(ctx); err != nil {
		return false, err
	}
	s, _ := o.derived(time.Now())
	h := s.Environment(in.Environment).Hold
	if in.Kind == PlanUnlock {
		return h == nil || h.Token != in.HoldToken, nil
	}
	return h != nil && h.RequestID == in.ID, nil
}

// Guard holds an environment when a rollback that this operator started has
// succeeded, and marks the release that it left as faulty, until somebody lifts
// that. It returns when ctx ends. A hold that is there already stays as it is.
func (o *Operator) Guard(ctx context.Context) {
	wake, stop := o.engine.Subscribe()
	defer stop()
	for {
		o.HoldAfter(ctx, o.engine.Snapshot())
		select {
		case <-ctx.Done():
			return
		case <-wake:
		}
	}
}

// landed takes the own rollbacks that have ended off the list, and returns
// those that succeeded.
func (o *Operator) landed(s *Snapshot) []Intent {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []Intent
	o.rollbacks = slices.DeleteFunc(o.rollbacks, func(sent sentRollback) bool {
		i := slices.IndexFunc(s.Rollouts, func(r Rollout) bool {
			return r.Environment == sent.intent.Environment && r.Kind == RolloutRollback && r.Run.ID == sent.run && r.Phase.Terminal()
		})
		if i < 0 {
			return false
		}
		if s.Rollouts[i].Phase == PhaseSucceeded {
			out = append(out, sent.intent)
		}
		return true
	})
	return out
}

// HoldAfter is what Guard does once: it holds the environments of the rollbacks
// that have succeeded and are not followed by a hold yet, whoever began them.
func (o *Operator) HoldAfter(ctx context.Context, s *Snapshot) []Receipt {
	if s.Restored {
		return nil
	}
	var out []Receipt
	done := map[string]bool{}
	for _, in := range append(o.landed(s), o.unsettled(s)...) {
		if done[in.ID] {
			continue
		}
		done[in.ID] = true
		if r, sent := o.holdAfter(ctx, in); sent {
			out = append(out, r)
		}
	}
	return out
}

// holdAfter holds an environment after a rollback. It reports whether there was
// anything to do: the rollback step may have left the hold itself.
func (o *Operator) holdAfter(ctx context.Context, rollback Intent) (Receipt, bool) {
	refused := func(in Intent, err error) (Receipt, bool) {
		in.Kind = PlanLock
		return o.finish(ctx, Receipt{Intent: in, Outcome: OutcomeRefused, Code: string(KindOf(err)), Sentence: "not held after the rollback: " + err.Error()}), true
	}
	if lock, err := o.readLock(ctx, rollback.Environment); err == nil && lock != nil && lock.Until.IsZero() && marksAll(*lock, rollback.Faulty) {
		return Receipt{}, false
	}
	p, err := o.PlanHold(ctx, HoldRequest{Environment: rollback.Environment, After: rollback.ID})
	if err != nil {
		return refused(rollback, err)
	}
	p.Intent.Faulty = slices.Clone(rollback.Faulty)
	if lock := o.lockOf(rollback.Environment); lock != nil && lock.RequestID == rollback.ID {
		p.Intent.Faulty = append(p.Intent.Faulty, lock.Faulty...)
		slices.Sort(p.Intent.Faulty)
		p.Intent.Faulty = slices.Compact(p.Intent.Faulty)
	}
	r, err := o.Execute(ctx, p, Confirmation{Reason: "rolled back, " + shorts(rollback.Faulty) + " is faulty"})
	if err != nil {
		return refused(p.Intent, err)
	}
	return r, true
}

// marksAll reports whether a hold marks every one of the commits.
func marksAll(h Hold, commits []string) bool {
	return !slices.ContainsFunc(commits, func(sha string) bool { return !h.Marks(sha) })
}

// shorts names commits for a person.
func shorts(commits []string) string {
	var out []string
	for _, sha := range commits {
		out = append(out, Short(sha))
	}
	return firstOf(strings.Join(out, ", "), "what it left")
}

// sentRollback is a rollback of this operator that has not ended yet.
type sentRollback struct {
	intent Intent
	run    int64
}
