package logs

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// traffic returns n events of the sort that a web service writes, a
// millisecond apart, with one in twenty an error and one in fifty not ASCII.
func traffic(n int) []Event {
	events := make([]Event, n)
	for i := range events {
		at := epoch.Add(time.Duration(i) * time.Millisecond)
		message := fmt.Sprintf(`10.0.3.%d - - [23/Nov/2026:14:03:22 +0000] "GET /api/v1/cart/%d HTTP/1.1" 200 512 "-" "python-requests/2.32" req=%08x`, i%250, i, i)
		switch {
		case i%20 == 0:
			message = fmt.Sprintf("ERROR 2026-11-23 14:03:22,123 checkout.cart %d cart of customer %d could not be priced: KeyError 'sku'", i%9, i)
		case i%20 == 1:
			message = fmt.Sprintf(`{"level":"info","ts":"2026-11-23T14:03:22.123Z","logger":"orders","request_id":"%08x","message":"order %d stored"}`, i, i)
		case i%50 == 2:
			message = fmt.Sprintf("INFO zamówienie %d przyjęte, dziękujemy", i)
		}
		events[i] = Event{
			ID: fmt.Sprintf("3882918723876238762387623876238762387623876238762%07d", i), Group: "/ecs/orders",
			Stream: fmt.Sprint("app/orders/task-", i%6), Timestamp: at, Ingested: at.Add(time.Second), Message: message,
		}
	}
	return events
}

// BenchmarkPageToRing measures what a page costs from its arrival to the ring:
// sanitising, recognition, deduplication and merging.
func BenchmarkPageToRing(b *testing.B) {
	const size = 10_000
	events := traffic(size)
	tail := NewTail(nil, NewRing(0, 0), Options{})
	p := newPoller(tail, Group{Name: "/ecs/orders", Service: "orders"})
	ps := &pass{query: Query{Start: epoch}}
	lines := 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for i := range events {
			events[i].Timestamp = events[i].Timestamp.Add(size * time.Millisecond)
			events[i].Ingested = events[i].Ingested.Add(size * time.Millisecond)
			events[i].ID = events[i].ID[:len(events[i].ID)-7] + fmt.Sprintf("%07d", lines+i)
		}
		p.seen.forget(events[0].Timestamp.Add(-2 * time.Minute))
		b.StartTimer()
		p.accept(ps, Page{Events: events})
		lines += size
	}
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkRepeatedPage measures a page that was read before, as most of each
// overlap is.
func BenchmarkRepeatedPage(b *testing.B) {
	events := traffic(10_000)
	p := newPoller(NewTail(nil, NewRing(0, 0), Options{}), Group{Name: "/ecs/orders"})
	ps := &pass{query: Query{Start: epoch}}
	p.accept(ps, Page{Events: events})
	lines := 0
	for b.Loop() {
		p.accept(ps, Page{Events: events})
		lines += len(events)
	}
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkGroups measures 10,000 lines from pages to one ring where they come
// from few groups or many, and the memory that all of it takes in the end: both
// have to grow with the lines, not with the groups.
func BenchmarkGroups(b *testing.B) {
	for _, groups := range []int{20, 200} {
		b.Run(strconv.Itoa(groups), func(b *testing.B) {
			const lines = 10_000
			ring := NewRing(0, 0)
			tail := NewTail(nil, ring, Options{})
			events := traffic(lines)
			pollers, pages := make([]*poller, groups), make([][]Event, groups)
			for i := range pollers {
				pollers[i] = newPoller(tail, Group{Name: fmt.Sprint("/ecs/", i), Service: "orders"})
			}
			round := 0
			for b.Loop() {
				round++
				for i := range events {
					events[i].Timestamp = events[i].Timestamp.Add(10 * time.Second)
					events[i].Ingested = events[i].Timestamp
					events[i].ID = fmt.Sprint(round, "-", i)
				}
				for i := range pages {
					pages[i] = pages[i][:0]
				}
				for i := range events {
					pages[i%groups] = append(pages[i%groups], events[i])
				}
				for i, p := range pollers {
					p.accept(&pass{query: Query{Start: epoch}}, Page{Events: pages[i]})
					p.seen.forget(events[0].Timestamp.Add(-time.Minute))
				}
			}
			b.ReportMetric(float64(round*lines)/b.Elapsed().Seconds(), "lines/s")
			runtime.GC()
			var used runtime.MemStats
			runtime.ReadMemStats(&used)
			b.ReportMetric(float64(used.HeapInuse)/1e6/float64(ring.Stats().Lines)*100_000, "MB/100k-lines")
			runtime.KeepAlive(pollers)
		})
	}
}

// full returns a full ring.
func full(tb testing.TB) *Ring {
	tb.Helper()
	ring, a := NewRing(0, 1<<30), newAssembler(Group{Name: "/ecs/orders", Service: "orders"})
	var lines []*Line
	for _, event := range traffic(DefaultRingLines) {
		lines = a.append(lines, &event, epoch)
	}
	ring.Add(lines)
	return ring
}

// batches returns a function that gives batches of n lines that are lag older
// than the newest ones.
func batches(n int, lag time.Duration) func() []*Line {
	a := newAssembler(Group{Name: "/ecs/orders", Service: "orders"})
	events := traffic(n)
	at := epoch.Add(DefaultRingLines*time.Millisecond - lag)
	return func() []*Line {
		lines := make([]*Line, 0, n)
		for i := range events {
			at = at.Add(time.Millisecond)
			events[i].Timestamp, events[i].Ingested = at, at
			lines = a.append(lines, &events[i], at)
		}
		return lines
	}
}

func BenchmarkRingAppend100(b *testing.B)     { benchmarkAdd(b, 0) }
func BenchmarkRingInsert100Late(b *testing.B) { benchmarkAdd(b, 20*time.Second) }

func benchmarkAdd(b *testing.B, lag time.Duration) {
	ring, next := full(b), batches(100, lag)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		lines := next()
		b.StartTimer()
		ring.Add(lines)
	}
}

// BenchmarkViewAppend100 measures bringing a filtered view of a full ring up
// to date after a hundred new lines.
func BenchmarkViewAppend100(b *testing.B) {
	ring, next := full(b), batches(100, 0)
	filter, err := ParseFilter("keyerror")
	if err != nil {
		b.Fatal(err)
	}
	view := NewView(ring, filter)
	view.Sync()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		ring.Add(next())
		b.StartTimer()
		view.Sync()
	}
}

// BenchmarkViewRescan measures a new filter over a full ring.
func BenchmarkViewRescan(b *testing.B) {
	ring := full(b)
	for _, source := range []string{"", "level:error", "keyerror", `"KeyError"`, "zzz", "/key(error)?/", "req:00000100"} {
		b.Run(source, func(b *testing.B) {
			filter, err := ParseFilter(source)
			if err != nil {
				b.Fatal(err)
			}
			view := NewView(ring, filter)
			for b.Loop() {
				view.SetFilter(filter)
				view.Sync()
			}
		})
	}
}

func BenchmarkViewWindow60(b *testing.B) {
	view := NewView(full(b), Filter{Level: LevelError})
	view.Sync()
	rows := make([]*Line, 0, 60)
	b.ReportAllocs()
	for b.Loop() {
		rows = view.Window(rows[:0], view.Top(60), 60)
	}
}

func BenchmarkTemplate(b *testing.B) {
	line := &Line{Text: traffic(1)[0].Message}
	b.ReportAllocs()
	for b.Loop() {
		Template(line)
	}
}

// What happens for every line or every frame must not allocate more than it
// has to.
func TestAllocations(t *testing.T) {
	events := traffic(4)
	a := newAssembler(Group{Name: "/ecs/orders"})
	lines := make([]*Line, 0, len(events))
	for i := range events {
		a.append(lines, &events[i], epoch)
	}
	ring := NewRing(0, 0)
	for i := range events {
		ring.Add(a.append(nil, &events[i], epoch))
	}
	view := NewView(ring, Filter{Level: LevelInfo})
	view.Sync()
	rows := make([]*Line, 0, 10)
	hundred := batches(100, 0)()
	for range 50 {
		ring.Add(batches(100, 0)()) // so that its buffer has room
	}
	dedupe := newSeen()
	dedupe.add(&events[0])
	pattern, err := ParsePattern("KEYERROR")
	if err != nil {
		t.Fatal(err)
	}
	filter := Filter{Pattern: pattern, Level: LevelInfo, Services: []string{""}}
	tests := []struct {
		name string
		most float64
		do   func()
	}{
		{"recognise", 0, func() {
			for i := range events {
				recognise(events[i].Message)
			}
		}},
		{"lines of a page, one each", float64(len(events)), func() {
			for i := range events {
				a.append(lines, &events[i], epoch)
			}
		}},
		{"known event", 0, func() { dedupe.add(&events[0]) }},
		{"filter", 0, func() { filter.Match(ring.buffer[0]) }},
		{"ring window", 0, func() { rows = ring.Window(rows[:0], 0, 10) }},
		{"view window", 0, func() { rows = view.Window(rows[:0], view.Top(3), 3) }},
		{"sync without news", 0, func() { view.Sync() }},
		{"a hundred lines into the ring", 1, func() { ring.Add(hundred) }},
		{"template", 2, func() { Template(ring.buffer[0]) }},
	}
	for _, tt := range tests {
		if n := testing.AllocsPerRun(100, tt.do); n > tt.most {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, n, tt.most)
		}
	}
}
