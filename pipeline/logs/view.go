package logs

import (
	"slices"
	"sort"
	"sync"
	"time"
)

// View is the part of a ring that a filter lets through, for one panel. Sync
// brings it up to date at a cost that grows with what is new, not with what is
// held; everything else reads the result and returns at once.
//
// Sync may run on one goroutine while others read. Rows are numbered from the
// oldest line, 0; lines that come late or are dropped move the numbers, so a
// reader that wants to stay at a line keeps the line and asks Locate.
type View struct {
	ring *Ring

	sync    sync.Mutex // held by Sync, guards the fields below
	at      mark
	scanned Filter
	fresh   []*Line // scratch

	mu     sync.RWMutex // guards the fields below
	filter Filter
	stale  bool // the filter has changed since the rows were made
	rows   []*Line
	anchor *Line  // first row shown while the view does not follow
	frozen uint64 // Seq of the newest line when it stopped following
	end    *Line  // last row at that time: what comes behind it is unseen
	newest uint64 // Seq of the newest line that Sync has seen
	unseen int    // rows that came behind end since
}

// NewView returns a view of ring through filter that follows the newest line.
// It is empty until the first Sync.
func NewView(ring *Ring, filter Filter) *View {
	return &View{ring: ring, filter: filter, stale: true}
}

// SetFilter replaces the filter. The rows of the old one stay until Sync has
// made the new ones.
func (v *View) SetFilter(filter Filter) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.filter, v.stale = filter, true
}

// Filter returns the filter that was set last.
func (v *View) Filter() Filter {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.filter
}

// Sync takes in what happened in the ring since the last call, and reports
// whether the rows changed. After SetFilter it reads the whole ring, which for
// a regular expression can take a tenth of a second: call it off the loop that
// draws.
func (v *View) Sync() bool {
	v.sync.Lock()
	defer v.sync.Unlock()
	v.mu.Lock()
	stale := v.stale
	if v.stale = false; stale {
		v.scanned, v.at = v.filter, mark{}
	}
	v.mu.Unlock()
	if !stale && v.at.version == v.ring.Version() {
		return false
	}
	fresh, oldest, now, all := v.ring.catchUp(v.at, v.fresh[:0])
	if all {
		v.replace(fresh, now)
	} else {
		v.advance(fresh, oldest, now)
	}
	v.at, v.fresh = now, fresh
	clear(fresh)
	return true
}

// replace makes the rows from all lines of the ring.
func (v *View) replace(lines []*Line, now mark) {
	var rows []*Line
	if v.scanned.Empty() {
		rows = slices.Clone(lines)
	} else {
		for _, line := range lines {
			if v.scanned.Match(line) {
				rows = append(rows, line)
			}
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rows, v.newest = rows, now.arrived
	v.countUnseen(rows, true)
}

// advance takes in lines, which is the ring from the place of its oldest new
// line on. Only new lines are matched; the old ones among them are those that
// the rows show from that place on, in the same order.
func (v *View) advance(lines []*Line, oldest *Line, now mark) {
	rows, gone, cut := v.rows, 0, len(v.rows) // only Sync writes rows
	if oldest == nil {
		gone = len(rows)
	} else {
		gone = search(rows, oldest)
	}
	if len(lines) > 0 {
		cut = max(search(rows, lines[0]), gone)
	}
	old, tail := rows[cut:], make([]*Line, 0, len(rows)-cut+len(lines)/4)
	var added []*Line
	for _, line := range lines {
		switch {
		case line.Seq > v.at.arrived:
			if v.scanned.Match(line) {
				tail = append(tail, line)
				added = append(added, line)
			}
		case len(old) > 0 && old[0] == line:
			tail, old = append(tail, line), old[1:]
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(rows[:gone])
	v.rows, v.newest = append(rows[gone:cut], tail...), now.arrived
	v.countUnseen(added, false)
}

// countUnseen counts the rows that came since the view stopped following, behind
// what it showed then: older lines that were read on demand are no news.
func (v *View) countUnseen(rows []*Line, again bool) {
	if again {
		v.unseen = 0
	}
	if v.anchor == nil {
		return
	}
	for _, line := range rows {
		if line.Seq > v.frozen && line.compare(v.end) > 0 {
			v.unseen++
		}
	}
}

// search returns the index of the first row that is not before line.
func search(rows []*Line, line *Line) int {
	return sort.Search(len(rows), func(i int) bool { return rows[i].compare(line) >= 0 })
}

// Len returns the number of rows.
func (v *View) Len() int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return len(v.rows)
}

// Window appends to lines the n rows from row from, or as many as there are.
func (v *View) Window(lines []*Line, from, n int) []*Line {
	v.mu.RLock()
	defer v.mu.RUnlock()
	from = min(max(from, 0), len(v.rows))
	return append(lines, v.rows[from:min(from+max(n, 0), len(v.rows))]...)
}

// Locate returns the row at which line stands, or at which it would: the next
// newer row if the line is filtered out or has been dropped.
func (v *View) Locate(line *Line) int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return search(v.rows, line)
}

// RowAt returns the first row at or after the instant; it is Len when there is
// none.
func (v *View) RowAt(at time.Time) int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	nano := at.UnixNano()
	return sort.Search(len(v.rows), func(i int) bool { return v.rows[i].order.at >= nano })
}

// Follow makes the view show the newest rows as they come.
func (v *View) Follow() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.anchor, v.unseen = nil, 0
}

// Freeze stops following and keeps row top first, whatever comes or goes.
func (v *View) Freeze(top int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.rows) == 0 {
		return
	}
	if v.anchor == nil {
		v.frozen, v.end, v.unseen = v.newest, v.rows[len(v.rows)-1], 0
	}
	v.anchor = v.rows[min(max(top, 0), len(v.rows)-1)]
}

// Following reports whether the view shows the newest rows.
func (v *View) Following() bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.anchor == nil
}

// Unseen returns how many newer rows came since the view stopped following.
func (v *View) Unseen() int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.unseen
}

// Top returns the first row to draw in a panel of that many rows: the frozen
// one, or the one that leaves the newest at the bottom.
func (v *View) Top(height int) int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	last := max(len(v.rows)-height, 0)
	if v.anchor == nil {
		return last
	}
	return min(search(v.rows, v.anchor), last)
}

// Next returns the first row after row from that the pattern matches, and
// whether there is one. Begin a search with from -1.
func (v *View) Next(pattern Pattern, from int) (row int, found bool) {
	rows := v.all()
	for i := max(from+1, 0); i < len(rows); i++ {
		if pattern.Match(rows[i].Text) {
			return i, true
		}
	}
	return from, false
}

// Previous returns the last row before row from that the pattern matches, and
// whether there is one. Begin a search with from Len.
func (v *View) Previous(pattern Pattern, from int) (row int, found bool) {
	rows := v.all()
	for i := min(from, len(rows)) - 1; i >= 0; i-- {
		if pattern.Match(rows[i].Text) {
			return i, true
		}
	}
	return from, false
}

// Lines returns all rows, such as for a file.
func (v *View) Lines() []*Line { return v.all() }

// all returns a copy of the rows, so that slow readers hold no lock.
func (v *View) all() []*Line {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.Clone(v.rows)
}
