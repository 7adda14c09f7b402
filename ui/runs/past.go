package runs

import (
	"slices"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// OlderQuery asks the console to read runs behind those that are known; the
// answer goes to OlderRead.
type OlderQuery struct {
	Filter       string
	Repositories []string // the empty name is the console's own
	Query        pipeline.RunQuery
}

// past is how far back the panel has asked for runs.
type past struct {
	wanted  bool // the cursor is at the end, or a filter was chosen
	reading bool
	ended   map[string]bool // filters of which nothing more is to come
	err     error
}

// end notes that the operator moved on at the last row.
func (p *Panel) end(k string) {
	switch k {
	case "j", "down", "pgdown", "ctrl+d", "ctrl+f", "G", "end":
		if p.list.Index() == p.list.Len()-1 {
			p.past.wanted = true
		}
	}
}

// Search asks for the runs that the filter finds further back than those that
// are known.
func (p *Panel) Search() {
	if p.wanted.Query(nil) != (pipeline.RunQuery{}) || p.wanted.Workflow != "" || p.wanted.Branch != "" {
		p.past.wanted = true
	}
}

// Older is what of the past is to be read now, and whether anything is.
func (p *Panel) Older(s *pipeline.Snapshot) (OlderQuery, bool) {
	if !p.past.wanted || p.past.reading || p.past.ended[p.filter] || s.Restored || !s.Runs.Known() {
		p.past.wanted = false
		return OlderQuery{}, false
	}
	p.past.wanted, p.past.reading, p.past.err, p.dirty = false, true, nil, true
	q := OlderQuery{Filter: p.filter, Query: p.wanted.Query(p.known)}
	for _, name := range repositories(s) {
		if r := (pipeline.Run{Repository: name}); p.ofRepository(s, &r) {
			q.Repositories = append(q.Repositories, name)
		}
	}
	return q, true
}

// repositories are the names of all repositories, the console's own first and empty.
func repositories(s *pipeline.Snapshot) []string {
	names := []string{""}
	for _, r := range s.Repositories {
		names = append(names, r.Repository.FullName())
	}
	return names
}

// ofRepository reports whether the filter lets runs of that repository through.
func (p *Panel) ofRepository(s *pipeline.Snapshot, r *pipeline.Run) bool {
	return pipeline.RunFilter{Repository: p.wanted.Repository}.Match(r, s.Repository.FullName())
}

// OlderRead takes how a reading of the past ended.
func (p *Panel) OlderRead(filter string, more bool, err error) {
	p.past.reading, p.past.err, p.dirty = false, err, true
	if err == nil && !more {
		if p.past.ended == nil {
			p.past.ended = map[string]bool{}
		}
		p.past.ended[filter] = true
	}
}

// excerptLines is how much of a failed job's log stands in the tree.
const excerptLines = 3

// excerptsKept bounds the jobs whose excerpt is remembered.
const excerptsKept = 100

// WantExcerpt is the failed job under the cursor whose log was not read yet;
// run 0: there is none.
func (p *Panel) WantExcerpt() (run, job int64) {
	r := p.current()
	if r == nil || !r.run.Failed() {
		return 0, 0
	}
	i := slices.IndexFunc(p.rows, func(x row) bool {
		return x.key.run == r.key.run && x.job != nil && x.job.Conclusion.Bad() && (r.job == nil || !r.job.Conclusion.Bad() || x.job.ID == r.job.ID)
	})
	if i < 0 {
		return 0, 0
	}
	job = p.rows[i].job.ID
	if _, asked := p.excerpts[job]; asked {
		return 0, 0
	}
	if p.excerpts == nil || len(p.excerpts) > excerptsKept {
		p.excerpts = map[int64][]string{}
	}
	p.excerpts[job] = nil
	return r.key.run, job
}

// SetExcerpt takes the log of a failed job, or why it could not be read: then
// it is asked for again when the cursor comes back.
func (p *Panel) SetExcerpt(job int64, log pipeline.JobLog, err error) {
	if err != nil {
		delete(p.excerpts, job)
		return
	}
	p.excerpts[job], p.dirty = parseLog(log.Lines).excerpt(excerptLines), true
}
