package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/natefinch/atomic"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// localHolds keeps the holds of one repository in a file on this machine.
type localHolds struct{ path string }

// holdsOf is the place for a repository's holds, beside its journal.
func holdsOf(journal string) localHolds {
	return localHolds{strings.TrimSuffix(journal, ".jsonl") + ".holds.json"}
}

// Holds reads the file; none is no hold.
func (l localHolds) Holds() (map[string]pipeline.Hold, error) {
	out := map[string]pipeline.Hold{}
	text, err := os.ReadFile(l.path)
	if errors.Is(err, os.ErrNotExist) {
		return out, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		return nil, &pipeline.Error{Kind: pipeline.KindInternal, Op: "read the holds of this machine", Message: err.Error(), Hint: "look at " + l.path, Err: err}
	}
	return out, nil
}

// Keep adds a hold.
func (l localHolds) Keep(h pipeline.Hold) error {
	return l.change(func(holds map[string]pipeline.Hold) { holds[h.Environment] = h })
}

// Drop removes one.
func (l localHolds) Drop(environment string) error {
	return l.change(func(holds map[string]pipeline.Hold) { delete(holds, environment) })
}

func (l localHolds) change(apply func(map[string]pipeline.Hold)) error {
	holds, err := l.Holds()
	if err != nil {
		return err
	}
	apply(holds)
	text, err := json.MarshalIndent(holds, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(l.path), 0o700)
	}
	if err == nil {
		err = atomic.WriteFile(l.path, bytes.NewReader(text))
	}
	if err != nil {
		return &pipeline.Error{Kind: pipeline.KindInternal, Op: "write the holds of this machine", Message: err.Error(), Err: err}
	}
	return nil
}
