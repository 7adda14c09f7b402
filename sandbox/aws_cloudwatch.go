package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

var cloudwatchOperations = map[string]awsOperation{
	"DescribeAlarms":          operation((*awsAPI).describeAlarms),
	"DescribeAlarmsForMetric": operation((*awsAPI).describeAlarmsForMetric),
	"DescribeAlarmHistory":    operation((*awsAPI).describeAlarmHistory),
	"ListMetrics":             operation((*awsAPI).listMetrics),
	"GetMetricData":           operation((*awsAPI).getMetricData),
	"GetMetricStatistics":     operation((*awsAPI).getMetricStatistics),
	"PutMetricData":           operation((*awsAPI).putMetricData),
}

// errMetric is a client error of CloudWatch, whose older protocol leaves out
// "Exception".
func errMetric(code, format string, args ...any) *awsError {
	return &awsError{
		code: code + "Exception", message: fmt.Sprintf(format, args...), status: http.StatusBadRequest, queryCode: code,
	}
}

type alarmsInput struct {
	AlarmNames      []string
	AlarmNamePrefix string
	AlarmTypes      []string
	AlarmName       string
	StateValue      string
	HistoryItemType string
	ScanBy          string
	StartDate       timestamp
	EndDate         timestamp
	Namespace       string
	MetricName      string
	MaxRecords      *int
	NextToken       string
}

func (in alarmsInput) page() pageRequest { return pageRequest{in.MaxRecords, in.NextToken, 50, 100} }

func (a *awsAPI) describeAlarms(in alarmsInput) (document, error) {
	if len(in.AlarmNames) > 0 && in.AlarmNamePrefix != "" {
		return nil, errMetric("InvalidParameterCombination", "AlarmNames and AlarmNamePrefix cannot be used together.")
	}
	if len(in.AlarmNames) > 100 {
		return nil, errMetric("InvalidParameterValue", "At most 100 alarm names may be given.")
	}
	list := []document{}
	for _, alarm := range a.world.Cloud.Alarms {
		if chosen(in.AlarmNames, alarm.Name) && strings.HasPrefix(alarm.Name, in.AlarmNamePrefix) &&
			(in.StateValue == "" || in.StateValue == alarm.State) && chosen(in.AlarmTypes, "MetricAlarm") {
			list = append(list, a.alarmDocument(alarm))
		}
	}
	list, next, err := cutPage(list, in.page())
	if err != nil {
		return nil, &awsError{code: "InvalidNextToken", message: "The next token specified is invalid.", status: http.StatusBadRequest}
	}
	return document{"MetricAlarms": list, "CompositeAlarms": []document{}}.set("NextToken", next), nil
}

func (a *awsAPI) describeAlarmsForMetric(in alarmsInput) (document, error) {
	list := []document{}
	for _, alarm := range a.world.Cloud.Alarms {
		if alarm.Namespace == in.Namespace && alarm.Metric == in.MetricName {
			list = append(list, a.alarmDocument(alarm))
		}
	}
	return document{"MetricAlarms": list}, nil
}

func (a *awsAPI) alarmDocument(alarm *Alarm) document {
	out := document{
		"AlarmName": alarm.Name, "AlarmArn": alarm.ARN, "AlarmDescription": alarm.Description,
		"MetricName": alarm.Metric, "Namespace": alarm.Namespace, "Dimensions": dimensionList(a.alarmDimensions(alarm)),
		"Period": alarm.Period, "EvaluationPeriods": alarm.Evaluations, "DatapointsToAlarm": alarm.Evaluations,
		"Threshold": alarm.Threshold, "ComparisonOperator": alarm.Comparison, "TreatMissingData": "notBreaching",
		"StateValue": alarm.State, "StateReason": alarm.Reason, "StateReasonData": "{}",
		"ActionsEnabled": true, "AlarmActions": []string{arn("sns", "shop-"+alarm.Environment+"-alerts")},
		"OKActions": []string{}, "InsufficientDataActions": []string{},
	}
	if strings.HasPrefix(alarm.Statistic, "p") {
		out["ExtendedStatistic"] = alarm.Statistic
	} else {
		out["Statistic"] = alarm.Statistic
	}
	return out.at("StateUpdatedTimestamp", alarm.Updated).at("StateTransitionedTimestamp", alarm.Updated).
		at("AlarmConfigurationUpdatedTimestamp", a.environmentCreated(alarm.Environment))
}

// alarmDimensions are those of the metric that an alarm watches.
func (a *awsAPI) alarmDimensions(alarm *Alarm) []Pair {
	for _, metric := range a.metrics() {
		if metric.namespace == alarm.Namespace && metric.name == alarm.Metric && metric.service != nil &&
			metric.service.Name == alarm.Service && metric.service.Cluster.Environment == alarm.Environment {
			return metric.dimensions
		}
	}
	return nil
}

// An alarmChange is one transition together with its alarm.
type alarmChange struct {
	AlarmChange
	alarm *Alarm
}

func (a *awsAPI) describeAlarmHistory(in alarmsInput) (document, error) {
	var changes []alarmChange
	for _, alarm := range a.world.Cloud.Alarms {
		if in.AlarmName != "" && in.AlarmName != alarm.Name || in.HistoryItemType != "" && in.HistoryItemType != "StateUpdate" {
			continue
		}
		for _, change := range alarm.History {
			if (in.StartDate.IsZero() || !change.At.Before(in.StartDate.Time)) && (in.EndDate.IsZero() || !change.At.After(in.EndDate.Time)) {
				changes = append(changes, alarmChange{change, alarm})
			}
		}
	}
	slices.SortStableFunc(changes, func(a, b alarmChange) int { return b.At.Compare(a.At) })
	if in.ScanBy == "TimestampAscending" {
		slices.Reverse(changes)
	}
	changes, next, err := cutPage(changes, in.page())
	if err != nil {
		return nil, &awsError{code: "InvalidNextToken", message: "The next token specified is invalid.", status: http.StatusBadRequest}
	}
	list := []document{}
	for _, change := range changes {
		list = append(list, change.document())
	}
	return document{"AlarmHistoryItems": list}.set("NextToken", next), nil
}

func (c alarmChange) document() document {
	data, _ := json.Marshal(document{
		"version":  "1.0",
		"oldState": document{"stateValue": c.From},
		"newState": document{"stateValue": c.To, "stateReason": c.Reason},
	})
	return document{
		"AlarmName": c.alarm.Name, "AlarmType": "MetricAlarm", "HistoryItemType": "StateUpdate",
		"HistorySummary": fmt.Sprintf("Alarm updated from %s to %s", c.From, c.To), "HistoryData": string(data),
	}.at("Timestamp", c.At)
}
