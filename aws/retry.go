package aws

import (
	"context"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// attempts is how often a read is tried. Pollers come back by themselves, so
// that more would only delay the news that something is wrong.
const attempts = 3

// tokenWait is how long an attempt waits before it asks again whether the rate
// that AWS put up with lets it go.
const tokenWait = 50 * time.Millisecond

// newRetryer slows down by itself when AWS throttles. It asks again where an
// answer broke off, and not again for an operation that the endpoint does not have.
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
	return pacedRetryer{retry.NewAdaptiveMode(func(adaptive *retry.AdaptiveModeOptions) {
		adaptive.FailOnNoAttemptTokens = true
		adaptive.StandardOptions = append(adaptive.StandardOptions, func(o *retry.StandardOptions) {
			o.MaxAttempts = attempts
			o.Retryables = append([]retry.IsErrorRetryable{ours}, o.Retryables...)
		})
	})}
}

// pacedRetryer is the SDK's adaptive mode with waits of its own. The SDK's wait
// may round down to nothing, and then it spins until time passes, which it never
// does where the clock is virtual.
type pacedRetryer struct{ *retry.AdaptiveMode }

// GetAttemptToken waits until the rate lets an attempt go, or ctx ends.
func (p pacedRetryer) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	for {
		release, err := p.AdaptiveMode.GetAttemptToken(ctx)
		if err == nil { // the only error is that there is no token
			return release, nil
		}
		select {
		case <-time.After(tokenWait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
