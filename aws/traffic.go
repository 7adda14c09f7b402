package aws

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// groupsAtOnce is how many target groups Elastic Load Balancing describes at once.
const groupsAtOnce = 20

// Traffic reads what load balancers sent to target groups in the last window,
// a point a minute, by the groups' ARNs. A group that no application load
// balancer uses is left out. It costs money: three metrics for each group.
func (c *Cloud) Traffic(ctx context.Context, cluster pipeline.Cluster, groups []string, window time.Duration) (map[string]pipeline.Traffic, error) {
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	groups = unique(groups)
	if err := s.readBalancers(ctx, groups); err != nil {
		return nil, s.classify("read the target groups", onCluster(cluster), err)
	}
	var queries []cwtypes.MetricDataQuery
	for i, group := range groups {
		if balancer, ok := s.balancers.get(group); ok && balancer != "" {
			queries = append(
				queries,
				trafficQuery(fmt.Sprintf("requests%d", i), "RequestCount", "Sum", group, balancer),
				trafficQuery(fmt.Sprintf("errors%d", i), "HTTPCode_Target_5XX_Count", "Sum", group, balancer),
				trafficQuery(fmt.Sprintf("latency%d", i), "TargetResponseTime", "p95", group, balancer),
			)
		}
	}
	end := time.Now().Truncate(time.Minute) // exclusive: the running minute is not whole
	results, err := inBatches(ctx, queries, metricsAtOnce, func(ctx context.Context, batch []cwtypes.MetricDataQuery) ([]cwtypes.MetricDataResult, error) {
		return s.metricData(ctx, batch, end.Add(-window), end)
	})
	if err != nil {
		return nil, s.classify("read the traffic", onCluster(cluster), err)
	}
	values := byMinute(results)
	traffic := map[string]pipeline.Traffic{}
	for i, group := range groups {
		if balancer, _ := s.balancers.get(group); balancer != "" {
			traffic[group] = pipeline.Traffic{Group: groupName(group), Points: points(
				values[fmt.Sprintf("requests%d", i)], values[fmt.Sprintf("errors%d", i)], values[fmt.Sprintf("latency%d", i)])}
		}
	}
	return traffic, nil
}

// readBalancers finds the load balancer of each group that is not remembered: a
// target group's metrics are told apart by both.
func (s *session) readBalancers(ctx context.Context, groups []string) error {
	unknown := slices.DeleteFunc(slices.Clone(groups), func(group string) bool {
		_, ok := s.balancers.get(group)
		return ok
	})
	_, err := inBatches(ctx, unknown, groupsAtOnce, func(ctx context.Context, batch []string) ([]struct{}, error) {
		out, err := s.elb.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{TargetGroupArns: batch})
		if err != nil {
			return nil, err
		}
		for _, group := range out.TargetGroups {
			if len(group.LoadBalancerArns) > 0 { // none yet may change: asked again
				s.balancers.put(awssdk.ToString(group.TargetGroupArn), balancerDimension(group.LoadBalancerArns[0]))
			}
		}
		return nil, nil
	})
	return err
}

// balancerDimension is app/NAME/HASH of an application load balancer's ARN;
// empty for other kinds, which count no requests.
func balancerDimension(arn string) string {
	_, name, _ := strings.Cut(arn, ":loadbalancer/")
	if !strings.HasPrefix(name, "app/") {
		return ""
	}
	return name
}

func trafficQuery(id, metric, stat, group, balancer string) cwtypes.MetricDataQuery {
	return cwtypes.MetricDataQuery{
		Id: &id,
		MetricStat: &cwtypes.MetricStat{
			Metric: &cwtypes.Metric{
				Namespace: awssdk.String("AWS/ApplicationELB"), MetricName: &metric,
				Dimensions: []cwtypes.Dimension{
					{Name: awssdk.String("TargetGroup"), Value: awssdk.String(group[strings.LastIndexByte(group, ':')+1:])},
					{Name: awssdk.String("LoadBalancer"), Value: &balancer},
				},
			},
			Period: awssdk.Int32(60), Stat: &stat,
		},
	}
}

// byMinute joins the pages of each query's values.
func byMinute(results []cwtypes.MetricDataResult) map[string]map[time.Time]float64 {
	values := map[string]map[time.Time]float64{}
	for _, r := range results {
		id := awssdk.ToString(r.Id)
		if values[id] == nil {
			values[id] = map[time.Time]float64{}
		}
		for i, at := range r.Timestamps[:min(len(r.Timestamps), len(r.Values))] {
			values[id][at.UTC()] = r.Values[i]
		}
	}
	return values
}

// points joins three metrics minute by minute. CloudWatch has no point where a
// count is nothing, so that a minute without errors is one of requests alone.
func points(requests, errors, latency map[time.Time]float64) []pipeline.TrafficPoint {
	var out []pipeline.TrafficPoint
	for at, n := range maps.All(requests) {
		if n <= 0 {
			continue
		}
		out = append(out, pipeline.TrafficPoint{
			At: at, Requests: n / 60, Errors: 100 * min(errors[at]/n, 1),
			P95: time.Duration(latency[at] * float64(time.Second)),
		})
	}
	slices.SortFunc(out, func(a, b pipeline.TrafficPoint) int { return cmp.Compare(a.At.Unix(), b.At.Unix()) })
	return out
}
