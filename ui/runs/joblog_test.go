package runs

import (
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func texts(lines ...string) []pipeline.LogText {
	var out []pipeline.LogText
	for _, l := range lines {
		out = append(out, pipeline.LogText{Text: l})
	}
	return out
}

func TestFirstError(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  string // the line; empty: none
	}{
		{"pytest", []string{"##[group]Run pytest", "##[endgroup]", "test_a PASSED", "E       KeyError: 'sku'", "##[error]Process completed with exit code 1."}, "E       KeyError: 'sku'"},
		{"go test", []string{"ok  pkg 0.1s", "--- FAIL: TestX (0.00s)", "##[error]Process completed with exit code 1."}, "--- FAIL: TestX (0.00s)"},
		{"compiler", []string{"main.go:3:1: warning: unused", "error[E0308]: mismatched types"}, "error[E0308]: mismatched types"},
		{"an action's error", []string{"##[error]The image could not be pushed"}, "The image could not be pushed"},
		{"only the exit code", []string{"building", "##[error]Process completed with exit code 2."}, "Process completed with exit code 2."},
		{"no error", []string{"0 errors found", "errors: none"}, ""},
		{"empty", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := parseLog(texts(tt.lines...))
			got := ""
			if l.first >= 0 {
				got = l.lines[l.first].text
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSectionsHoldEveryLineOnce(t *testing.T) {
	l := parseLog(texts("before", "##[group]A", "in a", "##[endgroup]", "after a", "##[group]B", "##[endgroup]", "##[group]C", "in c"))
	at := 0
	for _, s := range l.sections {
		if s.first != at {
			t.Fatalf("section %s begins at %d, want %d", s.name, s.first, at)
		}
		at = s.end
	}
	if at != len(l.lines) || len(l.lines) != 4 {
		t.Errorf("sections end at %d of %d lines", at, len(l.lines))
	}
}
