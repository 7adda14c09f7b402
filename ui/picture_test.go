package ui

import (
	"flag"
	"fmt"
	"html"
	"image/color"
	"os"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
)

// The pictures of the README are drawn from the console itself, so that they
// show what it shows: make golden draws them anew.
func TestPictures(t *testing.T) {
	tests := []struct {
		file          string
		scene         func() *pipeline.Snapshot
		keys          []string
		width, height int
	}{
		{"console", scene.Rollout, nil, 132, 34},
		{"approve", scene.Waiting, []string{"a"}, 120, 36},
		{"rollback", scene.Bad, []string{"R"}, 120, 36},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			d := sit(t, tt.scene(), tt.width, tt.height)
			d.press(tt.keys...)
			got := picture(d.View().Content, tt.width, tt.height)
			path := "../docs/" + tt.file + ".svg"
			if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(want) != got {
				t.Errorf("docs/%s.svg is not what the console shows; run make golden", tt.file)
			}
		})
	}
}

// The size of a cell in the picture, in its own units.
const (
	cellWidth, cellHeight = 8.4, 18
	paper, ink            = "#14161b", "#d7dae0"
)

// picture draws a frame as SVG: one text element for each run of one style,
// stretched to its cells, so that columns stay columns in any font.
func picture(frame string, width, height int) string {
	screen := vt.NewEmulator(width, height)
	_, _ = screen.WriteString("\x1b[?7l" + strings.ReplaceAll(frame, "\n", "\r\n")) // memory does not fail
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 -12 %.0f %d" font-family="ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14">`+"\n",
		float64(width)*cellWidth+24, height*cellHeight+24)
	fmt.Fprintf(&b, `<rect x="-12" y="-12" width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", paper)
	for y := range height {
		for x := 0; x < width; {
			x = stroke(&b, screen, x, y, width)
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// stroke draws the cells of one style from x on and returns where they end.
func stroke(b *strings.Builder, screen *vt.Emulator, x, y, width int) int {
	first := screen.CellAt(x, y)
	if first == nil {
		return x + 1
	}
	text, end := "", x
	for end < width {
		c := screen.CellAt(end, y)
		if c == nil || !c.Style.Equal(&first.Style) {
			break
		}
		text += c.Content
		end += max(c.Width, 1)
	}
	fg, bg := hex(first.Style.Fg, ink), hex(first.Style.Bg, "")
	if first.Style.Attrs&(1<<5) != 0 { // reverse video
		fg, bg = firstText(bg, paper), fg
	}
	if bg != "" {
		fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", float64(x)*cellWidth, y*cellHeight, float64(end-x)*cellWidth, cellHeight, bg)
	}
	if trimmed := strings.TrimRight(text, " "); trimmed != "" {
		lead := len(trimmed) - len(strings.TrimLeft(trimmed, " "))
		trimmed = trimmed[lead:]
		weight := ""
		if first.Style.Attrs&1 != 0 {
			weight = ` font-weight="bold"`
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%d" fill="%s"%s textLength="%.1f" lengthAdjust="spacingAndGlyphs" xml:space="preserve">%s</text>`+"\n",
			float64(x+lead)*cellWidth, y*cellHeight+13, fg, weight, float64(ansi.StringWidth(trimmed))*cellWidth, html.EscapeString(trimmed))
	}
	return max(end, x+1)
}

func hex(c color.Color, otherwise string) string {
	if c == nil {
		return otherwise
	}
	r, g, bl, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, bl>>8)
}

func firstText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// The page of the keys is generated from the command table.
func TestKeysPage(t *testing.T) {
	want := "# Keys\n\nGenerated from the program by `make golden`; `?` shows them in the console. " +
		"A key that cannot be used says why. With `--read-only`, what changes anything is refused.\n\n" + Commands().Markdown()
	const path = "../docs/keys.md"
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/keys.md is not what the command table says; run make golden")
	}
}
