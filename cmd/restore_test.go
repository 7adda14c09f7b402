package cmd

import (
	"errors"
	"log/slog"
	"os"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// What is kept of a snapshot comes back at the next start, in a private file,
// and no error of then is taken for one of now.
func TestTheSnapshotIsKeptAndRestored(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		snap := &pipeline.Snapshot{
			Version: 3, AsOf: time.Now().UTC(), Repository: pipeline.Repository{Owner: "acme", Name: "shop"},
			Runs: pipeline.Fact[[]pipeline.Run]{
				Value:       []pipeline.Run{{ID: 7, Workflow: "ci.yml"}},
				Observation: pipeline.Observation{Source: "github runs", At: time.Now().UTC(), Err: errors.New("502")},
			},
			Environments: []pipeline.EnvironmentState{{
				Deployments: pipeline.Fact[[]pipeline.Deployment]{Value: make([]pipeline.Deployment, 30)},
				Services:    []pipeline.ServiceView{{ServiceState: pipeline.ServiceState{Desired: 4, Events: make([]pipeline.ServiceEvent, 100)}}},
			}},
			Jobs: map[pipeline.RunKey]pipeline.Fact[[]pipeline.Job]{{ID: 7, Attempt: 2}: {Value: []pipeline.Job{{Name: "test"}}}},
		}
		s := &session{globals: &globals{}, log: slog.New(slog.DiscardHandler), host: "github.com", owner: "acme", name: "shop"}
		s.engine = pipeline.NewEngine(pipeline.Options{Restored: snap})
		kept := *s.engine.Snapshot()
		kept.Restored = false
		if err := s.write(kept); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(s.keptPath())
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file is %v, %v", info.Mode(), err)
		}
		got := s.restored()
		if got == nil {
			t.Fatal("nothing came back")
		}
		if got.Runs.Err != nil || got.Runs.Value[0].ID != 7 {
			t.Errorf("runs %+v", got.Runs)
		}
		if !reflect.DeepEqual(got.Jobs, snap.Jobs) {
			t.Errorf("jobs %+v", got.Jobs)
		}
		if e := got.Environments[0]; e.Services[0].Desired != 4 || len(e.Services[0].Events) != keptEvents || e.Deployments.Value != nil {
			t.Errorf("environment %+v", e)
		}
		if e := snap.Environments[0]; len(e.Services[0].Events) != 100 || len(e.Deployments.Value) != 30 {
			t.Error("what is shown was changed to keep it")
		}
		if e := pipeline.NewEngine(pipeline.Options{Restored: got}); !e.Snapshot().Restored || e.Snapshot().Repository.Name != "shop" {
			t.Errorf("the engine begins with %+v", e.Snapshot())
		}
	})
}
