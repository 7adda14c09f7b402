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
	// settled is how long a deployment must have been left alone before its
	// statuses are remembered: updated_at counts whole seconds only.
	settled = time.Minute
	// relied is how long the statuses of a deployment that goes on are relied on.
	relied = time.Minute
)

// statusMemory remembers the statuses of deployments by their updated_at, so
// that history costs no request. GitHub moves updated_at with every status;
// what has not reached an end is asked for again in a while all the same.
type statusMemory struct {
	mu    sync.Mutex
	known map[int64]knownStatuses
}

// knownStatuses are a deployment's statuses as they were read.
type knownStatuses struct {
	updated, read time.Time
	statuses      []pipeline.DeploymentStatus
	ended         bool
}

func newStatusMemory() *statusMemory {
	return &statusMemory{known: map[int64]knownStatuses{}}
}

// recall returns a copy of the statuses of a deployment that did not change.
func (m *statusMemory) recall(d pipeline.Deployment) ([]pipeline.DeploymentStatus, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.known[d.ID]
	if !ok || !known.updated.Equal(d.Updated) || !known.ended && time.Since(known.read) >= relied {
		return nil, false
	}
	return slices.Clone(known.statuses), true
}

// remember keeps the statuses of a deployment that was left alone for a while.
func (m *statusMemory) remember(d pipeline.Deployment) {
	now := time.Now()
	if len(d.Statuses) == 0 || now.Sub(d.Updated) < settled {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= statusesKept {
		clear(m.known)
	}
	m.known[d.ID] = knownStatuses{
		updated: d.Updated, read: now, statuses: slices.Clone(d.Statuses),
		ended: slices.Contains([]string{"success", "failure", "error", "inactive"}, d.State()),
	}
}
