package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

type listServicesInput struct {
	Cluster            string
	LaunchType         string
	SchedulingStrategy string
	MaxResults         *int
	NextToken          string
}

func (a *awsAPI) listServices(in listServicesInput) (document, error) {
	cluster, err := a.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	var arns []string
	for _, service := range cluster.Services {
		if (in.LaunchType == "" || in.LaunchType == "FARGATE") && in.SchedulingStrategy != "DAEMON" {
			arns = append(arns, service.ARN)
		}
	}
	arns, next, err := cutPage(arns, pageRequest{in.MaxResults, in.NextToken, 10, 100})
	if err != nil {
		return nil, err
	}
	return document{"serviceArns": append([]string{}, arns...)}.set("nextToken", next), nil
}

type describeServicesInput struct {
	Cluster  string
	Services []string
	Include  []string
}

func (a *awsAPI) describeServices(in describeServicesInput) (document, error) {
	if err := checkBatch("Services", in.Services, 10); err != nil {
		return nil, err
	}
	cluster, err := a.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	found, failures := []document{}, []document{}
	for _, ref := range in.Services {
		service := cluster.Service(ref)
		if service == nil {
			failures = append(failures, missing(arn("ecs", "service/"+cluster.Name+"/"+lastPart(ref))))
			continue
		}
		out := a.serviceDocument(service)
		if includes(in.Include, "TAGS") {
			out["tags"] = ecsTags(a.tagsOf(service.ARN, cluster.Environment))
		}
		found = append(found, out)
	}
	return document{"services": found, "failures": failures}, nil
}

func (a *awsAPI) serviceDocument(s *Service) document {
	running, pending := 0, 0
	for _, task := range s.Tasks {
		switch {
		case task.Status == "RUNNING":
			running++
		case task.pending():
			pending++
		}
	}
	events := make([]document, 0, len(s.Events))
	for _, event := range s.Events {
		events = append(events, document{"id": event.ID, "message": event.Message}.at("createdAt", event.Created))
	}
	out := document{
		"serviceArn": s.ARN, "serviceName": s.Name, "clusterArn": s.Cluster.ARN, "status": s.Status,
		"desiredCount": s.Desired, "runningCount": running, "pendingCount": pending,
		"events": events, "deploymentConfiguration": deploymentConfiguration(s),
		"schedulingStrategy": "REPLICA", "deploymentController": document{"type": "ECS"},
		"roleArn":              "arn:aws:iam::" + Account + ":role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
		"createdBy":            "arn:aws:iam::" + Account + ":role/terraform",
		"placementConstraints": []document{}, "placementStrategy": []document{},
		"healthCheckGracePeriodSeconds": 60, "propagateTags": "NONE",
		"enableECSManagedTags": true, "enableExecuteCommand": true, "availabilityZoneRebalancing": "ENABLED",
	}.at("createdAt", s.Created)
	for name, value := range placement(s) {
		out[name] = value
	}
	if current := s.Current(); current != nil {
		out["taskDefinition"] = current.Serving().TaskDefinition.ARN
		out["currentServiceDeployment"] = current.ARN
		out["currentServiceRevisions"] = currentRevisions(s, current)
		out["deployments"] = classicDeployments(s, current)
	} else {
		out["deployments"] = []document{}
	}
	return out
}

// placement is where and behind what a service's tasks run: the same in a
// service, in its deployments and in its revisions.
func placement(s *Service) document {
	out := document{
		"launchType": "FARGATE", "platformVersion": "1.4.0", "platformFamily": "Linux",
		"loadBalancers": []document{}, "serviceRegistries": []document{{"registryArn": registryARN(s)}},
		"networkConfiguration": networkConfiguration(s.Cluster.Environment),
	}
	if s.TargetGroup != nil {
		balancer := document{"targetGroupArn": s.TargetGroup.ARN, "containerName": containerName(s), "containerPort": s.TargetGroup.Port}
		if s.shifts() {
			balancer["advancedConfiguration"] = document{
				"alternateTargetGroupArn": s.TargetGroup.alternate(), "productionListenerRule": s.TargetGroup.ListenerARN,
				"roleArn": "arn:aws:iam::" + Account + ":role/ecsInfrastructureRoleForLoadBalancers",
			}
		}
		out["loadBalancers"] = []document{balancer}
	}
	return out
}

func containerName(s *Service) string {
	if current := s.Current(); current != nil {
		return current.Target.TaskDefinition.Container
	}
	return "app"
}

func networkConfiguration(environment string) document {
	last := 1
	if environment == "production" {
		last = 2
	}
	return document{"awsvpcConfiguration": document{
		"subnets":        []string{fmt.Sprintf("subnet-0a1b2c3d4e5f6000%d", last), fmt.Sprintf("subnet-0a1b2c3d4e5f6001%d", last)},
		"securityGroups": []string{fmt.Sprintf("sg-0f1e2d3c4b5a6000%d", last)},
		"assignPublicIp": "DISABLED",
	}}
}

func deploymentConfiguration(s *Service) document {
	return strategyDocument(s, document{
		"deploymentCircuitBreaker": document{"enable": true, "rollback": true},
		"maximumPercent":           s.MaxPercent, "minimumHealthyPercent": s.MinHealthy,
		"alarms": document{"alarmNames": append([]string{}, s.Alarms...), "enable": len(s.Alarms) > 0, "rollback": len(s.Alarms) > 0},
	})
}

// revisionCounts are the tasks of one revision, as deployments count them.
type revisionCounts struct{ running, pending int }

func countRevision(s *Service, revision *ServiceRevision) (counts revisionCounts) {
	for _, task := range s.Tasks {
		switch {
		case task.Revision != revision:
		case task.Status == "RUNNING":
			counts.running++
		case task.pending():
			counts.pending++
		}
	}
	return counts
}

func currentRevisions(s *Service, current *ServiceDeployment) []document {
	serving := current.Serving()
	counts := countRevision(s, serving)
	list := []document{{
		"arn": serving.ARN, "requestedTaskCount": s.Desired,
		"runningTaskCount": counts.running, "pendingTaskCount": counts.pending,
	}}
	for _, revision := range replaced(s, current) {
		counts := countRevision(s, revision)
		list = append(list, document{
			"arn": revision.ARN, "requestedTaskCount": counts.running + counts.pending,
			"runningTaskCount": counts.running, "pendingTaskCount": counts.pending,
		})
	}
	return list
}

// replaced are the revisions that a deployment moves away from now: its source,
// or its target once it rolls back, while it goes on; and whatever else still
// has tasks, such as the target of a deployment that this one cut short.
func replaced(s *Service, d *ServiceDeployment) (revisions []*ServiceRevision) {
	leaving := d.Source
	if d.Serving() != d.Target {
		leaving = d.Target
	}
	if leaving != nil && !d.Terminal() {
		revisions = append(revisions, leaving)
	}
	for _, task := range s.Tasks {
		if task.Revision != d.Serving() && (task.Status == "RUNNING" || task.pending()) && !slices.Contains(revisions, task.Revision) {
			revisions = append(revisions, task.Revision)
		}
	}
	return revisions
}

// classicDeployments derives deployments[] as ECS keeps it: the PRIMARY one,
// which a rollback makes anew, and those that it replaces.
func classicDeployments(s *Service, current *ServiceDeployment) []document {
	primary := classicDeployment(s, current.Serving(), current)
	primary["status"] = "PRIMARY"
	primary["desiredCount"] = s.Desired
	primary["failedTasks"] = current.Failed
	primary["id"] = current.ClassicID
	if s.Connects {
		primary["serviceConnectConfiguration"] = connectConfiguration(s)
	}
	primary.at("createdAt", current.Created)
	if current.Serving() != current.Target {
		primary["id"] = rollbackID(current)
		primary["failedTasks"] = 0
		primary.at("createdAt", current.RollbackStarted)
	}
	primary["rolloutState"], primary["rolloutStateReason"] = rolloutState(current)
	list := []document{primary}
	for _, revision := range replaced(s, current) {
		list = append(list, replacedDeployment(s, revision, current))
	}
	return list
}

// connectConfiguration is a service's part in Service Connect: others call it by
// its name in the namespace of its environment.
func connectConfiguration(s *Service) document {
	return document{
		"enabled": true, "namespace": arn("servicediscovery", "namespace/"+namespaceID(s.Cluster)),
		"services": []document{{
			"portName": "http", "discoveryName": s.Name,
			"clientAliases": []document{{"port": s.TargetGroup.Port, "dnsName": s.Name}},
		}},
	}
}

// replacedDeployment is an ACTIVE entry of deployments[].
func replacedDeployment(s *Service, revision *ServiceRevision, current *ServiceDeployment) document {
	out := classicDeployment(s, revision, current)
	counts := countRevision(s, revision)
	out["status"], out["desiredCount"] = "ACTIVE", counts.running+counts.pending
	if revision == current.Target { // rolled back
		out["id"], out["failedTasks"], out["desiredCount"] = current.ClassicID, current.Failed, 0
		out["rolloutState"], out["rolloutStateReason"] = "FAILED", current.RollbackReason
		return out.at("createdAt", current.Created)
	}
	before := deploymentOf(s, revision, current)
	out["id"], out["failedTasks"] = before.ClassicID, before.Failed
	out["rolloutState"], out["rolloutStateReason"] = rolloutState(before)
	return out.at("createdAt", before.Created).at("updatedAt", before.Updated)
}

func classicDeployment(s *Service, revision *ServiceRevision, current *ServiceDeployment) document {
	counts := countRevision(s, revision)
	out := document{
		"taskDefinition": revision.TaskDefinition.ARN,
		"runningCount":   counts.running, "pendingCount": counts.pending,
		"launchType": "FARGATE", "platformVersion": "1.4.0", "platformFamily": "Linux",
		"networkConfiguration": networkConfiguration(s.Cluster.Environment),
	}
	return out.at("updatedAt", current.Updated).at("createdAt", revision.Created)
}

// deploymentOf is the newest deployment before current that brought a revision.
func deploymentOf(s *Service, revision *ServiceRevision, current *ServiceDeployment) *ServiceDeployment {
	for i := len(s.Deployments) - 1; i >= 0; i-- {
		if d := s.Deployments[i]; d != current && d.Serving() == revision {
			return d
		}
	}
	return current
}

// rollbackID is the id of the classic deployment that a rollback makes.
func rollbackID(d *ServiceDeployment) string {
	digits := []byte(strings.TrimPrefix(d.ClassicID, "ecs-svc/"))
	for i, c := range digits {
		if c >= '0' && c <= '9' {
			digits[i] = '9' - (c - '0')
		}
	}
	return "ecs-svc/" + string(digits)
}

func rolloutState(d *ServiceDeployment) (state, reason string) {
	id := d.ClassicID
	rolledBack := d.Serving() != d.Target
	if rolledBack {
		id = rollbackID(d)
	}
	switch {
	case d.Status == DeploymentSuccessful || d.Status == DeploymentRollbackSuccessful:
		return "COMPLETED", fmt.Sprintf("ECS deployment %s completed.", id)
	case d.Terminal():
		return "FAILED", d.Reason
	case rolledBack:
		return "IN_PROGRESS", fmt.Sprintf("%s: rolling back to deploymentId %s.", strings.TrimSuffix(d.RollbackReason, "."), id)
	default:
		return "IN_PROGRESS", fmt.Sprintf("ECS deployment %s in progress.", id)
	}
}
