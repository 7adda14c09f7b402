package sheet_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/sheet"
)

func TestStartAsksForThePlanOfExactlyWhatWasChosen(t *testing.T) {
	run := failedRun()
	for name, tt := range map[string]struct {
		s    sheet.Sheet
		want sheet.PlanWanted
	}{
		"approve": {sheet.NewReview(approval()), sheet.PlanWanted{
			Kind: pipeline.PlanApprove, Review: pipeline.ReviewRequest{RunID: 212, Environment: "production", SHA: scene.Fix.SHA},
		}},
		"reject": {sheet.NewReject(approval()), sheet.PlanWanted{
			Kind: pipeline.PlanReject, Review: pipeline.ReviewRequest{RunID: 212, Environment: "production", SHA: scene.Fix.SHA, Reject: true},
		}},
		"rollback": {sheet.NewRollback(pipeline.RollbackRequest{Environment: "production", To: 9302}), sheet.PlanWanted{
			Kind: pipeline.PlanRollback, Rollback: pipeline.RollbackRequest{Environment: "production", To: 9302, Halt: true},
		}},
		"rerun":  {sheet.NewRerun(run, pipeline.Job{}, false), sheet.PlanWanted{Kind: pipeline.PlanRerun, Run: pipeline.RunRequest{RunID: 1180, FailedOnly: true}}},
		"cancel": {sheet.NewCancel(run), sheet.PlanWanted{Kind: pipeline.PlanCancel, Run: pipeline.RunRequest{RunID: 1180}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := open(t, tt.s).last.(sheet.PlanWanted)
			got.Ticket = sheet.Ticket{}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("asked for %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestEnterIsIgnoredUntilTheSheetHasSettled(t *testing.T) {
	d := openApproval(t)
	fillApproval(d).toButton("Approve a1b2c3d")
	d.now = scene.Now.Add(sheet.Settle - time.Millisecond)
	if a := d.keys(tea.KeyEnter); a != nil {
		t.Fatalf("Enter %v after the plan came asked for %T", sheet.Settle-time.Millisecond, a)
	}
	d.now = scene.Now.Add(sheet.Settle)
	if _, ok := d.keys(tea.KeyEnter).(sheet.Confirm); !ok {
		t.Fatalf("Enter after %v did not confirm: %T", sheet.Settle, d.last)
	}
}

func TestEnterIsIgnoredAfterARenewalThatChangedSomething(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*pipeline.Plan)
		sent   bool
	}{
		"nothing changed": {func(*pipeline.Plan) {}, true},
		"only time went by": {func(p *pipeline.Plan) {
			p.Gates[0].Sentence = strings.Replace(p.Gates[0].Sentence, "22m", "23m", 1)
		}, true},
		"a sentence changed": {func(p *pipeline.Plan) {
			p.Gates[1].Sentence = "required checks: 8 of 8 on a1b2c3d"
		}, false},
		"a verdict changed": {func(p *pipeline.Plan) { p.Gates[4].Verdict = pipeline.Unknown }, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := openApproval(t)
			fillApproval(d).toButton("Approve a1b2c3d")
			d.after(time.Minute)
			p := approvePlan()
			p.Intent.SeenAt = d.now
			tt.change(&p)
			d.planned(p)
			_, sent := d.keys(tea.KeyEnter).(sheet.Confirm)
			if sent != tt.sent {
				t.Errorf("Enter right after the renewal: confirmed %v, want %v", sent, tt.sent)
			}
		})
	}
}

func TestEnterInTheLastFieldNeedsAFreshEnterOnTheButton(t *testing.T) {
	d := openApproval(t)
	fillApproval(d).settle()
	d.keys(tea.KeyEnter)
	if got := d.focused(); got != "Approve a1b2c3d" {
		t.Fatalf("Enter in the comment went to %q", got)
	}
	if a := d.keys(tea.KeyEnter); a != nil {
		t.Errorf("the second Enter at once asked for %T", a)
	}
	if a := d.settle().send(tea.KeyPressMsg{Code: tea.KeyEnter, IsRepeat: true}); a != nil {
		t.Errorf("Enter held down asked for %T", a)
	}
	if _, ok := d.keys(tea.KeyEnter).(sheet.Confirm); !ok {
		t.Error("a fresh Enter did not confirm")
	}
}

func TestConfirmCarriesThePlanShownAndWhatWasTyped(t *testing.T) {
	d := openApproval(t)
	c, ok := fillApproval(d).toButton("Approve a1b2c3d").enter().(sheet.Confirm)
	if !ok {
		t.Fatalf("asked for %T", d.last)
	}
	if !reflect.DeepEqual(c.Plan, approvePlan()) {
		t.Errorf("confirmed another plan: %+v", c.Plan)
	}
	want := pipeline.Confirmation{Comment: "on call: alice", Acks: []string{"payments", "alarms"}}
	if !reflect.DeepEqual(c.Confirmation, want) {
		t.Errorf("confirmed with %+v, want %+v", c.Confirmation, want)
	}
	d.sees("◐ Reading again every fact").sees("○ Sent, not yet seen")
	d.send(sheet.Progressed{Ticket: d.ticket(), Progress: pipeline.Progress{Stage: pipeline.StageSending}})
	d.sees("✓ Reading again every fact").sees("◐ Sending it, once")
	d.send(sheet.Progressed{Ticket: d.ticket(), Progress: pipeline.Progress{Stage: pipeline.StageObserving}})
	d.sees("◐ Sent, not yet seen")
	if d.enter(); !reflect.DeepEqual(d.last, sheet.Close{}) {
		t.Errorf("Enter while it is sent asked for %T", d.last)
	}
}

// world is a later snapshot, read after the plan was made.
func world(change func(*pipeline.Snapshot)) *pipeline.Snapshot {
	s := scene.Waiting()
	later := scene.Now.Add(5 * time.Second)
	s.Runs.At = later
	for i := range s.Environments {
		s.Environments[i].At = later
	}
	s.Runs.Value = slices.Clone(s.Runs.Value)
	change(s)
	return s
}

func TestLaterSnapshotsRaiseTheBannerAndNeverRetarget(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*pipeline.Snapshot)
		banner string
	}{
		"nothing changed": {func(*pipeline.Snapshot) {}, ""},
		"rows reordered":  {func(s *pipeline.Snapshot) { slices.Reverse(s.Runs.Value) }, ""},
		"other rows removed": {func(s *pipeline.Snapshot) {
			s.Runs.Value = slices.DeleteFunc(s.Runs.Value, func(r pipeline.Run) bool { return r.ID != 212 })
		}, ""},
		"the run is gone": {func(s *pipeline.Snapshot) {
			s.Runs.Value = slices.DeleteFunc(s.Runs.Value, func(r pipeline.Run) bool { return r.ID == 212 })
			s.Approvals = nil
		}, "changed: run 212 is no longer among the newest runs"},
		"another run took its place": {func(s *pipeline.Snapshot) {
			s.Runs.Value[0].ID, s.Runs.Value[0].Number, s.Runs.Value[0].SHA = 213, 213, scene.Tax.SHA
		}, "changed: run 212 is no longer among the newest runs"},
		"a new attempt": {func(s *pipeline.Snapshot) { s.Runs.Value[0].Attempt = 2 }, "changed: run #212 is at attempt 2 now"},
		"approved by another": {
			func(s *pipeline.Snapshot) { s.Runs.Value[0].Status = pipeline.StatusInProgress },
			"changed: run #212 waits no more: it is in progress",
		},
		"cancelled": {func(s *pipeline.Snapshot) {
			s.Runs.Value[0].Status, s.Runs.Value[0].Conclusion = pipeline.StatusCompleted, pipeline.ConclusionCancelled
		}, "changed: run #212 waits no more: it is cancelled"},
		"another release went live": {
			func(s *pipeline.Snapshot) { s.Environment("production").Live.Release = scene.Older },
			"changed: production runs 1a2b3c4 now, not 9f8e7d6",
		},
		"held": {func(s *pipeline.Snapshot) {
			s.Environment("production").Hold = &pipeline.Hold{Owner: "carol", Reason: "incident 7"}
		}, "changed: production is held: carol, incident 7"},
		"the lane was taken": {func(s *pipeline.Snapshot) {
			s.Environment("production").Lane.Holder = &pipeline.LaneMember{Run: pipeline.Run{ID: 213, Number: 213}}
		}, "changed: #213 holds the lane of production now"},
	} {
		t.Run(name, func(t *testing.T) {
			d := openApproval(t)
			before := world(func(*pipeline.Snapshot) {})
			d.s.Observe(before, d.now)
			fillApproval(d).toButton("Approve a1b2c3d").settle()
			rows := map[[2]int]string{{120, 60}: "", {80, 24}: "", {80, 12}: ""}
			for size := range rows {
				rows[size] = d.text(size[0], size[1])
			}
			d.s.Observe(world(tt.change), d.now)
			if tt.banner == "" {
				if got := d.misses("changed:").text(120, 60); got != rows[[2]int{120, 60}] {
					t.Errorf("the sheet changed without a banner:\n%s", got)
				}
			} else {
				d.sees(tt.banner)
				for size, before := range rows {
					onlyTheNoticeDiffers(t, before, d.text(size[0], size[1]))
				}
				if a := d.keys(tea.KeyEnter); a != nil {
					t.Errorf("Enter right after the banner came asked for %T", a)
				}
			}
			c, ok := d.enter().(sheet.Confirm)
			if !ok {
				t.Fatalf("asked for %T", d.last)
			}
			if !reflect.DeepEqual(c.Plan, approvePlan()) {
				t.Errorf("confirmed another plan than the one shown: %+v", c.Plan.Intent)
			}
		})
	}
}

// onlyTheNoticeDiffers fails if a banner moved or hid any row but the one that
// it stands on.
func onlyTheNoticeDiffers(t *testing.T, before, after string) {
	t.Helper()
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	if len(a) != len(b) {
		t.Errorf("the sheet grew from %d to %d rows:\n%s", len(a), len(b), after)
		return
	}
	for i := range a {
		if a[i] != b[i] && !strings.Contains(b[i], "changed: ") {
			t.Errorf("row %d was %q, is %q", i, a[i], b[i])
		}
	}
	if !strings.Contains(after, "changed: ") {
		t.Errorf("there is no notice:\n%s", after)
	}
}

func TestNothingMovesWhileOneTypes(t *testing.T) {
	for _, size := range [][2]int{{120, 40}, {80, 24}, {60, 20}, {40, 40}} {
		d := openApproval(t)
		find := func() (rows []int) {
			for i, l := range strings.Split(d.text(size[0], size[1]), "\n") {
				if strings.Contains(l, "ago") || strings.Contains(l, "[ ") || strings.Contains(l, "Comment") {
					rows = append(rows, i)
				}
			}
			return rows
		}
		before := find()
		d.write("payments").keys(tea.KeyTab)
		d.write("alarms").keys(tea.KeyTab)
		if d.write("on call: alice"); !slices.Equal(find(), before) {
			t.Errorf("at %v rows moved from %v to %v", size, before, find())
		}
	}
}

func TestAnOlderSnapshotRaisesNoBanner(t *testing.T) {
	d := openApproval(t)
	old := world(func(s *pipeline.Snapshot) {
		s.Environment("production").Live.Release = scene.Older
		s.Runs.Value[0].Attempt = 2
	})
	old.Runs.At = scene.Now.Add(-time.Minute)
	for i := range old.Environments {
		old.Environments[i].At = scene.Now.Add(-time.Minute)
	}
	d.s.Observe(old, d.now)
	d.misses("changed:")
}

// What a plan did not wait for is read once it is there, and not at the end of
// the evidence's life.
func TestAwaitedEvidenceIsReadWhenItHasCome(t *testing.T) {
	compared := func(at time.Time) *pipeline.Snapshot {
		return world(func(s *pipeline.Snapshot) { s.Environment("production").Errors.At = at })
	}
	for _, awaited := range []bool{true, false} {
		p := rollbackPlan(9310)
		p.Awaited = awaited
		d := open(t, sheet.NewRollback(pipeline.RollbackRequest{Environment: "production"})).planned(p)
		d.s.Observe(compared(d.now.Add(-time.Minute)), d.now)
		if _, asks := d.after(5 * time.Second).last.(sheet.RenewWanted); asks {
			t.Errorf("awaited %v: an older comparison is no news", awaited)
		}
		d.s.Observe(compared(d.now), d.now)
		if _, asks := d.after(time.Second).last.(sheet.RenewWanted); asks != awaited {
			t.Errorf("awaited %v: asks to read again %v", awaited, asks)
		}
	}
}

func TestTypedTextSurvivesRenewal(t *testing.T) {
	d := openApproval(t)
	fillApproval(d)
	if _, ok := d.after(pipeline.EvidenceLife - 10*time.Second).last.(sheet.RenewWanted); ok {
		t.Fatal("the evidence was renewed before its time")
	}
	d.after(10 * time.Second)
	r, ok := d.last.(sheet.RenewWanted)
	if !ok {
		t.Fatalf("after %v the sheet asked for %T", pipeline.EvidenceLife, d.last)
	}
	if !reflect.DeepEqual(r.Plan, approvePlan()) {
		t.Error("another plan is renewed than the one shown")
	}
	d.sees("reading the evidence again; what you typed stays").write("!")
	p := approvePlan()
	p.Intent.SeenAt = d.now
	slices.Reverse(p.Gates) // whatever order they come in, no row may move
	rows := strings.Split(d.text(120, 60), "\n")
	d.planned(p).sees("on call: alice!").sees("evidence refreshes in 60 s")
	for i, l := range strings.Split(d.text(120, 60), "\n") {
		if strings.Contains(rows[i], "ago") && l != rows[i] {
			t.Errorf("row %d moved: %q, was %q", i, l, rows[i])
		}
	}
	c, ok := d.toButton("Approve a1b2c3d").enter().(sheet.Confirm)
	if !ok {
		t.Fatalf("asked for %T", d.last)
	}
	if c.Confirmation.Comment != "on call: alice!" || !slices.Equal(c.Confirmation.Acks, []string{"payments", "alarms"}) {
		t.Errorf("confirmed with %+v", c.Confirmation)
	}
	if c.Plan.Intent.SeenAt != p.Intent.SeenAt {
		t.Error("confirmed the plan of before the renewal")
	}
}

func TestARenewalThatFailsIsToldAndTriedAgain(t *testing.T) {
	d := openApproval(t)
	fillApproval(d).after(time.Minute).refuse(unavailable())
	d.sees("not read again: GitHub answered 502 Bad Gateway").sees("next try in 15 s")
	first := d.ticket()
	if d.after(5 * time.Second); d.ticket() != first {
		t.Error("a source that is down is asked again after 5 s")
	}
	if d.after(10 * time.Second); d.ticket() == first {
		t.Error("the renewal was not tried again after 15 s")
	}
}

func TestOldEvidenceStopsAnApprovalButNotARollback(t *testing.T) {
	approve := openApproval(t)
	fillApproval(approve).after(time.Minute).refuse(unavailable())
	if _, ok := approve.toButton("Approve a1b2c3d").enter().(sheet.Confirm); ok {
		t.Error("an approval was confirmed on evidence that could not be read again")
	}
	back := openRollback(t)
	fillRollback(back).after(time.Minute).refuse(unavailable())
	if _, ok := back.toButton("Roll back to 9f8e7d6").enter().(sheet.Confirm); !ok {
		t.Errorf("a source that is down stopped a rollback: %T", back.last)
	}
}

func TestWhatIsMissingIsSaidAndNothingIsSent(t *testing.T) {
	for name, tt := range map[string]struct {
		plan pipeline.Plan
		fill func(*desk)
		want string
	}{
		"nothing typed":     {approvePlan(), func(*desk) {}, "missing: 2 acknowledgements, a comment"},
		"one accepted":      {approvePlan(), func(d *desk) { d.write("payments") }, "missing: 1 acknowledgement, a comment"},
		"the wrong word":    {approvePlan(), func(d *desk) { fillApproval(d).keys(tea.KeyUp, tea.KeyUp); d.erase(8).write("payment") }, "missing: 1 acknowledgement"},
		"the wrong case":    {approvePlan(), func(d *desk) { fillApproval(d).keys(tea.KeyUp, tea.KeyUp); d.erase(8).write("Payments") }, "missing: 1 acknowledgement"},
		"a blank comment":   {approvePlan(), func(d *desk) { fillApproval(d).erase(14).write("   ") }, "missing: a comment"},
		"refused by a gate": {blockedPlan(), func(*desk) {}, "refused by 1 check"},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, sheet.NewReview(approval())).planned(tt.plan)
			tt.fill(d)
			d.sees(tt.want)
			if a := d.toButton("Approve a1b2c3d").enter(); a != nil {
				t.Errorf("asked for %T", a)
			}
		})
	}
}

func TestRollbackWantsItsWordAndItsReason(t *testing.T) {
	for name, tt := range map[string]struct {
		reason, word, want string
	}{
		"nothing":          {"", "", "missing: a reason, the word ROLLBACK"},
		"reason too short": {"too short", "ROLLBACK", "missing: a reason"},
		"blanks count not": {"short     ", "ROLLBACK", "missing: a reason"},
		"no word":          {"long enough", "", "missing: the word ROLLBACK"},
		"wrong word":       {"long enough", "ROLLBAK", "not ROLLBACK"},
		"wrong case":       {"long enough", "rollback", "not ROLLBACK"},
	} {
		t.Run(name, func(t *testing.T) {
			d := openRollback(t)
			d.write(tt.reason).keys(tea.KeyTab)
			d.write(tt.word).sees(tt.want)
			if a := d.toButton("Roll back to 9f8e7d6").enter(); a != nil {
				t.Errorf("asked for %T", a)
			}
		})
	}
	d := openRollback(t)
	d.write("ten chars!").keys(tea.KeyTab)
	c, ok := d.write("ROLLBACK").toButton("Roll back to 9f8e7d6").enter().(sheet.Confirm)
	if !ok {
		t.Fatalf("asked for %T", d.last)
	}
	if want := (pipeline.Confirmation{Reason: "ten chars!", Typed: "ROLLBACK"}); !reflect.DeepEqual(c.Confirmation, want) {
		t.Errorf("confirmed with %+v, want %+v", c.Confirmation, want)
	}
}

func TestAnotherCandidateIsAnotherPlanWithItsOwnButton(t *testing.T) {
	d := openRollback(t)
	fillRollback(d).keys(tea.KeyUp, tea.KeyUp) // to the candidates
	first := d.ticket()
	want, ok := d.keys(tea.KeyDown).(sheet.PlanWanted)
	if !ok {
		t.Fatalf("choosing asked for %T", d.last)
	}
	if want.Rollback.To != 9306 {
		t.Errorf("asked for a plan to %d, want 9306", want.Rollback.To)
	}
	if d.misses("Roll back to 9f8e7d6").enter(); reflect.DeepEqual(d.last, sheet.Confirm{}) {
		t.Error("confirmed while the new plan was being made")
	}
	d.send(sheet.Planned{Ticket: first, Plan: rollbackPlan(9310)})
	d.misses("Roll back to 9f8e7d6")
	d.last = want
	d.planned(rollbackPlan(9306)).sees("[ Roll back to 5c4d3e2 ]").sees("KeyError sku on checkout")
	c, ok := d.toButton("Roll back to 5c4d3e2").enter().(sheet.Confirm)
	if !ok {
		t.Fatalf("asked for %T", d.last)
	}
	if c.Plan.Intent.Deployment != 9306 || c.Plan.Intent.SHA != scene.Retry.SHA {
		t.Errorf("confirmed deployment %d at %s", c.Plan.Intent.Deployment, c.Plan.Intent.SHA)
	}
}

func TestDryRunSendsNothing(t *testing.T) {
	d := openRollback(t)
	fillRollback(d).toButton("Dry run").enter()
	d.sees("Nothing is sent").sees("dispatches rollback.yml with deployment_id 9310").sees("gh workflow run rollback.yml")
	d.keys(tea.KeyEscape)
	d.sees("[ Roll back to 9f8e7d6 ]").sees("KeyError sku on checkout")
	if _, ok := d.last.(sheet.Confirm); ok {
		t.Error("a dry run was confirmed")
	}
}

func TestCopyIsTheCommandOfThePlan(t *testing.T) {
	d := openRollback(t)
	c, ok := d.toButton("Copy the gh command").enter().(sheet.Copy)
	if !ok || c.Text != rollbackPlan(9310).Command {
		t.Errorf("asked for %+v", d.last)
	}
}

func TestClosingNeverConfirms(t *testing.T) {
	stages := map[string]func(*testing.T) *desk{
		"checking": func(t *testing.T) *desk { return open(t, sheet.NewReview(approval())) },
		"ready":    func(t *testing.T) *desk { return fillApproval(openApproval(t)) },
		"sending": func(t *testing.T) *desk {
			d := fillApproval(openApproval(t)).toButton("Approve a1b2c3d")
			d.enter()
			return d
		},
		"failed": func(t *testing.T) *desk { return open(t, sheet.NewReview(approval())).refuse(unavailable()) },
	}
	for name, stage := range stages {
		t.Run(name+" by Esc", func(t *testing.T) {
			if a := stage(t).settle().keys(tea.KeyEscape); a != (sheet.Close{}) {
				t.Errorf("Esc asked for %T", a)
			}
		})
	}
	if a := fillApproval(openApproval(t)).toButton("Not now").enter(); a != (sheet.Close{}) {
		t.Errorf("Not now asked for %T", a)
	}
}

func TestNoLetterActs(t *testing.T) {
	d := fillApproval(openApproval(t)).toButton("Approve a1b2c3d").settle()
	for r := 'a'; r <= 'z'; r++ {
		for _, m := range []tea.KeyPressMsg{{Code: r, Text: string(r)}, {Code: r, Mod: tea.ModAlt}, {Code: r, Mod: tea.ModShift, Text: strings.ToUpper(string(r))}} {
			if _, ok := d.send(m).(sheet.Confirm); ok {
				t.Errorf("%s confirmed", m.Keystroke())
			}
		}
		d.toButton("Approve a1b2c3d")
	}
	if _, ok := d.send(tea.KeyPressMsg{Code: tea.KeySpace, Text: " "}).(sheet.Confirm); ok {
		t.Error("space confirmed")
	}
	typing := openApproval(t).settle()
	if a := typing.write("qyn"); a.last.(sheet.PlanWanted).Kind != pipeline.PlanApprove {
		t.Error("letters in a field acted")
	}
	typing.sees("> qyn")
}

func TestPastedTextIsSafeAndOneLine(t *testing.T) {
	d := openRollback(t)
	d.send(tea.PasteMsg{Content: "checkout \x1b[31mfails\x1b[0m\r\nsince \u202enoon\n"})
	d.sees("checkout fails since noon")
}

func TestRejectIsAPlanOfItsOwn(t *testing.T) {
	d := fillApproval(openApproval(t)).toButton("Reject")
	w, ok := d.enter().(sheet.PlanWanted)
	if !ok || w.Kind != pipeline.PlanReject || !w.Review.Reject || w.Review.RunID != 212 {
		t.Fatalf("Reject asked for %+v", d.last)
	}
	d.planned(rejectPlan()).sees("[ Reject a1b2c3d ]").sees("on call: alice")
	c, ok := d.toButton("Reject a1b2c3d").enter().(sheet.Confirm)
	if !ok || c.Plan.Intent.Kind != pipeline.PlanReject || c.Confirmation.Comment != "on call: alice" {
		t.Errorf("confirmed %+v", d.last)
	}
}

func TestRefusalShowsTheDifferencesAndLooksAgain(t *testing.T) {
	d := fillApproval(openApproval(t)).toButton("Approve a1b2c3d")
	d.enter()
	d.done(refused()).sees("Not sent: the world changed while you decided").
		sees("live_changed  payments  9f8e7d6   5c4d3e2").sees("Receipt 1182 is in the journal, 14:03:22")
	w, ok := d.enter().(sheet.PlanWanted)
	if !ok || w.Review.RunID != 212 {
		t.Fatalf("looking again asked for %+v", d.last)
	}
	d.planned(approvePlan()).sees("on call: alice")
}

func TestReceiptLeadsToTheRun(t *testing.T) {
	d := fillApproval(openApproval(t)).toButton("Approve a1b2c3d")
	d.enter()
	d.done(approved()).sees("production was approved for run #212; its jobs have started")
	if a := d.toButton("Show the run").enter(); a != (sheet.OpenRun{ID: 212}) {
		t.Errorf("asked for %+v", a)
	}
}

func TestLateAnswersAreDropped(t *testing.T) {
	d := fillApproval(openApproval(t)).toButton("Approve a1b2c3d")
	d.enter()
	confirm := d.ticket()
	d.done(approved())
	d.send(sheet.Done{Ticket: confirm, Receipt: refused()})
	d.sees("production was approved")
	other := open(t, sheet.NewReview(approval()))
	d.send(sheet.Done{Ticket: other.ticket(), Receipt: refused()})
	d.sees("production was approved")
}

func TestRunSheetsAreBoundToTheirRun(t *testing.T) {
	run := movingRun()
	d := open(t, sheet.NewCancel(run)).planned(runPlan(pipeline.PlanCancel, run))
	d.sees("cd-staging #341").sees("attempt 1").sees("develop").sees("a1b2c3d")
	if got := d.focused(); got != "Not now" {
		t.Errorf("cancelling begins on %q", got)
	}
	empty := scene.Waiting()
	empty.Runs.Value, empty.Runs.At = nil, scene.Now.Add(time.Second)
	d.s.Observe(empty, d.now)
	c, ok := d.toButton("Cancel #341").enter().(sheet.Confirm)
	if !ok || c.Plan.Intent.RunID != 341 {
		t.Errorf("asked for %+v", d.last)
	}
}

func TestSwitchesOfARerunAreAnotherPlan(t *testing.T) {
	run := failedRun()
	d := open(t, sheet.NewRerun(run, pipeline.Job{}, false)).planned(runPlan(pipeline.PlanRerun, run)).toButton("Re-run #1180").settle()
	d.keys(tea.KeyUp) // debug
	w, ok := d.keys(tea.KeySpace).(sheet.PlanWanted)
	if !ok || w.Run != (pipeline.RunRequest{RunID: 1180, FailedOnly: true, Debug: true}) {
		t.Errorf("asked for %+v", d.last)
	}
}

func TestMousePressesButtonsOnceSettled(t *testing.T) {
	d := openRollback(t)
	x, y := -1, -1
	for row, l := range strings.Split(d.text(120, 40), "\n") {
		if before, _, ok := strings.Cut(l, "[ Not now ]"); ok {
			x, y = len([]rune(before))+3, row
		}
	}
	click := tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft}
	if a := d.send(click); a != nil {
		t.Errorf("a click right after the plan came asked for %T", a)
	}
	if a := d.settle().send(click); a != (sheet.Close{}) {
		t.Errorf("a click on Not now at %d,%d asked for %T", x, y, a)
	}
}
