package ui

import (
	"testing"

	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/keys"
)

// TestPanelsShareTheScreen checks every size there can be: what is shown lies
// on the screen, and no two rectangles share a cell.
func TestPanelsShareTheScreen(t *testing.T) {
	for w := 1; w <= 240; w += 3 {
		for h := 1; h <= 80; h++ {
			for _, focus := range order {
				l := arrange(w, h, focus, false, 5)
				shown := []frame.Rect{l.header, l.releases, l.runs, l.services, l.logs, l.strip, l.footer}
				for i, a := range shown {
					if a.Empty() {
						continue
					}
					if a.X < 0 || a.Y < 0 || a.X+a.Width > w || a.Y+a.Height > h {
						t.Fatalf("%d×%d, %s: %+v sticks out", w, h, focus, a)
					}
					for _, b := range shown[i+1:] {
						if !b.Empty() && a.X < b.X+b.Width && b.X < a.X+a.Width && a.Y < b.Y+b.Height && b.Y < a.Y+a.Height {
							t.Fatalf("%d×%d, %s: %+v and %+v overlap", w, h, focus, a, b)
						}
					}
				}
				if h > 2 && l.panel(focus).Empty() {
					t.Fatalf("%d×%d: the focused %s are not shown", w, h, focus)
				}
			}
		}
	}
}

func TestShapes(t *testing.T) {
	tests := []struct {
		w, h int
		want shape
	}{{40, 10, single}, {79, 60, single}, {80, 24, stacked}, {80, 23, single}, {119, 50, stacked}, {120, 40, beside}, {200, 60, beside}, {200, 19, single}}
	for _, tt := range tests {
		if got := arrange(tt.w, tt.h, keys.Runs, false, 5).shape; got != tt.want {
			t.Errorf("%d×%d is laid out as %d, want %d", tt.w, tt.h, got, tt.want)
		}
	}
}

func TestTheFocusedPanelGrows(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {160, 45}, {200, 60}} {
		for _, s := range []keys.Scope{keys.Runs, keys.Services, keys.Logs} {
			with := arrange(size[0], size[1], s, false, 5).panel(s)
			without := arrange(size[0], size[1], keys.Releases, false, 5).panel(s)
			if with.Width*with.Height <= without.Width*without.Height && !(s == keys.Runs && size[0] < besideWidth) {
				t.Errorf("%v: %s has %v with the focus and %v without", size, s, with, without)
			}
		}
	}
}
