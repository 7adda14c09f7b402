package aws

import (
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// attempts is how often a read is tried, and maxBackoff the longest pause
// between two tries. A third of all calls may be throttled and a poll of many
// calls still gets through. The SDK's adaptive mode would not: it slows every
// call of the session to one in two seconds, and no poll ends in time.
const (
	attempts   = 6
	maxBackoff = 4 * time.Second
)

// newRetryer asks again, later and later, when AWS throttles or an answer broke
// off, and not again for an operation that the endpoint does not have.
func newRetryer() awssdk.Retryer {
	ours := retry.IsErrorRetryableFunc(func(err error) awssdk.Ternary {
		switch {
		case unsupported(err):
			return awssdk.FalseTernary
		case torn(err):
			return awssdk.TrueTernary
		}
		return awssdk.UnknownTernary
	})
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.Backoff = retry.NewExponentialJitterBackoff(maxBackoff)
		o.Retryables = append([]retry.IsErrorRetryable{ours}, o.Retryables...)
	})
}
