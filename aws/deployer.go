package aws

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
)

// writes lists every operation that a Deployer may send beside the reads.
var writes = map[string][]string{
	"ECS": {"RegisterTaskDefinition", "RunTask", "StopServiceDeployment", "UpdateService"},
	"RDS": {"CreateDBClusterSnapshot", "CreateDBSnapshot"},
}

// Deployer changes AWS for the workflows' steps. Its sessions are its own: those
// of a Cloud stay unable to write. It sends every write once.
type Deployer struct{ cloud *Cloud }

var _ steps.Deployer = (*Deployer)(nil)

// NewDeployer returns a Deployer. It makes no request: its sessions begin with
// the first call.
func NewDeployer(ctx context.Context, o Options) (*Deployer, error) {
	cloud, err := New(ctx, o)
	if err != nil {
		return nil, err
	}
	cloud.guard = readsAndWrites
	return &Deployer{cloud}, nil
}

// readsAndWrites refuses every operation that is on none of the lists.
func readsAndWrites(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("DeployctlWrites",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			if slices.Contains(writes[middleware.GetServiceID(ctx)], middleware.GetOperationName(ctx)) {
				return next.HandleInitialize(ctx, in)
			}
			return refuseWrites(ctx, in, next)
		}), middleware.Before)
}

// once sends a request a single time: whether a write that was not answered was
// carried out has to be looked up, not guessed.
func once(o *ecs.Options)      { o.Retryer = awssdk.NopRetryer{} }
func onceInRDS(o *rds.Options) { o.Retryer = awssdk.NopRetryer{} }

// Register makes a revision of r.From's family that differs from it in what r
// names. Where the newest revision of the family is the same already it is
// returned, so that a step that was killed after it registered does not leave two.
func (d *Deployer) Register(ctx context.Context, c pipeline.Cluster, r steps.Revision) (string, error) {
	on := lastOfARN(r.From)
	s, err := d.cloud.session(ctx, c)
	if err != nil {
		return "", err
	}
	const op = "register a revision"
	from, err := s.rawDefinition(ctx, r.From)
	if err != nil {
		return "", s.classify(op, on, err)
	}
	wanted, err := revised(from, r)
	if err != nil {
		return "", err
	}
	if newest, err := s.rawDefinition(ctx, awssdk.ToString(wanted.Family)); err == nil && sameRevision(newest, wanted) {
		return awssdk.ToString(newest.TaskDefinition.TaskDefinitionArn), nil
	}
	out, err := s.ecs.RegisterTaskDefinition(ctx, wanted, once)
	if err != nil {
		return "", s.classify(op, on, err)
	}
	return awssdk.ToString(out.TaskDefinition.TaskDefinitionArn), nil
}

func (s *session) rawDefinition(ctx context.Context, name string) (*ecs.DescribeTaskDefinitionOutput, error) {
	return s.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: &name, Include: []ecstypes.TaskDefinitionField{ecstypes.TaskDefinitionFieldTags},
	})
}

// revised copies a task definition and changes one container and the tags.
func revised(from *ecs.DescribeTaskDefinitionOutput, r steps.Revision) (*ecs.RegisterTaskDefinitionInput, error) {
	t := from.TaskDefinition
	in := &ecs.RegisterTaskDefinitionInput{
		Family: t.Family, ContainerDefinitions: slices.Clone(t.ContainerDefinitions),
		Cpu: t.Cpu, Memory: t.Memory, NetworkMode: t.NetworkMode, RequiresCompatibilities: t.RequiresCompatibilities,
		TaskRoleArn: t.TaskRoleArn, ExecutionRoleArn: t.ExecutionRoleArn, RuntimePlatform: t.RuntimePlatform,
		Volumes: t.Volumes, PlacementConstraints: t.PlacementConstraints, EphemeralStorage: t.EphemeralStorage,
		ProxyConfiguration: t.ProxyConfiguration, PidMode: t.PidMode, IpcMode: t.IpcMode, EnableFaultInjection: t.EnableFaultInjection,
	}
	tags := map[string]string{}
	for _, tag := range from.Tags {
		tags[awssdk.ToString(tag.Key)] = awssdk.ToString(tag.Value)
	}
	maps.Copy(tags, r.Tags)
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		in.Tags = append(in.Tags, ecstypes.Tag{Key: awssdk.String(name), Value: awssdk.String(tags[name])})
	}
	i := slices.IndexFunc(in.ContainerDefinitions, func(c ecstypes.ContainerDefinition) bool {
		return awssdk.ToString(c.Name) == r.Container
	})
	if i < 0 {
		return nil, &pipeline.Error{
			Kind: pipeline.KindInvalid, Op: "register a revision", On: awssdk.ToString(t.Family),
			Message: "it has no container " + r.Container, Hint: "look at the task definition of the service",
		}
	}
	container := &in.ContainerDefinitions[i]
	container.Image = awssdk.String(r.Image)
	container.Environment = mergedEnvironment(container.Environment, r)
	container.Secrets = mergedSecrets(container.Secrets, r.Secrets)
	return in, nil
}

// mergedEnvironment sets plain values. One whose name becomes a secret goes.
func mergedEnvironment(present []ecstypes.KeyValuePair, r steps.Revision) []ecstypes.KeyValuePair {
	values := map[string]string{}
	for _, pair := range present {
		values[awssdk.ToString(pair.Name)] = awssdk.ToString(pair.Value)
	}
	maps.Copy(values, r.Environment)
	for name := range r.Secrets {
		delete(values, name)
	}
	merged := make([]ecstypes.KeyValuePair, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		merged = append(merged, ecstypes.KeyValuePair{Name: awssdk.String(name), Value: awssdk.String(values[name])})
	}
	return merged
}

func mergedSecrets(present []ecstypes.Secret, set map[string]string) []ecstypes.Secret {
	references := map[string]string{}
	for _, secret := range present {
		references[awssdk.ToString(secret.Name)] = awssdk.ToString(secret.ValueFrom)
	}
	maps.Copy(references, set)
	merged := make([]ecstypes.Secret, 0, len(references))
	for _, name := range slices.Sorted(maps.Keys(references)) {
		merged = append(merged, ecstypes.Secret{Name: awssdk.String(name), ValueFrom: awssdk.String(references[name])})
	}
	return merged
}

// sameRevision reports whether a revision is what would be registered.
func sameRevision(newest *ecs.DescribeTaskDefinitionOutput, wanted *ecs.RegisterTaskDefinitionInput) bool {
	is, err := revised(newest, steps.Revision{
		Container: awssdk.ToString(newest.TaskDefinition.ContainerDefinitions[0].Name),
		Image:     awssdk.ToString(newest.TaskDefinition.ContainerDefinitions[0].Image),
	})
	if err != nil || newest.TaskDefinition.Status != ecstypes.TaskDefinitionStatusActive {
		return false
	}
	a, errA := json.Marshal(is)
	b, errB := json.Marshal(wanted)
	return errA == nil && errB == nil && string(a) == string(b)
}

// Update moves a service to a task definition. Nothing but that, and the count
// where desired is not 0, is changed of it.
func (d *Deployer) Update(ctx context.Context, c pipeline.Cluster, service, taskDefinition string, desired int) error {
	s, err := d.cloud.session(ctx, c)
	if err != nil {
		return err
	}
	in := &ecs.UpdateServiceInput{Cluster: clusterOf(c), Service: &service, TaskDefinition: &taskDefinition}
	if desired > 0 {
		in.DesiredCount = awssdk.Int32(int32(min(desired, 1<<20)))
	}
	_, err = s.ecs.UpdateService(ctx, in, once)
	return s.classify("update the service", service+" on "+onCluster(c), err)
}

// Stop makes ECS roll a service deployment back.
func (d *Deployer) Stop(ctx context.Context, c pipeline.Cluster, deployment string) error {
	s, err := d.cloud.session(ctx, c)
	if err != nil {
		return err
	}
	_, err = s.ecs.StopServiceDeployment(ctx, &ecs.StopServiceDeploymentInput{
		ServiceDeploymentArn: &deployment, StopType: ecstypes.StopServiceDeploymentStopTypeRollback,
	}, once)
	if _, ended := errors.AsType[*ecstypes.ConflictException](err); ended {
		return &pipeline.Error{
			Kind: pipeline.KindConflict, Op: "stop the service deployment", On: lastOfARN(deployment),
			Message: "it has ended or is rolling back already", Err: err,
		}
	}
	return s.classify("stop the service deployment", lastOfARN(deployment), err)
}

// RunTask starts a one-off task in the network of a service. ECS answers a
// second request with the same token with the first one's task.
func (d *Deployer) RunTask(ctx context.Context, c pipeline.Cluster, t steps.OneOff) (string, error) {
	const op = "start a task"
	on := lastOfARN(t.TaskDefinition) + " on " + onCluster(c)
	s, err := d.cloud.session(ctx, c)
	if err != nil {
		return "", err
	}
	services, _, err := s.describe(ctx, c, []string{t.Service})
	if err != nil {
		return "", s.classify(op, on, err)
	}
	service, ok := find(services, t.Service)
	if !ok {
		return "", &pipeline.Error{Kind: pipeline.KindNotFound, Op: op, On: on, Message: "there is no service " + t.Service, Hint: "check database.migration_service"}
	}
	out, err := s.ecs.RunTask(ctx, &ecs.RunTaskInput{
		Cluster: clusterOf(c), TaskDefinition: &t.TaskDefinition, NetworkConfiguration: service.NetworkConfiguration,
		LaunchType: service.LaunchType, CapacityProviderStrategy: service.CapacityProviderStrategy, PlatformVersion: service.PlatformVersion,
		StartedBy: &t.StartedBy, ClientToken: &t.Token, Count: awssdk.Int32(1),
		Overrides: &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{{Name: &t.Container, Command: t.Command}}},
	}, once)
	if err != nil {
		return "", s.classify(op, on, err)
	}
	if len(out.Tasks) == 0 {
		message := "ECS started none"
		for _, failure := range out.Failures {
			message += ": " + text(failure.Reason)
		}
		return "", &pipeline.Error{Kind: pipeline.KindFailed, Op: op, On: on, Message: message, Hint: "look at the cluster's capacity and quotas"}
	}
	return awssdk.ToString(out.Tasks[0].TaskArn), nil
}

// Snapshot begins a snapshot of an instance or, where there is no instance of
// that name, of a cluster.
func (d *Deployer) Snapshot(ctx context.Context, c pipeline.Cluster, instance, id string, tags map[string]string) error {
	s, err := d.cloud.session(ctx, c)
	if err != nil {
		return err
	}
	var list []rdstypes.Tag
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, rdstypes.Tag{Key: awssdk.String(name), Value: awssdk.String(tags[name])})
	}
	_, err = s.rds.CreateDBSnapshot(ctx, &rds.CreateDBSnapshotInput{DBInstanceIdentifier: &instance, DBSnapshotIdentifier: &id, Tags: list}, onceInRDS)
	if hasCode(err, "DBInstanceNotFound", "DBInstanceNotFoundFault") {
		_, err = s.rds.CreateDBClusterSnapshot(ctx, &rds.CreateDBClusterSnapshotInput{DBClusterIdentifier: &instance, DBClusterSnapshotIdentifier: &id, Tags: list}, onceInRDS)
	}
	switch {
	case hasCode(err, "DBSnapshotAlreadyExists", "DBClusterSnapshotAlreadyExistsFault"):
		return nil
	case hasCode(err, "InvalidDBInstanceState", "InvalidDBInstanceStateFault", "InvalidDBClusterStateFault"):
		return &pipeline.Error{
			Kind: pipeline.KindConflict, Op: "take a snapshot", On: "database " + instance, Message: "it is busy: " + sanitised(err),
			Hint: "wait until it is available, then run the job again", Err: err,
		}
	}
	return s.classify("take a snapshot", "database "+instance, err)
}
