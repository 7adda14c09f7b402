package aws

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// What acts shares nothing with what reads, and sends nothing else.
func TestActionsAreApartFromReading(t *testing.T) {
	isolate(t, "")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIASANDBOX000000000")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
	reader, err := New(t.Context(), Options{Region: "eu-central-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := any(reader).(pipeline.CloudActions); ok {
		t.Error("a Cloud can change ECS")
	}
	actions, err := NewActions(t.Context(), Options{Region: "eu-central-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := any(actions).(pipeline.Cloud); ok {
		t.Error("Actions read as well")
	}
	s, err := actions.cloud.session(t.Context(), production)
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(context.Context) error{
		"UpdateService": func(ctx context.Context) error {
			_, err := s.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{})
			return err
		},
		"DescribeServices": func(ctx context.Context) error {
			_, err := s.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{})
			return err
		},
		"RunTask": func(ctx context.Context) error { _, err := s.ecs.RunTask(ctx, &ecs.RunTaskInput{}); return err },
	} {
		if err := call(t.Context()); pipeline.KindOf(err) != pipeline.KindRefused || !strings.Contains(err.Error(), name) {
			t.Errorf("%s was not refused: %v", name, err)
		}
	}
}

// A write that is not answered is sent once.
func TestActionsAreSentOnce(t *testing.T) {
	sent := 0
	c := over(t, func(*http.Request) (*http.Response, error) {
		sent++
		return nil, context.DeadlineExceeded
	})
	s, err := c.session(t.Context(), production)
	if err != nil {
		t.Fatal(err)
	}
	s.config.APIOptions = nil // of the reader: it would refuse before anything is sent
	s.ecs = ecs.NewFromConfig(s.config)
	a := &Actions{c}
	err = a.StopDeployment(t.Context(), production, "arn:aws:ecs:eu-central-1:123456789012:service-deployment/shop-production/orders/1")
	if pipeline.KindOf(err) != pipeline.KindUnavailable || sent != 1 {
		t.Errorf("sent %d times: %v", sent, err)
	}
}

// A paused deployment goes on or back as it is told, once.
func TestPausesAreAnswered(t *testing.T) {
	for name, back := range map[string]bool{"on": false, "back": true} {
		t.Run(name, func(t *testing.T) {
			inSandbox(t, sandbox.Options{Young: true}, func(t *testing.T, c *Cloud, world *sandbox.Sandbox) {
				actions, err := NewActions(t.Context(), Options{Region: "eu-central-1", DialContext: world.DialContext})
				if err != nil {
					t.Fatal(err)
				}
				w := world.World()
				w.Lock()
				for _, cluster := range w.Cloud.Clusters {
					for _, service := range cluster.Services {
						w.PauseDeployments(service, sandbox.PauseHook{})
					}
				}
				w.Unlock()
				if _, err := operatorOf(world).UpdateService(t.Context(), &ecs.UpdateServiceInput{
					Cluster: awssdk.String("shop-production"), Service: awssdk.String("orders"), ForceNewDeployment: true,
				}); err != nil {
					t.Fatal(err)
				}
				read := func() *pipeline.ServiceDeployment {
					states, err := c.Services(t.Context(), production, []string{"orders"})
					if err != nil || states[0].Rollout == nil {
						t.Fatal(err)
					}
					return states[0].Rollout
				}
				hook, paused := read().Pause()
				for range 100 {
					if paused {
						break
					}
					time.Sleep(5 * time.Second)
					hook, paused = read().Pause()
				}
				if !paused || hook.Type != "PAUSE" || hook.Expires.IsZero() || !read().InFlight() {
					t.Fatalf("%+v", read())
				}
				deployment := read().ARN
				if err := actions.ContinueDeployment(t.Context(), production, deployment, hook.ID, back); err != nil {
					t.Fatal(err)
				}
				if err := actions.ContinueDeployment(t.Context(), production, deployment, hook.ID, back); pipeline.KindOf(err) != pipeline.KindConflict {
					t.Errorf("answered twice: %v", err)
				}
				for range 100 {
					if !read().InFlight() {
						break
					}
					time.Sleep(5 * time.Second)
				}
				want := map[bool]string{false: "SUCCESSFUL", true: "ROLLBACK_SUCCESSFUL"}[back]
				if d := read(); d.ARN != deployment || d.Status != want {
					t.Errorf("%s, want %s", d.Status, want)
				}
				if err := actions.StopDeployment(t.Context(), production, deployment); pipeline.KindOf(err) != pipeline.KindConflict {
					t.Errorf("stopped what has ended: %v", err)
				}
			})
		})
	}
}
