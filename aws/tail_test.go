package aws

import (
	"context"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// A tail over the real wire, with one request in five failing, has each line
// once that a patient reader finds afterwards.
func TestSandboxTailLosesNothing(t *testing.T) {
	inSandbox(t, sandbox.Options{Seed: 2, Faults: 0.2, LogRate: 20, Young: true}, func(t *testing.T, c *Cloud, _ *sandbox.Sandbox) {
		var groups []logs.Group
		for _, service := range sandboxServices {
			groups = append(groups, logs.Group{Name: "/ecs/shop-production/" + service, Service: service})
		}
		source, ring, began := c.LogSource(production), logs.NewRing(0, 0), time.Now()
		tail := logs.NewTail(source, ring, logs.Options{Since: 2 * time.Minute})
		tail.SetGroups(groups)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- tail.Run(ctx) }()
		time.Sleep(4 * time.Minute)
		cancel()
		<-ended
		times := make(map[string]int)
		for _, line := range ring.Snapshot() {
			if times[line.Stream+line.Timestamp().String()+line.Text]++; line.Task == "" || line.Level == logs.LevelUnknown && !line.Continuation {
				t.Errorf("not understood: %+v", line)
			}
		}
		stored := storedLines(t, source, groups, began.Add(-2*time.Minute), began.Add(2*time.Minute))
		if len(stored) < 1000 {
			t.Errorf("only %d lines", len(stored))
		}
		for line, n := range stored {
			if times[line] != n {
				t.Errorf("%q came %d times instead of %d", line, times[line], n)
			}
		}
	})
}

// storedLines reads the lines of all events between two moments, and says how
// often each is there.
func storedLines(t *testing.T, source logs.Source, groups []logs.Group, start, end time.Time) map[string]int {
	t.Helper()
	events := make(map[string]logs.Event) // by id
	for _, group := range groups {
		query := logs.Query{Group: group.Name, Start: start, End: end}
		for {
			page, err := source.Filter(t.Context(), query)
			if err != nil {
				time.Sleep(time.Second)
				continue
			}
			for _, event := range page.Events {
				events[event.ID] = event
			}
			if query.NextToken = page.NextToken; query.NextToken == "" {
				break
			}
		}
	}
	stored := make(map[string]int)
	for _, e := range events {
		for _, text := range sanitise.Lines(e.Message) {
			stored[e.Stream+time.Unix(0, e.Timestamp.UnixNano()).String()+text]++
		}
	}
	return stored
}
