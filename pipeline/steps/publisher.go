package steps

import (
	"context"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Publisher is what the steps write to GitHub. No method retries.
type Publisher interface {
	// CreateDeployment files a rollout's one deployment and returns its id. The
	// task, the payload, SHA, environment and description are d's.
	CreateDeployment(ctx context.Context, d pipeline.Deployment) (int64, error)
	// SetStatus adds a status to a deployment; earlier deployments stay as they are.
	SetStatus(ctx context.Context, deployment int64, s pipeline.DeploymentStatus) error
	// CreateRelease publishes a release of an existing tag with generated notes
	// and returns its page; KindConflict where the tag has one.
	CreateRelease(ctx context.Context, tag string, prerelease bool) (url string, err error)
	// Lock takes a hold; KindConflict where somebody else has one.
	Lock(ctx context.Context, h pipeline.Hold) error
	// Amend replaces the hold of that token by h, in one step; KindConflict
	// where it is another one by now.
	Amend(ctx context.Context, h pipeline.Hold, token string) error
	// Unlock lifts the hold of that token; KindConflict where it is another one by now.
	Unlock(ctx context.Context, environment, token string) error
}
