package ghclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/cli/go-gh/v2/pkg/api"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// call names a request as an operator would, for its error.
type call struct {
	op      string // a verb phrase: "list runs"
	on      string // of what: "acme/shop"; empty where op says it
	missing string // what a 404 means: "run 7 does not exist, or was deleted"
	// explain turns an answer that means something particular here into an
	// error; nil, or a nil result: nothing particular.
	explain func(*api.HTTPError) *pipeline.Error
}

// get reads one JSON document into v.
func (r *Reader) get(ctx context.Context, c call, path string, v any) error {
	_, err := r.page(ctx, c, path, v)
	return err
}

// page reads one JSON document and returns where the next page is; empty: there
// is none.
func (r *Reader) page(ctx context.Context, c call, path string, v any) (next string, err error) {
	resp, err := r.json.RequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return "", r.failure(c, err)
	}
	defer func() { _ = resp.Body.Close() }() // held in memory
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		return "", r.failure(c, undecodable{err})
	}
	next, err = nextPage(resp)
	if err != nil {
		return "", r.failure(c, err)
	}
	return next, nil
}

// pages reads a list page by page, as far as take wants it and at most `most`
// pages. It reports whether the list goes on behind what was read.
func pages[P any](ctx context.Context, r *Reader, c call, path string, most int, take func(P) (more bool)) (rest bool, err error) {
	for range most {
		var p P
		if path, err = r.page(ctx, c, path, &p); err != nil {
			return false, err
		}
		more := take(p)
		if path == "" {
			return false, nil
		}
		if !more {
			break
		}
	}
	return true, nil
}

// bytes reads a body as it is.
func (r *Reader) bytes(ctx context.Context, client *api.RESTClient, c call, path string) ([]byte, error) {
	resp, err := client.RequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, r.failure(c, err)
	}
	defer func() { _ = resp.Body.Close() }() // held in memory
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, r.failure(c, err)
	}
	return b, nil
}

// send makes one attempt at an action. The body of the answer is best effort:
// what GitHub accepted is done, whatever came back with it.
func (c *Client) send(ctx context.Context, what call, path string, body, answer any) error {
	return c.change(ctx, http.MethodPost, what, path, body, answer)
}

// change is send with any method.
func (c *Client) change(ctx context.Context, method string, what call, path string, body, answer any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return &pipeline.Error{Kind: pipeline.KindInternal, Op: what.op, On: what.on, Err: err}
	}
	resp, err := c.write.RequestWithContext(ctx, method, path, bytes.NewReader(encoded))
	if err != nil {
		return c.sendFailure(what, err)
	}
	defer func() { _ = resp.Body.Close() }() // held in memory
	if answer != nil {
		_ = json.NewDecoder(resp.Body).Decode(answer) // a 204 has none
	}
	return nil
}

// nextPage is the address of the next page by the Link header. One on another
// host is refused: it would be asked for with our name on it.
func nextPage(resp *http.Response) (string, error) {
	for link := range strings.SplitSeq(strings.Join(resp.Header.Values("Link"), ","), ",") {
		address, params, ok := strings.Cut(strings.TrimSpace(link), ">")
		if !ok || !strings.HasPrefix(address, "<") || !isNext(params) {
			continue
		}
		next, err := url.Parse(address[1:])
		if err != nil {
			return "", undecodable{err}
		}
		next = resp.Request.URL.ResolveReference(next)
		if next.Host != resp.Request.URL.Host || next.Scheme != resp.Request.URL.Scheme {
			return "", undecodable{errors.New("the next page is on another host: " + next.Host)}
		}
		return next.String(), nil
	}
	return "", nil
}

func isNext(params string) bool {
	for p := range strings.SplitSeq(params, ";") {
		if name, value, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(name, "rel") {
			return strings.Trim(value, `"`) == "next"
		}
	}
	return false
}

// query renders parameters behind a path; empty values are left out.
func query(path string, pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}
