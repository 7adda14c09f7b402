package sandbox

import "slices"

var discoveryOperations = map[string]awsOperation{
	"ListNamespaces":           operation((*awsAPI).listNamespaces),
	"GetNamespace":             operation((*awsAPI).getNamespace),
	"ListServices":             operation((*awsAPI).listDiscoveryServices),
	"GetService":               operation((*awsAPI).getDiscoveryService),
	"ListInstances":            operation((*awsAPI).listInstances),
	"GetInstancesHealthStatus": operation((*awsAPI).instancesHealthStatus),
	"DiscoverInstances":        operation((*awsAPI).discoverInstances),
}

// Cloud Map mirrors ECS: a private DNS namespace for each environment, a service
// for each ECS service, and an instance for each running task.

func namespaceName(c *Cluster) string { return c.Environment + ".shop.local" }
func namespaceID(c *Cluster) string   { return "ns-" + stableHex(c.ARN, 16) }
func registryID(s *Service) string    { return "srv-" + stableHex(s.ARN, 16) }
func registryARN(s *Service) string   { return arn("servicediscovery", "service/"+registryID(s)) }

type discoveryInput struct {
	ID            string
	ServiceID     string
	NamespaceName string
	ServiceName   string
	HealthStatus  string
	Filters       []struct {
		Name   string
		Values []string
	}
	MaxResults *int
	NextToken  string
}

func (in discoveryInput) answer(member string, list []document) (document, error) {
	part, next, err := cutPage(list, pageRequest{in.MaxResults, in.NextToken, 100, 100})
	if err != nil {
		return nil, awsFailure("InvalidInput", "The next token or the page size is not valid.")
	}
	return document{member: part}.set("NextToken", next), nil
}

// filtered reports whether a filter excludes a value.
func (in discoveryInput) filtered(name, value string) bool {
	for _, filter := range in.Filters {
		if filter.Name == name && !slices.Contains(filter.Values, value) {
			return true
		}
	}
	return false
}

func (a *awsAPI) namespaceDocument(c *Cluster) document {
	return document{
		"Id": namespaceID(c), "Arn": arn("servicediscovery", "namespace/"+namespaceID(c)),
		"Name": namespaceName(c), "Type": "DNS_PRIVATE", "ServiceCount": len(c.Services),
		"Properties": document{"HttpProperties": document{"HttpName": namespaceName(c)}},
	}.at("CreateDate", a.environmentCreated(c.Environment))
}

func (a *awsAPI) listNamespaces(in discoveryInput) (document, error) {
	list := []document{}
	for _, cluster := range a.world.Cloud.Clusters {
		if !in.filtered("NAME", namespaceName(cluster)) && !in.filtered("TYPE", "DNS_PRIVATE") {
			list = append(list, a.namespaceDocument(cluster))
		}
	}
	return in.answer("Namespaces", list)
}

func (a *awsAPI) getNamespace(in discoveryInput) (document, error) {
	for _, cluster := range a.world.Cloud.Clusters {
		if namespaceID(cluster) == in.ID {
			return document{"Namespace": a.namespaceDocument(cluster)}, nil
		}
	}
	return nil, awsFailure("NamespaceNotFound", "Namespace not found: %s", in.ID)
}

func discoveryDocument(s *Service) document {
	return document{
		"Id": registryID(s), "Arn": registryARN(s), "Name": s.Name, "Type": "DNS_HTTP",
		"DnsConfig": document{
			"RoutingPolicy": "MULTIVALUE", "DnsRecords": []document{{"Type": "A", "TTL": 10}},
		},
		"HealthCheckCustomConfig": document{"FailureThreshold": 1},
	}.at("CreateDate", s.Created)
}

func (a *awsAPI) listDiscoveryServices(in discoveryInput) (document, error) {
	list := []document{}
	for _, cluster := range a.world.Cloud.Clusters {
		if in.filtered("NAMESPACE_ID", namespaceID(cluster)) {
			continue
		}
		for _, service := range cluster.Services {
			list = append(list, discoveryDocument(service))
		}
	}
	return in.answer("Services", list)
}

func (a *awsAPI) registered(id string) (*Service, error) {
	for _, cluster := range a.world.Cloud.Clusters {
		for _, service := range cluster.Services {
			if registryID(service) == id {
				return service, nil
			}
		}
	}
	return nil, awsFailure("ServiceNotFound", "Service not found: %s", id)
}

func (a *awsAPI) getDiscoveryService(in discoveryInput) (document, error) {
	service, err := a.registered(in.ID)
	if err != nil {
		return nil, err
	}
	out := discoveryDocument(service)
	out["NamespaceId"], out["InstanceCount"] = namespaceID(service.Cluster), len(instances(service))
	return document{"Service": out}, nil
}

// instances are the tasks that ECS has registered and nobody has taken out:
// those that run.
func instances(s *Service) (tasks []*Task) {
	for _, task := range s.Tasks {
		if task.Status == "RUNNING" && task.Desired == "RUNNING" && task.Registered != registeredGone {
			tasks = append(tasks, task)
		}
	}
	return tasks
}

func instanceAttributes(t *Task) document {
	return document{
		"AWS_INSTANCE_IPV4": t.Address, "AVAILABILITY_ZONE": t.zone(), "REGION": Region,
		"ECS_CLUSTER_NAME": t.Cluster.Name, "ECS_SERVICE_NAME": t.Service.Name,
		"ECS_TASK_DEFINITION_FAMILY": t.Definition.Family, "AWS_INIT_HEALTH_STATUS": instanceHealth(t),
	}
}

// What somebody did to a task's registration.
const (
	registeredGone = "GONE"
	registeredIll  = "UNHEALTHY"
)

func instanceHealth(t *Task) string {
	if t.Health == "HEALTHY" && t.Registered != registeredIll {
		return "HEALTHY"
	}
	return "UNHEALTHY"
}

func (a *awsAPI) listInstances(in discoveryInput) (document, error) {
	service, err := a.registered(in.ServiceID)
	if err != nil {
		return nil, err
	}
	list := []document{}
	for _, task := range instances(service) {
		list = append(list, document{"Id": task.ID, "Attributes": instanceAttributes(task)})
	}
	return in.answer("Instances", list)
}

func (a *awsAPI) instancesHealthStatus(in discoveryInput) (document, error) {
	service, err := a.registered(in.ServiceID)
	if err != nil {
		return nil, err
	}
	status := document{}
	for _, task := range instances(service) {
		status[task.ID] = instanceHealth(task)
	}
	return document{"Status": status}, nil
}

func (a *awsAPI) discoverInstances(in discoveryInput) (document, error) {
	cluster := a.namespace(in.NamespaceName)
	if cluster == nil {
		return nil, awsFailure("NamespaceNotFound", "Namespace not found: %s", in.NamespaceName)
	}
	service := cluster.Service(in.ServiceName)
	if service == nil {
		return nil, awsFailure("ServiceNotFound", "Service not found: %s", in.ServiceName)
	}
	healthy, others := []document{}, []document{}
	for _, task := range instances(service) {
		instance := document{
			"InstanceId": task.ID, "NamespaceName": in.NamespaceName, "ServiceName": in.ServiceName,
			"HealthStatus": instanceHealth(task), "Attributes": instanceAttributes(task),
		}
		if instanceHealth(task) == "HEALTHY" {
			healthy = append(healthy, instance)
		} else {
			others = append(others, instance)
		}
	}
	return in.discover(healthy, others)
}

// discover chooses by health: unhealthy instances only where they are asked for,
// or where there is nothing better and that will do.
func (in discoveryInput) discover(healthy, others []document) (document, error) {
	list := healthy
	switch in.HealthStatus {
	case "ALL", "":
		list = append(list, others...)
	case "UNHEALTHY":
		list = others
	case "HEALTHY_OR_ELSE_ALL":
		if len(healthy) == 0 {
			list = others
		}
	}
	if in.MaxResults != nil && *in.MaxResults < len(list) {
		list = list[:max(0, *in.MaxResults)]
	}
	return document{"Instances": list, "InstancesRevision": 1}, nil
}

func (a *awsAPI) namespace(name string) *Cluster {
	for _, cluster := range a.world.Cloud.Clusters {
		if namespaceName(cluster) == name {
			return cluster
		}
	}
	return nil
}
