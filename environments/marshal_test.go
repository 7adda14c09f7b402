package environments

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/exp/golden"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// What Marshal writes is what a team would write: update with -update.
func TestMarshalGolden(t *testing.T) {
	c := parseFile(t, "example.yml")
	c.Notes = []string{"production is production, because its name says so."}
	c.Repositories["orders"] = "acme/orders"
	content, err := Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	golden.RequireEqual(t, content)
}

// A written configuration reads back to the same, whatever it holds.
func TestMarshalRoundTrip(t *testing.T) {
	if raceDetector {
		t.Skip("one goroutine computes, which is slow under the race detector")
	}
	for seed := range uint64(200) {
		want := randomConfiguration(rand.New(rand.NewPCG(seed, 1)))
		content, err := Marshal(want)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, err := Parse("", content)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, content)
		}
		got.Problems, got.Notes = nil, want.Notes
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d:\n got %+v\nwant %+v\n%s", seed, got, want, content)
		}
	}
}

// What a file cannot hold is refused, not written to be refused later.
func TestMarshalRefuses(t *testing.T) {
	for name, c := range map[string]pipeline.Configuration{
		"nothing":      {},
		"a bad region": {Environments: []pipeline.Environment{{Name: "a", Clusters: []pipeline.Cluster{{Name: "b", Region: "moon"}}}}},
		"a bad branch": {Environments: []pipeline.Environment{{Name: "a", Branches: []string{"x y"}}}},
	} {
		if content, err := Marshal(c); err == nil {
			t.Errorf("%s is written:\n%s", name, content)
		}
	}
}

// Notes come from names that anybody may have chosen.
func TestMarshalNotesStayComments(t *testing.T) {
	c := parseFile(t, "example.yml")
	c.Notes = []string{"a\nversion: 2", strings.Repeat("long ", 100), "", "\x1b[31m"}
	content, err := Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(content), "\x1b") {
		t.Errorf("an escape is written:\n%q", content)
	}
}

// dice makes configurations that a file can mean.
type dice struct{ *rand.Rand }

func (d dice) once(in int) bool { return d.IntN(in) == 0 }

func (d dice) pick(words ...string) string { return words[d.IntN(len(words))] }

func (d dice) some(words ...string) []string {
	var chosen []string
	for _, w := range words {
		if d.once(2) {
			chosen = append(chosen, w)
		}
	}
	return chosen
}

func randomConfiguration(r *rand.Rand) pipeline.Configuration {
	d := dice{r}
	c := pipeline.Configuration{Policy: pipeline.Policy{
		FourEyes:        d.pick(fourEyesChoices...),
		Metrics:         d.pick(metricsChoices...),
		DirectAWSWrites: d.once(2),
		MaxApprovalAge:  time.Duration(1+d.IntN(1e6)) * time.Second,
		Hotfix:          d.some("alice", "bob"),
		MaxHold:         time.Duration(d.IntN(3)) * time.Hour,
		RecordCopy:      d.pick("", "require", "warn"),
	}}
	before := ""
	for i := range 1 + d.IntN(4) {
		c.Environments = append(c.Environments, d.environment(i, before))
		if d.once(2) {
			before = c.Environments[i].Name
		}
	}
	c.Default = c.Environments[d.IntN(len(c.Environments))].Name
	for i := range d.IntN(3) {
		from := time.Unix(d.Int64N(4e9), d.Int64N(1e9)).UTC()
		f := pipeline.FreezeWindow{From: from, Reason: d.pick("Christmas", "no: reason", "'#'", "on", "ünï")}
		if i > 0 {
			f.Until = from.Add(time.Duration(1 + d.Int64N(1e15)))
		}
		c.Policy.Freezes = append(c.Policy.Freezes, f)
	}
	for _, e := range c.Environments {
		for _, s := range e.Services {
			if d.once(3) {
				if c.Repositories == nil {
					c.Repositories = map[string]string{}
				}
				c.Repositories[s.Name] = "acme/" + s.Name
			}
		}
	}
	c.Workflows = pipeline.Workflows{CI: d.pick("", "ci.yml"), Rollback: d.pick("", "roll back.yaml")}
	return c
}

func (d dice) environment(i int, before string) pipeline.Environment {
	name := d.pick("stage", "true", "12", "pro duction", "ümlaut", "a:b", "#x", "*", "on") + fmt.Sprint(i)
	e := pipeline.Environment{
		Name: name, GitHubEnvironment: "github " + name, DeployEnvironment: "github " + name,
		After:      before,
		Branches:   d.some("main", "release/*", "1.10", "v[0-9]*", "true"),
		Tags:       d.some("v*", "2026"),
		Workflow:   d.pick("", "cd.yml", "on.yaml"),
		Soak:       time.Duration(d.IntN(3)) * time.Duration(d.IntN(1e12)),
		Terraform:  d.pick("", "infrastructure", "deploy/terraform_v1"),
		EnvFile:    d.pick("", "settings.env"),
		Production: d.once(2),
	}
	if d.once(2) {
		e.GateEnvironment, e.DeployEnvironment = "gate "+name, "deploy "+name
	}
	for n := range d.IntN(3) {
		e.Clusters = append(e.Clusters, pipeline.Cluster{
			Name:    d.pick("123", "shop-", "no") + fmt.Sprint(n),
			Region:  d.pick("", "eu-central-1", "us-gov-west-1"),
			Profile: d.pick("", "my profile", "0"),
			Role:    d.pick("", "arn:aws:iam::123456789012:role/path/reader"),
		})
	}
	template := d.pick("", "https://%s.example.com/health", "http://example.com/%s?x={}", "https://same.example.com/")
	for n := range d.IntN(5) {
		e.Services = append(e.Services, d.service(n, template, e.Clusters))
	}
	if len(e.Services) > 0 && d.once(2) {
		e.Database = pipeline.Database{
			Instance:         d.pick("", "db-1"),
			MigrationService: e.Services[0].Name,
			MigrationCommand: d.some("python", "manage.py", "--noinput", "12", "a b"),
		}
	}
	return e
}

func (d dice) service(n int, template string, clusters []pipeline.Cluster) pipeline.Service {
	s := pipeline.Service{
		Name:      d.pick("http", "e", "example", "12", "orders", "no") + d.pick("", "-api") + fmt.Sprint(n),
		ECSName:   d.pick("", "shop-orders"),
		LogGroups: d.some("/ecs/x", "123"),
		Alarms:    d.some("orders-*", "no"),
	}
	if len(clusters) > 0 && d.once(3) {
		s.Cluster = clusters[d.IntN(len(clusters))].Name
	}
	if d.once(5) {
		template = "https://other.example.com"
	}
	if !d.once(5) && !strings.Contains(template, "{}") {
		s.HealthURL = strings.ReplaceAll(template, "%s", s.Name)
		s.VersionURL = strings.ReplaceAll(template, "%s", "v")
	}
	if d.once(2) {
		s.SmokePaths = []string{"/ready"}
	}
	return s
}
