package sandbox

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

func TestRegistry(t *testing.T) {
	api, config := newAWS(t)
	client := ecr.NewFromConfig(config)
	ctx := t.Context()
	image := api.world.Cloud.Images["shop/orders"][0]
	repositories, err := client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{MaxResults: aws.Int32(5)})
	if err != nil || len(repositories.Repositories) != 5 || repositories.NextToken == nil {
		t.Fatalf("repositories %v, %v", repositories, err)
	}
	out, err := client.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RepositoryName: aws.String("shop/orders"), ImageIds: []types.ImageIdentifier{{ImageTag: aws.String(image.Tags[0])}},
	})
	if err != nil || *out.ImageDetails[0].ImageDigest != image.Digest || time.Since(*out.ImageDetails[0].ImagePushedAt) > time.Minute {
		t.Errorf("images %v, %v", out, err)
	}
	listed, err := client.ListImages(ctx, &ecr.ListImagesInput{RepositoryName: aws.String("shop/orders"), Filter: &types.ListImagesFilter{TagStatus: types.TagStatusUntagged}})
	if err != nil || len(listed.ImageIds) != 0 {
		t.Errorf("untagged images %v, %v", listed, err)
	}
	got, err := client.BatchGetImage(ctx, &ecr.BatchGetImageInput{RepositoryName: aws.String("shop/orders"), ImageIds: []types.ImageIdentifier{
		{ImageDigest: aws.String(image.Digest)}, {ImageTag: aws.String("none")},
	}})
	if err != nil || len(got.Images) != 1 || len(got.Failures) != 1 || got.Failures[0].FailureCode != types.ImageFailureCodeImageNotFound {
		t.Errorf("got %v, %v", got, err)
	}
	if !json.Valid([]byte(*got.Images[0].ImageManifest)) {
		t.Errorf("the manifest is no JSON: %s", *got.Images[0].ImageManifest)
	}
	policy, err := client.GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: aws.String("shop/orders")})
	if err != nil || !json.Valid([]byte(*policy.LifecyclePolicyText)) {
		t.Errorf("policy %v, %v", policy, err)
	}
	image.Deleted = true
	_, err = client.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RepositoryName: aws.String("shop/orders"), ImageIds: []types.ImageIdentifier{{ImageDigest: aws.String(image.Digest)}},
	})
	wantCode(t, err, "ImageNotFoundException")
	_, err = client.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: aws.String("none")})
	wantCode(t, err, "RepositoryNotFoundException")
}

// TestSmallServices asks the services of which we have no client in the wire's
// own words.
func TestSmallServices(t *testing.T) {
	api, config := newAWS(t)
	orders := api.world.Cloud.Clusters[0].Service("orders")
	tests := []struct {
		target, body string
		status       int
		contains     string
	}{
		{"secretsmanager.ListSecrets", `{"MaxResults":10}`, 200, `"Name":"shop/production/orders"`},
		{"secretsmanager.ListSecrets", `{"Filters":[{"Key":"name","Values":["other"]}]}`, 200, `"SecretList":[]`},
		{"secretsmanager.DescribeSecret", `{"SecretId":"shop/production/orders"}`, 200, `orders-AbCdEf"`},
		{"secretsmanager.DescribeSecret", `{"SecretId":"none"}`, 400, `"ResourceNotFoundException"`},
		{"secretsmanager.GetSecretValue", `{"SecretId":"` + api.world.Cloud.Secrets[0].ARN + `"}`, 200, `"SecretString":"sandbox-`},
		{"AmazonSSM.GetParameter", `{"Name":"/shop/production/workers"}`, 200, `"Value":"4"`},
		{"AmazonSSM.GetParameter", `{"Name":"/shop/production/workers:2"}`, 400, `"ParameterNotFound"`},
		{"AmazonSSM.GetParameters", `{"Names":["/shop/production/workers","none"]}`, 200, `"InvalidParameters":["none"]`},
		{"AmazonSSM.GetParametersByPath", `{"Path":"/shop"}`, 200, `"Parameters":[]`},
		{"AmazonSSM.GetParametersByPath", `{"Path":"/shop","Recursive":true}`, 200, `"Version":3`},
		{"AnyScaleFrontendService.DescribeScalableTargets", `{"ServiceNamespace":"ecs","ResourceIds":["service/shop-production/orders"]}`, 200, `"MaxCapacity":8`},
		{"AnyScaleFrontendService.DescribeScalingPolicies", `{"ServiceNamespace":"ecs"}`, 200, `"TargetTrackingScaling"`},
		{"AnyScaleFrontendService.DescribeScalableTargets", `{}`, 400, `"ValidationException"`},
		{
			"AnyScaleFrontendService.RegisterScalableTarget",
			`{"ServiceNamespace":"ecs","ResourceId":"service/shop-production/orders","ScalableDimension":"ecs:service:DesiredCount","MinCapacity":9,"MaxCapacity":4}`, 400, `"ValidationException"`,
		},
		{
			"AnyScaleFrontendService.RegisterScalableTarget",
			`{"ServiceNamespace":"ecs","ResourceId":"service/shop-production/orders","ScalableDimension":"ecs:service:DesiredCount","MinCapacity":3}`, 200, `"ScalableTargetARN"`,
		},
		{"Route53AutoNaming_v20170314.ListNamespaces", `{}`, 200, `"Name":"production.shop.local"`},
		{"Route53AutoNaming_v20170314.ListServices", `{"Filters":[{"Name":"NAMESPACE_ID","Values":["other"]}]}`, 200, `"Services":[]`},
		{"Route53AutoNaming_v20170314.ListInstances", `{"ServiceId":"` + registryID(orders) + `"}`, 200, `"AWS_INSTANCE_IPV4":"` + orders.Tasks[0].Address},
		{"Route53AutoNaming_v20170314.ListInstances", `{"ServiceId":"none"}`, 400, `"ServiceNotFound"`},
		{"Route53AutoNaming_v20170314.DiscoverInstances", `{"NamespaceName":"production.shop.local","ServiceName":"orders","HealthStatus":"HEALTHY"}`, 200, orders.Tasks[1].ID},
		{"Route53AutoNaming_v20170314.DiscoverInstances", `{"NamespaceName":"none","ServiceName":"orders"}`, 400, `"NamespaceNotFound"`},
	}
	const signature = "AWS4-HMAC-SHA256 Credential=AKIAX/20261123/eu-central-1/any/aws4_request, SignedHeaders=host, Signature=0"
	for _, test := range tests {
		status, body := send(t, config, test.body, http.Header{
			"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {test.target}, "Authorization": {signature},
		})
		if status != test.status || !strings.Contains(body, test.contains) {
			t.Errorf("%s %s: %d %s, want %d with %s", test.target, test.body, status, body, test.status, test.contains)
		}
	}
	if orders.MinCapacity != 3 || orders.MaxCapacity != 8 {
		t.Errorf("capacity %d to %d", orders.MinCapacity, orders.MaxCapacity)
	}
}
