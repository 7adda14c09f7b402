package frame_test

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

func TestRowIsExactlyItsWidth(t *testing.T) {
	s := theme.New(theme.Options{})
	texts := []string{"", "a", "plain text that is rather long", "ünïcode", "日本語のサービス名", "👩‍💻 dev", "mixed 日本 x"}
	for _, text := range texts {
		for width := range 40 {
			row := frame.NewRow(s, width, s.Selected)
			row.Reserve(6)
			row.Put(s.OK, text).Space(1).Cell(s.Muted, text, 7).CellRight(s.Muted, text, 5)
			row.Tail(s.Faint, "12m")
			if got := ansi.StringWidth(row.String()); got != width {
				t.Fatalf("%q in %d cells took %d: %q", text, width, got, row.String())
			}
		}
	}
}

func TestRowKeepsItsTail(t *testing.T) {
	s := theme.New(theme.Options{})
	row := frame.NewRow(s, 12, theme.Paint{})
	row.Reserve(4)
	row.Put(theme.Paint{}, "a long name of a run").Tail(theme.Paint{}, " 3m")
	if got, want := row.String(), "a long …  3m"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBox(t *testing.T) {
	s := theme.New(theme.Options{Kind: theme.Mono, ASCII: true})
	box := frame.Box{
		Title: []frame.Span{{Text: "1 Runs"}},
		Right: []frame.Span{{Text: "4s"}},
		Foot:  []frame.Span{{Text: "17 of 203"}},
	}
	got := box.Lines(nil, s, []string{"content.........  ", "two               "}, 20, 5)
	want := []string{
		"+ 1 Runs ----- 4s -+",
		"|content.........  |",
		"|two               |",
		"|                  |",
		"+ 17 of 203 -------+",
	}
	for i := range want {
		if ansi.Strip(got[i]) != want[i] {
			t.Errorf("line %d: got %q, want %q", i, ansi.Strip(got[i]), want[i])
		}
	}
}

func TestBoxIsNeverWiderThanAsked(t *testing.T) {
	s := theme.New(theme.Options{})
	for width := range 30 {
		box := frame.Box{Title: []frame.Span{{Text: "a title in 日本語"}}, Right: []frame.Span{{Text: "right"}}, Foot: []frame.Span{{Text: "foot"}}}
		lines := box.Lines(nil, s, nil, width, 4)
		if len(lines) != 4 {
			t.Fatalf("%d lines, want 4", len(lines))
		}
		for _, l := range lines {
			if got := ansi.StringWidth(l); got != width {
				t.Fatalf("width %d: %q takes %d", width, ansi.Strip(l), got)
			}
		}
	}
}

func TestSpliceKeepsTheWidth(t *testing.T) {
	for x := range 12 {
		lines := []string{"日本語日本語日本語", "plain text here...", "\x1b[31mred日本\x1b[m and more.."}
		frame.Splice(lines, []string{"+--+", "|ok|", "+--+", "never shown"}, x, 0)
		for i, l := range lines {
			if got := ansi.StringWidth(l); got != 18 {
				t.Errorf("x %d line %d is %d cells: %q", x, i, got, ansi.Strip(l))
			}
		}
	}
}

func TestWindow(t *testing.T) {
	tests := []struct{ offset, cursor, height, total, want int }{
		{0, 0, 5, 10, 0}, {0, 5, 5, 10, 1}, {3, 1, 5, 10, 1}, {9, 9, 5, 10, 5}, {4, 1, 5, 3, 0}, {0, 0, 0, 3, 0},
	}
	for _, tt := range tests {
		if got := frame.Window(tt.offset, tt.cursor, tt.height, tt.total); got != tt.want {
			t.Errorf("Window(%d, %d, %d, %d) = %d, want %d", tt.offset, tt.cursor, tt.height, tt.total, got, tt.want)
		}
	}
}

func BenchmarkRow(b *testing.B) {
	s := theme.New(theme.Options{})
	row := frame.NewRow(s, 80, theme.Paint{})
	b.ReportAllocs()
	for b.Loop() {
		row.Reset(s, 80, theme.Paint{})
		row.Reserve(5)
		row.Mark(s.Mark(theme.Passed)).Space(1).Cell(s.Text, "cd-production", 16).Put(s.Muted, "#212 a1b2c3d main")
		row.Tail(s.Muted, "3m")
		_ = row.String()
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		text  string
		width int
		want  string
	}{
		{"the api-gateway is ill", 12, "the|api-gateway|is ill"},
		{"sha256:0123456789 gone", 8, "sha256:0|12345678|9 gone"},
		{"one  two", 8, "one  two"},
		{"  indented text", 10, "  indented|text"},
		{"exactly ten", 7, "exactly|ten"},
		{"日本語のログ", 5, "日本|語の|ログ"},
		{"日本", 1, "日|本"},
		{"a\nb", 5, "a|b"},
		{"", 5, ""},
	} {
		if got := strings.Join(frame.Wrap(tt.text, tt.width), "|"); got != tt.want {
			t.Errorf("%q in %d cells: %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}
