package steps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// mostBody is how much of a page is read, in bytes.
const mostBody = 1 << 20

// answer is what a page answered.
type answer struct {
	url    string
	status int
	header http.Header
	body   []byte
	took   time.Duration
	err    error
}

// ask reads one page. It follows no redirect: where a page sends people is one
// of the things that are checked.
func (s *Suite) ask(ctx context.Context, page string) answer {
	a := answer{url: page}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		a.err = err
		return a
	}
	request.Header.Set("User-Agent", "gh-deployctl")
	request.Header.Set("Cache-Control", "no-cache")
	client := *s.client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	began := time.Now()
	response, err := client.Do(request)
	if err != nil {
		a.err, a.took = unwrapped(err), time.Since(began)
		return a
	}
	a.status, a.header = response.StatusCode, response.Header
	var readErr error
	a.body, readErr = io.ReadAll(io.LimitReader(response.Body, mostBody))
	a.err, a.took = errors.Join(readErr, response.Body.Close()), time.Since(began)
	return a
}

// unwrapped takes the address out of an error: it is said already, and may be a
// secret.
func unwrapped(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}

// finding judges an answer by its status alone.
func (a answer) finding(service, check string) Finding {
	f := Finding{Service: service, Check: check, Verdict: pipeline.Pass, URL: a.url, Status: a.status, Took: a.took}
	path := a.url
	if u, err := url.Parse(a.url); err == nil {
		path = firstOf(u.Path, "/")
	}
	switch {
	case a.err != nil:
		f.Verdict, f.Sentence = pipeline.Fail, fmt.Sprintf("%s does not answer: %s", path, sanitise.Text(a.err.Error()))
	case a.status < 200 || a.status > 299:
		f.Verdict, f.Sentence = pipeline.Fail, fmt.Sprintf("%s answers %d in %s", path, a.status, spent(a.took))
	default:
		f.Sentence = fmt.Sprintf("%s answers %d in %s", path, a.status, spent(a.took))
	}
	return f
}

// spent is a response time as people read it.
func spent(d time.Duration) string { return strconv.FormatInt(max(1, d.Milliseconds()), 10) + " ms" }

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
