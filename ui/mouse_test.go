package ui

import (
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/keys"
)

func TestClickFocusesAndSelects(t *testing.T) {
	d := sit(t, scene.Disagreement(), 120, 40)
	r := d.layout.services
	_, cmd := d.Update(tea.MouseClickMsg{X: r.X + 4, Y: r.Y + 1, Button: tea.MouseLeft})
	d.settle(cmd)
	if d.focus != keys.Services {
		t.Fatalf("the focus is on %s", d.focus)
	}
	if v, _ := d.services.Selected(); v.Key.Service != "payments" || d.join.Service != "payments" {
		t.Errorf("selected %s, joined %+v", v.Key.Service, d.join)
	}
}

func TestWheelScrollsWhatIsUnderThePointer(t *testing.T) {
	d := sit(t, scene.Waiting(), 120, 40)
	r := d.layout.logs
	d.Update(tea.MouseWheelMsg{X: r.X + 4, Y: r.Y + 4, Button: tea.MouseWheelUp})
	d.View()
	if d.logs.Following() {
		t.Error("the logs follow though they were scrolled")
	}
	if d.focus != keys.Runs {
		t.Error("the wheel took the focus")
	}
	for range 5 {
		d.Update(tea.MouseWheelMsg{X: r.X + 4, Y: r.Y + 4, Button: tea.MouseWheelDown})
	}
	if !d.logs.Following() {
		t.Error("scrolling to the end does not follow again")
	}
}

func TestWheelTurnsAreTakenOncePerSlot(t *testing.T) {
	now := scene.Now
	filter := coalesce(func() time.Time { return now })
	taken := 0
	for range 100 {
		if filter(nil, tea.MouseWheelMsg{}) != nil {
			taken++
		}
		now = now.Add(time.Millisecond)
	}
	if taken < 6 || taken > 7 {
		t.Errorf("%d of 100 turns in 100 ms were taken", taken)
	}
	if filter(nil, keyPress("j")) == nil {
		t.Error("a key was swallowed")
	}
}
