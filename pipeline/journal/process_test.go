//go:build linux || darwin

package journal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tests of this file start the test binary again as a writer: with these
// variables in its environment it appends entries instead of running tests.
const (
	writerPath  = "JOURNAL_TEST_PATH"
	writerCount = "JOURNAL_TEST_COUNT" // entries to write; 0: until it is killed
	writerLimit = "JOURNAL_TEST_LIMIT" // most bytes that the file may have; then it does not wait for the disk
)

func TestMain(m *testing.M) {
	if path := os.Getenv(writerPath); path != "" {
		if err := runWriter(path); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// runWriter appends entries and prints the hash of each when it is written.
func runWriter(path string) error {
	j, err := Open(path)
	if err != nil {
		return err
	}
	if limit, err := strconv.ParseUint(os.Getenv(writerLimit), 10, 64); err == nil {
		signal.Ignore(syscall.SIGXFSZ)
		j.sync = func(*os.File) error { return nil }
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			return err
		}
	}
	count, err := strconv.Atoi(os.Getenv(writerCount))
	if err != nil {
		return err
	}
	data, err := json.Marshal(strings.Repeat("x", 500))
	if err != nil {
		return err
	}
	for i := 0; count == 0 || i < count; i++ {
		e, err := j.Append(context.Background(), Entry{Kind: Intent, ID: fmt.Sprint(os.Getpid(), "-", i), Data: data})
		if errors.Is(err, ErrDiskFull) {
			fmt.Println("full")
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println("wrote", e.Hash)
	}
	return nil
}

// writer returns a command that appends to the journal.
func writer(t *testing.T, j *Journal, count int, limit string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), writerPath+"="+j.Path(), writerCount+"="+strconv.Itoa(count), writerLimit+"="+limit,
		"GORACE=atexit_sleep_ms=0") // by default a program with the race detector sleeps a second at its end
	return cmd
}

// wrote returns the hashes that a writer printed; a last line that it did not
// finish does not count.
func wrote(output []byte) (hashes []string) {
	if i := bytes.LastIndexByte(output, '\n'); i >= 0 {
		for line := range strings.SplitSeq(string(output[:i]), "\n") {
			if hash, ok := strings.CutPrefix(line, "wrote "); ok {
				hashes = append(hashes, hash)
			}
		}
	}
	return hashes
}

// holds fails the test unless the journal is whole and has all those entries.
func holds(t *testing.T, j *Journal, hashes []string) Report {
	t.Helper()
	report, err := Verify(j.Path())
	if err != nil {
		t.Fatal(err)
	}
	held := make(map[string]bool)
	for e, err := range j.Entries() {
		if err == nil {
			held[e.Hash] = true
		}
	}
	for _, hash := range hashes {
		if !held[hash] {
			t.Errorf("entry %s was written and is gone", hash)
		}
	}
	return report
}

func TestProcessesShareAJournal(t *testing.T) {
	const processes, entries = 4, 15
	j := fresh(t)
	var commands []*exec.Cmd
	var outputs [processes]bytes.Buffer
	for i := range processes {
		cmd := writer(t, j, entries, "")
		cmd.Stdout = &outputs[i]
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		commands = append(commands, cmd)
	}
	var hashes []string
	for i, cmd := range commands {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, outputs[i].Bytes())
		}
		hashes = append(hashes, wrote(outputs[i].Bytes())...)
	}
	if report := holds(t, j, hashes); report.Entries != processes*entries || len(hashes) != processes*entries {
		t.Errorf("%+v, %d were written", report, len(hashes))
	}
}

// Whenever a writer is killed: what it knew to be written is there, and the
// next writer goes on.
func TestKilledWriters(t *testing.T) {
	j := fresh(t)
	random := rand.New(rand.NewPCG(1, 2))
	var hashes []string
	for range 30 {
		cmd := writer(t, j, 0, "")
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(stdout)
		first, err := reader.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(random.IntN(8000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		var rest bytes.Buffer
		_, _ = rest.ReadFrom(reader) // until the kill
		kill.Stop()
		if err := cmd.Wait(); err == nil {
			t.Fatal("the writer ended by itself")
		}
		hashes = append(hashes, wrote(append(first, rest.Bytes()...))...)
		add(t, j, "observation/after the kill")
		holds(t, j, nil)
	}
	report := holds(t, j, hashes)
	t.Logf("%d entries, %d acknowledged, torn lines %v", report.Entries, len(hashes), report.Torn)
}

// A full disk is an error of its own, and leaves the journal whole.
func TestDiskFull(t *testing.T) {
	for limit := 5000; limit < 5700; limit += 93 {
		j := fresh(t)
		output, err := writer(t, j, 0, strconv.Itoa(limit)).CombinedOutput()
		if err != nil || !bytes.HasSuffix(output, []byte("full\n")) {
			t.Fatalf("%v: %s", err, output)
		}
		if report := holds(t, j, wrote(output)); report.Entries != len(wrote(output)) || report.Entries == 0 {
			t.Errorf("%+v, %d were written", report, len(wrote(output)))
		}
		add(t, j, "receipt/with room again")
		holds(t, j, nil)
	}
}
