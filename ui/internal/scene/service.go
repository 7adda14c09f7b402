package scene

import (
	"fmt"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/"

func revision(name string, r pipeline.Release, n, running int) pipeline.ServiceRevision {
	return pipeline.ServiceRevision{
		ARN:            fmt.Sprintf("arn:aws:ecs:eu-central-1:123456789012:service-revision/shop/%s/%d", name, n),
		TaskDefinition: fmt.Sprintf("arn:aws:ecs:eu-central-1:123456789012:task-definition/%s:%d", name, n),
		Images:         []pipeline.Image{{Container: name, Repository: registry + name, Tag: r.SHA, Digest: r.Images[name]}},
		Running:        running, Requested: running, Created: r.Created, SHA: r.SHA, Version: r.Version,
	}
}

// service is one that runs r with n tasks, in good health.
func service(env pipeline.Environment, name string, r pipeline.Release, n, seed int) pipeline.ServiceView {
	rev := revision(name, r, 17, n)
	v := pipeline.ServiceView{
		ServiceState: pipeline.ServiceState{
			Key:     pipeline.ServiceKey{Environment: env.Name, Service: name},
			Cluster: env.Clusters[0], Status: "ACTIVE", Desired: n, Running: n,
			ARN:            "arn:aws:ecs:eu-central-1:123456789012:service/" + env.Clusters[0].Name + "/" + name,
			TaskDefinition: rev.TaskDefinition, Controller: "ECS", Strategy: "ROLLING", MinHealthy: 100, MaxHealthy: 200,
			Deployments: []pipeline.ServiceSet{{
				ID: "ecs-svc/1700", Status: "PRIMARY", TaskDefinition: rev.TaskDefinition, Desired: n, Running: n,
				RolloutState: "COMPLETED", Created: ago(52 * time.Hour), Updated: ago(52 * time.Hour),
			}},
			Events: []pipeline.ServiceEvent{
				{ID: "e1", At: ago(2 * time.Hour), Message: fmt.Sprintf("(service %s) has reached a steady state.", name)},
			},
			Revisions: []pipeline.ServiceRevision{rev},
			Rollout: &pipeline.ServiceDeployment{
				ARN: "arn:aws:ecs:eu-central-1:123456789012:service-deployment/shop/" + name + "/1", Status: "SUCCESSFUL",
				Strategy: "ROLLING", Created: ago(52 * time.Hour), Started: ago(52 * time.Hour), Finished: ago(52*time.Hour - 4*time.Minute),
				Target: rev, BreakerLimit: 3, BreakerStatus: "MONITORING_COMPLETE",
			},
			LogGroups: []pipeline.LogGroup{{Name: "/ecs/" + env.Clusters[0].Name + "/" + name, Prefix: "app", Container: name, Region: "eu-central-1"}},
			Load:      fact("aws metrics", load(seed)),
			Alarms:    fact("aws alarms", []pipeline.Alarm{{Name: name + "-5xx", State: "OK", Metric: "HTTPCode_Target_5XX_Count", Changed: ago(60 * time.Hour)}}),
		},
		Health: pipeline.Healthy, SHA: r.SHA, Version: r.Version, Observation: fresh("aws services"),
	}
	var tasks []pipeline.Task
	var targets []pipeline.Target
	for i := range n {
		tasks = append(tasks, task(name, r, i))
		targets = append(targets, pipeline.Target{Group: name, ID: fmt.Sprintf("10.0.%d.%d", seed, 10+i), Port: 8000, State: "healthy"})
	}
	v.Tasks, v.Targets = fact("aws tasks", tasks), fact("aws targets", targets)
	return v
}

func task(name string, r pipeline.Release, i int) pipeline.Task {
	id := fmt.Sprintf("%s%02d%s", r.SHA[:6], i, "4be0a1c2d3e4f5a6b7c8d9e0")
	return pipeline.Task{
		ID: id, ARN: "arn:aws:ecs:eu-central-1:123456789012:task/shop/" + id, Status: "RUNNING", Desired: "RUNNING", Health: "HEALTHY",
		TaskDefinition: "arn:aws:ecs:eu-central-1:123456789012:task-definition/" + name + ":17",
		Group:          "service:" + name, Created: ago(52 * time.Hour), Started: ago(52 * time.Hour), Zone: fmt.Sprintf("eu-central-1%c", 'a'+i%3),
		Containers: []pipeline.Container{{Name: name, Image: registry + name, Digest: r.Images[name], Status: "RUNNING", Health: "HEALTHY"}},
	}
}

// load is a quarter of an hour of CPU and memory that differs by seed.
func load(seed int) pipeline.Load {
	var l pipeline.Load
	for i := range 15 {
		l.CPU = append(l.CPU, float64(10+seed*7%40+(i*(seed+3))%13))
		l.Memory = append(l.Memory, float64(35+seed*5%30+i%3))
	}
	return l
}

// crash makes the service run one task too few, the last one killed for want
// of memory.
func crash(v *pipeline.ServiceView) {
	code := 137
	v.Desired, v.Running, v.Health = 2, 1, pipeline.Degraded
	v.Why = "1 of 2 running: out of memory (137)"
	v.Revisions[0].Running = 1
	dead := task(v.Key.Service, Bump, 9)
	dead.Status, dead.Desired, dead.Health = "STOPPED", "STOPPED", "UNKNOWN"
	dead.StopCode, dead.StoppedReason, dead.Stopped = "EssentialContainerExited", "Essential container in task exited", ago(time.Minute)
	dead.Containers[0].ExitCode, dead.Containers[0].Reason = &code, "OutOfMemoryError: Container killed due to memory usage"
	v.Tasks.Value = append(v.Tasks.Value[:1], dead)
	v.Targets.Value = v.Targets.Value[:1]
	v.Events = append([]pipeline.ServiceEvent{
		{ID: "e2", At: ago(time.Minute), Message: "(service notifications) has stopped 1 running tasks: (task 9f8e7d09)."},
	}, v.Events...)
}
