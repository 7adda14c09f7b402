package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// errorLog is a log source in which every service errs a minute after moved,
// and orders did so before.
type errorLog struct {
	moved  map[string]time.Time // by group
	broken string               // this group cannot be read
	asked  atomic.Int32
}

func (l *errorLog) Filter(_ context.Context, q logs.Query) (logs.Page, error) {
	l.asked.Add(1)
	if q.Group == l.broken {
		return logs.Page{}, lasting{&Error{Kind: KindForbidden, Message: "not allowed"}}
	}
	var page logs.Page
	for i, offset := range []time.Duration{-2 * time.Minute, -time.Minute, time.Minute} {
		at := l.moved[q.Group].Add(offset)
		text := fmt.Sprint("INFO order ", i, " placed")
		if offset > 0 || q.Group == "/ecs/orders" {
			text = "ERROR KeyError in the cart"
		}
		outside := at.Before(q.Start) || at.After(q.End)
		if !outside && (q.Pattern == "" || text[0] == 'E') {
			page.Events = append(page.Events, logs.Event{ID: fmt.Sprint(i), Group: q.Group, Stream: "app/x/1", Timestamp: at, Ingested: at, Message: text})
		}
	}
	return page, nil
}

// lasting is an error that trying again does not end.
type lasting struct{ error }

func (lasting) Permanent() bool { return true }
func (l lasting) Unwrap() error { return l.error }

// comparing is an engine that knows two services which moved at different
// moments.
func comparing(source *errorLog) *Engine {
	e := NewEngine(Options{LogSource: func(Cluster) logs.Source { return source }})
	env := EnvironmentState{Environment: Environment{Name: "production"}}
	source.moved = map[string]time.Time{}
	for i, name := range []string{"orders", "payments"} {
		at := time.Now().Add(-time.Duration(20+3*i) * time.Minute)
		source.moved["/ecs/"+name] = at
		env.Services = append(env.Services, ServiceView{ServiceState: ServiceState{
			Key: ServiceKey{"production", name}, LogGroups: []LogGroup{{Name: "/ecs/" + name}}, Rollout: &ServiceDeployment{Started: at},
		}})
	}
	e.current.Store(&Snapshot{Environments: []EnvironmentState{env}})
	return e
}

func TestCompareLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &errorLog{}
		e := comparing(source)
		all, err := e.CompareLogs(t.Context(), ServiceKey{Environment: "production"})
		if err != nil {
			t.Fatal(err)
		}
		if fresh := all.New(); len(fresh) != 1 || fresh[0].Service != "payments" || fresh[0].After != 1 {
			t.Errorf("new are %+v", fresh)
		}
		if before, after := all.Counts(); before != 2 || after != 2 || !all.At.Equal(source.moved["/ecs/payments"]) {
			t.Errorf("%d before, %d after %v", before, after, all.At)
		}
		e.state.config.Value.Environments = []Environment{{Name: "production"}}
		if snap := derive(&e.state, time.Now()); len(snap.Environment("production").Errors.Value.New()) != 1 {
			t.Errorf("the snapshot knows %+v", snap.Environments)
		}
		asked := source.asked.Load()
		if _, err := e.CompareLogs(t.Context(), ServiceKey{Environment: "production"}); err != nil || source.asked.Load() != asked {
			t.Errorf("the same comparison is read again: %v", err)
		}
		source.broken = "/ecs/orders"
		one, err := e.CompareLogs(t.Context(), ServiceKey{"production", "payments"})
		if err != nil || len(one.Samples) != 1 {
			t.Errorf("one service: %d samples, %v", len(one.Samples), err)
		}
		if _, err := e.CompareLogs(t.Context(), ServiceKey{"production", "orders"}); KindOf(err) != KindForbidden {
			t.Errorf("a group that cannot be read: %v", err)
		}
		for _, key := range []ServiceKey{{"nowhere", ""}, {"production", "nobody"}} {
			if _, err := e.CompareLogs(t.Context(), key); KindOf(err) != KindNotFound {
				t.Errorf("%v: %v", key, err)
			}
		}
	})
}

// What could be read is shown beside what could not.
func TestCompareLogsInPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := comparing(&errorLog{broken: "/ecs/orders"})
		all, err := e.CompareLogs(t.Context(), ServiceKey{Environment: "production"})
		if err != nil || len(all.Failed()) != 1 || all.Failed()[0].Group.Service != "orders" || len(all.New()) != 1 {
			t.Errorf("evidence %+v, %v", all, err)
		}
	})
}

// While a rollout goes from service to service, only what it has reached since is
// read: whoever asks in the middle of it has an answer.
func TestCompareLogsOfTheNextService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &errorLog{}
		e := comparing(source)
		key := ServiceKey{Environment: "production"}
		first, err := e.CompareLogs(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		moves := func(at time.Time) {
			env := e.Snapshot().Environments[0]
			env.Services = slices.Clone(env.Services)
			env.Services[1].Rollout = &ServiceDeployment{Started: at}
			source.moved["/ecs/payments"] = at
			e.current.Store(&Snapshot{Environments: []EnvironmentState{env}})
		}
		source.broken = "/ecs/orders" // which moved 20 minutes ago: nothing new can come of it
		for _, wait := range []time.Duration{0, 2 * comparedLife} {
			time.Sleep(wait)
			at, asked := time.Now().Add(-2*time.Minute), source.asked.Load()
			moves(at)
			next, err := e.CompareLogs(t.Context(), key)
			if err != nil || len(next.Failed()) != 0 || len(next.Samples) != len(first.Samples) {
				t.Errorf("%+v, %v", next, err)
			}
			if source.asked.Load() == asked || !slices.ContainsFunc(next.Samples, func(s logs.Sample) bool { return s.At.Equal(at) }) {
				t.Errorf("the service that moved was not read: %+v", next)
			}
		}
	})
}

// Who gives up early does not take the comparison from those who wait on.
func TestCompareLogsForTheHurried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := comparing(&errorLog{})
		hurried, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := e.CompareLogs(hurried, ServiceKey{Environment: "production"})
		if !errors.Is(err, context.Canceled) && err != nil && KindOf(err) != KindUnavailable {
			t.Errorf("hurried: %v", err)
		}
		if all, err := e.CompareLogs(t.Context(), ServiceKey{Environment: "production"}); err != nil || len(all.New()) != 1 {
			t.Errorf("patient: %v", err)
		}
		time.Sleep(time.Minute) // whoever reads in the background has read
		key := ServiceKey{Environment: "production"}
		for _, again := range []bool{false, true} { // an answer; an older one while another is read
			if kept := e.compares[key]; again {
				e.compares[key] = &comparedLogs{moments: kept.moments, running: make(chan struct{}), earlier: &kept.evidence}
			}
			if all, err := e.CompareLogs(hurried, key); err != nil || len(all.New()) != 1 {
				t.Errorf("hurried, while another is read %v: %v", again, err)
			}
		}
		kept := &comparedLogs{moments: e.compares[key].moments, running: make(chan struct{}), evidence: logs.Evidence{At: time.Now(), Read: time.Now()}}
		close(kept.running)
		e.compares[key] = kept
		time.Sleep(2 * comparedLife)
		if c, mine := e.keptComparison(key, kept.moments); !mine || c.earlier != &kept.evidence {
			t.Errorf("read again: %v, and the older one is lost", mine)
		}
	})
}

func TestLogPaces(t *testing.T) {
	orders, users := ServiceState{Key: ServiceKey{"production", "orders"}, Rollout: &ServiceDeployment{Status: "IN_PROGRESS"}}, ServiceState{Key: ServiceKey{"production", "users"}}
	s := &state{services: map[string]Fact[[]ServiceState]{"production": {Value: []ServiceState{orders, users}}}}
	for name, tt := range map[string]struct {
		focus         Focus
		wall          bool
		orders, users logs.Pace
	}{
		"what moves is watched":   {Focus{}, false, paceWatched, paceSettled},
		"what is in focus is":     {Focus{Service: "users"}, false, paceMoving, paceWatched},
		"the logs are read":       {Focus{Logs: true}, false, paceWatched, paceRead},
		"nobody looks":            {Focus{Blurred: true}, false, paceMoving, paceBlurred},
		"a wall is never quicker": {Focus{Service: "users"}, true, paceWall, paceWall},
	} {
		s.focus = tt.focus
		s.focus.Environment = "production"
		paces := s.logPaces(tt.wall)
		if got := paces.of(logs.Group{Service: "orders"}); got != tt.orders {
			t.Errorf("%s: orders at %+v", name, got)
		}
		if got := paces.of(logs.Group{Service: "users"}); got != tt.users {
			t.Errorf("%s: users at %+v", name, got)
		}
	}
}
