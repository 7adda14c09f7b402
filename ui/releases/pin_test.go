package releases

import (
	"fmt"
	"slices"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// What is live stays in sight under any number of newer commits.
func TestPin(t *testing.T) {
	rows := func(states ...pipeline.StopState) []*pipeline.Train {
		var out []*pipeline.Train
		for _, s := range states {
			out = append(out, &pipeline.Train{Stops: []pipeline.Stop{{State: s}}})
		}
		return out
	}
	const none, live, partly, waiting = pipeline.StopNone, pipeline.StopLive, pipeline.StopPartly, pipeline.StopWaiting
	tests := []struct {
		name string
		rows []*pipeline.Train
		want []int
	}{
		{"all in sight", rows(none, live), []int{0, 1}},
		{"below", rows(none, none, none, none, live), []int{0, 1, 4}},
		{"two below", rows(none, none, none, partly, live), []int{0, 3, 4}},
		{"what matters stays", rows(none, waiting, live, none, partly), []int{0, 1, 2}}, // the newest is where the cursor is
		{"one gives way", rows(waiting, none, waiting, live, none), []int{0, 2, 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Panel{rows: tt.rows}
			var keys []string
			for i := range tt.rows {
				keys = append(keys, fmt.Sprint(i))
			}
			p.list.SetRows(keys)
			for i := range min(3, len(tt.rows)) {
				p.shown = append(p.shown, i)
			}
			p.pin()
			if !slices.Equal(p.shown, tt.want) {
				t.Errorf("%v, want %v", p.shown, tt.want)
			}
		})
	}
}
