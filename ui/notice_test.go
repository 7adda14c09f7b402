package ui

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
)

// A terminal that nobody looks at is told what an operator would want to be
// called for, the most urgent first, and each once.
func TestNews(t *testing.T) {
	production := func(s *pipeline.Snapshot) *pipeline.Snapshot {
		s.Environment("production").Environment.Production = true
		return s
	}
	ended := func(phase pipeline.Phase, by string) *pipeline.Snapshot {
		s := production(scene.Rollout())
		s.Viewer.Login = "alice"
		r := &s.Rollouts[0]
		r.Phase, r.RequestedBy, r.Sentence = phase, by, "run #212 said so"
		return s
	}
	waits := func() *pipeline.Snapshot {
		s := production(scene.Rollout())
		r := &s.Rollouts[0]
		r.ID, r.Deployment = "run/212", 0 // its deployment came later
		return s
	}
	staging := ended(pipeline.PhaseFailed, "bob")
	staging.Rollouts[0].Environment = "staging"
	stagingWas := waits()
	stagingWas.Rollouts[0].Environment = "staging"
	pauses := waits()
	pauses.Environment("production").Services[3].Rollout.Stage = "POST_TEST_TRAFFIC_SHIFT"
	pauses.Environment("production").Services[3].Rollout.Hooks = []pipeline.Hook{{ID: "h", Status: "AWAITING_ACTION", TimeoutAction: "ROLLBACK", Expires: scene.Now.Add(time.Hour)}}
	pauses.Config.Policy.DirectAWSWrites, pauses.AsOf = true, scene.Now
	both := ended(pipeline.PhaseReverted, "bob")
	both.Approvals = production(scene.Waiting()).Approvals
	tests := map[string]struct {
		before, now *pipeline.Snapshot
		want        string // empty: nothing
	}{
		"succeeded":                    {waits(), ended(pipeline.PhaseSucceeded, "bob"), "promotion of v1.42.0 to production succeeded"},
		"failed, says why":             {waits(), ended(pipeline.PhaseFailed, "bob"), "production failed, run #212 said so"},
		"ECS took it back":             {waits(), ended(pipeline.PhaseReverted, "bob"), "production reverted"},
		"before an approval":           {waits(), both, "production reverted"},
		"once":                         {ended(pipeline.PhaseFailed, "bob"), ended(pipeline.PhaseFailed, "bob"), ""},
		"superseded, somebody else's":  {waits(), ended(pipeline.PhaseSuperseded, "bob"), ""},
		"superseded, one's own":        {waits(), ended(pipeline.PhaseSuperseded, "alice"), "superseded"},
		"staging, somebody else's":     {stagingWas, staging, ""},
		"goes on":                      {waits(), waits(), ""},
		"an approval":                  {production(scene.Bad()), production(scene.Waiting()), "production waits for your approval of v1.42.0"},
		"an approval that waits":       {scene.Waiting(), scene.Waiting(), ""},
		"a pause":                      {waits(), pauses, "production: orders waits after test traffic shift; a1b2c3d takes 0% of production traffic; without an answer ECS rolls it back in 1h"},
		"a pause that was there":       {pauses, pauses, ""},
		"the truths disagree":          {production(scene.Waiting()), production(scene.Disagreement()), "payments: run #210 deployed"},
		"they disagree as they did so": {production(scene.Disagreement()), production(scene.Disagreement()), ""},
	}
	for name, tt := range tests {
		got := news(tt.before, tt.now)
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	d := sit(t, scene.Bad(), 120, 40)
	for _, blurred := range []bool{true, false} {
		if d.blurred = blurred; (d.notify(scene.Bad(), scene.Waiting()) != nil) != blurred {
			t.Errorf("blurred %v: the wrong thing is told", blurred)
		}
	}
	d.blurred = true
	kept := scene.Bad()
	kept.Restored = true
	if d.notify(kept, scene.Waiting()) != nil {
		t.Error("what was kept from last time is news")
	}
	raw, ok := d.notify(scene.Bad(), scene.Waiting())().(tea.RawMsg)
	if text, _ := raw.Msg.(string); !ok || !strings.HasPrefix(text, "\x1b]9;acme/shop: production waits") {
		t.Errorf("the terminal gets %q", raw.Msg)
	}
}

// The window's title and the terminal's progress follow the rollout in focus.
func TestTitleAndProgress(t *testing.T) {
	run := scene.Rollout().Rollouts[0].Run
	tests := map[string]struct {
		change func(*pipeline.Snapshot)
		title  string
		state  tea.ProgressBarState
		value  int
	}{
		"three of six": {func(*pipeline.Snapshot) {}, "◐ production 3 of 6 · acme/shop · deployctl", tea.ProgressBarDefault, 50},
		"by the time": {func(s *pipeline.Snapshot) {
			s.Forecasts = map[pipeline.RunKey]pipeline.Forecast{run: {Expectation: pipeline.Expectation{Usual: 10 * time.Minute, Slowest: 20 * time.Minute, Samples: 9}, Elapsed: 8 * time.Minute}}
		}, "◐ production 3 of 6 · acme/shop · deployctl", tea.ProgressBarDefault, 80},
		"slower than usual": {func(s *pipeline.Snapshot) {
			s.Forecasts = map[pipeline.RunKey]pipeline.Forecast{run: {Expectation: pipeline.Expectation{Usual: 10 * time.Minute, Slowest: 20 * time.Minute, Samples: 9}, Elapsed: 30 * time.Minute}}
		}, "◐ production 3 of 6 · acme/shop · deployctl", tea.ProgressBarDefault, 99},
		"nobody knows how far": {func(s *pipeline.Snapshot) {
			s.Rollouts[0].Done, s.Rollouts[0].Phase, s.Forecasts = 0, pipeline.PhaseMigrating, nil
		}, "◐ production migrating · acme/shop · deployctl", tea.ProgressBarIndeterminate, 0},
		"ECS takes it back": {func(s *pipeline.Snapshot) {
			s.Environment("production").Services[3].Rollout.Status = "ROLLBACK_IN_PROGRESS"
		}, "◐ production 3 of 6 · acme/shop · deployctl", tea.ProgressBarError, 50},
		"another waits": {func(s *pipeline.Snapshot) { s.Approvals = scene.Waiting().Approvals }, "◆ ◐ production 3 of 6 · acme/shop · deployctl", tea.ProgressBarDefault, 50},
		"it has ended":  {func(s *pipeline.Snapshot) { s.Rollouts[0].Phase = pipeline.PhaseSucceeded }, "acme/shop · deployctl", tea.ProgressBarNone, 0},
	}
	for name, tt := range tests {
		s := scene.Rollout()
		tt.change(s)
		d := sit(t, s, 120, 40)
		d.environment = "production"
		if got := d.title(); got != tt.title {
			t.Errorf("%s: the title is %q, want %q", name, got, tt.title)
		}
		p := d.progress()
		if p == nil {
			p = &tea.ProgressBar{}
		}
		if p.State != tt.state || p.Value != tt.value {
			t.Errorf("%s: progress %v %d, want %v %d", name, p.State, p.Value, tt.state, tt.value)
		}
	}
}
