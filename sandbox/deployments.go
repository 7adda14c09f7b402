package sandbox

import (
	"fmt"
	"slices"
	"time"
)

// bot is the account that Actions acts as.
func (w *World) bot() *User { return w.Hub.user("github-actions[bot]") }

// newDeployment files a deployment of GitHub's.
func (w *World) newDeployment(task, environment, ref, sha string, payload any, creator *User) *Deployment {
	d := &Deployment{
		ID: w.nextID("github-deployment"), SHA: sha, Ref: ref, Task: task, Environment: environment,
		Creator: creator, Created: w.now, Updated: w.now, Payload: payload, Production: environment == "production",
	}
	w.Hub.Deployments = append(w.Hub.Deployments, d)
	return d
}

// newJobDeployment makes the deployment that GitHub itself makes for a job
// which names an environment.
func (w *World) newJobDeployment(j *Job, e *Environment) {
	j.Deployment = w.newDeployment("deploy", e.Name, j.Run.Branch, j.Run.SHA, "", w.bot())
}

// deploymentStatus adds a status. A success makes the earlier successes of the
// same environment and task inactive, except in production.
func (w *World) deploymentStatus(d *Deployment, state, description string, by *User) *DeploymentStatus {
	s := &DeploymentStatus{
		ID: w.nextID("deployment-status"), State: state, Description: description, Creator: by, Created: w.now,
	}
	d.Statuses = append(d.Statuses, s)
	d.Updated = w.now
	if state == "success" && !d.Production {
		w.retireEarlier(d)
	}
	return s
}

func (w *World) retireEarlier(d *Deployment) {
	for _, other := range slices.Backward(w.Hub.Deployments) {
		if other != d && other.Environment == d.Environment && other.Task == d.Task && other.State() == "success" {
			other.Statuses = append(other.Statuses, &DeploymentStatus{
				ID: w.nextID("deployment-status"), State: "inactive", Creator: w.bot(), Created: w.now,
			})
			other.Updated = w.now
		}
	}
}

// pendingEnvironments lists the environments that jobs of a run wait for, with
// one waiting job each.
func (r *Run) pendingEnvironments() []*Job {
	var jobs []*Job
	for _, j := range r.Attempt().Jobs {
		if j.Status == "waiting" && !slices.ContainsFunc(jobs, func(o *Job) bool { return o.Environment == j.Environment }) {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// mayApprove reports whether a user may let a job pass its environment now.
func (w *World) mayApprove(j *Job, e *Environment, u *User) bool {
	if !j.Approved.IsZero() || len(e.Reviewers) == 0 || w.barred(j.Run, e, u) {
		return false
	}
	return slices.ContainsFunc(e.Reviewers, func(reviewer string) bool {
		return reviewer == u.Login ||
			reviewer == "team:"+w.Hub.Team.Slug && slices.Contains(w.Hub.Team.Members, u.Login)
	})
}

// barred is the rule against reviewing one's own deployment.
func (w *World) barred(r *Run, e *Environment, u *User) bool {
	return e.NoSelfReview && (r.Actor == u || r.Attempt().Triggering == u)
}

// Review answers for the environments that a run waits for. The error's text
// is what GitHub says.
func (w *World) Review(r *Run, environments []*Environment, state, comment string, by *User) ([]*Deployment, error) {
	var waiting []*Job
	for _, e := range environments {
		found := false
		for _, j := range r.Attempt().Jobs {
			if j.Status != "waiting" || j.Environment != e.Name {
				continue
			}
			if !w.mayApprove(j, e, by) {
				return nil, fmt.Errorf("%s is not allowed to review deployments to %s", by.Login, e.Name)
			}
			found = true
			waiting = append(waiting, j)
		}
		if !found {
			return nil, fmt.Errorf("there are no pending deployment requests to approve or reject for %s", e.Name)
		}
	}
	r.Reviews = append(r.Reviews, &Review{
		State: state, Comment: comment, User: by, Environments: environments, At: w.now, Attempt: len(r.Attempts),
	})
	var deployments []*Deployment
	for _, j := range waiting {
		deployments = append(deployments, j.Deployment)
		w.answerJob(j, state == "approved")
	}
	r.Updated = w.now
	w.schedule(r, r.Attempt())
	return deployments, nil
}

func (w *World) answerJob(j *Job, approved bool) {
	if approved {
		j.Approved = w.now
		w.waitTimer(j, w.Hub.environment(j.Environment))
		return
	}
	j.Steps = nil
	w.endJob(j, "failure")
}

// timerStart is when a job's wait timer began, so that this plus the
// environment's minutes is the moment that it passes, whatever the speed.
func (j *Job) timerStart(e *Environment) time.Time {
	if j.TimerEnds.IsZero() {
		return time.Time{}
	}
	return j.TimerEnds.Add(-time.Duration(e.WaitTimer) * time.Minute)
}

// addEnvironment makes an unprotected environment, as GitHub does when a job
// names one that does not exist.
func (w *World) addEnvironment(name string) *Environment {
	e := &Environment{ID: w.nextID("environment"), Name: name, Created: w.now, AdminBypass: true}
	w.Hub.Environments = append(w.Hub.Environments, e)
	return e
}
