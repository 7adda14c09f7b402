//go:build linux

package cmd_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/aws"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// scaleBudgets measure a fleet of 500 services in two accounts: how long its
// rows take to be read, with nothing kept and with what an earlier start kept,
// and what the console holds and asks for.
func scaleBudgets(t *testing.T) []budget {
	onlySandboxAccount(t)
	world, err := sandbox.New(sandbox.Options{Scenario: "scale", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = world.Close() }()
	dir := t.TempDir()
	reader := func() *aws.Cloud {
		c, err := aws.New(t.Context(), aws.Options{Region: "eu-central-1", DialContext: world.DialContext, CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := reader()
	fleet := fleetOf(t, c, world)
	cold, unread := readingTime(t, c, fleet)
	all := cold
	for unread > 0 {
		time.Sleep(3 * time.Second)
		all += 3 * time.Second
		_, unread = readingTime(t, c, fleet)
	}
	restarted, unread := readingTime(t, reader(), fleet)
	if unread > 0 {
		t.Errorf("of %d services the next start does not know the release", unread)
	}
	hundred := fleet[:3] // the shop and two other clusters
	few, _ := readingTime(t, c, hundred)
	many, _ := readingTime(t, c, fleet)
	rows := []budget{
		{what: "500 services: rows from nothing", limit: 2000, measured: milliseconds(cold), unit: "ms"},
		{what: "the same until every release is known, at the pace of AWS", measured: all.Seconds(), unit: "s"},
		{what: "500 services: rows after a start before", limit: 2000, measured: milliseconds(restarted), unit: "ms"},
		{what: fmt.Sprintf("%d services: rows again", sizeOf(hundred)), measured: milliseconds(few), unit: "ms"},
		{what: "500 services: rows again", limit: 2000, measured: milliseconds(many), unit: "ms"},
	}
	p := newClient(t, startWorld(t, sandbox.Options{Scenario: "scale"})).inPTY(200, 60)
	defer p.quit()
	p.shows(`accounts-api`)
	time.Sleep(20 * time.Second)
	rows = append(rows, budget{what: "memory with 500 services, 20 repositories and 2,000 runs", limit: 120, measured: p.memory(t), unit: "MB"})
	var got cost
	t.Run("hour", func(t *testing.T) { got = watching{scenario: "scale"}.hour(t, false) })
	return append(rows, budget{what: "AWS calls an hour, 500 services, without the log tail", measured: float64(got.aws), unit: "/h"})
}

// clusterServices are the services of a cluster, by name.
type clusterServices struct {
	cluster pipeline.Cluster
	names   []string
}

func sizeOf(fleet []clusterServices) (n int) {
	for _, f := range fleet {
		n += len(f.names)
	}
	return n
}

// fleetOf lists the clusters of the scenario as its configuration names them.
func fleetOf(t *testing.T, c *aws.Cloud, world *sandbox.Sandbox) []clusterServices {
	t.Helper()
	engine := engineOver(t, world, world.Transport(), false, false)
	engine.Start(t.Context())
	defer func() { _ = engine.Close() }()
	env, _ := engine.Settle(t.Context()).Config.Environment("production")
	var fleet []clusterServices
	for _, cluster := range env.Clusters {
		names, err := c.ServiceNames(t.Context(), cluster)
		if err != nil {
			t.Fatal(err)
		}
		fleet = append(fleet, clusterServices{cluster, names})
	}
	return fleet
}

// readingTime reads the services of all clusters at once, as the engine does.
func readingTime(t *testing.T, c *aws.Cloud, fleet []clusterServices) (took time.Duration, unread int) {
	t.Helper()
	var mu sync.Mutex
	var group sync.WaitGroup
	begin := time.Now()
	for _, f := range fleet {
		group.Go(func() {
			states, err := c.Services(context.Background(), f.cluster, f.names)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			for _, s := range states {
				if s.Unread {
					unread++
				}
			}
		})
	}
	group.Wait()
	return time.Since(begin), unread
}
