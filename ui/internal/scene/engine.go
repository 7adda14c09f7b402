package scene

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// Engine is an engine whose snapshots a test sets.
type Engine struct {
	Ring  *logs.Ring
	Log   pipeline.JobLog       // what JobLog answers
	Notes []pipeline.Annotation // what Annotations answers
	File  pipeline.WorkflowFile // what WorkflowFile answers
	Saved []string              // directories that SaveArtifact was given
	Asked []pipeline.RunQuery   // what ReadOlder was asked

	mu        sync.Mutex
	snapshot  *pipeline.Snapshot
	wake      chan struct{}
	focus     pipeline.Focus
	refreshed int
}

// NewEngine is an engine that shows s, with a few hundred log lines. In a
// bubble of virtual time, sleep until Now before: lines from the future are not
// read.
func NewEngine(s *pipeline.Snapshot) *Engine {
	e := &Engine{Ring: logs.NewRing(0, 0), snapshot: s, wake: make(chan struct{}, 1), Log: FailedLog()}
	fill(e.Ring, s, 300)
	return e
}

// Set publishes a newer snapshot.
func (e *Engine) Set(s *pipeline.Snapshot) {
	e.mu.Lock()
	e.snapshot = s
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Snapshot implements ui.Engine.
func (e *Engine) Snapshot() *pipeline.Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.snapshot
}

// Subscribe implements ui.Engine.
func (e *Engine) Subscribe() (<-chan struct{}, func()) { return e.wake, func() {} }

// SetFocus implements ui.Engine.
func (e *Engine) SetFocus(f pipeline.Focus) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.focus = f
}

// Focus is what the engine was told last.
func (e *Engine) Focus() pipeline.Focus {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.focus
}

// Refresh implements ui.Engine.
func (e *Engine) Refresh() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refreshed++
}

// Refreshed is how often Refresh was called.
func (e *Engine) Refreshed() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.refreshed
}

// SetLogPattern implements ui.Engine: all lines stay.
func (e *Engine) SetLogPattern(string) {}

// ReadLogsSince implements ui.Engine: there are no older lines.
func (e *Engine) ReadLogsSince(time.Time) {}

// CompareLogs implements ui.Engine: what a release did that breaks the carts.
func (e *Engine) CompareLogs(context.Context, pipeline.ServiceKey) (logs.Evidence, error) {
	group, at := logs.Group{Name: "/ecs/shop-production/orders", Service: "orders"}, ago(6*time.Minute)
	line := func(offset time.Duration, text string) *logs.Line {
		return logs.Parse(group, &logs.Event{Stream: "app/orders/9f8e7d6", Timestamp: at.Add(offset), Ingested: at.Add(offset), Message: text})[0]
	}
	return logs.Evidence{
		At: at, Read: Now, Before: 10 * time.Minute, After: 6 * time.Minute,
		Samples: []logs.Sample{{Group: group, At: at, Before: 10 * time.Minute, After: 6 * time.Minute, LinesBefore: 2, LinesAfter: 414}},
		Signatures: []logs.Signature{
			{
				Template: "ERROR KeyError: 'sku' in checkout/cart.py:# while totalling a cart", Service: "orders", Group: group.Name,
				Level: logs.LevelError, After: 412, First: at.Add(40 * time.Second), Last: Now,
				Example: line(5*time.Minute, "ERROR KeyError: 'sku' in checkout/cart.py:88 while totalling a cart"),
			},
			{
				Template: "ERROR payment provider timed out after #", Service: "orders", Group: group.Name, Level: logs.LevelError, Before: 2, After: 2,
				First: at.Add(-8 * time.Minute), Last: at.Add(4 * time.Minute),
				Earlier: line(-time.Minute, "ERROR payment provider timed out after 812 ms"),
				Example: line(4*time.Minute, "ERROR payment provider timed out after 903 ms"),
			},
		},
	}, nil
}

// Logs implements ui.Engine.
func (e *Engine) Logs() *logs.Ring { return e.Ring }

// Jobs implements ui.Engine.
func (e *Engine) Jobs(context.Context, int64, int) ([]pipeline.Job, error) { return failedJobs(), nil }

// JobLog implements ui.Engine.
func (e *Engine) JobLog(context.Context, int64, int64) (pipeline.JobLog, error) { return e.Log, nil }

// Annotations implements ui.Engine.
func (e *Engine) Annotations(context.Context, int64, int64) ([]pipeline.Annotation, error) {
	return e.Notes, nil
}

// Artifacts implements ui.Engine.
func (e *Engine) Artifacts(context.Context, int64) ([]pipeline.Artifact, error) {
	return []pipeline.Artifact{
		{ID: 1, Name: "coverage", Bytes: 2_140_000, Created: ago(time.Hour), Expires: Now.Add(88 * 24 * time.Hour)},
		{ID: 2, Name: "trivy-report", Bytes: 48_100, Created: ago(time.Hour), Expired: true},
	}, nil
}

// SaveArtifact implements ui.Engine.
func (e *Engine) SaveArtifact(_ context.Context, _ int64, a pipeline.Artifact, dir string) ([]string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Saved = append(e.Saved, dir)
	return []string{dir + "/" + a.Name}, nil
}

// ReadOlder implements ui.Engine.
func (e *Engine) ReadOlder(_ context.Context, _ []string, q pipeline.RunQuery) (int, bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Asked = append(e.Asked, q)
	return 0, false, nil
}

// WorkflowFile implements ui.Engine.
func (e *Engine) WorkflowFile(_ context.Context, _, file, ref string) (pipeline.WorkflowFile, error) {
	f := e.File
	f.Path, f.Ref = ".github/workflows/"+file, ref
	return f, nil
}

// Refs implements ui.Engine.
func (e *Engine) Refs(context.Context, string) ([]pipeline.Ref, error) {
	return []pipeline.Ref{{Name: "main", SHA: Fix.SHA}, {Name: "develop", SHA: Fix.SHA}, {Name: "v1.41.3", SHA: Bump.SHA, Tag: true}}, nil
}

// FailedLog is the log of a job whose tests failed.
func FailedLog() pipeline.JobLog {
	var l pipeline.JobLog
	at := ago(68 * time.Minute)
	add := func(texts ...string) {
		for _, t := range texts {
			l.Lines = append(l.Lines, pipeline.LogText{At: at, Text: t})
			at = at.Add(700 * time.Millisecond)
		}
	}
	add("##[group]Set up job", "Current runner version: '2.331.0'", "##[endgroup]")
	add("##[group]Start services", "postgres:17 is healthy", "redis:8 is healthy", "##[endgroup]")
	add("##[group]Run pytest", "pytest services/orders --cov", "shell: /usr/bin/bash -e {0}", "##[endgroup]")
	for i := range 40 {
		add(fmt.Sprintf("tests/test_cart.py::test_case_%02d PASSED", i))
	}
	add("tests/test_cart.py::test_total FAILED", "=================================== FAILURES ===================================",
		"    def total(cart):", ">       return sum(line['sku'].price for line in cart)", "E       KeyError: 'sku'", "cart.py:88: KeyError",
		"=========================== short test summary info ============================",
		"FAILED tests/test_cart.py::test_total - KeyError: 'sku'", "1 failed, 40 passed in 4.02s",
		"##[error]Process completed with exit code 1.")
	add("##[group]Upload coverage", "skipped", "##[endgroup]")
	return l
}

// texts are what the services write, in turn.
var texts = []string{
	`127.0.0.1 - - "GET /cart HTTP/1.1" 200 512`,
	`INFO login ok id=8812`,
	`WARN retry 2/5 after 400ms: connection reset by peer`,
	`"POST /pay HTTP/1.1" 201 88ms request_id=8f1c2d3e`,
	`charge ok amount=12.80 currency=EUR`,
	`ERROR KeyError: 'sku' in checkout/cart.py:88 while totalling a cart of 3 lines`,
	`DEBUG cache hit for catalogue page 3`,
	`{"level":"info","msg":"order placed","order":"A-1182","items":3,"request_id":"77aa21"}`,
}

// source holds the events of n lines that the focused environment's services
// wrote, the newest just now. It is read the way that real logs are, so that
// what is shown went through the same parser.
type source struct{ events []logs.Event }

func newSource(s *pipeline.Snapshot, n int) (source, []logs.Group) {
	e := s.Environment(s.Focus.Environment)
	if e == nil || len(e.Services) == 0 {
		return source{}, nil
	}
	var src source
	var groups []logs.Group
	for _, v := range e.Services {
		groups = append(groups, logs.Group{Name: "/ecs/shop-production/" + v.Key.Service, Service: v.Key.Service})
	}
	groups = groups[:min(len(groups), 6)]
	for i := range n {
		src.events = append(src.events, logs.Event{
			ID: fmt.Sprint(i), Group: groups[i*7%len(groups)].Name, Stream: "app/x/9f8e7d6",
			Timestamp: Now.Add(time.Duration(i-n) * 150 * time.Millisecond), Message: texts[(i*5+i/7)%len(texts)],
		})
	}
	return src, groups
}

// Filter implements logs.Source.
func (s source) Filter(_ context.Context, q logs.Query) (logs.Page, error) {
	var p logs.Page
	for _, e := range s.events {
		if e.Group == q.Group && !e.Timestamp.Before(q.Start) && (q.End.IsZero() || !e.Timestamp.After(q.End)) {
			p.Events = append(p.Events, e)
		}
	}
	return p, nil
}

// fill reads n lines into the ring.
func fill(ring *logs.Ring, s *pipeline.Snapshot, n int) {
	src, groups := newSource(s, n)
	if len(groups) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tail := logs.NewTail(src, ring, logs.Options{Since: time.Since(Now) + time.Hour, Limiter: logs.NewLimiter(1e6)})
	tail.SetGroups(groups)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = tail.Run(ctx)
	}()
	for ring.Stats().Lines < n {
		select {
		case <-ring.Wake():
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			panic("the scene's log lines were not read")
		}
	}
	cancel()
	<-ended
}
