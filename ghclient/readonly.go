package ghclient

import (
	"net/http"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// readOnly lets GET and HEAD pass, and nothing else. It is the outermost layer
// of every Reader: what it refuses never leaves.
type readOnly struct{ next http.RoundTripper }

// RoundTrip refuses with a KindRefused.
func (t readOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	if !reads(req) {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper owns the body, also when it fails
		}
		return nil, pipeline.Errorf(pipeline.KindRefused, "this client only reads: %s %s was not sent", req.Method, req.URL.Path)
	}
	return t.next.RoundTrip(req)
}

// reads reports whether a request cannot change anything.
func reads(req *http.Request) bool {
	return req.Method == http.MethodGet || req.Method == http.MethodHead || req.Method == ""
}
