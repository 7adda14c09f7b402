package ghclient

import (
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// What the steps write is read back whole.
func TestDeliveryInTheSandbox(t *testing.T) {
	inSandbox(t, "calm", func(t *testing.T, _ *sandbox.Sandbox, c *Client) {
		ctx := pipeline.Uncached(t.Context())
		sha := must[pipeline.Commit](t)(c.Commit(ctx, "main")).SHA
		payload := pipeline.Payload{Schema: 1, Kind: "deploy", Version: "v1.43.0", RunID: 7, Services: map[string]pipeline.ServiceTarget{"orders": {Image: "sha256:1", Desired: 6}}}
		id := must[int64](t)(c.CreateDeployment(ctx, steps.NewDeployment{SHA: sha, Environment: "production", Production: true, Description: "deploy v1.43.0", Payload: payload}))
		long := strings.Repeat("é", 200)
		if err := c.AddStatus(ctx, id, steps.NewStatus{State: "in_progress", Description: long, LogURL: "https://x/7"}); err != nil {
			t.Fatal(err)
		}
		d := must[pipeline.Deployment](t)(c.Deployment(ctx, id))
		if d.Task != pipeline.DeploymentTask || d.SHA != sha || d.Payload.RunID != 7 || d.Payload.Services["orders"].Desired != 6 || d.State() != "in_progress" || d.Statuses[0].LogURL != "https://x/7" {
			t.Errorf("read back %+v", d)
		}
		if got := []rune(d.Statuses[0].Description); len(got) != longestDescription || got[len(got)-1] != '…' {
			t.Errorf("the description has %d characters", len(got))
		}
		fails(t, c.AddStatus(ctx, 1, steps.NewStatus{State: "success"}), pipeline.KindNotFound, "deployment 1 does not exist")
		release := must[pipeline.PublishedRelease](t)(c.CreateRelease(ctx, steps.NewRelease{Tag: "v9.0.0"}))
		if release.Tag != "v9.0.0" || release.Body == "" || release.URL == "" || release.Prerelease {
			t.Errorf("released %+v", release)
		}
		_, err := c.CreateRelease(ctx, steps.NewRelease{Tag: "v9.0.0"})
		fails(t, err, pipeline.KindConflict, "it has one already")
	})
}

// A deployment asks for neither a merge nor checks, and is sent once.
func TestADeploymentAsSent(t *testing.T) {
	g := newRegistry(t)
	g.on("POST", "/repos/acme/shop/deployments", 201, `{"id":9}`)
	id, err := g.client().CreateDeployment(t.Context(), steps.NewDeployment{SHA: "abc", Environment: "staging", Description: " two\nlines "})
	if err != nil || id != 9 {
		t.Fatal(id, err)
	}
	want := `{"ref":"abc","task":"deployctl","environment":"staging","description":"two lines","payload":{"schema":0,"kind":""},"auto_merge":false,"required_contexts":[],"production_environment":false,"transient_environment":false}`
	if g.last().body != want {
		t.Errorf("sent %s", g.last().body)
	}
	g.on("POST", "/repos/acme/shop/deployments", 201, `{"id`)
	_, err = g.client().CreateDeployment(t.Context(), steps.NewDeployment{SHA: "abc", Environment: "staging"})
	fails(t, err, pipeline.KindUnseen, "did not say its id")
}
