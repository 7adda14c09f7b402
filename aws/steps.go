package aws

import (
	"context"
	"errors"
	"slices"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
)

var _ steps.Cloud = (*Cloud)(nil)

// Tagged finds the digest of the image that a repository of ECR tags so.
func (c *Cloud) Tagged(ctx context.Context, cluster pipeline.Cluster, repository, tag string) (string, error) {
	const op = "look up the image"
	on := repository + ":" + tag
	s, err := c.session(ctx, cluster)
	if err != nil {
		return "", err
	}
	place, ok := repositoryOf(pipeline.Image{Repository: repository})
	if !ok {
		return "", &pipeline.Error{Kind: pipeline.KindInvalid, Op: op, On: on, Message: "it is no repository of ECR", Hint: "deploy images of ECR"}
	}
	out, err := s.registry(place.region).DescribeImages(ctx, &ecr.DescribeImagesInput{
		RegistryId: &place.account, RepositoryName: &place.name, ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: &tag}},
	})
	if _, absent := errors.AsType[*ecrtypes.ImageNotFoundException](err); absent || err == nil && len(out.ImageDetails) == 0 {
		return "", &pipeline.Error{Kind: pipeline.KindNotFound, Op: op, On: on, Message: "no image has that tag", Hint: "ci.yml has not built this commit"}
	}
	if err != nil {
		return "", s.classify(op, on, err)
	}
	return text(out.ImageDetails[0].ImageDigest), nil
}

// Task reads one task by ARN.
func (c *Cloud) Task(ctx context.Context, cluster pipeline.Cluster, arn string) (pipeline.Task, error) {
	const op = "read the task"
	s, err := c.session(ctx, cluster)
	if err != nil {
		return pipeline.Task{}, err
	}
	out, err := s.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: clusterOf(cluster), Tasks: []string{arn}})
	if err != nil {
		return pipeline.Task{}, s.classify(op, lastOfARN(arn), err)
	}
	if len(out.Tasks) == 0 {
		return pipeline.Task{}, &pipeline.Error{Kind: pipeline.KindNotFound, Op: op, On: lastOfARN(arn), Message: "ECS does not know it any more"}
	}
	return translateTask(out.Tasks[0]), nil
}

// TaskLog reads the newest lines of a task's own stream, oldest first.
func (c *Cloud) TaskLog(ctx context.Context, cluster pipeline.Cluster, group pipeline.LogGroup, task string, since time.Time, limit int) ([]string, error) {
	if group.Region != "" {
		cluster.Region = group.Region
	}
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	stream := group.Prefix + "/" + group.Container + "/" + task
	lines, err := pages(func(token *string) ([]string, *string, error) {
		out, err := s.logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{
			LogGroupName: &group.Name, LogStreamNames: []string{stream}, StartTime: awssdk.Int64(since.UnixMilli()), NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		var page []string
		for _, event := range out.Events {
			page = append(page, text(event.Message))
		}
		return page, out.NextToken, nil
	})
	if hasCode(err, "ResourceNotFoundException") {
		return nil, nil // it wrote nothing
	}
	return slices.Clone(lines[max(0, len(lines)-limit):]), s.classify("read the log", stream, err)
}
