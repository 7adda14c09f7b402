//go:build linux || darwin

package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/journal"
)

// The test of this file starts the test binary again as an operator that acts
// until it is killed; this variable names the directory that it works in.
const operatorDirectory = "PIPELINE_TEST_OPERATOR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(operatorDirectory); dir != "" {
		fmt.Println(actUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// kept is a Recorder over a real journal.
type kept struct{ journal *journal.Journal }

func (k kept) Record(ctx context.Context, kind, id, operator, command string, data json.RawMessage) (uint64, string, error) {
	e, err := k.journal.Append(ctx, journal.Entry{Kind: kind, ID: id, Operator: operator, Command: command, Data: data})
	return e.Seq, e.Hash, err
}

func (k kept) Abandoned(context.Context) ([]Abandoned, error) {
	entries, err := k.journal.Abandoned()
	out := make([]Abandoned, len(entries))
	for i, e := range entries {
		out[i] = Abandoned{At: e.At, Data: e.Data}
	}
	return out, err
}

func journalIn(dir string) *journal.Journal {
	j, err := journal.Open(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		panic(err)
	}
	return j
}

// outliving does what an operator asks in a world, and writes each effect as a
// line into a file, which stands for GitHub: it outlives the process.
type outliving struct {
	*world
	effects *os.File
	dies    bool // at the effect of what is asked now
}

// effect writes a line, somewhere between two pauses: on the way there and back.
// Who dies here does so on the one way or on the other, which a clock that was
// set before seldom meets.
func (o *outliving) effect(line string) {
	dies := o.dies && (!strings.HasPrefix(line, "lock") || rand.N(3) == 0)
	returns := rand.N(3) > 0
	if dies && !returns {
		dieWithin(3 * time.Millisecond)
	}
	time.Sleep(rand.N(2 * time.Millisecond))
	if _, err := fmt.Fprintln(o.effects, line); err != nil {
		panic(err)
	}
	if dies && returns {
		dieWithin(3 * time.Millisecond)
	}
	time.Sleep(rand.N(4 * time.Millisecond))
}

func dieWithin(d time.Duration) {
	time.AfterFunc(rand.N(d), func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) })
}

func (o *outliving) Review(ctx context.Context, run int64, envs []int64, approve bool, comment string) error {
	o.effect("review " + comment)
	return o.world.Review(ctx, run, envs, approve, comment)
}

func (o *outliving) Lock(ctx context.Context, h Hold) error {
	o.effect("lock " + h.RequestID)
	return o.world.Lock(ctx, h)
}

func (o *outliving) Dispatch(ctx context.Context, d Dispatch) (Dispatched, error) {
	o.effect("dispatch " + d.Inputs["reason"])
	return o.world.Dispatch(ctx, d)
}

// actUntilKilled approves the same run, or rolls the same release back, again
// and again, and is killed somewhere in the last of them, or soon after.
func actUntilKilled(dir string) error {
	effects, err := os.OpenFile(filepath.Join(dir, "effects"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := newWorld(time.Now())
	w.answerRunID = true
	before, approvals := w.runs, w.pending[productionRun]
	engine := settledEngine(w)
	actions := &outliving{world: w, effects: effects}
	o := NewOperator(OperatorOptions{Engine: engine, Actions: actions, Journal: kept{journalIn(dir)}})
	for last, i := rand.N(3), 0; ; i++ {
		w.change(func(w *world) { w.runs, w.holds, w.pending[productionRun] = before, nil, approvals })
		p, err := o.PlanReview(context.Background(), ReviewRequest{RunID: productionRun})
		if rand.N(2) == 0 {
			p, err = o.PlanRollback(context.Background(), RollbackRequest{Environment: "production"})
		}
		if err != nil {
			return err
		}
		if i == last {
			if actions.dies = rand.N(2) == 0; !actions.dies {
				dieWithin(16 * time.Millisecond)
			}
		}
		r, err := o.Execute(context.Background(), p, Confirmation{Comment: "ship it", Reason: "errors on checkout", Typed: p.Typed})
		if err != nil || r.Outcome != OutcomeDone {
			return fmt.Errorf("%s: %s %s %w", p.Title, r.Outcome, r.Sentence, err)
		}
	}
}

// afterwards is the world that the next start finds: what the effects say.
func afterwards(effects []byte) *world {
	w := newWorld(time.Now())
	for line := range strings.Lines(string(effects)) {
		switch what, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " "); what {
		case "review":
			w.reviews[productionRun] = append(w.reviews[productionRun], Review{State: "approved", Comment: rest})
		case "lock":
			w.holds = map[string]Hold{"production": {Owner: "alice", Cause: causeRollback, Since: time.Now(), Until: time.Now().Add(claimLife), RequestID: rest, Token: "token-" + rest}}
		case "dispatch":
			run := Run{ID: 9000, Workflow: "rollback.yml", Number: 9, Attempt: 1, Status: StatusQueued, Event: "workflow_dispatch", Branch: "main", Actor: "alice", Title: "Roll back [req " + requestOf(rest) + "]", Created: time.Now()}
			w.runs = append([]Run{run}, w.runs...)
		}
	}
	return w
}

// Whenever an operator's process is killed, its journal is whole, and the next
// start tells of every intent without a receipt whether its effect is there.
// Nothing is ever sent twice.
func TestAKilledOperatorIsReconciled(t *testing.T) {
	const most, atOnce = 600, 4
	kills := 200
	if RaceDetector { // it sees nothing of what other processes do
		kills = 60
	}
	var mu sync.Mutex
	counts := map[string]int{}
	lacks := func() (missing []string) {
		mu.Lock()
		defer mu.Unlock()
		for _, kind := range []PlanKind{PlanApprove, PlanRollback} {
			for _, finding := range []Finding{FoundEffect, FoundAbsence} {
				if what := string(kind) + " " + string(finding); counts[what] == 0 {
					missing = append(missing, what)
				}
			}
		}
		return missing
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for n := 0; n < kills || n < most && len(lacks()) > 0; n++ {
		wg.Add(1)
		slots <- struct{}{}
		dir := t.TempDir()
		go func() {
			defer func() { <-slots; wg.Done() }()
			what, err := killAndReconcile(t.Context(), dir)
			mu.Lock()
			defer mu.Unlock()
			counts[what]++
			if err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	t.Logf("kills: %v", counts)
	for _, what := range lacks() {
		t.Errorf("no kill left what had to be found: %s: %v", what, counts)
	}
}

// killAndReconcile lets an operator act until it dies, and starts the next.
// It says what the kill left: the finding, or that nothing was open.
func killAndReconcile(ctx context.Context, dir string) (string, error) {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), operatorDirectory+"="+dir)
	output, err := cmd.CombinedOutput()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		return "ended", fmt.Errorf("the operator ended by itself: %w: %s", err, output)
	}
	j := journalIn(dir)
	if report, err := journal.Verify(j.Path()); err != nil && !cut(err) {
		return "broken", fmt.Errorf("after the kill the journal is not whole: %w (%+v)", err, report)
	}
	effects, err := os.ReadFile(filepath.Join(dir, "effects"))
	if err != nil && !os.IsNotExist(err) {
		return "broken", err
	}
	open, err := j.OpenIntents()
	if err != nil || len(open) > 1 {
		return "broken", fmt.Errorf("%d open intents, %w", len(open), err)
	}
	w := afterwards(effects)
	found, err := NewOperator(OperatorOptions{Engine: settledEngine(w), Actions: w, Journal: kept{j}, Deadline: time.Nanosecond}).Reconcile(ctx)
	if err != nil || len(found) != len(open) || slices.ContainsFunc(w.sent, func(what string) bool { return !strings.HasPrefix(what, "unlock production ") }) {
		return "broken", fmt.Errorf("open %v, found %v, sent %v, %w", open, found, w.sent, err)
	}
	if left, err := j.OpenIntents(); err != nil || len(left) != 0 {
		return "broken", fmt.Errorf("left open %v, %w", left, err)
	}
	if _, err := journal.Verify(j.Path()); err != nil && (len(found) > 0 || !cut(err)) {
		return "broken", err
	}
	if err := judgeLock(found, w); err != nil {
		return "wrong", err
	}
	return judgeKill(found, effects)
}

// judgeKill compares what was found with what is there.
func judgeKill(found []Reconciliation, effects []byte) (string, error) {
	seen := map[string]bool{}
	for line := range strings.Lines(string(effects)) {
		verb, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		what := verb + " " + firstOf(requestOf(rest), rest)
		if seen[what] {
			return "twice", fmt.Errorf("%s was sent twice", what)
		}
		seen[what] = true
	}
	if len(found) == 0 {
		return "nothing open", nil
	}
	there := bytes.Contains(effects, []byte("req="+found[0].Intent.ID))
	if there != (found[0].Finding == FoundEffect) {
		return "wrong", fmt.Errorf("found %s, and the effect is there: %t", found[0].Finding, there)
	}
	return string(found[0].Intent.Kind) + " " + string(found[0].Finding), nil
}

// judgeLock checks that the lock of a rollback that did not happen holds nobody
// up, and that no other lock is lifted.
func judgeLock(found []Reconciliation, w *world) error {
	absent := len(found) == 1 && found[0].Intent.Kind == PlanRollback && found[0].Finding == FoundAbsence
	if h, held := w.held("production"); held && absent && h.RequestID == found[0].Intent.ID {
		return fmt.Errorf("the lock of a rollback that did not happen is left: %+v", h)
	}
	if !absent && len(w.sent) > 0 {
		return fmt.Errorf("sent %v after %+v", w.sent, found)
	}
	return nil
}

// cut reports whether the kill cut a line off, which the next append marks.
func cut(err error) bool {
	var broken *journal.BrokenError
	return errors.As(err, &broken) && broken.Cut
}
