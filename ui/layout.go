package ui

import (
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/keys"
)

// shape is how the panels share the screen.
type shape int

const (
	single  shape = iota // one panel at a time, on small screens
	stacked              // one above the other
	beside               // side by side, which is the product
	zoomed               // one panel, because the operator wants it
)

// The sizes from which the shapes are used. Below stackedWidth by
// stackedHeight one panel is shown at a time.
const (
	besideWidth   = 120
	besideHeight  = 20
	stackedWidth  = 80
	stackedHeight = 24
)

// wholeRows is the width from which the rows of services, side by side with the
// others, show all their columns.
const wholeRows = 160

// layout is where everything stands. Rectangles that are not shown are empty.
type layout struct {
	shape                                                 shape
	screen, header, releases, runs, services, logs, strip frame.Rect
	footer, body                                          frame.Rect // body: all between header and footer
}

// panel is the rectangle of a panel.
func (l layout) panel(s keys.Scope) frame.Rect {
	switch s {
	case keys.Releases:
		return l.releases
	case keys.Runs:
		return l.runs
	case keys.Services:
		return l.services
	case keys.Logs:
		return l.logs
	}
	return frame.Rect{}
}

// arrange shares a screen of width by height cells out. The focused panel gets
// more than the others; trains is how many releases there are to show.
func arrange(width, height int, focus keys.Scope, zoom bool, trains int) layout {
	l := layout{screen: frame.Rect{Width: width, Height: height}}
	l.header = frame.Rect{Width: width, Height: min(1, height)}
	l.footer = frame.Rect{Y: max(height-1, 1), Width: width, Height: min(1, max(height-1, 0))}
	l.body = frame.Rect{Y: 1, Width: width, Height: max(height-2, 0)}
	switch {
	case zoom:
		l.shape = zoomed
		l.one(focus)
	case width >= besideWidth && height >= besideHeight:
		l.shape = beside
		l.columns(focus, trains)
	case width >= stackedWidth && height >= stackedHeight:
		l.shape = stacked
		l.rows(focus, trains)
	default:
		l.shape = single
		l.one(focus)
	}
	return l
}

// one gives the whole body to one panel.
func (l *layout) one(focus keys.Scope) {
	switch focus {
	case keys.Releases:
		l.releases = l.body
	case keys.Services:
		l.services = l.body
	case keys.Logs:
		l.logs = l.body
	default:
		l.runs = l.body
	}
}

// head takes the releases off the top of the body, and the strip off its
// bottom, with a blank line around them where there is room. It returns what is
// left for the panels.
func (l *layout) head(trains, most, strip int, airy bool) frame.Rect {
	rest := l.body
	air := 0
	if airy {
		air = 1
	}
	n := max(min(trains, most), 1)
	l.releases = frame.Rect{Y: rest.Y + air, Width: rest.Width, Height: n}
	l.strip = frame.Rect{Y: rest.Y + rest.Height - strip - air, Width: rest.Width, Height: strip}
	top := l.releases.Y + n + air
	return frame.Rect{Y: top, Width: rest.Width, Height: max(l.strip.Y-top, 0)}
}

// columns lays the three panels side by side.
func (l *layout) columns(focus keys.Scope, trains int) {
	h := l.screen.Height
	most, strip := 2, 1
	switch {
	case h >= 55:
		most, strip = 6, 3
	case h >= 45:
		most, strip = 5, 3
	case h >= 36:
		most, strip = 3, 3
	case h >= 28:
		most, strip = 3, 2
	}
	rest := l.head(trains, most, strip, h >= 36)
	weights := [3]int{20, 20, 21}
	switch focus {
	case keys.Runs:
		weights[0] += 4
	case keys.Services:
		weights[1] += 4
	case keys.Logs:
		weights[2] += 8
	}
	sum := weights[0] + weights[1] + weights[2]
	// Rows of services are whole at this width; what a wider screen has more
	// serves the titles of runs, and most of all log lines, which never are.
	shared := min(rest.Width, wholeRows)
	more := [3]int{4, 1, 5} // tenths
	x := 0
	for i, r := range []*frame.Rect{&l.runs, &l.services, &l.logs} {
		w := shared*weights[i]/sum + (rest.Width-shared)*more[i]/10
		if i == 2 {
			w = rest.Width - x
		}
		*r = frame.Rect{X: x, Y: rest.Y, Width: w, Height: rest.Height}
		x += w
	}
}

// rows lays the three panels one above the other.
func (l *layout) rows(focus keys.Scope, trains int) {
	h := l.screen.Height
	most, strip := 2, 1
	if h >= 36 {
		most, strip = 4, 3
	}
	rest := l.head(trains, most, strip, h >= 45)
	small := max(rest.Height/4, 5)
	heights := [3]int{small, small, small}
	at := 0
	switch focus {
	case keys.Services:
		at = 1
	case keys.Logs:
		at = 2
	}
	heights[at] = rest.Height - 2*small
	y := rest.Y
	for i, r := range []*frame.Rect{&l.runs, &l.services, &l.logs} {
		*r = frame.Rect{Y: y, Width: rest.Width, Height: heights[i]}
		y += heights[i]
	}
}
