package logs

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// placeholder stands in a template for what differs between lines.
	placeholder = '#'
	// longestTemplate bounds a template, in bytes.
	longestTemplate = 200
	// longestName is the longest quoted text that still names something, such
	// as a key or column; longer ones are data.
	longestName = 24
)

// Template returns what the line has in common with others of its sort: its
// text with numbers, ids, addresses and quoted data replaced by #. A JSON
// object is represented by its message and exception, an access-log line by
// method, path and status.
func Template(line *Line) string {
	var message, exception string
	object := jsonFields(line.Text, func(key, value string, quoted bool) {
		switch key {
		case "message", "msg", "event", "@message":
			if quoted && message == "" {
				message = value
			}
		case "exc_info", "exception", "stack_trace", "traceback", "error", "err":
			if quoted && exception == "" {
				exception = strings.TrimSuffix(value, `\n`)
				exception = exception[strings.LastIndex(exception, `\n`)+1:]
				exception = strings.TrimPrefix(exception, "n") // of a \n cut in two
			}
		}
	})
	if object && message+exception != "" {
		return fold(strings.TrimSpace(message + " " + exception))
	}
	if access := recognise(line.Text).access; access.status > 0 && access.path != "" {
		return access.method + " " + fold(access.path) + " " + strconv.Itoa(access.status)
	}
	return fold(line.Text)
}

// folder builds a template.
type folder struct {
	out   []byte
	token int // index in out at which the present word, address or path began
}

// fold replaces what differs between texts of one sort.
func fold(text string) string {
	f := folder{out: make([]byte, 0, min(len(text), longestTemplate+utf8.UTFMax))}
	for i := 0; i < len(text) && len(f.out) < longestTemplate; {
		i += f.next(text, i)
	}
	return strings.TrimSpace(cut(string(f.out), longestTemplate))
}

// cut returns at most n bytes of s, in whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// next folds what stands at text[i:] and returns its length.
func (f *folder) next(text string, i int) int {
	switch c := text[i]; {
	case letter(c) || digit(c) || c == '_':
		return f.word(text, i)
	case (c == '\'' || c == '"') && (i == 0 || !letter(text[i-1]) && !digit(text[i-1])):
		if n := quotedData(text[i:]); n > 0 {
			f.out = append(f.out, c, placeholder, c)
			return n
		}
	case c == '@' && len(f.out) > f.token && i+1 < len(text) && (letter(text[i+1]) || digit(text[i+1])):
		f.out = f.out[:f.token]
		f.mark()
		return 1 + hostLength(text[i+1:])
	case c == ' ':
		if len(f.out) == 0 || f.out[len(f.out)-1] == ' ' {
			return 1
		}
		f.out = append(f.out, c)
		f.token = len(f.out)
		return 1
	}
	_, size := utf8.DecodeRuneInString(text[i:])
	f.out = append(f.out, text[i:i+size]...)
	if strings.IndexByte("<>()[]{}'\"=,;", text[i]) >= 0 {
		f.token = len(f.out)
	}
	return size
}

// word folds the word that begins at text[i].
func (f *folder) word(text string, i int) int {
	if uuid(text[i:]) {
		f.mark()
		return 36
	}
	end, hasDigit, hex := i, false, true
	for end < len(text) && (letter(text[end]) || digit(text[end]) || text[end] == '_') {
		hasDigit = hasDigit || digit(text[end])
		hex = hex && (digit(text[end]) || text[end]|0x20 >= 'a' && text[end]|0x20 <= 'f')
		end++
	}
	word := text[i:end]
	switch {
	case !hasDigit && !(hex && len(word) >= 8): // of the ids of eight digits one in 2,500 has letters alone
		f.out = append(f.out, word...)
	case hex && len(word) >= 4, len(word) >= 16, strings.HasPrefix(word, "0x"):
		f.mark()
	default:
		f.digits(word)
	}
	return len(word)
}

// digits writes a word with each run of digits replaced. The T and Z of a
// timestamp go with the digits beside them.
func (f *folder) digits(word string) {
	for i := 0; i < len(word); {
		switch n := digits(word[i:]); {
		case n > 0:
			f.mark()
			i += n
		case i > 0 && digit(word[i-1]) && (word[i] == 'Z' && i+1 == len(word) || word[i] == 'T' && digits(word[i+1:]) > 0):
			i++
		default:
			f.out = append(f.out, word[i])
			i++
		}
	}
}

// mark writes a placeholder, which swallows the one before it with the sign
// between them: a date, an address or a version is one thing.
func (f *folder) mark() {
	n := len(f.out)
	switch {
	case n > 0 && f.out[n-1] == placeholder:
	case n > 1 && f.out[n-2] == placeholder && strings.IndexByte("-.:,/+ ", f.out[n-1]) >= 0:
		f.out = f.out[:n-1]
	default:
		f.out = append(f.out, placeholder)
	}
	f.token = min(f.token, len(f.out)-1) // a swallowed sign may have been before the token
}

// quotedData returns the length of the quoted text that s begins with if it is
// data, or 0 if it is a name, or does not end.
func quotedData(s string) int {
	end := strings.IndexByte(s[1:], s[0])
	if end < 0 {
		return 0
	}
	if inside := s[1 : end+1]; end > longestName || strings.ContainsAny(inside, "0123456789@/") {
		return end + 2
	}
	return 0
}

// hostLength returns the length of the host name that s begins with.
func hostLength(s string) int {
	n := 0
	for n < len(s) && (letter(s[n]) || digit(s[n]) || s[n] == '-' || s[n] == '.') {
		n++
	}
	return n
}

// uuid reports whether s begins with a UUID.
func uuid(s string) bool {
	if len(s) < 36 || len(s) > 36 && (letter(s[36]) || digit(s[36])) {
		return false
	}
	for i := range 36 {
		c := s[i]
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash {
			if c != '-' {
				return false
			}
		} else if !digit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}
