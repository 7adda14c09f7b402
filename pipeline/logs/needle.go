package logs

import "strings"

// needle finds a text in others without regard to the case of ASCII letters.
// It looks for the text's rarest byte first, in the words of a log, and lets
// the library's vector code do that.
type needle struct {
	text         string // in lower case
	rare         int    // index of the rarest byte
	lower, upper byte   // both cases of that byte; equal where it has one
}

// newNeedle returns a needle for text, which must be ASCII and not empty.
func newNeedle(text string) needle {
	n := needle{text: strings.ToLower(text)}
	for i := range n.text {
		if rarity(n.text[i]) > rarity(n.text[n.rare]) {
			n.rare = i
		}
	}
	n.lower, n.upper = n.text[n.rare], n.text[n.rare]
	if letter(n.lower) {
		n.upper -= 'a' - 'A'
	}
	return n
}

// byFrequency holds the bytes that logs are full of, the most frequent first.
const byFrequency = " etaoinrslcdu0p1m2hg-.f35y4b:/\"v=k6798w_x,jqz"

// rarity ranks bytes by how seldom they stand in a log.
func rarity(c byte) int {
	if i := strings.IndexByte(byFrequency, c); i >= 0 {
		return i
	}
	return len(byFrequency)
}

// index returns where the needle first stands in s at or after from, or -1.
func (n *needle) index(s string, from int) int {
	lower, upper := from+n.rare, from+n.rare
	if upper >= len(s) {
		return -1
	}
	lower = indexByte(s, n.lower, lower)
	if upper = lower; n.upper != n.lower {
		upper = indexByte(s, n.upper, from+n.rare)
	}
	for {
		at := min(lower, upper)
		if at-n.rare+len(n.text) > len(s) {
			return -1
		}
		if n.at(s[at-n.rare:]) {
			return at - n.rare
		}
		if lower == at {
			lower = indexByte(s, n.lower, at+1)
		}
		if n.upper == n.lower {
			upper = lower
		} else if upper == at {
			upper = indexByte(s, n.upper, at+1)
		}
	}
}

// at reports whether s, which must be long enough, begins with the needle.
func (n *needle) at(s string) bool {
	for i := range len(n.text) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != n.text[i] {
			return false
		}
	}
	return true
}

// indexByte returns where c first stands in s at or after from, or a position
// behind every other if it does not.
func indexByte(s string, c byte, from int) int {
	if from < len(s) {
		if i := strings.IndexByte(s[from:], c); i >= 0 {
			return from + i
		}
	}
	return 1 << 62
}
