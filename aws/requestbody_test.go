package aws

import (
	"io"
	"strings"
	"testing"

	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// The SDK closes the body of a request when its answer begins. What net/http
// reads must not end with that.
func TestKeptBodySurvivesItsClosing(t *testing.T) {
	const content = `{"logGroupName":"/ecs/orders"}`
	request, ok := smithyhttp.NewStackRequest().(*smithyhttp.Request)
	if !ok {
		t.Fatal("no request")
	}
	request, err := request.SetStream(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = int64(len(content))
	for attempt := range 2 { // the retry copies the request before
		clone := request.Clone()
		if err := keepBody(clone); err != nil {
			t.Fatal(err)
		}
		built := clone.Build(t.Context())
		if err := built.Body.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(built.Body)
		if err != nil || string(got) != content || built.ContentLength != int64(len(content)) {
			t.Errorf("attempt %d reads %q of %d bytes, %v", attempt, got, built.ContentLength, err)
		}
	}
}
