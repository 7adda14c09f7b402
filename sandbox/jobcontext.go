package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/rhysd/actionlint"
)

// JobContext evaluates the expressions of a job for the runner that has it. It
// belongs to one goroutine and, once made, does not touch the world.
type JobContext struct {
	scope scope
	spec  *actionlint.Job
}

// Context is what the expressions of a job see when it starts: the run, the
// job's matrix and needs, and the variables and secrets of the repository and
// of the job's environment, opened.
func (w *World) Context(j *Job) *JobContext {
	s := j.scope
	s.contexts = maps.Clone(s.contexts)
	s.failed, s.halted, s.skipped = false, false, false // from now on: of the job's own steps
	variables, secrets := object{}, object{"GITHUB_TOKEN": j.token()}
	collectSettings(w.Hub.Variables, w.Hub.Secrets, variables, secrets)
	if e := w.Hub.environment(j.Environment); e != nil {
		collectSettings(e.Variables, e.Secrets, variables, secrets)
	}
	github := maps.Clone(j.Run.context())
	maps.Copy(github, object{
		"token": j.token(), "job": j.Key, "server_url": "http://" + githubHost, "api_url": "http://" + githubAPIHost,
		"graphql_url": "http://" + githubAPIHost + "/graphql", "repository_owner": w.Hub.Repository.Owner,
		"triggering_actor": j.Run.Attempt().Triggering.Login, "workflow_ref": fmt.Sprintf("%s/%s@%s", w.Hub.Repository.FullName(), j.Run.Workflow.Path, j.Run.Ref),
	})
	github["event"] = w.event(j.Run)
	s.contexts["github"], s.contexts["vars"], s.contexts["secrets"] = github, variables, secrets
	s.contexts["runner"] = object{"os": "Linux", "arch": "X64", "environment": "self-hosted"}
	s.contexts["env"], s.contexts["steps"] = object{}, object{}
	return &JobContext{scope: s, spec: j.spec}
}

func collectSettings(variables []*Variable, secrets []*Secret, plain, sealed object) {
	for _, v := range variables {
		plain[v.Name] = v.Value
	}
	for _, s := range secrets {
		sealed[s.Name] = s.Value
	}
}

// event is the payload of the event that started a run.
func (w *World) event(r *Run) object {
	c := w.Hub.Repository.Commits[r.SHA]
	e := object{
		"ref": r.Ref, "repository": object{"full_name": w.Hub.Repository.FullName(), "default_branch": w.Hub.Repository.DefaultBranch},
		"sender": object{"login": r.Actor.Login},
	}
	switch r.Event {
	case "push":
		e["after"], e["head_commit"] = r.SHA, object{"id": r.SHA, "message": c.Message, "timestamp": stamp(c.Committed)}
	case "workflow_dispatch":
		e["inputs"], e["workflow"] = r.Inputs, r.Workflow.Path
	case "pull_request":
		e["pull_request"] = object{"title": r.Title, "number": float64(r.Number), "head": object{"sha": r.SHA, "ref": r.Branch}}
	}
	return e
}

// Set gives one of the contexts (github, env, runner) a value.
func (c *JobContext) Set(context, name string, value any) {
	known, ok := c.scope.contexts[context].(object)
	if !ok {
		known = object{}
		c.scope.contexts[context] = known
	}
	known[name] = value
}

// Text is a value of a context as a text; empty when it is not there.
func (c *JobContext) Text(context, name string) string {
	return textOf(property(c.scope.contexts[context], name))
}

// Secrets are all secrets that the job may read, by name, for a runner that
// hides them.
func (c *JobContext) Secrets() map[string]string {
	secrets := map[string]string{}
	for name, value := range c.scope.contexts["secrets"].(object) {
		secrets[name] = textOf(value)
	}
	return secrets
}

// Event is the payload of the event that started the run, as JSON.
func (c *JobContext) Event() []byte {
	text, _ := json.Marshal(property(c.scope.contexts["github"], "event")) // it is made of texts and numbers
	return text
}

// HashFiles is how the function hashFiles of expressions is answered: with the
// hash of all files that match, or nothing when none does.
func (c *JobContext) HashFiles(hash func(patterns []string) string) { c.scope.hashFiles = hash }

// Step records how a step ended, for the expressions of the steps after it.
// Outcome is how it ended, conclusion what counts where errors are tolerated.
func (c *JobContext) Step(id, outcome, conclusion string, outputs map[string]string) {
	c.scope.failed = c.scope.failed || conclusion == "failure"
	c.scope.halted = c.scope.halted || conclusion == "cancelled"
	if id == "" {
		return
	}
	values := object{}
	for name, value := range outputs {
		values[name] = value
	}
	c.Set("steps", id, object{"outcome": outcome, "conclusion": conclusion, "outputs": values})
}

// Expand replaces every ${{ … }} in a text.
func (c *JobContext) Expand(text string) string { return c.scope.expand(text) }

// Holds decides a step's condition, which may be empty.
func (c *JobContext) Holds(condition string) bool { return c.scope.holds(condition) }

// Conclusion is that of the job as its steps stand.
func (c *JobContext) Conclusion() string {
	switch {
	case c.scope.halted:
		return "cancelled"
	case c.scope.failed:
		return "failure"
	}
	return "success"
}

// Outputs are the job's outputs as its steps stand.
func (c *JobContext) Outputs() map[string]string {
	outputs := map[string]string{}
	for _, o := range c.spec.Outputs {
		outputs[o.Name.Value] = c.Expand(o.Value.Value)
	}
	return outputs
}

// EnvironmentURL is the address that the job shows beside its deployment.
func (c *JobContext) EnvironmentURL() string {
	if c.spec.Environment == nil || c.spec.Environment.URL == nil {
		return ""
	}
	return strings.TrimSpace(c.Expand(c.spec.Environment.URL.Value))
}
