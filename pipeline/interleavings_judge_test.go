package pipeline

import (
	"slices"
	"strings"
	"testing/synctest"
	"time"
)

// planned keeps a sheet open for whoever asked for it. A plan that cannot be
// made is an answer too: its reason goes to the operator.
func (w *walk) planned(p *person, plan Plan, err error) bool {
	if err != nil {
		w.note("  no plan: %v", err)
		return false
	}
	w.judgePlan(plan)
	w.mu.Lock()
	w.plans[plan.Intent.ID] = plan
	w.mu.Unlock()
	p.sheets = append(p.sheets, plan)
	return true
}

func (w *walk) plan(id string) Plan {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.plans[id]
}

func (w *walk) planReview(p *person, reject bool) bool {
	run, ok := oneOf(w.random, w.mutating(atGate))
	if !ok {
		return false
	}
	plan, err := p.operator.PlanReview(w.ctx, ReviewRequest{RunID: run, Reject: reject})
	return w.planned(p, plan, err)
}

func (w *walk) planApprove() bool { return w.planReview(w.somebody(), false) }
func (w *walk) planReject() bool  { return w.planReview(w.somebody(), true) }

func (w *walk) planRollback() bool {
	p := w.somebody()
	plan, err := p.operator.PlanRollback(w.ctx, RollbackRequest{Environment: "production"})
	return w.planned(p, plan, err)
}

// planHalt is to end what is in flight and to roll back, as one plan.
func (w *walk) planHalt() bool {
	p := w.somebody()
	plan, err := p.operator.PlanRollback(w.ctx, RollbackRequest{Environment: "production", Halt: true})
	return w.planned(p, plan, err)
}

func (w *walk) planCancel() bool {
	p := w.somebody()
	run, ok := oneOf(w.random, w.mutating(func(r Run) bool { return !r.Done() }))
	if !ok {
		return false
	}
	plan, err := p.operator.PlanCancel(w.ctx, RunRequest{RunID: run})
	return w.planned(p, plan, err)
}

func (w *walk) planRerun() bool {
	p := w.somebody()
	run, ok := oneOf(w.random, w.mutating(ended))
	if !ok {
		return false
	}
	plan, err := p.operator.PlanRerun(w.ctx, RunRequest{RunID: run})
	return w.planned(p, plan, err)
}

func (w *walk) planTrigger() bool {
	p := w.somebody()
	plan, err := p.operator.PlanTrigger(w.ctx, TriggerRequest{Workflow: "cd-staging.yml", Ref: "main", Inputs: map[string]string{"scope": "orders"}})
	return w.planned(p, plan, err)
}

func (w *walk) planHold() bool {
	p := w.somebody()
	plan, err := p.operator.PlanHold(w.ctx, HoldRequest{Environment: "production"})
	return w.planned(p, plan, err)
}

func (w *walk) planLift() bool {
	p := w.somebody()
	plan, err := p.operator.PlanHold(w.ctx, HoldRequest{Environment: "production", Release: true})
	return w.planned(p, plan, err)
}

// confirm executes one open sheet, however old it is, while the world goes on.
func (w *walk) confirm() bool {
	p := w.somebody()
	if len(p.sheets) == 0 {
		p = w.people[0]
	}
	if len(p.sheets) == 0 {
		return false
	}
	i := w.random.IntN(len(p.sheets))
	plan := p.sheets[i]
	p.sheets = slices.Delete(p.sheets, i, i+1)
	c := w.confirmation(plan)
	w.note("  confirms %s %s with %v", plan.Intent.Kind, plan.Intent.ID, c.Acks)
	w.executing.Go(func() { w.execute(p, plan, c) })
	return true
}

// approveNow confirms an approval as soon as it was planned, as most people do.
func (w *walk) approveNow() bool {
	p := w.somebody()
	if before := len(p.sheets); !w.planReview(p, false) || len(p.sheets) == before {
		return false
	}
	plan := p.sheets[len(p.sheets)-1]
	p.sheets = p.sheets[:len(p.sheets)-1]
	c := Confirmation{Comment: "it is time", Typed: plan.Typed}
	for _, g := range plan.Missing(nil) {
		c.Acks = append(c.Acks, g.ID)
	}
	if w.chance(3) { // and is too late by one attempt
		w.change(func(x *world) {
			x.cancel(plan.Intent.RunID)
			w.again(x, plan.Intent.RunID)
		})
		w.note("  run %d was run again meanwhile", plan.Intent.RunID)
	}
	w.executing.Go(func() { w.execute(p, plan, c) })
	return true
}

// confirmTogether has both operators roll back what they both see as bad.
func (w *walk) confirmTogether() bool {
	var plans [2]Plan
	for i, p := range w.people {
		plan, err := p.operator.PlanRollback(w.ctx, RollbackRequest{Environment: "production"})
		if !w.planned(p, plan, err) {
			return false
		}
		p.sheets = p.sheets[:len(p.sheets)-1]
		plans[i] = plan
	}
	for i, p := range w.people {
		c := w.confirmation(plans[i])
		w.executing.Go(func() { w.execute(p, plans[i], c) })
	}
	return true
}

// confirmation is what the operator typed: mostly what was asked for.
func (w *walk) confirmation(p Plan) Confirmation {
	c := Confirmation{Comment: "it is time", Reason: "errors on checkout", Typed: p.Typed}
	if w.chance(12) {
		c.Typed, c.Comment, c.Reason = "yes", "", ""
	}
	if w.chance(2) {
		for _, g := range p.Gates {
			if g.NeedsAck() {
				c.Acks = append(c.Acks, g.ID)
			}
		}
	}
	return c
}

func (w *walk) execute(p *person, plan Plan, c Confirmation) {
	w.mu.Lock()
	w.acks[plan.Intent.ID] = c.Acks
	if plan.Intent.Kind == PlanUnlock {
		w.lifts[plan.Intent.HoldToken]++
	}
	for _, d := range plan.Intent.Stops {
		w.stops[d.ARN] = append(w.stops[d.ARN], plan.Intent)
	}
	w.mu.Unlock()
	before := p.journal.receipts(plan.Intent)
	r, err := p.operator.Execute(w.ctx, plan, c)
	if w.ctx.Err() != nil {
		return
	}
	id := plan.Intent.ID
	if err != nil {
		w.note("  not carried out: %v", err)
		if k := KindOf(err); k != KindUsage && k != KindRefused {
			w.t.Errorf("%s: %v", plan.Intent.Kind, err)
		}
		if w.wasSent(id) {
			w.t.Errorf("%s was sent though its confirmation lacked something: %v", plan.Intent.Kind, err)
		}
		return
	}
	w.note("  %s %s: %s %s %s", plan.Intent.Kind, id, r.Outcome, r.Code, r.Sentence)
	w.mu.Lock()
	w.count["outcome: "+string(r.Outcome)]++
	w.mu.Unlock()
	if got := p.journal.receipts(plan.Intent) - before; got != 1 && r.Warning == "" { // 11
		w.t.Errorf("%s left %d receipts", plan.Intent.Kind, got)
	}
	if r.Outcome == OutcomeRefused && w.wasSent(id) {
		w.t.Errorf("%s was refused (%s) and sent", plan.Intent.Kind, r.Code)
	}
	if r.Outcome == OutcomeDone {
		w.judgeDone(plan.Intent, r)
	}
}

// receipts counts the receipts of one request.
func (r *record) receipts(in Intent) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for i, kind := range r.kinds {
		if kind == "receipt "+string(in.Kind) && strings.Contains(r.data[i], `"id":"`+in.ID) {
			n++
		}
	}
	return n
}

func (w *walk) wasSent(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for sent := range w.sentIDs {
		if verb, of, _ := strings.Cut(sent, " "); of == id && (verb != "lock" || w.plans[id].Intent.Kind == PlanLock) {
			return true
		}
	}
	return false
}

// judgeDone (10): an effect that is called done can be seen in the world.
func (w *walk) judgeDone(in Intent, r Receipt) {
	ok := true
	w.change(func(x *world) {
		switch run := x.run(in.RunID); in.Kind {
		case PlanApprove:
			ok = run.Status != StatusWaiting || run.Attempt != in.RunAttempt
		case PlanReject, PlanCancel:
			ok = run.Done() || run.Attempt != in.RunAttempt
		case PlanRerun:
			ok = run.Attempt > in.RunAttempt
		case PlanTrigger, PlanRollback:
			ok = x.run(r.RunID).Event == "workflow_dispatch"
		case PlanStop, PlanContinue:
			ok = !slices.ContainsFunc(in.Stops, func(d ECSDeployment) bool { return x.goesOn(in, d) })
		case PlanLock, PlanUnlock, PlanSettings: // a hold may be gone again; no walk asks for settings
		}
	})
	if !ok {
		w.t.Errorf("%s is called done, and nothing of it can be seen: %+v", in.Kind, r)
	}
}

// judgePlan (6, 8): unknown is never a pass, and a rollback is refused by who
// acts, on what, and whether it can be done, and by nothing else.
func (w *walk) judgePlan(p Plan) {
	for _, g := range p.Gates {
		if g.Err != nil && g.Verdict == Pass {
			w.t.Errorf("%s passes on evidence that could not be read: %s", g.ID, g.Sentence)
		}
		if g.Verdict == Unknown && g.Effect < Acknowledge && p.Intent.Kind == PlanApprove && slices.Contains(decisive, g.ID) {
			w.t.Errorf("%s is unknown and asks for nothing", g.ID)
		}
		if p.Intent.Kind == PlanRollback && g.Verdict == Unknown && g.Blocks() && g.ID != "R1" && g.ID != "R20" {
			w.t.Errorf("%s stops a rollback because it is unknown: %s", g.ID, g.Sentence)
		}
		if p.Intent.Kind == PlanRollback && g.ID == "R21" && g.Blocks() {
			w.t.Errorf("policy stops a rollback: %s", g.Sentence)
		}
	}
}

// decisive are the checks of an approval that nothing may take for granted.
var decisive = []string{"A1", "A2", "A7", "A8", "A15", "A16"}

// judgeReview (2, 5, 7): what is approved is what was shown, it has soaked in
// staging, and nobody else holds the lane.
func (w *walk) judgeReview(x *world, id string, run int64, envs []int64, approve bool) {
	p, r := w.plan(id), x.run(run)
	in := p.Intent
	if in.RunID != run || r.Attempt != in.RunAttempt || r.SHA != in.SHA || !slices.Equal(envs, []int64{in.GateID}) || len(x.pending[run]) == 0 {
		w.t.Errorf("what was decided is not what was shown: %+v, run %+v", in, r)
	}
	if !approve {
		return
	}
	for _, other := range x.runs {
		if other.ID != run && other.Workflow != "ci.yml" && other.Workflow != "cd-staging.yml" && other.Status == StatusInProgress && x.fail["Runs"] == nil {
			w.t.Errorf("run %d was approved while %s %d changes production", run, other.Workflow, other.ID)
		}
	}
	if h, held := x.holds["production"]; held && x.fail["Holds"] == nil {
		w.t.Errorf("run %d was approved though %s holds production", run, h.Owner)
	}
	if tree := x.commits[r.SHA].Tree; !w.stays[tree].soaked(time.Now()) { // nobody may pass that by name here
		w.t.Errorf("run %d brings %s, which staging did not keep: %+v", run, tree, w.stays[tree])
	}
	w.mu.Lock()
	acked := len(w.acks[id]) > 0
	w.mu.Unlock()
	if acked {
		return
	}
	for _, source := range []string{"Run", "Runs", "PendingApprovals", "Checks", "Holds", "Services"} {
		if x.fail[source] != nil {
			w.t.Errorf("run %d was approved while %s could not be read", run, source)
		}
	}
}

// judgeDispatch (2): no rollback starts beside another run that changes
// production, and what it leaves is what was shown.
func (w *walk) judgeDispatch(x *world, id string, d Dispatch) {
	in := w.plan(id).Intent
	if d.Workflow != "rollback.yml" {
		return
	}
	locks := x.fail["Holds"] == nil && w.writes == takes // where they cannot be had, the sheet says that the guarantee is off
	if x.fail["Runs"] == nil && locks {
		for _, other := range x.runs {
			if other.Workflow == "rollback.yml" && !other.Done() || other.Workflow == "cd-production.yml" && working(other) {
				w.t.Errorf("a rollback was sent beside %s %d", other.Workflow, other.ID)
			}
		}
	}
	if x.fail["Services"] != nil || in.Halt && len(in.Cancels) > 0 { // what it ends moves by nature
		return
	}
	for _, s := range x.services["shop-production"] {
		name, _, _ := strings.Cut(strings.TrimPrefix(s.TaskDefinition, "arn:td/"), ":")
		if seen := in.LiveECS[name]; seen != "" && seen != s.Deployments[0].ID {
			w.t.Errorf("a rollback was sent though %s changed from %s to %s", name, seen, s.Deployments[0].ID)
		}
	}
}

// judge looks at the newest snapshot once everything has come to rest.
func (w *walk) judge() {
	for unpublished := true; unpublished; { // an answer that came in this moment is shown after the pause
		time.Sleep(2 * publishPause)
		synctest.Wait()
		w.engine.mu.Lock()
		unpublished = w.engine.dirty
		w.engine.mu.Unlock()
	}
	s := w.engine.Snapshot()
	w.judgeLive(s)
	w.judgeHistory(s)
}

// judgeLive (1): what is live is what ECS said last, and nothing else.
func (w *walk) judgeLive(s *Snapshot) {
	for _, e := range s.Environments {
		w.mu.Lock()
		served := slices.Clone(w.served["shop-"+e.Environment.Name])
		w.mu.Unlock()
		if len(served) == 0 {
			if e.Live.Verdict != LiveUnknown {
				w.t.Errorf("%s is called %s, and ECS never said so", e.Environment.Name, e.Live.Verdict)
			}
			continue
		}
		trees, shown := map[string]bool{}, []string{}
		for _, v := range e.Services {
			trees["tree-"+w.nameOf(v.SHA)] = true
			shown = append(shown, v.TaskDefinition+" "+w.nameOf(v.SHA))
		}
		if !slices.ContainsFunc(served, func(a serving) bool { return slices.Equal(shown, w.said(a)) }) {
			w.t.Errorf("%s is shown at %v, ECS said %v", e.Environment.Name, shown, w.said(served[len(served)-1]))
		}
		if e.Live.Verdict == LiveSame && len(trees) > 1 {
			w.t.Errorf("%s is called one release: %v", e.Environment.Name, trees)
		}
		if e.Live.Verdict != LiveUnknown && !trees["tree-"+w.nameOf(e.Live.Release.SHA)] {
			w.t.Errorf("%s is called live in %s, ECS runs %v", Short(e.Live.Release.SHA), e.Environment.Name, trees)
		}
	}
}

// said is what an answer of ECS says of each service.
func (w *walk) said(a serving) []string {
	out := make([]string, len(a.states))
	for i, s := range a.states {
		out[i] = s.TaskDefinition + " " + w.nameOf(s.Revisions[0].SHA)
	}
	return out
}

// judgeHistory (3, 4): a rollout keeps its release, its run and its kind, and
// one that is on record stays there.
func (w *walk) judgeHistory(s *Snapshot) {
	now := map[string]bool{}
	for _, r := range s.Rollouts {
		now[r.ID] = true
		first, known := w.seen[r.ID]
		if !known {
			w.seen[r.ID] = r
			continue
		}
		if first.Release.SHA != r.Release.SHA || first.Kind != r.Kind || (first.Run.ID != 0 && first.Run.ID != r.Run.ID) || !first.Started.Equal(r.Started) {
			w.t.Errorf("rollout %s was rewritten:\n%+v\n%+v", r.ID, first, r)
		}
	}
	for id := range w.seen {
		if strings.HasPrefix(id, "deployment/") && !now[id] {
			w.t.Errorf("rollout %s is gone", id)
		}
	}
}

// settle lets everything heal and end, and judges what must be true then.
func (w *walk) settle() {
	w.healSources()
	w.executing.Wait()
	for range 40 {
		ids := w.mutating(inMotion)
		if len(ids) == 0 {
			break
		}
		for _, id := range ids {
			w.step(id)
		}
	}
	for range 3 { // what depends on an answer is asked for after it
		w.engine.Refresh()
		time.Sleep(5 * time.Second)
	}
	w.judge()
	w.judgeHolds()
}

// judgeHolds (9): whoever rolled back with success holds the environment, or
// has on record why not.
func (w *walk) judgeHolds() {
	for _, p := range w.people {
		for id, plan := range w.plans {
			if plan.Intent.Kind != PlanRollback || !p.journal.rolledBack(id) || !w.rollbackSucceeded(id) {
				continue
			}
			if _, held := w.held("production"); !held && w.people[0].journal.count("receipt lock")+w.people[1].journal.count("receipt lock") == 0 {
				w.t.Errorf("a rollback succeeded, and nobody held production or said why not")
				continue
			}
			w.count["settled: held after a rollback"]++
		}
	}
}

func (r *record) count(kind string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, k := range r.kinds {
		if k == kind {
			n++
		}
	}
	return n
}

// rolledBack reports whether the journal says that a rollback was seen to start.
func (r *record) rolledBack(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, kind := range r.kinds {
		if kind == "receipt rollback" && strings.Contains(r.data[i], id) && strings.Contains(r.data[i], `"outcome":"done"`) {
			return true
		}
	}
	return false
}

// rollbackSucceeded reports whether the run of a request ended well.
func (w *walk) rollbackSucceeded(id string) (ok bool) {
	w.change(func(x *world) {
		for _, r := range x.runs {
			if p := w.runs[r.ID]; p != nil && p.request == id {
				ok = r.Conclusion == ConclusionSuccess && p.stage >= 4
				for i, svc := range []string{"orders", "users"} { // nobody changed it since
					ok = ok && x.services["shop-production"][i].TaskDefinition == definition(svc, p.release)
				}
			}
		}
	})
	return ok
}
