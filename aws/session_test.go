package aws

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// endpoint is an AWS that knows STS and the clusters of every region, over HTTP.
// Clusters are named after the region and the access key that asked.
func endpoint(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		scope := strings.Split(r.Header.Get("Authorization"), "/")
		key, region := strings.TrimPrefix(scope[0], "AWS4-HMAC-SHA256 Credential="), scope[2]
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".ListClusters") {
			_ = json.NewEncoder(w).Encode(map[string]any{"clusterArns": []string{"arn:aws:ecs:" + region + ":1:cluster/" + region + "-" + key}})
			return
		}
		form, _ := url.ParseQuery(string(body))
		switch form.Get("Action") {
		case "GetCallerIdentity":
			fmt.Fprintf(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/%s</Arn><UserId>U</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, key)
		case "AssumeRole":
			fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ROLE%s</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
				form.Get("RoleSessionName"), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		default:
			http.Error(w, "no "+form.Get("Action"), http.StatusNotImplemented)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

const twoProfiles = `[profile staging]
region = eu-west-1
aws_access_key_id = STAGING
aws_secret_access_key = s
[profile production]
region = eu-central-1
aws_access_key_id = PRODUCTION
aws_secret_access_key = s
`

func TestEachClusterHasItsIdentityAndRegion(t *testing.T) {
	isolate(t, twoProfiles)
	t.Setenv("AWS_ENDPOINT_URL", endpoint(t).URL)
	c, err := New(t.Context(), Options{Profile: "staging"})
	if err != nil {
		t.Fatal(err)
	}
	clusters := map[pipeline.Cluster]string{
		{}:                      "eu-west-1-STAGING",
		{Profile: "production"}: "eu-central-1-PRODUCTION",
		{Region: "us-east-1"}:   "us-east-1-STAGING",
		{Role: "arn:aws:iam::1:role/r", Profile: "production"}:              "eu-central-1-ROLEgh-deployctl",
		{Name: "arn:aws:ecs:ap-south-1:1:cluster/x", Profile: "production"}: "ap-south-1-PRODUCTION",
		{Name: "arn:aws:ecs:ap-south-1:1:cluster/x", Region: "eu-north-1"}:  "eu-north-1-STAGING",
	}
	var wait sync.WaitGroup
	for cluster, want := range clusters {
		for range 3 {
			wait.Go(func() {
				got, err := c.Clusters(t.Context(), cluster)
				if err != nil || len(got) != 1 || got[0] != want {
					t.Errorf("%+v: %v, %v; want %s", cluster, got, err, want)
				}
			})
		}
	}
	wait.Wait()
	if len(c.sessions) != len(clusters) {
		t.Errorf("%d sessions for %d identities", len(c.sessions), len(clusters))
	}
}

func TestIdentity(t *testing.T) {
	isolate(t, twoProfiles)
	t.Setenv("AWS_ENDPOINT_URL", endpoint(t).URL)
	c, err := New(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Identity(t.Context(), pipeline.Cluster{Profile: "production"})
	want := pipeline.CloudIdentity{Account: "123456789012", ARN: "arn:aws:iam::123456789012:user/PRODUCTION", Region: "eu-central-1"}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestLoginElsewhereHealsASession(t *testing.T) {
	isolate(t, "")
	t.Setenv("AWS_ENDPOINT_URL", endpoint(t).URL)
	c, err := New(t.Context(), Options{Region: "eu-central-1", Profile: "production"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Identity(t.Context(), pipeline.Cluster{}); pipeline.KindOf(err) != pipeline.KindAuth {
		t.Fatalf("got %v, want an auth error", err)
	}
	isolate(t, twoProfiles)
	t.Setenv("AWS_ENDPOINT_URL", endpoint(t).URL)
	if _, err := c.Identity(t.Context(), pipeline.Cluster{}); err != nil {
		t.Errorf("after the profile was written: %v", err)
	}
}

func TestProxyIsThatOfTheEnvironmentAtConstruction(t *testing.T) {
	isolate(t, twoProfiles)
	server := endpoint(t)
	t.Setenv("HTTP_PROXY", server.URL)
	t.Setenv("NO_PROXY", "")
	t.Setenv("AWS_ENDPOINT_URL", "http://aws.sandbox")
	c, err := New(t.Context(), Options{Profile: "production"})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	if _, err := c.Identity(t.Context(), pipeline.Cluster{}); err != nil {
		t.Errorf("through the proxy: %v", err)
	}
}

func TestRetries(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		sent   int
	}{
		"a passing failure":       {503, `{"__type":"ServerException"}`, attempts},
		"throttled":               {400, `{"__type":"ThrottlingException"}`, attempts},
		"denied":                  {400, `{"__type":"AccessDeniedException"}`, 1},
		"not known":               {501, `<html>`, 1},
		"not known, and confused": {500, `<html>`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				answer := answering(test.status, test.body)
				c := over(t, func(r *http.Request) (*http.Response, error) { sent++; return answer(r) })
				if _, err := c.ServiceNames(t.Context(), production); err == nil {
					t.Error("no error")
				}
				if sent != test.sent {
					t.Errorf("sent %d times, want %d", sent, test.sent)
				}
			})
		})
	}
}

func TestCallsHaveADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := over(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		began := time.Now()
		_, err := c.ServiceNames(t.Context(), production)
		wantSentence(t, err, pipeline.KindUnavailable, "in time")
		if took := time.Since(began); took != callTimeout {
			t.Errorf("gave up after %s, want %s", took, callTimeout)
		}
	})
}

func TestLogOfTheSDK(t *testing.T) {
	var out bytes.Buffer
	log := sdkLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	log.Logf(logging.Warn, "retrying %s", "x\x1b[2J")
	if got := out.String(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, `"retrying x"`) {
		t.Errorf("logged %q", got)
	}
}

func TestNoNameIsPutBeforeALocalHost(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"http://127.0.0.1:5000": true, "http://[::1]:5000": true, "http://localhost:4566": true,
		"http://aws.sandbox": false, "https://logs.eu-central-1.amazonaws.com": false, "": false,
	} {
		if got := local(&endpoint); got != want {
			t.Errorf("local(%q) is %v", endpoint, got)
		}
	}
	stack := middleware.NewStack("test", smithyhttp.NewStackRequest)
	if err := noHostPrefix(stack); err != nil {
		t.Fatal(err)
	}
	disabled := false
	_, _, _ = stack.HandleMiddleware(t.Context(), &ecs.ListClustersInput{}, middleware.HandlerFunc(func(ctx context.Context, _ any) (any, middleware.Metadata, error) {
		disabled = smithyhttp.IsEndpointHostPrefixDisabled(ctx)
		return nil, middleware.Metadata{}, nil
	}))
	if !disabled {
		t.Error("the prefix is not disabled")
	}
}

// A poll of many calls gets through though a third of them are throttled, and
// waits before it asks again.
func TestThrottledCallsGetThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttle, good := answering(400, `{"__type":"ThrottlingException"}`), answering(200, `{"serviceArns":[]}`)
		n := 0
		c := over(t, func(r *http.Request) (*http.Response, error) {
			if n++; n%3 == 1 {
				return throttle(r)
			}
			return good(r)
		})
		began := time.Now()
		for range 40 {
			if _, err := c.ServiceNames(t.Context(), production); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); n < 60 || took == 0 {
			t.Errorf("%d requests in %s", n, took)
		}
	})
}
