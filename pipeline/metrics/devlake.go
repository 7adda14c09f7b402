package metrics

import (
	"cmp"
	"slices"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// devLake computes the keys as Apache DevLake does. A deployment is one that
// succeeded, whatever replaced it, rollbacks and redeploys among them. The lead
// time is the cycle of a pull request, from its first commit to the first
// deployment that contains its merge; of the very first deployment nothing is
// known. An incident counts against the newest deployment that had finished
// before it was declared, also where that was a rollback. Deployments that
// failed are on neither side of the rate.
func devLake(in Input) func(since, until time.Time) Report {
	done := finishedDeployments(in.Deployments) // newest first
	causes := map[int64][]Incident{}
	for _, i := range in.Incidents {
		at := slices.IndexFunc(done, func(f finished) bool { return f.at.Before(i.Created) })
		if at >= 0 {
			causes[done[at].ID] = append(causes[done[at].ID], i)
		}
	}
	return func(since, until time.Time) Report {
		var r Report
		var at []time.Time
		var lead, recovery []time.Duration
		for n, d := range done {
			if !within(d.at, since, until) {
				continue
			}
			r.count(d.Deployment)
			at = append(at, d.at)
			ro := Rollout{Deployment: d.ID, SHA: d.SHA, Version: d.Payload.Version, Live: d.at, Outcome: Succeeded, Why: "its result is success", Incidents: len(causes[d.ID])}
			if n < len(done)-1 && !isRollback(d.Deployment) { // the first one has nothing to be compared with
				ro.lead = cycles(in.Commits[d.ID], d.SHA, d.at)
			}
			if ro.Incidents > 0 {
				r.Failures.Failed++
				ro.Outcome, ro.Why = Failed, "an incident was declared before the next deployment"
			}
			for _, i := range causes[d.ID] {
				if !i.Resolved.IsZero() {
					recovery = append(recovery, i.Resolved.Sub(d.at))
				}
			}
			ro.Commits, ro.LeadTime = len(ro.lead), spans(slices.Clone(ro.lead), lower).Median
			lead = append(lead, ro.lead...)
			r.Rollouts = append(r.Rollouts, ro)
		}
		r.Failures.Total = len(at)
		r.Failures.rate()
		r.Deployments = frequency(at, since, until, lower)
		r.Deployments.Level = devLakeLevel(at, r.Deployments.Median, since, until)
		r.LeadTime, r.Recovery = spans(lead, lower), spans(recovery, lower)
		return r
	}
}

// finished is a deployment that succeeded, and when.
type finished struct {
	pipeline.Deployment
	at time.Time
}

// finishedDeployments are those whose result is success, the last finished
// first. The newest status is the result, and an inactive one was a success.
func finishedDeployments(list []pipeline.Deployment) []finished {
	var out []finished
	for _, d := range list {
		if d.State() != "success" && d.State() != "inactive" {
			continue
		}
		f := finished{d, d.Statuses[0].Created}
		for _, s := range d.Statuses {
			if s.State == "success" {
				f.at = s.Created // the latest: statuses are newest first
				break
			}
		}
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b finished) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(b.ID, a.ID)) })
	return out
}

func devLakeLevel(at []time.Time, daysAWeek float64, since, until time.Time) string {
	switch {
	case daysAWeek >= 5:
		return "elite"
	case daysAWeek >= 1:
		return "high"
	case medianDays(distinctDays(at), since, until, 30*24*time.Hour, lower) >= 1:
		return "medium"
	}
	return "low"
}

// cycles are the times from the first commit of each pull request of a batch to
// the deployment, rounded up to minutes. A merge on the way from head along
// first parents is a pull request, as is a commit there that was squashed.
func cycles(batch []pipeline.Commit, head string, at time.Time) []time.Duration {
	find := func(sha string) int {
		return slices.IndexFunc(batch, func(c pipeline.Commit) bool { return c.SHA == sha })
	}
	mainline := map[string]bool{}
	for i := find(head); i >= 0; {
		mainline[batch[i].SHA] = true
		if len(batch[i].Parents) == 0 {
			break
		}
		i = find(batch[i].Parents[0])
	}
	var out []time.Duration
	for _, c := range batch {
		if !mainline[c.SHA] {
			continue
		}
		first := c.Authored
		for _, parent := range c.Parents[min(1, len(c.Parents)):] {
			merged := map[string]bool{}
			reach(batch, parent, merged)
			for _, x := range batch {
				if merged[x.SHA] && !mainline[x.SHA] && x.Authored.Before(first) {
					first = x.Authored
				}
			}
		}
		if took := at.Sub(first); took >= 0 {
			out = append(out, (took+time.Minute-1)/time.Minute*time.Minute)
		}
	}
	return out
}
