package aws

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// What ECS takes at once.
const (
	servicesAtOnce    = 10
	tasksAtOnce       = 100
	deploymentsAtOnce = 20
	revisionsAtOnce   = 20
	pageSize          = 100
)

// missing is the status of a service that ECS does not know.
const missing = "MISSING"

// Clusters lists the names of the clusters in the session's region, sorted.
func (c *Cloud) Clusters(ctx context.Context, cluster pipeline.Cluster) ([]string, error) {
	const op = "list the clusters"
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	arns, err := pages(func(token *string) ([]string, *string, error) {
		out, err := s.ecs.ListClusters(ctx, &ecs.ListClustersInput{MaxResults: awssdk.Int32(pageSize), NextToken: token})
		if err != nil {
			return nil, nil, s.classify(op, "region "+s.who.region, err)
		}
		return out.ClusterArns, out.NextToken, nil
	})
	return namesOf(arns), err
}

// ServiceNames lists the names of a cluster's services, sorted.
func (c *Cloud) ServiceNames(ctx context.Context, cluster pipeline.Cluster) ([]string, error) {
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	arns, err := pages(func(token *string) ([]string, *string, error) {
		out, err := s.ecs.ListServices(ctx, &ecs.ListServicesInput{
			Cluster: clusterOf(cluster), MaxResults: awssdk.Int32(pageSize), NextToken: token,
		})
		if err != nil {
			return nil, nil, s.classify("list the services", onCluster(cluster), err)
		}
		return out.ServiceArns, out.NextToken, nil
	})
	return namesOf(arns), err
}

// Services reads named services and joins them with their rollouts, their
// revisions and their task definitions. Where the endpoint or the identity has
// no service deployments or revisions, the result is made of the classic
// deployments and says less.
func (c *Cloud) Services(ctx context.Context, cluster pipeline.Cluster, names []string) ([]pipeline.ServiceState, error) {
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	described, gone, err := s.describe(ctx, cluster, names)
	if err != nil {
		return nil, s.classify("read the services", onCluster(cluster), err)
	}
	r := &reading{session: s, cluster: cluster, fresh: pipeline.IsUncached(ctx), complete: pipeline.IsUncached(ctx)}
	if err := r.join(ctx, described); err != nil {
		return nil, s.classify("read the rollouts", onCluster(cluster), err)
	}
	states := make([]pipeline.ServiceState, 0, len(names))
	for _, name := range names {
		if service, ok := find(described, name); ok {
			states = append(states, r.state(name, service))
			continue
		}
		states = append(states, pipeline.ServiceState{
			Key: pipeline.ServiceKey{Service: name}, Cluster: cluster, Status: cmp.Or(gone[lastOfARN(name)], missing),
		})
	}
	return states, nil
}

// describe reads services in batches. gone holds why ECS left one out, by name.
func (s *session) describe(ctx context.Context, cluster pipeline.Cluster, names []string) (_ []ecstypes.Service, gone map[string]string, _ error) {
	wanted := slices.Compact(slices.Sorted(slices.Values(names)))
	answers, err := inBatches(ctx, wanted, servicesAtOnce, func(ctx context.Context, batch []string) ([]*ecs.DescribeServicesOutput, error) {
		out, err := s.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: clusterOf(cluster), Services: batch})
		return []*ecs.DescribeServicesOutput{out}, err
	})
	var services []ecstypes.Service
	gone = map[string]string{}
	for _, answer := range answers {
		services = append(services, answer.Services...)
		for _, failure := range answer.Failures {
			gone[lastOfARN(awssdk.ToString(failure.Arn))] = text(failure.Reason)
		}
	}
	return services, gone, err
}

// find returns the service of that name or ARN.
func find(services []ecstypes.Service, name string) (ecstypes.Service, bool) {
	i := slices.IndexFunc(services, func(s ecstypes.Service) bool {
		return awssdk.ToString(s.ServiceName) == name || awssdk.ToString(s.ServiceArn) == name
	})
	if i < 0 {
		return ecstypes.Service{}, false
	}
	return services[i], true
}

// state translates a service, without what the reading adds.
func (r *reading) state(name string, service ecstypes.Service) pipeline.ServiceState {
	state := pipeline.ServiceState{
		Key: pipeline.ServiceKey{Service: name}, Cluster: r.cluster,
		ARN: text(service.ServiceArn), Status: text(service.Status),
		Desired: int(service.DesiredCount), Running: int(service.RunningCount), Pending: int(service.PendingCount),
		Controller: string(ecstypes.DeploymentControllerTypeEcs), Strategy: string(ecstypes.DeploymentStrategyRolling),
		Deployments: serviceSets(service), Events: serviceEvents(service.Events),
		TargetGroups: targetGroups(service), Registries: registries(service), Connect: r.session.serviceConnect(service), Created: moment(service.CreatedAt),
	}
	if service.DeploymentController != nil {
		state.Controller = text(&service.DeploymentController.Type)
	}
	if d := service.DeploymentConfiguration; d != nil {
		state.Strategy = cmp.Or(text(&d.Strategy), state.Strategy)
		state.MinHealthy = int(awssdk.ToInt32(d.MinimumHealthyPercent))
		state.MaxHealthy = int(awssdk.ToInt32(d.MaximumPercent))
		state.Shift = shift(d)
		if b := d.DeploymentCircuitBreaker; b != nil {
			state.Breaker = pipeline.Breaker{On: b.Enable, RollsBack: b.Rollback}
		}
		if d.Alarms != nil {
			state.AlarmNames = texts(d.Alarms.AlarmNames)
		}
	}
	state.TaskDefinition = text(service.TaskDefinition)
	if primary, ok := state.Primary(); ok {
		state.TaskDefinition = primary.TaskDefinition
	}
	if d, ok := r.deployments[state.ARN]; ok {
		state.Rollout = new(r.deployment(service, d))
	}
	state.Revisions = r.holders(service, state)
	state.LogGroups = r.logGroups(service, state)
	state.Unread = r.unread(state)
	return state
}

// shift translates how a service's traffic goes over to new tasks.
func shift(d *ecstypes.DeploymentConfiguration) pipeline.Shift {
	minutes := func(n *int32) time.Duration { return time.Duration(awssdk.ToInt32(n)) * time.Minute }
	out := pipeline.Shift{Bake: minutes(d.BakeTimeInMinutes)}
	switch {
	case d.CanaryConfiguration != nil:
		out.Percent = awssdk.ToFloat64(d.CanaryConfiguration.CanaryPercent)
		out.Pause = minutes(d.CanaryConfiguration.CanaryBakeTimeInMinutes)
	case d.LinearConfiguration != nil:
		out.Percent = awssdk.ToFloat64(d.LinearConfiguration.StepPercent)
		out.Pause = minutes(d.LinearConfiguration.StepBakeTimeInMinutes)
	}
	return out
}

// serviceSets translates the classic deployments; a service that CodeDeploy or
// somebody else controls has task sets instead.
func serviceSets(service ecstypes.Service) []pipeline.ServiceSet {
	var sets []pipeline.ServiceSet
	for _, d := range service.Deployments {
		sets = append(sets, pipeline.ServiceSet{
			ID: text(d.Id), Status: text(d.Status), TaskDefinition: text(d.TaskDefinition),
			Desired: int(d.DesiredCount), Running: int(d.RunningCount), Pending: int(d.PendingCount), Failed: int(d.FailedTasks),
			RolloutState: text(&d.RolloutState), Reason: text(d.RolloutStateReason),
			Created: moment(d.CreatedAt), Updated: moment(d.UpdatedAt),
		})
	}
	if len(sets) > 0 {
		return sets
	}
	for _, t := range service.TaskSets {
		sets = append(sets, pipeline.ServiceSet{
			ID: text(t.Id), Status: text(t.Status), TaskDefinition: text(t.TaskDefinition),
			Desired: int(t.ComputedDesiredCount), Running: int(t.RunningCount), Pending: int(t.PendingCount),
			Created: moment(t.CreatedAt), Updated: moment(t.UpdatedAt),
		})
	}
	return sets
}

// serviceEvents translates events, newest first.
func serviceEvents(events []ecstypes.ServiceEvent) []pipeline.ServiceEvent {
	translated := make([]pipeline.ServiceEvent, 0, len(events))
	for _, e := range events {
		translated = append(translated, pipeline.ServiceEvent{ID: text(e.Id), At: moment(e.CreatedAt), Message: text(e.Message)})
	}
	slices.SortStableFunc(translated, func(a, b pipeline.ServiceEvent) int { return b.At.Compare(a.At) })
	return translated
}

// targetGroups lists the target groups of a service, those of blue/green's
// other side and of task sets too, each once.
func targetGroups(service ecstypes.Service) []string {
	balancers := slices.Clone(service.LoadBalancers)
	for _, set := range service.TaskSets {
		balancers = append(balancers, set.LoadBalancers...)
	}
	var groups []string
	add := func(arn *string) {
		if group := text(arn); group != "" && !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	for _, b := range balancers {
		add(b.TargetGroupArn)
		if b.AdvancedConfiguration != nil {
			add(b.AdvancedConfiguration.AlternateTargetGroupArn)
		}
	}
	return groups
}

// clusterOf is a cluster's name for the API; nil, which means the cluster
// named default, where the configuration names none.
func clusterOf(c pipeline.Cluster) *string {
	if c.Name == "" {
		return nil
	}
	return &c.Name
}

// onCluster names a cluster in errors.
func onCluster(c pipeline.Cluster) string { return "cluster " + cmp.Or(lastOfARN(c.Name), "default") }

// namesOf are the last parts of ARNs, sorted.
func namesOf(arns []string) []string {
	names := make([]string, 0, len(arns))
	for _, arn := range texts(arns) {
		names = append(names, lastOfARN(arn))
	}
	slices.SortFunc(names, strings.Compare)
	return names
}
