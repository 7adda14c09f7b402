package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Finding is the answer of one check of one service, as it is now.
type Finding struct {
	Service  string // empty: of the environment as a whole
	Check    string // targets, tasks, image, health, version, and those of smoke
	Verdict  pipeline.Verdict
	Sentence string
	URL      string        // what was asked; empty: no page was
	Status   int           // HTTP status; 0: there was no answer
	Took     time.Duration // until the answer was read whole
}

// good reports whether nothing is wrong.
func (f Finding) good() bool {
	return f.Verdict == pipeline.Pass || f.Verdict == pipeline.NotApplicable
}

// line is the finding as one line of a log.
func (f Finding) line() string {
	mark := map[pipeline.Verdict]string{pipeline.Pass: "ok", pipeline.Fail: "FAIL", pipeline.Pending: "wait", pipeline.NotApplicable: "n/a"}[f.Verdict]
	return fmt.Sprintf("%-4s %-14s %-10s %s", firstOf(mark, "?"), firstOf(f.Service, "all"), f.Check, f.Sentence)
}

// expected is what an environment should run.
type expected struct {
	version string
	images  map[string]string // digest by service
	from    string            // what says so
}

// expectation is what the run's deployment sets; without a run, what the newest
// deployment that was carried out did. Zero: nothing is recorded.
func (s *Suite) expectation(ctx context.Context, env pipeline.Environment) (expected, pipeline.Deployment, error) {
	list, err := s.deployments(ctx, env)
	if err != nil {
		return expected{}, pipeline.Deployment{}, err
	}
	for _, d := range list {
		if s.Run.ID != 0 && !s.mine(d.Payload) || s.Run.ID == 0 && d.State() != "success" {
			continue
		}
		e := expected{version: d.Payload.Version, images: map[string]string{}, from: fmt.Sprintf("deployment %d", d.ID)}
		for name, t := range d.Payload.Services {
			e.images[name] = t.Image
		}
		return e, d, nil
	}
	return expected{}, pipeline.Deployment{}, nil
}

// Examine looks once at every service of an environment: its tasks, targets,
// images and health. It changes nothing. What cannot be read is Unknown.
func (s *Suite) Examine(ctx context.Context, environment string) ([]Finding, error) {
	env, err := s.environment(environment)
	if err != nil {
		return nil, err
	}
	want, _, err := s.expectation(ctx, env)
	if err != nil {
		return nil, err
	}
	return s.examine(ctx, env, want)
}

// probesAtOnce is how many services are asked in parallel.
const probesAtOnce = 6

func (s *Suite) examine(ctx context.Context, env pipeline.Environment, want expected) ([]Finding, error) {
	fleet, err := s.fleet(ctx, env)
	if err != nil {
		return nil, err
	}
	found := make([][]Finding, len(fleet))
	versions := make([]string, len(fleet))
	g, asking := errgroup.WithContext(ctx)
	g.SetLimit(probesAtOnce)
	for i, r := range fleet {
		g.Go(func() error {
			found[i], versions[i] = s.examineService(asking, r, want)
			return nil // what cannot be read is a finding
		})
	}
	_ = g.Wait() // none returns an error
	var out []Finding
	for _, list := range found {
		out = append(out, list...)
	}
	return append(out, agreement(fleet, versions, s.Configuration.Repositories)...), ctx.Err()
}

func (s *Suite) examineService(ctx context.Context, r running, want expected) (found []Finding, version string) {
	found = append([]Finding{tasksOf(r), imageOf(r, want)}, s.health(ctx, r)...)
	if url := r.service.VersionURL; url != "" {
		a := s.ask(ctx, url)
		version = versionIn(a.body)
		found = append(found, versionOf(r, a, version, want))
	}
	return found, version
}

// tasksOf judges whether as many tasks run as should, all of one revision.
func tasksOf(r running) Finding {
	f := Finding{Service: r.service.Name, Check: "tasks", Verdict: pipeline.Pass, Sentence: fmt.Sprintf("%d of %d run", r.Running, r.Desired)}
	holding := 0
	for _, revision := range r.Revisions {
		if revision.Running > 0 {
			holding++
		}
	}
	switch {
	case r.Running < r.Desired:
		f.Verdict = pipeline.Fail
	case holding > 1:
		f.Verdict = pipeline.Pending
		f.Sentence += fmt.Sprintf(", of %d revisions", holding)
	}
	return f
}

// imageOf judges whether ECS runs the image that the deployment names.
func imageOf(r running, want expected) Finding {
	digest := r.image().Digest
	f := Finding{Service: r.service.Name, Check: "image", Verdict: pipeline.Pass, Sentence: shortDigest(digest) + " as " + want.from + " says"}
	wanted := want.images[r.service.Name]
	switch {
	case digest == "":
		f.Verdict, f.Sentence = pipeline.Unknown, "what it runs cannot be read"
	case wanted == "":
		f.Verdict, f.Sentence = pipeline.NotApplicable, shortDigest(digest)+"; no deployment says what it should be"
	case wanted != digest:
		f.Verdict, f.Sentence = pipeline.Fail, fmt.Sprintf("runs %s, and %s says %s", shortDigest(digest), want.from, shortDigest(wanted))
	}
	return f
}

// targetsOf judges what the load balancer thinks.
func (s *Suite) targetsOf(ctx context.Context, r running) Finding {
	f := Finding{Service: r.service.Name, Check: "targets", Verdict: pipeline.Pass}
	targets, err := s.Cloud.Targets(pipeline.Uncached(ctx), r.Cluster, r.TargetGroups)
	if err != nil {
		f.Verdict, f.Sentence = pipeline.Unknown, err.Error()
		return f
	}
	healthy := 0
	for _, t := range targets {
		switch t.State {
		case "healthy":
			healthy++
		case "unhealthy":
			f.Verdict, f.Sentence = pipeline.Fail, fmt.Sprintf("target %s is unhealthy: %s", t.ID, firstOf(t.Description, t.Reason))
		case "initial":
			if f.Verdict == pipeline.Pass {
				f.Verdict, f.Sentence = pipeline.Pending, "target "+t.ID+" registers"
			}
		}
	}
	switch {
	case f.Sentence != "":
	case healthy == 0 && r.Desired > 0:
		f.Verdict, f.Sentence = pipeline.Fail, "no target is healthy"
	default:
		f.Sentence = fmt.Sprintf("%d healthy", healthy)
	}
	return f
}

// versionOf judges the version that a service says it is.
func versionOf(r running, a answer, version string, want expected) Finding {
	f := a.finding(r.service.Name, "version")
	switch {
	case f.Verdict != pipeline.Pass:
	case version == "":
		f.Verdict, f.Sentence = pipeline.Unknown, "the answer names no version"
	case want.version != "" && want.images[r.service.Name] != "" && version != want.version:
		f.Verdict, f.Sentence = pipeline.Fail, fmt.Sprintf("says %s, and %s is %s", version, want.from, want.version)
	default:
		f.Sentence = version
	}
	return f
}

// versionIn takes the version out of an answer: the key version of a JSON
// object, else a short text that is nothing else.
func versionIn(body []byte) string {
	var document struct {
		Version string `json:"version"`
	}
	if json.Unmarshal(body, &document) == nil {
		return document.Version
	}
	if text := strings.TrimSpace(string(body)); len(text) <= 64 && !strings.ContainsAny(text, " \n<{[") {
		return text
	}
	return ""
}

// agreement judges whether all services say the same version. One that is built
// from another repository has versions of its own.
func agreement(fleet []running, versions []string, elsewhere map[string]string) []Finding {
	seen := map[string][]string{}
	total := 0
	for i, r := range fleet {
		if versions[i] != "" && elsewhere[r.service.Name] == "" {
			seen[versions[i]] = append(seen[versions[i]], r.service.Name)
			total++
		}
	}
	f := Finding{Check: "versions", Verdict: pipeline.Pass}
	switch {
	case total < 2:
		return nil
	case len(seen) == 1:
		for version := range seen {
			f.Sentence = fmt.Sprintf("all %d services say %s", total, version)
		}
	default:
		var parts []string
		for _, version := range sorted(seen) {
			parts = append(parts, version+" on "+strings.Join(seen[version], ", "))
		}
		f.Verdict, f.Sentence = pipeline.Fail, strings.Join(parts, "; ")
	}
	return []Finding{f}
}

// Look makes every check of Verify and Smoke once. It changes nothing.
func (s *Suite) Look(ctx context.Context, environment string) ([]Finding, error) {
	env, err := s.environment(environment)
	if err != nil {
		return nil, err
	}
	found, err := s.Examine(ctx, environment)
	if err != nil {
		return nil, err
	}
	for _, f := range s.smoke(ctx, env) {
		if f.Check != "health" { // asked already
			found = append(found, f)
		}
	}
	order := func(f Finding) int {
		if i := slices.IndexFunc(env.Services, func(service pipeline.Service) bool { return service.Name == f.Service }); i >= 0 {
			return i
		}
		return len(env.Services)
	}
	slices.SortStableFunc(found, func(a, b Finding) int { return order(a) - order(b) })
	return found, ctx.Err()
}
