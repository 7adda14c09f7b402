package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// jobTokenPrefix begins the tokens that jobs are given.
const jobTokenPrefix = "ghs_sandboxjob"

// token is what a job authenticates with while it runs.
func (j *Job) token() string { return fmt.Sprintf("%s%d", jobTokenPrefix, j.ID) }

// jobOf is the job that a token was given to; nil for other tokens. Known says
// whether it is a job's token at all.
func (h *Hub) jobOf(token string) (j *Job, isJob bool) {
	digits, isJob := strings.CutPrefix(token, jobTokenPrefix)
	if !isJob {
		return nil, false
	}
	id, _ := strconv.ParseInt(digits, 10, 64)
	return h.job(id), true
}

// permission is what a request to the API needs of a job's token.
type permission struct {
	scope string // as workflow files name it; metadata is always there, account never
	write bool
}

// resources say which scope guards the paths below a repository; the first that
// begins so counts.
var resources = []struct{ path, scope string }{
	{"/actions/secrets", "account"},
	{"/actions/variables", "account"},
	{"/actions", "actions"},
	{"/deployments", "deployments"},
	{"/environments", "actions"},
	{"/check-", "checks"},
	{"/statuses", "statuses"},
	{"/pulls", "pull-requests"},
	{"/issues", "issues"},
	{"/git", "contents"},
	{"/contents", "contents"},
	{"/releases", "contents"},
	{"/branches", "contents"},
	{"/compare", "contents"},
	{"/tags", "contents"},
	{"/commits", "contents"},
}

// permissionFor says what a request needs.
func permissionFor(r *http.Request) permission {
	p := permission{scope: "metadata", write: r.Method != http.MethodGet && r.Method != http.MethodHead}
	rest, inRepository := strings.CutPrefix(r.URL.Path, "/repos/")
	if !inRepository {
		if r.URL.Path == "/user" || strings.HasPrefix(r.URL.Path, "/user/") {
			p.scope = "account"
		}
		if r.URL.Path == "/graphql" {
			p.write = false // queries only, here
		}
		return p
	}
	parts := strings.SplitN(rest, "/", 3)
	if len(parts) < 3 {
		return p
	}
	p.scope = scopeOf("/"+parts[2], p.write)
	return p
}

// scopeOf says which scope guards a path below a repository.
func scopeOf(path string, write bool) string {
	commit := strings.HasPrefix(path, "/commits/")
	ends := func(suffixes ...string) bool {
		return slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(path, suffix) })
	}
	switch {
	case strings.HasPrefix(path, "/environments/") && (strings.Contains(path, "/secrets") || strings.Contains(path, "/variables")):
		return "account"
	case write && ends("/pending_deployments"):
		return "account" // a job cannot review
	case commit && ends("/check-runs", "/check-suites"):
		return "checks"
	case commit && ends("/status", "/statuses"):
		return "statuses"
	case commit && ends("/pulls"):
		return "pull-requests"
	}
	for _, resource := range resources {
		if strings.HasPrefix(path, resource.path) {
			return resource.scope
		}
	}
	return "metadata"
}

// grants reports whether a job's token may do what a request needs: by the
// job's permissions, else the file's, else GitHub's restricted default.
func (j *Job) grants(p permission) bool {
	if p.scope == "metadata" {
		return !p.write
	}
	given := j.spec.Permissions
	if given == nil {
		given = j.Run.file.syntax.Permissions
	}
	if given == nil {
		return !p.write && p.scope == "contents"
	}
	level := ""
	if given.All != nil {
		level = strings.TrimSuffix(given.All.Value, "-all")
	}
	if s := given.Scopes[p.scope]; s != nil && s.Value != nil {
		level = s.Value.Value
	}
	return p.scope != "account" && (level == "write" || level == "read" && !p.write)
}

// grantedTo reports whether a token may do what a request needs. What a
// fine-grained one lacks, a header of the answer names, as on GitHub.
func (s *Sandbox) grantedTo(token string, w http.ResponseWriter, r *http.Request) bool {
	given, fine := s.options.Tokens[token]
	if !fine {
		return true
	}
	p := finePermission(r)
	level := given[p.scope]
	if p.scope == "metadata" && !p.write || level == "write" || level == "read" && !p.write {
		return true
	}
	level = "read"
	if p.write {
		level = "write"
	}
	w.Header().Set("X-Accepted-GitHub-Permissions", p.scope+"="+level)
	return false
}

// finePermission is what a request needs of a fine-grained token. Checks are
// what no such token can read.
func finePermission(r *http.Request) permission {
	p := permissionFor(r)
	switch {
	case strings.HasPrefix(r.URL.Path, "/user"):
		p = permission{scope: "metadata"}
	case strings.Contains(r.URL.Path, "/environments/") && p.scope == "account":
		p.scope = "environments"
	case strings.Contains(r.URL.Path, "/actions/secrets"):
		p.scope = "secrets"
	case strings.Contains(r.URL.Path, "/actions/variables"):
		p.scope = "variables"
	case p.scope == "account": // a review, which is a job's to wait for
		p.scope = "deployments"
	case p.write && strings.Contains(r.URL.Path, "/environments/"):
		p.scope = "administration"
	}
	return p
}
