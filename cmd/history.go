package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// historySchema numbers the format of a kept history. One of another number is
// read anew.
const historySchema = 1

// historyFile keeps a repository's history below the user's folder for caches.
// Two programs may write it: it is replaced as a whole, and what the one knew
// and the other did not is read again.
type historyFile struct{ path string }

type keptHistory struct {
	Schema  int               `json:"schema"`
	History *pipeline.History `json:"history"`
}

// historyOf is where the history of the session's repository is kept.
func (s *session) historyOf() historyFile {
	host := strings.ReplaceAll(s.host, ":", "_") // a port; not every file system takes a colon
	return historyFile{filepath.Join(cacheHome(), "gh-deployctl", "history", strings.ToLower(host), strings.ToLower(s.owner), strings.ToLower(s.name)+".json")}
}

// Load reads what was kept; an empty history where there is nothing, or
// nothing of use, which the error then says.
func (f historyFile) Load() (*pipeline.History, error) {
	content, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return pipeline.NewHistory(), nil
	}
	var kept keptHistory
	if err == nil {
		err = json.Unmarshal(content, &kept)
	}
	switch {
	case err != nil:
		return pipeline.NewHistory(), fmt.Errorf("the kept history %s cannot be read, and is read anew: %w", f.path, err)
	case kept.Schema != historySchema || kept.History == nil:
		return pipeline.NewHistory(), fmt.Errorf("the kept history %s is of format %d and not %d, and is read anew", f.path, kept.Schema, historySchema)
	}
	kept.History.Normalise()
	return kept.History, nil
}

// Save replaces what is kept.
func (f historyFile) Save(h *pipeline.History) error {
	content, err := json.Marshal(keptHistory{historySchema, h})
	if err != nil {
		return err
	}
	return writePrivate(f.path, content)
}

// history loads what is kept of the repository, and tells where it is of no use.
func (s *session) history() *pipeline.History {
	h, err := s.historyOf().Load()
	if err != nil {
		fmt.Fprintln(s.Err, "gh deployctl: note: "+sentence(err))
	}
	return h
}

// keepHistory saves what was read. That it cannot is no reason to fail: the
// next start reads it again.
func (s *session) keepHistory(h *pipeline.History) {
	if err := s.historyOf().Save(h); err != nil {
		fmt.Fprintln(s.Err, "gh deployctl: note: the history was not kept: "+sentence(err))
	}
}

// foretold is a snapshot of runs alone, with when those that go on will have
// ended, as far as the kept history tells, or of another repository the list.
func (s *session) foretold(ctx context.Context, runs []pipeline.Run) *pipeline.Snapshot {
	now := time.Now()
	snap := &pipeline.Snapshot{AsOf: now, Forecasts: map[pipeline.RunKey]pipeline.Forecast{}}
	if !slices.ContainsFunc(runs, func(r pipeline.Run) bool { return !r.Done() }) {
		return snap
	}
	of := map[string][]pipeline.Run{}
	for _, r := range runs {
		of[r.Repository] = append(of[r.Repository], r)
	}
	for repository, list := range of {
		durations := s.expected(ctx, repository, list)
		for _, r := range list {
			if !r.Done() {
				snap.Forecasts[r.Key()] = durations.ForecastRun(r, nil, now)
			}
		}
	}
	return snap
}

// expected is how long a repository's workflows take: as the kept history
// tells, or of another repository its newest runs. What cannot be read is not
// expected.
func (s *session) expected(ctx context.Context, repository string, list []pipeline.Run) pipeline.Durations {
	if repository == "" {
		h, _ := s.historyOf().Load()
		h.AddRuns(list...)
		config, _ := s.configure(ctx)
		return h.Durations().In(config)
	}
	moving := slices.ContainsFunc(list, func(r pipeline.Run) bool { return !r.Done() })
	if reader, err := s.other(repository); err == nil && moving {
		newest, _ := reader.Runs(ctx, pipeline.RunQuery{})
		list = append(newest.Runs, list...)
	}
	return pipeline.DurationsOf(list, nil)
}

// cacheHome is $XDG_CACHE_HOME, or its documented default.
func cacheHome() string {
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "gh-deployctl-cache")
	}
	return filepath.Join(home, ".cache")
}
