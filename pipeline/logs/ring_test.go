package logs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var epoch = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)

// made returns a line of a service, that many milliseconds after the epoch.
func made(service string, ms int, text string) *Line {
	a := newAssembler(Group{Name: "/ecs/" + service, Service: service})
	at := epoch.Add(time.Duration(ms) * time.Millisecond)
	return a.append(nil, &Event{
		ID: fmt.Sprint(service, ms, text), Stream: "app/" + service + "/task-" + service, Timestamp: at, Ingested: at, Message: text,
	}, at)[0]
}

func ringTexts(lines []*Line) string {
	var texts []string
	for _, line := range lines {
		texts = append(texts, line.Text)
	}
	return strings.Join(texts, " ")
}

func TestRingKeepsTimeOrder(t *testing.T) {
	ring := NewRing(5, 0)
	ring.Add([]*Line{made("a", 30, "c"), made("a", 10, "a")})
	ring.Add([]*Line{made("b", 20, "b"), made("b", 40, "d"), made("b", 40, "e")})
	if got := ringTexts(ring.Snapshot()); got != "a b c d e" {
		t.Errorf("lines are %q", got)
	}
	ring.Add([]*Line{made("b", 25, "late"), made("b", 50, "f")})
	if got := ringTexts(ring.Snapshot()); got != "late c d e f" {
		t.Errorf("lines are %q", got)
	}
	stats := ring.Stats()
	if stats.Dropped != 2 || stats.Lines != 5 || stats.Version != 3 {
		t.Errorf("stats = %+v", stats)
	}
	if !stats.Oldest.Equal(epoch.Add(25*time.Millisecond)) || !stats.Newest.Equal(epoch.Add(50*time.Millisecond)) {
		t.Errorf("oldest %v, newest %v", stats.Oldest, stats.Newest)
	}
	if got := ringTexts(ring.Window(nil, 1, 2)); got != "c d" {
		t.Errorf("window = %q", got)
	}
	for _, bad := range [][2]int{{-5, 0}, {9, 3}, {2, -1}} {
		if got := ring.Window(nil, bad[0], bad[1]); len(got) != 0 {
			t.Errorf("Window(%v) = %q", bad, ringTexts(got))
		}
	}
}

func TestRingBoundsBytes(t *testing.T) {
	one := made("a", 0, strings.Repeat("x", 1000)).size()
	ring := NewRing(1000, 10*one)
	for i := range 50 {
		ring.Add([]*Line{made("a", i+10, strings.Repeat("x", 999))})
	}
	if s := ring.Stats(); s.Bytes > 10*one || s.Lines < 9 || s.Dropped != uint64(50-s.Lines) {
		t.Errorf("stats = %+v", s)
	}
	ring.Add([]*Line{made("a", 99, strings.Repeat("x", 20*one))})
	if s := ring.Stats(); s.Lines != 0 || s.Bytes != 0 || s.Dropped != 51 {
		t.Errorf("a line larger than the ring leaves %+v", s)
	}
	ring.Add([]*Line{made("a", 100, "small")})
	if s := ring.Stats(); s.Lines != 1 {
		t.Errorf("stats = %+v", s)
	}
}

func TestRingWake(t *testing.T) {
	ring := NewRing(0, 0)
	ring.Add(nil)
	select {
	case <-ring.Wake():
		t.Error("woken by nothing")
	default:
	}
	ring.Add([]*Line{made("a", 1, "x")})
	ring.Add([]*Line{made("a", 2, "y")})
	<-ring.Wake()
	select {
	case <-ring.Wake():
		t.Error("woken twice")
	default:
	}
}

func TestRingRemoveAndRelease(t *testing.T) {
	ring := NewRing(0, 0)
	ring.SetRelease("", "ignored")
	ring.SetRelease("task-b", "bbbbbbb")
	ring.Add([]*Line{made("a", 1, "a1"), made("b", 2, "b1")})
	before := ring.Snapshot()
	ring.SetRelease("task-a", "aaaaaaa")
	version := ring.Version()
	ring.SetRelease("task-a", "aaaaaaa")
	if ring.Version() != version {
		t.Error("the same release is a change")
	}
	ring.Add([]*Line{made("a", 3, "a2")})
	var releases []string
	for _, line := range ring.Snapshot() {
		releases = append(releases, line.Release)
	}
	if !slices.Equal(releases, []string{"aaaaaaa", "bbbbbbb", "aaaaaaa"}) {
		t.Errorf("releases are %q", releases)
	}
	if before[0].Release != "" {
		t.Error("a line that a reader holds was changed")
	}
	ring.Remove("/ecs/a")
	if got := ringTexts(ring.Snapshot()); got != "b1" {
		t.Errorf("lines are %q", got)
	}
	ring.Clear()
	if s := ring.Stats(); s.Lines != 0 || s.Bytes != 0 || s.Dropped != 0 || !s.Oldest.IsZero() {
		t.Errorf("stats = %+v", s)
	}
}

func TestRingForgetsReleasesOfGoneTasks(t *testing.T) {
	ring := NewRing(0, 0)
	ring.Add([]*Line{made("a", 1, "x")})
	ring.SetRelease("task-a", "aaaaaaa")
	for i := range 3 * rememberedTasks {
		ring.SetRelease(fmt.Sprint("gone-", i), "bbbbbbb")
	}
	if n := len(ring.releases); n > rememberedTasks {
		t.Errorf("%d releases are remembered", n)
	}
	ring.Add([]*Line{made("a", 2, "y")})
	if line := ring.Window(nil, 1, 1)[0]; line.Release != "aaaaaaa" {
		t.Errorf("release of a task with lines is %q", line.Release)
	}
}

// A view that is brought up to date step by step shows the same as one made at
// the end, whatever comes, in whatever order, and however much is dropped.
func TestViewEqualsFilteredRing(t *testing.T) {
	pattern, err := ParsePattern("7")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 7))
		ring := NewRing(20+random.IntN(100), 0)
		views := []*View{NewView(ring, Filter{}), NewView(ring, Filter{Pattern: pattern}), NewView(ring, Filter{Services: []string{"b"}, Release: "r1"})}
		now := 1000
		for range 60 {
			step(random, ring, views, &now)
			for i, view := range views {
				if random.IntN(3) == 0 {
					continue // several changes in one Sync
				}
				view.Sync()
				filter := view.Filter()
				var want []*Line
				for _, line := range ring.Snapshot() {
					if filter.Match(line) {
						want = append(want, line)
					}
				}
				if got := view.Lines(); !slices.Equal(got, want) {
					t.Fatalf("seed %d, view %d: %q, want %q", seed, i, ringTexts(got), ringTexts(want))
				}
			}
		}
	}
}

// step does something to the ring.
func step(random *rand.Rand, ring *Ring, views []*View, now *int) {
	switch random.IntN(20) {
	case 0:
		ring.SetRelease([]string{"task-a", "task-b"}[random.IntN(2)], []string{"r1", "r2"}[random.IntN(2)])
	case 1:
		ring.Remove("/ecs/c")
	case 2:
		views[1].SetFilter(Filter{Level: Level(random.IntN(3))})
	case 3:
		for range 300 { // more changes than the ring records
			ring.Add([]*Line{made("a", *now, "flood")})
			*now++
		}
	default:
		var lines []*Line
		for range random.IntN(30) {
			*now += random.IntN(4)
			at := *now
			if random.IntN(4) == 0 {
				at -= random.IntN(60)
			}
			lines = append(lines, made([]string{"a", "b", "c"}[random.IntN(3)], at, fmt.Sprint("INFO ", at)))
		}
		ring.Add(lines)
	}
}

// Readers and a writer at the same time: what is read is always in order.
func TestRingConcurrently(t *testing.T) {
	ring := NewRing(500, 0)
	view := NewView(ring, Filter{Services: []string{"b"}})
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				view.Sync()
				rows := view.Window(nil, view.Top(20), 20)
				if !slices.IsSortedFunc(rows, (*Line).compare) || !slices.IsSortedFunc(ring.Snapshot(), (*Line).compare) {
					t.Error("out of order")
				}
				view.Freeze(view.Len() / 2)
				view.Unseen()
				view.Follow()
				ring.Stats()
			}
		})
	}
	random := rand.New(rand.NewPCG(1, 1))
	for i := range 300 {
		var lines []*Line
		for range 20 {
			lines = append(lines, made([]string{"a", "b"}[random.IntN(2)], 10*i+random.IntN(40), "x"))
		}
		ring.Add(lines)
		if i%50 == 0 {
			ring.SetRelease("task-b", fmt.Sprint("r", i))
			view.SetFilter(Filter{})
		}
	}
	close(done)
	readers.Wait()
}
