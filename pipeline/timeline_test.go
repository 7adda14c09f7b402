package pipeline

import (
	"slices"
	"testing"
	"time"
)

func TestEventsOfARun(t *testing.T) {
	r := made(7, 2)
	r.Workflow, r.Number, r.Actor, r.TriggeringActor, r.Event, r.Branch, r.Attempt = "cd.yml", 12, "bob", "carol", "push", "main", 2
	r.Updated = r.Created.Add(100 * time.Minute)
	at := func(minutes int) time.Time { return r.Created.Add(time.Duration(minutes) * time.Minute) }
	jobs := []JobRun{
		{Name: "Deploy", Conclusion: ConclusionSuccess, Started: at(62), Completed: at(70)},
		{Name: "Check", Conclusion: ConclusionSuccess, Started: at(1), Completed: at(5)},
		{Name: "Approval", Conclusion: ConclusionSuccess, Started: at(60), Completed: at(61)},
		{Name: "Skipped", Conclusion: ConclusionSkipped, Started: at(90), Completed: at(90)},
	}
	reviews := []Review{{State: "approved", User: "alice", Environments: []string{"production"}, Comment: "ship it"}}
	events := TimeLine(RunEvents(r, "production", jobs, reviews))
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.Kind+" "+e.Actor)
	}
	if !slices.Equal(kinds, []string{"run bob", "run carol", "approval alice", "run "}) {
		t.Fatal(kinds)
	}
	approved := events[2]
	if !approved.At.Equal(at(60)) || !approved.By || approved.Sentence != "approved for production: ship it" {
		t.Errorf("%+v", approved)
	}
	if events[3].Sentence != "ended: success" || events[3].Environment != "production" || events[3].Subject != "cd.yml #12" {
		t.Errorf("%+v", events[3])
	}
	if e := RunEvents(r, "", nil, reviews)[2]; !e.At.Equal(r.Updated) {
		t.Errorf("without its jobs: %+v", e)
	}
	r.Status, r.Conclusion = StatusWaiting, ""
	if list := RunEvents(r, "", nil, nil); len(list) != 2 {
		t.Errorf("of one that goes on: %+v", list)
	}
}

func TestEventsOfADeploymentAndOfECS(t *testing.T) {
	d := Deployment{ID: 9310, SHA: shaLive, Creator: "bot", Created: longAgo, Payload: Payload{Kind: "rollback", Version: "v1", RollbackOf: 9302}, Statuses: []DeploymentStatus{
		{State: "success", Created: longAgo.Add(time.Hour), Description: "verified"}, {State: "in_progress", Created: longAgo.Add(time.Minute)},
	}}
	events := DeploymentEvents(d, "production")
	if len(events) != 3 || events[0].Sentence != "rollback of v1 1111111, leaves deployment 9302" || events[1].Sentence != "in progress" || events[2].Sentence != "success: verified" {
		t.Errorf("%+v", events)
	}
	ecs := ServiceEvents(ServiceKey{"production", "orders"}, []ServiceDeployment{
		{Status: "IN_PROGRESS", Started: longAgo.Add(2 * time.Hour), Target: ServiceRevision{TaskDefinition: "arn:x/orders:9"}},
		{Status: "ROLLBACK_SUCCESSFUL", Started: longAgo, Finished: longAgo.Add(time.Minute), RollbackReason: "circuit breaker", TriggeredBy: []string{"5xx"}, Target: ServiceRevision{TaskDefinition: "arn:x/orders:8", SHA: shaNew}},
	})
	if len(ecs) != 3 || ecs[0].Sentence != "begins to move to orders:9" || ecs[2].Sentence != "rollback successful: orders:8 (2222222), circuit breaker, alarms 5xx" {
		t.Errorf("%+v", ecs)
	}
	if got := Since(TimeLine(events, ecs), longAgo.Add(time.Minute), longAgo.Add(time.Hour)); len(got) != 3 {
		t.Errorf("%+v", got)
	}
}

func TestWhatASnapshotObserved(t *testing.T) {
	s := &Snapshot{AsOf: longAgo, Rollouts: []Rollout{
		{Environment: "production", Kind: RolloutPromotion, Release: Release{Version: "v2"}, Phase: PhaseReverted, Sentence: "ECS took it back", Started: longAgo.Add(-time.Hour), Ended: longAgo.Add(-time.Minute)},
		{Environment: "production", Kind: RolloutRollback, Release: Release{Version: "v1"}, Phase: PhaseUpdating, Started: longAgo.Add(-time.Second)},
		{Environment: "staging", Phase: PhaseSucceeded},
	}, Environments: []EnvironmentState{{
		Environment: Environment{Name: "production"}, Disagreements: []Disagreement{{Service: "orders", Sentence: "they differ"}},
		Services: []ServiceView{{ServiceState: ServiceState{Key: ServiceKey{"production", "orders"}, Alarms: Fact[[]Alarm]{Value: []Alarm{{Name: "5xx", State: "ALARM", Reason: "12 > 5", Changed: longAgo.Add(-time.Minute)}}}}}},
	}}}
	got := Observed(s, "production")
	if len(got) != 4 || got[0].Sentence != "reverted: ECS took it back" || !got[1].By || !got[1].At.Equal(longAgo) || got[2].Sentence != "5xx is ALARM: 12 > 5" || !got[3].By {
		t.Errorf("%+v", got)
	}
	if len(Observed(s, "staging")) != 1 || len(Observed(s, "nowhere")) != 0 {
		t.Error("of another environment")
	}
}
