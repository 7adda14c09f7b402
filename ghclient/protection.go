package ghclient

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cli/go-gh/v2/pkg/api"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// Protection is what an environment is to ask of a job.
type Protection struct {
	Environment       string
	Reviewers         []pipeline.Reviewer // at most six; a team is ORG/SLUG or SLUG of the repository's owner
	WaitTimer         time.Duration       // in whole minutes
	PreventSelfReview bool                // who started a run may not approve it
	Refs              []RefPolicy         // what may be deployed; empty: any branch and tag
}

// RefPolicy is a pattern of refs that may be deployed to an environment.
type RefPolicy struct {
	Pattern string
	Tag     bool // it means tags, else branches
}

// Protection reads what an environment asks of a job now, and whether there is
// such an environment.
func (r *Reader) Protection(ctx context.Context, environment string) (p Protection, exists bool, err error) {
	var w wireEnvironment
	c := call{op: "read the environment", on: environment, missing: "there is no environment " + environment}
	err = r.get(ctx, c, r.repoPath("environments", environment), &w)
	if pipeline.KindOf(err) == pipeline.KindNotFound {
		return Protection{Environment: environment}, false, nil
	}
	if err != nil {
		return Protection{}, false, err
	}
	rules := w.rules()
	p = Protection{
		Environment: environment, Reviewers: rules.Reviewers,
		WaitTimer: rules.WaitTimer, PreventSelfReview: rules.PreventSelfReview,
	}
	if w.BranchPolicy != nil && w.BranchPolicy.Custom {
		p.Refs, err = r.refPolicies(ctx, environment)
	}
	return p, true, err
}

func (r *Reader) refPolicies(ctx context.Context, environment string) ([]RefPolicy, error) {
	type page struct {
		Policies []struct {
			Name text `json:"name"`
			Type text `json:"type"`
		} `json:"branch_policies"`
	}
	var out []RefPolicy
	at := query(r.repoPath("environments", environment, "deployment-branch-policies"), "per_page", strconv.Itoa(pageSize))
	_, err := pages(ctx, r, call{op: "read the branch policies", on: "environment " + environment}, at, mostEnvironmentPages, func(p page) bool {
		for _, policy := range p.Policies {
			out = append(out, RefPolicy{Pattern: string(policy.Name), Tag: policy.Type == "tag"})
		}
		return true
	})
	return out, err
}

// Protect makes an environment, or replaces what it asks of a job. GitHub
// resets what such a request leaves out, so it says everything; patterns that
// are there already are kept, and none is removed. It needs the repository's
// administration.
func (c *Client) Protect(ctx context.Context, p Protection) error {
	type reviewer struct {
		Type string `json:"type"`
		ID   int64  `json:"id"`
	}
	type policy struct {
		Protected bool `json:"protected_branches"`
		Custom    bool `json:"custom_branch_policies"`
	}
	body := struct {
		WaitTimer         int        `json:"wait_timer"`
		PreventSelfReview bool       `json:"prevent_self_review"`
		Reviewers         []reviewer `json:"reviewers"`
		Policy            *policy    `json:"deployment_branch_policy"`
	}{WaitTimer: int(p.WaitTimer / time.Minute), PreventSelfReview: p.PreventSelfReview, Reviewers: []reviewer{}}
	for _, who := range p.Reviewers {
		id, err := c.reviewerID(ctx, who)
		if err != nil {
			return err
		}
		kind := "User"
		if who.Team {
			kind = "Team"
		}
		body.Reviewers = append(body.Reviewers, reviewer{kind, id})
	}
	if len(p.Refs) > 0 {
		body.Policy = &policy{Custom: true}
	}
	what := call{op: "set the protection rules", on: "environment " + p.Environment, missing: "the repository does not exist, or the token may not administer it", explain: c.explainPlan}
	if err := c.change(ctx, http.MethodPut, what, c.repoPath("environments", p.Environment), body, nil); err != nil {
		return err
	}
	return c.addRefs(ctx, p)
}

// explainPlan knows by GitHub's wording that the repository's plan lacks what was
// asked for. The environment itself is made all the same.
func (c *Client) explainPlan(a *api.HTTPError) *pipeline.Error {
	if a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(strings.ToLower(a.Message), "billing plan") {
		return nil
	}
	rule := "this rule"
	if m := planRule.FindStringSubmatch(a.Message); m != nil {
		rule = "the rule " + sanitise.Text(m[1])
	}
	return &pipeline.Error{
		Kind:    pipeline.KindRefused,
		Message: "GitHub's plan of " + c.fullName() + " does not include " + rule + ", so the environment stands without it and nobody is asked",
		Hint: "make the repository public, or move its owner to a plan that has it: GitHub Enterprise for reviewers and wait timers of private repositories, " +
			"Pro or Team for branches and tags; until then let nobody push to what deploys to production, or take push: out of its workflow and start it by hand",
	}
}

// planRule finds the rule that a plan lacks in GitHub's words.
var planRule = regexp.MustCompile(`(?i)billing plan supports? the (.+?) protection rule`)

// addRefs adds the patterns that are not there yet.
func (c *Client) addRefs(ctx context.Context, p Protection) error {
	if len(p.Refs) == 0 {
		return nil
	}
	now, err := c.refPolicies(pipeline.Uncached(ctx), p.Environment)
	if err != nil {
		return err
	}
	for _, ref := range p.Refs {
		if slices.Contains(now, ref) {
			continue
		}
		kind := "branch"
		if ref.Tag {
			kind = "tag"
		}
		body := map[string]string{"name": ref.Pattern, "type": kind}
		what := call{op: "add a branch policy", on: "environment " + p.Environment}
		if err := c.send(ctx, what, c.repoPath("environments", p.Environment, "deployment-branch-policies"), body, nil); err != nil {
			return err
		}
	}
	return nil
}

// reviewerID finds the id by which GitHub knows a user or team.
func (c *Client) reviewerID(ctx context.Context, who pipeline.Reviewer) (int64, error) {
	path, missing := "users/"+url.PathEscape(who.Name), "there is no user "+who.Name
	if who.Team {
		org, slug, ok := strings.Cut(who.Name, "/")
		if !ok {
			org, slug = c.owner, who.Name
		}
		path = "orgs/" + url.PathEscape(org) + "/teams/" + url.PathEscape(slug)
		missing = "there is no team " + org + "/" + slug + ", or the token may not see it"
	}
	var w struct {
		ID int64 `json:"id"`
	}
	if err := c.get(ctx, call{op: "find the reviewer", on: who.Name, missing: missing}, path, &w); err != nil {
		return 0, err
	}
	return w.ID, nil
}
