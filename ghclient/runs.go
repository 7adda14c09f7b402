package ghclient

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const (
	defaultRuns = 50
	// mostRunPages bounds one listing: GitHub gives at most 1,000 filtered runs.
	mostRunPages = 10
)

type wireRun struct {
	ID           int64     `json:"id"`
	WorkflowID   int64     `json:"workflow_id"`
	Path         text      `json:"path"`
	Name         text      `json:"name"`
	Title        text      `json:"display_title"`
	Number       int       `json:"run_number"`
	Attempt      int       `json:"run_attempt"`
	Event        text      `json:"event"`
	Status       text      `json:"status"`
	Conclusion   text      `json:"conclusion"`
	HeadBranch   text      `json:"head_branch"`
	HeadSHA      text      `json:"head_sha"`
	Actor        *account  `json:"actor"`
	Triggering   *account  `json:"triggering_actor"`
	CreatedAt    time.Time `json:"created_at"`
	RunStartedAt time.Time `json:"run_started_at"`
	UpdatedAt    time.Time `json:"updated_at"`
	URL          text      `json:"html_url"`
	HeadCommit   *struct {
		Message prose `json:"message"`
	} `json:"head_commit"`
}

func (w wireRun) run() pipeline.Run {
	run := pipeline.Run{
		ID:              w.ID,
		Workflow:        w.Path.file(),
		WorkflowID:      w.WorkflowID,
		Name:            string(w.Name),
		Title:           string(w.Title),
		Number:          w.Number,
		Attempt:         w.Attempt,
		Event:           string(w.Event),
		Status:          pipeline.RunStatus(w.Status),
		Conclusion:      pipeline.Conclusion(w.Conclusion),
		Branch:          string(w.HeadBranch),
		SHA:             string(w.HeadSHA),
		Actor:           w.Actor.name(),
		TriggeringActor: w.Triggering.name(),
		Created:         w.CreatedAt,
		Started:         w.RunStartedAt,
		Updated:         w.UpdatedAt,
		URL:             string(w.URL),
	}
	if w.HeadCommit != nil {
		run.CommitTitle = w.HeadCommit.Message.subject()
	}
	return run
}

// Runs lists runs, newest first.
func (r *Reader) Runs(ctx context.Context, q pipeline.RunQuery) (pipeline.RunList, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = defaultRuns
	}
	c := call{op: "list runs", on: r.fullName()}
	at := r.repoPath("actions", "runs")
	if q.Workflow != "" {
		at = r.repoPath("actions", "workflows", q.Workflow, "runs")
		c.missing = "there is no workflow " + q.Workflow
	}
	at = query(at,
		"exclude_pull_requests", "true", "per_page", strconv.Itoa(min(limit, pageSize)),
		"branch", q.Branch, "actor", q.Actor, "event", q.Event, "status", q.Status, "head_sha", q.SHA,
		"created", created(q.CreatedFrom, q.CreatedUntil))
	type page struct {
		Total int       `json:"total_count"`
		Runs  []wireRun `json:"workflow_runs"`
	}
	found := pipeline.RunList{Runs: []pipeline.Run{}}
	_, err := pages(ctx, r, c, at, mostRunPages, func(p page) bool {
		found.Total = p.Total
		for _, w := range p.Runs[:min(len(p.Runs), limit-len(found.Runs))] {
			found.Runs = append(found.Runs, w.run())
		}
		return len(found.Runs) < limit
	})
	if err != nil {
		return pipeline.RunList{}, err
	}
	return found, nil
}

// created is a search range over the time a run was made; empty where open on
// both ends.
func created(from, until time.Time) string {
	iso := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	switch {
	case from.IsZero() && until.IsZero():
		return ""
	case until.IsZero():
		return ">=" + iso(from)
	case from.IsZero():
		return "<=" + iso(until)
	}
	return iso(from) + ".." + iso(until)
}

// Run reads one run at its newest attempt.
func (r *Reader) Run(ctx context.Context, id int64) (pipeline.Run, error) {
	var w wireRun
	at := query(r.repoPath("actions", "runs", decimal(id)), "exclude_pull_requests", "true")
	if err := r.get(ctx, runCall("read", id), at, &w); err != nil {
		return pipeline.Run{}, err
	}
	return w.run(), nil
}

func runCall(verb string, id int64) call {
	return call{
		op:      fmt.Sprintf("%s run %d", verb, id),
		missing: fmt.Sprintf("run %d does not exist, or was deleted", id),
	}
}

func decimal(id int64) string { return strconv.FormatInt(id, 10) }

// ConcurrencyGroups reads the queues that a run or its jobs are in. A server
// that keeps none to show is a KindNotFound.
func (r *Reader) ConcurrencyGroups(ctx context.Context, run int64) ([]pipeline.ConcurrencyGroup, error) {
	type page struct {
		Groups []struct {
			Name    text `json:"group_name"`
			Members []struct {
				RunID    int64 `json:"run_id"`
				JobID    int64 `json:"job_id"`
				JobName  text  `json:"job_name"`
				Position int   `json:"position"`
				Status   text  `json:"status"`
			} `json:"group_members"`
		} `json:"concurrency_groups"`
	}
	none := fmt.Sprintf("GitHub shows no concurrency groups for run %d", run)
	c := call{
		op: "read the concurrency groups", on: fmt.Sprintf("run %d", run),
		missing: none, explain: unprocessableIsMissing(none),
	}
	groups := []pipeline.ConcurrencyGroup{}
	at := query(r.repoPath("actions", "runs", decimal(run), "concurrency_groups"), "per_page", strconv.Itoa(pageSize))
	_, err := pages(ctx, r, c, at, mostRunPages, func(p page) bool {
		for _, g := range p.Groups {
			group := pipeline.ConcurrencyGroup{Name: string(g.Name)}
			for _, m := range g.Members {
				group.Members = append(group.Members, pipeline.GroupMember{
					RunID: m.RunID, JobID: m.JobID, JobName: string(m.JobName),
					Position: m.Position, Status: pipeline.RunStatus(m.Status),
				})
			}
			groups = append(groups, group)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return groups, nil
}
