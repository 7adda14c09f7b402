package ghclient

import (
	"context"

	"github.com/deployctl/gh-deployctl/pipeline/steps"
)

// Mark adds a remark to a deployment that is in progress, as a status that
// leaves it in progress.
func (c *Client) Mark(ctx context.Context, deployment int64, remark string) error {
	return c.AddStatus(ctx, deployment, steps.NewStatus{State: "in_progress", Description: remark})
}
