package sheet

import (
	"fmt"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// dispatch is the sheet that starts a workflow as a form said.
type dispatch struct {
	noControls
	form *trigger
}

func (d *dispatch) title() string { return "Run workflow · " + d.form.workflow }

func (d *dispatch) reading() string {
	return "the workflow's file at that ref, what it deploys to, the lane, holds and freezes"
}

func (d *dispatch) shows(pipeline.Gate) bool { return true }

func (d *dispatch) head(s *planned, p *page) {
	width := 8
	for _, v := range d.form.values {
		width = max(width, theme.Cells(v.input.Name))
	}
	width = min(width, max(p.width/3, 6)) + 2
	row := func(label, text, note string) {
		p.line(func(r *frame.Row) {
			r.Cell(p.styles.Muted, label, width).Put(p.styles.Text, text).Put(p.styles.Muted, "  "+note)
		})
	}
	row("Workflow", d.form.workflow, d.form.workflowNote())
	row("Ref", d.form.ref, strings.TrimSpace(pipeline.Short(s.plan.Preview.To.SHA)+"  "+s.plan.Preview.To.Title))
	if s.plan.Intent.Environment != "" {
		row("Changes", s.plan.Intent.Environment, "")
	}
	for _, v := range d.form.values {
		text, note := v.String(), ""
		switch {
		case !v.sent() && s.plan.Intent.Inputs[v.input.Name] != "":
			text, note = s.plan.Intent.Inputs[v.input.Name], "filled in"
		case !v.sent():
			text, note = "", "not sent"
		case v.String() == v.input.Default:
			note = "default"
		}
		row(v.input.Name, text, note)
	}
}

func (d *dispatch) buttons(s *planned) []button {
	return []button{
		{id: buttonGo, label: fmt.Sprintf("Run %s", d.form.workflow), danger: s.plan.Intent.Environment != "", off: s.shortfall()},
		{id: buttonForm, label: "Back"},
		{id: buttonCopy, label: "Copy the gh command", short: "Copy gh command"},
		{id: buttonLater, label: "Not now"},
	}
}

func (d *dispatch) press(_ *planned, id string, now time.Time) Action {
	if id == buttonForm {
		d.form.confirm, d.form.changed = nil, now
	}
	return nil
}
