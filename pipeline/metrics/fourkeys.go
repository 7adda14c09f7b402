package metrics

import (
	"slices"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// fourKeys computes the keys as the four keys project does. Every success
// status is a deployment of its own, rollbacks and redeploys among them. The
// changes of a deployment are the commits of the push whose head it deployed:
// where several pushes ship together, only the last one's have a lead time. An
// incident counts once for every change of the deployment that it is blamed on,
// so that the rate can be above one.
func fourKeys(in Input) func(since, until time.Time) Report {
	return func(since, until time.Time) Report {
		var r Report
		var at []time.Time
		var lead, recovery []time.Duration
		for _, d := range in.Deployments {
			ro := Rollout{Deployment: d.ID, SHA: d.SHA, Version: d.Payload.Version, Live: live(d), Outcome: Apart, Why: "has no success status"}
			changes := lastPush(in.Commits[d.ID], d.SHA, in.Pushed)
			for _, s := range d.Statuses {
				if s.State != "success" || !within(s.Created, since, until) {
					continue
				}
				at = append(at, s.Created)
				ro.Outcome, ro.Why = Succeeded, "has a success status"
				for _, c := range changes {
					ro.lead = positive(ro.lead, s.Created.Sub(c.Committed).Truncate(time.Minute))
				}
				ro.Incidents += max(len(changes), 1) * blamed(in.Incidents, d.ID)
			}
			if ro.Outcome == Apart && !within(ro.Live, since, until) {
				continue
			}
			r.count(d)
			ro.Commits, ro.LeadTime = len(changes), spans(slices.Clone(ro.lead), continuous).Median
			lead = append(lead, ro.lead...)
			r.Failures.Failed += ro.Incidents
			r.Rollouts = append(r.Rollouts, ro)
		}
		for _, i := range in.Incidents {
			began := i.Created
			if c, ok := deploymentOf(in.Deployments, i.Cause); ok && live(c).Before(began) {
				began = live(c)
			}
			if within(began, since, until) && !i.Resolved.IsZero() {
				recovery = append(recovery, i.Resolved.Sub(began))
			}
		}
		r.Failures.Total = len(at)
		r.Failures.rate()
		r.Deployments = frequency(at, since, until, continuous)
		r.Deployments.Level = fourKeysLevel(at, r.Deployments.Median, since, until)
		r.LeadTime, r.Recovery = spans(lead, continuous), spans(recovery, continuous)
		return r
	}
}

// fourKeysLevel names a frequency: daily is three days or more with a
// deployment in the median week.
func fourKeysLevel(at []time.Time, daysAWeek float64, since, until time.Time) string {
	months := medianDays(distinctDays(at), since, until, 30*24*time.Hour, continuous)
	switch {
	case daysAWeek >= 3:
		return "daily"
	case daysAWeek >= 1:
		return "weekly"
	case months >= 1:
		return "monthly"
	}
	return "yearly"
}

// count notes the kind of a deployment.
func (r *Report) count(d pipeline.Deployment) {
	switch {
	case isRollback(d):
		r.Rollbacks++
	case again(d):
		r.Redeploys++
	}
}

// blamed counts the incidents that are blamed on a deployment.
func blamed(list []Incident, deployment int64) int {
	n := 0
	for _, i := range list {
		if i.Cause == deployment {
			n++
		}
	}
	return n
}

func deploymentOf(list []pipeline.Deployment, id int64) (pipeline.Deployment, bool) {
	i := slices.IndexFunc(list, func(d pipeline.Deployment) bool { return d.ID == id })
	if i < 0 {
		return pipeline.Deployment{}, false
	}
	return list[i], true
}

// lastPush are the commits of a batch that came with the push whose head was
// deployed: those that no other pushed head of the batch has behind it.
func lastPush(batch []pipeline.Commit, head string, pushed map[string]bool) []pipeline.Commit {
	earlier := map[string]bool{}
	for _, c := range batch {
		if c.SHA != head && pushed[c.SHA] {
			reach(batch, c.SHA, earlier)
		}
	}
	var out []pipeline.Commit
	for _, c := range batch {
		if !earlier[c.SHA] {
			out = append(out, c)
		}
	}
	return out
}

// reach marks a commit and all of the batch that it has behind it.
func reach(batch []pipeline.Commit, sha string, marked map[string]bool) {
	if marked[sha] {
		return
	}
	i := slices.IndexFunc(batch, func(c pipeline.Commit) bool { return c.SHA == sha })
	if i < 0 {
		return
	}
	marked[sha] = true
	for _, parent := range batch[i].Parents {
		reach(batch, parent, marked)
	}
}
