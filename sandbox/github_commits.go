package sandbox

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"
)

func (c *call) gitCommitJSON(commit *Commit) object {
	person := object{"name": commit.Author.Name, "email": commit.Author.Email, "date": stamp(commit.Committed)}
	return object{
		"message": commit.Message, "author": person, "committer": person,
		"tree":          object{"sha": commit.TreeSHA, "url": c.api("/git/trees/%s", commit.TreeSHA)},
		"url":           c.api("/git/commits/%s", commit.SHA),
		"comment_count": 0,
		"verification":  object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil},
	}
}

func (c *call) commitJSON(commit *Commit) object {
	return object{
		"sha": commit.SHA, "node_id": "C_" + commit.SHA, "commit": c.gitCommitJSON(commit),
		"author": c.userJSON(commit.Author), "committer": c.userJSON(commit.Author),
		"parents":  collect(commit.Parents, func(sha string) object { return object{"sha": sha, "url": c.api("/commits/%s", sha)} }),
		"url":      c.api("/commits/%s", commit.SHA),
		"html_url": c.web("/commit/%s", commit.SHA),
	}
}

func listCommits(c *call) reply {
	r, query := c.w.Hub.Repository, c.r.URL.Query()
	ref := query.Get("sha")
	if ref == "" {
		ref = r.DefaultBranch
	}
	head := r.resolve(ref)
	if head == nil {
		return notFound()
	}
	since, _ := time.Parse(time.RFC3339, query.Get("since"))
	until, _ := time.Parse(time.RFC3339, query.Get("until"))
	list := slices.DeleteFunc(r.history(head), func(commit *Commit) bool {
		return !since.IsZero() && commit.Committed.Before(since) ||
			!until.IsZero() && commit.Committed.After(until) ||
			query.Get("path") != "" && !r.touches(commit, query.Get("path")) ||
			query.Get("author") != "" && commit.Author.Login != query.Get("author")
	})
	part, header := page(c, list, 30, 100)
	return reply{status: 200, header: header, body: collect(part, c.commitJSON)}
}

// touches reports whether a commit changed a path or something below it.
func (r *Repository) touches(commit *Commit, path string) bool {
	return slices.ContainsFunc(changedPaths(r.parentFiles(commit), commit.Files), func(changed string) bool {
		return changed == path || strings.HasPrefix(changed, strings.TrimSuffix(path, "/")+"/")
	})
}

// parentFiles is the tree of a commit's first parent.
func (r *Repository) parentFiles(commit *Commit) map[string]string {
	if len(commit.Parents) == 0 || r.Commits[commit.Parents[0]] == nil {
		return nil
	}
	return r.Commits[commit.Parents[0]].Files
}

func getCommit(c *call) reply {
	r := c.w.Hub.Repository
	commit := r.resolve(c.r.PathValue("ref"))
	if commit == nil {
		return unprocessable("No commit found for SHA: %s", c.r.PathValue("ref"))
	}
	if strings.Contains(c.r.Header.Get("Accept"), "sha") {
		return reply{status: http.StatusOK, raw: []byte(commit.SHA), kind: "application/vnd.github.sha; charset=utf-8"}
	}
	files := c.fileChanges(r.parentFiles(commit), commit)
	out := c.commitJSON(commit)
	out["files"] = files
	out["stats"] = totals(files)
	return ok(out)
}

func totals(files []object) object {
	additions, deletions := 0, 0
	for _, f := range files {
		additions += f["additions"].(int)
		deletions += f["deletions"].(int)
	}
	return object{"additions": additions, "deletions": deletions, "total": additions + deletions}
}

// fileChanges describes how a commit's tree differs from another.
func (c *call) fileChanges(from map[string]string, to *Commit) []object {
	r := c.w.Hub.Repository
	return collect(changedPaths(from, to.Files), func(path string) object {
		before, had := from[path]
		after, has := to.Files[path]
		status := "modified"
		switch {
		case !had:
			status = "added"
		case !has:
			status = "removed"
		}
		patch := hunks(r.Blobs[before], r.Blobs[after])
		additions, deletions := countLines(patch)
		return object{
			"sha": orNull(after), "filename": path, "status": status, "additions": additions, "deletions": deletions,
			"changes": additions + deletions, "patch": patch,
			"blob_url": c.web("/blob/%s/%s", to.SHA, path), "contents_url": c.api("/contents/%s?ref=%s", path, to.SHA),
		}
	})
}

// hunks is a unified diff without its two header lines.
func hunks(before, after string) string {
	diff := udiff.Unified("a", "b", before, after)
	if i := strings.Index(diff, "@@"); i >= 0 {
		return strings.TrimSuffix(diff[i:], "\n")
	}
	return ""
}

func countLines(patch string) (additions, deletions int) {
	for line := range strings.Lines(patch) {
		switch line[0] {
		case '+':
			additions++
		case '-':
			deletions++
		}
	}
	return additions, deletions
}

// compare answers BASE...HEAD. Without paging it gives up to 250 commits,
// oldest first; files come with the first page only.
func compare(c *call) reply {
	r := c.w.Hub.Repository
	base, head, found := strings.Cut(c.r.PathValue("range"), "...")
	if !found {
		return notFound()
	}
	from, to := r.resolve(strings.TrimPrefix(base, "acme:")), r.resolve(strings.TrimPrefix(head, "acme:"))
	if from == nil || to == nil {
		return notFound()
	}
	ahead, behind := r.only(to, from), r.only(from, to)
	slices.Reverse(ahead)
	common := r.mergeBase(from, to)
	if common == nil {
		return refusal(http.StatusNotFound, "No common ancestor between %s and %s.", base, head)
	}
	part, header := page(c, ahead, 250, 250)
	status := map[[2]bool]string{{true, true}: "diverged", {true, false}: "ahead", {false, true}: "behind", {false, false}: "identical"}[[2]bool{len(ahead) > 0, len(behind) > 0}]
	out := object{
		"status": status, "ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead),
		"base_commit": c.commitJSON(from), "merge_base_commit": c.commitJSON(common), "commits": collect(part, c.commitJSON),
		"url": c.api("/compare/%s...%s", base, head), "html_url": c.web("/compare/%s...%s", base, head),
		"files": []object{},
	}
	if number := c.r.URL.Query().Get("page"); number == "" || number == "1" {
		files := c.fileChanges(common.Files, to)
		out["files"] = files[:min(300, len(files))]
	}
	return reply{status: 200, header: header, body: out}
}

// mergedPull finds the pull request's number in a commit's message.
var mergedPull = regexp.MustCompile(`\(#(\d+)\)|pull request #(\d+)`)

// listCommitPulls lists the pull request that brought a commit, where its
// message names one.
func listCommitPulls(c *call) reply {
	commit := c.w.Hub.Repository.resolve(c.r.PathValue("ref"))
	if commit == nil {
		return unprocessable("No commit found for SHA: %s", c.r.PathValue("ref"))
	}
	found := mergedPull.FindStringSubmatch(commit.Message)
	if found == nil {
		return ok([]object{})
	}
	number, _ := strconv.Atoi(found[1] + found[2])
	title, _, _ := strings.Cut(commit.Title(), " (#")
	into := "develop"
	if len(commit.Parents) == 2 {
		into = "main"
	}
	return ok([]object{{
		"number": number, "id": int64(number) + 5_000_000, "title": title, "state": "closed", "body": "",
		"user": c.userJSON(commit.Author), "merged_at": stamp(commit.Committed), "created_at": stamp(commit.Committed.Add(-90 * time.Minute)),
		"merge_commit_sha": commit.SHA, "html_url": c.web("/pull/%d", number), "url": c.api("/pulls/%d", number),
		"base": object{"ref": into}, "head": object{"ref": "feature/" + slug(fmt.Sprint(title))},
	}})
}
