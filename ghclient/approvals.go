package ghclient

import (
	"context"
	"fmt"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// wireReviewer is a user or team that may approve.
type wireReviewer struct {
	Type     text     `json:"type"`
	Reviewer *account `json:"reviewer"`
}

func reviewers(ws []wireReviewer) []pipeline.Reviewer {
	var out []pipeline.Reviewer
	for _, w := range ws {
		if name := w.Reviewer.name(); name != "" { // a deleted account has none
			out = append(out, pipeline.Reviewer{Name: name, Team: w.Type == "Team"})
		}
	}
	return out
}

type wireEnvironmentName struct {
	ID   int64 `json:"id"`
	Name text  `json:"name"`
}

// PendingApprovals reads the environments that hold a run; none where nothing
// holds it.
func (r *Reader) PendingApprovals(ctx context.Context, run int64) ([]pipeline.PendingApproval, error) {
	var ws []struct {
		Environment wireEnvironmentName `json:"environment"`
		WaitTimer   int                 `json:"wait_timer"` // minutes
		WaitStarted time.Time           `json:"wait_timer_started_at"`
		CanApprove  bool                `json:"current_user_can_approve"`
		Reviewers   []wireReviewer      `json:"reviewers"`
	}
	c := runCall("read what holds", run)
	if err := r.get(ctx, c, r.repoPath("actions", "runs", decimal(run), "pending_deployments"), &ws); err != nil {
		return nil, err
	}
	pending := make([]pipeline.PendingApproval, 0, len(ws))
	for _, w := range ws {
		pending = append(pending, pipeline.PendingApproval{
			RunID:         run,
			EnvironmentID: w.Environment.ID,
			Environment:   string(w.Environment.Name),
			WaitTimer:     time.Duration(w.WaitTimer) * time.Minute,
			WaitStarted:   w.WaitStarted,
			CanApprove:    w.CanApprove,
			Reviewers:     reviewers(w.Reviewers),
		})
	}
	return pending, nil
}

// Reviews reads what was decided about a run's environments.
func (r *Reader) Reviews(ctx context.Context, run int64) ([]pipeline.Review, error) {
	var ws []struct {
		State        text                  `json:"state"`
		Comment      prose                 `json:"comment"`
		User         *account              `json:"user"`
		Environments []wireEnvironmentName `json:"environments"`
	}
	c := call{op: "read the reviews", on: fmt.Sprintf("run %d", run), missing: runCall("", run).missing}
	if err := r.get(ctx, c, r.repoPath("actions", "runs", decimal(run), "approvals"), &ws); err != nil {
		return nil, err
	}
	reviews := make([]pipeline.Review, 0, len(ws))
	for _, w := range ws {
		review := pipeline.Review{State: string(w.State), Comment: string(w.Comment), User: w.User.name()}
		for _, e := range w.Environments {
			review.Environments = append(review.Environments, string(e.Name))
		}
		reviews = append(reviews, review)
	}
	return reviews, nil
}
