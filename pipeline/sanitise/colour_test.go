package sanitise

import (
	"reflect"
	"strings"
	"testing"
)

func TestColoured(t *testing.T) {
	red, black := Palette(1), Palette(0)
	for _, test := range []struct {
		name, in, text string
		spans          []Span
	}{
		{"plain text", "ok", "ok", nil},
		{"a colour and its end", "a\x1b[31mred\x1b[0mb", "aredb", []Span{{1, 4, Look{Foreground: red}}}},
		{"as the runner writes commands", "\x1b[36;1mmake\x1b[0m", "make", []Span{{0, 4, Look{Foreground: Palette(6), Bold: true}}}},
		{"an empty sequence resets", "\x1b[1mx\x1b[my", "xy", []Span{{0, 1, Look{Bold: true}}}},
		{"256 and true colours", "\x1b[38;5;208ma\x1b[48;2;1;2;3mb", "ab", []Span{
			{0, 1, Look{Foreground: Palette(208)}}, {1, 2, Look{Foreground: Palette(208), Background: trueColour | 0x010203}},
		}},
		{"bright, then off", "\x1b[97;101mx\x1b[39;49my", "xy", []Span{{0, 1, Look{Foreground: Palette(15), Background: Palette(9)}}}},
		{"hidden text is shown", "\x1b[30;40msecret", "secret", []Span{{0, 6, Look{}}}},
		{"concealed text is shown", "\x1b[8msecret", "secret", nil},
		{"other sequences vanish", "a\x1b[2J\x1b[Hb\x1b]0;title\x07c", "abc", nil},
		{"a private sequence sets nothing", "\x1b[>4;2mx", "x", nil},
		{"cut off", "x\x1b[31", "x", nil},
		{"bidi and controls go", "\x1b[31m\u202ea\x00b", "ab", []Span{{0, 2, Look{Foreground: red}}}},
		{"too few parts of a colour", "\x1b[38;5mx\x1b[38;2;1mx", "xx", nil},
		{"black on nothing", "\x1b[30mx", "x", []Span{{0, 1, Look{Foreground: black}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			text, spans := Coloured(test.in)
			if text != test.text || !reflect.DeepEqual(spans, test.spans) {
				t.Errorf("Coloured(%q) = %q, %+v, want %q, %+v", test.in, text, spans, test.text, test.spans)
			}
		})
	}
}

// FuzzColoured: whatever comes in, the text is what Text makes of it, and the
// spans lie in it, in order.
func FuzzColoured(f *testing.F) {
	for _, s := range []string{"\x1b[31mx\x1b[0m", "\x1b[", "\x1b[m", "a\x1b[38;2;300;1;1mb\r\n", "\u009b31mx"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, spans := Coloured(s)
		if text != Text(s) {
			t.Errorf("Coloured(%q) is %q, Text makes %q of it", s, text, Text(s))
		}
		if strings.ContainsRune(text, 0x1b) || !Safe(text) {
			t.Errorf("%q is not safe", text)
		}
		at := 0
		for _, sp := range spans {
			if sp.From < at || sp.To <= sp.From || sp.To > len(text) {
				t.Errorf("span %+v of %q", sp, text)
			}
			at = sp.To
		}
	})
}
