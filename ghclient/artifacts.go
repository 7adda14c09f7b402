package ghclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/cli/go-gh/v2/pkg/api"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// mostArtifactPages bounds a listing: a run leaves at most 500 artifacts.
const mostArtifactPages = 5

// Artifacts lists what a run left behind, those that have expired among them.
func (r *Reader) Artifacts(ctx context.Context, run int64) ([]pipeline.Artifact, error) {
	type page struct {
		Artifacts []struct {
			ID      int64     `json:"id"`
			Name    text      `json:"name"`
			Size    int64     `json:"size_in_bytes"`
			Expired bool      `json:"expired"`
			Created time.Time `json:"created_at"`
			Expires time.Time `json:"expires_at"`
			Digest  text      `json:"digest"`
		} `json:"artifacts"`
	}
	found := []pipeline.Artifact{}
	c := call{op: "list the artifacts", on: fmt.Sprintf("run %d", run), missing: runCall("", run).missing}
	at := query(r.repoPath("actions", "runs", decimal(run), "artifacts"), "per_page", strconv.Itoa(pageSize))
	_, err := pages(ctx, r, c, at, mostArtifactPages, func(p page) bool {
		for _, a := range p.Artifacts {
			found = append(found, pipeline.Artifact{
				ID: a.ID, Name: string(a.Name), Bytes: a.Size, Created: a.Created, Expires: a.Expires, Expired: a.Expired, Digest: string(a.Digest),
			})
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// SaveArtifact downloads an artifact and unpacks it below dir. Where anything
// in it is unsafe, or is there already, it writes nothing.
func (r *Reader) SaveArtifact(ctx context.Context, a pipeline.Artifact, dir string) ([]string, error) {
	c := call{
		op: "download the artifact", on: a.Name, missing: "the artifact does not exist, or was deleted",
		explain: func(answer *api.HTTPError) *pipeline.Error {
			if answer.StatusCode == http.StatusGone {
				return &pipeline.Error{Kind: pipeline.KindNotFound, Message: "the artifact has expired, and GitHub has deleted it", Hint: "run the workflow again"}
			}
			return nil
		},
	}
	archive, err := os.CreateTemp("", "deployctl-artifact-*.zip")
	if err != nil {
		return nil, &pipeline.Error{Kind: pipeline.KindInternal, Op: c.op, Err: err, Message: err.Error()}
	}
	defer func() {
		_ = archive.Close()
		_ = os.Remove(archive.Name()) // it was ours alone
	}()
	if err := r.download(ctx, c, r.repoPath("actions", "artifacts", decimal(a.ID), "zip"), archive); err != nil {
		return nil, err
	}
	names, err := unpack(archive, dir)
	if err != nil {
		var known *pipeline.Error
		if !errors.As(err, &known) {
			known = &pipeline.Error{Kind: pipeline.KindInvalid, Err: err, Message: err.Error()}
		}
		known.Op, known.On = "unpack the artifact", a.Name
		return nil, known
	}
	return names, nil
}

// download follows GitHub's redirect to its store, which gets no token, and
// writes what is there as it comes: an archive may be larger than memory.
func (r *Reader) download(ctx context.Context, c call, path string, to io.Writer) error {
	address, err := r.location(ctx, c, path)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return r.failure(c, undecodable{err})
	}
	resp, err := r.store.RoundTrip(req)
	if err != nil {
		return r.failure(c, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return r.failure(c, &api.HTTPError{StatusCode: resp.StatusCode, Headers: resp.Header, RequestURL: req.URL, Message: "the store refused"})
	}
	if _, err := io.Copy(to, resp.Body); err != nil {
		return r.failure(c, tornOff{err})
	}
	return nil
}

// location is where GitHub redirects a request to.
func (r *Reader) location(ctx context.Context, c call, path string) (string, error) {
	resp, err := r.still.RequestWithContext(ctx, http.MethodGet, path, nil)
	if err == nil {
		_ = resp.Body.Close() // held in memory
		return "", r.failure(c, undecodable{errors.New("GitHub names no place to download it from")})
	}
	var answer *api.HTTPError
	if !errors.As(err, &answer) || answer.StatusCode != http.StatusFound && answer.StatusCode != http.StatusTemporaryRedirect {
		return "", r.failure(c, err)
	}
	u, err := url.Parse(answer.Headers.Get("Location"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", r.failure(c, undecodable{errors.New("GitHub redirects to no address")})
	}
	return u.String(), nil
}
