package cmd

import (
	"cmp"
	"context"

	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/workflows"
)

// extension is the release that the workflows install: that of the flags, else
// the one they have already. There is no default owner.
func (g *globals) extension(ctx context.Context, a answers, found checkout, seen surroundings) (workflows.Extension, error) {
	if a.extension == "" {
		ext := found.settings.Extension
		ext.SHA256 = cmp.Or(a.sha256, ext.SHA256)
		return ext, nil
	}
	ext, err := workflows.ParseExtension(a.extension)
	if err != nil {
		return ext, &pipeline.Error{Kind: pipeline.KindUsage, Message: err.Error(), Err: err}
	}
	switch {
	case a.sha256 != "":
		ext.SHA256 = a.sha256
	case ext.String() == found.settings.Extension.String() && found.settings.Extension.SHA256 != "":
		ext.SHA256 = found.settings.Extension.SHA256
	case seen.session != nil:
		r, err := ghclient.NewReader(ghclient.Options{Host: seen.session.host, Repository: ext.Repository, Log: seen.session.log, Version: Version()})
		if err != nil {
			return ext, err
		}
		// What cannot be looked up is left open, and the plan says so.
		ext.SHA256, _ = r.AssetSHA256(ctx, ext.Version, "linux-amd64")
	}
	return ext, nil
}
