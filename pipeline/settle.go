package pipeline

import (
	"context"
	"time"
)

// Settle waits until every source was asked once, or ctx ends, and returns the
// snapshot of that moment. It is how a command that prints once reads.
func (e *Engine) Settle(ctx context.Context) *Snapshot {
	wake, cancel := e.Subscribe()
	defer cancel()
	for {
		s := e.Snapshot()
		if e.settled(s) {
			return s
		}
		select {
		case <-ctx.Done():
			return e.Snapshot()
		case <-wake:
		case <-time.After(soon):
		}
	}
}

// settled reports whether every source answered or failed, and whether what
// depends on their answers was asked for as well.
func (e *Engine) settled(s *Snapshot) bool {
	if s.Restored || s.Version == 0 {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dirty || e.current.Load() != s {
		return false // something was read that the snapshot does not show yet
	}
	if e.opt.GitHub != nil && !e.state.pastRestored {
		return false
	}
	failed := false
	for _, p := range e.pollers {
		if p.aside {
			continue
		}
		if p.status.At.IsZero() && p.status.ErrAt.IsZero() {
			return false
		}
		failed = failed || p.status.Err != nil
	}
	if failed {
		return true // what depends on a failed source will not come
	}
	for i := range s.Environments {
		if !e.complete(&s.Environments[i]) {
			return false
		}
	}
	return e.opt.GitHub == nil || s.unresolved == 0
}

// complete reports whether everything that was asked of an environment is there.
func (e *Engine) complete(env *EnvironmentState) bool {
	if e.opt.GitHub != nil && (!env.Deployments.Known() || env.Return.unread) {
		return false
	}
	if e.opt.Cloud == nil || len(env.Environment.Clusters) == 0 {
		return true
	}
	return env.Known() && !unnamed(env) && !unread(env) && !undecided(env) && !env.unreadHistory
}
