package ghclient

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/crypto/nacl/box"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// mostVaultPages bounds a listing: GitHub keeps at most a hundred secrets and
// some hundred variables in one place.
const mostVaultPages = 50

// SecretName says that a secret is set, and since when. GitHub never gives the
// value back.
type SecretName struct {
	Name    string
	Updated time.Time
}

// vault is where secrets and variables are: the repository where environment is
// empty, else that environment.
func (r *Reader) vault(environment, kind string, parts ...string) string {
	if environment == "" {
		return r.repoPath(append([]string{"actions", kind}, parts...)...)
	}
	return r.repoPath(append([]string{"environments", environment, kind}, parts...)...)
}

func vaultName(environment string, r *Reader) string {
	if environment == "" {
		return r.fullName()
	}
	return "environment " + environment
}

func vaultCall(op, environment string, r *Reader) call {
	c := call{op: op, on: vaultName(environment, r)}
	if environment != "" {
		c.missing = "there is no environment " + environment + ", or the token may not see it"
	}
	return c
}

// Secrets lists the secrets of the repository, or of an environment where one
// is named.
func (r *Reader) Secrets(ctx context.Context, environment string) ([]SecretName, error) {
	type page struct {
		Secrets []struct {
			Name    text      `json:"name"`
			Updated time.Time `json:"updated_at"`
		} `json:"secrets"`
	}
	var out []SecretName
	at := query(r.vault(environment, "secrets"), "per_page", strconv.Itoa(pageSize))
	_, err := pages(ctx, r, vaultCall("list the secrets", environment, r), at, mostVaultPages, func(p page) bool {
		for _, s := range p.Secrets {
			out = append(out, SecretName{Name: string(s.Name), Updated: s.Updated})
		}
		return true
	})
	return out, err
}

// SetSecret sets a secret of the repository, or of an environment where one is
// named. The value leaves this process only sealed to the key that GitHub gives
// for that place, which is read anew each time because GitHub may change it.
func (c *Client) SetSecret(ctx context.Context, environment, name string, value []byte) error {
	what := vaultCall("set the secret "+name, environment, c.Reader)
	var key struct {
		ID  string `json:"key_id"`
		Key string `json:"key"`
	}
	if err := c.get(pipeline.Uncached(ctx), what, c.vault(environment, "secrets", "public-key"), &key); err != nil {
		return err
	}
	sealed, err := seal(value, key.Key)
	if err != nil {
		return &pipeline.Error{Kind: pipeline.KindInvalid, Op: what.op, On: what.on, Message: "the key that GitHub gives is no key", Err: err}
	}
	body := map[string]string{"encrypted_value": sealed, "key_id": key.ID}
	return c.change(ctx, http.MethodPut, what, c.vault(environment, "secrets", name), body, nil)
}

// seal encrypts a value so that only the owner of the key can read it.
func seal(value []byte, key string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return "", err
	}
	if len(raw) != 32 {
		return "", base64.CorruptInputError(len(raw))
	}
	sealed, err := box.SealAnonymous(nil, value, (*[32]byte)(raw), rand.Reader)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(sealed), nil
}

// Variable is a value of the repository or of an environment that workflows
// read and that is no secret.
type Variable struct {
	Name, Value string
	Updated     time.Time
}

// Variables lists the variables of the repository, or of an environment where
// one is named.
func (r *Reader) Variables(ctx context.Context, environment string) ([]Variable, error) {
	const most = 30 // GitHub's own limit of a page
	type page struct {
		Variables []struct {
			Name    text      `json:"name"`
			Value   prose     `json:"value"`
			Updated time.Time `json:"updated_at"`
		} `json:"variables"`
	}
	var out []Variable
	at := query(r.vault(environment, "variables"), "per_page", strconv.Itoa(most))
	_, err := pages(ctx, r, vaultCall("list the variables", environment, r), at, mostVaultPages, func(p page) bool {
		for _, v := range p.Variables {
			out = append(out, Variable{Name: string(v.Name), Value: string(v.Value), Updated: v.Updated})
		}
		return true
	})
	return out, err
}

// SetVariable makes or changes a variable; exists says which.
func (c *Client) SetVariable(ctx context.Context, environment string, v Variable, exists bool) error {
	what := vaultCall("set the variable "+v.Name, environment, c.Reader)
	body := map[string]string{"name": v.Name, "value": v.Value}
	if exists {
		return c.change(ctx, http.MethodPatch, what, c.vault(environment, "variables", v.Name), body, nil)
	}
	return c.change(ctx, http.MethodPost, what, c.vault(environment, "variables"), body, nil)
}
