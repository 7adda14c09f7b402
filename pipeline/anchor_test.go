//go:build linux || darwin

package pipeline

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/journal"
)

// What is sent to GitHub names the journal's head of that moment, which is the
// intent that was written just before: an approval in its comment, a rollback in
// its reason. So GitHub's record shows when the end of the journal was replaced.
func TestWhatIsSentAnchorsTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journalIn(t.TempDir())
		w := newWorld(time.Now())
		o := NewOperator(OperatorOptions{Engine: start(t, w), Actions: w, Journal: kept{j}})
		approve := func() (Plan, error) {
			return o.PlanReview(t.Context(), ReviewRequest{RunID: productionRun})
		}
		rollBack := func() (Plan, error) {
			return o.PlanRollback(t.Context(), RollbackRequest{Environment: "production"})
		}
		for _, command := range []string{"approve", "rollback"} { // a rollback leaves a lock
			plan := map[string]func() (Plan, error){"approve": approve, "rollback": rollBack}[command]
			w.change(func(w *world) { w.sent = nil })
			p, err := plan()
			if err != nil {
				t.Fatal(err)
			}
			var acks []string
			for _, g := range p.Missing(nil) {
				acks = append(acks, g.ID)
			}
			r, err := o.Execute(t.Context(), p, Confirmation{Comment: "ship it", Reason: "errors on checkout", Typed: p.Typed, Acks: acks})
			if err != nil || r.Outcome != OutcomeDone {
				t.Fatalf("%s: %s %s %v", command, r.Outcome, r.Sentence, err)
			}
			head := ""
			for e, err := range j.Entries() {
				if err != nil {
					t.Fatal(err)
				}
				if e.Kind == journal.Intent && e.ID == r.Intent.ID {
					head = e.Hash
				}
			}
			if sent := strings.Join(w.sent, "\n"); head == "" || !strings.Contains(sent, "journal="+head) {
				t.Errorf("%s sent %q, and the head was %q", command, sent, head)
			}
		}
		if report, err := journal.Verify(j.Path()); err != nil || report.Entries < 4 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

// A head is found wherever it stands, and once, however often it does.
func TestAnchorsOfEvents(t *testing.T) {
	events := []Event{
		{Kind: "approval", Sentence: "approved for production: go " + anchored("", "REQ1", "57:9f8e7d6c5b4a@1a2b3c4d")},
		{Kind: "approval", Sentence: "approved for production: without a journal " + anchored("", "REQ2", "")},
		{Kind: "deployment", Sentence: "rollback of v1: " + anchored("errors", "REQ3", "59:aaaaaaaaaaaa@1a2b3c4d")},
		{Kind: "hold", Sentence: anchored("errors", "REQ3", "59:aaaaaaaaaaaa@1a2b3c4d")},
		{Kind: "run", Sentence: "started: [deployctl req=REQ4 journal=x"},
	}
	got := Anchors(events)
	if len(got) != 2 || got[0].Request != "REQ1" || got[0].Head != "57:9f8e7d6c5b4a@1a2b3c4d" || got[1].Request != "REQ3" || got[1].Event.Kind != "deployment" {
		t.Errorf("%+v", got)
	}
}

// A hold tells its steps, from the lock that a rollback took to what came of it.
func TestHoldEvents(t *testing.T) {
	w := newWorld(longAgo)
	w.holds = map[string]Hold{"production": {Token: "c2"}}
	w.commits["c2"] = Commit{SHA: "c2", Title: "Hold production: it was bad", Message: "Hold production: it was bad\n[deployctl req=REQ5]", Author: "alice", Committed: longAgo.Add(time.Minute), Parents: []string{"c1"}}
	w.commits["c1"] = Commit{SHA: "c1", Title: "Hold production: rolling back", Author: "alice", Committed: longAgo}
	got, err := HoldEvents(t.Context(), w)
	if err != nil || len(got) != 2 || got[0].Sentence != "rolling back" || got[1].Sentence != "it was bad [deployctl req=REQ5]" || got[1].Environment != "production" || got[1].Actor != "alice" {
		t.Errorf("%+v, %v", got, err)
	}
	w.fail["Holds"] = errDown
	if _, err := HoldEvents(t.Context(), w); err == nil {
		t.Error("holds that cannot be read are none")
	}
}
