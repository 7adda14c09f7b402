package sandbox

import "time"

// pauseLimit is how long a deployment waits at a hook before ECS takes the
// hook's own way out, where the service does not say (docs.aws.amazon.com).
const pauseLimit = 24 * time.Hour

// PauseHook is the configuration of a hook of type PAUSE.
type PauseHook struct {
	Limit    time.Duration // how long a deployment waits for an answer, in minutes; 0: 24 hours
	Continue bool          // it goes on when nobody has answered by then, and not back
}

// limit is how long a deployment waits.
func (p *PauseHook) limit() time.Duration {
	if p.Limit > 0 {
		return p.Limit
	}
	return pauseLimit
}

// action is what ECS does when nobody has answered.
func (p *PauseHook) action() string {
	if p.Continue {
		return "CONTINUE"
	}
	return "ROLLBACK"
}

// LifecycleHook is a hook of type PAUSE that a deployment has reached.
type LifecycleHook struct {
	ID      string
	Status  string // AWAITING_ACTION, SUCCEEDED, FAILED, TIMED_OUT
	Expires time.Time
	Action  string // what ECS does then: CONTINUE, ROLLBACK
}

// PauseDeployments gives a service a hook at which each of its deployments
// waits for somebody, once its tasks are up and before it bakes.
func (w *World) PauseDeployments(s *Service, hook PauseHook) { s.Pauses = &hook }

// pause makes a deployment wait at its hook.
func (w *World) pause(d *ServiceDeployment) {
	configured := *d.Service.Pauses
	hook := &LifecycleHook{
		ID: w.hash40("hook", w.nextID("hook"))[:12], Status: "AWAITING_ACTION",
		Expires: w.now.Add(w.scaled(configured.limit())), Action: configured.action(),
	}
	d.Hooks = append(d.Hooks, hook)
	d.Updated = w.now
	w.serviceEvent(d.Service, "(deployment %s) is paused at a lifecycle hook.", d.ClassicID)
	w.after(configured.limit(), func() {
		switch {
		case hook.Status != "AWAITING_ACTION":
		case configured.Continue:
			hook.Status, d.Updated = "TIMED_OUT", w.now
			w.reconcile(d.Service)
		default:
			hook.Status = "TIMED_OUT"
			w.rollBack(d, "Service deployment rolled back because a lifecycle hook timed out.")
		}
	})
}

// paused reports whether the deployment waits at a hook.
func (d *ServiceDeployment) paused() bool {
	for _, h := range d.Hooks {
		if h.Status == "AWAITING_ACTION" {
			return true
		}
	}
	return false
}

// endHooks ends the hooks that wait, because their deployment goes no further.
func (d *ServiceDeployment) endHooks(status string) {
	for _, h := range d.Hooks {
		if h.Status == "AWAITING_ACTION" {
			h.Status = status
		}
	}
}

// answerHook lets a paused deployment go on, or back. It reports whether that
// hook waited for an answer.
func (w *World) answerHook(d *ServiceDeployment, id string, back bool) bool {
	for _, h := range d.Hooks {
		if h.ID != id || h.Status != "AWAITING_ACTION" || d.Terminal() {
			continue
		}
		h.Status, d.Updated = "SUCCEEDED", w.now
		if back {
			h.Status = "FAILED"
			w.rollBack(d, "Service deployment rolled back because of a ContinueServiceDeployment request.")
		} else {
			w.reconcile(d.Service)
		}
		return true
	}
	return false
}

func hookDetails(d *ServiceDeployment) []document {
	var out []document
	for _, h := range d.Hooks {
		out = append(out, document{"hookId": h.ID, "targetType": "PAUSE", "status": h.Status, "timeoutAction": h.Action}.at("expiresAt", h.Expires))
	}
	return out
}
