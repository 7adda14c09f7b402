package ghclient

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const mostCheckPages = 5

type wireCheck struct {
	ID         int64     `json:"id"`
	Name       text      `json:"name"`
	Status     text      `json:"status"`
	Conclusion text      `json:"conclusion"`
	StartedAt  time.Time `json:"started_at"`
	URL        text      `json:"html_url"`
}

// Checks reads the checks and statuses of a commit, the newest of each name,
// in the order of names. A fine-grained token cannot read checks; then each
// workflow's newest run stands for its jobs.
func (r *Reader) Checks(ctx context.Context, sha string) ([]pipeline.Check, error) {
	checks, err := r.checkRuns(ctx, sha)
	if err != nil {
		return nil, err
	}
	statuses, err := r.commitStatuses(ctx, sha)
	if err != nil {
		return nil, err
	}
	return newestByName(append(checks, statuses...)), nil
}

// newestByName keeps the first of each name: the newest, as each list begins
// with it.
func newestByName(checks []pipeline.Check) []pipeline.Check {
	slices.SortStableFunc(checks, func(a, b pipeline.Check) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(checks, func(a, b pipeline.Check) bool { return a.Name == b.Name })
}

// checkRuns reads the check runs, newest first, or the workflow runs instead
// where the token may not. That is asked once: tokens do not grow permissions.
func (r *Reader) checkRuns(ctx context.Context, sha string) ([]pipeline.Check, error) {
	if r.checksDenied.Load() {
		return r.runsAsChecks(ctx, sha)
	}
	type page struct {
		Checks []wireCheck `json:"check_runs"`
	}
	var ws []wireCheck
	at := query(r.repoPath("commits", sha, "check-runs"), "filter", "latest", "per_page", strconv.Itoa(pageSize))
	_, err := pages(ctx, r, commitCall("read the checks", sha), at, mostCheckPages, func(p page) bool {
		ws = append(ws, p.Checks...)
		return true
	})
	switch kind := pipeline.KindOf(err); {
	case kind == pipeline.KindForbidden:
		r.checksDenied.Store(true)
		return r.runsAsChecks(ctx, sha)
	case kind == pipeline.KindNotFound: // no such commit, or hidden from this token
		return r.runsAsChecks(ctx, sha)
	case err != nil:
		return nil, err
	}
	slices.SortFunc(ws, func(a, b wireCheck) int { // newest first; a queued one has not started
		return cmp.Or(compareStarts(b.StartedAt, a.StartedAt), cmp.Compare(b.ID, a.ID))
	})
	checks := make([]pipeline.Check, 0, len(ws))
	for _, w := range ws {
		checks = append(checks, pipeline.Check{
			Name:       string(w.Name),
			Status:     pipeline.RunStatus(w.Status),
			Conclusion: pipeline.Conclusion(w.Conclusion),
			URL:        string(w.URL),
		})
	}
	return checks, nil
}

// compareStarts orders times; one that is still to come is the latest.
func compareStarts(a, b time.Time) int {
	switch {
	case a.IsZero() && b.IsZero():
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	}
	return a.Compare(b)
}

// runsAsChecks makes a check of each run at a commit, newest first.
func (r *Reader) runsAsChecks(ctx context.Context, sha string) ([]pipeline.Check, error) {
	runs, err := r.Runs(ctx, pipeline.RunQuery{SHA: sha, Limit: pageSize})
	if err != nil {
		return nil, err
	}
	checks := make([]pipeline.Check, 0, len(runs.Runs))
	for _, run := range runs.Runs {
		checks = append(checks, pipeline.Check{Name: run.Name, Status: run.Status, Conclusion: run.Conclusion, URL: run.URL, FromRun: true})
	}
	return checks, nil
}

// commitStatuses reads the combined status: the newest status of each context.
func (r *Reader) commitStatuses(ctx context.Context, sha string) ([]pipeline.Check, error) {
	type page struct {
		Statuses []struct {
			State   text `json:"state"`
			Context text `json:"context"`
			URL     text `json:"target_url"`
		} `json:"statuses"`
	}
	var checks []pipeline.Check
	at := query(r.repoPath("commits", sha, "status"), "per_page", strconv.Itoa(pageSize))
	_, err := pages(ctx, r, commitCall("read the statuses", sha), at, mostCheckPages, func(p page) bool {
		for _, w := range p.Statuses {
			check := pipeline.Check{Name: string(w.Context), Status: pipeline.StatusCompleted, URL: string(w.URL)}
			switch w.State {
			case "success":
				check.Conclusion = pipeline.ConclusionSuccess
			case "failure", "error":
				check.Conclusion = pipeline.ConclusionFailure
			default:
				check.Status = pipeline.StatusPending
			}
			checks = append(checks, check)
		}
		return true
	})
	return checks, err
}
