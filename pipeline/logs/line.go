package logs

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"

	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// Line is one line of a log, parsed and safe to draw. It is immutable from the
// moment it is in a Ring or another Sink; a line belongs to one ring only.
type Line struct {
	Timestamp time.Time // what the writer's clock said
	Ingested  time.Time // when the store received it; zero if unknown
	Group     string    // log group
	Stream    string    // log stream
	Service   string    // service that writes to the group
	Release   string    // short SHA or version of the task's release; empty while unknown
	Task      string    // id of the task that wrote it; empty if the stream does not tell
	ID        string    // id of the event that the line came in; lines of one event share it
	Request   string    // id of the request that it was written for; empty if it names none
	Text      string    // sanitised, without line breaks

	Width        int           // cells that Text takes in a terminal
	ASCII        bool          // Text is printable ASCII: bytes, characters and cells are the same
	Level        Level         // severity; continuations have that of their head
	Continuation bool          // belongs to the line above it: a traceback, or a further line of its event
	Late         time.Duration // how late it came in, if the lines around it had long been shown; else 0
	Seq          uint64        // number of its arrival in the ring, from 1: the line's identity

	kind  kind
	order order
}

// kind says what a line is to a traceback.
type kind uint8

const (
	plain     kind = iota
	traceback      // "Traceback (most recent call last):"
	frame          // where in the code
	exception      // "KeyError: 'sku'", the line that tells what happened
)

// order is a line's place among the others. Lines of a block, a head with its
// continuations, stand together at the head's time.
type order struct {
	at    int64  // the head's timestamp in Unix nanoseconds; a timestamp in the future counts as when it was received
	block uint64 // number of the block by the arrival of its head
	own   int64  // the line's timestamp
	part  uint64 // number of the line by arrival
}

// compare orders lines by time, keeping blocks together and, within the same
// instant, the order in which the source delivered them.
func (l *Line) compare(other *Line) int {
	a, b := &l.order, &other.order
	switch {
	case a.at != b.at:
		return cmp.Compare(a.at, b.at)
	case a.block != b.block:
		return cmp.Compare(a.block, b.block)
	case a.own != b.own:
		return cmp.Compare(a.own, b.own)
	}
	return cmp.Compare(a.part, b.part)
}

// At returns the instant by which the line is ordered: its head's timestamp,
// or the time of its receipt where that timestamp lies in the future.
func (l *Line) At() time.Time { return time.Unix(0, l.order.at) }

// size returns roughly how many bytes of memory the line holds.
func (l *Line) size() int {
	const overhead = 320 // the struct, its pointers in ring and view, and the strings that lines of a stream share
	return overhead + len(l.Text) + len(l.ID) + len(l.Request)
}

// setText gives the line its text, which must be sanitised.
func (l *Line) setText(text string) {
	l.Text = text
	if l.ASCII = sanitise.ASCII(text); l.ASCII {
		l.Width = len(text)
	} else {
		l.Width = displaywidth.String(text)
	}
}

// Expanded returns the line's text for reading in place: a JSON object indented
// over several lines, with whatever stands before it above; any other text as
// it is, in one line.
func (l *Line) Expanded() []string {
	brace := strings.IndexByte(l.Text, '{')
	if brace < 0 {
		return []string{l.Text}
	}
	var indented bytes.Buffer
	if json.Indent(&indented, []byte(l.Text[brace:]), "", "  ") != nil {
		return []string{l.Text}
	}
	lines := sanitise.Lines(indented.String())
	if before := strings.TrimSpace(l.Text[:brace]); before != "" {
		lines = append([]string{before}, lines...)
	}
	return lines
}
