package pipeline

// The requests that an operator makes. A request becomes a [Plan]; only a plan
// that was shown and confirmed becomes an action.

// TriggerRequest asks to start a workflow.
type TriggerRequest struct {
	Repository string // OWNER/NAME; empty: the console's own

	Workflow string // file name
	Ref      string // branch or tag; empty: the default branch
	Inputs   map[string]string
}

// ReviewRequest asks to approve or reject what holds a run.
type ReviewRequest struct {
	RunID       int64
	Environment string // as the team says it, or GitHub's gate; empty: the only one that waits
	Reject      bool
	SHA         string // refuse when the run is at another commit; empty: do not care
	Comment     string // shown in the check list; the confirmation's counts
}

// RollbackRequest asks to restore an earlier deployment.
type RollbackRequest struct {
	Environment string
	To          int64  // deployment id; 0: the best candidate
	Reason      string // shown in the equivalent command; the confirmation's counts
	Halt        bool   // end what is in flight first, by the same confirmation
	Direct      bool   // from this machine, without GitHub Actions
}

// RunRequest asks to run a run again or to end it.
type RunRequest struct {
	Repository string // OWNER/NAME of the run; empty: the console's own
	RunID      int64
	JobID      int64 // re-run: only this job and those that need it; 0: as FailedOnly says
	FailedOnly bool  // re-run: only the jobs that failed
	Debug      bool  // re-run: with debug logging
	Force      bool  // cancel: without waiting for the jobs' own clean-up
}
