package pipeline

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// tailing follows the log groups of the environment in focus: one tail for
// each account and region, all into one ring.
type tailing struct {
	engine *Engine
	tails  map[Cluster]*logs.Tail // by identity: a cluster without its name
	last   SourceStatus
	paces  logPaces // that the tails were told
}

// statusEvery is how often the tail's own figures are looked at.
const statusEvery = time.Second

func (e *Engine) startTail() {
	if e.opt.LogSource == nil || e.opt.NoTail {
		return
	}
	t := &tailing{engine: e, tails: map[Cluster]*logs.Tail{}}
	t.last = SourceStatus{Name: "aws logs", Observation: Observation{Source: "aws logs", TTL: staleFactor * everyMoving}}
	e.mu.Lock()
	e.tail = t
	e.mu.Unlock()
	e.goSafely("aws logs", t.watch)
	e.retarget()
}

// status is the tail's health; the caller holds the engine's lock.
func (t *tailing) status() SourceStatus { return t.last }

// retarget points the tails at the groups of the environment in focus.
func (e *Engine) retarget() {
	e.mu.Lock()
	t := e.tail
	if t == nil {
		e.mu.Unlock()
		return
	}
	wanted := e.state.logGroups(e.opt.LogGroups)
	var start []func(context.Context)
	for identity := range wanted {
		if t.tails[identity] == nil {
			tail := logs.NewTail(e.opt.LogSource(identity), e.ring, logs.Options{Since: e.opt.LogSince, Limiter: e.limiterLocked(identity)})
			t.tails[identity] = tail
			start = append(start, func(ctx context.Context) { _ = tail.Run(ctx) }) // it ends with the context only
		}
	}
	for identity, tail := range t.tails {
		tail.SetGroups(wanted[identity])
	}
	t.setPaces(len(start) > 0)
	e.mu.Unlock()
	for _, run := range start {
		e.goSafely("aws logs tail", run)
	}
	e.labelTasks()
}

// The paces of the tail. What is looked at comes within three seconds, while the
// logs have the keys; the rest is read seldom enough that several consoles stay
// below an account's quota together. Nothing is lost at any pace.
var (
	paceWatched = logs.Pace{Interval: time.Second, Idle: 3 * time.Second, First: true}
	paceMoving  = logs.Pace{Interval: 2 * time.Second, Idle: 5 * time.Second}
	paceRead    = logs.Pace{Interval: 3 * time.Second, Idle: 10 * time.Second}
	paceSettled = logs.Pace{Interval: 6 * time.Second, Idle: 20 * time.Second}
	paceBlurred = logs.Pace{Interval: 10 * time.Second, Idle: 30 * time.Second}
	paceWall    = logs.Pace{Interval: everyWall, Idle: 2 * everyWall}
)

// logPaces say how often each service's groups are read.
type logPaces struct {
	service map[string]logs.Pace // where it is not the usual
	usual   logs.Pace
}

func (p logPaces) of(g logs.Group) logs.Pace {
	if pace, ok := p.service[g.Service]; ok {
		return pace
	}
	return p.usual
}

// logPaces follow from what moves and what is looked at. What moves is watched
// while no service is in focus.
func (s *state) logPaces(wall bool) logPaces {
	settled := paceSettled
	if s.focus.Logs {
		settled = paceRead
	}
	switch {
	case wall:
		return logPaces{usual: paceWall}
	case s.focus.Blurred:
		return logPaces{usual: paceBlurred, service: s.movingAt(paceMoving)}
	case s.focus.Service == "":
		return logPaces{usual: settled, service: s.movingAt(paceWatched)}
	}
	paces := logPaces{usual: settled, service: s.movingAt(paceMoving)}
	paces.service[s.focus.Service] = paceWatched
	return paces
}

// movingAt gives a pace to every service in focus that ECS is changing.
func (s *state) movingAt(pace logs.Pace) map[string]logs.Pace {
	out := map[string]logs.Pace{}
	for _, svc := range s.services[s.focus.Environment].Value {
		if svc.Moving() {
			out[svc.Key.Service] = pace
		}
	}
	return out
}

// SetLogPattern has CloudWatch filter the lines with one of its own filter
// patterns, such as ?ERROR ?Traceback or { $.level = "ERROR" }; empty: no more.
// The logs are read afresh. A pattern that CloudWatch refuses is an error of the
// source.
func (e *Engine) SetLogPattern(pattern string) {
	e.mu.Lock()
	same := e.state.logPattern == pattern
	e.state.logPattern = pattern
	e.mu.Unlock()
	if !same {
		e.retarget()
	}
}

// ReadLogsSince reads older lines than the tail began with into the ring, as
// far as there is room and a bounded number of pages reaches.
func (e *Engine) ReadLogsSince(at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tail == nil {
		return
	}
	for _, tail := range e.tail.tails {
		tail.ReadBack(at)
	}
}

// setPaces tells the tails how often to read, if that changed or some of them
// are new. The caller holds the engine's lock.
func (t *tailing) setPaces(anew bool) {
	now := t.engine.state.logPaces(t.engine.opt.Wall)
	if !anew && now.usual == t.paces.usual && maps.Equal(now.service, t.paces.service) {
		return
	}
	t.paces = now
	for _, tail := range t.tails {
		tail.SetPace(now.of)
	}
}

// logGroups are the groups to follow, by the identity that reads them.
func (s *state) logGroups(extra []string) map[Cluster][]logs.Group {
	out := map[Cluster][]logs.Group{}
	add := func(c Cluster, g logs.Group) {
		c.Name, g.Pattern = "", s.logPattern
		if !slices.Contains(out[c], g) {
			out[c] = append(out[c], g)
		}
	}
	env, _ := s.config.Value.Environment(s.focus.Environment)
	for _, svc := range s.services[s.focus.Environment].Value {
		for _, name := range configuredGroups(env, svc) {
			add(svc.Cluster, logs.Group{Name: name, Service: svc.Key.Service})
		}
	}
	for _, name := range extra {
		c := Cluster{}
		if len(env.Clusters) > 0 {
			c = env.Clusters[0]
		}
		add(c, logs.Group{Name: name, Service: lastPart(name)})
	}
	return out
}

// configuredGroups are a service's log groups: as the team says, else as its
// task definition says.
func configuredGroups(env Environment, svc ServiceState) []string {
	for _, c := range env.Services {
		if c.Name == svc.Key.Service && len(c.LogGroups) > 0 {
			return c.LogGroups
		}
	}
	var out []string
	for _, g := range svc.LogGroups {
		if !slices.Contains(out, g.Name) {
			out = append(out, g.Name)
		}
	}
	return out
}

// labelTasks tells the ring which release each known task runs.
func (e *Engine) labelTasks() {
	type label struct{ task, release string }
	var labels []label
	e.mu.Lock()
	for _, f := range e.state.services {
		for _, svc := range f.Value {
			byDefinition := map[string]string{}
			for _, rev := range svc.Revisions {
				byDefinition[rev.TaskDefinition] = Short(rev.SHA)
			}
			for _, task := range e.state.tasks[svc.Key].Value {
				if r := byDefinition[task.TaskDefinition]; r != "" {
					labels = append(labels, label{task.ID, r})
				}
			}
		}
	}
	e.mu.Unlock()
	for _, l := range labels {
		e.ring.SetRelease(l.task, l.release)
	}
}

// ReadTasks reads the tasks of services once, also of those that nobody looks
// at, so that the snapshot tells which release each of them runs. What cannot be
// read stays unknown; the error is the first.
func (e *Engine) ReadTasks(ctx context.Context, services []ServiceState) error {
	if e.opt.Cloud == nil {
		return &Error{Kind: KindUnavailable, Op: "read the tasks", Message: "AWS is not read here"}
	}
	return each(ctx, services, e.readTasksOf)
}

// watch keeps the figures of the tails in the state, without making a new
// snapshot when none of them changed.
func (t *tailing) watch(ctx context.Context) {
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		t.engine.mu.Lock()
		t.setPaces(false)
		t.engine.mu.Unlock()
		if status, changed := t.figures(t.engine.ring.Stats()); changed {
			t.engine.observe(func(s *state) { s.logs = status })
		}
	}
}

// figures sums up how the tails fare.
func (t *tailing) figures(now logs.RingStats) (LogStatus, bool) {
	e := t.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.state.logs
	s := LogStatus{Lines: now.Lines, Dropped: now.Dropped, Observation: t.last.Observation}
	var failed []string
	s.Err = nil
	for _, tail := range t.tails {
		for _, g := range tail.State() {
			s.Groups++
			s.Behind = max(s.Behind, g.Behind)
			s.Rate += g.Rate
			s.Late += uint64(g.Late)
			if g.LastSuccess.After(s.At) {
				s.At = g.LastSuccess
			}
			if g.Err != nil && !g.Passing() {
				failed = append(failed, g.Group.Name)
				s.Err, s.ErrAt = g.Err, time.Now()
			}
		}
	}
	if len(failed) > 1 {
		s.Err = &Error{Kind: KindOf(s.Err), Op: "read logs", On: strings.Join(failed, ", "), Message: s.Err.Error(), Err: s.Err}
	}
	t.last.Observation = s.Observation
	same := s.Groups == old.Groups && s.Lines == old.Lines && s.Dropped == old.Dropped && (s.Err == nil) == (old.Err == nil) &&
		s.Behind == old.Behind && (s.Rate == 0) == (old.Rate == 0) && s.At.Sub(old.At) < statusEvery*10
	return s, !same
}
