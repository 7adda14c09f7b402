package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

var deploymentRoutes = []route{
	{"GET " + inRepository + "/deployments", "read", listDeployments},
	{"POST " + inRepository + "/deployments", "write", createDeployment},
	{"GET " + inRepository + "/deployments/{deployment}", "read", withDeployment(func(c *call, d *Deployment) reply { return ok(c.deploymentJSON(d)) })},
	{"GET " + inRepository + "/deployments/{deployment}/statuses", "read", withDeployment(listDeploymentStatuses)},
	{"POST " + inRepository + "/deployments/{deployment}/statuses", "write", withDeployment(createDeploymentStatus)},
	{"GET " + inRepository + "/deployments/{deployment}/statuses/{status}", "read", withDeployment(getDeploymentStatus)},
}

func withDeployment(answer func(*call, *Deployment) reply) func(*call) reply {
	return func(c *call) reply {
		d := c.w.Hub.deployment(c.pathID("deployment"))
		if d == nil {
			return notFound()
		}
		return answer(c, d)
	}
}

func listDeployments(c *call) reply {
	query := c.r.URL.Query()
	is := func(name, value string) bool {
		return !query.Has(name) || query.Get(name) == "none" || query.Get(name) == value
	}
	var found []*Deployment
	for _, d := range slices.Backward(c.w.Hub.Deployments) {
		if is("environment", d.Environment) && is("sha", d.SHA) && is("ref", d.Ref) && is("task", d.Task) {
			found = append(found, d)
		}
	}
	part, header := page(c, found, 30, 100)
	return reply{status: 200, header: header, body: collect(part, c.deploymentJSON)}
}

func (c *call) deploymentJSON(d *Deployment) object {
	return object{
		"id": d.ID, "node_id": fmt.Sprintf("DE_%d", d.ID), "sha": d.SHA, "ref": d.Ref, "task": d.Task,
		"environment": d.Environment, "original_environment": d.Environment, "description": orNull(d.Description),
		"creator": c.userJSON(d.Creator), "created_at": stamp(d.Created), "updated_at": stamp(d.Updated),
		"payload": d.Payload, "production_environment": d.Production, "transient_environment": d.Transient,
		"url": c.api("/deployments/%d", d.ID), "statuses_url": c.api("/deployments/%d/statuses", d.ID), "repository_url": c.api(""),
	}
}

func createDeployment(c *call) reply {
	ref := textOf(c.body["ref"])
	if ref == "" {
		return unprocessable("Invalid request.\n\n\"ref\" wasn't supplied.")
	}
	commit := c.w.Hub.Repository.resolve(ref)
	if commit == nil {
		return unprocessable("No ref found for: %s", ref)
	}
	text := func(name, otherwise string) string {
		if value := textOf(c.body[name]); value != "" {
			return value
		}
		return otherwise
	}
	payload := c.body["payload"]
	if payload == nil {
		payload = ""
	}
	d := c.w.newDeployment(text("task", "deploy"), text("environment", "production"), ref, commit.SHA, payload, c.user)
	d.Description = textOf(c.body["description"])
	d.Transient = truthy(c.body["transient_environment"])
	if explicit, given := c.body["production_environment"].(bool); given {
		d.Production = explicit
	}
	return created(c.deploymentJSON(d))
}

func listDeploymentStatuses(c *call, d *Deployment) reply {
	newest := slices.Clone(d.Statuses)
	slices.Reverse(newest)
	part, header := page(c, newest, 30, 100)
	return reply{status: 200, header: header, body: collect(part, func(s *DeploymentStatus) object { return c.deploymentStatusJSON(d, s) })}
}

func getDeploymentStatus(c *call, d *Deployment) reply {
	for _, s := range d.Statuses {
		if s.ID == c.pathID("status") {
			return ok(c.deploymentStatusJSON(d, s))
		}
	}
	return notFound()
}

func (c *call) deploymentStatusJSON(d *Deployment, s *DeploymentStatus) object {
	return object{
		"id": s.ID, "node_id": fmt.Sprintf("DES_%d", s.ID), "state": s.State, "description": s.Description, "environment": d.Environment,
		"creator": c.userJSON(s.Creator), "created_at": stamp(s.Created), "updated_at": stamp(s.Created),
		"log_url": s.LogURL, "target_url": s.LogURL, "environment_url": s.EnvironmentURL,
		"url":            c.api("/deployments/%d/statuses/%d", d.ID, s.ID),
		"deployment_url": c.api("/deployments/%d", d.ID), "repository_url": c.api(""),
	}
}

var deploymentStates = []string{"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}

func createDeploymentStatus(c *call, d *Deployment) reply {
	state, description := textOf(c.body["state"]), textOf(c.body["description"])
	switch {
	case !slices.Contains(deploymentStates, state):
		return unprocessable("Invalid request.\n\nFor 'properties/state', %q is not a possible value. Must be one of %s.", state, strings.Join(deploymentStates, ", "))
	case utf8.RuneCountInString(description) > 140:
		return unprocessable("description is too long (maximum is 140 characters)")
	}
	s := c.w.deploymentStatus(d, state, description, c.user)
	s.LogURL, s.EnvironmentURL = textOf(c.body["log_url"]), textOf(c.body["environment_url"])
	return created(c.deploymentStatusJSON(d, s))
}
