// Package metrics computes the four keys of software delivery from the
// deployments of an environment: how often it is released to, how long a commit
// takes to get there, how many releases fail, and how long it takes to be well
// again. Every number names the rollouts that it is made of.
//
// What counts, in short: a rollout that succeeded and was not a rollback nor
// the same release again is a deployment. One that ECS took back, that was
// rolled back later, or that ended badly after it had begun is a failure. What
// never changed anything, or could not be finished, counts on neither side.
package metrics

import (
	"slices"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Input is what the keys of one environment are computed from.
type Input struct {
	Environment string
	Since       time.Time // begin of the period
	Until       time.Time // its end, and the moment at which open failures are as old as they are
	// Deployments of the environment, newest first, also those of the equally
	// long period before, with which the keys are compared.
	Deployments []pipeline.Deployment
	// Phases are what the engine concluded with what ECS says, by deployment.
	// Where it has none, GitHub's statuses decide.
	Phases map[int64]pipeline.Phase
	// Commits are what a deployment brought, as compared with what was live
	// before it. A deployment that is not in the map has an unknown lead time.
	Commits map[int64][]pipeline.Commit
}

// Report is the four keys of one environment over a period.
type Report struct {
	Environment  string
	Since, Until time.Time
	Deployments  Frequency
	LeadTime     Spans // commit written → live
	MergeToLive  Spans // commit on the branch → live
	Failures     Rate
	Recovery     Spans     // the bad release took traffic → the next good one was verified
	Rollouts     []Rollout // all of the period, newest first
}

// Frequency is how often a release reached the environment.
type Frequency struct {
	Count    int
	Days     int     // distinct days, in UTC
	PerWeek  float64 // Count by weeks of the period
	Previous float64 // PerWeek of the period before
}

// Spans are durations. With a Count of 0 nothing is known.
type Spans struct {
	Count       int
	Median, P90 time.Duration
	Open        int           // failures that are not recovered from; they count with their age, as a lower bound
	Previous    time.Duration // median of the period before; 0: nothing is known of it
}

// Rate is a part of a whole. With a Total of 0 nothing is known.
type Rate struct {
	Failed, Total int
	Value         float64  // 0..1
	Previous      *float64 // of the period before; nil: nothing is known of it
}

// Outcome is what a rollout counts as.
type Outcome string

// Outcomes of rollouts.
const (
	Succeeded Outcome = "succeeded"
	Failed    Outcome = "failed"
	Rollback  Outcome = "rollback" // makes what it left a failure; counts itself for nothing else
	Redeploy  Outcome = "redeploy" // the same release again
	Apart     Outcome = "apart"    // changed nothing, could not be finished, or goes on
)

// Rollout is one rollout and what it adds to the keys.
type Rollout struct {
	Deployment int64
	SHA        string
	Version    string
	Outcome    Outcome
	Why        string    // why it counts as that
	Live       time.Time // when it took traffic, as far as is known
	Commits    int       // that arrived with it for the first time
	LeadTime   time.Duration
	Recovered  time.Time // of a failure: when the next good release was verified; zero: not yet
	Recovery   time.Duration
	PartOf     int64 // of a failure: the deployment whose recovery this one is a part of; 0: its own

	lead, merge []time.Duration
}

// Compute derives the keys. It is a pure function of its input.
func Compute(in Input) Report {
	all := classify(in) // oldest first
	arrive(in, all)
	recoveries(in, all)
	report := summary(in, all, in.Since, in.Until)
	before := summary(in, all, in.Since.Add(-in.Until.Sub(in.Since)), in.Since)
	report.Deployments.Previous = before.Deployments.PerWeek
	report.LeadTime.Previous, report.MergeToLive.Previous = before.LeadTime.Median, before.MergeToLive.Median
	report.Recovery.Previous = before.Recovery.Median
	if before.Failures.Total > 0 {
		report.Failures.Previous = &before.Failures.Value
	}
	return report
}

// summary sums up the rollouts of a span of time.
func summary(in Input, all []Rollout, since, until time.Time) Report {
	r := Report{Environment: in.Environment, Since: since, Until: until}
	days := map[string]bool{}
	var lead, merge, recovery []time.Duration
	for _, ro := range slices.Backward(all) {
		if ro.Live.Before(since) || !ro.Live.Before(until) {
			continue
		}
		r.Rollouts = append(r.Rollouts, ro)
		switch ro.Outcome {
		case Succeeded:
			r.Deployments.Count++
			days[ro.Live.UTC().Format(time.DateOnly)] = true
			r.Failures.Total++
			lead, merge = append(lead, ro.lead...), append(merge, ro.merge...)
		case Failed:
			r.Failures.Total++
			r.Failures.Failed++
			if ro.PartOf != 0 {
				continue
			}
			recovery = append(recovery, ro.Recovery)
			if ro.Recovered.IsZero() {
				r.Recovery.Open++
			}
		case Rollback, Redeploy, Apart:
		}
	}
	r.Deployments.Days = len(days)
	if weeks := until.Sub(since).Hours() / (7 * 24); weeks > 0 {
		r.Deployments.PerWeek = float64(r.Deployments.Count) / weeks
	}
	if r.Failures.Total > 0 {
		r.Failures.Value = float64(r.Failures.Failed) / float64(r.Failures.Total)
	}
	open := r.Recovery.Open
	r.LeadTime, r.MergeToLive, r.Recovery = spans(lead), spans(merge), spans(recovery)
	r.Recovery.Open = open
	return r
}

// spans summarises durations by values that occurred: no interpolation.
func spans(list []time.Duration) Spans {
	if len(list) == 0 {
		return Spans{}
	}
	slices.Sort(list)
	at := func(percent int) time.Duration { return list[(len(list)*percent+99)/100-1] }
	return Spans{Count: len(list), Median: at(50), P90: at(90)}
}
