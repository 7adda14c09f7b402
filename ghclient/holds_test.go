package ghclient

import (
	"slices"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// A hold is taken once, read back whole, and lifted only by its token.
func TestHoldsInTheSandbox(t *testing.T) {
	inSandbox(t, "calm", func(t *testing.T, _ *sandbox.Sandbox, c *Client) {
		ctx := t.Context()
		if holds := must[map[string]pipeline.Hold](t)(c.Holds(ctx)); len(holds) != 0 {
			t.Fatalf("held already: %v", holds)
		}
		fails(t, c.Unlock(ctx, "production", "none"), pipeline.KindNotFound, "production is not held")
		h := pipeline.Hold{
			Environment: "production", Owner: "alice", Reason: "incident 7", Cause: "manual", Message: "incident 7 [deployctl req=R1]",
			Since: time.Now().UTC().Truncate(time.Second), Until: time.Now().UTC().Add(time.Hour).Truncate(time.Second),
			RequestID: "R1", Faulty: []string{"62d9c34413fa693c812558a605e2d79f64578a14"},
		}
		if err := c.Lock(ctx, h); err != nil {
			t.Fatal(err)
		}
		fails(t, c.Lock(ctx, h), pipeline.KindConflict, "production is held already")
		got := must[map[string]pipeline.Hold](t)(c.Holds(ctx))["production"]
		if len(got.Token) != 40 || got.Owner != h.Owner || got.Reason != h.Reason || got.Cause != h.Cause || !got.Since.Equal(h.Since) ||
			!got.Until.Equal(h.Until) || got.RequestID != h.RequestID || !slices.Equal(got.Faulty, h.Faulty) {
			t.Errorf("read back %+v", got)
		}
		if commit := must[pipeline.Commit](t)(c.Commit(ctx, got.Token)); len(commit.Parents) != 0 || commit.Title != "Hold production: "+h.Message {
			t.Errorf("its commit is %+v", commit)
		}
		fails(t, c.Unlock(ctx, "production", "0123456789012345678901234567890123456789"), pipeline.KindConflict, "another hold")
		if err := c.Unlock(ctx, "production", got.Token); err != nil {
			t.Fatal(err)
		}
		if holds := must[map[string]pipeline.Hold](t)(c.Holds(pipeline.Uncached(ctx))); len(holds) != 0 {
			t.Errorf("still held: %v", holds)
		}
	})
}

// A hold is replaced only while it is the one that was seen.
func TestAHoldIsReplacedOnce(t *testing.T) {
	inSandbox(t, "calm", func(t *testing.T, _ *sandbox.Sandbox, c *Client) {
		ctx := pipeline.Uncached(t.Context())
		h := pipeline.Hold{Environment: "production", Owner: "alice", Reason: "rolling back", RequestID: "R1"}
		if err := c.Lock(ctx, h); err != nil {
			t.Fatal(err)
		}
		seen := must[map[string]pipeline.Hold](t)(c.Holds(ctx))["production"]
		h.Token, h.Reason = seen.Token, "rolled back"
		if err := c.Lock(ctx, h); err != nil {
			t.Fatal(err)
		}
		h.Owner = "bob"
		fails(t, c.Lock(ctx, h), pipeline.KindConflict, "another hold by now")
		if now := must[map[string]pipeline.Hold](t)(c.Holds(ctx))["production"]; now.Owner != "alice" || now.Reason != "rolled back" {
			t.Errorf("%+v", now)
		}
		h.Environment = "staging"
		fails(t, c.Lock(ctx, h), pipeline.KindConflict, "or none")
	})
}

// What cannot be understood holds all the same, and nothing that it says
// reaches a terminal as it is.
func TestAnUnreadableHoldHolds(t *testing.T) {
	tests := map[string]struct {
		content string
		status  int
		owner   string
		reason  string
	}{
		"no JSON":  {"hands off", 200, "somebody", "its lock cannot be read"},
		"no file":  {`{"message":"Not Found"}`, 404, "somebody", "its lock cannot be read"},
		"escapes":  {`{"owner":"bob","reason":"a\u001b[31mred"}`, 200, "bob", "ared"},
		"no claim": {`{}`, 200, "somebody", "its lock cannot be read"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g := newRegistry(t)
			g.get("/git/matching-refs/heads/deployctl/lock-", `[{"ref":"refs/heads/deployctl/lock-production","object":{"sha":"abc"}}]`)
			g.on("GET", "/repos/acme/shop/contents/lock.json?ref=abc", tt.status, tt.content)
			holds, err := g.reader().Holds(t.Context())
			h, held := holds["production"]
			if err != nil || !held || h.Owner != tt.owner || h.Reason != tt.reason || h.Token != "abc" {
				t.Errorf("%+v, %v", holds, err)
			}
		})
	}
}

func TestDeploymentsEndWhereThePeriodBegins(t *testing.T) {
	g := newRegistry(t)
	g.get("/deployments?per_page=100", `[{"id":2,"created_at":"2026-11-20T10:00:00Z"},{"id":1,"created_at":"2026-11-01T10:00:00Z"}]`).
		with("Link", `</never-asked>; rel="next"`)
	g.get("/deployments/2/statuses?per_page=100", `[]`)
	list, err := g.reader().Deployments(t.Context(), pipeline.DeploymentQuery{Limit: 500, CreatedFrom: time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC)})
	if err != nil || len(list) != 1 || list[0].ID != 2 {
		t.Errorf("%+v, %v", list, err)
	}
}
