package logview

import (
	"fmt"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/ui/panel"
)

// Found is the answer of a search.
type Found struct {
	Row    int
	OK     bool
	Back   bool   // it went back
	What   string // what was searched for
	At, Of int    // which of all matches it is, from 1
}

// Seek prepares a search for the next match, or the previous; without a
// pattern it seeks errors. The function may be run on another goroutine.
func (p *Panel) Seek(back bool) func() Found {
	view, pattern := p.view, p.search
	from := -1
	if back {
		from = view.Len()
	}
	if p.cursor != nil {
		from = view.Locate(p.cursor)
	} else if !back {
		from = max(view.Top(max(p.context.Height-2, 1))-1, -1)
	}
	matches, what := isError, "error"
	if !pattern.Empty() {
		matches, what = func(l *logs.Line) bool { return pattern.Match(l.Text) }, "“"+pattern.String()+"”"
	}
	return func() Found {
		f := sought(view.Lines(), from, back, matches)
		f.What, f.Back = what, back
		return f
	}
}

// isError matches the first line of each error.
func isError(l *logs.Line) bool { return l.Level >= logs.LevelError && !l.Continuation }

// sought finds the match next to a row, and its place among all of them.
func sought(rows []*logs.Line, from int, back bool, matches func(*logs.Line) bool) (f Found) {
	for i, l := range rows {
		if !matches(l) {
			continue
		}
		f.Of++
		if back && i < from || !back && i > from && !f.OK {
			f.Row, f.At, f.OK = i, f.Of, true
		}
	}
	return f
}

// Go shows what a search found.
func (p *Panel) Go(f Found) panel.Action {
	switch {
	case f.OK:
	case f.Of > 0:
		text := "no further " + f.What + " of " + panel.Count(f.Of) + "; N goes back"
		if f.Back {
			text = "no earlier " + f.What + " of " + panel.Count(f.Of) + "; n goes on"
		}
		return panel.Say{Text: text, Bad: true}
	default:
		return panel.Say{Text: "no " + f.What + " among these lines", Bad: true}
	}
	p.goTo(f.Row)
	p.match = fmt.Sprintf("%s %s of %s", f.What, panel.Count(f.At), panel.Count(f.Of))
	return nil
}
