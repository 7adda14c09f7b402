package ghclient

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// TestSecretsAreSealed: what is set arrives as it was, at the repository and
// at an environment, each sealed to its own key; the sandbox opens the boxes.
func TestSecretsAreSealed(t *testing.T) {
	inSandbox(t, "calm", func(t *testing.T, world *sandbox.Sandbox, c *Client) {
		ctx := t.Context()
		value := []byte("k\x00y with \"quotes\"\nand a line")
		for _, environment := range []string{"", "production-deploy"} {
			for range 2 { // made, then changed
				if err := c.SetSecret(ctx, environment, "DB_PASSWORD", value); err != nil {
					t.Fatal(err)
				}
			}
			listed := must[[]SecretName](t)(c.Secrets(ctx, environment))
			if !slices.ContainsFunc(listed, func(s SecretName) bool { return s.Name == "DB_PASSWORD" && !s.Updated.IsZero() }) {
				t.Errorf("%q lists %v", environment, listed)
			}
		}
		found := 0
		hub := world.World().Hub
		vaults := [][]*sandbox.Secret{hub.Secrets}
		for _, e := range hub.Environments {
			vaults = append(vaults, e.Secrets)
		}
		for _, secrets := range vaults {
			for _, s := range secrets {
				if s.Name == "DB_PASSWORD" && s.Value == string(value) {
					found++
				}
			}
		}
		if found != 2 {
			t.Errorf("the value arrived in %d places", found)
		}
		err := c.SetSecret(ctx, "nowhere", "DB_PASSWORD", value)
		fails(t, err, pipeline.KindNotFound, "there is no environment nowhere")
		if strings.Contains(err.Error(), "quotes") {
			t.Errorf("the error tells the secret: %v", err)
		}
	})
}

func TestSealRefusesWhatIsNoKey(t *testing.T) {
	for _, key := range []string{"", "%", base64.StdEncoding.EncodeToString([]byte("short"))} {
		if sealed, err := seal([]byte("x"), key); err == nil {
			t.Errorf("sealed to %q: %s", key, sealed)
		}
	}
}

func TestVariables(t *testing.T) {
	inSandbox(t, "calm", func(t *testing.T, _ *sandbox.Sandbox, c *Client) {
		ctx := t.Context()
		for i := range 35 { // more than a page holds
			v := Variable{Name: "KEY_" + strings.Repeat("X", i), Value: "1"}
			if err := c.SetVariable(ctx, "staging", v, false); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.SetVariable(ctx, "staging", Variable{Name: "KEY_X", Value: "2"}, true); err != nil {
			t.Fatal(err)
		}
		got := must[[]Variable](t)(c.Variables(pipeline.Uncached(ctx), "staging"))
		if len(got) < 35 || !slices.ContainsFunc(got, func(v Variable) bool { return v.Name == "KEY_X" && v.Value == "2" && !v.Updated.IsZero() }) {
			t.Errorf("%d variables: %v", len(got), got)
		}
	})
}
