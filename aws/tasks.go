package aws

import (
	"cmp"
	"context"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Tasks reads the tasks that run or shall run, and those that stopped within
// about the last hour, which is how long ECS remembers them. Running tasks come
// first, then the newest.
func (c *Cloud) Tasks(ctx context.Context, cluster pipeline.Cluster, service string) ([]pipeline.Task, error) {
	const op = "read the tasks"
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	on := service + " on " + onCluster(cluster)
	wanted := []ecstypes.DesiredStatus{ecstypes.DesiredStatusRunning, ecstypes.DesiredStatusStopped}
	arns, err := inBatches(ctx, wanted, 1, func(ctx context.Context, desired []ecstypes.DesiredStatus) ([]string, error) {
		return s.listTasks(ctx, cluster, service, desired[0])
	})
	if err != nil {
		return nil, s.classify(op, on, err)
	}
	described, err := inBatches(ctx, unique(arns), tasksAtOnce, func(ctx context.Context, batch []string) ([]ecstypes.Task, error) {
		out, err := s.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: clusterOf(cluster), Tasks: batch})
		if err != nil {
			return nil, err
		}
		return out.Tasks, nil // a failure is a task that is gone since it was listed
	})
	if err != nil {
		return nil, s.classify(op, on, err)
	}
	return tasksOf(described, "service:"+lastOfARN(service)), nil
}

func (s *session) listTasks(ctx context.Context, cluster pipeline.Cluster, service string, desired ecstypes.DesiredStatus) ([]string, error) {
	return pages(func(token *string) ([]string, *string, error) {
		out, err := s.ecs.ListTasks(ctx, &ecs.ListTasksInput{
			Cluster: clusterOf(cluster), ServiceName: &service, DesiredStatus: desired,
			MaxResults: awssdk.Int32(pageSize), NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		return out.TaskArns, out.NextToken, nil
	})
}

// tasksOf translates the tasks of one group. The list was filtered by service
// already; not every endpoint does so.
func tasksOf(described []ecstypes.Task, group string) []pipeline.Task {
	tasks := make([]pipeline.Task, 0, len(described))
	for _, t := range described {
		if name := text(t.Group); name == "" || name == group {
			tasks = append(tasks, translateTask(t))
		}
	}
	slices.SortFunc(tasks, func(a, b pipeline.Task) int {
		return cmp.Or(
			boolCompare(a.Status == "STOPPED", b.Status == "STOPPED"),
			b.Created.Compare(a.Created),
			cmp.Compare(a.ARN, b.ARN),
		)
	})
	return tasks
}

func translateTask(t ecstypes.Task) pipeline.Task {
	task := pipeline.Task{
		ID: lastOfARN(text(t.TaskArn)), ARN: text(t.TaskArn), TaskDefinition: text(t.TaskDefinitionArn),
		Status: text(t.LastStatus), Desired: text(t.DesiredStatus), Health: text(&t.HealthStatus),
		Group: text(t.Group), StartedBy: text(t.StartedBy), StopCode: text(&t.StopCode), StoppedReason: text(t.StoppedReason),
		Created: moment(t.CreatedAt), Started: moment(t.StartedAt), Stopped: moment(t.StoppedAt), Zone: text(t.AvailabilityZone),
	}
	for _, c := range t.Containers {
		container := pipeline.Container{
			Name: text(c.Name), Image: text(c.Image), Digest: text(c.ImageDigest),
			Status: text(c.LastStatus), Health: text(&c.HealthStatus), Reason: text(c.Reason),
		}
		if c.ExitCode != nil {
			container.ExitCode = new(int(*c.ExitCode))
		}
		task.Containers = append(task.Containers, container)
	}
	return task
}
