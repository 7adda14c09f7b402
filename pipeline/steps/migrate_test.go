package steps_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// A stalled Cloud sees every snapshot as RDS shows one that does not proceed.
type stalled struct{ steps.Cloud }

func (s stalled) Snapshots(ctx context.Context, c pipeline.Cluster, instance string) ([]pipeline.DatabaseSnapshot, error) {
	list, err := s.Cloud.Snapshots(ctx, c, instance)
	for i := range list {
		list[i].Status = "creating"
	}
	return list, err
}

// TestMigrateFails has a snapshot that never becomes available, and then one
// that does and a migration that raises.
func TestMigrateFails(t *testing.T) {
	inWorld(t, func(b *bench) {
		request := steps.MigrateRequest{Environment: "production", Settings: settings(), SnapshotTimeout: 5 * time.Minute}
		b.prepared()
		b.suite.Cloud = stalled{b.cloud}
		b.wantCode(b.suite.Migrate(b.Context(), request), pipeline.ExitFailed, "creating after 5m", "nothing was migrated", "run the job again")
		b.change(func(w *sandbox.World) {
			if n := len(w.Cloud.Cluster("shop-production").OneOff); n != 0 {
				b.Errorf("%d tasks ran without a backup", n)
			}
			r := w.Hub.Repository
			commit := r.Commits[b.suite.Run.SHA]
			for path := range commit.Files {
				if folder, _, ok := strings.Cut(path, "0001_initial.py"); ok && strings.Contains(path, "orders") {
					r.Blobs["raising"] = "def forwards(apps, editor):\n    raise ValueError(\"3 orders have no buyer\")\n"
					commit.Files[folder+"0099_buyers.py"] = "raising"
				}
			}
		})
		b.suite.Cloud = b.cloud
		b.wantCode(b.suite.Migrate(b.Context(), request), pipeline.ExitFailed, "exit code 1", "no service was changed")
		if said := b.log.said(); !strings.Contains(said, "3 orders have no buyer") {
			b.Errorf("its log is not shown\n%s", said)
		}
		if d := b.deployments()[0]; d.State() != "failure" {
			b.Errorf("the deployment is %s", d.State())
		}
	})
}
