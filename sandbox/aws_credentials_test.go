package sandbox

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// send posts a body to AWS as it is.
func send(t *testing.T, config aws.Config, body string, header http.Header) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+awsHost+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	response, err := config.HTTPClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func withKey(config aws.Config, key string) aws.Config {
	config.Credentials = credentials.NewStaticCredentialsProvider(key, "secret", "")
	return config
}

func TestCredentials(t *testing.T) {
	_, config := newAWS(t)
	calls := map[string]func(aws.Config) error{
		"json": func(c aws.Config) error {
			_, err := ecs.NewFromConfig(c).ListClusters(t.Context(), &ecs.ListClustersInput{})
			return err
		},
		"query": func(c aws.Config) error {
			_, err := rds.NewFromConfig(c).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
			return err
		},
		"cbor": func(c aws.Config) error {
			_, err := cloudwatch.NewFromConfig(c).DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{})
			return err
		},
	}
	tests := []struct {
		key                                string
		jsonCode, queryCode, cborCode, has string
	}{
		{"EXPIRED0000", "ExpiredTokenException", "ExpiredToken", "ExpiredToken", "expired"},
		{"DENIED00000", "AccessDeniedException", "AccessDenied", "AccessDenied", "is not authorized to perform: "},
		{"UNKNOWN0000", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidClientTokenId", "invalid"},
	}
	for _, test := range tests {
		for protocol, code := range map[string]string{"json": test.jsonCode, "query": test.queryCode, "cbor": test.cborCode} {
			t.Run(test.key+" "+protocol, func(t *testing.T) {
				err := calls[protocol](withKey(config, test.key))
				if err == nil || !strings.Contains(err.Error(), test.has) {
					t.Fatalf("got %v", err)
				}
				wantCode(t, err, code)
			})
		}
	}
	if _, err := sts.NewFromConfig(withKey(config, "DENIED00000")).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); err != nil {
		t.Errorf("GetCallerIdentity needs no permission: %v", err)
	}
}

func TestRefuse(t *testing.T) {
	api, config := newAWS(t)
	api.refuse = func(action, _ string) *awsError {
		if action == "ecs:DescribeServices" {
			return errThrottled()
		}
		return nil
	}
	client := ecs.NewFromConfig(config)
	_, err := client.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String(testCluster), Services: []string{"orders"}})
	wantCode(t, err, "ThrottlingException")
	if _, err := client.ListClusters(t.Context(), &ecs.ListClustersInput{}); err != nil {
		t.Error(err)
	}
}

func TestOtherRegion(t *testing.T) {
	_, config := newAWS(t)
	config.Region = "us-east-1"
	out, err := ecs.NewFromConfig(config).ListClusters(t.Context(), &ecs.ListClustersInput{})
	if err != nil || len(out.ClusterArns) != 0 {
		t.Errorf("clusters %v, %v", out, err)
	}
	if me, err := sts.NewFromConfig(config).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); err != nil || *me.Account != Account {
		t.Errorf("identity %v, %v", me, err)
	}
}

func TestJSONProtocolErrors(t *testing.T) {
	_, config := newAWS(t)
	const signature = "AWS4-HMAC-SHA256 Credential=AKIAX/20261123/eu-central-1/ecs/aws4_request, SignedHeaders=host, Signature=0"
	tests := []struct {
		name, target, authorization, body string
		code                              string
	}{
		{"unknown operation", "AmazonEC2ContainerServiceV20141113.Nonsense", signature, "{}", "UnknownOperationException"},
		{"unknown service", "Nonsense.ListClusters", signature, "{}", "UnknownOperationException"},
		{"malformed", "AmazonEC2ContainerServiceV20141113.ListClusters", signature, "{", "SerializationException"},
		{"wrong type", "AmazonEC2ContainerServiceV20141113.ListClusters", signature, `{"maxResults":"ten"}`, "SerializationException"},
		{"unsigned", "AmazonEC2ContainerServiceV20141113.ListClusters", "", "{}", "MissingAuthenticationTokenException"},
		{"other scheme", "AmazonEC2ContainerServiceV20141113.ListClusters", "Bearer x", "{}", "IncompleteSignatureException"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, body := send(t, config, test.body, http.Header{
				"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {test.target}, "Authorization": {test.authorization},
			})
			if status != http.StatusBadRequest || !strings.Contains(body, `"__type":"`+test.code+`"`) {
				t.Errorf("%d %s, want %s", status, body, test.code)
			}
		})
	}
}

func TestRefuseAWSInEveryProtocol(t *testing.T) {
	tests := []struct {
		name, target, contentType, body string
		status                          int
		wants                           string
	}{
		{"json", "Logs_20140328.FilterLogEvents", "application/x-amz-json-1.1", "{}", 400, `"__type":"ThrottlingException"`},
		{"query", "", "application/x-www-form-urlencoded", "Action=DescribeDBInstances&Version=2014-10-31", 400, `xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><Error><Code>Throttling</Code>`},
		{"s3", "", "", "", 503, "<Code>SlowDown</Code>"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			method := http.MethodPost
			if test.name == "s3" {
				method = http.MethodGet
			}
			request, err := http.NewRequestWithContext(t.Context(), method, "http://"+awsHost+"/", strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("X-Amz-Target", test.target)
			request.Header.Set("Content-Type", test.contentType)
			answer := newAnswer()
			refuseAWS(answer, request, errThrottled())
			if answer.status != test.status || !strings.Contains(answer.body.String(), test.wants) {
				t.Errorf("%d %s, want %s", answer.status, answer.body.String(), test.wants)
			}
		})
	}
}
