package sandbox

import (
	"encoding/json"
	"strings"
	"time"
)

// A hold is what the commit behind a lock ref says.
type hold struct {
	Reason    string    `json:"reason"`
	Owner     string    `json:"owner"`
	RequestID string    `json:"request_id"`
	Until     time.Time `json:"until"`
}

// heldBy says why nothing may be deployed to an environment; empty when nothing
// stands against it. A lock is a ref that names the environment, at a commit
// with a lock.json; the run that carries the lock's own request id passes.
func (w *World) heldBy(environment string, r *Run) string {
	for _, name := range sortedKeys(w.Hub.Repository.Refs) {
		if !strings.Contains(name, "deployctl") || !strings.Contains(name, "lock") || !strings.Contains(name, environment) {
			continue
		}
		commit := w.Hub.Repository.Commits[w.Hub.Repository.Refs[name]]
		if commit == nil {
			continue
		}
		var h hold
		text, _ := w.Hub.Repository.file(commit, "lock.json")
		if err := json.Unmarshal([]byte(text), &h); err != nil {
			return "its lock cannot be read"
		}
		if h.RequestID != "" && h.RequestID == textOf(r.Inputs["request_id"]) || !h.Until.IsZero() && h.Until.Before(w.now) {
			continue
		}
		return strings.TrimSpace(h.Owner + " " + h.Reason)
	}
	return ""
}
