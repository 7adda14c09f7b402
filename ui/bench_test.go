package ui

import (
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
)

// BenchmarkFrameClean joins a frame of which no panel changed. Budget: 50 µs.
func BenchmarkFrameClean(b *testing.B) {
	d := sit(b, scene.Disagreement(), 200, 60)
	d.View()
	b.ReportAllocs()
	for b.Loop() {
		d.dirty = true
		d.View()
	}
}

// BenchmarkFrameLogs draws the logs anew, as new lines do. Budget: 1 ms.
func BenchmarkFrameLogs(b *testing.B) {
	d := sit(b, scene.Disagreement(), 200, 60)
	d.View()
	b.ReportAllocs()
	for b.Loop() {
		d.logs.Synced()
		d.dirty = true
		d.View()
	}
}

// BenchmarkFrameRuns draws the runs anew, as a moved cursor does. Budget: 1 ms.
func BenchmarkFrameRuns(b *testing.B) {
	d := sit(b, scene.Disagreement(), 200, 60)
	d.View()
	b.ReportAllocs()
	for b.Loop() {
		d.runs.SetFilter("")
		d.dirty = true
		d.View()
	}
}

// BenchmarkFrameSnapshot draws everything anew, as a new snapshot does.
func BenchmarkFrameSnapshot(b *testing.B) {
	benchmarkSnapshots(b, scene.Disagreement())
}

// BenchmarkFrame500Services does it with 500 services.
func BenchmarkFrame500Services(b *testing.B) {
	benchmarkSnapshots(b, scene.Many(500))
}

func benchmarkSnapshots(b *testing.B, s *pipeline.Snapshot) {
	d := sit(b, s, 200, 60)
	d.View()
	other := *s
	both := []*pipeline.Snapshot{s, &other}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		d.takeSnapshot(both[i%2])
		d.View()
	}
}

// BenchmarkKey moves the cursor and draws the frame.
func BenchmarkKey(b *testing.B) {
	d := sit(b, scene.Disagreement(), 200, 60)
	d.View()
	keys := []tea.KeyPressMsg{keyPress("j"), keyPress("k")}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		d.now = d.now.Add(time.Millisecond)
		d.Update(keys[i%2])
		d.View()
	}
}
