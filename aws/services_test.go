package aws

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const (
	arnPrefix = "arn:aws:ecs:eu-central-1:123456789012:"
	oldSHA    = "1111111111111111111111111111111111111111"
	newSHA    = "2222222222222222222222222222222222222222"
)

func digestOf(n int) string { return fmt.Sprintf("sha256:%064d", n) }

// shop is what a fake ECS knows.
type shop struct {
	services    map[string]ecstypes.Service
	deployments map[string]ecstypes.ServiceDeployment
	revisions   map[string]ecstypes.ServiceRevision
	definitions map[string]*ecs.DescribeTaskDefinitionOutput
}

func newShop() *shop {
	return &shop{
		services:    map[string]ecstypes.Service{},
		deployments: map[string]ecstypes.ServiceDeployment{},
		revisions:   map[string]ecstypes.ServiceRevision{},
		definitions: map[string]*ecs.DescribeTaskDefinitionOutput{},
	}
}

// definition registers a revision of a task definition: a sidecar first, then
// the service's own container.
func (s *shop) definition(family string, revision int, image string, environment map[string]string, tags map[string]string) string {
	arn := fmt.Sprintf("%stask-definition/%s:%d", arnPrefix, family, revision)
	app := ecstypes.ContainerDefinition{
		Name: &family, Image: &image,
		LogConfiguration: &ecstypes.LogConfiguration{LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{
			"awslogs-group": "/ecs/shop-production/" + family, "awslogs-stream-prefix": "app",
		}},
		Secrets: []ecstypes.Secret{{Name: awssdk.String("DB"), ValueFrom: awssdk.String("arn:secret")}},
	}
	for k, v := range environment {
		app.Environment = append(app.Environment, ecstypes.KeyValuePair{Name: &k, Value: &v})
	}
	out := &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &ecstypes.TaskDefinition{
		TaskDefinitionArn: &arn, Family: &family, Revision: int32(revision), Status: ecstypes.TaskDefinitionStatusActive,
		ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: awssdk.String("proxy"), Image: awssdk.String("envoy:1")}, app},
	}}
	for k, v := range tags {
		out.Tags = append(out.Tags, ecstypes.Tag{Key: &k, Value: &v})
	}
	s.definitions[arn] = out
	return arn
}

// revision makes a service revision of a task definition.
func (s *shop) revision(service string, n int, definition, image string) string {
	arn := fmt.Sprintf("%sservice-revision/shop-production/%s/%d", arnPrefix, service, n)
	s.revisions[arn] = ecstypes.ServiceRevision{
		ServiceRevisionArn: &arn, TaskDefinition: &definition, CreatedAt: awssdk.Time(time.Unix(int64(n), 0)),
		ContainerImages: []ecstypes.ContainerImage{
			{ContainerName: awssdk.String("proxy"), Image: awssdk.String("envoy:1"), ImageDigest: awssdk.String(digestOf(999))},
			{ContainerName: &service, Image: &image, ImageDigest: awssdk.String(digestOf(n))},
		},
	}
	return arn
}

// service puts a settled service with one deployment on a task definition.
func (s *shop) service(name, definition string) ecstypes.Service {
	service := ecstypes.Service{
		ServiceName: &name, ServiceArn: awssdk.String(arnPrefix + "service/shop-production/" + name),
		Status: awssdk.String("ACTIVE"), DesiredCount: 2, RunningCount: 2, TaskDefinition: &definition,
		Deployments: []ecstypes.Deployment{{
			Id: awssdk.String("ecs-svc/1"), Status: awssdk.String("PRIMARY"), TaskDefinition: &definition,
			DesiredCount: 2, RunningCount: 2, RolloutState: ecstypes.DeploymentRolloutStateCompleted,
		}},
	}
	s.services[name] = service
	return service
}

// deployment adds a service deployment and makes it the service's current one.
func (s *shop) deployment(service string, status ecstypes.ServiceDeploymentStatus, target string, sources ...string) {
	arn := fmt.Sprintf("%sservice-deployment/shop-production/%s/%d", arnPrefix, service, len(s.deployments))
	known := s.services[service]
	d := ecstypes.ServiceDeployment{
		ServiceDeploymentArn: &arn, ServiceArn: known.ServiceArn, Status: status,
		CreatedAt:             awssdk.Time(time.Unix(int64(1000+len(s.deployments)), 0)),
		TargetServiceRevision: &ecstypes.ServiceRevisionSummary{Arn: &target, RunningTaskCount: 1, RequestedTaskCount: 2},
	}
	for _, source := range sources {
		d.SourceServiceRevisions = append(d.SourceServiceRevisions, ecstypes.ServiceRevisionSummary{
			Arn: &source, RunningTaskCount: 2, RequestedTaskCount: 2, RequestedProductionTrafficWeight: awssdk.Float64(100),
		})
	}
	s.deployments[arn] = d
	known.CurrentServiceDeployment = &arn
	s.services[service] = known
}

// serve lets the account answer from the shop.
func (s *shop) serve(a *account) {
	on(a, "DescribeServices", func(in *ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
		if len(in.Services) > 10 {
			return nil, failure("InvalidParameterException", "Services cannot be more than 10")
		}
		out := &ecs.DescribeServicesOutput{}
		for _, name := range slices.Backward(in.Services) { // AWS promises no order
			if service, ok := s.services[name]; ok {
				out.Services = append(out.Services, service)
			} else {
				out.Failures = append(out.Failures, ecstypes.Failure{Arn: awssdk.String(arnPrefix + "service/" + name), Reason: awssdk.String("MISSING")})
			}
		}
		return out, nil
	})
	on(a, "DescribeServiceDeployments", func(in *ecs.DescribeServiceDeploymentsInput) (*ecs.DescribeServiceDeploymentsOutput, error) {
		out := &ecs.DescribeServiceDeploymentsOutput{}
		for _, arn := range in.ServiceDeploymentArns {
			out.ServiceDeployments = append(out.ServiceDeployments, s.deployments[arn])
		}
		return out, nil
	})
	on(a, "ListServiceDeployments", func(in *ecs.ListServiceDeploymentsInput) (*ecs.ListServiceDeploymentsOutput, error) {
		out := &ecs.ListServiceDeploymentsOutput{}
		for _, arn := range slices.Sorted(maps.Keys(s.deployments)) {
			if d := s.deployments[arn]; strings.HasSuffix(*d.ServiceArn, "/"+*in.Service) {
				out.ServiceDeployments = append(out.ServiceDeployments, ecstypes.ServiceDeploymentBrief{ServiceDeploymentArn: &arn, CreatedAt: d.CreatedAt})
			}
		}
		return out, nil
	})
	on(a, "DescribeServiceRevisions", func(in *ecs.DescribeServiceRevisionsInput) (*ecs.DescribeServiceRevisionsOutput, error) {
		out := &ecs.DescribeServiceRevisionsOutput{}
		for _, arn := range in.ServiceRevisionArns {
			out.ServiceRevisions = append(out.ServiceRevisions, s.revisions[arn])
		}
		return out, nil
	})
	on(a, "DescribeTaskDefinition", func(in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
		if out, ok := s.definitions[*in.TaskDefinition]; ok {
			return out, nil
		}
		return nil, failure("ClientException", "Unable to describe task definition.")
	})
}

func only(t *testing.T, c *Cloud, names ...string) pipeline.ServiceState {
	t.Helper()
	states, err := c.Services(t.Context(), production, names)
	if err != nil {
		t.Fatal(err)
	}
	if len(states) != len(names) {
		t.Fatalf("%d states for %d names", len(states), len(names))
	}
	return states[0]
}

func TestServicesAreAskedForInBatchesAndKeepTheirOrder(t *testing.T) {
	c, a := newAccount(t)
	s := newShop()
	s.serve(a)
	var names []string
	for i := range 25 {
		name := fmt.Sprintf("svc-%02d", 24-i)
		names = append(names, name)
		if i != 7 {
			s.service(name, s.definition(name, 1, "registry/shop:1", nil, nil))
		}
	}
	states, err := c.Services(t.Context(), production, names)
	if err != nil {
		t.Fatal(err)
	}
	for i, state := range states {
		want := "ACTIVE"
		if i == 7 {
			want = missing
		}
		if state.Key.Service != names[i] || state.Status != want {
			t.Errorf("state %d is %s %s, want %s %s", i, state.Key.Service, state.Status, names[i], want)
		}
	}
	if n := a.sent("DescribeServices"); n != 3 {
		t.Errorf("%d calls of DescribeServices for 25 services, want 3", n)
	}
}

func TestRolloutIsJoinedWithItsRevisions(t *testing.T) {
	c, a := newAccount(t)
	s := newShop()
	s.serve(a)
	before := s.definition("orders", 1, "registry/orders:x", map[string]string{"GIT_SHA": oldSHA, "APP_VERSION": "v1.0.0"}, nil)
	after := s.definition("orders", 2, "registry/orders:x", nil, map[string]string{"deployctl:sha": newSHA, "deployctl:version": "v1.1.0"})
	service := s.service("orders", before)
	service.Deployments = append([]ecstypes.Deployment{{
		Id: awssdk.String("ecs-svc/2"), Status: awssdk.String("PRIMARY"), TaskDefinition: &after,
		DesiredCount: 2, RunningCount: 1, RolloutState: ecstypes.DeploymentRolloutStateInProgress,
	}}, service.Deployments...)
	service.Deployments[1].Status = awssdk.String("ACTIVE")
	service.LoadBalancers = []ecstypes.LoadBalancer{{
		TargetGroupArn: awssdk.String("arn:tg/blue/1"), ContainerName: awssdk.String("orders"),
		AdvancedConfiguration: &ecstypes.AdvancedConfiguration{AlternateTargetGroupArn: awssdk.String("arn:tg/green/2")},
	}}
	s.services["orders"] = service
	s.deployment("orders", ecstypes.ServiceDeploymentStatusInProgress,
		s.revision("orders", 2, after, "registry/orders:x"), s.revision("orders", 1, before, "registry/orders:x"))

	state := only(t, c, "orders")
	if state.TaskDefinition != after || state.Rollout == nil || !state.Rollout.InFlight() || !state.Moving() {
		t.Fatalf("rollout is not seen: %+v", state)
	}
	if len(state.Revisions) != 2 {
		t.Fatalf("%d revisions hold tasks, want 2", len(state.Revisions))
	}
	first, second := state.Revisions[0], state.Revisions[1]
	if first.SHA != newSHA || first.Version != "v1.1.0" || first.Digest() != digestOf(2) || first.Running != 1 || first.Requested != 2 {
		t.Errorf("primary revision: %+v", first)
	}
	if second.SHA != oldSHA || second.Version != "v1.0.0" || second.Digest() != digestOf(1) || second.Running != 2 || second.Weight != 100 {
		t.Errorf("source revision: %+v", second)
	}
	if want := []string{"arn:tg/blue/1", "arn:tg/green/2"}; !slices.Equal(state.TargetGroups, want) {
		t.Errorf("target groups %v, want %v", state.TargetGroups, want)
	}
	want := pipeline.LogGroup{Name: "/ecs/shop-production/orders", Prefix: "app", Container: "orders", Region: "eu-central-1"}
	if len(state.LogGroups) != 1 || state.LogGroups[0] != want {
		t.Errorf("log groups %+v, want %+v", state.LogGroups, want)
	}
}

func TestRollbackOfECSMakesTheOldRevisionPrimary(t *testing.T) {
	c, a := newAccount(t)
	s := newShop()
	s.serve(a)
	good := s.definition("orders", 1, "registry/orders:"+oldSHA, nil, nil)
	bad := s.definition("orders", 2, "registry/orders:"+newSHA, nil, nil)
	s.service("orders", good)
	old := s.revision("orders", 1, good, "registry/orders:"+oldSHA)
	s.deployment("orders", ecstypes.ServiceDeploymentStatusRollbackSuccessful, s.revision("orders", 2, bad, "registry/orders:"+newSHA), old)
	arn := *s.services["orders"].CurrentServiceDeployment
	d := s.deployments[arn]
	d.Rollback = &ecstypes.Rollback{ServiceRevisionArn: &old, Reason: awssdk.String("circuit breaker\x1b[31m")}
	d.DeploymentCircuitBreaker = &ecstypes.ServiceDeploymentCircuitBreaker{FailureCount: 3, Threshold: 3, Status: "TRIGGERED"}
	s.deployments[arn] = d

	state := only(t, c, "orders")
	if len(state.Revisions) != 1 || state.Revisions[0].ARN != old || state.Revisions[0].SHA != oldSHA || state.Revisions[0].Running != 2 {
		t.Errorf("what runs after the rollback: %+v", state.Revisions)
	}
	if r := state.Rollout; !r.Reverted() || r.RollbackTo != old || r.BreakerFailed != 3 || r.BreakerStatus != "TRIGGERED" || r.RollbackReason != "circuit breaker" {
		t.Errorf("rollout: %+v", r)
	}
}

func TestWhatTheServiceSaysOfItsRevisionsCounts(t *testing.T) {
	c, a := newAccount(t)
	s := newShop()
	s.serve(a)
	definition := s.definition("orders", 1, "registry/orders:"+oldSHA, nil, nil)
	revision := s.revision("orders", 1, definition, "registry/orders:"+oldSHA)
	service := s.service("orders", definition)
	service.CurrentServiceRevisions = []ecstypes.ServiceCurrentRevisionSummary{{Arn: &revision, RunningTaskCount: 5, RequestedTaskCount: 6, PendingTaskCount: 1}}
	s.services["orders"] = service
	s.deployment("orders", ecstypes.ServiceDeploymentStatusSuccessful, revision)

	got := only(t, c, "orders").Revisions
	if len(got) != 1 || got[0].Running != 5 || got[0].Requested != 6 || got[0].Pending != 1 || got[0].SHA != oldSHA {
		t.Errorf("revisions: %+v", got)
	}
}

func TestSettledServicesCostOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a := newAccount(t)
		s := newShop()
		s.serve(a)
		definition := s.definition("orders", 1, "registry/orders:"+oldSHA, nil, nil)
		s.service("orders", definition)
		s.deployment("orders", ecstypes.ServiceDeploymentStatusSuccessful, s.revision("orders", 1, definition, "registry/orders:"+oldSHA))

		only(t, c, "orders")
		first := len(a.calls)
		if first != 4 {
			t.Errorf("first read took %d calls, want 4: %v", first, a.calls)
		}
		only(t, c, "orders")
		if n := len(a.calls) - first; n != 1 {
			t.Errorf("a settled service took %d calls, want 1", n)
		}
		if _, err := c.Services(pipeline.Uncached(t.Context()), production, []string{"orders"}); err != nil {
			t.Fatal(err)
		}
		if n := a.sent("DescribeServiceDeployments"); n != 2 {
			t.Errorf("an uncached read was answered from memory")
		}
		time.Sleep(settledAge)
		only(t, c, "orders")
		if n := a.sent("DescribeServiceDeployments"); n != 3 {
			t.Errorf("the deployment is relied on for longer than %s", settledAge)
		}
		s.deployment("orders", ecstypes.ServiceDeploymentStatusInProgress, s.revision("orders", 2, definition, "registry/orders:"+newSHA))
		if state := only(t, c, "orders"); !state.Rollout.InFlight() {
			t.Errorf("a new deployment is not seen: %+v", state.Rollout)
		}
	})
}

func TestServicesWithoutServiceDeployments(t *testing.T) {
	for name, refusal := range map[string]error{
		"unknown operation": failure("UnknownOperationException", ""),
		"not allowed":       failure("AccessDeniedException", "User: arn:aws:iam::1:user/bob is not authorized to perform: ecs:ListServiceDeployments"),
	} {
		t.Run(name, func(t *testing.T) {
			c, a := newAccount(t)
			s := newShop()
			s.serve(a)
			for _, operation := range []string{"ListServiceDeployments", "DescribeServiceDeployments", "DescribeServiceRevisions"} {
				a.answers[operation] = func(any) (any, error) { return nil, refusal }
			}
			image := "registry:5000/orders:" + newSHA + "@" + digestOf(7)
			s.service("orders", s.definition("orders", 2, image, map[string]string{"APP_VERSION": "v2"}, nil))
			for range 3 {
				state := only(t, c, "orders")
				if state.Rollout != nil || len(state.Revisions) != 1 {
					t.Fatalf("state: %+v", state)
				}
				r := state.Revisions[0]
				if r.ARN != "" || r.SHA != newSHA || r.Version != "v2" || r.Digest() != digestOf(7) || r.Images[0].Repository != "registry:5000/orders" || r.Running != 2 {
					t.Errorf("revision: %+v", r)
				}
			}
			if n := a.sent("ListServiceDeployments"); n != 1 {
				t.Errorf("asked %d times for what is not there", n)
			}
			if _, err := c.ServiceDeployments(t.Context(), production, "orders", 5); pipeline.KindOf(err) != pipeline.KindNotFound {
				t.Errorf("history without an API for it: %v", err)
			}
		})
	}
}

func TestThrottledRolloutIsAnErrorNotAnEmptyAnswer(t *testing.T) {
	c, a := newAccount(t)
	s := newShop()
	s.serve(a)
	s.service("orders", s.definition("orders", 1, "registry/orders:1", nil, nil))
	a.answers["ListServiceDeployments"] = func(any) (any, error) { return nil, failure("ThrottlingException", "Rate exceeded") }
	if _, err := c.Services(t.Context(), production, []string{"orders"}); pipeline.KindOf(err) != pipeline.KindThrottled {
		t.Errorf("got %v, want a throttling error", err)
	}
}

func TestTaskSetsStandInForDeployments(t *testing.T) {
	c, a := newAccount(t)
	s := newShop()
	s.serve(a)
	definition := s.definition("orders", 1, "registry/orders:"+oldSHA, nil, nil)
	service := s.service("orders", definition)
	service.Deployments, service.TaskDefinition = nil, nil
	service.DeploymentController = &ecstypes.DeploymentController{Type: ecstypes.DeploymentControllerTypeCodeDeploy}
	service.TaskSets = []ecstypes.TaskSet{{
		Id: awssdk.String("ecs-svc/9"), Status: awssdk.String("PRIMARY"), TaskDefinition: &definition, RunningCount: 3, ComputedDesiredCount: 3,
		LoadBalancers: []ecstypes.LoadBalancer{{TargetGroupArn: awssdk.String("arn:tg/blue/1")}},
	}}
	s.services["orders"] = service
	state := only(t, c, "orders")
	if state.Controller != "CODE_DEPLOY" || state.TaskDefinition != definition || len(state.Revisions) != 1 || state.Revisions[0].Running != 3 || state.Revisions[0].SHA != oldSHA {
		t.Errorf("state: %+v", state)
	}
	if len(state.TargetGroups) != 1 || a.sent("ListServiceDeployments") != 0 {
		t.Errorf("target groups %v, %d calls for service deployments", state.TargetGroups, a.sent("ListServiceDeployments"))
	}
}

func TestCommitIsFoundByTheTagsOfTheDigest(t *testing.T) {
	c, a := newAccount(t)
	s := newShop()
	s.serve(a)
	on(a, "DescribeImages", func(in *ecr.DescribeImagesInput) (*ecr.DescribeImagesOutput, error) {
		if *in.RegistryId != "123456789012" || *in.RepositoryName != "shop/orders" {
			return nil, failure("RepositoryNotFoundException", *in.RepositoryName)
		}
		return &ecr.DescribeImagesOutput{ImageDetails: []ecrtypes.ImageDetail{{ImageDigest: in.ImageIds[0].ImageDigest, ImageTags: []string{"latest", newSHA}}}}, nil
	})
	image := "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/orders:latest"
	definition := s.definition("orders", 1, image, nil, nil)
	s.service("orders", definition)
	s.deployment("orders", ecstypes.ServiceDeploymentStatusSuccessful, s.revision("orders", 1, definition, image))
	for range 2 {
		if got := only(t, c, "orders").Revisions[0].SHA; got != newSHA {
			t.Errorf("commit %q, want %q", got, newSHA)
		}
	}
	if n := a.sent("DescribeImages"); n != 1 {
		t.Errorf("asked %d times for the tags of one digest", n)
	}
}

func TestServiceDeploymentsAreNewestFirst(t *testing.T) {
	c, a := newAccount(t)
	s := newShop()
	s.serve(a)
	definition := s.definition("orders", 1, "registry/orders:"+oldSHA, nil, nil)
	s.service("orders", definition)
	for i := range 25 {
		s.deployment("orders", ecstypes.ServiceDeploymentStatusSuccessful, s.revision("orders", i, definition, "registry/orders:"+oldSHA))
	}
	got, err := c.ServiceDeployments(t.Context(), production, "orders", 23)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 23 || got[0].Target.Digest() != digestOf(24) || got[22].Target.Digest() != digestOf(2) {
		t.Errorf("%d deployments, first %s", len(got), got[0].Target.Digest())
	}
	if got[0].Target.SHA != oldSHA {
		t.Errorf("commit %q", got[0].Target.SHA)
	}
	if d, r := a.sent("DescribeServiceDeployments"), a.sent("DescribeServiceRevisions"); d != 2 || r != 2 {
		t.Errorf("%d and %d calls, want 2 and 2", d, r)
	}
}

func TestRevisionOutlivesItsTaskDefinition(t *testing.T) {
	c, a := newAccount(t)
	s := newShop()
	s.serve(a)
	definition := s.definition("orders", 1, "registry/orders:"+oldSHA, nil, nil)
	s.service("orders", definition)
	s.deployment("orders", ecstypes.ServiceDeploymentStatusSuccessful, s.revision("orders", 1, definition, "registry/orders:"+oldSHA))
	delete(s.definitions, definition)
	got, err := c.ServiceDeployments(t.Context(), production, "orders", 5)
	if err != nil || len(got) != 1 || got[0].Target.SHA != oldSHA || len(got[0].Target.Images) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestServiceNamesAndClustersArePaged(t *testing.T) {
	c, a := newAccount(t)
	on(a, "ListServices", func(in *ecs.ListServicesInput) (*ecs.ListServicesOutput, error) {
		if in.NextToken == nil {
			return &ecs.ListServicesOutput{ServiceArns: []string{arnPrefix + "service/shop-production/users"}, NextToken: awssdk.String("2")}, nil
		}
		return &ecs.ListServicesOutput{ServiceArns: []string{arnPrefix + "service/shop-production/orders"}}, nil
	})
	on(a, "ListClusters", func(*ecs.ListClustersInput) (*ecs.ListClustersOutput, error) {
		return &ecs.ListClustersOutput{ClusterArns: []string{arnPrefix + "cluster/shop-production"}}, nil
	})
	if names, err := c.ServiceNames(t.Context(), production); err != nil || !slices.Equal(names, []string{"orders", "users"}) {
		t.Errorf("services %v, %v", names, err)
	}
	if names, err := c.Clusters(t.Context(), production); err != nil || !slices.Equal(names, []string{"shop-production"}) {
		t.Errorf("clusters %v, %v", names, err)
	}
}
