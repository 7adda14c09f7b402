package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

var gateRoutes = []route{
	{"GET " + inRepository + "/actions/runs/{run}/pending_deployments", "read", withRun(listPending)},
	{"POST " + inRepository + "/actions/runs/{run}/pending_deployments", "read", withRun(review)},
	{"GET " + inRepository + "/actions/runs/{run}/approvals", "read", withRun(listReviews)},
	{"GET " + inRepository + "/actions/runs/{run}/concurrency_groups", "read", withRun(listGroups)},
	{"GET " + inRepository + "/environments", "read", listEnvironments},
	{"GET " + inRepository + "/environments/{environment}", "read", withEnvironment(func(c *call, e *Environment) reply { return ok(c.environmentJSON(e)) })},
	{"PUT " + inRepository + "/environments/{environment}", "admin", putEnvironment},
	{"GET " + inRepository + "/environments/{environment}/deployment-branch-policies", "read", withEnvironment(listPolicies)},
	{"POST " + inRepository + "/environments/{environment}/deployment-branch-policies", "admin", withEnvironment(addPolicy)},
	{"GET " + inRepository + "/environments/{environment}/deployment_protection_rules", "read", withEnvironment(func(*call, *Environment) reply {
		return ok(object{"total_count": 0, "custom_deployment_protection_rules": []object{}})
	})},
}

func withEnvironment(answer func(*call, *Environment) reply) func(*call) reply {
	return func(c *call) reply {
		e := c.w.Hub.environment(c.r.PathValue("environment"))
		if e == nil {
			return notFound()
		}
		return answer(c, e)
	}
}

func listPending(c *call, r *Run) reply {
	return ok(collect(r.pendingEnvironments(), func(j *Job) object {
		e := c.w.Hub.environment(j.Environment)
		return object{
			"environment": c.briefEnvironment(e), "wait_timer": e.WaitTimer, "wait_timer_started_at": stamp(j.timerStart(e)),
			"current_user_can_approve": rank(c.role) >= rank("write") && c.w.mayApprove(j, e, c.user),
			"reviewers":                collect(e.Reviewers, c.reviewerJSON),
		}
	}))
}

func (c *call) briefEnvironment(e *Environment) object {
	return object{
		"id": e.ID, "node_id": fmt.Sprintf("EN_%d", e.ID), "name": e.Name,
		"url": c.api("/environments/%s", e.Name), "html_url": c.web("/deployments/activity_log?environments_filter=%s", e.Name),
	}
}

func (c *call) reviewerJSON(reviewer string) object {
	if strings.HasPrefix(reviewer, "team:") {
		return object{"type": "Team", "reviewer": c.teamJSON()}
	}
	return object{"type": "User", "reviewer": c.userJSON(c.w.Hub.user(reviewer))}
}

// review approves or rejects the environments that a run waits for.
func review(c *call, r *Run) reply {
	ids, state := elements(c.body["environment_ids"]), textOf(c.body["state"])
	comment, hasComment := c.body["comment"].(string)
	switch {
	case len(ids) == 0:
		return unprocessable("Invalid request.\n\n\"environment_ids\" wasn't supplied.")
	case state != "approved" && state != "rejected":
		return unprocessable("Invalid request.\n\nFor 'properties/state', %q is not a possible value. Must be one of approved, rejected.", state)
	case !hasComment:
		return unprocessable("Invalid request.\n\n\"comment\" wasn't supplied.")
	case rank(c.role) < rank("write"):
		return refusal(http.StatusForbidden, "Resource not accessible by personal access token")
	}
	var environments []*Environment
	for _, id := range ids {
		e := c.w.Hub.environment(textOf(id))
		if e == nil {
			return unprocessable("Could not resolve environment %s", textOf(id))
		}
		environments = append(environments, e)
	}
	deployments, err := c.w.Review(r, environments, state, comment, c.user)
	if err != nil {
		return unprocessable("%s", err)
	}
	return ok(collect(deployments, c.deploymentJSON))
}

func listReviews(c *call, r *Run) reply {
	return ok(collect(r.Reviews, func(v *Review) object {
		return object{
			"state": v.State, "comment": v.Comment, "user": c.userJSON(v.User),
			"environments": collect(v.Environments, func(e *Environment) object {
				out := c.briefEnvironment(e)
				out["created_at"], out["updated_at"] = stamp(e.Created), stamp(e.Created)
				return out
			}),
		}
	}))
}

// listGroups says which concurrency groups a run or its jobs are in, and who
// else is.
func listGroups(c *call, r *Run) reply {
	var groups []object
	if r.Group != "" {
		holder, waiting := c.w.group(r.Group)
		var members []object
		if holder != nil {
			members = append(members, member(holder, nil, 0, "in_progress"))
		}
		for i, other := range waiting {
			members = append(members, member(other, nil, i+1, "pending"))
		}
		groups = append(groups, groupJSON(r.Group, members))
	}
	for _, j := range r.Attempt().Jobs {
		if j.Group == "" || j.Status == "completed" {
			continue
		}
		holder, waiting := c.w.jobGroup(j.Group)
		var members []object
		if holder != nil {
			members = append(members, member(holder.Run, holder, 0, "in_progress"))
		}
		for i, other := range waiting {
			members = append(members, member(other.Run, other, i+1, "pending"))
		}
		groups = append(groups, groupJSON(j.Group, members))
	}
	return ok(object{"total_count": len(groups), "concurrency_groups": slices.Concat([]object{}, groups)})
}

func groupJSON(name string, members []object) object {
	return object{"group_name": name, "group_members": slices.Concat([]object{}, members)}
}

func member(r *Run, j *Job, position int, status string) object {
	out := object{"run_id": r.ID, "job_id": nil, "job_name": nil, "position": position, "status": status}
	if j != nil {
		out["job_id"], out["job_name"] = j.ID, j.Name
	}
	return out
}

func listEnvironments(c *call) reply {
	all := c.w.Hub.Environments
	part, header := page(c, all, 30, 100)
	return reply{status: 200, header: header, body: object{"total_count": len(all), "environments": collect(part, c.environmentJSON)}}
}

func (c *call) environmentJSON(e *Environment) object {
	out := c.briefEnvironment(e)
	rules := []object{}
	rule := func(n int, kind string) object {
		return object{"id": e.ID*10 + int64(n), "node_id": fmt.Sprintf("GA_%d", e.ID*10+int64(n)), "type": kind}
	}
	if e.WaitTimer > 0 {
		timer := rule(1, "wait_timer")
		timer["wait_timer"] = e.WaitTimer
		rules = append(rules, timer)
	}
	if len(e.Reviewers) > 0 {
		reviewers := rule(2, "required_reviewers")
		reviewers["prevent_self_review"] = e.NoSelfReview
		reviewers["reviewers"] = collect(e.Reviewers, c.reviewerJSON)
		rules = append(rules, reviewers)
	}
	var policy any
	if len(e.Policies) > 0 || e.ProtectedOnly {
		rules = append(rules, rule(3, "branch_policy"))
		policy = object{"protected_branches": e.ProtectedOnly, "custom_branch_policies": !e.ProtectedOnly}
	}
	out["protection_rules"], out["deployment_branch_policy"] = rules, policy
	out["can_admins_bypass"] = e.AdminBypass
	out["created_at"], out["updated_at"] = stamp(e.Created), stamp(e.Created)
	return out
}

// putEnvironment makes or replaces an environment; what is left out is reset.
func putEnvironment(c *call) reply {
	name := c.r.PathValue("environment")
	e := c.w.Hub.environment(name)
	if e == nil {
		e = c.w.addEnvironment(name)
	}
	wait := int(numberOf(c.body["wait_timer"]))
	if wait < 0 || wait > 43200 {
		return unprocessable("Invalid wait_timer: must be between 0 and 43200 minutes")
	}
	if rule := protectionRule(c.body); rule != "" && c.w.Hub.Repository.Limited { // the environment is there all the same
		return unprocessable("Failed to create the environment protection rule. Please ensure the billing plan supports the %s protection rule.", rule)
	}
	var reviewers []string
	for _, given := range elements(c.body["reviewers"]) {
		login := c.reviewerNamed(textOf(property(given, "type")), int64(numberOf(property(given, "id"))))
		if login == "" {
			return unprocessable("Could not resolve to a reviewer with the id %s", textOf(property(given, "id")))
		}
		reviewers = append(reviewers, login)
	}
	if len(reviewers) > 6 {
		return unprocessable("An environment can have at most 6 reviewers")
	}
	e.WaitTimer, e.Reviewers, e.NoSelfReview = wait, reviewers, truthy(c.body["prevent_self_review"])
	policy := c.body["deployment_branch_policy"]
	e.ProtectedOnly = truthy(property(policy, "protected_branches"))
	if !truthy(property(policy, "custom_branch_policies")) {
		e.Policies = nil
	}
	return ok(c.environmentJSON(e))
}

// protectionRule is the first rule that a request asks for; empty: none.
func protectionRule(body object) string {
	policy := body["deployment_branch_policy"]
	switch {
	case len(elements(body["reviewers"])) > 0:
		return "required reviewers"
	case numberOf(body["wait_timer"]) > 0:
		return "wait timer"
	case truthy(property(policy, "protected_branches")), truthy(property(policy, "custom_branch_policies")):
		return "branch policy"
	}
	return ""
}

func (c *call) reviewerNamed(kind string, id int64) string {
	if kind == "Team" && id == c.w.Hub.Team.ID {
		return "team:" + c.w.Hub.Team.Slug
	}
	for _, u := range c.w.Hub.Users {
		if kind == "User" && u.ID == id {
			return u.Login
		}
	}
	return ""
}

func policyJSON(p BranchPolicy) object {
	return object{"id": p.ID, "node_id": fmt.Sprintf("GP_%d", p.ID), "name": p.Name, "type": p.Type}
}

func listPolicies(c *call, e *Environment) reply {
	part, header := page(c, e.Policies, 30, 100)
	return reply{status: 200, header: header, body: object{"total_count": len(e.Policies), "branch_policies": collect(part, policyJSON)}}
}

func addPolicy(c *call, e *Environment) reply {
	p := BranchPolicy{ID: c.w.nextID("policy"), Name: textOf(c.body["name"]), Type: "branch"}
	if textOf(c.body["type"]) == "tag" {
		p.Type = "tag"
	}
	e.Policies = append(e.Policies, p)
	return ok(policyJSON(p))
}
