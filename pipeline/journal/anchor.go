package journal

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Anchor is a head as it was sent to a place where whoever can write the
// journal cannot change it.
type Anchor struct {
	Seq    uint64
	Hash   string // the beginning of the entry's hash
	Origin string // names the journal; empty: the sender did not say which
	ID     string // of the intent that was sent with it
}

// Anchor is the head in the form in which it is sent: its short form, and which
// journal it is of, as in 42:9f8e7d6c5b4a@1b2c3d4e. Empty for an empty journal.
func (j *Journal) Anchor(h Head) string {
	if h.Seq == 0 {
		return ""
	}
	return h.Short() + "@" + originOf(j.path)
}

// originOf names the journal at path among all that send heads to the same
// place. It says nothing about the machine, and outlives the file.
func originOf(path string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	sum := sha256.Sum256([]byte(host + "\x00" + path))
	return hex.EncodeToString(sum[:4])
}

var anchorForm = regexp.MustCompile(`^(\d{1,18}):([0-9a-f]{6,64})(?:@([0-9a-f]{8}))?$`)

// ParseAnchor reads what Anchor wrote, also as it was before it named the
// journal; ok is false for what is none.
func ParseAnchor(text string) (a Anchor, ok bool) {
	m := anchorForm.FindStringSubmatch(text)
	if m == nil {
		return Anchor{}, false
	}
	seq, err := strconv.ParseUint(m[1], 10, 64)
	return Anchor{Seq: seq, Hash: m[2], Origin: m[3]}, err == nil && seq > 0
}

// Comparison is how a journal stands to heads that were sent.
type Comparison struct {
	Held    []Anchor // the journal holds them, in the order of their entries
	Foreign []Anchor // of another journal, or nobody can tell of which
}

// AnchorError names the first head that was sent and that the journal at Path
// does not hold, though it was the one that sent it: the journal was cut or
// written anew after that.
type AnchorError struct {
	Path   string
	Anchor Anchor
	Reason string // a clause: "entry 57 is missing: the journal ends at entry 40"
}

// Error implements error.
func (e *AnchorError) Error() string {
	return fmt.Sprintf("journal %s is not the one whose head was sent: %s", e.Path, e.Reason)
}

// Compare looks for heads that were sent in the journal at path. It returns an
// *AnchorError for the first that the journal sent and does not hold. It does
// not follow the chain: see Verify.
func Compare(path string, anchors []Anchor) (Comparison, error) {
	hashes, ids, last := map[uint64]string{}, map[string]bool{}, uint64(0)
	for e, err := range (&Journal{path: path}).Entries() {
		var broken *BrokenError
		switch {
		case errors.As(err, &broken):
			continue
		case err != nil:
			return Comparison{}, err
		}
		hashes[e.Seq], last = e.Hash, max(last, e.Seq)
		if e.Kind == Intent {
			ids[e.ID] = true
		}
	}
	var out Comparison
	var first *AnchorError
	origin := originOf(path)
	anchors = slices.Clone(anchors)
	slices.SortStableFunc(anchors, func(a, b Anchor) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, a := range anchors {
		hash, there := hashes[a.Seq]
		switch {
		case there && strings.HasPrefix(hash, a.Hash):
			out.Held = append(out.Held, a)
		case a.Origin != origin && (a.Origin != "" || !ids[a.ID]):
			out.Foreign = append(out.Foreign, a)
		case first != nil:
		case there:
			first = &AnchorError{path, a, fmt.Sprintf("entry %d is another one, with the hash %.*s", a.Seq, shortHash, hash)}
		default:
			first = &AnchorError{path, a, fmt.Sprintf("entry %d is missing: the journal ends at entry %d", a.Seq, last)}
		}
	}
	if first != nil {
		return out, first
	}
	return out, nil
}
