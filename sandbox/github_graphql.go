package sandbox

import (
	"fmt"
	"strconv"
	"strings"
)

var graphRoutes = []route{
	{"POST /graphql", "read", graphql},
	{"POST /api/graphql", "read", graphql},
}

// graphql answers the queries of gh and the few others that release consoles
// have a use for.
func graphql(c *call) reply {
	variables, _ := c.body["variables"].(object)
	q, err := parseGraph(textOf(c.body["query"]), textOf(c.body["operationName"]), variables)
	if err != nil {
		return ok(object{"errors": []object{{"message": err.Error()}}})
	}
	root := c.graphQueries(q)
	if q.operation.Operation == "mutation" {
		root = c.graphMutations(q)
	}
	out := object{"data": q.choose(root, q.operation.SelectionSet)}
	if len(q.problems) > 0 {
		out["errors"] = q.problems
	}
	return ok(out)
}

func (c *call) graphQueries(q *graphQuery) object {
	return object{
		"viewer": c.graphUser(c.user),
		"rateLimit": object{
			"limit": 5000, "cost": 1, "remaining": 4999, "used": 1, "nodeCount": 1,
			"resetAt": stamp(c.s.budgetOf(token(c.r)).reset),
		},
		"repository": resolver(func(a object) any { return c.graphRepository(q, a) }),
		"nodes":      resolver(func(a object) any { return c.graphRuns(elements(a["ids"])) }),
		"node":       resolver(func(a object) any { return c.graphRuns([]any{a["id"]})[0] }),
		// Clients ask which fields a type has, to find out what the server can
		// do: nothing beyond what every server can.
		"__type": resolver(func(object) any {
			return object{"fields": []object{}, "inputFields": []object{}, "enumValues": []object{}}
		}),
	}
}

func (c *call) graphUser(u *User) object {
	return object{"login": u.Login, "id": fmt.Sprintf("U_%d", u.ID), "databaseId": u.ID, "name": u.Name, "url": "http://" + githubHost + "/" + u.Login}
}

// graphRepository is the repository as GraphQL shows it.
func (c *call) graphRepository(q *graphQuery, a object) any {
	r := c.w.Hub.Repository
	if !strings.EqualFold(textOf(a["owner"]), r.Owner) || !strings.EqualFold(textOf(a["name"]), r.Name) {
		return q.refuse("NOT_FOUND", "repository", "Could not resolve to a Repository with the name '%s/%s'.", textOf(a["owner"]), textOf(a["name"]))
	}
	permission := strings.ToUpper(c.role)
	out := object{
		"id": fmt.Sprintf("R_%d", r.ID), "databaseId": r.ID, "name": r.Name, "nameWithOwner": r.FullName(),
		"owner": object{"id": "O_900", "login": r.Owner}, "description": r.Description, "url": c.web(""), "homepageUrl": "",
		"isPrivate": true, "isArchived": false, "isFork": false, "isEmpty": false, "isInOrganization": true, "visibility": "PRIVATE",
		"hasIssuesEnabled": true, "hasProjectsEnabled": false, "hasWikiEnabled": false,
		"viewerPermission": permission, "viewerCanAdminister": permission == "ADMIN",
		"defaultBranchRef": object{"name": r.DefaultBranch, "target": object{"oid": r.Refs["heads/"+r.DefaultBranch]}},
		"createdAt":        stamp(r.Created), "pushedAt": stamp(r.Pushed), "updatedAt": stamp(r.Pushed),
		"primaryLanguage": object{"name": "Python"}, "mergeCommitAllowed": true, "squashMergeAllowed": true, "rebaseMergeAllowed": false,
		"pullRequests": connection(nil, "", false), "issues": connection(nil, "", false), "latestRelease": nil,
		"releases":     resolver(func(a object) any { return c.graphReleases(a) }),
		"release":      resolver(func(a object) any { return c.graphReleaseNamed(textOf(a["tagName"])) }),
		"environments": connection(collect(c.w.Hub.Environments, graphEnvironment), "", false),
	}
	if latest := c.w.Hub.latestRelease(); latest != nil {
		out["latestRelease"] = c.graphRelease(latest)
	}
	return out
}

func (c *call) graphRelease(r *Release) object {
	return object{
		"databaseId": r.ID, "id": fmt.Sprintf("RE_%d", r.ID), "name": r.Name, "tagName": r.Tag, "isDraft": r.Draft, "isPrerelease": r.Prerelease,
		"isLatest": r == c.w.Hub.latestRelease(), "immutable": false, "createdAt": stamp(r.Created), "publishedAt": stamp(r.Published),
		"description": r.Body, "url": c.web("/releases/tag/%s", r.Tag), "author": c.graphUser(r.Author),
	}
}

func (c *call) graphReleaseNamed(tag string) any {
	for _, release := range c.w.Hub.Releases {
		if release.Tag == tag {
			return c.graphRelease(release)
		}
	}
	return nil
}

// graphReleases pages releases, newest first; the cursor is an index.
func (c *call) graphReleases(a object) object {
	all := c.w.Hub.newestReleases()
	after, _ := strconv.Atoi(textOf(a["after"]))
	size := int(numberOf(a["first"]))
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
// wait for; null for an id that is no run's.
func (c *call) graphRuns(ids []any) []any {
	nodes := []any{}
	for _, id := range ids {
		r := c.w.Hub.run(nodeNumber("WFR_", id))
		if r == nil {
			nodes = append(nodes, nil)
			continue
		}
		nodes = append(nodes, c.graphRun(r))
	}
	return nodes
}

// nodeNumber is the number in a node id; 0 for another kind's.
func nodeNumber(prefix string, id any) int64 {
	number, _ := strconv.ParseInt(strings.TrimPrefix(textOf(id), prefix), 10, 64)
	return number
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
			"steps": connection(collect(j.Steps, func(s *Step) object {
				return object{
					"number": s.Number, "name": s.Name, "status": upper(s.Status), "conclusion": upper(s.Conclusion),
					"startedAt": stamp(s.Started), "completedAt": stamp(s.Completed),
				}
			}), "", false),
		}
	})
	return object{
		"__typename": "WorkflowRun", "databaseId": r.ID, "id": fmt.Sprintf("WFR_%d", r.ID), "event": r.Event, "runNumber": r.Number,
		"createdAt": stamp(r.Created), "updatedAt": stamp(r.Updated), "workflow": object{"name": r.Workflow.Name, "databaseId": r.Workflow.ID},
		"checkSuite":                object{"status": upper(a.Status), "conclusion": upper(a.Conclusion), "checkRuns": connection(checks, "", false)},
		"pendingDeploymentRequests": connection(pending, "", false),
	}
}

func upper(word string) any { return orNull(strings.ToUpper(word)) }

// graphMutations are the two that have a twin in REST: reviews of deployments.
func (c *call) graphMutations(q *graphQuery) object {
	review := func(field, state string) resolver {
		return func(a object) any {
			input, _ := a["input"].(object)
			r := c.w.Hub.run(nodeNumber("WFR_", input["workflowRunId"]))
			if r == nil {
				return q.refuse("NOT_FOUND", field, "Could not resolve to a node with the global id of '%s'", textOf(input["workflowRunId"]))
			}
			var environments []*Environment
			for _, id := range elements(input["environmentIds"]) {
				e := c.w.Hub.environment(fmt.Sprint(nodeNumber("EN_", id)))
				if e == nil {
					return q.refuse("NOT_FOUND", field, "Could not resolve to a node with the global id of '%s'", textOf(id))
				}
				environments = append(environments, e)
			}
			deployments, err := c.w.Review(r, environments, state, textOf(input["comment"]), c.user)
			if err != nil {
				return q.refuse("UNPROCESSABLE", field, "%s", err)
			}
			return object{"clientMutationId": input["clientMutationId"], "deployments": collect(deployments, func(d *Deployment) object {
				return object{"databaseId": d.ID, "environment": d.Environment, "state": upper(d.State())}
			})}
		}
	}
	return object{"approveDeployments": review("approveDeployments", "approved"), "rejectDeployments": review("rejectDeployments", "rejected")}
}
