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

// actUntilKilled approves the same run again and again: each effect is a line
// in a file, which stands for GitHub, because it outlives the process.
func actUntilKilled(dir string) error {
	effects, err := os.OpenFile(filepath.Join(dir, "effects"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	time.AfterFunc(rand.N(20*time.Millisecond), func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) })
	w := newWorld(time.Now())
	approvals := w.pending[productionRun]
	w.onSend = func(w *world, what string) error {
		time.Sleep(rand.N(2 * time.Millisecond)) // on the way there
		if _, err := fmt.Fprintln(effects, what); err != nil {
			panic(err)
		}
		w.decided(productionRun, what)
		time.Sleep(rand.N(2 * time.Millisecond)) // and back
		return nil
	}
	o := NewOperator(OperatorOptions{Engine: settledEngine(w), Actions: w, Journal: kept{journalIn(dir)}})
	for {
		w.change(func(w *world) { w.pending[productionRun] = approvals })
		p, err := o.PlanReview(context.Background(), ReviewRequest{RunID: productionRun})
		if err != nil {
			return err
		}
		r, err := o.Execute(context.Background(), p, Confirmation{Comment: "ship it"})
		if err != nil || r.Outcome != OutcomeDone {
			return fmt.Errorf("%s %s %w", r.Outcome, r.Sentence, err)
		}
	}
}

// Whenever an operator's process is killed, its journal is whole, and the next
// start tells of every intent without a receipt whether its effect is there.
// Nothing is ever sent twice.
func TestAKilledOperatorIsReconciled(t *testing.T) {
	const kills, atOnce = 200, 4
	var mu sync.Mutex
	counts := map[string]int{}
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for range kills {
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
	t.Logf("%d kills: %v", kills, counts)
	for _, what := range []string{string(FoundEffect), string(FoundAbsence)} {
		if counts[what] == 0 {
			t.Errorf("no kill left an intent whose %s had to be found: %v", what, counts)
		}
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
	w := newWorld(time.Now())
	for line := range strings.Lines(string(effects)) {
		w.reviews[productionRun] = append(w.reviews[productionRun], Review{State: "approved", Comment: line})
	}
	found, err := NewOperator(OperatorOptions{Engine: settledEngine(w), Actions: w, Journal: kept{j}, Deadline: time.Nanosecond}).Reconcile(ctx)
	if err != nil || len(found) != len(open) || len(w.sent) != 0 {
		return "broken", fmt.Errorf("open %v, found %v, sent %v, %w", open, found, w.sent, err)
	}
	if left, err := j.OpenIntents(); err != nil || len(left) != 0 {
		return "broken", fmt.Errorf("left open %v, %w", left, err)
	}
	if _, err := journal.Verify(j.Path()); err != nil && (len(found) > 0 || !cut(err)) {
		return "broken", err
	}
	return judgeKill(found, effects)
}

// judgeKill compares what was found with what is there.
func judgeKill(found []Reconciliation, effects []byte) (string, error) {
	seen := map[string]bool{}
	for line := range strings.Lines(string(effects)) {
		_, id, _ := strings.Cut(line, "req=")
		id, _, _ = strings.Cut(id, " ")
		if seen[id] {
			return "twice", fmt.Errorf("%s was sent twice", id)
		}
		seen[id] = true
	}
	if len(found) == 0 {
		return "nothing open", nil
	}
	there := bytes.Contains(effects, []byte("req="+found[0].Intent.ID))
	if there != (found[0].Finding == FoundEffect) {
		return "wrong", fmt.Errorf("found %s, and the effect is there: %t", found[0].Finding, there)
	}
	return string(found[0].Finding), nil
}

// cut reports whether the kill cut a line off, which the next append marks.
func cut(err error) bool {
	var broken *journal.BrokenError
	return errors.As(err, &broken) && broken.Cut
}
