package ui

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
)

// TestFrameFitsTheScreen draws random worlds at random sizes behind random
// keys: no row may be wider, and no frame higher, than the screen.
func TestFrameFitsTheScreen(t *testing.T) {
	if scene.RaceDetector {
		t.Skip("one goroutine draws, which is slow under the race detector")
	}
	scenes := scene.Sorted()
	all := Commands()
	for seed := range uint64(120) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		name := scenes[rnd.IntN(len(scenes))]
		s := scene.All()[name]
		if seed%2 == 1 {
			scramble(s, rnd)
		}
		w, h := 1+rnd.IntN(230), 1+rnd.IntN(70)
		d := sit(t, s, w, h)
		var pressed []string
		for range rnd.IntN(6) {
			ks := all[rnd.IntN(len(all))].Keys
			k := ks[rnd.IntN(len(ks))]
			if k == "ctrl+c" || k == "q" {
				continue
			}
			pressed = append(pressed, k)
			d.Update(keyPress(k))
			d.View()
		}
		if rnd.IntN(3) == 0 {
			w, h = 1+rnd.IntN(230), 1+rnd.IntN(70)
			d.Update(tea.WindowSizeMsg{Width: w, Height: h})
		}
		fits(t, fmt.Sprintf("seed %d: %s at %d×%d after %v", seed, name, w, h, pressed), d.View(), w, h)
	}
}

func fits(t *testing.T, what string, v tea.View, w, h int) {
	t.Helper()
	lines := strings.Split(v.Content, "\n")
	if len(lines) != h {
		t.Errorf("%s: %d lines", what, len(lines))
	}
	for i, l := range lines {
		if got := ansi.StringWidth(l); got != w {
			t.Fatalf("%s: line %d is %d cells wide: %q", what, i, got, ansi.Strip(l))
		}
	}
	if c := v.Cursor; c != nil && (c.X < 0 || c.Y < 0 || c.X >= w || c.Y >= h) {
		t.Errorf("%s: the cursor stands at %d, %d", what, c.X, c.Y)
	}
}

// scramble replaces texts of a snapshot by others of any length and alphabet.
func scramble(s *pipeline.Snapshot, rnd *rand.Rand) {
	for i := range s.Runs.Value {
		r := &s.Runs.Value[i]
		r.Workflow, r.Title, r.Branch, r.Actor = word(rnd), word(rnd), word(rnd), word(rnd)
		r.Number = rnd.IntN(1_000_000_000)
	}
	for i := range s.Trains {
		t := &s.Trains[i]
		t.Release.Version, t.Release.Title, t.Release.Author = word(rnd), word(rnd), word(rnd)
		for j := range t.Stops {
			t.Stops[j].Sentence = word(rnd)
		}
	}
	for i := range s.Environments {
		e := &s.Environments[i]
		e.Return.Sentence, e.Lane.Sentence = word(rnd), word(rnd)
		for j := range e.Services {
			v := &e.Services[j]
			v.Key.Service, v.Why, v.Health = word(rnd), word(rnd), pipeline.Degraded
			v.Running, v.Desired = rnd.IntN(100_000), rnd.IntN(100_000)
		}
	}
	s.Repository.Owner, s.Repository.Name, s.Viewer.Login = word(rnd), word(rnd), word(rnd)
}

// word is a text of up to a hundred characters, among them wide, combined and
// joined ones.
func word(rnd *rand.Rand) string {
	letters := []string{"a", "Z", " ", "-", "ü", "é", "日", "本", "한", "👩‍💻", "🚀", "ﬁ", "…", "│", "⚠️"}
	var b strings.Builder
	for range rnd.IntN(100) {
		b.WriteString(letters[rnd.IntN(len(letters))])
	}
	return b.String()
}
