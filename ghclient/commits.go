package ghclient

import (
	"context"
	"strconv"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const (
	defaultCommits   = 30
	mostCommitPages  = 10
	mostComparePages = 10
	// mostFiles is how many files GitHub lists of a comparison at most.
	mostFiles = 300
)

type wireCommit struct {
	SHA    text     `json:"sha"`
	Author *account `json:"author"`
	Commit struct {
		Message prose `json:"message"`
		Tree    struct {
			SHA text `json:"sha"`
		} `json:"tree"`
		Author struct {
			Name text      `json:"name"`
			Date time.Time `json:"date"`
		} `json:"author"`
		Committer struct {
			Date time.Time `json:"date"`
		} `json:"committer"`
	} `json:"commit"`
	Parents []struct {
		SHA text `json:"sha"`
	} `json:"parents"`
}

func (w wireCommit) commit() pipeline.Commit {
	commit := pipeline.Commit{
		SHA:       string(w.SHA),
		Tree:      string(w.Commit.Tree.SHA),
		Title:     w.Commit.Message.subject(),
		Message:   string(w.Commit.Message),
		Author:    w.Author.name(),
		Authored:  w.Commit.Author.Date,
		Committed: w.Commit.Committer.Date,
	}
	if commit.Author == "" {
		commit.Author = string(w.Commit.Author.Name)
	}
	for _, p := range w.Parents {
		commit.Parents = append(commit.Parents, string(p.SHA))
	}
	return commit
}

// Commits lists the history of a ref, newest first; ref empty: the default
// branch; limit 0: one page of 30.
func (r *Reader) Commits(ctx context.Context, ref string, limit int) ([]pipeline.Commit, error) {
	if limit <= 0 {
		limit = defaultCommits
	}
	c := call{op: "list commits", on: r.fullName()}
	if ref != "" {
		c.missing = "there is no commit, branch or tag " + ref
	}
	at := query(r.repoPath("commits"), "sha", ref, "per_page", strconv.Itoa(min(limit, pageSize)))
	found := []pipeline.Commit{}
	_, err := pages(ctx, r, c, at, mostCommitPages, func(p []wireCommit) bool {
		for _, w := range p[:min(len(p), limit-len(found))] {
			found = append(found, w.commit())
		}
		return len(found) < limit
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Commit reads the commit that a ref points to.
func (r *Reader) Commit(ctx context.Context, ref string) (pipeline.Commit, error) {
	var w wireCommit
	if err := r.get(ctx, commitCall("read the commit", ref), r.repoPath("commits", ref), &w); err != nil {
		return pipeline.Commit{}, err
	}
	return w.commit(), nil
}

// commitCall names a request about one commit. GitHub answers 404 for a name
// that is no ref, and 422 for one that looks like a SHA.
func commitCall(op, ref string) call {
	missing := "there is no commit, branch or tag " + ref
	return call{op: op, on: ref, missing: missing, explain: unprocessableIsMissing(missing)}
}

// Compare reads what lies between two commits: the commits of all pages within
// reason, and the files of the first, which are all that GitHub gives.
func (r *Reader) Compare(ctx context.Context, base, head string) (pipeline.Comparison, error) {
	type page struct {
		Status  text         `json:"status"`
		Ahead   int          `json:"ahead_by"`
		Behind  int          `json:"behind_by"`
		Total   int          `json:"total_commits"`
		Commits []wireCommit `json:"commits"`
		Files   []wireFile   `json:"files"`
	}
	c := call{
		op:      "compare " + base + " and " + head,
		missing: "one of the two commits does not exist, or they have no history in common",
	}
	at := query(r.repoPath("compare", base+"..."+head), "per_page", strconv.Itoa(pageSize))
	found := pipeline.Comparison{Base: base, Head: head}
	first, total := true, 0
	_, err := pages(ctx, r, c, at, mostComparePages, func(p page) bool {
		if first {
			first, total = false, p.Total
			found.Status, found.Ahead, found.Behind = string(p.Status), p.Ahead, p.Behind
			for _, f := range p.Files {
				found.Files = append(found.Files, f.changed())
			}
		}
		for _, w := range p.Commits {
			found.Commits = append(found.Commits, w.commit())
		}
		return len(found.Commits) < total
	})
	if err != nil {
		return pipeline.Comparison{}, err
	}
	found.FilesCut = len(found.Files) >= mostFiles
	found.Truncated = len(found.Commits) < total || found.FilesCut
	return found, nil
}

type wireFile struct {
	Path      text `json:"filename"`
	Previous  text `json:"previous_filename"`
	Status    text `json:"status"`
	Additions int  `json:"additions"`
	Deletions int  `json:"deletions"`
}

func (w wireFile) changed() pipeline.ChangedFile {
	return pipeline.ChangedFile{
		Path: string(w.Path), Previous: string(w.Previous), Status: string(w.Status),
		Additions: w.Additions, Deletions: w.Deletions,
	}
}
