package logs

import (
	"fmt"
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	const text = "KeyError: 'sku' in Cart, keyerror again"
	tests := []struct {
		pattern string
		spans   string
	}{
		{"", "[]"},
		{"keyerror", "[[0 8] [25 33]]"},
		{"KEYERROR", "[[0 8] [25 33]]"},
		{`"KeyError"`, "[[0 8]]"},
		{`"keyError"`, "[]"},
		{"/key|cart/", "[[0 3] [19 23] [25 28]]"},
		{"/(?-i)key/", "[[25 28]]"},
		{"/x*/", "[]"},
		{"/", "[]"},
		{"//", "[]"},
		{"again", "[[34 39]]"},
		{"again!", "[]"},
		{"nowhere", "[]"},
	}
	for _, tt := range tests {
		p, err := ParsePattern(tt.pattern)
		if err != nil {
			t.Errorf("%q: %v", tt.pattern, err)
			continue
		}
		if got := fmt.Sprint(p.Spans(text)); got != tt.spans {
			t.Errorf("%q: spans %s, want %s", tt.pattern, got, tt.spans)
		}
		matches := tt.spans != "[]" || tt.pattern == "" || tt.pattern == "/x*/" || tt.pattern == "//"
		if p.Match(text) != matches || p.String() != tt.pattern {
			t.Errorf("%q: match %v, string %q", tt.pattern, p.Match(text), p.String())
		}
	}
	for _, bad := range []string{"/(/", "/a{1000}{1000}{1000}/", "/[/"} {
		if _, err := ParsePattern(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if p, err := ParsePattern("ŻÓŁĆ"); err != nil || !p.Match("to jest żółć") {
		t.Errorf("case of other alphabets: %v", err)
	}
}

// The literal that an expression is known by never changes what it matches.
func FuzzExpression(f *testing.F) {
	f.Add("key(error)?", "a KeyError")
	f.Add("(a|b)+cd*", "ABC")
	f.Add("x{2,}y|z", "xxY")
	f.Add("s\\b", "\u017f")
	f.Fuzz(func(t *testing.T, expr, text string) {
		p, err := ParsePattern("/" + expr + "/")
		if err != nil || p.expr == nil {
			return
		}
		if got, want := p.Match(text), p.expr.MatchString(text); got != want {
			t.Fatalf("/%s/ on %q: %v, want %v", expr, text, got, want)
		}
	})
}

// The needle finds what the library finds in lower case.
func FuzzNeedle(f *testing.F) {
	f.Add("Hello World", "o w")
	f.Add("aaaaab", "AAB")
	f.Add("[KeyError]", "]")
	f.Add("zZzq", "ZQ")
	f.Fuzz(func(t *testing.T, text, part string) {
		if part == "" || !ascii(part) || !ascii(text) {
			return
		}
		n := newNeedle(part)
		lower, from := strings.ToLower(text), 0
		for from <= len(text) {
			want := strings.Index(lower[from:], strings.ToLower(part))
			if want >= 0 {
				want += from
			}
			if got := n.index(text, from); got != want {
				t.Fatalf("index(%q, %q, %d) = %d, want %d", text, part, from, got, want)
			}
			from++
		}
	})
}

func TestFilter(t *testing.T) {
	line := &Line{Text: "KeyError 'sku'", Level: LevelError, Request: "8f1c22", Origin: &Origin{Service: "orders", Release: "a1b2c3d", Task: "0a1b2c3d4e"}}
	tests := []struct {
		filter string
		want   bool
	}{
		{"", true},
		{"sku", true},
		{"price", false},
		{"level:warn", true},
		{"level>=error sku", true},
		{"level:critical", false},
		{"service:orders", true},
		{"service:users service:orders sku", true},
		{"service:users", false},
		{"release:a1b2c3d", true},
		{"release:a1b2c3d4e5f6", true},
		{"release:a1b2", false},
		{"release:ffffffff", false},
		{"task:0a1b", true},
		{"task:1b", false},
		{"req:8f1c22", true},
		{"req:8f1c", false},
		{"KeyError 'sku' service:orders", true},
		{"/error.*sku/ level:error", true},
		{"service:", false},
		{"service>=orders", false},
	}
	for _, tt := range tests {
		f, err := ParseFilter(tt.filter)
		if err != nil {
			t.Errorf("%q: %v", tt.filter, err)
			continue
		}
		if f.Match(line) != tt.want {
			t.Errorf("%q: match %v", tt.filter, !tt.want)
		}
		if f.Empty() != (tt.filter == "") {
			t.Errorf("%q: empty %v", tt.filter, f.Empty())
		}
		again, err := ParseFilter(f.String())
		if err != nil || again.String() != f.String() || again.Match(line) != tt.want {
			t.Errorf("%q reads back as %q, %v", tt.filter, again.String(), err)
		}
	}
	for _, bad := range []string{"level:loud", "/(/"} {
		if _, err := ParseFilter(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if sameRelease("v1.42.0", "v1.42.0-rc1") || !sameRelease("v1.42.0", "v1.42.0") {
		t.Error("a version is not its own pre-release")
	}
}
