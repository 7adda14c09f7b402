package runs

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

func context(s *pipeline.Snapshot) panel.Context {
	return panel.Context{
		Snapshot: s, Styles: theme.New(theme.Options{}), Zone: time.UTC, Now: scene.Now,
		Width: 100, Height: 30, Focused: true, Environment: "production",
	}
}

func text(lines []string) string { return ansi.Strip(strings.Join(lines, "\n")) }

func TestOpenByDefault(t *testing.T) {
	var p Panel
	got := text(p.Lines(context(scene.Waiting())))
	for _, want := range []string{"Approval: production", "one of you, bob, sre-team", "Test orders", "pytest"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "Test api-gateway") {
		t.Error("of a failed run, jobs that passed are shown unasked")
	}
}

func TestFoldingIsRemembered(t *testing.T) {
	var p Panel
	c := context(scene.Waiting())
	p.Lines(c)
	p.Key("left")
	if got := text(p.Lines(c)); strings.Contains(got, "Security scan") {
		t.Errorf("the run is still open:\n%s", got)
	}
	c.Snapshot = scene.Waiting() // a refresh
	if got := text(p.Lines(c)); strings.Contains(got, "Security scan") {
		t.Error("a refresh opened the run again")
	}
	p.Key("right")
	if got := text(p.Lines(c)); !strings.Contains(got, "Security scan") {
		t.Error("the run does not open again")
	}
}

func TestFilter(t *testing.T) {
	tests := []struct {
		filter string
		want   int
	}{{"", 10}, {"cd-production", 4}, {"#1180", 1}, {"feat/tax", 1}, {"waiting", 1}, {"failure", 1}, {"nothing such", 0}}
	for _, tt := range tests {
		var p Panel
		p.SetFilter(tt.filter)
		p.Lines(context(scene.Waiting()))
		if p.shown != tt.want {
			t.Errorf("%q shows %d runs, want %d", tt.filter, p.shown, tt.want)
		}
	}
}

func TestSupersededRunSaysByWhich(t *testing.T) {
	s := scene.Waiting()
	evicted, _ := s.Run(211)
	s.Environment("production").Lane.Evicted = []pipeline.Run{evicted}
	var p Panel
	if got := text(p.Lines(context(s))); !strings.Contains(got, "superseded by #212") {
		t.Errorf("not said by which:\n%s", got)
	}
	// One that waits behind an older holder took its place, and not the holder.
	newer, holder := evicted, s.Environment("production").Lane.Holder
	newer.Number, holder.Run.Number = 213, 209
	s.Environment("production").Lane.Queue = []pipeline.LaneMember{{Run: newer}}
	p = Panel{}
	if got := text(p.Lines(context(s))); !strings.Contains(got, "superseded by #213") {
		t.Errorf("said by the wrong one:\n%s", got)
	}
}

func TestUsualTimesComeFromTheLastSuccess(t *testing.T) {
	s := scene.Rollout()
	const done, ok = pipeline.StatusCompleted, pipeline.ConclusionSuccess
	s.Jobs[pipeline.RunKey{ID: 210, Attempt: 1}] = pipeline.Fact[[]pipeline.Job]{Value: []pipeline.Job{
		{ID: 90, Name: "Verify", Status: done, Conclusion: ok, Started: scene.Now.Add(-time.Hour), Completed: scene.Now.Add(-time.Hour + 210*time.Second)},
	}}
	var p Panel
	if got := text(p.Lines(context(s))); !strings.Contains(got, "~3:30") {
		t.Errorf("the job that has not begun shows no usual time:\n%s", got)
	}
}

func TestOpenedRun(t *testing.T) {
	s := scene.Waiting()
	o := Open(s, 1180, 0)
	if o.Job() != 23 {
		t.Fatalf("opened at job %d, want the failed one, 23", o.Job())
	}
	if o.Want(s) != 23 || o.Want(s) != 0 {
		t.Error("the log is asked for once")
	}
	o.SetLog(23, scene.FailedLog(), nil, nil)
	c := context(s)
	got := text(o.Lines(c))
	for _, want := range []string{"KeyError: 'sku'", "first error, n next", "2 errors"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if _, err := o.SetSearch("/("); err != nil {
		t.Errorf("a plain text that looks like an expression: %v", err)
	}
	if _, err := o.SetSearch("/(/"); err == nil {
		t.Error("a broken expression is taken")
	}
	if _, err := o.SetSearch("test_case_07"); err != nil {
		t.Fatal(err)
	}
	if got := text(o.Lines(c)); !strings.Contains(got, "test_case_07") {
		t.Errorf("the match is not shown:\n%s", got)
	}
	o.Key("G")
	if a, _ := o.SetSearch("test_case_07"); a != nil || !strings.Contains(text(o.Lines(c)), "test_case_07") {
		t.Errorf("a match above the cursor is not gone to: %+v", a)
	}
	if a, _ := o.SetSearch("nowhere"); a != (panel.Say{Text: "no “nowhere” in this job", Bad: true}) {
		t.Errorf("got %+v", a)
	}
}

func TestOlderAttempt(t *testing.T) {
	s := scene.Waiting()
	for i := range s.Runs.Value {
		if s.Runs.Value[i].ID == 1180 {
			s.Runs.Value[i].Attempt = 2
		}
	}
	o := Open(s, 1180, 0)
	if _, ok := o.Attempt(s, 1).(panel.Say); !ok {
		t.Error("there is no newer attempt")
	}
	if got := o.Attempt(s, -1); got != nil {
		t.Errorf("attempt 1 is at hand, and %+v is asked for", got)
	}
	delete(s.Jobs, pipeline.RunKey{ID: 1180, Attempt: 1})
	o = Open(s, 1180, 0)
	if got, ok := o.Attempt(s, -1).(LoadAttempt); !ok || got.Attempt != 1 {
		t.Errorf("got %+v, want attempt 1 to be read", got)
	}
	o.SetAttempt(1, []pipeline.Job{{ID: 7, Name: "Old job", Status: pipeline.StatusCompleted, Conclusion: pipeline.ConclusionFailure}}, nil)
	if got := text(o.Lines(context(s))); !strings.Contains(got, "Old job") || !strings.Contains(got, "attempt 1 of 2") {
		t.Errorf("the attempt is not shown:\n%s", got)
	}
}

// The cursor goes to a run that the operator has just started once it is listed,
// unless the operator has moved on meanwhile.
func TestAwait(t *testing.T) {
	for name, tt := range map[string]struct {
		key  string
		want int64
	}{"waiting": {"", 999}, "moved on": {"j", 212}} {
		t.Run(name, func(t *testing.T) {
			var p Panel
			s := *scene.Waiting()
			p.Lines(context(&s))
			p.Select(212)
			p.Await(999)
			if tt.key != "" {
				p.Key(tt.key)
			}
			p.Lines(context(&s))
			if r, _ := p.Selected(); r.ID != 212 {
				t.Fatalf("the cursor went to %d before the run was listed", r.ID)
			}
			later := s
			later.Runs.Value = append([]pipeline.Run{{ID: 999, Workflow: "rollback.yml", Number: 19, Status: pipeline.StatusQueued}}, s.Runs.Value...)
			p.Lines(context(&later))
			if r, _ := p.Selected(); r.ID != tt.want {
				t.Errorf("the cursor is on %d, want %d", r.ID, tt.want)
			}
		})
	}
}
