package logs

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrorPattern is a CloudWatch filter pattern for lines that tell of errors:
// the words that levels and exceptions are written with, and the statuses of
// failed requests in access logs.
const ErrorPattern = `?ERROR ?Error ?error ?CRITICAL ?critical ?FATAL ?fatal ?Traceback ?Exception ?"\" 500 " ?"\" 502 " ?"\" 503 " ?"\" 504 "`

// evidenceAttempts is how often a page is asked for before Compare gives up.
const evidenceAttempts = 4

// Evidence is what two samples of the logs say about a moment, such as that at
// which a release took traffic.
type Evidence struct {
	At         time.Time
	Signatures []Signature // as Signatures.Since returns them
	// Before and After are how much time on each side the samples cover. They
	// are shorter than what was asked for where there were more errors than the
	// samples may hold, or where the time has not passed yet; counts are only
	// comparable by the minute then.
	Before, After time.Duration
}

// Comparison says what Compare reads.
type Comparison struct {
	Groups  []Group       // whose Pattern replaces ErrorPattern where it is set
	At      time.Time     // the moment
	Span    time.Duration // how much of the time on each side; default 10 minutes
	Pages   int           // most pages for each group and side; default 3
	Limiter *Limiter      // shared with the tails of the same account and region
}

// Compare reads the errors before and after a moment from the source, filtered
// there, for a console that was opened after the fact. It retries passing
// failures a few times and returns the error of the first group that cannot be
// read.
func Compare(ctx context.Context, source Source, c Comparison) (Evidence, error) {
	if c.Span <= 0 {
		c.Span = 10 * time.Minute
	}
	if c.Pages <= 0 {
		c.Pages = 3
	}
	if c.Limiter == nil {
		c.Limiter = NewLimiter(DefaultRate)
	}
	counts := NewSignatures(LevelError)
	evidence := Evidence{At: c.At, Before: c.Span, After: min(c.Span, max(time.Since(c.At), 0))}
	for _, group := range c.Groups {
		before, err := c.sample(ctx, source, counts, Query{Start: c.At.Add(-c.Span), End: c.At.Add(-time.Millisecond), NewestFirst: true}, group)
		if err != nil {
			return Evidence{}, err
		}
		after, err := c.sample(ctx, source, counts, Query{Start: c.At, End: c.At.Add(c.Span)}, group)
		if err != nil {
			return Evidence{}, err
		}
		evidence.Before, evidence.After = min(evidence.Before, before), min(evidence.After, after)
	}
	evidence.Signatures = counts.Since(c.At)
	return evidence, nil
}

// sample counts the lines of one group on one side and returns how much time
// was read, from the moment outwards.
func (c *Comparison) sample(ctx context.Context, source Source, counts *Signatures, query Query, group Group) (time.Duration, error) {
	query.Group, query.StreamPrefix, query.Pattern = group.Name, group.StreamPrefix, group.Pattern
	if query.Pattern == "" {
		query.Pattern = ErrorPattern
	}
	assembler, seen := newAssembler(group), newSeen()
	var lines []*Line
	covered := c.Span
	for pages := 0; ; {
		page, err := c.page(ctx, source, query)
		if err != nil {
			return 0, fmt.Errorf("sampling %s: %w", group.Name, err)
		}
		for i := range page.Events {
			event := &page.Events[i]
			if seen.add(event) {
				lines = assembler.append(lines, event, time.Now())
				covered = event.Timestamp.Sub(c.At).Abs()
			}
		}
		pages++
		if page.NextToken == "" || page.NextToken == query.NextToken {
			covered = c.Span
			break
		}
		if query.NextToken = page.NextToken; pages >= c.Pages {
			break
		}
	}
	counts.Add(lines)
	return min(covered, c.Span), nil
}

// page asks for one page until it is answered.
func (c *Comparison) page(ctx context.Context, source Source, query Query) (Page, error) {
	for attempt := 1; ; attempt++ {
		if err := c.Limiter.Wait(ctx); err != nil {
			return Page{}, err
		}
		page, err := source.Filter(ctx, query)
		switch {
		case err == nil:
			c.Limiter.Succeeded()
			return page, nil
		case errors.Is(err, context.Canceled), permanent(err), attempt == evidenceAttempts:
			return Page{}, err
		case throttled(err):
			c.Limiter.Throttled()
		default:
			if err := sleep(ctx, backoff(attempt-1)); err != nil {
				return Page{}, err
			}
		}
	}
}
