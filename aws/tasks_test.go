package aws

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func TestTasksArePagedAndBatched(t *testing.T) {
	c, a := newAccount(t)
	on(a, "ListTasks", func(in *ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
		out := &ecs.ListTasksOutput{}
		if in.DesiredStatus == ecstypes.DesiredStatusStopped {
			out.TaskArns = []string{"task/stopped", "task/gone"}
			return out, nil
		}
		page, _ := strconv.Atoi(awssdk.ToString(in.NextToken))
		for i := page * 100; i < min(page*100+100, 148); i++ {
			out.TaskArns = append(out.TaskArns, fmt.Sprintf("task/%03d", i))
		}
		if page == 0 {
			out.NextToken = awssdk.String("1")
		}
		return out, nil
	})
	on(a, "DescribeTasks", func(in *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
		if len(in.Tasks) > 100 {
			return nil, failure("InvalidParameterException", "Tasks cannot be more than 100")
		}
		out := &ecs.DescribeTasksOutput{}
		for i, arn := range in.Tasks {
			task := ecstypes.Task{TaskArn: &arn, Group: awssdk.String("service:orders"), LastStatus: awssdk.String("RUNNING"), CreatedAt: awssdk.Time(time.Unix(int64(i), 0))}
			switch arn {
			case "task/gone":
				out.Failures = append(out.Failures, ecstypes.Failure{Arn: &arn, Reason: awssdk.String("MISSING")})
				continue
			case "task/000":
				task.Group = awssdk.String("service:users") // an endpoint that does not filter
			case "task/stopped":
				task.LastStatus, task.StopCode = awssdk.String("STOPPED"), ecstypes.TaskStopCodeEssentialContainerExited
				task.StoppedReason = awssdk.String("Essential container in task exited\u202e")
				task.Containers = []ecstypes.Container{{Name: awssdk.String("orders"), ExitCode: awssdk.Int32(137), Reason: awssdk.String("OutOfMemoryError"), ImageDigest: awssdk.String(digestOf(1))}}
			}
			out.Tasks = append(out.Tasks, task)
		}
		return out, nil
	})
	tasks, err := c.Tasks(t.Context(), production, "orders")
	if err != nil {
		t.Fatal(err)
	}
	if len(tasks) != 148 {
		t.Fatalf("%d tasks, want 147 that run and 1 that stopped", len(tasks))
	}
	last := tasks[len(tasks)-1]
	if last.ID != "stopped" || last.StoppedReason != "Essential container in task exited" || *last.Containers[0].ExitCode != 137 || last.Containers[0].Digest != digestOf(1) {
		t.Errorf("stopped task: %+v", last)
	}
	if l, d := a.sent("ListTasks"), a.sent("DescribeTasks"); l != 3 || d != 2 {
		t.Errorf("%d calls of ListTasks and %d of DescribeTasks, want 3 and 2", l, d)
	}
}
