package aws

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// production is the cluster of these tests; its identity is the sessions' own.
var production = pipeline.Cluster{Name: "shop-production"}

// account answers the SDK's operations in the place of AWS, below the allow-list
// and above the wire, and counts them.
type account struct {
	t       *testing.T
	answers map[string]func(in any) (any, error)

	mu    sync.Mutex
	calls []call
}

// call is one operation that was sent.
type call struct {
	operation string
	input     any
}

// newAccount returns a Cloud whose one session asks the account.
func newAccount(t *testing.T) (*Cloud, *account) {
	t.Helper()
	a := &account{t: t, answers: map[string]func(any) (any, error){}}
	c, err := New(t.Context(), Options{Region: "eu-central-1"})
	if err != nil {
		t.Fatal(err)
	}
	who := c.identity(production)
	c.sessions[who] = &slot{session: c.newSession(who, awssdk.Config{
		Region:      who.region,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		HTTPClient:  wire(func(*http.Request) (*http.Response, error) { return nil, errors.New("nothing may be sent") }),
		Retryer:     func() awssdk.Retryer { return awssdk.NopRetryer{} },
		APIOptions:  []func(*middleware.Stack) error{readOnly, bounded, a.install},
	})}
	return c, a
}

// on says how the account answers an operation.
func on[In, Out any](a *account, operation string, answer func(In) (Out, error)) {
	a.answers[operation] = func(in any) (any, error) { return answer(in.(In)) }
}

func (a *account) install(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Account",
		func(ctx context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (out middleware.InitializeOutput, _ middleware.Metadata, err error) {
			operation := middleware.GetOperationName(ctx)
			a.mu.Lock()
			a.calls = append(a.calls, call{operation, in.Parameters})
			a.mu.Unlock()
			answer, ok := a.answers[operation]
			if !ok {
				return out, middleware.Metadata{}, &smithy.GenericAPIError{Code: "UnknownOperationException", Message: operation}
			}
			out.Result, err = answer(in.Parameters)
			return out, middleware.Metadata{}, err
		}), middleware.After)
}

// sent counts the calls of an operation.
func (a *account) sent(operation string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(a.calls), func(c call) bool { return c.operation != operation }))
}

// wire is an HTTP client that is a function.
type wire func(*http.Request) (*http.Response, error)

func (w wire) Do(r *http.Request) (*http.Response, error) { return w(r) }

// over returns a Cloud whose session talks through w, with the retries of real
// sessions.
func over(t *testing.T, w wire) *Cloud {
	t.Helper()
	c, err := New(t.Context(), Options{Region: "eu-central-1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	who := c.identity(production)
	c.sessions[who] = &slot{session: c.newSession(who, awssdk.Config{
		Region:      who.region,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		HTTPClient:  w,
		Retryer:     newRetryer,
		APIOptions:  []func(*middleware.Stack) error{readOnly, bounded},
	})}
	return c
}

// failure is an error as a service sends it.
func failure(code, message string) error {
	return &smithy.GenericAPIError{Code: code, Message: message}
}
