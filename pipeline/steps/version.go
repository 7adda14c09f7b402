package steps

import (
	"context"
	"path"
	"slices"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Version computes the version of what the run deploys, says it, and sets it as
// the output "version": the tag that the run is about, else a tag of the
// environment's patterns that names the commit, else the commit's own date and
// short SHA, so that a re-run a day later computes the same.
func (s *Suite) Version(ctx context.Context, environment string) (string, error) {
	env, err := s.environment(environment)
	if err != nil {
		return "", err
	}
	version, err := s.version(ctx, env)
	if err != nil {
		return "", err
	}
	s.Report.Printf("%s is %s", pipeline.Short(s.Run.SHA), version)
	s.Report.Output("version", version)
	s.Report.Summary("Version **" + Cell(version) + "** (`" + pipeline.Short(s.Run.SHA) + "`)")
	return version, nil
}

func (s *Suite) version(ctx context.Context, env pipeline.Environment) (string, error) {
	if s.Run.Tag {
		return s.Run.Ref, nil
	}
	if s.Run.SHA == "" {
		return "", &pipeline.Error{Kind: pipeline.KindUsage, Message: "there is no commit to compute a version of", Hint: "set GITHUB_SHA"}
	}
	tags, err := s.GitHub.TagsOf(ctx, s.Run.SHA)
	if err != nil {
		return "", err
	}
	tags = slices.DeleteFunc(tags, func(tag string) bool { return !matches(env.Tags, tag) })
	if len(tags) > 0 {
		return slices.Max(tags), nil
	}
	commit, err := s.GitHub.Commit(ctx, s.Run.SHA)
	if err != nil {
		return "", err
	}
	return commit.Committed.UTC().Format("2006.01.02") + "-" + pipeline.Short(s.Run.SHA), nil
}

// matches reports whether a name is like one of the patterns.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return err == nil && ok
	})
}
