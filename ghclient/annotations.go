package ghclient

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/cli/go-gh/v2/pkg/api"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// mostAnnotationPages bounds a listing: GitHub keeps 50 of a step, and no more
// than a few hundred of a job.
const mostAnnotationPages = 5

// Annotations reads what a job's tools noted on files or on the job. A job is a
// check run of the same id. Tokens of the fine-grained kind cannot read them:
// that is a KindForbidden.
func (r *Reader) Annotations(ctx context.Context, job int64) ([]pipeline.Annotation, error) {
	type note struct {
		Path    text  `json:"path"`
		Line    int   `json:"start_line"`
		Level   text  `json:"annotation_level"`
		Title   text  `json:"title"`
		Message prose `json:"message"`
	}
	c := call{
		op: "read the annotations", on: fmt.Sprintf("job %d", job), missing: "the job has no annotations that the token may read",
		explain: func(a *api.HTTPError) *pipeline.Error {
			if a.StatusCode != http.StatusForbidden {
				return nil
			}
			if _, throttled := throttle(a.StatusCode, a.Headers, a.Message); throttled {
				return nil
			}
			return &pipeline.Error{
				Kind: pipeline.KindForbidden, Message: "the token may not read annotations",
				Hint: "fine-grained tokens cannot; the log's own errors are shown",
			}
		},
	}
	notes := []pipeline.Annotation{}
	at := query(r.repoPath("check-runs", decimal(job), "annotations"), "per_page", strconv.Itoa(pageSize))
	_, err := pages(ctx, r, c, at, mostAnnotationPages, func(page []note) bool {
		for _, n := range page {
			notes = append(notes, pipeline.Annotation{
				Level: string(n.Level), Path: string(n.Path), Line: n.Line, Title: string(n.Title), Message: string(n.Message),
			})
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return notes, nil
}
