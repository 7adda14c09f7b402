package sheet_test

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/sheet"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// styles is the look of every test.
var styles = theme.New(theme.Options{})

// desk drives a sheet as an operator does, on a clock that stands until told.
type desk struct {
	t    *testing.T
	s    sheet.Sheet
	now  time.Time
	last sheet.Action // what the sheet asked for last
}

// open opens a sheet; it has settled unless the test says otherwise.
func open(t *testing.T, s sheet.Sheet) *desk {
	t.Helper()
	d := &desk{t: t, s: s, now: scene.Now}
	d.last, _ = s.Start(d.now)
	return d
}

// settle lets the time pass in which Enter is ignored.
func (d *desk) settle() *desk {
	d.now = d.now.Add(sheet.Settle)
	return d
}

func (d *desk) send(msg tea.Msg) sheet.Action {
	a, _ := d.s.Handle(msg, d.now)
	if a != nil {
		d.last = a
	}
	return a
}

// keys presses keys by code and returns what the last one asked for.
func (d *desk) keys(codes ...rune) (a sheet.Action) {
	for _, c := range codes {
		a = d.send(tea.KeyPressMsg{Code: c})
	}
	return a
}

func (d *desk) enter() sheet.Action { return d.settle().keys(tea.KeyEnter) }

func (d *desk) write(text string) *desk {
	for _, r := range text {
		d.send(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
	return d
}

func (d *desk) erase(n int) *desk {
	for range n {
		d.keys(tea.KeyBackspace)
	}
	return d
}

// ticket is that of the newest question.
func (d *desk) ticket() sheet.Ticket {
	d.t.Helper()
	switch a := d.last.(type) {
	case sheet.PlanWanted:
		return a.Ticket
	case sheet.RenewWanted:
		return a.Ticket
	case sheet.Confirm:
		return a.Ticket
	case sheet.RefsWanted:
		return a.Ticket
	case sheet.FileWanted:
		return a.Ticket
	}
	d.t.Fatalf("the sheet asked for %T, which has no ticket", d.last)
	return sheet.Ticket{}
}

func (d *desk) planned(p pipeline.Plan) *desk {
	d.t.Helper()
	d.send(sheet.Planned{Ticket: d.ticket(), Plan: p})
	return d
}

func (d *desk) refuse(err error) *desk {
	d.t.Helper()
	d.send(sheet.Planned{Ticket: d.ticket(), Err: err})
	return d
}

func (d *desk) done(r pipeline.Receipt) *desk {
	d.t.Helper()
	d.send(sheet.Done{Ticket: d.ticket(), Receipt: r})
	return d
}

// after lets time pass with a tick at its end.
func (d *desk) after(t time.Duration) *desk {
	d.now = d.now.Add(t)
	d.send(sheet.Tick{})
	return d
}

// text is the sheet on a terminal of that size, without colours.
func (d *desk) text(width, height int) string {
	return ansi.Strip(strings.Join(d.s.Lines(styles, width, height, d.now), "\n"))
}

// sees fails unless the sheet shows a text.
func (d *desk) sees(want string) *desk {
	d.t.Helper()
	if got := d.text(120, 40); !strings.Contains(got, want) {
		d.t.Errorf("the sheet does not show %q:\n%s", want, got)
	}
	return d
}

// misses fails if the sheet shows a text.
func (d *desk) misses(unwanted string) *desk {
	d.t.Helper()
	if got := d.text(120, 40); strings.Contains(got, unwanted) {
		d.t.Errorf("the sheet shows %q:\n%s", unwanted, got)
	}
	return d
}

// focus walks with tab until the button or field whose row shows text under
// the cursor has the focus; it fails after a whole round.
func (d *desk) toButton(label string) *desk {
	d.t.Helper()
	for range 30 {
		if d.focused() == label {
			return d
		}
		d.keys(tea.KeyTab)
	}
	d.t.Fatalf("no button %q can be reached by tab:\n%s", label, d.text(120, 40))
	return d
}

// focused is the label of the button that is drawn as focused; empty: none.
func (d *desk) focused() string {
	all := strings.Join(d.s.Lines(styles, 120, 40, d.now), "\n")
	for _, p := range []theme.Paint{styles.ButtonFocused, styles.ButtonDanger, styles.Strong.On(styles.Field)} {
		before, _, _ := strings.Cut(p.Render("X"), "X")
		if _, rest, ok := strings.Cut(all, before+"[ "); ok {
			label, _, _ := strings.Cut(rest, " ]")
			return label
		}
	}
	return ""
}

func approval() pipeline.Approval { return scene.Waiting().Approvals[0] }

// openApproval is the approval sheet with the plan of the draft.
func openApproval(t *testing.T) *desk {
	t.Helper()
	return open(t, sheet.NewReview(approval())).planned(approvePlan())
}

// fillApproval types all that the plan of the draft asks for.
func fillApproval(d *desk) *desk {
	d.write("payments").keys(tea.KeyTab)
	d.write("alarms").keys(tea.KeyTab)
	return d.write("on call: alice")
}

func openRollback(t *testing.T) *desk {
	t.Helper()
	return open(t, sheet.NewRollback(pipeline.RollbackRequest{Environment: "production"})).planned(rollbackPlan(9310))
}

func fillRollback(d *desk) *desk {
	d.write("KeyError sku on checkout").keys(tea.KeyTab)
	return d.write("ROLLBACK")
}

// openPause is the sheet of a rollout that pauses.
func openPause(t *testing.T, p pipeline.Plan) *desk {
	t.Helper()
	return open(t, sheet.NewContinue(pipeline.ContinueRequest{Environment: "production", Service: "payments"})).planned(p)
}

// turn asks for the other answer to a pause, and takes its plan.
func (d *desk) turn(p pipeline.Plan) *desk {
	d.t.Helper()
	d.toButton("Roll back instead").enter()
	return d.planned(p)
}
