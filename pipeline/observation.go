package pipeline

import "time"

// Observation says where a fact comes from, how old it is, and what went wrong
// when it was last asked for. Every fact carries one.
type Observation struct {
	Source string        // "github runs", "aws services shop-production"
	At     time.Time     // when the value was last read whole; zero: never
	TTL    time.Duration // after which the value counts as stale
	Err    error         `json:"-"` // the newest read's error; nil when it succeeded
	ErrAt  time.Time     // when Err happened
}

// Known reports whether a value was ever read.
func (o Observation) Known() bool { return !o.At.IsZero() }

// Age is the time since the value was read; 0 when it never was.
func (o Observation) Age(now time.Time) time.Duration {
	if o.At.IsZero() {
		return 0
	}
	return max(now.Sub(o.At), 0)
}

// Stale reports whether the value is older than it may be, or was never read.
func (o Observation) Stale(now time.Time) bool {
	return o.At.IsZero() || (o.TTL > 0 && now.Sub(o.At) > o.TTL)
}

// State is ok, stale or error as status --json names it.
func (o Observation) State(now time.Time) string {
	switch {
	case o.Err != nil:
		return "error"
	case o.Stale(now):
		return "stale"
	}
	return "ok"
}

// Fact is a value with its observation. The value is the last good one; whether
// it may be relied on is the observation's to say.
type Fact[T any] struct {
	Value T
	Observation
}

// SourceStatus is one source's health as the faces show it.
type SourceStatus struct {
	Name string
	Observation
	Next time.Time // when it is asked again; zero: unknown
}
