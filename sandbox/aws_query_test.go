package sandbox

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestLoadBalancing(t *testing.T) {
	api, config := newAWS(t)
	client := elb.NewFromConfig(config)
	ctx := t.Context()
	groups, err := client.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{Names: []string{"tg-orders"}})
	if err != nil || len(groups.TargetGroups) != 1 {
		t.Fatalf("target groups %v, %v", groups, err)
	}
	group := groups.TargetGroups[0]
	balancers, err := client.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: group.LoadBalancerArns})
	if err != nil || len(balancers.LoadBalancers) != 1 || balancers.LoadBalancers[0].State.Code != elbtypes.LoadBalancerStateEnumActive {
		t.Fatalf("load balancers %v, %v", balancers, err)
	}
	listeners, err := client.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: balancers.LoadBalancers[0].LoadBalancerArn})
	if err != nil || len(listeners.Listeners) != 1 {
		t.Fatalf("listeners %v, %v", listeners, err)
	}
	rules, err := client.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: listeners.Listeners[0].ListenerArn})
	if err != nil || len(rules.Rules) != 13 {
		t.Fatalf("rules %v, %v", rules, err)
	}
	if weight := rules.Rules[0].Actions[0].ForwardConfig.TargetGroups[0].Weight; *weight != 100 {
		t.Errorf("weight %d", *weight)
	}
	task := api.world.Cloud.Clusters[0].Service("orders").Tasks[0]
	task.Target, task.TargetReason = "unhealthy", "Target.ResponseCodeMismatch"
	health, err := client.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: group.TargetGroupArn})
	if err != nil || len(health.TargetHealthDescriptions) != 2 {
		t.Fatalf("health %v, %v", health, err)
	}
	if sick := health.TargetHealthDescriptions[0].TargetHealth; sick.State != elbtypes.TargetHealthStateEnumUnhealthy || *sick.Description == "" {
		t.Errorf("unhealthy target: %+v", sick)
	}
	_, err = client.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: aws.String("none")})
	wantCode(t, err, "TargetGroupNotFound")
}

func TestDBSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := newVirtualAWS(t)
		client := rds.NewFromConfig(config)
		ctx := t.Context()
		in := &rds.CreateDBSnapshotInput{
			DBInstanceIdentifier: aws.String("shop-production"), DBSnapshotIdentifier: aws.String("before-v2"),
			Tags: []rdstypes.Tag{{Key: aws.String("deployctl"), Value: aws.String("1")}},
		}
		made, err := client.CreateDBSnapshot(ctx, in)
		if err != nil || *made.DBSnapshot.Status != "creating" || made.DBSnapshot.SnapshotCreateTime != nil {
			t.Fatalf("made %+v, %v", made, err)
		}
		_, err = client.CreateDBSnapshot(ctx, in)
		wantCode(t, err, "DBSnapshotAlreadyExists")
		in.DBSnapshotIdentifier = aws.String("another")
		_, err = client.CreateDBSnapshot(ctx, in)
		wantCode(t, err, "InvalidDBInstanceState")
		in.DBSnapshotIdentifier = aws.String("bad--name")
		_, err = client.CreateDBSnapshot(ctx, in)
		wantCode(t, err, "InvalidParameterValue")

		if err := rds.NewDBSnapshotAvailableWaiter(client).Wait(ctx, &rds.DescribeDBSnapshotsInput{DBSnapshotIdentifier: aws.String("before-v2")}, 10*time.Minute); err != nil {
			t.Fatal(err)
		}
		out, err := client.DescribeDBSnapshots(ctx, &rds.DescribeDBSnapshotsInput{
			Filters: []rdstypes.Filter{{Name: aws.String("db-instance-id"), Values: []string{"other", "shop-production"}}},
		})
		if err != nil || len(out.DBSnapshots) != 1 {
			t.Fatalf("snapshots %v, %v", out, err)
		}
		if s := out.DBSnapshots[0]; *s.PercentProgress != 100 || s.SnapshotCreateTime == nil || *s.TagList[0].Key != "deployctl" {
			t.Errorf("snapshot %+v", s)
		}
		instances, err := client.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String("shop-production")})
		if err != nil || *instances.DBInstances[0].DBInstanceStatus != "available" || *instances.DBInstances[0].Endpoint.Port != 5432 {
			t.Errorf("instances %v, %v", instances, err)
		}
		_, err = client.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String("none")})
		wantCode(t, err, "DBInstanceNotFound")
		_, err = client.DescribeDBSnapshots(ctx, &rds.DescribeDBSnapshotsInput{DBSnapshotIdentifier: aws.String("none")})
		wantCode(t, err, "DBSnapshotNotFound")
	})
}

func TestIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := newVirtualAWS(t)
		client := sts.NewFromConfig(config)
		me, err := client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if err != nil || *me.Arn != "arn:aws:iam::123456789012:user/alice" || *me.Account != Account {
			t.Fatalf("identity %v, %v", me, err)
		}
		role, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{
			RoleArn: aws.String("arn:aws:iam::123456789012:role/deploy"), RoleSessionName: aws.String("alice"), DurationSeconds: aws.Int32(900),
		})
		if err != nil {
			t.Fatal(err)
		}
		config.Credentials = credentials.NewStaticCredentialsProvider(*role.Credentials.AccessKeyId, *role.Credentials.SecretAccessKey, *role.Credentials.SessionToken)
		client = sts.NewFromConfig(config)
		me, err = client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if err != nil || *me.Arn != "arn:aws:sts::123456789012:assumed-role/deploy/alice" {
			t.Errorf("identity of the role: %v, %v", me, err)
		}
		time.Sleep(16 * time.Minute)
		_, err = client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		wantCode(t, err, "ExpiredToken")
		_, err = client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String("x"), RoleSessionName: aws.String("alice")})
		wantCode(t, err, "ExpiredToken")
	})
}

func TestQueryProtocolErrors(t *testing.T) {
	_, config := newAWS(t)
	const signature = "AWS4-HMAC-SHA256 Credential=AKIAX/20261123/eu-central-1/rds/aws4_request, SignedHeaders=host, Signature=0"
	tests := []struct {
		name, form, authorization string
		status                    int
		contains                  string
	}{
		{"unknown action", "Action=Nonsense&Version=2014-10-31", signature, 400, "<Code>InvalidAction</Code>"},
		{"unsigned", "Action=DescribeDBInstances&Version=2014-10-31", "", 403, "<Code>MissingAuthenticationToken</Code>"},
		{"half signed", "Action=DescribeDBInstances&Version=2014-10-31", "AWS4-HMAC-SHA256 Credential=a/b", 400, "<Code>IncompleteSignature</Code>"},
		{"not found", "Action=DescribeDBInstances&Version=2014-10-31&DBInstanceIdentifier=x", signature, 404, "<Type>Sender</Type>"},
		{"bad number", "Action=DescribeDBInstances&Version=2014-10-31&MaxRecords=x", signature, 400, "<Code>MalformedInput</Code>"},
		{"escaped", "Action=DescribeDBInstances&Version=2014-10-31&DBInstanceIdentifier=%3Cx%3E", signature, 404, "&lt;x&gt;"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, body := send(t, config, test.form, http.Header{
				"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {test.authorization},
			})
			if status != test.status || !strings.Contains(body, test.contains) {
				t.Errorf("%d %s, want %d with %s", status, body, test.status, test.contains)
			}
		})
	}
}
