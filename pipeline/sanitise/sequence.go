package sanitise

import "unicode/utf8"

const (
	bell   = 0x07
	escape = 0x1b
)

// sequence returns the length of the escape sequence at the beginning of s,
// which begins with ESC or with a C1 control character encoded in UTF-8.
// A sequence that is cut off counts only as far as it is certain: text behind
// an unterminated introducer stays visible instead of vanishing.
func sequence(s string) int {
	introducer, size := introducer(s)
	switch introducer {
	case '[':
		return size + control(s[size:])
	case ']', 'P', 'X', '^', '_': // OSC, DCS, SOS, PM, APC
		return size + controlString(s[size:])
	}
	return size
}

// introducer returns what kind of sequence s begins, named by the letter that
// follows ESC in its seven-bit form, and the length of the introducer with any
// intermediate bytes. The letter is 0 where nothing further belongs to it.
func introducer(s string) (letter byte, size int) {
	if s[0] != escape {
		r, size := utf8.DecodeRuneInString(s)
		return byte(r - 0x40), size
	}
	i := 1
	for i < len(s) && s[i] >= ' ' && s[i] <= '/' {
		i++
	}
	switch {
	case i == len(s), s[i] < '0', s[i] > '~': // cut off, or interrupted by another control
		return 0, i
	case i > 1: // such as ESC ( B: complete with its final byte
		return 0, i + 1
	}
	return s[1], 2
}

// control returns the length of a control sequence's parameters, intermediate
// and final byte.
func control(s string) int {
	i := 0
	for i < len(s) && s[i] >= ' ' && s[i] <= '?' {
		i++
	}
	if i < len(s) && s[i] >= '@' && s[i] <= '~' {
		i++
	}
	return i
}

// controlString returns the length of a string's body and terminator, or 0
// when s ends, or another control character comes, before the string is
// terminated. Terminals take BEL, ST and any further ESC as an end.
func controlString(s string) int {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == bell, r == 0x9c:
			return i + size
		case r == escape && i+1 < len(s) && s[i+1] == '\\':
			return i + 2
		case r == escape:
			return i
		case r < ' ', r >= 0x7f && r < 0xa0:
			return 0
		}
		i += size
	}
	return 0
}
