package ghclient

import (
	"container/list"
	"crypto/sha256"
	"maps"
	"net/http"
	"strings"
	"sync"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// cacheBytes bounds the bodies that a conditional keeps.
const cacheBytes = 24 << 20

// conditional asks GitHub "has this changed since?" and answers itself where it
// has not: a 304 costs nothing of the rate limit. Nothing is ever answered
// without asking. Only authorised GETs take part: GitHub counts other 304s, and
// the address of a job's log never comes back.
type conditional struct {
	next  http.RoundTripper
	limit int

	mu      sync.Mutex
	size    int
	entries map[cacheKey]*list.Element
	recent  *list.List // of *cached, the most recently used first
}

// cacheKey is what GitHub's ETag depends on; the token only by its hash.
type cacheKey struct {
	url, accept string
	token       [sha256.Size]byte
}

// cached is an answer; it is never changed.
type cached struct {
	key    cacheKey
	etag   string
	header http.Header
	body   []byte
}

func newConditional(next http.RoundTripper, limit int) *conditional {
	return &conditional{next: next, limit: limit, entries: map[cacheKey]*list.Element{}, recent: list.New()}
}

// RoundTrip sends a GET as a question, and answers a 304 with the stored body
// under the fresh headers. An uncached context asks without a condition.
func (c *conditional) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet || req.Header.Get("Authorization") == "" {
		return c.next.RoundTrip(req)
	}
	key := keyOf(req)
	req = req.Clone(req.Context())
	var known *cached
	if pipeline.IsUncached(req.Context()) {
		req.Header.Set("Cache-Control", "no-cache")
	} else if known = c.lookup(key); known != nil {
		req.Header.Set("If-None-Match", known.etag)
	}
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusNotModified && known != nil:
		return known.answer(resp), nil
	case resp.StatusCode == http.StatusOK:
		c.store(key, resp)
	}
	return resp, nil
}

func keyOf(req *http.Request) cacheKey {
	return cacheKey{
		url:    req.URL.String(),
		accept: req.Header.Get("Accept"),
		token:  sha256.Sum256([]byte(req.Header.Get("Authorization"))),
	}
}

// answer makes a 200 of a 304. Headers that the 304 lacks, such as Link, are
// the stored ones; rate limits are the fresh ones.
func (e *cached) answer(fresh *http.Response) *http.Response {
	header := e.header.Clone()
	maps.Copy(header, fresh.Header)
	_ = fresh.Body.Close() // a 304 has none
	resp := *fresh
	resp.Status, resp.StatusCode = "200 OK", http.StatusOK
	resp.Header = header
	resp.Body = hold(e.body)
	resp.ContentLength = int64(len(e.body))
	return &resp
}

// lookup finds an answer and marks it as used.
func (c *conditional) lookup(key cacheKey) *cached {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.entries[key]
	if !ok {
		return nil
	}
	c.recent.MoveToFront(el)
	return held(el)
}

// held is the answer of an element; the list holds nothing else.
func held(el *list.Element) *cached {
	e, _ := el.Value.(*cached)
	return e
}

// store keeps an answer that has an ETag, unless the server forbids it, and
// lets the least recently used go until all fit.
func (c *conditional) store(key cacheKey, resp *http.Response) {
	etag := resp.Header.Get("Etag")
	if etag == "" || strings.Contains(resp.Header.Get("Cache-Control"), "no-store") {
		return
	}
	body, err := bodyBytes(resp)
	if err != nil || len(body) > c.limit/4 {
		return // one answer must not push out all others
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.entries[key]; ok {
		c.remove(old)
	}
	c.entries[key] = c.recent.PushFront(&cached{key: key, etag: etag, header: resp.Header.Clone(), body: body})
	c.size += len(body)
	for c.size > c.limit {
		c.remove(c.recent.Back())
	}
}

func (c *conditional) remove(el *list.Element) {
	e := held(el)
	c.recent.Remove(el)
	delete(c.entries, e.key)
	c.size -= len(e.body)
}
