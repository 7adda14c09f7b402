package theme

import (
	"image/color"

	"github.com/charmbracelet/x/ansi"

	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// Look is base, looking as somebody else's text did where it was written. A
// theme without colour takes over emphasis alone, and none of them the
// backgrounds, which would hide the cursor's row.
func (s *Styles) Look(base Paint, l sanitise.Look) Paint {
	p := base
	p.bold = p.bold || l.Bold
	p.faint = p.faint || l.Faint
	p.underline = p.underline || l.Underline
	if c := s.foreign(l.Foreground); c != nil {
		p.fg = c
	}
	return p.made()
}

// foreign is a colour from outside; nil where it is none, or would not be seen:
// black on dark, white on light.
func (s *Styles) foreign(c sanitise.Colour) color.Color {
	if s.Options.Kind == Mono {
		return nil
	}
	if r, g, b, ok := c.RGB(); ok {
		return color.RGBA{R: r, G: g, B: b, A: 0xff}
	}
	n, ok := c.Index()
	switch {
	case !ok, n == 0 && !s.Options.Light, (n == 7 || n == 15) && s.Options.Light:
		return nil
	case n < 16:
		return ansi.BasicColor(n)
	}
	return ansi.IndexedColor(n)
}
