// Package runs is the panel of workflow runs, a tree of runs, jobs and steps,
// and the view of one run over the whole screen with the logs of its jobs.
package runs

import (
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/panel"
)

// key is the identity of a row: a run, a job of it, or a step of that.
type key struct {
	run, job int64
	step     int
}

// row is one line of the tree, with the notes that stand below it.
type row struct {
	key   key
	run   *pipeline.Run
	job   *pipeline.Job
	step  *pipeline.Step
	usual string   // how long a job that has not begun takes as a rule
	notes []string // lines that cannot be selected
	bad   bool     // the notes tell what went wrong
}

// Panel is the panel of runs. The zero Panel is ready.
type Panel struct {
	list   panel.List[key]
	rows   []row
	folded map[key]bool // what the operator opened (false) or folded (true)
	await  int64        // run that the cursor goes to once it is listed; 0: none
	filter string
	wanted pipeline.RunFilter // what filter says
	shown  int                // runs that the filter and the join let through

	known    []pipeline.Run // of all repositories, newest first
	snapshot *pipeline.Snapshot
	past     past
	excerpts map[int64][]string // of failed jobs' logs; nil: being read

	context panel.Context // that rows and lines were made for
	dirty   bool
	lines   []string
	tops    []int // row of each visible line; -1: none
}

// Filter is the text that runs must contain.
func (p *Panel) Filter() string { return p.filter }

// SetFilter shows only runs that the filter lets through: see
// [pipeline.ParseRunFilter].
func (p *Panel) SetFilter(text string) {
	p.filter, p.wanted, p.dirty = text, pipeline.ParseRunFilter(text), true
	p.list.Choose()
}

// Selected is the run that the cursor is in, and whether it is in one that is
// still listed.
func (p *Panel) Selected() (pipeline.Run, bool) {
	if r := p.current(); r != nil {
		return *r.run, true
	}
	return pipeline.Run{}, false
}

// Pin has the cursor stay on the run that it is in: until the first key it is
// on the newest, whichever that is. It reports whether a newer one came since.
func (p *Panel) Pin() (came bool) { return p.list.Pin() }

// Job is the job that the cursor is in; 0: none.
func (p *Panel) Job() int64 {
	if r := p.current(); r != nil {
		return r.key.job
	}
	return 0
}

func (p *Panel) current() *row {
	i := p.list.Index()
	if i < 0 || i >= len(p.rows) {
		return nil
	}
	return &p.rows[i]
}

// Select puts the cursor on a run, and reports whether it is listed.
func (p *Panel) Select(run int64) bool {
	p.dirty = true
	return p.list.Select(key{run: run})
}

// Await puts the cursor on a run that the operator has just started, as soon as
// it is listed and unless the cursor is moved before.
func (p *Panel) Await(run int64) { p.await, p.dirty = run, true }

// Join is the selection as the other panels follow it.
func (p *Panel) Join() panel.Join {
	r := p.current()
	if r == nil {
		return panel.Join{}
	}
	return panel.Join{From: keys.Runs, Run: r.run.ID, SHA: r.run.SHA}
}

// Key handles a key, and reports whether it was one of the panel's.
func (p *Panel) Key(k string) (panel.Action, bool) {
	p.await = 0
	switch k {
	case "enter":
		return p.enter()
	case "right", "l":
		p.fold(false)
		return nil, true
	case "left", "h":
		p.collapse()
		return panel.Selected{Join: p.Join()}, true
	}
	p.end(k)
	if !p.list.Scroll(k, max(p.context.Height-2, 1)) {
		return nil, false
	}
	p.dirty = true
	return panel.Selected{Join: p.Join()}, true
}

// enter opens a run in place, or a job over the whole screen.
func (p *Panel) enter() (panel.Action, bool) {
	r := p.current()
	switch {
	case r == nil:
		return panel.Say{Text: "that run is no longer listed: choose one with j and k", Bad: true}, true
	case r.job != nil:
		return panel.OpenRun{Run: r.run.ID, Job: r.job.ID}, true
	}
	p.fold(p.isOpen(r.key, openByDefault(p.context, r.run)))
	return panel.Selected{Join: p.Join()}, true
}

// fold folds or opens the row under the cursor.
func (p *Panel) fold(folded bool) {
	r := p.current()
	if r == nil || r.step != nil {
		return
	}
	if p.folded == nil {
		p.folded = map[key]bool{}
	}
	p.folded[r.key], p.dirty = folded, true
}

// collapse folds what the cursor is on, or the branch that it is in.
func (p *Panel) collapse() {
	r := p.current()
	if r == nil {
		return
	}
	parent := key{run: r.key.run}
	if r.step != nil {
		parent.job = r.key.job
	}
	if r.job == nil {
		p.fold(true)
		return
	}
	p.list.Select(parent)
	p.fold(true)
}

func (p *Panel) isOpen(k key, byDefault bool) bool {
	if folded, said := p.folded[k]; said {
		return !folded
	}
	return byDefault
}

// Click puts the cursor on the row at a line of the panel, counted from its
// upper border.
func (p *Panel) Click(line int) panel.Action {
	if line < 1 || line > len(p.tops) || p.tops[line-1] < 0 {
		return nil
	}
	k, _ := p.list.Row(p.tops[line-1])
	p.list.Select(k)
	p.dirty = true
	return panel.Selected{Join: p.Join()}
}

// Wheel moves the cursor by n rows.
func (p *Panel) Wheel(n int) panel.Action {
	p.list.Move(n)
	p.dirty = true
	return panel.Selected{Join: p.Join()}
}
