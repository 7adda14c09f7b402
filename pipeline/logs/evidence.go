package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrorPattern is a CloudWatch filter pattern for lines that tell of errors:
// the words that levels and exceptions are written with, and the statuses of
// failed requests in access logs.
const ErrorPattern = `?ERROR ?Error ?error ?CRITICAL ?critical ?FATAL ?fatal ?Traceback ?Exception ?"\" 500 " ?"\" 502 " ?"\" 503 " ?"\" 504 "`

const (
	// evidenceAttempts is how often a page is asked for before Compare gives up.
	evidenceAttempts = 4
	// evidenceReaders is how many groups are sampled at once.
	evidenceReaders = 4
	// probePages bounds the search for any line at all on a side without errors.
	probePages = 3
)

// Evidence is what two samples of the logs say about a moment, such as that at
// which a release took traffic. Services that moved at different moments are
// each compared around their own.
type Evidence struct {
	At         time.Time   // the moment; the earliest where there are several
	Read       time.Time   // when the samples were complete
	Signatures []Signature // as Signatures.Since returns them
	Samples    []Sample    // one for each group
	// Before and After are how much time on each side every sample covers. They
	// are shorter than what was asked for where there were more errors than the
	// samples may hold, or where the time has not passed yet; counts are only
	// comparable by the minute then.
	Before, After time.Duration
}

// Sample is what was read of one log group.
type Sample struct {
	Group                   Group
	At                      time.Time     // the moment
	Before, After           time.Duration // how much time on each side was read
	LinesBefore, LinesAfter int           // error lines on each side
	// Silent reports that nothing whatever was written before the moment: that
	// an error is new then only says that the service is.
	Silent bool
	Err    error // why the group was not read, or not to its end; nil: it was
}

// New returns the signatures that came only after the moment, in groups that
// wrote something before it.
func (e *Evidence) New() []Signature {
	silent := map[string]bool{}
	for _, s := range e.Samples {
		silent[s.Group.Name] = s.Silent || s.Err != nil
	}
	return slices.DeleteFunc(slices.Clone(e.Signatures), func(s Signature) bool { return !s.New() || silent[s.Group] })
}

// Counts returns the error lines before and after the moment, of all groups.
func (e *Evidence) Counts() (before, after int) {
	for _, s := range e.Samples {
		before += s.LinesBefore
		after += s.LinesAfter
	}
	return before, after
}

// Rates returns the error lines a minute before and after the moment, each
// group by the time that was read of it.
func (e *Evidence) Rates() (before, after float64) {
	perMinute := func(lines int, span time.Duration) float64 {
		if span < time.Second {
			return 0
		}
		return float64(lines) / span.Minutes()
	}
	for _, s := range e.Samples {
		before += perMinute(s.LinesBefore, s.Before)
		after += perMinute(s.LinesAfter, s.After)
	}
	return before, after
}

// Failed returns the samples that could not be read: where there are any, that
// nothing was found says less.
func (e *Evidence) Failed() []Sample {
	return slices.DeleteFunc(slices.Clone(e.Samples), func(s Sample) bool { return s.Err == nil })
}

// MergeEvidence sums up comparisons of different groups.
func MergeEvidence(parts ...Evidence) Evidence {
	var all Evidence
	for i, p := range parts {
		if i == 0 || p.At.Before(all.At) {
			all.At = p.At
		}
		if i == 0 || p.Before < all.Before {
			all.Before = p.Before
		}
		if i == 0 || p.After < all.After {
			all.After = p.After
		}
		if p.Read.After(all.Read) {
			all.Read = p.Read
		}
		all.Samples = append(all.Samples, p.Samples...)
		all.Signatures = append(all.Signatures, p.Signatures...)
	}
	slices.SortStableFunc(all.Signatures, compareSignatures)
	return all
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
// failures a few times. A group that cannot be read carries its error in its
// sample; only when none can be read is there an error, that of the first.
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
	counts := &sides{before: NewSignatures(LevelError), after: NewSignatures(LevelError)}
	evidence := Evidence{At: c.At, Before: c.Span, After: min(c.Span, max(time.Since(c.At), 0)), Samples: make([]Sample, len(c.Groups))}
	var readers sync.WaitGroup
	places := make(chan struct{}, evidenceReaders)
	for i, group := range c.Groups {
		readers.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			evidence.Samples[i] = c.compare(ctx, source, counts, group)
		})
	}
	readers.Wait()
	failed := evidence.Failed()
	if len(failed) > 0 && len(failed) == len(c.Groups) {
		return Evidence{}, failed[0].Err
	}
	for _, s := range evidence.Samples {
		if s.Err == nil {
			evidence.Before, evidence.After = min(evidence.Before, s.Before), min(evidence.After, s.After)
		}
	}
	evidence.Read, evidence.Signatures = time.Now(), counts.merged()
	return evidence, nil
}

// compare reads both sides of one group.
func (c *Comparison) compare(ctx context.Context, source Source, counts *sides, group Group) Sample {
	s := Sample{Group: group, At: c.At}
	before := Query{Start: c.At.Add(-c.Span), End: c.At.Add(-time.Millisecond), NewestFirst: true}
	after := Query{Start: c.At, End: c.At.Add(c.Span)}
	if s.Before, s.LinesBefore, s.Err = c.sample(ctx, source, counts.before, before, group); s.Err != nil {
		return s
	}
	if s.After, s.LinesAfter, s.Err = c.sample(ctx, source, counts.after, after, group); s.Err != nil {
		return s
	}
	s.After = min(s.After, max(time.Since(c.At), 0))
	if s.LinesBefore == 0 && s.LinesAfter > 0 {
		s.Silent, s.Err = c.silent(ctx, source, before, group)
	}
	return s
}

// silent reports whether the group holds no line at all of the query's time.
func (c *Comparison) silent(ctx context.Context, source Source, query Query, group Group) (bool, error) {
	query.Group, query.StreamPrefix, query.Limit = group.Name, group.StreamPrefix, 1
	for range probePages {
		page, err := c.page(ctx, source, query)
		if err != nil {
			return false, fmt.Errorf("sampling %s: %w", group.Name, err)
		}
		if len(page.Events) > 0 {
			return false, nil
		}
		if page.NextToken == "" || page.NextToken == query.NextToken {
			return true, nil
		}
		query.NextToken = page.NextToken
	}
	return false, nil // not known to be
}

// sample counts the lines of one group on one side. It returns how much time
// was read, from the moment outwards, and how many error lines stand there.
func (c *Comparison) sample(ctx context.Context, source Source, counts *Signatures, query Query, group Group) (time.Duration, int, error) {
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
			return 0, 0, fmt.Errorf("sampling %s: %w", group.Name, err)
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
	errorLines := 0
	for _, line := range lines {
		if line.Level >= LevelError && !line.Continuation {
			errorLines++
		}
	}
	counts.Add(lines)
	return min(covered, c.Span), errorLines, nil
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
		case ctx.Err() != nil, errors.Is(err, context.Canceled), permanent(err), attempt == evidenceAttempts:
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

// sides are the counts of the two samples, apart, so that each has a line to
// show.
type sides struct{ before, after *Signatures }

// merged puts the counts of both sides beside each other.
func (s *sides) merged() []Signature {
	found := s.after.Since(time.Time{})
	at := map[signatureKey]int{}
	for i := range found {
		at[signatureKey{found[i].Group, found[i].Template}] = i
	}
	for _, b := range s.before.Since(time.Time{}) {
		i, both := at[signatureKey{b.Group, b.Template}]
		if !both {
			b.Before, b.After = b.After, 0
			b.Earlier, b.Example = b.Example, nil
			found = append(found, b)
			continue
		}
		f := &found[i]
		f.Before, f.Earlier, f.First, f.Level = b.After, b.Example, b.First, max(f.Level, b.Level)
	}
	slices.SortStableFunc(found, compareSignatures)
	return found
}
