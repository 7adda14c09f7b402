package sandbox

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// TestAWSOfTheCalmWorld goes from a service of the calm world to its tasks,
// targets, logs and alarms: as a proxy, and at the sandbox's own address.
func TestAWSOfTheCalmWorld(t *testing.T) {
	s, err := New(Options{Young: true})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	defer server.Close()
	proxy, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxied := awsClients(&http.Transport{Proxy: http.ProxyURL(proxy)}, "AKIASANDBOX000000000")
	plain := awsClients(&http.Transport{}, "AKIASANDBOX000000000")
	plain.BaseEndpoint = aws.String(server.URL)
	for name, config := range map[string]aws.Config{"proxy": proxied, "plain": plain} {
		t.Run(name, func(t *testing.T) { walkCalmWorld(t, config) })
	}
	if counts := s.Counts(); counts.AWS["DescribeServices"] != 2 || counts.AWS["DescribeTargetHealth"] != 2 || counts.AWS["GetCallerIdentity"] != 2 {
		t.Errorf("counted %v", counts.AWS)
	}
}

func walkCalmWorld(t *testing.T, config aws.Config) {
	ctx, tasks := t.Context(), ecs.NewFromConfig(config)
	if me, err := sts.NewFromConfig(config).GetCallerIdentity(ctx, nil); err != nil || !strings.HasSuffix(*me.Arn, "user/alice") {
		t.Errorf("identity %v, %v", me, err)
	}
	described, err := tasks.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String(testCluster), Services: []string{"orders"}})
	if err != nil || len(described.Services) != 1 {
		t.Fatalf("services %v, %v", described, err)
	}
	service := described.Services[0]
	health, err := elb.NewFromConfig(config).DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: service.LoadBalancers[0].TargetGroupArn})
	if err != nil || len(health.TargetHealthDescriptions) != int(service.DesiredCount) {
		t.Errorf("%d tasks wanted; targets %v, %v", service.DesiredCount, health, err)
	}
	definition, err := tasks.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: service.TaskDefinition})
	if err != nil {
		t.Fatal(err)
	}
	group := definition.TaskDefinition.ContainerDefinitions[0].LogConfiguration.Options["awslogs-group"]
	logs := cloudwatchlogs.NewFilterLogEventsPaginator(cloudwatchlogs.NewFromConfig(config), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String(group), StartTime: aws.Int64(time.Now().Add(-10 * time.Minute).UnixMilli()),
	})
	lines := 0
	for logs.HasMorePages() {
		page, err := logs.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		lines += len(page.Events)
	}
	if lines < 100 {
		t.Errorf("%d lines in ten minutes", lines)
	}
	alarms, err := cloudwatch.NewFromConfig(config).DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
		AlarmNames: service.DeploymentConfiguration.Alarms.AlarmNames,
	})
	if err != nil || len(alarms.MetricAlarms) != len(service.DeploymentConfiguration.Alarms.AlarmNames) || alarms.MetricAlarms[0].StateValue != "OK" {
		t.Errorf("alarms %v, %v", alarms, err)
	}
}

// TestEveryOperationAnswersAnything sends odd input to every operation, in the
// region of the world and in one that is empty. An answer or a refusal will do;
// a fault of the sandbox's own will not.
func TestEveryOperationAnswersAnything(t *testing.T) {
	_, config := newAWS(t)
	bodies := []string{``, `{}`, `null`, `[]`, `{"cluster":"shop-production","service":"orders","services":[""],"tasks":[""],"limit":1,"maxResults":0,"nextToken":"cGFnZTo5OTk"}`}
	targets := map[string]string{}
	for prefix, service := range jsonServices {
		targets[service] = prefix
	}
	versions := map[string]string{}
	for version, known := range queryServices {
		versions[known.service] = version
	}
	for service, operations := range awsOperations {
		for name := range operations {
			for _, region := range []string{Region, "us-east-1"} {
				signature := fmt.Sprintf("AWS4-HMAC-SHA256 Credential=AKIAX/20261123/%s/any/aws4_request, SignedHeaders=host, Signature=0", region)
				for _, body := range bodies {
					header := http.Header{"Authorization": {signature}, "Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {targets[service] + "." + name}}
					if targets[service] == "" {
						header = http.Header{"Authorization": {signature}, "Content-Type": {"application/x-www-form-urlencoded"}}
						body = url.Values{"Action": {name}, "Version": {versions[service]}, "Marker": {body}, "Filters.Filter.1.Name": {"x"}}.Encode()
					}
					if status, answer := send(t, config, body, header); status >= http.StatusInternalServerError {
						t.Errorf("%s %s %s: %d %s", service, name, body, status, answer)
					}
				}
			}
		}
	}
}
