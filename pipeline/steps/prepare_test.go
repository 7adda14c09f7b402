package steps_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// reviewed is a GitHub on which somebody approved every run with a comment.
type reviewed struct {
	pipeline.GitHub
	comment string
}

func (r reviewed) Reviews(context.Context, int64) ([]pipeline.Review, error) {
	return []pipeline.Review{{State: "rejected", Comment: "[deployctl ack=A7,A13]", User: "mallory"}, {State: "approved", Comment: r.comment, User: "bob"}}, nil
}

// vanish makes an image vanish, and returns what brings it back.
func (b *bench) vanish(service, digest string) (back func()) {
	deleted := func(gone bool) {
		b.change(func(w *sandbox.World) {
			for _, image := range w.Cloud.Images["shop/"+service] {
				if image.Digest == digest {
					image.Deleted = gone
				}
			}
		})
	}
	deleted(true)
	return func() { deleted(false) }
}

// unstaged makes staging forget its rollouts.
func (b *bench) unstaged() (back func()) {
	rename := func(from, to string) {
		b.change(func(w *sandbox.World) {
			for _, d := range w.Hub.Deployments {
				if d.Task == from && d.Environment == "staging" {
					d.Task = to
				}
			}
		})
	}
	rename("deployctl", "other")
	return func() { rename("other", "deployctl") }
}

func TestPrepareRefuses(t *testing.T) {
	cases := []struct {
		trouble func(b *bench) (back func())
		says    string
		ack     string // what lets it pass; empty: nothing does
	}{
		{func(b *bench) func() { return b.vanish("users", b.states()["users"].Revisions[0].Digest()) }, "no way back", "ship it [deployctl req=01X ack=A13]"},
		{(*bench).unstaged, "staging has not verified", "hotfix [deployctl ack=A7]"},
		{func(b *bench) func() {
			return b.vanish("orders", stagingDeployments(b)[0].Payload.Services["orders"].Image)
		}, "is not in ECR", ""},
		{func(b *bench) func() {
			b.suite.Configuration.Policy.Freezes = []pipeline.FreezeWindow{{From: time.Now().Add(-time.Hour), Reason: "Christmas"}}
			return func() { b.suite.Configuration.Policy.Freezes = nil }
		}, "Christmas", ""},
		{func(b *bench) func() {
			b.suite.Cloud = blueGreen{b.cloud}
			return func() { b.suite.Cloud = b.cloud }
		}, "two target groups", ""},
	}
	inWorld(t, func(b *bench) {
		newest := b.deployments()[0].ID
		for _, c := range cases {
			back := c.trouble(b)
			b.suite.GitHub = reviewed{b.github, "looks good"}
			b.wantCode(b.prepare(), pipeline.ExitRefused, c.says)
			if b.deployments()[0].ID != newest {
				b.Fatal("a deployment was created")
			}
			if c.ack != "" {
				passes(b, c.ack)
			}
			back()
		}
		checkStaging(b)
		checkLockThatRanOut(b)
	})
}

// passes: with an acknowledgement a dry run goes through, and says whose it is.
func passes(b *bench, comment string) {
	b.Helper()
	live := b.suite
	b.suite.GitHub, b.suite.DryRun = reviewed{b.github, comment}, true
	b.prepared()
	b.suite = live
	if !strings.Contains(b.log.said(), "bob") {
		b.Error("it does not say who acknowledged it")
	}
}

// blueGreen is a Cloud whose services shift traffic, and have one target group.
type blueGreen struct{ steps.Cloud }

func (c blueGreen) Services(ctx context.Context, cluster pipeline.Cluster, names []string) ([]pipeline.ServiceState, error) {
	list, err := c.Cloud.Services(ctx, cluster, names)
	for i := range list {
		list[i].Strategy = "BLUE_GREEN"
	}
	return list, err
}

func stagingDeployments(b *bench) []pipeline.Deployment {
	b.Helper()
	list, err := b.github.Deployments(pipeline.Uncached(b.Context()), pipeline.DeploymentQuery{Environment: "staging", Task: pipeline.DeploymentTask, Limit: 1})
	if err != nil || len(list) == 0 {
		b.Fatalf("%v, %v", list, err)
	}
	return list
}

// Staging takes the images that ci.yml pushed with the commit as their tag.
func checkStaging(b *bench) {
	b.Helper()
	live := b.suite
	defer func() { b.suite = live }()
	prepare := func() error {
		return b.suite.Prepare(b.Context(), steps.PrepareRequest{Environment: "staging", Version: "v1.42.0", Bucket: bucket})
	}
	b.suite.Run.SHA = strings.Repeat("ab", 20)
	b.wantCode(prepare(), pipeline.ExitRefused, "ECR has no image of abababa")
	b.suite.Run.SHA = live.Run.SHA
	if err := prepare(); err != nil {
		b.Fatalf("%v\n%s", err, b.log.said())
	}
	d := stagingDeployments(b)[0]
	digest, err := b.cloud.Tagged(b.Context(), b.suite.Configuration.Environments[0].Clusters[0], "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/orders", live.Run.SHA)
	if err != nil || d.Payload.RunID != b.suite.Run.ID || d.Payload.Services["orders"].Image != digest {
		b.Errorf("%+v, %s, %v", d.Payload, digest, err)
	}
}

// A lock that has run out is no lock, and is replaced by the run's own.
func checkLockThatRanOut(b *bench) {
	b.Helper()
	if own, held := b.hold(); held {
		if err := b.github.Unlock(b.Context(), "production", own.Token); err != nil {
			b.Fatal(err)
		}
	}
	old := pipeline.Hold{Environment: "production", Owner: "carol", Reason: "lunch", Since: time.Now(), Until: time.Now().Add(10 * time.Minute)}
	if err := b.github.Lock(b.Context(), old); err != nil {
		b.Fatal(err)
	}
	b.wantCode(b.prepare(), pipeline.ExitRefused, "carol", "lunch")
	time.Sleep(11 * time.Minute)
	b.prepared()
	if h, _ := b.hold(); h.Owner != "alice" || h.Cause != "rollout" {
		b.Errorf("the lock is %+v", h)
	}
}
