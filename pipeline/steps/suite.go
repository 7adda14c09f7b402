// Package steps carries out what the delivery workflows call: one method of a
// [Suite] for each step, each of them safe to run again. A step reads through
// the engine's ports and writes through two of its own, a [Deployer] for AWS
// and a [Publisher] for GitHub; a dry run has neither, so that it cannot change
// anything.
package steps

import (
	"context"
	"net/http"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Suite is what every step needs.
type Suite struct {
	Configuration pipeline.Configuration
	GitHub        pipeline.GitHub         // reads
	Cloud         Cloud                   // reads; nil where no AWS credentials are needed
	Deployer      Deployer                // AWS writes; nil in a dry run
	Publisher     Publisher               // GitHub writes; nil in a dry run
	Run           Run                     // where it runs
	Report        *Report                 // outputs, annotations, summary, masks
	HTTP          *http.Client            // health and smoke, Slack; nil: http.DefaultClient
	Getenv        func(key string) string // the job's environment; nil: empty
	DryRun        bool                    // say what would be done, and change nothing
	Speed         float64                 // how much faster than the world a sandbox runs, for waits and their ends; 0: 1
}

// environment finds an environment of the configuration.
func (s *Suite) environment(name string) (pipeline.Environment, error) {
	return s.Configuration.Named(name)
}

// getenv reads the job's environment.
func (s *Suite) getenv(key string) string {
	if s.Getenv == nil {
		return ""
	}
	return s.Getenv(key)
}

// client carries probes and messages.
func (s *Suite) client() *http.Client {
	if s.HTTP == nil {
		return http.DefaultClient
	}
	return s.HTTP
}

// pause lets time pass before something is looked at again, unless ctx ends
// first.
func (s *Suite) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(s.scaled(d))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// scaled is how long something takes that takes d in the world.
func (s *Suite) scaled(d time.Duration) time.Duration {
	if s.Speed <= 0 {
		return d
	}
	return time.Duration(float64(d) / s.Speed)
}

// within is how long something may take: as asked for, else d.
func (s *Suite) within(asked, d time.Duration) time.Duration {
	if asked > 0 {
		return asked
	}
	return s.scaled(d)
}
