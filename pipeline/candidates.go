package pipeline

import (
	"slices"
	"time"
)

// candidatesKept bounds how far back the return path looks.
const candidatesKept = 5

// artifact is something that a candidate needs: a task definition, an image.
type artifact struct {
	service, definition, digest string
}

// verdictOf is whether one service of a deployment could be deployed again.
type verdictOf struct {
	verdict Verdict
	reason  string
	unread  bool // an artefact was never looked up
}

// candidates are the earlier successful deployments of another release than
// the live one, newest first, one a release.
func (d *deriving) candidates(e *EnvironmentState) []Candidate {
	var out []Candidate
	seen := []string{e.Live.Release.SHA}
	if e.Live.Verdict == LiveMixed {
		seen = nil // what most services run is what the others can go back to
	}
	for i, dep := range e.Deployments.Value {
		sha := d.deployedSHA(dep, e)
		if !dep.Succeeded() || dep.Payload.Kind == "rollback" || slices.ContainsFunc(seen, func(s string) bool { return d.same(s, sha) }) {
			continue
		}
		seen = append(seen, sha)
		out = append(out, d.candidate(e, i))
		if len(out) == candidatesKept {
			break
		}
	}
	return out
}

// candidate is one deployment of the environment as what a rollback would
// restore. What ECS took back is no way back, however green its run was.
func (d *deriving) candidate(e *EnvironmentState, i int) Candidate {
	dep, until := e.Deployments.Value[i], d.now
	if i > 0 {
		until = inForce(e.Deployments.Value[i-1])
	}
	c := Candidate{Deployment: dep, Release: d.release(d.deployedSHA(dep, e)), LiveSince: inForce(dep)}
	c.LiveFor = max(until.Sub(c.LiveSince), 0)
	left, marked := d.wasLeft(e, i, dep.ID), d.isMarked(e, c.Release.SHA)
	_, taken := d.reverted(e, dep)
	c.Faulty = left || marked || taken != ""
	d.deployable(e, dep, &c)
	switch {
	case left:
		c.Reasons = append(c.Reasons, "faulty, rolled back")
	case taken != "":
		c.Reasons = append(c.Reasons, taken)
	case marked:
		c.Reasons = append(c.Reasons, markedFaulty)
	}
	return c
}

// inForce is since when a deployment counted.
func inForce(d Deployment) time.Time { return firstTime(d.SucceededAt(), d.Created) }

// candidateNamed is a deployment of the environment that somebody named, also
// one that is no way back; nil where the environment's list does not hold it.
func (s *state) candidateNamed(env Environment, id int64) *Candidate {
	d := &deriving{state: s, now: time.Now(), byTree: map[string][]string{}}
	d.index()
	e := d.environment(env)
	i := slices.IndexFunc(e.Deployments.Value, func(dep Deployment) bool { return dep.ID == id })
	if i < 0 {
		return nil
	}
	c := d.candidate(&e, i)
	d.between(&c, &e)
	return &c
}

// wasLeft reports whether a later rollback left this deployment, or is about to.
func (d *deriving) wasLeft(e *EnvironmentState, i int, id int64) bool {
	return slices.ContainsFunc(e.Deployments.Value[:i], func(later Deployment) bool {
		return later.Payload.Kind == "rollback" && later.Payload.RollbackOf == id && (later.Succeeded() || later.State() != "failure" && later.State() != "error")
	})
}

// markedFaulty is why a candidate that no rollback names is faulty all the same.
const markedFaulty = "marked as faulty"

// isMarked reports whether the environment's hold marks a release as faulty: a
// rollback of a mixture marks all that it left.
func (d *deriving) isMarked(e *EnvironmentState, sha string) bool {
	return slices.ContainsFunc(d.holds.Value[e.Environment.Name].Faulty, func(marked string) bool { return d.same(marked, sha) })
}

// deployable looks at every service's task definition and image of a deployment.
func (d *deriving) deployable(e *EnvironmentState, dep Deployment, c *Candidate) {
	c.Verdict, c.services = Pass, map[string]verdictOf{}
	if len(dep.Payload.Services) == 0 {
		c.Verdict, c.Reasons = Fail, []string{"its record names no services"}
		return
	}
	for _, a := range artifactsOf(e.Deployments.Value, dep) {
		v := d.deployableService(e, a)
		c.services[a.service] = v
		c.Verdict = worst(c.Verdict, v.verdict)
		c.unread = c.unread || v.unread
		if v.reason != "" {
			c.Reasons = append(c.Reasons, a.service+": "+v.reason)
		}
	}
}

func (d *deriving) deployableService(e *EnvironmentState, a artifact) verdictOf {
	image, td := d.state.images[a.digest], d.definitions[a.definition]
	v := verdictOf{verdict: Pass}
	switch {
	case len(e.Services) > 0 && !slices.ContainsFunc(e.Services, func(v ServiceView) bool { return v.Key.Service == a.service }):
		return verdictOf{Unknown, "not a service of this configuration", false}
	case a.digest == "":
		v = verdictOf{Unknown, "no digest recorded", false}
	case image.Known() && image.Err == nil && !image.Value.Present:
		return verdictOf{Fail, "image gone from ECR", false}
	case image.Err != nil || !image.Known():
		v = verdictOf{verdict: Unknown, unread: image.Err == nil}
	}
	switch {
	case a.definition == "": // registered anew from the live one; only the digest is identity
	case td.Known() && td.Err == nil && td.Value.Status != "ACTIVE":
		return verdictOf{Fail, "task definition " + td.Value.Status, false}
	case td.Err != nil || !td.Known():
		v.verdict, v.unread = Unknown, v.unread || td.Err == nil
	}
	return v
}

func worst(a, b Verdict) Verdict {
	if a == Fail || b == Pass {
		return a
	}
	return b
}

// artifactsOf lists what a deployment's services need. Its own record holds the
// digests; the task definition that ran them is in what the next deployment
// saved as its "before".
func artifactsOf(all []Deployment, dep Deployment) []artifact {
	var out []artifact
	for _, name := range sortedKeys(dep.Payload.Services) {
		a := artifact{service: name, digest: dep.Payload.Services[name].Image, definition: dep.Payload.Services[name].TaskDefinition}
		for _, later := range all {
			if a.definition != "" || later.Payload.Before == nil {
				continue
			}
			if b := later.Payload.Before.Services[name]; b.Image == a.digest {
				a.definition = b.TaskDefinition
			}
		}
		out = append(out, a)
	}
	return out
}

// artifactsWanted lists what must be looked up for the candidates of an
// environment and is not known, or is old.
func (s *state) artifactsWanted(env Environment) []artifact {
	now := time.Now()
	d := &deriving{state: s, now: now, byTree: map[string][]string{}}
	d.index()
	e := d.environment(env)
	var out []artifact
	for _, c := range d.candidates(&e) {
		for _, a := range artifactsOf(e.Deployments.Value, c.Deployment) {
			img, td := s.images[a.digest], s.definitions[a.definition]
			if old(img.Observation, now) || (a.definition != "" && old(td.Observation, now)) {
				out = append(out, a)
			}
		}
	}
	return out
}

func old(o Observation, now time.Time) bool {
	return !o.Known() || o.Err != nil || o.Age(now) > everyHistory-time.Minute
}
