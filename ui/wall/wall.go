// Package wall is the screen of gh deployctl watch: every environment in a
// large cell, exceptions first, readable from across a room, for weeks.
//
// It is read-only by construction: all it holds is an [Engine], which cannot
// change anything. It has no keys but q. What it shows is the console's own
// snapshot; when that grows old the wall says so over everything else.
package wall

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// Engine is what the wall reads.
type Engine interface {
	// Snapshot is the newest snapshot; never nil.
	Snapshot() *pipeline.Snapshot
	// Subscribe gives a channel that says when there is a newer one.
	Subscribe() (wake <-chan struct{}, cancel func())
}

// Defaults of [Options].
const (
	DefaultRotate = 20 * time.Second
	DefaultStale  = 60 * time.Second
)

// beatLength is how long the heart stays bright after data has arrived.
const beatLength = time.Second

// Options say what the wall shows.
type Options struct {
	Theme       theme.Options
	Rotate      time.Duration  // from page to page; 0: DefaultRotate
	StaleAfter  time.Duration  // data older than this is old, unless its source is asked less often; 0: DefaultStale
	Environment string         // this environment only; empty: all
	Exceptions  bool           // only what needs somebody
	Location    *time.Location // of the times shown; nil: local
}

// Model is the wall as a Bubble Tea program.
type Model struct {
	opt           Options
	engine        Engine
	styles        *theme.Styles
	width, height int

	snapshot *pipeline.Snapshot
	now      time.Time
	arrived  time.Time // when data came last
	started  time.Time
	page     int
	turned   time.Time // when the page came up
	frame    string
	wake     <-chan struct{}
	cancel   func()
	closed   chan struct{}
}

// The messages of the wall.
type (
	tickMsg  time.Time
	freshMsg struct{}
)

// New makes a wall. Its first frame shows the engine's snapshot as it is, with
// its age.
func New(e Engine, o Options) *Model {
	if o.Rotate <= 0 {
		o.Rotate = DefaultRotate
	}
	if o.StaleAfter <= 0 {
		o.StaleAfter = DefaultStale
	}
	if o.Location == nil {
		o.Location = time.Local
	}
	now := time.Now()
	m := &Model{
		opt: o, engine: e, styles: theme.New(o.Theme), snapshot: e.Snapshot(),
		now: now, started: now, turned: now, closed: make(chan struct{}),
	}
	m.wake, m.cancel = e.Subscribe()
	return m
}

// Close ends the wall's subscription. It is called once, after the program.
func (m *Model) Close() {
	m.cancel()
	close(m.closed)
}

// frameRate is enough for what changes once a second, and costs little.
const frameRate = 30

// Run shows the wall until it is quit or the context ends, which is no error.
func Run(ctx context.Context, e Engine, o Options, options ...tea.ProgramOption) error {
	m := New(e, o)
	defer m.Close()
	all := append([]tea.ProgramOption{tea.WithContext(ctx), tea.WithFPS(frameRate)}, options...)
	_, err := tea.NewProgram(m, all...).Run()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("show the wall: %w", err)
	}
	return nil
}

// Init implements [tea.Model].
func (m *Model) Init() tea.Cmd {
	return tea.Batch(m.tick(), m.listen(), tea.RequestBackgroundColor)
}

// tick wakes the wall at the next full second.
func (m *Model) tick() tea.Cmd {
	return tea.Every(time.Second, func(t time.Time) tea.Msg { return tickMsg(t) })
}

// listen waits for a newer snapshot.
func (m *Model) listen() tea.Cmd {
	wake, closed := m.wake, m.closed
	return func() tea.Msg {
		select {
		case <-closed:
			return nil
		case <-wake:
			return freshMsg{}
		}
	}
}

// Update implements [tea.Model].
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		switch msg.Keystroke() {
		case "q", "ctrl+c":
			return m, tea.Quit
		}
		return m, nil
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		m.opt.Theme.Light = !msg.IsDark()
		m.styles = theme.New(m.opt.Theme)
	case tickMsg:
		m.now = time.Time(msg)
		m.turn()
		cmd = m.tick()
	case freshMsg:
		m.take(m.engine.Snapshot())
		cmd = m.listen()
	default:
		return m, nil
	}
	m.frame = m.draw()
	return m, cmd
}

// take shows a newer snapshot. The heart beats only if it brought data: a
// snapshot is published for other reasons too.
func (m *Model) take(s *pipeline.Snapshot) {
	if newest(s).After(newest(m.snapshot)) {
		m.arrived = m.now
	}
	m.snapshot = s
}

// newest is when anything was read last.
func newest(s *pipeline.Snapshot) time.Time {
	var at time.Time
	for _, src := range s.Sources {
		if src.At.After(at) {
			at = src.At
		}
	}
	return at
}

// turn shows the next page when this one had its time.
func (m *Model) turn() {
	if m.now.Sub(m.turned) < m.opt.Rotate {
		return
	}
	m.page, m.turned = m.page+1, m.now
}

// View implements [tea.Model].
func (m *Model) View() tea.View {
	v := tea.NewView(m.frame)
	v.AltScreen = true
	v.WindowTitle = "deployctl watch · " + m.snapshot.Repository.FullName()
	return v
}
