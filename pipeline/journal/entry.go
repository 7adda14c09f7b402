// Package journal keeps the record of what an operator asked for and what came
// of it: a file of JSON objects, one a line, to which lines are only ever
// added. Each line carries the hash of the one before, so that a line that was
// changed, removed or moved later is found by [Verify]; the newest hash goes
// into what is sent to GitHub, so that the end of the file can be checked too.
//
// Several processes may share a journal. Nothing secret may be put into it.
package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The kinds of entries.
const (
	Intent      = "intent"      // written before something is sent
	Receipt     = "receipt"     // what came of an intent, also when it was refused
	Observation = "observation" // something seen that belongs to an intent
	Reconciled  = "reconciled"  // what was found of an intent whose writer did not live to see it
	Torn        = "torn"        // written by the journal itself: the line before was cut off
)

// Entry is one line of a journal. Its author sets Kind, ID, Operator, Command
// and Data; the rest is set by Append.
type Entry struct {
	Seq      uint64          `json:"seq"`            // from 1, without gaps
	At       time.Time       `json:"at"`             // UTC; Append sets it if it is zero
	Kind     string          `json:"kind"`           // one of the kinds above
	ID       string          `json:"id,omitempty"`   // id of the intent that it is, or is about
	Operator string          `json:"operator"`       // GitHub login
	Command  string          `json:"command"`        // such as approve or rollback
	Data     json.RawMessage `json:"data,omitempty"` // any JSON value
	Prev     string          `json:"prev"`           // hash of the entry before; empty in the first
	Hash     string          `json:"hash"`           // of this entry, with Prev
}

// Head identifies the newest entry of a journal, and with it all before.
type Head struct {
	Seq  uint64 // 0: the journal is empty
	Hash string
}

// shortHash is how many digits of a hash a comment carries.
const shortHash = 12

// Short returns the head in a form for comments: the number of the entry and
// the beginning of its hash, as in 42:9f8e7d6c5b4a. It is empty for an empty
// journal.
func (h Head) Short() string {
	if h.Seq == 0 {
		return ""
	}
	return fmt.Sprintf("%d:%.*s", h.Seq, shortHash, h.Hash)
}

// seal makes the entry the successor of head: it gets its number, its place in
// the chain and its hash. The error says that its data is not JSON.
func (e Entry) seal(head Head) (Entry, error) {
	if len(e.Data) > 0 {
		var compact bytes.Buffer
		if err := json.Compact(&compact, e.Data); err != nil {
			return Entry{}, fmt.Errorf("journal: data is not JSON: %w", err)
		}
		e.Data = bytes.ToValidUTF8(compact.Bytes(), []byte("\ufffd"))
	}
	for _, text := range [...]*string{&e.Kind, &e.ID, &e.Operator, &e.Command} {
		*text = strings.ToValidUTF8(*text, "\ufffd") // or it would be read back as something else
	}
	if e.At.IsZero() {
		e.At = time.Now()
	}
	e.At = e.At.Round(0).UTC()
	e.Seq, e.Prev = head.Seq+1, head.Hash
	var err error
	e.Hash, err = e.hash()
	return e, err
}

// hash returns the SHA-256 of the previous hash and the entry without its own.
func (e Entry) hash() (string, error) {
	e.Hash = ""
	line, err := e.line()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append([]byte(e.Prev), line...))
	return hex.EncodeToString(sum[:]), nil
}

// line returns the entry as it stands in the file, which is the only form in
// which it counts as unchanged. It ends in a line break.
func (e Entry) line() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return b.Bytes(), nil
}

func (e Entry) head() Head { return Head{Seq: e.Seq, Hash: e.Hash} }

var (
	errNoEntry = errors.New("it is not an entry")
	errChanged = errors.New("it does not match its own hash")
)

// parse reads a line without its line break. It returns errNoEntry for what is
// no entry at all, and the entry with errChanged for one that was altered.
func parse(line []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(line, &e); err != nil || e.Seq == 0 || e.Hash == "" {
		return Entry{}, errNoEntry
	}
	written, err := e.line()
	if err != nil || !bytes.Equal(bytes.TrimSuffix(written, []byte("\n")), line) {
		return e, errChanged
	}
	if hash, err := e.hash(); err != nil || hash != e.Hash {
		return e, errChanged
	}
	return e, nil
}

// torn is the data of an entry of kind Torn. It vouches for the lines before
// it: that they were already broken when it was written.
type torn struct {
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func tornOf(rest []byte) torn {
	sum := sha256.Sum256(rest)
	return torn{Bytes: len(rest), SHA256: hex.EncodeToString(sum[:])}
}
