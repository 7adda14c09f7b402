package logs

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// DefaultRate is how many requests a second a Limiter lets through: the
	// smallest regional quota for FilterLogEvents is 5, shared with everybody
	// else in the account.
	DefaultRate = 4

	shortestBackoff = 250 * time.Millisecond
	longestBackoff  = 5 * time.Second
)

// Limiter spreads the requests of all tails that share one quota, which AWS
// gives per account and region. Waiters are served in the order in which they
// came, so that groups take turns. A throttle slows everybody down.
type Limiter struct {
	interval time.Duration

	mu        sync.Mutex
	next      time.Time // earliest time for the next request
	throttles int       // in a row
	refusals  int       // in all
}

// NewLimiter returns a limiter for that many requests a second; zero or less
// takes DefaultRate.
func NewLimiter(rate float64) *Limiter {
	if rate <= 0 {
		rate = DefaultRate
	}
	return &Limiter{interval: time.Duration(float64(time.Second) / rate)}
}

// Wait returns when a request may be sent, or with the context's error.
func (l *Limiter) Wait(ctx context.Context) error {
	for {
		slot, refusals := l.reserve()
		if err := sleep(ctx, time.Until(slot)); err != nil {
			return err
		}
		if l.undisturbed(refusals) {
			return nil
		}
	}
}

// reserve takes the next free slot, and returns it with the number of refusals
// so far.
func (l *Limiter) reserve() (slot time.Time, refusals int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slot = time.Now()
	if l.next.After(slot) {
		slot = l.next
	}
	l.next = slot.Add(l.interval)
	return slot, l.refusals
}

// undisturbed reports whether there was no refusal since: slots reserved
// before one are void.
func (l *Limiter) undisturbed(refusals int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refusals == refusals
}

// Throttled tells the limiter that a request was refused: nobody sends for a
// while that doubles with each refusal in a row, up to five seconds.
func (l *Limiter) Throttled() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = time.Now().Add(backoff(l.throttles))
	l.throttles++
	l.refusals++
}

// Succeeded tells the limiter that a request was answered.
func (l *Limiter) Succeeded() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.throttles = 0
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
