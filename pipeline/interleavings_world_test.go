package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// stay is how long staging ran a tree.
type stay struct{ from, to time.Time }

func (s stay) soaked(now time.Time) bool {
	if s.from.IsZero() {
		return false // it never was there
	}
	if !s.to.IsZero() {
		now = s.to
	}
	return now.Sub(s.from) >= 10*time.Minute
}

// progress is how far a run that changes production has come.
type progress struct {
	stage      int
	release    string // what it brings
	deployment int64
	before     string
	rollbackOf int64
	to         int64
	request    string // of the operator who rolled back
}

// nameOf is the release that a commit builds.
func (w *walk) nameOf(sha string) string {
	switch sha {
	case shaLive:
		return "live"
	case shaNew, shaStage:
		return "new"
	case shaOlder:
		return "older"
	}
	return "r" + strings.TrimLeft(sha, "0")
}

func (w *walk) shaOf(release string) string {
	for sha := range w.commits {
		if sha != shaStage && w.nameOf(sha) == release {
			return sha
		}
	}
	return ""
}

// push brings a release to main; staging has run it long enough, just now, or never.
func (w *walk) push() bool {
	n, now := w.next(), time.Now()
	sha := fmt.Sprintf("%040d", 1000+n)
	name := w.nameOf(sha)
	w.change(func(x *world) {
		x.commits[sha] = Commit{SHA: sha, Tree: "tree-" + name, Title: "Change " + name, Author: "bob", Parents: []string{shaNew}, Committed: now}
		for _, svc := range []string{"orders", "users"} {
			x.images[digest(svc, name)] = ImageState{Present: true, Digest: digest(svc, name)}
			x.definitions[definition(svc, name)] = TaskDefinition{ARN: definition(svc, name), Status: "ACTIVE"}
		}
		id := int64(1000 + n)
		x.runs = append([]Run{{ID: id, Workflow: "cd-production.yml", Number: 20 + n, Attempt: 1, Status: StatusWaiting, Branch: "main", SHA: sha, Actor: "bob", TriggeringActor: "bob", Created: now, Started: now}}, x.runs...)
		x.pending[id] = []PendingApproval{{RunID: id, EnvironmentID: 7, Environment: "production", CanApprove: true, WaitStarted: now, Reviewers: []Reviewer{{Name: "alice"}}}}
	})
	if since, staged := []time.Duration{time.Hour, time.Minute, 0}[w.random.IntN(3)], true; since > 0 && staged {
		w.stage(name, sha, now.Add(-since))
	}
	return true
}

// stage makes staging run a release since a moment, though not before what it
// ran last came.
func (w *walk) stage(name, sha string, since time.Time) {
	since = latest(since, w.staged)
	w.staged = since
	for tree, s := range w.stays {
		if s.to.IsZero() {
			s.to = since
			w.stays[tree] = s
		}
	}
	w.stays["tree-"+name] = stay{from: since}
	w.change(func(x *world) {
		d := deployed(int64(2000+w.next()), "staging", sha, name, since, "live")
		x.deployments["staging"] = slices.Insert(x.deployments["staging"], 0, d)
		x.services["shop-staging"] = onStaging(name, sha)
	})
}

func (w *walk) restage() bool {
	w.stage("older", shaOlder, time.Now())
	return true
}

// mutating are the runs of the world that change production, or could.
func (w *walk) mutating(in func(Run) bool) []int64 {
	var out []int64
	w.change(func(x *world) {
		for _, r := range x.runs {
			if r.Workflow != "ci.yml" && in(r) {
				out = append(out, r.ID)
			}
		}
	})
	return out
}

func inMotion(r Run) bool { return r.Status == StatusQueued || r.Status == StatusInProgress }
func atGate(r Run) bool   { return r.Status == StatusWaiting }
func ended(r Run) bool    { return r.Done() && r.Workflow == "cd-production.yml" }
func working(r Run) bool  { return r.Status == StatusInProgress }

// edit changes one run; the caller holds the world's lock.
func (w *world) edit(id int64, change func(*Run)) {
	for i := range w.runs {
		if w.runs[i].ID == id {
			change(&w.runs[i])
			w.runs[i].Updated = time.Now()
		}
	}
}

func (w *world) run(id int64) Run {
	for _, r := range w.runs {
		if r.ID == id {
			return r
		}
	}
	return Run{}
}

// advance takes one run a step on its way.
func (w *walk) advance() bool {
	id, ok := oneOf(w.random, w.mutating(inMotion))
	if ok {
		w.step(id)
	}
	return ok
}

// step is what a run does next: it starts, records its deployment, rolls one
// service after the other, records the end, and ends.
func (w *walk) step(id int64) {
	n := int64(3000 + w.next())
	w.change(func(x *world) {
		r := x.run(id)
		p := w.runs[id]
		if p == nil {
			p = &progress{}
			w.runs[id] = p
		}
		if r.Status == StatusQueued {
			x.edit(id, func(r *Run) { r.Status = StatusInProgress })
			return
		}
		if r.Workflow != "cd-production.yml" && p.release == "" { // a run without effect on production
			x.edit(id, func(r *Run) { r.Status, r.Conclusion = StatusCompleted, ConclusionSuccess })
			return
		}
		if p.release == "" {
			p.release = w.nameOf(r.SHA)
		}
		switch p.stage++; p.stage {
		case 1:
			p.begin(x, r, n, w)
		case 2, 3:
			svc := []string{"orders", "users"}[p.stage-2]
			x.services["shop-production"][p.stage-2] = service(svc, p.release, w.shaOf(p.release))
		case 4:
			x.status(p.deployment, "success")
		default:
			x.edit(id, func(r *Run) { r.Status, r.Conclusion = StatusCompleted, ConclusionSuccess })
		}
	})
}

// begin records a run's one deployment before anything changes.
func (p *progress) begin(x *world, r Run, id int64, w *walk) {
	now := time.Now()
	p.deployment, p.before = id, strings.TrimPrefix(x.services["shop-production"][0].TaskDefinition, "arn:td/orders:")
	d := deployed(id, "production", r.SHA, p.release, now, p.before)
	d.Created, d.Payload.RunID, d.Payload.RunAttempt = now, r.ID, r.Attempt
	d.Payload.Before.SHA = w.shaOf(p.before)
	d.Statuses = []DeploymentStatus{{State: "in_progress", Created: now}}
	if p.to != 0 {
		d.Payload.Kind, d.Payload.RollbackOf, d.Payload.To = "rollback", p.rollbackOf, p.to
		d.SHA = w.shaOf(p.release)
	}
	x.deployments["production"] = slices.Insert(x.deployments["production"], 0, d)
}

// status adds a status to a deployment of production.
func (w *world) status(id int64, state string) {
	for i, d := range w.deployments["production"] {
		if d.ID == id {
			d.Statuses = append([]DeploymentStatus{{State: state, Created: time.Now()}}, d.Statuses...)
			d.Updated = time.Now()
			w.deployments["production"][i] = d
		}
	}
}

func (w *walk) failRun() bool {
	id, ok := oneOf(w.random, w.mutating(working))
	if ok {
		w.change(func(x *world) {
			if p := w.runs[id]; p != nil && p.deployment != 0 && p.stage < 4 {
				x.status(p.deployment, "failure")
			}
			x.edit(id, func(r *Run) { r.Status, r.Conclusion = StatusCompleted, ConclusionFailure })
		})
	}
	return ok
}

func (w *walk) cancelRun() bool {
	id, ok := oneOf(w.random, w.mutating(func(r Run) bool { return !r.Done() }))
	if ok {
		w.change(func(x *world) { x.cancel(id) })
	}
	return ok
}

func (w *world) cancel(id int64) {
	delete(w.pending, id)
	w.edit(id, func(r *Run) { r.Status, r.Conclusion = StatusCompleted, ConclusionCancelled })
}

func (w *walk) rerunRun() bool {
	id, ok := oneOf(w.random, w.mutating(ended))
	if ok {
		w.change(func(x *world) { w.again(x, id) })
	}
	return ok
}

// rerunWaiting ends a run at its gate and runs it again: another attempt waits
// there, and looks the same.
func (w *walk) rerunWaiting() bool {
	id, ok := oneOf(w.random, w.mutating(atGate))
	if ok {
		w.change(func(x *world) {
			x.cancel(id)
			w.again(x, id)
		})
	}
	return ok
}

// again makes a run a new attempt that waits at the gate.
func (w *walk) again(x *world, id int64) {
	delete(w.runs, id)
	x.edit(id, func(r *Run) { r.Attempt++; r.Status, r.Conclusion, r.Started = StatusWaiting, "", time.Now() })
	x.pending[id] = []PendingApproval{{RunID: id, EnvironmentID: 7, Environment: "production", CanApprove: true, WaitStarted: time.Now(), Reviewers: []Reviewer{{Name: "alice"}}}}
}

func (w *walk) approveElsewhere() bool {
	id, ok := oneOf(w.random, w.mutating(atGate))
	if ok {
		w.change(func(x *world) { x.approve(id, "by the web") })
	}
	return ok
}

func (w *world) approve(id int64, comment string) {
	delete(w.pending, id)
	w.reviews[id] = append(slices.Clone(w.reviews[id]), Review{State: "approved", Comment: comment, User: "alice", Environments: []string{"production"}})
	w.edit(id, func(r *Run) { r.Status = StatusInProgress })
}

// revert is ECS's circuit breaker: a service is back on what it ran before,
// whatever its run says.
func (w *walk) revert() bool {
	for _, p := range w.runs {
		if p.stage >= 2 && p.before != "" {
			w.change(func(x *world) {
				x.services["shop-production"][0] = service("orders", p.before, w.shaOf(p.before))
			})
			return true
		}
	}
	return false
}

func (w *walk) external() bool {
	name := []string{"live", "new", "older"}[w.random.IntN(3)]
	w.change(func(x *world) { x.services["shop-production"][1] = service("users", name, w.shaOf(name)) })
	return true
}

func (w *walk) alarm() bool {
	w.change(func(x *world) {
		if len(x.alarms) > 0 {
			x.alarms = nil
			return
		}
		x.alarms = []Alarm{{Name: "5xx", State: "ALARM", Changed: time.Now()}}
	})
	return true
}

func (w *walk) holdElsewhere() bool {
	w.change(func(x *world) {
		if _, held := x.holds["production"]; held {
			delete(x.holds, "production")
			return
		}
		if x.holds == nil {
			x.holds = map[string]Hold{}
		}
		x.holds["production"] = Hold{Environment: "production", Owner: "dora", Reason: "an incident", Cause: "manual", Since: time.Now(), Token: fmt.Sprintf("dora-%d", w.next())}
	})
	return true
}

func (w *walk) turnChecks() bool {
	w.change(func(x *world) {
		c := x.checks[0]
		if c.Conclusion = ConclusionSuccess; x.checks[0].Conclusion == ConclusionSuccess {
			c.Conclusion = ConclusionFailure
		}
		x.checks = []Check{c}
	})
	return true
}

// What can fail, all in the ways that a network does.
var breakable = []string{
	"Runs", "Run", "Jobs", "PendingApprovals", "Reviews", "Deployments", "Commits", "Commit", "Compare", "Checks", "Holds",
	"Services", "ServiceDeployments", "Alarms", "Targets", "TaskDefinition", "Images", "WorkflowFile", "Environments",
}

func (w *walk) breakSource() bool {
	name := breakable[w.random.IntN(len(breakable))]
	w.note("  %s", name)
	w.change(func(x *world) { x.fail[name] = errDown })
	return true
}

func (w *walk) healSources() bool {
	had := false
	w.change(func(x *world) { had = len(x.fail) > 0; clear(x.fail); w.writes = takes })
	for _, p := range w.people {
		p.journal.setFail(nil)
	}
	return had
}

func (r *record) setFail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

// writing is what becomes of writes.
type writing int

const (
	takes   writing = iota
	loses           // the write is carried out, its answer is lost
	drops           // the write never arrives, and nobody says so
	refuses         // 403
)

func (w *walk) loseAnswers() bool  { return w.set([]writing{loses, drops}[w.random.IntN(2)]) }
func (w *walk) refuseWrites() bool { return w.set(refuses) }

func (w *walk) set(to writing) bool {
	w.change(func(*world) { w.writes = to })
	return true
}

func (w *walk) breakJournal() bool {
	w.somebody().journal.setFail(fmt.Errorf("no space left on device"))
	return true
}

// serving is one answer of ECS. Of answers to questions that were asked at the
// same time, each may count as the last one.
type serving struct {
	began, ended int
	states       []ServiceState
}

// Services remembers what ECS said, by which the snapshot is judged: an answer
// whose question was asked after another's was there leaves that one behind.
func (w *walk) Services(ctx context.Context, c Cluster, names []string) ([]ServiceState, error) {
	w.mu.Lock()
	w.asked++
	began := w.asked
	w.mu.Unlock()
	states, err := w.world.Services(ctx, c, names)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	if err == nil {
		list := slices.DeleteFunc(w.served[c.Name], func(s serving) bool { return s.ended < began })
		w.served[c.Name] = append(list, serving{began, w.asked, states})
	}
	return states, err
}
