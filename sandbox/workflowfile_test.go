package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMatrix(t *testing.T) {
	for name, test := range map[string]struct {
		matrix string
		want   []string
	}{
		"none":            {"", []string{"x"}},
		"rows":            {"{a: [1, 2], b: [q]}", []string{"x (1, q)", "x (2, q)"}},
		"include only":    {"{include: [{a: one}, {a: two, b: zwei}]}", []string{"x (one)", "x (two, zwei)"}},
		"include extends": {"{a: [1, 2], include: [{a: 1, b: more}, {a: 3}]}", []string{"x (1, more)", "x (2)", "x (3)"}},
	} {
		source := "on: push\njobs:\n  x:\n    runs-on: ubuntu-24.04\n"
		if test.matrix != "" {
			source += "    strategy:\n      matrix: " + test.matrix + "\n"
		}
		file, err := parseWorkflow(source + "    steps: [{run: 'true'}]\n")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var names []string
		for _, matrix := range combinations(file.jobs[0]) {
			names = append(names, jobName(file.jobs[0], matrix, scope{}))
		}
		if !slices.Equal(names, test.want) {
			t.Errorf("%s: %q, want %q", name, names, test.want)
		}
	}
}

func TestIsDryRun(t *testing.T) {
	for _, test := range []struct {
		command string
		asked   bool
		want    bool
	}{
		{"step deploy", true, false},
		{"step rollback --dry-run", false, true},
		{"step deploy ${DRY_RUN:+--dry-run}", false, false},
		{"step deploy ${DRY_RUN:+--dry-run}", true, true},
	} {
		if got := isDryRun(test.command, object{"dry_run": test.asked}); got != test.want {
			t.Errorf("%q with dry_run=%v: %v", test.command, test.asked, got)
		}
	}
}

// A dry run goes through every job and changes nothing.
func TestDryRun(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "calm", Speed: 10}, func(c *client) {
		newest := func() string {
			return c.get("deployments?task=deployctl&environment=production&per_page=1").string("0.id")
		}
		before, deployment := c.versions("production"), newest()
		run := c.send(http.MethodPost, "actions/workflows/cd-production.yml/dispatches",
			object{"ref": "main", "return_run_details": true, "inputs": object{"dry_run": "true"}}).string("workflow_run_id")
		time.Sleep(time.Minute)
		c.as("carol").approve(run)
		time.Sleep(3 * time.Minute)
		if got := c.get("actions/runs/" + run).string("conclusion"); got != "success" {
			t.Errorf("the run ended %q", got)
		}
		if newest() != deployment {
			t.Error("a dry run made a deployment")
		}
		for service, version := range c.versions("production") {
			if version != before[service] {
				t.Errorf("%s went to %s", service, version)
			}
		}
	})
}

// The log rate comes on top of what the services write anyway, in production
// only, and what was written is in time order.
func TestLogRate(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "calm", LogRate: 600}, func(c *client) {
		time.Sleep(2 * time.Minute)
		production, staging := 0, 0
		for _, s := range services {
			production += c.logged("/ecs/shop-production/"+s.name, "", time.Minute)
			staging += c.logged("/ecs/shop-staging/"+s.name, "", time.Minute)
		}
		if production < 600*60 || production > 1000*60 || staging > 200 {
			t.Errorf("%d lines in production and %d in staging in a minute, want about 600 a second and a few", production, staging)
		}
		c.s.world.Lock()
		defer c.s.world.Unlock()
		for _, group := range c.s.world.Cloud.LogGroups {
			late, ids := 0, map[string]bool{}
			for i, e := range group.Events {
				if i > 0 && e.Timestamp.Before(group.Events[i-1].Timestamp) {
					t.Fatalf("%s is out of order at %d", group.Name, i)
				}
				if e.Ingested.Sub(e.Timestamp) > 2*time.Second {
					late++
				}
				if ids[e.ID] {
					t.Fatalf("%s has event %s twice", group.Name, e.ID)
				}
				ids[e.ID] = true
			}
			if strings.HasPrefix(group.Name, "/ecs/shop-production/") && late == 0 {
				t.Errorf("%s has no late line", group.Name)
			}
		}
	})
}
