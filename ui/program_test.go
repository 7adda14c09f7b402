package ui

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
)

// terminal is an emulator that a whole program runs in.
type terminal struct {
	*vt.SafeEmulator
	mu      sync.Mutex
	written int
}

func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.written += len(p)
	t.mu.Unlock()
	// Without an input that is a terminal, the program expects the line
	// discipline of one: a line feed returns the carriage too.
	_, err := t.SafeEmulator.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n")))
	return len(p), err
}

// bytes is how much was written since the start.
func (t *terminal) bytes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.written
}

func (t *terminal) screen() string { return ansi.Strip(t.Render()) }

// inTerminal runs a program in a bubble of virtual time, in which sleeping
// costs nothing and a screen that is still is still.
func inTerminal(t *testing.T, s *pipeline.Snapshot, operator Operator, width, height int, use func(term *terminal, p *tea.Program, engine *scene.Engine)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(scene.Now)) // the bubble begins long before the scene
		engine := scene.NewEngine(s)
		term := &terminal{SafeEmulator: vt.NewSafeEmulator(width, height)}
		stopReading := scene.Drain(term.SafeEmulator)
		c := New(Options{Engine: engine, Operator: operator, Zone: time.UTC})
		ctx, cancel := context.WithCancel(t.Context())
		p := tea.NewProgram(c, tea.WithContext(ctx), tea.WithInput(nil), tea.WithOutput(term), tea.WithWindowSize(width, height),
			tea.WithFPS(framesPerSecond), tea.WithoutSignalHandler(), tea.WithEnvironment([]string{"TERM=xterm-256color"}))
		ended := make(chan error, 1)
		go func() {
			_, err := p.Run()
			ended <- err
		}()
		time.Sleep(time.Second)
		use(term, p, engine)
		p.Send(keyPress("ctrl+c"))
		if err := <-ended; err != nil {
			t.Errorf("the program ended with %v", err)
		}
		if term.IsAltScreen() {
			t.Error("the terminal was left in the alternate screen")
		}
		c.stop()
		cancel()
		time.Sleep(2 * time.Minute) // the last tick fires
		stopReading()
	})
}

func typeKeys(p *tea.Program, names ...string) {
	for _, name := range names {
		p.Send(keyPress(name))
		time.Sleep(100 * time.Millisecond)
	}
}

func TestProgram(t *testing.T) {
	inTerminal(t, scene.Waiting(), &scene.Operator{}, 120, 40, func(term *terminal, p *tea.Program, engine *scene.Engine) {
		if !term.IsAltScreen() {
			t.Error("the console is not on the alternate screen")
		}
		for _, want := range []string{"1 Runs", "2 Services", "3 Logs", "waits for you"} {
			if !strings.Contains(term.screen(), want) {
				t.Fatalf("no %q on\n%s", want, term.screen())
			}
		}
		typeKeys(p, "2", "j")
		if !strings.Contains(term.screen(), "only") {
			t.Error("selecting a service does not join the panels")
		}
		time.Sleep(time.Second)
		if engine.Focus().Service == "" {
			t.Error("the engine was not told what is looked at")
		}
		typeKeys(p, "?")
		if !strings.Contains(term.screen(), "Approve or reject what waits") {
			t.Errorf("no help on\n%s", term.screen())
		}
		typeKeys(p, "esc", "esc")
		term.Resize(80, 24)
		p.Send(tea.WindowSizeMsg{Width: 80, Height: 24})
		time.Sleep(200 * time.Millisecond)
		if lines := strings.Split(term.screen(), "\n"); len(lines) > 24 || !strings.Contains(lines[0], "acme/shop") {
			t.Errorf("after resizing:\n%s", term.screen())
		}
	})
}

func TestProgramShowsWhatChanges(t *testing.T) {
	inTerminal(t, scene.Waiting(), &scene.Operator{}, 120, 40, func(term *terminal, _ *tea.Program, engine *scene.Engine) {
		engine.Set(scene.Bad())
		time.Sleep(200 * time.Millisecond)
		if !strings.Contains(term.screen(), "alarm orders-5xx") {
			t.Errorf("the newer snapshot is not shown:\n%s", term.screen())
		}
	})
}

func TestNothingIsWrittenWhileNothingChanges(t *testing.T) {
	inTerminal(t, scene.Bad(), nil, 120, 40, func(term *terminal, _ *tea.Program, _ *scene.Engine) {
		time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(2*time.Minute + time.Second))) // just after a full minute
		before := term.bytes()
		time.Sleep(50 * time.Second)
		if n := term.bytes() - before; n != 0 {
			t.Errorf("%d bytes were written to an idle screen", n)
		}
		time.Sleep(20 * time.Second)
		if term.bytes() == before {
			t.Error("ages do not grow")
		}
	})
}

func TestApprovalEndToEnd(t *testing.T) {
	operator := &scene.Operator{}
	inTerminal(t, scene.Waiting(), operator, 120, 40, func(term *terminal, p *tea.Program, engine *scene.Engine) {
		typeKeys(p, "a")
		time.Sleep(time.Second)
		if !strings.Contains(term.screen(), "Approve production") {
			t.Fatalf("no sheet on\n%s", term.screen())
		}
		engine.Set(scene.Rollout()) // the world moves on; the sheet stays on what it showed
		for _, r := range "on call" {
			name := string(r)
			if r == ' ' {
				name = "space"
			}
			typeKeys(p, name)
		}
		typeKeys(p, "tab")
		time.Sleep(time.Second)
		typeKeys(p, "enter")
		time.Sleep(time.Second)
		done := operator.Executed()
		if len(done) != 1 || done[0].Intent.RunID != 212 {
			t.Fatalf("executed %v, want the approval of run 212; the screen is\n%s", done, term.screen())
		}
		typeKeys(p, "esc")
		if !strings.Contains(term.screen(), "approved: GitHub shows the run in progress") {
			t.Errorf("no receipt on\n%s", term.screen())
		}
	})
}
