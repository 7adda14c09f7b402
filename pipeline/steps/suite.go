// Package steps carries out what the delivery workflows call: one method of a
// [Suite] for each step. A step reads through the engine's ports and writes
// through two of its own, a Deployer for AWS and a Publisher for GitHub; a dry
// run has neither, so that it cannot change anything.
package steps

import (
	"context"
	"fmt"
	"net/http"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Suite is what every step needs.
type Suite struct {
	Configuration pipeline.Configuration
	GitHub        pipeline.GitHub // reads
	Cloud         Cloud           // reads; nil where no AWS credentials are needed
	Deployer      Deployer        // AWS writes; nil in a dry run
	Publisher     Publisher       // GitHub writes; nil in a dry run
	Run           Run             // where it runs
	Report        *Report         // outputs, annotations, summary, masks
	HTTP          *http.Client    // health and smoke, Slack
	DryRun        bool            // say what would be done, and change nothing
}

// Run is the workflow run that a step belongs to, as the GITHUB_* variables say.
type Run struct {
	Repository string // OWNER/NAME
	Workflow   string // file name: cd-production.yml
	ID         int64
	Attempt    int
	SHA        string // full
	Ref        string // branch or tag
	Actor      string
	RequestID  string // of the request that caused the run; empty: none
	Job        string
	URL        string // of the run's page
}

// Publisher is what the steps write to GitHub. No method retries.
type Publisher interface {
	// CreateDeployment files a rollout's one deployment and returns its id.
	CreateDeployment(ctx context.Context, d pipeline.Deployment) (int64, error)
	// SetStatus adds a status to a deployment; earlier deployments stay as they are.
	SetStatus(ctx context.Context, deployment int64, s pipeline.DeploymentStatus) error
	// Lock takes a hold; KindConflict where somebody else has one.
	Lock(ctx context.Context, h pipeline.Hold) error
	// Amend replaces the hold of that token by h, in one step; KindConflict
	// where it is another one by now.
	Amend(ctx context.Context, h pipeline.Hold, token string) error
	// Unlock lifts the hold of that token; KindConflict where it is another one by now.
	Unlock(ctx context.Context, environment, token string) error
}

// environment finds an environment of the configuration.
func (s *Suite) environment(name string) (pipeline.Environment, error) {
	env, ok := s.Configuration.Environment(name)
	if !ok {
		return env, &pipeline.Error{
			Kind: pipeline.KindUsage, Message: fmt.Sprintf("the configuration has no environment %q", name),
			Hint: "name one of those in .github/deployctl.yml with --environment",
		}
	}
	return env, nil
}
