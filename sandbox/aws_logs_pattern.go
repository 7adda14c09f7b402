package sandbox

import (
	"regexp"
	"strings"
	"unicode"
)

// A logPattern says whether a message matches a filter pattern of CloudWatch Logs.
type logPattern func(message string) bool

// parseLogPattern reads a filter pattern: terms, JSON selectors in braces or
// space-delimited fields in brackets. The empty pattern matches everything.
func parseLogPattern(pattern string) (logPattern, error) {
	pattern = strings.TrimSpace(pattern)
	switch {
	case pattern == "" || pattern == `""`:
		return func(string) bool { return true }, nil
	case strings.HasPrefix(pattern, "{"):
		return parseJSONPattern(pattern)
	case strings.HasPrefix(pattern, "["):
		return parseFieldPattern(pattern)
	default:
		return parseTermPattern(pattern)
	}
}

func errLogPattern(format string, args ...any) error {
	return errInvalidParameter("Invalid filter pattern: "+format, args...)
}

// parseTermPattern reads words, "quoted phrases" and %expressions%, each
// required, or ?optional (one of them is enough) or -excluded. CloudWatch
// ignores optional terms that stand beside required ones.
func parseTermPattern(pattern string) (logPattern, error) {
	var required, optional, excluded []logPattern
	for rest := pattern; rest != ""; rest = strings.TrimLeft(rest, " \t") {
		list := &required
		switch rest[0] {
		case '?':
			list, rest = &optional, rest[1:]
		case '-':
			list, rest = &excluded, rest[1:]
		}
		term, length, err := parseTerm(rest)
		if err != nil {
			return nil, err
		}
		*list = append(*list, term)
		rest = rest[length:]
	}
	return func(message string) bool {
		holds := func(p logPattern) bool { return p(message) }
		switch {
		case anyOf(excluded, holds):
			return false
		case len(required) == 0 && len(optional) > 0:
			return anyOf(optional, holds)
		default:
			return allOf(required, holds)
		}
	}, nil
}

func anyOf(patterns []logPattern, holds func(logPattern) bool) bool {
	for _, p := range patterns {
		if holds(p) {
			return true
		}
	}
	return false
}

func allOf(patterns []logPattern, holds func(logPattern) bool) bool {
	for _, p := range patterns {
		if !holds(p) {
			return false
		}
	}
	return true
}

// parseTerm reads one term and says how many bytes it took.
func parseTerm(text string) (logPattern, int, error) {
	if text == "" {
		return nil, 0, errLogPattern("a term is missing")
	}
	if text[0] == '"' || text[0] == '%' {
		quoted, length, err := delimited(text)
		if err != nil {
			return nil, 0, err
		}
		if text[0] == '%' {
			matches, err := logExpression(quoted)
			return matches, length, err
		}
		return containing(quoted), length, nil
	}
	length := strings.IndexAny(text, " \t")
	if length < 0 {
		length = len(text)
	}
	word := text[:length]
	for _, r := range word {
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return nil, 0, errLogPattern("Invalid character(s) in term '%s'", word)
		}
	}
	return containing(word), length, nil
}

func containing(text string) logPattern {
	return func(message string) bool { return strings.Contains(message, text) }
}

func logExpression(expression string) (logPattern, error) {
	compiled, err := regexp.Compile(expression)
	if err != nil {
		return nil, errLogPattern("Invalid regular expression '%s'", expression)
	}
	return compiled.MatchString, nil
}

// delimited reads text that begins and ends with the same character; a
// backslash takes the next character as it is where that is the delimiter.
func delimited(text string) (inner string, length int, err error) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == text[0] || text[0] == '"' && text[i+1] == '\\'):
			i++
			b.WriteByte(text[i])
		case text[i] == text[0]:
			return b.String(), i + 1, nil
		default:
			b.WriteByte(text[i])
		}
	}
	return "", 0, errLogPattern("%c has no partner", text[0])
}

// wildcard compiles a value in which * stands for anything.
func wildcard(value string) logPattern {
	if !strings.Contains(value, "*") {
		return func(text string) bool { return text == value }
	}
	expression := "(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(value), `\*`, ".*") + "$"
	return regexp.MustCompile(expression).MatchString
}
