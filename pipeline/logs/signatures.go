package logs

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

const (
	// mostSignatures bounds how many signatures are counted: when there are
	// more, the one that was not seen for the longest time is forgotten.
	mostSignatures = 1000
	// mostSeconds bounds for how many seconds with lines a signature's counts
	// are kept apart; older ones are added up.
	mostSeconds = 3600
)

// Signature is a sort of line and how often it came.
type Signature struct {
	Template    string // what the lines have in common
	Service     string
	Group       string // log group
	Level       Level  // the highest of the lines
	Before      int    // lines before the instant that was asked about
	After       int    // lines from that instant on
	First, Last time.Time
	Example     *Line // the newest of the lines; of an Evidence: of those from the instant on, nil where there is none
	Earlier     *Line // of an Evidence: the newest of the lines before the instant; nil where there is none
}

// New reports whether the signature came only after the instant.
func (s *Signature) New() bool { return s.Before == 0 && s.After > 0 }

// Signatures count lines by their templates. It is a Sink, so that it counts
// each line once, also those that the ring has dropped since. It is safe for
// concurrent use.
type Signatures struct {
	level Level

	mu      sync.Mutex
	tallies map[signatureKey]*tally
	since   time.Time // oldest line that was offered
}

type signatureKey struct{ group, template string }

// tally counts the lines of one signature, by the second.
type tally struct {
	Signature
	seconds []secondCount // ascending
	older   int           // lines of seconds that are not kept apart any more
}

type secondCount struct {
	second int64
	lines  int
}

var _ Sink = (*Signatures)(nil)

// NewSignatures returns a count of the lines at or above level, which is
// LevelError for most purposes.
func NewSignatures(level Level) *Signatures {
	return &Signatures{level: level, tallies: make(map[signatureKey]*tally)}
}

// Add counts lines. Of a traceback only the line that names the exception
// counts, besides the message above it.
func (s *Signatures) Add(lines []*Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range lines {
		if at := line.At(); s.since.IsZero() || at.Before(s.since) {
			s.since = at
		}
		if line.Level < s.level || line.kind == traceback || line.Continuation && line.kind != exception {
			continue
		}
		s.count(line)
	}
}

// count counts one line.
func (s *Signatures) count(line *Line) {
	key := signatureKey{line.Group, Template(line)}
	t := s.tallies[key]
	if t == nil {
		if len(s.tallies) >= mostSignatures {
			s.forgetOldest()
		}
		t = &tally{Signature: Signature{Template: key.template, Service: line.Service, Group: line.Group, First: line.At()}}
		s.tallies[key] = t
	}
	at := line.At()
	if at.Before(t.First) {
		t.First = at
	}
	if !at.Before(t.Last) {
		t.Last, t.Example = at, line
	}
	t.Level = max(t.Level, line.Level)
	t.add(at.Unix())
}

// add counts a line of that second.
func (t *tally) add(second int64) {
	i := len(t.seconds)
	for i > 0 && t.seconds[i-1].second > second {
		i--
	}
	if i > 0 && t.seconds[i-1].second == second {
		t.seconds[i-1].lines++
		return
	}
	if i == 0 && t.older > 0 {
		t.older++
		return
	}
	t.seconds = slices.Insert(t.seconds, i, secondCount{second, 1})
	if len(t.seconds) > mostSeconds {
		half := len(t.seconds) / 2
		for _, c := range t.seconds[:half] {
			t.older += c.lines
		}
		t.seconds = slices.Delete(t.seconds, 0, half)
	}
}

func (s *Signatures) forgetOldest() {
	var oldest signatureKey
	var last time.Time
	for key, t := range s.tallies {
		if last.IsZero() || t.Last.Before(last) {
			oldest, last = key, t.Last
		}
	}
	delete(s.tallies, oldest)
}

// Remove forgets the signatures of a log group.
func (s *Signatures) Remove(group string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.tallies {
		if key.group == group {
			delete(s.tallies, key)
		}
	}
}

// Since returns all signatures with their counts before and from the instant
// on, to the second: new ones first, then the others by how often they came
// after it. With the zero instant everything counts as after.
func (s *Signatures) Since(at time.Time) []Signature {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make([]Signature, 0, len(s.tallies))
	for _, t := range s.tallies {
		signature := t.Signature
		signature.Before, signature.After = t.split(at)
		found = append(found, signature)
	}
	slices.SortFunc(found, compareSignatures)
	return found
}

// compareSignatures orders new ones first, then by how often they came.
func compareSignatures(a, b Signature) int {
	return cmp.Or(
		compareBool(b.New(), a.New()), cmp.Compare(b.After, a.After), cmp.Compare(b.Before, a.Before),
		cmp.Compare(a.Service, b.Service), cmp.Compare(a.Template, b.Template),
	)
}

// Oldest returns the time of the oldest line that was offered for counting:
// nothing is known of what came before it. It is zero if there was none.
func (s *Signatures) Oldest() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since
}

// split returns the lines before and from the instant on.
func (t *tally) split(at time.Time) (before, after int) {
	if at.IsZero() {
		after = t.older
	} else {
		before = t.older
	}
	for _, c := range t.seconds {
		if c.second < at.Unix() {
			before += c.lines
		} else {
			after += c.lines
		}
	}
	return before, after
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// tee is a Sink that hands everything to several.
type tee []Sink

// Tee returns a sink that hands everything to each of the sinks, in order. A
// Ring must be the first, because it completes the lines, which nobody may
// change once they are shared.
func Tee(sinks ...Sink) Sink { return tee(sinks) }

// Add implements Sink.
func (t tee) Add(lines []*Line) {
	for _, sink := range t {
		sink.Add(lines)
	}
}

// Remove implements Sink.
func (t tee) Remove(group string) {
	for _, sink := range t {
		sink.Remove(group)
	}
}
