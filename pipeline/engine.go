package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// Options are what an Engine is built from. A nil port is a source that is
// off: the engine then says less, and never guesses.
type Options struct {
	Repository Repository // what is known of it before it is read: host, owner and name
	GitHub     GitHub
	// OtherGitHub gives the port of another repository, OWNER/NAME, of those that
	// the configuration names; nil: only the console's own is read.
	OtherGitHub func(repository string) (GitHub, error)
	Cloud       Cloud
	// Configure reads the team's configuration. It is asked at the start and
	// every ten minutes; the newest good answer counts.
	Configure func(context.Context) (Configuration, error)
	// LogSource gives the source that serves a cluster's log groups; nil: no logs.
	LogSource func(Cluster) logs.Source
	NoTail    bool // read logs only when they are asked for
	// LogGroups are followed beside those of the environment in focus.
	LogGroups []string
	// LocalHolds are the holds of this machine; nil: there is no place for them.
	LocalHolds HoldStore
	// History keeps how long things took between two starts; nil: only this one knows.
	History  HistoryStore
	LogSince time.Duration // how far back the tail begins; 0: two minutes
	Mode     Mode
	Wall     bool      // never ask more often than every 15 s
	Restored *Snapshot // the last known snapshot, shown until live data replaces it; reading begins when it had time to be
	Focus    Focus     // at the start
	Log      *slog.Logger
}

// Engine reads the sources, each on its own schedule, and publishes what
// follows from them as immutable snapshots. It holds nothing that can change
// the world. All its methods may be called from any goroutine.
type Engine struct {
	opt     Options
	log     *slog.Logger
	ring    *logs.Ring
	current atomic.Pointer[Snapshot]
	reads   atomic.Uint64 // numbers reads by when they began

	mu          sync.Mutex // guards what follows
	state       state
	dirty       bool
	version     uint64
	pollers     []*poller
	watchers    map[chan struct{}]struct{}
	tail        *tailing
	limiters    map[Cluster]*logs.Limiter // of the logs' quota, by the identity that reads
	compares    map[ServiceKey]*comparedLogs
	anticipated time.Time // when logs were last compared unasked

	portsLock sync.Mutex
	ports     map[string]GitHub // of the other repositories

	history *History // only the poller of the history touches it

	begins  time.Time     // nothing is read before
	publish chan struct{} // cap 1: the state changed
	cancel  context.CancelFunc
	ctx     context.Context
	running sync.WaitGroup
}

// NewEngine makes an engine that is not started.
func NewEngine(opt Options) *Engine {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Mode == "" {
		opt.Mode = ModeReadOnly
	}
	if opt.LogSince == 0 {
		opt.LogSince = 2 * time.Minute
	}
	e := &Engine{
		opt:      opt,
		log:      opt.Log,
		ring:     logs.NewRing(0, 0),
		state:    newState(opt),
		watchers: map[chan struct{}]struct{}{},
		publish:  make(chan struct{}, 1),
	}
	first := opt.Restored
	if first == nil {
		first = &Snapshot{Mode: opt.Mode, Focus: opt.Focus, Repository: opt.Repository}
	} else {
		copied := *first
		copied.Restored, copied.Mode = true, opt.Mode
		first = &copied
	}
	e.current.Store(first)
	return e
}

// firstFrame is the time that a screen has to draw what was restored, before
// the sources take the processor.
const firstFrame = 30 * time.Millisecond

// Start begins to read. The engine stops when ctx ends or Close is called.
func (e *Engine) Start(ctx context.Context) {
	e.ctx, e.cancel = context.WithCancel(ctx)
	if e.opt.Restored != nil {
		e.begins = time.Now().Add(firstFrame)
	}
	e.goSafely("publisher", e.publishing)
	if e.opt.Configure != nil {
		e.addPoller(configurationPoller(e))
	}
	if e.opt.GitHub != nil {
		for _, p := range gitHubPollers(e) {
			e.addPoller(p)
		}
	}
	e.startTail()
}

// Close stops every goroutine of the engine and waits for them.
func (e *Engine) Close() error {
	if e.cancel != nil {
		e.cancel()
	}
	e.running.Wait()
	return nil
}

// Snapshot returns the newest snapshot; it is never nil.
func (e *Engine) Snapshot() *Snapshot { return e.current.Load() }

// Logs is the ring that the log tail fills.
func (e *Engine) Logs() *logs.Ring { return e.ring }

// Subscribe returns a channel that holds one signal when a newer snapshot
// exists. The latest wins: a slow reader misses nothing but the intermediate ones.
func (e *Engine) Subscribe() (wake <-chan struct{}, cancel func()) {
	ch := make(chan struct{}, 1)
	e.mu.Lock()
	e.watchers[ch] = struct{}{}
	e.mu.Unlock()
	return ch, func() {
		e.mu.Lock()
		delete(e.watchers, ch)
		e.mu.Unlock()
	}
}

// SetFocus says what the operator looks at; pollers favour it at once.
func (e *Engine) SetFocus(f Focus) {
	e.observe(func(s *state) {
		if f.Environment == "" {
			f.Environment = s.focus.Environment
		}
		s.focus = f
	})
	e.reschedule(false)
	e.retarget()
}

// Refresh asks every source now.
func (e *Engine) Refresh() { e.reschedule(true) }

// observe applies one observation and asks for a new snapshot.
func (e *Engine) observe(apply func(*state)) {
	e.mu.Lock()
	apply(&e.state)
	e.dirty = true
	e.mu.Unlock()
	select {
	case e.publish <- struct{}{}:
	default:
	}
}

// beginRead numbers a read that begins now, for newest.
func (e *Engine) beginRead() uint64 { return e.reads.Add(1) }

// view reads from the state without changing it.
func view[T any](e *Engine, read func(*state) T) T {
	e.mu.Lock()
	defer e.mu.Unlock()
	return read(&e.state)
}

// publishPause keeps a burst of answers from deriving a snapshot each.
const publishPause = 15 * time.Millisecond

func (e *Engine) publishing(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.publish:
		}
		e.publishNow(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-time.After(publishPause):
		}
	}
}

// publishNow derives and publishes a snapshot. A conclusion that panics is a
// defect of ours; the last good snapshot then stays, and the next is tried.
func (e *Engine) publishNow(now time.Time) {
	defer func() {
		if r := recover(); r != nil {
			e.log.Error("no snapshot could be derived", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
	}()
	before := e.Snapshot()
	snap := e.derived(now)
	if snap == nil {
		return
	}
	e.ensureDeployments(snap)
	e.ensureRepositories(snap)
	e.ensureEnvironments(snap)
	e.anticipate(snap)
	if movement(before) != movement(snap) {
		e.reschedule(false)
	}
}

// derived makes the newest snapshot and wakes who waits for it; nil where
// nothing changed since the last one.
func (e *Engine) derived(now time.Time) *Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.dirty {
		return nil
	}
	e.dirty = false
	e.version++
	snap := derive(&e.state, now)
	snap.Version = e.version
	snap.Sources = e.sources()
	if e.opt.GitHub != nil {
		snap.Rate = e.opt.GitHub.Rate()
	}
	e.current.Store(snap)
	for ch := range e.watchers {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
	return snap
}

// Compare reads what lies between two commits.
func (e *Engine) Compare(ctx context.Context, base, head string) (Comparison, error) {
	return e.opt.GitHub.Compare(ctx, base, head)
}

// sources lists every poller's health; the caller holds the lock.
func (e *Engine) sources() []SourceStatus {
	out := make([]SourceStatus, 0, len(e.pollers)+1)
	for _, p := range e.pollers {
		out = append(out, p.status)
	}
	if e.tail != nil {
		out = append(out, e.tail.status())
	}
	return out
}

// goSafely runs a goroutine that the engine owns. A panic is reported and does
// not take the program down.
func (e *Engine) goSafely(name string, run func(context.Context)) {
	e.running.Add(1)
	go func() {
		defer e.running.Done()
		defer func() {
			if r := recover(); r != nil {
				e.log.Error("goroutine ended by a panic", "name", name, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			}
		}()
		run(e.ctx)
	}()
}

// goes is goSafely for work that is asked for while the engine runs. It reports
// false, and does nothing, before the start and after the end.
func (e *Engine) goes(name string, run func(context.Context)) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ctx == nil || e.ctx.Err() != nil {
		return false
	}
	e.goSafely(name, run)
	return true
}
