package ui

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/ui/internal/scene"
)

// On a wall screen every live panel of every environment has its turn, and
// then it begins anew.
func TestPanelsTakeTurns(t *testing.T) {
	d := sit(t, scene.Waiting(), 160, 45)
	if d.rotate() != nil {
		t.Error("a console that somebody sits at turns by itself")
	}
	d.options.Rotate = time.Minute
	if d.rotate() == nil {
		t.Fatal("nothing waits for the next turn")
	}
	var got []string
	for range 2 * len(turns) * len(d.snapshot.Environments) {
		d.settle(d.turn())
		got = append(got, fmt.Sprint(d.environment, " ", d.focus))
	}
	half := len(got) / 2
	if !slices.Equal(got[:half], got[half:]) {
		t.Errorf("the second round differs: %v", got)
	}
	slices.Sort(got[:half])
	if distinct := slices.Compact(got[:half]); len(distinct) != len(turns)*len(d.snapshot.Environments) {
		t.Errorf("a round shows %v", distinct)
	}
}
