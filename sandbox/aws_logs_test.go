package sandbox

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const ordersGroup = "/ecs/shop-production/orders"

// writeLines lets the first task of orders write n lines, a second apart, the
// last one a minute ago.
func writeLines(api *awsAPI, n int) {
	w := api.world
	w.Lock()
	defer w.Unlock()
	tasks := w.Cloud.Clusters[0].Service("orders").Tasks
	now := w.now
	for i := range n {
		w.now = now.Add(-time.Minute - time.Duration(n-1-i)*time.Second)
		level := "INFO"
		if i%10 == 0 {
			level = "ERROR"
		}
		w.writeLine(tasks[i%2], fmt.Sprintf(`{"level":%q,"n":%d}`, level, i))
	}
	w.now = now
}

func filterAll(t *testing.T, client *cloudwatchlogs.Client, in *cloudwatchlogs.FilterLogEventsInput) (events []types.FilteredLogEvent, pages int) {
	t.Helper()
	in.LogGroupName = aws.String(ordersGroup)
	p := cloudwatchlogs.NewFilterLogEventsPaginator(client, in)
	for p.HasMorePages() {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, page.Events...)
		pages++
	}
	return events, pages
}

func TestFilterLogEvents(t *testing.T) {
	api, config := newAWS(t)
	client := cloudwatchlogs.NewFromConfig(config)
	writeLines(api, 100)
	now := time.Now()

	events, pages := filterAll(t, client, &cloudwatchlogs.FilterLogEventsInput{Limit: aws.Int32(15)})
	ids := map[string]bool{}
	for _, event := range events {
		ids[*event.EventId] = true
		if *event.IngestionTime <= *event.Timestamp {
			t.Errorf("event %s was ingested at %d, written at %d", *event.EventId, *event.IngestionTime, *event.Timestamp)
		}
	}
	inOrder := slices.IsSortedFunc(events, func(a, b types.FilteredLogEvent) int { return int(*a.Timestamp - *b.Timestamp) })
	if len(events) != 100 || len(ids) != 100 || pages < 7 || !inOrder {
		t.Errorf("%d events, %d ids, %d pages, in order: %t", len(events), len(ids), pages, inOrder)
	}

	errors, _ := filterAll(t, client, &cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String(`{ $.level = "ERROR" }`)})
	if len(errors) != 10 {
		t.Errorf("%d errors, want 10", len(errors))
	}
	window, _ := filterAll(t, client, &cloudwatchlogs.FilterLogEventsInput{
		StartTime: aws.Int64(*events[20].Timestamp), EndTime: aws.Int64(*events[29].Timestamp),
	})
	if len(window) != 10 {
		t.Errorf("%d events in a window of ten, both ends included", len(window))
	}
	one, _ := filterAll(t, client, &cloudwatchlogs.FilterLogEventsInput{LogStreamNames: []string{*events[0].LogStreamName}})
	if len(one) != 50 {
		t.Errorf("%d events of one of two streams", len(one))
	}
	newest, _ := filterAll(t, client, &cloudwatchlogs.FilterLogEventsInput{
		StartFromHead: aws.Bool(false), StartTime: aws.Int64(now.Add(-time.Hour).UnixMilli()), Limit: aws.Int32(30),
	})
	if len(newest) != 100 || *newest[0].EventId != *events[99].EventId || *newest[99].EventId != *events[0].EventId {
		t.Errorf("%d events from the newest on", len(newest))
	}
}

func TestFilterLogEventsEmptyPages(t *testing.T) {
	api, config := newAWS(t)
	client := cloudwatchlogs.NewFromConfig(config)
	writeLines(api, 3)
	empty := 0
	for range 20 {
		events, pages := filterAll(t, client, &cloudwatchlogs.FilterLogEventsInput{})
		if len(events) != 3 {
			t.Fatalf("%d events on %d pages", len(events), pages)
		}
		empty += pages - 1
	}
	if empty == 0 {
		t.Error("no page was empty: clients would never meet one")
	}
}

func TestFilterLogEventsRefuses(t *testing.T) {
	_, config := newAWS(t)
	client := cloudwatchlogs.NewFromConfig(config)
	tests := []struct {
		name string
		in   cloudwatchlogs.FilterLogEventsInput
		code string
	}{
		{"no group", cloudwatchlogs.FilterLogEventsInput{}, "InvalidParameterException"},
		{"unknown group", cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/none")}, "ResourceNotFoundException"},
		{"name and prefix", cloudwatchlogs.FilterLogEventsInput{
			LogGroupName: aws.String(ordersGroup), LogStreamNames: []string{"a"}, LogStreamNamePrefix: aws.String("a"),
		}, "InvalidParameterException"},
		{"101 streams", cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(ordersGroup), LogStreamNames: make([]string, 101)}, "InvalidParameterException"},
		{"unknown stream", cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(ordersGroup), LogStreamNames: []string{"x"}}, "ResourceNotFoundException"},
		{"limit", cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(ordersGroup), Limit: aws.Int32(10_001)}, "InvalidParameterException"},
		{"pattern", cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(ordersGroup), FilterPattern: aws.String("{ x }")}, "InvalidParameterException"},
		{"token", cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(ordersGroup), NextToken: aws.String("x")}, "InvalidParameterException"},
		{"backwards from 2023", cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(ordersGroup), StartFromHead: aws.Bool(false)}, "InvalidParameterException"},
		{"group twice", cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(ordersGroup), LogGroupIdentifier: aws.String(ordersGroup)}, "InvalidParameterException"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := client.FilterLogEvents(t.Context(), &test.in)
			wantCode(t, err, test.code)
		})
	}
}

func TestLogEventsBecomeVisibleWhenIngested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, config := newVirtualAWS(t)
		client := cloudwatchlogs.NewFromConfig(config)
		api.world.Lock()
		task := api.world.Cloud.Clusters[0].Service("orders").Tasks[0]
		api.world.writeLine(task, "now")
		api.world.write(task, api.world.now.Add(-20*time.Second), "late")
		api.world.Unlock()
		if events, _ := filterAll(t, client, &cloudwatchlogs.FilterLogEventsInput{}); len(events) != 0 {
			t.Errorf("%d events are there before they were ingested", len(events))
		}
		time.Sleep(time.Second)
		events, _ := filterAll(t, client, &cloudwatchlogs.FilterLogEventsInput{})
		if len(events) != 2 || *events[0].Message != "late" {
			t.Fatalf("events %v", events)
		}
		if lag := *events[0].IngestionTime - *events[0].Timestamp; lag < 20_000 {
			t.Errorf("the late line was ingested %d ms after it was written", lag)
		}
	})
}

func TestGetLogEventsTokens(t *testing.T) {
	api, config := newAWS(t)
	client := cloudwatchlogs.NewFromConfig(config)
	writeLines(api, 20)
	stream := api.world.Cloud.LogGroup(ordersGroup).Streams[0].Name
	in := &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: aws.String(ordersGroup), LogStreamName: aws.String(stream), Limit: aws.Int32(4), StartFromHead: aws.Bool(true),
	}
	var messages []string
	for {
		out, err := client.GetLogEvents(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range out.Events {
			messages = append(messages, *event.Message)
		}
		if in.NextToken != nil && *out.NextForwardToken == *in.NextToken {
			break // the end: the token comes back as it is
		}
		in.NextToken = out.NextForwardToken
	}
	if len(messages) != 10 || messages[9] != `{"level":"INFO","n":18}` {
		t.Errorf("read forward: %q", messages)
	}
	tail, err := client.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: in.LogGroupName, LogStreamName: in.LogStreamName, Limit: aws.Int32(3)})
	if err != nil || len(tail.Events) != 3 || *tail.Events[2].Message != messages[9] {
		t.Fatalf("the newest three: %v, %v", tail, err)
	}
	before, err := client.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: in.LogGroupName, LogStreamName: in.LogStreamName, Limit: aws.Int32(3), NextToken: tail.NextBackwardToken,
	})
	if err != nil || len(before.Events) != 3 || *before.Events[2].Message != messages[6] {
		t.Errorf("the three before: %v, %v", before, err)
	}
}

func TestDescribeLogGroupsAndStreams(t *testing.T) {
	api, config := newAWS(t)
	client := cloudwatchlogs.NewFromConfig(config)
	writeLines(api, 4)
	groups, err := client.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/ecs/shop-production/o")})
	if err != nil || len(groups.LogGroups) != 1 || *groups.LogGroups[0].LogGroupName != ordersGroup {
		t.Fatalf("groups %v, %v", groups, err)
	}
	byARN := &cloudwatchlogs.DescribeLogStreamsInput{
		LogGroupIdentifier: groups.LogGroups[0].LogGroupArn, OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true), Limit: aws.Int32(1),
	}
	streams, err := client.DescribeLogStreams(t.Context(), byARN)
	if err != nil || len(streams.LogStreams) != 1 || streams.NextToken == nil || streams.LogStreams[0].LastEventTimestamp == nil {
		t.Fatalf("streams %v, %v", streams, err)
	}
	byARN.LogStreamNamePrefix = aws.String("app")
	_, err = client.DescribeLogStreams(t.Context(), byARN)
	wantCode(t, err, "InvalidParameterException")
}

func TestLogsInsights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, config := newVirtualAWS(t)
		client := cloudwatchlogs.NewFromConfig(config)
		writeLines(api, 100)
		tests := []struct {
			query string
			rows  int
			first string
		}{
			{`fields @timestamp, n | filter level = "ERROR" and n > 40 | sort n asc | limit 3`, 3, "50"},
			{`fields n | filter @message like /"n":9[0-9]/ | sort n desc`, 10, "99"},
			{`fields n | filter n = 7 or n = 8 | sort n`, 2, "8"},
			{`filter level != "INFO" | stats count(*) as total by level`, 1, "ERROR"},
			{`fields n | filter not_there like "x"`, 0, ""},
		}
		for _, test := range tests {
			started, err := client.StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{
				LogGroupName: aws.String(ordersGroup), QueryString: aws.String(test.query),
				StartTime: aws.Int64(time.Now().Add(-time.Hour).Unix()), EndTime: aws.Int64(time.Now().Unix()),
			})
			if err != nil {
				t.Fatalf("%s: %v", test.query, err)
			}
			running, err := client.GetQueryResults(t.Context(), &cloudwatchlogs.GetQueryResultsInput{QueryId: started.QueryId})
			if err != nil || running.Status != types.QueryStatusRunning {
				t.Errorf("%s: %v, %v", test.query, running, err)
			}
			time.Sleep(time.Second)
			out, err := client.GetQueryResults(t.Context(), &cloudwatchlogs.GetQueryResultsInput{QueryId: started.QueryId})
			if err != nil || out.Status != types.QueryStatusComplete || len(out.Results) != test.rows {
				t.Errorf("%s: %d rows, %v", test.query, len(out.Results), err)
				continue
			}
			if test.rows > 0 && !slices.ContainsFunc(out.Results[0], func(f types.ResultField) bool { return *f.Value == test.first }) {
				t.Errorf("%s: first row %v, want %s in it", test.query, out.Results[0], test.first)
			}
		}
		_, err := client.StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{
			LogGroupName: aws.String(ordersGroup), QueryString: aws.String("pattern @message"), StartTime: aws.Int64(1), EndTime: aws.Int64(2),
		})
		wantCode(t, err, "MalformedQueryException")
	})
}
