package sandbox

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// gitHash names an object as git does.
func gitHash(kind, content string) string {
	sum := sha1.Sum([]byte(fmt.Sprintf("%s %d\x00%s", kind, len(content), content)))
	return hex.EncodeToString(sum[:])
}

// putBlob stores a file's content and returns its SHA.
func (r *Repository) putBlob(content string) string {
	sha := gitHash("blob", content)
	r.Blobs[sha] = content
	return sha
}

// putTree stores the directory below prefix and all in it, and returns the SHA
// that git would give it: the same files always make the same tree.
func (r *Repository) putTree(files map[string]string, prefix string) string {
	entries := map[string]TreeEntry{}
	for path, blob := range files {
		rest, ok := strings.CutPrefix(path, prefix)
		if !ok {
			continue
		}
		name, _, isDirectory := strings.Cut(rest, "/")
		if !isDirectory {
			entries[name] = TreeEntry{Name: name, Mode: "100644", SHA: blob}
		} else if _, done := entries[name]; !done {
			entries[name] = TreeEntry{Name: name, Mode: "040000", SHA: r.putTree(files, prefix+name+"/")}
		}
	}
	tree := slices.SortedFunc(maps.Values(entries), func(a, b TreeEntry) int { return cmp.Compare(a.sortKey(), b.sortKey()) })
	var content strings.Builder
	for _, e := range tree {
		raw, _ := hex.DecodeString(e.SHA)
		fmt.Fprintf(&content, "%s %s\x00%s", strings.TrimPrefix(e.Mode, "0"), e.Name, raw)
	}
	sha := gitHash("tree", content.String())
	r.Trees[sha] = tree
	return sha
}

// sortKey orders entries as git does: directories as if their name ended in /.
func (e TreeEntry) sortKey() string {
	if e.Mode == "040000" {
		return e.Name + "/"
	}
	return e.Name
}

// putCommit stores a commit. Its SHA does not depend on when the sandbox was
// started, so that the same seed always gives the same names.
func (r *Repository) putCommit(seed uint64, files map[string]string, parents []string, author *User, message string, at time.Time) *Commit {
	c := &Commit{
		TreeSHA: r.putTree(files, ""), Parents: parents, Message: message, Author: author, Committed: at, Files: files,
	}
	c.SHA = gitHash("commit", fmt.Sprintf("tree %s\nparents %v\nauthor %s <%s> %d\n\n%s", c.TreeSHA, parents, author.Name, author.Email, seed, message))
	r.Commits[c.SHA] = c
	return c
}

// resolve finds a commit by SHA (also a short one), branch, tag or full ref.
func (r *Repository) resolve(ref string) *Commit {
	ref = strings.TrimPrefix(ref, "refs/")
	for _, name := range []string{ref, "heads/" + ref, "tags/" + ref} {
		if sha, ok := r.Refs[name]; ok {
			return r.Commits[sha]
		}
	}
	if c := r.Commits[ref]; c != nil {
		return c
	}
	if len(ref) < 7 {
		return nil
	}
	for sha, c := range r.Commits {
		if strings.HasPrefix(sha, ref) {
			return c
		}
	}
	return nil
}

// history lists a commit and its ancestors, newest first.
func (r *Repository) history(from *Commit) []*Commit {
	reached := r.ancestors(from)
	list := make([]*Commit, 0, len(reached))
	for sha := range reached {
		list = append(list, r.Commits[sha])
	}
	sortCommits(list)
	return list
}

// ancestors is the set of SHAs reachable from a commit, itself included.
func (r *Repository) ancestors(from *Commit) map[string]bool {
	reached := map[string]bool{}
	open := []string{from.SHA}
	for len(open) > 0 {
		sha := open[len(open)-1]
		open = open[:len(open)-1]
		c := r.Commits[sha]
		if reached[sha] || c == nil {
			continue
		}
		reached[sha] = true
		open = append(open, c.Parents...)
	}
	return reached
}

// mergeBase is the newest common ancestor; nil when there is none.
func (r *Repository) mergeBase(a, b *Commit) *Commit {
	of := r.ancestors(a)
	for _, c := range r.history(b) {
		if of[c.SHA] {
			return c
		}
	}
	return nil
}

// only lists what is reachable from head and not from base, newest first.
func (r *Repository) only(head, base *Commit) []*Commit {
	of := r.ancestors(base)
	var list []*Commit
	for _, c := range r.history(head) {
		if !of[c.SHA] {
			list = append(list, c)
		}
	}
	return list
}

// sortCommits orders by date, newest first; children come before parents of
// the same second because later commits have later dates.
func sortCommits(list []*Commit) {
	slices.SortFunc(list, func(a, b *Commit) int {
		return cmp.Or(b.Committed.Compare(a.Committed), cmp.Compare(a.SHA, b.SHA))
	})
}

// file is the content of a path at a commit.
func (r *Repository) file(c *Commit, path string) (string, bool) {
	blob, ok := c.Files[path]
	return r.Blobs[blob], ok
}

// changedPaths lists the paths that differ between two trees, sorted.
func changedPaths(from, to map[string]string) []string {
	changed := map[string]bool{}
	for path, blob := range to {
		if from[path] != blob {
			changed[path] = true
		}
	}
	for path := range from {
		if _, kept := to[path]; !kept {
			changed[path] = true
		}
	}
	return sortedKeys(changed)
}
