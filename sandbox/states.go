package sandbox

import (
	"fmt"
	"slices"
)

// The methods below bring the world to states that its own course of events
// seldom reaches: what somebody does in the AWS console, what a registry's
// rules remove, what an older program recorded. As all methods of World they
// expect its lock to be held.

// User finds an account by its login; nil where nobody has it.
func (w *World) User(login string) *User { return w.Hub.user(login) }

// Environment finds a GitHub environment by its name; nil where there is none.
func (w *World) Environment(name string) *Environment { return w.Hub.environment(name) }

// Workflow finds a workflow by its file name; nil where there is none.
func (w *World) Workflow(file string) *Workflow { return w.Hub.workflow(file) }

// Rollouts lists an environment's deployments of task deployctl, newest first.
func (w *World) Rollouts(environment string) []*Deployment {
	var list []*Deployment
	for _, d := range slices.Backward(w.Hub.Deployments) {
		if d.Task == "deployctl" && d.Environment == environment {
			list = append(list, d)
		}
	}
	return list
}

// Waiting lists the runs that wait at an environment, oldest first.
func (w *World) Waiting(environment string) []*Run {
	var list []*Run
	for _, r := range w.Hub.live() {
		if slices.ContainsFunc(r.pendingEnvironments(), func(j *Job) bool { return j.Environment == environment }) {
			list = append(list, r)
		}
	}
	return list
}

// Approve lets the runs that wait at an environment pass, in the name of a
// login. It fails where nothing waits, or where GitHub would refuse.
func (w *World) Approve(environment, login string) error {
	by, waiting := w.Hub.user(login), w.Waiting(environment)
	if by == nil || len(waiting) == 0 {
		return fmt.Errorf("%s cannot approve %s: nobody has that login, or nothing waits", login, environment)
	}
	for _, r := range waiting {
		if _, err := w.Review(r, []*Environment{w.Hub.environment(environment)}, "approved", "Approved", by); err != nil {
			return err
		}
	}
	return nil
}

// SetStatus adds a commit status (pending, success, failure, error), as a
// system outside of GitHub Actions reports it.
func (w *World) SetStatus(sha, context, state, description string) {
	w.Hub.Statuses[sha] = append(w.Hub.Statuses[sha], &CommitStatus{
		ID: w.nextID("status"), State: state, Context: context, Description: description, Created: w.now, Creator: w.bot(),
	})
}

// ExpireImages removes the images of a version from the registry, whether
// something runs them or not.
func (w *World) ExpireImages(version string) { w.expireImages(version) }

// Configure registers a changed copy of what a service runs and deploys it, as
// somebody does in the AWS console.
func (w *World) Configure(s *Service, change func(*TaskDefinition)) *ServiceDeployment {
	next := *s.Current().Serving().TaskDefinition
	next.Environment, next.Secrets, next.Tags = slices.Clone(next.Environment), slices.Clone(next.Secrets), slices.Clone(next.Tags)
	change(&next)
	return w.UpdateService(s, w.RegisterTaskDefinition(&next), nil, true)
}

// ForgetDefinitions takes away what an environment's deployments say about the
// state before them, and with it which task definitions ran: records of a
// program that kept less.
func (w *World) ForgetDefinitions(environment string) {
	for _, d := range w.Rollouts(environment) {
		if payload, ok := d.Payload.(object); ok {
			delete(payload, "before")
		}
	}
}

// Introduce makes a service look as if a version was the first to bring it to
// an environment: earlier deployments do not name it.
func (w *World) Introduce(service, environment, version string) {
	for _, d := range slices.Backward(w.Rollouts(environment)) {
		if textOf(property(d.Payload, "version")) == version {
			return
		}
		for _, part := range []any{d.Payload, property(d.Payload, "before")} {
			if services, ok := property(part, "services").(object); ok {
				delete(services, service)
			}
		}
	}
}

// HidePermissions has GitHub leave out what a token may do in the repository,
// as it does for some apps.
func (w *World) HidePermissions() { w.Hub.Repository.Reticent = true }

// LimitPlan puts the repository on a plan that has environments, and no
// protection rules for those of a private repository.
func (w *World) LimitPlan() { w.Hub.Repository.Limited = true }

// Unlaunch makes an environment look as it did before its first deployment: its
// cluster has no services, and GitHub no record of any.
func (w *World) Unlaunch(environment string) {
	w.Hub.Deployments = slices.DeleteFunc(w.Hub.Deployments, func(d *Deployment) bool {
		return d.Task == "deployctl" && d.Environment == environment
	})
	for _, c := range w.Cloud.Clusters {
		if c.Environment == environment {
			c.Services = nil
		}
	}
}

// TakeBack deploys the task definitions of an earlier version to an
// environment's services, as somebody does in the AWS console.
func (w *World) TakeBack(environment, version string) {
	for _, c := range w.Cloud.Clusters {
		if c.Environment != environment {
			continue
		}
		for _, s := range c.Services {
			for _, d := range w.Cloud.TaskDefinitions[c.Name+"-"+s.Name] {
				if d.Env("APP_VERSION") == version {
					w.UpdateService(s, d, nil, true)
				}
			}
		}
	}
}
