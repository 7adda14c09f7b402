package logview

import (
	"encoding/json"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// Condense is a line's text for a row that has little room: without the time
// that stands beside it already, and with the message first. The full text is
// shown when the line is opened, searched and copied.
func Condense(l *logs.Line) string {
	text := l.Text
	switch {
	case l.Continuation || text == "":
		return text
	case text[0] == '{':
		return condenseJSON(text)
	case strings.HasPrefix(text, "level="), strings.HasPrefix(text, "ts="), strings.HasPrefix(text, "time="):
		return condensePairs(text)
	}
	text = afterTime(text)
	if rest, ok := accessLine(text); ok {
		return rest
	}
	return text
}

// told are the fields of structured logs that a row says in another way: the
// time beside it, the level by its colour and word.
var told = map[string]bool{"time": true, "ts": true, "timestamp": true, "@timestamp": true, "level": true, "severity": true, "lvl": true}

// saying are the fields that hold the message, the best first.
var saying = []string{"msg", "message", "event", "error"}

// condenseJSON is a JSON object as "WARN message key=value …"; any other text
// as it is.
func condenseJSON(text string) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &fields) != nil {
		return text
	}
	var b strings.Builder
	word := ""
	for _, k := range []string{"level", "severity", "lvl"} {
		if word == "" {
			word = plainValue(fields[k])
		}
	}
	b.WriteString(levelWord(word))
	head := ""
	for _, k := range saying {
		if v := plainValue(fields[k]); v != "" {
			head = k
			b.WriteString(v)
			break
		}
	}
	for _, k := range order(text) {
		if v, ok := fields[k]; ok && k != head && !told[k] {
			b.WriteString(" " + k + "=" + plainValue(v))
			delete(fields, k)
		}
	}
	return strings.TrimSpace(b.String())
}

// order is the keys of a JSON object as it writes them.
func order(text string) []string {
	var keys []string
	d := json.NewDecoder(strings.NewReader(text))
	if _, err := d.Token(); err != nil {
		return nil
	}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return keys
		}
		if name, ok := k.(string); ok {
			keys = append(keys, name)
		}
		var skip json.RawMessage
		if d.Decode(&skip) != nil {
			return keys
		}
	}
	return keys
}

// plainValue is a JSON value without the quotes of a text.
func plainValue(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

// levelWord is the word of a level that is worth reading; the usual ones are
// left to the colour.
func levelWord(word string) string {
	switch w := strings.ToUpper(word); w {
	case "", "INFO", "DEBUG", "NOTICE", "TRACE":
		return ""
	case "WARNING":
		return "WARN "
	default:
		return w + " "
	}
}

// condensePairs is a logfmt line with its message first.
func condensePairs(text string) string {
	var b strings.Builder
	word, message := "", ""
	for text != "" {
		var pair string
		pair, text = cutPair(text)
		k, v, ok := strings.Cut(pair, "=")
		switch {
		case ok && (k == "level" || k == "lvl" || k == "severity"):
			word = levelWord(v)
		case ok && told[k]:
		case ok && (k == "msg" || k == "message") && message == "":
			message = strings.Trim(v, `"`)
		case pair != "":
			b.WriteString(" " + pair)
		}
	}
	return strings.TrimSpace(word + message + b.String())
}

// cutPair cuts the first blank-separated word off, quoted values whole.
func cutPair(text string) (pair, rest string) {
	quoted := false
	for i := range len(text) {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ' ' && !quoted:
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

// afterTime is a text without the time that it begins with.
func afterTime(text string) string {
	const shape = "0000-00-00 00:00:00"
	at := strings.TrimPrefix(text, "[")
	if len(at) < len(shape) {
		return text
	}
	for i := range len(shape) {
		c := at[i]
		switch {
		case shape[i] == '0' && (c < '0' || c > '9'):
			return text
		case shape[i] == ' ' && c != ' ' && c != 'T':
			return text
		case (shape[i] == '-' || shape[i] == ':') && c != shape[i]:
			return text
		}
	}
	if _, rest, ok := strings.Cut(at[len(shape):], "] "); ok && len(at) < len(text) {
		return rest
	}
	rest := strings.TrimLeft(at[len(shape):], "0123456789.,Z+:")
	if !strings.HasPrefix(rest, " ") {
		return text
	}
	return strings.TrimLeft(rest, " ")
}

// accessLine is a line of an access log without the client and the time, which
// in front of a load balancer say nothing.
func accessLine(text string) (string, bool) {
	_, rest, ok := strings.Cut(text, " [")
	if !ok || strings.Count(text[:len(text)-len(rest)], " ") > 4 {
		return "", false
	}
	_, rest, ok = strings.Cut(rest, `] "`)
	if !ok {
		return "", false
	}
	request, rest, ok := strings.Cut(rest, `"`)
	if !ok || !strings.Contains(request, " /") {
		return "", false
	}
	if i := strings.LastIndex(request, " HTTP/"); i > 0 {
		request = request[:i]
	}
	rest = strings.NewReplacer(` "-"`, "", ` "Mozilla/5.0"`, "").Replace(rest)
	return request + rest, true
}
