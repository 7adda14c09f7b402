package pipeline

import (
	"fmt"
	"slices"
)

// gateStaged (A7): the predecessor runs exactly this release, healthy and soaked.
func gateStaged(ev *evidence) Gate {
	g := Gate{ID: "A7", Code: "not_staged", Title: "the environment before", Verdict: Pass}
	prev := ev.previous
	if prev == nil {
		g.Verdict, g.Sentence = NotApplicable, "no environment comes before"
		g.Observation = ev.run.Observation
		return g
	}
	g.Observation, g.Title = prev.Observation, prev.Environment.Name
	if unreadable(prev.Observation) {
		return unreadGate(g, prev.Observation, Block)
	}
	name := prev.Environment.Name
	if prev.Live.Release.Zero() {
		g = unreadGate(g, prev.Observation, Block)
		g.Sentence = "what " + name + " runs is not known"
		return g
	}
	if on := prev.running(ev); on < prev.Live.Total && on > 0 {
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = fmt.Sprintf("%s runs it on %d of %d services", name, on, prev.Live.Total)
		return g
	}
	if !ev.same(prev.Live.Release.SHA, ev.run.Value.SHA) {
		return stagedBefore(ev, g)
	}
	soaked := ev.now.Sub(prev.Live.Since)
	switch {
	case prev.Live.Verdict != LiveSame:
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = fmt.Sprintf("%s runs it on %d of %d services", name, prev.Live.Matching, prev.Live.Total)
	case ill(prev.Services) != "":
		g.Verdict, g.Effect, g.Code = Fail, Block, "staging_unhealthy"
		g.Sentence = name + " is not healthy: " + ill(prev.Services)
	case prev.Live.Since.IsZero() || soaked < prev.Environment.Soak:
		g.Verdict, g.Effect, g.Code = Fail, Block, "not_soaked"
		g.Sentence = fmt.Sprintf("%s soaked %s of %s", name, Duration(soaked), Duration(prev.Environment.Soak))
	default:
		g.Sentence = fmt.Sprintf("%s runs exactly this release, healthy, soaked %s", name, Duration(soaked))
	}
	return g
}

// running counts the services that run the candidate.
func (e *EnvironmentState) running(ev *evidence) int {
	n := 0
	for _, v := range e.Services {
		if ev.same(v.SHA, ev.run.Value.SHA) {
			n++
		}
	}
	return n
}

// stagedBefore judges a release that the predecessor no longer runs: that it
// has moved on is a warning which names what is newer.
func stagedBefore(ev *evidence, g Gate) Gate {
	prev := ev.previous
	until := ev.now // when what is newer took over
	for _, r := range ev.snap.Rollouts {
		if r.Environment != prev.Environment.Name || r.Phase != PhaseSucceeded {
			continue
		}
		if !ev.same(r.Release.SHA, ev.run.Value.SHA) {
			until = r.Started
			continue
		}
		g.Verdict, g.Effect, g.Code = Fail, Warn, "staging_moved_on"
		g.Sentence = fmt.Sprintf("%s verified it and has moved on to %s", prev.Environment.Name, prev.Live.Release.Name())
		if soaked := until.Sub(r.Ended); soaked < prev.Environment.Soak {
			g.Effect, g.Code = Block, "not_soaked"
			g.Sentence = fmt.Sprintf("%s soaked it %s of %s before it moved on to %s", prev.Environment.Name, Duration(max(soaked, 0)), Duration(prev.Environment.Soak), prev.Live.Release.Name())
			g.Remedy = "deploy it to " + prev.Environment.Name + " again"
		}
		return g
	}
	g.Verdict, g.Effect = Fail, Block
	g.Sentence = fmt.Sprintf("%s never ran it: it runs %s", prev.Environment.Name, firstOf(prev.Live.Release.Name(), "nothing known"))
	g.Remedy = "deploy it to " + prev.Environment.Name + " first"
	if slices.Contains(ev.snap.Config.Policy.Hotfix, ev.snap.Viewer.Login) {
		g.Effect, g.Ack, g.Named = Acknowledge, "hotfix", true
		g.Remedy += ", or pass it as a hotfix under the name of its incident or ticket"
	}
	return g
}
