package wall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"
	"github.com/charmbracelet/x/vt"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// source is an engine whose snapshot is set by hand.
type source struct {
	snapshot  *pipeline.Snapshot
	wake      chan struct{}
	cancelled bool
}

func (s *source) Snapshot() *pipeline.Snapshot { return s.snapshot }

func (s *source) Subscribe() (<-chan struct{}, func()) {
	return s.wake, func() { s.cancelled = true }
}

// show is a wall of that size at the moment of the scenes.
func show(s *pipeline.Snapshot, o Options, width, height int) *Model {
	o.Location = time.UTC
	m := New(&source{snapshot: s, wake: make(chan struct{}, 1)}, o)
	m.now, m.started, m.turned = scene.Now, scene.Now, scene.Now
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	return m
}

// after lets time pass in ticks of one second.
func (m *Model) after(d time.Duration) *Model {
	for end := m.now.Add(d); m.now.Before(end); {
		m.Update(tickMsg(m.now.Add(time.Second)))
	}
	return m
}

func (m *Model) text() string { return ansi.Strip(m.frame) }

// environments is a product with n environments, all at rest.
func environments(n int) *pipeline.Snapshot {
	s := scene.Waiting()
	s.Approvals, s.Rollouts = nil, nil
	staging := s.Environments[0]
	s.Environments = nil
	for i := range n {
		e := staging
		e.Environment.Name = fmt.Sprintf("env-%02d", i)
		s.Environments = append(s.Environments, e)
	}
	return s
}

func TestFrames(t *testing.T) {
	for name, snap := range scene.All() {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			for _, size := range [][2]int{{80, 24}, {120, 40}, {160, 45}, {200, 60}, {40, 10}} {
				fmt.Fprintf(&b, "%dx%d\n%s\n\n", size[0], size[1], show(snap, Options{}, size[0], size[1]).text())
			}
			golden.RequireEqual(t, b.String())
		})
	}
}

func TestEveryRowFitsEverySize(t *testing.T) {
	all := scene.All()
	all["environments"] = environments(23)
	looks := []theme.Options{{}, {Kind: theme.Mono, ASCII: true}, {Kind: theme.HighContrast, Light: true}}
	for name, snap := range all {
		t.Run(name, func(t *testing.T) {
			for i, width := range []int{1, 2, 5, 13, 39, 40, 44, 79, 88, 120, 200, 321} {
				for _, height := range []int{1, 2, 4, 7, 10, 15, 16, 24, 40, 61, 100} {
					m := show(snap, Options{Theme: looks[i%len(looks)], Exceptions: i%5 == 4}, width, height)
					rows := strings.Split(m.frame, "\n")
					if len(rows) != height {
						t.Fatalf("%d rows on %dx%d", len(rows), width, height)
					}
					for y, l := range rows {
						if w := ansi.StringWidth(l); w != width {
							t.Fatalf("row %d is %d cells wide on %dx%d: %q", y, w, width, height, ansi.Strip(l))
						}
					}
				}
			}
		})
	}
}

func TestTheWallCanOnlyRead(t *testing.T) {
	e := reflect.TypeFor[Engine]()
	var methods []string
	for i := range e.NumMethod() {
		methods = append(methods, e.Method(i).Name)
	}
	if want := []string{"Snapshot", "Subscribe"}; !slices.Equal(methods, want) {
		t.Errorf("the wall's engine can %v, want %v", methods, want)
	}
}

func TestOnlyQuittingKeysDoAnything(t *testing.T) {
	m := show(scene.Bad(), Options{}, 120, 40)
	before := m.frame
	for r := rune(1); r < 128; r++ {
		for _, mod := range []tea.KeyMod{0, tea.ModCtrl, tea.ModAlt} {
			_, cmd := m.Update(tea.KeyPressMsg{Code: r, Text: string(r), Mod: mod})
			quits := (r == 'q' && mod == 0) || (r == 'c' && mod == tea.ModCtrl)
			if (cmd != nil) != quits {
				t.Errorf("key %q with %v: quits %v, want %v", r, mod, cmd != nil, quits)
			}
		}
	}
	if m.frame != before {
		t.Error("a key changed the screen")
	}
}

func TestPagesTurnUntilAllWereSeen(t *testing.T) {
	m := show(environments(9), Options{Rotate: 10 * time.Second}, 90, 24)
	seen := map[string]bool{}
	note := func() {
		for i := range 9 {
			if name := fmt.Sprintf("ENV-%02d", i); strings.Contains(m.text(), name) {
				seen[name] = true
			}
		}
	}
	note()
	if !strings.Contains(m.text(), "page 1 of 3") {
		t.Errorf("the page is not told:\n%s", m.text())
	}
	first := len(seen)
	m.after(9 * time.Second)
	if note(); len(seen) != first {
		t.Error("the page turned before its time")
	}
	m.after(time.Second)
	note()
	m.after(10 * time.Second)
	if note(); len(seen) != 9 {
		t.Errorf("after all pages %d environments were seen of 9", len(seen))
	}
	m.after(10 * time.Second)
	if !strings.Contains(m.text(), "page 1 of 3") {
		t.Error("the last page is not followed by the first")
	}
}

func TestExceptionsComeFirstWhenNotAllFit(t *testing.T) {
	s := environments(9)
	s.Environments[3].Services = slices.Clone(s.Environments[3].Services)
	s.Environments[3].Services[0].Health, s.Environments[3].Services[0].Why = pipeline.Unhealthy, "no healthy targets"
	m := show(s, Options{}, 90, 24)
	if !strings.Contains(m.text(), "ENV-03") || !strings.Contains(m.text(), "no healthy targets") {
		t.Errorf("the ill environment is not on the first page:\n%s", m.text())
	}
}

func TestOneEnvironment(t *testing.T) {
	m := show(scene.Disagreement(), Options{Environment: "staging"}, 120, 40)
	if got := m.text(); strings.Contains(got, "PRODUCTION") || !strings.Contains(got, "STAGING") {
		t.Errorf("--environment staging shows\n%s", got)
	}
	m = show(scene.Disagreement(), Options{Environment: "moon"}, 120, 40)
	if got := m.text(); !strings.Contains(got, "there is no environment moon") {
		t.Errorf("an unknown environment shows\n%s", got)
	}
}

func TestExceptionsOnly(t *testing.T) {
	m := show(scene.Disagreement(), Options{Exceptions: true}, 120, 40)
	if got := m.text(); strings.Contains(got, "STAGING") || !strings.Contains(got, "payments") {
		t.Errorf("--exceptions shows\n%s", got)
	}
	m = show(environments(2), Options{Exceptions: true}, 120, 40)
	if got := m.text(); !strings.Contains(got, "nothing needs anybody: env-00 v1.42.0, env-01 v1.42.0") {
		t.Errorf("without exceptions it shows\n%s", got)
	}
}

func TestWhatIsOnTheWall(t *testing.T) {
	for name, tt := range map[string]struct {
		snap *pipeline.Snapshot
		want []string
	}{
		"waiting": {scene.Waiting(), []string{
			"◆ v1.42.0 waits for approval   3m", "alice, bob, sre-team", "nothing moving", "6 of 6 services healthy",
			"✗ feat/tax  Test orders: pytest   1h",
		}},
		"rollout":      {scene.Rollout(), []string{"v1.42.0  updating 3 of 6   7m of about 19m", "◐ live on 3 of 6"}},
		"bad":          {scene.Bad(), []string{"✗ orders", "5 of 6 services healthy"}},
		"disagreement": {scene.Disagreement(), []string{"▲ live on 5 of 6, 2d 4h", "▲ payments       ECS runs 5c4d3e2", "◐ notifications  1 of 2 running: out of memory (137)"}},
		"empty":        {scene.Empty(), []string{"no environments: run gh deployctl init"}},
		"starting":     {scene.Starting(), []string{"from disk, 3h old"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := show(tt.snap, Options{}, 120, 40).text()
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not on the wall:\n%s", want, got)
				}
			}
		})
	}
}

func TestAHoldIsAnException(t *testing.T) {
	s := scene.Waiting()
	s.Environment("production").Hold = &pipeline.Hold{Owner: "carol", Reason: "incident 7", Since: scene.Now.Add(-time.Hour), Token: "f00d"}
	if got := show(s, Options{}, 120, 40).text(); !strings.Contains(got, "! held by carol: incident 7, 1h") {
		t.Errorf("the hold is not on the wall:\n%s", got)
	}
}

func TestAFreezeIsAnException(t *testing.T) {
	s := scene.Waiting()
	s.Config.Policy.Freezes = []pipeline.FreezeWindow{{From: scene.Now.Add(-time.Hour), Until: scene.Now.Add(time.Hour), Reason: "Christmas"}}
	if got := show(s, Options{Exceptions: true}, 120, 40).text(); strings.Count(got, "! frozen: Christmas, until ") != 1 {
		t.Errorf("the freeze is not on the wall, or not of production alone:\n%s", got)
	}
}

func TestAPauseIsAnException(t *testing.T) {
	s := scene.Rollout()
	s.Environment("production").Services[3].Rollout.Hooks = []pipeline.Hook{{ID: "h", Status: "AWAITING_ACTION"}}
	if got := show(s, Options{Exceptions: true}, 120, 40).text(); !strings.Contains(got, "◆ orders  pauses until somebody answers") {
		t.Errorf("the pause is not on the wall:\n%s", got)
	}
}

func TestStaleDataIsUnmistakable(t *testing.T) {
	m := show(scene.Sources(), Options{}, 130, 40)
	for _, want := range []string{
		"STALE: nothing has been read from GitHub (runs) for 4 min 10 s (GitHub answered 502 Bad Gateway).",
		"One more source is ill.",
		"What stands below is how things were at 13:59:12. Trying again in 20 s.",
	} {
		if !strings.Contains(m.text(), want) {
			t.Errorf("%q is not on the wall:\n%s", want, m.text())
		}
	}
	banner, _, _ := strings.Cut(m.styles.Banner.Render("X"), "X")
	if !strings.Contains(m.frame, banner) {
		t.Error("the notice is not in reverse video")
	}
	if alive, _, _ := strings.Cut(m.styles.OK.Render("X"), "X"); strings.Contains(m.frame, alive) {
		t.Error("old data is still shown in the colour of what is well")
	}
}

func TestDataGrowsOldWithoutASnapshot(t *testing.T) {
	m := show(scene.Waiting(), Options{StaleAfter: 30 * time.Second}, 120, 40)
	if strings.Contains(m.text(), "STALE") {
		t.Fatal("fresh data is called stale")
	}
	m.after(50 * time.Second) // read 4 s before the scene, with a TTL of one minute
	if strings.Contains(m.text(), "STALE") {
		t.Error("data within its own time to live is called stale")
	}
	m.after(10 * time.Second)
	if !strings.Contains(m.text(), "STALE: nothing has been read from GitHub (runs) for 1 min 4 s") {
		t.Errorf("an engine that is silent goes unnoticed:\n%s", m.text())
	}
}

func TestASourceThatWasNeverReadIsStaleToo(t *testing.T) {
	s := scene.Waiting()
	s.Sources = []pipeline.SourceStatus{{Name: "github runs", Observation: pipeline.Observation{Err: errors.New("no route to host")}}}
	m := show(s, Options{}, 120, 40).after(61 * time.Second)
	if !strings.Contains(m.text(), "STALE: nothing has been read from GitHub (runs) for 1 min 1 s (no route to host)") {
		t.Errorf("it is not told:\n%s", m.text())
	}
	s.Sources = nil
	if m := show(s, Options{}, 120, 40).after(61 * time.Second); !strings.Contains(m.text(), "STALE") {
		t.Error("a wall without any source looks well")
	}
}

func TestTheHeartBeatsOnlyWhenDataArrives(t *testing.T) {
	src := &source{snapshot: scene.Waiting()}
	m := show(src.snapshot, Options{}, 120, 40)
	m.engine = src
	beats := func() bool { return strings.Contains(m.frame, m.styles.Danger.Render(m.styles.Glyphs.Heart+" ")) }
	if beats() {
		t.Error("it beats before data has come")
	}
	again := *src.snapshot
	src.snapshot = &again
	if m.Update(freshMsg{}); beats() {
		t.Error("it beats for a snapshot without new data")
	}
	newer := *src.snapshot
	newer.Sources = slices.Clone(newer.Sources)
	newer.Sources[0].At = scene.Now.Add(time.Second)
	src.snapshot = &newer
	if m.Update(freshMsg{}); !beats() {
		t.Error("it does not beat when data comes")
	}
	if m.after(time.Second); beats() {
		t.Error("it beats on")
	}
}

func TestABranchThatRecoveredIsNotFailing(t *testing.T) {
	run := func(id int64, branch string, c pipeline.Conclusion) pipeline.Run {
		return pipeline.Run{ID: id, Workflow: "ci.yml", Branch: branch, Status: pipeline.StatusCompleted, Conclusion: c, Attempt: 1}
	}
	s := scene.Waiting()
	s.Runs.Value = []pipeline.Run{ // newest first
		run(6, "fixed", pipeline.ConclusionSuccess), run(5, "fixed", pipeline.ConclusionFailure),
		run(4, "broken", pipeline.ConclusionCancelled), run(3, "broken", pipeline.ConclusionFailure), run(2, "broken", pipeline.ConclusionSuccess),
		{ID: 1, Workflow: "cd-staging.yml", Branch: "other", Status: pipeline.StatusCompleted, Conclusion: pipeline.ConclusionFailure},
	}
	failed, branches := show(s, Options{}, 80, 24).failing()
	if len(failed) != 1 || failed[0].ID != 3 || branches != 2 {
		t.Errorf("failing are %v on %d branches, want run 3 of 2", failed, branches)
	}
}

// TestTheProgram runs the wall in a terminal: it follows the engine, and ends
// with q or with its context, leaving nothing behind.
func TestTheProgram(t *testing.T) {
	for name, end := range map[string]func(io.Writer, context.CancelFunc){
		"q":       func(keys io.Writer, _ context.CancelFunc) { _, _ = io.WriteString(keys, "q") },
		"context": func(_ io.Writer, cancel context.CancelFunc) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				em := vt.NewSafeEmulator(100, 30)
				defer scene.Drain(em)()
				input, keys := io.Pipe()
				defer keys.Close()
				src := &source{snapshot: scene.Waiting(), wake: make(chan struct{}, 1)}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				done := make(chan error, 1)
				go func() {
					done <- Run(ctx, src, Options{Location: time.UTC}, tea.WithInput(input), tea.WithOutput(em),
						tea.WithWindowSize(100, 30), tea.WithoutSignalHandler(), tea.WithEnvironment([]string{"TERM=xterm-256color"}))
				}()
				pass := func(d time.Duration) {
					<-time.After(d)
					synctest.Wait()
				}
				pass(3 * time.Second)
				if got := ansi.Strip(em.Render()); !strings.Contains(got, "waits for approval") {
					t.Errorf("the screen shows\n%s", got)
				}
				src.snapshot = scene.Rollout()
				src.wake <- struct{}{}
				pass(time.Second)
				if got := ansi.Strip(em.Render()); !strings.Contains(got, "updating 3 of 6") {
					t.Errorf("the newer snapshot is not shown:\n%s", got)
				}
				end(keys, cancel)
				if err := <-done; err != nil {
					t.Errorf("it ended with %v", err)
				}
				if !src.cancelled {
					t.Error("the subscription was not cancelled")
				}
				pass(2 * time.Second) // the last tick fires into a program that is gone
			})
		})
	}
}

func TestALongVersionIsNotLostInLargeLetters(t *testing.T) {
	s := scene.Waiting()
	s.Environment("staging").Live.Release.Version = "2026.11.23-85d3c28"
	got := show(s, Options{}, 120, 40).text()
	for _, want := range []string{bigText("a1b2c3d", false)[0], "2026.11.23-85d3c28"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not on the wall:\n%s", want, got)
		}
	}
}

func TestLargeLettersAreEquallyWideInAllRows(t *testing.T) {
	for r, letter := range letters {
		for _, rows := range [][]string{letter[:], double(letter[:])} {
			for _, row := range rows {
				if ansi.StringWidth(row) != ansi.StringWidth(rows[0]) {
					t.Errorf("%q is uneven: %q", r, rows)
				}
			}
		}
	}
}
