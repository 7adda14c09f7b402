package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// stepsEach is how many events each walk has.
const stepsEach = 14

// walk is one random interleaving: a world that moves by itself, sources that
// fail, and two operators who act on what they were shown, at their own pace.
// What the engine must not do is judged by rules of its own, from what the
// world really served.
type walk struct {
	*world
	ctx    context.Context //nolint:containedctx // of the walk
	t      *testing.T
	random *rand.Rand
	engine *Engine
	people [2]*person
	clock  atomic.Int64        // numbers commits, runs and deployments
	stays  map[string]stay     // of trees in staging
	staged time.Time           // since when staging runs what it runs
	runs   map[int64]*progress // of what changes production
	seen   map[string]Rollout  // first sight of every rollout
	writes writing

	executing sync.WaitGroup
	mu        sync.Mutex           // guards what follows
	served    map[string][]serving // what ECS said last, by cluster
	asked     int                  // numbers questions to ECS, and answers
	plans     map[string]Plan      // by request
	acks      map[string][]string  // by request
	sentIDs   map[string]int       // requests that were sent
	lifts     map[string]int       // confirmed intents to lift a hold, by its token
	stops     map[string][]Intent  // confirmed intents to change what ECS does, by its deployment
	count     map[string]int       // what happened
	trace     []string
}

// person is an operator with the sheets that they have open.
type person struct {
	operator *Operator
	journal  *record
	sheets   []Plan
}

// event is one thing that can happen. It reports whether it could.
type event struct {
	name   string
	weight int
	happen func(*walk) bool
}

var events = []event{
	{"source: a release is pushed", 2, (*walk).push},
	{"source: staging moves on", 1, (*walk).restage},
	{"source: a run goes on", 6, (*walk).advance},
	{"source: a run fails", 1, (*walk).failRun},
	{"source: somebody cancels a run", 1, (*walk).cancelRun},
	{"source: somebody runs it again", 1, (*walk).rerunRun},
	{"source: what waits is run again", 2, (*walk).rerunWaiting},
	{"source: somebody else approves", 1, (*walk).approveElsewhere},
	{"source: ECS reverts a service", 1, (*walk).revert},
	{"source: ECS rolls a service out", 2, (*walk).rollOut},
	{"source: ECS has rolled a service out", 1, (*walk).rolledOut},
	{"source: somebody uses the console of AWS", 1, (*walk).external},
	{"source: an alarm goes off or ends", 1, (*walk).alarm},
	{"source: somebody holds or lifts", 1, (*walk).holdElsewhere},
	{"source: checks turn", 1, (*walk).turnChecks},
	{"fault: a source fails", 4, (*walk).breakSource},
	{"fault: all sources recover", 3, (*walk).healSources},
	{"fault: answers to writes are lost", 1, (*walk).loseAnswers},
	{"fault: writes are refused", 1, (*walk).refuseWrites},
	{"fault: the journal cannot be written", 1, (*walk).breakJournal},
	{"intent: plan to approve", 4, (*walk).planApprove},
	{"intent: approve at once", 4, (*walk).approveNow},
	{"intent: plan to reject", 1, (*walk).planReject},
	{"intent: plan to roll back", 4, (*walk).planRollback},
	{"intent: plan to end what is in flight and roll back", 2, (*walk).planHalt},
	{"intent: plan to cancel", 1, (*walk).planCancel},
	{"intent: plan to run again", 1, (*walk).planRerun},
	{"intent: plan to trigger", 1, (*walk).planTrigger},
	{"intent: plan to hold", 1, (*walk).planHold},
	{"intent: plan to lift", 1, (*walk).planLift},
	{"intent: plan to stop what ECS does", 2, (*walk).planStop},
	{"intent: plan to answer a pause", 2, (*walk).planContinue},
	{"intent: confirm", 9, (*walk).confirm},
	{"intent: both confirm at once", 2, (*walk).confirmTogether},
	{"time: seconds", 3, func(w *walk) bool { time.Sleep(w.upTo(8 * time.Second)); return true }},
	{"time: minutes", 1, func(w *walk) bool { time.Sleep(w.upTo(2 * time.Minute)); return true }},
}

// TestInterleavings drives random interleavings of source events, faults and
// intents through the engine on a virtual clock, and judges every invariant
// after each step. DEPLOYCTL_SEED repeats one walk and prints what happened;
// DEPLOYCTL_WALKS takes another number of them.
func TestInterleavings(t *testing.T) {
	if seed, err := strconv.ParseUint(os.Getenv("DEPLOYCTL_SEED"), 10, 64); err == nil {
		walkOnce(t, seed, map[string]int{})
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // a walk leaves nothing behind: a quarter of the time went into looking
	const workers = 4
	walks := interleavings
	if n, err := strconv.Atoi(os.Getenv("DEPLOYCTL_WALKS")); err == nil {
		walks = n
	}
	totals := make([]map[string]int, workers)
	t.Run("walks", func(t *testing.T) {
		for i := range workers {
			totals[i] = map[string]int{}
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				for seed := i; seed < walks && !t.Failed(); seed += workers {
					walkOnce(t, uint64(seed), totals[i]) //nolint:gosec // not negative
				}
			})
		}
	})
	report(t, totals, walks >= enough)
}

// enough walks meet everything that can happen; fewer may miss what is rare.
const enough = 10_000

// report prints how often everything happened; none of it may be missing from
// enough walks.
func report(t *testing.T, totals []map[string]int, all bool) {
	sum := map[string]int{}
	for _, counts := range totals {
		for name, n := range counts {
			sum[name] += n
		}
	}
	for _, e := range events {
		sum[e.name] += 0
	}
	for _, name := range []string{"outcome: done", "outcome: refused", "outcome: rejected", "outcome: unseen", "outcome: unknown", "sent: review", "sent: dispatch", "sent: cancel", "sent: rerun", "sent: lock", "sent: unlock", "sent: stop", "sent: continue", "sent: back", "settled: held after a rollback"} {
		sum[name] += 0
	}
	for _, name := range sortedKeys(sum) {
		t.Logf("%8d  %s", sum[name], name)
		if sum[name] == 0 && all && !t.Failed() {
			t.Errorf("never happened: %s", name)
		}
	}
}

// walkOnce takes one walk, and tells what happened in it when that was wrong.
func walkOnce(t *testing.T, seed uint64, counts map[string]int) {
	var w *walk
	defer func() { // a bubble that failed does not return
		if t.Failed() || os.Getenv("DEPLOYCTL_SEED") != "" {
			t.Logf("repeat with DEPLOYCTL_SEED=%d:\n%s", seed, strings.Join(w.trace, "\n"))
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w = newWalk(ctx, t, seed)
		for range stepsEach {
			e := w.pick()
			w.note("%s", e.name)
			if e.happen(w) {
				counts[e.name]++
			}
			synctest.Wait()
			w.judge()
			if t.Failed() {
				break
			}
		}
		if !t.Failed() {
			w.settle()
		}
		for name, n := range w.count {
			counts[name] += n
		}
		cancel()
		w.executing.Wait()
		_ = w.engine.Close()
	})
}

func newWalk(ctx context.Context, t *testing.T, seed uint64) *walk {
	w := &walk{
		world: newWorld(time.Now()), ctx: ctx, t: t, random: rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // repeatable on purpose
		served: map[string][]serving{}, seen: map[string]Rollout{}, sentIDs: map[string]int{}, lifts: map[string]int{}, stops: map[string][]Intent{}, runs: map[int64]*progress{},
		plans: map[string]Plan{}, acks: map[string][]string{}, count: map[string]int{},
		stays: map[string]stay{"tree-new": {from: time.Now().Add(-time.Hour)}}, staged: time.Now().Add(-time.Hour),
	}
	w.rules[0].PreventSelfReview = w.chance(4)
	w.engine = NewEngine(Options{
		GitHub: w.world, Cloud: w, Mode: ModeOperator,
		Configure: func(context.Context) (Configuration, error) {
			c := testConfiguration()
			if seed%16 == 3 {
				c.Policy.Freezes = []FreezeWindow{{Reason: "Christmas"}}
			}
			c.Policy.DirectAWSWrites = seed%4 > 0
			return c, nil
		},
	})
	if w.chance(2) { // the release is on its way already
		w.approve(productionRun, "before")
		for range w.random.IntN(5) {
			w.step(productionRun)
		}
	}
	if w.chance(8) { // it starts without a word from ECS
		w.fail["Services"] = errDown
	}
	w.engine.Start(ctx)
	w.engine.Settle(ctx)
	for i := range w.people {
		r := &record{}
		w.people[i] = &person{journal: r, operator: NewOperator(OperatorOptions{Engine: w.engine, Actions: w, Cloud: w.hands(), Journal: r, Deadline: 20 * time.Second})}
		go w.people[i].operator.Guard(ctx)
	}
	synctest.Wait()
	return w
}

func (w *walk) chance(in int) bool { return w.random.IntN(in) == 0 }
func (w *walk) upTo(d time.Duration) time.Duration {
	return time.Duration(w.random.Int64N(int64(d))) + 1
}

func (w *walk) note(format string, args ...any) {
	w.mu.Lock()
	w.noteLocked(format, args...)
	w.mu.Unlock()
}

func (w *walk) noteLocked(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf(format, args...))
}
func (w *walk) next() int         { return int(w.clock.Add(1)) }
func (w *walk) somebody() *person { return w.people[w.random.IntN(len(w.people))] }
func oneOf[T any](r *rand.Rand, s []T) (one T, ok bool) {
	if len(s) == 0 {
		return one, false
	}
	return s[r.IntN(len(s))], true
}

// pick chooses the next event by weight.
func (w *walk) pick() event {
	sum := 0
	for _, e := range events {
		sum += e.weight
	}
	n := w.random.IntN(sum)
	for _, e := range events {
		if n -= e.weight; n < 0 {
			return e
		}
	}
	return events[0]
}
