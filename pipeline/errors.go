package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrorKind says what sort of failure an Error is, so that faces can choose an
// exit code and a colour without reading text.
type ErrorKind string

// The kinds of failure.
const (
	KindUsage       ErrorKind = "usage"       // the request itself is wrong
	KindRefused     ErrorKind = "refused"     // a gate or a re-check said no; nothing was sent
	KindAuth        ErrorKind = "auth"        // not authenticated: no, wrong or expired credentials
	KindForbidden   ErrorKind = "forbidden"   // authenticated, and not allowed
	KindNotFound    ErrorKind = "not_found"   // the thing is not there, or not for this identity
	KindThrottled   ErrorKind = "throttled"   // the source asks for fewer requests
	KindUnavailable ErrorKind = "unavailable" // the source could not be reached or answered 5xx
	KindConflict    ErrorKind = "conflict"    // the thing is in a state that forbids the request
	KindInvalid     ErrorKind = "invalid"     // an answer or a file that cannot be understood
	KindUnseen      ErrorKind = "unseen"      // sent; its effect was not seen in time
	KindFailed      ErrorKind = "failed"      // it was tried, and came to a bad end
	KindInternal    ErrorKind = "internal"    // a defect of this program
)

// Error is a failure told to an operator: what failed, on what, why, and what
// to do next. The cause is kept.
type Error struct {
	Kind       ErrorKind
	Op         string        // what was tried, as a verb phrase: "list runs"
	On         string        // on what: "acme/shop", "cluster shop-production"
	Message    string        // why, without a full stop: "GitHub answered 502 Bad Gateway"
	Hint       string        // what to do next, without a full stop: "run gh auth login"
	RetryAfter time.Duration // when the source said so
	Err        error
}

// Error renders one sentence.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString("cannot " + e.Op)
		if e.On != "" {
			b.WriteString(" of " + e.On)
		}
		b.WriteString(": ")
	}
	switch {
	case e.Message != "":
		b.WriteString(e.Message)
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	default:
		b.WriteString(string(e.Kind))
	}
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf classifies any error; a context that ended is unavailable, and what
// is not ours is internal.
func KindOf(err error) ErrorKind {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return KindUnavailable
	}
	return KindInternal
}

// Exit codes of every command.
const (
	ExitDone        = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitRefused     = 3
	ExitAuth        = 4
	ExitUnreachable = 5
	ExitUnseen      = 8
)

// ExitCode maps an error to the exit code that a command ends with.
func ExitCode(err error) int {
	switch KindOf(err) {
	case "":
		return ExitDone
	case KindUsage, KindInvalid:
		return ExitUsage
	case KindRefused, KindConflict:
		return ExitRefused
	case KindAuth, KindForbidden, KindNotFound:
		return ExitAuth
	case KindThrottled, KindUnavailable:
		return ExitUnreachable
	case KindUnseen:
		return ExitUnseen
	default:
		return ExitFailed
	}
}

// Errorf makes an Error of a kind with a formatted message.
func Errorf(kind ErrorKind, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Message: wrapped.Error(), Err: errors.Unwrap(wrapped)}
}
