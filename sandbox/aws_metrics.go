package sandbox

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A metric is one CloudWatch metric: a name with dimensions.
type metric struct {
	namespace  string
	name       string
	dimensions []Pair
	unit       string
	world      *World
	service    *Service     // nil for a metric that a client put
	group      *TargetGroup // that it counts the requests of; nil: it counts none
	sample     func(Point) (sample, bool)
	put        []sample // of a metric that a client put, oldest first
}

// A sample is the statistics of a metric over a minute, or over a period.
type sample struct {
	at             time.Time
	count, sum     float64
	least, most    float64
	median, almost float64 // 50th and 95th percentile
}

func gauge(value float64) sample {
	return sample{count: 1, sum: value, least: value, most: value, median: value, almost: value}
}

// counter is a metric to which each request adds one.
func counter(count float64) sample {
	return sample{count: count, sum: count, least: 1, most: 1, median: 1, almost: 1}
}

// serviceMetrics are what CloudWatch measures of every service.
var serviceMetrics = []metric{
	{namespace: "AWS/ECS", name: "CPUUtilization", unit: "Percent", sample: func(p Point) (sample, bool) {
		return gauge(p.CPU), true
	}},
	{namespace: "AWS/ECS", name: "MemoryUtilization", unit: "Percent", sample: func(p Point) (sample, bool) {
		return gauge(p.Memory), true
	}},
	{namespace: "AWS/ApplicationELB", name: "RequestCount", unit: "Count", sample: func(p Point) (sample, bool) {
		return counter(p.Requests), p.Requests > 0
	}},
	{namespace: "AWS/ApplicationELB", name: "HTTPCode_Target_2XX_Count", unit: "Count", sample: func(p Point) (sample, bool) {
		return counter(p.Requests - p.Errors), p.Requests > p.Errors
	}},
	// As in CloudWatch, a minute without errors has no data point.
	{namespace: "AWS/ApplicationELB", name: "HTTPCode_Target_5XX_Count", unit: "Count", sample: func(p Point) (sample, bool) {
		return counter(p.Errors), p.Errors > 0
	}},
	{namespace: "AWS/ApplicationELB", name: "TargetResponseTime", unit: "Seconds", sample: func(p Point) (sample, bool) {
		return sample{
			count: p.Requests, sum: p.Requests * (p.P50*0.8 + p.P95*0.2),
			least: p.P50 * 0.3, most: p.P95 * 2, median: p.P50, almost: p.P95,
		}, p.Requests > 0
	}},
}

// metrics are all metrics there are, those that clients put last.
func (a *awsAPI) metrics() []metric {
	var list []metric
	for _, cluster := range a.world.Cloud.Clusters {
		for _, service := range cluster.Services {
			for _, m := range serviceMetrics {
				m.world, m.service = a.world, service
				if m.namespace == "AWS/ECS" {
					m.dimensions = []Pair{{"ClusterName", cluster.Name}, {"ServiceName", service.Name}}
					list = append(list, m)
				}
			}
		}
	}
	for _, group := range a.world.Cloud.TargetGroups {
		dimensions := a.groupDimensions(group)
		for _, m := range serviceMetrics {
			if m.namespace == "AWS/ApplicationELB" && group.Service != nil {
				m.world, m.service, m.group, m.dimensions = a.world, group.Service, group, dimensions
				list = append(list, m)
			}
		}
	}
	for _, m := range a.put {
		list = append(list, *m)
	}
	return list
}

// groupDimensions tell a target group's metrics apart.
func (a *awsAPI) groupDimensions(group *TargetGroup) []Pair {
	return []Pair{{"LoadBalancer", a.loadBalancerOf(group).dimension()}, {"TargetGroup", group.dimension()}}
}

// samples are a metric's data points of whole minutes in [from, to).
func (m metric) samples(from, to time.Time) (list []sample) {
	if m.service == nil {
		for _, s := range m.put {
			if !s.at.Before(from) && s.at.Before(to) {
				list = append(list, s)
			}
		}
		return list
	}
	from = laterOf(from, m.service.Created).Truncate(time.Minute)
	// A minute is served when it is over.
	for minute := from; minute.Before(to) && !minute.Add(time.Minute).After(m.world.Now()); minute = minute.Add(time.Minute) {
		if s, ok := m.sample(m.group.part(m.world.Load(m.service, minute))); ok {
			s.at = minute
			list = append(list, s)
		}
	}
	return list
}

// part is what of a service's load went through the group; all of it where the
// metric is not about a group.
func (g *TargetGroup) part(p Point) Point {
	if g == nil {
		return p
	}
	share := 1 - p.Alternate
	if g.Alternate {
		share = p.Alternate
	}
	p.Requests, p.Errors = math.Round(p.Requests*share), math.Round(p.Errors*share)
	return p
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// periods merges samples into periods of a length, oldest first. A period is
// named by its beginning.
func periods(samples []sample, length time.Duration) (merged []sample) {
	for _, s := range samples {
		begin := s.at.Truncate(length)
		if last := len(merged) - 1; last >= 0 && merged[last].at.Equal(begin) {
			merged[last] = merged[last].with(s)
			continue
		}
		s.at = begin
		merged = append(merged, s)
	}
	return merged
}

func (s sample) with(more sample) sample {
	total := s.count + more.count
	weigh := func(a, b float64) float64 {
		if total == 0 {
			return 0
		}
		return (a*s.count + b*more.count) / total
	}
	return sample{
		at: s.at, count: total, sum: s.sum + more.sum,
		least: min(s.least, more.least), most: max(s.most, more.most),
		median: weigh(s.median, more.median), almost: weigh(s.almost, more.almost),
	}
}

// statistic computes one statistic by CloudWatch's name; it fails when there is
// no such statistic.
func (s sample) statistic(name string) (float64, error) {
	switch name {
	case "SampleCount":
		return s.count, nil
	case "Sum":
		return s.sum, nil
	case "Average":
		if s.count == 0 {
			return 0, nil
		}
		return s.sum / s.count, nil
	case "Minimum":
		return s.least, nil
	case "Maximum":
		return s.most, nil
	}
	text, ok := strings.CutPrefix(name, "p")
	rank, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil || rank < 0 || rank > 100 {
		return 0, errMetric("InvalidParameterValue", "The value %s for parameter Stat is not supported.", name)
	}
	return s.percentile(rank), nil
}

// percentile interpolates between the ranks that are known.
func (s sample) percentile(rank float64) float64 {
	known := [][2]float64{{0, s.least}, {50, s.median}, {95, s.almost}, {100, s.most}}
	for i := 1; i < len(known); i++ {
		low, high := known[i-1], known[i]
		if rank <= high[0] {
			return low[1] + (high[1]-low[1])*(rank-low[0])/(high[0]-low[0])
		}
	}
	return s.most
}

// find gives the metric with exactly these dimensions in any order; nil when
// there is none.
func (a *awsAPI) findMetric(namespace, name string, dimensions []dimensionInput) *metric {
	wanted := sortedDimensions(dimensionPairs(dimensions))
	for _, m := range a.metrics() {
		if m.namespace == namespace && m.name == name && slices.Equal(sortedDimensions(m.dimensions), wanted) {
			return &m
		}
	}
	return nil
}

func sortedDimensions(pairs []Pair) []Pair {
	return slices.SortedFunc(slices.Values(pairs), func(a, b Pair) int { return cmp.Compare(a.Name, b.Name) })
}

type dimensionInput struct{ Name, Value string }

func dimensionPairs(dimensions []dimensionInput) []Pair {
	pairs := make([]Pair, 0, len(dimensions))
	for _, d := range dimensions {
		pairs = append(pairs, Pair(d))
	}
	return pairs
}

func dimensionList(pairs []Pair) []document {
	list := []document{}
	for _, pair := range pairs {
		list = append(list, document{"Name": pair.Name, "Value": pair.Value})
	}
	return list
}

type metricDatum struct {
	MetricName      string
	Dimensions      []dimensionInput
	Timestamp       timestamp
	Value           *float64
	Values          []float64
	Counts          []float64
	StatisticValues *struct{ SampleCount, Sum, Minimum, Maximum float64 }
	Unit            string
}

type putMetricDataInput struct {
	Namespace  string
	MetricData []metricDatum
}

func (a *awsAPI) putMetricData(in putMetricDataInput) (document, error) {
	switch {
	case in.Namespace == "":
		return nil, errMetric("MissingRequiredParameter", "The parameter Namespace is required.")
	case strings.HasPrefix(in.Namespace, "AWS/"):
		return nil, errMetric("InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid.")
	case len(in.MetricData) > 1000:
		return nil, errMetric("InvalidParameterValue", "The collection MetricData must not have a size greater than 1000.")
	}
	for _, datum := range in.MetricData {
		s, err := datum.sample()
		if err != nil {
			return nil, err
		}
		if s.at = datum.Timestamp.Time; s.at.IsZero() {
			s.at = a.world.Now()
		}
		s.at = s.at.Truncate(time.Minute)
		m := a.ownMetric(in.Namespace, datum)
		m.put = append(m.put, s)
		slices.SortStableFunc(m.put, func(a, b sample) int { return a.at.Compare(b.at) })
	}
	return document{}, nil
}

// ownMetric finds the metric that a datum belongs to, or begins it.
func (a *awsAPI) ownMetric(namespace string, datum metricDatum) *metric {
	dimensions := dimensionPairs(datum.Dimensions)
	for _, m := range a.put {
		if m.namespace == namespace && m.name == datum.MetricName && slices.Equal(sortedDimensions(m.dimensions), sortedDimensions(dimensions)) {
			return m
		}
	}
	m := &metric{namespace: namespace, name: datum.MetricName, dimensions: dimensions, unit: cmp.Or(datum.Unit, "None")}
	a.put = append(a.put, m)
	return m
}

func (d metricDatum) sample() (sample, error) {
	values := d.Values
	if d.Value != nil {
		values = []float64{*d.Value}
	}
	if set := d.StatisticValues; set != nil {
		mean := set.Sum / max(set.SampleCount, 1)
		return sample{count: set.SampleCount, sum: set.Sum, least: set.Minimum, most: set.Maximum, median: mean, almost: set.Maximum}, nil
	}
	if d.MetricName == "" || len(values) == 0 {
		return sample{}, errMetric("MissingRequiredParameter", "The parameters MetricName and Value, Values or StatisticValues are required.")
	}
	s := sample{least: math.Inf(1), most: math.Inf(-1)}
	for i, value := range values {
		count := 1.0
		if i < len(d.Counts) {
			count = d.Counts[i]
		}
		each := sample{count: count, sum: value * count, least: value, most: value, median: value, almost: value}
		s = s.with(each)
	}
	return s, nil
}

type listMetricsInput struct {
	Namespace  string
	MetricName string
	Dimensions []dimensionInput
	NextToken  string
}

func (a *awsAPI) listMetrics(in listMetricsInput) (document, error) {
	list := []document{}
	for _, m := range a.metrics() {
		if in.matches(m) {
			list = append(list, document{"Namespace": m.namespace, "MetricName": m.name, "Dimensions": dimensionList(m.dimensions)})
		}
	}
	list, next, err := cutPage(list, pageRequest{nil, in.NextToken, 500, 500})
	if err != nil {
		return nil, errMetric("InvalidParameterValue", "Invalid nextToken")
	}
	return document{"Metrics": list}.set("NextToken", next), nil
}

// matches applies the filters; a dimension without a value matches any.
func (in listMetricsInput) matches(m metric) bool {
	for _, wanted := range in.Dimensions {
		if !slices.ContainsFunc(m.dimensions, func(p Pair) bool {
			return p.Name == wanted.Name && (wanted.Value == "" || p.Value == wanted.Value)
		}) {
			return false
		}
	}
	return (in.Namespace == "" || in.Namespace == m.namespace) && (in.MetricName == "" || in.MetricName == m.name)
}
