package steps_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
	"github.com/deployctl/gh-deployctl/sandbox"
)

func TestReleaseGoesToProduction(t *testing.T) {
	inWorld(t, func(b *bench) {
		was := b.states()
		b.prepared()
		checkRecord(b, was)
		if err := b.suite.Migrate(b.Context(), steps.MigrateRequest{Environment: "production", Settings: settings()}); err != nil {
			b.Fatalf("%v\n%s", err, b.log.said())
		}
		if said := b.log.said(); !strings.Contains(said, "Backup of shop-production: the snapshot `shop-production-") || !strings.Contains(said, `The migration of production ended with exit code 0; applied: orders.0057\_order\_coupon`) {
			b.Errorf("the summary lacks the backup or the migration\n%s", said)
		}
		if err := b.deploy(b.Context()); err != nil {
			b.Fatalf("%v\n%s", err, b.log.said())
		}
		if got := b.runs(b.suite.Run.SHA); !slices.Equal(got, services) {
			b.Errorf("only %v run the release", got)
		}
		checkRendered(b)
		checkAgain(b)
		if err := b.suite.Conclude(b.Context(), "production", "success", "verified"); err != nil {
			b.Fatal(err)
		}
		if _, held := b.hold(); held {
			b.Error("the lock was not given back")
		}
		if d := b.deployments()[0]; d.State() != "success" {
			b.Errorf("the deployment is %s", d.State())
		}
	})
}

// checkRecord looks at what step prepare leaves behind.
func checkRecord(b *bench, was map[string]pipeline.ServiceState) {
	b.Helper()
	d := b.deployments()[0]
	p := d.Payload
	if d.SHA != b.suite.Run.SHA || p.RunID != b.suite.Run.ID || p.Kind != "deploy" || p.Version != "v1.42.0" || d.State() != "queued" {
		b.Errorf("deployment %+v", d)
	}
	for _, name := range services {
		if now := p.Before.Services[name]; now.Image != was[name].Revisions[0].Digest() || now.TaskDefinition != was[name].TaskDefinition || now.Desired != was[name].Desired {
			b.Errorf("%s is recorded as %+v", name, now)
		}
		if !strings.HasPrefix(p.Services[name].Image, "sha256:") {
			b.Errorf("%s will run %q", name, p.Services[name].Image)
		}
	}
	if p.Snapshot == "" {
		b.Error("no snapshot is planned")
	}
	if h, ok := b.hold(); !ok || h.Cause != "rollout" || h.Owner != "alice" {
		b.Errorf("the lock is %+v", h)
	}
	b.change(func(w *sandbox.World) {
		var kept struct {
			ID      int64
			Payload pipeline.Payload
		}
		for key, o := range w.Cloud.Buckets[bucket].Objects {
			if strings.HasPrefix(key, "deployctl/production/") {
				if err := json.Unmarshal(o.Body, &kept); err != nil {
					b.Error(err)
				}
			}
		}
		if kept.ID != d.ID || kept.Payload.Snapshot != p.Snapshot {
			b.Errorf("the bucket keeps %+v", kept)
		}
	})
}

// checkRendered looks at the containers' environment and secrets.
func checkRendered(b *bench) {
	b.Helper()
	state := b.states()["orders"]
	d, err := b.cloud.TaskDefinition(b.Context(), state.Cluster, state.TaskDefinition)
	if err != nil {
		b.Fatal(err)
	}
	c := d.Containers[0]
	for name, want := range map[string]string{"APP_VERSION": "v1.42.0", "GIT_SHA": b.suite.Run.SHA, "LOG_LEVEL": "WARNING", "GUNICORN_WORKERS": "3", "AWS_ROLE_ARN": "", "DB_PASSWORD": ""} {
		if c.Environment[name] != want {
			b.Errorf("%s is %q, want %q", name, c.Environment[name], want)
		}
	}
	if !strings.Contains(c.Secrets["DB_PASSWORD"], ":secret:shop-production/DB_PASSWORD-") || !strings.Contains(c.Secrets["DATABASE_URL"], "database-url") || c.Secrets["SENTRY_DSN"] != "" {
		b.Errorf("secrets %v", c.Secrets)
	}
	if d.Tags["deployctl:sha"] != b.suite.Run.SHA || d.CPU != "1024" || c.LogGroup.Name == "" || len(c.Ports) == 0 {
		b.Errorf("the revision is %+v", d)
	}
	if said := b.log.said(); strings.Contains(said, "correct horse") {
		b.Error("a secret was printed")
	}
}

// checkAgain runs the steps again: nothing moves, and there is one deployment.
func checkAgain(b *bench) {
	b.Helper()
	before := b.rollouts("orders")
	b.suite.Run.Attempt = 2
	b.prepared()
	if err := b.deploy(b.Context()); err != nil {
		b.Fatal(err)
	}
	if after := b.rollouts("orders"); after != before {
		b.Errorf("the re-run made %d deployments of orders", after-before)
	}
	count := 0
	for _, d := range b.deployments() {
		if d.Payload.RunID == b.suite.Run.ID {
			count++
		}
	}
	if count != 1 {
		b.Errorf("the run has %d deployments", count)
	}
}

// TestDeployFails lets the same service fail in two ways: its circuit breaker
// fires, and then it never comes to rest.
func TestDeployFails(t *testing.T) {
	inWorld(t, func(b *bench) {
		checkDryRun(b)
		b.prepared()
		var image *sandbox.Image
		b.change(func(w *sandbox.World) {
			image = w.Cloud.Image("shop/catalog", b.newestDigests(w)["catalog"])
			image.Deleted = true
		})
		b.wantCode(b.deploy(b.Context()), pipeline.ExitFailed, "reverted by ECS (ROLLBACK_SUCCESSFUL)", "catalog")
		if got := b.runs(b.suite.Run.SHA); !slices.Equal(got, []string{"api-gateway"}) {
			b.Errorf("the release runs on %v", got)
		}
		if said := b.log.said(); !strings.Contains(said, "| api-gateway | runs the release |") || !strings.Contains(said, "| orders | not touched |") || !strings.Contains(said, "CannotPullContainerError") {
			b.Errorf("it does not say how far it came and why\n%s", said)
		}
		if d := b.deployments()[0]; d.State() != "failure" {
			b.Errorf("the deployment is %s", d.State())
		}

		b.change(func(w *sandbox.World) {
			image.Deleted = false
			s := w.Cloud.Cluster("shop-production").Service("catalog")
			s.MinHealthy, s.MaxPercent = 100, 100 // no room for a new task, and none may go
		})
		b.wantCode(b.deploy(b.Context()), pipeline.ExitFailed, "does not stabilise", "catalog")
		if d := b.deployments()[0]; d.State() != "failure" {
			b.Errorf("the deployment is %s", d.State())
		}
	})
}

// newestDigests are the digests that the newest rollout of production sets. The
// caller holds the world.
func (b *bench) newestDigests(w *sandbox.World) map[string]string {
	out := map[string]string{}
	for _, d := range slices.Backward(w.Hub.Deployments) {
		if d.Task != "deployctl" || d.Environment != "production" {
			continue
		}
		raw, err := json.Marshal(d.Payload)
		var p pipeline.Payload
		if err != nil || json.Unmarshal(raw, &p) != nil {
			b.Fatal("the payload cannot be read")
		}
		for name, t := range p.Services {
			out[name] = t.Image
		}
		break
	}
	return out
}

// TestDeployIsStoppedAndGoesOn holds production while it is deployed, then kills
// the step, and each time runs it again.
func TestDeployIsStoppedAndGoesOn(t *testing.T) {
	inWorld(t, func(b *bench) {
		b.prepared()
		own, _ := b.hold()
		b.log.on["api-gateway: SUCCESSFUL"] = func() {
			hold := pipeline.Hold{Environment: "production", Owner: "carol", Reason: "payments looks odd", Cause: "manual", Since: time.Now()}
			if err := b.github.Relock(b.Context(), own.Token, hold); err != nil {
				b.Error(err)
			}
		}
		b.wantCode(b.deploy(b.Context()), pipeline.ExitRefused, "carol", "payments looks odd")
		if got := b.runs(b.suite.Run.SHA); !slices.Equal(got, []string{"api-gateway"}) {
			b.Errorf("the release runs on %v", got)
		}

		hers, _ := b.hold()
		if err := b.github.Unlock(b.Context(), "production", hers.Token); err != nil {
			b.Fatal(err)
		}
		before := b.rollouts("catalog")
		ctx, cancel := context.WithCancel(b.Context())
		b.log.on["catalog: IN_PROGRESS"] = cancel
		b.wantCode(b.deploy(ctx), pipeline.ExitUnreachable, "run the job again")
		b.suite.Run.Attempt = 2
		if err := b.deploy(b.Context()); err != nil {
			b.Fatalf("%v\n%s", err, b.log.said())
		}
		if got := b.runs(b.suite.Run.SHA); !slices.Equal(got, services) {
			b.Errorf("only %v run the release", got)
		}
		if n := b.rollouts("catalog") - before; n != 1 {
			b.Errorf("catalog was deployed %d times", n)
		}
		if h, ok := b.hold(); !ok || h.Owner != "alice" {
			b.Errorf("the run went on without a lock: %+v", h)
		}
	})
}

// checkDryRun: a dry run of each step says what it would do.
func checkDryRun(b *bench) {
	b.Helper()
	live := b.suite
	defer func() { b.suite = live }()
	b.suite.DryRun, b.suite.Deployer, b.suite.Publisher = true, nil, nil
	newest := b.deployments()[0].ID
	b.prepared()
	if err := b.suite.Migrate(b.Context(), steps.MigrateRequest{Environment: "production"}); err != nil {
		b.Fatal(err)
	}
	if err := b.deploy(b.Context()); err != nil {
		b.Fatal(err)
	}
	if _, held := b.hold(); held || b.deployments()[0].ID != newest || len(b.runs(b.suite.Run.SHA)) != 0 {
		b.Error("something was changed")
	}
	if said := b.log.said(); !strings.Contains(said, "dry run: orders: image ") || !strings.Contains(said, "secret DB_PASSWORD") {
		b.Errorf("it said\n%s", said)
	}
}
