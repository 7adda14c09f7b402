package ghclient

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cli/go-gh/v2/pkg/api"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// mostJobPages bounds a listing: a matrix makes at most 256 jobs.
const mostJobPages = 20

type wireJob struct {
	ID          int64      `json:"id"`
	RunID       int64      `json:"run_id"`
	Attempt     int        `json:"run_attempt"`
	Name        text       `json:"name"`
	Status      text       `json:"status"`
	Conclusion  text       `json:"conclusion"`
	CreatedAt   time.Time  `json:"created_at"`
	StartedAt   time.Time  `json:"started_at"`
	CompletedAt time.Time  `json:"completed_at"`
	Runner      text       `json:"runner_name"`
	URL         text       `json:"html_url"`
	Steps       []wireStep `json:"steps"`
}

type wireStep struct {
	Number      int       `json:"number"`
	Name        text      `json:"name"`
	Status      text      `json:"status"`
	Conclusion  text      `json:"conclusion"`
	StartedAt   time.Time `json:"started_at"`
	CompletedAt time.Time `json:"completed_at"`
}

func (w wireJob) job() pipeline.Job {
	job := pipeline.Job{
		ID:         w.ID,
		RunID:      w.RunID,
		Attempt:    w.Attempt,
		Name:       string(w.Name),
		Status:     pipeline.RunStatus(w.Status),
		Conclusion: pipeline.Conclusion(w.Conclusion),
		Created:    w.CreatedAt,
		Started:    w.StartedAt,
		Completed:  w.CompletedAt,
		Runner:     string(w.Runner),
		URL:        string(w.URL),
	}
	for _, s := range w.Steps {
		job.Steps = append(job.Steps, pipeline.Step{
			Number:     s.Number,
			Name:       string(s.Name),
			Status:     pipeline.RunStatus(s.Status),
			Conclusion: pipeline.Conclusion(s.Conclusion),
			Started:    s.StartedAt,
			Completed:  s.CompletedAt,
		})
	}
	return job
}

// Jobs reads all jobs of one attempt with their steps; attempt 0: the newest.
func (r *Reader) Jobs(ctx context.Context, run int64, attempt int) ([]pipeline.Job, error) {
	at := query(r.repoPath("actions", "runs", decimal(run), "jobs"), "filter", "latest", "per_page", strconv.Itoa(pageSize))
	c := call{op: "list the jobs", on: fmt.Sprintf("run %d", run), missing: runCall("", run).missing}
	if attempt > 0 {
		at = query(r.repoPath("actions", "runs", decimal(run), "attempts", strconv.Itoa(attempt), "jobs"), "per_page", strconv.Itoa(pageSize))
		c.missing = fmt.Sprintf("attempt %d of run %d does not exist, or was deleted", attempt, run)
	}
	type page struct {
		Jobs []wireJob `json:"jobs"`
	}
	jobs := []pipeline.Job{}
	_, err := pages(ctx, r, c, at, mostJobPages, func(p page) bool {
		for _, w := range p.Jobs {
			jobs = append(jobs, w.job())
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return jobs, nil
}

// JobLog reads a finished job's log. GitHub redirects to a store, which gets no
// token and has no log before the job ends.
func (r *Reader) JobLog(ctx context.Context, job int64) (pipeline.JobLog, error) {
	c := call{
		op:      "read the log",
		on:      fmt.Sprintf("job %d", job),
		missing: "GitHub has no log yet: the job still runs, or it never ran",
		explain: func(answer *api.HTTPError) *pipeline.Error {
			if answer.StatusCode == http.StatusGone {
				return &pipeline.Error{Kind: pipeline.KindNotFound, Message: "GitHub has deleted the log, as it does after the retention time"}
			}
			return nil
		},
	}
	b, err := r.bytes(ctx, r.json, c, r.repoPath("actions", "jobs", decimal(job), "logs"))
	if err != nil {
		return pipeline.JobLog{}, err
	}
	return pipeline.JobLog{JobID: job, Lines: logLines(string(b))}, nil
}

// logLines splits a log and takes the time that leads each line.
func logLines(s string) []pipeline.LogText {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "\ufeff"), "\n")
	if s == "" {
		return []pipeline.LogText{}
	}
	lines := make([]pipeline.LogText, 0, 1+strings.Count(s, "\n"))
	for line := range strings.SplitSeq(s, "\n") {
		lines = append(lines, logText(line))
	}
	return lines
}

// logText parses one line: "2026-11-22T10:00:00.1234567Z text".
func logText(line string) pipeline.LogText {
	line = strings.TrimPrefix(line, "\ufeff") // each step's part of the log begins with one
	if stamp, rest, ok := strings.Cut(line, " "); ok {
		if at, err := time.Parse(time.RFC3339Nano, stamp); err == nil {
			said, colour := sanitise.Coloured(rest)
			return pipeline.LogText{At: at, Text: said, Colour: colour}
		}
	} else if at, err := time.Parse(time.RFC3339Nano, strings.TrimRight(line, "\r")); err == nil {
		return pipeline.LogText{At: at}
	}
	said, colour := sanitise.Coloured(line)
	return pipeline.LogText{Text: said, Colour: colour}
}
