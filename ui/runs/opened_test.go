package runs

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/panel"
)

// stepped is a run opened at a job of three steps whose log tells their times.
func stepped(t *testing.T) (*Opened, panel.Context) {
	t.Helper()
	s := scene.Waiting()
	at := func(sec int, more time.Duration) time.Time {
		return scene.Now.Add(time.Duration(sec)*time.Second + more)
	}
	step := func(n int, name string, from, until int) pipeline.Step {
		return pipeline.Step{Number: n, Name: name, Status: pipeline.StatusCompleted, Conclusion: pipeline.ConclusionSuccess, Started: at(from, 0), Completed: at(until, 0)}
	}
	s.Jobs[pipeline.RunKey{ID: 1180, Attempt: 1}] = pipeline.Fact[[]pipeline.Job]{Value: []pipeline.Job{{
		ID: 70, RunID: 1180, Name: "Build", Status: pipeline.StatusCompleted, Conclusion: pipeline.ConclusionSuccess, Started: at(0, 0), Completed: at(9, 0),
		Steps: []pipeline.Step{step(1, "Set up job", 0, 1), step(2, "Containers", 1, 2), step(3, "Compile", 3, 8), {Number: 4, Name: "Upload", Status: pipeline.StatusCompleted, Conclusion: pipeline.ConclusionSkipped}},
	}}}
	line := func(sec int, more time.Duration, text string) pipeline.LogText {
		return pipeline.LogText{At: at(sec, more), Text: text}
	}
	o := Open(s, 1180, 0)
	o.Want(s)
	c := context(s)
	o.Lines(c)
	o.SetLog(70, pipeline.JobLog{JobID: 70, Lines: []pipeline.LogText{
		line(0, 100*time.Millisecond, "runner 2.321"),
		line(1, 200*time.Millisecond, "pulling postgres"),
		line(2, 900*time.Millisecond, "postgres is healthy"),
		line(3, 300*time.Millisecond, "##[group]Run make "+strings.Repeat("all ", 60)),
		line(3, 300*time.Millisecond, "make "+strings.Repeat("all ", 60)),
		line(3, 400*time.Millisecond, "##[endgroup]"),
		line(7, 0, "done"),
	}}, nil, nil)
	return o, c
}

func TestStepLeadsToItsPlaceInTheLog(t *testing.T) {
	o, c := stepped(t)
	for _, tt := range []struct{ keys, want string }{{"j", "Set up job"}, {"j", "pulling postgres"}, {"j", "Run make"}, {"j", "Run make"}, {"k", "Run make"}, {"k", "pulling postgres"}} {
		o.Key(tt.keys)
		o.Lines(c)
		v := o.lines[o.cursor]
		got := o.log().sections[v.section].name
		if v.line >= 0 {
			got = o.log().lines[v.line].text
		}
		if !strings.HasPrefix(got, tt.want) {
			k, _ := o.list.Key()
			t.Errorf("on step %d the log is at %q, want %q", k.step, got, tt.want)
		}
	}
}

// A wrapped line loses nothing, and the cursor stays on its line.
func TestWrappedLinesAreWhole(t *testing.T) {
	o, c := stepped(t)
	o.Key("j")
	o.Key("j")
	o.Key("j")
	o.Key("tab")
	o.Key("j")
	want := o.log().lines[o.lines[o.cursor].line].text
	if got := ansi.Strip(strings.Join(o.Lines(c), "\n")); !strings.Contains(got, "…") {
		t.Fatalf("the long line is not cut:\n%s", got)
	}
	o.Key("w")
	var whole strings.Builder
	for _, l := range o.Lines(c) {
		cells := []rune(ansi.Strip(l))
		if text := string(cells[o.listWidth(c.Width)+1 : len(cells)-1]); strings.Contains(text, "all all") && !strings.Contains(text, "▾") {
			whole.WriteString(text[2:])
		}
	}
	if got := whole.String(); strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("wrapped:\n%q\nwant\n%q", got, want)
	}
	if v := o.lines[o.cursor]; o.log().lines[v.line].text != want || v.from != 0 {
		t.Errorf("the cursor went to %+v", v)
	}
	o.Key("t") // the time takes cells: the rows are others
	o.Lines(c)
	for _, v := range o.lines {
		if v.line >= 0 && v.to-v.from > o.width {
			t.Errorf("a row of %d bytes in %d cells", v.to-v.from, o.width)
		}
	}
}

func TestClickMeetsWhatIsUnderIt(t *testing.T) {
	o, c := stepped(t)
	for y, line := range o.Lines(c) {
		switch text := ansi.Strip(line); {
		case strings.Contains(text, "Compile"):
			o.Click(4, y)
			if k, _ := o.list.Key(); k.step != 3 {
				t.Errorf("the click on a step selects %+v", k)
			}
		case strings.Contains(text, "pulling postgres"):
			o.Click(c.Width-10, y)
			if got := o.log().lines[o.lines[o.cursor].line].text; got != "pulling postgres" {
				t.Errorf("the click on a line is on %q", got)
			}
		}
	}
	c.Height, o.dirty = 8, true // the list scrolls
	for range 4 {
		o.Key("tab")
		o.Key("tab")
		o.Key("j")
	}
	for y, line := range o.Lines(c) {
		if strings.Contains(ansi.Strip(line), "Containers") {
			o.Click(4, y)
			if k, _ := o.list.Key(); k.step != 2 {
				t.Errorf("in a list that is scrolled the click selects %+v", k)
			}
		}
	}
}

func TestHeaderTellsTheRun(t *testing.T) {
	for name, tt := range map[string]struct {
		run    int64
		height int
		want   []string
	}{
		"failed":         {1180, 40, []string{"ci #1180", "Tax by region", "77c0de1 feat/tax", "push by dave", "failed 1h ago, took 8:02"}},
		"failed, small":  {1180, 22, []string{"ci #1180", "push by dave", "failed 1h ago, took 8:02"}},
		"waits":          {212, 40, []string{"cd-production #212", "waits for you, bob, sre-team"}},
		"not listed any": {4711, 40, []string{"run 4711"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := scene.Waiting()
			c := context(s)
			c.Width, c.Height = 110, tt.height
			lines := Open(s, tt.run, 0).Lines(c)
			if len(lines) != tt.height {
				t.Errorf("%d lines for %d", len(lines), tt.height)
			}
			head := text(lines[:2])
			for _, want := range tt.want {
				if !strings.Contains(head, want) {
					t.Errorf("no %q in\n%s", want, head)
				}
			}
		})
	}
}

// A new attempt has other jobs of the same names: the view stays with the job and
// does not show what the attempt before wrote.
func TestNewAttemptKeepsTheJob(t *testing.T) {
	s := scene.Waiting()
	o := Open(s, 1180, 0)
	o.Want(s)
	c := context(s)
	o.Lines(c)
	o.SetLog(23, scene.FailedLog(), nil, nil)
	o.Lines(c)
	again := *scene.Waiting()
	for i := range again.Runs.Value {
		if r := &again.Runs.Value[i]; r.ID == 1180 {
			r.Attempt, r.Status, r.Conclusion = 2, pipeline.StatusInProgress, ""
		}
	}
	again.Jobs[pipeline.RunKey{ID: 1180, Attempt: 2}] = pipeline.Fact[[]pipeline.Job]{Value: []pipeline.Job{
		{ID: 81, Name: "Security scan", Status: pipeline.StatusCompleted, Conclusion: pipeline.ConclusionSuccess},
		{ID: 83, Name: "Test orders", Status: pipeline.StatusInProgress, Started: scene.Now.Add(-11 * time.Second)},
	}}
	c.Snapshot = &again
	got := text(o.Lines(c))
	if o.Job() != 83 || strings.Contains(got, "KeyError") || !strings.Contains(got, "attempt 2 of 2") {
		t.Errorf("on job %d:\n%s", o.Job(), got)
	}
	if k, ok := o.list.Key(); !ok || k.job != 83 {
		t.Errorf("the cursor is on %+v", k)
	}
}

// Before there is a log the view says what the job waits for.
func TestJobWithoutLog(t *testing.T) {
	s := scene.Waiting()
	got := text(Open(s, 212, 0).Lines(context(s)))
	for _, want := range []string{"waits at an environment's rules", "one of you, bob, sre-team", "a opens the sheet"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	s.Approvals = nil
	s.Pending[212] = pipeline.Fact[[]pipeline.PendingApproval]{Value: []pipeline.PendingApproval{{WaitTimer: 5 * time.Minute, WaitStarted: scene.Now.Add(-4 * time.Minute)}}}
	got = text(Open(s, 212, 0).Lines(context(s)))
	if !strings.Contains(got, "timer 1:00 left") {
		t.Errorf("the timer is not told:\n%s", got)
	}
}
