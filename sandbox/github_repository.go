package sandbox

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

var accountRoutes = []route{
	{"GET /{$}", "", func(c *call) reply {
		return ok(object{"current_user_url": c.base + "/user", "rate_limit_url": c.base + "/rate_limit"})
	}},
	{"GET /user", "", func(c *call) reply { return ok(c.userJSON(c.user)) }},
	{"GET /users/{login}", "", getUser},
	{"GET /rate_limit", "", getRateLimit},
	{"GET /meta", "", func(*call) reply { return ok(object{"verifiable_password_authentication": false}) }},
	{"GET /orgs/{org}/teams/{team}", "", getTeam},
	{"GET /orgs/{org}/teams/{team}/members", "", listTeamMembers},
}

var repositoryRoutes = []route{
	{"GET " + inRepository, "read", func(c *call) reply { return ok(c.repositoryJSON()) }},
	{"GET " + inRepository + "/collaborators", "read", listCollaborators},
	{"GET " + inRepository + "/collaborators/{login}/permission", "read", getPermission},
	{"GET " + inRepository + "/contents/{path...}", "read", getContents},
	{"GET " + inRepository + "/contents", "read", getContents},
	{"GET " + inRepository + "/readme", "read", func(c *call) reply {
		c.r.SetPathValue("path", "README.md")
		return getContents(c)
	}},
	{"GET " + inRepository + "/branches", "read", listBranches},
	{"GET " + inRepository + "/branches/{branch...}", "read", getBranch},
	{"GET " + inRepository + "/tags", "read", listTags},
	{"GET " + inRepository + "/commits", "read", listCommits},
	{"GET " + inRepository + "/commits/{ref}", "read", getCommit},
	{"GET " + inRepository + "/commits/{ref}/pulls", "read", listCommitPulls},
	{"GET " + inRepository + "/compare/{range...}", "read", compare},
	{"GET " + inRepository + "/pulls", "read", func(*call) reply { return ok([]object{}) }},
	{"GET " + inRepository + "/actions/permissions", "read", func(*call) reply { return ok(object{"enabled": true, "allowed_actions": "all"}) }},
}

func getRateLimit(c *call) reply {
	b := c.s.budgetOf(token(c.r))
	other := func(resource string, limit int) object {
		return object{"limit": limit, "used": 0, "remaining": limit, "reset": b.reset.Unix(), "resource": resource}
	}
	return ok(object{
		"resources": object{"core": b.json(), "graphql": other("graphql", 5000), "search": other("search", 30)},
		"rate":      b.json(),
	})
}

func (c *call) userJSON(u *User) object {
	if u == nil {
		return nil
	}
	kind := "User"
	if u.Bot {
		kind = "Bot"
	}
	return object{
		"login": u.Login, "id": u.ID, "node_id": fmt.Sprintf("U_%d", u.ID), "type": kind, "site_admin": false,
		"name": u.Name, "email": u.Email,
		"url": c.base + "/users/" + u.Login, "html_url": "http://" + githubHost + "/" + u.Login,
		"avatar_url": fmt.Sprintf("http://%s/avatars/%d", githubHost, u.ID),
	}
}

func getUser(c *call) reply {
	if u := c.w.Hub.user(c.r.PathValue("login")); u != nil {
		return ok(c.userJSON(u))
	}
	return notFound()
}

func (c *call) teamJSON() object {
	t := c.w.Hub.Team
	return object{
		"id": t.ID, "node_id": fmt.Sprintf("T_%d", t.ID), "slug": t.Slug, "name": t.Name, "privacy": "closed", "permission": "push",
		"url": c.base + "/orgs/acme/teams/" + t.Slug, "html_url": "http://" + githubHost + "/orgs/acme/teams/" + t.Slug,
	}
}

func getTeam(c *call) reply {
	if c.r.PathValue("team") != c.w.Hub.Team.Slug {
		return notFound()
	}
	return ok(c.teamJSON())
}

func listTeamMembers(c *call) reply {
	if c.r.PathValue("team") != c.w.Hub.Team.Slug {
		return notFound()
	}
	return ok(collect(c.w.Hub.Team.Members, func(login string) object { return c.userJSON(c.w.Hub.user(login)) }))
}

func (c *call) repositoryJSON() object {
	r := c.w.Hub.Repository
	can := func(role string) bool { return rank(c.role) >= rank(role) }
	doc := object{
		"id": r.ID, "node_id": fmt.Sprintf("R_%d", r.ID), "name": r.Name, "full_name": r.FullName(), "private": true,
		"owner":          object{"login": r.Owner, "id": 900, "type": "Organization", "node_id": "O_900"},
		"html_url":       c.web(""),
		"url":            c.api(""),
		"description":    r.Description,
		"default_branch": r.DefaultBranch, "archived": false, "disabled": false, "fork": false, "visibility": "private",
		"created_at": stamp(r.Created), "updated_at": stamp(r.Pushed), "pushed_at": stamp(r.Pushed),
		"language": "Python", "has_issues": true, "topics": []string{},
		"permissions": object{"admin": can("admin"), "maintain": can("maintain"), "push": can("write"), "triage": can("triage"), "pull": true},
	}
	if r.Reticent {
		delete(doc, "permissions")
	}
	return doc
}

func listCollaborators(c *call) reply {
	people := slices.DeleteFunc(slices.Clone(c.w.Hub.Users), func(u *User) bool { return u.Bot })
	part, header := page(c, people, 30, 100)
	return reply{status: 200, header: header, body: collect(part, func(u *User) object {
		out := c.userJSON(u)
		out["role_name"] = u.Role
		return out
	})}
}

func getPermission(c *call) reply {
	u := c.w.Hub.user(c.r.PathValue("login"))
	if u == nil {
		return notFound()
	}
	role := u.Role
	if u == c.user {
		role = c.role
	}
	coarse := map[string]string{"maintain": "write", "triage": "read"}[role]
	if coarse == "" {
		coarse = role
	}
	return ok(object{"permission": coarse, "role_name": role, "user": c.userJSON(u)})
}

// at is the commit that the ref parameter names, else the default branch.
func (c *call) at() *Commit {
	ref := c.r.URL.Query().Get("ref")
	if ref == "" {
		ref = c.w.Hub.Repository.DefaultBranch
	}
	return c.w.Hub.Repository.resolve(ref)
}

func getContents(c *call) reply {
	r := c.w.Hub.Repository
	commit := c.at()
	if commit == nil {
		return refusal(http.StatusNotFound, "No commit found for the ref %s", c.r.URL.Query().Get("ref"))
	}
	path := strings.Trim(c.r.PathValue("path"), "/")
	content, isFile := r.file(commit, path)
	if !isFile {
		return c.listDirectory(commit, path)
	}
	if strings.Contains(c.r.Header.Get("Accept"), "raw") {
		return reply{status: http.StatusOK, raw: append([]byte{}, content...), kind: "application/vnd.github.raw+json; charset=utf-8"}
	}
	entry := c.contentJSON(commit, path, "file", commit.Files[path], len(content))
	entry["encoding"] = "base64"
	entry["content"] = base64.StdEncoding.EncodeToString([]byte(content))
	return ok(entry)
}

func (c *call) contentJSON(commit *Commit, path, kind, sha string, size int) object {
	return object{
		"type": kind, "name": path[strings.LastIndex(path, "/")+1:], "path": path, "sha": sha, "size": size,
		"url":      c.api("/contents/%s?ref=%s", path, commit.SHA),
		"git_url":  c.api("/git/%ss/%s", map[string]string{"file": "blob", "dir": "tree"}[kind], sha),
		"html_url": c.web("/blob/%s/%s", commit.SHA, path), "download_url": nil,
	}
}

func (c *call) listDirectory(commit *Commit, path string) reply {
	r := c.w.Hub.Repository
	tree := r.Trees[commit.TreeSHA]
	if path != "" {
		for _, part := range strings.Split(path, "/") {
			sha := ""
			for _, entry := range tree {
				if entry.Name == part && entry.Mode == "040000" {
					sha = entry.SHA
				}
			}
			if sha == "" {
				return notFound()
			}
			tree = r.Trees[sha]
		}
		path += "/"
	}
	return ok(collect(tree, func(e TreeEntry) object {
		if e.Mode == "040000" {
			return c.contentJSON(commit, path+e.Name, "dir", e.SHA, 0)
		}
		return c.contentJSON(commit, path+e.Name, "file", e.SHA, len(r.Blobs[e.SHA]))
	}))
}

func (c *call) branchJSON(name, sha string) object {
	return object{
		"name": name, "protected": name == "main" || name == "develop",
		"commit": object{"sha": sha, "url": c.api("/commits/%s", sha)},
	}
}

func listBranches(c *call) reply {
	r := c.w.Hub.Repository
	var names []string
	for _, ref := range sortedKeys(r.Refs) {
		if name, isBranch := strings.CutPrefix(ref, "heads/"); isBranch {
			names = append(names, name)
		}
	}
	part, header := page(c, names, 30, 100)
	return reply{status: 200, header: header, body: collect(part, func(name string) object { return c.branchJSON(name, r.Refs["heads/"+name]) })}
}

func getBranch(c *call) reply {
	name := c.r.PathValue("branch")
	sha, found := c.w.Hub.Repository.Refs["heads/"+name]
	if !found {
		return refusal(http.StatusNotFound, "Branch not found")
	}
	branch := c.branchJSON(name, sha)
	branch["commit"] = c.commitJSON(c.w.Hub.Repository.Commits[sha])
	return ok(branch)
}

func listTags(c *call) reply {
	r := c.w.Hub.Repository
	var names []string
	for _, ref := range sortedKeys(r.Refs) {
		if name, isTag := strings.CutPrefix(ref, "tags/"); isTag {
			names = append([]string{name}, names...)
		}
	}
	part, header := page(c, names, 30, 100)
	return reply{status: 200, header: header, body: collect(part, func(name string) object {
		sha := r.Refs["tags/"+name]
		return object{"name": name, "commit": object{"sha": sha, "url": c.api("/commits/%s", sha)}, "node_id": "REF_" + name}
	})}
}
