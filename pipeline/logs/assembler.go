package logs

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

const (
	// blockGap is the longest pause within a block: the lines of a traceback
	// are written at once, even where each is an event of its own.
	blockGap = time.Second
	// clockTolerance is how far an event's timestamp may be ahead of its
	// receipt before its writer's clock counts as wrong.
	clockTolerance = time.Second
	// streamMemory is how long a silent stream's last block is remembered.
	streamMemory = time.Minute
)

// arrivals numbers the lines of the whole process, because blocks of several
// groups meet in one ring.
var arrivals atomic.Uint64

// assembler turns the events of one log group into lines, and joins lines that
// belong together although each came in an event of its own.
type assembler struct {
	group   Group
	streams map[string]*stream
	slab    []Line          // room for the next lines
	texts   strings.Builder // room for their texts
	swept   time.Time       // when silent streams were last forgotten
}

// stream is what the assembler remembers of one log stream.
type stream struct {
	origin *Origin
	blocks [2]block // the newest, and one that a late line opened or that is older
}

// block is a head line and what followed it.
type block struct {
	head  *Line
	event uint64    // key of the event that its newest line came in
	last  time.Time // timestamp of its newest line
	state traceState
}

// traceState is where in a traceback a block ends so far.
type traceState uint8

const (
	noTrace    traceState = iota
	inFrames              // the exception's own line is still to come
	afterTrace            // it has come; details and chained exceptions may follow
)

func newAssembler(group Group) *assembler {
	return &assembler{group: group, streams: make(map[string]*stream)}
}

// append appends the event's lines to lines; now bounds timestamps that lie in
// the future.
func (a *assembler) append(lines []*Line, event *Event, now time.Time) []*Line {
	if strings.IndexByte(event.Message, '\n') < 0 {
		return append(lines, a.line(event, sanitise.Text(event.Message), false, now))
	}
	for i, text := range sanitise.Lines(event.Message) {
		lines = append(lines, a.line(event, text, i > 0, now))
	}
	return lines
}

// line makes one line of an event and finds the block that it belongs to.
func (a *assembler) line(event *Event, text string, further bool, now time.Time) *Line {
	s := a.stream(event.Stream)
	line := a.room()
	line.Origin, line.event = s.origin, event.key()
	if !event.Ingested.IsZero() {
		line.ingested = event.Ingested.UnixMilli()
	}
	line.setText(a.keep(text)) // what is found in it must be a part of the copy
	line.order.own, line.order.part = event.Timestamp.UnixNano(), arrivals.Add(1)
	if head := s.join(line, further); head != nil {
		line.Continuation = true
		line.Level, line.Request = head.Level, head.Request
		line.order.at, line.order.block = head.order.at, head.order.block
		return line
	}
	found := recognise(line.Text)
	line.Level, line.Request = found.level, found.request
	if line.kind == traceback {
		line.Level = max(line.Level, LevelError)
	}
	line.order.at, line.order.block = placeInTime(event, now).UnixNano(), line.order.part
	return line
}

// slabLines is how many lines are allocated together: they come together, and
// a ring lets them go together. They take 8 KiB.
const slabLines = 73

// room returns a line that was never used.
func (a *assembler) room() *Line {
	if len(a.slab) == 0 {
		a.slab = make([]Line, slabLines)
	}
	line := &a.slab[0]
	a.slab = a.slab[1:]
	return line
}

// textRoom is how many bytes of text are allocated together.
const textRoom = 8 << 10

// keep returns a copy of the text. What a source decodes shares its memory with
// the whole of its answer: a line that kept its part of it would keep the ids
// and streams of all events too.
func (a *assembler) keep(text string) string {
	if a.texts.Cap()-a.texts.Len() < len(text) {
		a.texts = strings.Builder{} // lines hold the old room
		a.texts.Grow(max(textRoom, len(text)))
	}
	from := a.texts.Len()
	a.texts.WriteString(text)
	return a.texts.String()[from:]
}

// placeInTime returns the event's timestamp, or when it was received where the
// timestamp lies in the future of that: one wrong clock must not push its lines
// behind everybody else's.
func placeInTime(event *Event, now time.Time) time.Time {
	if at := received(event, now); event.Timestamp.After(at.Add(clockTolerance)) {
		return at
	}
	return event.Timestamp
}

// received returns when the store received an event; where it does not say, it
// was just now.
func received(event *Event, now time.Time) time.Time {
	if event.Ingested.IsZero() {
		return now
	}
	return event.Ingested
}

// stream returns what is remembered of a stream.
func (a *assembler) stream(name string) *stream {
	s := a.streams[name]
	if s == nil {
		name = strings.Clone(name)
		s = &stream{origin: &Origin{Group: a.group.Name, Stream: name, Service: a.group.Service, Task: taskOf(name)}}
		a.streams[name] = s
	}
	return s
}

// forget drops the memory of streams that have been silent, at most once in
// streamMemory.
func (a *assembler) forget(now time.Time) {
	if now.Sub(a.swept) < streamMemory {
		return
	}
	a.swept = now
	for name, s := range a.streams {
		if now.Sub(s.blocks[0].last) > streamMemory {
			delete(a.streams, name)
		}
	}
}

// taskOf returns the task id in the name of a stream that the awslogs driver
// made: PREFIX/CONTAINER/TASK. Other streams tell no task.
func taskOf(stream string) string {
	if strings.Count(stream, "/") < 2 {
		return ""
	}
	return stream[strings.LastIndexByte(stream, '/')+1:]
}

// join finds the block that the line continues and returns its head, or nil
// if the line is the head of a block of its own.
func (s *stream) join(line *Line, further bool) *Line {
	at := line.Timestamp()
	for i := range s.blocks {
		b := &s.blocks[i]
		if b.head == nil || at.Before(b.head.Timestamp()) || at.After(b.last.Add(blockGap)) {
			continue
		}
		if further && b.event != line.event {
			continue
		}
		if b.take(line) || further {
			b.event = line.event
			if at.After(b.last) {
				b.last = at
			}
			return b.head
		}
	}
	s.open(line)
	return nil
}

// open begins a block with line as its head. A line older than the newest
// block is late, and must not close that.
func (s *stream) open(line *Line) {
	opened := block{head: line, event: line.event, last: line.Timestamp()}
	if isTraceback(line.Text) {
		line.kind, opened.state = traceback, inFrames
	}
	if newest := &s.blocks[0]; newest.head == nil || !line.Timestamp().Before(newest.last) {
		s.blocks[1] = *newest
		*newest = opened
		return
	}
	s.blocks[1] = opened
}

// take reports whether line continues the block, and moves the block's state on.
func (b *block) take(line *Line) bool {
	text := line.Text
	indented := text != "" && text[0] == ' '
	switch {
	case isTraceback(text):
		if b.state == noTrace && b.head.Level < LevelError {
			return false
		}
		line.kind, b.state = traceback, inFrames
		return true
	case b.state == inFrames && (indented || text == ""):
		line.kind = frame
		return true
	case b.state == inFrames && exceptionName(text) > 0:
		line.kind, b.state = exception, afterTrace
		return true
	case b.state == afterTrace && (text == "" || chained(text)):
		return true
	}
	if b.state == inFrames {
		b.state = noTrace
	}
	return indented || strings.HasPrefix(text, "Caused by: ")
}

// isTraceback reports whether text begins a Python traceback.
func isTraceback(text string) bool {
	return strings.HasSuffix(text, "Traceback (most recent call last):") && len(text) < 80
}

// exceptionName returns the length of the dotted name of an exception that text
// begins with, as in KeyError: 'sku', or 0.
func exceptionName(text string) int {
	n := 0
	for n < len(text) && (letter(text[n]) || digit(text[n]) || text[n] == '_' || text[n] == '.') {
		n++
	}
	if n == 0 || digit(text[0]) || n < len(text) && text[n] != ':' {
		return 0
	}
	return n
}

// chained reports whether text, behind an exception, belongs to it: what joins
// it to the next traceback, or the details that PostgreSQL adds.
func chained(text string) bool {
	for _, prefix := range [...]string{
		"During handling of the above exception", "The above exception was the direct cause",
		"DETAIL: ", "HINT: ", "CONTEXT: ", "LINE ",
	} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}
