package ghclient

import (
	"context"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// mostEnvironmentPages bounds a listing.
const mostEnvironmentPages = 5

type wireEnvironment struct {
	ID           int64 `json:"id"`
	Name         text  `json:"name"`
	AdminsBypass *bool `json:"can_admins_bypass"`
	Rules        []struct {
		Type              text           `json:"type"`
		WaitTimer         int            `json:"wait_timer"` // minutes
		PreventSelfReview bool           `json:"prevent_self_review"`
		Reviewers         []wireReviewer `json:"reviewers"`
	} `json:"protection_rules"`
	BranchPolicy *struct {
		Protected bool `json:"protected_branches"`
		Custom    bool `json:"custom_branch_policies"`
	} `json:"deployment_branch_policy"`
}

func (w wireEnvironment) rules() pipeline.ProtectionRules {
	rules := pipeline.ProtectionRules{
		Environment:  string(w.Name),
		ID:           w.ID,
		AdminsBypass: w.AdminsBypass == nil || *w.AdminsBypass, // GitHub's default
	}
	for _, rule := range w.Rules {
		switch rule.Type {
		case "required_reviewers":
			rules.Reviewers = reviewers(rule.Reviewers)
			rules.PreventSelfReview = rule.PreventSelfReview
		case "wait_timer":
			rules.WaitTimer = time.Duration(rule.WaitTimer) * time.Minute
		}
	}
	if w.BranchPolicy != nil {
		rules.ProtectedOnly = w.BranchPolicy.Protected
	}
	return rules
}

// Environments reads every environment with what it asks of a job.
func (r *Reader) Environments(ctx context.Context) ([]pipeline.ProtectionRules, error) {
	ws, err := r.listEnvironments(ctx)
	if err != nil {
		return nil, err
	}
	environments := make([]pipeline.ProtectionRules, len(ws))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxInFlight)
	for i, w := range ws {
		environments[i] = w.rules()
		g.Go(func() error { return r.customRules(ctx, &environments[i]) })
		if w.BranchPolicy != nil && w.BranchPolicy.Custom {
			g.Go(func() error { return r.branchPolicies(ctx, &environments[i]) })
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return environments, nil
}

func (r *Reader) listEnvironments(ctx context.Context) ([]wireEnvironment, error) {
	type page struct {
		Environments []wireEnvironment `json:"environments"`
	}
	var ws []wireEnvironment
	at := query(r.repoPath("environments"), "per_page", strconv.Itoa(pageSize))
	_, err := pages(ctx, r, call{op: "list environments", on: r.fullName()}, at, mostEnvironmentPages, func(p page) bool {
		ws = append(ws, p.Environments...)
		return true
	})
	return ws, err
}

// branchPolicies adds the branch and tag patterns of an environment.
func (r *Reader) branchPolicies(ctx context.Context, rules *pipeline.ProtectionRules) error {
	type page struct {
		Policies []struct {
			Name text `json:"name"`
		} `json:"branch_policies"`
	}
	c := call{op: "read the branch policies", on: "environment " + rules.Environment, missing: "the environment does not exist"}
	at := query(r.repoPath("environments", rules.Environment, "deployment-branch-policies"), "per_page", strconv.Itoa(pageSize))
	_, err := pages(ctx, r, c, at, mostEnvironmentPages, func(p page) bool {
		for _, policy := range p.Policies {
			rules.Branches = append(rules.Branches, string(policy.Name))
		}
		return true
	})
	return err
}

// customRules adds the apps that decide about an environment. Servers without
// such rules answer 404, and have none.
func (r *Reader) customRules(ctx context.Context, rules *pipeline.ProtectionRules) error {
	var w struct {
		Rules []struct {
			Enabled bool `json:"enabled"`
			App     struct {
				Slug text `json:"slug"`
			} `json:"app"`
		} `json:"custom_deployment_protection_rules"`
	}
	c := call{op: "read the custom rules", on: "environment " + rules.Environment}
	err := r.get(ctx, c, r.repoPath("environments", rules.Environment, "deployment_protection_rules"), &w)
	if pipeline.KindOf(err) == pipeline.KindNotFound {
		return nil
	}
	for _, rule := range w.Rules {
		if rule.Enabled {
			rules.CustomRules = append(rules.CustomRules, string(rule.App.Slug))
		}
	}
	return err
}
