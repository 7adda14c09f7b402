package environments

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

var shopServices = []string{"users", "orders", "api-gateway"}

// shop is the delivery system that this program's own templates make.
var shop = Facts{
	Repository:    "acme/shop",
	DefaultBranch: "main",
	Branches:      []string{"develop", "main"},
	Environments: []GitHubEnvironment{
		{Name: "production", Reviewers: true, Branches: []string{"main"}, Tags: []string{"v*"}},
		{Name: "production-deploy"},
		{Name: "staging"},
	},
	Workflows: []Workflow{
		{File: "cd-production.yml", Name: "CD production", Environments: []string{"production", "production-deploy"}, Branches: []string{"main"}},
		{File: "cd-staging.yml", Environments: []string{"staging"}, Branches: []string{"develop"}},
		{File: "ci.yml", Name: "CI", Branches: []string{"main", "develop"}},
		{File: "rollback.yml", Name: "Rollback", Environments: []string{"production-deploy"}},
	},
	Clusters: []ECSCluster{
		{Name: "shop-production", Region: "eu-central-1", Services: shopServices},
		{Name: "shop-staging", Region: "eu-central-1", Services: shopServices},
	},
}

func TestInferTheFullSystem(t *testing.T) {
	c := Infer(shop)
	services := []pipeline.Service{{Name: "api-gateway"}, {Name: "orders"}, {Name: "users"}}
	want := []pipeline.Environment{
		{
			Name: "staging", GitHubEnvironment: "staging", DeployEnvironment: "staging",
			Branches: []string{"develop"}, Workflow: "cd-staging.yml",
			Clusters: []pipeline.Cluster{{Name: "shop-staging", Region: "eu-central-1"}}, Services: services,
		},
		{
			Name: "production", GitHubEnvironment: "production", GateEnvironment: "production", DeployEnvironment: "production-deploy",
			After: "staging", Branches: []string{"main"}, Tags: []string{"v*"}, Workflow: "cd-production.yml", Production: true,
			Clusters: []pipeline.Cluster{{Name: "shop-production", Region: "eu-central-1"}}, Services: services,
		},
	}
	if !reflect.DeepEqual(c.Environments, want) {
		t.Errorf("\n got %+v\nwant %+v", c.Environments, want)
	}
	if want := (pipeline.Workflows{CI: "ci.yml", Staging: "cd-staging.yml", Production: "cd-production.yml", Rollback: "rollback.yml"}); c.Workflows != want {
		t.Errorf("workflows: %+v", c.Workflows)
	}
	if !c.Inferred || c.Origin != "inferred" || c.Default != "production" || c.Policy.FourEyes != "warn" {
		t.Errorf("%+v", c)
	}
	for _, note := range []string{
		"production is the gate of production, because it has reviewers; jobs with credentials name production-deploy.",
		"production runs in the ECS cluster shop-production (eu-central-1), because of their names.",
		"rollback.yml is the workflow that rolls back, because of its name.",
		"The order is guessed from the names: staging, then production.",
	} {
		if !slices.Contains(c.Notes, note) {
			t.Errorf("no note says %q; notes:\n%s", note, strings.Join(c.Notes, "\n"))
		}
	}
}

// summary renders what matters of an inferred environment on one line:
// name<after gate/deploy [branches|tags] workflow cluster(services), and an
// exclamation mark for production.
func summary(c pipeline.Configuration) string {
	var lines []string
	for _, e := range c.Environments {
		line := e.Name
		if e.Production {
			line += "!"
		}
		if e.After != "" {
			line += "<" + e.After
		}
		line += fmt.Sprintf(" %s/%s %v|%v", e.GateEnvironment, e.DeployEnvironment, e.Branches, e.Tags)
		if e.Workflow != "" {
			line += " " + e.Workflow
		}
		for _, cluster := range e.Clusters {
			line += " " + cluster.Name
		}
		for _, s := range e.Services {
			line += " " + s.Name + strings.TrimSuffix("="+s.ECSName, "=")
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func githubEnvironments(names ...string) []GitHubEnvironment {
	var environments []GitHubEnvironment
	for _, n := range names {
		plain, reviewed := strings.CutSuffix(n, "*")
		environments = append(environments, GitHubEnvironment{Name: plain, Reviewers: reviewed})
	}
	return environments
}

func TestInfer(t *testing.T) {
	tests := []struct {
		name  string
		facts Facts
		want  string
	}{
		{"nothing", Facts{}, "production! /production []|[]"},
		{"a default branch", Facts{DefaultBranch: "trunk", Branches: []string{"trunk"}}, "production! /production [trunk]|[]"},
		{"branches alone", Facts{DefaultBranch: "main", Branches: []string{"main", "develop"}}, "staging /staging [develop]|[]\nproduction!<staging /production [main]|[]"},
		{"workflow names alone", Facts{DefaultBranch: "main", Workflows: []Workflow{{File: "deploy-prod.yml"}, {File: "deploy-stg.yaml"}, {File: "test.yml"}}}, "staging /staging [main]|[] deploy-stg.yaml\nproduction!<staging /production [main]|[] deploy-prod.yml"},
		{"environments that only jobs name", Facts{DefaultBranch: "main", Workflows: []Workflow{{File: "deploy.yml", Environments: []string{"prod", "qa"}, Tags: []string{"v*"}}}}, "qa /qa []|[v*] deploy.yml\nprod!<qa /prod []|[v*] deploy.yml"},
		{"no AWS", Facts{DefaultBranch: "main", Environments: githubEnvironments("staging", "production*")}, "staging /staging [main]|[]\nproduction!<staging production/production [main]|[]"},
		{"clusters alone", Facts{DefaultBranch: "main", Clusters: []ECSCluster{{Name: "web-prod", Services: []string{"web"}}, {Name: "web-stage"}}}, "staging /staging [main]|[] web-stage\nproduction!<staging /production [main]|[] web-prod web"},
		{"one cluster for all", Facts{Clusters: []ECSCluster{{Name: "apps", Services: []string{"orders-production", "orders-staging", "users-production", "cron"}}}}, "staging /staging []|[] apps orders=orders-staging\nproduction!<staging /production []|[] apps orders=orders-production users=users-production"},
		{"one environment and one cluster", Facts{Environments: githubEnvironments("aws"), Clusters: []ECSCluster{{Name: "default", Services: []string{"web"}}}}, "aws! /aws []|[] default web"},
		{"a cluster of somebody else", Facts{Environments: githubEnvironments("staging", "production"), Clusters: []ECSCluster{{Name: "billing"}}}, "staging /staging []|[]\nproduction!<staging /production []|[]"},
		{"the repository's cluster first", Facts{Repository: "acme/shop", Environments: githubEnvironments("production"), Clusters: []ECSCluster{{Name: "billing-production", Services: []string{"a", "b"}}, {Name: "shop-production", Services: []string{"c"}}}}, "production! /production []|[] shop-production c"},
		{"services with the cluster's name", Facts{Environments: githubEnvironments("production"), Clusters: []ECSCluster{{Name: "shop-prod", Services: []string{"shop-prod-orders", "prod-users", "live"}}}}, "production! /production []|[] shop-prod live orders=shop-prod-orders users=prod-users"},
		{"services that would fall together", Facts{Environments: githubEnvironments("production"), Clusters: []ECSCluster{{Name: "shop-prod", Services: []string{"orders", "orders-prod"}}}}, "production! /production []|[] shop-prod orders orders-prod"},
		{"a gate beside", Facts{Environments: githubEnvironments("production", "production-approval*", "production-deploy")}, "production! production-approval/production-deploy []|[]"},
		{"reviewers tell production", Facts{Environments: githubEnvironments("blue*", "green", "dev")}, "dev /dev []|[]\ngreen<dev /green []|[]\nblue!<green blue/blue []|[]"},
		{"nothing tells production", Facts{Environments: githubEnvironments("alpha", "beta")}, "alpha /alpha []|[]\nbeta!<alpha /beta []|[]"},
		{"two productions", Facts{Environments: githubEnvironments("staging", "production-us*", "production-eu*"), Clusters: []ECSCluster{{Name: "shop-production-us"}, {Name: "shop-production-eu"}}}, "staging /staging []|[]\nproduction-eu!<staging production-eu/production-eu []|[] shop-production-eu\nproduction-us!<staging production-us/production-us []|[] shop-production-us"},
		{"pre-production is none", Facts{Environments: githubEnvironments("pre-production", "non-prod", "Production")}, "non-prod /non-prod []|[]\npre-production<non-prod /pre-production []|[]\nProduction!<pre-production /Production []|[]"},
		{"another stage's cluster", Facts{Environments: githubEnvironments("staging", "uat", "prod"), Clusters: []ECSCluster{{Name: "staging"}, {Name: "prod"}}}, "staging /staging []|[] staging\nuat<staging /uat []|[]\nprod!<uat /prod []|[] prod"},
		{"GitHub's own environments", Facts{Environments: githubEnvironments("github-pages", "copilot", "live")}, "live! /live []|[]"},
		{"a rollback names production too", Facts{Environments: githubEnvironments("production"), Workflows: []Workflow{{File: "a-rollback-production.yml", Environments: []string{"production"}}, {File: "release.yml", Environments: []string{"Production"}}}}, "production! /production []|[] release.yml"},
		{"patterns that no file can hold", Facts{Environments: []GitHubEnvironment{{Name: "production", Branches: []string{"a b", "main", "main"}}}}, "production! /production [main]|[]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := Infer(test.facts)
			if got := summary(c); got != test.want {
				t.Errorf("\n got %s\nwant %s\nnotes:\n%s", got, test.want, strings.Join(c.Notes, "\n"))
			}
			checkInferred(t, c)
		})
	}
}

// checkInferred fails unless the configuration can be written down and read.
func checkInferred(t *testing.T, c pipeline.Configuration) {
	t.Helper()
	content, err := Marshal(c)
	if err != nil {
		t.Fatalf("%v\n%+v", err, c)
	}
	back, err := Parse("inferred", content)
	if err != nil {
		t.Fatal(err)
	}
	back.Inferred, back.Problems, back.Notes = true, nil, c.Notes
	back.Workflows.Staging, back.Workflows.Production = c.Workflows.Staging, c.Workflows.Production
	if !reflect.DeepEqual(back, c) {
		t.Fatalf("written and read back:\n got %+v\nwant %+v\n%s", back, c, content)
	}
}

// Whatever GitHub and AWS hold, what is inferred is a good configuration with
// exactly one first stage or more, and production among them.
func TestInferAlwaysValid(t *testing.T) {
	if raceDetector {
		t.Skip("one goroutine computes, which is slow under the race detector")
	}
	for seed := range uint64(300) {
		c := Infer(randomFacts(dice{rand.New(rand.NewPCG(seed, 2))}))
		checkInferred(t, c)
		if !slices.ContainsFunc(c.Environments, func(e pipeline.Environment) bool { return e.Production }) {
			t.Fatalf("seed %d: no production: %s", seed, summary(c))
		}
		if !reflect.DeepEqual(inPromotionOrder(c.Environments), c.Environments) {
			t.Fatalf("seed %d: not in promotion order: %s", seed, summary(c))
		}
	}
}

func randomFacts(d dice) Facts {
	word := func() string {
		return d.pick("production", "prod", "staging", "stage", "dev", "qa", "shop", "blue", "eu", "1.10", "pre-production", "a;b", "") +
			d.pick("", "", "-deploy", "-approval", "-eu", "/x", "-prod", "-staging")
	}
	several := func(most int) []string {
		var list []string
		for range d.IntN(most + 1) {
			list = append(list, word())
		}
		return list
	}
	facts := Facts{Repository: d.pick("", "acme/shop", "acme"), DefaultBranch: d.pick("", "main", "staging"), Branches: several(3)}
	for _, n := range several(5) {
		facts.Environments = append(facts.Environments, GitHubEnvironment{Name: n, Reviewers: d.once(3), Branches: several(2), Tags: several(1)})
	}
	for range d.IntN(4) {
		facts.Workflows = append(facts.Workflows, Workflow{File: word() + d.pick(".yml", ".yaml", ""), Name: word(), Environments: several(2), Branches: several(1)})
	}
	for range d.IntN(4) {
		facts.Clusters = append(facts.Clusters, ECSCluster{Name: word(), Region: d.pick("", "eu-central-1"), Services: several(5)})
	}
	return facts
}

func TestReadWorkflow(t *testing.T) {
	tests := []struct {
		name, content string
		want          Workflow
	}{
		{"everything", `name: CD production
on:
  push: {branches: [main], tags: "v*"}
  workflow_dispatch:
jobs:
  gate: {environment: production}
  deploy:
    environment: {name: production-deploy, url: https://example.com}
  again: {environment: production}
  computed: {environment: "${{ inputs.environment }}"}
  plain: {runs-on: x}
`, Workflow{Name: "CD production", Environments: []string{"production", "production-deploy"}, Branches: []string{"main"}, Tags: []string{"v*"}}},
		{"an alias", "jobs:\n  a: &a {environment: staging}\n  b: *a\n", Workflow{Environments: []string{"staging"}}},
		{"another shape", "on: push\njobs: [1]\nname: {a: b}\n", Workflow{}},
		{"jobs of another shape", "jobs: {a: 1, b: [x], c: {environment: {url: x}}, d: {environment: ~}}\n", Workflow{}},
		{"no YAML", "a: [", Workflow{}},
		{"empty", "", Workflow{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.want.File = "cd.yml"
			if got := ReadWorkflow(".github/workflows/cd.yml", []byte(test.content)); !reflect.DeepEqual(got, test.want) {
				t.Errorf("\n got %+v\nwant %+v", got, test.want)
			}
		})
	}
}
