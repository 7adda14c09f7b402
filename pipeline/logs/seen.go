package logs

import (
	"hash/maphash"
	"time"
)

// seenSpan is the length of time of which the events are forgotten together:
// with a flood of lines a ring holds ten seconds of them, and what is remembered
// should not be much more.
const seenSpan = 2 * time.Second

// seen remembers which events have been delivered, by their timestamps: an
// event is forgotten when no query will ask for its time any more, and never
// because there were too many others. It keeps eight bytes of hash per event;
// among a million events, two share one once in tens of millions of cases.
type seen struct {
	spans map[int64]map[uint64]struct{} // events by timestamp / seenSpan
}

func newSeen() *seen {
	return &seen{spans: make(map[int64]map[uint64]struct{})}
}

// add remembers an event and reports whether it is new.
func (s *seen) add(event *Event) bool {
	at := event.Timestamp.UnixNano() / int64(seenSpan)
	span := s.spans[at]
	if span == nil {
		span = make(map[uint64]struct{})
		s.spans[at] = span
	}
	key := event.key()
	if _, known := span[key]; known {
		return false
	}
	span[key] = struct{}{}
	return true
}

// eventSeed makes the keys of events differ from one process to the next.
var eventSeed = maphash.MakeSeed()

// key returns the hash of what identifies an event: its id, or everything that
// is known of it where the source gives no id.
func (e *Event) key() uint64 {
	if e.ID != "" {
		return maphash.String(eventSeed, e.ID)
	}
	return maphash.Comparable(eventSeed, [...]any{
		e.Stream, e.Timestamp.UnixNano(), e.Ingested.UnixNano(), e.Message,
	})
}

// forget drops the events of all spans that end before the instant.
func (s *seen) forget(before time.Time) {
	end := before.UnixNano() / int64(seenSpan)
	for at := range s.spans {
		if at < end {
			delete(s.spans, at)
		}
	}
}
