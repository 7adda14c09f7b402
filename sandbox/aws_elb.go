package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

var elbOperations = map[string]awsOperation{
	"DescribeLoadBalancers": operation((*awsAPI).describeLoadBalancers),
	"DescribeListeners":     operation((*awsAPI).describeListeners),
	"DescribeRules":         operation((*awsAPI).describeRules),
	"DescribeTargetGroups":  operation((*awsAPI).describeTargetGroups),
	"DescribeTargetHealth":  operation((*awsAPI).describeTargetHealth),
	"DescribeTags":          operation((*awsAPI).describeELBTags),
}

// A loadBalancer stands before all services of an environment: one listener,
// one rule for each service's target groups.
type loadBalancer struct {
	environment string
	groups      []*TargetGroup
}

func (b loadBalancer) name() string { return "shop-" + b.environment }

// path is the end of the load balancer's ARN, as its listener's ARN has it.
func (b loadBalancer) path() string {
	_, path, _ := strings.Cut(b.listenerARN(), ":listener/app/")
	return path[:strings.LastIndex(path, "/")]
}

func (b loadBalancer) arn() string { return arn("elasticloadbalancing", "loadbalancer/app/"+b.path()) }

// listenerARN is what the target groups say, so that all agree.
func (b loadBalancer) listenerARN() string {
	for _, group := range b.groups {
		if group.ListenerARN != "" {
			return group.ListenerARN
		}
	}
	return arn("elasticloadbalancing", "listener/app/"+b.name()+"/"+stableHex(b.name(), 16)+"/"+stableHex(b.name()+" listener", 16))
}

func (b loadBalancer) ruleARN(service string) string {
	return strings.Replace(b.listenerARN(), ":listener/", ":listener-rule/", 1) + "/" + stableHex(b.name()+service, 16)
}

func (a *awsAPI) loadBalancers() []loadBalancer {
	var list []loadBalancer
	for _, cluster := range a.world.Cloud.Clusters {
		b := loadBalancer{environment: cluster.Environment}
		for _, group := range a.world.Cloud.TargetGroups {
			if group.Service != nil && group.Service.Cluster == cluster {
				b.groups = append(b.groups, group)
			}
		}
		list = append(list, b)
	}
	return list
}

// loadBalancerOf is the one that forwards to a target group.
func (a *awsAPI) loadBalancerOf(group *TargetGroup) loadBalancer {
	for _, b := range a.loadBalancers() {
		if slices.Contains(b.groups, group) {
			return b
		}
	}
	return loadBalancer{}
}

// dimension is how CloudWatch names a target group.
func (g *TargetGroup) dimension() string { return g.ARN[strings.LastIndex(g.ARN, ":")+1:] }

// dimension is how CloudWatch names a load balancer.
func (b loadBalancer) dimension() string { return "app/" + b.path() }

type describeELBInput struct {
	Names            []string
	LoadBalancerArns []string
	LoadBalancerArn  string
	ListenerArns     []string
	ListenerArn      string
	RuleArns         []string
	TargetGroupArns  []string
	TargetGroupArn   string
	ResourceArns     []string
	Targets          []struct {
		ID   string
		Port *int
	}
	PageSize *int
	Marker   string
}

func (in describeELBInput) page() pageRequest { return pageRequest{in.PageSize, in.Marker, 400, 400} }

// answer cuts one page of documents out of a list and names the answer's member.
func (in describeELBInput) answer(member string, list []document) (document, error) {
	part, next, err := cutPage(list, in.page())
	if err != nil {
		return nil, awsFailure("ValidationError", "The marker or page size is not valid.")
	}
	return document{member: part}.set("NextMarker", next), nil
}

func (a *awsAPI) describeLoadBalancers(in describeELBInput) (document, error) {
	list := []document{}
	for _, b := range a.loadBalancers() {
		if !chosen(in.Names, b.name()) || !chosen(in.LoadBalancerArns, b.arn()) {
			continue
		}
		list = append(list, document{
			"LoadBalancerArn": b.arn(), "LoadBalancerName": b.name(), "Type": "application", "Scheme": "internet-facing",
			"DNSName":               b.name() + "-" + stableHex(b.name(), 9) + "." + Region + ".elb.amazonaws.com",
			"CanonicalHostedZoneId": "Z215JYRZR1TBD5", "VpcId": "vpc-0a1b2c3d4e5f60001", "IpAddressType": "ipv4",
			"State": document{"Code": "active"}, "SecurityGroups": []string{"sg-0f1e2d3c4b5a60010"},
			"AvailabilityZones": []document{
				{"ZoneName": Region + "a", "SubnetId": "subnet-0a1b2c3d4e5f60001"},
				{"ZoneName": Region + "b", "SubnetId": "subnet-0a1b2c3d4e5f60011"},
			},
		}.at("CreatedTime", a.environmentCreated(b.environment)))
	}
	if len(list) == 0 && len(in.Names)+len(in.LoadBalancerArns) > 0 {
		return nil, awsFailure("LoadBalancerNotFound", "One or more load balancers not found")
	}
	return in.answer("LoadBalancers", list)
}

// chosen reports whether a list of names contains one; an empty list has all.
func chosen(names []string, name string) bool {
	return len(names) == 0 || slices.Contains(names, name)
}

func (a *awsAPI) describeListeners(in describeELBInput) (document, error) {
	list := []document{}
	for _, b := range a.loadBalancers() {
		if in.LoadBalancerArn != "" && in.LoadBalancerArn != b.arn() || !chosen(in.ListenerArns, b.listenerARN()) {
			continue
		}
		list = append(list, document{
			"ListenerArn": b.listenerARN(), "LoadBalancerArn": b.arn(), "Port": 443, "Protocol": "HTTPS",
			"SslPolicy":    "ELBSecurityPolicy-TLS13-1-2-2021-06",
			"Certificates": []document{{"CertificateArn": arn("acm", "certificate/"+containerUUID(stableHex(b.name(), 32)))}},
			"DefaultActions": []document{{"Type": "fixed-response", "Order": 1, "FixedResponseConfig": document{
				"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "not found",
			}}},
		})
	}
	if len(list) == 0 && in.LoadBalancerArn != "" {
		return nil, awsFailure("LoadBalancerNotFound", "One or more load balancers not found")
	}
	if len(list) == 0 && len(in.ListenerArns) > 0 {
		return nil, awsFailure("ListenerNotFound", "One or more listeners not found")
	}
	return in.answer("Listeners", list)
}

func (a *awsAPI) describeRules(in describeELBInput) (document, error) {
	list := []document{}
	for _, b := range a.loadBalancers() {
		if in.ListenerArn != "" && in.ListenerArn != b.listenerARN() {
			continue
		}
		for priority, service := range b.services() {
			if rule := b.ruleARN(service.Name); chosen(in.RuleArns, rule) {
				list = append(list, b.rule(service, rule, priority+1))
			}
		}
	}
	if len(list) == 0 && in.ListenerArn != "" {
		return nil, awsFailure("ListenerNotFound", "One or more listeners not found")
	}
	if len(list) == 0 && len(in.RuleArns) > 0 {
		return nil, awsFailure("RuleNotFound", "One or more rules not found")
	}
	return in.answer("Rules", list)
}

// services are those behind the load balancer, each once.
func (b loadBalancer) services() (services []*Service) {
	for _, group := range b.groups {
		if !slices.Contains(services, group.Service) {
			services = append(services, group.Service)
		}
	}
	return services
}

func (b loadBalancer) rule(service *Service, arn string, priority int) document {
	targets := []document{}
	for _, group := range b.groups {
		if group.Service == service {
			targets = append(targets, document{"TargetGroupArn": group.ARN, "Weight": int(group.weight())})
		}
	}
	path := []string{"/" + service.Name + "/*"}
	return document{
		"RuleArn": arn, "Priority": fmt.Sprint(priority), "IsDefault": false,
		"Conditions": []document{{"Field": "path-pattern", "Values": path, "PathPatternConfig": document{"Values": path}}},
		"Actions": []document{{"Type": "forward", "Order": 1, "ForwardConfig": document{
			"TargetGroups": targets, "TargetGroupStickinessConfig": document{"Enabled": false},
		}}},
	}
}

func (a *awsAPI) describeTargetGroups(in describeELBInput) (document, error) {
	list := []document{}
	for _, group := range a.world.Cloud.TargetGroups {
		b := a.loadBalancerOf(group)
		if !chosen(in.Names, group.Name) || !chosen(in.TargetGroupArns, group.ARN) ||
			in.LoadBalancerArn != "" && in.LoadBalancerArn != b.arn() {
			continue
		}
		list = append(list, document{
			"TargetGroupArn": group.ARN, "TargetGroupName": group.Name, "TargetType": "ip", "VpcId": "vpc-0a1b2c3d4e5f60001",
			"Port": group.Port, "Protocol": "HTTP", "ProtocolVersion": "HTTP1", "IpAddressType": "ipv4",
			"HealthCheckEnabled": true, "HealthCheckPath": group.HealthPath, "HealthCheckPort": "traffic-port",
			"HealthCheckProtocol": "HTTP", "HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 5,
			"HealthyThresholdCount": 2, "UnhealthyThresholdCount": 3, "Matcher": document{"HttpCode": "200"},
			"LoadBalancerArns": []string{b.arn()},
		})
	}
	if len(list) == 0 && len(in.Names)+len(in.TargetGroupArns) > 0 {
		return nil, errTargetGroupNotFound()
	}
	return in.answer("TargetGroups", list)
}

func errTargetGroupNotFound() error {
	return awsFailure("TargetGroupNotFound", "One or more target groups not found")
}

func (a *awsAPI) describeTargetHealth(in describeELBInput) (document, error) {
	index := slices.IndexFunc(a.world.Cloud.TargetGroups, func(g *TargetGroup) bool { return g.ARN == in.TargetGroupArn })
	if index < 0 {
		return nil, errTargetGroupNotFound()
	}
	group := a.world.Cloud.TargetGroups[index]
	list := []document{}
	for _, task := range a.targets(group) {
		if in.asksFor(task) {
			list = append(list, targetDocument(group, task))
		}
	}
	return document{"TargetHealthDescriptions": list}, nil
}

func (in describeELBInput) asksFor(task *Task) bool {
	for _, target := range in.Targets {
		if target.ID == task.Address {
			return true
		}
	}
	return len(in.Targets) == 0
}

// targets are the registered tasks of a target group.
func (a *awsAPI) targets(group *TargetGroup) (tasks []*Task) {
	if group.Service == nil {
		return nil
	}
	for _, task := range group.Service.Tasks {
		registered := task.Target != "" && task.Target != "unused"
		if registered && group.Alternate == (task.Revision != nil && task.Revision.Alternate) {
			tasks = append(tasks, task)
		}
	}
	return tasks
}

// targetReasons are ELB's descriptions of its reason codes.
var targetReasons = map[string]string{
	"Elb.RegistrationInProgress":      "Target registration is in progress",
	"Elb.InitialHealthChecking":       "Initial health checks in progress",
	"Target.ResponseCodeMismatch":     "Health checks failed with these codes: [500]",
	"Target.Timeout":                  "Request timed out",
	"Target.FailedHealthChecks":       "Health checks failed",
	"Target.DeregistrationInProgress": "Target deregistration is in progress",
}

func targetDocument(group *TargetGroup, task *Task) document {
	health := document{"State": task.Target}.set("Reason", task.TargetReason).
		set("Description", targetReasons[task.TargetReason])
	return document{
		"Target":          document{"Id": task.Address, "Port": group.Port, "AvailabilityZone": task.zone()},
		"HealthCheckPort": fmt.Sprint(group.Port), "TargetHealth": health,
	}
}

func (a *awsAPI) describeELBTags(in describeELBInput) (document, error) {
	list := []document{}
	for _, resource := range in.ResourceArns {
		environment := "staging"
		if strings.Contains(resource, "production") {
			environment = "production"
		}
		tags := []document{}
		for _, tag := range a.tagsOf(resource, environment) {
			tags = append(tags, document{"Key": tag.Name, "Value": tag.Value})
		}
		list = append(list, document{"ResourceArn": resource, "Tags": tags})
	}
	return document{"TagDescriptions": list}, nil
}
