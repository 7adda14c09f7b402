package logs

import "time"

const (
	// behindAfter is the lag beyond the pause between two polls that is reported;
	// less is the normal pace.
	behindAfter = 10 * time.Second
	// passingFor is how long a failure that trying again usually ends may last
	// before it is told.
	passingFor = 5 * time.Second
)

// GroupState says how the following of one group fares.
type GroupState struct {
	Group       Group
	LastSuccess time.Time     // of the newest request that was answered; zero: none yet
	Err         error         // why the newest request failed; nil if it did not
	Failing     time.Time     // since when no request was answered; zero: the newest was
	Throttled   bool          // the newest request was refused because the quota was used up
	Throttles   int           // requests that were refused so, since the start
	Behind      time.Duration // how old the newest lines read are when the source gives more than can be read, or fails; else 0
	Rate        float64       // lines a second that the source received in the newest seconds that are read
	Lines       int           // lines delivered since the start
	Late        int           // of these, lines that came late
	Backfilled  bool          // the time before the start has been read as far as it will be
	CaughtUp    bool          // the newest lines have been read to their end, once or more
}

// Passing reports whether the group fails only since a moment, in a way that
// trying again usually ends: nobody need be told yet.
func (g *GroupState) Passing() bool {
	return g.Err != nil && !permanent(g.Err) && time.Since(g.Failing) < passingFor
}

// delivered keeps the account of a page. All that the source had received by
// readTo was read with it, if it is one of the live query.
func (p *poller) delivered(ps *pass, lines, late int, readTo time.Time) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.LastSuccess, p.state.Err, p.state.Failing, p.state.Throttled = now, nil, time.Time{}, false
	p.state.Lines += lines
	p.state.Late += late
	p.state.CaughtUp = p.state.CaughtUp || ps == p.live && ps.done
	if ps == p.live && ps.last.After(p.reached) && ps.last.Before(p.now()) {
		p.reached = ps.last
	}
	if ps == p.live {
		p.state.Rate = p.meter.rate(readTo)
	}
}

// progress notes that everything stored before the instant has been read.
func (p *poller) progress(to time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reached = to
}

// report returns the group's state as of now.
func (p *poller) report() GroupState {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := p.state
	if lag := p.now().Sub(p.reached); lag > behindAfter+p.pausing {
		state.Behind = lag
	}
	return state
}
