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
)

// statusMemory remembers the statuses of deployments that reached an end, by
// their updated_at, so that history costs no request. GitHub moves updated_at
// with every status.
type statusMemory struct {
	mu    sync.Mutex
	known map[int64]pipeline.Deployment
}

func newStatusMemory() *statusMemory {
	return &statusMemory{known: map[int64]pipeline.Deployment{}}
}

// recall returns a copy of the statuses of a deployment that did not change.
func (m *statusMemory) recall(d pipeline.Deployment) ([]pipeline.DeploymentStatus, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.known[d.ID]
	if !ok || !known.Updated.Equal(d.Updated) {
		return nil, false
	}
	return slices.Clone(known.Statuses), true
}

// remember keeps statuses that are not expected to change.
func (m *statusMemory) remember(d pipeline.Deployment) {
	ended := slices.Contains([]string{"success", "failure", "error", "inactive"}, d.State())
	if !ended || time.Since(d.Updated) < settled {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= statusesKept {
		clear(m.known)
	}
	d.Statuses = slices.Clone(d.Statuses)
	m.known[d.ID] = d
}
