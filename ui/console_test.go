package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// desk is a console that a test drives by hand, without a terminal.
type desk struct {
	*Console
	engine   *scene.Engine
	operator *scene.Operator
	now      time.Time
}

func sit(t testing.TB, s *pipeline.Snapshot, width, height int) *desk {
	t.Helper()
	d := &desk{engine: scene.NewEngine(s), operator: &scene.Operator{}, now: scene.Now}
	d.Console = New(Options{
		Engine: d.engine, Operator: d.operator, Zone: time.UTC, Now: func() time.Time { return d.now }, Version: "test",
	})
	d.logs.Sync()
	d.errors.sync()
	d.logs.Synced()
	d.Update(tea.WindowSizeMsg{Width: width, Height: height})
	d.View()
	t.Cleanup(d.stop)
	return d
}

// press sends keys and runs the commands that they cause, as far as those end
// by themselves.
func (d *desk) press(names ...string) {
	for _, name := range names {
		_, cmd := d.Update(keyPress(name))
		d.settle(cmd)
		d.View()
	}
}

// settle runs a command and what follows from it. Commands that wait for time
// or for data are left.
func (d *desk) settle(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	answer := make(chan tea.Msg, 1)
	go func() { answer <- cmd() }()
	var msg tea.Msg
	select {
	case msg = <-answer:
	case <-time.After(20 * time.Millisecond):
		return
	}
	switch msg := msg.(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			d.settle(c)
		}
	default:
		_, next := d.Update(msg)
		d.settle(next)
	}
}

// show publishes a snapshot and lets the console take it.
func (d *desk) show(s *pipeline.Snapshot) {
	d.engine.Set(s)
	d.Update(snapshotMsg{})
	d.View()
}

func (d *desk) screen() string { return ansi.Strip(d.View().Content) }

func keyPress(name string) tea.KeyPressMsg {
	special := map[string]rune{
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown,
		"left": tea.KeyLeft, "right": tea.KeyRight, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "backspace": tea.KeyBackspace,
	}
	if code, ok := special[name]; ok {
		return tea.KeyPressMsg{Code: code}
	}
	switch name {
	case "shift+tab":
		return tea.KeyPressMsg{Code: tea.KeyTab, Mod: tea.ModShift}
	case "ctrl+c":
		return tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}
	case "space":
		return tea.KeyPressMsg{Code: tea.KeySpace, Text: " "}
	}
	r := []rune(name)[0]
	return tea.KeyPressMsg{Code: r, Text: name}
}

func TestScreens(t *testing.T) {
	sizes := []struct{ w, h int }{{80, 24}, {120, 40}, {160, 45}, {200, 60}, {40, 10}}
	for _, name := range []string{"waiting", "rollout", "bad", "disagreement", "first-run", "sources", "empty", "starting"} {
		for _, size := range sizes {
			t.Run(fmt.Sprintf("%s/%dx%d", name, size.w, size.h), func(t *testing.T) {
				d := sit(t, scene.All()[name], size.w, size.h)
				golden.RequireEqual(t, d.screen())
			})
		}
	}
}

// TestViews are the screens behind a few keys.
func TestViews(t *testing.T) {
	tests := []struct {
		name, scene string
		w, h        int
		keys        []string
	}{
		{"failed run opened", "waiting", 120, 40, []string{"j", "j", "j", "j", "j", "j", "j", "j", "j", "z"}},
		{"failed run opened, small", "waiting", 80, 24, []string{"j", "j", "j", "j", "j", "j", "j", "j", "j", "z", "enter"}},
		{"runs listed", "waiting", 160, 45, []string{"Z"}},
		{"waiting run opened", "waiting", 160, 45, []string{"z"}},
		{"service opened", "disagreement", 120, 40, []string{"2", "enter"}},
		{"services zoomed", "bad", 160, 45, []string{"2", "z"}},
		{"release selected", "rollout", 120, 40, []string{"0", "j"}},
		{"help", "waiting", 120, 40, []string{"?"}},
		{"help, small", "waiting", 80, 24, []string{"?"}},
		{"palette", "waiting", 80, 24, []string{":", "r", "o", "l"}},
		{"logs frozen", "waiting", 120, 40, []string{"3", "k", "k", "k"}},
		{"logs filtered", "waiting", 120, 40, []string{"3", "/", "s", "k", "u"}},
		{"many services", "many", 120, 40, []string{"2"}},
		{"configuration", "first-run", 120, 40, []string{"i"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := sit(t, scene.All()[tt.scene], tt.w, tt.h)
			d.press(tt.keys...)
			golden.RequireEqual(t, d.screen())
		})
	}
}

func TestTabCompletesAFilterOfRuns(t *testing.T) {
	d := sit(t, scene.Waiting(), 120, 40)
	d.press("1", "/", "w", "o")
	if got := d.screen(); !strings.Contains(got, "tab  workflow:") {
		t.Errorf("nothing is offered:\n%s", got)
	}
	d.press("tab", "c", "d")
	d.press("tab")
	first := d.filter()
	d.press("tab")
	second := d.filter()
	d.press("shift+tab")
	if !strings.HasPrefix(first, "workflow:cd-") || !strings.HasPrefix(second, "workflow:cd-") || first == second || d.filter() != first {
		t.Errorf("tab gives %q, then %q, and back %q", first, second, d.filter())
	}
	d.press("enter", "/")
	if got := d.screen(); !strings.Contains(got, "esc cancels") {
		t.Errorf("a whole filter is offered something:\n%s", got)
	}
}

func TestLooksDifferOnlyInColour(t *testing.T) {
	want := sit(t, scene.Disagreement(), 120, 40).screen()
	for _, o := range []theme.Options{{Kind: theme.Mono}, {Kind: theme.HighContrast}, {Light: true}} {
		d := sit(t, scene.Disagreement(), 120, 40)
		d.styles, d.dirty = theme.New(o), true
		if got := d.screen(); got != want {
			t.Errorf("%+v shows another text", o)
		}
	}
}

func TestReadOnlyRefusesEveryDangerousCommand(t *testing.T) {
	for _, cmd := range Commands() {
		if !cmd.Dangerous {
			continue
		}
		t.Run(cmd.ID, func(t *testing.T) {
			d := sit(t, scene.Waiting(), 120, 40)
			d.options.Operator = nil
			d.press(cmd.Keys[0])
			if d.sheet != nil {
				t.Fatal("a sheet opened")
			}
			if !strings.Contains(d.screen(), keys.ReadOnly) {
				t.Errorf("it is not said why:\n%s", d.toast.text)
			}
		})
	}
}

func TestReadOnlyIsHarmlessWhateverIsPressed(t *testing.T) {
	d := sit(t, scene.Waiting(), 120, 40)
	d.options.Operator = nil
	for _, cmd := range Commands() {
		for _, k := range cmd.Keys {
			if k == "ctrl+c" || k == "q" {
				continue
			}
			d.press(k)
			if d.sheet != nil {
				t.Fatalf("%s opened a sheet", k)
			}
			d.press("esc", "esc")
		}
	}
}

func TestKeysAreUnique(t *testing.T) {
	seen := map[string]string{}
	for _, cmd := range Commands() {
		for _, k := range cmd.Keys {
			at := string(cmd.Scope) + " " + k
			if other, taken := seen[at]; taken {
				t.Errorf("%s and %s share %q", cmd.ID, other, k)
			}
			seen[at] = cmd.ID
		}
	}
}

func TestRefusalsSayWhy(t *testing.T) {
	tests := []struct{ scene, key, want string }{
		{"bad", "a", "nothing waits for approval"},
		{"waiting", "u", "#212 has not ended yet"},
		{"bad", "c", "#212 has ended already"},
		{"empty", "R", "no environment is configured"},
		{"empty", "t", "no workflow is known yet"},
	}
	for _, tt := range tests {
		t.Run(tt.scene+" "+tt.key, func(t *testing.T) {
			d := sit(t, scene.All()[tt.scene], 120, 40)
			d.press("esc")
			d.press(tt.key)
			if d.sheet != nil || !strings.Contains(d.screen(), tt.want) {
				t.Errorf("want %q, got %q", tt.want, d.toast.text)
			}
		})
	}
}

func TestNothingIsDrawnWhileNothingChanges(t *testing.T) {
	d := sit(t, scene.Bad(), 200, 60)
	before := d.View().Content
	lines := d.runs.Lines(d.context(keys.Runs, d.layout.runs))
	d.now = d.now.Add(20 * time.Second) // within the same minute
	d.dirty = true
	if d.View().Content != before {
		t.Error("an idle screen changed within a minute")
	}
	if again := d.runs.Lines(d.context(keys.Runs, d.layout.runs)); &again[0] != &lines[0] {
		t.Error("a panel in which nothing changed was drawn again")
	}
	if d.pace() != paceIdle {
		t.Errorf("an idle screen ticks every %v", time.Duration(d.pace()))
	}
}

// q goes back from a service that is opened in place, and quits only from there on.
func TestQGoesBackFromDetails(t *testing.T) {
	d := sit(t, scene.Disagreement(), 80, 24)
	d.press("2", "enter")
	if !strings.Contains(d.screen(), "J K scroll") {
		t.Fatalf("nothing is open:\n%s", d.screen())
	}
	d.press("q")
	if strings.Contains(d.screen(), "J K scroll") || strings.TrimSpace(d.screen()) == "" {
		t.Errorf("q does not close the details, or quits:\n%s", d.screen())
	}
	_, cmd := d.Update(keyPress("q"))
	if cmd == nil {
		t.Fatal("the second q does nothing")
	}
	if _, quits := cmd().(tea.QuitMsg); !quits {
		t.Error("the second q does not quit")
	}
}
