package sheet_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/sheet"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// states are all that a sheet can look like.
func states() map[string]func(*testing.T) *desk {
	sent := func(t *testing.T) *desk {
		d := fillApproval(openApproval(t)).toButton("Approve a1b2c3d")
		d.enter()
		return d
	}
	return map[string]func(*testing.T) *desk{
		"approve-checking": func(t *testing.T) *desk { return open(t, sheet.NewReview(approval())).after(3 * time.Second) },
		"approve":          openApproval,
		"approve-typed":    func(t *testing.T) *desk { return fillApproval(openApproval(t)).after(12 * time.Second) },
		"approve-blocked": func(t *testing.T) *desk {
			return open(t, sheet.NewReview(approval())).planned(blockedPlan())
		},
		"approve-changed": func(t *testing.T) *desk {
			d := fillApproval(openApproval(t))
			d.s.Observe(world(func(s *pipeline.Snapshot) { s.Runs.Value[0].Attempt = 2 }), d.now)
			return d
		},
		"approve-renewing": func(t *testing.T) *desk { return fillApproval(openApproval(t)).after(time.Minute) },
		"approve-unrenewed": func(t *testing.T) *desk {
			return fillApproval(openApproval(t)).after(time.Minute).refuse(unavailable())
		},
		"reject":  func(t *testing.T) *desk { return open(t, sheet.NewReject(approval())).planned(rejectPlan()) },
		"sending": func(t *testing.T) *desk { return sent(t).after(4 * time.Second) },
		"done":    func(t *testing.T) *desk { return sent(t).done(approved()) },
		"refused": func(t *testing.T) *desk { return sent(t).done(refused()) },
		"unseen": func(t *testing.T) *desk {
			r := approved()
			r.Outcome, r.Sentence = pipeline.OutcomeUnseen, "run #212 still waits 30 s after the approval was sent"
			r.Warning = "NOT IN THE JOURNAL: no space left on device"
			return sent(t).done(r)
		},
		"failed":   func(t *testing.T) *desk { return open(t, sheet.NewReview(approval())).refuse(unavailable()) },
		"rollback": func(t *testing.T) *desk { return fillRollback(openRollback(t)) },
		"rollback-choosing": func(t *testing.T) *desk {
			d := openRollback(t)
			d.keys(tea.KeyUp, tea.KeyDown)
			return d
		},
		"rollback-schema": func(t *testing.T) *desk {
			return open(t, sheet.NewRollback(pipeline.RollbackRequest{Environment: "production"})).planned(schemaPlan())
		},
		"rollback-schema-typed": func(t *testing.T) *desk {
			return open(t, sheet.NewRollback(pipeline.RollbackRequest{Environment: "production"})).planned(schemaPlan()).write("SCHEMA shop-prod-2026-11-22-1357")
		},
		"rollback-dry": func(t *testing.T) *desk {
			d := openRollback(t).toButton("Dry run")
			d.enter()
			return d
		},
		"rerun": func(t *testing.T) *desk {
			return open(t, sheet.NewRerun(failedRun(), pipeline.Job{}, false)).planned(runPlan(pipeline.PlanRerun, failedRun()))
		},
		"rollback-halting": func(t *testing.T) *desk {
			d := fillRollback(open(t, sheet.NewRollback(pipeline.RollbackRequest{Environment: "production"})).planned(haltingPlan())).toButton("End it, roll back to 9f8e7d6")
			d.enter()
			for _, p := range []pipeline.Progress{
				{Stage: pipeline.StageSending},
				{Stage: pipeline.StageSending, Step: "asked run 212 to end; waiting until it has"},
				{Stage: pipeline.StageSending, Step: "cancelled run 212"},
				{Stage: pipeline.StageSending, Step: "stopped the ECS deployment of orders"},
				{Stage: pipeline.StageObserving},
			} {
				d.send(sheet.Progressed{Ticket: d.ticket(), Progress: p})
			}
			return d.after(9 * time.Second)
		},
		"rollback-halt": func(t *testing.T) *desk {
			return fillRollback(open(t, sheet.NewRollback(pipeline.RollbackRequest{Environment: "production"})).planned(haltingPlan()))
		},
		"stop": func(t *testing.T) *desk {
			return open(t, sheet.NewStop(pipeline.StopRequest{Environment: "production"})).planned(stopPlan())
		},
		"stop-refused": func(t *testing.T) *desk {
			return open(t, sheet.NewStop(pipeline.StopRequest{Environment: "production"})).planned(nothingToStop())
		},
		"stopped": func(t *testing.T) *desk {
			d := open(t, sheet.NewStop(pipeline.StopRequest{Environment: "production"})).planned(stopPlan())
			d.write("KeyError sku on checkout").toButton("Stop it").enter()
			return d.done(stopped())
		},
		"continue":      func(t *testing.T) *desk { return openPause(t, continuePlan(false)) },
		"continue-back": func(t *testing.T) *desk { return openPause(t, continuePlan(false)).turn(continuePlan(true)) },
		"continue-ill":  func(t *testing.T) *desk { return openPause(t, illPlan()) },
		"hold": func(t *testing.T) *desk {
			return open(t, sheet.NewHold("production", nil)).planned(holdPlan(pipeline.PlanLock, false)).write("incident 42, checkout fails")
		},
		"hold-local": func(t *testing.T) *desk {
			return open(t, sheet.NewHold("production", nil)).planned(holdPlan(pipeline.PlanLock, true))
		},
		"hold-lift": func(t *testing.T) *desk {
			return open(t, sheet.NewHold("production", held())).planned(holdPlan(pipeline.PlanUnlock, false))
		},
		"cancel": func(t *testing.T) *desk {
			return open(t, sheet.NewCancel(movingRun())).planned(runPlan(pipeline.PlanCancel, movingRun()))
		},
		"trigger-pick": func(t *testing.T) *desk { return open(t, sheet.NewTrigger(scene.Waiting(), "", "", "")) },
		"trigger":      func(t *testing.T) *desk { return openForm(t, "cd-staging.yml", stagingFile()) },
		"trigger-missing": func(t *testing.T) *desk {
			d := openForm(t, "cd-staging.yml", stagingFile()).toButton("Next")
			d.enter()
			return d
		},
		"trigger-rollback": func(t *testing.T) *desk { return openForm(t, "rollback.yml", rollbackFile()) },
		"trigger-plan": func(t *testing.T) *desk {
			d := openForm(t, "cd-staging.yml", stagingFile())
			d.keys(tea.KeyTab, tea.KeyTab, tea.KeyTab, tea.KeyTab, tea.KeyTab)
			d.write("because").toButton("Next").enter()
			return d.planned(triggerPlan())
		},
	}
}

// sizes are those that the screens are designed for, and one that they survive.
var sizes = [][2]int{{80, 24}, {120, 40}, {160, 45}, {200, 60}, {40, 10}}

func TestFrames(t *testing.T) {
	for name, state := range states() {
		t.Run(name, func(t *testing.T) {
			d := state(t)
			var b strings.Builder
			for _, size := range sizes {
				fmt.Fprintf(&b, "%dx%d\n%s\n\n", size[0], size[1], d.text(size[0], size[1]))
			}
			golden.RequireEqual(t, b.String())
		})
	}
}

// fits fails if lines are not of one width, or exceed a size, or if the cursor
// stands outside of them.
func fits(t *testing.T, d *desk, s *theme.Styles, width, height int) {
	t.Helper()
	lines := d.s.Lines(s, width, height, d.now)
	if len(lines) > height {
		t.Fatalf("%d rows on %d", len(lines), height)
	}
	for i, l := range lines {
		if strings.ContainsAny(l, "\n\r\t") {
			t.Fatalf("row %d breaks: %q", i, l)
		}
		if w := ansi.StringWidth(l); w > width || w != ansi.StringWidth(lines[0]) {
			t.Fatalf("row %d is %d cells wide, the first is %d, on %d: %q", i, w, ansi.StringWidth(lines[0]), width, ansi.Strip(l))
		}
	}
	if c := d.s.Cursor(); c != nil && (c.Y < 0 || c.Y >= len(lines) || c.X < 0 || c.X >= width) {
		t.Fatalf("the cursor stands at %d,%d on %dx%d", c.X, c.Y, width, height)
	}
}

func TestEveryStateFitsEverySize(t *testing.T) {
	if scene.RaceDetector {
		t.Skip("one goroutine draws, which is slow under the race detector")
	}
	looks := []*theme.Styles{styles, theme.New(theme.Options{Kind: theme.Mono, ASCII: true}), theme.New(theme.Options{Kind: theme.HighContrast, Light: true})}
	for name, state := range states() {
		t.Run(name, func(t *testing.T) {
			d := state(t)
			for _, width := range []int{1, 2, 4, 9, 21, 40, 61, 79, 101} {
				for _, height := range []int{1, 2, 4, 6, 10, 17, 24, 60} {
					fits(t, d, looks[(width+height)%len(looks)], width, height)
				}
			}
		})
	}
}

// wild are texts that have broken screens.
var wild = []string{
	"", "a", "日本語のコミットの題名をここに書く", "👩‍💻 emoji 👍🏽 and flags 🇪🇺", strings.Repeat("unbrokenword", 30),
	"länger als jede Spalte " + strings.Repeat("und länger ", 40), "e\u0301e\u0301e\u0301", "a-b-c-" + strings.Repeat("x-", 90), "  ", "日",
}

func TestRandomPlansFitRandomSizes(t *testing.T) {
	if scene.RaceDetector {
		t.Skip("one goroutine draws, which is slow under the race detector")
	}
	r := rand.New(rand.NewPCG(1, 2))
	text := func() string { return wild[r.IntN(len(wild))] }
	sha := func() string { return []string{"", "abc", scene.Fix.SHA, scene.Fix.Images["orders"]}[r.IntN(4)] }
	verdicts := []pipeline.Verdict{pipeline.Pass, pipeline.Fail, pipeline.Pending, pipeline.Unknown, pipeline.NotApplicable, ""}
	release := func() pipeline.Release {
		return pipeline.Release{SHA: sha(), Version: text(), Title: text(), Author: text()}
	}
	random := func() pipeline.Plan {
		p := rollbackPlan(9310)
		p.Title, p.Sends, p.Command = text(), text(), text()
		p.Preview.From, p.Preview.To, p.Comment, p.Typed = release(), release(), r.IntN(2) == 0, text()
		p.Gates = nil
		for i := range r.IntN(14) {
			g := gate(fmt.Sprint("G", i), text(), verdicts[r.IntN(len(verdicts))], pipeline.Severity(r.IntN(4)), text(), time.Duration(r.IntN(1e6))*time.Second)
			g.Ack, g.Remedy, g.Evidence, g.Title = text(), text(), []string{text(), text()}, text()
			p.Gates = append(p.Gates, g)
		}
		p.Candidates = nil
		for i := range r.IntN(12) {
			p.Candidates = append(p.Candidates, pipeline.Candidate{Deployment: pipeline.Deployment{ID: int64(i + 1)}, Release: release(), Verdict: verdicts[r.IntN(len(verdicts))], Reasons: []string{text()}})
		}
		p.Intent.Deployment = int64(r.IntN(12) + 1)
		p.Preview.Services = []pipeline.ServiceChange{{Service: text(), From: sha(), To: sha()}}
		p.Preview.Commits = []pipeline.Commit{{SHA: sha(), Title: text(), Author: text()}}
		return p
	}
	for range 30 {
		for _, s := range []sheet.Sheet{
			sheet.NewReview(pipeline.Approval{Environment: text(), Run: pipeline.Run{Workflow: text(), Number: r.IntN(1e9)}}),
			sheet.NewRollback(pipeline.RollbackRequest{Environment: text()}),
			sheet.NewCancel(pipeline.Run{Workflow: text(), Branch: text(), Title: text(), SHA: sha(), Status: pipeline.RunStatus(text())}),
		} {
			d := open(t, s).planned(random())
			for range r.IntN(6) {
				d.keys(tea.KeyTab)
			}
			d.write(text())
			for range 4 {
				fits(t, d, styles, 1+r.IntN(210), 1+r.IntN(64))
			}
			d.settle().keys(tea.KeyEnter)
			fits(t, d, styles, 1+r.IntN(120), 1+r.IntN(64))
		}
	}
}
