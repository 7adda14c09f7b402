package logs

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Group is a log group to follow.
type Group struct {
	Name         string // the log group's name
	Service      string // service that writes to it
	StreamPrefix string // only streams whose names begin so; empty: every stream, also those of tasks still to come
	Pattern      string // CloudWatch filter pattern, applied at the source; empty: every event
}

// Options of a tail. The zero value takes the defaults.
type Options struct {
	Since      time.Duration // how far back lines are read at the start; default 10 minutes, negative: none
	Overlap    time.Duration // how far each poll reads back behind the last one; default 10 s
	Sweep      time.Duration // how far each sweep reads back, for lines that come late; default 2 minutes
	SweepEvery time.Duration // pause between sweeps; default 30 s
	Interval   time.Duration // pause between polls while lines come; default 1 s
	Idle       time.Duration // longest pause between polls while none come; default 5 s
	Timeout    time.Duration // of one request; default 20 s

	// BackfillPages bounds what is read of the time before the start, newest
	// first; default 10 pages for each group.
	BackfillPages int
	// Limiter is shared by everything that uses the same account and region.
	// The default is a limiter of the tail's own with DefaultRate.
	Limiter *Limiter
}

// withDefaults returns o with every unset option set.
func (o Options) withDefaults() Options {
	defaults := []struct {
		value *time.Duration
		other time.Duration
	}{
		{&o.Since, 10 * time.Minute},
		{&o.Overlap, 10 * time.Second},
		{&o.Sweep, 2 * time.Minute},
		{&o.SweepEvery, 30 * time.Second},
		{&o.Interval, time.Second},
		{&o.Idle, 5 * time.Second},
		{&o.Timeout, 20 * time.Second},
	}
	for _, d := range defaults {
		if *d.value == 0 {
			*d.value = d.other
		}
	}
	o.Since = max(o.Since, 0)
	o.Idle = max(o.Idle, o.Interval)
	if o.BackfillPages == 0 {
		o.BackfillPages = 10
	}
	if o.Limiter == nil {
		o.Limiter = NewLimiter(DefaultRate)
	}
	return o
}

// Tail follows log groups: each event that the source stores is delivered to
// the sink once, also when it is stored late, in a new stream or with a wrong
// timestamp, and whatever errors come between.
//
// It never reads behind the newest line it saw, but behind the wall clock: each
// poll asks again for the last seconds, a sweep for the last minutes, and what
// was delivered before is known by its id.
type Tail struct {
	source  Source
	sink    Sink
	options Options
	regroup chan struct{} // cap 1: groups has changed
	changed chan struct{} // cap 1: a state has changed

	mu      sync.Mutex
	groups  []Group
	pollers map[Group]*poller
	pace    func(Group) Pace // nil: all as the options say
	since   time.Time        // from when on lines were asked for by ReadBack; zero: not
}

// Pace is how often a group is read.
type Pace struct {
	Interval time.Duration // pause between polls while lines come; zero: as the options say
	Idle     time.Duration // longest pause between polls while none come; zero: as the options say
	First    bool          // somebody looks at this group: it goes before the others
}

// NewTail returns a tail that follows nothing yet: give it groups and Run it.
func NewTail(source Source, sink Sink, options Options) *Tail {
	return &Tail{
		source: source, sink: sink, options: options.withDefaults(),
		regroup: make(chan struct{}, 1), changed: make(chan struct{}, 1),
		pollers: make(map[Group]*poller),
	}
}

// SetGroups replaces the groups that are followed, also while the tail runs.
// Groups that stay go on undisturbed. Those that are left out are removed from
// the sink; one whose prefix or pattern changed is read afresh.
func (t *Tail) SetGroups(groups []Group) {
	t.mu.Lock()
	t.groups = slices.Clone(groups)
	t.mu.Unlock()
	signal(t.regroup)
}

// ReadBack reads the lines since an instant too that is before the tail's
// beginning, newest first and as far as its pages allow.
func (t *Tail) ReadBack(since time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() || since.Before(t.since) {
		t.since = since
	}
	for _, p := range t.pollers {
		p.readBack(t.since)
	}
}

// SetPace says how often each group is read from now on, also while the tail
// runs; a group that is read more often than before is read at once. Nothing is
// lost at any pace. The function must return at once.
func (t *Tail) SetPace(pace func(Group) Pace) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pace = pace
	for _, p := range t.pollers {
		signal(p.hurry)
	}
}

// paceOf returns how often the group is read.
func (t *Tail) paceOf(group Group) Pace {
	t.mu.Lock()
	pace := t.pace
	t.mu.Unlock()
	var p Pace
	if pace != nil {
		p = pace(group)
	}
	if p.Interval <= 0 {
		p.Interval = t.options.Interval
	}
	if p.Idle <= 0 {
		p.Idle = t.options.Idle
	}
	p.Idle = max(p.Idle, p.Interval)
	return p
}

// Changed returns a channel that holds one token whenever the state of a group
// may have changed since the last one was taken. It is meant for a single
// reader.
func (t *Tail) Changed() <-chan struct{} { return t.changed }

// State returns how each group fares, in the order in which they were set.
func (t *Tail) State() []GroupState {
	t.mu.Lock()
	defer t.mu.Unlock()
	states := make([]GroupState, 0, len(t.groups))
	for _, group := range t.groups {
		state := GroupState{Group: group}
		if p := t.pollers[group]; p != nil {
			state = p.report()
		}
		states = append(states, state)
	}
	return states
}

// Run follows the groups until the context ends, and returns its error when
// all that it started has ended. A tail runs once.
func (t *Tail) Run(ctx context.Context) error {
	running := make(map[Group]func()) // each stops its poller and waits for it
	for ctx.Err() == nil {
		t.reconcile(ctx, running)
		select {
		case <-ctx.Done():
		case <-t.regroup:
		}
	}
	for _, stop := range running {
		stop()
	}
	return ctx.Err()
}

// reconcile stops the pollers of groups that are not wanted any more and
// starts those that are missing.
func (t *Tail) reconcile(ctx context.Context, running map[Group]func()) {
	t.mu.Lock()
	wanted := slices.Clone(t.groups)
	t.mu.Unlock()
	for group, stop := range running {
		if slices.Contains(wanted, group) {
			continue
		}
		stop()
		delete(running, group)
		t.mu.Lock()
		delete(t.pollers, group)
		t.mu.Unlock()
		t.sink.Remove(group.Name)
	}
	for _, group := range wanted {
		if running[group] == nil {
			running[group] = t.start(ctx, group)
		}
	}
	signal(t.changed)
}

// start starts a group's poller and returns what stops it.
func (t *Tail) start(ctx context.Context, group Group) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	p := newPoller(t, group)
	t.mu.Lock()
	t.pollers[group] = p
	if !t.since.IsZero() {
		p.readBack(t.since)
	}
	t.mu.Unlock()
	go func() {
		defer close(done)
		p.run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// signal leaves a token in a channel of capacity 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
