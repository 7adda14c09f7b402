package ghclient

import (
	"slices"
	"sync"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const (
	// statusesKept bounds the memory; when it is full it starts anew.
	statusesKept = 2000
	// settled is how long a deployment that ended must have been left alone
	// before its statuses are remembered for good: updated_at counts whole
	// seconds only, and the clock here may be wrong.
	settled = time.Minute
	// quiet is how long any must have been left alone before its statuses are
	// relied on for a while, and relied is how long that is.
	quiet  = 5 * time.Second
	relied = time.Minute
)

// statusMemory remembers the statuses of deployments by their updated_at, so
// that history costs no request. GitHub moves updated_at with every status;
// what has not reached an end for good is asked for again in a while all the same.
type statusMemory struct {
	mu    sync.Mutex
	known map[int64]knownStatuses
}

// knownStatuses are a deployment's statuses as they were read.
type knownStatuses struct {
	updated, read time.Time
	statuses      []pipeline.DeploymentStatus
	final         bool
}

func newStatusMemory() *statusMemory {
	return &statusMemory{known: map[int64]knownStatuses{}}
}

// recall returns a copy of the statuses of a deployment that did not change.
func (m *statusMemory) recall(d pipeline.Deployment) ([]pipeline.DeploymentStatus, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.known[d.ID]
	if !ok || !known.updated.Equal(d.Updated) || !known.final && time.Since(known.read) >= relied {
		return nil, false
	}
	return slices.Clone(known.statuses), true
}

// remember keeps the statuses of a deployment that was left alone for a while.
func (m *statusMemory) remember(d pipeline.Deployment) {
	now := time.Now()
	alone := now.Sub(d.Updated)
	if len(d.Statuses) == 0 || alone < quiet {
		return
	}
	ended := slices.Contains([]string{"success", "failure", "error", "inactive"}, d.State())
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= statusesKept {
		clear(m.known)
	}
	m.known[d.ID] = knownStatuses{
		updated: d.Updated, read: now, statuses: slices.Clone(d.Statuses),
		final: ended && alone >= settled,
	}
}
