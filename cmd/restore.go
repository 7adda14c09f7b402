package cmd

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"github.com/cli/go-gh/v2/pkg/browser"
	"github.com/natefinch/atomic"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// kept is what of a snapshot goes to disk, so that the next start shows the
// last known state at once, marked with its age. It holds no secret: tokens
// and log lines are not part of it.
type kept struct {
	Schema   int               `json:"schema"`
	Snapshot pipeline.Snapshot `json:"snapshot"`
}

const keptSchema = 1

func (s *session) keptPath() string {
	return filepath.Join(stateHome(), "gh-deployctl", "snapshot", s.host, s.owner, s.name+".json")
}

// keep writes the newest snapshot. That it cannot is no reason to fail: only
// the next start is slower, and the log says so.
func (s *session) keep() {
	snap := *s.engine.Snapshot()
	if snap.Restored || !snap.Runs.Known() {
		return
	}
	if err := s.write(snap); err != nil {
		s.log.Warn("the snapshot was not kept", "error", err.Error())
	}
}

func (s *session) write(snap pipeline.Snapshot) error {
	snap.Sources = nil // what failed then says nothing about now
	snap.Environments = outlines(snap.Environments)
	content, err := json.Marshal(kept{keptSchema, snap})
	if err != nil {
		return err
	}
	return writePrivate(s.keptPath(), content)
}

// keptEvents is how many of a service's events the next start begins with.
const keptEvents = 5

// outlines are environments without what the first frame does not show: it has
// to be there at once, and reading the file is most of what it waits for.
func outlines(environments []pipeline.EnvironmentState) []pipeline.EnvironmentState {
	out := slices.Clone(environments)
	for i := range out {
		e := &out[i]
		e.Deployments = pipeline.Fact[[]pipeline.Deployment]{} // what follows from them is kept
		e.Services = slices.Clone(e.Services)
		for j := range e.Services {
			events := e.Services[j].Events
			e.Services[j].Events = events[:min(len(events), keptEvents)]
		}
	}
	return out
}

func writePrivate(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := atomic.WriteFile(path, bytes.NewReader(content)); err != nil {
		return err
	}
	return os.Chmod(path, 0o600)
}

// restored reads the last known snapshot; nil where there is none that this
// version understands.
func (s *session) restored() *pipeline.Snapshot {
	content, err := os.ReadFile(s.keptPath())
	if err != nil {
		return nil
	}
	var k kept
	if err := json.Unmarshal(content, &k); err != nil || k.Schema != keptSchema {
		s.log.Warn("the kept snapshot cannot be read", "path", s.keptPath())
		return nil
	}
	return &k.Snapshot
}

// openBrowser opens a page in the operator's browser. What the browser says
// must not reach the screen.
func (s *session) openBrowser(url string) error {
	var silent bytes.Buffer
	return browser.New("", &silent, &silent).Browse(url)
}
