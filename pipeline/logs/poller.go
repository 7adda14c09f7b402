package logs

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"
)

const (
	// pagesATurn bounds how many pages of a query are read before the group's
	// other queries get a turn.
	pagesATurn = 5
	// freshness is the part of the start that is read first, so that a panel
	// shows the newest lines before the older ones.
	freshness = time.Minute
	// lateAfter is how long after its timestamp a line has to appear to be
	// called late; most are stored within a few seconds.
	lateAfter = 5 * time.Second
	// behindAfter is the lag beyond the pause between two polls that is reported;
	// less is the normal pace.
	behindAfter = 10 * time.Second
	// passingFor is how long a failure that trying again usually ends may last
	// before it is told.
	passingFor = 5 * time.Second
	// staleToken is how many failures in a row make a query start again
	// without its token, which may have expired.
	staleToken = 4
	// permanentPause is the pause after an error that only somebody's doing can
	// end. It is still tried again: somebody may do it.
	permanentPause = 30 * time.Second
	// clockError is how far this machine's clock may be ahead of the source's,
	// the answer's way included, before it counts as wrong.
	clockError = 2 * time.Second
	// rateSpan is the time over which lines a second are averaged.
	rateSpan = 10 * time.Second
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
	Rate        float64       // lines a second, averaged over some seconds
	Lines       int           // lines delivered since the start
	Late        int           // of these, lines that came late
	Backfilled  bool          // the time before the start has been read as far as it will be
	CaughtUp    bool          // the newest lines have been read to their end, once or more
}

// poller follows one group. Its queries are the live one, which reads on from
// where the last one began, the sweep, and at the start the backfill.
type poller struct {
	tail  *Tail
	group Group
	lines *assembler
	seen  *seen

	origin   time.Time // nothing older is wanted
	firm     time.Time // from here on everything up to mark was read at least once
	mark     time.Time // when the last complete live query began
	swept    time.Time // the same for sweeps
	live     *pass
	sweep    *pass
	backfill *pass
	pause    time.Duration // present pause between polls
	hurry    chan struct{} // cap 1: the pace has changed
	ahead    time.Duration // how far this machine's clock is ahead of the source's

	mu      sync.Mutex
	state   GroupState
	reached time.Time     // up to where the group's lines are read; what is older than the start does not count
	pausing time.Duration // the pause, for reports
	wanted  time.Time     // lines since then are wanted; zero: since the origin
	counted time.Time     // when the rate was last taken
	count   int           // lines since then
}

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

func newPoller(t *Tail, group Group) *poller {
	now := time.Now()
	since := t.options.Since
	p := &poller{
		tail: t, group: group, lines: newAssembler(group), seen: newSeen(), pause: t.options.Interval, hurry: make(chan struct{}, 1),
		origin: now.Add(-since), mark: now.Add(-min(since, freshness)), swept: now, counted: now,
		state: GroupState{Group: group, Backfilled: since <= freshness},
	}
	p.firm, p.reached = p.mark, now
	if since > freshness {
		p.backfill = p.pass(p.origin, p.mark)
		p.backfill.query.NewestFirst = true
	}
	return p
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

// run polls until the context ends.
func (p *poller) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause := p.turn(ctx)
		signal(p.tail.changed)
		p.rest(ctx, pause)
	}
}

// rest waits until it is time for the next turn. When the pace becomes quicker
// than the pause, it waits no longer; an error's pause is waited for.
func (p *poller) rest(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-p.hurry:
			pace := p.tail.paceOf(p.group)
			if quicker := pace.Interval < p.pause; p.live == nil && (quicker || p.wantsMore()) {
				p.setPause(min(p.pause, max(pace.Interval, time.Millisecond)))
				return
			}
		}
	}
}

// wantsMore reports whether older lines are wanted than were asked for.
func (p *poller) wantsMore() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.wanted.IsZero() && p.wanted.Before(p.origin)
}

// setPause sets the pause between polls.
func (p *poller) setPause(pause time.Duration) {
	p.pause = pause
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pausing = pause
}

// turn reads some pages of each query that has something to read, and returns
// how long to pause before the next turn. A panic in the source is an error
// like others.
func (p *poller) turn(ctx context.Context) (pause time.Duration) {
	defer func() {
		if r := recover(); r != nil {
			pause = p.failed(ctx, nil, fmt.Errorf("the log source panicked: %v", r))
		}
	}()
	overlap := p.tail.options.Overlap
	if p.live == nil {
		p.live = p.pass(p.mark.Add(-overlap), time.Time{})
	}
	if err := p.read(ctx, p.live, pagesATurn); err != nil {
		return p.failed(ctx, p.live, err)
	}
	pages := pagesATurn
	if p.live.done {
		p.finishLive()
	} else {
		pages = 1 // behind: what is new comes first
	}
	p.extend()
	p.readBackfill(ctx, pages)
	p.readSweep(ctx, pages)
	p.forget()
	return p.untilNext()
}

// Passing reports whether the group fails only since a moment, in a way that
// trying again usually ends: nobody need be told yet.
func (g *GroupState) Passing() bool {
	return g.Err != nil && !permanent(g.Err) && time.Since(g.Failing) < passingFor
}

// untilNext returns how long it is until something can be read.
func (p *poller) untilNext() time.Duration {
	if p.live != nil {
		return 0
	}
	pause := p.pause
	for _, open := range []*pass{p.backfill, p.sweep} {
		if open != nil {
			pause = min(pause, max(time.Until(open.retry), 0))
		}
	}
	return pause
}

// finishLive moves the mark on and adapts the pause to whether lines came.
func (p *poller) finishLive() {
	pace := p.tail.paceOf(p.group)
	pause := 2 * p.pause
	if p.live.found > 0 {
		pause = pace.Interval
	}
	p.setPause(min(max(pause, pace.Interval), pace.Idle))
	p.mark, p.live = p.live.began, nil
	p.progress(p.mark)
}

// readBack asks for the lines since an earlier instant.
func (p *poller) readBack(since time.Time) {
	p.mu.Lock()
	p.wanted = since
	p.state.Backfilled = false
	p.mu.Unlock()
	signal(p.hurry)
}

// extend begins a backfill of the time before the origin, where that is wanted.
func (p *poller) extend() {
	p.mu.Lock()
	wanted := p.wanted
	p.mu.Unlock()
	if wanted.IsZero() || p.backfill != nil {
		return
	}
	if !wanted.Before(p.origin) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.state.Backfilled = true
		return
	}
	end := p.origin
	p.origin = wanted
	p.backfill = p.pass(wanted, end)
	p.backfill.query.NewestFirst = true
}

// readBackfill reads some pages of the time before the start, until all of it
// was read or as much as is allowed.
func (p *poller) readBackfill(ctx context.Context, pages int) {
	most := p.tail.options.BackfillPages
	if p.backfill == nil {
		return
	}
	room := p.backfill.query.End.After(p.horizon())
	if room {
		p.readAside(ctx, p.backfill, min(pages, most-p.backfill.pages))
	}
	if room && !p.backfill.done && p.backfill.pages < most {
		return
	}
	if p.backfill.done {
		p.firm = p.origin
	}
	p.backfill = nil
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Backfilled = true
}

// readSweep begins a sweep when one is due and reads some of its pages. A
// sweep that took longer than it should is followed by one that reaches as
// much further back, so that no time goes without.
func (p *poller) readSweep(ctx context.Context, pages int) {
	o := &p.tail.options
	if p.sweep == nil {
		if p.now().Sub(p.swept) < o.SweepEvery || !p.mark.After(p.swept) {
			return
		}
		p.sweep = p.pass(p.swept.Add(-o.Sweep), p.mark.Add(-o.Overlap))
	}
	p.readAside(ctx, p.sweep, pages)
	if p.sweep.done {
		p.swept, p.sweep = p.sweep.began, nil
	}
}

// readAside reads some pages of a query beside the live one. When it fails, it
// alone waits.
func (p *poller) readAside(ctx context.Context, ps *pass, pages int) {
	if time.Now().Before(ps.retry) {
		return
	}
	if err := p.read(ctx, ps, pages); err != nil {
		ps.retry = time.Now().Add(p.failed(ctx, ps, err))
	}
}

// forget drops the memory of events that no query will bring again, and of
// streams that are silent.
func (p *poller) forget() {
	oldest := p.mark.Add(-p.tail.options.Overlap)
	if sweep := p.swept.Add(-p.tail.options.Sweep); sweep.Before(oldest) {
		oldest = sweep
	}
	for _, open := range []*pass{p.live, p.sweep, p.backfill} {
		if open != nil && open.query.Start.Before(oldest) {
			oldest = open.query.Start
		}
	}
	if horizon := p.horizon(); horizon.After(oldest) {
		oldest = horizon
	}
	p.seen.forget(oldest)
	p.lines.forget(time.Now())
}

// read reads up to that many pages of a query.
func (p *poller) read(ctx context.Context, ps *pass, pages int) error {
	for range pages {
		if err := p.tail.options.Limiter.wait(ctx, p.urgent()); err != nil {
			return err
		}
		request, cancel := context.WithTimeout(ctx, p.tail.options.Timeout)
		page, err := p.tail.source.Filter(request, ps.query)
		cancel()
		if err != nil {
			return err
		}
		p.tail.options.Limiter.Succeeded()
		p.accept(ps, page)
		if ps.done {
			return nil
		}
	}
	return nil
}

// urgent reports whether somebody waits for what is read: the group is looked
// at, or nothing of it was shown yet.
func (p *poller) urgent() bool {
	p.mu.Lock()
	fresh := !p.state.CaughtUp
	p.mu.Unlock()
	return fresh || p.tail.paceOf(p.group).First
}

// accept delivers what is new in a page and moves the query on.
func (p *poller) accept(ps *pass, page Page) {
	if p.setClock(ps, page.At) {
		p.delivered(ps, 0, 0)
		return
	}
	now, horizon := p.now(), p.horizon()
	lines := make([]*Line, 0, min(len(page.Events), 1024))
	late := 0
	for i := range page.Events {
		event := &page.Events[i]
		if event.Timestamp.After(ps.last) {
			ps.last = event.Timestamp
		}
		if event.Timestamp.Before(ps.query.Start) || event.Timestamp.Before(horizon) || !p.seen.add(event) {
			continue
		}
		before := len(lines)
		lines = p.lines.append(lines, event, now)
		if lag := now.Sub(event.Timestamp); lag > lateAfter && p.passed(event.Timestamp) {
			for _, line := range lines[before:] {
				line.Late = lag
				late++
			}
		}
	}
	if len(lines) > 0 {
		p.tail.sink.Add(lines)
	}
	// A token that leads to itself and brings nothing would be followed for ever.
	ps.done = page.NextToken == "" || page.NextToken == ps.query.NextToken && len(page.Events) == 0
	ps.query.NextToken = page.NextToken
	ps.pages++
	ps.found += len(lines)
	ps.fails = 0
	p.delivered(ps, len(lines), late)
}

// now returns the time by the source's clock, as far as it is known. A clock
// that is behind does no harm, since queries have no end and begin earlier; one
// that is ahead would make each query begin after the newest lines.
func (p *poller) now() time.Time { return time.Now().Add(-p.ahead) }

// setClock compares this machine's clock with that of an answer. It reports
// whether the first answer shows that the clock is wrong: everything measured
// so far is moved then, and the query has to be asked anew.
func (p *poller) setClock(ps *pass, at time.Time) (anew bool) {
	if at.IsZero() {
		return false
	}
	ahead := time.Since(at)
	if ahead < clockError {
		ahead = 0
	}
	p.mu.Lock()
	more, first := ahead-p.ahead, p.state.LastSuccess.IsZero()
	p.ahead = ahead
	p.mu.Unlock()
	if more <= 0 {
		return false
	}
	ps.began = ps.began.Add(-more)
	if !first {
		return false
	}
	moved := []*time.Time{&p.origin, &p.firm, &p.mark, &p.swept, &ps.query.Start}
	if p.backfill != nil {
		moved = append(moved, &p.backfill.query.Start, &p.backfill.query.End)
	}
	for _, measured := range moved {
		*measured = measured.Add(-more).Truncate(time.Millisecond)
	}
	p.progress(p.mark)
	return true
}

// passed reports whether everything of that instant had been read before, so
// that an event that appears there now is late.
func (p *poller) passed(at time.Time) bool { return !at.Before(p.firm) && at.Before(p.mark) }

// failed notes an error and returns how long to wait with the query. It stays as
// it is, so that nothing is skipped; when it fails again and again, it begins
// anew without its token, and what it brings a second time is known. The query
// is nil where it is not known which one failed.
func (p *poller) failed(ctx context.Context, ps *pass, err error) time.Duration {
	if ctx.Err() != nil {
		return 0
	}
	slow := throttled(err)
	p.mu.Lock()
	p.state.Err, p.state.Throttled = err, slow
	if p.state.Failing.IsZero() {
		p.state.Failing = time.Now()
	}
	if slow {
		p.state.Throttles++
	}
	p.mu.Unlock()
	switch {
	case slow:
		p.tail.options.Limiter.Throttled()
		return 0 // the limiter makes everybody wait
	case ps == nil:
		return longestBackoff
	case permanent(err):
		return ps.simplify()
	}
	pause := backoff(ps.fails)
	if ps.fails++; ps.fails%staleToken == 0 {
		ps.query.NextToken = ""
	}
	return pause
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

// delivered keeps the account of a page.
func (p *poller) delivered(ps *pass, lines, late int) {
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
	if ps != p.backfill {
		p.count += lines
	}
	p.takeRate(now)
}

// progress notes that everything stored before the instant has been read.
func (p *poller) progress(to time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reached = to
}

// takeRate folds the lines since it was last called into the average.
func (p *poller) takeRate(now time.Time) {
	elapsed := now.Sub(p.counted)
	if elapsed < time.Second {
		return
	}
	weight := 1 - math.Exp(-elapsed.Seconds()/rateSpan.Seconds())
	p.state.Rate += weight * (float64(p.count)/elapsed.Seconds() - p.state.Rate)
	if p.state.Rate < 0.01 {
		p.state.Rate = 0
	}
	p.counted, p.count = now, 0
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
