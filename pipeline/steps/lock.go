package steps

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Causes of a hold. A rollout's lock lasts as long as its run.
const (
	causeRollout  = "rollout"
	causeRollback = "rollback"
)

// runLock begins the request of a run that no command dispatched.
const runLock = "run-"

// ours reports whether this run, or the request that caused it, took a lock.
func (s *Suite) ours(h pipeline.Hold) bool {
	return h.RequestID != "" && (h.RequestID == s.Run.Request() || h.RequestID == runLock+strconv.FormatInt(s.Run.ID, 10))
}

// held reads the hold of an environment, around every cache; nil: none that counts.
func (s *Suite) held(ctx context.Context, env pipeline.Environment) (*pipeline.Hold, error) {
	holds, err := s.GitHub.Holds(pipeline.Uncached(ctx))
	if err != nil {
		return nil, err
	}
	h, ok := holds[env.Name]
	if !ok || !h.Active(time.Now()) {
		return nil, nil
	}
	h.Environment = env.Name
	return &h, nil
}

// clear refuses where something stands against changing an environment to a
// commit: a hold or lock of others, a freeze, a release that was rolled back.
// It is asked before every service.
func (s *Suite) clear(ctx context.Context, env pipeline.Environment, sha string) error {
	refused := func(hint, format string, args ...any) error {
		return &pipeline.Error{Kind: pipeline.KindRefused, Op: "change " + env.Name, Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	for _, f := range s.Configuration.Policy.Freezes {
		now := time.Now()
		if env.Production && !now.Before(f.From) && (f.Until.IsZero() || now.Before(f.Until)) {
			return refused("wait for its end, or change policy.freezes", "it is frozen: %s", f.Reason)
		}
	}
	h, err := s.held(ctx, env)
	if err != nil {
		return err
	}
	if h == nil {
		return nil
	}
	if faulty, err := s.faulty(ctx, *h, sha); err != nil || faulty {
		if err != nil {
			return err
		}
		return refused("deploy a release with the fix; gh deployctl unlock -e "+env.Name+" lifts the mark, with a reason",
			"%s was rolled back and is marked as faulty by %s", pipeline.Short(sha), h.Owner)
	}
	if !s.ours(*h) {
		return refused("talk to "+h.Owner+"; gh deployctl unlock -e "+env.Name+" lifts it, with a reason", "%s holds it: %s", h.Owner, h.Reason)
	}
	return nil
}

// faulty reports whether a hold marks a commit, or one with the same tree.
func (s *Suite) faulty(ctx context.Context, h pipeline.Hold, sha string) (bool, error) {
	if len(h.Faulty) == 0 || h.Marks(sha) {
		return h.Marks(sha), nil
	}
	own, err := s.GitHub.Commit(ctx, sha)
	if err != nil {
		return false, err
	}
	for _, marked := range h.Faulty {
		other, err := s.GitHub.Commit(ctx, marked)
		if pipeline.KindOf(err) == pipeline.KindNotFound {
			continue // force-pushed away
		}
		if err != nil {
			return false, err
		}
		if own.Tree != "" && own.Tree == other.Tree {
			return true, nil
		}
	}
	return false, nil
}

// lock takes the environment's lock for this run, or keeps the one that it has.
// One that has run out is replaced.
func (s *Suite) lock(ctx context.Context, env pipeline.Environment, reason string) error {
	holds, err := s.GitHub.Holds(pipeline.Uncached(ctx))
	if err != nil {
		return err
	}
	h, held := holds[env.Name]
	switch {
	case !held:
		err = s.Publisher.Lock(ctx, s.newLock(env, reason))
	case !h.Active(time.Now()):
		err = s.Publisher.Relock(ctx, h.Token, s.newLock(env, reason))
	case s.ours(h):
		return nil
	default:
		err = &pipeline.Error{Kind: pipeline.KindConflict, Op: "lock " + env.Name, Message: h.Owner + " holds it: " + h.Reason, Hint: "talk to " + h.Owner}
	}
	if err == nil {
		s.Report.Printf("%s is locked by this run", env.Name)
	}
	return err
}

func (s *Suite) newLock(env pipeline.Environment, reason string) pipeline.Hold {
	return pipeline.Hold{
		Environment: env.Name, Owner: s.Run.Actor, Reason: reason, Message: reason, Cause: causeRollout,
		Since: time.Now().UTC().Truncate(time.Second), RequestID: s.Run.Request(),
	}
}

// release gives the run's own lock back. What a rollback left as a hold stays.
func (s *Suite) release(ctx context.Context, env pipeline.Environment) error {
	h, err := s.held(ctx, env)
	if err != nil || h == nil || !s.ours(*h) || len(h.Faulty) > 0 {
		return err
	}
	if err := s.Publisher.Unlock(ctx, env.Name, h.Token); err != nil {
		return err
	}
	s.Report.Printf("the lock of %s is given back", env.Name)
	return nil
}

// adopt makes an environment this rollback's own: it adopts the lock of its own
// request, takes over that of a run that has ended, and goes on below a hold,
// which does not keep a rollback back.
func (s *Suite) adopt(ctx context.Context, env pipeline.Environment, reason string) error {
	h, err := s.rival(ctx, env)
	switch {
	case err != nil:
		return err
	case h == nil:
		return s.lock(ctx, env, reason)
	case s.ours(*h):
		s.Report.Printf("the lock of this request is adopted")
		return nil
	case h.Cause != causeRollout && h.Cause != "":
		s.Report.Warningf("rolled back below a hold", "%s holds %s (%s); a rollback passes", h.Owner, env.Name, h.Reason)
		return nil
	}
	s.Report.Printf("the lock of a run that has ended is taken over: %s", h.Reason)
	mine := s.newLock(env, reason)
	mine.Faulty = h.Faulty
	return s.Publisher.Relock(ctx, h.Token, mine)
}

// rival reads the hold that a rollback meets, and refuses below the lock of a
// run that runs.
func (s *Suite) rival(ctx context.Context, env pipeline.Environment) (*pipeline.Hold, error) {
	h, err := s.held(ctx, env)
	if err != nil || h == nil || s.ours(*h) || h.Cause != causeRollout && h.Cause != "" {
		return h, err
	}
	if s.abandoned(ctx, env, *h) {
		return h, nil
	}
	return nil, &pipeline.Error{
		Kind: pipeline.KindRefused, Op: "roll back " + env.Name, Message: fmt.Sprintf("%s changes it now: %s", h.Owner, h.Reason),
		Hint: "cancel that run first; gh deployctl unlock -e " + env.Name + " lifts a lock that was left behind",
	}
}

// abandoned reports whether the run that took a lock has ended: the run that
// the lock names, or those that the request made deployments with. A lock whose
// run cannot be found is somebody's.
func (s *Suite) abandoned(ctx context.Context, env pipeline.Environment, h pipeline.Hold) bool {
	var runs []int64
	id, isRun := strings.CutPrefix(h.RequestID, runLock)
	if run, err := strconv.ParseInt(id, 10, 64); isRun && err == nil {
		runs = append(runs, run)
	} else if list, err := s.deployments(ctx, env); err == nil && h.RequestID != "" {
		for _, d := range list {
			if d.Payload.RequestID == h.RequestID && d.Payload.RunID != 0 {
				runs = append(runs, d.Payload.RunID)
			}
		}
	}
	for _, run := range runs {
		if other, err := s.GitHub.Run(pipeline.Uncached(ctx), run); err != nil || !other.Done() {
			return false
		}
	}
	return len(runs) > 0
}

// mark turns the lock into the hold that follows a rollback: nobody brings the
// release back that was left until somebody lifts it.
func (s *Suite) mark(ctx context.Context, env pipeline.Environment, left []string, reason string) error {
	h, err := s.held(ctx, env)
	if err != nil {
		return err
	}
	after := s.newLock(env, reason)
	after.Cause, after.Faulty = causeRollback, left
	token := ""
	if h != nil {
		token = h.Token
		if h.Cause != causeRollout && !s.ours(*h) {
			after.Owner, after.Cause, after.Reason, after.Until = h.Owner, h.Cause, h.Reason, h.Until
		}
		for _, sha := range h.Faulty {
			if !after.Marks(sha) {
				after.Faulty = append(after.Faulty, sha)
			}
		}
	}
	if token == "" {
		err = s.Publisher.Lock(ctx, after)
	} else {
		err = s.Publisher.Relock(ctx, token, after)
	}
	if err != nil {
		return err
	}
	s.Report.Printf("%s is held, and what was left is marked as faulty; gh deployctl unlock -e %s lifts that", env.Name, env.Name)
	return nil
}
