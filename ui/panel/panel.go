// Package panel is what the console's panels have in common: what they are
// drawn from, what they may ask of the console, and a cursor that stays on its
// row while rows come, go and move.
package panel

import (
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// Context is everything that a panel's lines follow from, apart from what the
// panel keeps itself. Two equal contexts give the same lines, so a panel keeps
// its lines beside the context that they were made for.
type Context struct {
	Snapshot    *pipeline.Snapshot
	Styles      *theme.Styles
	Zone        *time.Location
	Now         time.Time // of this frame
	Spin        int       // turns the glyph of what moves
	Width       int       // of the panel, borders included
	Height      int
	Focused     bool
	Zoomed      bool
	Environment string
	Join        Join
}

// Settled is the context of a panel in which nothing moves: it changes once a
// minute, because ages are shown in minutes.
func (c Context) Settled() Context {
	c.Now, c.Spin = c.Now.Truncate(time.Minute), 0
	return c
}

// State is the environment in focus; nil where there is none.
func (c Context) State() *pipeline.EnvironmentState {
	return c.Snapshot.Environment(c.Environment)
}

// Clock writes a moment as a time of day in the operator's zone.
func (c Context) Clock(t time.Time) string { return t.In(c.zone()).Format("15:04:05") }

func (c Context) zone() *time.Location {
	if c.Zone == nil {
		return time.Local
	}
	return c.Zone
}

// Join is a selection in one panel that the others follow: the runs of a
// release, the services that run it, their logs. The zero Join is none.
type Join struct {
	From    keys.Scope // the panel in which it was made
	SHA     string
	Run     int64
	Service string
}

// Active reports whether anything is joined.
func (j Join) Active() bool { return j != Join{} }

// Releases is the set of SHAs that are the same release as sha.
func Releases(s *pipeline.Snapshot, sha string) map[string]bool {
	set := map[string]bool{}
	if sha == "" {
		return set
	}
	set[sha] = true
	for _, t := range s.Trains {
		if t.Release.SHA != sha && !contains(t.Aliases, sha) {
			continue
		}
		set[t.Release.SHA] = true
		for _, a := range t.Aliases {
			set[a] = true
		}
	}
	return set
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// Action is what a panel asks of the console; nil is nothing. It is one of the
// types below.
type Action interface{ action() }

// Selected says that the operator moved the cursor: the other panels follow.
type Selected struct{ Join Join }

// OpenRun asks to open a run over the whole screen, at a job if one is named.
type OpenRun struct{ Run, Job int64 }

// Copy asks to put text on the clipboard; What is what the text is.
type Copy struct{ Text, What string }

// Say asks to show a message for a few seconds.
type Say struct {
	Text string
	Bad  bool
}

func (Selected) action() {}
func (OpenRun) action()  {}
func (Copy) action()     {}
func (Say) action()      {}

// Health is what a panel's lower border says of its source: nothing while the
// data is fresh, its age when it is stale, the error when the last read failed.
func Health(c Context, o pipeline.Observation) []frame.Span {
	s := c.Styles
	switch {
	case o.Err != nil && o.Known():
		return []frame.Span{{Paint: s.Danger, Text: s.Glyphs.Failed + " " + Age(c, o) + " old: " + Brief(o.Err)}}
	case o.Err != nil:
		return []frame.Span{{Paint: s.Danger, Text: s.Glyphs.Failed + " " + Brief(o.Err)}}
	case !o.Known():
		return []frame.Span{{Paint: s.Muted, Text: "reading" + s.Glyphs.Ellipsis}}
	case o.Stale(c.Now):
		return []frame.Span{{Paint: s.Warn, Text: "stale, " + Age(c, o) + " old"}}
	}
	return nil
}
