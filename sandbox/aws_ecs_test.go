package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
)

const testCluster = "shop-production"

// wantCode fails unless err is an API error with the code.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	failure, ok := errors.AsType[smithy.APIError](err)
	if !ok || failure.ErrorCode() != code {
		t.Errorf("got error %v, want %s", err, code)
	}
}

func TestECSClustersAndServices(t *testing.T) {
	_, config := newAWS(t)
	client := ecs.NewFromConfig(config)
	ctx := t.Context()

	clusters, err := client.ListClusters(ctx, &ecs.ListClustersInput{})
	if err != nil || len(clusters.ClusterArns) != 1 {
		t.Fatalf("clusters %v, %v", clusters, err)
	}
	described, err := client.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{testCluster, "none"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := described.Clusters[0].RunningTasksCount; got != 26 {
		t.Errorf("%d running tasks, want 26", got)
	}
	if len(described.Failures) != 1 || *described.Failures[0].Reason != "MISSING" {
		t.Errorf("failures %v", described.Failures)
	}

	var arns []string
	pages := ecs.NewListServicesPaginator(client, &ecs.ListServicesInput{Cluster: aws.String(testCluster)})
	count := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		arns = append(arns, page.ServiceArns...)
		count++
	}
	if len(arns) != 13 || count != 2 {
		t.Errorf("%d services on %d pages, want 13 on 2 (10 at a time)", len(arns), count)
	}
	_, err = client.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String(testCluster), Services: arns})
	wantCode(t, err, "InvalidParameterException")
	_, err = client.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String("none"), Services: arns[:1]})
	wantCode(t, err, "ClusterNotFoundException")
}

func TestECSDescribeServices(t *testing.T) {
	_, config := newAWS(t)
	client := ecs.NewFromConfig(config)
	out, err := client.DescribeServices(t.Context(), &ecs.DescribeServicesInput{
		Cluster: aws.String(testCluster), Services: []string{"orders", "none"}, Include: []types.ServiceField{types.ServiceFieldTags},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Services) != 1 || len(out.Failures) != 1 {
		t.Fatalf("%d services, failures %v", len(out.Services), out.Failures)
	}
	service := out.Services[0]
	if service.RunningCount != 2 || service.DesiredCount != 2 || len(service.Deployments) != 1 || len(service.Tags) == 0 {
		t.Errorf("running %d of %d, %d deployments, tags %v", service.RunningCount, service.DesiredCount, len(service.Deployments), service.Tags)
	}
	if service.CurrentServiceDeployment == nil || len(service.CurrentServiceRevisions) != 1 {
		t.Error("the current deployment or revision is missing")
	}
	if service.DeploymentConfiguration.Alarms == nil || service.DeploymentConfiguration.Alarms.AlarmNames[0] != "orders-5xx" {
		t.Errorf("alarms %v", service.DeploymentConfiguration.Alarms)
	}
	if got := service.Deployments[0].RolloutState; got != types.DeploymentRolloutStateCompleted {
		t.Errorf("rollout state %s", got)
	}
	if time.Since(*service.CreatedAt) > 2*time.Hour {
		t.Errorf("created at %s", service.CreatedAt)
	}
}

// registerNext registers a revision of a service; without a good image its tasks
// cannot start.
func registerNext(t *testing.T, api *awsAPI, client *ecs.Client, good bool) string {
	t.Helper()
	image := registryHost + "/shop/orders@sha256:" + strings.Repeat("0", 64)
	if good {
		api.world.Lock()
		image = api.world.awsDefinition("orders", 2).Image
		api.world.Unlock()
	}
	out, err := client.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("shop-production-orders"), Cpu: aws.String("512"), Memory: aws.String("1024"),
		NetworkMode: types.NetworkModeAwsvpc, RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		Tags: []types.Tag{{Key: aws.String("deployctl:version"), Value: aws.String("v1.2.0")}},
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("app"), Image: aws.String(image), StopTimeout: aws.Int32(30),
			Environment:  []types.KeyValuePair{{Name: aws.String("APP_VERSION"), Value: aws.String("v1.2.0")}},
			PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(8000)}},
			LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
				"awslogs-group": "/ecs/shop-production/orders", "awslogs-region": Region, "awslogs-stream-prefix": "app",
			}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.TaskDefinition.TaskDefinitionArn
}

func orders(t *testing.T, client *ecs.Client) types.Service {
	t.Helper()
	out, err := client.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String(testCluster), Services: []string{"orders"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Services[0]
}

func serviceDeployment(t *testing.T, client *ecs.Client, arn string) types.ServiceDeployment {
	t.Helper()
	out, err := client.DescribeServiceDeployments(t.Context(), &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []string{arn}})
	if err != nil || len(out.ServiceDeployments) != 1 {
		t.Fatalf("deployments %v, %v", out, err)
	}
	return out.ServiceDeployments[0]
}

func TestECSRollout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, config := newVirtualAWS(t)
		client := ecs.NewFromConfig(config)
		definition := registerNext(t, api, client, true)
		if _, err := client.UpdateService(t.Context(), &ecs.UpdateServiceInput{
			Cluster: aws.String(testCluster), Service: aws.String("orders"), TaskDefinition: aws.String(definition),
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		moving := orders(t, client)
		if len(moving.Deployments) != 2 || moving.Deployments[0].RolloutState != types.DeploymentRolloutStateInProgress {
			t.Fatalf("in flight: %+v", moving.Deployments)
		}
		if *moving.Deployments[0].Status != "PRIMARY" || *moving.Deployments[1].Status != "ACTIVE" || moving.Deployments[1].RunningCount != 2 {
			t.Errorf("in flight: %+v", moving.Deployments)
		}
		if d := serviceDeployment(t, client, *moving.CurrentServiceDeployment); d.Status != types.ServiceDeploymentStatusInProgress || len(d.SourceServiceRevisions) != 1 {
			t.Errorf("in flight: %s with sources %v", d.Status, d.SourceServiceRevisions)
		}
		if err := ecs.NewServicesStableWaiter(client).Wait(t.Context(), &ecs.DescribeServicesInput{
			Cluster: aws.String(testCluster), Services: []string{"orders"},
		}, 10*time.Minute); err != nil {
			t.Fatal(err)
		}
		done := orders(t, client)
		if *done.TaskDefinition != definition {
			t.Errorf("serves %s, want %s", *done.TaskDefinition, definition)
		}
		time.Sleep(time.Minute)
		d := serviceDeployment(t, client, *done.CurrentServiceDeployment)
		if d.Status != types.ServiceDeploymentStatusSuccessful || d.FinishedAt == nil {
			t.Errorf("ended as %s at %v", d.Status, d.FinishedAt)
		}
		revisions, err := client.DescribeServiceRevisions(t.Context(), &ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: []string{*d.TargetServiceRevision.Arn}})
		if err != nil || !strings.HasPrefix(*revisions.ServiceRevisions[0].ContainerImages[0].ImageDigest, "sha256:") {
			t.Errorf("revision %v, %v", revisions, err)
		}
		_, err = client.StopServiceDeployment(t.Context(), &ecs.StopServiceDeploymentInput{ServiceDeploymentArn: d.ServiceDeploymentArn})
		wantCode(t, err, "ConflictException")
	})
}

func TestECSStopServiceDeployment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, config := newVirtualAWS(t)
		client := ecs.NewFromConfig(config)
		before := *orders(t, client).TaskDefinition
		definition := registerNext(t, api, client, true)
		if _, err := client.UpdateService(t.Context(), &ecs.UpdateServiceInput{
			Cluster: aws.String(testCluster), Service: aws.String("orders"), TaskDefinition: aws.String(definition),
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		current := *orders(t, client).CurrentServiceDeployment
		if _, err := client.StopServiceDeployment(t.Context(), &ecs.StopServiceDeploymentInput{ServiceDeploymentArn: aws.String(current)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		back := orders(t, client)
		if *back.TaskDefinition != before || back.Deployments[1].RolloutState != types.DeploymentRolloutStateFailed {
			t.Errorf("serves %s, deployments %+v", *back.TaskDefinition, back.Deployments)
		}
		time.Sleep(5 * time.Minute)
		d := serviceDeployment(t, client, current)
		if d.Status != types.ServiceDeploymentStatusRollbackSuccessful || d.Rollback == nil || *d.Rollback.Reason == "" {
			t.Errorf("ended as %s, rollback %v", d.Status, d.Rollback)
		}
	})
}

func TestECSDeploymentCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, config := newVirtualAWS(t)
		client := ecs.NewFromConfig(config)
		for range 2 {
			definition := registerNext(t, api, client, true)
			if _, err := client.UpdateService(t.Context(), &ecs.UpdateServiceInput{
				Cluster: aws.String(testCluster), Service: aws.String("orders"), TaskDefinition: aws.String(definition),
			}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Second)
		}
		deployments := orders(t, client).Deployments
		if len(deployments) != 3 || *deployments[0].Status != "PRIMARY" || *deployments[2].Status != "ACTIVE" {
			t.Errorf("deployments %+v", deployments)
		}
		time.Sleep(5 * time.Minute)
		if after := orders(t, client); len(after.Deployments) != 1 || after.RunningCount != 2 {
			t.Errorf("settled with %d deployments and %d tasks", len(after.Deployments), after.RunningCount)
		}
	})
}

func TestECSCircuitBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, config := newVirtualAWS(t)
		client := ecs.NewFromConfig(config)
		definition := registerNext(t, api, client, false)
		if _, err := client.UpdateService(t.Context(), &ecs.UpdateServiceInput{
			Cluster: aws.String(testCluster), Service: aws.String("orders"), TaskDefinition: aws.String(definition),
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		list, err := client.ListServiceDeployments(t.Context(), &ecs.ListServiceDeploymentsInput{
			Cluster: aws.String(testCluster), Service: aws.String("orders"),
			Status: []types.ServiceDeploymentStatus{types.ServiceDeploymentStatusRollbackSuccessful},
		})
		if err != nil || len(list.ServiceDeployments) != 1 {
			t.Fatalf("deployments %v, %v", list, err)
		}
		d := serviceDeployment(t, client, *list.ServiceDeployments[0].ServiceDeploymentArn)
		if d.DeploymentCircuitBreaker.Status != types.ServiceDeploymentRollbackMonitorsStatusTriggered || d.DeploymentCircuitBreaker.FailureCount < 3 {
			t.Errorf("circuit breaker %+v", d.DeploymentCircuitBreaker)
		}
		stopped := stoppedTasks(t, client)
		if len(stopped) < 3 {
			t.Fatalf("%d stopped tasks", len(stopped))
		}
		if task := stopped[0]; task.StopCode != types.TaskStopCodeTaskFailedToStart || !strings.Contains(*task.StoppedReason, "CannotPullContainerError") {
			t.Errorf("stopped with %s: %v", task.StopCode, task.StoppedReason)
		}
	})
}

func stoppedTasks(t *testing.T, client *ecs.Client) []types.Task {
	t.Helper()
	list, err := client.ListTasks(t.Context(), &ecs.ListTasksInput{
		Cluster: aws.String(testCluster), ServiceName: aws.String("orders"), DesiredStatus: types.DesiredStatusStopped,
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: aws.String(testCluster), Tasks: list.TaskArns})
	if err != nil {
		t.Fatal(err)
	}
	return out.Tasks
}

func TestECSListServiceDeploymentsFilters(t *testing.T) {
	api, config := newAWS(t)
	service := api.world.Cloud.Clusters[0].Service("orders")
	for i := range 24 {
		d := api.world.newServiceDeployment(service, service.Current().Target, service.Current().Target)
		d.Created, d.Status = d.Created.Add(time.Duration(i-24)*time.Minute), DeploymentSuccessful
	}
	client := ecs.NewFromConfig(config)
	in := &ecs.ListServiceDeploymentsInput{Cluster: aws.String(testCluster), Service: aws.String("orders"), MaxResults: aws.Int32(10)}
	var all []types.ServiceDeploymentBrief
	for {
		page, err := client.ListServiceDeployments(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.ServiceDeployments...)
		if in.NextToken = page.NextToken; in.NextToken == nil {
			break
		}
	}
	newestFirst := slices.IsSortedFunc(all, func(a, b types.ServiceDeploymentBrief) int { return b.CreatedAt.Compare(*a.CreatedAt) })
	if len(all) != 25 || !newestFirst {
		t.Errorf("%d deployments, newest first: %t", len(all), newestFirst)
	}
	after, before := time.Now().Add(-10*time.Minute-30*time.Second), time.Now().Add(-5*time.Minute-30*time.Second)
	page, err := client.ListServiceDeployments(t.Context(), &ecs.ListServiceDeploymentsInput{
		Cluster: in.Cluster, Service: in.Service, CreatedAt: &types.CreatedAt{After: &after, Before: &before},
	})
	if err != nil || len(page.ServiceDeployments) != 5 {
		t.Errorf("%d deployments between ten and five minutes ago, %v; want 5", len(page.ServiceDeployments), err)
	}
	arns := make([]string, 21)
	for i := range arns {
		arns[i] = fmt.Sprint("arn:", i)
	}
	_, err = client.DescribeServiceDeployments(t.Context(), &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: arns})
	wantCode(t, err, "InvalidParameterException")
	_, err = client.DescribeServiceRevisions(t.Context(), &ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: arns})
	wantCode(t, err, "InvalidParameterException")
}

func TestECSTasks(t *testing.T) {
	api, config := newAWS(t)
	client := ecs.NewFromConfig(config)
	in := &ecs.ListTasksInput{Cluster: aws.String(testCluster), MaxResults: aws.Int32(7)}
	seen := map[string]bool{}
	pages := ecs.NewListTasksPaginator(client, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, arn := range page.TaskArns {
			seen[arn] = true
		}
	}
	if len(seen) != 26 {
		t.Errorf("%d tasks, want 26", len(seen))
	}
	task := api.world.Cloud.Clusters[0].Service("orders").Tasks[0]
	out, err := client.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: aws.String(testCluster), Tasks: []string{task.ARN, "none"}})
	if err != nil || len(out.Tasks) != 1 || len(out.Failures) != 1 {
		t.Fatalf("tasks %v, %v", out, err)
	}
	container := out.Tasks[0].Containers[0]
	if *container.ImageDigest != task.Digest || container.HealthStatus != types.HealthStatusHealthy || *out.Tasks[0].Group != "service:orders" {
		t.Errorf("container %+v", container)
	}
	_, err = client.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: aws.String(testCluster), NextToken: aws.String("x")})
	wantCode(t, err, "InvalidParameterException")
	_, err = client.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: aws.String(testCluster), Tasks: make([]string, 101)})
	wantCode(t, err, "InvalidParameterException")
}

func TestECSRunTask(t *testing.T) {
	_, config := newAWS(t)
	client := ecs.NewFromConfig(config)
	in := &ecs.RunTaskInput{
		Cluster: aws.String(testCluster), TaskDefinition: aws.String("shop-production-orders"), ClientToken: aws.String("one"),
		StartedBy: aws.String("deployctl"), LaunchType: types.LaunchTypeFargate,
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"subnet-1"}}},
		Overrides: &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{
			Name: aws.String("app"), Command: []string{"python", "manage.py", "migrate"},
		}}},
	}
	first, err := client.RunTask(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := client.RunTask(t.Context(), in)
	if err != nil || *again.Tasks[0].TaskArn != *first.Tasks[0].TaskArn {
		t.Errorf("the same token started another task: %v, %v", again, err)
	}
	in.Count = aws.Int32(2)
	_, err = client.RunTask(t.Context(), in)
	wantCode(t, err, "ConflictException")

	started, err := client.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: in.Cluster, StartedBy: in.StartedBy})
	if err != nil || len(started.TaskArns) != 1 {
		t.Errorf("tasks started by deployctl: %v, %v", started, err)
	}
	stopped, err := client.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: in.Cluster, Task: first.Tasks[0].TaskArn, Reason: aws.String("enough")})
	if err != nil || *stopped.Task.DesiredStatus != "STOPPED" || *stopped.Task.StoppedReason != "enough" {
		t.Errorf("stopped %v, %v", stopped, err)
	}
	_, err = client.RunTask(t.Context(), &ecs.RunTaskInput{Cluster: in.Cluster, TaskDefinition: in.TaskDefinition})
	wantCode(t, err, "InvalidParameterException")
	in.Overrides.ContainerOverrides[0].Name = aws.String("sidecar")
	in.ClientToken = nil
	_, err = client.RunTask(t.Context(), in)
	wantCode(t, err, "InvalidParameterException")
}

func TestECSTaskDefinitions(t *testing.T) {
	api, config := newAWS(t)
	client := ecs.NewFromConfig(config)
	arn := registerNext(t, api, client, true)
	out, err := client.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: aws.String("shop-production-orders"), Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
	})
	if err != nil {
		t.Fatal(err)
	}
	if *out.TaskDefinition.TaskDefinitionArn != arn || out.TaskDefinition.Revision != 2 || *out.Tags[0].Value != "v1.2.0" {
		t.Errorf("described %+v with tags %v", out.TaskDefinition, out.Tags)
	}
	if got := *out.TaskDefinition.ContainerDefinitions[0].StopTimeout; got != 30 {
		t.Errorf("what was registered is not kept: stop timeout %d", got)
	}
	list, err := client.ListTaskDefinitions(t.Context(), &ecs.ListTaskDefinitionsInput{
		FamilyPrefix: aws.String("shop-production-orders"), Sort: types.SortOrderDesc,
	})
	if err != nil || len(list.TaskDefinitionArns) != 2 || list.TaskDefinitionArns[0] != arn {
		t.Errorf("listed %v, %v", list, err)
	}
	families, err := client.ListTaskDefinitionFamilies(t.Context(), &ecs.ListTaskDefinitionFamiliesInput{FamilyPrefix: aws.String("shop-production-e")})
	if err != nil || len(families.Families) != 12 {
		t.Errorf("families %v, %v", families, err)
	}
	if _, err := client.DeregisterTaskDefinition(t.Context(), &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String(arn)}); err != nil {
		t.Fatal(err)
	}
	_, err = client.UpdateService(t.Context(), &ecs.UpdateServiceInput{Cluster: aws.String(testCluster), Service: aws.String("orders"), TaskDefinition: aws.String(arn)})
	wantCode(t, err, "ClientException")
	_, err = client.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("none:4")})
	wantCode(t, err, "ClientException")
	_, err = client.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("x"), ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("app")}}, Cpu: aws.String("256"), Memory: aws.String("512"),
	})
	wantCode(t, err, "ClientException")
}

func TestECSTags(t *testing.T) {
	api, config := newAWS(t)
	client := ecs.NewFromConfig(config)
	service := aws.String(api.world.Cloud.Clusters[0].Service("orders").ARN)
	if _, err := client.TagResource(t.Context(), &ecs.TagResourceInput{
		ResourceArn: service, Tags: []types.Tag{{Key: aws.String("Project"), Value: aws.String("other")}, {Key: aws.String("a"), Value: aws.String("b")}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.UntagResource(t.Context(), &ecs.UntagResourceInput{ResourceArn: service, TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	out, err := client.ListTagsForResource(t.Context(), &ecs.ListTagsForResourceInput{ResourceArn: service})
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for _, tag := range out.Tags {
		tags[*tag.Key] = *tag.Value
	}
	if tags["Project"] != "other" || tags["a"] != "" || tags["ManagedBy"] != "terraform" {
		t.Errorf("tags %v", tags)
	}
	_, err = client.ListTagsForResource(t.Context(), &ecs.ListTagsForResourceInput{ResourceArn: aws.String(arn("ecs", "service/x/y"))})
	wantCode(t, err, "InvalidParameterException")
}

func TestECSScaling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := newVirtualAWS(t)
		client := ecs.NewFromConfig(config)
		before := *orders(t, client).CurrentServiceDeployment
		if _, err := client.UpdateService(context.Background(), &ecs.UpdateServiceInput{
			Cluster: aws.String(testCluster), Service: aws.String("orders"), DesiredCount: aws.Int32(4),
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		after := orders(t, client)
		if after.RunningCount != 4 || *after.CurrentServiceDeployment != before {
			t.Errorf("%d tasks, deployment %s", after.RunningCount, *after.CurrentServiceDeployment)
		}
	})
}
