package sandbox

import (
	"slices"
	"time"
)

// Limits of GetMetricData and GetMetricStatistics.
const (
	metricQueries    = 500
	metricDatapoints = 100_800
	statisticsPoints = 1440
)

type metricStat struct {
	Metric struct {
		Namespace  string
		MetricName string
		Dimensions []dimensionInput
	}
	Period int
	Stat   string
}

type metricQuery struct {
	ID         string
	MetricStat *metricStat
	Expression string
	Label      string
	ReturnData *bool
	Period     int
}

type getMetricDataInput struct {
	MetricDataQueries []metricQuery
	StartTime         timestamp
	EndTime           timestamp
	ScanBy            string
	NextToken         string
}

// A series is the values of one query, by period.
type series struct {
	values map[time.Time]float64
	label  string
}

func (s series) times() []time.Time {
	times := make([]time.Time, 0, len(s.values))
	for at := range s.values {
		times = append(times, at)
	}
	slices.SortFunc(times, time.Time.Compare)
	return times
}

func (a *awsAPI) getMetricData(in getMetricDataInput) (document, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	evaluation := metricEvaluation{api: a, in: in, done: map[string]series{}}
	results, points := []document{}, 0
	for _, query := range in.MetricDataQueries {
		result, err := evaluation.run(query)
		if err != nil {
			return nil, err
		}
		if query.ReturnData != nil && !*query.ReturnData {
			continue
		}
		points += len(result.values)
		results = append(results, in.result(query, result))
	}
	if points > metricDatapoints {
		return nil, errMetric("InvalidParameterValue", "The request asks for more than %d data points.", metricDatapoints)
	}
	return document{"MetricDataResults": results, "Messages": []document{}}, nil
}

func (in getMetricDataInput) check() error {
	switch {
	case len(in.MetricDataQueries) == 0:
		return errMetric("MissingRequiredParameter", "The parameter MetricDataQueries is required.")
	case len(in.MetricDataQueries) > metricQueries:
		return errMetric("InvalidParameterValue", "The collection MetricDataQueries must not have a size greater than %d.", metricQueries)
	case in.StartTime.IsZero() || in.EndTime.IsZero():
		return errMetric("MissingRequiredParameter", "The parameters StartTime and EndTime are required.")
	case !in.StartTime.Before(in.EndTime.Time):
		return errMetric("InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.")
	case in.NextToken != "":
		return &awsError{code: "InvalidNextToken", message: "The next token specified is invalid.", status: 400}
	}
	seen := map[string]bool{}
	for _, query := range in.MetricDataQueries {
		if seen[query.ID] || query.ID == "" || query.ID[0] < 'a' || query.ID[0] > 'z' {
			return errMetric("InvalidParameterValue", "The value %q for parameter Id must be unique and begin with a lower-case letter.", query.ID)
		}
		seen[query.ID] = true
		if (query.MetricStat == nil) == (query.Expression == "") {
			return errMetric("InvalidParameterCombination", "Each query needs either MetricStat or Expression.")
		}
		if query.MetricStat != nil && !validPeriod(query.MetricStat.Period) {
			return errMetric("InvalidParameterValue", "The value %d for parameter Period is not a multiple of 60.", query.MetricStat.Period)
		}
	}
	return nil
}

// validPeriod reports whether metrics of standard resolution can be had so.
func validPeriod(seconds int) bool { return seconds > 0 && seconds%60 == 0 }

func (in getMetricDataInput) result(query metricQuery, s series) document {
	times := s.times()
	if in.ScanBy != "TimestampAscending" {
		slices.Reverse(times)
	}
	stamps, values := make([]timestamp, 0, len(times)), make([]float64, 0, len(times))
	for _, at := range times {
		stamps, values = append(stamps, timestamp{at}), append(values, s.values[at])
	}
	label := query.Label
	if label == "" {
		label = s.label
	}
	return document{"Id": query.ID, "Label": label, "Timestamps": stamps, "Values": values, "StatusCode": "Complete"}
}

// A metricEvaluation computes the queries of one request, each once.
type metricEvaluation struct {
	api   *awsAPI
	in    getMetricDataInput
	done  map[string]series
	depth int
}

func (e *metricEvaluation) run(query metricQuery) (series, error) {
	if s, ok := e.done[query.ID]; ok {
		return s, nil
	}
	if e.depth++; e.depth > metricQueries {
		return series{}, errMetric("InvalidParameterValue", "The expressions refer to each other in a circle.")
	}
	defer func() { e.depth-- }()
	var s series
	var err error
	if query.MetricStat != nil {
		s, err = e.api.series(*query.MetricStat, e.in.StartTime.Time, e.in.EndTime.Time)
	} else {
		s, err = e.evaluate(query)
	}
	if err == nil {
		e.done[query.ID] = s
	}
	return s, err
}

// series reads a metric. One that does not exist has no values, which is no error.
func (a *awsAPI) series(stat metricStat, from, to time.Time) (series, error) {
	s := series{values: map[time.Time]float64{}, label: stat.Metric.MetricName}
	if _, err := (sample{}).statistic(stat.Stat); err != nil {
		return s, err
	}
	m := a.findMetric(stat.Metric.Namespace, stat.Metric.MetricName, stat.Metric.Dimensions)
	if m == nil {
		return s, nil
	}
	if m.service != nil {
		s.label = m.service.Name + " " + m.name
	}
	length := time.Duration(stat.Period) * time.Second
	for _, period := range periods(m.samples(from.Truncate(length), to), length) {
		value, err := period.statistic(stat.Stat)
		if err != nil {
			return s, err
		}
		s.values[period.at] = value
	}
	return s, nil
}

type getMetricStatisticsInput struct {
	Namespace          string
	MetricName         string
	Dimensions         []dimensionInput
	StartTime          timestamp
	EndTime            timestamp
	Period             int
	Statistics         []string
	ExtendedStatistics []string
}

func (a *awsAPI) getMetricStatistics(in getMetricStatisticsInput) (document, error) {
	length := time.Duration(in.Period) * time.Second
	switch {
	case !validPeriod(in.Period):
		return nil, errMetric("InvalidParameterValue", "The parameter Period must be a multiple of 60.")
	case len(in.Statistics)+len(in.ExtendedStatistics) == 0:
		return nil, errMetric("MissingRequiredParameter", "The parameter Statistics or ExtendedStatistics is required.")
	case !in.StartTime.Before(in.EndTime.Time):
		return nil, errMetric("InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.")
	case in.EndTime.Sub(in.StartTime.Time)/length > statisticsPoints:
		return nil, errMetric("InvalidParameterCombination",
			"You have requested up to %d datapoints, which exceeds the limit of %d. You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
			in.EndTime.Sub(in.StartTime.Time)/length, statisticsPoints)
	}
	list := []document{}
	if m := a.findMetric(in.Namespace, in.MetricName, in.Dimensions); m != nil {
		for _, period := range periods(m.samples(in.StartTime.Truncate(length), in.EndTime.Time), length) {
			point, err := in.datapoint(period, m.unit)
			if err != nil {
				return nil, err
			}
			list = append(list, point)
		}
	}
	return document{"Label": in.MetricName, "Datapoints": list}, nil
}

func (in getMetricStatisticsInput) datapoint(period sample, unit string) (document, error) {
	point := document{"Unit": unit}.at("Timestamp", period.at)
	extended := valueMap{}
	for _, name := range in.Statistics {
		value, err := period.statistic(name)
		if err != nil {
			return nil, err
		}
		point[name] = value
	}
	for _, name := range in.ExtendedStatistics {
		value, err := period.statistic(name)
		if err != nil {
			return nil, err
		}
		extended[name] = value
	}
	if len(extended) > 0 {
		point["ExtendedStatistics"] = extended
	}
	return point, nil
}
