package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// What CloudWatch takes at once.
const (
	alarmsAtOnce  = 100
	metricsAtOnce = 500
)

// Targets reads the health of the targets of target groups, in the order of the
// groups' ARNs.
func (c *Cloud) Targets(ctx context.Context, cluster pipeline.Cluster, groups []string) ([]pipeline.Target, error) {
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	answers, err := each(ctx, groups, func(ctx context.Context, arn string) ([]pipeline.Target, error) {
		out, err := s.elb.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &arn})
		if err != nil {
			return nil, s.classify("read the health of the targets", "target group "+groupName(arn), err)
		}
		targets := make([]pipeline.Target, 0, len(out.TargetHealthDescriptions))
		for _, d := range out.TargetHealthDescriptions {
			targets = append(targets, translateTarget(groupName(arn), d))
		}
		return targets, nil
	})
	return slices.Concat(answers...), err
}

func translateTarget(group string, d elbtypes.TargetHealthDescription) pipeline.Target {
	target := pipeline.Target{Group: group}
	if d.Target != nil {
		target.ID, target.Port = text(d.Target.Id), int(awssdk.ToInt32(d.Target.Port))
	}
	if d.TargetHealth != nil {
		target.State, target.Reason = text(&d.TargetHealth.State), text(&d.TargetHealth.Reason)
		target.Description = text(d.TargetHealth.Description)
	}
	return target
}

// groupName is the name within arn:…:targetgroup/NAME/HASH.
func groupName(arn string) string {
	parts := strings.Split(arn, "/")
	if len(parts) < 3 {
		return arn
	}
	return parts[len(parts)-2]
}

// Alarms reads metric and composite alarms: those of the given names, in that
// order, and those that begin with a prefix, which ends in *. A named alarm
// that does not exist has the state MISSING, because nobody watches there.
func (c *Cloud) Alarms(ctx context.Context, cluster pipeline.Cluster, names []string) ([]pipeline.Alarm, error) {
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	var exact, prefixes []string
	for _, name := range names {
		if prefix, ok := strings.CutSuffix(name, "*"); ok {
			prefixes = append(prefixes, prefix)
		} else if name != "" {
			exact = append(exact, name)
		}
	}
	found, err := inBatches(ctx, unique(exact), alarmsAtOnce, func(ctx context.Context, batch []string) ([]pipeline.Alarm, error) {
		return s.readAlarms(ctx, cloudwatch.DescribeAlarmsInput{AlarmNames: batch, MaxRecords: awssdk.Int32(alarmsAtOnce)})
	})
	if err != nil {
		return nil, s.classify("read the alarms", "region "+s.who.region, err)
	}
	matched, err := inBatches(ctx, unique(prefixes), 1, func(ctx context.Context, prefix []string) ([]pipeline.Alarm, error) {
		return s.readAlarms(ctx, cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: &prefix[0], MaxRecords: awssdk.Int32(alarmsAtOnce)})
	})
	if err != nil {
		return nil, s.classify("read the alarms", "region "+s.who.region, err)
	}
	return joinAlarms(exact, found, matched), nil
}

// joinAlarms puts the named alarms in their order, then the others, each once.
func joinAlarms(names []string, found, matched []pipeline.Alarm) []pipeline.Alarm {
	var alarms []pipeline.Alarm
	seen := map[string]bool{}
	add := func(a pipeline.Alarm) {
		if !seen[a.Name] {
			seen[a.Name] = true
			alarms = append(alarms, a)
		}
	}
	for _, name := range names {
		i := slices.IndexFunc(found, func(a pipeline.Alarm) bool { return a.Name == name })
		if i < 0 {
			add(pipeline.Alarm{Name: name, State: missing, Reason: "there is no alarm of this name"})
			continue
		}
		add(found[i])
	}
	for _, a := range matched {
		add(a)
	}
	return alarms
}

// readAlarms reads all pages. The types have to be named: without them
// CloudWatch answers with metric alarms only.
func (s *session) readAlarms(ctx context.Context, in cloudwatch.DescribeAlarmsInput) ([]pipeline.Alarm, error) {
	in.AlarmTypes = []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm, cwtypes.AlarmTypeCompositeAlarm}
	return pages(func(token *string) ([]pipeline.Alarm, *string, error) {
		in.NextToken = token
		out, err := s.cloudwatch.DescribeAlarms(ctx, &in)
		if err != nil {
			return nil, nil, err
		}
		var alarms []pipeline.Alarm
		for _, a := range out.MetricAlarms {
			alarms = append(alarms, pipeline.Alarm{
				Name: text(a.AlarmName), State: text(&a.StateValue), Reason: text(a.StateReason),
				Metric: text(a.MetricName), Changed: moment(a.StateUpdatedTimestamp),
			})
		}
		for _, a := range out.CompositeAlarms {
			alarms = append(alarms, pipeline.Alarm{
				Name: text(a.AlarmName), State: text(&a.StateValue), Reason: text(a.StateReason), Changed: moment(a.StateUpdatedTimestamp),
			})
		}
		return alarms, out.NextToken, nil
	})
}

// Loads reads the services' CPU and memory of the last window, one average a
// minute, by service. It costs money: see GetMetricData's price.
func (c *Cloud) Loads(ctx context.Context, cluster pipeline.Cluster, services []string, window time.Duration) (map[string]pipeline.Load, error) {
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	services = unique(services)
	var queries []cwtypes.MetricDataQuery
	for i, service := range services {
		queries = append(queries,
			loadQuery(fmt.Sprintf("cpu%d", i), "CPUUtilization", cluster, service),
			loadQuery(fmt.Sprintf("memory%d", i), "MemoryUtilization", cluster, service))
	}
	end := time.Now().Truncate(time.Minute) // exclusive: the running minute is not whole
	results, err := inBatches(ctx, queries, metricsAtOnce, func(ctx context.Context, batch []cwtypes.MetricDataQuery) ([]cwtypes.MetricDataResult, error) {
		return s.metricData(ctx, batch, end.Add(-window), end)
	})
	if err != nil {
		return nil, s.classify("read the load", onCluster(cluster), err)
	}
	values := map[string][]float64{}
	for _, result := range results { // a metric's values may come in several pages
		values[awssdk.ToString(result.Id)] = append(values[awssdk.ToString(result.Id)], result.Values...)
	}
	loads := map[string]pipeline.Load{}
	for i, service := range services {
		loads[service] = pipeline.Load{CPU: values[fmt.Sprintf("cpu%d", i)], Memory: values[fmt.Sprintf("memory%d", i)]}
	}
	return loads, nil
}

func loadQuery(id, metric string, cluster pipeline.Cluster, service string) cwtypes.MetricDataQuery {
	return cwtypes.MetricDataQuery{
		Id: &id,
		MetricStat: &cwtypes.MetricStat{
			Metric: &cwtypes.Metric{
				Namespace: awssdk.String("AWS/ECS"), MetricName: &metric,
				Dimensions: []cwtypes.Dimension{
					{Name: awssdk.String("ClusterName"), Value: awssdk.String(lastOfARN(cluster.Name))},
					{Name: awssdk.String("ServiceName"), Value: &service},
				},
			},
			Period: awssdk.Int32(60), Stat: awssdk.String("Average"),
		},
	}
}

func (s *session) metricData(ctx context.Context, queries []cwtypes.MetricDataQuery, start, end time.Time) ([]cwtypes.MetricDataResult, error) {
	return pages(func(token *string) ([]cwtypes.MetricDataResult, *string, error) {
		out, err := s.cloudwatch.GetMetricData(ctx, &cloudwatch.GetMetricDataInput{
			MetricDataQueries: queries, StartTime: &start, EndTime: &end, NextToken: token,
			ScanBy: cwtypes.ScanByTimestampAscending,
		})
		if err != nil {
			return nil, nil, err
		}
		return out.MetricDataResults, out.NextToken, nil
	})
}
