package steps

import (
	"context"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Publisher is what the steps write to GitHub. No method retries.
type Publisher interface {
	// CreateDeployment files a rollout's one deployment and returns its id.
	CreateDeployment(ctx context.Context, d NewDeployment) (id int64, err error)
	// AddStatus adds a status to a deployment; earlier deployments stay as they are.
	AddStatus(ctx context.Context, deployment int64, s NewStatus) error
	// CreateRelease publishes a release with generated notes; KindConflict
	// where the tag has one.
	CreateRelease(ctx context.Context, r NewRelease) (pipeline.PublishedRelease, error)
	// Lock takes a hold; KindConflict where somebody else has one.
	Lock(ctx context.Context, h pipeline.Hold) error
	// Relock puts h in the place of the hold that the token names, without a
	// moment in which there is none; KindConflict where it is another by now.
	Relock(ctx context.Context, token string, h pipeline.Hold) error
	// Unlock lifts the hold of that token; KindConflict where it is another by now.
	Unlock(ctx context.Context, environment, token string) error
}

// NewDeployment is a deployment to make. Its task is [pipeline.DeploymentTask].
type NewDeployment struct {
	SHA         string // full
	Environment string // the GitHub environment that records the stage's releases
	Production  bool
	Description string // at most 140 characters; a longer one is cut
	Payload     pipeline.Payload
}

// NewStatus is a status to add to a deployment.
type NewStatus struct {
	State       string // queued, in_progress, success, failure, error, inactive
	Description string // at most 140 characters; a longer one is cut
	LogURL      string // the run's page
	URL         string // where the environment can be looked at
}

// NewRelease is a release to publish for an existing tag.
type NewRelease struct {
	Tag        string
	SHA        string // full; the commit that the tag names
	Prerelease bool
}
