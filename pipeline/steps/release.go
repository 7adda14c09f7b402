package steps

import (
	"context"
	"fmt"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// releasesRead is how many releases are looked at for one of the tag.
const releasesRead = 100

// Release publishes the GitHub release of the run's tag, with notes that GitHub
// generates, once: where there is one already it says so. A version with a
// hyphen, such as v1.42.0-rc.1, becomes a pre-release.
func (s *Suite) Release(ctx context.Context, version string) error {
	if s.Run.Ref != "" && (!s.Run.Tag || s.Run.Ref != version) {
		return &pipeline.Error{
			Kind: pipeline.KindUsage, Op: "release " + version, Message: fmt.Sprintf("this run is for %s, which is not the tag %s", s.Run.Ref, version),
			Hint: "push the tag, and let its run release it",
		}
	}
	if there, err := s.released(ctx, version); err != nil || there {
		return err
	}
	if err := s.stillTagged(ctx, version); err != nil {
		return err
	}
	if s.DryRun || s.Publisher == nil {
		s.Report.Printf("would publish the release %s with generated notes", version)
		return nil
	}
	r, err := s.Publisher.CreateRelease(ctx, NewRelease{Tag: version, SHA: s.Run.SHA, Prerelease: strings.Contains(version, "-")})
	switch {
	case pipeline.KindOf(err) == pipeline.KindConflict:
		s.Report.Noticef("released already", "%s has a release already", version)
		return nil
	case err != nil && doubtful(err): // it may have been made: look before anybody sends again
		there, look := s.released(pipeline.Uncached(ctx), version)
		if look == nil && there {
			return nil
		}
		return err
	case err != nil:
		return err
	}
	s.Report.Output("url", r.URL)
	s.Report.Noticef("released", "%s is published: %s", version, r.URL)
	s.Report.Summary(fmt.Sprintf("Released [%s](%s)", Cell(version), r.URL))
	return nil
}

// stillTagged refuses where the tag does not name any more what this run
// deployed: the release would show something else than what is live.
func (s *Suite) stillTagged(ctx context.Context, version string) error {
	if s.Run.SHA == "" {
		return nil // by hand, for a tag as it is
	}
	named, err := s.GitHub.Commit(pipeline.Uncached(ctx), version)
	where := "was moved to " + pipeline.Short(named.SHA)
	switch {
	case pipeline.KindOf(err) == pipeline.KindNotFound:
		where = "is gone"
	case err != nil:
		return err
	case named.SHA == s.Run.SHA:
		return nil
	}
	return &pipeline.Error{
		Kind: pipeline.KindRefused, Op: "release " + version, Message: fmt.Sprintf("the tag %s since this run deployed %s", where, pipeline.Short(s.Run.SHA)),
		Hint: "put the tag back, or push a new one",
	}
}

// released looks for a release of the tag, and says where it is.
func (s *Suite) released(ctx context.Context, version string) (bool, error) {
	list, err := s.GitHub.Releases(ctx, releasesRead)
	if err != nil {
		return false, err
	}
	for _, r := range list {
		if r.Tag == version && !r.Draft {
			s.Report.Noticef("released already", "%s has a release already: %s", version, r.URL)
			s.Report.Output("url", r.URL)
			return true, nil
		}
	}
	return false, nil
}
