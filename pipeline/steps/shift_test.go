package steps_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/aws"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// answers lets the paused deployment of a service of production go on, or back,
// as an operator does, some time after the step has said that it pauses.
func (b *bench) answers(service string, after time.Duration, back bool) {
	b.Helper()
	actions, err := aws.NewActions(b.Context(), aws.Options{Region: "eu-central-1", DialContext: b.world.DialContext})
	if err != nil {
		b.Fatal(err)
	}
	cluster := b.suite.Configuration.Environments[1].Clusters[0]
	b.log.on[service+" waits for somebody"] = func() {
		time.AfterFunc(after, func() {
			list, err := b.cloud.ServiceDeployments(pipeline.Uncached(context.Background()), cluster, service, 1)
			if err != nil || len(list) == 0 || len(list[0].Hooks) == 0 {
				b.Errorf("%+v, %v", list, err)
				return
			}
			if err := actions.ContinueDeployment(context.Background(), cluster, list[0].ARN, list[0].Hooks[0].ID, back); err != nil {
				b.Error(err)
			}
		})
	}
}

// TestDeployShiftsTraffic rolls a canary, a linear and a blue/green service. The
// last pauses for longer than a service may take to come to rest. Nobody answers
// the first time, so that ECS takes it back when its hook expires; then somebody
// goes back, and in the third attempt on. The hook of the linear one expires too,
// and lets it go on.
func TestDeployShiftsTraffic(t *testing.T) {
	inWorld(t, func(b *bench) {
		b.change(func(w *sandbox.World) {
			production := w.Cloud.Cluster("shop-production")
			w.ShiftTraffic(production.Service("catalog"), sandbox.StrategyCanary)
			w.ShiftTraffic(production.Service("orders"), sandbox.StrategyLinear)
			w.ShiftTraffic(production.Service("payments"), sandbox.StrategyBlueGreen)
			w.PauseDeployments(production.Service("orders"), sandbox.PauseHook{Limit: 20 * time.Minute, Continue: true})
			w.PauseDeployments(production.Service("payments"), sandbox.PauseHook{Limit: time.Hour})
		})
		b.prepared()
		if said := b.log.said(); !strings.Contains(said, "payments: BLUE_GREEN over 2 target groups") {
			b.Errorf("the target groups were not looked at:\n%s", said)
		}
		b.goesBack(time.Hour, "hook timed out")
		for _, part := range []string{
			"warning: payments waits for somebody: its service deployment pauses at a lifecycle hook until 20", "then ECS rolls it back", "then ECS goes on with it",
			"gh deployctl continue -e production --service payments --reason WHY", "catalog: IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT", "orders: SUCCESSFUL",
			"warning: orders: nobody answered: its lifecycle hook has run out, and ECS goes on with it",
			"warning: payments: nobody answered: its lifecycle hook has run out, and ECS rolls it back", "**payments** pauses at a lifecycle hook",
		} {
			if !strings.Contains(b.log.said(), part) {
				b.Errorf("it does not say %q", part)
			}
		}
		if n := strings.Count(b.log.said(), "payments waits for somebody"); n != 1 {
			b.Errorf("one pause was told %d times", n)
		}

		b.suite.Run.Attempt = 2
		b.answers("payments", 40*time.Minute, true)
		b.goesBack(40*time.Minute, "ContinueServiceDeployment")

		b.suite.Run.Attempt = 3
		b.answers("payments", 40*time.Minute, false)
		if err := b.deploy(b.Context()); err != nil {
			b.Fatalf("%v\n%s", err, b.log.said())
		}
		if got := b.runs(b.suite.Run.SHA); !slices.Equal(got, services) {
			b.Errorf("only %v run the release", got)
		}
	})
}

// goesBack deploys until ECS takes payments back, after that long at the least.
func (b *bench) goesBack(after time.Duration, why string) {
	b.Helper()
	began := time.Now()
	b.wantCode(b.deploy(b.Context()), pipeline.ExitFailed, "reverted by ECS", "payments", why)
	if took := time.Since(began); took < after {
		b.Errorf("it waited %s for the answer", took)
	}
	if d := b.deployments()[0]; d.State() != "failure" {
		b.Errorf("the deployment is %s", d.State())
	}
}
