package runs

import (
	"slices"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/panel"
)

// openByDefault reports whether a run shows its jobs before the operator says
// anything: one that is going on, and the newest that failed.
func openByDefault(c panel.Context, r *pipeline.Run) bool {
	if !r.Done() {
		return true
	}
	if !r.Failed() {
		return false
	}
	for i := range c.Snapshot.Runs.Value {
		if other := &c.Snapshot.Runs.Value[i]; other.Failed() {
			return other.ID == r.ID
		}
	}
	return false
}

// learn keeps the runs of all repositories in one list.
func (p *Panel) learn(s *pipeline.Snapshot) {
	if s != p.snapshot {
		p.known, p.snapshot = s.AllRuns(), s
	}
}

// build makes the rows of the tree.
func (p *Panel) build(c panel.Context) {
	p.learn(c.Snapshot)
	p.rows, p.shown = p.rows[:0], 0
	var release map[string]bool
	if c.Join.From == keys.Releases || c.Join.From == keys.Services && c.Join.SHA != "" {
		release = panel.Releases(c.Snapshot, c.Join.SHA)
	}
	own := c.Snapshot.Repository.FullName()
	for i := range p.known {
		r := &p.known[i]
		// What waits for a person, or changes what somebody looks at, is shown
		// whatever else is selected.
		always := r.Status == pipeline.StatusWaiting || c.Join.From == keys.Services && !r.Done() && r.Repository == "" && deploys(c.Snapshot, r)
		if release != nil && !release[r.SHA] && !always || !p.wanted.Match(r, own) {
			continue
		}
		p.shown++
		p.addRun(c, r)
	}
	keyed := make([]key, len(p.rows))
	for i := range p.rows {
		keyed[i] = p.rows[i].key
	}
	p.list.KeepFirst() // the newest, until the operator does anything
	p.list.SetRows(keyed)
	if p.await != 0 && p.list.Select(key{run: p.await}) {
		p.await = 0
	}
}

// deploys reports whether the run's workflow changes an environment.
func deploys(s *pipeline.Snapshot, r *pipeline.Run) bool {
	if r.Workflow == s.Config.Workflows.Rollback {
		return true
	}
	return slices.ContainsFunc(s.Config.Environments, func(e pipeline.Environment) bool { return e.Workflow == r.Workflow })
}

func (p *Panel) addRun(c panel.Context, r *pipeline.Run) {
	at := row{key: key{run: r.ID}, run: r}
	open := p.isOpen(at.key, openByDefault(c, r))
	jobs, read := c.Snapshot.Jobs[r.Key()]
	if open && len(jobs.Value) == 0 {
		text := jobsMissing(read, jobs.Observation)
		if holder := heldUp(c.Snapshot, r); holder != "" {
			text = holder
		}
		notes := frame.Wrap(text, max(c.Width-6, 1))
		at.notes = notes[:min(len(notes), 2)]
	}
	p.rows = append(p.rows, at)
	if !open || len(jobs.Value) == 0 {
		return
	}
	usual, expected := usualTimes(c.Snapshot, r), c.Snapshot.DurationsOf(r.Repository)
	_, asked := p.folded[at.key]
	for i := range jobs.Value {
		j := &jobs.Value[i]
		if e := expected.Of(pipeline.Stage{Workflow: r.Workflow, Job: j.Name}); e.Known() {
			usual[j.Name] = e.Usual
		}
		if r.Failed() && !asked && !j.Conclusion.Bad() {
			continue // of a failed run, what failed is what matters
		}
		p.addJob(c, r, j, usual[j.Name])
	}
}

func jobsMissing(read bool, o pipeline.Observation) string {
	switch {
	case o.Err != nil:
		return panel.Brief(o.Err)
	case read && o.Known():
		return "no jobs yet"
	}
	return "reading jobs…"
}

func (p *Panel) addJob(c panel.Context, r *pipeline.Run, j *pipeline.Job, usual time.Duration) {
	at := row{key: key{run: r.ID, job: j.ID}, run: r, job: j}
	if j.Status != pipeline.StatusCompleted && j.Started.IsZero() && usual > 0 {
		at.usual = "~" + clock.Elapsed(usual)
	}
	if j.Status == pipeline.StatusWaiting {
		at.notes = waitingNotes(c, r)
	}
	failed := j.Conclusion.Bad()
	p.rows = append(p.rows, at)
	last := len(p.rows) - 1
	defer func() { p.addExcerpt(j, last) }()
	// The steps of what moves in twenty other repositories would push out all else.
	if !p.isOpen(at.key, failed || j.Status == pipeline.StatusInProgress && c.Focused && r.Repository == "") {
		return
	}
	_, asked := p.folded[at.key]
	for i := range j.Steps {
		st := &j.Steps[i]
		if failed && !asked && !st.Conclusion.Bad() {
			continue
		}
		p.rows = append(p.rows, row{key: key{run: r.ID, job: j.ID, step: st.Number}, run: r, job: j, step: st})
	}
}

// addExcerpt puts what went wrong in a failed job below its step that failed,
// or below the job where no step is shown.
func (p *Panel) addExcerpt(j *pipeline.Job, at int) {
	lines := p.excerpts[j.ID]
	if len(lines) == 0 {
		return
	}
	for i := at + 1; i < len(p.rows); i++ {
		if p.rows[i].step.Conclusion.Bad() {
			at = i
		}
	}
	p.rows[at].notes, p.rows[at].bad = lines, true
}

// waitingNotes say who is waited for, and until when.
func waitingNotes(c panel.Context, r *pipeline.Run) []string {
	var notes []string
	wanted := slices.ContainsFunc(c.Snapshot.Approvals, func(a pipeline.Approval) bool { return a.Run.ID == r.ID })
	for _, a := range c.Snapshot.Pending[r.ID].Value {
		if wanted && len(a.Reviewers) > 0 {
			notes = append(notes, "one of "+panel.Who(a.Reviewers, c.Snapshot.Viewer.Login))
		}
		if ends := a.TimerEnds(); ends.After(c.Now) {
			notes = append(notes, "wait timer ends in "+clock.Elapsed(ends.Sub(c.Now)))
		}
	}
	return notes
}

// usualTimes is how long each job took when the workflow last succeeded, as
// far as the snapshot knows; only for runs that go on.
func usualTimes(s *pipeline.Snapshot, r *pipeline.Run) map[string]time.Duration {
	if r.Done() {
		return map[string]time.Duration{}
	}
	listed := s.Of(r.Repository).Runs.Value
	for i := range listed {
		other := &listed[i]
		jobs := s.Jobs[other.Key()].Value
		if other.Workflow != r.Workflow || other.Conclusion != pipeline.ConclusionSuccess || len(jobs) == 0 {
			continue
		}
		usual := make(map[string]time.Duration, len(jobs))
		for _, j := range jobs {
			if !j.Started.IsZero() && !j.Completed.IsZero() {
				usual[j.Name] = j.Completed.Sub(j.Started)
			}
		}
		return usual
	}
	return map[string]time.Duration{}
}
