package logs

import "time"

// permanentPause is the pause after an error that only somebody's doing can
// end. It is still tried again: somebody may do it.
const permanentPause = 30 * time.Second

// pass is one query and how far its pages have been read.
type pass struct {
	query Query
	began time.Time
	pages int
	done  bool      // the last page has been read
	fails int       // errors in a row
	retry time.Time // not before, after an error; the live query is waited for by the poller itself
	last  time.Time // newest timestamp read
	found int       // new lines
}

// pass returns a query for the time from start, or from the poller's origin if
// that is later, to end.
func (p *poller) pass(start, end time.Time) *pass {
	for _, limit := range []time.Time{p.origin, p.horizon()} {
		if start.Before(limit) {
			start = limit
		}
	}
	return &pass{began: p.now(), query: Query{
		Group: p.group.Name, Start: start.Truncate(time.Millisecond), End: end,
		Pattern: p.group.Pattern, StreamPrefix: p.group.StreamPrefix,
	}}
}

// horizon is the instant before which the sink has no place for lines; zero:
// it has.
func (p *poller) horizon() time.Time {
	if bounded, ok := p.tail.sink.(Bounded); ok {
		return bounded.Horizon()
	}
	return time.Time{}
}

// simplify takes out of a refused query what the source may have refused: a
// token that it does not know any more, an order that not every server knows.
// It returns how long to wait before the query is asked again.
func (ps *pass) simplify() time.Duration {
	switch {
	case ps.query.NextToken != "":
		ps.query.NextToken = ""
	case ps.query.NewestFirst:
		ps.query.NewestFirst = false
	default:
		return permanentPause
	}
	return shortestBackoff
}
