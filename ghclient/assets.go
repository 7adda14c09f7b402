package ghclient

import (
	"context"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// AssetSHA256 is the SHA-256 that GitHub computed of a release's asset, in
// hexadecimal digits: of the one asset whose name ends in suffix. It fails with
// KindNotFound where there is no such release, asset or digest.
func (r *Reader) AssetSHA256(ctx context.Context, tag, suffix string) (string, error) {
	var w struct {
		Assets []struct {
			Name   text `json:"name"`
			Digest text `json:"digest"`
		} `json:"assets"`
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
		return "", pipeline.Errorf(pipeline.KindNotFound, "GitHub gives no digest of %s in release %s", a.Name, tag)
	}
	return "", pipeline.Errorf(pipeline.KindNotFound, "release %s has no asset that ends in %s", tag, suffix)
}
