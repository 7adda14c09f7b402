package scene

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// Engine is an engine whose snapshots a test sets.
type Engine struct {
	Ring *logs.Ring
	Log  pipeline.JobLog       // what JobLog answers
	File pipeline.WorkflowFile // what WorkflowFile answers

	mu        sync.Mutex
	snapshot  *pipeline.Snapshot
	wake      chan struct{}
	focus     pipeline.Focus
	refreshed int
}

// NewEngine is an engine that shows s, with a few hundred log lines.
func NewEngine(s *pipeline.Snapshot) *Engine {
	e := &Engine{Ring: logs.NewRing(0, 0), snapshot: s, wake: make(chan struct{}, 1), Log: FailedLog()}
	e.Ring.Add(Lines(s, 300))
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

// Logs implements ui.Engine.
func (e *Engine) Logs() *logs.Ring { return e.Ring }

// JobLog implements ui.Engine.
func (e *Engine) JobLog(context.Context, int64) (pipeline.JobLog, error) { return e.Log, nil }

// WorkflowFile implements ui.Engine.
func (e *Engine) WorkflowFile(_ context.Context, file, ref string) (pipeline.WorkflowFile, error) {
	f := e.File
	f.Path, f.Ref = ".github/workflows/"+file, ref
	return f, nil
}

// Refs implements ui.Engine.
func (e *Engine) Refs(context.Context) ([]pipeline.Ref, error) {
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
var texts = []struct {
	level logs.Level
	text  string
}{
	{logs.LevelInfo, `GET /cart HTTP/1.1 200 12ms`},
	{logs.LevelInfo, `login ok id=8812`},
	{logs.LevelWarn, `WARN retry 2/5 after 400ms: connection reset by peer`},
	{logs.LevelInfo, `POST /pay HTTP/1.1 201 88ms request_id=8f1c2d3e`},
	{logs.LevelUnknown, `charge ok amount=12.80 currency=EUR`},
	{logs.LevelError, `ERROR KeyError: 'sku' in checkout/cart.py:88 while totalling a cart of 3 lines`},
	{logs.LevelDebug, `DEBUG cache hit for catalogue page 3`},
	{logs.LevelInfo, `{"level":"info","msg":"order placed","order":"A-1182","items":3,"request_id":"77aa21"}`},
}

// Lines are n log lines of the focused environment's services, the newest now.
func Lines(s *pipeline.Snapshot, n int) []*logs.Line {
	e := s.Environment(s.Focus.Environment)
	if e == nil || len(e.Services) == 0 {
		return nil
	}
	lines := make([]*logs.Line, n)
	for i := range lines {
		service := e.Services[i*7%len(e.Services)]
		t := texts[(i*5+i/7)%len(texts)]
		lines[i] = &logs.Line{
			Timestamp: Now.Add(time.Duration(i-n) * 150 * time.Millisecond), Service: service.Key.Service, Level: t.level,
			Group: "/ecs/shop-production/" + service.Key.Service, Text: t.text, Width: len(t.text), ASCII: true, Release: pipeline.Short(service.SHA),
		}
		if strings.Contains(t.text, "request_id") {
			lines[i].Request = "8f1c2d3e"
		}
	}
	return lines
}
