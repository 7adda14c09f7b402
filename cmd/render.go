package cmd

import (
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/cli/go-gh/v2/pkg/tableprinter"
	"github.com/cli/go-gh/v2/pkg/term"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// width is how wide the terminal is that is written to; 0: it is none.
func (g *globals) width() int {
	f, ok := g.Out.(*os.File)
	if !ok || !term.IsTerminal(f) {
		return 0
	}
	if w, _, err := term.FromEnv().Size(); err == nil {
		return w
	}
	return 120
}

// table prints aligned columns to a terminal and tab-separated ones to a pipe.
func (g *globals) table(headers ...string) tableprinter.TablePrinter {
	width := g.width()
	t := tableprinter.New(g.Out, width > 0, max(width, 1))
	if width > 0 {
		t.AddHeader(headers)
	}
	return t
}

// printJSON prints indented JSON.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// ago is how long ago a moment was, as people say it; empty where it is unknown.
func ago(at, now time.Time) string {
	if at.IsZero() {
		return ""
	}
	return pipeline.Duration(now.Sub(at))
}

// clock renders a moment in the zone that was asked for.
func (g *globals) clock(at time.Time) string {
	if g.utc {
		at = at.UTC()
	} else {
		at = at.Local()
	}
	return at.Format("2006-01-02 15:04:05")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
