// Package theme is how the console looks: one [Styles] value with semantic
// names, for dark and light backgrounds, for high contrast, and without
// colour. Colour is never the only signal: every state has a glyph of its own
// and a word beside it.
//
// The package also measures and cuts text in cells, with a fast path for plain
// ASCII, because that is what a frame consists of.
package theme

import (
	"image/color"
	"strings"

	"charm.land/lipgloss/v2"
)

// Kind selects a family of looks.
type Kind string

// The looks there are.
const (
	Calm         Kind = "calm"          // quiet colours; the default
	HighContrast Kind = "high-contrast" // the terminal's own bright colours, inverted selection
	Mono         Kind = "mono"          // no colour at all: bold, faint, underlined, inverted
)

// Options choose a look.
type Options struct {
	Kind  Kind // empty: Calm
	Light bool // the terminal's background is light
	ASCII bool // only ASCII glyphs and borders
}

// Detect reads a look from the environment's usual names: NO_COLOR, TERM, gh's
// own GH_ACCESSIBLE_COLORS, and the character set of LC_ALL, LC_CTYPE or LANG.
// It cannot know the background; the console asks the terminal.
func Detect(getenv func(string) string) Options {
	var o Options
	switch strings.ToLower(getenv("GH_ACCESSIBLE_COLORS")) {
	case "", "0", "false", "no", "off":
	default:
		o.Kind = HighContrast
	}
	if getenv("NO_COLOR") != "" || getenv("TERM") == "dumb" {
		o.Kind = Mono
	}
	locale := getenv("LC_ALL")
	for _, name := range []string{"LC_CTYPE", "LANG"} {
		if locale == "" {
			locale = getenv(name)
		}
	}
	locale = strings.ToUpper(locale)
	utf8 := locale == "" || strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8")
	o.ASCII = getenv("TERM") == "linux" || getenv("TERM") == "dumb" || (!utf8 && locale != "C" && locale != "POSIX")
	return o
}

// Styles is one look. Take it by pointer; it is never changed after New, so a
// panel may use the pointer as a cache key.
type Styles struct {
	Options Options

	Text   Paint // the terminal's own foreground
	Strong Paint // what the eye should find first
	Muted  Paint // labels, ages, what is settled
	Faint  Paint // rules, hints, what is out of focus
	Accent Paint // keys, the selected name, links
	Title  Paint // of a panel
	Stale  Paint // data that is older than it may be

	OK       Paint // passed, healthy, live
	Moving   Paint // in progress, degraded on its way
	Waiting  Paint // a person is waited for
	Warn     Paint // worth a look; truths disagree
	Danger   Paint // failed, unhealthy, refuses
	Unknown  Paint // nobody knows
	Inactive Paint // cancelled, skipped, superseded, not yet

	Border        Paint
	BorderFocused Paint
	Selected      Paint // background of the row under the cursor
	SelectedDim   Paint // the same in a panel without focus
	Related       Paint // what belongs to the selection of another panel
	Match         Paint // of a search
	Field         Paint // background of an input
	Button        Paint
	ButtonFocused Paint
	ButtonDanger  Paint // focused, and changes production
	Toast         Paint
	ToastBad      Paint
	Banner        Paint // inverted: stale walls, changed evidence

	LevelError Paint // of log lines
	LevelWarn  Paint
	LevelInfo  Paint
	LevelDebug Paint

	Glyphs Glyphs

	marks   [states]Mark
	sources []Paint
}

// New makes a look.
func New(o Options) *Styles {
	if o.Kind == "" {
		o.Kind = Calm
	}
	s := &Styles{Options: o, Glyphs: glyphs(o.ASCII)}
	switch o.Kind {
	case Mono:
		s.mono()
	case HighContrast:
		s.paint(highContrast(o.Light))
		s.Selected = Paint{invert: true, bold: true}.made()
		s.SelectedDim = Paint{underline: true}.made()
	default:
		s.paint(calm(o.Light))
	}
	s.marks = s.makeMarks()
	return s
}

// Source is the colour of the n-th service in merged logs. It tells
// neighbours apart; the name beside it is the signal.
func (s *Styles) Source(n int) Paint {
	if len(s.sources) == 0 || n < 0 {
		return s.Muted
	}
	return s.sources[n%len(s.sources)]
}

// palette is the set of colours that a look is made of.
type palette struct {
	muted, faint, accent, ok, moving, waiting, warn, danger, unknown color.Color
	border, selected, selectedDim, field, match, ink                 color.Color
	sources                                                          []color.Color
}

// calm is made of colours that the palette of 256 has too, so that they are
// the same over SSH and in multiplexers that know no others.
func calm(light bool) palette {
	pick := lipgloss.LightDark(!light)
	c := func(l, d string) color.Color { return pick(lipgloss.Color(l), lipgloss.Color(d)) }
	return palette{
		muted: c("#585858", "#a8a8a8"), faint: c("#8a8a8a", "#767676"), accent: c("#005faf", "#87afff"),
		ok: c("#008700", "#87d787"), moving: c("#005f87", "#5fafd7"), waiting: c("#8700af", "#d7afff"),
		warn: c("#875f00", "#d7af5f"), danger: c("#d70000", "#ff5f5f"), unknown: c("#5f5f87", "#afafd7"),
		border: c("#bcbcbc", "#4e4e4e"), selected: c("#d7d7ff", "#3a3a3a"), selectedDim: c("#eeeeee", "#262626"),
		field: c("#e4e4e4", "#303030"), match: c("#ffd75f", "#5f5f00"), ink: c("#ffffff", "#121212"),
		sources: []color.Color{
			c("#005f87", "#87afd7"), c("#875faf", "#af87af"), c("#00875f", "#87d7af"),
			c("#875f00", "#d7af87"), c("#af005f", "#d787af"), c("#5f8700", "#afd787"),
		},
	}
}

// highContrast uses the terminal's sixteen colours, which its owner chose.
func highContrast(light bool) palette {
	n := func(l, d lipgloss.ANSIColor) color.Color {
		if light {
			return l
		}
		return d
	}
	return palette{
		muted: n(0, 15), faint: n(8, 7), accent: n(4, 14), ok: n(2, 10), moving: n(6, 14), waiting: n(5, 13),
		warn: n(3, 11), danger: n(1, 9), unknown: n(5, 13), border: n(8, 7), selected: n(7, 8),
		selectedDim: n(7, 8), field: n(7, 8), match: n(11, 3), ink: n(15, 0),
	}
}

// paint fills the names from a palette.
func (s *Styles) paint(p palette) {
	fg := func(c color.Color) Paint { return Paint{fg: c}.made() }
	bg := func(c color.Color) Paint { return Paint{bg: c}.made() }
	s.Text, s.Strong = Paint{}, Paint{bold: true}.made()
	s.Muted, s.Faint, s.Accent = fg(p.muted), fg(p.faint), fg(p.accent)
	s.Title, s.Stale = Paint{bold: true}.made(), fg(p.faint)
	s.OK, s.Moving, s.Waiting = fg(p.ok), fg(p.moving), fg(p.waiting).Bold()
	s.Warn, s.Danger, s.Unknown, s.Inactive = fg(p.warn), fg(p.danger), fg(p.unknown), fg(p.faint)
	s.Border, s.BorderFocused = fg(p.border), fg(p.accent)
	s.Selected, s.SelectedDim, s.Field = bg(p.selected), bg(p.selectedDim), bg(p.field)
	s.Related, s.Match = fg(p.accent), bg(p.match)
	s.Button = Paint{fg: p.muted, bg: p.field}.made()
	s.ButtonFocused = Paint{fg: p.ink, bg: p.accent, bold: true}.made()
	s.ButtonDanger = Paint{fg: p.ink, bg: p.danger, bold: true}.made()
	s.Toast = Paint{fg: p.ink, bg: p.ok, bold: true}.made()
	s.ToastBad = Paint{fg: p.ink, bg: p.danger, bold: true}.made()
	s.Banner = Paint{fg: p.ink, bg: p.warn, bold: true}.made()
	s.LevelError, s.LevelWarn, s.LevelInfo, s.LevelDebug = fg(p.danger).Bold(), fg(p.warn), fg(p.muted), fg(p.faint)
	for _, c := range p.sources {
		s.sources = append(s.sources, fg(c))
	}
}

// mono fills the names without any colour.
func (s *Styles) mono() {
	strong, faint := Paint{bold: true}.made(), Paint{faint: true}.made()
	invert := Paint{invert: true}.made()
	s.Strong, s.Title, s.Accent, s.Related = strong, strong, strong, Paint{underline: true}.made()
	s.Faint, s.Stale, s.Inactive, s.Border, s.LevelDebug = faint, faint, faint, faint, faint
	s.Waiting, s.Warn, s.Danger, s.LevelError, s.BorderFocused = strong, strong, strong, strong, strong
	s.Selected, s.SelectedDim = invert, Paint{underline: true}.made()
	s.Match, s.Banner, s.Toast, s.ToastBad = invert, invert, invert, invert.Bold()
	s.Field, s.Button = Paint{underline: true}.made(), Paint{}
	s.ButtonFocused, s.ButtonDanger = invert, invert.Bold()
}
