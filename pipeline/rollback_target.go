package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// gateLiveUnchanged (R5): what runs is what the panels showed. The plan binds
// to what runs now; the re-check refuses when that has changed.
func gateLiveUnchanged(ev *evidence) Gate {
	g := Gate{ID: "R5", Code: "live_moved", Title: "live, as shown", Ack: "live", Verdict: Pass, Observation: ev.env.Observation}
	if unreadable(ev.env.Observation) {
		return unreadGate(g, ev.env.Observation, Acknowledge)
	}
	now := liveECS(ev.env)
	for _, svc := range sortedKeys(now) {
		g.Evidence = append(g.Evidence, svc+" "+now[svc])
		if was, shown := ev.seen[svc]; shown && was != now[svc] {
			g.Verdict, g.Effect = Fail, Warn
			g.Sentence = svc + " was deployed anew since the panels were drawn"
			g.Remedy = "look at what is live again"
		}
	}
	if g.Verdict == Pass {
		g.Sentence = fmt.Sprintf("bound to the PRIMARY deployments of %s", plural(len(now), "service"))
	}
	return g
}

// gateExpiry (R11): the registry's own rules do not remove the images soon.
func gateExpiry(ev *evidence, c Candidate) Gate {
	g := Gate{ID: "R11", Code: "image_expires", Title: "image expiry", Verdict: Pass, Observation: ev.expiries.Observation}
	if unreadable(ev.expiries.Observation) {
		return unreadGate(g, ev.expiries.Observation, Inform)
	}
	var soon []string
	ruled := false
	for _, a := range artifactsOf(ev.env.Deployments.Value, c.Deployment) {
		e, known := ev.expiries.Value[a.digest]
		ruled = ruled || e.Rule != 0
		if !known || !e.Soon(ev.now) {
			continue
		}
		if e.At.IsZero() {
			soon = append(soon, fmt.Sprintf("%s after %s", a.service, plural(max(e.Spare, 0)+1, "more push")))
		} else {
			soon = append(soon, fmt.Sprintf("%s on %s", a.service, e.At.UTC().Format("2006-01-02")))
		}
	}
	switch {
	case len(soon) > 0:
		g.Verdict, g.Effect = Fail, Warn
		g.Sentence = "the lifecycle policy removes " + strings.Join(soon, ", ")
		g.Remedy = "tag the images so that no rule selects them"
	case !ruled:
		g.Verdict, g.Sentence = NotApplicable, "no lifecycle rule removes its images"
	default:
		g.Sentence = "the lifecycle policy keeps its images for now"
	}
	return g
}

// definitions pairs the task definition that a service runs with the one that
// the target would restore.
type definitions struct {
	service      string
	cluster      Cluster
	live, target Fact[TaskDefinition]
	balanced     bool // the service has target groups
}

// definitionPairs lists the services whose target definition is recorded. The
// others are registered anew from what runs, so that nothing differs.
func (ev *evidence) definitionPairs(c Candidate) []definitions {
	var out []definitions
	for _, a := range artifactsOf(ev.env.Deployments.Value, c.Deployment) {
		i := slices.IndexFunc(ev.env.Services, func(v ServiceView) bool { return v.Key.Service == a.service })
		if a.definition == "" || i < 0 {
			continue
		}
		v := ev.env.Services[i]
		out = append(out, definitions{
			service: a.service, cluster: v.Cluster, live: ev.snap.definitions[v.TaskDefinition], target: ev.snap.definitions[a.definition],
			balanced: len(v.TargetGroups) > 0,
		})
	}
	return out
}

// onDefinitions begins a gate that compares task definitions. Without any, the
// gate is done: nothing can be read, or everything is registered anew.
func (ev *evidence) onDefinitions(g Gate, c Candidate, anew string) (Gate, []definitions) {
	g.Verdict, g.Observation = Pass, ev.env.Observation
	if unreadable(ev.env.Observation) {
		return unreadGate(g, ev.env.Observation, Warn), nil
	}
	pairs := ev.definitionPairs(c)
	if len(pairs) == 0 {
		g.Verdict, g.Sentence = NotApplicable, "registered anew from what runs: "+anew
	}
	return g, pairs
}

// readable reports whether both sides of every pair were read, and the older
// observation of all.
func readable(pairs []definitions, o Observation) (Observation, bool) {
	all := true
	for _, p := range pairs {
		o = older(older(o, p.live.Observation), p.target.Observation)
		all = all && !unreadable(p.live.Observation) && !unreadable(p.target.Observation)
	}
	return o, all
}

// gateConfiguration (R14): what else than the image goes back with the task
// definition. A port that the load balancer does not know stops the traffic.
func gateConfiguration(ev *evidence, c Candidate) Gate {
	g, pairs := ev.onDefinitions(Gate{ID: "R14", Code: "configuration_differs", Title: "task definitions", Ack: "ports"}, c, "only the image differs")
	if len(pairs) == 0 {
		return g
	}
	o, all := readable(pairs, g.Observation)
	g.Observation = o
	ports := false
	for _, p := range pairs {
		if unreadable(p.live.Observation) || unreadable(p.target.Observation) {
			continue
		}
		lines, moved := definitionDiff(p.live.Value, p.target.Value)
		for _, l := range lines {
			g.Evidence = append(g.Evidence, p.service+": "+l)
		}
		ports = ports || moved && p.balanced
	}
	switch {
	case ports:
		g.Verdict, g.Effect, g.Code = Fail, Acknowledge, "ports_differ"
		g.Sentence = "the ports differ behind a load balancer: " + strings.Join(g.Evidence, "; ")
	case len(g.Evidence) > 0:
		g.Verdict, g.Effect = Fail, Warn
		g.Sentence = "goes back as well: " + strings.Join(g.Evidence[:min(3, len(g.Evidence))], "; ")
		if more := len(g.Evidence) - 3; more > 0 {
			g.Sentence += fmt.Sprintf("; %d more", more)
		}
	case !all:
		return unreadGate(g, g.Observation, Warn)
	default:
		g.Sentence = "only the image differs from what runs"
	}
	return g
}

// definitionDiff says how going from live to target changes a task definition,
// the image and the values of variables aside, and whether ports change.
func definitionDiff(live, target TaskDefinition) (lines []string, ports bool) {
	changed := func(what, from, to string) {
		if from != to {
			lines = append(lines, fmt.Sprintf("%s %s → %s", what, firstOf(from, "none"), firstOf(to, "none")))
		}
	}
	changed("cpu", live.CPU, target.CPU)
	changed("memory", live.Memory, target.Memory)
	before, after := containersByName(live), containersByName(target)
	for _, name := range union(before, after) {
		was, had := before[name]
		is, has := after[name]
		switch {
		case !had:
			lines = append(lines, "adds the container "+name)
			continue
		case !has:
			lines = append(lines, "removes the container "+name)
			continue
		}
		lines = append(lines, nameDiff("variable", was.Environment, is.Environment, false)...)
		lines = append(lines, nameDiff("secret", was.Secrets, is.Secrets, true)...)
		changed("log group", was.LogGroup.Name, is.LogGroup.Name)
		from, to := slices.Sorted(slices.Values(was.Ports)), slices.Sorted(slices.Values(is.Ports))
		if !slices.Equal(from, to) {
			ports = true
			changed("port", strings.Trim(fmt.Sprint(from), "[]"), strings.Trim(fmt.Sprint(to), "[]"))
		}
	}
	return lines, ports
}

func containersByName(d TaskDefinition) map[string]ContainerDefinition {
	out := map[string]ContainerDefinition{}
	for _, c := range d.Containers {
		out[c.Name] = c
	}
	return out
}

func union[V any](a, b map[string]V) []string {
	names := append(sortedKeys(a), sortedKeys(b)...)
	slices.Sort(names)
	return slices.Compact(names)
}

// nameDiff compares names, and where values are references also those. Values
// of variables are never shown: they may be secret.
func nameDiff(noun string, was, is map[string]string, values bool) []string {
	var out []string
	for _, name := range union(was, is) {
		from, had := was[name]
		to, has := is[name]
		switch {
		case !had:
			out = append(out, fmt.Sprintf("adds the %s %s", noun, name))
		case !has:
			out = append(out, fmt.Sprintf("removes the %s %s", noun, name))
		case values && from != to:
			out = append(out, fmt.Sprintf("the %s %s comes from elsewhere", noun, name))
		}
	}
	return out
}

// gateDependants (R17): services that were deployed since and stay as they are
// may need what goes back.
func gateDependants(ev *evidence, c Candidate) Gate {
	g := Gate{ID: "R17", Code: "dependants", Title: "services that stay", Verdict: Pass, Observation: ev.env.Deployments.Observation}
	if unreadable(g.Observation) {
		return unreadGate(g, g.Observation, Inform)
	}
	if len(ev.env.Services) < 2 {
		g.Verdict, g.Sentence = NotApplicable, "there is no other service"
		return g
	}
	var stay []string
	for _, dep := range ev.env.Deployments.Value {
		if dep.ID == c.Deployment.ID {
			break
		}
		for _, name := range sortedKeys(dep.Payload.Services) {
			_, goes := c.Deployment.Payload.Services[name]
			if dep.Succeeded() && !goes && !slices.Contains(stay, name) {
				stay = append(stay, name)
			}
		}
	}
	g.Sentence = "every service that was deployed since goes back as well"
	if len(stay) > 0 {
		g.Verdict, g.Effect = Fail, Warn
		g.Sentence = "deployed since and not part of the target: " + strings.Join(stay, ", ") + "; they may need what goes back"
		g.Evidence = stay
	}
	return g
}

// gateAfter (R22): what follows, so that nobody has to think of it then.
func gateAfter(ev *evidence, c Candidate) Gate {
	g := Gate{ID: "R22", Code: "no_second_choice", Title: "afterwards", Verdict: Pass, Observation: ev.env.Deployments.Observation}
	if unreadable(g.Observation) {
		return unreadGate(g, g.Observation, Inform)
	}
	g.Sentence = fmt.Sprintf("holds %s and marks %s as faulty", ev.env.Environment.Name, firstOf(strings.Join(ev.names(leftBehind(ev, c)), ", "), "nothing"))
	for _, other := range ev.env.Return.Candidates {
		if other.Deployment.ID != c.Deployment.ID && !other.Faulty && other.Verdict == Pass {
			g.Sentence += fmt.Sprintf("; second choice %s, deployment %d", other.Release.Name(), other.Deployment.ID)
			return g
		}
	}
	g.Verdict, g.Effect = Fail, Inform
	g.Sentence += "; there is no second choice"
	return g
}

// names are the releases of commits as far as the trains and the services know
// them, else the commits.
func (ev *evidence) names(commits []string) []string {
	var out []string
	for _, sha := range commits {
		name := Short(sha)
		for _, v := range ev.env.Services {
			if v.SHA == sha {
				name = firstOf(v.Version, name)
			}
		}
		for _, t := range ev.snap.Trains {
			if t.Release.SHA == sha || slices.Contains(t.Aliases, sha) {
				name = t.Release.Name()
			}
		}
		out = append(out, name)
	}
	return out
}
