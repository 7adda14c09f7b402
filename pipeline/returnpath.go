package pipeline

import (
	"fmt"
	"slices"
	"time"
)

// candidatesKept bounds how far back the return path looks.
const candidatesKept = 5

// artifact is something that a candidate needs: a task definition, an image.
type artifact struct {
	service, definition, digest string
}

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
		if c.Verdict == Pass {
			rp.Deployable++
			if rp.Best == nil && !c.Faulty {
				rp.Best = c
			}
		}
	}
	rp.Sentence = rp.sentence(e.Live)
	return rp
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
		return fmt.Sprintf("unknown: %d candidates, artefacts not read yet", len(r.Candidates))
	case r.Best == nil:
		return fmt.Sprintf("closed: none of %d candidates can be deployed", len(r.Candidates))
	case live.Release.Zero():
		return fmt.Sprintf("what is live is not known; %s can be deployed · images present", r.Best.Release.Name())
	}
	return fmt.Sprintf("%s → %s: possible · images present · %d of %d candidates",
		from, r.Best.Release.Name(), r.Deployable, len(r.Candidates))
}

// candidates are the earlier successful deployments of another release than
// the live one, newest first, one a release.
func (d *deriving) candidates(e *EnvironmentState) []Candidate {
	var out []Candidate
	until := d.now
	seen := []string{e.Live.Release.SHA}
	if e.Live.Verdict == LiveMixed {
		seen = nil // what most services run is what the others can go back to
	}
	for i, dep := range e.Deployments.Value {
		sha := d.deployedSHA(dep, e)
		started := firstTime(dep.SucceededAt(), dep.Created)
		lived := until.Sub(started)
		until = started
		if !dep.Succeeded() || dep.Payload.Kind == "rollback" || slices.ContainsFunc(seen, func(s string) bool { return d.same(s, sha) }) {
			continue
		}
		seen = append(seen, sha)
		c := Candidate{Deployment: dep, Release: d.release(sha), LiveFor: max(lived, 0), LiveSince: started}
		c.Faulty = d.wasLeft(e, i, dep.ID)
		c.Verdict, c.Reasons = d.deployable(e, dep)
		if c.Faulty {
			c.Reasons = append(c.Reasons, "faulty, rolled back")
		}
		out = append(out, c)
		if len(out) == candidatesKept {
			break
		}
	}
	return out
}

// wasLeft reports whether a later rollback left this deployment, or is about to.
func (d *deriving) wasLeft(e *EnvironmentState, i int, id int64) bool {
	return slices.ContainsFunc(e.Deployments.Value[:i], func(later Deployment) bool {
		return later.Payload.Kind == "rollback" && later.Payload.RollbackOf == id && (later.Succeeded() || later.State() != "failure" && later.State() != "error")
	})
}

// deployable looks at every service's task definition and image of a deployment.
func (d *deriving) deployable(e *EnvironmentState, dep Deployment) (Verdict, []string) {
	if len(dep.Payload.Services) == 0 {
		return Fail, []string{"its record names no services"}
	}
	verdict := Pass
	var reasons []string
	for _, a := range d.artifactsOf(e.Deployments.Value, dep) {
		image := d.state.images[a.digest]
		switch {
		case len(e.Services) > 0 && !slices.ContainsFunc(e.Services, func(v ServiceView) bool { return v.Key.Service == a.service }):
			verdict, reasons = worst(verdict, Unknown), append(reasons, a.service+": not a service of this configuration")
			continue
		case a.digest == "":
			verdict, reasons = worst(verdict, Unknown), append(reasons, a.service+": no digest recorded")
		case image.Err != nil || !image.Known():
			verdict = worst(verdict, Unknown)
		case !image.Value.Present:
			verdict, reasons = Fail, append(reasons, a.service+": image gone from ECR")
		}
		if a.definition == "" {
			continue // registered anew from the live one; only the digest is identity
		}
		switch td := d.definitions[a.definition]; {
		case td.Err != nil || !td.Known():
			verdict = worst(verdict, Unknown)
		case td.Value.Status != "ACTIVE":
			verdict, reasons = Fail, append(reasons, fmt.Sprintf("%s: task definition %s", a.service, td.Value.Status))
		}
	}
	return verdict, reasons
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
func (d *deriving) artifactsOf(all []Deployment, dep Deployment) []artifact {
	return artifactsOf(all, dep)
}

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
