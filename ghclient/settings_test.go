package ghclient

import (
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// TestSettingStates: what was set is told as it is there, whatever the case of
// its name; what is not there is no error.
func TestSettingStates(t *testing.T) {
	inSandbox(t, "calm", func(t *testing.T, _ *sandbox.Sandbox, c *Client) {
		ctx := t.Context()
		rules := Protection{
			Environment: "qa", WaitTimer: 5 * time.Minute, Reviewers: []pipeline.Reviewer{{Name: "Bob"}, {Name: "alice"}},
			Refs: []RefPolicy{{Pattern: "v*", Tag: true}, {Pattern: "main"}},
		}
		if err := c.Protect(ctx, rules); err != nil {
			t.Fatal(err)
		}
		if err := c.SetSecret(ctx, "qa", "DB_PASSWORD", []byte("hush")); err != nil {
			t.Fatal(err)
		}
		if err := c.SetVariable(ctx, "qa", Variable{Name: "LEVEL", Value: "INFO"}, false); err != nil {
			t.Fatal(err)
		}
		got := must[[]pipeline.SettingState](t)(c.SettingStates(pipeline.Uncached(ctx), []pipeline.Setting{
			{Kind: pipeline.SettingSecret, Place: "qa", Name: "db_password"},
			{Kind: pipeline.SettingVariable, Place: "qa", Name: "LEVEL"},
			{Kind: pipeline.SettingProtection, Place: "qa"},
			{Kind: pipeline.SettingSecret, Place: "qa", Name: "OTHER"},
			{Kind: pipeline.SettingVariable, Place: "nowhere", Name: "LEVEL"},
			{Kind: pipeline.SettingProtection, Place: "nowhere"},
		}))
		if !got[0].Exists || got[0].Updated.IsZero() || got[0].Value != "" || !got[1].Exists || got[1].Value != "INFO" || got[1].Updated.IsZero() {
			t.Errorf("secret and variable: %+v", got[:2])
		}
		if !got[2].Exists || got[2].Value != rules.String() {
			t.Errorf("rules are %q, set %q", got[2].Value, rules)
		}
		for i, s := range got[3:] {
			if s.Exists {
				t.Errorf("%d: %+v", i+3, s)
			}
		}
	})
}
