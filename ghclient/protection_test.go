package ghclient

import (
	"reflect"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
)

func TestProtect(t *testing.T) {
	inSandbox(t, "calm", func(t *testing.T, _ *sandbox.Sandbox, c *Client) {
		ctx := pipeline.Uncached(t.Context())
		if _, exists, err := c.Protection(ctx, "qa"); exists || err != nil {
			t.Fatalf("there is an environment qa: %v %v", exists, err)
		}
		want := Protection{
			Environment: "qa", Reviewers: []pipeline.Reviewer{{Name: "bob"}}, WaitTimer: 5 * time.Minute, PreventSelfReview: true,
			Refs: []RefPolicy{{Pattern: "main"}, {Pattern: "v*", Tag: true}},
		}
		for range 2 { // the second time changes nothing
			if err := c.Protect(ctx, want); err != nil {
				t.Fatal(err)
			}
			got, exists, err := c.Protection(ctx, "qa")
			if err != nil || !exists || !reflect.DeepEqual(got, want) {
				t.Errorf("%v %v\n got %+v\nwant %+v", exists, err, got, want)
			}
		}
		open := Protection{Environment: "qa"}
		if err := c.Protect(ctx, open); err != nil {
			t.Fatal(err)
		}
		if got, _, err := c.Protection(ctx, "qa"); err != nil || !reflect.DeepEqual(got, open) {
			t.Errorf("%+v %v", got, err)
		}
		want.Reviewers = []pipeline.Reviewer{{Name: "nobody-of-this-name"}}
		fails(t, c.Protect(ctx, want), pipeline.KindNotFound, "there is no user nobody-of-this-name")
	})
}

// A plan without protection rules refuses them, and the operator is told which,
// what stands now and what to do.
func TestProtectWithoutThePlan(t *testing.T) {
	inSandbox(t, "calm", func(t *testing.T, s *sandbox.Sandbox, c *Client) {
		w := s.World()
		w.Lock()
		w.LimitPlan()
		w.Unlock()
		ctx := pipeline.Uncached(t.Context())
		for rule, p := range map[string]Protection{
			"required reviewers": {Environment: "qa", Reviewers: []pipeline.Reviewer{{Name: "bob"}}, WaitTimer: 5 * time.Minute},
			"wait timer":         {Environment: "qa", WaitTimer: 5 * time.Minute},
			"branch policy":      {Environment: "qa", Refs: []RefPolicy{{Pattern: "main"}}},
		} {
			fails(t, c.Protect(ctx, p), pipeline.KindRefused, "plan of acme/shop does not include the rule "+rule)
		}
		if _, exists, err := c.Protection(ctx, "qa"); err != nil || !exists {
			t.Errorf("the environment was not made: %v", err)
		}
		if err := c.Protect(ctx, Protection{Environment: "qa"}); err != nil {
			t.Error(err)
		}
	})
}
