package journal

import (
	"context"
	"fmt"

	"github.com/gofrs/flock"
)

// While a process is between an intent and its receipt it holds a shared lock
// beside the journal. The system lets go of it when the process dies, however
// it dies: that is how an intent that nobody finishes is told from one that
// somebody is just carrying out.

// begin takes the lock for an intent.
func (j *Journal) begin(ctx context.Context, id string) error {
	if _, ok := j.acting[id]; ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	lock := flock.New(j.path+".acting", flock.SetPermissions(fileMode))
	locked, err := lock.TryRLockContext(ctx, lockRetry)
	if err == nil && !locked {
		err = ErrLocked
	}
	if err != nil {
		return fmt.Errorf("journal: %w", classify(err))
	}
	if j.acting == nil {
		j.acting = map[string]*flock.Flock{}
	}
	j.acting[id] = lock
	return nil
}

// end lets go of an intent's lock.
func (j *Journal) end(id string) {
	if lock, ok := j.acting[id]; ok {
		delete(j.acting, id)
		_ = lock.Close() // closing releases it; there is nothing to do about an error
	}
}

// Abandoned returns the intents that have neither a receipt nor were
// reconciled, and whose writers live no more, the oldest first. While any
// process is between an intent and its receipt it cannot tell, and returns none.
func (j *Journal) Abandoned() ([]Entry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.acting) > 0 {
		return nil, nil
	}
	lock := flock.New(j.path+".acting", flock.SetPermissions(fileMode))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("journal: %w", classify(err))
	}
	if !locked {
		return nil, nil
	}
	defer func() { _ = lock.Close() }() // likewise
	return j.OpenIntents()
}
