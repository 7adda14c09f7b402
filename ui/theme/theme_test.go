package theme_test

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

func TestEveryGlyphIsOneCell(t *testing.T) {
	for _, ascii := range []bool{false, true} {
		s := theme.New(theme.Options{ASCII: ascii})
		for _, state := range theme.States() {
			if w := ansi.StringWidth(s.Mark(state).Glyph); w != 1 {
				t.Errorf("ascii %v, %s: %d cells", ascii, state, w)
			}
		}
	}
}

func TestFit(t *testing.T) {
	tests := []struct {
		text string
		n    int
		want string
	}{
		{"orders", 8, "orders  "},
		{"orders", 6, "orders"},
		{"orders", 5, "orde…"},
		{"orders", 1, "…"},
		{"orders", 0, ""},
		{"日本語", 5, "日本…"},
		{"日本語", 4, "日… "},
		{"ünï", 5, "ünï  "},
		{"", 3, "   "},
	}
	for _, tt := range tests {
		if got := theme.Fit(tt.text, tt.n, "…"); got != tt.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", tt.text, tt.n, got, tt.want)
		}
	}
	if got, want := theme.CutLeft("services/orders/api.py", 10, "…"), "…rs/api.py"; got != want {
		t.Errorf("CutLeft = %q, want %q", got, want)
	}
}

func TestMonoHasNoColour(t *testing.T) {
	s := theme.New(theme.Options{Kind: theme.Mono})
	for _, p := range []theme.Paint{s.OK, s.Danger, s.Waiting, s.Selected, s.Border, s.Toast, s.LevelError} {
		text := p.On(s.Selected).Render("x")
		if strings.Contains(text, "38;") || strings.Contains(text, "48;") {
			t.Errorf("%q sets a colour", text)
		}
	}
}

func TestDetect(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string
		want theme.Options
	}{
		{"nothing said", nil, theme.Options{}},
		{"no colour", map[string]string{"NO_COLOR": "1"}, theme.Options{Kind: theme.Mono}},
		{"accessible colours", map[string]string{"GH_ACCESSIBLE_COLORS": "true"}, theme.Options{Kind: theme.HighContrast}},
		{"none of them", map[string]string{"GH_ACCESSIBLE_COLORS": "0"}, theme.Options{}},
		{"no colour goes first", map[string]string{"GH_ACCESSIBLE_COLORS": "1", "NO_COLOR": "1"}, theme.Options{Kind: theme.Mono}},
		{"latin", map[string]string{"LANG": "de_DE.ISO-8859-1"}, theme.Options{ASCII: true}},
		{"utf-8", map[string]string{"LANG": "de_DE.ISO-8859-1", "LC_ALL": "en_US.UTF-8"}, theme.Options{}},
		{"the console of linux", map[string]string{"TERM": "linux", "LANG": "C.UTF-8"}, theme.Options{ASCII: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := theme.Detect(func(k string) string { return tt.env[k] }); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestWaitingHasItsOwnMark(t *testing.T) {
	s := theme.New(theme.Options{})
	waiting := s.Mark(theme.OfStatus(pipeline.StatusWaiting, ""))
	for _, other := range []pipeline.RunStatus{pipeline.StatusQueued, pipeline.StatusPending, pipeline.StatusInProgress} {
		if m := s.Mark(theme.OfStatus(other, "")); m.Glyph == waiting.Glyph {
			t.Errorf("%s looks like waiting", other)
		}
	}
}
