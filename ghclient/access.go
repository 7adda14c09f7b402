package ghclient

import (
	"context"
	"net/http"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Access is what an answer tells about the token and the two clocks.
type Access struct {
	Login   string
	Classic bool          // the token has scopes; a fine-grained one has permissions, which are not told
	Scopes  []string      // of a classic token
	Skew    time.Duration // of our clock ahead of the server's; exact to about a second
	Timed   bool          // Skew is known
}

// Access asks whose the token is and what it may do, past any cache.
func (r *Reader) Access(ctx context.Context) (Access, error) {
	c := call{op: "read who is signed in"}
	before := time.Now()
	resp, err := r.json.RequestWithContext(pipeline.Uncached(ctx), http.MethodGet, "user", nil)
	if err != nil {
		return Access{}, r.failure(c, err)
	}
	_ = resp.Body.Close() // held in memory
	middle := before.Add(time.Since(before) / 2)
	out := Access{Classic: resp.Header.Values("X-Oauth-Scopes") != nil, Scopes: words(resp.Header.Get("X-Oauth-Scopes"))}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		out.Skew, out.Timed = middle.Sub(at).Round(time.Second), true
	}
	who, err := r.Viewer(ctx)
	out.Login = who.Login
	return out, err
}
