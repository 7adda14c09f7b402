package pipeline

import (
	"testing"
	"time"
)

// Between the end of a run and the final status of its deployment, what ECS
// runs is new and not wrong; what a run left unrecorded for long is.
func TestTheRecordMayLagBehindTheRun(t *testing.T) {
	now := time.Now()
	run := Run{ID: 7, Status: StatusCompleted, Conclusion: ConclusionSuccess, Updated: now.Add(-time.Minute)}
	dep := Deployment{Payload: Payload{RunID: 7}, Statuses: []DeploymentStatus{{State: "in_progress"}}}
	tests := map[string]struct {
		change func(*Run, *Deployment)
		want   bool
	}{
		"just ended":  {func(*Run, *Deployment) {}, true},
		"recorded":    {func(_ *Run, d *Deployment) { d.Statuses[0].State = "success" }, false},
		"failed":      {func(r *Run, _ *Deployment) { r.Conclusion = ConclusionFailure }, false},
		"never":       {func(r *Run, _ *Deployment) { r.Updated = now.Add(-time.Hour) }, false},
		"another run": {func(_ *Run, d *Deployment) { d.Payload.RunID = 8 }, false},
	}
	for name, tt := range tests {
		r, d := run, Deployment{Payload: dep.Payload, Statuses: []DeploymentStatus{{State: "in_progress"}}}
		tt.change(&r, &d)
		find := func(id int64) (Run, bool) { return r, id == r.ID }
		if got := awaitsRecord([]Deployment{d}, find, now); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	if awaitsRecord(nil, nil, now) {
		t.Error("no deployment is unrecorded")
	}
}
