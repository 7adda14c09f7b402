package wall

import (
	"fmt"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// foot is the state of the checks: the branches whose newest run failed.
func (m *Model) foot() []string {
	most := 1
	switch {
	case m.height >= 40:
		most = 4
	case m.height >= 30:
		most = 2
	case m.height < 6:
		return nil
	}
	failed, branches := m.failing()
	if branches == 0 {
		return nil
	}
	if len(failed) == 0 {
		if m.opt.Exceptions {
			return nil
		}
		return []string{m.footRow("CI", func(r *frame.Row) {
			text := fmt.Sprintf("all %d branches pass", branches)
			if branches == 1 {
				text = "passes"
			}
			r.Mark(m.styles.Mark(theme.Passed)).Space(1).Put(m.styles.Muted, text)
		})}
	}
	var lines []string
	for i, run := range failed[:min(len(failed), most)] {
		label := "CI"
		if i > 0 {
			label = ""
		}
		lines = append(lines, m.footRow(label, func(r *frame.Row) {
			age := clock.Since(m.now, run.Updated)
			if rest := len(failed) - most; i == most-1 && rest > 0 {
				age += fmt.Sprintf("  and %d more", rest)
			}
			r.Reserve(min(theme.Cells(age)+3, m.width/3))
			r.Mark(m.styles.Mark(theme.Failed)).Space(1).Put(m.styles.Strong, run.Branch).Space(2).Put(m.styles.Text, m.reason(run))
			r.Reserve(0)
			r.Space(3).Put(m.styles.Muted, age)
		}))
	}
	return lines
}

func (m *Model) footRow(label string, fill func(r *frame.Row)) string {
	r := frame.NewRow(m.styles, m.width, theme.Paint{})
	fill(r.Space(1).Cell(m.styles.Muted, label, 4).Space(1))
	return r.String()
}

// failing are the newest failed runs of the checks, one a branch, and on how
// many branches checks have ended at all. A branch whose newest run passed, or
// was cancelled after it passed, is not failing.
func (m *Model) failing() ([]pipeline.Run, int) {
	ci := m.snapshot.Config.Workflows.CI
	seen := map[string]bool{}
	var failed []pipeline.Run
	for _, r := range m.snapshot.Runs.Value {
		if (ci != "" && r.Workflow != ci) || !r.Done() || seen[r.Branch] {
			continue
		}
		if !r.Failed() && r.Conclusion != pipeline.ConclusionSuccess {
			continue // cancelled or skipped: says nothing
		}
		seen[r.Branch] = true
		if r.Failed() {
			failed = append(failed, r)
		}
	}
	return failed, len(seen)
}

// reason is which job and step of a run failed, as far as is known.
func (m *Model) reason(run pipeline.Run) string {
	var parts []string
	for _, j := range m.snapshot.Jobs[run.Key()].Value {
		if !j.Conclusion.Bad() {
			continue
		}
		text := j.Name
		for _, s := range j.Steps {
			if s.Conclusion.Bad() {
				text += ": " + s.Name
				break
			}
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return strings.TrimSpace(run.Title + " " + pipeline.Short(run.SHA))
	}
	return strings.Join(parts, ", ")
}
