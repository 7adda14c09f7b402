package sandbox

import "time"

// pauseLimit is how long a deployment waits at a hook before ECS takes the
// hook's own way out (docs.aws.amazon.com: the default of a PAUSE hook).
const pauseLimit = 24 * time.Hour

// LifecycleHook is a hook of type PAUSE that a deployment has reached.
type LifecycleHook struct {
	ID      string
	Status  string // AWAITING_ACTION, SUCCEEDED, FAILED, TIMED_OUT
	Expires time.Time
}

// PauseDeployments gives a service a hook at which each of its deployments
// waits for somebody, once its tasks are up and before it bakes.
func (w *World) PauseDeployments(s *Service) { s.Pauses = true }

// pause makes a deployment wait at its hook.
func (w *World) pause(d *ServiceDeployment) {
	hook := &LifecycleHook{ID: w.hash40("hook", w.nextID("hook"))[:12], Status: "AWAITING_ACTION", Expires: w.now.Add(pauseLimit)}
	d.Hooks = append(d.Hooks, hook)
	d.Updated = w.now
	w.serviceEvent(d.Service, "(deployment %s) is paused at a lifecycle hook.", d.ClassicID)
	w.after(pauseLimit, func() {
		if hook.Status == "AWAITING_ACTION" {
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
		out = append(out, document{"hookId": h.ID, "targetType": "PAUSE", "status": h.Status, "timeoutAction": "ROLLBACK"}.at("expiresAt", h.Expires))
	}
	return out
}
