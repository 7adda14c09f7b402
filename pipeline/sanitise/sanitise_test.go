package sanitise

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"clean", "GET /cart 200 12ms", "GET /cart 200 12ms"},
		{"empty", "", ""},
		{"clean unicode", "zażółć gęślą 日本 👩\u200d💻 می\u200cخواهم", "zażółć gęślą 日本 👩\u200d💻 می\u200cخواهم"},
		{"colour", "a \x1b[1;31mred\x1b[0m b", "a red b"},
		{"private mode", "\x1b[?2026h$\x1b[>4;2m", "$"},
		{"title", "\x1b]0;owned\x07text", "text"},
		{"hyperlink keeps its text", "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\", "click"},
		{"kitty graphics", "\x1b_Gf=24,s=1;AAAA\x1b\\after", "after"},
		{"sixel", "\x1bPq#0;2;0;0;0#0~~\x1b\\after", "after"},
		{"privacy message and start of string", "\x1b^x\x1b\\\x1bXy\x1b\\z", "z"},
		{"clipboard", "\x1b]52;c;cm0gLXJm\x07done", "done"},
		{"unterminated string stays visible", "\x1b]0;the rest of the line", "0;the rest of the line"},
		{"string cut by another control", "\x1b]0;a\rb", "0;a b"},
		{"string ended by the next sequence", "\x1b]0;a\x1b[31mb", "b"},
		{"unterminated control sequence", "a\x1b[12", "a"},
		{"interrupted control sequence", "a\x1b[12é", "aé"},
		{"lone escape", "a\x1b", "a"},
		{"charset", "\x1b(Bplain\x1bcreset", "plainreset"},
		{"eight-bit introducer", "a\u009b31mred\u009d0;t\u009cb", "aredb"},
		{"raw C1 byte", "a\x9b31m", "a\ufffd31m"},
		{"carriage return overwrites nothing", "PROD SAFE | evil \rPROD FAKE", "PROD SAFE | evil  PROD FAKE"},
		{"backspace", "safe\b\b\b\bevil", "safeevil"},
		{"bell and nul", "a\a\x00b\x7f", "ab"},
		{"tab", "a\tb", "a    b"},
		{"line breaks", "title\n\nbody", "title  body"},
		{"line break at the end", "title\r\n", "title"},
		{"bidi override", "release-\u202egnp.exe", "release-gnp.exe"},
		{"bidi isolate and marks", "\u2066a\u2069\u200e\u200f\u061cb", "ab"},
		{"invisible", "ma\u200bin\ufeff\u00ad\u2060", "main"},
		{"tag characters", "ok\U000E0041\U000E007F", "ok"},
		{"line and paragraph separators", "a\u2028b\u2029c", "a b c"},
		{"visible format character", "\u0600 1", "\u0600 1"},
		{"invalid UTF-8", "a\xff\xfeb\xe2\x82", "a\ufffd\ufffdb\ufffd\ufffd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Text(tt.in); got != tt.want {
				t.Errorf("Text(%q) = %q, want %q", tt.in, got, tt.want)
			}
			if safe := Safe(tt.in); safe != (tt.in == tt.want) {
				t.Errorf("Safe(%q) = %v", tt.in, safe)
			}
		})
	}
}

func TestLines(t *testing.T) {
	tests := []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"one", []string{"one"}},
		{"one\n", []string{"one"}},
		{"one\r\ntwo\n\nfour", []string{"one", "two", "", "four"}},
		{"10%\r20%\n", []string{"10% 20%"}},
		{"\x1b]0;a\nb\x07c", []string{"0;a", "bc"}},
	}
	for _, tt := range tests {
		if got := Lines(tt.in); !slices.Equal(got, tt.want) {
			t.Errorf("Lines(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestASCII(t *testing.T) {
	for in, want := range map[string]bool{"": true, " ~": true, "é": false, "\x7f": false, "\x1f": false, "a\t": false} {
		if got := ASCII(in); got != want {
			t.Errorf("ASCII(%q) = %v", in, got)
		}
	}
}

func TestCleanTextCostsNoAllocation(t *testing.T) {
	for _, s := range []string{"plain ASCII, as nearly every line is", "zażółć 日本"} {
		if n := testing.AllocsPerRun(100, func() { _ = Text(s) }); n != 0 {
			t.Errorf("Text(%q) allocates %v times", s, n)
		}
	}
}

// A hostile text must not cost more than its length: every introducer without
// a terminator would otherwise search the whole rest.
func TestUnterminatedIntroducersAreLinear(t *testing.T) {
	for _, introducer := range []string{"\x1b]", "\u009d", "\x1b", "\x1b["} {
		if got := Text(strings.Repeat(introducer, 1<<20)); strings.Trim(got, "]") != "" {
			t.Errorf("%q repeated leaves %q…", introducer, got[:min(len(got), 20)])
		}
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{
		"plain", "\x1b[31mred\x1b[0m", "\x1b]0;t\x07", "\x1bP\x1b\\", "a\rb\tc\n", "\u202e\u2066", "\xff\x9b", "\x1b\x1b[[\x1b\x9c", "\u0090\u009c",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Text(s)
		if !utf8.ValidString(got) {
			t.Fatalf("Text(%q) = %q is not UTF-8", s, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Fatalf("Text(%q) = %q holds %U", s, got, r)
			}
		}
		if again := Text(got); again != got {
			t.Fatalf("Text is not idempotent: %q, then %q", got, again)
		}
		if !Safe(got) {
			t.Fatalf("Safe(%q) is false", got)
		}
		for _, line := range Lines(s) {
			if !Safe(line) {
				t.Fatalf("Lines(%q) has unsafe line %q", s, line)
			}
		}
	})
}

func BenchmarkText(b *testing.B) {
	lines := map[string]string{
		"clean":   `10.0.3.17 - - [23/Nov/2026:14:03:22 +0000] "GET /api/v1/cart/8812 HTTP/1.1" 200 512 "-" "python-requests/2.32"`,
		"unicode": `żądanie zakończone: GET /koszyk 200, użytkownik świętosława@example.com, czas 12 ms, węzeł północ-3`,
		"colour":  "\x1b[32mINFO\x1b[0m     request finished: GET /api/v1/cart 200 in \x1b[1m12 ms\x1b[0m, user 8812, node north-3",
	}
	for name, line := range lines {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				_ = Text(line)
			}
		})
	}
}
