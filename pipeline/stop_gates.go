package pipeline

import (
	"fmt"
	"strings"
	"time"
)

// directGate (C1): the team lets this program change ECS itself.
func (o *Operator) directGate(s *Snapshot) Gate {
	g := Gate{ID: "C1", Code: "direct_writes_off", Title: "direct AWS writes", Verdict: Pass, Sentence: "the team lets this program change ECS", Observation: Observation{Source: "configuration", At: time.Now()}}
	switch {
	case !s.Config.Policy.DirectAWSWrites:
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = "the configuration does not let this program change ECS"
		g.Remedy = "set policy.direct_aws_writes: true, or use the command below with credentials that may"
	case o.cloud == nil:
		g.Verdict, g.Effect, g.Code = Fail, Block, "no_cloud"
		g.Sentence = "this session has no AWS identity that could change ECS"
	}
	return g
}

// stopGate (C2): there is something in flight, and it is what is shown.
func stopGate(e *EnvironmentState, in Intent) Gate {
	g := Gate{ID: "C2", Code: "nothing_in_flight", Title: "ECS deployments", Verdict: Pass, Observation: e.Observation}
	if unreadable(e.Observation) {
		return unreadGate(g, e.Observation, Block)
	}
	g.Sentence = "in flight: " + servicesOf(in.Stops)
	for _, d := range in.Stops {
		g.Evidence = append(g.Evidence, d.Service+" "+d.ARN)
	}
	if len(in.Stops) == 0 {
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = "ECS is not changing " + firstOf(in.Service, "any service of "+in.Environment) + " now"
		g.Remedy = "roll back what has ended with the rollback sheet"
	}
	return g
}

// sourceGate (C3): ECS has a revision to go back to.
func sourceGate(e *EnvironmentState, in Intent, stuck []string) Gate {
	g := Gate{ID: "C3", Code: "no_source", Title: "the way back", Verdict: Pass, Sentence: "ECS goes back to the last revision that completed", Observation: e.Observation}
	if unreadable(e.Observation) {
		return unreadGate(g, e.Observation, Warn)
	}
	switch {
	case len(in.Stops) == 0:
		g.Verdict, g.Sentence = NotApplicable, "nothing goes back"
	case len(stuck) > 0:
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = "ECS has nothing to go back to for " + strings.Join(stuck, ", ")
	}
	return g
}

// driverGate (C4): a run that waits for the deployment goes by how it ends. On
// is what the run hopes for; back, it will see its rollout fail.
func driverGate(s *Snapshot, e *EnvironmentState, in Intent) Gate {
	g := Gate{ID: "C4", Code: "run_in_flight", Title: "the run behind it", Verdict: Pass, Sentence: "no run waits for it", Observation: s.Runs.Observation}
	if unreadable(s.Runs.Observation) {
		return unreadGate(g, s.Runs.Observation, Warn)
	}
	driver, ok := driverOf(e)
	switch {
	case !ok || len(in.Stops) == 0:
	case in.Kind == PlanContinue && !in.RollBack:
		g.Sentence = driver + " waits for it and goes on with it"
	default:
		g.Verdict, g.Effect = Fail, Warn
		g.Sentence = driver + " waits for it, and fails when ECS takes it back"
		g.Remedy = "to end the run as well, roll back with both in one plan"
	}
	return g
}

// driverOf names the run that moves an environment now.
func driverOf(e *EnvironmentState) (string, bool) {
	h := e.Lane.Holder
	if h == nil || h.Waiting || queued(h.Run) {
		return "", false
	}
	return fmt.Sprintf("%s #%d", h.Run.Workflow, h.Run.Number), true
}

// pauseGate (C2): exactly what is shown waits for a person.
func pauseGate(e *EnvironmentState, in Intent, paused []ServiceView) Gate {
	g := Gate{ID: "C2", Code: "nothing_paused", Title: "the pause", Verdict: Pass, Observation: e.Observation}
	if unreadable(e.Observation) {
		return unreadGate(g, e.Observation, Block)
	}
	switch len(paused) {
	case 0:
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = "no deployment of " + firstOf(in.Service, in.Environment) + " waits for a person"
	case 1:
		g.Sentence = pausedAt(paused[0])
		g.Evidence = []string{"hook " + in.Stops[0].Hook, paused[0].Rollout.ARN}
	default:
		g.Verdict, g.Effect, g.Code = Fail, Block, "several_paused"
		g.Sentence = "several pause: " + servicesOf(in.Stops)
		g.Remedy = "choose one service"
	}
	return g
}

// pausedAt says where a deployment waits, and what serves meanwhile.
func pausedAt(v ServiceView) string {
	text := v.Key.Service + " waits"
	if stage := strings.ToLower(strings.ReplaceAll(v.Rollout.Stage, "_", " ")); stage != "" {
		text += " after " + strings.TrimPrefix(stage, "post ")
	}
	if target := revisionName(v.Rollout.Target); target != "" {
		text += fmt.Sprintf("; %s takes %g%% of production traffic", target, v.Rollout.Target.Weight)
	}
	return text
}

// answerGates are what else an answer to a pause goes by: the run behind it
// (C4), the time that is left (C6), and how the new tasks fare (C7).
func answerGates(s *Snapshot, e *EnvironmentState, in Intent, paused []ServiceView) []Gate {
	gates := []Gate{driverGate(s, e, in)}
	if len(paused) == 1 {
		gates = append(gates, timeGate(paused[0], s.AsOf), fareGate(paused[0], in))
	}
	return gates
}

// pauseLeft is how little time before a pause ends by itself is worth a warning.
const pauseLeft = 5 * time.Minute

// timeGate (C6): ECS does not wait for ever, and decides by itself then.
func timeGate(v ServiceView, now time.Time) Gate {
	g := Gate{ID: "C6", Code: "pause_ends", Title: "time left", Verdict: Pass, Sentence: "ECS waits for an answer", Observation: v.Observation}
	if unreadable(v.Observation) {
		return unreadGate(g, v.Observation, Warn)
	}
	hook, _ := v.Rollout.Pause()
	if hook.Expires.IsZero() {
		return g
	}
	action := hook.Unanswered()
	left := hook.Expires.Sub(now)
	g.Sentence = fmt.Sprintf("without an answer ECS %s in %s", action, Duration(left.Truncate(time.Minute)))
	if left < pauseLeft {
		g.Verdict, g.Effect = Fail, Warn
		g.Sentence = fmt.Sprintf("without an answer ECS %s in %s", action, Duration(max(left, 0).Truncate(time.Second)))
	}
	return g
}

// fareGate (C7): how the service fares with its new tasks. To go on with a
// service that fares badly wants an acknowledgement, and so does one of which
// nothing is known; to go back does not.
func fareGate(v ServiceView, in Intent) Gate {
	g := Gate{ID: "C7", Code: "fares_badly", Title: "the new tasks", Ack: "fares", Verdict: Pass, Observation: v.Observation}
	effect := Acknowledge
	if in.RollBack {
		effect = Inform
	}
	var bad []string
	for _, a := range v.Alarms.Value {
		if a.State == "ALARM" {
			bad = append(bad, a.Name+" is in alarm")
		}
	}
	well, all := 0, len(v.Targets.Value)
	for _, t := range v.Targets.Value {
		if t.State == "healthy" {
			well++
		}
	}
	if well < all {
		bad = append(bad, fmt.Sprintf("%d of %d targets are healthy", well, all))
	}
	if n := v.Rollout.BreakerFailed; n > 0 {
		bad = append(bad, fmt.Sprintf("%d of its new tasks failed", n))
	}
	switch {
	case len(bad) > 0:
		g.Verdict, g.Effect, g.Sentence = Fail, effect, v.Key.Service+": "+strings.Join(bad, ", ")
		g.Remedy = "roll back instead, or look at its log first"
	case unreadable(v.Observation):
		return unreadGate(g, v.Observation, effect)
	case unreadable(v.Alarms.Observation) && len(v.AlarmNames) > 0:
		return unreadGate(g, v.Alarms.Observation, effect)
	case unreadable(v.Targets.Observation) && len(v.TargetGroups) > 0:
		return unreadGate(g, v.Targets.Observation, effect)
	default:
		g.Sentence = fmt.Sprintf("%d of %d targets healthy, no alarm, no task failed", well, all)
		if all == 0 {
			g.Sentence = "no alarm, no task failed"
		}
	}
	return g
}
