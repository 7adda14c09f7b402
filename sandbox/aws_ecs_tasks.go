package sandbox

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"time"
)

type listTasksInput struct {
	Cluster       string
	ServiceName   string
	Family        string
	StartedBy     string
	LaunchType    string
	DesiredStatus string
	MaxResults    *int
	NextToken     string
}

func (a *awsAPI) listTasks(in listTasksInput) (document, error) {
	cluster, err := a.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	tasks := cluster.tasks()
	if in.ServiceName != "" {
		service := cluster.Service(in.ServiceName)
		if service == nil {
			return nil, awsFailure("ServiceNotFoundException", "Service not found.")
		}
		tasks = service.Tasks
	}
	arns := []string{}
	for _, task := range tasks {
		if in.matches(task) {
			arns = append(arns, task.ARN)
		}
	}
	arns, next, err := cutPage(arns, pageRequest{in.MaxResults, in.NextToken, 100, 100})
	if err != nil {
		return nil, err
	}
	return document{"taskArns": arns}.set("nextToken", next), nil
}

// matches applies the filters. Desired is RUNNING unless asked otherwise, and
// never PENDING: a task that starts is wanted RUNNING.
func (in listTasksInput) matches(task *Task) bool {
	desired := in.DesiredStatus
	if desired == "" {
		desired = "RUNNING"
	}
	return task.Desired == desired &&
		(in.Family == "" || task.Definition.Family == in.Family) &&
		(in.StartedBy == "" || task.startedBy() == in.StartedBy) &&
		(in.LaunchType == "" || in.LaunchType == "FARGATE")
}

// startedBy is the classic deployment that started a service's task, else what
// the caller of RunTask said.
func (t *Task) startedBy() string {
	switch {
	case t.Deployment == nil:
		return t.StartedBy
	case t.Revision != t.Deployment.Target:
		return rollbackID(t.Deployment)
	default:
		return t.Deployment.ClassicID
	}
}

func (c *Cluster) task(ref string) *Task {
	id := lastPart(ref)
	for _, task := range c.tasks() {
		if task.ID == id {
			return task
		}
	}
	return nil
}

type describeTasksInput struct {
	Cluster string
	Tasks   []string
	Include []string
}

func (a *awsAPI) describeTasks(in describeTasksInput) (document, error) {
	if err := checkBatch("Tasks", in.Tasks, 100); err != nil {
		return nil, err
	}
	cluster, err := a.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	found, failures := []document{}, []document{}
	for _, ref := range in.Tasks {
		task := cluster.task(ref)
		if task == nil {
			failures = append(failures, missing(arn("ecs", "task/"+cluster.Name+"/"+lastPart(ref))))
			continue
		}
		out := a.taskDocument(task)
		if includes(in.Include, "TAGS") {
			out["tags"] = ecsTags(a.tags[task.ARN])
		}
		found = append(found, out)
	}
	return document{"tasks": found, "failures": failures}, nil
}

func (a *awsAPI) taskDocument(t *Task) document {
	override := document{"name": t.Definition.Container}
	if t.Command != nil {
		override["command"] = t.Command
	}
	out := document{
		"taskArn": t.ARN, "clusterArn": t.Cluster.ARN, "taskDefinitionArn": t.Definition.ARN,
		"group": t.group(), "launchType": "FARGATE", "platformVersion": "1.4.0", "platformFamily": "Linux",
		"lastStatus": t.Status, "desiredStatus": t.Desired, "healthStatus": t.Health,
		"cpu": t.Definition.CPU, "memory": t.Definition.Memory,
		"availabilityZone": t.zone(), "enableExecuteCommand": true, "version": t.version(),
		"ephemeralStorage": document{"sizeInGiB": 20},
		"overrides":        document{"containerOverrides": []document{override}, "inferenceAcceleratorOverrides": []document{}},
		"attachments":      []document{t.attachment()},
		"containers":       []document{a.containerDocument(t)},
		"attributes":       []document{{"name": "ecs.cpu-architecture", "value": "x86_64"}},
		"tags":             []document{},
	}
	if !t.Started.IsZero() {
		out["connectivity"] = "CONNECTED"
		out.at("pullStartedAt", t.Created.Add(t.Started.Sub(t.Created)/3)).
			at("pullStoppedAt", t.Created.Add(t.Started.Sub(t.Created)*2/3)).
			at("connectivityAt", t.Created.Add(t.Started.Sub(t.Created)/4))
	}
	return out.set("startedBy", t.startedBy()).set("stopCode", t.StopCode).set("stoppedReason", t.StopReason).
		at("createdAt", t.Created).at("startedAt", t.Started).at("stoppingAt", t.Stopping).at("stoppedAt", t.Stopped).
		at("executionStoppedAt", t.Stopped)
}

func (a *awsAPI) containerDocument(t *Task) document {
	out := document{
		"containerArn": strings.Replace(t.ARN, ":task/", ":container/", 1) + "/" + containerUUID(t.ID),
		"taskArn":      t.ARN, "name": t.Definition.Container, "image": t.Definition.Image,
		"lastStatus": containerStatus(t.Status), "healthStatus": t.Health,
		"cpu": "0", "networkInterfaces": []document{},
	}
	if t.Address != "" {
		out["networkInterfaces"] = []document{{"attachmentId": containerUUID(reversed(t.ID)), "privateIpv4Address": t.Address}}
	}
	if !t.Started.IsZero() {
		out["runtimeId"] = fmt.Sprintf("%s-%010d", t.ID, crc32.ChecksumIEEE([]byte(t.ID)))
	}
	if t.Exit != nil {
		out["exitCode"] = *t.Exit
	}
	if t.StopCode == "TaskFailedToStart" {
		out["reason"] = t.StopReason
	}
	return out.set("imageDigest", t.Digest)
}

func (t *Task) group() string {
	if t.Service != nil {
		return "service:" + t.Service.Name
	}
	return "family:" + t.Definition.Family
}

// zone spreads tasks over the region's three zones by id.
func (t *Task) zone() string {
	return Region + string("abc"[int(t.ID[0])%3])
}

// version counts what happened to a task so far.
func (t *Task) version() int {
	version := 1
	for _, moment := range []time.Time{t.Started, t.Stopping, t.Stopped} {
		if !moment.IsZero() {
			version += 2
		}
	}
	return version
}

func (t *Task) attachment() document {
	status := "ATTACHED"
	switch {
	case t.Status == "STOPPED":
		status = "DELETED"
	case t.Status == "PROVISIONING":
		status = "PRECREATED"
	}
	details := []document{{"name": "subnetId", "value": "subnet-0a1b2c3d4e5f60001"}}
	if t.Address != "" {
		details = append(details, document{"name": "privateIPv4Address", "value": t.Address})
	}
	return document{"id": containerUUID(reversed(t.ID)), "type": "ElasticNetworkInterface", "status": status, "details": details}
}

// containerStatus is a container's status in a task's; it has fewer of them.
func containerStatus(task string) string {
	switch task {
	case "PROVISIONING", "PENDING", "ACTIVATING":
		return "PENDING"
	case "DEPROVISIONING", "STOPPED":
		return "STOPPED"
	default:
		return "RUNNING"
	}
}

// containerUUID gives 32 hexadecimal digits the form of a UUID.
func containerUUID(digits string) string {
	for len(digits) < 32 {
		digits += "0"
	}
	return strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]}, "-")
}

func reversed(text string) string {
	bytes := []byte(text)
	slices.Reverse(bytes)
	return string(bytes)
}
