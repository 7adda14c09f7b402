package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// service concludes what one service runs and whether that is well. Only ECS
// observations decide what runs.
func (d *deriving) service(s ServiceState, o Observation) ServiceView {
	v := ServiceView{ServiceState: s, Observation: o}
	v.Revisions = d.named(s.Revisions)
	v.SHA, v.Version = inTraffic(v.Revisions)
	for _, rev := range v.Revisions {
		if rev.SHA != "" && !d.same(rev.SHA, v.SHA) && rev.Running > 0 && !slices.Contains(v.OtherSHAs, rev.SHA) {
			v.OtherSHAs = append(v.OtherSHAs, rev.SHA)
		}
	}
	v.Health, v.Why = health(s)
	return v
}

// inTraffic is the release of the revision that holds the service's traffic: the
// one with the most running tasks, the PRIMARY where they are equal.
func inTraffic(revisions []ServiceRevision) (sha, version string) {
	best := -1
	for i, rev := range revisions {
		if best < 0 || rev.Running > revisions[best].Running {
			best = i
		}
	}
	if best < 0 {
		return "", ""
	}
	return revisions[best].SHA, revisions[best].Version
}

// named are revisions with the commit that each was built from, and the version
// that the repository gives that commit: what the task definition calls itself
// counts only where nothing else is known, so that a commit has one name on all
// screens. What ECS said stays as it is.
func (d *deriving) named(revisions []ServiceRevision) []ServiceRevision {
	named, own := revisions, false
	for i, rev := range revisions {
		sha, version := d.revisionSHA(rev), rev.Version
		if sha != "" {
			version = firstOf(d.version(sha), version)
		}
		if sha == rev.SHA && version == rev.Version {
			continue
		}
		if !own {
			named, own = slices.Clone(revisions), true
		}
		named[i].SHA, named[i].Version = sha, version
	}
	return named
}

// revisionSHA resolves an image to a commit: by the digest that a deployment
// recorded, else by what image tag, task-definition tag or environment say. Of
// two commits that are one release it is the revision's own: a digest that
// staging recorded for the branch is not renamed once production records it for
// the merge.
func (d *deriving) revisionSHA(rev ServiceRevision) string {
	if sha := d.images[rev.Digest()]; sha != "" && !d.same(sha, rev.SHA) {
		return sha
	}
	return rev.SHA
}

// live concludes what an environment runs as a whole.
func (d *deriving) live(env Environment, services []ServiceView) Live {
	live := Live{Verdict: LiveUnknown, Total: max(len(env.Services), len(services))}
	counts := map[string]int{} // by canonical SHA
	unknown := 0
	for _, v := range services {
		if v.SHA == "" {
			unknown++
			continue
		}
		counts[d.canonical(v.SHA, counts)]++
	}
	best := ""
	for sha, n := range counts {
		if n > counts[best] || (n == counts[best] && sha < best) {
			best = sha
		}
	}
	if best == "" {
		return live
	}
	live.Release, live.Matching = d.release(best), counts[best]
	mixed := slices.ContainsFunc(services, func(v ServiceView) bool { return len(v.OtherSHAs) > 0 })
	switch {
	case len(counts) > 1 || mixed:
		live.Verdict = LiveMixed
	case unknown == 0 && counts[best] == live.Total:
		live.Verdict = LiveSame
	}
	return live
}

// canonical is the key in counts that is the same release as sha, else sha.
func (d *deriving) canonical(sha string, counts map[string]int) string {
	for known := range counts {
		if d.same(known, sha) {
			return known
		}
	}
	return sha
}

// health judges a service by what ECS, its targets and its alarms say.
func health(s ServiceState) (Health, string) {
	switch {
	case s.Status == "MISSING":
		return HealthUnknown, "no such service in " + s.Cluster.Name
	case s.Status != "" && s.Status != "ACTIVE":
		return Unhealthy, strings.ToLower(s.Status)
	case s.ARN == "":
		return HealthUnknown, "not read yet"
	}
	if firing := firing(s.Alarms.Value); len(firing) > 0 {
		return worse(s), "alarm " + strings.Join(firing, ", ")
	}
	if s.Moving() && s.Running < s.floor() {
		return worse(s), fmt.Sprintf("%d of %d running while it moves", s.Running, s.Desired)
	}
	if s.Running < s.Desired && !s.Moving() {
		why := fmt.Sprintf("%d of %d running", s.Running, s.Desired)
		if reason := lastStop(s.Tasks.Value); reason != "" {
			why += ": " + reason
		}
		return worse(s), why
	}
	if bad := unhealthyTargets(s.Targets.Value); bad != "" {
		return Degraded, bad
	}
	if s.Moving() && s.Rollout != nil && s.Rollout.BreakerFailed > 0 {
		return Degraded, fmt.Sprintf("breaker %d of %d", s.Rollout.BreakerFailed, s.Rollout.BreakerLimit)
	}
	return Healthy, ""
}

// floor is how many tasks must run while ECS changes the service: its minimum
// healthy percent, rounded up as ECS does, and one where it is not known.
func (s ServiceState) floor() int {
	if s.Desired == 0 {
		return 0
	}
	return max((s.Desired*s.MinHealthy+99)/100, 1)
}

// worse is unhealthy where nothing runs that should, else degraded.
func worse(s ServiceState) Health {
	if s.Running == 0 && s.Desired > 0 {
		return Unhealthy
	}
	return Degraded
}

func firing(alarms []Alarm) []string {
	var out []string
	for _, a := range alarms {
		if a.State == "ALARM" {
			out = append(out, a.Name)
		}
	}
	return out
}

func unhealthyTargets(targets []Target) string {
	bad, reason := 0, ""
	for _, t := range targets {
		if strings.HasPrefix(t.State, "unhealthy") || t.State == "unavailable" {
			bad++
			reason = firstOf(t.Description, t.Reason)
		}
	}
	if bad == 0 {
		return ""
	}
	return strings.TrimSuffix(fmt.Sprintf("%d of %d targets unhealthy: %s", bad, len(targets), reason), ": ")
}

// lastStop says why the newest stopped task stopped, if that was lately.
func lastStop(tasks []Task) string {
	var newest Task
	for _, t := range tasks {
		if t.Stopped.After(newest.Stopped) {
			newest = t
		}
	}
	if newest.Stopped.IsZero() {
		return ""
	}
	return StopReason(newest)
}

// StopReason decodes why a task stopped: the exit codes of its containers,
// memory, the image, or what ECS says.
func StopReason(t Task) string {
	for _, c := range t.Containers {
		switch {
		case strings.Contains(c.Reason, "OutOfMemory"):
			return "out of memory (137)"
		case strings.Contains(c.Reason, "CannotPullContainer"):
			return "image cannot be pulled"
		case c.ExitCode != nil && *c.ExitCode != 0:
			return fmt.Sprintf("%s exited with %s", c.Name, exitCode(*c.ExitCode))
		}
	}
	switch {
	case strings.Contains(t.StoppedReason, "CannotPull"):
		return "image cannot be pulled"
	case t.StopCode == "ServiceSchedulerInitiated", t.StopCode == "UserInitiated":
		return ""
	}
	return firstOf(t.StoppedReason, t.StopCode)
}

// exitCode says what the well-known exit codes mean.
func exitCode(code int) string {
	switch code {
	case 137:
		return "137 (killed: out of memory, or SIGKILL)"
	case 139:
		return "139 (segmentation fault)"
	case 143:
		return "143 (SIGTERM)"
	}
	return fmt.Sprint(code)
}

// disagree finds the services whose truths differ: what the newest finished
// rollout says was deployed, and what ECS runs. While a rollout moves, the
// difference is the rollout itself.
func (d *deriving) disagree(e *EnvironmentState, rollouts []Rollout) {
	intent := d.intent(e)
	if intent == nil {
		return
	}
	if list := e.Deployments.Value; awaitsRecord(list, d.run, d.now) || d.fromMachine(e, list[0]) {
		return
	}
	for _, r := range rollouts {
		if r.Environment == e.Environment.Name && r.Active() && r.Phase != PhaseAwaiting && r.Phase != PhaseQueued && r.Phase != PhaseIndeterminate {
			return
		}
	}
	for i := range e.Services {
		v := &e.Services[i]
		want := d.wanted(intent, v, e)
		if want == "" || v.SHA == "" || d.same(want, v.SHA) || v.Moving() {
			continue
		}
		dis := Disagreement{
			Service: v.Key.Service, Environment: e.Environment.Name,
			Sentence: d.sentence(e, intent, v, want), Since: disagreesSince(v, intent),
		}
		v.Disagreement = &dis
		e.Disagreements = append(e.Disagreements, dis)
	}
}

// recordTime is how long the record of a rollout may lag behind its run.
const recordTime = 5 * time.Minute

// awaitsRecord reports whether the newest rollout's run has just ended well and
// its deployment does not say so yet: what ECS runs is then new, not wrong.
func awaitsRecord(list []Deployment, run func(int64) (Run, bool), now time.Time) bool {
	if len(list) == 0 {
		return false
	}
	switch list[0].State() {
	case "", "queued", "pending", "in_progress":
	default:
		return false
	}
	r, known := run(list[0].Payload.RunID)
	return known && r.Conclusion == ConclusionSuccess && now.Sub(r.Updated) < recordTime
}

// intent is the newest deployment of the environment that GitHub calls done.
func (d *deriving) intent(e *EnvironmentState) *Deployment {
	for i := range e.Deployments.Value {
		if dep := &e.Deployments.Value[i]; dep.Succeeded() {
			return dep
		}
	}
	return nil
}

// wanted is the commit that a deployment set for a service.
func (d *deriving) wanted(dep *Deployment, v *ServiceView, e *EnvironmentState) string {
	if t, ok := dep.Payload.Services[v.Key.Service]; ok && t.Image != "" {
		if sha := d.images[t.Image]; sha != "" {
			return sha
		}
	}
	if len(dep.Payload.Services) > 0 {
		if _, ok := dep.Payload.Services[v.Key.Service]; !ok {
			return "" // this deployment did not touch the service
		}
	}
	return d.deployedSHA(*dep, e)
}

// deployedSHA is the release that a deployment put in place: its own commit,
// or, for a rollback, the commit of the deployment that it restored.
func (d *deriving) deployedSHA(dep Deployment, e *EnvironmentState) string {
	if dep.Payload.Kind != "rollback" {
		return dep.SHA
	}
	for _, old := range e.Deployments.Value {
		if old.ID == dep.Payload.To {
			return old.SHA
		}
	}
	for _, t := range dep.Payload.Services {
		if sha := d.images[t.Image]; sha != "" {
			return sha
		}
	}
	return dep.SHA
}

// sentence says how intent and ECS differ, and by what that came about.
func (d *deriving) sentence(e *EnvironmentState, intent *Deployment, v *ServiceView, want string) string {
	if failed := d.failedOf(e, intent, v); failed != nil {
		return fmt.Sprintf("%s ended with %s, and ECS runs its %s", d.doer(failed), d.badEnd(*failed), d.release(v.SHA).Name())
	}
	if run := d.cancelledOf(e, intent, v); run != nil {
		return fmt.Sprintf("run #%d was cancelled, and ECS runs its %s", run.Number, d.release(v.SHA).Name())
	}
	s := fmt.Sprintf("%s deployed %s, but ECS runs %s", d.doer(intent), d.release(want).Name(), d.release(v.SHA).Name())
	switch r := v.Rollout; {
	case r != nil && r.Reverted() && len(r.TriggeredBy) > 0:
		s += ": alarm " + strings.Join(r.TriggeredBy, ", ") + " made it roll back"
	case r != nil && r.Reverted():
		s += ": its circuit breaker rolled the service back"
	case v.Rollout != nil:
		s += ": changed outside of GitHub Actions"
	}
	return s
}

// doer names the run behind a deployment, or else the deployment.
func (d *deriving) doer(dep *Deployment) string {
	for _, r := range d.runs.Value.Runs {
		if r.ID == dep.Payload.RunID {
			return fmt.Sprintf("run #%d", r.Number)
		}
	}
	return "deployment " + fmt.Sprint(dep.ID)
}

// failedOf is the deployment after intent that did not succeed and put in place
// what a service runs; nil: none did.
func (d *deriving) failedOf(e *EnvironmentState, intent *Deployment, v *ServiceView) *Deployment {
	for i := range e.Deployments.Value {
		dep := &e.Deployments.Value[i]
		switch {
		case dep.ID == intent.ID:
			return nil
		case d.badEnd(*dep) != "" && d.same(d.wanted(dep, v, e), v.SHA):
			return dep
		}
	}
	return nil
}

// badEnd is how a deployment ended that did not succeed: as it says itself, or,
// before it has been read again, as its run does; empty: it did not end so.
func (d *deriving) badEnd(dep Deployment) string {
	switch state := dep.State(); state {
	case "failure", "error":
		return state
	case "", "queued", "pending", "in_progress":
		if r, known := d.run(dep.Payload.RunID); known && r.Done() && r.Failed() {
			return string(r.Conclusion)
		}
	}
	return ""
}

// cancelledOf is the run, cancelled after intent, whose release a service runs;
// nil: there is none. It need not have left a deployment.
func (d *deriving) cancelledOf(e *EnvironmentState, intent *Deployment, v *ServiceView) *Run {
	for _, r := range d.allRuns() {
		if r.Conclusion == ConclusionCancelled && r.Created.After(intent.Created) && d.movesInto(e.Environment, r) && d.same(r.SHA, v.SHA) {
			return &r
		}
	}
	return nil
}

func disagreesSince(v *ServiceView, intent *Deployment) time.Time {
	if v.Rollout != nil {
		return firstTime(v.Rollout.Finished, v.Rollout.Stopped, v.Rollout.Started, v.Rollout.Created)
	}
	return intent.Updated
}
