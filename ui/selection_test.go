package ui

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/sheet"
)

// shuffled is a copy of the snapshot whose runs, services and releases are in
// another order, some of them gone and others new.
func shuffled(s *pipeline.Snapshot, rnd *rand.Rand, keep func(pipeline.Run) bool) *pipeline.Snapshot {
	c := *s
	c.Version++
	c.Runs.Value = slices.Clone(s.Runs.Value)
	rnd.Shuffle(len(c.Runs.Value), func(i, j int) { c.Runs.Value[i], c.Runs.Value[j] = c.Runs.Value[j], c.Runs.Value[i] })
	c.Runs.Value = slices.DeleteFunc(c.Runs.Value, func(r pipeline.Run) bool { return !keep(r) && rnd.IntN(3) == 0 })
	for range rnd.IntN(4) {
		r := s.Runs.Value[0]
		r.ID, r.Number = rnd.Int64N(1e9)+1e6, rnd.IntN(1e6)
		c.Runs.Value = slices.Insert(c.Runs.Value, rnd.IntN(len(c.Runs.Value)+1), r)
	}
	c.Trains = slices.Clone(s.Trains)
	slices.Reverse(c.Trains)
	c.Environments = slices.Clone(s.Environments)
	for i := range c.Environments {
		e := &c.Environments[i]
		e.Services = slices.Clone(e.Services)
		rnd.Shuffle(len(e.Services), func(a, b int) { e.Services[a], e.Services[b] = e.Services[b], e.Services[a] })
	}
	return &c
}

func TestRefreshNeverMovesTheSelection(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	d := sit(t, scene.Waiting(), 120, 40)
	d.press("j", "j", "j", "j", "j", "j", "j") // ci #1181
	want, ok := d.runs.Selected()
	if !ok {
		t.Fatal("nothing is selected")
	}
	d.press("2", "j", "j")
	service, _ := d.services.Selected()
	for range 200 {
		d.show(shuffled(d.engine.Snapshot(), rnd, func(r pipeline.Run) bool { return r.ID == want.ID }))
		if got, ok := d.runs.Selected(); !ok || got.ID != want.ID {
			t.Fatalf("the selection went from run %d to %d", want.ID, got.ID)
		}
		if got, _ := d.services.Selected(); got.Key != service.Key {
			t.Fatalf("the selection went from %v to %v", service.Key, got.Key)
		}
	}
}

func TestRunThatIsGoneIsNotReplacedByAnother(t *testing.T) {
	d := sit(t, scene.Waiting(), 120, 40)
	s := *d.engine.Snapshot()
	s.Runs.Value = slices.DeleteFunc(slices.Clone(s.Runs.Value), func(r pipeline.Run) bool { return r.ID == 212 })
	d.show(&s)
	d.press("c")
	if d.sheet != nil {
		t.Fatal("a sheet opened on another run than the one that was selected")
	}
	if !strings.Contains(d.toast.text, "no run is selected") {
		t.Errorf("it says %q", d.toast.text)
	}
}

func TestConfirmationIsBoundToWhatTheSheetNamed(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	d := sit(t, scene.Waiting(), 120, 40)
	d.press("c") // cancel #212
	if d.sheet == nil {
		t.Fatal("no sheet opened")
	}
	for range 50 {
		d.now = d.now.Add(100 * time.Millisecond)
		d.show(shuffled(scene.Waiting(), rnd, func(pipeline.Run) bool { return false }))
		d.Update(sheet.Tick{})
	}
	if asked := d.operator.Asked(); len(asked) == 0 || asked[0].RunID != 212 {
		t.Fatalf("planned for %v, want run 212", asked)
	}
	for range 12 { // whatever the sheet's buttons are, Enter on each of them
		d.now = d.now.Add(time.Second)
		d.press("tab", "enter")
		if len(d.operator.Executed()) > 0 {
			break
		}
	}
	done := d.operator.Executed()
	if len(done) != 1 || done[0].Intent.RunID != 212 {
		t.Fatalf("executed %v, want exactly the plan for run 212", done)
	}
}

func TestSelectionJoinsThePanels(t *testing.T) {
	d := sit(t, scene.Rollout(), 160, 45)
	d.press("0", "j") // v1.41.3
	screen := d.screen()
	for _, want := range []string{"Runs · 9f8e7d6 only", "Logs · production · 9f8e7d6 only"} {
		if !strings.Contains(screen, want) {
			t.Errorf("no %q on\n%s", want, screen)
		}
	}
	if f := d.looking(); f.SHA != scene.Bump.SHA {
		t.Errorf("the engine is told to look at %+v", f)
	}
	d.press("2", "j")
	if d.join.From != keys.Releases || d.join.Service == "" {
		t.Errorf("a service within a release: %+v", d.join)
	}
	if !strings.Contains(d.screen(), d.join.Service+" only") {
		t.Error("the logs do not follow the service")
	}
	d.press("x")
	if screen := d.screen(); d.join.Active() || strings.Contains(screen, " only ─") {
		t.Errorf("still joined:\n%s", screen)
	}
}

// A service that is selected may get another release: the runs beside it are
// those of what it runs now, and what is still changing it is never hidden.
func TestJoinFollowsTheReleaseOfTheService(t *testing.T) {
	d := sit(t, scene.Rollout(), 160, 45)
	d.press("2", "G")
	name := d.join.Service
	if d.join.SHA != scene.Bump.SHA || !strings.Contains(d.screen(), "#212") {
		t.Fatalf("%s is joined as %+v", name, d.join)
	}
	next := *scene.Rollout()
	next.Environments = slices.Clone(next.Environments)
	e := &next.Environments[0]
	for i := range next.Environments {
		if next.Environments[i].Environment.Name == "production" {
			e = &next.Environments[i]
		}
	}
	e.Services = slices.Clone(e.Services)
	for i := range e.Services {
		if e.Services[i].Key.Service == name {
			e.Services[i].SHA = scene.Fix.SHA
		}
	}
	d.show(&next)
	if d.join.Service != name || d.join.SHA != scene.Fix.SHA || !strings.Contains(d.screen(), "Runs · a1b2c3d only") {
		t.Errorf("joined %+v on\n%s", d.join, d.screen())
	}
}

func TestWhatWaitsIsNeverHiddenByASelection(t *testing.T) {
	d := sit(t, scene.Disagreement(), 120, 40)
	d.press("0", "j", "j")
	if !strings.Contains(d.screen(), "#212") {
		t.Error("the run that waits for approval is hidden")
	}
}

func TestBackUndoesOneThingAtATime(t *testing.T) {
	d := sit(t, scene.Waiting(), 120, 40)
	d.press("/", "c", "i", "enter", "j", "z")
	if d.opened == nil || d.runs.Filter() != "ci" {
		t.Fatal("the way there does not work")
	}
	steps := []struct {
		name string
		done func() bool
	}{
		{"the run", func() bool { return d.opened == nil }},
		{"the filter", func() bool { return d.runs.Filter() == "" }},
		{"the selection", func() bool { return !d.join.Active() }},
	}
	for i, step := range steps {
		if step.done() {
			t.Fatalf("%s was undone too early", step.name)
		}
		d.press("esc")
		if !step.done() {
			t.Fatalf("esc %d did not undo %s", i+1, step.name)
		}
	}
}
