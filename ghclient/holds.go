package ghclient

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/cli/go-gh/v2/pkg/api"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// A hold is a branch that names its environment, at a commit without parents
// whose tree is one file, lock.json. Creating a ref succeeds once, whoever
// tries: that makes it a lock that needs no server of its own.
const (
	holdPrefix = "deployctl/lock-"
	holdFile   = "lock.json"
)

type wireHold struct {
	Environment text      `json:"environment"`
	Owner       text      `json:"owner"`
	Reason      text      `json:"reason"`
	Cause       text      `json:"cause"`
	Since       time.Time `json:"since"`
	Until       time.Time `json:"until,omitzero"`
	RequestID   text      `json:"request_id,omitempty"`
	Faulty      []text    `json:"faulty,omitempty"`
}

type wireGitRef struct {
	Ref    text `json:"ref"`
	Object struct {
		SHA text `json:"sha"`
	} `json:"object"`
}

// Holds reads the holds by environment. One that cannot be understood holds all
// the same: somebody meant something by it.
func (r *Reader) Holds(ctx context.Context) (map[string]pipeline.Hold, error) {
	var refs []wireGitRef
	c := call{op: "list the holds", on: r.fullName()}
	if err := r.get(ctx, c, r.repoPath("git", "matching-refs", "heads", "deployctl", "lock-"), &refs); err != nil {
		return nil, err
	}
	out := map[string]pipeline.Hold{}
	for _, ref := range refs {
		environment, ok := strings.CutPrefix(string(ref.Ref), "refs/heads/"+holdPrefix)
		if !ok {
			continue
		}
		h, err := r.hold(ctx, string(ref.Object.SHA))
		if err != nil {
			return nil, err
		}
		h.Environment, h.Token = environment, string(ref.Object.SHA)
		out[environment] = h
	}
	return out, nil
}

// hold reads what a lock's commit says.
func (r *Reader) hold(ctx context.Context, sha string) (pipeline.Hold, error) {
	unreadable := pipeline.Hold{Owner: "somebody", Reason: "its lock cannot be read"}
	content, err := r.File(ctx, holdFile, sha)
	if pipeline.KindOf(err) == pipeline.KindNotFound {
		return unreadable, nil
	}
	if err != nil {
		return pipeline.Hold{}, err
	}
	var w wireHold
	if json.Unmarshal(content, &w) != nil || w.Owner == "" {
		return unreadable, nil
	}
	h := pipeline.Hold{
		Owner: string(w.Owner), Reason: string(w.Reason), Cause: string(w.Cause),
		Since: w.Since, Until: w.Until, RequestID: string(w.RequestID),
	}
	for _, sha := range w.Faulty {
		h.Faulty = append(h.Faulty, string(sha))
	}
	return h, nil
}

// Lock takes a hold, or replaces the one that its token names: the new commit is
// a child of that one, so that GitHub moves the branch only if it is still there.
// KindConflict: somebody else was faster.
func (c *Client) Lock(ctx context.Context, h pipeline.Hold) error {
	w := wireHold{
		Environment: text(h.Environment), Owner: text(h.Owner), Reason: text(h.Reason), Cause: text(h.Cause),
		Since: h.Since, Until: h.Until, RequestID: text(h.RequestID),
	}
	for _, sha := range h.Faulty {
		w.Faulty = append(w.Faulty, text(sha))
	}
	content, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return &pipeline.Error{Kind: pipeline.KindInternal, Op: "hold " + h.Environment, Err: err}
	}
	type entry struct {
		Path    string `json:"path"`
		Mode    string `json:"mode"`
		Type    string `json:"type"`
		Content string `json:"content"`
	}
	what := call{op: "hold " + h.Environment, missing: "the token may not write to " + c.fullName()}
	var tree, commit struct {
		SHA string `json:"sha"`
	}
	err = c.send(ctx, what, c.repoPath("git", "trees"), map[string]any{
		"tree": []entry{{holdFile, "100644", "blob", string(content) + "\n"}},
	}, &tree)
	if err != nil {
		return err
	}
	err = c.send(ctx, what, c.repoPath("git", "commits"), map[string]any{
		"message": "Hold " + h.Environment + ": " + h.Message, "tree": tree.SHA, "parents": parentsOf(h),
	}, &commit)
	if err != nil {
		return err
	}
	if h.Token != "" {
		return c.replaceHold(ctx, what, h, commit.SHA)
	}
	what.explain = func(a *api.HTTPError) *pipeline.Error {
		if a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(reason(a), "already exists") {
			return nil
		}
		return &pipeline.Error{Kind: pipeline.KindConflict, Message: h.Environment + " is held already", Hint: "gh deployctl status says by whom"}
	}
	return c.send(ctx, what, c.repoPath("git", "refs"), map[string]string{"ref": "refs/heads/" + holdPrefix + h.Environment, "sha": commit.SHA}, nil)
}

func parentsOf(h pipeline.Hold) []string {
	if h.Token == "" {
		return []string{}
	}
	return []string{h.Token}
}

// replaceHold moves the branch of a hold to a child of its commit.
func (c *Client) replaceHold(ctx context.Context, what call, h pipeline.Hold, commit string) error {
	what.explain = func(a *api.HTTPError) *pipeline.Error {
		if a.StatusCode != http.StatusUnprocessableEntity {
			return nil
		}
		return &pipeline.Error{Kind: pipeline.KindConflict, Message: "it is another hold by now, or none", Hint: "gh deployctl status says whose"}
	}
	ref := append([]string{"git", "refs", "heads"}, strings.Split(holdPrefix+h.Environment, "/")...)
	return c.change(ctx, http.MethodPatch, what, c.repoPath(ref...), map[string]any{"sha": commit, "force": false}, nil)
}

// Unlock lifts the hold that the token names. KindConflict: it is another one
// by now. GitHub deletes a ref by its name alone, so a hold that is replaced in
// the moment between the look and the deletion is not noticed.
func (c *Client) Unlock(ctx context.Context, environment, token string) error {
	what := call{op: "lift the hold", on: environment, missing: environment + " is not held"}
	ref := append([]string{"heads"}, strings.Split(holdPrefix+environment, "/")...)
	var now wireGitRef
	if err := c.get(pipeline.Uncached(ctx), what, c.repoPath(append([]string{"git", "ref"}, ref...)...), &now); err != nil {
		return err
	}
	if string(now.Object.SHA) != token {
		return &pipeline.Error{Kind: pipeline.KindConflict, Op: what.op, On: what.on, Message: "it is another hold by now", Hint: "look at it again"}
	}
	resp, err := c.write.RequestWithContext(ctx, http.MethodDelete, c.repoPath(append([]string{"git", "refs"}, ref...)...), nil)
	if err != nil {
		return c.sendFailure(what, err)
	}
	return resp.Body.Close()
}
