package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// History is what is known of a repository's past: its runs and deployments,
// how long their jobs took, who approved them, and what each deployment
// brought. It grows by what is read, so that the next start reads only what is
// new. It is not safe for concurrent use.
type History struct {
	// Covered is the time that was read without a gap, by source: "runs/ci.yml",
	// "deployments/production".
	Covered     map[string]Span     `json:"covered"`
	Runs        []Run               `json:"runs"`        // newest first, at their newest attempt
	Deployments []Deployment        `json:"deployments"` // newest first, of all environments
	Jobs        map[RunKey][]JobRun `json:"jobs"`        // of finished attempts
	Reviews     map[int64][]Review  `json:"reviews"`     // of finished runs
	// Commits lie between two commits, by "BASE...HEAD": SHA, times and parents
	// alone.
	Commits map[string][]Commit `json:"commits"`
}

// Span is a stretch of time.
type Span struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// JobRun is one job of a finished attempt.
type JobRun struct {
	Name       string     `json:"name"`
	Conclusion Conclusion `json:"conclusion"`
	Started    time.Time  `json:"started"` // zero: it never began
	Completed  time.Time  `json:"completed"`
	Steps      []StepRun  `json:"steps,omitempty"`
}

// StepRun is one step of a finished job.
type StepRun struct {
	Name       string        `json:"name"`
	Conclusion Conclusion    `json:"conclusion"`
	Took       time.Duration `json:"took"`
}

// HistorySource is what a history is read from.
type HistorySource interface {
	Runs(ctx context.Context, q RunQuery) (RunList, error)
	Run(ctx context.Context, id int64) (Run, error)
	Jobs(ctx context.Context, run int64, attempt int) ([]Job, error)
	Reviews(ctx context.Context, run int64) ([]Review, error)
	Deployments(ctx context.Context, q DeploymentQuery) ([]Deployment, error)
	Compare(ctx context.Context, base, head string) (Comparison, error)
}

// HistoryStore keeps a history between two starts.
type HistoryStore interface {
	// Load returns what was kept; an empty history with an error that says why
	// where it cannot be used, and without one where nothing was kept yet.
	Load() (*History, error)
	Save(h *History) error
}

const (
	// runsAtMost is how many runs GitHub lists for one query, however many match.
	runsAtMost = 1000
	// shortestWindow is the shortest that a window of time is split into.
	shortestWindow = time.Minute
	// overlap is read again with what is new: a run of that time may have been
	// run again, and a deployment may have got another status.
	overlap = 24 * time.Hour
	// deploymentsAtMost bounds one listing.
	deploymentsAtMost = 1000
	// historyLife is how long what was read is kept.
	historyLife = 400 * 24 * time.Hour
)

// NewHistory is a history of which nothing was read yet.
func NewHistory() *History {
	h := &History{}
	h.complete()
	return h
}

// complete makes the maps that are not there.
func (h *History) complete() {
	if h.Covered == nil {
		h.Covered = map[string]Span{}
	}
	if h.Jobs == nil {
		h.Jobs = map[RunKey][]JobRun{}
	}
	if h.Reviews == nil {
		h.Reviews = map[int64][]Review{}
	}
	if h.Commits == nil {
		h.Commits = map[string][]Commit{}
	}
}

// missing are the spans that still have to be read for a source to be known
// from since until now.
func (h *History) missing(source string, since, now time.Time) []Span {
	have, ok := h.Covered[source]
	if !ok || have.Until.Before(since) {
		return []Span{{since, now}}
	}
	var out []Span
	if since.Before(have.From) {
		out = append(out, Span{since, have.From})
	}
	return append(out, Span{latest(have.Until.Add(-overlap), have.From), now})
}

// cover notes that a span was read.
func (h *History) cover(source string, s Span) {
	have, ok := h.Covered[source]
	if !ok || have.Until.Before(s.From) {
		h.Covered[source] = s
		return
	}
	if s.From.Before(have.From) {
		have.From = s.From
	}
	have.Until = latest(have.Until, s.Until)
	h.Covered[source] = have
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// ReadRuns makes the runs of a workflow known from since until now. It reads
// what is new, what is older than what is known, and what had not ended. A
// workflow that does not exist has no runs.
func (h *History) ReadRuns(ctx context.Context, from HistorySource, workflow string, since, now time.Time) error {
	source := "runs/" + workflow
	for _, s := range h.missing(source, since, now) {
		err := h.readWindow(ctx, from, workflow, s)
		if KindOf(err) == KindNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		h.cover(source, s)
	}
	return h.readOpenRuns(ctx, from, workflow)
}

// readWindow reads the runs of a window of time. Where more match than GitHub
// lists, it reads the halves of the window.
func (h *History) readWindow(ctx context.Context, from HistorySource, workflow string, s Span) error {
	list, err := from.Runs(ctx, RunQuery{Workflow: workflow, CreatedFrom: s.From, CreatedUntil: s.Until, Limit: runsAtMost})
	if err != nil {
		return err
	}
	length := s.Until.Sub(s.From)
	if list.Total <= len(list.Runs) || list.Total <= runsAtMost || length <= shortestWindow {
		h.AddRuns(list.Runs...)
		return nil
	}
	middle := s.From.Add(length / 2).Truncate(time.Second) // GitHub counts seconds, and both ends in
	if err := h.readWindow(ctx, from, workflow, Span{middle, s.Until}); err != nil {
		return err
	}
	return h.readWindow(ctx, from, workflow, Span{s.From, middle})
}

// readOpenRuns reads those runs again that had not ended and are older than
// what is read anyhow.
func (h *History) readOpenRuns(ctx context.Context, from HistorySource, workflow string) error {
	horizon := h.Covered["runs/"+workflow].Until.Add(-overlap)
	for _, r := range slices.Clone(h.Runs) {
		if r.Workflow != workflow || r.Done() || !r.Created.Before(horizon) {
			continue
		}
		now, err := from.Run(ctx, r.ID)
		if KindOf(err) == KindNotFound {
			h.Runs = slices.DeleteFunc(h.Runs, func(x Run) bool { return x.ID == r.ID })
			continue
		}
		if err != nil {
			return err
		}
		h.AddRuns(now)
	}
	return nil
}

// AddRuns takes runs over, each in the place of what was known of it.
func (h *History) AddRuns(list ...Run) {
	for _, r := range list {
		i := slices.IndexFunc(h.Runs, func(x Run) bool { return x.ID == r.ID })
		if i >= 0 {
			h.Runs[i] = r
			continue
		}
		at, _ := slices.BinarySearchFunc(h.Runs, r, func(a, b Run) int {
			return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
		})
		h.Runs = slices.Insert(h.Runs, at, r)
	}
}

// ReadDeployments makes our deployments to a GitHub environment known from
// since until now. Those that had no final status are read again.
func (h *History) ReadDeployments(ctx context.Context, from HistorySource, environment string, since, now time.Time) error {
	source := "deployments/" + environment
	start := since
	if have, ok := h.Covered[source]; ok && !since.Before(have.From) {
		start = latest(have.Until.Add(-overlap), have.From)
		for _, d := range h.Deployments {
			if d.Environment == environment && !d.Final() && d.Created.Before(start) && !d.Created.Before(have.Until.Add(-historyLife)) {
				start = d.Created
			}
		}
	}
	list, err := from.Deployments(ctx, DeploymentQuery{Environment: environment, Task: DeploymentTask, CreatedFrom: start, Limit: deploymentsAtMost})
	if err != nil {
		return err
	}
	for _, d := range list {
		if d.Created.Before(start) {
			continue
		}
		h.Deployments = slices.DeleteFunc(h.Deployments, func(x Deployment) bool { return x.ID == d.ID })
		h.Deployments = append(h.Deployments, d)
	}
	slices.SortStableFunc(h.Deployments, func(a, b Deployment) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
	})
	if len(list) == deploymentsAtMost {
		start = list[len(list)-1].Created // there may be older ones
	}
	h.cover(source, Span{start, now})
	return nil
}

// Final reports whether a deployment will get no other result.
func (d Deployment) Final() bool {
	switch d.State() {
	case "success", "inactive", "failure", "error":
		return true
	}
	return false
}

// DeploymentsOf are the deployments to a GitHub environment since a moment,
// newest first.
func (h *History) DeploymentsOf(environment string, since time.Time) []Deployment {
	var out []Deployment
	for _, d := range h.Deployments {
		if d.Environment == environment && !d.Created.Before(since) {
			out = append(out, d)
		}
	}
	return out
}

// ReadJobs reads the jobs of finished runs that are not known, each once, and
// at most so many of them. It returns how many are left.
func (h *History) ReadJobs(ctx context.Context, from HistorySource, runs []Run, most int) (left int, err error) {
	var due []Run
	for _, r := range runs {
		if _, known := h.Jobs[r.Key()]; r.Done() && !known {
			due = append(due, r)
		}
	}
	left = max(len(due)-most, 0)
	due = due[:len(due)-left]
	found := make([][]JobRun, len(due))
	err = each(ctx, indexes(len(due)), func(ctx context.Context, i int) error {
		jobs, err := from.Jobs(ctx, due[i].ID, due[i].Attempt)
		if KindOf(err) == KindNotFound {
			err = nil // deleted: it tells nothing any more
		}
		if err == nil {
			found[i] = jobRuns(jobs)
		}
		return err
	})
	for i, jobs := range found {
		if jobs != nil {
			h.Jobs[due[i].Key()] = jobs
		}
	}
	return left, err
}

// jobRuns keeps of jobs what their history is made of; never nil.
func jobRuns(jobs []Job) []JobRun {
	out := make([]JobRun, 0, len(jobs))
	for _, j := range jobs {
		run := JobRun{Name: j.Name, Conclusion: j.Conclusion, Started: j.Started, Completed: j.Completed}
		for _, s := range j.Steps {
			run.Steps = append(run.Steps, StepRun{Name: s.Name, Conclusion: s.Conclusion, Took: max(s.Completed.Sub(s.Started), 0)})
		}
		out = append(out, run)
	}
	return out
}

// ReadReviews reads who decided about finished runs, each once.
func (h *History) ReadReviews(ctx context.Context, from HistorySource, runs []Run) error {
	var due []Run
	for _, r := range runs {
		if _, known := h.Reviews[r.ID]; !known || !r.Done() {
			due = append(due, r)
		}
	}
	found := make([][]Review, len(due))
	err := each(ctx, indexes(len(due)), func(ctx context.Context, i int) error {
		reviews, err := from.Reviews(ctx, due[i].ID)
		if KindOf(err) == KindNotFound {
			err = nil
		}
		if err == nil {
			found[i] = append([]Review{}, reviews...)
		}
		return err
	})
	for i, reviews := range found {
		if reviews != nil {
			h.Reviews[due[i].ID] = reviews
		}
	}
	return err
}

// ReadCommits reads what lies between two commits, once. A branch that was
// rewritten leaves commits that cannot be compared: known is false then.
func (h *History) ReadCommits(ctx context.Context, from HistorySource, pairs [][2]string) error {
	found := make([][]Commit, len(pairs))
	err := each(ctx, indexes(len(pairs)), func(ctx context.Context, i int) error {
		if _, known := h.Commits[between(pairs[i])]; known {
			return nil
		}
		c, err := from.Compare(ctx, pairs[i][0], pairs[i][1])
		if KindOf(err) == KindNotFound {
			return nil
		}
		if err == nil {
			found[i] = make([]Commit, len(c.Commits))
			for n, commit := range c.Commits {
				found[i][n] = Commit{SHA: commit.SHA, Authored: commit.Authored, Committed: commit.Committed, Parents: commit.Parents}
			}
		}
		return err
	})
	for i, commits := range found {
		if commits != nil {
			h.Commits[between(pairs[i])] = commits
		}
	}
	return err
}

// Brought is what lies between two commits, oldest first; known is false where
// it was not read, or cannot be.
func (h *History) Brought(base, head string) (commits []Commit, known bool) {
	commits, known = h.Commits[between([2]string{base, head})]
	return commits, known
}

func between(pair [2]string) string { return fmt.Sprintf("%s...%s", pair[0], pair[1]) }

// Forget drops what is too old to be of use.
func (h *History) Forget(now time.Time) {
	oldest := now.Add(-historyLife)
	h.Runs = slices.DeleteFunc(h.Runs, func(r Run) bool { return r.Created.Before(oldest) })
	h.Deployments = slices.DeleteFunc(h.Deployments, func(d Deployment) bool { return d.Created.Before(oldest) })
	kept := map[int64]int{}
	for _, r := range h.Runs {
		kept[r.ID] = r.Attempt
	}
	maps.DeleteFunc(h.Jobs, func(k RunKey, _ []JobRun) bool { return kept[k.ID] != k.Attempt })
	maps.DeleteFunc(h.Reviews, func(id int64, _ []Review) bool { return kept[id] == 0 })
	for source, s := range h.Covered {
		s.From = latest(s.From, oldest)
		h.Covered[source] = s
	}
}

// Normalise makes a history that was read from elsewhere usable: its maps are
// there and its lists are in order.
func (h *History) Normalise() {
	h.complete()
	runs := h.Runs
	h.Runs = nil
	h.AddRuns(runs...)
}

// Between is the part of a history whose runs were made in a period.
func (h *History) Between(since, until time.Time) *History {
	out := &History{Jobs: h.Jobs}
	for _, r := range h.Runs {
		if !r.Created.Before(since) && r.Created.Before(until) {
			out.Runs = append(out.Runs, r)
		}
	}
	return out
}

// JobNames are the jobs that a workflow's runs of a period had, in the order in
// which they ended in the newest run that had them.
func (h *History) JobNames(workflow string, since, until time.Time) []string {
	var names []string
	for _, r := range h.Between(since, until).Runs {
		if r.Workflow != workflow {
			continue
		}
		jobs := slices.Clone(h.Jobs[r.Key()])
		slices.SortStableFunc(jobs, func(a, b JobRun) int { return a.Completed.Compare(b.Completed) })
		for _, j := range jobs {
			if !slices.Contains(names, j.Name) {
				names = append(names, j.Name)
			}
		}
	}
	return names
}
