package logs

import "strings"

// jsonFields calls visit with each key of the JSON object that text is, and
// with its value as it is written: a string without its quotes, escapes not
// undone. Nested objects and arrays are passed over. It reports whether text
// looks like an object; a broken one is read as far as it goes, because half a
// line is still worth its level.
//
// It exists because decoding every line for three of its fields costs fifty
// times as much.
func jsonFields(text string, visit func(key, value string, quoted bool)) bool {
	s := strings.TrimLeft(text, " ")
	if len(s) < 2 || s[0] != '{' {
		return false
	}
	for s = skipSpace(s[1:]); len(s) > 0 && s[0] == '"'; {
		n := stringEnd(s)
		if n < 0 {
			break
		}
		key := s[1 : n-1]
		if s = skipSpace(s[n:]); len(s) == 0 || s[0] != ':' {
			break
		}
		s = skipSpace(s[1:])
		if n = valueEnd(s); n <= 0 {
			break
		}
		switch value := s[:n]; value[0] {
		case '"':
			visit(key, value[1:n-1], true)
		case '{', '[':
		default:
			visit(key, value, false)
		}
		if s = skipSpace(s[n:]); len(s) == 0 || s[0] != ',' {
			break
		}
		s = skipSpace(s[1:])
	}
	return true
}

func skipSpace(s string) string { return strings.TrimLeft(s, " ") }

// stringEnd returns the length of the JSON string that s begins with, quotes
// included, or -1 if it does not end.
func stringEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// valueEnd returns the length of the JSON value that s begins with, or -1 if it
// does not end.
func valueEnd(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			n := stringEnd(s[i:])
			if n < 0 {
				return -1
			}
			if i += n - 1; depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}
