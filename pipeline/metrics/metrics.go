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

// Definitions say whose definitions of the keys are used.
type Definitions string

// Definitions that are known. The two others are those of public tools, as
// they compute, so that a team that comes from one finds its numbers again.
const (
	Ours     Definitions = "ours"
	FourKeys Definitions = "fourkeys"
	DevLake  Definitions = "devlake"
)

// Input is what the keys of one environment are computed from.
type Input struct {
	Definitions Definitions // empty: ours
	Environment string
	Service     string    // only what changed this service; empty: all
	Since       time.Time // begin of the period
	Until       time.Time // its end, and the moment at which open failures are as old as they are
	// Deployments of the environment, newest first, also those of the equally
	// long period before, with which the keys are compared.
	Deployments []pipeline.Deployment
	// Phases are what the engine concluded with what ECS says, by deployment.
	// Where it has none, GitHub's statuses decide.
	Phases map[int64]pipeline.Phase
	// Commits are what a deployment brought, as compared with what was live
	// before it, oldest first. A deployment that is not in the map has an unknown
	// lead time.
	Commits map[int64][]pipeline.Commit
	// Pushed are the commits that were the head of a push; fourkeys asks.
	Pushed map[string]bool
	// Incidents that were declared; fourkeys and DevLake ask. Our definitions
	// look at the rollouts themselves.
	Incidents []Incident
}

// Incident is a declared failure.
type Incident struct {
	Cause    int64 // deployment that whoever declared it blames
	Created  time.Time
	Resolved time.Time // zero: not yet
}

// Report is the four keys of one environment over a period.
type Report struct {
	Definitions  Definitions
	Environment  string
	Service      string
	Since, Until time.Time
	Deployments  Frequency
	LeadTime     Spans // commit written → live
	MergeToLive  Spans // commit on the branch → live; only by our definitions
	Failures     Rate
	Recovery     Spans     // the bad release took traffic → the next good one was verified
	Redeploys    int       // the same release again: counted apart by our definitions, as deployments by the others
	Rollbacks    int       // likewise
	Rollouts     []Rollout // all of the period, newest first
}

// Frequency is how often a release reached the environment.
type Frequency struct {
	Count    int
	Days     int     // distinct days, in UTC
	PerWeek  float64 // Count by weeks of the period
	Median   float64 // days with a deployment in a week: the median week
	Level    string  // what fourkeys and DevLake call it; empty by our definitions
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
	Value         float64  // 0..1; fourkeys' can be more than 1
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
	Incidents  int   // that count against it, by fourkeys and DevLake

	lead, merge []time.Duration
}

// Compute derives the keys. It is a pure function of its input.
func Compute(in Input) Report {
	if in.Definitions == "" {
		in.Definitions = Ours
	}
	in.Deployments = changing(in.Deployments, in.Service)
	keys := map[Definitions]func(Input) func(since, until time.Time) Report{Ours: ours, FourKeys: fourKeys, DevLake: devLake}[in.Definitions](in)
	report := keys(in.Since, in.Until)
	before := keys(in.Since.Add(-in.Until.Sub(in.Since)), in.Since)
	report.Definitions, report.Environment, report.Service = in.Definitions, in.Environment, in.Service
	report.Since, report.Until = in.Since, in.Until
	report.Deployments.Previous = before.Deployments.PerWeek
	report.LeadTime.Previous, report.MergeToLive.Previous = before.LeadTime.Median, before.MergeToLive.Median
	report.Recovery.Previous = before.Recovery.Median
	if before.Failures.Total > 0 {
		report.Failures.Previous = &before.Failures.Value
	}
	return report
}

// changing are the deployments that gave a service another image than it had.
// Of one that does not say what it set nobody knows, and it stays.
func changing(list []pipeline.Deployment, service string) []pipeline.Deployment {
	if service == "" {
		return list
	}
	var out []pipeline.Deployment
	for _, d := range list {
		set, named := d.Payload.Services[service]
		switch before := d.Payload.Before; {
		case len(d.Payload.Services) == 0:
		case !named:
			continue
		case before != nil && set.Image != "" && before.Services[service].Image == set.Image:
			continue
		}
		out = append(out, d)
	}
	return out
}

// ours computes the keys by our definitions.
func ours(in Input) func(since, until time.Time) Report {
	all := classify(in) // oldest first
	arrive(in, all)
	recoveries(in, all)
	return func(since, until time.Time) Report { return summary(all, since, until) }
}

// within reports whether a moment lies in a period.
func within(at, since, until time.Time) bool { return !at.Before(since) && at.Before(until) }

// summary sums up the rollouts of a span of time.
func summary(all []Rollout, since, until time.Time) Report {
	var r Report
	var days []time.Time
	var lead, merge, recovery []time.Duration
	for _, ro := range slices.Backward(all) {
		if !within(ro.Live, since, until) {
			continue
		}
		r.Rollouts = append(r.Rollouts, ro)
		switch ro.Outcome {
		case Succeeded:
			days = append(days, ro.Live)
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
		case Rollback:
			r.Rollbacks++
		case Redeploy:
			r.Redeploys++
		case Apart:
		}
	}
	r.Deployments = frequency(days, since, until, occurring)
	r.Failures.rate()
	open := r.Recovery.Open
	r.LeadTime, r.MergeToLive, r.Recovery = spans(lead, occurring), spans(merge, occurring), spans(recovery, occurring)
	r.Recovery.Open = open
	return r
}

func (r *Rate) rate() {
	if r.Total > 0 {
		r.Value = float64(r.Failed) / float64(r.Total)
	}
}
