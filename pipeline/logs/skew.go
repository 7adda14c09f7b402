package logs

import "time"

// clockError is how far this machine's clock may be ahead of the source's,
// the answer's way included, before it counts as wrong.
const clockError = 2 * time.Second

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
	p.progress(p.now()) // nothing is behind yet
	return true
}
