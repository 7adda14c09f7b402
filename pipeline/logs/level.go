package logs

import (
	"fmt"
	"strings"
)

// Level is the severity of a line, in ascending order.
type Level uint8

// The severities. A line whose level cannot be recognised is LevelUnknown,
// which is below all others.
const (
	LevelUnknown Level = iota
	LevelDebug
	LevelInfo
	LevelWarn
	LevelError
	LevelCritical
)

var levelNames = [...]string{"unknown", "debug", "info", "warn", "error", "critical"}

// String returns the level's name in lower case.
func (l Level) String() string {
	if int(l) >= len(levelNames) {
		return levelNames[LevelUnknown]
	}
	return levelNames[l]
}

// ParseLevel returns the level of that name in any case, with the usual
// synonyms (warning, err, fatal, notice). The error lists the names.
func ParseLevel(name string) (Level, error) {
	if level := levelWord(name); level != LevelUnknown {
		return level, nil
	}
	if strings.EqualFold(name, levelNames[LevelUnknown]) {
		return LevelUnknown, nil
	}
	return LevelUnknown, fmt.Errorf("no level %q: one of %s", name, strings.Join(levelNames[:], ", "))
}

// levelWord returns the level that word names, in any case.
func levelWord(word string) Level {
	var upper [9]byte
	if len(word) < 3 || len(word) > len(upper) {
		return LevelUnknown
	}
	for i := 0; i < len(word); i++ {
		c := word[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper[i] = c
	}
	switch string(upper[:len(word)]) {
	case "TRACE", "DEBUG", "VERBOSE":
		return LevelDebug
	case "INFO", "NOTICE", "LOG":
		return LevelInfo
	case "WARN", "WARNING":
		return LevelWarn
	case "ERR", "ERROR", "SEVERE":
		return LevelError
	case "CRITICAL", "CRIT", "FATAL", "PANIC", "ALERT", "EMERG", "EMERGENCY":
		return LevelCritical
	}
	return LevelUnknown
}

// levelNumber returns the level of a number as bunyan, pino (10 to 60) and
// Python's logging (10 to 50) write it.
func levelNumber(number string) Level {
	switch number {
	case "10", "5":
		return LevelDebug
	case "20":
		return LevelInfo
	case "30":
		return LevelWarn
	case "40":
		return LevelError
	case "50", "60":
		return LevelCritical
	}
	return LevelUnknown
}

// statusLevel returns the level of an access-log line by its HTTP status.
func statusLevel(status int) Level {
	switch {
	case status >= 500 && status < 600:
		return LevelError
	case status >= 400 && status < 500:
		return LevelWarn
	case status >= 100 && status < 400:
		return LevelInfo
	}
	return LevelUnknown
}

// methodWord reports whether word is an HTTP method.
func methodWord(word string) bool {
	switch word {
	case "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS":
		return true
	}
	return false
}
