package pipeline

import (
	"regexp"
	"strings"
)

// As much of Python as it takes to find a migration's operations: strings,
// comments and brackets. Whatever goes beyond that is left to be unknown.

var (
	operationsAssigned = regexp.MustCompile(`(?m)^[ \t]+operations[ \t]*(:[^=\n]+)?=[ \t]*[\[(]`)
	operationsGrow     = regexp.MustCompile(`\boperations\s*(\+=|\.(append|extend|insert)\b)|\boperations\s*=\s*\[[^\[\]]*\*`)
	replacesAssigned   = regexp.MustCompile(`(?m)^[ \t]+replaces[ \t]*(:[^=\n]+)?=[ \t]*[\[(]`)
	keywordArgument    = regexp.MustCompile(`^(\w+)\s*=([^=]|$)`)
	callOf             = regexp.MustCompile(`^(?:\w+\.)*([A-Z]\w*)\s*\(`)
)

// maskPython blanks what stands in comments and strings, byte for byte, so
// that what is left is code. Quotes stay.
func maskPython(s string) string {
	b := []byte(s)
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '#':
			for i < len(b) && b[i] != '\n' {
				b[i] = ' '
				i++
			}
		case '"', '\'':
			end := endOfString(s, i)
			for j := i + 1; j < end && j < len(b); j++ {
				if b[j] != '\n' {
					b[j] = ' '
				}
			}
			i = end
		}
	}
	return string(b)
}

// operationList is the elements of the class's list of operations.
func operationList(source, masked string) ([]string, bool) {
	m := operationsAssigned.FindStringIndex(masked)
	if m == nil {
		return nil, false
	}
	text, closed := balanced(source, m[1])
	return topLevel(text), closed
}

// replaced counts the migrations that a squashed one stands for.
func replaced(source, masked string) int {
	m := replacesAssigned.FindStringIndex(masked)
	if m == nil {
		return 0
	}
	text, _ := balanced(source, m[1])
	return len(topLevel(text))
}

// balanced returns the text up to the bracket that closes the one before
// start, passing over strings and comments, and whether there is one.
func balanced(s string, start int) (text string, closed bool) {
	depth := 1
	for i := start; i < len(s); i++ {
		switch s[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
			if depth == 0 {
				return s[start:i], true
			}
		case '#':
			i = endOfLine(s, i)
		case '"', '\'':
			i = endOfString(s, i)
		}
	}
	return s[start:], false
}

func endOfLine(s string, i int) int {
	for i < len(s) && s[i] != '\n' {
		i++
	}
	return i
}

// endOfString is the index of the last quote that closes the string opened at i.
func endOfString(s string, i int) int {
	quote := s[i : i+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s[i:], triple) {
		quote = triple
	}
	for j := i + len(quote); j < len(s); j++ {
		if s[j] == '\\' {
			j++
			continue
		}
		if strings.HasPrefix(s[j:], quote) {
			return j + len(quote) - 1
		}
		if len(quote) == 1 && s[j] == '\n' {
			return j // not closed on its line: no Python
		}
	}
	return len(s)
}

// topLevel splits at the commas that stand in no bracket; comments fall away.
func topLevel(args string) []string {
	var out []string
	var b strings.Builder
	take := func() {
		if text := strings.TrimSpace(b.String()); text != "" {
			out = append(out, text)
		}
		b.Reset()
	}
	depth := 0
	for i := 0; i < len(args); i++ {
		switch c := args[i]; c {
		case '#':
			i = endOfLine(args, i)
			b.WriteByte('\n')
			continue
		case '"', '\'':
			end := min(endOfString(args, i), len(args)-1)
			b.WriteString(args[i : end+1])
			i = end
			continue
		case ',':
			if depth == 0 {
				take()
				continue
			}
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		b.WriteByte(args[i])
	}
	take()
	return out
}

// arguments are the positional and the named arguments of a call.
type arguments struct {
	positional []string
	named      map[string]string
}

func argumentsOf(text string) arguments {
	a := arguments{named: map[string]string{}}
	for _, part := range topLevel(text) {
		if m := keywordArgument.FindStringSubmatch(part); m != nil {
			_, value, _ := strings.Cut(part, "=")
			a.named[m[1]] = strings.TrimSpace(value)
			continue
		}
		a.positional = append(a.positional, part)
	}
	return a
}

// get is the argument of that name or, if it is not named, at that place;
// empty: not given.
func (a arguments) get(name string, place int) string {
	if v, ok := a.named[name]; ok {
		return v
	}
	if place < len(a.positional) {
		return a.positional[place]
	}
	return ""
}
