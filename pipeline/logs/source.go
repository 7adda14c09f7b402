package logs

import (
	"context"
	"errors"
	"time"
)

// Source reads stored log events. Its contract is that of CloudWatch Logs'
// FilterLogEvents: times select by the events' own timestamps, a page may be
// empty and still have a successor, and only an empty NextToken ends a query.
//
// Errors that implement Throttled() bool or Permanent() bool, anywhere in their
// chain, are treated accordingly; all others are retried as passing failures.
// An error means that nothing of the page was delivered.
type Source interface {
	Filter(ctx context.Context, query Query) (Page, error)
}

// Query asks for the events of one log group.
type Query struct {
	Group        string    // the log group's name
	Start        time.Time // oldest timestamp, inclusive, in milliseconds
	End          time.Time // newest timestamp, inclusive; zero: no end, which includes timestamps in the future
	Pattern      string    // CloudWatch filter pattern; empty: every event
	StreamPrefix string    // only streams whose names begin so; empty: every stream
	NextToken    string    // continues an earlier answer to the same query
	Limit        int       // most events in a page; 0: as many as the source gives
	NewestFirst  bool      // newest events in the first page
}

// Page is one answer to a Query.
type Page struct {
	Events    []Event
	NextToken string    // empty on the last page
	At        time.Time // when the source answered, by its own clock; zero if it does not say
}

// Event is one stored log event.
type Event struct {
	ID        string // unique within the group; empty where the source gives none
	Group     string
	Stream    string
	Timestamp time.Time // what the writer's clock said
	Ingested  time.Time // when the store received it; zero if unknown
	Message   string    // as it was written: may have several lines and hold anything
}

// throttled reports whether err says that the account's quota is used up.
func throttled(err error) bool {
	var t interface{ Throttled() bool }
	return errors.As(err, &t) && t.Throttled()
}

// permanent reports whether err will not pass without somebody's doing, such as
// a missing permission or log group.
func permanent(err error) bool {
	var p interface{ Permanent() bool }
	return errors.As(err, &p) && p.Permanent()
}
