package sandbox

import (
	"encoding/base64"
	"maps"
	"net/http"
	"strings"
)

var gitRoutes = []route{
	{"GET " + inRepository + "/git/ref/{ref...}", "read", getRef},
	{"GET " + inRepository + "/git/refs/{ref...}", "read", getRef},
	{"GET " + inRepository + "/git/refs", "read", matchRefs},
	{"GET " + inRepository + "/git/matching-refs/{ref...}", "read", matchRefs},
	{"POST " + inRepository + "/git/refs", "write", createRef},
	{"PATCH " + inRepository + "/git/refs/{ref...}", "write", updateRef},
	{"DELETE " + inRepository + "/git/refs/{ref...}", "write", deleteRef},
	{"GET " + inRepository + "/git/commits/{sha}", "read", getGitCommit},
	{"POST " + inRepository + "/git/commits", "write", createCommit},
	{"GET " + inRepository + "/git/trees/{sha}", "read", getTree},
	{"POST " + inRepository + "/git/trees", "write", createTree},
	{"GET " + inRepository + "/git/blobs/{sha}", "read", getBlob},
	{"POST " + inRepository + "/git/blobs", "write", createBlob},
	{"GET " + inRepository + "/git/tags/{sha}", "read", func(*call) reply { return notFound() }},
}

func (c *call) refJSON(name, sha string) object {
	kind := "commit"
	r := c.w.Hub.Repository
	if _, isBlob := r.Blobs[sha]; isBlob {
		kind = "blob"
	}
	return object{
		"ref": "refs/" + name, "node_id": "REF_" + name, "url": c.api("/git/refs/%s", name),
		"object": object{"type": kind, "sha": sha, "url": c.api("/git/%ss/%s", kind, sha)},
	}
}

func getRef(c *call) reply {
	name := c.r.PathValue("ref")
	sha, found := c.w.Hub.Repository.Refs[name]
	if !found {
		return notFound()
	}
	return ok(c.refJSON(name, sha))
}

func matchRefs(c *call) reply {
	r := c.w.Hub.Repository
	var names []string
	for _, name := range sortedKeys(r.Refs) {
		if strings.HasPrefix(name, c.r.PathValue("ref")) {
			names = append(names, name)
		}
	}
	part, header := page(c, names, 30, 100)
	return reply{status: 200, header: header, body: collect(part, func(name string) object { return c.refJSON(name, r.Refs[name]) })}
}

// object reports whether a git object of that SHA is stored.
func (r *Repository) object(sha string) bool {
	_, isBlob := r.Blobs[sha]
	_, isTree := r.Trees[sha]
	return isBlob || isTree || r.Commits[sha] != nil
}

// createRef claims a name: it fails when the name is taken, which is what
// makes it fit for locks.
func createRef(c *call) reply {
	r := c.w.Hub.Repository
	name, isRef := strings.CutPrefix(textOf(c.body["ref"]), "refs/")
	sha := textOf(c.body["sha"])
	switch _, taken := r.Refs[name]; {
	case !isRef || strings.Count(name, "/") < 1:
		return unprocessable("Reference name must start with 'refs' and have at least two slashes.")
	case taken:
		return unprocessable("Reference already exists")
	case !r.object(sha):
		return unprocessable("Object does not exist")
	}
	c.move(name, sha)
	return created(c.refJSON(name, sha))
}

// move sets a ref; branches and tags that workflows listen to start them.
func (c *call) move(name, sha string) {
	commit := c.w.Hub.Repository.Commits[sha]
	if commit == nil {
		c.w.Hub.Repository.Refs[name] = sha
		return
	}
	c.w.push("refs/"+name, commit, c.user)
}

func updateRef(c *call) reply {
	r := c.w.Hub.Repository
	name, sha := c.r.PathValue("ref"), textOf(c.body["sha"])
	old, found := r.Refs[name]
	switch {
	case !found:
		return unprocessable("Reference does not exist")
	case !r.object(sha):
		return unprocessable("Object does not exist")
	}
	from, to := r.Commits[old], r.Commits[sha]
	if !truthy(c.body["force"]) && from != nil && (to == nil || !r.ancestors(to)[from.SHA]) {
		return unprocessable("Update is not a fast forward")
	}
	c.move(name, sha)
	return ok(c.refJSON(name, sha))
}

func deleteRef(c *call) reply {
	r := c.w.Hub.Repository
	name := c.r.PathValue("ref")
	if _, found := r.Refs[name]; !found {
		return unprocessable("Reference does not exist")
	}
	delete(r.Refs, name)
	return nothing()
}

func getGitCommit(c *call) reply {
	commit := c.w.Hub.Repository.Commits[c.r.PathValue("sha")]
	if commit == nil {
		return notFound()
	}
	return ok(c.plainCommitJSON(commit))
}

func (c *call) plainCommitJSON(commit *Commit) object {
	out := c.gitCommitJSON(commit)
	out["sha"] = commit.SHA
	out["html_url"] = c.web("/commit/%s", commit.SHA)
	out["parents"] = collect(commit.Parents, func(sha string) object { return object{"sha": sha, "url": c.api("/git/commits/%s", sha)} })
	return out
}

func createCommit(c *call) reply {
	r := c.w.Hub.Repository
	tree, known := r.Trees[textOf(c.body["tree"])]
	if !known {
		return unprocessable("Tree SHA does not exist")
	}
	var parents []string
	for _, parent := range elements(c.body["parents"]) {
		if r.Commits[textOf(parent)] == nil {
			return unprocessable("Parent SHA does not exist or is not a commit object")
		}
		parents = append(parents, textOf(parent))
	}
	files := map[string]string{}
	r.flatten(tree, "", files)
	commit := r.putCommit(c.w.seed^uint64(c.w.now.UnixNano()), files, parents, c.user, textOf(c.body["message"]), c.w.now)
	return created(c.plainCommitJSON(commit))
}

// flatten lists the files of a tree by path.
func (r *Repository) flatten(tree Tree, prefix string, into map[string]string) {
	for _, entry := range tree {
		if entry.Mode == "040000" {
			r.flatten(r.Trees[entry.SHA], prefix+entry.Name+"/", into)
		} else {
			into[prefix+entry.Name] = entry.SHA
		}
	}
}

// treeOf finds a tree by its SHA or by what resolves to a commit.
func (r *Repository) treeOf(ref string) (string, bool) {
	if _, isTree := r.Trees[ref]; isTree {
		return ref, true
	}
	if commit := r.resolve(ref); commit != nil {
		return commit.TreeSHA, true
	}
	return "", false
}

func getTree(c *call) reply {
	r := c.w.Hub.Repository
	sha, found := r.treeOf(c.r.PathValue("sha"))
	if !found {
		return notFound()
	}
	var entries []object
	if c.r.URL.Query().Get("recursive") == "" {
		entries = collect(r.Trees[sha], func(e TreeEntry) object { return c.treeEntryJSON(e.Name, e.Mode, e.SHA) })
	} else {
		files := map[string]string{}
		r.flatten(r.Trees[sha], "", files)
		entries = collect(sortedKeys(files), func(path string) object { return c.treeEntryJSON(path, "100644", files[path]) })
	}
	return ok(object{"sha": sha, "url": c.api("/git/trees/%s", sha), "tree": entries, "truncated": false})
}

func (c *call) treeEntryJSON(path, mode, sha string) object {
	kind := "blob"
	if mode == "040000" {
		kind = "tree"
	}
	out := object{"path": path, "mode": mode, "type": kind, "sha": sha, "url": c.api("/git/%ss/%s", kind, sha)}
	if kind == "blob" {
		out["size"] = len(c.w.Hub.Repository.Blobs[sha])
	}
	return out
}

func createTree(c *call) reply {
	r := c.w.Hub.Repository
	files := map[string]string{}
	if base := textOf(c.body["base_tree"]); base != "" {
		sha, found := r.treeOf(base)
		if !found {
			return unprocessable("base_tree is not a valid tree oid")
		}
		r.flatten(r.Trees[sha], "", files)
	}
	files = maps.Clone(files)
	for _, entry := range elements(c.body["tree"]) {
		path, sha := textOf(property(entry, "path")), textOf(property(entry, "sha"))
		if content := property(entry, "content"); content != nil {
			sha = r.putBlob(textOf(content))
		}
		if sha == "" {
			delete(files, path)
			continue
		}
		if _, known := r.Blobs[sha]; !known {
			return unprocessable("tree.sha %s is not a valid blob", sha)
		}
		files[path] = sha
	}
	sha := r.putTree(files, "")
	return created(object{
		"sha": sha, "url": c.api("/git/trees/%s", sha), "truncated": false,
		"tree": collect(r.Trees[sha], func(e TreeEntry) object { return c.treeEntryJSON(e.Name, e.Mode, e.SHA) }),
	})
}

func getBlob(c *call) reply {
	sha := c.r.PathValue("sha")
	content, found := c.w.Hub.Repository.Blobs[sha]
	if !found {
		return notFound()
	}
	if strings.Contains(c.r.Header.Get("Accept"), "raw") {
		return reply{status: http.StatusOK, raw: append([]byte{}, content...), kind: "application/vnd.github.raw+json; charset=utf-8"}
	}
	return ok(object{
		"sha": sha, "size": len(content), "url": c.api("/git/blobs/%s", sha),
		"encoding": "base64", "content": base64.StdEncoding.EncodeToString([]byte(content)),
	})
}

func createBlob(c *call) reply {
	content := textOf(c.body["content"])
	if textOf(c.body["encoding"]) == "base64" {
		decoded, err := base64.StdEncoding.DecodeString(content)
		if err != nil {
			return unprocessable("content is not valid Base64")
		}
		content = string(decoded)
	}
	sha := c.w.Hub.Repository.putBlob(content)
	return created(object{"sha": sha, "url": c.api("/git/blobs/%s", sha)})
}
