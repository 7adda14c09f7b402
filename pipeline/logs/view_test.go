package logs

import (
	"fmt"
	"testing"
	"time"
)

// shown returns a ring of lines 0 to n-1, a second apart, and a view of it.
func shown(t *testing.T, n int, filter string) (*Ring, *View) {
	t.Helper()
	f, err := ParseFilter(filter)
	if err != nil {
		t.Fatal(err)
	}
	ring := NewRing(100, 0)
	for i := range n {
		ring.Add([]*Line{made("a", 1000*i, fmt.Sprint("line ", i))})
	}
	view := NewView(ring, f)
	if !view.Sync() {
		t.Error("the first Sync changes nothing")
	}
	if view.Sync() {
		t.Error("a Sync without news changes something")
	}
	return ring, view
}

func TestViewWindow(t *testing.T) {
	_, view := shown(t, 30, "9")
	if got := ringTexts(view.Window(nil, 0, 10)); got != "line 9 line 19 line 29" {
		t.Errorf("window = %q", got)
	}
	if got := view.Window(nil, -3, -3); len(got) != 0 {
		t.Errorf("window of nothing = %q", ringTexts(got))
	}
	if view.Len() != 3 {
		t.Errorf("Len = %d", view.Len())
	}
	if row := view.RowAt(epoch.Add(15 * time.Second)); row != 1 {
		t.Errorf("RowAt = %d", row)
	}
	if row := view.RowAt(epoch.Add(time.Hour)); row != 3 {
		t.Errorf("RowAt of the future = %d", row)
	}
}

func TestViewFollowAndFreeze(t *testing.T) {
	ring, view := shown(t, 50, "")
	if top := view.Top(10); !view.Following() || top != 40 {
		t.Errorf("follows from row %d", top)
	}
	if top := view.Top(80); top != 0 {
		t.Errorf("in a tall panel from row %d", top)
	}
	view.Freeze(20)
	anchor := view.Window(nil, 20, 1)[0]
	ring.Add([]*Line{made("a", 500, "late"), made("a", 90_000, "new")})
	view.Sync()
	if top := view.Top(10); view.Following() || top != 21 || view.Window(nil, top, 1)[0] != anchor {
		t.Errorf("a late line above moves the panel to row %d", top)
	}
	if view.Unseen() != 1 {
		t.Errorf("Unseen = %d", view.Unseen())
	}
	view.Freeze(25) // scrolling on does not make new lines seen
	if view.Unseen() != 1 {
		t.Errorf("Unseen after scrolling = %d", view.Unseen())
	}
	for i := range 90 { // the anchor is dropped
		ring.Add([]*Line{made("a", 100_000+i, "flood")})
	}
	view.Sync()
	if top := view.Top(10); top != 0 {
		t.Errorf("row %d is on top although the frozen one is gone", top)
	}
	view.Follow()
	if top := view.Top(10); top != 90 || view.Unseen() != 0 {
		t.Errorf("follows from row %d, unseen %d", top, view.Unseen())
	}
	empty := NewView(NewRing(0, 0), Filter{})
	empty.Freeze(3)
	if !empty.Following() || empty.Top(10) != 0 {
		t.Error("an empty view can be frozen")
	}
}

func TestViewLocate(t *testing.T) {
	ring, view := shown(t, 30, "")
	line := view.Window(nil, 12, 1)[0]
	filter, _ := ParseFilter("9")
	view.SetFilter(filter)
	if view.Len() != 30 {
		t.Error("rows are gone before Sync")
	}
	view.Sync()
	if row := view.Locate(line); row != 1 {
		t.Errorf("a filtered line is located at %d", row)
	}
	view.SetFilter(Filter{})
	view.Sync()
	if row := view.Locate(line); row != 12 {
		t.Errorf("located at %d", row)
	}
	ring.SetRelease(line.Task, "abc1234")
	view.Sync()
	if row := view.Locate(line); row != 12 {
		t.Errorf("an old copy of a line is located at %d", row)
	}
	ring.Clear()
	view.Sync()
	if view.Len() != 0 || view.Locate(line) != 0 {
		t.Error("rows of an empty ring")
	}
}

func TestViewSearch(t *testing.T) {
	_, view := shown(t, 30, "")
	pattern, err := ParsePattern("/line .*5$/")
	if err != nil {
		t.Fatal(err)
	}
	var rows []int
	for row, found := view.Next(pattern, -1); found; row, found = view.Next(pattern, row) {
		rows = append(rows, row)
	}
	if fmt.Sprint(rows) != "[5 15 25]" {
		t.Errorf("forward: %v", rows)
	}
	rows = nil
	for row, found := view.Previous(pattern, view.Len()); found; row, found = view.Previous(pattern, row) {
		rows = append(rows, row)
	}
	if fmt.Sprint(rows) != "[25 15 5]" {
		t.Errorf("backward: %v", rows)
	}
	if row, found := view.Next(pattern, 29); found || row != 29 {
		t.Errorf("beyond the end: %d %v", row, found)
	}
}
