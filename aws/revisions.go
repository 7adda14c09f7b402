package aws

import (
	"cmp"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// deployment translates a service deployment with its revisions.
func (r *reading) deployment(service ecstypes.Service, d ecstypes.ServiceDeployment) pipeline.ServiceDeployment {
	translated := pipeline.ServiceDeployment{
		ARN: text(d.ServiceDeploymentArn), Status: text(&d.Status), Reason: text(d.StatusReason), Stage: text(&d.LifecycleStage),
		Strategy: string(ecstypes.DeploymentStrategyRolling),
		Created:  moment(d.CreatedAt), Started: moment(d.StartedAt), Finished: moment(d.FinishedAt), Stopped: moment(d.StoppedAt),
	}
	if d.DeploymentConfiguration != nil {
		translated.Strategy = cmp.Or(text(&d.DeploymentConfiguration.Strategy), translated.Strategy)
	}
	if d.TargetServiceRevision != nil {
		translated.Target = r.revision(service, *d.TargetServiceRevision)
	}
	for _, source := range d.SourceServiceRevisions {
		translated.Sources = append(translated.Sources, r.revision(service, source))
	}
	if b := d.DeploymentCircuitBreaker; b != nil {
		translated.BreakerFailed, translated.BreakerLimit = int(b.FailureCount), int(b.Threshold)
		translated.BreakerStatus = text(&b.Status)
	}
	if a := d.Alarms; a != nil {
		translated.AlarmStatus, translated.TriggeredBy = text(&a.Status), texts(a.TriggeredAlarmNames)
	}
	if b := d.Rollback; b != nil {
		translated.RollbackReason, translated.RollbackTo = text(b.Reason), text(b.ServiceRevisionArn)
	}
	for _, hook := range d.LifecycleHookDetails {
		translated.Hooks = append(translated.Hooks, pipeline.Hook{
			ID: text(hook.HookId), Type: text(&hook.TargetType), Status: text(&hook.Status),
			TimeoutAction: text(&hook.TimeoutAction), Expires: moment(hook.ExpiresAt),
		})
	}
	return translated
}

// revision translates a revision's part in a deployment.
func (r *reading) revision(service ecstypes.Service, summary ecstypes.ServiceRevisionSummary) pipeline.ServiceRevision {
	revision := r.describe(service, text(summary.Arn), "")
	revision.Running, revision.Requested, revision.Pending =
		int(summary.RunningTaskCount), int(summary.RequestedTaskCount), int(summary.PendingTaskCount)
	revision.Weight = awssdk.ToFloat64(summary.RequestedProductionTrafficWeight)
	return revision
}

// describe gathers what is known of a revision: the digests that ECS resolved,
// or, where it cannot be read, what its task definition says.
func (r *reading) describe(service ecstypes.Service, arn, taskDefinition string) pipeline.ServiceRevision {
	revision := pipeline.ServiceRevision{ARN: arn, TaskDefinition: taskDefinition}
	balancers := service.LoadBalancers
	if known, ok := r.revisions[arn]; ok {
		balancers = known.LoadBalancers
		revision.TaskDefinition = text(known.TaskDefinition)
		revision.Created = moment(known.CreatedAt)
		for _, container := range known.ContainerImages {
			image := parseImage(text(container.Image))
			image.Container = text(container.ContainerName)
			image.Digest = cmp.Or(text(container.ImageDigest), image.Digest)
			revision.Images = append(revision.Images, image)
		}
	}
	d := r.definitions[revision.TaskDefinition]
	if len(revision.Images) == 0 {
		for _, container := range d.Containers {
			image := parseImage(container.Image)
			image.Container = container.Name
			revision.Images = append(revision.Images, image)
		}
	}
	own := ownContainer(balancers, service, containersOf(revision.Images))
	slices.SortStableFunc(revision.Images, func(a, b pipeline.Image) int {
		return boolCompare(b.Container == own, a.Container == own)
	})
	revision.SHA, revision.Version = r.release(revision.Images, d, own)
	return revision
}

// release finds the commit and the version that a revision runs. The image's
// own tag comes first, because it belongs to the image and not to who deployed it.
func (r *reading) release(images []pipeline.Image, d pipeline.TaskDefinition, own string) (sha, version string) {
	environment := map[string]string{}
	for _, container := range d.Containers {
		if container.Name == own {
			environment = container.Environment
		}
	}
	version = cmp.Or(environment["APP_VERSION"], d.Tags["deployctl:version"])
	candidates := []string{environment["GIT_SHA"], d.Tags["deployctl:sha"]}
	if len(images) > 0 {
		candidates = append([]string{images[0].Tag}, append(candidates, r.commits[images[0].Digest])...)
	}
	for _, candidate := range candidates {
		if fullSHA.MatchString(candidate) {
			return candidate, version
		}
	}
	return "", version
}

// ownContainer is the container that a service exists for: the one that its
// load balancer sends to, else the one that is named like it, else the first.
func ownContainer(balancers []ecstypes.LoadBalancer, service ecstypes.Service, containers []string) string {
	for _, balancer := range balancers {
		if name := text(balancer.ContainerName); name != "" {
			return name
		}
	}
	if name := text(service.ServiceName); slices.Contains(containers, name) || len(containers) == 0 {
		return name
	}
	return containers[0]
}

// containersOf are the names of the containers that images run in.
func containersOf(images []pipeline.Image) []string {
	names := make([]string, 0, len(images))
	for _, image := range images {
		names = append(names, image.Container)
	}
	return names
}

// holders are the revisions that hold tasks now, the primary first, then the
// newest first.
func (r *reading) holders(service ecstypes.Service, state pipeline.ServiceState) []pipeline.ServiceRevision {
	var all []pipeline.ServiceRevision
	switch {
	case len(service.CurrentServiceRevisions) > 0:
		all = r.currentRevisions(service, state.Rollout)
	case state.Rollout == nil:
		return r.classicRevisions(service, state.Deployments)
	case state.Rollout.InFlight():
		all = append([]pipeline.ServiceRevision{state.Rollout.Target}, state.Rollout.Sources...)
	default:
		all = r.restingRevisions(service, state)
	}
	primary := primaryOf(all, state)
	all = slices.DeleteFunc(all, func(v pipeline.ServiceRevision) bool {
		return v.ARN != primary && v.Running+v.Pending+v.Requested == 0
	})
	slices.SortStableFunc(all, func(a, b pipeline.ServiceRevision) int {
		return cmp.Or(boolCompare(b.ARN == primary, a.ARN == primary), b.Created.Compare(a.Created))
	})
	return all
}

// primaryOf is the ARN of the revision that ECS moves towards or holds. The
// rollout names it, as long as it agrees with the PRIMARY task definition: the
// two come from different calls, and the service's own word counts.
func primaryOf(revisions []pipeline.ServiceRevision, state pipeline.ServiceState) string {
	agrees := func(v pipeline.ServiceRevision) bool { return v.TaskDefinition == state.TaskDefinition }
	if named := standing(state.Rollout); named != "" {
		if i := slices.IndexFunc(revisions, func(v pipeline.ServiceRevision) bool { return v.ARN == named }); i >= 0 && agrees(revisions[i]) {
			return named
		}
	}
	if i := slices.IndexFunc(revisions, agrees); i >= 0 {
		return revisions[i].ARN
	}
	return ""
}

// standing is the ARN of the revision that a rollout leaves in place or moves
// towards: ECS's own rollback turns it round. Empty where that is not known.
func standing(rollout *pipeline.ServiceDeployment) string {
	switch {
	case rollout == nil:
		return ""
	case rollout.RollbackTo != "":
		return rollout.RollbackTo
	case rollout.InFlight() || rollout.Status == string(ecstypes.ServiceDeploymentStatusSuccessful):
		return rollout.Target.ARN
	}
	return ""
}

// restingRevisions are the revisions of a service that does not move. The
// finished rollout says which they are, and the classic deployments how many
// tasks they have: the rollout's counts are those of its end.
func (r *reading) restingRevisions(service ecstypes.Service, state pipeline.ServiceState) []pipeline.ServiceRevision {
	named := append([]pipeline.ServiceRevision{state.Rollout.Target}, state.Rollout.Sources...)
	if arn := state.Rollout.RollbackTo; arn != "" {
		named = append(named, r.describe(service, arn, ""))
	}
	left := standing(state.Rollout)
	slices.SortStableFunc(named, func(a, b pipeline.ServiceRevision) int { return boolCompare(b.ARN == left, a.ARN == left) })
	revisions := r.classicRevisions(service, state.Deployments)
	for i, classic := range revisions {
		j := slices.IndexFunc(named, func(v pipeline.ServiceRevision) bool { return v.TaskDefinition == classic.TaskDefinition })
		if j < 0 {
			continue
		}
		revisions[i] = named[j]
		revisions[i].Running, revisions[i].Requested, revisions[i].Pending = classic.Running, classic.Requested, classic.Pending
	}
	return revisions
}

// currentRevisions are the revisions that the service itself names, with the
// traffic that its deployment gives them.
func (r *reading) currentRevisions(service ecstypes.Service, rollout *pipeline.ServiceDeployment) []pipeline.ServiceRevision {
	revisions := make([]pipeline.ServiceRevision, 0, len(service.CurrentServiceRevisions))
	for _, current := range service.CurrentServiceRevisions {
		revision := r.revision(service, ecstypes.ServiceRevisionSummary{
			Arn: current.Arn, RunningTaskCount: current.RunningTaskCount,
			PendingTaskCount: current.PendingTaskCount, RequestedTaskCount: current.RequestedTaskCount,
		})
		revision.Weight = weightOf(rollout, revision.ARN)
		revisions = append(revisions, revision)
	}
	return revisions
}

// classicRevisions stand in where the endpoint knows no revisions. They carry
// no ARN, and a digest only where the task definition pins one.
func (r *reading) classicRevisions(service ecstypes.Service, sets []pipeline.ServiceSet) []pipeline.ServiceRevision {
	var revisions []pipeline.ServiceRevision
	for _, set := range sets {
		if set.Status != "PRIMARY" && set.Running+set.Pending+set.Desired == 0 {
			continue
		}
		revision := r.describe(service, "", set.TaskDefinition)
		revision.Running, revision.Requested, revision.Pending = set.Running, set.Desired, set.Pending
		revision.Created = set.Created
		revisions = append(revisions, revision)
	}
	slices.SortStableFunc(revisions, func(a, b pipeline.ServiceRevision) int { return b.Created.Compare(a.Created) })
	return revisions
}

// weightOf is the share of production traffic that a rollout gives a revision.
func weightOf(rollout *pipeline.ServiceDeployment, arn string) float64 {
	if rollout == nil {
		return 0
	}
	for _, revision := range append([]pipeline.ServiceRevision{rollout.Target}, rollout.Sources...) {
		if revision.ARN == arn {
			return revision.Weight
		}
	}
	return 0
}

// revisionARNs are the revisions that a deployment names.
func revisionARNs(d ecstypes.ServiceDeployment) []string {
	var arns []string
	if d.TargetServiceRevision != nil {
		arns = append(arns, awssdk.ToString(d.TargetServiceRevision.Arn))
	}
	for _, source := range d.SourceServiceRevisions {
		arns = append(arns, awssdk.ToString(source.Arn))
	}
	if d.Rollback != nil {
		arns = append(arns, awssdk.ToString(d.Rollback.ServiceRevisionArn))
	}
	return arns
}

// logGroups are the awslogs groups of the task definitions that hold tasks now,
// each once, that of the service's own container first.
func (r *reading) logGroups(service ecstypes.Service, state pipeline.ServiceState) []pipeline.LogGroup {
	var groups []pipeline.LogGroup
	var names []string
	definitions := []string{state.TaskDefinition}
	for _, revision := range state.Revisions {
		definitions = append(definitions, revision.TaskDefinition)
	}
	for _, arn := range definitions {
		for _, container := range r.definitions[arn].Containers {
			names = append(names, container.Name)
			if g := container.LogGroup; g.Name != "" && !slices.Contains(groups, g) {
				groups = append(groups, g)
			}
		}
	}
	own := ownContainer(service.LoadBalancers, service, names)
	slices.SortStableFunc(groups, func(a, b pipeline.LogGroup) int { return boolCompare(b.Container == own, a.Container == own) })
	return groups
}

// boolCompare orders false before true.
func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// repositoryOf splits the registry of an image off: an ECR registry's account,
// region and repository name; ok is false for every other registry.
func repositoryOf(image pipeline.Image) (registry registry, ok bool) {
	host, name, found := strings.Cut(image.Repository, "/")
	m := ecrHost.FindStringSubmatch(host)
	if !found || m == nil {
		return registry, false
	}
	registry.account, registry.region, registry.name = m[1], m[2], name
	return registry, true
}
