package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/journal"
)

// The history comes back as it was kept, private to its owner; what is torn, or
// of another format, is given up with a word about it, and read anew.
func TestTheKeptHistory(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	s := &session{host: "GitHub.com:8443", owner: "Acme", name: "Shop"}
	file := s.historyOf()
	if h, err := file.Load(); err != nil || h == nil {
		t.Fatalf("nothing kept yet: %v", err)
	}
	h := pipeline.NewHistory()
	h.AddRuns(pipeline.Run{ID: 7, Attempt: 2, Workflow: "ci.yml"})
	h.Jobs[pipeline.RunKey{ID: 7, Attempt: 2}] = []pipeline.JobRun{{Name: "Test", Steps: []pipeline.StepRun{{Name: "pytest", Took: time.Minute}}}}
	h.Covered["runs/ci.yml"] = pipeline.Span{From: time.Unix(1, 0).UTC(), Until: time.Unix(2, 0).UTC()}
	if err := file.Save(h); err != nil {
		t.Fatal(err)
	}
	back, err := file.Load()
	if err != nil || len(back.Runs) != 1 || back.Jobs[pipeline.RunKey{ID: 7, Attempt: 2}][0].Steps[0].Took != time.Minute || back.Covered["runs/ci.yml"] != h.Covered["runs/ci.yml"] {
		t.Fatalf("%+v, %v", back, err)
	}
	for path, want := range map[string]os.FileMode{file.path: 0o600, filepath.Dir(file.path): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
	if base := strings.TrimPrefix(file.path, os.Getenv("XDG_CACHE_HOME")); base != "/gh-deployctl/history/github.com_8443/acme/shop.json" {
		t.Error(base)
	}
	content, err := os.ReadFile(file.path)
	if err != nil {
		t.Fatal(err)
	}
	for name, broken := range map[string]string{
		"torn": string(content[:len(content)/2]), "older": strings.Replace(string(content), `"schema":1`, `"schema":0`, 1), "empty": "", "nothing": `{"schema":1}`,
	} {
		if err := os.WriteFile(file.path, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := file.Load()
		if err == nil || !strings.Contains(err.Error(), "read anew") || h == nil || len(h.Runs) != 0 {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
}

// An approval that the journal holds as well is told with the journal's time;
// others only with a time at which they had been made.
func TestTheAuditKnowsWhenItWasApproved(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	records := recordsOf([]journal.Entry{
		{Seq: 1, At: at.Add(time.Minute), Kind: journal.Intent, ID: "REQ1", Operator: "alice", Command: "approve", Data: []byte(`{"environment":"production"}`)},
		{Seq: 2, At: at.Add(2 * time.Minute), Kind: journal.Receipt, ID: "REQ1", Operator: "alice", Command: "approve", Data: []byte(`{"intent":{"environment":"production"},"outcome":"done","sentence":"approved"}`)},
	})
	events := []pipeline.Event{
		{At: at.Add(7 * time.Minute), By: true, Kind: "approval", Sentence: "approved for production: ship it [deployctl req=REQ1 journal=1:abc]"},
		{At: at.Add(6 * time.Minute), By: true, Kind: "approval", Sentence: "approved for production: by hand"},
		{At: at, Kind: "run"},
	}
	got := merged(records, events)
	if len(got) != 5 || got[0].Kind != "run" || got[4].Sentence != "approved for production: by hand" || !got[4].By {
		t.Fatalf("%+v", got)
	}
	for _, r := range got[1:4] {
		if r.At.After(at.Add(2*time.Minute)) || r.By {
			t.Errorf("%+v", r)
		}
	}
	if got[1].Environment != "production" || got[2].Environment != "production" {
		t.Errorf("environments %q and %q", got[1].Environment, got[2].Environment)
	}
}

// What people wrote is text in the time line: it opens no cell, no link and no
// markup, and calls nobody.
func TestTheTimeLineIsText(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	line := timeLine{environment: "production", repository: "acme/shop", since: at, until: at, records: []record{{Event: pipeline.Event{
		At: at, By: true, Source: "github", Kind: "approval", Actor: "bob", Subject: "cd.yml #7", Sentence: "a|b <script> [x](http://y) @alice\n# *no*", URL: "http://z/a)b|c",
	}}}}
	line.missing("the alarms of orders", pipeline.Errorf(pipeline.KindUnavailable, "502"))
	line.missing("nothing", nil)
	var b strings.Builder
	line.write(&b)
	want := `| ≤ 2026-11-20 12:00:00 | bob | github | **approval cd.yml \#7**: a\|b &lt;script&gt; \[x\](http://y) @` + "\u2060" + `alice \# \*no\* ([open](http://z/a%29b%7Cc)) |`
	if !strings.Contains(b.String(), want) {
		t.Errorf("%s\nlacks %s", b.String(), want)
	}
	if !strings.Contains(b.String(), "- the alarms of orders: 502\n") || strings.Contains(b.String(), "- nothing") {
		t.Error(b.String())
	}
}
