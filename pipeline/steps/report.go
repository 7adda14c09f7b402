package steps

import (
	"fmt"
	"io"
)

// Report is where a step tells what it does: lines of the job's log,
// annotations, outputs for later jobs, and the step's summary.
type Report struct {
	Out     io.Writer // the job's log; nil: nobody reads it
	Outputs io.Writer // the file that GITHUB_OUTPUT names; nil: none
	Summary io.Writer // the file that GITHUB_STEP_SUMMARY names; nil: none
	Actions bool      // the log is read by GitHub Actions
}

// Say writes one line to the log.
func (r *Report) Say(format string, args ...any) {
	if r != nil && r.Out != nil {
		fmt.Fprintf(r.Out, format+"\n", args...)
	}
}
