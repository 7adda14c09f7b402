package sandbox

import (
	"strings"
	"time"
)

// How ECS brings a service to a revision.
const (
	StrategyRolling   = "ROLLING"
	StrategyBlueGreen = "BLUE_GREEN"
	StrategyCanary    = "CANARY"
	StrategyLinear    = "LINEAR"
)

// How long the parts of a rollout that shifts traffic take at speed 1. ECS
// counts them in minutes; nobody who practises wants to wait that long.
const (
	testShiftTime  = 12 * time.Second
	canaryBakeTime = 45 * time.Second
	linearStepTime = 15 * time.Second
	shiftBakeTime  = 40 * time.Second
)

// What part of the traffic the first step of a canary gets, and each step of a
// linear shift, in percent.
const (
	canaryPercent = 10
	linearPercent = 20
)

// ShiftTraffic lets a service's deployments from now on bring all tasks up
// beside the old ones and then move the traffic, as the strategy says. Its load
// balancer gets the second target group that this takes.
func (w *World) ShiftTraffic(s *Service, strategy string) {
	if !s.shifts() && s.TargetGroup != nil {
		second := *s.TargetGroup
		second.Name, second.ARN, second.Alternate = second.Name+"-b", second.alternate(), true
		w.Cloud.TargetGroups = append(w.Cloud.TargetGroups, &second)
	}
	s.Strategy = strategy
}

// alternate is the ARN of the target group beside this one.
func (g *TargetGroup) alternate() string {
	name := "targetgroup/" + g.Name
	return strings.Replace(g.ARN, name+"/", name+"-b/", 1)
}

// groupARN is the target group that the tasks of a revision are in.
func (s *Service) groupARN(r *ServiceRevision) string {
	if r != nil && r.Alternate {
		return s.TargetGroup.alternate()
	}
	return s.TargetGroup.ARN
}

// weight is the group's share of its service's requests, in percent.
func (g *TargetGroup) weight() float64 {
	alternate := 100 * g.Service.alternateShare()
	if g.Alternate {
		return alternate
	}
	return 100 - alternate
}

// alternateShare is the share of a service's requests that its alternate target
// group gets.
func (s *Service) alternateShare() float64 {
	d := s.Current()
	if d == nil {
		return 0
	}
	target, source := d.weights()
	share := 0.0
	if d.Target.Alternate {
		share += target
	}
	if d.Source != nil && d.Source.Alternate {
		share += source
	}
	return share / 100
}

// shifts reports whether the deployments of a service move traffic.
func (s *Service) shifts() bool { return s.Strategy != "" && s.Strategy != StrategyRolling }

// shift takes a deployment that shifts traffic a stage further, where the one
// it is in waits for tasks or for a person.
func (w *World) shift(d *ServiceDeployment, wanted []*Task) {
	switch {
	case d.paused() || countHealthy(wanted) < d.Service.Desired:
	case d.Stage == "SCALE_UP":
		w.enter(d, "TEST_TRAFFIC_SHIFT")
	case d.Stage == "POST_TEST_TRAFFIC_SHIFT":
		w.enter(d, "PRODUCTION_TRAFFIC_SHIFT")
	}
}

// enter begins a stage of a deployment that shifts traffic.
func (w *World) enter(d *ServiceDeployment, stage string) {
	d.Stage, d.Updated = stage, w.now
	switch stage {
	case "TEST_TRAFFIC_SHIFT":
		w.during(d, testShiftTime, func() {
			d.Stage, d.Updated = "POST_TEST_TRAFFIC_SHIFT", w.now
			if d.Service.Pauses != nil && len(d.Hooks) == 0 {
				w.pause(d)
			}
			w.reconcile(d.Service)
		})
	case "PRODUCTION_TRAFFIC_SHIFT":
		d.Traffic = w.now
		w.shiftStep(d)
	case "BAKE_TIME":
		w.during(d, shiftBakeTime, func() { w.enter(d, "CLEAN_UP") })
	case "CLEAN_UP":
		_, others := w.split(d.Service, d.Target)
		w.drain(d.Service, others, len(others))
		w.during(d, drainTime+cleanUpTime, func() {
			w.finishDeployment(d, DeploymentSuccessful, "")
			w.serviceEvent(d.Service, "(deployment %s) deployment completed.", d.ClassicID)
			w.serviceEvent(d.Service, "has reached a steady state.")
		})
	}
}

// shiftStep moves the next part of the traffic.
func (w *World) shiftStep(d *ServiceDeployment) {
	wait := canaryBakeTime
	switch {
	case d.Service.Strategy == StrategyCanary && d.Weight == 0:
		d.Weight = canaryPercent
	case d.Service.Strategy == StrategyLinear:
		d.Weight, wait = min(d.Weight+linearPercent, 100), linearStepTime
	default:
		d.Weight = 100
	}
	d.Updated = w.now
	w.serviceEvent(d.Service, "(deployment %s) shifted %.0f%% of production traffic to %s.", d.ClassicID, d.Weight, d.Target.TaskDefinition.ARN)
	if d.Weight == 100 {
		w.enter(d, "BAKE_TIME")
		return
	}
	w.during(d, wait, func() { w.shiftStep(d) })
}

// during does something after a while, unless the deployment has left the stage
// it is in by then.
func (w *World) during(d *ServiceDeployment, wait time.Duration, do func()) {
	stage := d.Stage
	w.after(wait, func() {
		if d.Stage == stage && d.Status == DeploymentInProgress && d.RollbackStarted.IsZero() {
			do()
		}
	})
}

// weights are the shares of production traffic that a deployment gives its
// target and its source, in percent.
func (d *ServiceDeployment) weights() (target, source float64) {
	switch {
	case !d.RollbackStarted.IsZero():
		return 0, 100
	case d.Status == DeploymentSuccessful || d.Source == nil:
		return 100, 0
	}
	return d.Weight, 100 - d.Weight
}

// strategyDocument adds to a deployment configuration how its traffic moves.
func strategyDocument(s *Service, out document) document {
	out["strategy"], out["bakeTimeInMinutes"] = StrategyRolling, 0
	if !s.shifts() {
		return out
	}
	out["strategy"], out["bakeTimeInMinutes"] = s.Strategy, 1
	switch s.Strategy {
	case StrategyCanary:
		out["canaryConfiguration"] = document{"canaryPercent": canaryPercent, "canaryBakeTimeInMinutes": 1}
	case StrategyLinear:
		out["linearConfiguration"] = document{"stepPercent": linearPercent, "stepBakeTimeInMinutes": 1}
	}
	if s.Pauses != nil {
		out["lifecycleHooks"] = []document{{
			"targetType": "PAUSE", "lifecycleStages": []string{"POST_TEST_TRAFFIC_SHIFT"},
			"timeoutConfiguration": document{"timeoutInMinutes": int(s.Pauses.limit() / time.Minute), "action": s.Pauses.action()},
		}}
	}
	return out
}

// shiftTraffic gives production's services the strategies of the scenario.
func shiftTraffic(w *World) {
	production := w.clusterOf("production")
	w.ShiftTraffic(production.Service("orders"), StrategyCanary)
	w.ShiftTraffic(production.Service("catalog"), StrategyLinear)
	payments := production.Service("payments")
	w.ShiftTraffic(payments, StrategyBlueGreen)
	w.PauseDeployments(payments, PauseHook{})
}
