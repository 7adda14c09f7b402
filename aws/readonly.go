package aws

import (
	"context"
	"slices"

	"github.com/aws/smithy-go/middleware"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// reads lists every operation that a session may send, by the SDK's service ID.
var reads = map[string][]string{
	"ECS": {
		"DescribeServiceDeployments", "DescribeServiceRevisions", "DescribeServices",
		"DescribeTaskDefinition", "DescribeTasks", "ListClusters", "ListServiceDeployments", "ListServices",
		"ListTasks",
	},
	"Application Auto Scaling":  {"DescribeScalableTargets"},
	"CloudWatch Logs":           {"DescribeLogGroups", "FilterLogEvents"},
	"CloudWatch":                {"DescribeAlarms", "GetMetricData"},
	"Elastic Load Balancing v2": {"DescribeTargetGroups", "DescribeTargetHealth"},
	"ECR":                       {"BatchGetImage", "DescribeImages", "GetLifecyclePolicy"},
	"RDS":                       {"DescribeDBClusterSnapshots", "DescribeDBSnapshots"},
	"ServiceDiscovery":          {"GetInstancesHealthStatus", "GetNamespace", "GetService", "ListInstances"},
	"STS":                       {"GetCallerIdentity"},
}

// wiredReads lists the same of the services that are asked without their SDK
// module.
var wiredReads = map[string][]string{
	"Secrets Manager": {"DescribeSecret"},
	"SSM":             {"GetParameters"},
}

// logins lists what the SDK itself sends to turn a profile into credentials.
// They change nothing but who asks.
var logins = map[string][]string{
	"STS":      {"AssumeRole", "AssumeRoleWithWebIdentity"},
	"SSO":      {"GetRoleCredentials"},
	"SSO OIDC": {"CreateToken"},
	"Signin":   {"CreateOAuth2Token"},
}

// readOnly refuses every operation that is on neither list, before anything of
// it is built or signed.
func readOnly(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("DeployctlReadOnly", refuseWrites), middleware.Before)
}

func refuseWrites(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	service, operation := middleware.GetServiceID(ctx), middleware.GetOperationName(ctx)
	if !slices.Contains(reads[service], operation) && !slices.Contains(logins[service], operation) {
		return middleware.InitializeOutput{}, middleware.Metadata{}, &pipeline.Error{
			Kind: pipeline.KindRefused, Message: "the AWS session is read-only and does not send " + service + " " + operation,
		}
	}
	return next.HandleInitialize(ctx, in)
}
