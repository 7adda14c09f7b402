package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// How long ECS takes for the parts of a rollout at speed 1.
const (
	deploymentPending = 3 * time.Second
	bakeTime          = 6 * time.Second
	cleanUpTime       = 5 * time.Second
	drainTime         = 20 * time.Second
	stopTime          = 6 * time.Second
	stoppedKept       = time.Hour // stopped tasks stay visible that long
)

// RegisterTaskDefinition files d as the next revision of its family and makes
// it ACTIVE.
func (w *World) RegisterTaskDefinition(d *TaskDefinition) *TaskDefinition {
	d.Revision = 1
	if family := w.Cloud.TaskDefinitions[d.Family]; len(family) > 0 {
		d.Revision = family[len(family)-1].Revision + 1
	}
	d.ARN = arn("ecs", fmt.Sprintf("task-definition/%s:%d", d.Family, d.Revision))
	d.Status = "ACTIVE"
	d.Registered = w.now
	w.Cloud.TaskDefinitions[d.Family] = append(w.Cloud.TaskDefinitions[d.Family], d)
	return d
}

// UpdateService asks ECS for another task definition (nil keeps the present
// one), another desired count (nil keeps it), or with force for fresh tasks. It
// returns the service deployment that this begins, or nil where only the count
// changed. A deployment still under way is stopped.
func (w *World) UpdateService(s *Service, definition *TaskDefinition, desired *int, force bool) *ServiceDeployment {
	if desired != nil {
		s.Desired = *desired
	}
	current := s.Current()
	if definition == nil {
		definition = current.Serving().TaskDefinition
	}
	if definition == current.Serving().TaskDefinition && !force {
		current.Desired = s.Desired
		w.reconcile(s)
		return nil
	}
	source := w.lastGood(s)
	if !current.Terminal() {
		w.finishDeployment(current, DeploymentStopped, "Service deployment was stopped because a newer service deployment started.")
	}
	d := w.newServiceDeployment(s, source, w.newRevision(s, definition))
	w.after(deploymentPending, func() { w.startDeployment(d) })
	return d
}

// lastGood is the revision that ECS would go back to.
func (w *World) lastGood(s *Service) *ServiceRevision {
	for _, d := range slices.Backward(s.Deployments) {
		switch d.Status {
		case DeploymentSuccessful:
			return d.Target
		case DeploymentRollbackSuccessful:
			return d.Source
		}
	}
	return nil
}

func (w *World) newRevision(s *Service, definition *TaskDefinition) *ServiceRevision {
	id := fmt.Sprintf("%019d", w.nextID("revision"))
	return &ServiceRevision{
		ARN:            arn("ecs", fmt.Sprintf("service-revision/%s/%s/%s", s.Cluster.Name, s.Name, id)),
		Service:        s,
		TaskDefinition: definition,
		Created:        w.now,
	}
}

func (w *World) newServiceDeployment(s *Service, source, target *ServiceRevision) *ServiceDeployment {
	id := w.hash40("deployment", w.nextID("service-deployment"))[:21]
	d := &ServiceDeployment{
		ID: id, ARN: arn("ecs", fmt.Sprintf("service-deployment/%s/%s/%s", s.Cluster.Name, s.Name, id)),
		ClassicID: fmt.Sprintf("ecs-svc/%019d", w.nextID("classic")),
		Service:   s, Status: DeploymentPending, Created: w.now, Updated: w.now,
		Source: source, Target: target, Desired: s.Desired,
		Threshold: max(3, (s.Desired+1)/2), Breaker: "MONITORING", AlarmState: "MONITORING",
	}
	if len(s.Alarms) == 0 {
		d.AlarmState = "DISABLED"
	}
	if source != nil {
		target.Alternate = source.Alternate != s.shifts() // the other group, where traffic moves between them
	}
	s.Deployments = append(s.Deployments, d)
	return d
}

func (w *World) startDeployment(d *ServiceDeployment) {
	if d.Status != DeploymentPending {
		return
	}
	d.Status, d.Stage = DeploymentInProgress, "SCALE_UP"
	d.Started, d.Updated = w.now, w.now
	w.reconcile(d.Service)
}

// reconcile does what the ECS scheduler does: it starts tasks of the revision
// that is wanted, within the maximum, stops the others as healthy ones take
// over, and ends the deployment when nothing is left to do.
func (w *World) reconcile(s *Service) {
	d := s.Current()
	if d == nil || d.Status == DeploymentPending {
		return
	}
	wanted, others := w.split(s, d.Serving())
	w.scaleUp(s, d, wanted, others)
	if s.shifts() && d.RollbackStarted.IsZero() && !d.Terminal() {
		w.shift(d, wanted)
		return
	}
	healthy := countHealthy(wanted)
	surplus := healthy + countHealthy(others) - s.Desired*s.MinHealthy/100
	w.drain(s, others, surplus)
	if extra := len(wanted) - s.Desired; extra > 0 && len(others) == 0 {
		w.drain(s, wanted[:extra], extra)
	}
	if healthy < s.Desired || len(others) > 0 || d.Terminal() {
		return
	}
	if d.Stage == "SCALE_UP" && d.RollbackStarted.IsZero() && s.Pauses != nil && len(d.Hooks) == 0 {
		w.pause(d)
	}
	if d.Stage == "SCALE_UP" && !d.paused() {
		d.Stage, d.Updated = "BAKE_TIME", w.now
		w.after(bakeTime, func() { w.cleanUp(d) })
	}
}

// split divides the living tasks of a service by revision. Tasks that drain or
// stop belong to neither.
func (w *World) split(s *Service, revision *ServiceRevision) (wanted, others []*Task) {
	for _, t := range s.Tasks {
		switch {
		case t.Desired == "STOPPED":
		case t.Revision == revision:
			wanted = append(wanted, t)
		default:
			others = append(others, t)
		}
	}
	return wanted, others
}

func countHealthy(tasks []*Task) int {
	n := 0
	for _, t := range tasks {
		if t.Target == "healthy" {
			n++
		}
	}
	return n
}

func (w *World) scaleUp(s *Service, d *ServiceDeployment, wanted, others []*Task) {
	missing := s.Desired - len(wanted)
	room := s.Desired*s.MaxPercent/100 - len(wanted) - len(others)
	var started []*Task
	for range min(missing, room) {
		started = append(started, w.startTask(s, d))
	}
	if len(started) > 0 {
		w.serviceEvent(s, "has started %d tasks: %s.", len(started), taskList(started))
	}
}

// drain stops as many of the tasks as can be spared; those that never became
// healthy can always be.
func (w *World) drain(s *Service, tasks []*Task, spare int) {
	var stopped []*Task
	for _, t := range tasks {
		if t.Target == "healthy" {
			if spare <= 0 {
				continue
			}
			spare--
		}
		stopped = append(stopped, t)
		w.stopTask(t, "ServiceSchedulerInitiated", "Scaling activity initiated by (deployment "+s.Current().ClassicID+")")
	}
	if len(stopped) > 0 {
		w.serviceEvent(s, "has begun draining connections on %d tasks.", len(stopped))
		w.serviceEvent(s, "deregistered %d targets in (target-group %s)", len(stopped), s.groupARN(stopped[0].Revision))
	}
}

func (w *World) cleanUp(d *ServiceDeployment) {
	if d.Terminal() || d.Stage != "BAKE_TIME" {
		return
	}
	d.Stage, d.Updated = "CLEAN_UP", w.now
	w.after(cleanUpTime, func() {
		if d.Terminal() || d.Stage != "CLEAN_UP" {
			return
		}
		if d.RollbackStarted.IsZero() {
			w.finishDeployment(d, DeploymentSuccessful, "")
		} else {
			w.finishDeployment(d, DeploymentRollbackSuccessful, d.RollbackReason)
		}
		w.serviceEvent(d.Service, "(deployment %s) deployment completed.", d.ClassicID)
		w.serviceEvent(d.Service, "has reached a steady state.")
	})
}

func (w *World) finishDeployment(d *ServiceDeployment, status, reason string) {
	d.Status, d.Reason, d.Stage = status, reason, ""
	d.Finished, d.Updated = w.now, w.now
	if d.Breaker == "MONITORING" {
		d.Breaker = "MONITORING_COMPLETE"
	}
	if d.AlarmState == "MONITORING" {
		d.AlarmState = "MONITORING_COMPLETE"
	}
}

// StopServiceDeployment asks ECS to stop a deployment and go back to the last
// revision that completed. It fails once the deployment has ended.
func (w *World) StopServiceDeployment(d *ServiceDeployment) error {
	switch {
	case d.Terminal():
		return errors.New("the service deployment has already completed")
	case !d.RollbackStarted.IsZero():
		return errors.New("the service deployment is already rolling back")
	}
	d.endHooks("FAILED")
	d.Status, d.Stopped, d.Updated = DeploymentRollbackRequested, w.now, w.now
	w.after(deploymentPending, func() {
		if d.Status == DeploymentRollbackRequested {
			w.rollBack(d, "Service deployment rolled back because of a StopServiceDeployment request.")
		}
	})
	return nil
}

// rollBack makes ECS itself return to the source revision.
func (w *World) rollBack(d *ServiceDeployment, reason string) {
	if d.Source == nil {
		w.finishDeployment(d, DeploymentRollbackFailed, reason+" No rollback candidate was found to run the rollback.")
		return
	}
	d.Status, d.Stage = DeploymentRollbackInProgress, "SCALE_UP"
	d.RollbackStarted, d.RollbackReason, d.Reason, d.Updated = w.now, reason, reason, w.now
	w.serviceEvent(d.Service, "rolling back to (deployment %s).", d.ClassicID)
	w.reconcile(d.Service)
}

// taskFailed counts a task of the target revision that did not come up; the
// circuit breaker opens at the threshold.
func (w *World) taskFailed(t *Task) {
	d := t.Deployment
	if d == nil || d.Terminal() || t.Revision != d.Target {
		return
	}
	d.Failed++
	d.Updated = w.now
	if d.Failed >= d.Threshold && d.RollbackStarted.IsZero() {
		d.Breaker = "TRIGGERED"
		w.serviceEvent(d.Service, "(deployment %s) deployment failed: tasks failed to start.", d.ClassicID)
		w.rollBack(d, "Service deployment rolled back because the circuit breaker threshold was exceeded.")
	}
}

// serviceEvent adds a line to the service's events, newest first.
func (w *World) serviceEvent(s *Service, format string, args ...any) {
	id := w.hash40("event", w.nextID("event"))
	e := &ServiceEvent{
		ID:      fmt.Sprintf("%s-%s-%s-%s-%s", id[:8], id[8:12], id[12:16], id[16:20], id[20:32]),
		Created: w.now,
		Message: fmt.Sprintf("(service %s) ", s.Name) + fmt.Sprintf(format, args...),
	}
	s.Events = slices.Insert(s.Events, 0, e)
	if len(s.Events) > 100 {
		s.Events = s.Events[:100]
	}
}

func taskList(tasks []*Task) string {
	var names []string
	for _, t := range tasks {
		names = append(names, "(task "+t.ID+")")
	}
	return strings.Join(names, " ")
}
