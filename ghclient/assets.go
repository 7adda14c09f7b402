package ghclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/cli/go-gh/v2/pkg/api"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// asset is a file of a release.
type asset struct {
	Name   text   `json:"name"`
	Digest text   `json:"digest"`
	URL    string `json:"browser_download_url"`
}

// AssetSHA256 is the SHA-256 of a release's asset, in hexadecimal digits: of the
// one asset whose name ends in suffix. GitHub computed it, or the release's own
// list of checksums has it. It fails with KindNotFound where there is no such
// release, asset or sum.
func (r *Reader) AssetSHA256(ctx context.Context, tag, suffix string) (string, error) {
	var w struct {
		Assets []asset `json:"assets"`
	}
	c := call{op: "read the release", on: r.fullName(), missing: "there is no release " + tag}
	if err := r.get(ctx, c, r.repoPath("releases", "tags", tag), &w); err != nil {
		return "", err
	}
	for _, a := range w.Assets {
		if !strings.HasSuffix(string(a.Name), suffix) {
			continue
		}
		if digest, ok := strings.CutPrefix(string(a.Digest), "sha256:"); ok {
			return digest, nil
		}
		return r.listedSHA256(ctx, w.Assets, string(a.Name), tag)
	}
	return "", pipeline.Errorf(pipeline.KindNotFound, "release %s has no asset that ends in %s", tag, suffix)
}

// sums are the names under which releases keep the checksums of their assets.
var sums = regexp.MustCompile(`(?i)(^|[._-])(checksums?|sha256sums?|sha256)(\.txt)?$`)

// listedSHA256 reads the sum of an asset from the lists that its release keeps.
func (r *Reader) listedSHA256(ctx context.Context, all []asset, name, tag string) (string, error) {
	for _, list := range all {
		if !sums.MatchString(string(list.Name)) {
			continue
		}
		content, err := r.file(ctx, call{op: "read the checksums", on: string(list.Name)}, list.URL)
		if err != nil {
			return "", err
		}
		if sum := sumOf(content, name, strings.HasPrefix(string(list.Name), name)); sum != "" {
			return sum, nil
		}
	}
	return "", pipeline.Errorf(pipeline.KindNotFound, "neither GitHub nor the release %s says the SHA-256 of %s", tag, name)
}

var sumLine = regexp.MustCompile(`^([0-9a-fA-F]{64})(?:\s+\*?(\S+))?\s*$`)

// sumOf finds a file's sum in a list as sha256sum writes it. A list that is the
// file's own may leave its name out.
func sumOf(list []byte, name string, own bool) string {
	for line := range bytes.Lines(list) {
		found := sumLine.FindSubmatch(bytes.TrimSpace(line))
		if found == nil {
			continue
		}
		if named := strings.TrimPrefix(string(found[2]), "./"); named == name || named == "" && own {
			return strings.ToLower(string(found[1]))
		}
	}
	return ""
}

const (
	mostSums      = 1 << 20 // bytes of a list of checksums
	mostRedirects = 4
)

// file reads a small file from where everybody may read it: without a token, over
// the redirects to GitHub's store.
func (r *Reader) file(ctx context.Context, c call, address string) ([]byte, error) {
	for range mostRedirects {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, r.failure(c, undecodable{err})
		}
		resp, err := r.store.RoundTrip(req)
		if err != nil {
			return nil, r.failure(c, err)
		}
		content, err := io.ReadAll(io.LimitReader(resp.Body, mostSums))
		_ = resp.Body.Close() // it was read, or is of no use
		to, redirects := resp.Location()
		switch {
		case redirects == nil && resp.StatusCode/100 == 3:
			address = to.String()
		case resp.StatusCode != http.StatusOK:
			return nil, r.failure(c, &api.HTTPError{StatusCode: resp.StatusCode, Headers: resp.Header, RequestURL: req.URL, Message: "the file cannot be read without a token"})
		case err != nil:
			return nil, r.failure(c, tornOff{err})
		default:
			return content, nil
		}
	}
	return nil, r.failure(c, undecodable{errors.New("it redirects in a circle")})
}
