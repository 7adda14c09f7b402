//go:build linux

package cmd_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/deployctl/gh-deployctl/sandbox"
)

var measure = flag.Bool("budgets", false, "measure the program and print every budget beside it")

// budget is a row of the table: what was measured, and what it may be.
type budget struct {
	what     string
	limit    float64 // 0: nothing is promised
	measured float64
	unit     string
	atLeast  bool    // more is better
	naive    float64 // the same of a naive console; 0: there is no such thing
	heading  bool    // it only says what the next rows are about
	verdict  string  // what is said instead of the share of the budget
}

// TestBudgets prints what the program promises and what it keeps, section by
// section and then as one table. It takes minutes and judges nothing: times depend on the machine, ratios less so.
func TestBudgets(t *testing.T) {
	if !*measure {
		t.Skip("measured by make bench")
	}
	var rows []budget
	for _, section := range []struct {
		name    string
		measure func(*testing.T) []budget
	}{
		{"start", startBudgets},
		{"benchmarks", func(t *testing.T) []budget {
			got := benchmarked(t)
			return append(benchmarkBudgets(got), wholeBudgets(got)...)
		}},
		{"memory", func(t *testing.T) []budget { return []budget{memoryBudget(t)} }},
		{"size", func(t *testing.T) []budget { return []budget{sizeBudget(t)} }},
		{"idle", idleBudgets},
		{"scale", scaleBudgets},
		{"cost", costBudgets},
	} {
		t.Run(section.name, func(t *testing.T) {
			found := section.measure(t)
			fmt.Println(rendered(found)) // a machine that is too slow for all of it keeps what it has
			rows = append(rows, found...)
		})
	}
	fmt.Print(rendered(rows))
}

// rendered is the table.
func rendered(rows []budget) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tBUDGET\tMEASURED\tOF BUDGET\tNAIVE\tTIMES BETTER")
	for _, r := range rows {
		if r.heading {
			fmt.Fprintln(w, r.what+"\t\t\t\t\t")
			continue
		}
		limit, share, naive, better := "-", "-", "-", "-"
		if r.limit > 0 {
			limit = number(r.limit) + " " + r.unit
			share = fmt.Sprintf("%.0f %%", 100*r.measured/r.limit)
			if r.atLeast {
				share = fmt.Sprintf("%.1f ×", r.measured/r.limit)
			}
			if r.verdict != "" {
				share = r.verdict
			}
		}
		if r.naive > 0 {
			naive = number(r.naive) + " " + r.unit
			if r.verdict == "" && r.measured > 0 {
				better = fmt.Sprintf("%.1f", r.naive/r.measured)
			}
			if r.atLeast {
				better = fmt.Sprintf("%.1f", r.measured/r.naive)
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.what, limit, number(r.measured)+" "+r.unit, share, naive, better)
	}
	_ = w.Flush() // into memory
	return b.String()
}

func number(v float64) string {
	if v >= 100 || v == float64(int(v)) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// What a live panel shows: a run with its number, a service with its tasks, a
// log line with its time.
const (
	aRun     = `cd-staging +#\d+`
	aService = `catalog +\d/\d`
	aLogLine = `\d\d:\d\d:\d\d (orders|users|catalog|payments|notifications|api-gateway) `
)

// startBudgets measures how soon the console is there: on the second start it
// has a kept snapshot to begin with.
func startBudgets(t *testing.T) []budget {
	c := newClient(t, startWorld(t, sandbox.Options{Scenario: "release"}))
	begin := func(state string) (first, live time.Duration) {
		var firsts, lives []time.Duration
		for range 7 {
			if state != "" {
				_ = os.RemoveAll(filepath.Join(c.dir, state))
			}
			p := c.inPTY(200, 60)
			firsts = append(firsts, p.shows(aRun))
			lives = append(lives, p.shows(aRun, aService, aLogLine))
			p.quit()
		}
		slices.Sort(firsts)
		slices.Sort(lives)
		return firsts[3], lives[3]
	}
	_, live := begin("state")
	first, _ := begin("")
	return []budget{
		{what: "start to first frame, from the kept snapshot", limit: 50, measured: milliseconds(first), unit: "ms"},
		{what: "start to three live panels, from nothing", limit: 300, measured: milliseconds(live), unit: "ms"},
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// benchmarked runs the benchmarks of the packages.
func benchmarked(t *testing.T) map[string]float64 {
	got := map[string]float64{}
	for _, run := range [][]string{
		{"-bench", "KeyUnderLoad", "-benchtime", "150x", "./ui"},
		{"-bench", "^BenchmarkScale$", "-benchtime", "150x", "./ui"},
		{"-bench", "^BenchmarkNaiveScale$", "-benchtime", "20x", "./ui"},
		{"-bench", "Frame|Naive(Logs|Filter)", "./ui"},
		{"-bench", "NaiveMemory", "-benchtime", "1x", "./ui"},
		{"-bench", "Derive", "-benchtime", "200x", "./pipeline"},
		{"-bench", "Idle", "-benchtime", "80x", "./ui"},
		{"-bench", "PageToRing|ViewRescan|Groups", "./pipeline/logs"},
		{"-bench", "PageFromWire", "./aws"},
	} {
		command := exec.Command("go", append([]string{"test", "-run", "^$"}, run...)...)
		command.Dir = ".."
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("go test %s: %v\n%s", strings.Join(run, " "), err, out)
		}
		collect(got, string(out))
	}
	return got
}

// benchmarkBudgets are what the benchmarks found.
func benchmarkBudgets(got map[string]float64) []budget {
	micro := func(name string) float64 { return got[name+" ns/op"] / 1000 }
	return []budget{
		{what: "key to bytes written, p95, 200×60, 10,000 log lines/s", limit: 16, measured: got["KeyUnderLoad ms/p95"], unit: "ms", naive: got["NaiveKeyUnderLoad ms/p95"]},
		{what: "the same, p50", measured: got["KeyUnderLoad ms/p50"], unit: "ms", naive: got["NaiveKeyUnderLoad ms/p50"]},
		{what: "the same with 500 services, p95", limit: 16, measured: got["KeyUnderLoad500Services ms/p95"], unit: "ms"},
		{what: "the same with 200 log groups, p95", limit: 16, measured: got["KeyUnderLoad200Groups ms/p95"], unit: "ms"},
		{what: "processor with 10,000 log lines/s, of a core", measured: got["KeyUnderLoad %cpu"], unit: "%", naive: got["NaiveKeyUnderLoad %cpu"]},
		{what: "the same from 200 log groups", measured: got["KeyUnderLoad200Groups %cpu"], unit: "%"},
		{what: "log lines from the API's answer to ring, decoding included", limit: 100_000, measured: inSequence(got["PageFromWire lines/s"], got["PageToRing lines/s"]), unit: "lines/s", atLeast: true, naive: got["NaiveLogs lines/s"]},
		{what: "of these from decoded page to ring", measured: got["PageToRing lines/s"], unit: "lines/s"},
		{what: "20 log groups to one ring", measured: got["Groups/20 lines/s"], unit: "lines/s"},
		{what: "200 log groups to one ring", measured: got["Groups/200 lines/s"], unit: "lines/s"},
		{what: "heap for 100,000 lines of 20 log groups", measured: got["Groups/20 MB/100k-lines"], unit: "MB", naive: got["NaiveMemory MB"]},
		{what: "heap for 100,000 lines of 200 log groups", measured: got["Groups/200 MB/100k-lines"], unit: "MB"},
		{what: "idle console above an empty program, of a core", limit: 1, measured: max(got["Idle %cpu"]-got["IdleEmpty %cpu"], 0), unit: "%"},
		{what: "bytes that the idle console writes in 8 s (the clock, if the minute changes)", measured: got["Idle B"], unit: "B"},
		{what: "idle wall at its 30 frames a second, of a core", limit: 1, measured: got["IdleWall %cpu"], unit: "%"},
		{what: "an empty program at 30 frames a second, here and now", measured: got["IdleWallEmpty %cpu"], unit: "%"},
		{what: "frame, nothing drawn anew", limit: 50, measured: micro("FrameClean"), unit: "µs", naive: micro("NaiveFrame")},
		{what: "frame, logs drawn anew", limit: 1000, measured: micro("FrameLogs"), unit: "µs", naive: micro("NaiveFrame")},
		{what: "frame, runs drawn anew", limit: 1000, measured: micro("FrameRuns"), unit: "µs", naive: micro("NaiveFrame")},
		{what: "frame of a new snapshot, everything drawn anew", measured: micro("FrameSnapshot"), unit: "µs", naive: micro("NaiveFrame")},
		{what: "the same with 500 services", limit: 16_000, measured: micro("Frame500Services"), unit: "µs"},
		{what: "filter over 100,000 lines", measured: micro("ViewRescan/keyerror"), unit: "µs", naive: micro("NaiveFilter")},
	}
}

// inSequence is the rate of two things that are done one after the other.
func inSequence(a, b float64) float64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	return 1 / (1/a + 1/b)
}

var (
	benchmarkLine = regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)
	metric        = regexp.MustCompile(`([\d.e+]+) (\S+)`)
)

// collect reads what benchmarks print, as "name unit" to value.
func collect(into map[string]float64, output string) {
	for _, line := range benchmarkLine.FindAllStringSubmatch(output, -1) {
		for _, m := range metric.FindAllStringSubmatch(line[2], -1) {
			if v, err := strconv.ParseFloat(m[1], 64); err == nil {
				into[line[1]+" "+m[2]] = v
			}
		}
	}
}

// memoryBudget measures the console once its log is full.
func memoryBudget(t *testing.T) budget {
	c := newClient(t, startWorld(t, sandbox.Options{Scenario: "release", LogRate: 10_000}))
	p := c.inPTY(200, 60)
	defer p.quit()
	p.shows(aRun, aService, aLogLine)
	p.shows("let go") // what the ring had no place for
	time.Sleep(15 * time.Second)
	return budget{what: "memory with 100,000 log lines", limit: 120, measured: p.memory(t), unit: "MB"}
}

// sizeBudget measures the binary as it is released.
func sizeBudget(t *testing.T) budget {
	path := filepath.Join(t.TempDir(), "gh-deployctl")
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", path, "github.com/deployctl/gh-deployctl")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return budget{what: "binary, stripped", limit: 40, measured: float64(info.Size()) / 1e6, unit: "MB"}
}

// idleBudgets measure the screens over a world in which nothing happens; what
// they read of it is in the figure.
func idleBudgets(t *testing.T) []budget {
	var rows []budget
	for _, screen := range []struct {
		name string
		args []string
	}{{"console", nil}, {"wall", []string{"watch"}}} {
		p := newClient(t, startWorld(t, sandbox.Options{})).inPTY(200, 60, screen.args...)
		p.shows(aService)
		time.Sleep(15 * time.Second)
		before, written := p.processor(t), p.written()
		const span = 30 * time.Second
		time.Sleep(span)
		rows = append(rows,
			budget{what: "idle " + screen.name + " with everything it reads, of a core", limit: 0, measured: 100 * (p.processor(t) - before).Seconds() / span.Seconds(), unit: "%"},
			budget{what: "bytes written by an idle " + screen.name + " a second", measured: float64(p.written()-written) / span.Seconds(), unit: "B"})
		p.quit()
	}
	return rows
}

// costBudgets measure what watching costs an hour.
func costBudgets(t *testing.T) []budget {
	var rows []budget
	for _, w := range slices.Concat(watchings, moreWatchings) {
		var got cost
		t.Run(w.name, func(t *testing.T) { got = w.hour(t, true) })
		rows = append(rows,
			budget{what: "GitHub requests sent an hour, " + w.name, limit: float64(w.sent), measured: float64(got.sent), unit: "/h"},
			budget{what: "GitHub requests counted an hour, " + w.name, limit: float64(w.counted), measured: float64(got.counted), unit: "/h"},
			budget{what: "AWS calls an hour, " + w.name, measured: float64(got.aws), unit: "/h"},
			budget{what: "of these for the log tail", measured: float64(got.calls["FilterLogEvents"]), unit: "/h"})
		if got.oldest > 0 && !w.wall {
			rows = append(rows, budget{what: "focused run, oldest", limit: 3.6, measured: got.oldest.Seconds(), unit: "s"})
		}
	}
	return rows
}
