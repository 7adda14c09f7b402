package logs

import (
	"slices"
	"sort"
	"sync"
	"time"
)

// The bounds of a ring that is asked for none.
const (
	DefaultRingLines = 100_000
	DefaultRingBytes = 64 << 20
)

// rememberedTasks is how many tasks' releases are kept before those without
// lines are forgotten.
const rememberedTasks = 4096

// Sink takes the lines of a tail. Its methods may be called from several
// goroutines; they must not block for long.
type Sink interface {
	// Add takes lines in any order. The lines, but not the slice, are the
	// sink's from now on.
	Add(lines []*Line)
	// Remove drops what is held of a log group that is no longer followed.
	Remove(group string)
}

// Bounded is a Sink that cannot hold everything.
type Bounded interface {
	// Horizon is the instant before which lines would have no place: a tail need
	// not read them again, nor remember them. It is zero while there is room.
	Horizon() time.Time
}

// Ring holds the newest lines in time order, bounded by their number and by
// the memory that they take. It is safe for concurrent use, and readers get
// the lines themselves, not copies.
type Ring struct {
	maxLines, maxBytes int
	wake               chan struct{}

	mu       sync.RWMutex
	buffer   []*Line // buffer[head:] are the lines
	head     int
	first    uint64 // position of the oldest line, counted from the ring's beginning
	bytes    int
	arrived  uint64 // Seq of the line that came last
	dropped  uint64
	version  uint64
	rewrite  uint64              // version of the newest change that is no insertion
	changes  [256]insertion      // the newest insertions, by version
	releases map[string]string   // task to release
	origins  map[*Origin]*Origin // as a tail makes them, to those with their release
}

// insertion records the lowest position at which a version inserted lines.
type insertion struct{ version, position uint64 }

// RingStats are the numbers that describe a ring.
type RingStats struct {
	Lines, Bytes   int
	Dropped        uint64    // lines that had to make room for newer ones
	Version        uint64    // grows with every change
	Oldest, Newest time.Time // of the lines held, by their place in time; zero when it is empty
}

var (
	_ Sink    = (*Ring)(nil)
	_ Bounded = (*Ring)(nil)
)

// NewRing returns an empty ring for at most that many lines and bytes; zero or
// less takes the defaults.
func NewRing(maxLines, maxBytes int) *Ring {
	if maxLines <= 0 {
		maxLines = DefaultRingLines
	}
	if maxBytes <= 0 {
		maxBytes = DefaultRingBytes
	}
	return &Ring{maxLines: maxLines, maxBytes: maxBytes, wake: make(chan struct{}, 1), releases: make(map[string]string), origins: make(map[*Origin]*Origin)}
}

// Wake returns a channel that holds one token whenever the ring has changed
// since the last one was taken. It is meant for a single reader.
func (r *Ring) Wake() <-chan struct{} { return r.wake }

// Add inserts lines at their places in time. Lines for which there is no room,
// the oldest first, are dropped and counted.
func (r *Ring) Add(lines []*Line) {
	if len(lines) == 0 {
		return
	}
	r.mu.Lock()
	for _, line := range lines {
		r.arrived++
		line.Seq = r.arrived
		r.bytes += line.size()
		if line.Release == "" && line.Task != "" {
			line.Origin = r.origin(line.Origin)
		}
	}
	if !slices.IsSortedFunc(lines, (*Line).compare) {
		lines = slices.Clone(lines)
		slices.SortFunc(lines, (*Line).compare)
	}
	position := r.merge(lines)
	r.version++
	r.changes[r.version%uint64(len(r.changes))] = insertion{r.version, position}
	r.evict()
	r.mu.Unlock()
	r.signal()
}

// merge inserts sorted lines from the back, which moves only the lines that
// are newer than the oldest inserted one, and returns that one's position.
func (r *Ring) merge(lines []*Line) uint64 {
	r.makeRoom(len(lines))
	end := len(r.buffer) // of the old lines that were not moved yet
	r.buffer = r.buffer[:end+len(lines)]
	to := len(r.buffer)
	for _, line := range slices.Backward(lines) {
		at := r.placeOf(line, end)
		to -= end - at
		copy(r.buffer[to:], r.buffer[at:end])
		to--
		r.buffer[to], end = line, at
	}
	return r.first + uint64(to-r.head)
}

// placeOf returns the index of the first of the lines up to end that come after
// line. Most lines are among the newest, so that it looks there first, and ever
// further back.
func (r *Ring) placeOf(line *Line, end int) int {
	low := end
	for step := 1; low > r.head && line.compare(r.buffer[low-1]) < 0; step *= 2 {
		end = low - 1
		low = max(low-1-step, r.head)
	}
	return low + sort.Search(end-low, func(i int) bool { return line.compare(r.buffer[low+i]) < 0 })
}

// makeRoom sees to capacity for n more lines, reusing the room of dropped ones
// when there is enough of it to make the move worth its while.
func (r *Ring) makeRoom(n int) {
	if cap(r.buffer)-len(r.buffer) >= n {
		return
	}
	if r.head >= n && r.head >= len(r.buffer)/4 {
		kept := copy(r.buffer, r.buffer[r.head:])
		clear(r.buffer[kept:])
		r.buffer, r.head = r.buffer[:kept], 0
		return
	}
	r.buffer = slices.Grow(r.buffer, max(n, len(r.buffer)/2))
}

// evict drops the oldest lines until the ring is within its bounds.
func (r *Ring) evict() {
	for len(r.buffer)-r.head > r.maxLines || r.bytes > r.maxBytes && r.head < len(r.buffer) {
		r.bytes -= r.buffer[r.head].size()
		r.buffer[r.head] = nil
		r.head++
		r.first++
		r.dropped++
	}
}

// Horizon implements Bounded: in a full ring it is the time of the oldest line.
func (r *Ring) Horizon() time.Time {
	r.mu.RLock()
	defer r.mu.RUnlock()
	held := len(r.buffer) - r.head
	if held == 0 || held < r.maxLines && r.bytes < r.maxBytes-r.maxBytes/16 {
		return time.Time{}
	}
	return r.buffer[r.head].At()
}

// Remove takes out the lines of a log group. They do not count as dropped.
func (r *Ring) Remove(group string) {
	r.rewriteLines(func(line *Line) *Line {
		if line.Group == group {
			return nil
		}
		return line
	})
}

// Clear takes out all lines. They do not count as dropped.
func (r *Ring) Clear() {
	r.rewriteLines(func(*Line) *Line { return nil })
}

// SetRelease says which release a task runs. Lines of the task that came
// before this was known, and those still to come, then carry it.
func (r *Ring) SetRelease(task, release string) {
	if task == "" {
		return
	}
	r.mu.Lock()
	known := r.releases[task] == release
	if len(r.releases) >= rememberedTasks {
		r.forgetTasks()
	}
	r.releases[task] = release
	if known {
		r.mu.Unlock()
		return
	}
	clear(r.origins)
	r.mu.Unlock()
	origins := make(map[*Origin]*Origin)
	relabelled := func(o *Origin) *Origin {
		if origins[o] == nil {
			labelled := *o
			labelled.Release = release
			origins[o] = &labelled
		}
		return origins[o]
	}
	r.rewriteLines(func(line *Line) *Line {
		if line.Task != task || line.Release == release {
			return line
		}
		labelled := *line // lines are immutable: readers may hold the old one
		labelled.Origin = relabelled(line.Origin)
		return &labelled
	})
}

// forgetTasks drops the releases of tasks that have no lines any more.
func (r *Ring) forgetTasks() {
	held := make(map[string]string)
	for _, line := range r.buffer[r.head:] {
		if release, ok := r.releases[line.Task]; ok {
			held[line.Task] = release
		}
	}
	r.releases = held
}

// origin returns the origin with the release of its task, as far as that is
// known.
func (r *Ring) origin(o *Origin) *Origin {
	release := r.releases[o.Task]
	if release == "" {
		return o
	}
	labelled := r.origins[o]
	if labelled == nil {
		if len(r.origins) >= rememberedTasks {
			clear(r.origins)
		}
		labelled = &Origin{o.Group, o.Stream, o.Service, o.Task, release}
		r.origins[o] = labelled
	}
	return labelled
}

// rewriteLines replaces each line by what change makes of it; nil removes it.
// It does nothing when nothing changes.
func (r *Ring) rewriteLines(change func(*Line) *Line) {
	r.mu.Lock()
	changed, kept := false, r.head
	for _, line := range r.buffer[r.head:] {
		next := change(line)
		changed = changed || next != line
		if next == nil {
			r.bytes -= line.size()
			continue
		}
		r.buffer[kept] = next
		kept++
	}
	clear(r.buffer[kept:])
	r.buffer = r.buffer[:kept]
	if changed {
		r.version++
		r.rewrite = r.version
	}
	r.mu.Unlock()
	if changed {
		r.signal()
	}
}

func (r *Ring) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Version returns a number that grows with every change of the ring.
func (r *Ring) Version() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.version
}

// Stats returns the ring's numbers, all of the same moment.
func (r *Ring) Stats() RingStats {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s := RingStats{Lines: len(r.buffer) - r.head, Bytes: r.bytes, Dropped: r.dropped, Version: r.version}
	if s.Lines > 0 {
		s.Oldest, s.Newest = r.buffer[r.head].At(), r.buffer[len(r.buffer)-1].At()
	}
	return s
}

// Snapshot returns all lines in time order.
func (r *Ring) Snapshot() []*Line {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.buffer[r.head:])
}

// Window appends to lines the n lines from index from, the oldest being 0, or
// as many of them as there are.
func (r *Ring) Window(lines []*Line, from, n int) []*Line {
	r.mu.RLock()
	defer r.mu.RUnlock()
	held := r.buffer[r.head:]
	from = min(max(from, 0), len(held))
	return append(lines, held[from:min(from+max(n, 0), len(held))]...)
}

// mark is a reader's place in the ring's history.
type mark struct{ version, arrived uint64 }

// catchUp appends to tail the lines from the oldest one that was inserted
// after since, up to the newest, and returns the present mark with the oldest
// line held (nil in an empty ring). It appends all lines and returns true when
// what happened since cannot be told by insertions.
func (r *Ring) catchUp(since mark, tail []*Line) (lines []*Line, oldest *Line, now mark, all bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	held := r.buffer[r.head:]
	now = mark{r.version, r.arrived}
	if len(held) > 0 {
		oldest = held[0]
	}
	if since.version < r.rewrite || r.version-since.version > uint64(len(r.changes)) || since.version == 0 {
		return append(tail, held...), oldest, now, true
	}
	from := r.first + uint64(len(held))
	for v := since.version + 1; v <= r.version; v++ {
		if change := r.changes[v%uint64(len(r.changes))]; change.version == v {
			from = min(from, change.position)
		}
	}
	from = max(from, r.first)
	return append(tail, held[from-r.first:]...), oldest, now, false
}
