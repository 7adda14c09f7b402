package pipeline

import "time"

// Release is one state of the code that can be deployed. Two commits with the
// same tree, or whose images have the same digests, are the same release: what
// staging ran from develop and what production runs from the merge on main.
type Release struct {
	SHA     string
	Tree    string
	Version string // tag, or what a deployment or its title calls it; empty: none
	Title   string // subject of the commit
	Author  string
	Created time.Time         // when the commit was made
	Images  map[string]string // service to digest; nil: unknown
}

// Name is the version where there is one, else the short SHA.
func (r Release) Name() string {
	if r.Version != "" {
		return r.Version
	}
	return Short(r.SHA)
}

// Zero reports whether nothing is known of the release.
func (r Release) Zero() bool { return r.SHA == "" }

// Train is one row of the release train: a release, and where it stands.
type Train struct {
	Release Release
	CI      Stop
	Stops   []Stop   // one an environment, in order
	Aliases []string // other SHAs that are the same release
	// Published is the GitHub release, without its notes; the zero value: there
	// is none.
	Published PublishedRelease
}

// StopState is the state of a release in one stage.
type StopState string

// States of a release in a stage.
const (
	StopNone       StopState = "none"       // never came here
	StopMoving     StopState = "moving"     // on its way
	StopWaiting    StopState = "waiting"    // held for a person
	StopLive       StopState = "live"       // what ECS runs, everywhere
	StopPartly     StopState = "partly"     // what ECS runs on some services
	StopPassed     StopState = "passed"     // was live, or the checks passed
	StopFailed     StopState = "failed"     // ended badly
	StopFaulty     StopState = "faulty"     // succeeded, and was rolled back or declared bad
	StopReverted   StopState = "reverted"   // ECS took it back
	StopCancelled  StopState = "cancelled"  // cancelled before anything changed
	StopSuperseded StopState = "superseded" // a newer one took its place
	StopRejected   StopState = "rejected"   // a person said no
	StopUnknown    StopState = "unknown"
)

// Stop is a release's standing in one stage.
type Stop struct {
	Environment string // "ci" for the checks
	State       StopState
	Sentence    string // short: "waits for you", "soaked 22m", "live on 5 of 6"
	Since       time.Time
	Until       time.Time // when the wait timer passes; zero: no timer runs
	RunID       int64
	Progress    float64 // 0..1 while moving
}
