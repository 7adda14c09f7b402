package aws

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// fleet are the clusters of the scenario, with the services that ECS lists.
func fleet(t *testing.T, c *Cloud) map[pipeline.Cluster][]string {
	t.Helper()
	all := map[pipeline.Cluster][]string{}
	for _, cluster := range []pipeline.Cluster{
		{Name: "shop-production"},
		{Name: "billing"},
		{Name: "fulfilment"},
		{Name: "identity"},
		{Name: "inventory"},
		{Name: "logistics"},
		{Name: "marketing"},
		{Name: "merchants"},
		{Name: "pricing"},
		{Name: "search"},
	} {
		if len(all) > 4 {
			cluster.Region, cluster.Role = "ca-central-1", "arn:aws:iam::210987654321:role/deployctl-read"
		}
		names, err := c.ServiceNames(t.Context(), cluster)
		if err != nil {
			t.Fatal(err)
		}
		all[cluster] = names
	}
	return all
}

// readFleet reads every service, and says how many lack their release.
func readFleet(t *testing.T, c *Cloud, all map[pipeline.Cluster][]string) (services, unread int) {
	t.Helper()
	for cluster, names := range all {
		states, err := c.Services(t.Context(), cluster, names)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range states {
			services++
			if s.Unread {
				unread++
				continue
			}
			account := "123456789012"
			if cluster.Role != "" {
				account = "210987654321"
			}
			if s.Status != "ACTIVE" || s.Desired < 2 || !strings.Contains(s.ARN, account) || len(s.Revisions) == 0 || s.Revisions[0].SHA == "" || len(s.LogGroups) == 0 {
				t.Fatalf("%s: %+v", cluster.Name, s)
			}
		}
	}
	return services, unread
}

// Hundreds of services of two accounts have rows at once; which release they
// run follows as fast as AWS describes task definitions, and the next start
// knows it already, without having kept anything secret.
func TestFleetIsRead(t *testing.T) {
	dir := t.TempDir()
	inSandbox(t, sandbox.Options{Scenario: "scale", Seed: 1, Young: true}, func(t *testing.T, c *Cloud, world *sandbox.Sandbox) {
		c.kept = newDefinitionCache(dir)
		all := fleet(t, c)
		services, unread := readFleet(t, c, all)
		if least := services - 2*definitionBurst; services != 500 || unread < least || unread > least+6 { // six services take two each
			t.Errorf("%d services, of %d the release is not known at first, want %d or a few more", services, unread, least)
		}
		readings := 1
		for ; unread > 0 && readings < 20; readings++ {
			time.Sleep(3 * time.Second)
			_, unread = readFleet(t, c, all)
		}
		if unread > 0 || readings > 7 {
			t.Errorf("after %d readings %d releases are unknown", readings, unread)
		}
		const definitions = 500 + 6 // and what the shop's services ran before
		if n := world.Counts().AWS["DescribeTaskDefinition"]; n != definitions {
			t.Errorf("%d task definitions were read, want each of %d once", n, definitions)
		}
		again, err := New(t.Context(), Options{Region: "eu-central-1", DialContext: world.DialContext, CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if services, unread := readFleet(t, again, all); services != 500 || unread != 0 {
			t.Errorf("the next start knows %d services, lacks the release of %d", services, unread)
		}
		if n := world.Counts().AWS["DescribeTaskDefinition"]; n != definitions {
			t.Errorf("the next start read %d task definitions", n-definitions)
		}
	})
	content, err := os.ReadFile(filepath.Join(dir, definitionCacheName))
	if err != nil || strings.Count(string(content), "\n") != 506 || strings.Contains(string(content), "ENVIRONMENT") {
		t.Errorf("kept %d lines, %v", strings.Count(string(content), "\n"), err)
	}
}

// What is kept survives a torn line, and a value that may be secret is not in it.
func TestDefinitionCache(t *testing.T) {
	dir := t.TempDir()
	d := pipeline.TaskDefinition{
		ARN: "arn:aws:ecs:eu-central-1:123456789012:task-definition/orders:7", Status: "ACTIVE", Tags: map[string]string{"deployctl:version": "v1", "owner": "me"},
		Containers: []pipeline.ContainerDefinition{{Name: "app", Environment: map[string]string{"GIT_SHA": "abc", "PASSWORD": "hunter2"}, Secrets: map[string]string{"KEY": "arn"}}},
	}
	newDefinitionCache(dir).put(d)
	path := filepath.Join(dir, definitionCacheName)
	content, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(content), "hunter2") || strings.Contains(string(content), "ACTIVE") {
		t.Fatalf("%s, %v", content, err)
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "{\"ARN\": \"to\n%s", content), 0o600); err != nil {
		t.Fatal(err)
	}
	got, ok := newDefinitionCache(dir).get(d.ARN)
	if !ok || got.Containers[0].Environment["GIT_SHA"] != "abc" || got.Tags["deployctl:version"] != "v1" || len(got.Tags) != 1 {
		t.Errorf("%+v, %v", got, ok)
	}
	newDefinitionCache("").put(d) // nowhere
}
