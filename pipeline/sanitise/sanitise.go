// Package sanitise makes text from outside safe to put on a terminal: log
// lines, branch names, commit titles, comments, everything that somebody else
// wrote. It is applied once, where the text enters the program.
//
// What comes out contains no escape sequence, no control character, no
// character that reorders or hides its neighbours, and is valid UTF-8. What is
// dangerous is removed, what is merely broken is replaced by U+FFFD, and
// nothing that a reader could see is lost: a carriage return becomes a space,
// so that the text it would have overwritten stays.
package sanitise

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tabStop is what a tab becomes. It is fixed, because the column at which a
// text will be drawn is not known where it enters.
const tabStop = "    "

// Text returns s as one safe line. Line breaks at the end are dropped, others
// become spaces. Clean text is returned as it is, without an allocation.
func Text(s string) string {
	dirty := firstUnsafe(s)
	if dirty < 0 {
		return s
	}
	s = strings.TrimRight(s, "\r\n")
	if dirty >= len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + len(tabStop))
	b.WriteString(s[:dirty])
	for i := dirty; i < len(s); {
		i += next(&b, s[i:])
	}
	return b.String()
}

// Lines returns the lines of s, each made safe by Text. Lines end in LF or
// CRLF; a line break at the very end does not begin another line, and an empty
// text has no lines.
func Lines(s string) []string {
	if s == "" {
		return nil
	}
	s = strings.TrimSuffix(s, "\n")
	lines := make([]string, 0, 1+strings.Count(s, "\n"))
	for line := range strings.SplitSeq(s, "\n") {
		lines = append(lines, Text(line))
	}
	return lines
}

// Safe reports whether Text would return s unchanged.
func Safe(s string) bool { return firstUnsafe(s) < 0 }

// ASCII reports whether s holds printable ASCII only, so that each byte is one
// character and one cell.
func ASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i]-' ' >= 0x7f-' ' {
			return false
		}
	}
	return true
}

// firstUnsafe returns the index of the first byte that Text would change, or -1.
func firstUnsafe(s string) int {
	for i := 0; i < len(s); {
		if s[i]-' ' < 0x7f-' ' { // printable ASCII; smaller bytes wrap around
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || !visible(r) {
			return i
		}
		i += size
	}
	return -1
}

// visible reports whether r may reach the terminal as it is. Format characters
// reorder, join or hide text; only those that scripts and emoji cannot be
// written without are let through.
func visible(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r < 0xa0:
		return false
	case r < 0xa0:
		return true
	case r == '\u200c', r == '\u200d': // the joiners of Persian, Indic scripts and emoji
		return true
	case unicode.Is(unicode.Cf, r):
		return unicode.Is(unicode.Prepended_Concatenation_Mark, r)
	}
	return r != '\u2028' && r != '\u2029'
}

// next writes what the first character or escape sequence of s becomes, and
// returns how many bytes of s that was.
func next(b *strings.Builder, s string) int {
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && size == 1:
		b.WriteRune(utf8.RuneError)
	case visible(r):
		b.WriteString(s[:size])
	case r == '\t':
		b.WriteString(tabStop)
	case r == '\n', r == '\r', r == '\v', r == '\f', r == '\u2028', r == '\u2029':
		b.WriteByte(' ')
	case r == escape, r >= 0x80 && r < 0xa0:
		return sequence(s)
	}
	return size
}
