package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const productionRun = 100

func TestApprovalIsSentOnceAndJournalledFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(time.Now()), &record{}
		o := operatorOver(start(t, w), w, r)
		p, err := o.PlanReview(t.Context(), ReviewRequest{RunID: productionRun})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range p.Gates {
			if g.Blocks() || g.NeedsAck() {
				t.Errorf("%s stands in the way of a good release: %s", g.ID, g.Sentence)
			}
		}
		w.change(func(w *world) {
			w.onSend = func(*world, string) error {
				if len(r.kinds) != 1 || r.kinds[0] != "intent approve" {
					t.Errorf("sent before the intent was written: %v", r.kinds)
				}
				return nil
			}
		})
		got, err := o.Execute(t.Context(), p, Confirmation{Comment: "ship it"})
		if err != nil || got.Outcome != OutcomeDone {
			t.Fatalf("outcome %q %q, %v", got.Outcome, got.Sentence, err)
		}
		if n := sentCount(w, "review 100 [7] true ship it [deployctl req="); n != 1 || len(w.sent) != 1 {
			t.Errorf("sent %v", w.sent)
		}
		if !strings.Contains(w.sent[0], "journal=head") {
			t.Errorf("the comment does not anchor the journal: %s", w.sent[0])
		}
		if want := []string{"intent approve", "receipt approve"}; strings.Join(r.kinds, ";") != strings.Join(want, ";") {
			t.Errorf("journal %v, want %v", r.kinds, want)
		}
	})
}

// An approval binds to what was shown: any difference refuses, nothing is sent,
// and the refusal leaves a receipt with what was seen and what is.
func TestAnApprovalIsVoidedByAnyChange(t *testing.T) {
	tests := map[string]struct {
		change func(*world)
		code   string
	}{
		"another attempt": {func(w *world) { w.runs[0].Attempt = 2 }, "run_attempt_changed"},
		"live changed": {func(w *world) {
			w.services["shop-production"][0] = service("orders", "older", shaOlder)
		}, "live_changed"},
		"somebody decided": {func(w *world) { delete(w.pending, productionRun) }, "gone"},
		"a check failed": {func(w *world) {
			w.checks = []Check{{Name: "test", Status: StatusCompleted, Conclusion: ConclusionFailure}}
		}, "checks_failed"},
		"checks unreadable": {func(w *world) { w.fail["Checks"] = Errorf(KindUnavailable, "502") }, "checks_failed"},
		"a newer run": {func(w *world) {
			w.runs = append(w.runs, Run{ID: 101, Workflow: "cd-production.yml", Number: 13, Status: StatusWaiting, SHA: shaNew})
		}, "superseded"},
		"staging moved on": {func(w *world) {
			w.services["shop-staging"] = []ServiceState{service("orders", "live", shaLive), service("users", "live", shaLive)}
			w.deployments["staging"] = append([]Deployment{deployed(14, "staging", shaLive, "live", time.Now(), "new")}, w.deployments["staging"]...)
		}, "staging_moved_on"},
		"staging never kept it": {func(w *world) {
			w.services["shop-staging"] = []ServiceState{service("orders", "live", shaLive), service("users", "live", shaLive)}
		}, "not_staged"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, r := newWorld(time.Now()), &record{}
				o := operatorOver(start(t, w), w, r)
				p, err := o.PlanReview(t.Context(), ReviewRequest{RunID: productionRun})
				if err != nil {
					t.Fatal(err)
				}
				w.change(tt.change)
				got, err := o.Execute(t.Context(), p, Confirmation{Comment: "ship it"})
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != OutcomeRefused || len(w.sent) != 0 {
					t.Fatalf("outcome %q (%s), sent %v", got.Outcome, got.Sentence, w.sent)
				}
				found := false
				for _, d := range got.Differences {
					found = found || d.Code == tt.code && d.Seen != d.Is
				}
				if !found {
					t.Errorf("no difference %s in %+v", tt.code, got.Differences)
				}
				if len(r.kinds) != 1 || r.kinds[0] != "receipt approve" {
					t.Errorf("journal %v", r.kinds)
				}
			})
		})
	}
}

func TestRollbackGoesOnWithoutFitness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(time.Now()), &record{}
		o := operatorOver(start(t, w), w, r)
		p, err := o.PlanRollback(t.Context(), RollbackRequest{Environment: "production"})
		if err != nil {
			t.Fatal(err)
		}
		if p.Intent.Deployment != 2 || p.Intent.LiveSHA != shaLive {
			t.Fatalf("chose deployment %d leaving %s", p.Intent.Deployment, p.Intent.LiveSHA)
		}
		w.change(func(w *world) {
			w.fail["Alarms"], w.fail["Compare"] = Errorf(KindUnavailable, "502"), Errorf(KindUnavailable, "502")
		})
		got, err := o.Execute(t.Context(), p, Confirmation{Reason: "errors on checkout", Typed: "ROLLBACK"})
		if err != nil || got.Outcome != OutcomeDone {
			t.Fatalf("outcome %q %q %v, %v", got.Outcome, got.Sentence, got.Differences, err)
		}
		if len(w.sent) != 2 || !strings.HasPrefix(w.sent[0], "lock production") || !strings.Contains(w.sent[1], "deployment_id:2") || !strings.Contains(w.sent[1], "confirm:ROLLBACK") {
			t.Errorf("sent %v", w.sent)
		}
	})
}

func TestRollbackRefusesAChangedWorld(t *testing.T) {
	tests := map[string]struct {
		change func(*world)
		code   string
	}{
		"live changed": {func(w *world) {
			w.services["shop-production"] = []ServiceState{service("orders", "new", shaNew), service("users", "new", shaNew)}
		}, "live_changed"},
		"a rollout began":   {func(w *world) { w.runs[0].Status = StatusInProgress }, "rollout_in_flight"},
		"the image is gone": {func(w *world) { w.images[digest("users", "older")] = ImageState{} }, "image_missing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, r := newWorld(time.Now()), &record{}
				o := operatorOver(start(t, w), w, r)
				p, err := o.PlanRollback(t.Context(), RollbackRequest{Environment: "production"})
				if err != nil {
					t.Fatal(err)
				}
				w.change(tt.change)
				got, err := o.Execute(t.Context(), p, Confirmation{Reason: "errors on checkout", Typed: "ROLLBACK"})
				if err != nil || got.Outcome != OutcomeRefused || len(w.sent) != 0 {
					t.Fatalf("outcome %q, sent %v, %v", got.Outcome, w.sent, err)
				}
				if got.Code != tt.code {
					t.Errorf("code %q, want %q: %+v", got.Code, tt.code, got.Differences)
				}
			})
		})
	}
}

// After a time-out the effect is looked for before anything is said, and
// nothing is sent again.
func TestADoubtfulAnswerIsNeverSentAgain(t *testing.T) {
	for name, arrived := range map[string]bool{"it arrived": true, "it was lost": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, r := newWorld(time.Now()), &record{}
				o := operatorOver(start(t, w), w, r)
				p, err := o.PlanReview(t.Context(), ReviewRequest{RunID: productionRun})
				if err != nil {
					t.Fatal(err)
				}
				w.change(func(w *world) {
					w.onSend = func(w *world, what string) error {
						if arrived {
							w.decided(productionRun, what)
						}
						return &Error{Kind: KindUnavailable, Message: "no answer", Err: context.DeadlineExceeded}
					}
				})
				got, err := o.Execute(t.Context(), p, Confirmation{Comment: "ship it"})
				if err != nil {
					t.Fatal(err)
				}
				want := OutcomeUnknown
				if arrived {
					want = OutcomeDone
				}
				if got.Outcome != want || len(w.sent) != 1 {
					t.Errorf("outcome %q, sent %d times; want %q, once", got.Outcome, len(w.sent), want)
				}
			})
		})
	}
}

func TestTheRunOfADispatchIsFoundOrNotGuessed(t *testing.T) {
	tests := map[string]struct {
		change func(*world)
		want   Outcome
	}{
		"by its id":         {func(w *world) {}, OutcomeDone},
		"by the request id": {func(w *world) { w.answerRunID = false }, OutcomeDone},
		"two that could be it": {func(w *world) {
			w.answerRunID = false
			w.files["cd-staging.yml"] = WorkflowFile{Path: "cd-staging.yml", Dispatchable: true}
			w.onSend = func(w *world, _ string) error {
				w.runs = append(w.runs, Run{ID: 900, Workflow: "cd-staging.yml", Event: "workflow_dispatch", Branch: "main", Actor: "alice", Created: time.Now()})
				return nil
			}
		}, OutcomeUnseen},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, r := newWorld(time.Now()), &record{}
				w.change(tt.change)
				o := operatorOver(start(t, w), w, r)
				p, err := o.PlanTrigger(t.Context(), TriggerRequest{Workflow: "cd-staging.yml"})
				if err != nil {
					t.Fatal(err)
				}
				got, err := o.Execute(t.Context(), p, Confirmation{})
				if err != nil || got.Outcome != tt.want {
					t.Errorf("outcome %q (%s), %v; want %q", got.Outcome, got.Sentence, err, tt.want)
				}
				if len(w.sent) != 1 {
					t.Errorf("sent %v", w.sent)
				}
			})
		})
	}
}

// Without a journal an approval refuses, and a rollback goes on with a loud
// warning.
func TestAJournalThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(time.Now()), &record{fail: errors.New("disk full")}
		o := operatorOver(start(t, w), w, r)
		p, err := o.PlanReview(t.Context(), ReviewRequest{RunID: productionRun})
		if err != nil {
			t.Fatal(err)
		}
		got, _ := o.Execute(t.Context(), p, Confirmation{Comment: "ship it"})
		if got.Outcome != OutcomeRefused || got.Code != "journal_unwritable" || len(w.sent) != 0 {
			t.Errorf("approval: %q %q, sent %v", got.Outcome, got.Code, w.sent)
		}
		p, err = o.PlanRollback(t.Context(), RollbackRequest{Environment: "production"})
		if err != nil {
			t.Fatal(err)
		}
		got, _ = o.Execute(t.Context(), p, Confirmation{Reason: "errors on checkout", Typed: "ROLLBACK"})
		if got.Outcome != OutcomeDone || !strings.Contains(got.Warning, "disk full") {
			t.Errorf("rollback: %q, warning %q", got.Outcome, got.Warning)
		}
	})
}

func TestConfirmationsThatLackSomething(t *testing.T) {
	p := Plan{Intent: Intent{Kind: PlanRollback}, Typed: "ROLLBACK", Reason: 10, Gates: []Gate{{ID: "R13", Code: "no_backup", Ack: "backup", Verdict: Unknown, Effect: Acknowledge}}}
	good := Confirmation{Reason: "ten letters", Typed: "ROLLBACK", Acks: []string{"backup"}}
	tests := map[string]struct {
		change func(*Confirmation)
		kind   ErrorKind
	}{
		"whole":            {func(*Confirmation) {}, ""},
		"by id":            {func(c *Confirmation) { c.Acks = []string{"R13"} }, ""},
		"short reason":     {func(c *Confirmation) { c.Reason = "too short" }, KindUsage},
		"wrong word":       {func(c *Confirmation) { c.Typed = "rollback" }, KindUsage},
		"not acknowledged": {func(c *Confirmation) { c.Acks = nil }, KindRefused},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := good
			tt.change(&c)
			if got := KindOf(validate(p, c)); got != tt.kind {
				t.Errorf("got %q, want %q", got, tt.kind)
			}
		})
	}
}

func TestInputsAreCheckedAgainstTheFile(t *testing.T) {
	tests := []struct {
		inputs map[string]string
		want   string // part of the sentence; empty: good
	}{
		{nil, ""},
		{map[string]string{"scope": "orders", "debug": "true", "replicas": "3"}, ""},
		{map[string]string{"scope": "nothing"}, "one of all, orders"},
		{map[string]string{"debug": "yes"}, "true or false"},
		{map[string]string{"replicas": "three"}, "a number"},
		{map[string]string{"color": "red"}, `no input "color"`},
		{map[string]string{"scope": ""}, "scope is required"},
	}
	f := newWorld(time.Time{}).files["cd-staging.yml"]
	for _, tt := range tests {
		got, err := checkInputs(f, TriggerRequest{Workflow: "cd-staging.yml", Ref: "main", Inputs: tt.inputs})
		switch {
		case tt.want == "" && (err != nil || got["scope"] == ""):
			t.Errorf("%v: %v, %v", tt.inputs, got, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || KindOf(err) != KindUsage):
			t.Errorf("%v: %v, want %q", tt.inputs, err, tt.want)
		}
	}
}
