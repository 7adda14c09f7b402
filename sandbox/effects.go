package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rollout is what a run does to one environment, from prepare to its end.
type rollout struct {
	kind       string // deploy, rollback
	cluster    *Cluster
	commit     *Commit
	version    string
	digests    map[string]string
	deployment *Deployment
	left       *Deployment // what a rollback leaves
	done       []string    // services that were moved
	failed     bool
}

// preflight refuses to begin while the environment is held or another release
// is on its way there.
func (w *World) preflight(j *Job, step *Step, done func(string)) {
	environment := j.Run.target(step.Command)
	if hold := w.heldBy(environment, j.Run); hold != "" {
		w.fail(j, step, done, "%s is held: %s", environment, hold)
		return
	}
	for _, s := range w.clusterOf(environment).Services {
		if d := s.Current(); d != nil && !d.Terminal() {
			w.fail(j, step, done, "%s: a service deployment of %s is under way", environment, s.Name)
			return
		}
	}
	w.say(step, "no hold, no lock, no freeze; %s is settled", environment)
	done("success")
}

// prepare makes the rollout's one deployment with what is there now.
func (w *World) prepare(j *Job, step *Step, done func(string)) {
	r := j.Run
	if r.rollout == nil {
		commit := w.commitToDeploy(r)
		b := w.buildOf(commit.SHA)
		if b == nil {
			w.fail(j, step, done, "no images for %s: ci.yml has not built it", commit.SHA[:7])
			return
		}
		r.rollout = &rollout{
			kind: "deploy", cluster: w.clusterOf(r.target(step.Command)), commit: commit,
			version: w.versionOf(commit), digests: b.digests,
		}
		w.openRollout(r, r.rollout)
	}
	w.say(step, "deployment %d created, present state saved", r.rollout.deployment.ID)
	done("success")
}

// openRollout files the rollout's GitHub deployment.
func (w *World) openRollout(r *Run, o *rollout) {
	d := w.newDeployment("deployctl", o.cluster.Environment, r.Branch, o.commit.SHA, w.payload(r, o), w.bot())
	d.Description = o.kind + " " + o.version
	o.deployment = d
	w.progress(r, "queued", "prepared")
}

// progress adds a status to the rollout's deployment, with a link to the run.
func (w *World) progress(r *Run, state, description string) {
	s := w.deploymentStatus(r.rollout.deployment, state, description, w.bot())
	s.LogURL = fmt.Sprintf("http://%s/acme/shop/actions/runs/%d", githubHost, r.ID)
	s.EnvironmentURL = "http://api-gateway." + r.rollout.cluster.Environment + ".sandbox"
}

// payload is what a rollout's deployment records.
func (w *World) payload(r *Run, o *rollout) object {
	set, before, sha := object{}, object{}, ""
	for _, s := range o.cluster.Services {
		live := s.Current().Serving().TaskDefinition
		sha = live.Env("GIT_SHA")
		set[s.Name] = object{"image": o.digests[s.Name], "desired": s.Desired}
		before[s.Name] = object{"task_definition": live.ARN, "image": live.Digest(), "desired": s.Desired}
	}
	p := object{
		"schema": 1, "kind": o.kind, "version": o.version, "request_id": textOf(r.Inputs["request_id"]),
		"run_id": r.ID, "run_attempt": len(r.Attempts), "services": set,
		"before": object{"sha": sha, "services": before},
	}
	if o.kind == "deploy" {
		p["snapshot"] = w.snapshotName(o.cluster)
	}
	return p
}

func (w *World) snapshotName(cluster *Cluster) string {
	short := map[string]string{"production": "prod", "staging": "stg"}[cluster.Environment]
	return "shop-" + short + "-" + w.now.UTC().Format("2006-01-02-1504")
}

// migrate takes a snapshot, then runs the migration as a one-off task.
func (w *World) migrate(j *Job, step *Step, done func(string)) {
	cluster := w.clusterOf(j.Run.target(step.Command))
	name := w.snapshotName(cluster)
	if o := j.Run.rollout; o != nil {
		name = textOf(o.deployment.Payload.(object)["snapshot"])
		w.progress(j.Run, "in_progress", "backup and migration")
	}
	snapshot, err := w.CreateDBSnapshot(w.database(cluster), name, []Pair{{"deployctl:run", fmt.Sprint(j.Run.ID)}})
	if err != nil {
		w.fail(j, step, done, "%s", err)
		return
	}
	w.say(step, "creating snapshot %s", name)
	w.until(3*time.Second, func() bool { return snapshot.Status == "available" }, func() {
		w.say(step, "snapshot %s is available", name)
		w.runMigration(j, step, cluster, done)
	})
}

func (w *World) runMigration(j *Job, step *Step, cluster *Cluster, done func(string)) {
	commit := w.commitToDeploy(j.Run)
	b := w.ensureBuild(commit)
	definition := w.definition(cluster, "orders", b.digests["orders"], w.versionOf(commit), commit.SHA)
	definition.Family += "-migrate"
	definition.LogGroup = "/ecs/" + cluster.Name + "/orders"
	definition.LogPrefix = "migrate"
	w.RegisterTaskDefinition(definition)
	t := w.RunTask(cluster, definition, []string{"python", "manage.py", "migrate", "--noinput"}, fmt.Sprintf("deployctl/%d", j.Run.ID))
	w.say(step, "python manage.py migrate --noinput as %s", t.ARN)
	w.until(3*time.Second, func() bool { return t.Status == "STOPPED" }, func() {
		w.sayLog(step, t)
		switch {
		case t.Exit != nil && *t.Exit != 0:
			w.fail(j, step, done, "cannot migrate, as task %s: exit code %d: %s; no service was changed; read its log above; the services run what they ran before, on a schema that may be half-way", t.ID, *t.Exit, t.StopReason)
			return
		case t.Exit == nil || t.StopCode == "TaskFailedToStart":
			w.fail(j, step, done, "cannot migrate, as task %s: %s; no service was changed", t.ID, t.StopReason)
			return
		}
		w.say(step, "migration ended with exit code 0")
		done("success")
	})
}

// until looks every so often whether something has come true, then goes on.
func (w *World) until(every time.Duration, holds func() bool, next func()) {
	w.after(every, func() {
		if holds() {
			next()
			return
		}
		w.until(every, holds, next)
	})
}

// deploy rolls the services one after the other, in order, and judges each by
// the terminal state of its own service deployment.
func (w *World) deploy(j *Job, step *Step, done func(string)) {
	if j.Run.rollout == nil {
		ok := false
		w.prepare(j, step, func(conclusion string) { ok = conclusion == "success" })
		if !ok {
			done("failure")
			return
		}
	}
	o := j.Run.rollout
	var names []string
	for _, s := range o.cluster.Services {
		names = append(names, s.Name)
	}
	if found := serviceFlag.FindStringSubmatch(step.Command); found != nil {
		names = []string{found[1]}
	} else if service := j.matrix["service"]; service != "" {
		names = []string{service}
	}
	w.moveServices(j, step, names, done)
}

// moveServices rolls the first of the services and then, once that is done,
// the others.
func (w *World) moveServices(j *Job, step *Step, names []string, done func(string)) {
	o := j.Run.rollout
	if len(names) == 0 {
		done("success")
		return
	}
	s := o.cluster.Service(names[0])
	if s == nil {
		w.fail(j, step, done, "no service %s in cluster %s", names[0], o.cluster.Name)
		return
	}
	if hold := w.heldBy(o.cluster.Environment, j.Run); hold != "" {
		w.fail(j, step, done, "%s is held: %s", o.cluster.Environment, hold)
		return
	}
	definition := w.RegisterTaskDefinition(w.definition(o.cluster, s.Name, o.digests[s.Name], o.version, o.commit.SHA))
	d := w.UpdateService(s, definition, nil, true)
	w.progress(j.Run, "in_progress", fmt.Sprintf("%s (%d of %d)", s.Name, len(o.done)+1, len(o.cluster.Services)))
	w.say(step, "%s: registered %s:%d, service deployment %s", s.Name, definition.Family, definition.Revision, d.ID)
	w.until(2*time.Second, d.Terminal, func() {
		if d.Status != DeploymentSuccessful && !w.credulous {
			o.failed = true
			w.fail(j, step, done, "%s: service deployment ended %s: %s", s.Name, d.Status, d.Reason)
			return
		}
		o.done = append(o.done, s.Name)
		w.say(step, "%s is stable", s.Name)
		w.moveServices(j, step, names[1:], done)
	})
}

// restore is `step rollback`: it checks the request, saves the present, stops
// what ECS has in flight and goes back to the images of the named deployment.
func (w *World) restore(j *Job, step *Step, done func(string)) {
	r := j.Run
	id, _ := strconv.ParseInt(textOf(r.Inputs["deployment_id"]), 10, 64)
	to := w.Hub.deployment(id)
	if to == nil || to.Task != "deployctl" {
		w.after(3*time.Second, func() { w.fail(j, step, done, "deployment %q is no rollout's", textOf(r.Inputs["deployment_id"])) })
		return
	}
	cluster := w.clusterOf(to.Environment)
	left := w.liveDeployment(cluster)
	if expected := textOf(r.Inputs["expected_current_sha"]); expected != "" && !w.isLive(cluster, expected) {
		w.after(3*time.Second, func() {
			w.fail(j, step, done, "live is not %s: the world changed since it was looked at", expected[:min(7, len(expected))])
		})
		return
	}
	commit := w.Hub.Repository.Commits[to.SHA]
	r.rollout = &rollout{kind: "rollback", cluster: cluster, commit: commit, digests: digestsOf(to), left: left}
	r.rollout.version = textOf(property(to.Payload, "version"))
	w.after(w.between(6*time.Second, 10*time.Second), func() {
		if j.Status != "in_progress" {
			return
		}
		w.openRollout(r, r.rollout)
		p := r.rollout.deployment.Payload.(object)
		p["to"] = to.ID
		if left != nil {
			p["rollback_of"] = left.ID
		}
		if reason := textOf(r.Inputs["reason"]); reason != "" {
			p["reason"] = reason
		}
		w.say(step, "going back to deployment %d (%s), reason: %s", to.ID, r.rollout.version, textOf(r.Inputs["reason"]))
		w.restoreServices(j, step, done)
	})
}

// restoreServices goes back service by service, leaving out those that are
// where they should be.
func (w *World) restoreServices(j *Job, step *Step, done func(string)) {
	o := j.Run.rollout
	var names []string
	for _, s := range o.cluster.Services {
		if !s.Current().Terminal() || s.Current().Serving().TaskDefinition.Digest() != o.digests[s.Name] {
			names = append(names, s.Name)
		}
	}
	w.progress(j.Run, "in_progress", fmt.Sprintf("rolling back %d services", len(names)))
	w.moveServices(j, step, names, done)
}

// verify looks at the services' health, as the pages would show it.
func (w *World) verify(j *Job, step *Step, action string, done func(string)) {
	cluster := w.clusterOf(j.Run.target(step.Command))
	for _, s := range cluster.Services {
		share := w.errorShare(s)
		if share > 0.15 {
			w.fail(j, step, done, "%s: /health answers 503 (%.0f %% of requests fail)", s.Name, 100*share)
			return
		}
		w.say(step, "%s: %s ok, %s", s.Name, action, s.Current().Serving().TaskDefinition.Env("APP_VERSION"))
	}
	done("success")
}

// release creates the GitHub release of a version, once.
func (w *World) release(j *Job, step *Step) {
	commit := w.commitToDeploy(j.Run)
	tag := w.versionOf(commit)
	if !strings.HasPrefix(tag, "v") || slices.ContainsFunc(w.Hub.Releases, func(r *Release) bool { return r.Tag == tag }) {
		w.say(step, "no release to create for %s", tag)
		return
	}
	w.newRelease(tag, commit, w.bot())
	w.say(step, "release %s created", tag)
}

// closeRollout gives the rollout's deployment its final state when its run
// ends.
func (w *World) closeRollout(r *Run, conclusion string) {
	o := r.rollout
	if o == nil || o.deployment == nil {
		return
	}
	switch {
	case conclusion == "success":
		w.progress(r, "success", o.kind+" "+o.version+" verified")
		if o.left != nil && o.left.State() == "success" {
			w.deploymentStatus(o.left, "inactive", fmt.Sprintf("rolled back by deployment %d", o.deployment.ID), w.bot())
		}
	case conclusion == "cancelled":
		w.progress(r, "error", "the run was cancelled")
	default:
		w.progress(r, "failure", o.kind+" "+o.version+" failed")
	}
}

// clusterOf is the cluster of an environment.
func (w *World) clusterOf(environment string) *Cluster {
	return w.Cloud.Cluster("shop-" + environment)
}

// database is the instance of a cluster's environment.
func (w *World) database(cluster *Cluster) *Database {
	for _, db := range w.Cloud.Databases {
		if db.ID == cluster.Name {
			return db
		}
	}
	return nil
}

// liveDeployment is the newest successful rollout whose images run now.
func (w *World) liveDeployment(cluster *Cluster) *Deployment {
	for _, d := range slices.Backward(w.Hub.Deployments) {
		if d.Task != "deployctl" || d.Environment != cluster.Environment {
			continue
		}
		digests := digestsOf(d)
		same := 0
		for _, s := range cluster.Services {
			if s.Current().Serving().TaskDefinition.Digest() == digests[s.Name] {
				same++
			}
		}
		if same*2 > len(cluster.Services) {
			return d
		}
	}
	return nil
}

// isLive reports whether some service runs a commit.
func (w *World) isLive(cluster *Cluster, sha string) bool {
	return slices.ContainsFunc(cluster.Services, func(s *Service) bool {
		return s.Current().Serving().TaskDefinition.Env("GIT_SHA") == sha
	})
}

// digestsOf reads the images that a rollout's deployment set.
func digestsOf(d *Deployment) map[string]string {
	digests := map[string]string{}
	set, _ := property(d.Payload, "services").(object)
	for service, state := range set {
		digests[service] = textOf(property(state, "image"))
	}
	return digests
}
