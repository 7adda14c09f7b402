package logs

import "time"

const (
	// rateSeconds is the time over which lines a second are averaged.
	rateSeconds = 10
	// meterSeconds is for how many seconds a meter counts apart: some more, for
	// what comes while a query is being read.
	meterSeconds = 32
)

// meter counts lines by the second in which the source received them. What is
// read later than it came, as at the start or after a failure, does not count
// as coming now.
type meter [meterSeconds]secondCount

// add counts lines that were received at an instant. Those of a second that the
// meter has left behind are forgotten.
func (m *meter) add(received time.Time, lines int) {
	second := received.Unix()
	slot := &m[uint64(second)%meterSeconds]
	switch {
	case slot.second == second:
		slot.lines += lines
	case slot.second < second:
		*slot = secondCount{second, lines}
	}
}

// rate returns the lines a second of the seconds that were over at the instant.
func (m *meter) rate(at time.Time) float64 {
	now, lines := at.Unix(), 0
	for _, slot := range m {
		if slot.second < now && slot.second >= now-rateSeconds {
			lines += slot.lines
		}
	}
	return float64(lines) / rateSeconds
}
