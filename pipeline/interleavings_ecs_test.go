package pipeline

import (
	"context"
	"fmt"
	"slices"
)

// rollOut makes ECS roll a service of production out anew, in the console of AWS
// or by a run; every other time it pauses at a hook.
func (w *walk) rollOut() bool {
	n := w.next()
	w.change(func(x *world) {
		v := &x.services["shop-production"][n%2]
		d := &ServiceDeployment{
			ARN: fmt.Sprintf("arn:sd/%d", n), Status: "IN_PROGRESS",
			Sources: []ServiceRevision{{SHA: v.Revisions[0].SHA}}, Target: ServiceRevision{SHA: v.Revisions[0].SHA},
		}
		if w.chance(2) {
			d.Hooks = []Hook{{ID: fmt.Sprintf("hook-%d", n), Type: "PAUSE", Status: hookAwaits}}
		}
		v.Rollout = d
	})
	return true
}

// rolledOut ends what ECS rolls out, unless it waits for a person.
func (w *walk) rolledOut() bool {
	ended := false
	w.change(func(x *world) {
		for _, v := range x.services["shop-production"] {
			if v.Rollout == nil || !v.Rollout.InFlight() {
				continue
			}
			if _, paused := v.Rollout.Pause(); paused {
				continue
			}
			word := "SUCCESSFUL"
			if !v.Rollout.Stoppable() {
				word = "ROLLBACK_SUCCESSFUL"
			}
			x.rollout(v.Rollout.ARN, func(d *ServiceDeployment) { d.Status = word })
			ended = true
		}
	})
	return ended
}

// rollout changes a deployment of ECS, of which snapshots may hold the old state.
func (w *world) rollout(arn string, change func(*ServiceDeployment)) {
	list := slices.Clone(w.services["shop-production"])
	for i, v := range list {
		if v.Rollout != nil && v.Rollout.ARN == arn {
			d := *v.Rollout
			change(&d)
			list[i].Rollout = &d
		}
	}
	w.services["shop-production"] = list
}

func (w *walk) planStop() bool {
	p := w.somebody()
	plan, err := p.operator.PlanStop(w.ctx, StopRequest{Environment: "production"})
	return w.planned(p, plan, err)
}

func (w *walk) planContinue() bool {
	p := w.somebody()
	plan, err := p.operator.PlanContinue(w.ctx, ContinueRequest{Environment: "production", RollBack: w.chance(2)})
	return w.planned(p, plan, err)
}

// goesOn reports whether a deployment of ECS still is what an intent was to end.
func (w *world) goesOn(in Intent, stopped ECSDeployment) bool {
	for _, v := range w.services["shop-production"] {
		if v.Rollout == nil || v.Rollout.ARN != stopped.ARN {
			continue
		}
		hook, paused := v.Rollout.Pause()
		return in.Kind == PlanContinue && paused && hook.ID == stopped.Hook || in.Kind == PlanStop && v.Rollout.Stoppable()
	}
	return false // another took its place
}

// walkHands changes the walk's ECS.
type walkHands struct{ *walk }

func (w *walk) hands() CloudActions { return walkHands{w} }

func (h walkHands) StopDeployment(_ context.Context, _ Cluster, arn string) error {
	return h.act("stop", arn, func(in Intent) bool { return in.Kind == PlanStop || in.Kind == PlanRollback && in.Halt },
		func(d *ServiceDeployment) { d.Status, d.Hooks = "ROLLBACK_REQUESTED", nil })
}

func (h walkHands) ContinueDeployment(_ context.Context, _ Cluster, arn, hook string, back bool) error {
	verb, word := "continue", "IN_PROGRESS"
	if back {
		verb, word = "back", "ROLLBACK_REQUESTED"
	}
	return h.act(verb, arn, func(in Intent) bool {
		return in.Kind == PlanContinue && in.RollBack == back && slices.ContainsFunc(in.Stops, func(d ECSDeployment) bool { return d.ARN == arn && d.Hook == hook })
	}, func(d *ServiceDeployment) { d.Status, d.Hooks = word, nil })
}

// act (2, 9): ECS is told what somebody confirmed, of the deployment that they
// were shown, and at most once for each of them.
func (h walkHands) act(verb, arn string, asks func(Intent) bool, change func(*ServiceDeployment)) error {
	h.mu.Lock()
	confirmed := 0
	for _, in := range h.stops[arn] {
		if asks(in) {
			confirmed++
		}
	}
	h.lifts[arn] = confirmed // how often it may be sent
	h.mu.Unlock()
	if confirmed == 0 {
		h.t.Errorf("%s of %s, which nobody confirmed", verb, arn)
	}
	return h.write(verb, arn, func(*world) {}, func(x *world) error {
		i := slices.IndexFunc(x.services["shop-production"], func(v ServiceState) bool { return v.Rollout != nil && v.Rollout.ARN == arn })
		if i < 0 || !x.services["shop-production"][i].Rollout.Stoppable() {
			return Errorf(KindConflict, "the deployment has ended")
		}
		x.rollout(arn, change)
		return nil
	})
}
