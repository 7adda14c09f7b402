package aws

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// inSandbox runs a test against a simulated account, over HTTP and in virtual time.
func inSandbox(t *testing.T, options sandbox.Options, test func(*testing.T, *Cloud, *sandbox.Sandbox)) {
	t.Helper()
	isolate(t, "")
	t.Setenv("AWS_ENDPOINT_URL", "http://aws.sandbox")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIASANDBOX000000000")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
	synctest.Test(t, func(t *testing.T) {
		world, err := sandbox.New(options)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = world.Close() }()
		c, err := New(t.Context(), Options{Region: "eu-central-1", DialContext: world.DialContext})
		if err != nil {
			t.Fatal(err)
		}
		test(t, c, world)
	})
}

var sandboxServices = []string{"api-gateway", "catalog", "notifications", "orders", "payments", "users"}

// TestSandboxIsRead asks everything of one world: making one takes longer than
// all the questions.
func TestSandboxIsRead(t *testing.T) {
	inSandbox(t, sandbox.Options{Young: true}, func(t *testing.T, c *Cloud, world *sandbox.Sandbox) {
		checkSecrets(t, c, world.World())
		checkServices(t, c)
		checkFitness(t, c)
		checkContext(t, c)
		checkArtifacts(t, c)
		checkLogs(t, c)
		checkNotFound(t, c)
	})
}

func TestSandboxRolloutsAreFollowed(t *testing.T) {
	inSandbox(t, sandbox.Options{Young: true}, func(t *testing.T, c *Cloud, world *sandbox.Sandbox) {
		followRollout(t, c, world)
		followRollback(t, c, world)
	})
}

func checkServices(t *testing.T, c *Cloud) {
	t.Helper()
	identity, err := c.Identity(t.Context(), production)
	if err != nil || identity.Account != "123456789012" || !strings.HasSuffix(identity.ARN, "alice") || identity.Region != "eu-central-1" {
		t.Errorf("identity %+v, %v", identity, err)
	}
	if names, err := c.Clusters(t.Context(), production); err != nil || !slices.Equal(names, []string{"shop-production", "shop-staging"}) {
		t.Errorf("clusters %v, %v", names, err)
	}
	if names, err := c.ServiceNames(t.Context(), production); err != nil || !slices.Equal(names, sandboxServices) {
		t.Errorf("services %v, %v", names, err)
	}
	states, err := c.Services(t.Context(), production, append([]string{"nobody"}, sandboxServices...))
	if err != nil || len(states) != 7 || states[0].Status != missing {
		t.Fatalf("%d services, %v", len(states), err)
	}
	for _, state := range states[1:] {
		name := state.Key.Service
		if state.Status != "ACTIVE" || state.Running != state.Desired || state.Rollout == nil || state.Rollout.Status != "SUCCESSFUL" || state.Moving() {
			t.Errorf("%s: %+v", name, state)
		}
		if len(state.Revisions) != 1 {
			t.Fatalf("%s: %d revisions", name, len(state.Revisions))
		}
		r := state.Revisions[0]
		if !imageDigest.MatchString(r.Digest()) || !fullSHA.MatchString(r.SHA) || !strings.HasPrefix(r.Version, "v") || r.Running != state.Running {
			t.Errorf("%s runs %+v", name, r)
		}
		want := pipeline.LogGroup{Name: "/ecs/shop-production/" + name, Prefix: "app", Container: "app", Region: "eu-central-1"}
		if !slices.Contains(state.LogGroups, want) {
			t.Errorf("%s writes to %+v", name, state.LogGroups)
		}
	}
}

func checkFitness(t *testing.T, c *Cloud) {
	t.Helper()
	states, err := c.Services(t.Context(), production, []string{"orders"})
	if err != nil {
		t.Fatal(err)
	}
	orders := states[0]
	tasks, err := c.Tasks(t.Context(), production, "orders")
	if err != nil || len(tasks) < orders.Running {
		t.Fatalf("%d tasks, %v", len(tasks), err)
	}
	if first := tasks[0]; first.Status != "RUNNING" || first.Containers[0].Digest != orders.Revisions[0].Digest() || first.TaskDefinition != orders.TaskDefinition {
		t.Errorf("task %+v", first)
	}
	targets, err := c.Targets(t.Context(), production, orders.TargetGroups)
	if err != nil || len(targets) < orders.Running || targets[0].State != "healthy" {
		t.Errorf("targets %+v, %v", targets, err)
	}
	alarms, err := c.Alarms(t.Context(), production, append(orders.AlarmNames, "no-such-alarm"))
	if err != nil || len(alarms) != len(orders.AlarmNames)+1 {
		t.Errorf("alarms %+v, %v", alarms, err)
	}
	loads, err := c.Loads(t.Context(), production, sandboxServices, 15*time.Minute)
	if err != nil || len(loads) != 6 || len(loads["orders"].CPU) == 0 || len(loads["orders"].Memory) == 0 {
		t.Errorf("loads %+v, %v", loads, err)
	}
}

func checkArtifacts(t *testing.T, c *Cloud) {
	t.Helper()
	history, err := c.ServiceDeployments(t.Context(), production, "orders", 5)
	if err != nil || len(history) == 0 || len(history) > 5 {
		t.Fatalf("%d deployments, %v", len(history), err)
	}
	var images []pipeline.Image
	for i, d := range history {
		if i > 0 && d.Created.After(history[i-1].Created) {
			t.Errorf("deployment %d is newer than the one before it", i)
		}
		images = append(images, d.Target.Images[0])
		definition, err := c.TaskDefinition(t.Context(), production, d.Target.TaskDefinition)
		if err != nil || definition.ARN != d.Target.TaskDefinition || definition.Containers[0].Environment["APP_VERSION"] == "" {
			t.Errorf("definition %+v, %v", definition, err)
		}
	}
	lost := images[0]
	lost.Digest = digestOf(0)
	states, err := c.Images(t.Context(), production, append(images, lost))
	if err != nil || !states[images[0].Digest].Present || states[lost.Digest].Present || states[lost.Digest].Digest == "" {
		t.Errorf("images %+v, %v", states, err)
	}
	snapshots, err := c.Snapshots(t.Context(), production, "shop-production")
	if err != nil || len(snapshots) == 0 || snapshots[0].Status != "available" {
		t.Errorf("snapshots %+v, %v", snapshots, err)
	}
}

// operatorOf is somebody else's client, which may change services.
func operatorOf(world *sandbox.Sandbox) *ecs.Client {
	return ecs.NewFromConfig(awssdk.Config{
		Region: "eu-central-1", BaseEndpoint: awssdk.String("http://aws.sandbox"),
		HTTPClient:  &http.Client{Transport: world.Transport()},
		Credentials: credentials.NewStaticCredentialsProvider("AKIASANDBOX000000000", "sandbox", ""),
	})
}

func followRollout(t *testing.T, c *Cloud, world *sandbox.Sandbox) {
	t.Helper()
	read := func() pipeline.ServiceState {
		states, err := c.Services(t.Context(), production, []string{"orders"})
		if err != nil {
			t.Fatal(err)
		}
		return states[0]
	}
	before := read()
	history, err := c.ServiceDeployments(t.Context(), production, "orders", 5)
	if err != nil || len(history) < 2 {
		t.Fatalf("%d deployments, %v", len(history), err)
	}
	target := history[slices.IndexFunc(history, func(d pipeline.ServiceDeployment) bool { return d.Target.SHA != before.Revisions[0].SHA })].Target
	if _, err := operatorOf(world).UpdateService(t.Context(), &ecs.UpdateServiceInput{
		Cluster: awssdk.String("shop-production"), Service: awssdk.String("orders"), TaskDefinition: &target.TaskDefinition,
	}); err != nil {
		t.Fatal(err)
	}
	moving := read()
	if !moving.Moving() || moving.Rollout.Target.SHA != target.SHA || moving.Revisions[0].SHA != target.SHA {
		t.Errorf("while it rolls: %+v", moving.Rollout)
	}
	mixed := false
	for range 200 {
		if moving = read(); !moving.Moving() {
			break
		}
		mixed = mixed || len(moving.Revisions) == 2 && moving.Revisions[1].SHA == before.Revisions[0].SHA
		time.Sleep(5 * time.Second)
	}
	if !mixed {
		t.Error("never were there two releases")
	}
	if moving.Rollout.Status != "SUCCESSFUL" || len(moving.Revisions) != 1 || moving.Revisions[0].Digest() != target.Digest() || moving.Revisions[0].Running != moving.Desired {
		t.Errorf("after it rolled: %+v %+v", moving.Rollout, moving.Revisions)
	}
}

func followRollback(t *testing.T, c *Cloud, world *sandbox.Sandbox) {
	t.Helper()
	read := func() pipeline.ServiceState {
		states, err := c.Services(t.Context(), production, []string{"orders"})
		if err != nil {
			t.Fatal(err)
		}
		return states[0]
	}
	before := read().Revisions[0]
	operator := operatorOf(world)
	if _, err := operator.UpdateService(t.Context(), &ecs.UpdateServiceInput{
		Cluster: awssdk.String("shop-production"), Service: awssdk.String("orders"), ForceNewDeployment: true,
	}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Second)
	forced := read().Rollout
	if forced.Target.ARN == before.ARN || !forced.InFlight() {
		t.Fatalf("rollout %+v", forced)
	}
	if _, err := operator.StopServiceDeployment(t.Context(), &ecs.StopServiceDeploymentInput{ServiceDeploymentArn: &forced.ARN}); err != nil {
		t.Fatal(err)
	}
	turned := read()
	for range 20 {
		if turned.Rollout.RollbackTo != "" {
			break
		}
		time.Sleep(time.Second)
		turned = read()
	}
	if !turned.Moving() || !turned.Rollout.Reverted() || turned.Revisions[0].ARN != before.ARN {
		t.Errorf("while it rolls back: %+v %+v", turned.Rollout, turned.Revisions)
	}
	for range 200 {
		if !read().Moving() {
			break
		}
		time.Sleep(5 * time.Second)
	}
	after := read()
	if after.Rollout.Status != "ROLLBACK_SUCCESSFUL" || len(after.Revisions) != 1 || after.Revisions[0].ARN != before.ARN || after.Revisions[0].Running != after.Desired {
		t.Errorf("after it rolled back: %+v %+v", after.Rollout, after.Revisions)
	}
}

func checkLogs(t *testing.T, c *Cloud) {
	t.Helper()
	groups, err := c.LogGroups(t.Context(), production, "/ecs/shop-production/")
	if err != nil || !slices.Contains(groups, "/ecs/shop-production/orders") {
		t.Errorf("groups %v, %v", groups, err)
	}
	time.Sleep(30 * time.Second)
	query := logs.Query{Group: "/ecs/shop-production/orders", Start: time.Now().Add(-time.Minute), StreamPrefix: "app", Limit: 5}
	seen := map[string]bool{}
	for range 100 {
		page, err := c.LogSource(production).Filter(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			if seen[e.ID] || e.ID == "" || e.Timestamp.Before(query.Start.Truncate(time.Millisecond)) || !strings.HasPrefix(e.Stream, "app/") {
				t.Errorf("event %+v", e)
			}
			seen[e.ID] = true
		}
		if query.NextToken = page.NextToken; page.NextToken == "" {
			break
		}
	}
	if len(seen) < 6 {
		t.Errorf("%d events in a minute, want several pages", len(seen))
	}
	_, err = c.LogSource(production).Filter(t.Context(), logs.Query{Group: "/ecs/nobody"})
	wantSentence(t, err, pipeline.KindNotFound, "/ecs/nobody")
}

func TestSandboxFailures(t *testing.T) {
	inSandbox(t, sandbox.Options{Young: true}, func(t *testing.T, c *Cloud, _ *sandbox.Sandbox) {
		s, err := c.session(t.Context(), production)
		if err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]pipeline.ErrorKind{
			"EXPIRED0000000000000": pipeline.KindAuth,
			"UNKNOWN0000000000000": pipeline.KindAuth,
			"DENIED00000000000000": pipeline.KindForbidden,
		} {
			s.config.Credentials = credentials.NewStaticCredentialsProvider(key, "s", "")
			c.sessions[c.identity(production)].session = c.newSession(s.who, s.config)
			for name, err := range readsOf(t.Context(), c) {
				if pipeline.KindOf(err) != want {
					t.Errorf("%s with %s: %v, want %s", name, key, err, want)
				}
			}
		}
	})
}

// readsOf asks one question of each service of AWS and gives what went wrong.
func readsOf(ctx context.Context, c *Cloud) map[string]error {
	failures := map[string]error{}
	_, failures["services"] = c.Services(ctx, production, sandboxServices)
	_, failures["tasks"] = c.Tasks(ctx, production, "orders")
	_, failures["alarms"] = c.Alarms(ctx, production, []string{"a"})
	_, failures["snapshots"] = c.Snapshots(ctx, production, "shop-production")
	_, failures["targets"] = c.Targets(ctx, production, []string{"arn:aws:x:tg/a/b"})
	_, failures["logs"] = c.LogSource(production).Filter(ctx, logs.Query{Group: "g"})
	return failures
}

func TestSandboxInBadWeather(t *testing.T) {
	inSandbox(t, sandbox.Options{Faults: 0.3, Seed: 7, Young: true}, func(t *testing.T, c *Cloud, _ *sandbox.Sandbox) {
		whole := 0
		for range 40 {
			states, err := c.Services(t.Context(), production, sandboxServices)
			switch kind := pipeline.KindOf(err); {
			case err == nil:
				whole++
				for _, state := range states {
					if state.Status != "ACTIVE" || len(state.Revisions) == 0 || state.Revisions[0].Digest() == "" || state.Rollout == nil {
						t.Errorf("an answer with holes: %+v", state)
					}
				}
			case kind != pipeline.KindThrottled && kind != pipeline.KindUnavailable:
				t.Errorf("%v is no passing failure", err)
			}
			time.Sleep(5 * time.Second)
		}
		if whole < 20 {
			t.Errorf("%d of 40 reads came through", whole)
		}
	})
}

func checkNotFound(t *testing.T, c *Cloud) {
	t.Helper()
	nowhere := pipeline.Cluster{Name: "nowhere"}
	_, err := c.Services(t.Context(), nowhere, sandboxServices)
	wantSentence(t, err, pipeline.KindNotFound, "cluster nowhere", "eu-central-1")
	_, err = c.Services(t.Context(), pipeline.Cluster{Name: "shop-production", Region: "us-east-1"}, sandboxServices)
	wantSentence(t, err, pipeline.KindNotFound, "us-east-1")
	_, err = c.TaskDefinition(t.Context(), production, "orders:999999")
	wantSentence(t, err, pipeline.KindNotFound, "orders:999999")
}
