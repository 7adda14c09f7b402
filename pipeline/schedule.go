package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// The intervals of DESIGN: what moves and is looked at is asked often, what
// has settled seldom.
const (
	everyFocused  = 3 * time.Second
	everyMoving   = 15 * time.Second
	everyRuns     = 10 * time.Second
	everySettled  = 60 * time.Second
	everyHolds    = 5 * time.Minute // every sheet and every command reads them anew
	everyHistory  = 10 * time.Minute
	everyWall     = 15 * time.Second
	backoffCap    = 60 * time.Second
	readTimeout   = 45 * time.Second
	staleFactor   = 3 // a fact is stale when three of its intervals passed
	budgetReserve = 5 // one part in five of the rate budget is kept for actions

	spread        = 0.2  // of an interval, either way
	focusedShare  = 0.92 // of an interval that is close: the answer may wait for others
	focusedSpread = 0.015
)

// poller asks one source again and again.
type poller struct {
	name     string
	interval func(s *Snapshot) time.Duration
	read     func(ctx context.Context) error

	aside bool // what it reads stands beside the rest: nobody waits for it

	wake   chan bool // true: now; false: look again when you are due
	began  time.Time // the last read
	ended  time.Time
	failed int
	status SourceStatus
}

func newPoller(name string, interval func(*Snapshot) time.Duration, read func(context.Context) error) *poller {
	return &poller{
		name: name, interval: interval, read: read,
		wake:   make(chan bool, 1),
		status: SourceStatus{Name: name, Observation: Observation{Source: name}},
	}
}

// addPoller starts a poller; one of the same name that runs already stays.
func (e *Engine) addPoller(p *poller) {
	e.mu.Lock()
	for _, old := range e.pollers {
		if old.name == p.name {
			e.mu.Unlock()
			return
		}
	}
	e.pollers = append(e.pollers, p)
	e.mu.Unlock()
	e.goSafely(p.name, func(ctx context.Context) { e.poll(ctx, p) })
}

// reschedule makes every poller look at the clock again, or read at once.
func (e *Engine) reschedule(now bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.pollers {
		p.nudge(now)
	}
}

// nudge wakes the poller; a wish to read now is not overtaken by a lesser one.
func (p *poller) nudge(now bool) {
	select {
	case p.wake <- now:
	default:
		if !now {
			return
		}
		select {
		case <-p.wake:
		default:
		}
		select {
		case p.wake <- now:
		default:
		}
	}
}

func (e *Engine) poll(ctx context.Context, p *poller) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(e.begins)):
	}
	for {
		p.began = time.Now()
		err := e.readOnce(ctx, p)
		if ctx.Err() != nil {
			return
		}
		p.ended = time.Now()
		if err != nil {
			p.failed++
		} else {
			p.failed = 0
		}
		if !e.wait(ctx, p, err) {
			return
		}
	}
}

// wait sleeps until the poller is due. Its interval is asked again whenever
// the focus or the movement changes.
func (e *Engine) wait(ctx context.Context, p *poller, err error) bool {
	jitter := 2*rand.Float64() - 1 //nolint:gosec // spreads requests; no secret
	for {
		delay := e.delay(p, err, jitter)
		due := p.due(delay, err)
		e.mu.Lock()
		p.status.Next, p.status.TTL = due, staleFactor*max(delay, everyRuns)
		e.mu.Unlock()
		timer := time.NewTimer(time.Until(due))
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case now := <-p.wake:
			timer.Stop()
			if now {
				return true
			}
		case <-timer.C:
			return true
		}
	}
}

// due is when the source is read again: an interval after the last read began,
// so that the time which the answer takes does not come on top, but never
// before a pause of half of it. What failed gets its whole pause.
func (p *poller) due(delay time.Duration, err error) time.Time {
	if err != nil {
		return p.ended.Add(delay)
	}
	due, soonest := p.began.Add(delay), p.ended.Add(delay/2)
	if due.Before(soonest) {
		return soonest
	}
	return due
}

// delay is the time from one read to the next. The jitter is between -1 and 1.
func (e *Engine) delay(p *poller, err error, jitter float64) time.Duration {
	every := p.interval(e.Snapshot())
	if every == soon && err == nil {
		return soon // it waited for another source's first answer
	}
	if e.opt.Wall {
		every = max(every, everyWall)
	}
	if e.opt.GitHub != nil && isGitHub(p.name) {
		every = stretched(every, e.opt.GitHub.Rate(), time.Now())
	}
	if err != nil {
		back := time.Second << min(p.failed, 6)
		every = min(max(back, min(every, 5*time.Second)), backoffCap)
		var known *Error
		if errors.As(err, &known) && known.RetryAfter > 0 {
			return known.RetryAfter
		}
	}
	return jittered(every, jitter)
}

// jittered spreads the reads of many consoles by a fifth either way. How fresh
// the focus is, is promised: its interval is only ever shortened, by enough for
// an answer that takes longer than the one before.
func jittered(every time.Duration, jitter float64) time.Duration {
	if every <= everyFocused {
		return time.Duration(float64(every) * (focusedShare + focusedSpread*jitter))
	}
	return time.Duration(float64(every) * (1 + spread*jitter))
}

// stretched slows a GitHub poller when what remains of the budget would not
// last until it is renewed, keeping a part for actions.
func stretched(every time.Duration, r RateBudget, now time.Time) time.Duration {
	if r.Limit == 0 || !r.Reset.After(now) {
		return every
	}
	spare := r.Remaining - r.Limit/budgetReserve
	if spare <= 0 {
		return max(every, everySettled)
	}
	if r.Remaining < r.Limit/2 && float64(spare) < r.Reset.Sub(now).Hours()*float64(r.Limit)/2 {
		return 2 * every
	}
	return every
}

func isGitHub(name string) bool { return len(name) > 6 && name[:6] == "github" }

// readOnce reads the source, and records how that went in its status.
func (e *Engine) readOnce(ctx context.Context, p *poller) (err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			e.log.Error("source panicked", "source", p.name, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = &Error{Kind: KindInternal, Op: "read " + p.name, Message: fmt.Sprint("panic: ", r), Hint: "please report this with the log file"}
		}
		e.settle(p, err)
	}()
	return p.read(ctx)
}

func (e *Engine) settle(p *poller, err error) {
	if err != nil && e.ctx.Err() != nil {
		return
	}
	now := time.Now()
	e.observe(func(*state) {
		if err != nil {
			p.status.Err, p.status.ErrAt = err, now
			return
		}
		p.status.Err, p.status.At = nil, now
	})
	if err != nil {
		e.log.Warn("source failed", "source", p.name, "error", err.Error())
	}
}

// always is a fixed interval.
func always(d time.Duration) func(*Snapshot) time.Duration {
	return func(*Snapshot) time.Duration { return d }
}
