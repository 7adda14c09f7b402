package sandbox

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// The fleet is as large as it says, and is there as soon as any other world.
func TestFleet(t *testing.T) {
	s, err := New(Options{Scenario: "scale", Seed: 1, Young: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	w := s.World()
	w.Lock()
	defer w.Unlock()
	services, tasks, groups, names := 0, 0, len(w.Cloud.LogGroups)+len(w.abroad.Cloud.LogGroups), map[string]bool{}
	clusters := append(w.Cloud.Clusters[1:], w.abroad.Cloud.Clusters...) // without staging
	for _, cluster := range clusters {
		for _, service := range cluster.Services {
			services, names[service.Name] = services+1, true
			for _, task := range service.Tasks {
				if task.Status == "RUNNING" {
					tasks++
				}
			}
		}
	}
	if len(clusters) != 10 || services != fleetSize || len(names) != fleetSize || tasks < 950 || groups < 200 {
		t.Errorf("%d services with %d names in %d clusters, %d tasks, %d log groups", services, len(names), len(clusters), tasks, groups)
	}
	if len(w.Hub.Runs) != pastOfFleet || len(w.neighbours) != 19 {
		t.Errorf("%d runs, %d other repositories", len(w.Hub.Runs), len(w.neighbours))
	}
	runs, jobs, last := map[int64]bool{}, map[int64]bool{}, time.Time{}
	for _, r := range w.Hub.Runs {
		if runs[r.ID] || r.Created.Before(last) {
			t.Fatalf("run %d of %s comes twice, or after a later one", r.ID, r.Created)
		}
		runs[r.ID], last = true, r.Created
		for _, j := range r.Attempt().Jobs {
			if jobs[j.ID] || j.Run != r {
				t.Fatalf("job %d of run %d comes twice, or is another's", j.ID, r.ID)
			}
			jobs[j.ID] = true
		}
	}
}

// A canary moves a part of the traffic, waits, and moves the rest; a blue/green
// deployment waits for a person before it moves any.
func TestTrafficShifts(t *testing.T) {
	for strategy, want := range map[string]string{
		StrategyCanary:    "0 10 100",
		StrategyLinear:    "0 20 40 60 80 100",
		StrategyBlueGreen: "0 pause 100",
	} {
		t.Run(strategy, func(t *testing.T) {
			inBubble(t, Options{Young: true}, func(c *client) {
				w := c.s.World()
				w.Lock()
				s := w.clusterOf("production").Service("orders")
				w.ShiftTraffic(s, strategy)
				if strategy == StrategyBlueGreen {
					w.PauseDeployments(s, PauseHook{})
				}
				d := w.UpdateService(s, nil, nil, true)
				w.Unlock()
				var seen []string
				note := func(text string) {
					if len(seen) == 0 || seen[len(seen)-1] != text {
						seen = append(seen, text)
					}
				}
				for range 300 {
					time.Sleep(time.Second)
					w.Lock()
					target, source := d.weights()
					if target+source != 100 {
						t.Errorf("%.0f and %.0f percent", target, source)
					}
					note(strconv.Itoa(int(target)))
					if d.paused() {
						note("pause")
						w.answerHook(d, d.Hooks[0].ID, false)
					}
					w.Unlock()
				}
				w.Lock()
				defer w.Unlock()
				if got := strings.Join(seen, " "); got != want || d.Status != DeploymentSuccessful || len(liveTasks(s)) != s.Desired {
					t.Errorf("%s: %s with weights %s, want %s; %d tasks", strategy, d.Status, got, want, len(liveTasks(s)))
				}
			})
		})
	}
}

// The target groups of a service that shifts its traffic take turns: after each
// shift the other one has the targets and the requests, and a deployment that is
// taken back gives them back.
func TestTargetGroupsTakeTurns(t *testing.T) {
	inBubble(t, Options{Young: true}, func(c *client) {
		w := c.s.World()
		var s *Service
		serves := func(when, name string) {
			t.Helper()
			w.Lock()
			defer w.Unlock()
			api := &awsAPI{world: w}
			for _, g := range w.Cloud.TargetGroups {
				if g.Service != s {
					continue
				}
				targets, weight, requests := 0, 0.0, false
				if g.Name == name {
					targets, weight, requests = s.Desired, 100, true
				}
				if n := len(api.targets(g)); n != targets || g.weight() != weight {
					t.Errorf("%s %s has %d targets and %.0f%% of the traffic, want %d and %.0f%%", when, g.Name, n, g.weight(), targets, weight)
				}
				m := api.findMetric("AWS/ApplicationELB", "RequestCount", []dimensionInput{
					{Name: "LoadBalancer", Value: api.loadBalancerOf(g).dimension()}, {Name: "TargetGroup", Value: g.dimension()},
				})
				if got := len(m.samples(w.now.Add(-2*time.Minute), w.now)) > 0; got != requests {
					t.Errorf("%s CloudWatch knows requests of %s: %t", when, g.Name, got)
				}
			}
		}
		deploy := func() *ServiceDeployment {
			w.Lock()
			defer w.Unlock()
			return w.UpdateService(s, nil, nil, true)
		}
		w.Lock()
		s = w.clusterOf("production").Service("orders")
		w.ShiftTraffic(s, StrategyCanary)
		w.Unlock()
		serves("at first", "shop-production-orders")
		deploy()
		time.Sleep(10 * time.Minute)
		serves("after a shift", "shop-production-orders-b")
		deploy()
		time.Sleep(10 * time.Minute)
		serves("after another", "shop-production-orders")
		d := deploy()
		time.Sleep(90 * time.Second) // a part of the traffic has moved
		w.Lock()
		if err := w.StopServiceDeployment(d); err != nil || d.Weight != canaryPercent {
			t.Errorf("%v, with %.0f%%", err, d.Weight)
		}
		w.Unlock()
		time.Sleep(10 * time.Minute)
		serves("taken back", "shop-production-orders")
	})
}

// A hook that nobody answers waits for a day, or as long as the service says;
// then ECS goes back, or on. The world is fast, so that the day is short.
func TestPausesExpire(t *testing.T) {
	const fast = 60
	for want, c := range map[string]struct {
		hook  PauseHook
		limit time.Duration
	}{
		DeploymentRollbackSuccessful: {PauseHook{}, 24 * time.Hour},
		DeploymentSuccessful:         {PauseHook{Limit: time.Hour, Continue: true}, time.Hour},
	} {
		t.Run(want, func(t *testing.T) {
			inBubble(t, Options{Young: true, Speed: fast}, func(client *client) {
				w := client.s.World()
				w.Lock()
				s := w.clusterOf("production").Service("orders")
				w.ShiftTraffic(s, StrategyBlueGreen)
				w.PauseDeployments(s, c.hook)
				d := w.UpdateService(s, nil, nil, true)
				w.Unlock()
				time.Sleep((c.limit - time.Minute) / fast)
				w.Lock()
				if !d.paused() || d.Hooks[0].Expires.Sub(d.Created) < c.limit/fast {
					t.Errorf("shortly before it is %s, hook %+v", d.Status, d.Hooks[0])
				}
				w.Unlock()
				time.Sleep(10 * time.Minute / fast)
				w.Lock()
				defer w.Unlock()
				if d.Status != want || d.Hooks[0].Status != "TIMED_OUT" {
					t.Errorf("it ended %s, hook %+v", d.Status, d.Hooks[0])
				}
			})
		})
	}
}

func liveTasks(s *Service) (alive []*Task) {
	for _, t := range s.Tasks {
		if t.Desired == "RUNNING" {
			alive = append(alive, t)
		}
	}
	return alive
}
