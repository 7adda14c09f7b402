package sandbox

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

func TestAlarms(t *testing.T) {
	_, config := newAWS(t)
	client := cloudwatch.NewFromConfig(config)
	out, err := client.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"orders-5xx", "none"}})
	if err != nil || len(out.MetricAlarms) != 1 {
		t.Fatalf("alarms %v, %v", out, err)
	}
	alarm := out.MetricAlarms[0]
	if alarm.StateValue != types.StateValueOk || *alarm.Threshold != 10 || len(alarm.Dimensions) != 2 || time.Since(*alarm.StateUpdatedTimestamp) > time.Minute {
		t.Errorf("alarm %+v", alarm)
	}
	history, err := client.DescribeAlarmHistory(t.Context(), &cloudwatch.DescribeAlarmHistoryInput{
		AlarmName: aws.String("orders-5xx"), StartDate: aws.Time(time.Now().Add(-2 * time.Hour)), EndDate: aws.Time(time.Now()),
	})
	if err != nil || len(history.AlarmHistoryItems) != 1 || *history.AlarmHistoryItems[0].HistorySummary != "Alarm updated from INSUFFICIENT_DATA to OK" {
		t.Errorf("history %v, %v", history, err)
	}
}

func metricQueryFor(id, namespace, name, stat string, dimensions []types.Dimension) types.MetricDataQuery {
	return types.MetricDataQuery{Id: aws.String(id), MetricStat: &types.MetricStat{
		Metric: &types.Metric{Namespace: aws.String(namespace), MetricName: aws.String(name), Dimensions: dimensions},
		Period: aws.Int32(60), Stat: aws.String(stat),
	}}
}

func TestMetricDataFollowsTheWorld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, config := newVirtualAWS(t)
		service := api.world.Cloud.Clusters[0].Service("orders")
		begin := time.Now().Truncate(time.Minute)
		for i := range 10 {
			point := Point{Minute: begin.Add(time.Duration(i) * time.Minute), CPU: 30, Memory: 40, Requests: 600, P50: 0.1, P95: 0.4}
			if i >= 5 {
				point.Errors = 120
			}
			service.points = append(service.points, point)
		}
		time.Sleep(10*time.Minute + 30*time.Second)
		client := cloudwatch.NewFromConfig(config)
		var dimensions []types.Dimension
		for _, d := range api.groupDimensions(service.TargetGroup) {
			dimensions = append(dimensions, types.Dimension{Name: aws.String(d.Name), Value: aws.String(d.Value)})
		}
		ecsDimensions := []types.Dimension{{Name: aws.String("ServiceName"), Value: aws.String("orders")}, {Name: aws.String("ClusterName"), Value: aws.String(testCluster)}}
		out, err := client.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
			StartTime: aws.Time(begin), EndTime: aws.Time(begin.Add(20 * time.Minute)), ScanBy: types.ScanByTimestampAscending,
			MetricDataQueries: []types.MetricDataQuery{
				metricQueryFor("requests", "AWS/ApplicationELB", "RequestCount", "Sum", dimensions),
				metricQueryFor("errors", "AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "Sum", dimensions),
				metricQueryFor("slow", "AWS/ApplicationELB", "TargetResponseTime", "p95", dimensions),
				metricQueryFor("cpu", "AWS/ECS", "CPUUtilization", "Average", ecsDimensions),
				{Id: aws.String("share"), Expression: aws.String("100 * FILL(errors, 0) / requests"), Label: aws.String("failing")},
				metricQueryFor("none", "AWS/ECS", "Nothing", "Average", ecsDimensions),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]struct {
			count       int
			first, last float64
		}{
			"requests": {10, 600, 600}, "errors": {5, 120, 120}, "slow": {10, 0.4, 0.4}, "cpu": {10, 30, 30}, "share": {10, 0, 20}, "none": {},
		}
		for _, result := range out.MetricDataResults {
			w := want[*result.Id]
			if len(result.Values) != w.count || len(result.Timestamps) != w.count || result.StatusCode != types.StatusCodeComplete {
				t.Errorf("%s: %d values, %s", *result.Id, len(result.Values), result.StatusCode)
				continue
			}
			if w.count > 0 && (result.Values[0] != w.first || result.Values[w.count-1] != w.last) {
				t.Errorf("%s: %v", *result.Id, result.Values)
			}
		}
		statistics, err := client.GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{
			Namespace: aws.String("AWS/ApplicationELB"), MetricName: aws.String("RequestCount"), Dimensions: dimensions, Period: aws.Int32(300),
			StartTime: aws.Time(begin), EndTime: aws.Time(begin.Add(10 * time.Minute)), Statistics: []types.Statistic{types.StatisticSum},
			ExtendedStatistics: []string{"p99"},
		})
		if err != nil {
			t.Fatal(err)
		}
		total := 0.0
		for _, point := range statistics.Datapoints {
			total += *point.Sum
		}
		if total != 6000 || len(statistics.Datapoints[0].ExtendedStatistics) != 1 {
			t.Errorf("%v requests in ten minutes: %+v", total, statistics.Datapoints)
		}
	})
}

func TestMetricDataRefuses(t *testing.T) {
	_, config := newAWS(t)
	client := cloudwatch.NewFromConfig(config)
	query := metricQueryFor("a", "AWS/ECS", "CPUUtilization", "Average", nil)
	broken := metricQueryFor("a", "AWS/ECS", "CPUUtilization", "Nonsense", nil)
	many := make([]types.MetricDataQuery, 501)
	for i := range many {
		many[i] = query
	}
	tests := []struct {
		name    string
		queries []types.MetricDataQuery
		code    string
	}{
		{"statistic", []types.MetricDataQuery{broken}, "InvalidParameterValue"},
		{"same id", []types.MetricDataQuery{query, query}, "InvalidParameterValue"},
		{"501 queries", many, "InvalidParameterValue"},
		{"expression", []types.MetricDataQuery{{Id: aws.String("b"), Expression: aws.String("nobody + 1")}}, "ValidationError"},
		{"circle", []types.MetricDataQuery{{Id: aws.String("b"), Expression: aws.String("c")}, {Id: aws.String("c"), Expression: aws.String("b")}}, "InvalidParameterValue"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := client.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
				MetricDataQueries: test.queries, StartTime: aws.Time(time.Now().Add(-time.Hour)), EndTime: aws.Time(time.Now()),
			})
			wantCode(t, err, test.code)
		})
	}
}

func TestPutMetricData(t *testing.T) {
	_, config := newAWS(t)
	client := cloudwatch.NewFromConfig(config)
	for _, value := range []float64{3, 5} {
		if _, err := client.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{
			Namespace: aws.String("Shop"), MetricData: []types.MetricDatum{{MetricName: aws.String("Orders"), Value: aws.Float64(value)}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	listed, err := client.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{Namespace: aws.String("Shop")})
	if err != nil || len(listed.Metrics) != 1 {
		t.Fatalf("metrics %v, %v", listed, err)
	}
	out, err := client.GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String("Shop"), MetricName: aws.String("Orders"), Period: aws.Int32(3600), Statistics: []types.Statistic{types.StatisticMaximum},
		StartTime: aws.Time(time.Now().Add(-2 * time.Hour)), EndTime: aws.Time(time.Now().Add(time.Minute)),
	})
	if err != nil || len(out.Datapoints) == 0 || *out.Datapoints[len(out.Datapoints)-1].Maximum != 5 {
		t.Errorf("statistics %v, %v", out, err)
	}
	_, err = client.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("AWS/ECS"), MetricData: []types.MetricDatum{{MetricName: aws.String("x"), Value: aws.Float64(1)}}})
	wantCode(t, err, "InvalidParameterValue")
}

// TestCloudWatchOfOldClients asks in the two protocols of clients older than CBOR.
func TestCloudWatchOfOldClients(t *testing.T) {
	_, config := newAWS(t)
	const signature = "AWS4-HMAC-SHA256 Credential=AKIAX/20261123/eu-central-1/monitoring/aws4_request, SignedHeaders=host, Signature=0"
	status, body := send(t, config, `{"AlarmNames":["orders-5xx"]}`, http.Header{
		"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Target": {"GraniteServiceVersion20100801.DescribeAlarms"}, "Authorization": {signature},
	})
	if status != http.StatusOK || !strings.Contains(body, `"AlarmName":"orders-5xx"`) {
		t.Errorf("JSON: %d %s", status, body)
	}
	form := url.Values{"Action": {"DescribeAlarms"}, "Version": {"2010-08-01"}, "AlarmNames.member.1": {"orders-5xx"}}
	status, body = send(t, config, form.Encode(), http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {signature},
	})
	if status != http.StatusOK || !strings.Contains(body, "<MetricAlarms><member>") || !strings.Contains(body, "<AlarmName>orders-5xx</AlarmName>") {
		t.Errorf("query: %d %s", status, body)
	}
}
