package sandbox

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A good release: the approval starts the timer, the timer the jobs, the jobs
// the services, and in the end everything agrees.
func TestRelease(t *testing.T) {
	inBubble(t, Options{Scenario: "release", Young: true}, func(c *client) {
		run := c.waitingRun()
		before := c.versions("production")
		pending := c.get("actions/runs/" + run + "/pending_deployments")
		if pending.at("0.current_user_can_approve") != true || pending.at("0.wait_timer_started_at") != nil {
			t.Errorf("before approval: %s", pending.text)
		}
		c.approve(run)
		time.Sleep(4 * time.Minute)
		if got := c.get("actions/runs/" + run).string("status"); got != "waiting" {
			t.Errorf("during the wait timer the run is %s, want waiting", got)
		}
		pending = c.get("actions/runs/" + run + "/pending_deployments")
		if pending.at("0.current_user_can_approve") != false || pending.at("0.wait_timer_started_at") == nil {
			t.Errorf("during the timer: %s", pending.text)
		}
		time.Sleep(10 * time.Minute)
		if got := c.get("actions/runs/" + run).string("status"); got != "in_progress" {
			t.Errorf("after the timer the run is %s, want in_progress", got)
		}
		time.Sleep(30 * time.Minute)
		if out := c.get("actions/runs/" + run); out.string("conclusion") != "success" {
			t.Fatalf("the run ended %s %s", out.string("status"), out.string("conclusion"))
		}
		for service, version := range c.versions("production") {
			if version != "v1.42.0" || before[service] != "v1.41.3" {
				t.Errorf("%s went from %s to %s", service, before[service], version)
			}
		}
		deployment := c.get("deployments?environment=production&task=deployctl&per_page=1")
		if deployment.string("0.payload.version") != "v1.42.0" || deployment.string("0.payload.run_id") != run {
			t.Errorf("the rollout's deployment: %s", deployment.text)
		}
		statuses := c.get("deployments/" + deployment.string("0.id") + "/statuses")
		if statuses.string("0.state") != "success" {
			t.Errorf("the deployment's newest status is %s", statuses.string("0.state"))
		}
		if out := c.get("releases/latest"); out.string("tag_name") != "v1.42.0" {
			t.Errorf("latest release is %s", out.string("tag_name"))
		}
		snapshot := deployment.string("0.payload.snapshot")
		c.s.world.Lock()
		defer c.s.world.Unlock()
		if got := c.s.world.Cloud.Snapshots[len(c.s.world.Cloud.Snapshots)-1]; got.ID != snapshot || got.Status != "available" {
			t.Errorf("snapshot %s is %s, the payload names %s", got.ID, got.Status, snapshot)
		}
	})
}

// A release that is published to count by its version does not become the latest
// one where there is a higher version.
func TestLatestRelease(t *testing.T) {
	older, newer := &Release{Tag: "v1.9.0"}, &Release{Tag: "v1.10.0"}
	for want, list := range map[string][]*Release{
		"v1.10.0": {older, newer, {Tag: "v1.9.1", ByVersion: true}, {Tag: "v1.11.0-rc.1", Prerelease: true, ByVersion: true}},
		"v1.9.1":  {older, newer, {Tag: "v1.9.1"}},
		"v1.10.1": {older, newer, {Tag: "v1.10.1", ByVersion: true}},
		"v2":      {older, {Tag: "v2", ByVersion: true}},
	} {
		if got := (&Hub{Releases: list}).latestRelease(); got.Tag != want {
			t.Errorf("the latest is %s, not %s", got.Tag, want)
		}
	}
}

// The bad release ends green, then orders fails and alarms rise; rolling back
// ends the errors.
func TestBadReleaseAndRollback(t *testing.T) {
	inBubble(t, Options{Scenario: "bad-release", Speed: 10, Young: true}, func(c *client) {
		run := c.waitingRun()
		c.approve(run)
		for c.get("actions/runs/"+run).string("status") != "completed" {
			time.Sleep(5 * time.Second)
		}
		if out := c.get("actions/runs/" + run); out.string("conclusion") != "success" {
			t.Fatalf("the run ended %s, want success before the errors are seen", out.string("conclusion"))
		}
		if n := len(c.alarms()); n != 0 {
			t.Errorf("%d alarms although the errors have only begun", n)
		}
		time.Sleep(2 * time.Minute)
		if alarms := c.alarms(); !strings.Contains(strings.Join(alarms, " "), "shop-production-orders-5xx") {
			t.Errorf("alarms %v, want orders' 5xx", alarms)
		}
		if n := c.logged("/ecs/shop-production/orders", "KeyError: 'sku'", time.Minute); n < 20 {
			t.Errorf("%d tracebacks in the last minute, want many", n)
		}
		good := c.get("deployments?environment=production&task=deployctl&per_page=2")
		bad, to := good.string("0.id"), good.string("1.id")
		out := c.send(http.MethodPost, "actions/workflows/rollback.yml/dispatches", object{
			"ref": "main", "return_run_details": true, "inputs": object{
				"deployment_id": to, "reason": "KeyError sku in orders", "confirm": "ROLLBACK", "request_id": "r1",
			},
		})
		if out.status != http.StatusOK {
			t.Fatalf("dispatch: %d %s", out.status, out.text)
		}
		rollback := out.string("workflow_run_id")
		time.Sleep(4 * time.Minute)
		if out := c.get("actions/runs/" + rollback); out.string("conclusion") != "success" || !strings.HasSuffix(out.string("display_title"), "[req r1]") {
			t.Fatalf("rollback: %s %s %q", out.string("status"), out.string("conclusion"), out.string("display_title"))
		}
		for service, version := range c.versions("production") {
			if version != "v1.41.3" {
				t.Errorf("%s runs %s after the rollback", service, version)
			}
		}
		newest := c.get("deployments?environment=production&task=deployctl&per_page=1")
		if p := newest.at("0.payload"); textOf(property(p, "kind")) != "rollback" || textOf(property(p, "to")) != to || textOf(property(p, "rollback_of")) != bad {
			t.Errorf("the rollback's payload: %v", p)
		}
		if n := c.logged("/ecs/shop-production/orders", "KeyError: 'sku'", time.Minute); n != 0 {
			t.Errorf("%d tracebacks after the rollback", n)
		}
		if alarms := c.alarms(); len(alarms) != 0 {
			t.Errorf("alarms %v after the rollback", alarms)
		}
	})
}

// alarms names the alarms in state ALARM.
func (c *client) alarms() []string {
	c.s.world.Lock()
	defer c.s.world.Unlock()
	var names []string
	for _, a := range c.s.world.Cloud.Alarms {
		if a.State == "ALARM" {
			names = append(names, a.Name)
		}
	}
	return names
}

// logged counts a group's lines with a text in the last while.
func (c *client) logged(group, text string, within time.Duration) int {
	c.s.world.Lock()
	defer c.s.world.Unlock()
	n := 0
	for _, e := range c.s.world.Cloud.LogGroup(group).Events {
		if strings.Contains(e.Message, text) && time.Since(e.Timestamp) < within {
			n++
		}
	}
	return n
}

// Speed divides the timer, and the moment that it passes can be computed from
// what is served.
func TestSpeedDividesTheTimer(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "release", Speed: 10}, func(c *client) {
		run := c.waitingRun()
		c.approve(run)
		pending := c.get("actions/runs/" + run + "/pending_deployments")
		started, err := time.Parse(time.RFC3339, pending.string("0.wait_timer_started_at"))
		if err != nil {
			t.Fatal(err)
		}
		left := time.Until(started.Add(5 * time.Minute))
		if left <= 28*time.Second || left > 30*time.Second {
			t.Errorf("%s left, want the 30 s that five minutes take at speed 10", left)
		}
		time.Sleep(left + 10*time.Second)
		if got := c.get("actions/runs/" + run).string("status"); got != "in_progress" {
			t.Errorf("the run is %s after its timer", got)
		}
	})
}

// A missing image makes tasks fail to start; the circuit breaker opens and ECS
// goes back by itself, without touching the healthy tasks.
func TestCircuitBreaker(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "calm"}, func(c *client) {
		w := c.s.world
		w.Lock()
		cluster := w.clusterOf("production")
		s := cluster.Service("payments")
		old := s.Current().Serving().TaskDefinition
		d := w.UpdateService(s, w.RegisterTaskDefinition(w.definition(cluster, "payments", "sha256:"+strings.Repeat("0", 64), "v9", "none")), nil, true)
		w.Unlock()
		for range 30 {
			time.Sleep(10 * time.Second)
			w.Lock()
			if n := countHealthy(s.Tasks); n < s.Desired {
				t.Fatalf("only %d of %d tasks healthy", n, s.Desired)
			}
			w.Unlock()
		}
		w.Lock()
		defer w.Unlock()
		if d.Status != DeploymentRollbackSuccessful || d.Breaker != "TRIGGERED" || s.Current().Serving().TaskDefinition != old {
			t.Errorf("deployment %s, breaker %s, serving %s", d.Status, d.Breaker, s.Current().Serving().TaskDefinition.ARN)
		}
		failed := 0
		for _, task := range s.Tasks {
			if strings.Contains(task.StopReason, "CannotPullContainerError") {
				failed++
			}
		}
		if failed < d.Threshold {
			t.Errorf("%d failed tasks, threshold %d", failed, d.Threshold)
		}
	})
}

// Stopping a deployment in flight brings the old revision back.
func TestStopServiceDeployment(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "calm"}, func(c *client) {
		w := c.s.world
		w.Lock()
		s := w.clusterOf("staging").Service("orders")
		old := s.Current().Serving()
		d := w.UpdateService(s, nil, nil, true)
		w.Unlock()
		time.Sleep(20 * time.Second)
		w.Lock()
		if err := w.StopServiceDeployment(d); err != nil {
			t.Fatal(err)
		}
		if err := w.StopServiceDeployment(s.Deployments[0]); err == nil {
			t.Error("an ended deployment was stopped")
		}
		w.Unlock()
		time.Sleep(3 * time.Minute)
		w.Lock()
		defer w.Unlock()
		if d.Status != DeploymentRollbackSuccessful || s.Current().Serving() != old {
			t.Errorf("deployment ended %s", d.Status)
		}
	})
}

// Worlds of one seed are alike to the byte; another seed is another world.
func TestDeterminism(t *testing.T) {
	if raceDetector {
		t.Skip("one goroutine lives through three histories, which is slow under the race detector")
	}
	var worlds [3]strings.Builder
	for i, seed := range []uint64{7, 7, 8} {
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, Options{Scenario: "bad-release", Speed: 10, Seed: seed, Young: true})
			c.approve(c.waitingRun())
			time.Sleep(3 * time.Minute)
			worlds[i].WriteString(c.get("actions/runs?per_page=100").text + c.get("deployments?per_page=100").text)
			c.s.world.Lock()
			defer c.s.world.Unlock()
			for _, group := range c.s.world.Cloud.LogGroups {
				for _, e := range group.Events {
					fmt.Fprintln(&worlds[i], e.Timestamp.UnixNano(), e.ID, e.Message, e.Stream.Name)
				}
			}
		})
	}
	if worlds[0].String() != worlds[1].String() {
		t.Error("two worlds of the same seed differ")
	}
	if worlds[0].String() == worlds[2].String() {
		t.Error("worlds of different seeds are the same")
	}
}
