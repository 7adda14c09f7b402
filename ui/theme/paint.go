package theme

import (
	"image/color"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// Paint is how a piece of text looks. Its escape sequence is made once, when
// the theme is, so that painting a text is one concatenation; lipgloss takes a
// hundred times as long and would be most of a frame. The zero Paint leaves
// text as it is.
type Paint struct {
	fg, bg                         color.Color
	bold, faint, underline, invert bool
	sgr                            string // parameters without CSI and m; empty: none
}

const (
	csi   = "\x1b["
	reset = "\x1b[m"
)

// made completes p: it computes the parameters from the fields.
func (p Paint) made() Paint {
	var s ansi.Style
	if p.bold {
		s = s.Bold()
	}
	if p.faint {
		s = s.Faint()
	}
	if p.underline {
		s = s.Underline(true)
	}
	if p.invert {
		s = s.Reverse(true)
	}
	if p.fg != nil {
		s = s.ForegroundColor(p.fg)
	}
	if p.bg != nil {
		s = s.BackgroundColor(p.bg)
	}
	p.sgr = strings.TrimSuffix(strings.TrimPrefix(s.String(), csi), "m")
	if len(s) == 0 {
		p.sgr = ""
	}
	return p
}

// Zero reports whether p leaves text as it is.
func (p Paint) Zero() bool { return p.sgr == "" }

// Bold is p in bold.
func (p Paint) Bold() Paint { p.bold = true; return p.made() }

// Underline is p underlined.
func (p Paint) Underline() Paint { p.underline = true; return p.made() }

// Faint is p, fainter.
func (p Paint) Faint() Paint { p.faint = true; return p.made() }

// On is p drawn on the background of back. Where back inverts, as it does in
// themes without colour, the foreground of p is given up: patches of colour in
// an inverted row are harder to read than none.
func (p Paint) On(back Paint) Paint {
	if back.sgr == "" {
		return p
	}
	if back.invert {
		back.bold = back.bold || p.bold
		return back.made()
	}
	if p.bg == nil {
		p.bg = back.bg
	}
	p.bold = p.bold || back.bold
	return p.made()
}

// Append appends s in p, on the background of back, to b. It is what rows are
// built with.
func (p Paint) Append(b []byte, back Paint, s string) []byte {
	switch {
	case s == "":
		return b
	case back.sgr == "" && p.sgr == "":
		return append(b, s...)
	case back.sgr == "":
		b = append(append(append(b, csi...), p.sgr...), 'm')
	case p.sgr == "" || back.invert:
		b = append(append(append(b, csi...), back.sgr...), 'm')
	default:
		b = append(append(b, csi...), p.sgr...)
		b = append(append(append(b, ';'), back.sgr...), 'm')
	}
	return append(append(b, s...), reset...)
}

// Render is s in p.
func (p Paint) Render(s string) string {
	if p.sgr == "" || s == "" {
		return s
	}
	return csi + p.sgr + "m" + s + reset
}

// Style is the same look as a lipgloss style, for components that want one.
// Never use it to draw a live panel.
func (p Paint) Style() lipgloss.Style {
	s := lipgloss.NewStyle().Bold(p.bold).Faint(p.faint).Underline(p.underline).Reverse(p.invert)
	if p.fg != nil {
		s = s.Foreground(p.fg)
	}
	if p.bg != nil {
		s = s.Background(p.bg)
	}
	return s
}
