package ghclient

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/cli/go-gh/v2/pkg/api"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
)

var _ steps.Publisher = (*Client)(nil)

// longestDescription is GitHub's limit for the description of a deployment and
// of a status, in characters.
const longestDescription = 140

// CreateDeployment files a deployment with the task that all readers filter on.
// GitHub neither merges anything into its ref nor waits for checks: the
// workflows did that.
func (c *Client) CreateDeployment(ctx context.Context, d steps.NewDeployment) (int64, error) {
	body := struct {
		Ref              string           `json:"ref"`
		Task             string           `json:"task"`
		Environment      string           `json:"environment"`
		Description      string           `json:"description"`
		Payload          pipeline.Payload `json:"payload"`
		AutoMerge        bool             `json:"auto_merge"`
		RequiredContexts []string         `json:"required_contexts"`
		Production       bool             `json:"production_environment"`
		Transient        bool             `json:"transient_environment"`
	}{
		Ref: d.SHA, Task: pipeline.DeploymentTask, Environment: d.Environment, Description: described(d.Description),
		Payload: d.Payload, RequiredContexts: []string{}, Production: d.Production,
	}
	what := call{
		op: "create a deployment", on: d.Environment,
		missing: "the token may not create deployments in " + c.fullName() + "; its job needs the permission deployments: write",
	}
	var answer struct {
		ID int64 `json:"id"`
	}
	if err := c.send(ctx, what, c.repoPath("deployments"), body, &answer); err != nil {
		return 0, err
	}
	if answer.ID == 0 { // what came back was torn, or is no deployment
		return 0, &pipeline.Error{
			Kind: pipeline.KindUnseen, Op: what.op, On: what.on, Message: "GitHub accepted it and did not say its id",
			Hint: "look at the deployments before you try again",
		}
	}
	return answer.ID, nil
}

// AddStatus says how a deployment goes. Earlier deployments stay as they are:
// what is live is ECS's to say.
func (c *Client) AddStatus(ctx context.Context, deployment int64, s steps.NewStatus) error {
	body := struct {
		State        string `json:"state"`
		Description  string `json:"description"`
		LogURL       string `json:"log_url,omitempty"`
		URL          string `json:"environment_url,omitempty"`
		AutoInactive bool   `json:"auto_inactive"`
	}{s.State, described(s.Description), s.LogURL, s.URL, false}
	what := call{
		op: "record the status " + s.State, on: fmt.Sprintf("deployment %d", deployment),
		missing: fmt.Sprintf("deployment %d does not exist, or its job lacks the permission deployments: write", deployment),
	}
	return c.send(ctx, what, c.repoPath("deployments", decimal(deployment), "statuses"), body, nil)
}

// described is a description that GitHub takes: one line that is short enough.
func described(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= longestDescription {
		return s
	}
	return string([]rune(s)[:longestDescription-1]) + "…"
}

// CreateRelease publishes a release of a tag, with notes that GitHub writes. It
// becomes the latest one unless there is a later version: a fix of an older line
// does not.
func (c *Client) CreateRelease(ctx context.Context, r steps.NewRelease) (pipeline.PublishedRelease, error) {
	body := struct {
		Tag           string `json:"tag_name"`
		Commit        string `json:"target_commitish,omitempty"` // what a tag that is gone is made anew at
		Name          string `json:"name"`
		Prerelease    bool   `json:"prerelease"`
		GenerateNotes bool   `json:"generate_release_notes"`
		MakeLatest    string `json:"make_latest"`
	}{r.Tag, r.SHA, r.Tag, r.Prerelease, true, "legacy"}
	what := call{
		op: "create the release", on: r.Tag,
		missing: "the token may not create releases in " + c.fullName() + "; its job needs the permission contents: write",
		explain: func(a *api.HTTPError) *pipeline.Error {
			for _, e := range a.Errors {
				if a.StatusCode == http.StatusUnprocessableEntity && e.Code == "already_exists" {
					return &pipeline.Error{Kind: pipeline.KindConflict, Message: "it has one already"}
				}
			}
			return nil
		},
	}
	var answer wireRelease
	if err := c.send(ctx, what, c.repoPath("releases"), body, &answer); err != nil {
		return pipeline.PublishedRelease{}, err
	}
	return answer.release(), nil
}

// Relock puts a hold in the place of the one that the token names.
func (c *Client) Relock(ctx context.Context, token string, h pipeline.Hold) error {
	h.Token = token
	return c.Lock(ctx, h)
}
