package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// write is the one door to the world: it judges what is sent, and loses,
// drops or refuses it when its time has come.
func (w *walk) write(verb, id string, judge func(*world), effect func(*world) error) error {
	w.world.mu.Lock()
	defer w.world.mu.Unlock()
	w.mu.Lock()
	w.noteLocked("  sent: %s %s", verb, id)
	w.sentIDs[verb+" "+id]++
	if n := w.sentIDs[verb+" "+id]; n > max(1, w.lifts[id]) {
		w.t.Errorf("%s of request %s was sent %d times", verb, id, n)
	}
	w.count["sent: "+verb]++
	w.mu.Unlock()
	judge(w.world)
	switch w.writes {
	case refuses:
		return Errorf(KindForbidden, "not allowed")
	case drops:
		return errDown
	case loses:
		_ = effect(w.world)
		return errDown
	case takes:
	}
	return effect(w.world)
}

// requestOf finds the request id that a comment or a reason carries.
func requestOf(text string) string {
	_, rest, _ := strings.Cut(text, "[deployctl req=")
	id, _, _ := strings.Cut(strings.TrimSuffix(rest, "]"), " ")
	return id
}

func (w *walk) Review(_ context.Context, run int64, envs []int64, approve bool, comment string) error {
	id := requestOf(comment)
	return w.write("review", id, func(x *world) { w.judgeReview(x, id, run, envs, approve) }, func(x *world) error {
		if approve {
			x.approve(run, comment)
			return nil
		}
		delete(x.pending, run)
		x.edit(run, func(r *Run) { r.Status, r.Conclusion = StatusCompleted, ConclusionFailure })
		return nil
	})
}

func (w *walk) Dispatch(_ context.Context, d Dispatch) (Dispatched, error) {
	id, out := firstOf(d.Inputs["request_id"], requestOf(d.Inputs["reason"])), Dispatched{}
	err := w.write("dispatch", id, func(x *world) { w.judgeDispatch(x, id, d) }, func(x *world) error {
		run := Run{ID: int64(5000 + w.next()), Workflow: d.Workflow, Number: 1, Attempt: 1, Status: StatusQueued, Event: "workflow_dispatch", Branch: d.Ref, SHA: shaNew, Actor: "alice", TriggeringActor: "alice", Title: "by hand [req " + id + "]", Created: time.Now(), Started: time.Now()}
		if to, err := strconv.ParseInt(d.Inputs["deployment_id"], 10, 64); err == nil {
			i := slices.IndexFunc(x.deployments["production"], func(d Deployment) bool { return d.ID == to })
			before := w.plan(id).Intent.Leaves
			w.runs[run.ID] = &progress{release: w.nameOf(x.deployments["production"][i].SHA), to: to, rollbackOf: before, request: id}
		}
		x.runs = append([]Run{run}, x.runs...)
		out.RunID = run.ID
		return nil
	})
	return out, err
}

func (w *walk) Cancel(_ context.Context, run int64, _ bool) error {
	return w.write("cancel", fmt.Sprint(run, " ", w.next()), func(*world) {}, func(x *world) error { x.cancel(run); return nil })
}

func (w *walk) Rerun(_ context.Context, run int64, _, _ bool) error {
	return w.write("rerun", fmt.Sprint(run, " ", w.next()), func(*world) {}, func(x *world) error { w.again(x, run); return nil })
}

func (w *walk) Lock(_ context.Context, h Hold) error {
	id := h.RequestID
	if back, _, _ := strings.Cut(h.Message, " again: "); strings.HasPrefix(back, "the hold of ") {
		id = fmt.Sprint(id, " back ", w.next()) // a rollback that was not sent gives back what was there
	}
	return w.write("lock", id, func(*world) {}, func(x *world) error {
		if now, taken := x.holds[h.Environment]; taken && (h.Token == "" || h.Token != now.Token) {
			return Errorf(KindConflict, "%s is held already", h.Environment)
		}
		if x.holds == nil {
			x.holds = map[string]Hold{}
		}
		h.Token = "token-" + h.RequestID
		x.holds[h.Environment] = h
		return nil
	})
}

func (w *walk) Unlock(_ context.Context, environment, token string) error {
	return w.write("unlock", token, func(*world) {}, func(x *world) error {
		if x.holds[environment].Token != token {
			return Errorf(KindConflict, "another hold")
		}
		delete(x.holds, environment)
		return nil
	})
}
