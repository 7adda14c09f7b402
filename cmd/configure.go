package cmd

import (
	"context"
	"errors"
	"os"

	"github.com/deployctl/gh-deployctl/environments"
	"github.com/deployctl/gh-deployctl/pipeline"
)

// configure reads the team's configuration: the file that --config names, else
// .github/deployctl.yml of the default branch, else what can be inferred.
func (s *session) configure(ctx context.Context) (pipeline.Configuration, error) {
	if s.config != "" {
		content, err := os.ReadFile(s.config)
		if err != nil {
			return pipeline.Configuration{}, &pipeline.Error{Kind: pipeline.KindUsage, Op: "read the configuration", Message: err.Error(), Hint: "name a file that is there with --config, or leave the flag out", Err: err}
		}
		return parse(s.config, content)
	}
	content, err := s.reader.File(ctx, environments.Path, "")
	if pipeline.KindOf(err) == pipeline.KindNotFound {
		if _, repoErr := s.reader.Repository(ctx); repoErr != nil {
			return pipeline.Configuration{}, repoErr // there is no such repository, rather than no such file
		}
		return s.infer(ctx)
	}
	if err != nil {
		return pipeline.Configuration{}, err
	}
	return parse(s.owner+"/"+s.name+":"+environments.Path, content)
}

// parse makes one error of all the mistakes in a file.
func parse(name string, content []byte) (pipeline.Configuration, error) {
	c, err := environments.Parse(name, content)
	var invalid *environments.InvalidError
	if errors.As(err, &invalid) {
		return c, &pipeline.Error{Kind: pipeline.KindInvalid, Message: invalid.Error(), Hint: "correct the file and refresh", Err: err}
	}
	c.Origin = name
	return c, err
}

// infer collects what GitHub and AWS show and guesses the rest. A cloud that
// cannot be read is left out: runs and approvals work without it.
func (s *session) infer(ctx context.Context) (pipeline.Configuration, error) {
	repo, err := s.reader.Repository(ctx)
	if err != nil {
		return pipeline.Configuration{}, err
	}
	facts := environments.Facts{Repository: repo.FullName(), DefaultBranch: repo.DefaultBranch}
	rules, err := s.reader.Environments(ctx)
	if err != nil {
		return pipeline.Configuration{}, err
	}
	for _, r := range rules {
		facts.Environments = append(facts.Environments, environments.GitHubEnvironment{
			Name: r.Environment, Reviewers: len(r.Reviewers) > 0, Branches: r.Branches,
		})
	}
	refs, err := s.reader.Refs(ctx)
	if err != nil {
		return pipeline.Configuration{}, err
	}
	for _, r := range refs {
		if !r.Tag {
			facts.Branches = append(facts.Branches, r.Name)
		}
	}
	workflows, err := s.reader.Workflows(ctx)
	if err != nil {
		return pipeline.Configuration{}, err
	}
	for _, w := range workflows {
		if content, err := s.reader.File(ctx, w.Path, ""); err == nil {
			facts.Workflows = append(facts.Workflows, environments.ReadWorkflow(w.File(), content))
		}
	}
	var cloudErr error
	facts.Clusters, cloudErr = s.clusters(ctx)
	c := environments.Infer(facts)
	if cloudErr != nil {
		c.Notes = append(c.Notes, "AWS is not connected: "+cloudErr.Error())
	}
	return c, nil
}

// clusters lists the ECS clusters that the operator's own identity sees; none
// in a session that reads GitHub alone.
func (s *session) clusters(ctx context.Context) ([]environments.ECSCluster, error) {
	if s.cloud == nil {
		return nil, nil
	}
	names, err := s.cloud.Clusters(ctx, pipeline.Cluster{})
	if err != nil {
		return nil, err
	}
	var out []environments.ECSCluster
	for _, name := range names {
		services, err := s.cloud.ServiceNames(ctx, pipeline.Cluster{Name: name})
		if err != nil {
			return out, err
		}
		out = append(out, environments.ECSCluster{Name: name, Services: services})
	}
	return out, nil
}
