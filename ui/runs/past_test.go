package runs

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/panel"
)

// besides is the scene with runs of another repository.
func besides() *pipeline.Snapshot {
	s := *scene.Waiting()
	web := pipeline.Run{
		ID: 9001, Repository: "acme/web", Workflow: "ci.yml", Number: 7, Attempt: 1, Status: pipeline.StatusCompleted,
		Conclusion: pipeline.ConclusionSuccess, Branch: "main", SHA: strings.Repeat("e", 40), Actor: "erin", Created: scene.Now.Add(-2 * time.Minute), Updated: scene.Now,
	}
	s.Repositories = []pipeline.RepositoryState{{
		Repository: pipeline.Repository{Owner: "acme", Name: "web"}, Total: 40,
		Runs: pipeline.Fact[[]pipeline.Run]{Value: []pipeline.Run{web}, Observation: s.Runs.Observation},
	}}
	return &s
}

func TestRunsOfOtherRepositories(t *testing.T) {
	var p Panel
	c := context(besides())
	if got := text(p.Lines(c)); !strings.Contains(got, "web/ci") {
		t.Errorf("the run of acme/web is not shown as its:\n%s", got)
	}
	p.SetFilter("repo:web")
	got := text(p.Lines(c))
	if p.shown != 1 || strings.Contains(got, "cd-production") {
		t.Errorf("%d runs with repo:web\n%s", p.shown, got)
	}
	p.SetFilter("repo:shop status:waiting")
	if p.Lines(c); p.shown != 1 {
		t.Errorf("%d runs that wait in acme/shop", p.shown)
	}
	s := besides()
	s.Repositories[0].Runs.Err = pipeline.Errorf(pipeline.KindForbidden, "the token may not")
	if got := text(p.Lines(context(s))); !strings.Contains(got, "acme/web: the token may not") {
		t.Errorf("the other repository's error is not told:\n%s", got)
	}
}

// Moving on at the last row asks for older runs, once until the answer comes.
func TestScrollingAsksForThePast(t *testing.T) {
	var p Panel
	c := context(besides())
	p.Lines(c)
	if _, wants := p.Older(c.Snapshot); wants {
		t.Fatal("it asks unasked")
	}
	p.Key("G")
	p.Key("j")
	q, wants := p.Older(c.Snapshot)
	if !wants || len(q.Repositories) != 2 || q.Query != (pipeline.RunQuery{}) {
		t.Fatalf("asked for %+v, %t", q, wants)
	}
	if got := text(p.Lines(c)); !strings.Contains(got, "reading older") {
		t.Errorf("it does not say that it reads:\n%s", got)
	}
	p.Key("j")
	if _, wants := p.Older(c.Snapshot); wants {
		t.Error("it asks twice at once")
	}
	p.OlderRead("", false, nil)
	p.Key("j")
	if _, wants := p.Older(c.Snapshot); wants {
		t.Error("it asks behind the end")
	}
	p.SetFilter("actor:bob repo:web")
	p.Lines(c)
	p.Search()
	if q, wants := p.Older(c.Snapshot); !wants || q.Query.Actor != "bob" || len(q.Repositories) != 1 || q.Repositories[0] != "acme/web" {
		t.Errorf("a filter asks for %+v, %t", q, wants)
	}
	p.OlderRead("actor:bob repo:web", true, pipeline.Errorf(pipeline.KindUnavailable, "502"))
	if got := text(p.Lines(c)); !strings.Contains(got, "502") {
		t.Errorf("the error is not told:\n%s", got)
	}
}

// Two thousand runs are listed with no more allocations a frame than sixty.
func TestManyRunsStayCheap(t *testing.T) {
	frame := func(n int) float64 {
		s := *scene.Waiting()
		base := s.Runs.Value[len(s.Runs.Value)-1]
		for i := range n {
			r := base
			r.ID, r.Created = int64(100_000+i), base.Created.Add(-time.Duration(i)*time.Minute)
			s.Older = append(s.Older, r)
		}
		var p Panel
		c := context(&s)
		p.Lines(c)
		return testing.AllocsPerRun(20, func() { p.dirty = true; p.Lines(c) })
	}
	few, many := frame(60), frame(2000)
	if many > few*1.2+20 {
		t.Errorf("%.0f allocations with 2,000 older runs, %.0f with 60", many, few)
	}
}

func TestExcerptOfAFailedStep(t *testing.T) {
	var p Panel
	c := context(scene.Waiting())
	p.Lines(c)
	if run, _ := p.WantExcerpt(); run != 0 {
		t.Fatalf("the cursor is on no failed run, and the log of %d is wanted", run)
	}
	p.Select(1180)
	p.Lines(c)
	run, job := p.WantExcerpt()
	if run != 1180 || job != 23 {
		t.Fatalf("wants job %d of %d, want 23 of 1180", job, run)
	}
	if run, _ := p.WantExcerpt(); run != 0 {
		t.Error("it asks twice")
	}
	p.SetExcerpt(job, scene.FailedLog(), nil)
	if got := text(p.Lines(c)); !strings.Contains(got, "KeyError: 'sku'") {
		t.Errorf("no excerpt in the tree:\n%s", got)
	}
	p.SetExcerpt(job, pipeline.JobLog{}, pipeline.Errorf(pipeline.KindUnavailable, "502"))
	if run, _ := p.WantExcerpt(); run != 1180 {
		t.Error("a log that could not be read is not asked for again")
	}
}

func TestForecastsInTheTree(t *testing.T) {
	s := *scene.Rollout()
	var moving pipeline.Run
	for _, r := range s.Runs.Value {
		if r.Status == pipeline.StatusInProgress {
			moving = r
		}
	}
	jobs := s.Jobs[moving.Key()].Value
	running := 0
	for i := range jobs {
		if jobs[i].Status == pipeline.StatusInProgress {
			running = i
		}
	}
	usual := pipeline.Expectation{Usual: 5 * time.Minute, Slowest: 7 * time.Minute, Samples: 9}
	s.JobForecasts = map[int64]pipeline.Forecast{jobs[running].ID: {Expectation: usual, ETA: scene.Now.Add(3*time.Minute + 48*time.Second)}}
	s.Forecasts = map[pipeline.RunKey]pipeline.Forecast{moving.Key(): {Expectation: usual, ETA: scene.Now.Add(12 * time.Minute)}}
	var p Panel
	got := text(p.Lines(context(&s)))
	for _, want := range []string{"~3:48", "about 12m left"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	s.JobForecasts[jobs[running].ID] = pipeline.Forecast{Expectation: usual, Slow: true}
	p = Panel{}
	if got := text(p.Lines(context(&s))); !strings.Contains(got, " slow") {
		t.Errorf("a slow job is not marked:\n%s", got)
	}
}

func TestAnnotationsStandBeforeTheLog(t *testing.T) {
	l := parseLog(texts("##[group]A", "fine", "E  KeyError: 'sku'", "##[error]Process completed with exit code 1."))
	l.annotate([]pipeline.Annotation{
		{Level: "failure", Path: "cart.py", Line: 88, Title: "test_total", Message: "KeyError"},
		{Level: "failure", Path: ".github", Line: 1, Message: "Process completed with exit code 1."},
		{Level: "warning", Path: ".github", Message: "Node 16 is old"},
	})
	if l.sections[0].name != "Annotations" || l.sections[0].end != 2 || l.sections[1].first != 2 {
		t.Fatalf("sections %+v", l.sections)
	}
	if got := l.lines[0].text; got != "cart.py:88  test_total  KeyError" {
		t.Errorf("got %q", got)
	}
	if l.lines[1].text != "Node 16 is old" || l.lines[1].kind != warningLine {
		t.Errorf("got %+v", l.lines[1])
	}
	if l.lines[l.first].text != "E  KeyError: 'sku'" {
		t.Errorf("the first error moved to %q", l.lines[l.first].text)
	}
	if got := l.excerpt(3); len(got) != 1 || got[0] != "KeyError: 'sku'" {
		t.Errorf("excerpt %q", got)
	}
}

// The tree says what failed, and no headings.
func TestExcerptLeavesHeadingsOut(t *testing.T) {
	got := parseLog(texts(
		"##[group]Run pytest", "##[endgroup]", "E       KeyError: 'sku'", "========= short test summary info =========",
		"FAILED tests/test_cart.py::test_old_cart - KeyError: 'sku'", "##[error]Process completed with exit code 1.",
	)).excerpt(3)
	if want := []string{"KeyError: 'sku'", "FAILED tests/test_cart.py::test_old_cart - KeyError: 'sku'"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestColoursOfALog(t *testing.T) {
	said, colour := sanitise.Coloured("##[command]\x1b[32mok\x1b[0m done")
	l := parseLog([]pipeline.LogText{{Text: said, Colour: colour}})
	if got := l.lines[0]; got.text != "ok done" || len(got.colour) != 1 || got.colour[0].From != 0 || got.colour[0].To != 2 {
		t.Fatalf("got %+v", got)
	}
	s := scene.Waiting()
	o := Open(s, 1180, 0)
	o.Want(s)
	said, colour = sanitise.Coloured("\x1b[38;2;1;2;3mcolour\x1b[0m plain")
	o.SetLog(o.Job(), pipeline.JobLog{Lines: []pipeline.LogText{{Text: said, Colour: colour}}}, nil, nil)
	if got := strings.Join(o.Lines(context(s)), "\n"); !strings.Contains(got, "38;2;1;2;3mcolour") {
		t.Errorf("the colour is lost: %q", got)
	}
}

func TestFoldAllAndFirstError(t *testing.T) {
	s := scene.Waiting()
	o := Open(s, 1180, 0)
	o.Want(s)
	o.SetLog(23, scene.FailedLog(), nil, nil)
	c := context(s)
	o.Lines(c)
	o.Key("f")
	if got := text(o.Lines(c)); strings.Contains(got, "KeyError") {
		t.Errorf("not folded:\n%s", got)
	}
	o.Key("f")
	if len(o.lines) != len(o.log().lines)+len(o.log().sections) {
		t.Errorf("%d rows, want all", len(o.lines))
	}
	o.Key("tab")
	o.Key("g")
	o.Key("E")
	if !strings.Contains(text(o.Lines(c)), "first error") || o.lines[o.cursor].line != o.log().first {
		t.Error("E does not go to the first error")
	}
	// From a job that is well it goes to the one that failed.
	for _, j := range s.Jobs[pipeline.RunKey{ID: 1180, Attempt: 1}].Value {
		o.job = j.ID
		o.Lines(c)
		if a, _ := o.Key("E"); a != nil || o.Job() != 23 || o.lines[o.cursor].line != o.log().first {
			t.Errorf("from %s E goes to job %d, and says %+v", j.Name, o.Job(), a)
		}
	}
	if a, _ := (&Opened{}).Key("E"); a == nil {
		t.Error("without a log E says nothing")
	} else if say, ok := a.(panel.Say); !ok || !say.Bad {
		t.Errorf("got %+v", a)
	}
}
