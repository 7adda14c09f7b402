package aws

import (
	"sync"
	"time"
)

// pace spreads calls of one kind over time: so many at once, and then so many a
// second. It is safe for concurrent use.
type pace struct {
	burst, perSecond float64

	mu   sync.Mutex
	left float64
	at   time.Time // when left was right; zero: never asked
}

// allow reports whether one more call may be made now, and counts it.
func (p *pace) allow() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.at.IsZero() {
		p.left = p.burst
	} else {
		p.left = min(p.burst, p.left+now.Sub(p.at).Seconds()*p.perSecond)
	}
	p.at = now
	if p.left < 1 {
		return false
	}
	p.left--
	return true
}
