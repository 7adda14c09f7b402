package aws

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func TestWritesAreRefusedBeforeTheyLeave(t *testing.T) {
	sent := 0
	c := over(t, func(*http.Request) (*http.Response, error) {
		sent++
		return nil, errors.New("sent")
	})
	s, err := c.session(t.Context(), production)
	if err != nil {
		t.Fatal(err)
	}
	// The inputs are empty on purpose: the refusal comes before their validation.
	for name, write := range map[string]func(context.Context) error{
		"UpdateService": func(ctx context.Context) error {
			_, err := s.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{})
			return err
		},
		"StopServiceDeployment": func(ctx context.Context) error {
			_, err := s.ecs.StopServiceDeployment(ctx, &ecs.StopServiceDeploymentInput{})
			return err
		},
		"RunTask": func(ctx context.Context) error { _, err := s.ecs.RunTask(ctx, &ecs.RunTaskInput{}); return err },
		"ExecuteCommand": func(ctx context.Context) error {
			_, err := s.ecs.ExecuteCommand(ctx, &ecs.ExecuteCommandInput{})
			return err
		},
		"DeleteLogGroup": func(ctx context.Context) error {
			_, err := s.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{})
			return err
		},
		"StartLiveTail": func(ctx context.Context) error {
			_, err := s.logs.StartLiveTail(ctx, &cloudwatchlogs.StartLiveTailInput{})
			return err
		},
		"PutImage": func(ctx context.Context) error {
			_, err := s.registry("eu-west-1").PutImage(ctx, &ecr.PutImageInput{})
			return err
		},
		"CreateDBSnapshot": func(ctx context.Context) error {
			_, err := s.rds.CreateDBSnapshot(ctx, &rds.CreateDBSnapshotInput{})
			return err
		},
		"GetSessionToken": func(ctx context.Context) error {
			_, err := s.sts.GetSessionToken(ctx, &sts.GetSessionTokenInput{})
			return err
		},
	} {
		err := write(t.Context())
		if pipeline.KindOf(err) != pipeline.KindRefused || !strings.Contains(err.Error(), name) {
			t.Errorf("%s was not refused: %v", name, err)
		}
	}
	if sent != 0 {
		t.Errorf("%d requests left", sent)
	}
}

// TestAllowedOperationsAreReads looks every operation of the SDK up by its name,
// so that no write gets onto the list by mistake, and no typing error stays.
func TestAllowedOperationsAreReads(t *testing.T) {
	c, _ := newAccount(t)
	s, err := c.session(t.Context(), production)
	if err != nil {
		t.Fatal(err)
	}
	clients := map[string]any{
		"ECS": s.ecs, "CloudWatch Logs": s.logs, "CloudWatch": s.cloudwatch, "Elastic Load Balancing v2": s.elb,
		"ECR": s.registry("eu-west-1"), "RDS": s.rds, "STS": s.sts,
		"Application Auto Scaling": s.scaling, "ServiceDiscovery": s.discovery,
	}
	for service, operations := range reads {
		for _, operation := range operations {
			if !reflect.ValueOf(clients[service]).MethodByName(operation).IsValid() {
				t.Errorf("%s has no operation %s", service, operation)
			}
			if !soundsLikeARead(operation) {
				t.Errorf("%s %s does not sound like a read", service, operation)
			}
		}
	}
	for service, operations := range wiredReads {
		for _, operation := range operations {
			if _, known := wired[service]; !known || !soundsLikeARead(operation) {
				t.Errorf("%s %s does not sound like a read, or nobody knows its endpoint", service, operation)
			}
		}
	}
}

func soundsLikeARead(operation string) bool {
	return strings.HasPrefix(operation, "Describe") || strings.HasPrefix(operation, "List") || strings.HasPrefix(operation, "Get") ||
		operation == "FilterLogEvents" || operation == "BatchGetImage"
}
