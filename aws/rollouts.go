package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// A reading joins what several calls say of the services of one poll.
type reading struct {
	session  *session
	cluster  pipeline.Cluster
	fresh    bool            // read around what can change
	complete bool            // leave no task definition for the next reading
	urgent   map[string]bool // task definitions of services that do not simply run

	deployments map[string]ecstypes.ServiceDeployment // the newest, by service ARN
	revisions   map[string]ecstypes.ServiceRevision   // by ARN
	definitions map[string]pipeline.TaskDefinition    // by ARN
	commits     map[string]string                     // SHA by image digest, as ECR's tags say
}

// settledDeployment is a service deployment that moves no more, with what its
// service looked like then. While that stays the same nothing new has begun.
type settledDeployment struct {
	deployment ecstypes.ServiceDeployment
	likeness   string
	read       time.Time
}

// settledAge is how long a finished deployment is relied on, in case the
// service's description lagged behind when it was read.
const settledAge = time.Minute

// join reads everything that the services refer to.
func (r *reading) join(ctx context.Context, services []ecstypes.Service) error {
	if err := r.readDeployments(ctx, services); err != nil {
		return err
	}
	r.urgent = map[string]bool{}
	var revisions, definitions []string
	for _, service := range services {
		for _, current := range service.CurrentServiceRevisions {
			revisions = append(revisions, awssdk.ToString(current.Arn))
		}
		for _, set := range serviceSets(service) {
			definitions = append(definitions, set.TaskDefinition)
			r.urgent[set.TaskDefinition] = r.urgent[set.TaskDefinition] || service.RunningCount < service.DesiredCount || len(service.Deployments) > 1
		}
	}
	for _, d := range r.deployments {
		revisions = append(revisions, revisionARNs(d)...)
	}
	return r.readArtifacts(ctx, revisions, definitions)
}

// readArtifacts reads revisions, the task definitions that they and others
// name, and commits of images that nothing else names.
func (r *reading) readArtifacts(ctx context.Context, revisions, definitions []string) error {
	if err := r.readRevisions(ctx, unique(revisions)); err != nil {
		return err
	}
	for _, revision := range r.revisions {
		definitions = append(definitions, text(revision.TaskDefinition))
	}
	if err := r.readDefinitions(ctx, unique(definitions)); err != nil {
		return err
	}
	r.readCommits(ctx)
	return nil
}

// readDeployments finds the newest service deployment of each service. What
// settled is not asked for again while its service looks the same.
func (r *reading) readDeployments(ctx context.Context, services []ecstypes.Service) error {
	r.deployments = map[string]ecstypes.ServiceDeployment{}
	var moving []ecstypes.Service
	for _, service := range services {
		known, ok := r.session.settled.get(awssdk.ToString(service.ServiceArn))
		if ok && !r.fresh && known.likeness == likeness(service) && time.Since(known.read) < settledAge {
			r.deployments[awssdk.ToString(service.ServiceArn)] = known.deployment
			continue
		}
		if controlledByECS(service) {
			moving = append(moving, service)
		}
	}
	arns, err := r.newest(ctx, moving)
	if err != nil {
		return err
	}
	described, err := r.session.describeDeployments(ctx, arns)
	if err != nil {
		return err
	}
	for _, d := range described {
		r.deployments[awssdk.ToString(d.ServiceArn)] = d
	}
	for _, service := range moving {
		r.session.settle(service, r.deployments[awssdk.ToString(service.ServiceArn)])
	}
	return nil
}

// newest finds the ARN of each service's newest deployment: the service says it
// itself, or else the list does.
func (r *reading) newest(ctx context.Context, services []ecstypes.Service) ([]string, error) {
	found, err := each(ctx, services, func(ctx context.Context, service ecstypes.Service) (string, error) {
		if current := awssdk.ToString(service.CurrentServiceDeployment); current != "" {
			return current, nil
		}
		briefs, err := r.session.listDeployments(ctx, r.cluster, awssdk.ToString(service.ServiceName), 1)
		if err != nil || len(briefs) == 0 {
			return "", err
		}
		return awssdk.ToString(briefs[0].ServiceDeploymentArn), nil
	})
	return unique(found), err
}

// listDeployments lists a service's deployments, newest first, at most limit.
func (s *session) listDeployments(ctx context.Context, cluster pipeline.Cluster, service string, limit int) ([]ecstypes.ServiceDeploymentBrief, error) {
	const operation = "ListServiceDeployments"
	if s.lacks(operation) {
		return nil, nil
	}
	var briefs []ecstypes.ServiceDeploymentBrief
	var token *string
	for {
		out, err := s.ecs.ListServiceDeployments(ctx, &ecs.ListServiceDeploymentsInput{
			Cluster: clusterOf(cluster), Service: &service, NextToken: token, MaxResults: awssdk.Int32(pageSize),
		})
		if err != nil {
			return nil, s.doWithout(operation, err)
		}
		briefs = append(briefs, out.ServiceDeployments...)
		if token = out.NextToken; token == nil || len(briefs) >= limit {
			break
		}
	}
	slices.SortStableFunc(briefs, func(a, b ecstypes.ServiceDeploymentBrief) int {
		return moment(b.CreatedAt).Compare(moment(a.CreatedAt))
	})
	return briefs[:min(limit, len(briefs))], nil
}

// describeDeployments reads service deployments in batches.
func (s *session) describeDeployments(ctx context.Context, arns []string) ([]ecstypes.ServiceDeployment, error) {
	const operation = "DescribeServiceDeployments"
	if s.lacks(operation) {
		return nil, nil
	}
	deployments, err := inBatches(ctx, arns, deploymentsAtOnce, func(ctx context.Context, batch []string) ([]ecstypes.ServiceDeployment, error) {
		out, err := s.ecs.DescribeServiceDeployments(ctx, &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: batch})
		if err != nil {
			return nil, err
		}
		return out.ServiceDeployments, nil
	})
	return deployments, s.doWithout(operation, err)
}

// readRevisions reads the service revisions that are not remembered.
func (r *reading) readRevisions(ctx context.Context, arns []string) error {
	const operation = "DescribeServiceRevisions"
	r.revisions = map[string]ecstypes.ServiceRevision{}
	var unknown []string
	for _, arn := range arns {
		if revision, ok := r.session.revisions.get(arn); ok {
			r.revisions[arn] = revision
		} else {
			unknown = append(unknown, arn)
		}
	}
	if r.session.lacks(operation) {
		return nil
	}
	read, err := inBatches(ctx, unknown, revisionsAtOnce, func(ctx context.Context, batch []string) ([]ecstypes.ServiceRevision, error) {
		out, err := r.session.ecs.DescribeServiceRevisions(ctx, &ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: batch})
		if err != nil {
			return nil, err
		}
		return out.ServiceRevisions, nil
	})
	for _, revision := range read {
		arn := awssdk.ToString(revision.ServiceRevisionArn)
		r.revisions[arn] = revision
		if resolved(revision) {
			r.session.revisions.put(arn, revision)
		}
	}
	return r.session.doWithout(operation, err)
}

// resolved reports whether ECS has fixed the revision's images to digests. It
// does so when the first task starts, and until then the revision may change.
func resolved(revision ecstypes.ServiceRevision) bool {
	return len(revision.ContainerImages) > 0 && !slices.ContainsFunc(revision.ContainerImages, func(i ecstypes.ContainerImage) bool {
		return awssdk.ToString(i.ImageDigest) == ""
	})
}

// readDefinitions reads the task definitions that are not remembered, those of
// services that do not simply run first. What AWS would not let through now is
// left for the next reading, unless the reading must be complete.
func (r *reading) readDefinitions(ctx context.Context, arns []string) error {
	const operation = "DescribeTaskDefinition"
	r.definitions = map[string]pipeline.TaskDefinition{}
	var unknown []string
	for _, arn := range arns {
		switch d, ok := r.session.knownDefinition(arn); {
		case ok:
			r.definitions[arn] = d
		case !r.session.lacks(operation):
			unknown = append(unknown, arn)
		}
	}
	slices.SortStableFunc(unknown, func(a, b string) int { return boolCompare(r.urgent[b], r.urgent[a]) })
	for i := range unknown {
		if !r.complete && !r.session.pace.allow() {
			unknown = unknown[:i]
			break
		}
	}
	read, err := each(ctx, unknown, func(ctx context.Context, arn string) (pipeline.TaskDefinition, error) {
		d, err := r.session.readDefinition(ctx, arn)
		if pipeline.KindOf(r.session.classify("", "", err)) == pipeline.KindNotFound {
			return pipeline.TaskDefinition{}, nil // an old revision outlives a task definition that was deleted
		}
		return d, r.session.doWithout(operation, err)
	})
	for i, d := range read {
		r.definitions[unknown[i]] = d
	}
	return err
}

// knownDefinition is what is remembered of a task definition, from this start
// or an earlier one.
func (s *session) knownDefinition(arn string) (pipeline.TaskDefinition, bool) {
	if known, ok := s.definitions.get(arn); ok {
		return known.TaskDefinition, true
	}
	return s.kept.get(arn)
}

// unread reports whether a task definition of the service was left for the next
// reading.
func (r *reading) unread(state pipeline.ServiceState) bool {
	if r.session.lacks("DescribeTaskDefinition") {
		return false
	}
	for _, set := range state.Deployments {
		if _, read := r.definitions[set.TaskDefinition]; !read && set.TaskDefinition != "" {
			return true
		}
	}
	return false
}

// settle remembers a deployment that moves no more.
func (s *session) settle(service ecstypes.Service, d ecstypes.ServiceDeployment) {
	terminal := d.Status != "" && !(pipeline.ServiceDeployment{Status: string(d.Status)}).InFlight()
	rolling := slices.ContainsFunc(service.Deployments, func(d ecstypes.Deployment) bool {
		return d.RolloutState == ecstypes.DeploymentRolloutStateInProgress
	})
	if terminal && !rolling {
		s.settled.put(awssdk.ToString(service.ServiceArn), settledDeployment{d, likeness(service), time.Now()})
	}
}

// likeness changes whenever a new deployment of the service begins or ends.
func likeness(service ecstypes.Service) string {
	var b strings.Builder
	b.WriteString(awssdk.ToString(service.CurrentServiceDeployment))
	for _, d := range service.Deployments {
		fmt.Fprintf(&b, "|%s %s %s %s", awssdk.ToString(d.Id), awssdk.ToString(d.Status), d.RolloutState, awssdk.ToString(d.TaskDefinition))
	}
	for _, current := range service.CurrentServiceRevisions {
		fmt.Fprintf(&b, "|%s", awssdk.ToString(current.Arn))
	}
	return b.String()
}

// controlledByECS reports whether ECS itself rolls the service. Only then are
// there service deployments.
func controlledByECS(service ecstypes.Service) bool {
	return service.DeploymentController == nil || service.DeploymentController.Type == "" ||
		service.DeploymentController.Type == ecstypes.DeploymentControllerTypeEcs
}

// lackingAge is how long an operation that did not work is left alone. The
// endpoint or the identity's permissions may change under a running console.
const lackingAge = 10 * time.Minute

// lacks reports whether an operation was found not to work here.
func (s *session) lacks(operation string) bool {
	since, ok := s.lacking.get(operation)
	return ok && time.Since(since) < lackingAge
}

// doWithout drops an error that says that an operation does not exist here or
// is not allowed, and remembers it: the classic deployments say enough to go
// on. Every other error is returned.
func (s *session) doWithout(operation string, err error) error {
	if err == nil || !unsupported(err) && pipeline.KindOf(s.classify("", "", err)) != pipeline.KindForbidden {
		return err
	}
	if s.lacks(operation) { // found by a call beside this one
		return nil
	}
	s.lacking.put(operation, time.Now())
	s.log.Warn("going on without "+operation, "error", err, "region", s.who.region)
	return nil
}

// unsupported reports whether err says that the endpoint does not have the
// operation. Some imitations of AWS have no such code: they answer 501, or an
// error whose body is no answer of AWS at all.
func unsupported(err error) bool {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "UnknownOperationException", "UnknownOperation", "InvalidAction", "NotImplemented", "NotImplementedException":
			return true
		}
	}
	switch status(err) {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	case http.StatusInternalServerError:
		_, garbled := errors.AsType[*smithy.DeserializationError](err)
		return garbled
	}
	return false
}

// unique returns the non-empty strings, each once, sorted.
func unique(all []string) []string {
	all = slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == "" })
	slices.SortFunc(all, cmp.Compare)
	return slices.Compact(all)
}
