package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// pageBody is an answer of FilterLogEvents with n events of the sort that a web
// service writes.
func pageBody(n int) []byte {
	type event struct {
		EventID       string `json:"eventId"`
		IngestionTime int64  `json:"ingestionTime"`
		LogStreamName string `json:"logStreamName"`
		Message       string `json:"message"`
		Timestamp     int64  `json:"timestamp"`
	}
	var page struct {
		Events    []event  `json:"events"`
		NextToken string   `json:"nextToken"`
		Searched  []string `json:"searchedLogStreams"`
	}
	at := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC).UnixMilli()
	for i := range n {
		message := fmt.Sprintf("10.0.3.%d - - [23/Nov/2026:14:03:22 +0000] \"GET /api/v1/cart/%d HTTP/1.1\" 200 512 \"-\" \"python-requests/2.32\" req=%08x", i%250, i, i)
		if i%20 == 0 {
			message = fmt.Sprintf("ERROR checkout.cart cart of customer %d could not be priced: KeyError 'sku'\nTraceback", i)
		}
		page.Events = append(page.Events, event{
			EventID: fmt.Sprintf("3882918723876238762387623876238762387623876238762%07d", i), IngestionTime: at + int64(i) + 900,
			LogStreamName: fmt.Sprintf("app/orders/0a1b2c3d4e5f60718293a4b5c6d7e8f%d", i%6), Message: message, Timestamp: at + int64(i),
		})
	}
	page.NextToken, page.Searched = "next", []string{}
	body, err := json.Marshal(page)
	if err != nil {
		panic(err)
	}
	return body
}

// BenchmarkPageFromWire measures an answer of 10,000 events from its bytes to the tail's events.
func BenchmarkPageFromWire(b *testing.B) {
	b.Setenv("AWS_ENDPOINT_URL", "http://aws.sandbox")
	b.Setenv("AWS_ACCESS_KEY_ID", "AKIA")
	b.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	body := pageBody(10_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = w.Write(body)
	}))
	defer server.Close()
	c, err := New(b.Context(), Options{Region: "eu-central-1", DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}})
	if err != nil {
		b.Fatal(err)
	}
	source := c.LogSource(production)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		page, err := source.Filter(b.Context(), logs.Query{Group: "/ecs/orders"})
		if err != nil || len(page.Events) != 10_000 {
			b.Fatal(len(page.Events), err)
		}
		n += len(page.Events)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
}
