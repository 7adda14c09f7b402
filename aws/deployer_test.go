package aws

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
)

// deployerOver is a Deployer whose requests a function answers.
func deployerOver(t *testing.T, answer wire) *Deployer {
	t.Helper()
	d, err := NewDeployer(t.Context(), Options{Region: "eu-central-1"})
	if err != nil {
		t.Fatal(err)
	}
	who := d.cloud.identity(production)
	d.cloud.sessions[who] = &slot{session: d.cloud.newSession(who, awssdk.Config{
		Region: who.region, HTTPClient: answer, Retryer: newRetryer,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		APIOptions:  []func(*middleware.Stack) error{d.cloud.guard, bounded},
	})}
	return d
}

func jsonAnswer(status int, body string) (*http.Response, error) {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// A write that fails is not sent again: whether it was carried out is to be
// looked up.
func TestDeployerSendsOnce(t *testing.T) {
	sent := 0
	d := deployerOver(t, func(*http.Request) (*http.Response, error) {
		sent++
		return jsonAnswer(http.StatusServiceUnavailable, `{"__type":"ServerException","message":"try again"}`)
	})
	for name, write := range map[string]func(context.Context) error{
		"update": func(ctx context.Context) error { return d.Update(ctx, production, "orders", "orders:7", 0) },
		"stop": func(ctx context.Context) error {
			return d.Stop(ctx, production, "arn:aws:ecs:x:y:service-deployment/a/b/c")
		},
		"snapshot": func(ctx context.Context) error { return d.Snapshot(ctx, production, "shop", "shop-1", nil) },
		"keep":     func(ctx context.Context) error { return d.Keep(ctx, production, "bucket", "a key/1.json", nil) },
	} {
		sent = 0
		if err := write(t.Context()); err == nil || sent != 1 {
			t.Errorf("%s was sent %d times: %v", name, sent, err)
		}
	}
}

// A Deployer sends what the steps need, and nothing else.
func TestDeployerRefusesOtherWrites(t *testing.T) {
	d := deployerOver(t, func(*http.Request) (*http.Response, error) { return nil, errors.New("sent") })
	s, err := d.cloud.session(t.Context(), production)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.ecs.DeleteService(t.Context(), &ecs.DeleteServiceInput{Service: awssdk.String("orders")})
	if pipeline.KindOf(s.classify("", "", err)) != pipeline.KindRefused {
		t.Errorf("DeleteService: %v", err)
	}
}

func TestKeepIsSigned(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_S3", "")
	var seen *http.Request
	d := deployerOver(t, func(r *http.Request) (*http.Response, error) {
		seen = r
		return jsonAnswer(http.StatusForbidden, `<Error><Code>AccessDenied</Code><Message>no</Message></Error>`)
	})
	err := d.Keep(t.Context(), production, "backups", "deployctl/production/9310.json", []byte("{}"))
	if pipeline.KindOf(err) != pipeline.KindForbidden {
		t.Errorf("%v", err)
	}
	if seen.Method != http.MethodPut || seen.URL.String() != "https://s3.eu-central-1.amazonaws.com/backups/deployctl/production/9310.json" {
		t.Errorf("%s %s", seen.Method, seen.URL)
	}
	if got := seen.Header.Get("Authorization"); !strings.HasPrefix(got, "AWS4-HMAC-SHA256 Credential=AKID/") || !strings.Contains(got, "/eu-central-1/s3/aws4_request") {
		t.Errorf("authorization %q", got)
	}
}

func TestRevised(t *testing.T) {
	pair := func(name, value string) ecstypes.KeyValuePair {
		return ecstypes.KeyValuePair{Name: &name, Value: &value}
	}
	from := &ecs.DescribeTaskDefinitionOutput{
		Tags: []ecstypes.Tag{{Key: awssdk.String("team"), Value: awssdk.String("shop")}},
		TaskDefinition: &ecstypes.TaskDefinition{
			Family: awssdk.String("orders"), Cpu: awssdk.String("512"), TaskRoleArn: awssdk.String("role"), Status: ecstypes.TaskDefinitionStatusActive,
			ContainerDefinitions: []ecstypes.ContainerDefinition{
				{Name: awssdk.String("proxy"), Image: awssdk.String("envoy:1")},
				{
					Name: awssdk.String("app"), Image: awssdk.String("shop/orders@sha256:old"), MemoryReservation: awssdk.Int32(64),
					Environment: []ecstypes.KeyValuePair{pair("KEPT", "1"), pair("DB_PASSWORD", "in clear text"), pair("LOG_LEVEL", "INFO")},
					Secrets:     []ecstypes.Secret{{Name: awssdk.String("TOKEN"), ValueFrom: awssdk.String("arn:token")}},
				},
			},
		},
	}
	in, err := revised(from, steps.Revision{
		Container: "app", Image: "shop/orders@sha256:new", Environment: map[string]string{"LOG_LEVEL": "DEBUG"},
		Secrets: map[string]string{"DB_PASSWORD": "arn:password"}, Tags: map[string]string{"deployctl:sha": "abc"},
	})
	if err != nil {
		t.Fatal(err)
	}
	app := in.ContainerDefinitions[1]
	if len(app.Environment) != 2 || *app.Environment[0].Name != "KEPT" || *app.Environment[1].Value != "DEBUG" {
		t.Errorf("environment %+v", app.Environment)
	}
	if len(app.Secrets) != 2 || *app.Secrets[0].ValueFrom != "arn:password" || *app.Secrets[1].ValueFrom != "arn:token" {
		t.Errorf("secrets %+v", app.Secrets)
	}
	if *app.Image != "shop/orders@sha256:new" || *app.MemoryReservation != 64 || *in.ContainerDefinitions[0].Image != "envoy:1" || *in.Cpu != "512" || *in.TaskRoleArn != "role" || len(in.Tags) != 2 {
		t.Errorf("%+v", in)
	}
	if *from.TaskDefinition.ContainerDefinitions[1].Image != "shop/orders@sha256:old" {
		t.Error("what it was made from was changed")
	}
	if _, err := revised(from, steps.Revision{Container: "web"}); pipeline.KindOf(err) != pipeline.KindInvalid {
		t.Errorf("a container that is not there: %v", err)
	}
}

// The policy that docs/permissions.md gives the workflows' role allows every
// operation that they write with.
func TestPermissionsOfTheWorkflows(t *testing.T) {
	page, err := os.ReadFile("../docs/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	for service, operations := range writes {
		for _, operation := range operations {
			if !strings.Contains(string(page), `"`+strings.ToLower(service)+":"+operation+`"`) {
				t.Errorf("docs/permissions.md lacks %s:%s", service, operation)
			}
		}
	}
}
