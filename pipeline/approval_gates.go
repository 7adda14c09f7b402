package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// defaultApprovalAge is how long a run may wait before that is worth a word.
const defaultApprovalAge = 24 * time.Hour

// codeOtherWorkflow is A1's code for a run that has no business at this gate.
const codeOtherWorkflow = "other_workflow"

// approvalGates is the check list of an approval, as data. Each check says
// what its failure and its unknown mean.
func approvalGates(ev *evidence, p PendingApproval, in Intent, comment string) []Gate {
	return []Gate{
		gateRun(ev, in), gateMayDecide(ev, p), gateStrength(ev), gateFourEyes(ev, in),
		gateAhead(ev), gateNotSuperseded(ev), gateStaged(ev), gateChecks(ev), gateImages(ev),
		gateChange(ev), gateReverts(ev), gateMigration(ev), gateWayBack(ev), gateHealthy(ev), gateLane(ev), gateFreeze(ev),
		gateAge(ev, p), gateComment(ev, comment),
	}
}

// gateRun (A1): it is a run of the workflow that deploys here, and it waits, at
// the attempt and commit that are shown.
func gateRun(ev *evidence, in Intent) Gate {
	run := ev.run.Value
	g := Gate{ID: "A1", Code: "run_changed", Title: "the run", Verdict: Pass, Observation: ev.run.Observation}
	g.Sentence = fmt.Sprintf("#%d attempt %d waits at %s", run.Number, run.Attempt, Short(run.SHA))
	if run.Status != StatusWaiting || in.RunAttempt != run.Attempt {
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = fmt.Sprintf("#%d attempt %d is %s and does not wait", run.Number, run.Attempt, firstOf(string(run.Conclusion), string(run.Status)))
		return g
	}
	if own := ev.env.Environment.Workflow; own != "" && run.Workflow != own {
		g.Verdict, g.Effect, g.Code = Fail, Block, codeOtherWorkflow
		g.Sentence = fmt.Sprintf("#%d is a run of %s; only %s deploys to %s", run.Number, run.Workflow, own, ev.env.Environment.Name)
		g.Remedy = "look at what it would do, and reject or cancel it"
	}
	return g
}

// gateMayDecide (A2): the gate is still there and the operator may decide.
func gateMayDecide(ev *evidence, p PendingApproval) Gate {
	g := Gate{ID: "A2", Code: "not_reviewer", Title: "your right to decide", Verdict: Pass, Observation: ev.pending.Observation}
	if unreadable(ev.pending.Observation) {
		return unreadGate(g, ev.pending.Observation, Block)
	}
	i := slices.IndexFunc(ev.pending.Value, func(x PendingApproval) bool { return x.EnvironmentID == p.EnvironmentID })
	if i < 0 {
		g.Verdict, g.Effect, g.Code = Fail, Block, "already_decided"
		g.Sentence = p.Environment + " no longer waits: somebody decided"
		return g
	}
	now := ev.pending.Value[i]
	g.Sentence = "one of " + reviewerNames(now.Reviewers) + ": you may decide"
	if !now.CanApprove {
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = "only " + reviewerNames(now.Reviewers) + " may decide"
		g.Remedy = "ask one of them"
	}
	return g
}

func reviewerNames(list []Reviewer) string {
	var names []string
	for _, r := range list {
		names = append(names, r.Name)
	}
	if len(names) == 0 {
		return "nobody (no reviewers are set)"
	}
	return strings.Join(names, ", ")
}

// gateStrength (A3): the environment is really protected.
func gateStrength(ev *evidence) Gate {
	rules := ev.env.Rules
	g := Gate{ID: "A3", Code: "weak_gate", Title: "the gate's rules", Verdict: Pass, Observation: rules.Observation}
	if unreadable(rules.Observation) {
		return unreadGate(g, rules.Observation, Warn)
	}
	var weak []string
	if len(rules.Value.Reviewers) == 0 {
		weak = append(weak, "no reviewer is required")
	}
	if len(rules.Value.Branches) == 0 && !rules.Value.ProtectedOnly {
		weak = append(weak, "any branch may deploy")
	}
	g.Sentence = fmt.Sprintf("%s asks for a reviewer; timer %s", rules.Value.Environment, Duration(rules.Value.WaitTimer))
	if len(weak) > 0 {
		g.Verdict, g.Effect = Fail, Warn
		g.Sentence = "the gate is weak: " + strings.Join(weak, ", ")
		g.Remedy = "set protection rules on " + rules.Value.Environment
	}
	return g
}

// gateFourEyes (A4): somebody else than the authors decides.
func gateFourEyes(ev *evidence, in Intent) Gate {
	g := Gate{ID: "A4", Code: "self_review", Title: "four eyes", Ack: "authors", Verdict: Pass, Observation: ev.run.Observation}
	policy := ev.snap.Config.Policy.FourEyes
	if policy == "off" {
		g.Verdict, g.Sentence = NotApplicable, "the team does not ask for it"
		return g
	}
	run := ev.run.Value
	mine := []string{}
	if run.Actor == in.Operator || run.TriggeringActor == in.Operator {
		mine = append(mine, "started the run")
	}
	if slices.Contains(authors(ev.compare.Value.Commits), in.Operator) {
		mine = append(mine, "wrote part of it")
	}
	if len(mine) == 0 && (unreadable(ev.compare.Observation) || ev.compare.Value.Truncated) {
		g = unreadGate(g, ev.compare.Observation, Acknowledge)
		g.Sentence = "not every author of it is known"
		return g
	}
	g.Sentence = "you are not among its authors"
	if len(mine) > 0 {
		g.Verdict, g.Effect = Fail, Warn
		g.Sentence = "you " + strings.Join(mine, " and ")
		if policy == "require" {
			g.Effect, g.Remedy = Block, "ask another reviewer"
		}
	}
	return g
}

// gateAhead (A5): not a downgrade.
func gateAhead(ev *evidence) Gate {
	g := Gate{ID: "A5", Code: "not_ahead", Title: "order", Verdict: Pass, Observation: ev.compare.Observation}
	if ev.env.Live.Verdict == LiveUnknown && ev.env.Live.Release.Zero() {
		if ev.env.Known() && len(ev.env.Deployments.Value) == 0 && ev.env.Deployments.Known() {
			g.Verdict, g.Sentence = NotApplicable, "the first deployment here"
			return g
		}
		return unreadGate(Gate{ID: g.ID, Code: "live_unknown", Title: "what is live"}, ev.env.Observation, Block)
	}
	if unreadable(ev.compare.Observation) {
		return unreadGate(g, ev.compare.Observation, Block)
	}
	c := ev.compare.Value
	switch {
	case ev.same(ev.run.Value.SHA, ev.env.Live.Release.SHA):
		g.Verdict, g.Effect = Fail, Warn
		g.Sentence = "it is live already: this deploys the same release again"
	case c.Status == "ahead":
		g.Sentence = "ahead of live by " + plural(c.Ahead, "commit")
	case c.Status == "diverged":
		g.Verdict, g.Effect, g.Code = Fail, Block, "diverged"
		g.Sentence = fmt.Sprintf("diverged from live: %d ahead, %d behind", c.Ahead, c.Behind)
	default:
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = "behind live by " + plural(c.Behind, "commit") + ": a downgrade"
		g.Remedy = "use the rollback sheet to go back"
	}
	return g
}

// gateNotSuperseded (A6): no newer run waits or has ended well.
func gateNotSuperseded(ev *evidence) Gate {
	g := Gate{ID: "A6", Code: "superseded", Title: "newer runs", Verdict: Pass, Sentence: "no newer run", Observation: ev.snap.Runs.Observation}
	if unreadable(g.Observation) {
		return unreadGate(g, g.Observation, Block)
	}
	for _, r := range ev.snap.Runs.Value {
		if r.Workflow == ev.run.Value.Workflow && r.Number > ev.run.Value.Number && r.Conclusion != ConclusionCancelled && !r.Failed() {
			g.Verdict, g.Effect = Fail, Block
			g.Sentence = fmt.Sprintf("#%d is newer (%s, %s)", r.Number, Short(r.SHA), firstOf(string(r.Conclusion), string(r.Status)))
			g.Remedy = fmt.Sprintf("decide about #%d instead, and cancel this one", r.Number)
			return g
		}
	}
	return g
}

// ill names the first service that is not healthy, and why; empty: all are.
func ill(services []ServiceView) string {
	for _, v := range services {
		if v.Health != Healthy {
			return strings.TrimSpace(v.Key.Service + " " + firstOf(v.Why, string(v.Health)))
		}
	}
	return ""
}

// gateChecks (A8): the checks on the commit passed, newest per name.
func gateChecks(ev *evidence) Gate {
	g := Gate{ID: "A8", Code: "checks_failed", Title: "required checks", Verdict: Pass, Observation: ev.checks.Observation}
	if unreadable(ev.checks.Observation) {
		return unreadGate(g, ev.checks.Observation, Block)
	}
	list := slices.DeleteFunc(slices.Clone(ev.checks.Value), func(c Check) bool {
		return c.Status != StatusCompleted && strings.Contains(c.URL, fmt.Sprintf("/runs/%d", ev.run.Value.ID))
	})
	good := 0
	for _, c := range list {
		switch {
		case c.Status != StatusCompleted:
			if g.Verdict == Pass {
				g.Verdict, g.Effect, g.Code, g.Sentence = Pending, Block, "checks_pending", c.Name+" has not ended"
			}
		case c.Conclusion.Bad():
			g.Verdict, g.Effect, g.Code, g.Sentence = Fail, Block, "checks_failed", c.Name+": "+string(c.Conclusion)
		default:
			good++
		}
	}
	if g.Verdict == Pass {
		g.Sentence = fmt.Sprintf("required checks: %d of %d on %s", good, len(list), Short(ev.run.Value.SHA))
		if slices.ContainsFunc(list, func(c Check) bool { return c.FromRun }) {
			g.Sentence += ", by runs and statuses: this token cannot read check runs"
		}
		if len(list) == 0 {
			g.Verdict, g.Effect, g.Code, g.Sentence = Unknown, Block, "no_checks", "no check ran on "+Short(ev.run.Value.SHA)
		}
	}
	return g
}

// gateImages (A9): every image that staging verified is in the registry, by digest.
func gateImages(ev *evidence) Gate {
	g := Gate{ID: "A9", Code: "image_missing", Title: "images", Ack: "images", Verdict: Pass, Observation: ev.images.Observation}
	switch p := ev.previous; {
	case len(ev.digests) == 0 && p != nil && unreadable(p.Observation):
		return unreadGate(g, p.Observation, Acknowledge)
	case len(ev.digests) == 0:
		g.Verdict, g.Effect, g.Code = Unknown, Acknowledge, "no_images"
		g.Sentence = "no environment before this one has verified images"
		if after := ev.env.Environment.After; after != "" {
			g.Sentence = after + " has verified no images of " + Short(ev.run.Value.SHA)
		}
		return g
	case unreadable(ev.images.Observation):
		return unreadGate(g, ev.images.Observation, Acknowledge)
	}
	var gone []string
	for _, svc := range sortedKeys(ev.digests) {
		if !ev.images.Value[ev.digests[svc]].Present {
			gone = append(gone, svc)
		}
	}
	g.Sentence = fmt.Sprintf("images present by digest: %d of %d", len(ev.digests)-len(gone), len(ev.env.Services))
	switch {
	case len(gone) > 0:
		g.Verdict, g.Effect = Fail, Block
		g.Sentence += "; gone: " + strings.Join(gone, ", ")
	case ev.previous != nil && len(ev.digests) < len(ev.previous.Services):
		g.Verdict, g.Effect = Unknown, Acknowledge
		g.Sentence += "; the others have no known digest"
	}
	return g
}

// largeChange is how many commits make a change worth a word: small releases
// fail less and are found out sooner.
const largeChange = 20

// gateChange (A10): what would change, for the reader.
func gateChange(ev *evidence) Gate {
	g := Gate{ID: "A10", Code: "change", Title: "what changes", Verdict: Pass, Observation: ev.compare.Observation}
	if unreadable(ev.compare.Observation) {
		return unreadGate(g, ev.compare.Observation, Warn)
	}
	c := ev.compare.Value
	g.Sentence = fmt.Sprintf("%s by %s, %s", plural(len(c.Commits), "commit"), plural(len(authors(c.Commits)), "author"), plural(len(c.Files), "file"))
	if c.Truncated {
		g.Sentence += " or more"
	}
	if len(c.Commits) > largeChange {
		g.Verdict, g.Effect, g.Code = Fail, Warn, "large_change"
		g.Sentence = "a large change: " + g.Sentence
	}
	for _, x := range c.Commits {
		g.Evidence = append(g.Evidence, Short(x.SHA)+" "+x.Title)
	}
	return g
}

// gateMigration (A12): what the database goes through.
func gateMigration(ev *evidence) Gate {
	g := Gate{ID: "A12", Code: "migration", Title: "migrations", Ack: "schema", Verdict: Pass, Observation: ev.migrations.Observation}
	if unreadable(ev.migrations.Observation) {
		return unreadGate(g, ev.migrations.Observation, Acknowledge)
	}
	class, sentence := worstMigration(ev.migrations.Value)
	g.Sentence = sentence
	switch class {
	case "", MigrationAdditive:
		if class != "" {
			g.Verdict, g.Effect = Fail, Warn
		}
	case MigrationDestructive, MigrationIrreversible:
		g.Verdict, g.Effect, g.Code = Fail, Acknowledge, "migration_"+string(class)
	case MigrationBackfill, MigrationUnknown:
		g.Verdict, g.Effect, g.Code = Fail, Warn, "migration_"+string(class)
		if class == MigrationUnknown {
			g.Verdict, g.Effect = Unknown, Acknowledge
		}
	}
	return g
}

// gateWayBack (A13): could we come back to what is live today?
func gateWayBack(ev *evidence) Gate {
	g := Gate{ID: "A13", Code: "no_return", Title: "the way back", Ack: "return", Verdict: Pass, Observation: ev.env.Observation}
	if unreadable(ev.env.Observation) || len(ev.env.Services) == 0 {
		return unreadGate(g, ev.env.Observation, Warn)
	}
	var gone, unknown []string
	for _, v := range ev.env.Services {
		switch verdict, why := ev.keepable(v); verdict {
		case Fail:
			gone = append(gone, v.Key.Service+" "+why)
		case Unknown:
			unknown = append(unknown, v.Key.Service)
		case Pass, Pending, NotApplicable:
		}
	}
	back := firstOf(ev.env.Live.Release.Name(), "what is live")
	class, _ := worstMigration(ev.migrations.Value)
	switch {
	case len(gone) > 0:
		g.Verdict, g.Effect = Fail, Acknowledge
		g.Sentence = "no way back to " + back + ": " + strings.Join(gone, ", ")
	case class == MigrationDestructive || class == MigrationIrreversible:
		g.Verdict, g.Effect = Fail, Acknowledge
		g.Sentence = "no way back to " + back + " past the migration"
	case len(unknown) > 0:
		g.Verdict, g.Effect = Unknown, Warn
		g.Sentence = "not known for " + strings.Join(unknown, ", ")
	default:
		g.Sentence = "back to " + back + " stays possible after this"
	}
	return g
}

// keepable reports whether what a service runs now could be deployed again.
func (ev *evidence) keepable(v ServiceView) (Verdict, string) {
	if len(v.Revisions) == 0 {
		return Unknown, ""
	}
	rev := v.Revisions[0]
	if td, ok := ev.snap.definitions[rev.TaskDefinition]; ok && !unreadable(td.Observation) && td.Value.Status != "ACTIVE" {
		return Fail, "task definition " + td.Value.Status
	}
	img, ok := ev.snap.images[rev.Digest()]
	switch {
	case !ok || unreadable(img.Observation):
		return Unknown, ""
	case !img.Value.Present:
		return Fail, "image gone from ECR"
	}
	return Pass, ""
}

// gateHealthy (A14): the environment is well before it is changed.
func gateHealthy(ev *evidence) Gate {
	g := Gate{ID: "A14", Code: "unhealthy_before", Title: "health now", Ack: ev.env.Environment.Name, Verdict: Pass, Observation: ev.env.Observation}
	if unreadable(ev.env.Observation) {
		return unreadGate(g, ev.env.Observation, Acknowledge)
	}
	g.Sentence = fmt.Sprintf("%s is healthy: %d of %d services", ev.env.Environment.Name, len(ev.env.Services), len(ev.env.Services))
	for _, v := range ev.env.Services {
		if v.Health == HealthUnknown {
			return unreadGate(g, v.Alarms.Observation, Acknowledge)
		}
		for _, o := range []Observation{v.Alarms.Observation, v.Targets.Observation} {
			if o.Err != nil {
				g.Ack, g.Title = "alarms", "health of "+v.Key.Service
				return unreadGate(g, o, Acknowledge)
			}
		}
	}
	if why := ill(ev.env.Services); why != "" {
		g.Verdict, g.Effect = Fail, Acknowledge
		g.Sentence = "not healthy before the change: " + why
	}
	if len(ev.env.Disagreements) > 0 {
		d := ev.env.Disagreements[0]
		g.Verdict, g.Effect, g.Code, g.Ack = Fail, Acknowledge, "truths_disagree", d.Service
		g.Sentence = d.Service + " disagrees: " + d.Sentence
	}
	return g
}

// gateLane (A15): nothing else changes the environment now.
func gateLane(ev *evidence) Gate {
	g := Gate{ID: "A15", Code: "lane_held", Title: "the lane", Verdict: Pass, Observation: ev.snap.Runs.Observation}
	if unreadable(ev.snap.Runs.Observation) {
		return unreadGate(g, ev.snap.Runs.Observation, Block)
	}
	g.Sentence = "nothing else is in flight"
	members := ev.env.Lane.Queue
	if h := ev.env.Lane.Holder; h != nil {
		members = append([]LaneMember{*h}, members...)
	}
	for _, m := range members {
		if m.Run.ID != ev.run.Value.ID && !m.Waiting && !queued(m.Run) {
			g.Verdict, g.Effect = Fail, Block
			g.Sentence = fmt.Sprintf("%s #%d is changing %s", m.Run.Workflow, m.Run.Number, ev.env.Environment.Name)
			g.Remedy = "wait for it, or cancel it"
			return g
		}
	}
	for _, v := range ev.env.Services {
		if v.Moving() {
			g.Verdict, g.Effect, g.Code = Fail, Block, "service_moving"
			g.Sentence = "ECS is changing " + v.Key.Service + " now"
			return g
		}
	}
	return g
}

// gateAge (A17): a forgotten approval is worth a word.
func gateAge(ev *evidence, p PendingApproval) Gate {
	limit := ev.snap.Config.Policy.MaxApprovalAge
	if limit == 0 {
		limit = defaultApprovalAge
	}
	began := firstTime(p.WaitStarted, ev.run.Value.Created)
	age := ev.now.Sub(began)
	g := Gate{ID: "A17", Code: "waited_long", Title: "waiting time", Verdict: Pass, Sentence: "waits for " + Duration(age), Observation: ev.run.Observation}
	if began.IsZero() {
		g.Verdict, g.Effect, g.Sentence = Unknown, Inform, "GitHub does not say since when it waits"
		return g
	}
	if age > limit {
		g.Verdict, g.Effect = Fail, Warn
		g.Sentence += ", longer than " + Duration(limit)
	}
	return g
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
