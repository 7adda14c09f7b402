package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// returnPath says whether there is a way back from what is live, and which.
func (d *deriving) returnPath(e *EnvironmentState) ReturnPath {
	rp := ReturnPath{Environment: e.Environment.Name, Observation: e.Deployments.Observation}
	if !e.Deployments.Known() {
		rp.Sentence = "unknown: deployments were not read"
		return rp
	}
	rp.Candidates = d.candidates(e)
	for i := range rp.Candidates {
		c := &rp.Candidates[i]
		d.between(c, e)
		rp.unread = rp.unread || d.asksBack(e.Environment) && !c.Migrations.Known() && c.Migrations.Err == nil && !e.Live.Release.Zero()
		if c.Verdict == Pass {
			rp.Deployable++
		}
	}
	rp.Best = best(rp.Candidates, everyMigration)
	rp.Why = whyBest(rp.Best, rp.Candidates)
	rp.NoReturn = pointOfReturn(rp.Candidates, everyMigration)
	rp.Sentence = rp.sentence(e.Live)
	for i := range e.Services {
		e.Services[i].Return = serviceReturn(e, e.Services[i].Key.Service, rp.Candidates)
	}
	return rp
}

// best is the newest candidate that could be deployed and was not rolled back
// itself; one that today's schema lets run goes before one that it does not.
func best(list []Candidate, concerns func(Migration) bool) *Candidate {
	var past *Candidate
	for i := range list {
		c := &list[i]
		if c.Verdict != Pass || c.Faulty {
			continue
		}
		if _, no := c.noReturn(concerns); !no {
			return c
		}
		if past == nil {
			past = c
		}
	}
	return past
}

// whyBest says why none of the newer candidates is better.
func whyBest(b *Candidate, list []Candidate) string {
	if b == nil {
		return ""
	}
	why := "the newest that was verified here and can be deployed"
	for i := range list {
		c := &list[i]
		if c == b {
			break
		}
		reason := strings.Join(c.Reasons, ", ")
		if reason == "" {
			reason = "not known yet"
		}
		why += fmt.Sprintf("; not %s: %s", c.Release.Name(), reason)
	}
	return why
}

// PastReturn reports whether a migration lies between the candidate and what is
// live that older code does not run with.
func (c *Candidate) PastReturn() bool {
	_, past := c.noReturn(everyMigration)
	return past
}

func everyMigration(Migration) bool { return true }

// noReturn is the migration between a candidate and what is live that older
// code does not run with, of those that concern; the worst of several.
func (c *Candidate) noReturn(concerns func(Migration) bool) (Migration, bool) {
	var own []Migration
	for _, m := range c.Migrations.Value {
		if concerns(m) && m.Class.closes() {
			own = append(own, m)
		}
	}
	if len(own) == 0 {
		return Migration{}, false
	}
	return slices.MaxFunc(own, func(a, b Migration) int { return a.Class.rank() - b.Class.rank() }), true
}

// pointOfReturn finds the newest candidate that lies before a migration which
// closes the way back; nil where none does.
func pointOfReturn(list []Candidate, concerns func(Migration) bool) *PointOfReturn {
	var out *PointOfReturn
	for i := range list {
		m, no := list[i].noReturn(concerns)
		switch {
		case !no:
			continue
		case out == nil:
			out = &PointOfReturn{Migration: m, Release: list[i].Release}
		}
		out.Before++
	}
	return out
}

func (r ReturnPath) sentence(live Live) string {
	from := live.Release.Name()
	if live.Verdict == LiveMixed { // the best may be what most run already
		from = "mixed"
	}
	switch {
	case len(r.Candidates) == 0:
		return "none: no earlier deployment succeeded here"
	case r.Best == nil && slices.ContainsFunc(r.Candidates, func(c Candidate) bool { return c.Verdict == Unknown }):
		return fmt.Sprintf("unknown: %s, artefacts not read yet", plural(len(r.Candidates), "candidate"))
	case r.Best == nil:
		return fmt.Sprintf("closed: none of %s can be deployed", plural(len(r.Candidates), "candidate"))
	case live.Release.Zero():
		return fmt.Sprintf("what is live is not known; %s can be deployed · images present", r.Best.Release.Name())
	}
	s := fmt.Sprintf("%s → %s: ", from, r.Best.Release.Name())
	m, past := r.Best.noReturn(everyMigration)
	if past {
		s += fmt.Sprintf("past the point of no return, %s (%s) · images present", m.Name, m.Why)
	} else {
		s += "possible · images present"
		if word := r.Best.schema(); word != "" {
			s += " · " + word
		}
	}
	s += fmt.Sprintf(" · %d of %d candidates", r.Deployable, len(r.Candidates))
	if r.NoReturn != nil && !past {
		s += " · " + r.NoReturn.sentence()
	}
	return s
}

// sentence says which candidates lie before the point.
func (p *PointOfReturn) sentence() string {
	s := fmt.Sprintf("point of no return %s: %s", p.Migration.Name, p.Release.Name())
	if p.Before > 1 {
		s += " and older"
	}
	return s
}

// schema says in a few words what the migrations between mean for going back
// to a candidate that is not past the point of no return; empty where nobody
// asked.
func (c *Candidate) schema() string {
	class, _ := worstMigration(c.Migrations.Value)
	switch {
	case c.Migrations.Err != nil && !c.Migrations.Known():
		return "migrations cannot be read"
	case !c.Migrations.Known():
		return ""
	case class == MigrationUnknown:
		return "migrations not all understood"
	case class == "":
		return "no migration"
	}
	return "no destructive migration"
}

// between adds to a candidate what lies between it and what is live.
func (d *deriving) between(c *Candidate, e *EnvironmentState) {
	x, ask := d.spanOf(*c, e)
	if !ask {
		if !e.Live.Release.Zero() && d.same(x.base, x.head) {
			c.Migrations.Observation = e.Deployments.Observation // nothing lies between
		}
		return
	}
	f := d.spans[x]
	c.Migrations = Fact[[]Migration]{Value: f.Value.Migrations, Observation: f.Observation}
	if m, no := c.noReturn(everyMigration); no {
		c.Reasons = append(c.Reasons, fmt.Sprintf("before the point of no return %s (%s)", m.Name, m.Why))
	}
}

// serviceReturn is the way back of one service: its own artefacts, and the
// migrations that are its own or that nobody knows the service of.
func serviceReturn(e *EnvironmentState, service string, list []Candidate) ServiceReturn {
	concerns := func(m Migration) bool {
		owner := ownerOf(m, e.Services)
		return owner == "" || owner == service
	}
	var out ServiceReturn
	var own []Candidate
	unknown := false
	for _, c := range list {
		v, holds := c.services[service]
		if !holds {
			continue
		}
		c.Verdict = v.verdict
		own = append(own, c)
		unknown = unknown || v.verdict == Unknown
		if v.verdict == Pass {
			out.Deployable++
		}
	}
	out.Candidates = len(own)
	out.NoReturn = pointOfReturn(own, concerns)
	b := best(own, concerns)
	switch {
	case len(own) == 0:
		out.Sentence = "none: no earlier deployment holds it"
		return out
	case b == nil && unknown:
		out.Sentence = "unknown: its artefacts are not known"
		return out
	case b == nil:
		out.Sentence = "closed: " + firstOf(own[0].services[service].reason, "every candidate was rolled back")
		return out
	}
	out.Deployment, out.Release = b.Deployment.ID, b.Release
	out.Sentence = fmt.Sprintf("%s: possible · %d of %d candidates", b.Release.Name(), out.Deployable, out.Candidates)
	if m, past := b.noReturn(concerns); past {
		out.Sentence = fmt.Sprintf("%s: past the point of no return, %s (%s) · %d of %d candidates", b.Release.Name(), m.Name, m.Why, out.Deployable, out.Candidates)
	} else if out.NoReturn != nil {
		out.Sentence += " · " + out.NoReturn.sentence()
	}
	return out
}

// ownerOf is the service whose directory a migration lies in; empty where no
// service's name is part of its path: it may concern all of them.
func ownerOf(m Migration, services []ServiceView) string {
	parts := strings.Split(strings.ReplaceAll(m.Path, "_", "-"), "/")
	for i := range services {
		if slices.Contains(parts, strings.ReplaceAll(services[i].Key.Service, "_", "-")) {
			return services[i].Key.Service
		}
	}
	return ""
}
