package ghclient

import (
	"encoding/json"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// text is a string of an answer: decoding makes it one safe line. Every string
// that GitHub sends is decoded as text or prose, so none can be forgotten.
type text string

// UnmarshalJSON decodes and sanitises; null is empty.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*t = text(sanitise.Text(s))
	return nil
}

// prose is a string of several lines, each made safe.
type prose string

// UnmarshalJSON decodes and sanitises; null is empty.
func (p *prose) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*p = prose(strings.Join(sanitise.Lines(s), "\n"))
	return nil
}

// subject is the first line.
func (p prose) subject() string {
	first, _, _ := strings.Cut(string(p), "\n")
	return first
}

// account is a user or team in an answer; absent where it was deleted.
type account struct {
	Login text  `json:"login"`
	Slug  text  `json:"slug"`
	Name  text  `json:"name"`
	ID    int64 `json:"id"`
}

// name is the login of a user or the slug of a team; empty where there is none.
func (a *account) name() string {
	if a == nil {
		return ""
	}
	for _, s := range []text{a.Login, a.Slug, a.Name} {
		if s != "" {
			return string(s)
		}
	}
	return ""
}
