package cmd

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// inputMemory keeps what was typed into the forms of workflows, in one file a
// repository below the user's state.
type inputMemory struct {
	mu   sync.Mutex
	path func(repository string) string
}

// inputs is what of the session's repositories is remembered.
func (s *session) inputs() *inputMemory {
	return &inputMemory{path: func(repository string) string {
		if repository == "" {
			repository = s.owner + "/" + s.name
		}
		host := strings.ReplaceAll(s.host, ":", "_")
		return filepath.Join(stateHome(), "gh-deployctl", "inputs", host, filepath.FromSlash(repository)+".json")
	}}
}

// secretName matches names of inputs whose values are never written to disk.
var secretName = regexp.MustCompile(`(?i)secret|token|passw|pwd|credential|private|api.?key|access.?key|signing|webhook|dsn|(^|[_-])(key|pat|auth)($|[_-])`)

// passing are inputs that belong to one run alone.
var passing = map[string]bool{"request_id": true, "confirm": true}

// Recall implements ui.InputMemory. What cannot be read is not known.
func (m *inputMemory) Recall(repository, workflow string) map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.load(repository)[workflow]
}

// Remember implements ui.InputMemory.
func (m *inputMemory) Remember(repository, workflow string, inputs map[string]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := maps.Clone(inputs)
	maps.DeleteFunc(kept, func(name, _ string) bool { return passing[name] || secretName.MatchString(name) })
	all := m.load(repository)
	if len(kept) == 0 {
		delete(all, workflow)
	} else {
		all[workflow] = kept
	}
	content, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return writePrivate(m.path(repository), content)
}

func (m *inputMemory) load(repository string) map[string]map[string]string {
	all := map[string]map[string]string{}
	if content, err := os.ReadFile(m.path(repository)); err != nil || json.Unmarshal(content, &all) != nil {
		return map[string]map[string]string{}
	}
	return all
}
