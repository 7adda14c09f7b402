package sandbox

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// A document is the body of an AWS answer before a protocol gives it its form.
// Members that AWS would leave out are left out by whoever builds the document.
type document map[string]any

// set stores a member unless its value is the empty string: AWS leaves unset
// strings out of its answers.
func (d document) set(name, value string) document {
	if value != "" {
		d[name] = value
	}
	return d
}

// at stores a time unless it is zero.
func (d document) at(name string, when time.Time) document {
	if !when.IsZero() {
		d[name] = timestamp{when}
	}
	return d
}

// A namedList is a list whose elements have a name of their own in XML, as
// everywhere in RDS. Other protocols see a plain list.
type namedList struct {
	element string
	items   []document
}

// A flatList is a list that XML writes as repeated elements without one around
// them, as everywhere in S3.
type flatList []document

// A valueMap is a map of the API itself, not a structure of named members: XML
// writes it as entries.
type valueMap map[string]float64

// MarshalJSON writes the plain list.
func (l namedList) MarshalJSON() ([]byte, error) { return json.Marshal(l.items) }

// A timestamp is an instant in AWS's forms: seconds with milliseconds in JSON,
// tag 1 in CBOR, ISO 8601 in XML and in query parameters.
type timestamp struct{ time.Time }

func (t timestamp) seconds() float64 { return float64(t.UnixMilli()) / 1000 }

// MarshalJSON writes seconds since 1970 with millisecond precision.
func (t timestamp) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, t.seconds(), 'f', -1, 64), nil
}

// MarshalText writes ISO 8601 with milliseconds, in UTC.
func (t timestamp) MarshalText() ([]byte, error) {
	return []byte(t.UTC().Format("2006-01-02T15:04:05.000Z")), nil
}

// MarshalCBOR writes an epoch-based date (tag 1).
func (t timestamp) MarshalCBOR() ([]byte, error) {
	return cbor.Marshal(cbor.Tag{Number: 1, Content: t.seconds()})
}

// UnmarshalJSON reads seconds, or a string in ISO 8601 as older clients send.
func (t *timestamp) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var text string
	if json.Unmarshal(data, &text) == nil {
		return t.UnmarshalText([]byte(text))
	}
	seconds, err := strconv.ParseFloat(string(data), 64)
	if err != nil {
		return errors.New("a timestamp must be a number of seconds")
	}
	t.Time = fromSeconds(seconds)
	return nil
}

// UnmarshalText reads ISO 8601, with or without a fraction or a zone, or seconds.
func (t *timestamp) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02"} {
		if when, err := time.Parse(layout, string(text)); err == nil {
			t.Time = when
			return nil
		}
	}
	if seconds, err := strconv.ParseFloat(string(text), 64); err == nil {
		t.Time = fromSeconds(seconds)
		return nil
	}
	return errors.New("a timestamp must be in ISO 8601")
}

// UnmarshalCBOR reads an epoch-based date (tag 1) or a bare number of seconds.
func (t *timestamp) UnmarshalCBOR(data []byte) error {
	var value any
	if err := cbor.Unmarshal(data, &value); err != nil {
		return err
	}
	switch v := value.(type) {
	case time.Time:
		t.Time = v
	case float64:
		t.Time = fromSeconds(v)
	case uint64:
		t.Time = time.Unix(int64(min(v, math.MaxInt64)), 0)
	case nil:
	default:
		return errors.New("a timestamp must be a number of seconds")
	}
	return nil
}

func fromSeconds(seconds float64) time.Time {
	return time.UnixMilli(int64(math.Round(seconds * 1000)))
}
