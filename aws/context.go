package aws

import (
	"context"
	"fmt"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	discoverytypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// scalablesAtOnce is how many scalable targets AWS gives and takes at once.
const scalablesAtOnce = 50

// Scalings reads the bounds that Application Auto Scaling keeps the desired
// counts of services within, by service. What nothing scales is left out; so is
// everything where the endpoint has no autoscaling.
func (c *Cloud) Scalings(ctx context.Context, cluster pipeline.Cluster, services []string) (map[string]pipeline.Scaling, error) {
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	byResource := map[string]string{}
	for _, service := range services {
		byResource[fmt.Sprintf("service/%s/%s", lastOfARN(cluster.Name), service)] = service
	}
	ids := make([]string, 0, len(byResource))
	for id := range byResource {
		ids = append(ids, id)
	}
	targets, err := inBatches(ctx, unique(ids), scalablesAtOnce, s.scalableTargets)
	switch {
	case unsupported(err):
		return map[string]pipeline.Scaling{}, nil
	case err != nil:
		return nil, s.classify("read the bounds of autoscaling", onCluster(cluster), err)
	}
	scalings := map[string]pipeline.Scaling{}
	for _, t := range targets {
		scalings[byResource[awssdk.ToString(t.ResourceId)]] = pipeline.Scaling{
			Min: int(awssdk.ToInt32(t.MinCapacity)), Max: int(awssdk.ToInt32(t.MaxCapacity)), Suspended: suspended(t.SuspendedState),
		}
	}
	return scalings, nil
}

func (s *session) scalableTargets(ctx context.Context, ids []string) ([]scalingtypes.ScalableTarget, error) {
	return pages(func(token *string) ([]scalingtypes.ScalableTarget, *string, error) {
		out, err := s.scaling.DescribeScalableTargets(ctx, &applicationautoscaling.DescribeScalableTargetsInput{
			ServiceNamespace: scalingtypes.ServiceNamespaceEcs, ScalableDimension: scalingtypes.ScalableDimensionECSServiceDesiredCount,
			ResourceIds: ids, MaxResults: awssdk.Int32(scalablesAtOnce), NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		return out.ScalableTargets, out.NextToken, nil
	})
}

// suspended names what somebody paused.
func suspended(state *scalingtypes.SuspendedState) []string {
	if state == nil {
		return nil
	}
	var names []string
	for _, part := range []struct {
		paused *bool
		name   string
	}{
		{state.DynamicScalingInSuspended, "in"}, {state.DynamicScalingOutSuspended, "out"}, {state.ScheduledScalingSuspended, "scheduled"},
	} {
		if awssdk.ToBool(part.paused) {
			names = append(names, part.name)
		}
	}
	return names
}

// Registrations reads Cloud Map services with their instances, in the order of
// the registries' ARNs.
func (c *Cloud) Registrations(ctx context.Context, cluster pipeline.Cluster, registries []string) ([]pipeline.Registration, error) {
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	found, err := each(ctx, registries, func(ctx context.Context, arn string) (pipeline.Registration, error) {
		r, err := s.registration(ctx, lastOfARN(arn))
		return r, s.classify("read the registered instances", "Cloud Map service "+lastOfARN(arn), err)
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// registration reads one Cloud Map service.
func (s *session) registration(ctx context.Context, id string) (pipeline.Registration, error) {
	var r pipeline.Registration
	service, err := s.discovery.GetService(ctx, &servicediscovery.GetServiceInput{Id: &id})
	if err != nil {
		return r, err
	}
	if service.Service != nil {
		r.Name, r.Namespace = text(service.Service.Name), s.namespace(ctx, text(service.Service.NamespaceId))
	}
	instances, err := pages(func(token *string) ([]discoverytypes.InstanceSummary, *string, error) {
		out, err := s.discovery.ListInstances(ctx, &servicediscovery.ListInstancesInput{
			ServiceId: &id, MaxResults: awssdk.Int32(pageSize), NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		return out.Instances, out.NextToken, nil
	})
	if err != nil {
		return r, err
	}
	health, err := s.instancesHealth(ctx, id)
	if err != nil {
		return r, err
	}
	for _, i := range instances {
		instance := pipeline.Instance{ID: text(i.Id), Health: "UNKNOWN"}
		if address := i.Attributes["AWS_INSTANCE_IPV4"]; address != "" {
			instance.Address = text(&address)
		}
		if known, ok := health[instance.ID]; ok {
			instance.Health = text(&known)
		}
		r.Instances = append(r.Instances, instance)
	}
	return r, nil
}

// namespace is the name of a Cloud Map namespace, or its ID where its name cannot
// be read: that is no reason to show nothing of what is registered in it.
func (s *session) namespace(ctx context.Context, id string) string {
	if name, known := s.namespaces.get(id); known || id == "" {
		return name
	}
	out, err := s.discovery.GetNamespace(ctx, &servicediscovery.GetNamespaceInput{Id: &id})
	if err != nil || out.Namespace == nil || text(out.Namespace.Name) == "" {
		if ctx.Err() == nil {
			s.namespaces.put(id, id)
		}
		return id
	}
	s.namespaces.put(id, text(out.Namespace.Name))
	return text(out.Namespace.Name)
}

// instancesHealth reads the health of a service's instances, by ID. A service
// without a health check has none, which is no error here.
func (s *session) instancesHealth(ctx context.Context, id string) (map[string]string, error) {
	health := map[string]string{}
	_, err := pages(func(token *string) ([]struct{}, *string, error) {
		out, err := s.discovery.GetInstancesHealthStatus(ctx, &servicediscovery.GetInstancesHealthStatusInput{
			ServiceId: &id, MaxResults: awssdk.Int32(pageSize), NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		for instance, status := range out.Status {
			health[instance] = string(status)
		}
		return nil, out.NextToken, nil
	})
	if unsupported(err) || pipeline.KindOf(s.classify("", "", err)) == pipeline.KindNotFound {
		return health, nil
	}
	return health, err
}

// registries are the Cloud Map services that ECS registers a service's tasks with.
func registries(service ecstypes.Service) []string {
	var arns []string
	add := func(list []ecstypes.ServiceRegistry) {
		for _, r := range list {
			if arn := text(r.RegistryArn); arn != "" && !slices.Contains(arns, arn) {
				arns = append(arns, arn)
			}
		}
	}
	add(service.ServiceRegistries)
	for _, set := range service.TaskSets {
		add(set.ServiceRegistries)
	}
	return arns
}

// serviceConnect is what the primary deployment offers in Service Connect; nil
// where it takes no part. Its namespace has its name where something registered
// in it was read before.
func (s *session) serviceConnect(service ecstypes.Service) *pipeline.ServiceConnect {
	for _, d := range service.Deployments {
		c := d.ServiceConnectConfiguration
		if awssdk.ToString(d.Status) != "PRIMARY" || c == nil || !c.Enabled {
			continue
		}
		connect := &pipeline.ServiceConnect{Namespace: lastOfARN(text(c.Namespace))}
		if name, known := s.namespaces.get(connect.Namespace); known {
			connect.Namespace = name
		}
		for _, offered := range c.Services {
			name := text(offered.DiscoveryName)
			if name == "" {
				name = text(offered.PortName)
			}
			if len(offered.ClientAliases) == 0 {
				connect.Offers = append(connect.Offers, name)
			}
			for _, alias := range offered.ClientAliases {
				host := text(alias.DnsName)
				if host == "" {
					host = name
				}
				connect.Offers = append(connect.Offers, fmt.Sprintf("%s:%d", host, awssdk.ToInt32(alias.Port)))
			}
		}
		return connect
	}
	return nil
}
