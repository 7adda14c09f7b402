package aws

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

func TestLogSourceAsksForExactlyTheQuery(t *testing.T) {
	c, a := newAccount(t)
	on(a, "FilterLogEvents", func(in *cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error) {
		return &cloudwatchlogs.FilterLogEventsOutput{
			NextToken: awssdk.String("more"),
			Events: []logstypes.FilteredLogEvent{{
				EventId: awssdk.String("e1"), LogStreamName: awssdk.String("app/orders/1"), Timestamp: awssdk.Int64(5000),
				IngestionTime: awssdk.Int64(6000), Message: awssdk.String("Traceback:\n  \x1b[31mred"),
			}},
		}, nil
	})
	query := logs.Query{
		Group: "/ecs/orders", Start: time.UnixMilli(1000), End: time.UnixMilli(2000), Pattern: "ERROR", StreamPrefix: "app",
		NextToken: "token", Limit: 50_000, NewestFirst: true,
	}
	page, err := c.LogSource(production).Filter(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	want := logs.Event{
		ID: "e1", Group: "/ecs/orders", Stream: "app/orders/1", Timestamp: time.UnixMilli(5000), Ingested: time.UnixMilli(6000),
		Message: "Traceback:\n  \x1b[31mred", // the tail makes it safe, line by line
	}
	if page.NextToken != "more" || len(page.Events) != 1 || page.Events[0] != want {
		t.Errorf("page %+v, want %+v", page, want)
	}
	in := a.calls[0].input.(*cloudwatchlogs.FilterLogEventsInput)
	if *in.LogGroupName != "/ecs/orders" || *in.StartTime != 1000 || *in.EndTime != 2000 || *in.FilterPattern != "ERROR" ||
		*in.LogStreamNamePrefix != "app" || *in.NextToken != "token" || *in.Limit != 10_000 || *in.StartFromHead {
		t.Errorf("input %+v", in)
	}

	if _, err := c.LogSource(production).Filter(t.Context(), logs.Query{Group: "g"}); err != nil {
		t.Fatal(err)
	}
	in = a.calls[1].input.(*cloudwatchlogs.FilterLogEventsInput)
	if in.StartTime != nil || in.EndTime != nil || in.FilterPattern != nil || in.LogStreamNamePrefix != nil || in.NextToken != nil || in.Limit != nil || in.StartFromHead != nil {
		t.Errorf("an empty query asks for %+v", in)
	}
}

func TestLogFailuresTellTheTailWhatToDo(t *testing.T) {
	for name, test := range map[string]struct {
		code                 string
		throttled, permanent bool
	}{
		"throttled": {"ThrottlingException", true, false},
		"no group":  {"ResourceNotFoundException", false, true},
		"denied":    {"AccessDeniedException", false, true},
		"expired":   {"ExpiredTokenException", false, true},
		"broken":    {"ServiceUnavailableException", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				status, sent := 400, 0
				if name == "broken" {
					status = 503
				}
				answer := answering(status, `{"__type":"`+test.code+`","message":"m"}`)
				c := over(t, func(r *http.Request) (*http.Response, error) { sent++; return answer(r) })
				_, err := c.LogSource(production).Filter(t.Context(), logs.Query{Group: "/ecs/orders"})
				var throttled interface{ Throttled() bool }
				var permanent interface{ Permanent() bool }
				if !errors.As(err, &throttled) || throttled.Throttled() != test.throttled {
					t.Errorf("throttled is not %v: %v", test.throttled, err)
				}
				if !errors.As(err, &permanent) || permanent.Permanent() != test.permanent {
					t.Errorf("permanent is not %v: %v", test.permanent, err)
				}
				if _, ok := errors.AsType[*pipeline.Error](err); !ok {
					t.Errorf("not classified: %v", err)
				}
				if sent != 1 {
					t.Errorf("sent %d times: the tail has its own back-off", sent)
				}
			})
		})
	}
}
