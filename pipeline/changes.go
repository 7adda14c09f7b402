package pipeline

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Changes is what lies between two states of the code.
type Changes struct {
	From, To     ChangeEnd
	Comparison   Comparison
	PullRequests []PullRequest // in the order of their merges
	Migrations   []Migration
	Services     []ServiceDifference // those of which an image is known on either side
}

// ChangeEnd is one side of Changes.
type ChangeEnd struct {
	Asked       string // as it was named
	Commit      Commit
	Version     string // empty: not known
	Environment string // where it is live, where an environment was named
}

// PullRequest is a pull request that the commits between name.
type PullRequest struct {
	Number int
	Title  string
	Author string
}

// ServiceDifference is what changes in a service.
type ServiceDifference struct {
	Service    string
	From, To   ServiceTarget // what is known of each side
	Definition []string      // how the task definitions differ, the image aside
	Known      bool          // both task definitions could be read
}

// Changes reads what lies between two releases, each named as an environment,
// for what is live there, or as a tag, branch or commit.
func (e *Engine) Changes(ctx context.Context, from, to string) (Changes, error) {
	s := e.Snapshot()
	c := Changes{}
	var fleets [2]map[string]ServiceTarget
	for i, end := range []struct {
		asked string
		into  *ChangeEnd
	}{{from, &c.From}, {to, &c.To}} {
		var err error
		if *end.into, err = e.changeEnd(ctx, s, end.asked); err != nil {
			return c, err
		}
		fleets[i] = s.fleetOf(end.into)
	}
	var err error
	if c.Comparison, err = e.opt.GitHub.Compare(ctx, c.From.Commit.SHA, c.To.Commit.SHA); err != nil {
		return c, err
	}
	c.PullRequests = pullRequests(c.Comparison.Commits)
	o := &Operator{engine: e}
	c.Migrations = o.readMigrations(ctx, fact(Fact[Comparison]{}, "github compare", EvidenceLife, c.Comparison, nil), c.To.Commit.SHA).Value
	for _, name := range union(fleets[0], fleets[1]) {
		change := ServiceDifference{Service: name, From: fleets[0][name], To: fleets[1][name]}
		e.compareDefinitions(ctx, s, &change)
		c.Services = append(c.Services, change)
	}
	return c, nil
}

// notARelease says of a name that nobody knows what it could have been.
func notARelease(s *Snapshot, asked string, err error) error {
	if KindOf(err) != KindNotFound {
		return err
	}
	var names []string
	for i := range s.Environments {
		names = append(names, s.Environments[i].Environment.Name)
	}
	e := &Error{
		Kind: KindNotFound, Message: fmt.Sprintf("%q is no environment, and no tag, branch or commit of this repository", asked),
		Hint: "environments are " + strings.Join(names, ", "), Err: err,
	}
	if near := Nearest(asked, names); near != "" {
		e.Hint = "did you mean " + near + "?"
	}
	return e
}

// changeEnd resolves a name: an environment's before a ref's.
func (e *Engine) changeEnd(ctx context.Context, s *Snapshot, asked string) (ChangeEnd, error) {
	end, ref := ChangeEnd{Asked: asked}, asked
	if env := s.Environment(asked); env != nil {
		end.Environment, end.Version, ref = asked, env.Live.Release.Version, env.Live.Release.SHA
		if ref == "" {
			return end, &Error{Kind: KindUnavailable, Message: "what " + asked + " runs is not known", Hint: "gh deployctl doctor says why"}
		}
	}
	var err error
	if end.Commit, err = e.opt.GitHub.Commit(ctx, ref); err != nil {
		return end, notARelease(s, asked, err)
	}
	for i := range s.Environments {
		for _, d := range s.Environments[i].Deployments.Value {
			if end.Version == "" && d.SHA == end.Commit.SHA {
				end.Version = d.Payload.Version
			}
		}
	}
	return end, nil
}

// fleetOf is what runs, or ran, a release: what ECS says of an environment,
// else what the newest deployment of that commit recorded.
func (s *Snapshot) fleetOf(end *ChangeEnd) map[string]ServiceTarget {
	out := map[string]ServiceTarget{}
	if env := s.Environment(end.Environment); env != nil {
		for _, v := range env.Services {
			if len(v.Revisions) > 0 {
				out[v.Key.Service] = ServiceTarget{TaskDefinition: v.Revisions[0].TaskDefinition, Image: v.Revisions[0].Digest(), Desired: v.Desired}
			}
		}
		return out
	}
	for i := range slices.Backward(s.Environments) { // the last stage's record is the one that counts
		list := s.Environments[i].Deployments.Value
		for _, d := range list {
			if d.SHA != end.Commit.SHA || d.Payload.Kind != "deploy" || len(out) > 0 {
				continue
			}
			for name, t := range d.Payload.Services {
				t.TaskDefinition = firstOf(s.Environments[i].definitionOf(name, t.Image), recordedDefinition(list, name, t.Image))
				out[name] = t
			}
		}
	}
	return out
}

// definitionOf is the task definition that runs an image now; empty: none does.
func (e *EnvironmentState) definitionOf(service, image string) string {
	for _, v := range e.Services {
		if v.Key.Service == service && len(v.Revisions) > 0 && v.Revisions[0].Digest() == image {
			return v.Revisions[0].TaskDefinition
		}
	}
	return ""
}

// recordedDefinition is the task definition that ran an image, as a deployment
// after it recorded; empty: none did.
func recordedDefinition(list []Deployment, service, image string) string {
	for _, d := range list {
		if b := d.Payload.Before; b != nil && b.Services[service].Image == image && image != "" {
			return b.Services[service].TaskDefinition
		}
	}
	return ""
}

// compareDefinitions reads both task definitions of a service.
func (e *Engine) compareDefinitions(ctx context.Context, s *Snapshot, c *ServiceDifference) {
	if e.opt.Cloud == nil || c.From.TaskDefinition == "" || c.To.TaskDefinition == "" {
		return
	}
	cluster, found := Cluster{}, false
	for i := range s.Environments {
		for _, v := range s.Environments[i].Services {
			if v.Key.Service == c.Service {
				cluster, found = v.Cluster, true // a task definition belongs to the account, not to a cluster
			}
		}
	}
	if !found {
		return
	}
	from, fromErr := e.opt.Cloud.TaskDefinition(ctx, cluster, c.From.TaskDefinition)
	to, toErr := e.opt.Cloud.TaskDefinition(ctx, cluster, c.To.TaskDefinition)
	if fromErr == nil && toErr == nil {
		c.Definition, _ = definitionDiff(from, to)
		c.Known = true
	}
}

var (
	mergedPull   = regexp.MustCompile(`^Merge pull request #(\d+) from \S+\n+([^\n]+)`)
	squashedPull = regexp.MustCompile(`^(.+?) \(#(\d+)\)$`)
)

// pullRequests finds the pull requests that commits name, as GitHub's merges
// and squashes write them.
func pullRequests(commits []Commit) []PullRequest {
	var out []PullRequest
	add := func(number, title, author string) {
		n, err := strconv.Atoi(number)
		if err == nil && !slices.ContainsFunc(out, func(p PullRequest) bool { return p.Number == n }) {
			out = append(out, PullRequest{n, title, author})
		}
	}
	for _, c := range commits {
		if m := mergedPull.FindStringSubmatch(c.Message); m != nil {
			add(m[1], m[2], c.Author)
		} else if m := squashedPull.FindStringSubmatch(c.Title); m != nil {
			add(m[2], m[1], c.Author)
		}
	}
	return out
}

// Name is the version and the commit of one side.
func (e ChangeEnd) Name() string {
	switch {
	case e.Environment != "" && e.Version != "":
		return fmt.Sprintf("%s (%s, %s)", e.Environment, e.Version, Short(e.Commit.SHA))
	case e.Environment != "":
		return fmt.Sprintf("%s (%s)", e.Environment, Short(e.Commit.SHA))
	case e.Asked == e.Commit.SHA || e.Asked == Short(e.Commit.SHA):
		return Short(e.Commit.SHA)
	}
	return fmt.Sprintf("%s (%s)", e.Asked, Short(e.Commit.SHA))
}
