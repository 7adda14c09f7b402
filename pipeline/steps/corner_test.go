package steps_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
)

// A freeze that begins between two services stops the deployment there.
func TestAFreezeBeginsWhileDeploying(t *testing.T) {
	inWorld(t, func(b *bench) {
		b.prepared()
		b.log.on["api-gateway: SUCCESSFUL"] = func() {
			b.suite.Configuration.Policy.Freezes = []pipeline.FreezeWindow{{From: time.Now(), Until: time.Now().Add(time.Hour), Reason: "the big sale"}}
		}
		b.wantCode(b.deploy(b.Context()), pipeline.ExitRefused, "the big sale")
		if got := b.runs(b.suite.Run.SHA); !slices.Equal(got, []string{"api-gateway"}) {
			b.Errorf("the release runs on %v", got)
		}
		if d := b.deployments()[0]; d.State() != "failure" {
			b.Errorf("the deployment is %s", d.State())
		}
	})
}

// Without a backup bucket production refuses, unless the team says that GitHub's
// record is enough.
func TestTheRecordIsKeptTwice(t *testing.T) {
	inWorld(t, func(b *bench) {
		newest := b.deployments()[0].ID
		prepare := func() error {
			return b.suite.Prepare(b.Context(), steps.PrepareRequest{Environment: "production", Version: "v1.42.0"})
		}
		b.wantCode(prepare(), pipeline.ExitRefused, "BACKUP_S3_BUCKET is empty", "policy.record_copy")
		if _, held := b.hold(); held || b.deployments()[0].ID != newest {
			b.Error("a refused preparation changed something")
		}
		b.suite.Configuration.Policy.RecordCopy = "warn"
		b.wantCode(prepare(), pipeline.ExitDone)
		if !strings.Contains(b.log.said(), "warning: no copy of the record") {
			b.Errorf("nobody is warned\n%s", b.log.said())
		}
	})
}

// behind is a Cloud whose CloudWatch shows a task's log only at the third look.
type behind struct {
	steps.Cloud
	looks *int
}

func (c behind) TaskLog(ctx context.Context, cluster pipeline.Cluster, group pipeline.LogGroup, task string, since time.Time, limit int) ([]string, error) {
	if *c.looks++; *c.looks < 3 {
		return nil, nil
	}
	return c.Cloud.TaskLog(ctx, cluster, group, task, since, limit)
}

// The log of a migration that comes after its task has ended is waited for.
func TestALateMigrationLog(t *testing.T) {
	inWorld(t, func(b *bench) {
		b.prepared()
		looks := 0
		b.suite.Cloud = behind{b.cloud, &looks}
		if err := b.suite.Migrate(b.Context(), steps.MigrateRequest{Environment: "production", Settings: settings()}); err != nil {
			b.Fatal(err)
		}
		if said := b.log.said(); looks != 3 || strings.Contains(said, "it wrote no log") || !strings.Contains(said, "migrations:") {
			b.Errorf("after %d looks it said\n%s", looks, said)
		}
	})
}

// unreadable is a Cloud whose registry cannot be asked.
type unreadable struct{ steps.Cloud }

func (unreadable) Images(context.Context, pipeline.Cluster, []pipeline.Image) (map[string]pipeline.ImageState, error) {
	return nil, pipeline.Errorf(pipeline.KindUnavailable, "the registry answers 502")
}

// A rollback passes what wants an acknowledgement, and says so on the run's page.
func TestARollbackSaysWhatNobodyAcknowledged(t *testing.T) {
	inWorld(t, func(b *bench) {
		was := b.released()
		b.suite.Cloud = unreadable{b.cloud}
		if err := b.rollback(b.Context(), firstRollback, steps.RollbackRequest{To: was.ID}); err != nil {
			b.Fatalf("%v\n%s", err, b.log.said())
		}
		said := b.log.said()
		if !b.serves(was) || !strings.Contains(said, "warning: R10 ") || !strings.Contains(said, "the rollback goes on without one") || !strings.Contains(said, "was not acknowledged: ") {
			b.Errorf("it said\n%s", said)
		}
	})
}

// The lock of a request is taken over once every run that carried it out has
// ended, and not before.
func TestALockOfARequestIsTakenOver(t *testing.T) {
	inWorld(t, func(b *bench) {
		was := b.deployments()[0]
		b.suite.Run.RequestID = "03REQUEST"
		b.prepared()
		if h, _ := b.hold(); h.RequestID != "03REQUEST" {
			b.Fatalf("the lock is %+v", h)
		}
		if err := b.deploy(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.suite.Run.RequestID = ""
		b.wantCode(b.rollback(b.Context(), firstRollback, steps.RollbackRequest{To: was.ID}), pipeline.ExitRefused, "changes it now: deploying v1.42.0")
		cancelled(b)
		b.wantCode(b.rollback(b.Context(), firstRollback, steps.RollbackRequest{To: was.ID}), pipeline.ExitDone)
		if !strings.Contains(b.log.said(), "the lock of a run that has ended is taken over") {
			b.Errorf("it said\n%s", b.log.said())
		}
	})
}
