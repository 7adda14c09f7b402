package sandbox

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var graphRoutes = []route{
	{"POST /graphql", "read", graphql},
	{"POST /api/graphql", "read", graphql},
}

// typeAlias finds what clients ask about the schema itself.
var typeAlias = regexp.MustCompile(`(\w+)\s*:\s*__type\s*\(`)

// graphql answers the queries of gh and of this product. It does not select
// fields: what is asked for is found in the objects by name, and what was not
// asked for does no harm to clients that decode into structs.
func graphql(c *call) reply {
	query := textOf(c.body["query"])
	variables, _ := c.body["variables"].(object)
	if strings.HasPrefix(strings.TrimSpace(query), "mutation") {
		return c.mutate(query, variables)
	}
	data := object{}
	for _, found := range typeAlias.FindAllStringSubmatch(query, -1) {
		data[found[1]] = object{"fields": []object{}}
	}
	if strings.Contains(query, "viewer") {
		data["viewer"] = c.nodeJSON(c.user)
	}
	if strings.Contains(query, "rateLimit") {
		b := c.s.budgetOf(token(c.r))
		data["rateLimit"] = object{"limit": 5000, "cost": 1, "remaining": 4999, "used": 1, "resetAt": stamp(b.reset)}
	}
	if strings.Contains(query, "nodes(") {
		data["nodes"] = c.graphRuns(elements(variables["ids"]))
	}
	if strings.Contains(query, "repository(") {
		repository, found := c.graphRepository(variables)
		if !found {
			return ok(object{"data": object{"repository": nil}, "errors": []object{{
				"type": "NOT_FOUND", "path": []string{"repository"},
				"message": fmt.Sprintf("Could not resolve to a Repository with the name '%s/%s'.", textOf(variables["owner"]), textOf(variables["name"])),
			}}})
		}
		data["repository"] = repository
	}
	return ok(object{"data": data})
}

func (c *call) nodeJSON(u *User) object {
	return object{"login": u.Login, "id": fmt.Sprintf("U_%d", u.ID), "databaseId": u.ID, "name": u.Name}
}

// graphRepository is the repository as GraphQL shows it.
func (c *call) graphRepository(variables object) (object, bool) {
	r := c.w.Hub.Repository
	name := textOf(variables["name"])
	if name == "" {
		name = textOf(variables["repo"])
	}
	if owner := textOf(variables["owner"]); owner != "" && (!strings.EqualFold(owner, r.Owner) || !strings.EqualFold(name, r.Name)) {
		return nil, false
	}
	permission := map[string]string{"admin": "ADMIN", "maintain": "MAINTAIN", "write": "WRITE", "triage": "TRIAGE", "read": "READ"}[c.role]
	out := object{
		"id": fmt.Sprintf("R_%d", r.ID), "databaseId": r.ID, "name": r.Name, "nameWithOwner": r.FullName(),
		"owner": object{"id": "O_900", "login": r.Owner}, "description": r.Description, "url": web(""),
		"isPrivate": true, "isArchived": false, "isFork": false, "visibility": "PRIVATE", "hasIssuesEnabled": true,
		"viewerPermission": permission, "viewerCanAdminister": permission == "ADMIN",
		"defaultBranchRef": object{"name": r.DefaultBranch}, "createdAt": stamp(r.Created), "pushedAt": stamp(r.Pushed), "updatedAt": stamp(r.Pushed),
		"primaryLanguage": object{"name": "Python"}, "parent": nil, "templateRepository": nil,
		"pullRequests": connection(nil, "", false), "issues": connection(nil, "", false),
		"releases": c.graphReleases(variables), "latestRelease": nil,
		"environments": connection(collect(c.w.Hub.Environments, graphEnvironment), "", false),
	}
	if latest := c.w.Hub.latestRelease(); latest != nil {
		out["latestRelease"] = c.graphRelease(latest)
	}
	if tag := textOf(variables["tagName"]); tag != "" {
		out["release"] = nil
		for _, release := range c.w.Hub.Releases {
			if release.Tag == tag {
				out["release"] = c.graphRelease(release)
			}
		}
	}
	return out, true
}

// connection is a page of nodes.
func connection(nodes []object, cursor string, more bool) object {
	if nodes == nil {
		nodes = []object{}
	}
	return object{
		"nodes": nodes, "totalCount": len(nodes),
		"pageInfo": object{"hasNextPage": more, "endCursor": orNull(cursor), "hasPreviousPage": false, "startCursor": nil},
	}
}

func (c *call) graphRelease(r *Release) object {
	return object{
		"databaseId": r.ID, "id": fmt.Sprintf("RE_%d", r.ID), "name": r.Name, "tagName": r.Tag, "isDraft": r.Draft, "isPrerelease": r.Prerelease,
		"isLatest": r == c.w.Hub.latestRelease(), "isImmutable": false, "createdAt": stamp(r.Created), "publishedAt": stamp(r.Published),
		"description": r.Body, "url": web("/releases/tag/%s", r.Tag), "author": c.nodeJSON(r.Author),
	}
}

// graphReleases pages releases; the cursor is an index.
func (c *call) graphReleases(variables object) object {
	all := c.w.Hub.newestReleases()
	after, _ := strconv.Atoi(textOf(variables["endCursor"]))
	size := int(numberOf(variables["perPage"]))
	if size <= 0 {
		size = 30
	}
	from := min(after, len(all))
	to := min(from+size, len(all))
	return connection(collect(all[from:to], c.graphRelease), strconv.Itoa(to), to < len(all))
}

func graphEnvironment(e *Environment) object {
	return object{"databaseId": e.ID, "id": fmt.Sprintf("EN_%d", e.ID), "name": e.Name}
}

// graphRuns gives workflow runs by node id, with their checks and what they
// wait for.
func (c *call) graphRuns(ids []any) []any {
	nodes := []any{}
	for _, id := range ids {
		number, _ := strconv.ParseInt(strings.TrimPrefix(textOf(id), "WFR_"), 10, 64)
		r := c.w.Hub.run(number)
		if r == nil {
			nodes = append(nodes, nil)
			continue
		}
		nodes = append(nodes, c.graphRun(r))
	}
	return nodes
}

func (c *call) graphRun(r *Run) object {
	a := r.Attempt()
	pending := collect(r.pendingEnvironments(), func(j *Job) object {
		e := c.w.Hub.environment(j.Environment)
		return object{
			"currentUserCanApprove": c.w.mayApprove(j, e, c.user), "waitTimer": e.WaitTimer,
			"waitTimerStartedAt": stamp(j.timerStart(e)), "environment": graphEnvironment(e),
		}
	})
	checks := collect(a.Jobs, func(j *Job) object {
		return object{
			"databaseId": j.ID, "name": j.Name, "status": upper(j.Status), "conclusion": upper(j.Conclusion),
			"startedAt": stamp(j.Started), "completedAt": stamp(j.Completed),
		}
	})
	return object{
		"databaseId": r.ID, "id": fmt.Sprintf("WFR_%d", r.ID), "event": r.Event, "runNumber": r.Number,
		"createdAt": stamp(r.Created), "updatedAt": stamp(r.Updated), "workflow": object{"name": r.Workflow.Name},
		"checkSuite":                object{"status": upper(a.Status), "conclusion": upper(a.Conclusion), "checkRuns": connection(checks, "", false)},
		"pendingDeploymentRequests": connection(pending, "", false),
	}
}

func upper(word string) any { return orNull(strings.ToUpper(word)) }

// mutate reviews deployments, which is the one mutation that has a REST twin.
func (c *call) mutate(query string, variables object) reply {
	input := variables
	if nested, given := variables["input"].(object); given {
		input = nested
	}
	state, field := "approved", "approveDeployments"
	switch {
	case strings.Contains(query, "rejectDeployments"):
		state, field = "rejected", "rejectDeployments"
	case !strings.Contains(query, "approveDeployments"):
		return graphError("the sandbox knows no such mutation")
	}
	number, _ := strconv.ParseInt(strings.TrimPrefix(textOf(input["workflowRunId"]), "WFR_"), 10, 64)
	r := c.w.Hub.run(number)
	if r == nil {
		return graphError(fmt.Sprintf("Could not resolve to a node with the global id of '%s'", textOf(input["workflowRunId"])))
	}
	var environments []*Environment
	for _, id := range elements(input["environmentIds"]) {
		e := c.w.Hub.environment(strings.TrimPrefix(textOf(id), "EN_"))
		if e == nil {
			return graphError(fmt.Sprintf("Could not resolve to a node with the global id of '%s'", textOf(id)))
		}
		environments = append(environments, e)
	}
	if _, err := c.w.Review(r, environments, state, textOf(input["comment"]), c.user); err != nil {
		return graphError(err.Error())
	}
	return ok(object{"data": object{field: object{"deployments": []object{}}}})
}

func graphError(message string) reply {
	return ok(object{"data": nil, "errors": []object{{"message": message}}})
}
