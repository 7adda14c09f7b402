//go:build linux

package cmd_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/aws"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// wholeBudgets are the figures with everything at once, and how they grow from a
// sixteenth of it to the whole: to the power of 1 is linear, 0 is not at all.
func wholeBudgets(got map[string]float64) []budget {
	const whole = "2,000 runs, 20 repositories, 500 services, 1,000 tasks, 200 log groups, 10,000 lines/s"
	rows := []budget{{what: "everything at once: " + whole, heading: true}}
	for _, f := range []struct {
		what, name, unit string
		limit            float64
		naive            string
	}{
		{"key to bytes written, p95", "Scale/%d ms/p95", "ms", 16, "NaiveScale/%d ms/p95"},
		{"key to bytes written, p50", "Scale/%d ms/p50", "ms", 0, "NaiveScale/%d ms/p50"},
		{"processor, of a core", "Scale/%d %%cpu", "%", 0, "NaiveScale/%d %%cpu"},
		{"heap in use", "Scale/%d MB", "MB", 120, ""},
		{"a snapshot derived", "Derive/%d ns/op", "ms", 0, ""},
	} {
		at := func(name string, parts int) float64 {
			v := got[fmt.Sprintf(name, parts)]
			if strings.HasSuffix(name, "ns/op") {
				v /= 1e6
			}
			return v
		}
		row := budget{what: "  " + f.what, limit: f.limit, measured: at(f.name, 16), unit: f.unit}
		growth := budget{
			what:  fmt.Sprintf("  growth of that: %s, %s, %s with 1, 4 and 16 sixteenths", number(at(f.name, 1)), number(at(f.name, 4)), number(at(f.name, 16))),
			limit: 1, measured: power(at(f.name, 1), at(f.name, 16)), unit: "(power)",
		}
		if f.naive != "" {
			row.naive, growth.naive = at(f.naive, 16), power(at(f.naive, 1), at(f.naive, 16))
		}
		growth.verdict = "linear or better"
		if growth.measured > linear {
			growth.verdict = "worse than linear"
		}
		rows = append(rows, row, growth)
	}
	return rows
}

// linear is the power up to which growth counts as linear: what is measured is
// never exact.
const linear = 1.05

// power is that of the size with which a figure grows, from a sixteenth to all.
func power(small, large float64) float64 {
	if small <= 0 || large <= 0 {
		return 0
	}
	return max(math.Log(large/small)/math.Log(16), 0)
}

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
	rows = append(rows, fleetConsole(t, 0)...)
	rows = append(rows, fleetConsole(t, 10_000)...)
	var got cost
	t.Run("hour", func(t *testing.T) { got = watching{scenario: "scale"}.hour(t, false) })
	return append(rows, budget{what: "AWS calls an hour, 500 services, without the log tail", measured: float64(got.aws), unit: "/h"})
}

// fleetConsole measures the program itself over the fleet, while so many lines a
// second are written beside the usual ones.
func fleetConsole(t *testing.T, rate int) []budget {
	p := newClient(t, startWorld(t, sandbox.Options{Scenario: "scale", LogRate: rate})).inPTY(200, 60)
	defer p.quit()
	p.shows(`accounts-api`)
	time.Sleep(20 * time.Second)
	before := p.processor(t)
	const span = 20 * time.Second
	time.Sleep(span)
	with := "with 500 services, 20 repositories and 2,000 runs"
	if rate > 0 {
		with += fmt.Sprintf(", %d lines/s", rate)
	}
	return []budget{
		{what: "memory " + with, limit: 120, measured: p.memory(t), unit: "MB"},
		{what: "processor " + with + ", all that it reads, of a core", measured: 100 * (p.processor(t) - before).Seconds() / span.Seconds(), unit: "%"},
	}
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
