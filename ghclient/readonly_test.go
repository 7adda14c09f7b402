package ghclient

import (
	"net/http"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func TestReadOnly(t *testing.T) {
	tests := []struct {
		method string
		passes bool
	}{
		{"GET", true},
		{"HEAD", true},
		{"", true},
		{"POST", false},
		{"PUT", false},
		{"PATCH", false},
		{"DELETE", false},
		{"OPTIONS", false},
		{"get", false},
		{"PROPFIND", false},
	}
	for _, tt := range tests {
		sent := 0
		rt := readOnly{carried(func(*http.Request) (*http.Response, error) {
			sent++
			return answerWith(200, ""), nil
		})}
		req := ask(t, "GET")
		req.Method = tt.method
		_, err := rt.RoundTrip(req)
		if tt.passes != (sent == 1) || tt.passes != (err == nil) {
			t.Errorf("%q: sent %d, %v", tt.method, sent, err)
		}
		if !tt.passes {
			fails(t, err, pipeline.KindRefused, "was not sent")
		}
	}
}

// A Reader has no way to act: neither the methods nor the transport.
func TestReaderCannotAct(t *testing.T) {
	g := newRegistry(t) // fails on any request
	r := g.reader()
	if _, ok := any(r).(pipeline.Actions); ok {
		t.Error("a Reader is an Actions")
	}
	for name, client := range map[string]func(string) error{
		"json": func(m string) error { return r.json.Do(m, "user", nil, nil) },
		"raw":  func(m string) error { return r.raw.Do(m, "user", nil, nil) },
		"a client's reads": func(m string) error {
			return g.client().json.Do(m, "user", nil, nil)
		},
	} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			err := client(method)
			if pipeline.KindOf(err) != pipeline.KindRefused {
				t.Errorf("%s %s: %v", name, method, err)
			}
		}
	}
	if g.count() != 0 {
		t.Errorf("%d requests left", g.count())
	}
}
