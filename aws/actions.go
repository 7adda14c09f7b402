package aws

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// Actions changes what ECS does, on behalf of an operator whose team allows
// that. It shares no session with [Cloud]: that one stays read-only. Its own
// sessions send the two operations of this file and no other, each once: after
// a time-out the operator looks for the effect. It is safe for concurrent use.
type Actions struct{ cloud *Cloud }

var _ pipeline.CloudActions = (*Actions)(nil)

// acts lists what a session of [Actions] may send, by the SDK's service ID.
var acts = map[string][]string{"ECS": {"StopServiceDeployment", "ContinueServiceDeployment"}}

// NewActions returns what may act with the identities of the same options. It
// makes no request.
func NewActions(ctx context.Context, o Options) (*Actions, error) {
	c, err := New(ctx, o)
	if err != nil {
		return nil, err
	}
	c.guard = onlyActs
	return &Actions{c}, nil
}

// onlyActs refuses every operation that is not one of the two, before anything
// of it is built or signed.
func onlyActs(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("DeployctlActs",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			service, operation := middleware.GetServiceID(ctx), middleware.GetOperationName(ctx)
			if slices.Contains(acts[service], operation) || slices.Contains(logins[service], operation) {
				return next.HandleInitialize(ctx, in)
			}
			return middleware.InitializeOutput{}, middleware.Metadata{}, &pipeline.Error{
				Kind: pipeline.KindRefused, Message: "this AWS session stops and continues deployments, and does not send " + service + " " + operation,
			}
		}), middleware.Before)
}

// StopDeployment asks ECS to end a service deployment and to go back to the
// revision before it.
func (a *Actions) StopDeployment(ctx context.Context, cluster pipeline.Cluster, deployment string) error {
	s, err := a.cloud.session(ctx, cluster)
	if err != nil {
		return err
	}
	_, err = s.ecs.StopServiceDeployment(ctx, &ecs.StopServiceDeploymentInput{
		ServiceDeploymentArn: &deployment, StopType: ecstypes.StopServiceDeploymentStopTypeRollback,
	}, once)
	return s.refusal("stop the ECS deployment", deployment, err)
}

// ContinueDeployment lets a deployment that pauses at a hook go on, or back.
func (a *Actions) ContinueDeployment(ctx context.Context, cluster pipeline.Cluster, deployment, hook string, rollBack bool) error {
	s, err := a.cloud.session(ctx, cluster)
	if err != nil {
		return err
	}
	action := ecstypes.DeploymentLifecycleHookActionContinue
	if rollBack {
		action = ecstypes.DeploymentLifecycleHookActionRollback
	}
	_, err = s.ecs.ContinueServiceDeployment(ctx, &ecs.ContinueServiceDeploymentInput{
		ServiceDeploymentArn: &deployment, HookId: &hook, Action: action,
	}, once)
	return s.refusal("answer the hook of the ECS deployment", deployment, err)
}

// refusal tells that ECS has gone on meanwhile from every other error.
func (s *session) refusal(op, deployment string, err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "ConflictException" {
		return &pipeline.Error{Kind: pipeline.KindConflict, Op: op, On: lastOfARN(deployment), Message: sanitise.Text(api.ErrorMessage()), Hint: "look at the service again", Err: err}
	}
	return s.classify(op, lastOfARN(deployment), err)
}
