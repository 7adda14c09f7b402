package metrics

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Source is what is read to compute the keys.
type Source interface {
	Deployments(ctx context.Context, q pipeline.DeploymentQuery) ([]pipeline.Deployment, error)
	Compare(ctx context.Context, base, head string) (pipeline.Comparison, error)
}

const (
	mostDeployments = 1000
	comparedAtOnce  = 4
)

// Collect reads the deployments of a period and of the one before, and what
// each brought. Where two commits cannot be compared any more, because a branch
// was rewritten, that deployment's lead time stays unknown.
func Collect(ctx context.Context, from Source, s *pipeline.Snapshot, env pipeline.Environment, since, until time.Time) (Input, error) {
	in := Input{Environment: env.Name, Since: since, Until: until, Phases: map[int64]pipeline.Phase{}, Commits: map[int64][]pipeline.Commit{}}
	list, err := from.Deployments(ctx, pipeline.DeploymentQuery{
		Environment: env.GitHubEnvironment, Task: pipeline.DeploymentTask,
		CreatedFrom: since.Add(-until.Sub(since)), Limit: mostDeployments,
	})
	if err != nil {
		return in, err
	}
	in.Deployments = list
	for _, r := range s.Rollouts {
		if r.Environment == env.Name && r.Deployment != 0 {
			in.Phases[r.Deployment] = r.Phase
		}
	}
	brought := make([][]pipeline.Commit, len(list))
	known := make([]bool, len(list))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(comparedAtOnce)
	for i, d := range list {
		base := before(list[i:])
		if base == "" || base == d.SHA || isRollback(d) {
			continue
		}
		g.Go(func() error {
			c, err := from.Compare(ctx, base, d.SHA)
			if pipeline.KindOf(err) == pipeline.KindNotFound {
				return nil
			}
			brought[i], known[i] = c.Commits, err == nil
			return err
		})
	}
	err = g.Wait()
	for i, d := range list {
		if known[i] {
			in.Commits[d.ID] = brought[i]
		}
	}
	return in, err
}

// before is what was live before the first of some deployments, newest first:
// what its record says, else the newest earlier one that succeeded.
func before(list []pipeline.Deployment) string {
	if b := list[0].Payload.Before; b != nil && b.SHA != "" {
		return b.SHA
	}
	i := slices.IndexFunc(list[1:], func(d pipeline.Deployment) bool { return d.Succeeded() && !isRollback(d) })
	if i < 0 {
		return ""
	}
	return list[1+i].SHA
}
