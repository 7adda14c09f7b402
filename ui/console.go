// Package ui is the console: releases, runs, services and logs on one screen,
// joined on the release, and the sheets through which anything is changed.
//
// Console is the one model of the program. Its Update only routes: keys go to
// the open sheet, then to the command table, then to the focused panel; data
// goes into the snapshot that everything is drawn from. Panels are plain
// structs that keep the lines they drew until something they follow from
// changes, and a frame is those lines joined.
package ui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/logview"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/releases"
	"github.com/deployctl/gh-deployctl/ui/runs"
	"github.com/deployctl/gh-deployctl/ui/services"
	"github.com/deployctl/gh-deployctl/ui/sheet"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// Console is the model of the program. Use New.
type Console struct {
	options  Options
	commands []command
	table    keys.Table
	footers  map[footerPlace]keys.Table // of the table, by place
	denied   map[string]bool            // commands that the operator may not give, by ID
	ctx      context.Context
	cancel   context.CancelFunc
	wake     <-chan struct{}
	leave    func() // cancels the subscription

	snapshot    *pipeline.Snapshot
	styles      *theme.Styles
	now         time.Time // of the frame, to the second, in the operator's zone
	spin        int
	width       int
	height      int
	layout      layout
	focus       keys.Scope
	zoom        bool
	environment string
	join        panel.Join
	focusSeq    int // numbers changes of what the engine is told to look at
	blurred     bool

	releases   releases.Panel
	runs       runs.Panel
	services   services.Panel
	logs       *logview.Panel
	logPattern string       // that CloudWatch filters the logs by
	opened     *runs.Opened // a run over the whole screen
	errors     newErrors

	sheet     sheet.Sheet
	sheetRect frame.Rect
	sending   int // commands whose receipt has not come
	dialog    dialog
	prompt    *prompt
	toast     toast
	welcomed  bool
	quitAsked bool

	ticking  tickPace
	tickSeq  int
	lastTick time.Time // when the sheet was told of a second last

	stripKey   stripKey
	stripDrawn []string
	headerKey  headerKey
	headerLine string

	dirty bool
	lines []string // of the frame, before it is joined
	view  tea.View
}

// New makes a console. Run shows it; a test may drive it by hand.
func New(o Options) *Console {
	o = o.withDefaults()
	c := &Console{
		options: o, focus: keys.Runs, width: 80, height: 24, dirty: true,
		styles: theme.New(o.Theme), snapshot: o.Engine.Snapshot(), logs: logview.New(o.Engine.Logs()),
	}
	c.commands = commands()
	for _, cmd := range c.commands {
		c.table = append(c.table, cmd.Command)
	}
	c.errors.ring, c.errors.view = o.Engine.Logs(), logs.NewView(o.Engine.Logs(), logs.Filter{Level: logs.LevelError})
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.setNow()
	c.takeSnapshot(c.snapshot)
	c.relayout()
	return c
}

// Init implements [tea.Model].
func (c *Console) Init() tea.Cmd {
	c.wake, c.leave = c.options.Engine.Subscribe()
	return tea.Batch(c.waitSnapshot(), c.syncLogs(), c.waitLogs(), c.tick(), c.rotate(), tea.RequestBackgroundColor)
}

// Update implements [tea.Model]. It only routes.
func (c *Console) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	c.setNow()
	cmd := c.route(msg)
	return c, tea.Batch(cmd, c.tick())
}

// route takes what the terminal says; everything else is data.
func (c *Console) route(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return c.key(msg)
	case tea.PasteMsg:
		return c.paste(msg)
	case tea.MouseClickMsg:
		return c.click(msg)
	case tea.MouseWheelMsg:
		return c.wheel(msg)
	case tea.WindowSizeMsg:
		c.resize(msg.Width, msg.Height)
	case tea.BackgroundColorMsg:
		c.restyle(!msg.IsDark())
	case tea.FocusMsg:
		return c.blur(false)
	case tea.BlurMsg:
		return c.blur(true)
	default:
		return c.take(msg)
	}
	return nil
}

// take takes what the console's own commands answer. What it does not know is
// the open sheet's.
func (c *Console) take(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case snapshotMsg:
		return c.takeNewest()
	case logsMsg:
		c.takeLogs(bool(msg))
		return c.waitLogs()
	case syncedMsg:
		c.takeLogs(bool(msg))
	case tickMsg:
		return c.ticked(msg)
	case rotateMsg:
		return tea.Batch(c.turn(), c.rotate())
	case focusMsg:
		return c.tellFocus(msg)
	case logview.Found:
		return c.act(c.logs.Go(msg))
	case jobLogMsg:
		c.takeJobLog(msg)
	case attemptMsg:
		return c.takeAttempt(msg)
	case olderMsg:
		c.takeOlder(msg)
	case excerptMsg:
		c.takeExcerpt(msg)
	case artifactsMsg:
		c.takeArtifacts(msg)
	case savedMsg:
		c.saved(msg)
	case linesSavedMsg:
		c.savedLines(msg)
	case comparedMsg:
		c.compared(msg)
	case browsedMsg:
		c.browsed(msg)
	case sheet.Done:
		return c.done(msg)
	case stepped:
		return c.progressed(msg)
	default:
		return c.toSheet(msg)
	}
	return nil
}

// setNow takes the time of this frame. It is cut to the second, so that what is
// drawn from it changes once a second at most.
func (c *Console) setNow() { c.now = c.options.Now().In(c.options.Zone).Truncate(time.Second) }

// resize lays the screen out anew.
func (c *Console) resize(width, height int) {
	c.width, c.height = max(width, 1), max(height, 1)
	c.relayout()
}

func (c *Console) relayout() {
	c.layout = arrange(c.width, c.height, c.focus, c.zoom, len(c.snapshot.Trains))
	c.dirty = true
}

// restyle takes the look for the terminal's background.
func (c *Console) restyle(light bool) {
	o := c.styles.Options
	if o.Light == light {
		return
	}
	o.Light = light
	c.styles, c.dirty = theme.New(o), true
}

// takeSnapshot makes s what is shown.
func (c *Console) takeSnapshot(s *pipeline.Snapshot) {
	trains := len(c.snapshot.Trains)
	c.snapshot, c.dirty = s, true
	c.denied = map[string]bool{}
	for _, cmd := range c.table {
		if cmd.Dangerous && s.Denied(cmd.ID) != "" {
			c.denied[cmd.ID] = true
		}
	}
	if c.environment == "" || s.Environment(c.environment) == nil {
		c.environment = startEnvironment(s)
	}
	if trains != len(s.Trains) {
		c.relayout()
	}
	if !c.welcomed && wantsWelcome(s) {
		c.welcomed = true
		c.dialog = welcome{}
	}
	if c.sheet != nil {
		c.sheet.Observe(s, c.exactly())
	}
}

// startEnvironment is the one in focus before the operator chooses.
func startEnvironment(s *pipeline.Snapshot) string {
	for _, name := range []string{s.Focus.Environment, s.Config.Default} {
		if name != "" && s.Environment(name) != nil {
			return name
		}
	}
	if n := len(s.Environments); n > 0 {
		return s.Environments[n-1].Environment.Name
	}
	return ""
}

// state is the environment in focus; nil where there is none.
func (c *Console) state() *pipeline.EnvironmentState { return c.snapshot.Environment(c.environment) }

// readOnly reports whether nothing can be changed from here.
func (c *Console) readOnly() bool { return c.options.Operator == nil }

// context is what a panel of that scope is drawn from.
func (c *Console) context(s keys.Scope, r frame.Rect) panel.Context {
	return panel.Context{
		Snapshot: c.snapshot, Styles: c.styles, Zone: c.options.Zone, Now: c.now, Spin: c.spin,
		Width: r.Width, Height: r.Height, Focused: c.focus == s && c.opened == nil, Zoomed: c.zoom,
		Environment: c.environment, Join: c.join,
	}
}

// quit ends the program. While a command is on its way it asks once more:
// leaving would not stop it, but nobody would see what came of it.
func (c *Console) quit() tea.Cmd {
	if c.sending > 0 && !c.quitAsked {
		c.quitAsked = true
		c.say("a command is on its way and its effect was not seen yet: q again leaves all the same", true)
		return nil
	}
	c.stop()
	return tea.Quit
}

// stop ends what waits in the background.
func (c *Console) stop() {
	c.cancel()
	if c.leave != nil {
		c.leave()
	}
}
