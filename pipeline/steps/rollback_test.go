package steps_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// Runs of rollback.yml, which the world need not know.
const firstRollback, secondRollback = 900001, 900002

// released takes v1.42.0 to production, and gives what was live before.
func (b *bench) released() (was pipeline.Deployment) {
	b.Helper()
	was = b.deployments()[0]
	b.prepared()
	if err := b.deploy(b.Context()); err != nil {
		b.Fatalf("%v\n%s", err, b.log.said())
	}
	if err := b.suite.Conclude(b.Context(), "production", "success", "verified"); err != nil {
		b.Fatal(err)
	}
	return was
}

// serves reports whether production runs what a deployment set.
func (b *bench) serves(d pipeline.Deployment) bool {
	b.Helper()
	for name, s := range b.states() {
		if s.Moving() || s.Revisions[0].Digest() != d.Payload.Services[name].Image {
			return false
		}
	}
	return true
}

func TestRollbackRestoresAndHolds(t *testing.T) {
	inOldWorld(t, func(b *bench) {
		was := b.released()
		left := b.deployments()[0]
		checkRefusals(b, was)
		checkChoice(b, was)
		checkIll(b)
		checkFlapping(b)
		if err := b.rollback(b.Context(), firstRollback, steps.RollbackRequest{ExpectedSHA: b.suite.Run.SHA}); err != nil {
			b.Fatalf("%v\n%s", err, b.log.said())
		}
		if !b.serves(was) {
			b.Errorf("production does not run deployment %d", was.ID)
		}
		list := b.deployments()
		p := list[0].Payload
		if p.Kind != "rollback" || p.To != was.ID || p.RollbackOf != left.ID || list[0].State() != "success" || p.Before.Services["orders"].Image != left.Payload.Services["orders"].Image {
			b.Errorf("the rollback's deployment is %+v", list[0])
		}
		if p.Reason != rollbackReason {
			b.Errorf("its record says %q and not why", p.Reason)
		}
		if list[1].ID != left.ID || list[1].State() != "inactive" {
			b.Errorf("what was left is %s", list[1].State())
		}
		if h, ok := b.hold(); !ok || h.Cause != "rollback" || !slices.Equal(h.Faulty, []string{left.SHA}) {
			b.Errorf("the hold is %+v", h)
		}
		checkFaultyStaysOut(b)
	})
}

// checkRefusals: what is wrong with a request is refused before anything changes.
func checkRefusals(b *bench, was pipeline.Deployment) {
	b.Helper()
	newest := b.deployments()[0].ID
	b.wantCode(b.rollback(b.Context(), firstRollback, steps.RollbackRequest{Reason: "oops"}), pipeline.ExitUsage)
	b.wantCode(b.rollback(b.Context(), firstRollback, steps.RollbackRequest{ExpectedSHA: was.SHA}), pipeline.ExitRefused, "was expected")
	b.wantCode(b.rollback(b.Context(), firstRollback, steps.RollbackRequest{To: newest}), pipeline.ExitRefused, "live already")
	b.wantCode(b.rollback(b.Context(), firstRollback, steps.RollbackRequest{To: 4711}), pipeline.ExitRefused, "does not exist (R1)")
	dry := b.suite
	dry.DryRun, dry.Deployer, dry.Publisher, dry.Run.ID = true, nil, nil, firstRollback
	if err := dry.Rollback(b.Context(), steps.RollbackRequest{Environment: "production", Reason: "only looking at it"}); err != nil {
		b.Fatal(err)
	}
	if _, held := b.hold(); held || b.deployments()[0].ID != newest {
		b.Error("a refused rollback changed something")
	}
}

// checkChoice: without a deployment to restore the step takes the newest that
// succeeded, whose images are there and which nobody marked as faulty.
func checkChoice(b *bench, was pipeline.Deployment) {
	b.Helper()
	chooses := func(why string, want bool) {
		b.Helper()
		dry := b.suite
		dry.DryRun, dry.Deployer, dry.Publisher, dry.Run.ID = true, nil, nil, firstRollback
		before := len(b.log.said())
		if err := dry.Rollback(b.Context(), steps.RollbackRequest{Environment: "production", Reason: "only looking at it"}); err != nil {
			b.Fatalf("%s: %v", why, err)
		}
		said := b.log.said()[before:]
		if !strings.Contains(said, "| R10 images | pass | images present by digest: 6 of 6 |") || !strings.Contains(said, "### Rollback of production to v1.4") {
			b.Errorf("%s: the summary lacks the checks or what happens\n%s", why, said)
		}
		if !strings.Contains(said, "restores deployment ") || strings.Contains(said, fmt.Sprintf("restores deployment %d,", was.ID)) != want {
			b.Errorf("%s: it chooses wrongly\n%s", why, said)
		}
	}
	chooses("all is well", true)
	back := b.vanish("orders", was.Payload.Services["orders"].Image)
	chooses("its image is gone", false)
	back()
	hold := pipeline.Hold{Environment: "production", Owner: "carol", Reason: "the one before is no good either", Cause: "manual", Since: time.Now(), Faulty: []string{was.SHA}}
	if err := b.github.Lock(b.Context(), hold); err != nil {
		b.Fatal(err)
	}
	chooses("it is marked as faulty", false)
	mark, _ := b.hold()
	if err := b.github.Unlock(b.Context(), "production", mark.Token); err != nil {
		b.Fatal(err)
	}
}

// checkFaultyStaysOut: another push of the release that was rolled back ends
// before it changes anything, also once its hold is somebody else's.
func checkFaultyStaysOut(b *bench) {
	b.Helper()
	b.suite.Run.ID += 1000
	b.wantCode(b.prepare(), pipeline.ExitRefused, "rolled back", "faulty")
	// Its own run is not let in either: the rollback took its lock.
	b.suite.Run.ID -= 1000
	b.wantCode(b.deploy(b.Context()), pipeline.ExitRefused, "faulty")
	if err := b.suite.Conclude(b.Context(), "production", "failure", "refused"); err != nil {
		b.Fatal(err)
	}
	if h, ok := b.hold(); !ok || len(h.Faulty) != 1 {
		b.Error("a run that ended lifted the hold of the rollback")
	}
}

func TestRollbackStopsWhatIsInFlightAndGoesOn(t *testing.T) {
	inWorld(t, func(b *bench) {
		was := b.deployments()[0]
		b.prepared()
		ctx, cancel := context.WithCancel(b.Context())
		b.log.on["orders: IN_PROGRESS"] = cancel
		b.wantCode(b.deploy(ctx), pipeline.ExitUnreachable)
		cancelled(b)

		// The rollback is killed too, and its next attempt goes on.
		ctx, cancel = context.WithCancel(b.Context())
		b.log.on["catalog: back to"] = cancel
		b.wantCode(b.rollback(ctx, firstRollback, steps.RollbackRequest{To: was.ID}), pipeline.ExitUnreachable)
		if !strings.Contains(b.log.said(), "orders: its service deployment in flight is stopped") {
			b.Errorf("nothing was stopped\n%s", b.log.said())
		}
		if err := b.rollback(b.Context(), firstRollback, steps.RollbackRequest{To: was.ID}); err != nil {
			b.Fatalf("%v\n%s", err, b.log.said())
		}
		if !b.serves(was) {
			b.Errorf("production does not run deployment %d", was.ID)
		}
		if left := b.deployments()[1]; left.SHA != b.suite.Run.SHA || left.Succeeded() {
			b.Errorf("a deployment that never succeeded is %s", left.State())
		}
		if h, _ := b.hold(); !slices.Equal(h.Faulty, []string{b.suite.Run.SHA}) {
			b.Errorf("the hold is %+v", h)
		}
		count := 0
		for _, d := range b.deployments() {
			if d.Payload.Kind == "rollback" && d.Payload.RunID == firstRollback {
				count++
			}
		}
		if count != 1 {
			b.Errorf("the rollback made %d deployments", count)
		}
	})
}

// cancelled ends the run that deployed, as an operator does before a rollback.
func cancelled(b *bench) {
	b.Helper()
	if err := b.github.Cancel(b.Context(), b.suite.Run.ID, false); err != nil {
		b.Fatal(err)
	}
	time.Sleep(time.Minute)
	run, err := b.github.Run(pipeline.Uncached(b.Context()), b.suite.Run.ID)
	if err != nil || !run.Done() {
		b.Fatalf("the run is %s, %v", run.Status, err)
	}
}

func TestRollbackAndLocks(t *testing.T) {
	inWorld(t, func(b *bench) {
		was := b.released()
		lock := func(h pipeline.Hold) {
			b.Helper()
			h.Environment, h.Since = "production", time.Now()
			if old, held := b.hold(); held {
				if err := b.github.Unlock(b.Context(), "production", old.Token); err != nil {
					b.Fatal(err)
				}
			}
			if err := b.github.Lock(b.Context(), h); err != nil {
				b.Fatal(err)
			}
		}
		// A run that deploys keeps a rollback out.
		lock(pipeline.Hold{Owner: "bob", Reason: "deploying v1.43.0", Cause: "rollout", RequestID: "01REQUEST"})
		b.wantCode(b.rollback(b.Context(), firstRollback, steps.RollbackRequest{To: was.ID}), pipeline.ExitRefused, "bob", "deploying v1.43.0")
		b.suite.DryRun = true
		b.wantCode(b.rollback(b.Context(), firstRollback, steps.RollbackRequest{To: was.ID}), pipeline.ExitRefused, "bob")
		b.suite.DryRun = false

		// The lock that the console took for this very request is adopted.
		lock(pipeline.Hold{Owner: "alice", Reason: "rolling back", Cause: "rollout", RequestID: "02REQUEST"})
		b.suite.Run.RequestID = "02REQUEST"
		b.change(func(w *sandbox.World) {
			w.Cloud.Image("shop/orders", was.Payload.Services["orders"].Image).Deleted = true
		})
		b.wantCode(b.rollback(b.Context(), secondRollback, steps.RollbackRequest{To: was.ID}), pipeline.ExitRefused, "image")
		if d := b.deployments()[0]; d.Payload.Kind == "rollback" {
			b.Error("a rollback began without its images")
		}
		b.change(func(w *sandbox.World) {
			for _, image := range w.Cloud.Images["shop/orders"] {
				image.Deleted = false
			}
		})
		if err := b.rollback(b.Context(), secondRollback, steps.RollbackRequest{To: was.ID}); err != nil {
			b.Fatalf("%v\n%s", err, b.log.said())
		}
		if h, _ := b.hold(); h.RequestID != "02REQUEST" || h.Cause != "rollback" || !b.serves(was) {
			b.Errorf("the lock became %+v", h)
		}
	})
}

// checkIll: a rollback stops at the first service that does not get well, and
// keeps the lock until its next attempt goes on.
func checkIll(b *bench) {
	b.Helper()
	page := func(path string) {
		for i := range b.suite.Configuration.Environments[1].Services {
			if s := &b.suite.Configuration.Environments[1].Services[i]; s.Name == "catalog" {
				s.HealthURL = "http://catalog.production.sandbox" + path
			}
		}
	}
	page("/no-such-page")
	b.wantCode(b.rollback(b.Context(), firstRollback, steps.RollbackRequest{ExpectedSHA: b.suite.Run.SHA}), pipeline.ExitFailed, "catalog", "404")
	states := b.states()
	if states["notifications"].Revisions[0].SHA != b.suite.Run.SHA || states["catalog"].Revisions[0].SHA == b.suite.Run.SHA {
		b.Error("it went on after a service that was not healthy, or never came to it")
	}
	other := b.suite
	other.Run.ID = firstRollback
	if err := other.Conclude(b.Context(), "production", "failure", "failed"); err != nil {
		b.Fatal(err)
	}
	if _, held := b.hold(); !held {
		b.Error("the lock of a rollback that stands half-way was given back")
	}
	page("/health")
}

// flapping answers for a host as its looks say, one each time it is asked: g as
// the page does, b with 503; the last for ever.
type flapping struct {
	http.RoundTripper
	host  string
	looks *string
}

func (f flapping) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != f.host {
		return f.RoundTripper.RoundTrip(r)
	}
	look := (*f.looks)[0]
	if len(*f.looks) > 1 {
		*f.looks = (*f.looks)[1:]
	}
	if look == 'b' {
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	}
	return f.RoundTripper.RoundTrip(r)
}

// checkFlapping: one good look does not make a service well. One whose health
// flaps ends the rollback there; one that drops once and then stays well does not.
func checkFlapping(b *bench) {
	b.Helper()
	was := b.suite.HTTP
	defer func() { b.suite.HTTP = was }()
	looks := "gbgb"
	b.suite.HTTP = &http.Client{Transport: flapping{was.Transport, "orders.production.sandbox", &looks}}
	err := b.rollback(b.Context(), firstRollback, steps.RollbackRequest{ExpectedSHA: b.suite.Run.SHA})
	b.wantCode(err, pipeline.ExitFailed, "orders: health flaps, 2 of 4 looks were good", "it is restored", "the services after it were not touched")
	if b.states()["payments"].Revisions[0].SHA != b.suite.Run.SHA {
		b.Error("it went on after a service whose health flaps")
	}
	looks = "gbg"
	began := time.Now()
	ctx, cancel := context.WithCancel(b.Context())
	b.log.on["payments: back to"] = cancel
	b.wantCode(b.rollback(ctx, firstRollback, steps.RollbackRequest{ExpectedSHA: b.suite.Run.SHA}), pipeline.ExitUnreachable)
	if looks != "g" || time.Since(began) < 20*time.Second || !strings.Contains(b.log.said(), "orders: healthy, 3 looks in a row") {
		b.Errorf("%q after %s\n%s", looks, time.Since(began), b.log.said())
	}
}

// What ECS took back is no way back, however green its run was and whatever ECS
// has done since: without a deployment that is named, the step passes it over.
func TestRollbackPassesOverWhatECSTookBack(t *testing.T) {
	in(t, sandbox.Options{Scenario: "reverted-green", Seed: 1}, func(b *bench) {
		w := b.world.World()
		w.Lock()
		w.UpdateService(w.Cloud.Cluster("shop-production").Service("payments"), nil, nil, true)
		w.Unlock()
		time.Sleep(10 * time.Minute)
		if s := b.states()["payments"]; s.Rollout.Reverted() || s.Moving() {
			b.Fatalf("payments' newest rollout is %+v", s.Rollout)
		}
		taken := b.deployments()[0]
		if !taken.Succeeded() || taken.Payload.Version != "v1.42.0" {
			b.Fatalf("the newest deployment is %+v", taken)
		}
		dry := b.suite
		dry.DryRun, dry.Deployer, dry.Publisher, dry.Run.ID = true, nil, nil, firstRollback
		if err := dry.Rollback(b.Context(), steps.RollbackRequest{Environment: "production", Reason: "only looking at it"}); err != nil {
			b.Fatal(err)
		}
		if said := b.log.said(); !strings.Contains(said, ", v1.41.3 (") || strings.Contains(said, fmt.Sprintf("restores deployment %d,", taken.ID)) {
			b.Errorf("it does not go back to v1.41.3:\n%s", said)
		}
	})
}
