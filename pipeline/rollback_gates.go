package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// rollbackGates is the check list of a rollback, as data. Policy checks pass
// with a note; identity, lane and feasibility refuse. What is unknown wants an
// acknowledgement at most.
func rollbackGates(ev *evidence, c Candidate, in Intent) []Gate {
	return []Gate{
		gateTarget(ev, c, in), gateProven(ev, c), gateDifferent(ev, c), gateAncestor(ev), gateLiveUnchanged(ev), gateOneRevision(ev),
		gateInFlight(ev), gateLaneFree(ev), gateDefinitions(ev, c), gateTargetImages(ev, c), gateExpiry(ev, c),
		gateSchema(ev, c), gateBackup(ev, c), gateConfiguration(ev, c), gateSecrets(ev, c), gateCapacity(ev), gateDependants(ev, c),
		gateWouldHelp(ev), gateWorkflow(ev), permission(ev.snap, "R20", ev.now), gateRollbackFreeze(ev), gateAfter(ev, c), gateUngated(ev),
	}
}

// gateTarget (R1): the deployment to restore is one of ours, in this environment.
func gateTarget(ev *evidence, c Candidate, in Intent) Gate {
	g := Gate{ID: "R1", Code: "bad_target", Title: "the target", Verdict: Pass, Observation: ev.env.Deployments.Observation}
	missing := KindOf(ev.named.Err) == KindNotFound
	switch {
	case missing:
		g.Observation = Observation{Source: ev.named.Source, At: ev.named.ErrAt}
	case ev.named.Source != "":
		g.Observation = ev.named.Observation
	}
	if unreadable(g.Observation) {
		return unreadGate(g, g.Observation, Block)
	}
	g.Sentence = fmt.Sprintf("deployment %d, %s %s", c.Deployment.ID, c.Release.Name(), Short(c.Release.SHA))
	if wrong := wrongTarget(ev, c); wrong != "" {
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = fmt.Sprintf("deployment %d %s", in.Deployment, wrong)
		g.Remedy = "choose one of the candidates"
		if b := ev.env.Return.Best; b != nil {
			g.Remedy = fmt.Sprintf("choose one of the candidates; the best is %d, %s", b.Deployment.ID, b.Release.Name())
		}
	}
	return g
}

// wrongTarget says why a deployment cannot be what a rollback restores; empty
// where it can.
func wrongTarget(ev *evidence, c Candidate) string {
	d, env := c.Deployment, ev.env.Environment
	own := func(name string) bool {
		return slices.ContainsFunc(env.Services, func(s Service) bool { return s.Name == name })
	}
	switch {
	case KindOf(ev.named.Err) == KindNotFound:
		return "does not exist"
	case d.Environment != env.GitHubEnvironment:
		return "is one of " + firstOf(d.Environment, "no environment") + ", not of " + env.Name
	case d.Task != DeploymentTask:
		return "is not the record of a rollout: its task is " + firstOf(d.Task, "not set")
	case len(c.Release.SHA) != 40:
		return "names no commit"
	case len(d.Payload.Services) > 0 && len(env.Services) > 0 && !slices.ContainsFunc(sortedKeys(d.Payload.Services), own):
		return "holds no service of " + env.Name
	}
	return ""
}

// gateProven (R2): it was live once, and nobody rolled it back.
func gateProven(ev *evidence, c Candidate) Gate {
	g := Gate{ID: "R2", Code: "target_faulty", Title: "its past", Ack: "faulty", Verdict: Pass, Observation: ev.env.Deployments.Observation}
	g.Sentence = fmt.Sprintf("%s was live for %s, verified", c.Release.Name(), Duration(c.LiveFor))
	switch {
	case len(c.Deployment.Statuses) == 0:
		g = unreadGate(g, g.Observation, Acknowledge)
		g.Sentence = "GitHub has no status of it"
	case !c.Deployment.Succeeded():
		g.Verdict, g.Effect, g.Code = Fail, Block, "never_succeeded"
		g.Sentence = c.Release.Name() + " never succeeded here"
	case unreadable(g.Observation):
		return unreadGate(g, g.Observation, Acknowledge)
	case c.Faulty:
		g.Verdict, g.Effect = Fail, Acknowledge
		g.Sentence = c.Release.Name() + " was itself rolled back"
		if slices.Contains(c.Reasons, markedFaulty) {
			g.Sentence = c.Release.Name() + " is " + markedFaulty
		}
		if i := slices.IndexFunc(c.Reasons, tookBack); i >= 0 {
			g.Sentence = c.Release.Name() + " did not hold: " + c.Reasons[i]
		}
	}
	return g
}

// gateDifferent (R3): it is not what runs.
func gateDifferent(ev *evidence, c Candidate) Gate {
	g := Gate{ID: "R3", Code: "already_live", Title: "what is live", Ack: "live", Verdict: Pass, Observation: ev.env.Observation}
	if unreadable(ev.env.Observation) || ev.env.Live.Verdict == LiveUnknown {
		return unreadGate(g, ev.env.Observation, Acknowledge)
	}
	live := ev.env.Live
	g.Sentence = "ECS runs " + live.Release.Name() + " " + Short(live.Release.SHA)
	switch same := ev.same(c.Release.SHA, live.Release.SHA); {
	case same && live.Verdict == LiveSame:
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = c.Release.Name() + " is live already"
	case live.Verdict == LiveMixed:
		g.Sentence = fmt.Sprintf("ECS runs a mixture: %s on %d of %d services", live.Release.Name(), live.Matching, live.Total)
		if apart := apartFromMost(ev); len(apart) > 0 {
			g.Sentence += ", " + strings.Join(apart, ", ")
		}
	}
	return g
}

// gateAncestor (R4): what would be lost.
func gateAncestor(ev *evidence) Gate {
	g := Gate{ID: "R4", Code: "loses_commits", Title: "history", Ack: "diverged", Verdict: Pass, Observation: ev.compare.Observation}
	if unreadable(ev.compare.Observation) {
		return unreadGate(g, ev.compare.Observation, Acknowledge)
	}
	c := ev.compare.Value
	if c.Status == "diverged" {
		g.Verdict, g.Effect, g.Code = Fail, Acknowledge, "diverged"
		g.Sentence = fmt.Sprintf("not an ancestor of what is live: %d commits differ", c.Ahead+c.Behind)
		return g
	}
	var titles []string
	for _, x := range c.Commits {
		g.Evidence = append(g.Evidence, Short(x.SHA)+" "+x.Title)
		if len(x.Parents) < 2 {
			titles = append(titles, x.Title)
		}
	}
	g.Sentence = "loses nothing"
	if len(titles) > 0 {
		g.Verdict, g.Effect = Fail, Warn
		g.Sentence = "loses " + plural(len(titles), "commit") + ": " + strings.Join(titles[:min(3, len(titles))], ", ")
	}
	return g
}

// gateOneRevision (R6): every service runs one revision.
func gateOneRevision(ev *evidence) Gate {
	g := Gate{ID: "R6", Code: "mixed_revisions", Title: "revisions", Verdict: Pass, Sentence: "every service runs one revision", Observation: ev.env.Observation}
	if unreadable(ev.env.Observation) {
		return unreadGate(g, ev.env.Observation, Warn)
	}
	var mixed []string
	for _, v := range ev.env.Services {
		if len(v.OtherSHAs) > 0 {
			mixed = append(mixed, v.Key.Service)
		}
	}
	apart := apartFromMost(ev)
	switch {
	case len(mixed) > 0:
		g.Verdict, g.Effect = Fail, Warn
		g.Sentence = "old and new tasks are mixed on " + strings.Join(mixed, ", ")
	case len(apart) > 0:
		g.Verdict, g.Effect = Fail, Warn
		g.Sentence = fmt.Sprintf("most services run %s, but %s", ev.env.Live.Release.Name(), strings.Join(apart, ", "))
	}
	return g
}

// apartFromMost names the services that run another release than most do.
func apartFromMost(ev *evidence) []string {
	if ev.env.Live.Verdict != LiveMixed {
		return nil
	}
	var out []string
	for _, v := range ev.env.Services {
		if v.SHA != "" && !ev.same(v.SHA, ev.env.Live.Release.SHA) {
			out = append(out, v.Key.Service+" "+firstOf(v.Version, Short(v.SHA)))
		}
	}
	return out
}

// gateInFlight (R7): no other rollout is changing the environment. One that
// only waits for approval is a warning.
func gateInFlight(ev *evidence) Gate {
	g := Gate{ID: "R7", Code: "rollout_in_flight", Title: "other rollouts", Ack: "inflight", Verdict: Pass, Sentence: "no other rollout in flight", Observation: ev.snap.Runs.Observation}
	if unreadable(ev.snap.Runs.Observation) {
		return unreadGate(g, ev.snap.Runs.Observation, Acknowledge)
	}
	if ev.halt != nil {
		g = gateHalt(ev, g)
		if g.Verdict != Pass {
			return g
		}
	}
	for _, r := range ev.snap.Rollouts {
		if r.Environment != ev.env.Environment.Name || r.Phase.Terminal() || r.Phase == PhaseIndeterminate {
			continue
		}
		name := fmt.Sprintf("%s #%d", r.Workflow, r.RunNumber)
		if r.Kind == RolloutExternal {
			name = "a change outside of GitHub Actions"
		}
		if r.Phase == PhaseAwaiting {
			if !g.Blocks() {
				g.Verdict, g.Effect, g.Code = Fail, Warn, "approval_waits"
				g.Sentence = name + " waits for approval; approving it later would bring its release back"
				g.Remedy = "cancel it"
			}
			continue
		}
		if queues(r) {
			if g.Verdict == Pass {
				g.Verdict, g.Effect, g.Code = Fail, Warn, "run_queued"
				g.Sentence = name + by(r.RequestedBy) + " is queued; the lock keeps it out, and it would bring its release back later"
				g.Remedy = "cancel it, or end it by the same plan: --halt"
			}
			continue
		}
		g.Verdict, g.Effect, g.Code = Fail, Block, "rollout_in_flight"
		g.Sentence = name + by(r.RequestedBy) + " is " + string(r.Phase)
		g.Remedy = "end it first by the same plan: --halt"
		return g
	}
	for _, v := range ev.env.Services {
		if v.Moving() {
			g.Verdict, g.Effect, g.Code = Fail, Block, "service_moving"
			g.Sentence = "ECS is changing " + v.Key.Service + " now"
			g.Remedy = "end it first by the same plan: --halt"
			return g
		}
	}
	return g
}

// queues reports whether a rollout has not begun: it changes nothing yet, and
// finds the lock of a rollback when it does. A queued rollback is one already.
func queues(r Rollout) bool {
	return (r.Phase == PhaseQueued || r.Phase == PhaseRequested) && r.Kind != RolloutRollback && r.Kind != RolloutExternal
}

// by names who started something; empty where nobody is known.
func by(login string) string {
	if login == "" {
		return ""
	}
	return " by " + login
}

// gateLaneFree (R8): rollback.yml would start at once.
func gateLaneFree(ev *evidence) Gate {
	g := Gate{ID: "R8", Code: "lane_held", Title: "the lane", Verdict: Pass, Sentence: "rollback.yml starts at once", Observation: ev.snap.Runs.Observation}
	own := ev.rollback.Value.Concurrency
	for _, o := range []Observation{ev.rollback.Observation, ev.snap.Runs.Observation} {
		if unreadable(o) {
			return unreadGate(g, o, Warn)
		}
	}
	for _, r := range ev.snap.Runs.Value {
		shares := r.Workflow == ev.snap.Config.Workflows.Rollback || (own != "" && own == ev.snap.concurrency[r.Workflow])
		if !r.Done() && shares && !ev.ends(r) {
			g.Verdict, g.Effect = Fail, Block
			g.Sentence = fmt.Sprintf("%s #%d%s holds the group that rollback.yml needs (%s)", r.Workflow, r.Number, by(r.Actor), r.Status)
			g.Remedy = "cancel it"
			return g
		}
	}
	return g
}

// gateDefinitions (R9): the task definitions are ACTIVE; an INACTIVE one
// cannot be deployed.
func gateDefinitions(ev *evidence, c Candidate) Gate {
	g := Gate{ID: "R9", Code: "definition_inactive", Title: "task definitions", Ack: "definitions", Verdict: Pass}
	var bad []string
	total, unknown := 0, 0
	for _, a := range artifactsOf(ev.env.Deployments.Value, c.Deployment) {
		if a.definition == "" {
			continue
		}
		total++
		td := ev.snap.definitions[a.definition]
		g.Observation = older(g.Observation, td.Observation)
		switch {
		case unreadable(td.Observation):
			unknown++
		case td.Value.Status != "ACTIVE":
			bad = append(bad, a.service+" "+td.Value.Status)
		}
	}
	if total == 0 {
		g.Verdict, g.Sentence = NotApplicable, "registered anew from what runs"
		return g
	}
	return countGate(g, total, unknown, bad, "task definitions ACTIVE")
}

// gateTargetImages (R10): every image is in the registry, by digest.
func gateTargetImages(ev *evidence, c Candidate) Gate {
	g := Gate{ID: "R10", Code: "image_missing", Title: "images", Ack: "images", Verdict: Pass}
	var bad []string
	total, unknown := 0, 0
	for _, a := range artifactsOf(ev.env.Deployments.Value, c.Deployment) {
		total++
		img := ev.snap.images[a.digest]
		g.Observation = older(g.Observation, img.Observation)
		switch {
		case a.digest == "" || unreadable(img.Observation):
			unknown++
		case !img.Value.Present:
			bad = append(bad, a.service)
		}
	}
	return countGate(g, total, unknown, bad, "images present by digest")
}

// older keeps the observation that is older or failed.
func older(a, b Observation) Observation {
	if b.Err != nil || a == (Observation{}) || (!b.At.IsZero() && b.At.Before(a.At)) {
		return b
	}
	return a
}

func countGate(g Gate, total, unknown int, bad []string, word string) Gate {
	g.Sentence = fmt.Sprintf("%s: %d of %d", word, total-unknown-len(bad), total)
	switch {
	case len(bad) > 0:
		g.Verdict, g.Effect = Fail, Block
		g.Sentence += "; not: " + strings.Join(bad, ", ")
	case unknown > 0:
		g.Verdict, g.Effect = Unknown, Acknowledge
		g.Sentence += fmt.Sprintf("; %d could not be read", unknown)
	case total == 0:
		g.Verdict, g.Effect, g.Sentence = Unknown, Acknowledge, "its record names no service"
	}
	return g
}

// gateCapacity (R16): the services are up at all.
func gateCapacity(ev *evidence) Gate {
	g := Gate{ID: "R16", Code: "scaled_to_zero", Title: "capacity", Verdict: Pass, Sentence: "every service wants tasks", Observation: ev.env.Observation}
	if unreadable(ev.env.Observation) {
		return unreadGate(g, ev.env.Observation, Inform)
	}
	for _, v := range ev.env.Services {
		if v.Desired == 0 {
			g.Verdict, g.Effect = Fail, Warn
			g.Sentence = v.Key.Service + " is scaled to zero"
		}
	}
	return g
}

// firstStart is when the release began to take traffic on a service.
func firstStart(v ServiceView) time.Time {
	if v.Rollout != nil {
		return firstTime(v.Rollout.Started, v.Rollout.Created)
	}
	if p, ok := v.Primary(); ok {
		return p.Created
	}
	return time.Time{}
}

// gateWorkflow (R19): rollback.yml can be started, with the three inputs.
func gateWorkflow(ev *evidence) Gate {
	f := ev.rollback
	g := Gate{ID: "R19", Code: "rollback_workflow", Title: "rollback.yml", Verdict: Pass, Observation: f.Observation}
	if KindOf(f.Err) == KindNotFound {
		g.Verdict, g.Effect, g.Sentence = Fail, Block, "the repository has no rollback workflow"
		g.Remedy = "gh deployctl init writes one"
		return g
	}
	if unreadable(f.Observation) {
		return unreadGate(g, f.Observation, Warn)
	}
	var missing []string
	for _, name := range []string{"deployment_id", "reason", "confirm"} {
		if _, ok := f.Value.Input(name); !ok {
			missing = append(missing, name)
		}
	}
	g.Sentence = "can be started and takes deployment_id, reason, confirm"
	switch {
	case !f.Value.Dispatchable:
		g.Verdict, g.Effect, g.Sentence = Fail, Block, "cannot be started by hand"
	case len(missing) > 0:
		g.Verdict, g.Effect, g.Sentence = Fail, Block, "lacks the inputs "+strings.Join(missing, ", ")
	}
	for _, w := range ev.snap.Workflows.Value {
		if w.File() == ev.snap.Config.Workflows.Rollback && w.State != "active" {
			g.Verdict, g.Effect, g.Sentence = Fail, Block, "is "+strings.ReplaceAll(w.State, "_", " ")
			g.Remedy = "gh workflow enable " + w.File()
		}
	}
	return g
}

// gateRollbackFreeze (R21): a freeze does not stop a rollback, and is noted.
func gateRollbackFreeze(ev *evidence) Gate {
	g := Gate{ID: "R21", Code: "frozen", Title: "freeze and hold", Ack: "hold", Verdict: Pass, Sentence: "no freeze, no hold", Observation: Observation{Source: "configuration", At: ev.now}}
	if f, ok := frozen(ev.snap.Config.Policy.Freezes, ev.now); ok {
		g.Verdict, g.Effect, g.Sentence = Fail, Inform, "frozen ("+f.Reason+"); a rollback passes"
	}
	if unreadable(ev.env.holds) {
		g = unreadGate(Gate{ID: g.ID, Code: "hold_unknown", Title: "the hold"}, ev.env.holds, Warn)
	}
	if h := ev.env.Hold; h != nil {
		g.Verdict, g.Effect, g.Code = Fail, Warn, "held"
		g.Sentence = "held by yourself: " + h.Reason + "; the rollback takes it over"
		switch {
		case h.Owner == ev.snap.Viewer.Login:
		case ev.halt != nil && len(ev.halt.cancels) > 0 && h.Cause == causeRollout:
			g.Sentence = fmt.Sprintf("locked by %s for what is cancelled first: %s", h.Owner, h.Reason)
		case h.Cause == causeRollback && endedRun(ev.snap, h.RequestID) != nil:
			r := endedRun(ev.snap, h.RequestID)
			g.Effect = Acknowledge
			g.Sentence = fmt.Sprintf("%s left the lock: their rollback #%d ended as %s; you would take it over", h.Owner, r.Number, r.Conclusion)
		case h.Cause == causeRollback && !h.Until.IsZero() && ev.now.Sub(h.Since) < claimGrace:
			g.Effect, g.Code = Block, "rollback_claimed"
			g.Sentence = fmt.Sprintf("%s began to roll back %s ago: %s", h.Owner, Duration(ev.now.Sub(h.Since)), h.Reason)
			g.Remedy = "watch theirs"
			return g
		default:
			g.Effect, g.Sentence = Acknowledge, fmt.Sprintf("held by %s: %s; you would take it over", h.Owner, h.Reason)
		}
		g.Remedy = fmt.Sprintf("gh deployctl unlock -e %s lifts it without a rollback", ev.env.Environment.Name)
	}
	return g
}

// endedRun is the run that a request started, if it has ended: who waits for it
// waits for nothing. A request that succeeded turns its lock into a hold.
func endedRun(s *Snapshot, request string) *Run {
	i := slices.IndexFunc(s.Runs.Value, func(r Run) bool {
		return request != "" && r.Workflow == s.Config.Workflows.Rollback && strings.Contains(r.Title, request) && r.Done() && r.Conclusion != ConclusionSuccess
	})
	if i < 0 {
		return nil
	}
	return &s.Runs.Value[i]
}

// gateUngated (R23): rollback.yml enters no environment that waits for a
// person or a timer.
func gateUngated(ev *evidence) Gate {
	g := Gate{ID: "R23", Code: "rollback_gated", Title: "no gate on the way", Verdict: Pass, Sentence: "rollback.yml waits for nobody", Observation: ev.rollback.Observation}
	if unreadable(ev.rollback.Observation) {
		return unreadGate(g, ev.rollback.Observation, Warn)
	}
	for _, j := range ev.rollback.Value.Jobs {
		rules, ok := ev.snap.rules[j.Environment]
		switch {
		case j.Environment == "":
			continue
		case !ok && len(ev.snap.rules) > 0 && !strings.Contains(j.Environment, "${{"):
			continue // GitHub lists the environments, and it is none of them: it has no rules
		case !ok || unreadable(rules.Observation):
			g = unreadGate(g, rules.Observation, Warn)
			g.Sentence = fmt.Sprintf("its job %s enters %s, whose rules are not known", j.ID, j.Environment)
			continue
		}
		if len(rules.Value.Reviewers) > 0 || rules.Value.WaitTimer > 0 {
			g.Verdict, g.Effect = Fail, Block
			g.Sentence = fmt.Sprintf("its job %s enters %s, which waits for a person or a timer", j.ID, j.Environment)
			g.Remedy = "let it name the environment without reviewers"
			return g
		}
	}
	return g
}
