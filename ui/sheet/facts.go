package sheet

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// scenery is what a plan does not name and a change of which the operator
// wants to know: who holds the lane, and whether the environment is held.
type scenery struct {
	holder int64 // run; 0: the lane is free
	hold   string
}

func sceneryOf(snap *pipeline.Snapshot, environment string) *scenery {
	out := &scenery{}
	env := snap.Environment(environment)
	if env == nil {
		return out
	}
	if env.Lane.Holder != nil {
		out.holder = env.Lane.Holder.Run.ID
	}
	if h := env.Hold; h != nil {
		out.hold = h.Owner + ", " + h.Reason
	}
	return out
}

// changes says what a snapshot shows otherwise than an intent does. Only what
// was read after the plan's evidence counts: a plan is read past every cache,
// and may well be newer than the snapshot.
func changes(in pipeline.Intent, seen time.Time, before scenery, snap *pipeline.Snapshot) []string {
	var out []string
	if in.RunID != 0 && snap.Runs.At.After(seen) {
		out = append(out, runChanges(in, snap)...)
	}
	env := snap.Environment(in.Environment)
	if env == nil {
		return out
	}
	if env.At.After(seen) {
		out = append(out, liveChanges(in, env)...)
	}
	now := sceneryOf(snap, in.Environment)
	if now.holder != before.holder && now.holder != in.RunID {
		out = append(out, laneChange(in.Environment, env.Lane))
	}
	switch {
	case now.hold == before.hold:
	case now.hold == "":
		out = append(out, "the hold on "+in.Environment+" was lifted")
	default:
		out = append(out, in.Environment+" is held: "+now.hold)
	}
	return out
}

func runChanges(in pipeline.Intent, snap *pipeline.Snapshot) []string {
	run, ok := snap.Run(in.RunID)
	switch {
	case !ok:
		return []string{fmt.Sprintf("run %d is no longer among the newest runs", in.RunID)}
	case run.Attempt != in.RunAttempt && in.RunAttempt != 0:
		return []string{fmt.Sprintf("run #%d is at attempt %d now", run.Number, run.Attempt)}
	case in.SHA != "" && run.SHA != in.SHA:
		return []string{fmt.Sprintf("run #%d is at %s now", run.Number, pipeline.Short(run.SHA))}
	}
	switch in.Kind {
	case pipeline.PlanApprove, pipeline.PlanReject:
		if run.Status != pipeline.StatusWaiting {
			return []string{fmt.Sprintf("run #%d waits no more: it is %s", run.Number, standing(run))}
		}
	case pipeline.PlanCancel:
		if run.Done() {
			return []string{fmt.Sprintf("run #%d has ended: %s", run.Number, standing(run))}
		}
	case pipeline.PlanRerun:
		if !run.Done() {
			return []string{fmt.Sprintf("run #%d runs again", run.Number)}
		}
	case pipeline.PlanTrigger, pipeline.PlanRollback:
	}
	return nil
}

// standing is a run's conclusion, or its status while it has none.
func standing(r pipeline.Run) string {
	switch {
	case r.Conclusion == pipeline.ConclusionFailure:
		return "failed"
	case r.Conclusion == pipeline.ConclusionSuccess:
		return "succeeded"
	case r.Done() && r.Conclusion != "":
		return words(string(r.Conclusion))
	}
	return words(string(r.Status))
}

func liveChanges(in pipeline.Intent, env *pipeline.EnvironmentState) []string {
	var out []string
	live := env.Live.Release.SHA
	if in.LiveSHA != "" && live != "" && live != in.LiveSHA {
		out = append(out, fmt.Sprintf("%s runs %s now, not %s", in.Environment, pipeline.Short(live), pipeline.Short(in.LiveSHA)))
	}
	now := make(map[string]string, len(env.Services))
	for _, v := range env.Services {
		if primary, ok := v.Primary(); ok {
			now[v.Key.Service] = primary.ID
		}
	}
	for _, name := range slices.Sorted(maps.Keys(in.LiveECS)) {
		if id, ok := now[name]; ok && id != in.LiveECS[name] {
			out = append(out, name+" has a new ECS deployment")
		}
	}
	return out
}

func laneChange(environment string, lane pipeline.Lane) string {
	if lane.Free() {
		return "the lane of " + environment + " is free now"
	}
	return fmt.Sprintf("#%d holds the lane of %s now", lane.Holder.Run.Number, environment)
}
