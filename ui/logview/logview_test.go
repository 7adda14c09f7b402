package logview_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/logview"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

type fixture struct {
	*logview.Panel
	engine *scene.Engine
	c      panel.Context
}

func newFixture() *fixture {
	s := scene.Waiting()
	f := &fixture{engine: scene.NewEngine(s)}
	f.Panel = logview.New(f.engine.Ring)
	f.c = panel.Context{
		Snapshot: s, Styles: theme.New(theme.Options{}), Zone: time.UTC, Now: scene.Now,
		Width: 100, Height: 22, Focused: true, Environment: "production",
	}
	f.sync()
	return f
}

func (f *fixture) sync() {
	f.Sync()
	f.Synced()
}

func (f *fixture) text() string { return ansi.Strip(strings.Join(f.Lines(f.c), "\n")) }

func (f *fixture) key(names ...string) {
	for _, k := range names {
		f.Key(k)
		f.sync()
		f.text()
	}
}

// parsed returns the lines of an event that orders has just written.
func parsed(message string) []*logs.Line {
	return logs.Parse(logs.Group{Name: "/ecs/orders", Service: "orders"}, &logs.Event{
		Stream: "app/orders/0a1b2c3d", Timestamp: scene.Now, Ingested: scene.Now, Message: message,
	})
}

// more adds lines to the ring, newer than all others.
func (f *fixture) more(n int) {
	var lines []*logs.Line
	for i := range n {
		lines = append(lines, parsed(fmt.Sprintf("new line %d", i))...)
	}
	f.engine.Ring.Add(lines)
	f.sync()
}

func TestFollowFreezesOnScroll(t *testing.T) {
	f := newFixture()
	f.text()
	if !f.Following() {
		t.Fatal("it does not follow at the start")
	}
	f.key("k", "k")
	if got := f.text(); f.Following() || !strings.Contains(got, "frozen") {
		t.Fatalf("scrolling does not freeze:\n%s", got)
	}
	f.key("G")
	if got := f.text(); !f.Following() || !strings.Contains(got, "following") {
		t.Errorf("G does not follow again:\n%s", got)
	}
}

func TestFilters(t *testing.T) {
	tests := []struct{ filter, want, not string }{
		{"keyerror", "KeyError", "login ok"},
		{"level:error", "KeyError", "retry 2/5"},
		{"service:orders login", "login ok", "KeyError"},
		{"/retry [0-9]/", "retry 2/5", "KeyError"},
	}
	for _, tt := range tests {
		t.Run(tt.filter, func(t *testing.T) {
			f := newFixture()
			f.SetFilter(tt.filter)
			f.sync()
			got := f.text()
			if !strings.Contains(got, tt.want) || strings.Contains(got, tt.not) {
				t.Errorf("want %q and not %q in\n%s", tt.want, tt.not, got)
			}
		})
	}
}

func TestBrokenFilterSaysWhyAndKeepsTheLines(t *testing.T) {
	f := newFixture()
	f.SetFilter("/(/")
	f.sync()
	if got := f.text(); !strings.Contains(got, "not a regular expression") || !strings.Contains(got, "login ok") {
		t.Errorf("got\n%s", got)
	}
}

func TestJoinNarrowsToAService(t *testing.T) {
	f := newFixture()
	f.c.Join = panel.Join{From: keys.Services, Service: "orders"}
	f.Join(f.c)
	f.sync()
	got := f.text()
	if !strings.Contains(got, "orders only") || strings.Contains(got, "payments") {
		t.Errorf("got\n%s", got)
	}
}

func TestSearchGoesFromMatchToMatch(t *testing.T) {
	f := newFixture()
	if err := f.SetSearch("retry"); err != nil {
		t.Fatal(err)
	}
	first := f.Seek(true)()
	if !first.OK {
		t.Fatal("no match")
	}
	f.Go(first)
	second := f.Seek(true)()
	if !second.OK || second.Row >= first.Row {
		t.Errorf("the match before row %d is at %d", first.Row, second.Row)
	}
	f.Go(second)
	back := f.Seek(false)()
	if back.Row != first.Row {
		t.Errorf("forward again to %d, want %d", back.Row, first.Row)
	}
	if back.At != back.Of || second.At != back.Of-1 {
		t.Errorf("matches %d and %d of %d", second.At, back.At, back.Of)
	}
	f.Go(back)
	if got, want := f.text(), fmt.Sprintf("“retry” %d of %d", back.At, back.Of); !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
	marked := f.c.Styles.LevelWarn.On(f.c.Styles.Match).Render("retry")
	for _, line := range f.Lines(f.c)[1:21] {
		if strings.Contains(ansi.Strip(line), "retry") && !strings.Contains(line, marked) {
			t.Errorf("the match is not marked: %q", line)
		}
	}
	if a := f.Go(f.Seek(false)()); a != (panel.Say{Text: fmt.Sprintf("no further “retry” of %d; N goes back", back.Of), Bad: true}) {
		t.Errorf("behind the last match: %v", a)
	}
	_ = f.SetSearch("nowhere")
	if a := f.Go(f.Seek(true)()); a != (panel.Say{Text: "no “nowhere” among these lines", Bad: true}) {
		t.Errorf("without a match: %v", a)
	}
}

// Lines that come late, and a panel that becomes lower, leave the cursor where
// it can be seen.
func TestTheCursorStaysInSight(t *testing.T) {
	f := newFixture()
	f.more(60)
	f.key("k", "j")
	f.more(1)
	before := f.engine.Ring.Snapshot()
	late := logs.Parse(logs.Group{Name: "/ecs/orders", Service: "orders"}, &logs.Event{
		Stream: "app/orders/0a1b2c3d", Timestamp: before[len(before)-30].Timestamp(), Message: "came late",
	})
	late[0].Late = 8 * time.Second
	chosen, _ := f.Selected()
	f.engine.Ring.Add(late)
	f.sync()
	if got := f.text(); !strings.Contains(got, chosen) {
		t.Errorf("%q is out of sight after a late line:\n%s", chosen, got)
	}
	f.c.Height = 9
	if got := f.text(); !strings.Contains(got, chosen) {
		t.Errorf("%q is out of sight in a lower panel:\n%s", chosen, got)
	}
}

// Colour is not the only sign of a late line, and an opened line says all that
// is known of it, in as many rows as that takes.
func TestLateLinesAreMarked(t *testing.T) {
	f := newFixture()
	f.c.Width = 60
	late := parsed("ERROR [req=8f1c2d3e] the provider timed out")
	late[0].Late = 8 * time.Second
	f.engine.Ring.Add(late)
	f.sync()
	f.key("enter", "enter")
	got := f.text()
	for _, want := range []string{f.c.Clock(scene.Now) + logview.LateMark, "task 0a1b2c3d", "came 8 s late", "request 8f1c2d3e (p: only this)", scene.Now.Format("15:04:05.000")} {
		if !strings.Contains(strings.Join(strings.Fields(strings.NewReplacer("│", "").Replace(got)), " "), want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestWithoutSearchErrorsAreSought(t *testing.T) {
	f := newFixture()
	found := f.Seek(true)()
	if !found.OK || found.What != "error" {
		t.Fatalf("found %+v", found)
	}
	f.Go(found)
	if text, _ := f.Selected(); !strings.Contains(text, "KeyError") {
		t.Errorf("the cursor is on %q", text)
	}
}

func TestExpandShowsJSONIndented(t *testing.T) {
	f := newFixture()
	if err := f.SetSearch("order placed"); err != nil {
		t.Fatal(err)
	}
	f.Go(f.Seek(true)())
	f.key("enter")
	if got := f.text(); !strings.Contains(got, `"order": "A-1182"`) {
		t.Errorf("not expanded:\n%s", got)
	}
	if !f.Close() {
		t.Error("there was something to close")
	}
}

func TestWrappedLinesAreShortToo(t *testing.T) {
	f := newFixture()
	long := strings.Repeat("word ", 30) + "end"
	f.engine.Ring.Add(parsed(`{"time":"2026-11-30T10:00:00Z","level":"info","msg":"` + long + `"}`))
	f.sync()
	f.key("w")
	if got := f.text(); !strings.Contains(got, "end") || strings.Contains(got, `"msg"`) {
		t.Errorf("not the short form, whole:\n%s", got)
	}
}

func TestPivotShowsOneRequest(t *testing.T) {
	f := newFixture()
	if err := f.SetSearch("request_id=8f1c2d3e"); err != nil {
		t.Fatal(err)
	}
	f.Go(f.Seek(true)())
	f.key("p")
	if f.Filter() != "req:8f1c2d3e" {
		t.Errorf("the filter is %q", f.Filter())
	}
	if got := f.text(); strings.Contains(got, "login ok") {
		t.Errorf("other requests are shown:\n%s", got)
	}
}

func BenchmarkLines100k(b *testing.B) {
	f := newFixture()
	f.more(100_000)
	f.c.Width, f.c.Height = 200, 60
	b.ReportAllocs()
	for b.Loop() {
		f.Synced()
		f.Lines(f.c)
	}
}

func TestTracebacksAreFoldedWhileFollowing(t *testing.T) {
	f := newFixture()
	lines := parsed("ERROR Internal Server Error\nTraceback (most recent call last):\n  File \"cart.py\", line 88\nKeyError: 'sku'")
	f.engine.Ring.Clear()
	f.engine.Ring.Add(lines)
	f.sync()
	if got := f.text(); !strings.Contains(got, "Traceback") {
		t.Errorf("all of it fits, and is not shown:\n%s", got)
	}
	f.c.Height = 5
	got := f.text()
	if strings.Contains(got, "Traceback") || !strings.Contains(got, "KeyError: 'sku'") {
		t.Errorf("while following:\n%s", got)
	}
	f.key("k")
	if got := f.text(); !strings.Contains(got, "Traceback") {
		t.Errorf("while frozen:\n%s", got)
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 23, 14, 3, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"5m": "23 13:58:00", "2h ago": "23 12:03:00", "-90s": "23 14:01:30", "14:01": "23 14:01:00", "13:59:58": "23 13:59:58",
		"14:10": "22 14:10:00", "2026-11-21 08:00": "21 08:00:00", "2026-11-23T10:00:00Z": "23 10:00:00",
	} {
		if at, err := logview.ParseTime(text, now, time.UTC); err != nil || at.UTC().Format("02 15:04:05") != want {
			t.Errorf("%q is %v, %v; want %s", text, at, err, want)
		}
	}
	if _, err := logview.ParseTime("noon", now, time.UTC); err == nil {
		t.Error("noon is a time")
	}
}

func TestJumpToATime(t *testing.T) {
	f := newFixture()
	f.text()
	lines := f.engine.Ring.Snapshot()
	at := lines[len(lines)/2].At()
	if _, older := f.JumpTo(at); older || f.Following() {
		t.Fatalf("a time that is held: older %v, following %v", older, f.Following())
	}
	if text, _ := f.Selected(); text != lines[len(lines)/2].Text {
		t.Errorf("the cursor is on %q", text)
	}
	if _, older := f.JumpTo(lines[0].At().Add(-time.Hour)); !older {
		t.Error("nothing older has to be read")
	}
	old := logs.Parse(logs.Group{Name: "/ecs/orders", Service: "orders"}, &logs.Event{
		Stream: "app/orders/0a1b2c3d", Timestamp: lines[0].At().Add(-time.Hour), Message: "an hour before",
	})
	f.engine.Ring.Add(old)
	f.sync()
	if text, _ := f.Selected(); text != "an hour before" {
		t.Errorf("the cursor stays on %q when the older line comes", text)
	}
}

func TestWriteIsOneSafeLineEach(t *testing.T) {
	f := newFixture()
	f.engine.Ring.Clear()
	f.engine.Ring.Add(parsed("\x1b[31mred\rPROD\nsecond"))
	f.sync()
	var out strings.Builder
	if err := logview.Write(&out, f.Rows()); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(out.String(), "\n"); len(lines) != 3 || strings.ContainsAny(out.String(), "\x1b\r") || !strings.HasSuffix(lines[1], " orders second") {
		t.Errorf("wrote %q", out.String())
	}
}

func TestSourcePattern(t *testing.T) {
	f := newFixture()
	f.SetFilter(`service:orders cw:{ $.level = "ERROR" }`)
	if got := f.SourcePattern(); got != `{ $.level = "ERROR" }` {
		t.Errorf("pattern %q", got)
	}
}
