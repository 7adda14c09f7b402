package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// fresh returns an empty journal that does not wait for the disk, which is most
// of what hundreds of entries cost.
func fresh(t testing.TB) *Journal {
	t.Helper()
	j := durable(t)
	j.sync = func(*os.File) error { return nil }
	return j
}

// durable returns an empty journal as operators have it.
func durable(t testing.TB) *Journal {
	t.Helper()
	j, err := Open(filepath.Join(t.TempDir(), "host", "acme", "shop.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// An entry counts once it is on the disk, and not when that fails.
func TestAppendWaitsForTheDisk(t *testing.T) {
	j := durable(t)
	synced := 0
	toDisk := j.sync
	j.sync = func(file *os.File) error {
		synced++
		return toDisk(file)
	}
	add(t, j, "intent/a", "receipt/a")
	if synced != 2 {
		t.Errorf("two entries were brought to the disk in %d steps", synced)
	}
	j.sync = func(*os.File) error { return errors.New("input/output error") }
	if _, err := j.Append(t.Context(), Entry{Kind: Intent, ID: "b"}); err == nil {
		t.Error("an entry counts though it is not on the disk")
	}
	if report, err := Verify(j.Path()); err != nil || report.Entries != 2 {
		t.Errorf("Verify = %+v, %v", report, err)
	}
}

// add appends entries with the kinds and ids given as kind/id.
func add(t testing.TB, j *Journal, entries ...string) {
	t.Helper()
	for _, e := range entries {
		kind, id, _ := strings.Cut(e, "/")
		if _, err := j.Append(t.Context(), Entry{Kind: kind, ID: id, Operator: "alice", Command: "approve", Data: json.RawMessage(`{"sha": "a1b2c3d"}`)}); err != nil {
			t.Fatal(err)
		}
	}
}

func contents(t testing.TB, j *Journal) []byte {
	t.Helper()
	text, err := os.ReadFile(j.Path())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func replace(t testing.TB, j *Journal, text []byte) {
	t.Helper()
	if err := os.WriteFile(j.Path(), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAppendAndRead(t *testing.T) {
	j := fresh(t)
	if head, err := j.Head(); err != nil || head != (Head{}) || head.Short() != "" {
		t.Errorf("head of an empty journal: %v, %v", head, err)
	}
	if report, err := Verify(j.Path()); err != nil || report.Entries != 0 {
		t.Errorf("an empty journal: %+v, %v", report, err)
	}
	at := time.Date(2026, 11, 23, 15, 0, 0, 123, time.FixedZone("CET", 3600))
	first, err := j.Append(t.Context(), Entry{Kind: Intent, ID: "r1", At: at, Operator: "alice", Command: "rollback", Data: json.RawMessage("{\n \"reason\": \"<too many errors> & \u2028\"\n}")})
	if err != nil {
		t.Fatal(err)
	}
	second, err := j.Append(t.Context(), Entry{Seq: 99, Prev: "x", Hash: "y", Kind: Receipt, ID: "r1", Operator: "al\xffice", Data: json.RawMessage("null")})
	if err != nil {
		t.Fatal(err)
	}
	if first.Seq != 1 || first.Prev != "" || second.Seq != 2 || second.Prev != first.Hash || len(second.Hash) != 64 {
		t.Errorf("chain is %+v, %+v", first, second)
	}
	if !first.At.Equal(at) || second.At.IsZero() {
		t.Errorf("times are %v, %v", first.At, second.At)
	}
	var read []Entry
	for e, err := range j.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, e)
	}
	if len(read) != 2 || read[0].Hash != first.Hash || !bytes.Equal(read[0].Data, first.Data) || read[1].Operator != "al\ufffdice" {
		t.Errorf("read %+v", read)
	}
	head, err := j.Head()
	if err != nil || head != second.head() || head.Short() != "2:"+second.Hash[:12] {
		t.Errorf("head = %v, %v", head, err)
	}
	if report, err := Verify(j.Path()); err != nil || report.Entries != 2 || report.Head != head || report.Torn != nil {
		t.Errorf("Verify = %+v, %v", report, err)
	}
	if _, err := j.Append(t.Context(), Entry{Kind: Intent, Data: json.RawMessage("{")}); err == nil {
		t.Error("data that is no JSON is accepted")
	}
	if _, err := os.Stat(j.Path() + ".lock"); err != nil {
		t.Error(err)
	}
}

func TestOpenIntents(t *testing.T) {
	j := fresh(t)
	add(t, j, "intent/a", "intent/b", "observation/b", "receipt/a", "intent/c", "reconciled/c", "intent/d")
	open, err := j.OpenIntents()
	if err != nil || len(open) != 2 || open[0].ID != "b" || open[1].ID != "d" {
		t.Errorf("open intents are %+v, %v", open, err)
	}
}

func TestPermissions(t *testing.T) {
	j := fresh(t)
	add(t, j, "intent/a")
	check := func() {
		t.Helper()
		for path, want := range map[string]os.FileMode{
			j.Path(): 0o600, j.Path() + ".lock": 0o600, j.Path() + ".head": 0o600,
			filepath.Dir(j.Path()): 0o700, filepath.Dir(filepath.Dir(j.Path())): 0o700,
		} {
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("%s is %v, %v; want %v", path, info.Mode().Perm(), err, want)
			}
		}
	}
	check()
	if err := os.Chmod(j.Path(), 0o644); err != nil {
		t.Fatal(err)
	}
	add(t, j, "receipt/a")
	check()
}

func TestPath(t *testing.T) {
	path, err := Path("/state", "github.localhost:8080", "Acme", "Shop.js")
	if want := filepath.Join("/state", "gh-deployctl", "journal", "github.localhost_8080", "acme", "shop.js.jsonl"); path != want || err != nil {
		t.Errorf("Path = %s, %v", path, err)
	}
	for _, bad := range [][3]string{{"h", "..", "r"}, {"h", "o", ""}, {"h", "o", "a/b"}, {"..", "o", "r"}, {"h", `a\b`, "r"}, {"h", ".", "r"}} {
		if path, err := Path("/state", bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("Path(%q) = %s", bad, path)
		}
	}
}

func TestTamperingIsFound(t *testing.T) {
	join := func(lines ...[]byte) []byte { return bytes.Join(lines, nil) }
	tests := []struct {
		name   string
		tamper func(l [][]byte) []byte // of five lines
		line   int                     // that Verify names
	}{
		{"edited value", func(l [][]byte) []byte {
			return join(l[0], bytes.Replace(l[1], []byte("alice"), []byte("mally"), 1), l[2], l[3], l[4])
		}, 2},
		{"edited white space", func(l [][]byte) []byte {
			return join(l[0], l[1], bytes.Replace(l[2], []byte(`,"`), []byte(`, "`), 1), l[3], l[4])
		}, 3},
		{"added key", func(l [][]byte) []byte {
			return join(l[0], bytes.Replace(l[1], []byte(`"kind"`), []byte(`"note":1,"kind"`), 1), l[2], l[3], l[4])
		}, 2},
		{"edited and hashed anew", func(l [][]byte) []byte { return join(l[0], rehash(l[1], "mally"), l[2], l[3], l[4]) }, 3},
		{"last line edited and hashed anew", func(l [][]byte) []byte { return join(l[0], l[1], l[2], l[3], rehash(l[4], "mally")) }, 5},
		{"deleted line", func(l [][]byte) []byte { return join(l[0], l[1], l[3], l[4]) }, 3},
		{"deleted first line", func(l [][]byte) []byte { return join(l[1:]...) }, 1},
		{"repeated line", func(l [][]byte) []byte { return join(l[0], l[1], l[1], l[2], l[3], l[4]) }, 3},
		{"swapped lines", func(l [][]byte) []byte { return join(l[0], l[2], l[1], l[3], l[4]) }, 2},
		{"truncated at a line", func(l [][]byte) []byte { return join(l[0], l[1], l[2]) }, 4},
		{"truncated in a line", func(l [][]byte) []byte { return join(l[0], l[1], l[2][:30]) }, 3},
		{"emptied", func([][]byte) []byte { return nil }, 1},
		{"garbage between", func(l [][]byte) []byte { return join(l[0], []byte("garbage\n"), l[1], l[2], l[3], l[4]) }, 2},
		{"blank line", func(l [][]byte) []byte { return join(l[0], []byte("\n"), l[1], l[2], l[3], l[4]) }, 2},
		{"garbage at the end", func(l [][]byte) []byte { return join(join(l...), []byte("garbage")) }, 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := fresh(t)
			add(t, j, "intent/a", "receipt/a", "intent/b", "receipt/b", "intent/c")
			replace(t, j, tt.tamper(bytes.SplitAfter(bytes.TrimSuffix(contents(t, j), nil), []byte("\n"))[:5]))
			checkBroken(t, j, tt.line)
			if tt.name == "garbage at the end" || tt.name == "truncated in a line" {
				return // is marked as torn by the next entry, in the second case with a gap
			}
			add(t, j, "receipt/c")
			if tt.name == "last line edited and hashed anew" {
				tt.line++ // the next entry follows the one that was written
			}
			checkBroken(t, j, tt.line)
		})
	}
}

// rehash returns the line with another operator and a hash that fits it.
func rehash(line []byte, operator string) []byte {
	e, err := parse(bytes.TrimSuffix(line, []byte("\n")))
	if err != nil {
		panic(err)
	}
	e.Operator = operator
	if e.Hash, err = e.hash(); err != nil {
		panic(err)
	}
	if line, err = e.line(); err != nil {
		panic(err)
	}
	return line
}

// checkBroken fails the test unless Verify names that line.
func checkBroken(t *testing.T, j *Journal, line int) {
	t.Helper()
	_, err := Verify(j.Path())
	var broken *BrokenError
	if !errors.As(err, &broken) || broken.Line != line {
		t.Errorf("Verify = %v, want line %d", err, line)
	}
}

// However much of the last write a crash left behind: the next entry is
// written, everything whole is kept, and Verify says which line was torn.
func TestTornLine(t *testing.T) {
	j := fresh(t)
	add(t, j, "intent/a", "receipt/a")
	whole := contents(t, j)
	add(t, j, "intent/b")
	full := contents(t, j)
	for size := len(whole) + 1; size <= len(full); size++ {
		torn := fresh(t)
		replace(t, torn, full[:size])
		_, err := Verify(torn.Path())
		var broken *BrokenError
		if lost := size < len(full)-1; lost != errors.As(err, &broken) || lost && !broken.Cut {
			t.Fatalf("of %d bytes: %v", size, err)
		}
		add(t, torn, "receipt/b")
		report, err := Verify(torn.Path())
		if err != nil {
			t.Fatalf("of %d bytes, after another entry: %v", size, err)
		}
		if !bytes.HasPrefix(contents(t, torn), full[:size]) {
			t.Fatalf("of %d bytes: what was there is gone", size)
		}
		entries, torns := 4, "[3]"
		if size >= len(full)-1 { // only the line break is missing
			torns = "[]"
		}
		if report.Entries != entries || fmt.Sprint(report.Torn) != torns {
			t.Fatalf("of %d bytes: %+v", size, report)
		}
	}
}

// A crash while a torn line is being marked leaves one more torn line.
func TestTornTwice(t *testing.T) {
	j := fresh(t)
	add(t, j, "intent/a")
	whole := contents(t, j)
	replace(t, j, append(bytes.Clone(whole), `{"seq":2,"at":"20`...))
	add(t, j, "intent/b")
	marked := contents(t, j)
	for size := len(whole) + 1; size < len(marked); size++ {
		torn := fresh(t)
		replace(t, torn, marked[:size])
		add(t, torn, "intent/c")
		if report, err := Verify(torn.Path()); err != nil || report.Entries < 3 {
			t.Fatalf("of %d bytes: %+v, %v", size, report, err)
		}
	}
	binary := fresh(t)
	replace(t, binary, append(bytes.Clone(whole), make([]byte, 300_000)...)) // as file systems leave it after a power cut
	add(t, binary, "intent/c")
	if report, err := Verify(binary.Path()); err != nil || report.Entries != 3 || fmt.Sprint(report.Torn) != "[2]" {
		t.Errorf("after zeros: %+v, %v", report, err)
	}
}

func TestEntriesGoOnBehindABrokenLine(t *testing.T) {
	j := fresh(t)
	add(t, j, "intent/a", "receipt/a", "intent/b")
	replace(t, j, bytes.Replace(contents(t, j), []byte("alice"), []byte("mally"), 1))
	var seqs, broken []uint64
	for e, err := range j.Entries() {
		var b *BrokenError
		switch {
		case err == nil:
			seqs = append(seqs, e.Seq)
		case errors.As(err, &b):
			broken = append(broken, b.Seq)
		}
	}
	if fmt.Sprint(seqs, broken) != "[2 3] [1]" {
		t.Errorf("entries %v, broken %v", seqs, broken)
	}
	if open, err := j.OpenIntents(); err != nil || len(open) != 1 || open[0].ID != "b" {
		t.Errorf("open intents are %+v, %v", open, err)
	}
}

func TestLargeEntry(t *testing.T) {
	j := fresh(t)
	add(t, j, "intent/a")
	large, err := json.Marshal(strings.Repeat("x", 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Append(t.Context(), Entry{Kind: Observation, Data: large}); err != nil {
		t.Fatal(err)
	}
	add(t, j, "receipt/a")
	if report, err := Verify(j.Path()); err != nil || report.Entries != 3 {
		t.Errorf("Verify = %+v, %v", report, err)
	}
}

func TestLocked(t *testing.T) {
	j := fresh(t)
	other := flock.New(j.Path() + ".lock")
	if err := other.Lock(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := j.Append(ctx, Entry{Kind: Intent}); !errors.Is(err, ErrLocked) {
		t.Errorf("Append = %v, want ErrLocked", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Append(cancelled, Entry{Kind: Intent}); !errors.Is(err, context.Canceled) {
		t.Errorf("Append = %v, want the context's error", err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	add(t, j, "intent/a")
}

func TestConcurrentAppends(t *testing.T) {
	j := fresh(t)
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range 10 {
				if _, err := j.Append(t.Context(), Entry{Kind: Observation}); err != nil {
					t.Error(err)
				}
				if _, err := Verify(j.Path()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	if report, err := Verify(j.Path()); err != nil || report.Entries != 40 {
		t.Errorf("Verify = %+v, %v", report, err)
	}
}

func FuzzEntry(f *testing.F) {
	f.Add("intent", "id", "alice", "approve", []byte(`{"a":[1,2.0,"\u2028<&>"]}`))
	f.Add("\xff", "\n", "\u2028", "", []byte("null"))
	f.Fuzz(func(t *testing.T, kind, id, operator, command string, data []byte) {
		sealed, err := Entry{Kind: kind, ID: id, Operator: operator, Command: command, Data: data}.seal(Head{Seq: 7, Hash: "x"})
		if err != nil {
			if json.Valid(data) || len(data) == 0 {
				t.Fatal(err)
			}
			return
		}
		line, err := sealed.line()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Count(line, []byte("\n")) != 1 {
			t.Fatalf("%q is not one line", line)
		}
		if read, err := parse(bytes.TrimSuffix(line, []byte("\n"))); err != nil || read.Hash != sealed.Hash {
			t.Fatalf("%q reads back as %+v, %v", line, read, err)
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte("{}\n"), []byte("\n"))
	f.Add([]byte{0}, []byte(`{"seq":1,"hash":"x"}`))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		j := fresh(t)
		replace(t, j, before)
		add(t, j, "intent/a")
		replace(t, j, append(contents(t, j), after...))
		add(t, j, "receipt/a")
		_, _ = Verify(j.Path())
		if _, err := j.OpenIntents(); err != nil {
			t.Fatal(err)
		}
		if head, err := j.Head(); err != nil || head.Seq < 2 {
			t.Fatalf("head = %v, %v", head, err)
		}
	})
}

// An intent is abandoned when its writer is gone: not while it acts, not when
// it wrote a receipt, not when somebody reconciled it.
func TestAbandonedIntents(t *testing.T) {
	j := fresh(t)
	other, err := Open(j.Path())
	if err != nil {
		t.Fatal(err)
	}
	abandoned := func(by *Journal) int {
		t.Helper()
		entries, err := by.Abandoned()
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	add(t, j, "intent/a")
	if n := abandoned(other) + abandoned(j); n != 0 {
		t.Errorf("%d while the writer acts", n)
	}
	j.end("a") // as the system does when a process dies
	if n := abandoned(other); n != 1 {
		t.Errorf("%d when the writer is gone", n)
	}
	add(t, other, "reconciled/a")
	add(t, j, "intent/b")
	add(t, j, "receipt/b")
	if n := abandoned(other) + abandoned(j); n != 0 {
		t.Errorf("%d when all is told", n)
	}
}
