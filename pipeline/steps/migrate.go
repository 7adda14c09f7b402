package steps

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// MigrateRequest asks for a backup and the migration of an environment's database.
type MigrateRequest struct {
	Environment     string
	Settings        Settings
	SnapshotTimeout time.Duration // 0: 25 minutes
	Timeout         time.Duration // of the migration; 0: 20 minutes
}

const (
	snapshotEnd   = 25 * time.Minute
	migrationEnd  = 20 * time.Minute
	lookEvery     = 5 * time.Second
	migrationLog  = 60               // lines that are printed of a migration that failed
	logsLateBy    = 30 * time.Second // how long after its task a log may come
	logsEvery     = 3 * time.Second
	containerDied = "EssentialContainerExited"
)

// Migrate takes the database snapshot that the run's deployment names, then
// runs the migration as a one-off task with the new image, and judges it by
// its exit code.
func (s *Suite) Migrate(ctx context.Context, req MigrateRequest) error {
	env, err := s.environment(req.Environment)
	if err != nil {
		return err
	}
	if env.Database.Instance == "" && env.Database.MigrationService == "" {
		s.Report.Printf("nothing to migrate: %s has no database in the configuration", env.Name)
		return nil
	}
	d, err := s.planned(ctx, env)
	if err != nil {
		return err
	}
	if err := s.clear(ctx, env, d.SHA); err != nil {
		return err
	}
	if s.DryRun {
		s.Report.Printf("dry run: would take the snapshot %s of %s, then run %s with the image of %s",
			firstOf(d.Payload.Snapshot, s.snapshotName(env)), env.Database.Instance, strings.Join(migrationCommand(env), " "), env.Database.MigrationService)
		return nil
	}
	s.progress(ctx, env, d, "in_progress", "backup and migration")
	if err := s.snapshot(ctx, env, d, s.within(req.SnapshotTimeout, snapshotEnd)); err != nil {
		return s.ended(ctx, env, d, err)
	}
	return s.ended(ctx, env, d, s.runMigration(ctx, env, d, req))
}

func migrationCommand(env pipeline.Environment) []string {
	if len(env.Database.MigrationCommand) > 0 {
		return env.Database.MigrationCommand
	}
	return []string{"python", "manage.py", "migrate", "--noinput"}
}

// snapshot takes the backup and waits until it could be restored.
func (s *Suite) snapshot(ctx context.Context, env pipeline.Environment, d pipeline.Deployment, timeout time.Duration) error {
	id := d.Payload.Snapshot
	if env.Database.Instance == "" || id == "" {
		s.Report.Printf("no snapshot: no database instance is configured")
		return nil
	}
	cluster := env.Clusters[0]
	tags := map[string]string{"deployctl:run": strconv.FormatInt(s.Run.ID, 10), "deployctl:deployment": strconv.FormatInt(d.ID, 10), "deployctl:sha": d.SHA}
	if err := s.Deployer.Snapshot(ctx, cluster, env.Database.Instance, id, tags); err != nil && !doubtful(err) {
		return err
	}
	s.Report.Printf("snapshot %s of %s", id, env.Database.Instance)
	deadline, status := time.Now().Add(timeout), "not seen"
	for {
		list, err := s.Cloud.Snapshots(pipeline.Uncached(ctx), cluster, env.Database.Instance)
		if err != nil && !passing(err) {
			return err
		}
		if i := slices.IndexFunc(list, func(x pipeline.DatabaseSnapshot) bool { return x.ID == id }); i >= 0 {
			status = list[i].Status
		}
		switch {
		case status == "available":
			s.Report.Printf("snapshot %s is available", id)
			s.Report.Summary(fmt.Sprintf("Backup of %s: the snapshot `%s` is available.", Cell(env.Database.Instance), id))
			return nil
		case status == "failed" || status == "incompatible-restore" || time.Now().After(deadline):
			return &pipeline.Error{
				Kind: pipeline.KindFailed, Op: "back up the database", On: env.Database.Instance,
				Message: fmt.Sprintf("snapshot %s is %s after %s; nothing was migrated", id, status, pipeline.Duration(timeout)),
				Hint:    "look at it in RDS, delete it if it is broken, then run the job again",
			}
		}
		if err := s.pause(ctx, lookEvery); err != nil {
			return cut(env.Database.Instance, err)
		}
	}
}

// runMigration runs the command as a task of the migration service.
func (s *Suite) runMigration(ctx context.Context, env pipeline.Environment, d pipeline.Deployment, req MigrateRequest) error {
	if env.Database.MigrationService == "" {
		s.Report.Printf("nothing to migrate: no migration service is configured")
		return nil
	}
	r, definition, err := s.migrationRevision(ctx, env, d, req.Settings)
	if err != nil {
		return err
	}
	command := migrationCommand(env)
	began := time.Now()
	arn, err := s.Deployer.RunTask(ctx, r.Cluster, OneOff{
		Service: r.name(), TaskDefinition: definition, Container: r.image().Container, Command: command,
		StartedBy: fmt.Sprintf("deployctl/%d", s.Run.ID), Token: fmt.Sprintf("deployctl-%d-%d-%d", s.Run.ID, s.Run.Attempt, d.ID),
	})
	if err != nil {
		return err
	}
	s.Report.Printf("%s, as task %s of %s", strings.Join(command, " "), lastOf(arn), lastOf(definition))
	task, err := s.awaitTask(ctx, r, arn, began.Add(s.within(req.Timeout, migrationEnd)))
	if err != nil {
		s.sayTask(ctx, r, definition, arn, began, migrationLog)
		return err
	}
	return s.judgeMigration(ctx, r, definition, task, began)
}

// migrationRevision registers the task definition that the migration runs on:
// the new image with the rendered environment, which the deployment uses too.
func (s *Suite) migrationRevision(ctx context.Context, env pipeline.Environment, d pipeline.Deployment, settings Settings) (running, string, error) {
	fleet, err := s.fleet(ctx, env)
	if err != nil {
		return running{}, "", err
	}
	i := slices.IndexFunc(fleet, func(r running) bool { return r.service.Name == env.Database.MigrationService })
	if i < 0 {
		return running{}, "", &pipeline.Error{Kind: pipeline.KindUsage, Op: "migrate " + env.Name, Message: "there is no service " + env.Database.MigrationService, Hint: "correct database.migration_service"}
	}
	r := fleet[i]
	digest := d.Payload.Services[r.service.Name].Image
	if digest == "" {
		return r, "", &pipeline.Error{Kind: pipeline.KindRefused, Op: "migrate " + env.Name, Message: "the deployment names no image of " + r.service.Name, Hint: "run step prepare again"}
	}
	p, err := s.render(settings, d.SHA, d.Payload.Version)
	if err != nil {
		return r, "", err
	}
	present, err := s.Cloud.TaskDefinition(pipeline.Uncached(ctx), r.Cluster, r.TaskDefinition)
	if err != nil {
		return r, "", err
	}
	secrets, err := s.keepSecrets(ctx, r, present, p.secrets)
	if err != nil {
		return r, "", err
	}
	definition, err := s.register(ctx, r, digest, p, secrets)
	return r, definition, err
}

// awaitTask waits until a task has stopped.
func (s *Suite) awaitTask(ctx context.Context, r running, arn string, deadline time.Time) (pipeline.Task, error) {
	said := ""
	for {
		task, err := s.Cloud.Task(pipeline.Uncached(ctx), r.Cluster, arn)
		if err != nil && !passing(err) {
			return task, err
		}
		if err == nil && task.Status == "STOPPED" {
			return task, nil
		}
		if err == nil && task.Status != said {
			said = task.Status
			s.Report.Printf("the migration is %s", said)
		}
		if time.Now().After(deadline) {
			return task, &pipeline.Error{
				Kind: pipeline.KindFailed, Op: "migrate, as task " + lastOf(arn), Message: "it has not ended in time and is " + firstOf(said, "not to be seen"),
				Hint: "it still runs: see what it waits for, a lock of the database perhaps, before you stop it",
			}
		}
		if err := s.pause(ctx, lookEvery); err != nil {
			return task, cut("task "+lastOf(arn), err)
		}
	}
}

// judgeMigration reads the exit code and the reason, and shows the log.
func (s *Suite) judgeMigration(ctx context.Context, r running, definition string, task pipeline.Task, began time.Time) error {
	var exit *int
	for _, c := range task.Containers {
		if c.Name == r.image().Container {
			exit = c.ExitCode
		}
	}
	lines := s.sayTask(ctx, r, definition, task.ARN, began, migrationLog)
	if exit != nil && *exit == 0 && (task.StopCode == "" || task.StopCode == containerDied) {
		if slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "No migrations to apply") }) {
			s.Report.Printf("nothing to migrate: the schema is that of this release")
		}
		s.Report.Printf("the migration ended with exit code 0")
		s.Report.Summary(fmt.Sprintf("The migration of %s ended with exit code 0; applied: %s.", r.Key.Environment, firstOf(applied(lines), "nothing")))
		return nil
	}
	why := firstOf(task.StoppedReason, task.StopCode, "ECS gives no reason")
	if exit != nil && *exit != 0 {
		why = fmt.Sprintf("exit code %d: %s", *exit, why)
	}
	return &pipeline.Error{
		Kind: pipeline.KindFailed, Op: "migrate, as task " + task.ID, Message: why + "; no service was changed",
		Hint: "read its log above; the services run what they ran before, on a schema that may be half-way",
	}
}

// applied are the migrations that Django says it applied, as a part of a sentence.
func applied(lines []string) string {
	var names []string
	for _, line := range lines {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "Applying "); ok {
			name, _, _ = strings.Cut(name, "...")
			names = append(names, Cell(name))
		}
	}
	return strings.Join(names, ", ")
}

// sayTask prints what a task wrote. Its log comes a moment after it: while
// there is none it is asked for again.
func (s *Suite) sayTask(ctx context.Context, r running, definition, arn string, began time.Time, limit int) []string {
	d, err := s.Cloud.TaskDefinition(ctx, r.Cluster, definition)
	if err != nil {
		s.Report.Printf("its log cannot be found: %v", err)
		return nil
	}
	group := containerOf(d, r.image().Container).LogGroup
	if group.Name == "" {
		s.Report.Printf("its log is not in CloudWatch")
		return nil
	}
	lines, err := s.taskLog(ctx, r, group, arn, began, limit)
	switch {
	case err != nil:
		s.Report.Printf("its log cannot be read: %v", err)
	case len(lines) == 0:
		s.Report.Printf("it wrote no log, or none that CloudWatch shows within %s", pipeline.Duration(logsLateBy))
	}
	end := s.Report.Group("Log of the migration, " + group.Name)
	for _, line := range lines {
		s.Report.Printf("%s", line)
	}
	end()
	return lines
}

// taskLog reads what a task wrote, until there is something or it is too late
// for more.
func (s *Suite) taskLog(ctx context.Context, r running, group pipeline.LogGroup, arn string, began time.Time, limit int) ([]string, error) {
	deadline := time.Now().Add(s.scaled(logsLateBy))
	for {
		lines, err := s.Cloud.TaskLog(ctx, r.Cluster, group, lastOf(arn), began.Add(-time.Minute), limit)
		if err != nil && !passing(err) || len(lines) > 0 || !time.Now().Before(deadline) {
			return lines, err
		}
		if s.pause(ctx, logsEvery) != nil {
			return lines, err
		}
	}
}
