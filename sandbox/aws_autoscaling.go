package sandbox

import (
	"slices"
	"strings"
)

var scalingOperations = map[string]awsOperation{
	"DescribeScalableTargets":   operation((*awsAPI).describeScalableTargets),
	"DescribeScalingPolicies":   operation((*awsAPI).describeScalingPolicies),
	"DescribeScalingActivities": operation((*awsAPI).describeScalingActivities),
	"RegisterScalableTarget":    operation((*awsAPI).registerScalableTarget),
}

const scalableDimension = "ecs:service:DesiredCount"

type scalingInput struct {
	ServiceNamespace  string
	ResourceIDs       []string
	ResourceID        string
	ScalableDimension string
	MinCapacity       *int
	MaxCapacity       *int
	MaxResults        *int
	NextToken         string
}

func (in scalingInput) check() error {
	if in.ServiceNamespace == "" {
		return awsFailure("ValidationException",
			"1 validation error detected: Value null at 'serviceNamespace' failed to satisfy constraint: Member must not be null")
	}
	return nil
}

func (in scalingInput) answer(member string, list []document) (document, error) {
	part, next, err := cutPage(list, pageRequest{in.MaxResults, in.NextToken, 50, 50})
	if err != nil {
		return nil, awsFailure("InvalidNextTokenException", "The next token or the page size is not valid.")
	}
	return document{member: part}.set("NextToken", next), nil
}

// scalableID is how Application Auto Scaling names a service.
func scalableID(s *Service) string { return "service/" + s.Cluster.Name + "/" + s.Name }

// scalable lists the services with a scalable target that the input asks for.
func (a *awsAPI) scalable(in scalingInput) (services []*Service) {
	if in.ServiceNamespace != "ecs" || in.ScalableDimension != "" && in.ScalableDimension != scalableDimension {
		return nil
	}
	wanted := in.ResourceIDs
	if in.ResourceID != "" {
		wanted = append(wanted, in.ResourceID)
	}
	for _, cluster := range a.world.Cloud.Clusters {
		for _, service := range cluster.Services {
			if service.MaxCapacity > 0 && (len(wanted) == 0 || slices.Contains(wanted, scalableID(service))) {
				services = append(services, service)
			}
		}
	}
	return services
}

func (a *awsAPI) describeScalableTargets(in scalingInput) (document, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	list := []document{}
	for _, service := range a.scalable(in) {
		list = append(list, document{
			"ServiceNamespace": "ecs", "ResourceId": scalableID(service), "ScalableDimension": scalableDimension,
			"MinCapacity": service.MinCapacity, "MaxCapacity": service.MaxCapacity,
			"ScalableTargetARN": arn("application-autoscaling", "scalable-target/"+stableHex(service.ARN, 32)),
			"RoleARN": "arn:aws:iam::" + Account +
				":role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
			"SuspendedState": document{
				"DynamicScalingInSuspended": false, "DynamicScalingOutSuspended": false, "ScheduledScalingSuspended": false,
			},
		}.at("CreationTime", service.Created))
	}
	return in.answer("ScalableTargets", list)
}

func (a *awsAPI) describeScalingPolicies(in scalingInput) (document, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	list := []document{}
	for _, service := range a.scalable(in) {
		name := service.Cluster.Name + "-" + service.Name + "-cpu"
		list = append(list, document{
			"PolicyName": name, "PolicyType": "TargetTrackingScaling",
			"PolicyARN": arn("autoscaling", "scalingPolicy:"+containerUUID(stableHex(name, 32))+
				":resource/ecs/"+scalableID(service)+":policyName/"+name),
			"ServiceNamespace": "ecs", "ResourceId": scalableID(service), "ScalableDimension": scalableDimension,
			"TargetTrackingScalingPolicyConfiguration": document{
				"TargetValue": 60, "ScaleInCooldown": 300, "ScaleOutCooldown": 60,
				"PredefinedMetricSpecification": document{"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
			},
			"Alarms": []document{},
		}.at("CreationTime", service.Created))
	}
	return in.answer("ScalingPolicies", list)
}

// describeScalingActivities lists none: the sandbox's services do not scale by
// themselves.
func (a *awsAPI) describeScalingActivities(in scalingInput) (document, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	return in.answer("ScalingActivities", []document{})
}

func (a *awsAPI) registerScalableTarget(in scalingInput) (document, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	clusterName, name, _ := strings.Cut(strings.TrimPrefix(in.ResourceID, "service/"), "/")
	cluster := a.world.Cloud.Cluster(clusterName)
	if in.ServiceNamespace != "ecs" || in.ScalableDimension != scalableDimension || cluster == nil || cluster.Service(name) == nil {
		return nil, awsFailure("ValidationException", "ECS service doesn't exist: %s", in.ResourceID)
	}
	service := cluster.Service(name)
	low, high := service.MinCapacity, service.MaxCapacity
	if in.MinCapacity != nil {
		low = *in.MinCapacity
	}
	if in.MaxCapacity != nil {
		high = *in.MaxCapacity
	}
	if low < 0 || high < low {
		return nil, awsFailure("ValidationException", "Maximum capacity cannot be less than minimum capacity")
	}
	service.MinCapacity, service.MaxCapacity = low, high
	return document{"ScalableTargetARN": arn("application-autoscaling", "scalable-target/"+stableHex(service.ARN, 32))}, nil
}
