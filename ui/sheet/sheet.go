// Package sheet is the part of the console through which everything that
// changes something goes: approve, reject, roll back, trigger, re-run, cancel.
//
// A sheet shows one [pipeline.Plan], frozen, takes what has to be typed, and
// returns a typed [Action]; it never acts. The console performs the action and
// hands the answer back to the sheet as a message. While a sheet is open, later
// changes of the world appear in a banner and rows never move.
package sheet

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// Sheet is a dialog over the console. Its methods are called from the loop of
// the program only, with the exact time: [Settle] is measured with it.
type Sheet interface {
	// Start is called once, when the sheet opens, and returns its first question.
	Start(now time.Time) (Action, tea.Cmd)

	// Handle takes keys, pastes, clicks and wheel turns (with coordinates
	// relative to the sheet's top left corner), the answers [Planned], [Done],
	// [Progressed], [RefsRead] and [FileRead], and a [Tick] once a second.
	Handle(msg tea.Msg, now time.Time) (Action, tea.Cmd)

	// Observe takes every newer snapshot. It may raise or lower the banner; it
	// never changes what was planned.
	Observe(s *pipeline.Snapshot, now time.Time)

	// Lines draws the sheet, borders included, in a space of width by height
	// cells. All lines are equally wide, and never wider or more than that; a
	// sheet that needs less takes less, and the console centres it. Times are
	// shown in now's location.
	Lines(styles *theme.Styles, width, height int, now time.Time) []string

	// Cursor is where the text cursor stands, relative to the top left corner
	// of what Lines drew last; nil: no field has the focus.
	Cursor() *tea.Cursor
}

// Tick tells an open sheet that a second has passed: ages grow, and evidence
// that is too old is read again.
type Tick struct{}

// Settle is how long Enter and clicks on buttons are ignored after a sheet has
// opened or changed, so that a key meant for what was there before confirms
// nothing.
const Settle = 500 * time.Millisecond
