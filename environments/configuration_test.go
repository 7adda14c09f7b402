package environments

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func TestParseTheFullFile(t *testing.T) {
	c := parseFile(t, "example.yml")
	if len(c.Problems) != 0 {
		t.Errorf("a good file has problems: %v", c.Problems)
	}
	if c.Default != "production" || c.Origin != "example.yml" || c.Inferred {
		t.Errorf("default %q, origin %q, inferred %v", c.Default, c.Origin, c.Inferred)
	}
	wantWorkflows := pipeline.Workflows{CI: "ci.yml", Staging: "cd-staging.yml", Production: "cd-production.yml", Rollback: "rollback.yml"}
	if c.Workflows != wantWorkflows {
		t.Errorf("workflows: %+v", c.Workflows)
	}
	wantPolicy := pipeline.Policy{
		FourEyes: "warn", Metrics: "rollout", MaxApprovalAge: 24 * time.Hour, MaxHold: 72 * time.Hour, RecordCopy: "require",
		Freezes: []pipeline.FreezeWindow{{
			From:   time.Date(2026, 12, 23, 0, 0, 0, 0, time.UTC),
			Until:  time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC),
			Reason: "Christmas",
		}},
	}
	if !reflect.DeepEqual(c.Policy, wantPolicy) {
		t.Errorf("policy: %+v", c.Policy)
	}
	if len(c.Environments) != 2 {
		t.Fatalf("%d environments", len(c.Environments))
	}
	production := c.Environments[1]
	orders := production.Services[3]
	production.Services = nil
	wantProduction := pipeline.Environment{
		Name: "production", GitHubEnvironment: "production", GateEnvironment: "production", DeployEnvironment: "production-deploy",
		After: "staging", Branches: []string{"main"}, Tags: []string{"v*"}, Workflow: "cd-production.yml", Production: true,
		Clusters: []pipeline.Cluster{{Name: "shop-production", Region: "eu-central-1", Role: "arn:aws:iam::123456789012:role/release-console"}},
		Database: pipeline.Database{Instance: "shop-production", MigrationService: "orders", MigrationCommand: []string{"python", "manage.py", "migrate", "--noinput"}},
		EnvFile:  "ci-cd/environments/production.env",
	}
	if !reflect.DeepEqual(production, wantProduction) {
		t.Errorf("production:\n got %+v\nwant %+v", production, wantProduction)
	}
	wantOrders := pipeline.Service{
		Name:       "orders",
		HealthURL:  "https://orders.example.com/health",
		VersionURL: "https://orders.example.com/version",
		Alarms:     []string{"orders-*"},
	}
	if !reflect.DeepEqual(orders, wantOrders) {
		t.Errorf("orders: %+v", orders)
	}
	if staging := c.Environments[0]; staging.Soak != 10*time.Minute || staging.Terraform != "infrastructure" || !reflect.DeepEqual(staging.Services[0].SmokePaths, []string{"/health", "/ready"}) {
		t.Errorf("staging: soak %v, Terraform in %q, smoke %q", staging.Soak, staging.Terraform, staging.Services[0].SmokePaths)
	}
}

func parseFile(t *testing.T, name string) pipeline.Configuration {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(name, content)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What a key that is left out means.
func TestParseDefaults(t *testing.T) {
	c, err := Parse("f", []byte("version: 1\nenvironments:\n- {name: live, cluster: shop, production: true}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := pipeline.Configuration{
		Environments: []pipeline.Environment{{
			Name: "live", GitHubEnvironment: "live", DeployEnvironment: "live", Production: true,
			Clusters: []pipeline.Cluster{{Name: "shop"}},
		}},
		Policy:  pipeline.Policy{FourEyes: "warn", Metrics: "rollout", MaxApprovalAge: 24 * time.Hour},
		Default: "live",
		Origin:  "f",
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

// Each way to write a service, a cluster and an address.
func TestParseAlternatives(t *testing.T) {
	c, err := Parse("f", []byte(`version: 1
workflows: {production: release.yml}
environments:
  - name: production
    production: true
    after: test
    aws: {region: eu-central-1, role: arn:aws:iam::123456789012:role/reader}
    clusters: [shop, {name: arn:aws:ecs:us-east-1:123456789012:cluster/edge, role: arn:aws:iam::123456789012:role/edge}]
    health: {url: "https://{service}.example.com/health", smoke: [/ready]}
    services:
      - api
      - name: admin
        ecs_name: shop-admin
        cluster: arn:aws:ecs:us-east-1:123456789012:cluster/edge
        log_groups: [/ecs/admin]
        health_url: ""
        version_url: https://admin.example.com/version
        smoke_paths: []
        alarms: [admin-*]
  - {name: test, cluster: test, soak: 1h30m}
policy: {freezes: [{from: 2026-12-23, reason: "no end yet"}]}
repositories: {admin: acme/admin}
`))
	if err != nil || len(c.Problems) > 0 {
		t.Fatal(err, c.Problems)
	}
	if c.Environments[0].Name != "test" || c.Environments[1].Name != "production" {
		t.Fatalf("not in promotion order: %s, %s", c.Environments[0].Name, c.Environments[1].Name)
	}
	production := c.Environments[1]
	const edge = "arn:aws:ecs:us-east-1:123456789012:cluster/edge"
	for what, pair := range map[string][2]any{
		"clusters": {production.Clusters, []pipeline.Cluster{
			{Name: "shop", Region: "eu-central-1", Role: "arn:aws:iam::123456789012:role/reader"},
			{Name: edge, Region: "us-east-1", Role: "arn:aws:iam::123456789012:role/edge"},
		}},
		"services": {production.Services, []pipeline.Service{
			{Name: "api", HealthURL: "https://api.example.com/health", SmokePaths: []string{"/ready"}},
			{Name: "admin", ECSName: "shop-admin", Cluster: edge, LogGroups: []string{"/ecs/admin"}, VersionURL: "https://admin.example.com/version", Alarms: []string{"admin-*"}},
		}},
		"workflow":     {production.Workflow, "release.yml"},
		"soak":         {c.Environments[0].Soak, 90 * time.Minute},
		"repositories": {c.Repositories, map[string]string{"admin": "acme/admin"}},
		"freezes":      {c.Policy.Freezes, []pipeline.FreezeWindow{{From: time.Date(2026, 12, 23, 0, 0, 0, 0, time.UTC), Reason: "no end yet"}}},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s:\n got %+v\nwant %+v", what, pair[0], pair[1])
		}
	}
}

// The error alone is enough to find the first mistake.
func TestInvalidErrorIsOneSentence(t *testing.T) {
	_, err := Parse("deployctl.yml", []byte("version: 1\nenvironments:\n  - name: a\n    soak: 5\n    tag: [x]\n    stage: x\n"))
	const want = `deployctl.yml:4:11: environments[0].soak: "5" has no unit; write 5s for seconds or 5m for minutes (and 2 more mistakes)`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	var invalid *InvalidError
	if !errors.As(err, &invalid) || len(invalid.Problems) != 3 || invalid.Name != "deployctl.yml" {
		t.Errorf("not an InvalidError of three problems: %#v", err)
	}
}

// Beside its mistakes a file gives what could be understood, so that the
// console can show something.
func TestParseKeepsWhatItUnderstood(t *testing.T) {
	c, err := Parse("f", []byte("version: 1\nenvironments:\n  - {name: production, cluster: shop, soak: soon}\n"))
	if err == nil {
		t.Fatal("no error for a wrong duration")
	}
	if e, ok := c.Environment("production"); !ok || len(e.Clusters) != 1 {
		t.Errorf("the environment was dropped: %+v", c)
	}
}

func TestParseReportsAtMostAHundred(t *testing.T) {
	var file strings.Builder
	file.WriteString("version: 1\nenvironments:\n")
	for range mostEnvironments {
		file.WriteString("  - {soak: x}\n")
	}
	c, err := Parse("f", []byte(file.String()))
	if err == nil || len(c.Problems) != maxProblems {
		t.Errorf("%d problems: %v", len(c.Problems), err)
	}
}

// A megabyte of anything is read or refused at once, with sentences that fit a
// screen. Were one of them quadratic, this test would not end.
func TestParseLargeFiles(t *testing.T) {
	if raceDetector {
		t.Skip("one goroutine reads megabytes, which is slow under the race detector")
	}
	for name, content := range map[string]string{
		"brackets":     strings.Repeat("[", MaxSize),
		"nesting":      strings.Repeat("{a: ", MaxSize/4),
		"unknown keys": numbered("key%d: 1\n"),
		"environments": "version: 1\nenvironments:\n" + numbered("- {name: e%d, after: e%[1]d0}\n"),
		"services":     "version: 1\nenvironments:\n- name: a\n  services:\n" + numbered("  - s%d\n"),
		"a chain":      "version: 1\nenvironments:\n" + numbered("- {name: e%d, after: e%[2]d}\n"),
		"no YAML":      numbered("key%d: [\n"),
		"one key":      strings.Repeat("k", MaxSize-10) + ": 1\n",
		"one value":    "version: " + strings.Repeat("v", MaxSize-10),
		"one comment":  strings.Repeat("#", MaxSize),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse("f", []byte(content))
			if err == nil {
				t.Error("accepted")
			}
			for _, p := range c.Problems {
				if len(p.Sentence) > 8*longestValue || len(p.Key) > longestValue {
					t.Fatalf("a sentence of %d bytes for a key of %d", len(p.Sentence), len(p.Key))
				}
			}
		})
	}
}

// numbered repeats a line with 1 and 0, 2 and 1, and so on, for nearly a
// megabyte.
func numbered(line string) string {
	var all strings.Builder
	for i := 1; all.Len() < MaxSize-100; i++ {
		if strings.Contains(line, "[2]") {
			fmt.Fprintf(&all, line, i, i-1)
		} else {
			fmt.Fprintf(&all, line, i)
		}
	}
	return all.String()
}
