package panel_test

import (
	"testing"

	"github.com/deployctl/gh-deployctl/ui/panel"
)

func TestCursorStaysOnItsRow(t *testing.T) {
	var l panel.List[string]
	l.SetRows([]string{"a", "b", "c"})
	l.Move(1)
	for _, rows := range [][]string{{"x", "a", "b", "c"}, {"c", "b"}, {"b"}, {"b", "y", "z"}} {
		l.SetRows(rows)
		if k, ok := l.Key(); !ok || k != "b" {
			t.Fatalf("among %v the cursor is on %q (%v), want b", rows, k, ok)
		}
	}
}

// Until it is moved, a cursor that keeps to the first row is on whichever that is.
func TestFirstRowIsKeptUntilTheCursorMoves(t *testing.T) {
	var l panel.List[string]
	for _, step := range []struct {
		rows []string
		move int
		want string
	}{{[]string{"a", "b"}, 0, "a"}, {[]string{"b", "a"}, 0, "b"}, {nil, 0, "b"}, {[]string{"c", "b", "a"}, 1, "b"}, {[]string{"a", "c", "b"}, 0, "b"}} {
		l.KeepFirst()
		l.SetRows(step.rows)
		if step.move != 0 {
			l.Move(step.move)
		}
		if k, _ := l.Key(); k != step.want {
			t.Errorf("among %v the cursor is on %q, want %q", step.rows, k, step.want)
		}
	}
}

// A cursor that keeps to the first row stays where it is once it is pinned, and
// says whether another row had come under it.
func TestPin(t *testing.T) {
	var l panel.List[string]
	set := func(rows ...string) {
		l.KeepFirst()
		l.SetRows(rows)
	}
	set("a", "b")
	set("a", "b", "c")
	set("z", "a")
	if !l.Pin() {
		t.Error("another row came under the cursor, and it does not say so")
	}
	set("y", "z", "a")
	if k, _ := l.Key(); k != "z" || l.Pin() {
		t.Errorf("a pinned cursor went to %q", k)
	}
	l = panel.List[string]{}
	set("a", "b")
	set("a", "c")
	if l.Pin() {
		t.Error("the first row stayed, and it says that another came")
	}
}

func TestLostRowSelectsNothing(t *testing.T) {
	tests := []struct {
		name string
		move int
		want string
	}{{"down takes the one that moved up", 1, "c"}, {"up takes the one before", -1, "a"}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l panel.List[string]
			l.SetRows([]string{"a", "b", "c"})
			l.Select("b")
			l.SetRows([]string{"a", "c"})
			if k, ok := l.Key(); ok {
				t.Fatalf("the cursor went to %q", k)
			}
			l.Move(tt.move)
			if k, _ := l.Key(); k != tt.want {
				t.Errorf("moved to %q, want %q", k, tt.want)
			}
		})
	}
	var l panel.List[string]
	l.SetRows([]string{"a", "b"})
	l.Select("b")
	l.SetRows(nil)
	l.SetRows([]string{"a", "b"})
	if k, ok := l.Key(); !ok || k != "b" {
		t.Errorf("a row that came back is not selected again: %q %v", k, ok)
	}
}

func TestWindowKeepsTheRowVisible(t *testing.T) {
	var l panel.List[int]
	rows := make([]int, 100)
	for i := range rows {
		rows[i] = i
	}
	l.SetRows(rows)
	for _, key := range []string{"G", "k", "pgup", "g", "pgdown", "j"} {
		l.Scroll(key, 10)
		top := l.Window(l.Index(), 1, 10, 100)
		if i := l.Index(); i < top || i >= top+10 {
			t.Errorf("after %s row %d is not in %d..%d", key, i, top, top+10)
		}
	}
}

// A filter that takes the cursor's row away puts it on the first that is left,
// once: what a later refresh takes away is lost as ever.
func TestFilterPutsTheCursorOnWhatIsLeft(t *testing.T) {
	var l panel.List[string]
	l.SetRows([]string{"a", "b", "c", "d"})
	l.Select("b")
	l.Choose()
	for _, step := range []struct {
		rows []string
		want string
	}{{nil, ""}, {[]string{"c", "d"}, "c"}, {[]string{"a", "c", "d"}, "c"}, {[]string{"a", "d"}, ""}} {
		l.SetRows(step.rows)
		if k, ok := l.Key(); ok != (step.want != "") || ok && k != step.want {
			t.Errorf("among %v the cursor is on %q (%v), want %q", step.rows, k, ok, step.want)
		}
	}
}
