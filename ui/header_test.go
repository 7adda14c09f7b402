package ui

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
)

// The header says of a system what holds for the worst of its sources: that one
// answered says nothing of another that has not answered yet.
func TestHeaderTellsTheWorstSource(t *testing.T) {
	read := pipeline.Observation{At: scene.Now, TTL: time.Minute}
	old := pipeline.Observation{At: scene.Now.Add(-time.Hour), TTL: time.Minute}
	failed := pipeline.Observation{Err: errors.New("502"), ErrAt: scene.Now}
	for name, tt := range map[string]struct {
		services pipeline.Observation
		want     string
	}{
		"all answered":    {read, "✓"},
		"one has not yet": {pipeline.Observation{}, "reading…"},
		"one is old":      {old, "stale"},
		"one failed":      {failed, "✗"},
	} {
		t.Run(name, func(t *testing.T) {
			s := *scene.Waiting()
			s.Sources = []pipeline.SourceStatus{
				{Name: "aws health production", Observation: read},
				{Name: "aws services production", Observation: tt.services},
				{Name: "github runs", Observation: failed},
			}
			d := sit(t, &s, 120, 40)
			if got, _ := d.sourceMark("aws"); strings.TrimSpace(got) != tt.want {
				t.Errorf("aws is %q, want %q", got, tt.want)
			}
		})
	}
}
