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
