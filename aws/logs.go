package aws

import (
	"context"
	"errors"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// logAttempts is one: the tail has its own back-off, which knows the quota.
const logAttempts = 1

// LogSource reads log groups with the identity and in the region of a cluster.
func (c *Cloud) LogSource(cluster pipeline.Cluster) logs.Source {
	return &logSource{cloud: c, cluster: cluster}
}

type logSource struct {
	cloud   *Cloud
	cluster pipeline.Cluster
}

// Filter answers one page of FilterLogEvents.
func (l *logSource) Filter(ctx context.Context, q logs.Query) (logs.Page, error) {
	s, err := l.cloud.session(ctx, l.cluster)
	if err != nil {
		return logs.Page{}, logFailure{err}
	}
	out, err := s.logs.FilterLogEvents(ctx, filterInput(q), func(o *cloudwatchlogs.Options) { o.RetryMaxAttempts = logAttempts })
	if err != nil {
		return logs.Page{}, logFailure{withNextStep(s.classify("read the log group", q.Group, err), s.who, q)}
	}
	page := logs.Page{NextToken: awssdk.ToString(out.NextToken), Events: make([]logs.Event, 0, len(out.Events))}
	page.At, _ = awsmiddleware.GetServerTime(out.ResultMetadata) // zero where the answer has no date
	for _, e := range out.Events {
		page.Events = append(page.Events, logs.Event{
			ID: awssdk.ToString(e.EventId), Group: q.Group, Stream: awssdk.ToString(e.LogStreamName),
			Timestamp: milliseconds(e.Timestamp), Ingested: milliseconds(e.IngestionTime),
			Message: awssdk.ToString(e.Message),
		})
	}
	return page, nil
}

// withNextStep says what to do about a group that is missing, or a pattern that
// CloudWatch does not understand.
func withNextStep(err error, who identity, q logs.Query) error {
	known, ok := errors.AsType[*pipeline.Error](err)
	if !ok || known.Hint != "" {
		return err
	}
	told := *known
	switch {
	case known.Kind == pipeline.KindNotFound:
		told.Hint = "compare the name with awslogs-group in the task definition, and look whether it is in " + who.region +
			"; a group that the first line is to create needs awslogs-create-group"
	case known.Kind == pipeline.KindInvalid && q.Pattern != "":
		told.Hint = `check the pattern: words all of which must be there, ?one ?or ?another, "a phrase", or { $.level = "ERROR" }`
	}
	return &told
}

func filterInput(q logs.Query) *cloudwatchlogs.FilterLogEventsInput {
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &q.Group}
	if !q.Start.IsZero() {
		in.StartTime = awssdk.Int64(q.Start.UnixMilli())
	}
	if !q.End.IsZero() {
		in.EndTime = awssdk.Int64(q.End.UnixMilli())
	}
	if q.Pattern != "" {
		in.FilterPattern = &q.Pattern
	}
	if q.StreamPrefix != "" {
		in.LogStreamNamePrefix = &q.StreamPrefix
	}
	if q.NextToken != "" {
		in.NextToken = &q.NextToken
	}
	if q.Limit > 0 {
		in.Limit = awssdk.Int32(int32(min(q.Limit, maxEvents)))
	}
	if q.NewestFirst {
		in.StartFromHead = awssdk.Bool(false)
	}
	return in
}

// maxEvents is the most events that a page may hold.
const maxEvents = 10_000

// milliseconds is a time of CloudWatch Logs; zero where there is none.
func milliseconds(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return time.UnixMilli(*ms)
}

// logFailure answers what the tail asks of an error.
type logFailure struct{ error }

// Unwrap gives the *pipeline.Error.
func (f logFailure) Unwrap() error { return f.error }

// Throttled reports whether the quota is used up.
func (f logFailure) Throttled() bool { return pipeline.KindOf(f.error) == pipeline.KindThrottled }

// Permanent reports whether the failure will not pass without somebody's doing.
func (f logFailure) Permanent() bool {
	switch pipeline.KindOf(f.error) {
	case pipeline.KindAuth, pipeline.KindForbidden, pipeline.KindNotFound, pipeline.KindInvalid, pipeline.KindRefused:
		return true
	default:
		return false
	}
}

// LogGroups lists the names of the log groups that begin with prefix, sorted by
// CloudWatch: at most one page of 50.
func (c *Cloud) LogGroups(ctx context.Context, cluster pipeline.Cluster, prefix string) ([]string, error) {
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	in := &cloudwatchlogs.DescribeLogGroupsInput{Limit: awssdk.Int32(50)}
	if prefix != "" {
		in.LogGroupNamePrefix = &prefix
	}
	out, err := s.logs.DescribeLogGroups(ctx, in)
	if err != nil {
		return nil, s.classify("list the log groups", "region "+s.who.region, err)
	}
	names := make([]string, 0, len(out.LogGroups))
	for _, group := range out.LogGroups {
		names = append(names, text(group.LogGroupName))
	}
	return names, nil
}
