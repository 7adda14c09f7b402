package metrics

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// jobsAtMost bounds how many runs have their jobs read for one report; the next
// report goes on where this one ended.
const jobsAtMost = 150

// Collect reads into the history what the keys of some environments need: their
// deployments of a period and of the one before, what each brought, the runs of
// the delivery system, and the jobs of the newest of them. Only what the
// history lacks is read. It returns of how many runs the jobs are still not
// known. What was read before an error stays in the history.
func Collect(ctx context.Context, from pipeline.HistorySource, h *pipeline.History, c pipeline.Configuration, envs []pipeline.Environment, since, until time.Time) (left int, err error) {
	begin := since.Add(-until.Sub(since))
	for _, env := range envs {
		if err := h.ReadDeployments(ctx, from, env.GitHubEnvironment, begin, until); err != nil {
			return 0, err
		}
		if err := h.ReadCommits(ctx, from, pairs(h.DeploymentsOf(env.GitHubEnvironment, begin))); err != nil {
			return 0, err
		}
	}
	for _, file := range c.DeliveryWorkflows() {
		if err := h.ReadRuns(ctx, from, file, begin, until); err != nil {
			return 0, err
		}
	}
	var runs []pipeline.Run
	for _, r := range h.Runs {
		if !r.Created.Before(since) && r.Conclusion != pipeline.ConclusionCancelled {
			runs = append(runs, r)
		}
	}
	// What failed is read first: each failure has its own reason.
	slices.SortStableFunc(runs, func(a, b pipeline.Run) int {
		switch {
		case a.Failed() == b.Failed():
			return 0
		case a.Failed():
			return -1
		}
		return 1
	})
	return h.ReadJobs(ctx, from, runs, jobsAtMost)
}

// InputOf makes the input of one environment from what was collected.
func InputOf(h *pipeline.History, s *pipeline.Snapshot, env pipeline.Environment, since, until time.Time) Input {
	in := Input{
		Environment: env.Name, Since: since, Until: until, Phases: map[int64]pipeline.Phase{},
		Commits: map[int64][]pipeline.Commit{}, Pushed: map[string]bool{},
		Deployments: h.DeploymentsOf(env.GitHubEnvironment, since.Add(-until.Sub(since))),
	}
	for _, r := range s.Rollouts {
		if r.Environment == env.Name && r.Deployment != 0 {
			in.Phases[r.Deployment] = r.Phase
		}
	}
	for i, d := range in.Deployments {
		if base := before(in.Deployments[i:]); base != "" {
			if commits, known := h.Brought(base, d.SHA); known {
				in.Commits[d.ID] = commits
			}
		}
		if isRollback(d) {
			in.Incidents = append(in.Incidents, Incident{Cause: d.Payload.RollbackOf, Created: d.Created, Resolved: d.SucceededAt()})
		}
	}
	for _, r := range h.Runs {
		if r.Event == "push" {
			in.Pushed[r.SHA] = true
		}
	}
	return in
}

// pairs are the commits between which lies what each deployment brought.
func pairs(list []pipeline.Deployment) [][2]string {
	var out [][2]string
	for i, d := range list {
		base := before(list[i:])
		if base == "" || base == d.SHA || isRollback(d) || slices.Contains(out, [2]string{base, d.SHA}) {
			continue
		}
		out = append(out, [2]string{base, d.SHA})
	}
	return out
}

// before is what was live before the first of some deployments, newest first:
// what its record says, else the newest earlier one that succeeded.
func before(list []pipeline.Deployment) string {
	if b := list[0].Payload.Before; b != nil && b.SHA != "" {
		return b.SHA
	}
	i := slices.IndexFunc(list[1:], func(d pipeline.Deployment) bool { return d.Succeeded() && !isRollback(d) })
	if i < 0 {
		return ""
	}
	return list[1+i].SHA
}

// ErrDefinitions says that there are no definitions of that name.
var ErrDefinitions = errors.New("there are no definitions of that name; there are ours, fourkeys and devlake")

// ParseDefinitions reads the name of definitions.
func ParseDefinitions(name string) (Definitions, error) {
	d := Definitions(name)
	if !slices.Contains([]Definitions{Ours, FourKeys, DevLake}, d) {
		return "", ErrDefinitions
	}
	return d, nil
}
