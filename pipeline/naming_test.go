package pipeline

import (
	"testing"
	"time"
)

// A release goes by the best name that is known of it, under any of its SHAs; a
// version that was only computed from date and commit comes last.
func TestReleasesAreNamed(t *testing.T) {
	const sha, twin = "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334", "f9e8d7c6b5a40718293a4b5c6d7e8f9001122334"
	config := Configuration{Environments: []Environment{
		{Name: "staging", Workflow: "cd-staging.yml"},
		{Name: "production", Workflow: "cd-production.yml", Tags: []string{"v*", "ship-*"}},
	}}
	recorded := func(environment, sha, version string) func(*state) {
		return func(s *state) {
			d := Deployment{SHA: sha, Payload: Payload{Version: version}}
			s.deployments[environment] = Fact[[]Deployment]{Value: []Deployment{d}}
		}
	}
	tags := func(sha string, names ...string) func(*state) {
		return func(s *state) { s.tags.Value = map[string][]string{sha: names} }
	}
	released := func(tag string, draft bool) func(*state) {
		return func(s *state) {
			s.releases.Value = append(s.releases.Value, PublishedRelease{Tag: tag, Target: "main", Draft: draft, URL: "https://github.com/acme/shop/releases/tag/" + tag})
		}
	}
	titled := func(title string) func(*state) {
		return func(s *state) { s.commits[sha] = Commit{SHA: sha, Tree: "one", Title: title} }
	}
	run := func(branch, title string) func(*state) {
		return func(s *state) {
			s.runs.Value.Runs = append(s.runs.Value.Runs, Run{ID: 1, Workflow: "cd-production.yml", SHA: sha, Branch: branch, Title: title})
		}
	}
	dated := recorded("staging", twin, "2026.11.23-f9e8d7c")
	for name, row := range map[string]struct {
		known []func(*state)
		want  string
		url   bool
	}{
		"nothing":                                 {nil, "", false},
		"computed by staging":                     {[]func(*state){dated}, "2026.11.23-f9e8d7c", false},
		"the title of the commit goes before it":  {[]func(*state){dated, titled("Release v1.42.0: fix cart rounding")}, "v1.42.0", false},
		"a conventional title":                    {[]func(*state){titled("chore(release): v1.42.0")}, "v1.42.0", false},
		"a version further on is another's":       {[]func(*state){dated, titled("Revert v1.41.2")}, "2026.11.23-f9e8d7c", false},
		"the name of the run":                     {[]func(*state){dated, run("main", "Deploy v1.42.0 to production [req 1]")}, "v1.42.0", false},
		"the tag that the run is of":              {[]func(*state){run("v1.42.0", "Fix cart rounding")}, "v1.42.0", false},
		"what production recorded":                {[]func(*state){titled("Release v1.42.0"), recorded("production", sha, "v1.42.1")}, "v1.42.1", false},
		"a tag goes before all":                   {[]func(*state){recorded("production", sha, "v1.42.1"), tags(sha, "v1.42.2")}, "v1.42.2", false},
		"a tag of the same tree":                  {[]func(*state){tags(twin, "v1.42.0")}, "v1.42.0", false},
		"moving tags give way":                    {[]func(*state){tags(sha, "v1", "v1.42", "v1.42.0", "latest", "production-was-here")}, "v1.42.0", false},
		"a tag of the environment's own pattern":  {[]func(*state){tags(sha, "ship-42")}, "ship-42", false},
		"a tag that names no release":             {[]func(*state){tags(sha, "latest")}, "", false},
		"one that is published":                   {[]func(*state){tags(sha, "v1.42.0", "v1.42"), released("v1.42", false)}, "v1.42", true},
		"a draft is not published":                {[]func(*state){tags(sha, "v1.42.0"), released("v1.42.0", true)}, "v1.42.0", false},
		"a published name that nobody agreed on":  {[]func(*state){tags(sha, "autumn"), released("autumn", false)}, "autumn", true},
		"a release whose tag is elsewhere is not": {[]func(*state){released("v1.42.0", false)}, "", false},
	} {
		s := newState(Options{})
		s.config.Value = config
		s.commits[sha] = Commit{SHA: sha, Tree: "one", Title: "Fix cart rounding"}
		s.commits[twin] = Commit{SHA: twin, Tree: "one", Title: "Fix cart rounding"}
		run("main", "Fix cart rounding")(&s)
		for _, know := range row.known {
			know(&s)
		}
		snap := derive(&s, time.Now())
		if len(snap.Trains) == 0 {
			t.Fatalf("%s: no train", name)
		}
		train := snap.Trains[0]
		if train.Release.Version != row.want || (train.Published.URL != "") != row.url {
			t.Errorf("%s: %q, published %q; want %q, %v", name, train.Release.Version, train.Published.URL, row.want, row.url)
		}
	}
}
