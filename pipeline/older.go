package pipeline

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Bounds of what is read of a repository's past.
const (
	olderPage = 100  // runs of one reading
	olderKept = 5000 // runs in all
)

// olderCursor is how far back the runs of one query were read.
type olderCursor struct {
	until time.Time // the oldest run read was made then
	ended bool      // there are none behind
}

// olderKey names a query in one repository.
type olderKey struct {
	repository string
	query      RunQuery
}

// ReadOlder reads the next page of runs behind those that are known, newest
// first; they appear in later snapshots as Older. Of several repositories, the
// empty name being the console's own, it reads the one of which the least far
// back is known, so that the list of all has no gaps. The query's filters count,
// its times and its limit do not. It reports how many runs were new, and whether
// there are more behind them.
func (e *Engine) ReadOlder(ctx context.Context, repositories []string, q RunQuery) (found int, more bool, err error) {
	q.CreatedFrom, q.CreatedUntil, q.Limit = time.Time{}, time.Time{}, 0
	key, at, rest := view3(e, func(s *state) (olderKey, olderCursor, int) { return s.nextOlder(repositories, q) })
	if rest == 0 {
		return 0, false, nil
	}
	gh, err := e.github(key.repository)
	if err != nil {
		return 0, false, err
	}
	q.CreatedUntil, q.Limit = at.until, olderPage
	list, err := gh.Runs(ctx, q)
	if err != nil {
		return 0, false, err
	}
	for i := range list.Runs {
		list.Runs[i].Repository = key.repository
	}
	e.observe(func(s *state) { found, more = s.addOlder(key, at, list.Runs) })
	return found, more || rest > 1, nil
}

// nextOlder is the query in the repository of which the least far back is
// known, and how many repositories have runs behind what is known.
func (s *state) nextOlder(repositories []string, q RunQuery) (key olderKey, at olderCursor, rest int) {
	for _, name := range repositories {
		k := olderKey{name, q}
		cursor := s.olderFrom(k)
		if cursor.ended {
			continue
		}
		if rest++; rest == 1 || !at.until.IsZero() && (cursor.until.IsZero() || cursor.until.After(at.until)) {
			key, at = k, cursor
		}
	}
	return key, at, rest
}

// olderFrom is where the next page of a query begins: behind the newest runs
// where everything is asked for, else at the newest run of all.
func (s *state) olderFrom(key olderKey) olderCursor {
	if at, ok := s.cursors[key]; ok || key.query != (RunQuery{}) {
		return at
	}
	newest := s.runs.Value.Runs
	if key.repository != "" {
		newest = s.others[key.repository].runs.Value.Runs
	}
	if len(newest) == 0 {
		return olderCursor{}
	}
	return olderCursor{until: newest[len(newest)-1].Created}
}

// addOlder takes a page in. Pages overlap by the runs of one second, because
// GitHub's filter counts seconds; a page that brings nothing new is the last.
func (s *state) addOlder(key olderKey, at olderCursor, page []Run) (found int, more bool) {
	known := map[int64]bool{}
	for _, list := range [][]Run{s.allRuns(), s.otherRuns(), s.older} {
		for _, r := range list {
			known[r.ID] = true
		}
	}
	older := slices.Clone(s.older)
	for _, r := range page {
		if !known[r.ID] {
			older = append(older, r)
			found++
		}
	}
	next := olderCursor{until: at.until, ended: len(page) < olderPage || len(older) > olderKept}
	if n := len(page); n > 0 {
		next.ended = next.ended || page[n-1].Created.Equal(at.until)
		next.until = page[n-1].Created
	}
	s.older = newestFirst(older)[:min(len(older), olderKept)]
	s.cursors[key] = next
	return found, !next.ended
}

// keepOlder keeps runs that fell off the end of a list of newest runs, where
// pages behind it were read: else there would be a gap between them.
func (s *state) keepOlder(before, now []Run) {
	if len(s.older) == 0 || len(now) == 0 {
		return
	}
	oldest := now[len(now)-1].Created
	known := map[int64]bool{}
	for _, r := range s.older {
		known[r.ID] = true
	}
	for _, r := range now {
		known[r.ID] = true
	}
	older := slices.Clone(s.older)
	for _, r := range before {
		if !known[r.ID] && r.Created.Before(oldest) {
			older = append(older, r)
		}
	}
	s.older = newestFirst(older)
}

// focusedOlder is the run in focus where it is one of the older ones, which no
// list brings up to date.
func (s *state) focusedOlder() (Run, bool) {
	if s.focus.RunID == 0 {
		return Run{}, false
	}
	i := slices.IndexFunc(s.older, func(r Run) bool { return r.ID == s.focus.RunID })
	if i < 0 {
		return Run{}, false
	}
	return s.older[i], true
}

// renewOlder reads the older run in focus again where that is due: somebody
// may run it again.
func (e *Engine) renewOlder(ctx context.Context) error {
	r, ok, renewed := view3(e, func(s *state) (Run, bool, time.Time) {
		r, ok := s.focusedOlder()
		return r, ok, s.renewed[r.ID]
	})
	if !ok || time.Since(renewed) < everyMoving {
		return nil
	}
	gh, err := e.github(r.Repository)
	if err != nil {
		return err
	}
	fresh, err := gh.Run(ctx, r.ID)
	e.observe(func(s *state) {
		s.renewed[r.ID] = time.Now()
		if err != nil {
			return
		}
		fresh.Repository = r.Repository
		s.older = slices.Clone(s.older)
		for i := range s.older {
			if s.older[i].ID == r.ID {
				s.older[i] = fresh
			}
		}
	})
	return err
}

// view3 is view for reads of three things at one moment.
func view3[A, B, C any](e *Engine, read func(*state) (A, B, C)) (A, B, C) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return read(&e.state)
}

// newestFirst sorts runs by when they were made.
func newestFirst(runs []Run) []Run {
	slices.SortStableFunc(runs, func(a, b Run) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
	})
	return runs
}

// AllRuns are the runs of all repositories that the snapshot holds, newest
// first. It takes a while with thousands: keep it, and do not change it.
func (s *Snapshot) AllRuns() []Run {
	if len(s.Repositories) == 0 && len(s.Older) == 0 {
		return s.Runs.Value
	}
	seen := make(map[int64]bool, len(s.Runs.Value)+len(s.Older))
	all := make([]Run, 0, len(s.Runs.Value)+len(s.Older))
	add := func(runs []Run) {
		for i := range runs {
			if !seen[runs[i].ID] {
				seen[runs[i].ID] = true
				all = append(all, runs[i])
			}
		}
	}
	add(s.Runs.Value)
	for i := range s.Repositories {
		add(s.Repositories[i].Runs.Value)
	}
	add(s.Older)
	return newestFirst(all)
}
