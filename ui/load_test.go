//go:build unix

package ui

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"charm.land/bubbles/v2/viewport"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/wall"
)

// BenchmarkKeyUnderLoad measures the time from a key to the bytes that show
// what it did, at 200×60, while 10,000 log lines a second arrive. Budget: 16 ms
// for 95 keys in 100. A key comes each 47 ms.
func BenchmarkKeyUnderLoad(b *testing.B) { benchmarkKeys(b, scene.Disagreement(), 1) }

// BenchmarkKeyUnderLoad200Groups does it with the lines coming from 200 log groups.
func BenchmarkKeyUnderLoad200Groups(b *testing.B) { benchmarkKeys(b, scene.Disagreement(), 200) }

// BenchmarkKeyUnderLoad500Services does it with 500 services.
func BenchmarkKeyUnderLoad500Services(b *testing.B) { benchmarkKeys(b, scene.Many(500), 1) }

func benchmarkKeys(b *testing.B, s *pipeline.Snapshot, groups int) {
	benchmarkKeysAt(b, s, groups, 10_000)
}

// benchmarkKeysAt presses keys while so many lines a second arrive and a new
// snapshot each second, and reports what that takes.
func benchmarkKeysAt(b *testing.B, s *pipeline.Snapshot, groups, rate int) {
	engine := scene.NewEngine(s)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	pause := time.Duration(groups) * 20 * time.Millisecond // one request each 20 ms, whoever asks
	tail := logs.NewTail(newFlood(groups, rate), engine.Ring, logs.Options{
		Interval: pause, Idle: pause, SweepEvery: time.Hour, Limiter: logs.NewLimiter(1000),
	})
	var followed []logs.Group
	for i := range groups {
		followed = append(followed, logs.Group{Name: fmt.Sprint("/ecs/shop-production/", i), Service: "orders"})
	}
	tail.SetGroups(followed)
	go func() { _ = tail.Run(ctx) }()
	go republish(ctx, engine, s)
	c := New(Options{Engine: engine, Operator: &scene.Operator{}, Zone: time.UTC})
	defer c.stop()
	began, used := time.Now(), processorTime(b)
	pressKeys(b, &counted{Model: c}, framesPerSecond, nil)
	b.ReportMetric(100*(processorTime(b)-used).Seconds()/time.Since(began).Seconds(), "%cpu")
	b.ReportMetric(float64(engine.Ring.Stats().Lines)/time.Since(began).Seconds(), "lines/s")
	reportHeap(b)
	runtime.KeepAlive(c)
}

// republish makes the same snapshot new once a second.
func republish(ctx context.Context, engine *scene.Engine, s *pipeline.Snapshot) {
	for ctx.Err() == nil {
		time.Sleep(time.Second)
		next := *s
		engine.Set(&next)
	}
}

// reportHeap reports what is in use once the garbage is gone.
func reportHeap(b *testing.B) {
	b.Helper()
	runtime.GC()
	var used runtime.MemStats
	runtime.ReadMemStats(&used)
	b.ReportMetric(float64(used.HeapInuse)/1e6, "MB")
}

// scales are parts of sixteen of everything at once.
var scales = []int{1, 4, 16}

// BenchmarkScale does it with everything at once: 2,000 runs of 20 repositories,
// 500 services with 1,000 tasks, and 200 log groups into which 10,000 lines a
// second are written; and with a sixteenth and a quarter of all that, to see how
// it grows.
func BenchmarkScale(b *testing.B) {
	for _, parts := range scales {
		b.Run(fmt.Sprint(parts), func(b *testing.B) {
			benchmarkKeysAt(b, scene.Fleet(parts), 200*parts/16, 10_000*parts/16)
		})
	}
}

// BenchmarkNaiveScale is BenchmarkScale of a naive console.
func BenchmarkNaiveScale(b *testing.B) {
	for _, parts := range scales {
		b.Run(fmt.Sprint(parts), func(b *testing.B) {
			n := newNaive()
			n.runs, n.services = 2000*parts/16, 500*parts/16
			began, used := time.Now(), processorTime(b)
			done := make(chan struct{})
			pressKeys(b, &counted{Model: n}, 60, func(p *tea.Program) { stream(p, 10_000*parts/16, done) })
			close(done)
			b.ReportMetric(100*(processorTime(b)-used).Seconds()/time.Since(began).Seconds(), "%cpu")
			reportHeap(b)
			runtime.KeepAlive(n)
		})
	}
}

// flood is a source that writes so many lines a second, over its groups.
type flood struct {
	since  time.Time
	groups int
	rate   int

	mu      sync.Mutex
	written map[string]int
}

func newFlood(groups, rate int) *flood {
	return &flood{since: time.Now(), groups: groups, rate: rate, written: map[string]int{}}
}

func (f *flood) Filter(_ context.Context, q logs.Query) (logs.Page, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, n := time.Now(), f.written[q.Group]
	due := int(now.Sub(f.since).Seconds()*float64(f.rate))/f.groups - n
	page := logs.Page{At: now, Events: make([]logs.Event, due)}
	for i := range page.Events {
		n++
		page.Events[i] = logs.Event{
			ID: fmt.Sprint(q.Group, n), Group: q.Group, Stream: "app/orders/4f1c", Timestamp: now, Ingested: now,
			Message: fmt.Sprintf(`10.0.3.7 - - "GET /api/v1/cart/%d HTTP/1.1" 200 512 "-" "python-requests/2.32" req=%08x`, n, n),
		}
	}
	f.written[q.Group] = n
	return page, nil
}

// processorTime is what the process has used of the processor.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkIdle measures what a console costs in which nothing changes, and
// BenchmarkIdleEmpty an empty program at the same frame rate.
func BenchmarkIdle(b *testing.B) {
	c := New(Options{Engine: scene.NewEngine(scene.Waiting()), Operator: &scene.Operator{}, Zone: time.UTC})
	defer c.stop()
	benchmarkIdle(b, c, framesPerSecond)
}

func BenchmarkIdleEmpty(b *testing.B) { benchmarkIdle(b, empty{}, framesPerSecond) }

// BenchmarkIdleWall measures a wall in which nothing changes but the age of what
// it shows, at its own frame rate, and BenchmarkIdleWallEmpty an empty program.
func BenchmarkIdleWall(b *testing.B) {
	m := wall.New(scene.NewEngine(scene.Waiting()), wall.Options{Location: time.UTC})
	defer m.Close()
	benchmarkIdle(b, m, 30)
}

func BenchmarkIdleWallEmpty(b *testing.B) { benchmarkIdle(b, empty{}, 30) }

type empty struct{}

func (empty) Init() tea.Cmd                         { return nil }
func (e empty) Update(tea.Msg) (tea.Model, tea.Cmd) { return e, nil }
func (empty) View() tea.View                        { return tea.NewView("") }

func benchmarkIdle(b *testing.B, model tea.Model, fps int) {
	ctx, cancel := context.WithCancel(b.Context())
	out := &countingOutput{}
	p := tea.NewProgram(model, tea.WithContext(ctx), tea.WithInput(nil), tea.WithOutput(out), tea.WithWindowSize(200, 60),
		tea.WithFPS(fps), tea.WithoutSignalHandler(), tea.WithEnvironment([]string{"TERM=xterm-256color"}))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = p.Run() // it is ended by its context
	}()
	time.Sleep(time.Second)
	used, began, written := processorTime(b), time.Now(), out.written.Load()
	for b.Loop() {
		time.Sleep(100 * time.Millisecond)
	}
	b.ReportMetric(float64(out.written.Load()-written), "B")
	b.ReportMetric(100*(processorTime(b)-used).Seconds()/time.Since(began).Seconds(), "%cpu")
	b.ReportMetric(0, "ns/op") // it would be the length of the measurement
	cancel()
	<-ended
}

// countingOutput is a terminal that only counts.
type countingOutput struct{ written atomic.Int64 }

func (c *countingOutput) Write(p []byte) (int, error) {
	c.written.Add(int64(len(p)))
	return len(p), nil
}

// counted is a program whose window title is the number of keys that its
// frame knows of.
type counted struct {
	tea.Model
	keys int
}

func (c *counted) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if _, ok := msg.(tea.KeyPressMsg); ok {
		c.keys++
	}
	var cmd tea.Cmd
	c.Model, cmd = c.Model.Update(msg)
	return c, cmd
}

func (c *counted) View() tea.View {
	v := c.Model.View()
	v.WindowTitle = fmt.Sprint("keys=", c.keys)
	return v
}

// screenWatch is an output that tells when the frame of a key was written.
type screenWatch struct {
	mu     sync.Mutex
	wanted []byte
	seen   chan time.Time
}

func (s *screenWatch) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wanted != nil && bytes.Contains(p, s.wanted) {
		s.wanted = nil
		s.seen <- time.Now()
	}
	return len(p), nil
}

func (s *screenWatch) await(keys int) <-chan time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = fmt.Appendf(nil, "keys=%d\a", keys)
	return s.seen
}

// pressKeys runs a program and reports how long its keys take to be seen.
func pressKeys(b *testing.B, model tea.Model, fps int, while func(*tea.Program)) {
	in, keyboard := io.Pipe()
	out := &screenWatch{seen: make(chan time.Time, 1)}
	ctx, cancel := context.WithCancel(b.Context())
	p := tea.NewProgram(model, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithWindowSize(200, 60),
		tea.WithFPS(fps), tea.WithoutSignalHandler(), tea.WithEnvironment([]string{"TERM=xterm-256color"}))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = p.Run() // it is ended by its context
	}()
	if while != nil {
		go while(p)
	}
	time.Sleep(2 * time.Second)
	var took []time.Duration
	for b.Loop() {
		time.Sleep(47 * time.Millisecond)
		seen := out.await(len(took) + 1)
		pressed := time.Now()
		if _, err := keyboard.Write([]byte{"jk"[len(took)%2]}); err != nil {
			b.Fatal(err)
		}
		select {
		case at := <-seen:
			took = append(took, at.Sub(pressed))
		case <-time.After(10 * time.Second):
			b.Fatalf("key %d was never seen", len(took)+1)
		}
	}
	cancel()
	_ = keyboard.Close()
	<-ended
	slices.Sort(took)
	for _, share := range []int{50, 95} {
		b.ReportMetric(float64(took[(len(took)-1)*share/100].Microseconds())/1000, fmt.Sprintf("ms/p%d", share))
	}
	b.ReportMetric(0, "ns/op") // it would be the pause between keys
}

// naive is a console as one writes it first: every batch of lines is a message,
// the logs are a viewport, and each frame is laid out by Lip Gloss. It is what
// the console's figures are compared with.
type naive struct {
	logs           viewport.Model
	lines          []string
	row            int
	runs, services int
}

func newNaive() *naive {
	return &naive{logs: viewport.New(viewport.WithWidth(98), viewport.WithHeight(56)), runs: 26, services: 26}
}

type newLines []string

// naiveKept is how many lines a naive console keeps; more would not be usable.
const naiveKept = 10_000

func (n *naive) Init() tea.Cmd { return nil }

func (n *naive) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case newLines:
		n.lines = append(n.lines, msg...)
		n.lines = n.lines[max(0, len(n.lines)-naiveKept):]
		n.logs.SetContent(strings.Join(n.lines, "\n"))
		n.logs.GotoBottom()
	case tea.KeyPressMsg:
		n.row++
	}
	return n, nil
}

func (n *naive) View() tea.View {
	border := lipgloss.NewStyle().Border(lipgloss.RoundedBorder())
	rows := func(name string, all int) string {
		var b strings.Builder
		for i := range all {
			style := lipgloss.NewStyle().Foreground(lipgloss.Color("6"))
			if i == n.row%all {
				style = style.Reverse(true)
			}
			b.WriteString(style.Render(fmt.Sprintf("%s %02d", name, i)) + lipgloss.NewStyle().Faint(true).Render("  a row of the panel, as rows are") + "\n")
		}
		return border.Width(98).Height(28).MaxHeight(30).Render(b.String())
	}
	left := lipgloss.JoinVertical(lipgloss.Left, rows("run", n.runs), rows("service", n.services))
	v := tea.NewView(lipgloss.JoinHorizontal(lipgloss.Top, left, border.Render(n.logs.View())))
	v.AltScreen = true
	return v
}

// stream gives the lines of flood in batches, 30 a second.
func stream(p *tea.Program, rate int, until <-chan struct{}) {
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	source := newFlood(1, rate)
	for {
		select {
		case <-until:
			return
		case <-tick.C:
		}
		page, _ := source.Filter(context.Background(), logs.Query{}) // it never fails
		batch := make(newLines, len(page.Events))
		for i, e := range page.Events {
			batch[i] = e.Message
		}
		p.Send(batch)
	}
}

// BenchmarkNaiveKeyUnderLoad is BenchmarkKeyUnderLoad of a naive console.
func BenchmarkNaiveKeyUnderLoad(b *testing.B) {
	done := make(chan struct{})
	began, used := time.Now(), processorTime(b)
	pressKeys(b, &counted{Model: newNaive()}, 60, func(p *tea.Program) { stream(p, 10_000, done) })
	close(done)
	b.ReportMetric(100*(processorTime(b)-used).Seconds()/time.Since(began).Seconds(), "%cpu")
}

// BenchmarkNaiveFrame lays out a whole frame of a naive console.
func BenchmarkNaiveFrame(b *testing.B) {
	n := newNaive()
	n.Update(newLines(slices.Repeat([]string{"a line of the log"}, naiveKept)))
	b.ReportAllocs()
	for b.Loop() {
		_ = n.View()
	}
}

// BenchmarkNaiveMemory holds 100,000 lines in a viewport.
func BenchmarkNaiveMemory(b *testing.B) {
	n := newNaive()
	for b.Loop() {
		lines := make(newLines, 100_000)
		for i := range lines {
			lines[i] = fmt.Sprintf(`10.0.3.7 - - "GET /api/v1/cart/%d HTTP/1.1" 200 512 "-" "python-requests/2.32" req=%08x`, i, i)
		}
		n.logs.SetContent(strings.Join(lines, "\n"))
	}
	reportHeap(b)
	runtime.KeepAlive(n)
}

// BenchmarkNaiveFilter shows those of 100,000 lines that contain a word.
func BenchmarkNaiveFilter(b *testing.B) {
	n := newNaive()
	lines := make(newLines, 100_000)
	for i := range lines {
		lines[i] = fmt.Sprintf(`ERROR checkout.cart cart of customer %d could not be priced: KeyError 'sku'`, i)
		if i%20 > 0 {
			lines[i] = fmt.Sprintf(`10.0.3.7 - - "GET /api/v1/cart/%d HTTP/1.1" 200 512 "-" "python-requests/2.32" req=%08x`, i, i)
		}
	}
	for b.Loop() {
		var kept []string
		for _, l := range lines {
			if strings.Contains(strings.ToLower(l), "keyerror") {
				kept = append(kept, l)
			}
		}
		n.logs.SetContent(strings.Join(kept, "\n"))
	}
}

// BenchmarkNaiveLogs appends a hundred lines to the full viewport of a naive
// console.
func BenchmarkNaiveLogs(b *testing.B) {
	n := newNaive()
	source := newFlood(1, 10_000)
	source.since = source.since.Add(-time.Second)
	page, _ := source.Filter(context.Background(), logs.Query{}) // it never fails
	lines := make(newLines, len(page.Events))
	for i, e := range page.Events {
		lines[i] = e.Message
	}
	n.Update(lines)
	done := 0
	for b.Loop() {
		n.Update(lines[:100])
		done += 100
	}
	b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "lines/s")
}

// What happens for every frame allocates little; these are counts, which are
// the same on every machine.
func TestFrameAllocations(t *testing.T) {
	d, fleet, i := sit(t, scene.Disagreement(), 200, 60), sit(t, scene.Fleet(16), 200, 60), 0
	for _, tt := range []struct {
		name string
		most float64
		do   func()
	}{
		{"a frame of which nothing changed", 0, func() { d.View() }},
		{"a frame joined anew", 65, func() { d.dirty = true; d.View() }},
		{"a frame with the logs drawn anew", 450, func() { d.logs.Synced(); d.dirty = true; d.View() }},
		{"a key and the frame that it changes", 600, func() { d.Update(keyPress("jk"[i%2 : i%2+1])); i++; d.View() }},
		{"the same among 500 services and 2,000 runs", 2800, func() { fleet.Update(keyPress("jk"[i%2 : i%2+1])); i++; fleet.View() }},
	} {
		if n := testing.AllocsPerRun(50, tt.do); n > tt.most {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, n, tt.most)
		}
	}
}
