package ghclient

import (
	"context"

	"github.com/deployctl/gh-deployctl/pipeline"
)

type wireRepository struct {
	Name          text            `json:"name"`
	Owner         *account        `json:"owner"`
	DefaultBranch text            `json:"default_branch"`
	Private       bool            `json:"private"`
	URL           text            `json:"html_url"`
	Permissions   map[string]bool `json:"permissions"`
}

// role is the strongest permission that the answer grants.
func (w wireRepository) role() string {
	for _, role := range []string{"admin", "maintain", "push", "triage", "pull"} {
		if w.Permissions[role] {
			return role
		}
	}
	return ""
}

// Repository reads the repository and what the token may do in it.
func (r *Reader) Repository(ctx context.Context) (pipeline.Repository, error) {
	var w wireRepository
	if err := r.get(ctx, call{op: "read the repository", on: r.fullName()}, r.repoPath(), &w); err != nil {
		return pipeline.Repository{}, err
	}
	repo := pipeline.Repository{
		Host:          r.host,
		Owner:         w.Owner.name(),
		Name:          string(w.Name),
		DefaultBranch: string(w.DefaultBranch),
		Private:       w.Private,
		URL:           string(w.URL),
		Role:          w.role(),
	}
	return repo, nil
}

// Viewer reads whose token it is.
func (r *Reader) Viewer(ctx context.Context) (pipeline.Viewer, error) {
	var w account
	if err := r.get(ctx, call{op: "read who is signed in", missing: "GitHub does not say who is signed in"}, "user", &w); err != nil {
		return pipeline.Viewer{}, err
	}
	return pipeline.Viewer{Login: string(w.Login), ID: w.ID}, nil
}
