package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// blobHost serves job logs, as GitHub serves them from another host than the
// API's, so that tokens are not sent there.
const blobHost = "blobs.sandbox"

// call is one request to the GitHub API.
type call struct {
	s    *Sandbox
	w    *World
	r    *http.Request
	base string // of API URLs, without a final slash
	user *User
	// role is what the token may do in the repository: admin, write, read.
	role string
	body object
}

// reply is the answer to a call.
type reply struct {
	status int
	body   any // encoded as JSON, unless raw is set
	raw    []byte
	kind   string // content type of raw
	header map[string]string
}

func ok(body any) reply      { return reply{status: http.StatusOK, body: body} }
func created(body any) reply { return reply{status: http.StatusCreated, body: body} }
func nothing() reply         { return reply{status: http.StatusNoContent} }

// refusal is an error as GitHub words it.
func refusal(status int, format string, args ...any) reply {
	return reply{status: status, body: object{
		"message": fmt.Sprintf(format, args...), "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(status),
	}}
}

func notFound() reply { return refusal(http.StatusNotFound, "Not Found") }

func unprocessable(format string, args ...any) reply {
	return refusal(http.StatusUnprocessableEntity, format, args...)
}

// A route answers calls with one method and path pattern. Routes below
// /repos/{owner}/{repo} are reached for the one repository only; needs names
// the role that the token must have.
type route struct {
	pattern string
	needs   string
	answer  func(*call) reply
}

const inRepository = "/repos/{owner}/{repo}"

func (s *Sandbox) githubRoutes() http.Handler {
	mux := http.NewServeMux()
	for _, routes := range [][]route{
		accountRoutes, repositoryRoutes, gitRoutes, actionsRoutes, jobRoutes, gateRoutes,
		deploymentRoutes, releaseRoutes, secretRoutes, checkRoutes, graphRoutes, artifactRoutes,
	} {
		for _, route := range routes {
			mux.Handle(route.pattern, s.handler(route))
		}
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { notFound().write(w.(*answer)) })
	return mux
}

// handler wraps a route with what every call has: who asks, whether the
// repository is there, whether the role suffices, and the request's body.
func (s *Sandbox) handler(route route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{s: s, w: s.worldOf(r), r: r, base: apiBase(r)}
		if c.w == nil {
			notFound().write(w.(*answer))
			return
		}
		c.user, c.role = c.w.owner(token(r))
		if job, isJob := s.world.Hub.jobOf(token(r)); isJob && !job.grants(permissionFor(r)) {
			refusal(http.StatusForbidden, "Resource not accessible by integration").write(w.(*answer))
			return
		}
		if !s.grantedTo(token(r), w, r) || rank(c.role) < rank(route.needs) {
			refusal(http.StatusForbidden, "Resource not accessible by personal access token").write(w.(*answer))
			return
		}
		if !c.readBody() {
			refusal(http.StatusBadRequest, "Problems parsing JSON").write(w.(*answer))
			return
		}
		route.answer(c).write(w.(*answer))
	}
}

func rank(role string) int {
	return slices.Index([]string{"", "read", "triage", "write", "maintain", "admin"}, role)
}

func (c *call) readBody() bool {
	c.body = object{}
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		return true
	}
	decoder := json.NewDecoder(c.r.Body)
	err := decoder.Decode(&c.body)
	return err == nil || err.Error() == "EOF"
}

// write encodes a reply.
func (p reply) write(w *answer) {
	for name, value := range p.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(p.status)
	switch {
	case p.raw != nil:
		w.Header().Set("Content-Type", p.kind)
		_, _ = w.Write(p.raw)
	case p.body != nil:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(p.body)
	}
}

// serveGitHub answers a request to the API: it authenticates, keeps the rate
// limit and turns an unchanged answer into a 304.
func (s *Sandbox) serveGitHub(w *answer, r *http.Request) {
	r.URL.Path = strings.TrimPrefix(r.URL.Path, "/api/v3")
	r.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, "/api/v3")
	if strings.HasPrefix(r.URL.Path, "/_blobs/") {
		s.serveBlob(w, r)
		return
	}
	counted := true
	defer func() { s.countGitHub(r, w.status, counted) }()
	w.Header().Set("X-GitHub-Request-Id", strings.ToUpper(s.world.hash40("request", s.nextRequest())[:20]))
	w.Header().Set("X-GitHub-Media-Type", "github.v3; format=json")
	if !s.authenticate(w, r) {
		return
	}
	budget := s.budgetOf(token(r))
	if budget.spent() && r.URL.Path != "/rate_limit" {
		budget.headers(w)
		refusal(http.StatusForbidden, "API rate limit exceeded for user ID %d.", 1001).write(w)
		return
	}
	if s.world.intercept != nil && s.world.intercept(r.Method+" "+r.URL.Path) {
		refusal(http.StatusBadGateway, "Server Error").write(w)
		return
	}
	if s.faults.strikeGitHub(w) {
		budget.use()
		budget.headers(w)
		return
	}
	s.hub.ServeHTTP(w, r)
	s.condition(w, r)
	counted = w.status != http.StatusNotModified && r.URL.Path != "/rate_limit"
	if counted {
		budget.use()
	}
	budget.headers(w)
}

// condition gives the answer to a GET its ETag, which changes exactly when the
// body does, and answers 304 when the client has that body.
func (s *Sandbox) condition(w *answer, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || w.status != http.StatusOK || r.URL.Path == "/rate_limit" {
		return
	}
	sum := sha256.Sum256(append(w.body.Bytes(), r.Header.Get("Accept")+token(r)+w.Header().Get("Link")...))
	tag := `W/"` + hex.EncodeToString(sum[:]) + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "private, max-age=60, s-maxage=60")
	w.Header().Set("Vary", "Accept, Authorization, Cookie, X-GitHub-OTP")
	for _, known := range strings.Split(r.Header.Get("If-None-Match"), ",") {
		if strings.TrimPrefix(strings.TrimSpace(known), "W/") == strings.TrimPrefix(tag, "W/") {
			w.status = http.StatusNotModified
			w.body.Reset()
			w.Header().Del("Content-Type")
			return
		}
	}
	if r.Method == http.MethodHead {
		w.body.Reset()
	}
}

// token is what a request authenticates with.
func token(r *http.Request) string {
	header := r.Header.Get("Authorization")
	if _, basic, isBasic := r.BasicAuth(); isBasic {
		return basic
	}
	_, value, _ := strings.Cut(header, " ")
	return value
}

// owner is whose token it is and what it may do. A token that is a login
// belongs to that user, a job's to Actions; any other is alice's.
func (w *World) owner(token string) (*User, string) {
	if _, isJob := w.Hub.jobOf(token); isJob {
		return w.bot(), w.bot().Role
	}
	if u := w.Hub.user(token); u != nil {
		return u, u.Role
	}
	alice := w.Hub.user("alice")
	if token == "read-only" {
		return alice, "read"
	}
	return alice, alice.Role
}

func (s *Sandbox) authenticate(w *answer, r *http.Request) bool {
	switch token(r) {
	case "":
		refusal(http.StatusUnauthorized, "Requires authentication").write(w)
		return false
	case "bad-token":
		refusal(http.StatusUnauthorized, "Bad credentials").write(w)
		return false
	}
	if job, isJob := s.world.Hub.jobOf(token(r)); isJob {
		if job == nil || job.Status != "in_progress" {
			refusal(http.StatusUnauthorized, "Bad credentials").write(w)
			return false
		}
		return true // such tokens have permissions, not scopes
	}
	if _, fine := s.options.Tokens[token(r)]; fine {
		return true // and so have fine-grained tokens
	}
	w.Header().Set("X-OAuth-Scopes", "gist, read:org, repo, workflow")
	w.Header().Set("X-Accepted-OAuth-Scopes", "repo")
	return true
}

// apiBase is the API's address as the client knows it.
func apiBase(r *http.Request) string {
	if host := hostOf(r); host == githubAPIHost || r.Host == "" {
		return "http://" + githubAPIHost
	}
	return "http://" + r.Host
}

// page cuts one page out of a list and adds the Link header that leads to the
// others.
func page[T any](c *call, list []T, perPage, most int) ([]T, map[string]string) {
	query := c.r.URL.Query()
	if n, err := strconv.Atoi(query.Get("per_page")); err == nil && n > 0 {
		perPage = min(n, most)
	}
	number := 1
	if n, err := strconv.Atoi(query.Get("page")); err == nil && n > 0 {
		number = n
	}
	last := max(1, (len(list)+perPage-1)/perPage)
	var links []string
	link := func(to int, relation string) {
		q := cloneQuery(query)
		q.Set("page", strconv.Itoa(to))
		links = append(links, fmt.Sprintf(`<%s%s?%s>; rel="%s"`, c.base, c.r.URL.EscapedPath(), q.Encode(), relation))
	}
	if number > 1 {
		link(number-1, "prev")
	}
	if number < last {
		link(number+1, "next")
		link(last, "last")
	}
	if number > 1 {
		link(1, "first")
	}
	var header map[string]string
	if len(links) > 0 {
		header = map[string]string{"Link": strings.Join(links, ", ")}
	}
	from := min((number-1)*perPage, len(list))
	return list[from:min(from+perPage, len(list))], header
}

// cloneQuery copies a query.
func cloneQuery(query url.Values) url.Values {
	q := url.Values{}
	for name, values := range query {
		q[name] = slices.Clone(values)
	}
	return q
}

// stamp is a time as GitHub writes it; the zero time is null.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// orNull is null for an empty text.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// pathID reads a number from the path; 0 when it is none.
func (c *call) pathID(name string) int64 {
	id, _ := strconv.ParseInt(c.r.PathValue(name), 10, 64)
	return id
}

// web is the address of a page of the repository.
func (c *call) web(format string, args ...any) string {
	return "http://" + githubHost + "/" + c.w.Hub.Repository.FullName() + fmt.Sprintf(format, args...)
}

// api is an address in the repository's API.
func (c *call) api(format string, args ...any) string {
	return c.base + "/repos/" + c.w.Hub.Repository.FullName() + fmt.Sprintf(format, args...)
}

// collect maps a list to JSON; never null.
func collect[T any](list []T, one func(T) object) []object {
	out := make([]object, 0, len(list))
	for _, element := range list {
		out = append(out, one(element))
	}
	return out
}
