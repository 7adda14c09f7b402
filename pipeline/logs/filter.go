package logs

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// Pattern is what a text must contain. The zero pattern matches every text.
type Pattern struct {
	source string
	needle *needle        // ASCII, in any case; beside an expression, what every match of that contains
	exact  string         // as it is
	expr   *regexp.Regexp // anything else
}

// ParsePattern reads a pattern as an operator types it: /…/ is a regular
// expression in RE2 syntax, "…" a text in exactly this case, anything else a
// text in any case. Expressions ignore case too, unless they say (?-i).
func ParsePattern(source string) (Pattern, error) {
	p := Pattern{source: source}
	switch {
	case source == "":
	case len(source) > 1 && source[0] == '/' && strings.HasSuffix(source, "/"):
		expr, err := regexp.Compile("(?i)" + source[1:len(source)-1])
		if err != nil {
			return Pattern{}, fmt.Errorf("not a regular expression: %w", err)
		}
		p.expr, p.needle = expr, literalOf(source[1:len(source)-1])
	case len(source) > 2 && source[0] == '"' && strings.HasSuffix(source, `"`):
		p.exact = source[1 : len(source)-1]
	case ascii(source):
		n := newNeedle(source)
		p.needle = &n
	default:
		expr, err := regexp.Compile("(?i)" + regexp.QuoteMeta(source))
		if err != nil {
			return Pattern{}, fmt.Errorf("not a text to search for: %w", err)
		}
		p.expr = expr
	}
	return p, nil
}

// literalOf returns a needle for the longest text that every match of the
// expression contains, or nil if there is none. Searching for it first spares
// most lines the expression, which costs a hundred times as much.
func literalOf(expr string) *needle {
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	literal := longestLiteral(parsed.Simplify())
	if literal == "" || !ascii(literal) {
		return nil
	}
	n := newNeedle(literal)
	return &n
}

// longestLiteral returns the longest text that the expression cannot do without.
func longestLiteral(expr *syntax.Regexp) string {
	switch expr.Op {
	case syntax.OpLiteral:
		return string(expr.Rune)
	case syntax.OpCapture, syntax.OpPlus:
		return longestLiteral(expr.Sub[0])
	case syntax.OpConcat:
		longest := ""
		for _, sub := range expr.Sub {
			if literal := longestLiteral(sub); len(literal) > len(longest) {
				longest = literal
			}
		}
		return longest
	default:
		return ""
	}
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// String returns the pattern as it was typed.
func (p Pattern) String() string { return p.source }

// Empty reports whether the pattern matches every text because it asks for none.
func (p Pattern) Empty() bool { return p.needle == nil && p.exact == "" && p.expr == nil }

// Match reports whether text contains what the pattern asks for.
func (p Pattern) Match(text string) bool {
	switch {
	case p.expr != nil:
		if p.needle != nil && p.needle.index(text, 0) < 0 && ascii(text) {
			return false // beyond ASCII, letters have cases that the needle does not know
		}
		return p.expr.MatchString(text)
	case p.needle != nil:
		return p.needle.index(text, 0) >= 0
	case p.exact != "":
		return strings.Contains(text, p.exact)
	}
	return true
}

// Spans returns where in text the pattern matches, as pairs of byte offsets
// that do not overlap. An empty pattern, and empty matches, have no spans.
func (p Pattern) Spans(text string) [][2]int {
	var spans [][2]int
	switch {
	case p.expr != nil:
		for _, loc := range p.expr.FindAllStringIndex(text, -1) {
			if loc[0] < loc[1] {
				spans = append(spans, [2]int{loc[0], loc[1]})
			}
		}
	case p.needle != nil:
		size := len(p.needle.text)
		for i := p.needle.index(text, 0); i >= 0; i = p.needle.index(text, i+size) {
			spans = append(spans, [2]int{i, i + size})
		}
	case p.exact != "":
		for from := 0; ; {
			i := strings.Index(text[from:], p.exact)
			if i < 0 {
				break
			}
			spans = append(spans, [2]int{from + i, from + i + len(p.exact)})
			from += i + len(p.exact)
		}
	}
	return spans
}

// Filter says which lines a panel shows: those that meet every condition set.
// The zero filter lets all lines through.
type Filter struct {
	Pattern  Pattern
	Level    Level    // this level or above
	Services []string // any of these services
	Release  string   // this release; of two SHAs of different length the shorter decides
	Task     string   // this task, by the beginning of its id
	Request  string   // this request, in all services
	// Source is a CloudWatch filter pattern. It is for the source to apply, and
	// Match does not know it.
	Source string
}

// ParseFilter reads a filter as an operator types it: the words service:NAME
// (repeatable), level:NAME, release:SHA, task:ID and req:ID set conditions,
// and what is left is the pattern. level>=NAME is the same as level:NAME.
// Everything behind the word cw: is a CloudWatch filter pattern.
func ParseFilter(source string) (Filter, error) {
	var f Filter
	var rest []string
	source, f.Source = cutSource(source)
	for word := range strings.FieldsSeq(source) {
		key, value := condition(word)
		switch key {
		case "service":
			f.Services = append(f.Services, value)
		case "level":
			level, err := ParseLevel(value)
			if err != nil {
				return Filter{}, err
			}
			f.Level = level
		case "release":
			f.Release = value
		case "task":
			f.Task = value
		case "req":
			f.Request = value
		default:
			rest = append(rest, word)
		}
	}
	var err error
	f.Pattern, err = ParsePattern(strings.Join(rest, " "))
	return f, err
}

// cutSource cuts off the CloudWatch filter pattern behind cw:, which is the
// rest of the text because it may hold anything.
func cutSource(text string) (before, pattern string) {
	const mark = "cw:"
	at := strings.Index(text, mark)
	if at < 0 || at > 0 && text[at-1] != ' ' {
		return text, ""
	}
	return text[:at], strings.TrimSpace(text[at+len(mark):])
}

// condition splits a word such as service:orders; the key is empty if the word
// is no condition.
func condition(word string) (key, value string) {
	for _, key := range [...]string{"service", "level", "release", "task", "req"} {
		rest, ok := strings.CutPrefix(word, key)
		if !ok {
			continue
		}
		for _, operator := range [...]string{":", ">="} {
			if value, ok := strings.CutPrefix(rest, operator); ok && value != "" && (operator == ":" || key == "level") {
				return key, value
			}
		}
	}
	return "", word
}

// String returns the filter as ParseFilter reads it.
func (f Filter) String() string {
	var words []string
	for _, service := range f.Services {
		words = append(words, "service:"+service)
	}
	if f.Level > LevelUnknown {
		words = append(words, "level:"+f.Level.String())
	}
	for _, c := range [...][2]string{{"release:", f.Release}, {"task:", f.Task}, {"req:", f.Request}} {
		if c[1] != "" {
			words = append(words, c[0]+c[1])
		}
	}
	if pattern := f.Pattern.String(); pattern != "" {
		words = append(words, pattern)
	}
	if f.Source != "" {
		words = append(words, "cw:"+f.Source)
	}
	return strings.Join(words, " ")
}

// Empty reports whether the filter lets every line through that the source gave.
func (f Filter) Empty() bool {
	return f.Pattern.Empty() && f.Level == LevelUnknown && len(f.Services) == 0 && f.Release == "" && f.Task == "" && f.Request == ""
}

// Match reports whether the line meets every condition.
func (f *Filter) Match(line *Line) bool {
	return line.Level >= f.Level &&
		(f.Release == "" || sameRelease(line.Release, f.Release)) &&
		(f.Request == "" || line.Request == f.Request) &&
		(f.Task == "" || strings.HasPrefix(line.Task, f.Task)) &&
		(len(f.Services) == 0 || slices.Contains(f.Services, line.Service)) &&
		f.Pattern.Match(line.Text)
}

// sameRelease reports whether two names mean one release: they are equal, or
// SHAs of which one is the beginning of the other.
func sameRelease(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return a == b || len(a) >= 7 && strings.HasPrefix(b, a) && hexadecimal(b)
}

// hexadecimal reports whether s consists of hexadecimal digits in lower case.
func hexadecimal(s string) bool {
	for i := range len(s) {
		if !digit(s[i]) && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}
