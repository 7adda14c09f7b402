package sandbox

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

var logsOperations = map[string]awsOperation{
	"DescribeLogGroups":  operation((*awsAPI).describeLogGroups),
	"DescribeLogStreams": operation((*awsAPI).describeLogStreams),
	"FilterLogEvents":    operation((*awsAPI).filterLogEvents),
	"GetLogEvents":       operation((*awsAPI).getLogEvents),
	"StartQuery":         operation((*awsAPI).startQuery),
	"GetQueryResults":    operation((*awsAPI).getQueryResults),
	"StopQuery":          operation((*awsAPI).stopQuery),
}

// What one page of log events holds at most, and how much is read to fill it.
const (
	logPageEvents = 10_000
	logPageBytes  = 1 << 20
	logPageScan   = 20_000
)

// logGroup finds the group that a request names, in one of two ways.
func (a *awsAPI) logGroup(name, identifier string) (*LogGroup, error) {
	switch {
	case name != "" && identifier != "":
		return nil, errInvalidParameter("Only one of logGroupName and logGroupIdentifier may be given.")
	case name == "" && identifier == "":
		return nil, errInvalidParameter("Either logGroupName or logGroupIdentifier is required.")
	case strings.HasPrefix(name, "arn:"):
		return nil, errInvalidParameter("1 validation error detected: Value '%s' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+", name)
	case strings.HasSuffix(identifier, "*"):
		return nil, errInvalidParameter("logGroupIdentifier must not end with *.")
	}
	if group := a.world.Cloud.LogGroup(name + identifier); group != nil {
		return group, nil
	}
	return nil, awsFailure("ResourceNotFoundException", "The specified log group does not exist.")
}

func logPage[T any](items []T, limit *int, token string) ([]T, string, error) {
	return cutPage(items, pageRequest{limit, token, 50, 50})
}

type describeLogGroupsInput struct {
	LogGroupNamePrefix  string
	LogGroupNamePattern string
	Limit               *int
	NextToken           string
}

func (a *awsAPI) describeLogGroups(in describeLogGroupsInput) (document, error) {
	if in.LogGroupNamePrefix != "" && in.LogGroupNamePattern != "" {
		return nil, errInvalidParameter("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	var groups []*LogGroup
	for _, group := range a.world.Cloud.LogGroups {
		if strings.HasPrefix(group.Name, in.LogGroupNamePrefix) && strings.Contains(group.Name, in.LogGroupNamePattern) {
			groups = append(groups, group)
		}
	}
	slices.SortFunc(groups, func(a, b *LogGroup) int { return strings.Compare(a.Name, b.Name) })
	groups, next, err := logPage(groups, in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	list := make([]document, 0, len(groups))
	for _, group := range groups {
		bytes := 0
		for _, event := range group.Events {
			bytes += len(event.Message)
		}
		list = append(list, document{
			"logGroupName": group.Name, "arn": group.ARN + ":*", "logGroupArn": group.ARN,
			"creationTime": group.Created.UnixMilli(), "retentionInDays": group.Retention,
			"metricFilterCount": 0, "storedBytes": bytes, "logGroupClass": "STANDARD",
		})
	}
	return document{"logGroups": list}.set("nextToken", next), nil
}

type describeLogStreamsInput struct {
	LogGroupName        string
	LogGroupIdentifier  string
	LogStreamNamePrefix string
	OrderBy             string
	Descending          bool
	Limit               *int
	NextToken           string
}

func (a *awsAPI) describeLogStreams(in describeLogStreamsInput) (document, error) {
	group, err := a.logGroup(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if in.OrderBy == "LastEventTime" && in.LogStreamNamePrefix != "" {
		return nil, errInvalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	var streams []*LogStream
	for _, stream := range group.Streams {
		if strings.HasPrefix(stream.Name, in.LogStreamNamePrefix) {
			streams = append(streams, stream)
		}
	}
	slices.SortStableFunc(streams, func(a, b *LogStream) int {
		if in.OrderBy == "LastEventTime" {
			return a.Last.Compare(b.Last)
		}
		return strings.Compare(a.Name, b.Name)
	})
	if in.Descending {
		slices.Reverse(streams)
	}
	streams, next, err := logPage(streams, in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	list := make([]document, 0, len(streams))
	for _, stream := range streams {
		list = append(list, streamDocument(stream))
	}
	return document{"logStreams": list}.set("nextToken", next), nil
}

func streamDocument(stream *LogStream) document {
	out := document{"logStreamName": stream.Name, "arn": stream.ARN, "creationTime": stream.Created.UnixMilli(), "storedBytes": 0}
	if !stream.First.IsZero() {
		out["firstEventTimestamp"] = stream.First.UnixMilli()
		out["lastEventTimestamp"] = stream.Last.UnixMilli()
		out["lastIngestionTime"] = stream.Last.Add(time.Second).UnixMilli()
	}
	return out
}

// events gives a group's events whose timestamps lie in [from, to] (in
// milliseconds; nil is open) and that have been ingested by now.
func (a *awsAPI) events(group *LogGroup, from, to *int64) []LogEvent {
	events := group.Events
	if from != nil {
		first, _ := slices.BinarySearchFunc(events, *from, func(e LogEvent, at int64) int {
			return cmp.Compare(e.Timestamp.UnixMilli(), at)
		})
		events = events[first:]
	}
	if to != nil && *to < 1<<62 {
		end, _ := slices.BinarySearchFunc(events, *to+1, func(e LogEvent, at int64) int {
			return cmp.Compare(e.Timestamp.UnixMilli(), at)
		})
		events = events[:end]
	}
	now := a.world.Now()
	return slices.DeleteFunc(slices.Clone(events), func(e LogEvent) bool { return e.ingested().After(now) })
}

// ingested is when an event can first be read: a little after it was written.
func (e LogEvent) ingested() time.Time {
	return laterOf(e.Ingested, e.Timestamp).Add(time.Duration(150+hashing(e.ID)%600) * time.Millisecond)
}
