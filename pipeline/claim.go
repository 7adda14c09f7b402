package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// claimLife bounds how long the lock of a rollback counts where nobody is left
// who lifts it or turns it into a hold. A rollback takes 15 to 20 minutes.
const claimLife = time.Hour

// claimGrace is how long the console that began a rollback has to turn its lock
// into a hold, before any other does it.
const claimGrace = 2 * time.Minute

// Causes of a lock that no person took by hand.
const (
	causeRollback = "rollback" // of a rollback, and the hold that follows it
	causeRollout  = "rollout"  // of a run that deploys
)

// claim takes the environment's lock under the request's id before a rollback
// is sent, so that one of two who confirm the same sends it. It reports whether
// the rollback may go on. Where locks cannot be written it may, with a warning:
// an emergency does not wait for a permission.
func (o *Operator) claim(ctx context.Context, in Intent, reason, head string, r *Receipt) bool {
	h := Hold{
		Environment: in.Environment, Owner: in.Operator, Reason: firstOf(reason, "rolling back"), Cause: causeRollback,
		Since: time.Now().UTC(), RequestID: in.ID, Token: in.HoldToken, Message: anchored(reason, in.ID, head),
	}
	h.Until = h.Since.Add(claimLife)
	if before := o.lockOf(in.Environment); before != nil {
		h.Faulty = before.Faulty
	}
	err := o.actions.Lock(ctx, h)
	if err == nil {
		return true
	}
	holder, readErr := o.readLock(ctx, in.Environment)
	switch {
	case readErr == nil && holder != nil && holder.RequestID == in.ID:
		return true // it was taken; only the answer got lost
	case KindOf(err) == KindConflict:
		by := Hold{Owner: "somebody", Reason: "its lock cannot be read"}
		if holder != nil {
			by = *holder
		}
		r.Outcome, r.Code = OutcomeRefused, "lane_locked"
		r.Sentence = fmt.Sprintf("%s was faster: %s is locked since %s for %q; nothing was sent", by.Owner, in.Environment, by.Since.Format("15:04:05 MST"), by.Reason)
		r.Differences = append(r.Differences, Difference{Code: "lane_locked", Fact: "the lock", Seen: firstOf(in.HoldBy, "nobody's"), Is: by.Owner + ": " + by.Reason, Source: "GitHub"})
		return false
	}
	r.Warning = firstOf(r.Warning, "the lane could not be locked, so another console may do the same: "+err.Error())
	return true
}

// keeps reports whether the lane is still this request's after it waited for
// something to end: who saw the lock meanwhile may have taken it over, and who
// did not look may have begun to change the environment. What cannot be read
// stops nothing: the sheet was confirmed with what it said of that.
func (o *Operator) keeps(ctx context.Context, in Intent, r *Receipt) bool {
	holder, err := o.readLock(ctx, in.Environment)
	if err == nil && holder != nil && holder.RequestID != in.ID {
		r.Outcome, r.Code = OutcomeRefused, "lane_locked"
		r.Sentence = fmt.Sprintf("%s took the lane over while the run in flight ended: %q; the rollback was not sent", holder.Owner, holder.Reason)
		r.Differences = append(r.Differences, Difference{Code: "lane_locked", Fact: "the lock", Seen: "yours", Is: holder.Owner + ": " + holder.Reason, Source: "GitHub"})
		return false
	}
	if other, began := o.began(ctx, in); began {
		name := fmt.Sprintf("%s #%d", other.Workflow, other.RunNumber)
		r.Outcome, r.Code = OutcomeRefused, "in_flight_changed"
		r.Sentence = fmt.Sprintf("%s by %s went on while the run in flight ended; the rollback was not sent, and a new plan ends that one too", name, firstOf(other.RequestedBy, "somebody"))
		r.Differences = append(r.Differences, Difference{Code: "in_flight_changed", Fact: "runs in flight", Seen: "not there", Is: name, Source: "GitHub"})
		return false
	}
	return true
}

// began looks for a rollout of the environment that is under way and that the
// plan did not end.
func (o *Operator) began(ctx context.Context, in Intent) (Rollout, bool) {
	if o.engine.readRuns(Uncached(ctx)) != nil {
		return Rollout{}, false
	}
	s, _ := o.derived(time.Now())
	i := slices.IndexFunc(s.Rollouts, func(r Rollout) bool {
		return r.Environment == in.Environment && r.Run.ID != 0 && underWay(r) && !slices.Contains(in.Cancels, r.Run.ID)
	})
	if i < 0 {
		return Rollout{}, false
	}
	return s.Rollouts[i], true
}

// release gives back what claim took, after a rollback that was not sent: the
// hold that was there before, or none.
func (o *Operator) release(ctx context.Context, in Intent, before *Hold, r *Receipt) {
	ctx = Uncached(context.WithoutCancel(ctx))
	mine, err := o.readLock(ctx, in.Environment)
	if err == nil && (mine == nil || mine.RequestID != in.ID) {
		return
	}
	switch {
	case err != nil:
	case before != nil && before.Active(time.Now()):
		again := *before
		again.Token, again.Message = mine.Token, "the hold of "+before.Owner+" again: "+before.Reason
		err = o.actions.Lock(ctx, again)
	default:
		err = o.actions.Unlock(ctx, in.Environment, mine.Token)
	}
	if err != nil {
		r.Warning = firstOf(r.Warning, fmt.Sprintf("the lock of this rollback is left until %s: %v", r.At.Add(claimLife).Format("15:04 MST"), err))
	}
	_ = o.engine.readHolds(ctx) // its fact carries its error
}

// lockOf is the shared lock of an environment as it was read last, also one
// that has run out; nil: there is none.
func (o *Operator) lockOf(environment string) *Hold {
	return view(o.engine, func(s *state) *Hold {
		if h, ok := s.holds.Value[environment]; ok {
			return &h
		}
		return nil
	})
}

// readLock reads the shared lock of an environment now.
func (o *Operator) readLock(ctx context.Context, environment string) (*Hold, error) {
	if err := o.engine.readHolds(Uncached(ctx)); err != nil {
		return nil, err
	}
	return o.lockOf(environment), nil
}

// unsettled are the rollbacks that succeeded and whose lock nobody has turned
// into a hold yet: the own ones at once, those of others after a while. A lock
// that somebody lifted is gone, and no hold follows it.
func (o *Operator) unsettled(s *Snapshot) []Intent {
	var out []Intent
	for i := range s.Environments {
		e := &s.Environments[i]
		lock := e.lock
		if lock == nil || lock.Cause != causeRollback || lock.Until.IsZero() || lock.RequestID == "" {
			continue
		}
		j := slices.IndexFunc(e.Deployments.Value, func(d Deployment) bool {
			return d.Payload.Kind == "rollback" && d.Payload.RequestID == lock.RequestID && d.Succeeded()
		})
		if j < 0 || !succeeded(s, e.Deployments.Value[j].ID) {
			continue
		}
		done := e.Deployments.Value[j]
		if lock.Owner != s.Viewer.Login && s.AsOf.Sub(done.SucceededAt()) < claimGrace {
			continue
		}
		in := Intent{ID: lock.RequestID, Kind: PlanRollback, Repository: s.Repository.FullName(), Environment: e.Environment.Name, Operator: lock.Owner}
		if sha := leftSHA(e.Deployments.Value, done); sha != "" {
			in.Faulty = []string{sha}
		}
		out = append(out, in)
	}
	return out
}

// succeeded reports whether the rollout of a deployment ended well, by ECS as well.
func succeeded(s *Snapshot, deployment int64) bool {
	return slices.ContainsFunc(s.Rollouts, func(r Rollout) bool { return r.Deployment == deployment && r.Phase == PhaseSucceeded })
}

// leftSHA is the commit that a rollback left.
func leftSHA(list []Deployment, rollback Deployment) string {
	if b := rollback.Payload.Before; b != nil && b.SHA != "" {
		return b.SHA
	}
	for _, d := range list {
		if d.ID == rollback.Payload.RollbackOf {
			return d.SHA
		}
	}
	return ""
}
