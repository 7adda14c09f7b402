package aws

import (
	"context"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// ServiceDeployments reads a service's newest deployments, newest first, at
// most limit, with the digests of their revisions. Where the endpoint or the
// identity's permissions have no service deployments it fails with
// KindNotFound: their absence would look like an empty history.
func (c *Cloud) ServiceDeployments(ctx context.Context, cluster pipeline.Cluster, service string, limit int) ([]pipeline.ServiceDeployment, error) {
	const op = "read the deployments"
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	on := service + " on " + onCluster(cluster)
	deployments, r, err := s.history(ctx, cluster, service, limit)
	if err != nil {
		return nil, s.classify(op, on, err)
	}
	if s.lacks("ListServiceDeployments") || s.lacks("DescribeServiceDeployments") {
		return nil, &pipeline.Error{
			Kind: pipeline.KindNotFound, Op: op, On: on, Message: "ECS service deployments cannot be read here",
			Hint: "allow ecs:ListServiceDeployments and ecs:DescribeServiceDeployments",
		}
	}
	self := ecstypes.Service{ServiceName: awssdk.String(lastOfARN(service))}
	translated := make([]pipeline.ServiceDeployment, 0, len(deployments))
	for _, d := range deployments {
		translated = append(translated, r.deployment(self, d))
	}
	slices.SortStableFunc(translated, func(a, b pipeline.ServiceDeployment) int { return b.Created.Compare(a.Created) })
	return translated, nil
}

// history reads deployments and what they refer to.
func (s *session) history(ctx context.Context, cluster pipeline.Cluster, service string, limit int) ([]ecstypes.ServiceDeployment, *reading, error) {
	r := &reading{session: s, cluster: cluster, fresh: pipeline.IsUncached(ctx), complete: true}
	briefs, err := s.listDeployments(ctx, cluster, service, limit)
	if err != nil {
		return nil, nil, err
	}
	var arns, revisions []string
	for _, brief := range briefs {
		arns = append(arns, awssdk.ToString(brief.ServiceDeploymentArn))
	}
	deployments, err := s.describeDeployments(ctx, arns)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range deployments {
		revisions = append(revisions, revisionARNs(d)...)
	}
	return deployments, r, r.readArtifacts(ctx, revisions, nil)
}
