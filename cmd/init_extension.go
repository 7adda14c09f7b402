package cmd

import (
	"cmp"
	"context"
	"strings"

	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/workflows"
)

// extension is the release that the workflows install: that of the flags, else
// the one they have already. There is no default owner. Where its SHA-256 is
// open, why says why.
func (g *globals) extension(ctx context.Context, a answers, found checkout, seen surroundings) (ext workflows.Extension, why string, err error) {
	if a.extension == "" {
		ext = found.settings.Extension
		ext.SHA256 = cmp.Or(a.sha256, ext.SHA256)
		return ext, "the workflows name it without one", nil
	}
	if ext, err = workflows.ParseExtension(a.extension); err != nil {
		return ext, "", &pipeline.Error{Kind: pipeline.KindUsage, Message: err.Error(), Err: err}
	}
	switch {
	case a.sha256 != "":
		ext.SHA256 = a.sha256
	case ext.String() == found.settings.Extension.String() && found.settings.Extension.SHA256 != "":
		ext.SHA256 = found.settings.Extension.SHA256
	case seen.session == nil:
		why = "GitHub was not asked"
	default:
		r, err := ghclient.NewReader(ghclient.Options{Host: seen.session.host, Repository: ext.Repository, Log: seen.session.log, Version: Version()})
		if err != nil {
			return ext, "", err
		}
		// What cannot be looked up is left open, and the plan says so.
		if ext.SHA256, err = r.AssetSHA256(ctx, ext.Version, "linux-amd64"); err != nil {
			why = sentence(err)
		}
	}
	return ext, why, nil
}

// What is wrong with an extension in another private repository, and what to do.
const (
	hiddenRepository = "private, and the jobs' own token reads no other private repository, so they cannot install it"
	copyExtension    = "copy its release into this repository and name that one with --extension, as docs/setup.md shows"
)

// hiddenFromJobs reports whether a repository is private and another than the one
// that is delivered: the token of its jobs cannot read it.
func (s *session) hiddenFromJobs(ctx context.Context, repository string) bool {
	if repository == "" || strings.EqualFold(repository, s.owner+"/"+s.name) {
		return false
	}
	r, err := ghclient.NewReader(ghclient.Options{Host: s.host, Repository: repository, Log: s.log, Version: Version()})
	if err != nil {
		return false
	}
	found, err := r.Repository(ctx)
	return err == nil && found.Private // one that cannot be read is told of elsewhere
}
