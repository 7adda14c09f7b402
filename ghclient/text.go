package ghclient

import (
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// text is a string of an answer: decoding makes it one safe line. Every string
// that GitHub sends is decoded as text or prose, so none can be forgotten.
type text string

// UnmarshalText sanitises. encoding/json calls it for values and for the keys
// of maps alike; null leaves the text empty.
func (t *text) UnmarshalText(b []byte) error {
	*t = text(sanitise.Text(string(b)))
	return nil
}

// file is the file name of a workflow's path, behind which a ref may stand:
// .github/workflows/ci.yml@main.
func (t text) file() string {
	path, _, _ := strings.Cut(string(t), "@")
	return path[strings.LastIndexByte(path, '/')+1:]
}

// prose is a string of several lines, each made safe.
type prose string

// UnmarshalText sanitises line by line.
func (p *prose) UnmarshalText(b []byte) error {
	*p = prose(strings.Join(sanitise.Lines(string(b)), "\n"))
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
