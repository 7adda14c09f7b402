package logs

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// pagesATurn bounds how many pages of a query are read before the group's
	// other queries get a turn.
	pagesATurn = 5
	// lateAfter is how long after its timestamp a line has to appear to be
	// called late; most are stored within a few seconds.
	lateAfter = 5 * time.Second
	// staleToken is how many failures in a row make a query start again
	// without its token, which may have expired.
	staleToken = 4
)

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
	meter   meter         // of what is read
}

func newPoller(t *Tail, group Group) *poller {
	now := time.Now()
	since := t.options.Since
	p := &poller{
		tail: t, group: group, lines: newAssembler(group), seen: newSeen(), pause: t.options.Interval, hurry: make(chan struct{}, 1),
		origin: now.Add(-since), mark: now.Add(-min(since, freshness)), swept: now,
		state: GroupState{Group: group, Backfilled: since <= freshness},
	}
	p.firm, p.reached = p.mark, now
	if since > freshness {
		p.backfill = p.pass(p.origin, p.mark)
		p.backfill.query.NewestFirst = true
	}
	return p
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
	answered := page.At
	if answered.IsZero() {
		answered = p.now()
	}
	if p.setClock(ps, page.At) {
		p.delivered(ps, 0, 0, answered)
		return
	}
	lines, late := p.fresh(ps, page.Events)
	if len(lines) > 0 {
		p.tail.sink.Add(lines)
	}
	// A token that leads to itself and brings nothing would be followed for ever.
	ps.done = page.NextToken == "" || page.NextToken == ps.query.NextToken && len(page.Events) == 0
	ps.query.NextToken = page.NextToken
	ps.pages++
	ps.found += len(lines)
	ps.fails = 0
	if !ps.done && ps.last.Before(answered) {
		answered = ps.last
	}
	p.delivered(ps, len(lines), late, answered)
}

// fresh turns those events of a page into lines that were not delivered before,
// and counts the lines that come late.
func (p *poller) fresh(ps *pass, events []Event) (lines []*Line, late int) {
	now, horizon := p.now(), p.horizon()
	lines = make([]*Line, 0, min(len(events), 1024))
	for i := range events {
		event := &events[i]
		if event.Timestamp.After(ps.last) {
			ps.last = event.Timestamp
		}
		if event.Timestamp.Before(ps.query.Start) || event.Timestamp.Before(horizon) || !p.seen.add(event) {
			continue
		}
		before := len(lines)
		lines = p.lines.append(lines, event, now)
		p.meter.add(received(event, event.Timestamp), len(lines)-before)
		if lag := now.Sub(event.Timestamp); lag > lateAfter && p.passed(event.Timestamp) {
			for _, line := range lines[before:] {
				line.Late = lag
				late++
			}
		}
	}
	return lines, late
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
