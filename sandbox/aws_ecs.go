package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

var ecsOperations = map[string]awsOperation{
	"ListClusters":               operation((*awsAPI).listClusters),
	"DescribeClusters":           operation((*awsAPI).describeClusters),
	"ListServices":               operation((*awsAPI).listServices),
	"DescribeServices":           operation((*awsAPI).describeServices),
	"UpdateService":              operation((*awsAPI).updateService),
	"ListServiceDeployments":     operation((*awsAPI).listServiceDeployments),
	"DescribeServiceDeployments": operation((*awsAPI).describeServiceDeployments),
	"DescribeServiceRevisions":   operation((*awsAPI).describeServiceRevisions),
	"StopServiceDeployment":      operation((*awsAPI).stopServiceDeployment),
	"ContinueServiceDeployment":  operation((*awsAPI).continueServiceDeployment),
	"ListTasks":                  operation((*awsAPI).listTasks),
	"DescribeTasks":              operation((*awsAPI).describeTasks),
	"RunTask":                    operation((*awsAPI).runTask),
	"StopTask":                   operation((*awsAPI).stopTask),
	"ListTaskDefinitions":        operation((*awsAPI).listTaskDefinitions),
	"ListTaskDefinitionFamilies": operation((*awsAPI).listTaskDefinitionFamilies),
	"DescribeTaskDefinition":     operation((*awsAPI).describeTaskDefinition),
	"RegisterTaskDefinition":     operation((*awsAPI).registerTaskDefinition),
	"DeregisterTaskDefinition":   operation((*awsAPI).deregisterTaskDefinition),
	"ListTagsForResource":        operation((*awsAPI).ecsListTags),
	"TagResource":                operation((*awsAPI).ecsTag),
	"UntagResource":              operation((*awsAPI).ecsUntag),
}

// cluster finds a cluster; an unnamed one is called default, and there is none here.
func (a *awsAPI) cluster(ref string) (*Cluster, error) {
	if cluster := a.world.Cloud.Cluster(ref); cluster != nil {
		return cluster, nil
	}
	return nil, awsFailure("ClusterNotFoundException", "Cluster not found.")
}

// service finds a service of a cluster.
func (a *awsAPI) service(clusterRef, ref string) (*Service, error) {
	if ref == "" {
		return nil, errInvalidParameter("Service cannot be empty.")
	}
	cluster, err := a.cluster(clusterRef)
	if err != nil {
		return nil, err
	}
	if service := cluster.Service(ref); service != nil {
		return service, nil
	}
	return nil, awsFailure("ServiceNotFoundException", "Service not found.")
}

// missing is an entry of the failures that describe operations answer with.
func missing(arn string) document { return document{"arn": arn, "reason": "MISSING"} }

// checkBatch refuses an empty list and one that is longer than the API takes.
func checkBatch[T any](name string, given []T, most int) error {
	if len(given) == 0 {
		return errInvalidParameter("%s cannot be empty.", name)
	}
	if len(given) > most {
		return errInvalidParameter("%s cannot have more than %d elements.", name, most)
	}
	return nil
}

// includes reports whether a client asked for tags and the like.
func includes(include []string, what string) bool {
	for _, each := range include {
		if strings.EqualFold(each, what) {
			return true
		}
	}
	return false
}

func ecsTags(tags []Pair) []document {
	list := make([]document, 0, len(tags))
	for _, tag := range tags {
		list = append(list, document{"key": tag.Name, "value": tag.Value})
	}
	return list
}

type listClustersInput struct {
	MaxResults *int
	NextToken  string
}

func (a *awsAPI) listClusters(in listClustersInput) (document, error) {
	clusters, next, err := cutPage(a.world.Cloud.Clusters, pageRequest{in.MaxResults, in.NextToken, 100, 100})
	if err != nil {
		return nil, err
	}
	arns := make([]string, 0, len(clusters))
	for _, cluster := range clusters {
		arns = append(arns, cluster.ARN)
	}
	return document{"clusterArns": arns}.set("nextToken", next), nil
}

type describeClustersInput struct {
	Clusters []string
	Include  []string
}

func (a *awsAPI) describeClusters(in describeClustersInput) (document, error) {
	if len(in.Clusters) == 0 {
		in.Clusters = []string{"default"}
	}
	if err := checkBatch("Clusters", in.Clusters, 100); err != nil {
		return nil, err
	}
	found, failures := []document{}, []document{}
	for _, ref := range in.Clusters {
		cluster := a.world.Cloud.Cluster(ref)
		if cluster == nil {
			failures = append(failures, missing(arn("ecs", "cluster/"+lastPart(ref))))
			continue
		}
		found = append(found, a.clusterDocument(cluster, in.Include))
	}
	return document{"clusters": found, "failures": failures}, nil
}

func (a *awsAPI) clusterDocument(cluster *Cluster, include []string) document {
	running, pending := 0, 0
	for _, task := range cluster.tasks() {
		switch {
		case task.Status == "RUNNING":
			running++
		case task.pending():
			pending++
		}
	}
	out := document{
		"clusterArn": cluster.ARN, "clusterName": cluster.Name, "status": "ACTIVE",
		"registeredContainerInstancesCount": 0,
		"runningTasksCount":                 running, "pendingTasksCount": pending,
		"activeServicesCount": len(cluster.Services),
		"statistics":          []document{}, "tags": []document{}, "settings": []document{},
		"capacityProviders": []string{"FARGATE", "FARGATE_SPOT"}, "defaultCapacityProviderStrategy": []document{},
	}
	if includes(include, "SETTINGS") {
		out["settings"] = []document{{"name": "containerInsights", "value": "disabled"}}
	}
	if includes(include, "TAGS") {
		out["tags"] = ecsTags(a.tagsOf(cluster.ARN, cluster.Environment))
	}
	return out
}

// tasks are all tasks of a cluster: those of its services, then the others.
func (c *Cluster) tasks() []*Task {
	var tasks []*Task
	for _, service := range c.Services {
		tasks = append(tasks, service.Tasks...)
	}
	return append(tasks, c.OneOff...)
}

// pending reports whether a task is on its way to RUNNING.
func (t *Task) pending() bool {
	return t.Status == "PROVISIONING" || t.Status == "PENDING" || t.Status == "ACTIVATING"
}

// lastPart is what follows the last slash of an ARN or path.
func lastPart(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

// stableHex is n hexadecimal digits (at most 64) that are always the same for a
// text: a part of the names of resources that never change.
func stableHex(text string, n int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:n]
}

// environmentCreated is when the oldest service of an environment was made.
func (a *awsAPI) environmentCreated(environment string) (created time.Time) {
	for _, cluster := range a.world.Cloud.Clusters {
		for _, service := range cluster.Services {
			if cluster.Environment == environment && (created.IsZero() || service.Created.Before(created)) {
				created = service.Created
			}
		}
	}
	return created
}
