package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// awsWorld is a small account, made by hand: one cluster with thirteen services
// of two tasks each, so that a test knows all of it.
func awsWorld(now time.Time) *World {
	w := &World{
		now: now, start: now, speed: 1, seed: 1, random: rand.New(rand.NewPCG(1, 1)), ids: map[string]int64{},
		Cloud: &Cloud{
			LifecyclePolicy: LifecyclePolicyKeeping(50),
			TaskDefinitions: map[string][]*TaskDefinition{},
			Images:          map[string][]*Image{},
			Buckets:         map[string]*Bucket{"shop-backups": {Name: "shop-backups", Created: now, Objects: map[string]*Object{}}},
			Databases: []*Database{{
				ID: "shop-production", ARN: arn("rds", "db:shop-production"), Engine: "postgres", Version: "16.4",
				Class: "db.r6g.large", Status: "available", Created: now.Add(-100 * day), SizeGiB: 200,
			}},
			Secrets: []*CloudSecret{{
				Name: "shop/production/orders", ARN: arn("secretsmanager", "secret:shop/production/orders-AbCdEf"), Created: now, Changed: now,
			}},
			Parameters: []*Parameter{{Name: "/shop/production/workers", ARN: arn("ssm", "parameter/shop/production/workers"), Type: "String", Value: "4", Version: 3, Changed: now}},
		},
	}
	cluster := &Cluster{Name: "shop-production", ARN: arn("ecs", "cluster/shop-production"), Environment: "production"}
	w.Cloud.Clusters = []*Cluster{cluster}
	w.addService(cluster, "orders")
	for i := range 12 {
		w.addService(cluster, fmt.Sprintf("extra-%02d", i))
	}
	orders := cluster.Service("orders")
	orders.Alarms = []string{"orders-5xx"}
	w.Cloud.Alarms = []*Alarm{{
		Name: "orders-5xx", ARN: arn("cloudwatch", "alarm:orders-5xx"), Environment: "production", Service: "orders",
		Metric: "HTTPCode_Target_5XX_Count", Namespace: "AWS/ApplicationELB", Statistic: "Sum", Threshold: 10,
		Comparison: "GreaterThanThreshold", Period: 60, Evaluations: 2, State: "OK", Updated: now,
		History: []AlarmChange{{At: now.Add(-time.Hour), From: "INSUFFICIENT_DATA", To: "OK", Reason: "Threshold Crossed"}},
	}}
	return w
}

// addService gives a cluster a service that was deployed an hour ago.
func (w *World) addService(cluster *Cluster, name string) {
	created := w.now.Add(-time.Hour)
	group := &TargetGroup{
		Name: "tg-" + name, ARN: arn("elasticloadbalancing", "targetgroup/tg-"+name+"/0123456789abcdef"), Port: 8000, HealthPath: "/health",
		ListenerARN: arn("elasticloadbalancing", "listener/app/shop-production/0123456789abcdef/fedcba9876543210"),
	}
	logs := &LogGroup{Name: "/ecs/shop-production/" + name, ARN: arn("logs", "log-group:/ecs/shop-production/"+name), Created: created, Retention: 30}
	service := &Service{
		Name: name, ARN: arn("ecs", "service/"+cluster.Name+"/"+name), Cluster: cluster, Status: "ACTIVE", Desired: 2, Created: created,
		TargetGroup: group, LogGroup: logs, MinHealthy: 100, MaxPercent: 200, MinCapacity: 2, MaxCapacity: 8,
	}
	group.Service = service
	w.Cloud.TargetGroups = append(w.Cloud.TargetGroups, group)
	w.Cloud.LogGroups = append(w.Cloud.LogGroups, logs)
	cluster.Services = append(cluster.Services, service)
	definition := w.RegisterTaskDefinition(w.awsDefinition(name, 1))
	deployment := w.newServiceDeployment(service, nil, w.newRevision(service, definition))
	deployment.Created, deployment.Started, deployment.Finished, deployment.Updated = created, created, created, created
	deployment.Status, deployment.Breaker, deployment.AlarmState = DeploymentSuccessful, "MONITORING_COMPLETE", "DISABLED"
	for range service.Desired {
		task := w.startTask(service, deployment)
		task.Status, task.Health, task.Target, task.Started = "RUNNING", "HEALTHY", "healthy", created
		task.Digest = definition.Digest()
	}
}

// awsDefinition makes a revision of a service whose image is in the registry.
func (w *World) awsDefinition(name string, version int) *TaskDefinition {
	repository := "shop/" + name
	image := &Image{
		Repository: repository, Digest: w.digest(name, version), Tags: []string{w.hash40(name, version)}, Pushed: w.now, Size: 90 << 20,
	}
	w.Cloud.Images[repository] = append(w.Cloud.Images[repository], image)
	return &TaskDefinition{
		Family: "shop-production-" + name, Image: registryHost + "/" + repository + "@" + image.Digest, Container: "app",
		CPU: "512", Memory: "1024", Port: 8000, LogGroup: "/ecs/shop-production/" + name, LogPrefix: "app",
		Environment: []Pair{{"APP_VERSION", fmt.Sprintf("v1.%d.0", version)}},
		Tags:        []Pair{{"deployctl:version", fmt.Sprintf("v1.%d.0", version)}},
	}
}

// awsHandler serves a world's AWS alone.
type awsHandler struct{ api *awsAPI }

func (h awsHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := newAnswer()
	h.api.world.Lock()
	h.api.serve(answer, r)
	h.api.world.Unlock()
	answer.send(w)
}

// newAWS serves a small account on a real socket and points clients at it as an
// HTTP proxy, as the sandbox command does.
func newAWS(t *testing.T) (*awsAPI, aws.Config) {
	t.Helper()
	api := newAWSAPI(awsWorld(time.Now()))
	server := httptest.NewServer(awsHandler{api})
	t.Cleanup(server.Close)
	proxy, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy)}
	t.Cleanup(transport.CloseIdleConnections)
	return api, awsClients(transport, "AKIASANDBOX000000000")
}

// newVirtualAWS is newAWS without sockets, for a bubble of testing/synctest.
func newVirtualAWS(t *testing.T) (*awsAPI, aws.Config) {
	t.Helper()
	api := newAWSAPI(awsWorld(time.Now()))
	listener := newMemoryListener()
	server := &http.Server{Handler: awsHandler{api}}
	go func() { _ = server.Serve(listener) }()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return listener.dial(ctx) }}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
	})
	return api, awsClients(transport, "AKIASANDBOX000000000")
}

func awsClients(transport http.RoundTripper, key string) aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String("http://" + awsHost),
		Credentials:  credentials.NewStaticCredentialsProvider(key, "secret", ""),
		HTTPClient:   &http.Client{Transport: keptBody{transport}},
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// keptBody hands net/http request bodies that the SDK does not close. It closes
// its own as soon as the answer begins; where that comes at once, net/http is
// still looking for the body's end, takes the closed body for a failure, and
// breaks the connection in the middle of the answer.
type keptBody struct{ next http.RoundTripper }

func (k keptBody) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		_ = r.Body.Close()
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(content))
	}
	return k.next.RoundTrip(r)
}
