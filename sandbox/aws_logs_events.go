package sandbox

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
)

// filteredEvent is an event as FilterLogEvents gives it.
type filteredEvent struct {
	LogStreamName string `json:"logStreamName"`
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
	EventID       string `json:"eventId"`
}

type filterLogEventsInput struct {
	LogGroupName        string
	LogGroupIdentifier  string
	LogStreamNames      []string
	LogStreamNamePrefix string
	StartTime           *int64
	EndTime             *int64
	FilterPattern       string
	Limit               *int
	NextToken           string
	StartFromHead       *bool
}

// newestFirstSince is the earliest start from which CloudWatch Logs can read
// backwards.
var newestFirstSince = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

func (a *awsAPI) filterLogEvents(in filterLogEventsInput) (document, error) {
	group, err := a.logGroup(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	pattern, err := in.check(group)
	if err != nil {
		return nil, err
	}
	position, err := in.position()
	if err != nil {
		return nil, err
	}
	events := a.events(group, in.StartTime, in.EndTime)
	if position.backward {
		slices.Reverse(events)
	}
	events = position.rest(events)
	if in.NextToken == "" && len(events) > 0 && a.requests%9 == 4 {
		// Now and then CloudWatch Logs answers with nothing but a token.
		return document{"events": []filteredEvent{}, "searchedLogStreams": []document{}, "nextToken": position.token()}, nil
	}
	found, next := in.fill(events, pattern, position)
	return document{"events": found, "searchedLogStreams": []document{}}.set("nextToken", next), nil
}

// check validates what the client asks for and reads its pattern.
func (in filterLogEventsInput) check(group *LogGroup) (logPattern, error) {
	switch {
	case len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != "":
		return nil, errInvalidParameter("LogStreamNames and LogStreamNamePrefix are mutually exclusive.")
	case len(in.LogStreamNames) > 100:
		return nil, errInvalidParameter("At most 100 log stream names may be given.")
	case in.Limit != nil && (*in.Limit < 1 || *in.Limit > logPageEvents):
		return nil, errInvalidParameter("The limit must be between 1 and %d.", logPageEvents)
	case in.StartTime != nil && in.EndTime != nil && *in.StartTime > *in.EndTime:
		return nil, errInvalidParameter("End time should not be less than start time.")
	}
	for _, name := range in.LogStreamNames {
		if !slices.ContainsFunc(group.Streams, func(s *LogStream) bool { return s.Name == name }) {
			return nil, awsFailure("ResourceNotFoundException", "The specified log stream does not exist.")
		}
	}
	return parseLogPattern(in.FilterPattern)
}

func (in filterLogEventsInput) position() (logPosition, error) {
	if in.NextToken != "" {
		return readLogPosition(in.NextToken)
	}
	if in.StartFromHead == nil || *in.StartFromHead {
		return logPosition{}, nil
	}
	if in.StartTime == nil || time.UnixMilli(*in.StartTime).Before(newestFirstSince) {
		return logPosition{}, errInvalidParameter("startFromHead may be false only with a startTime on or after 2024-01-01.")
	}
	return logPosition{backward: true}, nil
}

// fill takes matching events until the page is full or enough has been read.
func (in filterLogEventsInput) fill(events []LogEvent, pattern logPattern, position logPosition) (found []filteredEvent, next string) {
	limit, bytes := logPageEvents, 0
	if in.Limit != nil {
		limit = *in.Limit
	}
	found = []filteredEvent{}
	for i, event := range events {
		if in.wants(event.Stream) && pattern(event.Message) {
			found = append(found, filteredEvent{
				event.Stream.Name, event.Timestamp.UnixMilli(), event.Message, event.ingested().UnixMilli(), event.ID,
			})
			bytes += len(event.Message) + 26
		}
		full := len(found) >= limit || bytes >= logPageBytes || i+1 >= logPageScan
		if full && i+1 < len(events) {
			return found, position.after(event).token()
		}
	}
	return found, ""
}

func (in filterLogEventsInput) wants(stream *LogStream) bool {
	if len(in.LogStreamNames) > 0 {
		return slices.Contains(in.LogStreamNames, stream.Name)
	}
	return strings.HasPrefix(stream.Name, in.LogStreamNamePrefix)
}

// A logPosition is where a page of FilterLogEvents begins: behind an event, in
// the direction of reading. The zero position is the oldest event.
type logPosition struct {
	backward bool
	at       int64 // timestamp of the event, in milliseconds; 0 is the beginning
	id       string
}

func (p logPosition) after(event LogEvent) logPosition {
	return logPosition{p.backward, event.Timestamp.UnixMilli(), event.ID}
}

func (p logPosition) token() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%t %d %s", p.backward, p.at, p.id))
}

func readLogPosition(token string) (p logPosition, err error) {
	invalid := errInvalidParameter("The specified nextToken is invalid.")
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return p, invalid
	}
	if read, _ := fmt.Sscanf(string(text), "%t %d %s", &p.backward, &p.at, &p.id); read < 2 {
		return p, invalid
	}
	return p, nil
}

// rest are the events, in reading order, that come after the position.
func (p logPosition) rest(events []LogEvent) []LogEvent {
	if p.at == 0 {
		return events
	}
	for i, event := range events {
		at := event.Timestamp.UnixMilli()
		switch {
		case event.ID == p.id:
			return events[i+1:]
		case at > p.at && !p.backward, at < p.at && p.backward: // the event itself is gone
			return events[i:]
		}
	}
	return nil
}

type getLogEventsInput struct {
	LogGroupName       string
	LogGroupIdentifier string
	LogStreamName      string
	StartTime          *int64
	EndTime            *int64
	Limit              *int
	NextToken          string
	StartFromHead      bool
}

// streamEvent is an event as GetLogEvents gives it.
type streamEvent struct {
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
}

func (a *awsAPI) getLogEvents(in getLogEventsInput) (document, error) {
	group, err := a.logGroup(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(group.Streams, func(s *LogStream) bool { return s.Name == in.LogStreamName }) {
		return nil, awsFailure("ResourceNotFoundException", "The specified log stream does not exist.")
	}
	if in.EndTime != nil { // unlike that of FilterLogEvents, it is exclusive
		before := *in.EndTime - 1
		in.EndTime = &before
	}
	events := slices.DeleteFunc(a.events(group, in.StartTime, in.EndTime), func(e LogEvent) bool {
		return e.Stream.Name != in.LogStreamName
	})
	from, to, err := in.window(events)
	if err != nil {
		return nil, err
	}
	found := make([]streamEvent, 0, to-from)
	for _, event := range events[from:to] {
		found = append(found, streamEvent{event.Timestamp.UnixMilli(), event.Message, event.ingested().UnixMilli()})
	}
	return document{
		"events": found, "nextForwardToken": streamToken("f", events, to), "nextBackwardToken": streamToken("b", events, from),
	}, nil
}

// window is the part of a stream that the client asks for. Tokens name the
// place between two events, so that one that leads nowhere comes back as it is.
func (in getLogEventsInput) window(events []LogEvent) (from, to int, err error) {
	limit := logPageEvents
	if in.Limit != nil {
		limit = *in.Limit
	}
	if limit < 1 || limit > logPageEvents {
		return 0, 0, errInvalidParameter("The limit must be between 1 and %d.", logPageEvents)
	}
	direction, place, tokened := strings.Cut(in.NextToken, "/")
	switch {
	case !tokened && in.NextToken != "", tokened && direction != "f" && direction != "b":
		return 0, 0, errInvalidParameter("The specified nextToken is invalid.")
	case !tokened && in.StartFromHead:
		return 0, min(limit, len(events)), nil
	case !tokened:
		return max(0, len(events)-limit), len(events), nil
	}
	at := placeIn(events, strings.TrimSuffix(place, "/s"))
	if direction == "b" {
		return max(0, at-limit), at, nil
	}
	return at, min(at+limit, len(events)), nil
}

// placeIn is the index behind the event that a token names, or behind all that
// are not younger where the event itself is gone; the place of no event is 0.
func placeIn(events []LogEvent, place string) int {
	at := 0
	for i, event := range events {
		own := streamPlace(event)
		if own == place {
			return i + 1
		}
		if len(place) > 13 && own[:13] <= place[:13] {
			at = i + 1
		}
	}
	return at
}

func streamToken(direction string, events []LogEvent, place int) string {
	if place == 0 {
		return direction + "/" + strings.Repeat("0", 56) + "/s"
	}
	return direction + "/" + streamPlace(events[place-1]) + "/s"
}

// streamPlace names the place behind an event: its time, then its id.
func streamPlace(event LogEvent) string {
	return fmt.Sprintf("%013d%s", event.Timestamp.UnixMilli(), event.ID)
}
