package logs

import "strings"

// facts are what a line says about itself.
type facts struct {
	level   Level
	request string // request id
	access  access // set when the line is an access-log line
}

// access is the request line of an access log.
type access struct {
	method, path string
	status       int // HTTP status; 0: not an access-log line
}

// searched is how far into a line its level and status are looked for; what
// stands behind it is message.
const searched = 256

// recognise reads level, request id and HTTP status out of a sanitised line: a
// JSON object, logfmt, or the formats of Django, Gunicorn, nginx and
// PostgreSQL. A failed request raises the level to what its status deserves.
func recognise(text string) facts {
	var f facts
	if !f.readJSON(text) {
		f.readWords(text)
		f.request = requestID(text)
	}
	if f.access.status > 0 {
		f.level = max(f.level, statusLevel(f.access.status))
	}
	return f
}

// readJSON reads the facts of a line that is a JSON object, and reports
// whether it is one.
func (f *facts) readJSON(text string) bool {
	return jsonFields(text, func(key, value string, quoted bool) {
		switch key {
		case "level", "levelname", "severity", "lvl", "log.level", "loglevel", "level_name":
			if f.level == LevelUnknown {
				if f.level = levelWord(value); !quoted {
					f.level = levelNumber(value)
				}
			}
		case "request_id", "requestId", "request-id", "x_request_id", "x-request-id", "X-Request-ID", "request.id", "req_id", "reqId", "req", "correlation_id":
			if f.request == "" && identifier(value) == len(value) {
				f.request = value
			}
		case "status", "status_code", "http_status", "http.response.status_code", "response_status":
			f.access.status = max(f.access.status, status(value))
		case "method", "http_method", "http.request.method":
			f.access.method = value
		case "path", "uri", "url", "request_uri", "url.path", "http.target":
			f.access.path = value
		}
	})
}

// readWords reads the level and the access-log fields of a line in any other
// format.
func (f *facts) readWords(text string) {
	head := text[:min(len(text), searched)]
	for i := 0; i < len(head); {
		if !letter(head[i]) {
			i++
			continue
		}
		end := i + 1
		for end < len(head) && (letter(head[end]) || head[end] == '_') {
			end++
		}
		f.readWord(text, i, end)
		i = end
	}
}

// readWord takes what the word text[start:end] says.
func (f *facts) readWord(text string, start, end int) {
	word := text[start:end]
	if f.level == LevelUnknown && delimited(text, start, end) {
		f.level = levelWord(word)
	}
	if f.access.status == 0 && methodWord(word) {
		f.access = requestLine(text, start, end)
	}
	if end >= len(text) || text[end] != '=' {
		return
	}
	value := strings.TrimPrefix(text[end+1:min(len(text), end+16)], `"`)
	switch word {
	case "level", "lvl", "severity", "levelname", "loglevel":
		if f.level == LevelUnknown {
			f.level = levelWord(value[:letters(value)])
		}
	case "status", "status_code":
		if number := value[:digits(value)]; f.access.status == 0 {
			f.access.status = status(number)
		}
	}
}

// delimited reports whether text[start:end] stands where formats put a level:
// in capitals as a word of its own, or in any case in brackets or at the very
// beginning before a colon.
func delimited(text string, start, end int) bool {
	before, after := byte(' '), byte(' ')
	if start > 0 {
		before = text[start-1]
	}
	if end < len(text) {
		after = text[end]
	}
	if text[start] >= 'a' {
		return before == '[' && after == ']' || start == 0 && after == ':'
	}
	if text[end-1] >= 'a' {
		return before == '[' && after == ']' || start == 0 && (after == ':' || after == ' ')
	}
	return strings.IndexByte(" [(|:\"=", before) >= 0 && strings.IndexByte(" ]):|,\"", after) >= 0
}

// requestLine reads the request line whose method is text[start:end], as in
// "GET /cart HTTP/1.1" 200 or GET /cart 200. The status is 0 where it is none.
func requestLine(text string, start, end int) access {
	method, rest := text[start:end], text[end:]
	if len(rest) < 2 || rest[0] != ' ' || rest[1] != '/' && !strings.HasPrefix(rest[1:], "http") {
		return access{}
	}
	path, rest, _ := strings.Cut(rest[1:], " ")
	path = strings.TrimSuffix(path, `"`)
	if strings.HasPrefix(rest, "HTTP/") {
		_, rest, _ = strings.Cut(rest, " ")
	}
	rest = strings.TrimLeft(rest, "-> ")
	return access{method: method, path: path, status: status(rest[:digits(rest)])}
}

// status returns the HTTP status that the text is, or 0.
func status(text string) int {
	if len(text) != 3 || digits(text) != 3 || text[0] < '1' || text[0] > '5' {
		return 0
	}
	return int(text[0]-'0')*100 + int(text[1]-'0')*10 + int(text[2]-'0')
}

// requestID returns the request id that a line names, as in request_id=…,
// X-Request-ID: … or [req 8f1c…].
func requestID(text string) string {
	for from := 0; ; {
		i := request.index(text, from)
		if i < 0 {
			return ""
		}
		from = i + len("req")
		if i > 0 && (letter(text[i-1]) || digit(text[i-1])) {
			continue
		}
		rest := text[i:]
		name := 0
		for name < len(rest) && (letter(rest[name]) || rest[name] == '_' || rest[name] == '-') {
			name++
		}
		if id := requestValue(rest[:name], rest[name:]); id != "" {
			return id
		}
	}
}

var request = newNeedle("req")

// requestValue returns the id behind a request id's name, or "" if the name or
// the value is none.
func requestValue(name, rest string) string {
	separators := `=: "'`
	switch {
	case strings.EqualFold(name, "req"):
		if len(rest) > 0 && rest[0] == ' ' {
			return "" // "req" is also a word: "2 req failed"
		}
	case strings.EqualFold(name, "request_id"), strings.EqualFold(name, "request-id"),
		strings.EqualFold(name, "requestid"), strings.EqualFold(name, "req_id"), strings.EqualFold(name, "req-id"):
	default:
		return ""
	}
	value := strings.TrimLeft(rest, separators)
	if len(value) == len(rest) {
		return ""
	}
	return value[:identifier(value)]
}

// identifier returns the length of the identifier that text begins with, or 0
// if it is too short or too long for a request id.
func identifier(text string) int {
	n := 0
	for n < len(text) && (letter(text[n]) || digit(text[n]) || strings.IndexByte("-_.:/+=", text[n]) >= 0) {
		n++
	}
	if n < 4 || n > 128 {
		return 0
	}
	return n
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func digit(c byte) bool { return c >= '0' && c <= '9' }

// letters returns how many letters text begins with.
func letters(text string) int {
	n := 0
	for n < len(text) && letter(text[n]) {
		n++
	}
	return n
}

// digits returns how many digits text begins with.
func digits(text string) int {
	n := 0
	for n < len(text) && digit(text[n]) {
		n++
	}
	return n
}
