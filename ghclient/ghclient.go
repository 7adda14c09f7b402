// Package ghclient is GitHub as the engine sees it: it implements the ports
// [pipeline.GitHub] and [pipeline.Actions] over REST, through go-gh.
//
// A [Reader] cannot change anything: its transport refuses every method but GET
// and HEAD before a request leaves. A [Client] reads through the same transport
// and sends through another, which never retries.
//
// Reads are conditional (an unchanged answer costs nothing), bounded (four in
// flight per host, a fifth of the rate limit kept for actions), retried where
// that is safe, and paged by the links that GitHub gives. Every text is
// sanitised where it is decoded. Every error is a [pipeline.Error] that says
// what failed and what to do.
package ghclient

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cli/go-gh/v2/pkg/api"
	"github.com/cli/go-gh/v2/pkg/auth"
	"github.com/cli/go-gh/v2/pkg/repository"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const (
	acceptJSON = "application/vnd.github+json"
	acceptRaw  = "application/vnd.github.raw+json"

	// readTimeout bounds a read with its retries and waits, writeTimeout an
	// action. The caller's context may end either sooner.
	readTimeout  = 60 * time.Second
	writeTimeout = 30 * time.Second

	// pageSize is the most items that GitHub puts on a page.
	pageSize = 100
)

// Options say which repository is meant and how it is reached.
type Options struct {
	Host       string            // github.com, a tenancy or an enterprise server; empty: gh's default
	Repository string            // OWNER/NAME
	Token      string            // empty: gh's own for the host
	Log        *slog.Logger      // one debug record a request; nil: none
	Version    string            // of this program, for User-Agent
	Transport  http.RoundTripper // what carries requests; nil: HTTP with the environment's proxy

	tokenSource string // where go-gh found the token; empty where it was given
}

// Reader reads one repository. It is safe for concurrent use.
type Reader struct {
	host, owner, name string
	tokenSource       string
	json, raw         *api.RESTClient   // they differ in the Accept header
	still             *api.RESTClient   // follows no redirect
	store             http.RoundTripper // without the limits of the API: for what a redirect leads to
	governor          *governor
	statuses          *statusMemory
	checksDenied      atomic.Bool // the token cannot read check runs, and never will
}

// Client is a Reader that can also act.
type Client struct {
	*Reader
	write *api.RESTClient
}

var (
	_ pipeline.GitHub  = (*Reader)(nil)
	_ pipeline.GitHub  = (*Client)(nil)
	_ pipeline.Actions = (*Client)(nil)
)

// NewReader makes a Reader. It sends nothing. It fails with KindUsage where the
// repository is not OWNER/NAME and with KindAuth where there is no token.
func NewReader(o Options) (*Reader, error) {
	o, repo, err := o.resolved()
	if err != nil {
		return nil, err
	}
	r, _, err := newReader(o, repo)
	return r, err
}

// NewClient makes a Client; it fails as NewReader does.
func NewClient(o Options) (*Client, error) {
	o, repo, err := o.resolved()
	if err != nil {
		return nil, err
	}
	r, carrier, err := newReader(o, repo)
	if err != nil {
		return nil, err
	}
	write, err := o.rest(acceptJSON, carrier, writeTimeout, stayPut)
	if err != nil {
		return nil, err
	}
	return &Client{Reader: r, write: write}, nil
}

// newReader builds the chain of a Reader. It also returns the governed carrier
// below it, which actions share: one budget and one limit for both.
func newReader(o Options, repo repository.Repository) (*Reader, http.RoundTripper, error) {
	wire := requestLog{next: o.Transport, log: o.Log}
	carrier := newGovernor(wire)
	reads := readOnly{opaque{newConditional(retry{next: carrier}, cacheBytes)}}
	r := &Reader{
		host: repo.Host, owner: repo.Owner, name: repo.Name,
		tokenSource: o.tokenSource,
		governor:    carrier,
		statuses:    newStatusMemory(),
		store:       readOnly{wire},
	}
	var err error
	if r.json, err = o.rest(acceptJSON, reads, readTimeout, nil); err != nil {
		return nil, nil, err
	}
	if r.raw, err = o.rest(acceptRaw, reads, readTimeout, nil); err != nil {
		return nil, nil, err
	}
	if r.still, err = o.rest(acceptJSON, reads, readTimeout, stayPut); err != nil {
		return nil, nil, err
	}
	return r, carrier, nil
}

// In is a Reader of another repository on the same host: [HOST/]OWNER/NAME. Both
// share connections, cache and limits. Another host is a KindUsage.
func (r *Reader) In(repository string) (*Reader, error) {
	repo, err := parseRepository(repository, r.host)
	if err != nil {
		return nil, err
	}
	if repo.Host != r.host {
		return nil, pipeline.Errorf(pipeline.KindUsage, "%s is on another host than %s", repository, r.fullName())
	}
	return &Reader{
		host: r.host, owner: repo.Owner, name: repo.Name, tokenSource: r.tokenSource,
		json: r.json, raw: r.raw, still: r.still, store: r.store, governor: r.governor, statuses: newStatusMemory(),
	}, nil
}

// In is a Client of another repository on the same host, as Reader.In.
func (c *Client) In(repository string) (*Client, error) {
	r, err := c.Reader.In(repository)
	if err != nil {
		return nil, err
	}
	return &Client{Reader: r, write: c.write}, nil
}

// resolved fills what was left empty.
func (o Options) resolved() (Options, repository.Repository, error) {
	if o.Host == "" {
		o.Host, _ = auth.DefaultHost()
	}
	repo, err := parseRepository(o.Repository, o.Host)
	if err != nil {
		return o, repo, err
	}
	if o.Token == "" {
		if o.Token, o.tokenSource, err = findToken(repo.Host); err != nil {
			return o, repo, err
		}
	}
	o.Host = repo.Host
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Transport == nil {
		o.Transport = newCarrier(unixSocket())
	}
	return o, repo, nil
}

// rest makes a go-gh client over one of our transports.
func (o Options) rest(accept string, over http.RoundTripper, timeout time.Duration, redirect func(*http.Request, []*http.Request) error) (*api.RESTClient, error) {
	client, err := api.NewRESTClient(api.ClientOptions{
		Host:          o.Host,
		AuthToken:     o.Token,
		Headers:       map[string]string{"Accept": accept, "User-Agent": "gh-deployctl/" + o.Version},
		Transport:     over,
		Timeout:       timeout,
		CheckRedirect: redirect,
		LogIgnoreEnv:  true,
	})
	if err != nil {
		return nil, &pipeline.Error{Kind: pipeline.KindUsage, Op: "set up the GitHub client", Message: err.Error(), Err: err}
	}
	return client, nil
}

// stayPut keeps an action from following a redirect: net/http would turn it
// into a GET, whose success would look like the action's.
func stayPut(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// repoPath is a path below the repository: each part is escaped.
func (r *Reader) repoPath(parts ...string) string {
	var b strings.Builder
	b.WriteString("repos/" + url.PathEscape(r.owner) + "/" + url.PathEscape(r.name))
	for _, p := range parts {
		b.WriteString("/" + url.PathEscape(p))
	}
	return b.String()
}

// fullName is OWNER/NAME.
func (r *Reader) fullName() string { return r.owner + "/" + r.name }

// Rate is what remains of the hourly allowance as the newest answer said, and
// what this process sent. It makes no request.
func (r *Reader) Rate() pipeline.RateBudget { return r.governor.Budget() }
