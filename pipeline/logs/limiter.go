package logs

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	// DefaultRate is the most requests a second that a Limiter lets through: the
	// smallest regional quota for FilterLogEvents is 5, shared with everybody
	// else in the account.
	DefaultRate = 4
	// usualShare is the part of the rate that is used for what nobody waits for:
	// two consoles with it stay below the smallest quota together.
	usualShare = 0.6

	// A throttle takes a third of the rate, because somebody else uses the quota
	// too, and each five seconds without one give a quarter of a request a second
	// back.
	cutFactor    = 2.0 / 3
	lowestRate   = 1
	recovery     = 0.25
	recoverEvery = 5 * time.Second
	// cutEvery keeps the requests that were under way together from counting as
	// several throttles.
	cutEvery = time.Second
	// urgentInARow is how many urgent requests go before one that is not.
	urgentInARow = 3

	shortestBackoff = 250 * time.Millisecond
	longestBackoff  = 5 * time.Second
)

// Limiter spreads the requests of all tails that share one quota, which AWS
// gives per account and region. Waiters are served in the order in which they
// came, so that groups take turns, those that somebody looks at first. A
// throttle slows everybody down: for a moment entirely, and then to a rate at
// which several consoles find room beside each other.
type Limiter struct {
	most float64 // requests a second

	mu            sync.Mutex
	rate          float64   // requests a second now
	cut, raised   time.Time // when the rate was last changed
	next          time.Time // earliest time for the next request
	nextUsual     time.Time // and for the next that is not urgent
	urgent, usual []chan struct{}
	inARow        int         // urgent requests since the last that was not
	timer         *time.Timer // runs while somebody waits
	throttles     int         // in a row
}

// NewLimiter returns a limiter for at most that many requests a second; zero or
// less takes DefaultRate.
func NewLimiter(rate float64) *Limiter {
	if rate <= 0 {
		rate = DefaultRate
	}
	return &Limiter{most: rate, rate: rate}
}

// Wait returns when a request that somebody waits for may be sent, or with the
// context's error.
func (l *Limiter) Wait(ctx context.Context) error { return l.wait(ctx, true) }

// wait queues up and returns when it is its turn.
func (l *Limiter) wait(ctx context.Context, urgent bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	turn := make(chan struct{})
	l.mu.Lock()
	if urgent {
		l.urgent = append(l.urgent, turn)
	} else {
		l.usual = append(l.usual, turn)
	}
	l.serve()
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		leaves := func(c chan struct{}) bool { return c == turn }
		l.urgent, l.usual = slices.DeleteFunc(l.urgent, leaves), slices.DeleteFunc(l.usual, leaves)
		return ctx.Err()
	}
}

// serve lets those go whose turn it is, and sets a timer for the next. The
// caller holds the lock.
func (l *Limiter) serve() {
	for len(l.urgent)+len(l.usual) > 0 {
		now := time.Now()
		queue, at := l.choose(now)
		if wait := at.Sub(now); wait > 0 {
			l.wakeIn(wait)
			return
		}
		close((*queue)[0])
		*queue = (*queue)[1:]
		l.next = now.Add(period(l.rate))
		if l.inARow++; queue == &l.usual {
			l.inARow, l.nextUsual = 0, now.Add(period(l.rate*usualShare))
		}
	}
}

// choose returns the queue whose first is served next, and when.
func (l *Limiter) choose(now time.Time) (queue *[]chan struct{}, at time.Time) {
	usual := l.nextUsual
	if usual.Before(l.next) {
		usual = l.next
	}
	switch {
	case len(l.urgent) == 0:
		return &l.usual, usual
	case len(l.usual) > 0 && l.inARow >= urgentInARow && !usual.After(now):
		return &l.usual, usual
	}
	return &l.urgent, l.next
}

// wakeIn serves again after a time.
func (l *Limiter) wakeIn(wait time.Duration) {
	if l.timer != nil {
		l.timer.Stop()
	}
	l.timer = time.AfterFunc(wait, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.serve()
	})
}

// period is the time between requests at a rate.
func period(rate float64) time.Duration { return time.Duration(float64(time.Second) / rate) }

// Throttled tells the limiter that a request was refused: nobody sends for a
// while that doubles with each refusal in a row, up to five seconds, and less
// often than before from then on.
func (l *Limiter) Throttled() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if until := now.Add(backoff(l.throttles)); until.After(l.next) {
		l.next = until
	}
	l.throttles++
	if now.Sub(l.cut) >= cutEvery {
		l.rate, l.cut = max(l.rate*cutFactor, min(lowestRate, l.most)), now
	}
	l.raised = now
}

// Succeeded tells the limiter that a request was answered.
func (l *Limiter) Succeeded() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.throttles = 0
	if now := time.Now(); l.rate < l.most && now.Sub(l.raised) >= recoverEvery {
		l.rate, l.raised = min(l.rate+recovery, l.most), now
	}
}

// Rate returns how many requests a second are let through at present.
func (l *Limiter) Rate() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rate
}

// backoff returns how long to wait after that many failures before this one:
// doubling, a fifth more or less so that clients drift apart, and capped.
func backoff(failures int) time.Duration {
	pause := longestBackoff
	if failures < 5 {
		pause = shortestBackoff << failures
	}
	jittered := time.Duration(float64(pause) * (0.8 + 0.4*rand.Float64()))
	return min(jittered, longestBackoff)
}

// sleep waits for d, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
