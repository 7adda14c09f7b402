package sandbox

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
)

type updateServiceInput struct {
	Cluster                 string
	Service                 string
	TaskDefinition          string
	DesiredCount            *int
	ForceNewDeployment      bool
	DeploymentConfiguration *struct {
		MaximumPercent        *int
		MinimumHealthyPercent *int
		Alarms                *struct {
			AlarmNames []string
			Enable     bool
		}
	}
}

func (a *awsAPI) updateService(in updateServiceInput) (document, error) {
	service, err := a.service(in.Cluster, in.Service)
	if err != nil {
		return nil, err
	}
	if service.Status != "ACTIVE" {
		return nil, awsFailure("ServiceNotActiveException", "Service was not ACTIVE.")
	}
	var definition *TaskDefinition
	if in.TaskDefinition != "" {
		if definition, err = a.runnable(in.TaskDefinition); err != nil {
			return nil, err
		}
	}
	if in.DesiredCount != nil && *in.DesiredCount < 0 {
		return nil, errInvalidParameter("Desired count cannot be negative.")
	}
	in.configure(service)
	a.world.UpdateService(service, definition, in.DesiredCount, in.ForceNewDeployment)
	return document{"service": a.serviceDocument(service)}, nil
}

// configure takes over what the client changes of the deployment's settings.
func (in updateServiceInput) configure(service *Service) {
	configuration := in.DeploymentConfiguration
	if configuration == nil {
		return
	}
	if configuration.MaximumPercent != nil {
		service.MaxPercent = *configuration.MaximumPercent
	}
	if configuration.MinimumHealthyPercent != nil {
		service.MinHealthy = *configuration.MinimumHealthyPercent
	}
	if alarms := configuration.Alarms; alarms != nil {
		service.Alarms = nil
		if alarms.Enable {
			service.Alarms = slices.Clone(alarms.AlarmNames)
		}
	}
}

// runnable finds a task definition that tasks may be started from.
func (a *awsAPI) runnable(ref string) (*TaskDefinition, error) {
	definition := a.world.Cloud.TaskDefinition(ref)
	switch {
	case definition == nil:
		return nil, awsFailure("ClientException", "TaskDefinition not found.")
	case definition.Status != "ACTIVE":
		return nil, awsFailure("ClientException", "TaskDefinition is inactive")
	}
	return definition, nil
}

type runTaskInput struct {
	Cluster              string
	TaskDefinition       string
	Count                *int
	StartedBy            string
	ClientToken          string
	Tags                 []tagInput
	NetworkConfiguration *struct {
		AwsvpcConfiguration *struct{ Subnets []string }
	}
	Overrides struct {
		ContainerOverrides []struct {
			Name    string
			Command []string
		}
	}
}

// A taskRequest is what a client token stands for: a request, and its tasks.
type taskRequest struct {
	sum   [sha256.Size]byte
	tasks []*Task
}

func (a *awsAPI) runTask(in runTaskInput) (document, error) {
	cluster, err := a.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	definition, err := a.runnable(in.TaskDefinition)
	if err != nil {
		return nil, err
	}
	command, err := in.check(definition)
	if err != nil {
		return nil, err
	}
	request := &taskRequest{sum: in.sum()}
	if in.ClientToken != "" {
		if earlier := a.tokens[in.ClientToken]; earlier != nil {
			return a.repeatedRunTask(request, earlier)
		}
		a.tokens[in.ClientToken] = request
	}
	for range in.count() {
		task := a.world.RunTask(cluster, definition, command, in.StartedBy)
		if len(in.Tags) > 0 {
			a.tags[task.ARN] = tagPairs(in.Tags)
		}
		request.tasks = append(request.tasks, task)
	}
	return a.startedTasks(request.tasks), nil
}

// repeatedRunTask answers a request whose token was seen before: with the tasks
// it started then, or a conflict where it asks for something else.
func (a *awsAPI) repeatedRunTask(request, earlier *taskRequest) (document, error) {
	if request.sum == earlier.sum {
		return a.startedTasks(earlier.tasks), nil
	}
	ids := make([]string, 0, len(earlier.tasks))
	for _, task := range earlier.tasks {
		ids = append(ids, task.ARN)
	}
	err := awsFailure("ConflictException", "The client token was used with different parameters.")
	err.members = document{"resourceIds": ids}
	return nil, err
}

func (a *awsAPI) startedTasks(tasks []*Task) document {
	started := make([]document, 0, len(tasks))
	for _, task := range tasks {
		started = append(started, a.taskDocument(task))
	}
	return document{"tasks": started, "failures": []document{}}
}

func (in runTaskInput) count() int {
	if in.Count == nil {
		return 1
	}
	return *in.Count
}

func (in runTaskInput) sum() [sha256.Size]byte {
	text, err := json.Marshal(in)
	if err != nil {
		panic(fmt.Sprintf("plain data did not encode: %v", err)) // cannot happen
	}
	return sha256.Sum256(text)
}

// check validates a request and gives the command that it overrides.
func (in runTaskInput) check(definition *TaskDefinition) (command []string, err error) {
	if count := in.count(); count < 1 || count > 10 {
		return nil, errInvalidParameter("Count must be between 1 and 10.")
	}
	network := in.NetworkConfiguration
	if network == nil || network.AwsvpcConfiguration == nil || len(network.AwsvpcConfiguration.Subnets) == 0 {
		return nil, errInvalidParameter("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
	}
	for _, override := range in.Overrides.ContainerOverrides {
		if override.Name != definition.Container {
			return nil, errInvalidParameter("Override for container named %s is not a container in the TaskDefinition.", override.Name)
		}
		command = override.Command
	}
	return command, nil
}

type stopTaskInput struct{ Cluster, Task, Reason string }

func (a *awsAPI) stopTask(in stopTaskInput) (document, error) {
	cluster, err := a.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	task := cluster.task(in.Task)
	if task == nil {
		return nil, errInvalidParameter("The referenced task was not found.")
	}
	a.world.StopTask(task, in.Reason)
	return document{"task": a.taskDocument(task)}, nil
}
