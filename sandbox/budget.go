package sandbox

import (
	"strconv"
	"time"
)

// primaryLimit is how many requests an hour a user has.
const primaryLimit = 5000

// budget is a token's primary rate limit in the present hour.
type budget struct {
	s     *Sandbox
	limit int
	used  int
	reset time.Time
}

// budgetOf finds a token's budget and renews it when its hour is over.
func (s *Sandbox) budgetOf(token string) *budget {
	if s.budgets == nil {
		s.budgets = map[string]*budget{}
	}
	user, _ := s.world.owner(token)
	b := s.budgets[user.Login]
	if b == nil || !s.world.now.Before(b.reset) {
		b = &budget{s: s, limit: primaryLimit, reset: s.world.now.Add(time.Hour).Truncate(time.Second)}
		b.used = s.world.scenario.spent
		s.budgets[user.Login] = b
	}
	return b
}

func (b *budget) use()        { b.used++ }
func (b *budget) spent() bool { return b.used >= b.limit }

func (b *budget) remaining() int { return max(0, b.limit-b.used) }

func (b *budget) headers(w *answer) {
	w.Header().Set("X-RateLimit-Limit", strconv.Itoa(b.limit))
	w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(b.remaining()))
	w.Header().Set("X-RateLimit-Used", strconv.Itoa(min(b.used, b.limit)))
	w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(b.reset.Unix(), 10))
	w.Header().Set("X-RateLimit-Resource", "core")
}

func (b *budget) json() object {
	return object{"limit": b.limit, "used": min(b.used, b.limit), "remaining": b.remaining(), "reset": b.reset.Unix(), "resource": "core"}
}

// nextRequest numbers requests.
func (s *Sandbox) nextRequest() int64 {
	s.requests++
	return s.requests
}
