package logs

import (
	"context"
	"time"
)

// freshness is the part of the start that is read first, so that a panel
// shows the newest lines before the older ones.
const freshness = time.Minute

// wantsMore reports whether older lines are wanted than were asked for.
func (p *poller) wantsMore() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.wanted.IsZero() && p.wanted.Before(p.origin)
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
