package aws

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func TestTargetsComeInTheOrderOfTheirGroups(t *testing.T) {
	c, a := newAccount(t)
	on(a, "DescribeTargetHealth", func(in *elb.DescribeTargetHealthInput) (*elb.DescribeTargetHealthOutput, error) {
		return &elb.DescribeTargetHealthOutput{TargetHealthDescriptions: []elbtypes.TargetHealthDescription{
			{
				Target:       &elbtypes.TargetDescription{Id: awssdk.String("10.0.0.1"), Port: awssdk.Int32(8080)},
				TargetHealth: &elbtypes.TargetHealth{State: elbtypes.TargetHealthStateEnumUnhealthy, Reason: elbtypes.TargetHealthReasonEnumFailedHealthChecks, Description: awssdk.String("502")},
			},
			{},
		}}, nil
	})
	var groups []string
	for i := range 9 {
		groups = append(groups, fmt.Sprintf("arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/shop-%d/abc", i))
	}
	targets, err := c.Targets(t.Context(), production, groups)
	if err != nil {
		t.Fatal(err)
	}
	if len(targets) != 18 {
		t.Fatalf("%d targets, want 18", len(targets))
	}
	want := pipeline.Target{Group: "shop-8", ID: "10.0.0.1", Port: 8080, State: "unhealthy", Reason: "Target.FailedHealthChecks", Description: "502"}
	if targets[16] != want || targets[0].Group != "shop-0" {
		t.Errorf("target %+v, want %+v", targets[16], want)
	}
}

func TestAlarmsByNameAndPrefix(t *testing.T) {
	c, a := newAccount(t)
	changed := time.Unix(1000, 0)
	metric := func(name string) cwtypes.MetricAlarm {
		return cwtypes.MetricAlarm{AlarmName: &name, StateValue: cwtypes.StateValueOk, MetricName: awssdk.String("5XX"), StateUpdatedTimestamp: &changed}
	}
	on(a, "DescribeAlarms", func(in *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
		if !slices.Contains(in.AlarmTypes, cwtypes.AlarmTypeCompositeAlarm) || len(in.AlarmNames) > 100 {
			return nil, failure("ValidationError", "what?")
		}
		out := &cloudwatch.DescribeAlarmsOutput{}
		if in.AlarmNamePrefix != nil {
			if in.NextToken == nil {
				out.NextToken = awssdk.String("more")
				out.MetricAlarms = []cwtypes.MetricAlarm{metric(*in.AlarmNamePrefix + "a"), metric("alarm-003")}
				return out, nil
			}
			out.CompositeAlarms = []cwtypes.CompositeAlarm{{AlarmName: awssdk.String(*in.AlarmNamePrefix + "b"), StateValue: cwtypes.StateValueAlarm}}
			return out, nil
		}
		for _, name := range in.AlarmNames {
			if name != "alarm-149" {
				out.MetricAlarms = append(out.MetricAlarms, metric(name))
			}
		}
		return out, nil
	})
	names := []string{"shop-*"}
	for i := range 150 {
		names = append(names, fmt.Sprintf("alarm-%03d", 149-i))
	}
	alarms, err := c.Alarms(t.Context(), production, names)
	if err != nil {
		t.Fatal(err)
	}
	if len(alarms) != 152 || a.sent("DescribeAlarms") != 4 {
		t.Fatalf("%d alarms in %d calls, want 152 in 4", len(alarms), a.sent("DescribeAlarms"))
	}
	if alarms[0].Name != "alarm-149" || alarms[0].State != missing {
		t.Errorf("an alarm that is not there: %+v", alarms[0])
	}
	if want := (pipeline.Alarm{Name: "alarm-148", State: "OK", Metric: "5XX", Changed: changed}); alarms[1] != want {
		t.Errorf("%+v, want %+v", alarms[1], want)
	}
	if alarms[151].Name != "shop-b" || alarms[151].State != "ALARM" {
		t.Errorf("composite alarm: %+v", alarms[151])
	}
}

func TestLoadsAreBatchedAndPaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a := newAccount(t)
		on(a, "GetMetricData", func(in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
			if len(in.MetricDataQueries) > 500 || in.EndTime.Sub(*in.StartTime) != 15*time.Minute {
				return nil, failure("ValidationError", "what?")
			}
			out := &cloudwatch.GetMetricDataOutput{}
			value := 1.0
			if in.NextToken == nil {
				out.NextToken = awssdk.String("more")
			} else {
				value = 2
			}
			for _, q := range in.MetricDataQueries {
				if *q.MetricStat.Metric.Dimensions[0].Value != "shop-production" {
					return nil, failure("ValidationError", "the cluster's name, not its ARN")
				}
				if strings.HasPrefix(*q.Id, "cpu") {
					out.MetricDataResults = append(out.MetricDataResults, cwtypes.MetricDataResult{Id: q.Id, Values: []float64{value}})
				}
			}
			return out, nil
		})
		var services []string
		for i := range 300 {
			services = append(services, fmt.Sprintf("svc-%03d", i))
		}
		loads, err := c.Loads(t.Context(), production, services, 15*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if got := loads["svc-299"]; len(loads) != 300 || !slices.Equal(got.CPU, []float64{1, 2}) || got.Memory != nil {
			t.Errorf("%d loads, the last %+v", len(loads), got)
		}
		if n := a.sent("GetMetricData"); n != 4 {
			t.Errorf("%d calls for 600 metrics in two pages each, want 4", n)
		}
	})
}
