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

func TestPrepareRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		trouble func(b *bench)
		says    string
		ack     string // what lets it pass; empty: nothing does
	}{
		"the image of what is live is gone": {func(b *bench) {
			was := b.states()["users"].Revisions[0].Digest()
			b.change(func(w *sandbox.World) { w.Cloud.Image("shop/users", was).Deleted = true })
		}, "no way back", "ship it [deployctl req=01X ack=A13]"},
		"staging never ran it": {func(b *bench) {
			for _, d := range stagingDeployments(b) {
				b.change(func(w *sandbox.World) {
					for _, other := range w.Hub.Deployments {
						if other.ID == d.ID {
							other.Task = "something else"
						}
					}
				})
			}
		}, "staging has not verified", "hotfix [deployctl ack=A7]"},
		"an image to promote is gone": {func(b *bench) {
			digest := stagingDeployments(b)[0].Payload.Services["orders"].Image
			b.change(func(w *sandbox.World) { w.Cloud.Image("shop/orders", digest).Deleted = true })
		}, "is not in ECR", ""},
		"it is frozen": {func(b *bench) {
			b.suite.Configuration.Policy.Freezes = []pipeline.FreezeWindow{{From: time.Now().Add(-time.Hour), Reason: "Christmas"}}
		}, "Christmas", ""},
		"blue/green lacks a target group": {func(b *bench) {
			b.suite.Cloud = blueGreen{b.cloud}
		}, "two target groups", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(b *bench) {
				newest := b.deployments()[0].ID
				c.trouble(b)
				b.suite.GitHub = reviewed{b.github, "looks good"}
				b.wantCode(b.prepare(), pipeline.ExitRefused, c.says)
				if b.deployments()[0].ID != newest {
					b.Error("a deployment was created")
				}
				if c.ack == "" {
					return
				}
				b.suite.GitHub = reviewed{b.github, c.ack}
				b.prepared()
				if !strings.Contains(b.log.said(), "bob") {
					b.Error("it does not say who acknowledged it")
				}
			})
		})
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
func TestStagingTakesTheImagesOfItsCommit(t *testing.T) {
	inWorld(t, func(b *bench) {
		sha := b.suite.Run.SHA
		prepare := func() error {
			return b.suite.Prepare(b.Context(), steps.PrepareRequest{Environment: "staging", Version: "v1.42.0", Bucket: bucket})
		}
		b.suite.Run.SHA = strings.Repeat("ab", 20)
		b.wantCode(prepare(), pipeline.ExitRefused, "ECR has no image of abababa")
		b.suite.Run.SHA = sha
		if err := prepare(); err != nil {
			b.Fatalf("%v\n%s", err, b.log.said())
		}
		d := stagingDeployments(b)[0]
		digest, err := b.cloud.Tagged(b.Context(), b.suite.Configuration.Environments[0].Clusters[0], "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/orders", sha)
		if err != nil || d.Payload.RunID != b.suite.Run.ID || d.Payload.Services["orders"].Image != digest {
			b.Errorf("%+v, %s, %v", d.Payload, digest, err)
		}
	})
}

// A lock that has run out is no lock, and is replaced by the run's own.
func TestLockThatRanOut(t *testing.T) {
	inWorld(t, func(b *bench) {
		old := pipeline.Hold{Environment: "production", Owner: "carol", Reason: "lunch", Since: time.Now(), Until: time.Now().Add(time.Hour)}
		if err := b.github.Lock(b.Context(), old); err != nil {
			b.Fatal(err)
		}
		b.wantCode(b.prepare(), pipeline.ExitRefused, "carol", "lunch")
		time.Sleep(2 * time.Hour)
		b.prepared()
		if h, _ := b.hold(); h.Owner != "alice" || h.Cause != "rollout" {
			b.Errorf("the lock is %+v", h)
		}
	})
}
