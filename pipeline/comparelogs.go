package pipeline

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// comparedLogs is a comparison that was read, for as long as it is worth
// showing again.
type comparedLogs struct {
	moments  map[string]time.Time // by service
	evidence logs.Evidence
	err      error
	parts    map[string]comparedPart // by service: what evidence was made of
	running  chan struct{}           // closed when the reading has ended
	earlier  *logs.Evidence          // of the same moments, read before; nil: none
	known    map[string]comparedPart // of the comparison before this one
}

// comparedPart is the comparison of one service.
type comparedPart struct {
	at       time.Time
	evidence logs.Evidence
}

// current reports whether a comparison would find nothing else if it were read
// again, or was read just now.
func current(e logs.Evidence) bool {
	return e.Read.After(e.At.Add(comparedSpan+time.Minute)) || time.Since(e.Read) < comparedLife
}

// comparedLife is how long a comparison is shown again while the time after
// the moment has not passed; later nothing new can come of it.
const comparedLife = 30 * time.Second

// comparePatience bounds a comparison: the quota of an account lets some groups
// be read in seconds and many in half a minute.
const comparePatience = 45 * time.Second

// comparedSpan is how much of each side of the moment is compared.
const comparedSpan = 10 * time.Minute

// CompareLogs reads the errors of a service, or of all services of the
// environment where key names none, ten minutes each side of the moment at
// which ECS began to move its traffic to what runs now. It asks CloudWatch with
// a filter pattern, at the pace that the account's quota allows, so that it
// takes seconds; the answer is kept for half a minute.
//
// A group that cannot be read carries its error in the evidence. The error is
// KindUnavailable where logs are off, KindNotFound where the environment, the
// moment or the log groups are not known, and the source's own where nothing
// could be read.
func (e *Engine) CompareLogs(ctx context.Context, key ServiceKey) (logs.Evidence, error) {
	if e.opt.LogSource == nil {
		return logs.Evidence{}, &Error{Kind: KindUnavailable, Op: "compare the logs", On: key.Environment, Message: "logs are not read here"}
	}
	subjects, err := e.compared(key)
	if err != nil {
		return logs.Evidence{}, err
	}
	moments := map[string]time.Time{}
	for _, s := range subjects {
		moments[s.service] = s.at
	}
	kept, mine := e.keptComparison(key, moments)
	if mine && !e.goes("compare logs", func(ctx context.Context) { e.compare(ctx, key, kept, subjects) }) {
		e.compare(ctx, key, kept, subjects)
	}
	select {
	case <-kept.running: // an answer that is there goes before haste
		return kept.evidence, kept.err
	default:
	}
	select {
	case <-ctx.Done():
		if kept.earlier != nil { // older, but an answer
			return *kept.earlier, nil
		}
		return logs.Evidence{}, &Error{Kind: KindUnavailable, Op: "compare the logs", On: key.Environment, Message: "no answer yet", Hint: "the comparison goes on; look again in some seconds", Err: ctx.Err()}
	case <-kept.running:
	}
	return kept.evidence, kept.err
}

// compare reads a comparison to its end, whoever still waits for it.
func (e *Engine) compare(ctx context.Context, key ServiceKey, kept *comparedLogs, subjects []subject) {
	defer close(kept.running)
	ctx, cancel := context.WithTimeout(ctx, comparePatience)
	defer cancel()
	kept.err = &Error{Kind: KindInternal, Op: "compare the logs", On: key.Environment, Message: "the comparison ended early", Hint: "the log file says why"}
	e.readComparison(ctx, kept, subjects)
	if key.Service == "" {
		e.observe(func(s *state) {
			s.errors[key.Environment] = fact(s.errors[key.Environment], "aws logs", comparedSpan, kept.evidence, kept.err)
		})
	}
	if kept.err == nil && len(kept.evidence.Failed()) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.compares[key] == kept {
		delete(e.compares, key)
	}
}

// anticipateEvery keeps a comparison that fails from being tried all the time.
const anticipateEvery = 2 * time.Minute

// anticipate compares the logs of a production that has fallen ill, so that
// whoever opens the rollback sheet finds the answer there.
func (e *Engine) anticipate(s *Snapshot) {
	env := s.Environment(s.Focus.Environment)
	if e.ctx == nil || env == nil || !env.Environment.Production || s.Mode != ModeOperator || e.opt.LogSource == nil {
		return
	}
	fallen := slices.ContainsFunc(env.Services, func(v ServiceView) bool { return v.Health == Degraded || v.Health == Unhealthy })
	key := ServiceKey{Environment: env.Environment.Name}
	e.mu.Lock()
	due := fallen && e.compares[key] == nil && s.AsOf.Sub(e.anticipated) >= anticipateEvery
	if due {
		e.anticipated = s.AsOf
	}
	e.mu.Unlock()
	if due {
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()                       // nobody waits for it here
		_, _ = e.CompareLogs(ctx, key) // whoever asks for it next is told how it went
	}
}

// subject is one service whose log is compared.
type subject struct {
	service  string
	at       time.Time
	identity Cluster
	groups   []logs.Group
}

// compared finds what the comparison is about.
func (e *Engine) compared(key ServiceKey) ([]subject, error) {
	unknown := func(message, hint string) error {
		return &Error{Kind: KindNotFound, Op: "compare the logs", On: key.Environment, Message: message, Hint: hint}
	}
	snap := e.Snapshot()
	env := snap.Environment(key.Environment)
	if env == nil {
		return nil, unknown("nothing is known of "+key.Environment, "wait until its services were read, or name another environment")
	}
	var found []subject
	moved := false
	for _, v := range env.Services {
		if key.Service != "" && v.Key.Service != key.Service {
			continue
		}
		s := subject{service: v.Key.Service, at: firstStart(v), identity: v.Cluster}
		s.identity.Name = ""
		for _, name := range configuredGroups(env.Environment, v.ServiceState) {
			s.groups = append(s.groups, logs.Group{Name: name, Service: v.Key.Service})
		}
		moved = moved || !s.at.IsZero()
		if !s.at.IsZero() && len(s.groups) > 0 {
			found = append(found, s)
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case !moved:
		return nil, unknown("nobody knows since when this release takes traffic", "look at the services: ECS names no deployment of them")
	}
	return nil, unknown("no log group is known", "let the task definitions log with awslogs, or name log_groups in the configuration")
}

// keptComparison returns the comparison that exists or is being read, or one
// that the caller has to read now.
func (e *Engine) keptComparison(key ServiceKey, moments map[string]time.Time) (c *comparedLogs, mine bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	next := &comparedLogs{moments: moments, running: make(chan struct{})}
	if c = e.compares[key]; c != nil {
		same := sameMoments(c.moments, moments)
		select {
		case <-c.running:
			if same && current(c.evidence) {
				return c, false
			}
			if next.known = c.parts; same {
				if next.earlier = &c.evidence; c.err != nil {
					next.earlier = c.earlier
				}
			}
		default:
			if same {
				return c, false
			}
		}
	}
	c = next
	if e.compares == nil {
		e.compares = map[ServiceKey]*comparedLogs{}
	}
	e.compares[key] = c
	return c, true
}

func sameMoments(a, b map[string]time.Time) bool {
	if len(a) != len(b) {
		return false
	}
	for service, at := range a {
		if !b[service].Equal(at) {
			return false
		}
	}
	return true
}

// readComparison samples every subject around its own moment. While a rollout
// moves from service to service it is only the next one's that is new: what was
// just read of the others counts.
func (e *Engine) readComparison(ctx context.Context, kept *comparedLogs, subjects []subject) {
	parts, failures := make([]logs.Evidence, len(subjects)), make([]error, len(subjects))
	var wg sync.WaitGroup
	for i, s := range subjects {
		if known, ok := kept.known[s.service]; ok && known.at.Equal(s.at) && current(known.evidence) {
			parts[i] = known.evidence
			continue
		}
		wg.Go(func() {
			c := logs.Comparison{Groups: s.groups, At: s.at, Span: comparedSpan, Limiter: e.limiter(s.identity)}
			parts[i], failures[i] = logs.Compare(ctx, e.opt.LogSource(s.identity), c)
		})
	}
	wg.Wait()
	kept.known = nil
	kept.parts = map[string]comparedPart{}
	var read []logs.Evidence
	var unread []logs.Sample
	for i, s := range subjects {
		if failures[i] == nil {
			read = append(read, parts[i])
			if len(parts[i].Failed()) == 0 {
				kept.parts[s.service] = comparedPart{s.at, parts[i]}
			}
			continue
		}
		for _, g := range s.groups {
			unread = append(unread, logs.Sample{Group: g, At: s.at, Err: failures[i]})
		}
	}
	if len(read) == 0 {
		kept.evidence, kept.err = logs.Evidence{}, failures[slices.IndexFunc(failures, func(err error) bool { return err != nil })]
		return
	}
	kept.evidence, kept.err = logs.MergeEvidence(read...), nil
	kept.evidence.Samples = append(kept.evidence.Samples, unread...)
}

// limiter is what everybody shares who reads the logs of one account and region.
func (e *Engine) limiter(identity Cluster) *logs.Limiter {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.limiterLocked(identity)
}

func (e *Engine) limiterLocked(identity Cluster) *logs.Limiter {
	l := e.limiters[identity]
	if l == nil {
		if e.limiters == nil {
			e.limiters = map[Cluster]*logs.Limiter{}
		}
		l = logs.NewLimiter(0)
		e.limiters[identity] = l
	}
	return l
}
