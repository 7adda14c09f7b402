package journal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
)

// BrokenError names the first line at which a journal is not whole.
type BrokenError struct {
	Path   string
	Line   int    // from 1
	Seq    uint64 // number of the entry that the line should be
	Reason string // why, as a clause: "it does not match its own hash"
	Cut    bool   // the last line was cut off, as by a crash, and nothing was written since
}

// Error implements error.
func (e *BrokenError) Error() string {
	return fmt.Sprintf("journal %s is broken at line %d (entry %d): %s", e.Path, e.Line, e.Seq, e.Reason)
}

// Report says what Verify found in a journal.
type Report struct {
	Entries int   // entries that are whole
	Torn    []int // lines that a crash cut off and that a later entry vouches for
	Head    Head
}

// line is one line of a file.
type line struct {
	number int
	text   []byte // without its line break
	open   bool   // the file ends without a line break
}

// lines reads the lines of a file. Entries are only ever added at its end and
// with one write, so that readers need no lock. A file that does not exist has
// no lines.
func lines(path string) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		file, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			return
		}
		if err != nil {
			yield(line{}, fmt.Errorf("journal: %w", err))
			return
		}
		defer func() { _ = file.Close() }() // nothing was written
		reader := bufio.NewReader(file)
		for number := 1; ; number++ {
			text, err := reader.ReadBytes('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				yield(line{}, fmt.Errorf("journal: %w", err))
				return
			}
			if len(text) > 0 && !yield(line{number, bytes.TrimSuffix(text, []byte("\n")), err != nil}, nil) || err != nil {
				return
			}
		}
	}
}

// Entries returns the entries from the oldest on. A line that is no entry, or
// was changed, comes as a *BrokenError, after which the entries go on.
func (j *Journal) Entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for l, err := range lines(j.path) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			e, err := parse(l.text)
			if err != nil {
				err = &BrokenError{Path: j.path, Line: l.number, Seq: e.Seq, Reason: err.Error(), Cut: l.open}
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Head returns the newest entry's number and hash, without checking the chain.
func (j *Journal) Head() (Head, error) {
	file, err := os.Open(j.path)
	if errors.Is(err, os.ErrNotExist) {
		return Head{}, nil
	}
	if err != nil {
		return Head{}, fmt.Errorf("journal: %w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	head, _, err := readTail(file)
	if err != nil {
		return Head{}, fmt.Errorf("journal: %w", err)
	}
	return head, nil
}

// OpenIntents returns the intents that have neither a receipt nor were
// reconciled, the oldest first: what became of them has to be looked up, and
// must not be sent again. Broken lines are passed over; Verify names them.
func (j *Journal) OpenIntents() ([]Entry, error) {
	var intents []Entry
	closed := make(map[string]bool)
	for e, err := range j.Entries() {
		var broken *BrokenError
		switch {
		case errors.As(err, &broken):
		case err != nil:
			return nil, err
		case e.Kind == Intent:
			intents = append(intents, e)
		case e.Kind == Receipt, e.Kind == Reconciled:
			closed[e.ID] = true
		}
	}
	var open []Entry
	for _, e := range intents {
		if !closed[e.ID] {
			open = append(open, e)
		}
	}
	return open, nil
}

// verifier follows the chain of a file.
type verifier struct {
	path   string
	known  Head // noted when the last entry was written
	report Report
	broken []line // lines that are no entries and wait for one that vouches for them
}

// Verify reads the whole journal at path and follows its chain. It returns a
// *BrokenError that names the first line that was changed, added, moved or
// cut, or at which lines are missing. A journal that does not exist is empty,
// unless it is known to have had entries.
func Verify(path string) (Report, error) {
	report, err := verify(path)
	var broken *BrokenError
	if !errors.As(err, &broken) || !broken.Cut {
		return report, err
	}
	// Perhaps somebody was just writing that line: look again when nobody is.
	unlock, locked := (&Journal{path: path}).lock(context.Background())
	if locked != nil {
		return report, err
	}
	defer unlock()
	return verify(path)
}

func verify(path string) (Report, error) {
	v := verifier{path: path, known: remembered(path)}
	last := 0
	for l, err := range lines(path) {
		if err != nil {
			return v.report, err
		}
		last = l.number
		if err := v.line(l); err != nil {
			return v.report, err
		}
	}
	if len(v.broken) > 0 {
		first := v.broken[0]
		return v.report, v.fail(first.number, "it was cut off, as by a crash or a full disk; the next entry will mark it", true)
	}
	if v.known.Seq > v.report.Head.Seq {
		return v.report, v.fail(last+1, fmt.Sprintf("it is missing, with everything up to entry %d", v.known.Seq), false)
	}
	return v.report, nil
}

// line checks the next line.
func (v *verifier) line(l line) error {
	e, err := parse(l.text)
	if errors.Is(err, errNoEntry) {
		v.broken = append(v.broken, l)
		return nil
	}
	if err := v.vouched(e); err != nil {
		return err
	}
	switch {
	case err != nil:
		return v.fail(l.number, err.Error(), false)
	case e.Seq != v.report.Head.Seq+1:
		return v.fail(l.number, fmt.Sprintf("it is entry %d", e.Seq), false)
	case e.Prev != v.report.Head.Hash:
		return v.fail(l.number, "it does not follow the entry before it", false)
	case e.Seq == v.known.Seq && e.Hash != v.known.Hash:
		return v.fail(l.number, "it is not the entry that was written", false)
	}
	v.report.Entries++
	v.report.Head = e.head()
	return nil
}

// vouched checks that lines that are no entries are what e says was found when
// it was written.
func (v *verifier) vouched(e Entry) error {
	if len(v.broken) == 0 {
		return nil
	}
	var texts [][]byte
	for _, l := range v.broken {
		texts = append(texts, l.text)
	}
	var found torn
	if e.Kind != Torn || json.Unmarshal(e.Data, &found) != nil || found != tornOf(bytes.Join(texts, []byte("\n"))) {
		return v.fail(v.broken[0].number, errNoEntry.Error(), false)
	}
	for _, l := range v.broken {
		v.report.Torn = append(v.report.Torn, l.number)
	}
	v.broken = nil
	return nil
}

func (v *verifier) fail(number int, reason string, cut bool) error {
	return &BrokenError{Path: v.path, Line: number, Seq: v.report.Head.Seq + 1, Reason: reason, Cut: cut}
}
