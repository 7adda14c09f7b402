package ghclient

import (
	"context"
	"strconv"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const (
	defaultReleases  = 30
	mostReleasePages = 5
)

type wireRelease struct {
	Tag         text      `json:"tag_name"`
	Name        text      `json:"name"`
	Body        prose     `json:"body"`
	Target      text      `json:"target_commitish"`
	URL         text      `json:"html_url"`
	Draft       bool      `json:"draft"`
	Prerelease  bool      `json:"prerelease"`
	CreatedAt   time.Time `json:"created_at"`
	PublishedAt time.Time `json:"published_at"`
}

func (w wireRelease) release() pipeline.PublishedRelease {
	return pipeline.PublishedRelease{
		Tag:        string(w.Tag),
		Name:       string(w.Name),
		Body:       string(w.Body),
		Target:     string(w.Target),
		URL:        string(w.URL),
		Draft:      w.Draft,
		Prerelease: w.Prerelease,
		Created:    w.CreatedAt,
		Published:  w.PublishedAt,
	}
}

// Releases lists published releases, newest first; limit 0: one page of 30.
func (r *Reader) Releases(ctx context.Context, limit int) ([]pipeline.PublishedRelease, error) {
	if limit <= 0 {
		limit = defaultReleases
	}
	at := query(r.repoPath("releases"), "per_page", strconv.Itoa(min(limit, pageSize)))
	found := []pipeline.PublishedRelease{}
	_, err := pages(ctx, r, call{op: "list releases", on: r.fullName()}, at, mostReleasePages, func(p []wireRelease) bool {
		for _, w := range p[:min(len(p), limit-len(found))] {
			found = append(found, w.release())
		}
		return len(found) < limit
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}
