package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// startTask begins the life of a task of the revision that the deployment
// serves: provisioning, pulling the image, running, healthy.
func (w *World) startTask(s *Service, d *ServiceDeployment) *Task {
	revision := d.Serving()
	t := w.newTask(s.Cluster, revision.TaskDefinition)
	t.Service, t.Deployment, t.Revision, t.StartedBy = s, d, revision, d.ClassicID
	s.Tasks = append(s.Tasks, t)
	w.after(w.between(7*time.Second, 12*time.Second), func() {
		if t.Status == "PROVISIONING" {
			t.Status = "PENDING"
			w.after(w.between(8*time.Second, 14*time.Second), func() { w.runTask(t) })
		}
	})
	return t
}

func (w *World) newTask(cluster *Cluster, definition *TaskDefinition) *Task {
	id := w.hex(32)
	return &Task{
		ID: id, ARN: arn("ecs", fmt.Sprintf("task/%s/%s", cluster.Name, id)),
		Cluster: cluster, Definition: definition, Status: "PROVISIONING", Desired: "RUNNING",
		Health: "UNKNOWN", Target: "unused", Created: w.now,
		Address: fmt.Sprintf("10.0.%d.%d", 16+w.random.IntN(48), 4+w.random.IntN(250)),
	}
}

// runTask takes a pending task to RUNNING, or stops it when its image cannot
// be pulled.
func (w *World) runTask(t *Task) {
	if t.Status != "PENDING" {
		return
	}
	image := w.imageOf(t.Definition)
	if image == nil {
		w.failToStart(t)
		return
	}
	t.Status, t.Started, t.Digest = "RUNNING", w.now, image.Digest
	if t.Service == nil {
		return
	}
	t.Target, t.TargetReason = "initial", "Elb.RegistrationInProgress"
	w.serviceEvent(t.Service, "registered 1 targets in (target-group %s)", t.Service.groupARN(t.Revision))
	w.writeBoot(t)
	if f := w.faultOf(t); f.crashes {
		w.after(6*time.Second, func() { w.crash(t, f) })
		return
	}
	w.after(w.between(18*time.Second, 26*time.Second), func() { w.healthyTask(t) })
}

func (w *World) healthyTask(t *Task) {
	if t.Status != "RUNNING" || t.Target != "initial" {
		return
	}
	t.Target, t.TargetReason, t.Health = "healthy", "", "HEALTHY"
	if d := t.Deployment; d.Traffic.IsZero() && t.Revision == d.Target && !t.Service.shifts() {
		d.Traffic = w.now
	}
	w.reconcile(t.Service)
}

// faultOf is what is wrong with the image of a service's task, in production.
func (w *World) faultOf(t *Task) fault {
	b := w.buildWith(t.Service.Name, t.Digest)
	if b == nil || b.fault.service != t.Service.Name || t.Cluster.Environment != "production" {
		return fault{}
	}
	return b.fault
}

// crash ends a task whose application does not survive its start.
func (w *World) crash(t *Task, f fault) {
	if t.Status != "RUNNING" {
		return
	}
	exit := 3
	w.writeLine(t, crashTraceback+f.signature)
	w.writeLine(t, fmt.Sprintf("[%s] [1] [ERROR] Reason: Worker failed to boot.", w.now.UTC().Format("2006-01-02 15:04:05 +0000")))
	t.Status, t.Desired, t.Target, t.TargetReason, t.Stopping, t.Stopped = "STOPPED", "STOPPED", "unused", "", w.now, w.now
	t.StopCode, t.StopReason, t.Exit = "EssentialContainerExited", "Essential container in task exited", &exit
	w.serviceEvent(t.Service, "(task %s) stopped: essential container exited with code %d", t.ID, exit)
	w.taskFailed(t)
	w.prune(t)
	w.after(5*time.Second, func() { w.reconcile(t.Service) })
}

// failToStart ends a task whose image is not there to be pulled.
func (w *World) failToStart(t *Task) {
	zero := 0
	t.Exit = nil
	t.Status, t.Desired, t.Stopping, t.Stopped = "STOPPED", "STOPPED", w.now, w.now
	t.StopCode = "TaskFailedToStart"
	t.StopReason = fmt.Sprintf("CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref %s: %s: not found",
		t.Definition.Image, t.Definition.Image)
	if t.Service == nil {
		t.Exit = &zero
		return
	}
	w.serviceEvent(t.Service, "was unable to place a task: (task %s) stopped: %s", t.ID, t.StopReason)
	w.taskFailed(t)
	w.prune(t)
	w.after(5*time.Second, func() { w.reconcile(t.Service) })
}

// stopTask drains a task and stops it.
func (w *World) stopTask(t *Task, code, reason string) {
	if t.Desired == "STOPPED" {
		return
	}
	t.Desired, t.StopCode, t.StopReason, t.Stopping = "STOPPED", code, reason, w.now
	wait := stopTime
	if t.Target == "healthy" || t.Target == "unhealthy" {
		t.Status, t.Target, t.TargetReason = "DEACTIVATING", "draining", "Target.DeregistrationInProgress"
		wait += drainTime
	} else {
		t.Status, t.Target = "STOPPING", "unused"
	}
	w.after(wait, func() {
		exit := 0
		if code != "ServiceSchedulerInitiated" && code != "UserInitiated" {
			exit = 1
		}
		t.Status, t.Target, t.TargetReason, t.Stopped, t.Health = "STOPPED", "unused", "", w.now, "UNKNOWN"
		t.Exit = &exit
		w.prune(t)
		if t.Service != nil {
			w.reconcile(t.Service)
		}
	})
}

// StopTask stops a task at an operator's request; its service replaces it.
func (w *World) StopTask(t *Task, reason string) {
	if reason == "" {
		reason = "Task stopped by user"
	}
	w.stopTask(t, "UserInitiated", reason)
	if t.Service != nil {
		w.reconcile(t.Service)
	}
}

// prune forgets a stopped task after the time that ECS keeps it.
func (w *World) prune(t *Task) {
	w.plan(w.now.Add(stoppedKept), func() {
		isIt := func(other *Task) bool { return other == t }
		if t.Service != nil {
			t.Service.Tasks = slices.DeleteFunc(t.Service.Tasks, isIt)
			return
		}
		t.Cluster.OneOff = slices.DeleteFunc(t.Cluster.OneOff, isIt)
	})
}

// imageOf finds what a task definition would pull; nil when it is not there.
func (w *World) imageOf(d *TaskDefinition) *Image {
	path := d.Image
	if _, rest, ok := strings.Cut(path, ".amazonaws.com/"); ok {
		path = rest
	}
	if repository, digest, ok := strings.Cut(path, "@"); ok {
		return w.Cloud.Image(repository, digest)
	}
	repository, tag, ok := strings.Cut(path, ":")
	if !ok {
		tag = "latest"
	}
	return w.Cloud.Image(repository, tag)
}

// RunTask starts a one-off task, such as a migration, with the command in
// place of the image's own. It writes its log and stops by itself.
func (w *World) RunTask(cluster *Cluster, definition *TaskDefinition, command []string, startedBy string) *Task {
	t := w.newTask(cluster, definition)
	t.Command, t.StartedBy = command, startedBy
	cluster.OneOff = append(cluster.OneOff, t)
	w.after(w.between(6*time.Second, 10*time.Second), func() {
		if t.Status != "PROVISIONING" {
			return
		}
		t.Status = "PENDING"
		w.after(w.between(8*time.Second, 12*time.Second), func() {
			w.runTask(t)
			if t.Status == "RUNNING" {
				w.runOneOff(t)
			}
		})
	})
	return t
}

// runOneOff writes the command's output line by line and ends the task.
func (w *World) runOneOff(t *Task) {
	lines, exit := w.oneOffOutput(t)
	for i, text := range lines {
		w.after(time.Duration(i+1)*3*time.Second, func() {
			for line := range strings.SplitSeq(text, "\n") { // each line is an event of its own
				w.writeLine(t, line)
			}
		})
	}
	w.after(time.Duration(len(lines)+2)*3*time.Second, func() {
		if t.Status != "RUNNING" {
			return
		}
		t.Status, t.Desired, t.StopCode = "STOPPED", "STOPPED", "EssentialContainerExited"
		t.StopReason, t.Exit, t.Stopping, t.Stopped = "Essential container in task exited", &exit, w.now, w.now
		w.prune(t)
	})
}

// CreateDBSnapshot begins a manual snapshot. It fails when the database is busy
// or the name is taken.
func (w *World) CreateDBSnapshot(db *Database, id string, tags []Pair) (*Snapshot, error) {
	for _, s := range w.Cloud.Snapshots {
		if s.ID == id {
			return nil, fmt.Errorf("cannot create the snapshot because a snapshot with the identifier %s already exists", id)
		}
	}
	if db.Status != "available" {
		return nil, fmt.Errorf("database instance %s is not in available state", db.ID)
	}
	s := &Snapshot{ID: id, ARN: arn("rds", "snapshot:"+id), Database: db, Status: "creating", Created: w.now, Type: "manual", Tags: tags}
	w.Cloud.Snapshots = append(w.Cloud.Snapshots, s)
	db.Status = "backing-up"
	for percent := 20; percent < 100; percent += 20 {
		w.after(time.Duration(percent)*600*time.Millisecond, func() { s.Percent = percent })
	}
	w.after(time.Minute, func() { s.Status, s.Percent, db.Status = "available", 100, "available" })
	return s, nil
}
