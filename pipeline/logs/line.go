package logs

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"

	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// Line is one line of a log, parsed and safe to draw. It is immutable from the
// moment it is in a Ring or another Sink; a line belongs to one ring only. A
// hundred thousand of them are held, so that every byte counts.
type Line struct {
	*Origin

	Text    string        // sanitised, without line breaks
	Request string        // id of the request that it was written for; empty if it names none
	Late    time.Duration // how late it came in, if the lines around it had long been shown; else 0
	Seq     uint64        // number of its arrival in the ring, from 1: the line's identity

	order    order
	ingested int64  // Unix milliseconds; 0 if unknown
	event    uint64 // key of the event that the line came in; lines of one event share it

	Width        int32 // cells that Text takes in a terminal
	ASCII        bool  // Text is printable ASCII: bytes, characters and cells are the same
	Level        Level // severity; continuations have that of their head
	Continuation bool  // belongs to the line above it: a traceback, or a further line of its event
	kind         kind
}

// Origin is where lines come from. The lines of a task share one.
type Origin struct {
	Group   string // log group
	Stream  string // log stream
	Service string // service that writes to the group
	Task    string // id of the task that writes; empty if the stream does not tell
	Release string // short SHA or version of the task's release; empty while unknown
}

// Parse turns an event of a group into its lines, as a tail does where nothing
// came before it.
func Parse(group Group, event *Event) []*Line {
	return newAssembler(group).append(nil, event, time.Now())
}

// Timestamp returns what the writer's clock said.
func (l *Line) Timestamp() time.Time { return time.Unix(0, l.order.own) }

// Ingested returns when the store received the line; zero if unknown.
func (l *Line) Ingested() time.Time {
	if l.ingested == 0 {
		return time.Time{}
	}
	return time.UnixMilli(l.ingested)
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
	const overhead = 144 // the struct, and its pointers in ring and views
	return overhead + len(l.Text)
}

// setText gives the line its text, which must be sanitised.
func (l *Line) setText(text string) {
	l.Text = text
	if l.ASCII = sanitise.ASCII(text); l.ASCII {
		l.Width = int32(min(len(text), math.MaxInt32))
	} else {
		l.Width = int32(min(displaywidth.String(text), math.MaxInt32))
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
