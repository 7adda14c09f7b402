package sheet_test

import (
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
)

// haltingPlan is a rollback that ends what is in flight first.
func haltingPlan() pipeline.Plan {
	p := rollbackPlan(9310)
	p.Intent.Halt, p.Intent.Cancels = true, []int64{212}
	p.Intent.Stops = []pipeline.ECSDeployment{{Service: "orders", ARN: "arn:sd/orders/1"}}
	p.Gates[1] = gate("R7", "ends_in_flight", pipeline.Fail, pipeline.Warn, "first cancels cd-production.yml #212, then stops the ECS deployment of orders", 2*time.Second)
	p.Sends = "cancels cd-production.yml #212, stops the ECS deployment of orders, locks production, dispatches rollback.yml with deployment_id 9310"
	return p
}

func titled(g pipeline.Gate, title string) pipeline.Gate {
	g.Title = title
	return g
}

// ecsPlan is what all plans that change ECS itself begin with.
func ecsPlan(kind pipeline.PlanKind, title string, gates ...pipeline.Gate) pipeline.Plan {
	all := []pipeline.Gate{
		titled(pass("T1", "alice may do this (admin)", time.Second), "permission"),
		titled(pass("C1", "the team lets this program change ECS", time.Second), "direct AWS writes"),
	}
	return pipeline.Plan{Intent: intent(kind), Title: title, Reason: 10, Gates: append(all, gates...), Command: "aws ecs …"}
}

// stopPlan takes back what ECS does to two services.
func stopPlan() pipeline.Plan {
	p := ecsPlan(pipeline.PlanStop, "Stop the rollout · production",
		titled(pass("C2", "in flight: orders, payments", time.Second), "ECS deployments"),
		titled(pass("C3", "ECS goes back to the last revision that completed", time.Second), "the way back"),
		titled(gate("C4", "run_in_flight", pipeline.Fail, pipeline.Warn, "cd-production.yml #212 waits for it, and fails when ECS takes it back", time.Second), "the run behind it"),
	)
	p.Gates[4].Remedy = "to end the run as well, roll back with both in one plan"
	for _, n := range []string{"orders", "payments"} {
		p.Preview.Services = append(p.Preview.Services, pipeline.ServiceChange{Service: n, From: scene.Fix.SHA, To: scene.Bump.SHA})
	}
	p.Sends = "asks ECS to roll back orders, payments"
	return p
}

func nothingToStop() pipeline.Plan {
	p := stopPlan()
	p.Gates[2] = titled(gate("C2", "nothing_in_flight", pipeline.Fail, pipeline.Block, "ECS is not changing any service of production now", time.Second), "ECS deployments")
	p.Gates[2].Remedy = "roll back what has ended with the rollback sheet"
	p.Gates[3] = titled(gate("C3", "no_source", pipeline.NotApplicable, pipeline.Inform, "nothing goes back", time.Second), "the way back")
	p.Gates[4] = titled(pass("C4", "no run waits for it", time.Second), "the run behind it")
	p.Preview.Services, p.Sends, p.Command = nil, "", ""
	return p
}

func stopped() pipeline.Receipt {
	return pipeline.Receipt{
		Number: 1184, Outcome: pipeline.OutcomeDone, Sentence: "ECS takes back orders, payments", At: scene.Now,
		Overrides: []string{"orders, payments stopped by hand"}, Steps: []string{"marked deployment 9311"},
	}
}

// continuePlan is an answer to the pause of payments: on, or back.
func continuePlan(back bool) pipeline.Plan {
	change := pipeline.ServiceChange{Service: "payments", From: scene.Bump.SHA, To: scene.Fix.SHA}
	title, verb := "Continue the rollout · payments", "go on with payments"
	driver := pass("C4", "cd-production.yml #212 waits for it and goes on with it", time.Second)
	if back {
		change.From, change.To = change.To, change.From
		title, verb = "Roll back the paused rollout · payments", "roll back payments"
		driver = gate("C4", "run_in_flight", pipeline.Fail, pipeline.Warn, "cd-production.yml #212 waits for it, and fails when ECS takes it back", time.Second)
	}
	p := ecsPlan(pipeline.PlanContinue, title,
		titled(pass("C2", "payments waits after test traffic shift; a1b2c3d takes 0% of production traffic", time.Second), "the pause"),
		titled(driver, "the run behind it"),
		titled(pass("C6", "without an answer ECS rolls it back in 23h18m", time.Second), "time left"),
		titled(pass("C7", "6 of 6 targets healthy, no alarm, no task failed", time.Second), "the new tasks"),
	)
	p.Preview.Services, p.Sends, p.Intent.RollBack = []pipeline.ServiceChange{change}, "asks ECS to "+verb, back
	return p
}

// illPlan is a pause whose new tasks fare badly: to go on has to be typed.
func illPlan() pipeline.Plan {
	p := continuePlan(false)
	g := ack(gate("C7", "fares_badly", pipeline.Fail, pipeline.Acknowledge, "payments: payments-5xx is in alarm, 4 of 6 targets are healthy", time.Second), "fares")
	g.Remedy = "roll back instead, or look at its log first"
	p.Gates[5] = titled(g, "the new tasks")
	return p
}

// held is the hold that carol's rollback left.
func held() *pipeline.Hold {
	return &pipeline.Hold{
		Environment: "production", Owner: "carol", Reason: "rolled back, 5c4d3e2 is faulty", Cause: "rollback",
		Since: scene.Now.Add(-3 * time.Hour), Faulty: []string{scene.Retry.SHA},
	}
}

func holdPlan(kind pipeline.PlanKind, local bool) pipeline.Plan {
	p := pipeline.Plan{Intent: intent(kind), Title: "Hold production", Reason: 10, Sends: "creates the lock of production", Command: "gh deployctl lock -e production --reason '…'"}
	hold, length := pass("H1", "production is not held", time.Second), pass("H3", "until somebody lifts it", time.Second)
	if kind == pipeline.PlanUnlock {
		p.Title, p.Sends, p.Command = "Lift the hold of production", "deletes the lock of production", "gh deployctl unlock -e production --reason '…'"
		hold = ack(gate("H1", "held", pipeline.Fail, pipeline.Acknowledge, "it is the hold of carol: rolled back, 5c4d3e2 is faulty", time.Second), "hold")
		hold.Remedy = "talk to carol first"
		length = gate("H3", "hold_too_long", pipeline.NotApplicable, pipeline.Inform, "it is lifted", time.Second)
	}
	reach := pass("H2", "everybody: it is a ref of acme/shop", time.Second)
	if local {
		reach = gate("H2", "local_only", pipeline.Fail, pipeline.Warn, "this machine alone: alice may not write to the repository", time.Second)
	}
	p.Gates = []pipeline.Gate{titled(hold, "the hold"), titled(reach, "who sees it"), titled(length, "how long")}
	return p
}
