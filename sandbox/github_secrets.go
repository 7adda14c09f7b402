package sandbox

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/nacl/box"
)

const (
	repositorySecrets   = inRepository + "/actions/secrets"
	environmentSecrets  = inRepository + "/environments/{environment}/secrets"
	repositoryVariables = inRepository + "/actions/variables"
	environmentVars     = inRepository + "/environments/{environment}/variables"
)

var secretRoutes = []route{
	{"GET " + repositorySecrets, "write", listSecrets},
	{"GET " + repositorySecrets + "/public-key", "write", publicKey},
	{"GET " + repositorySecrets + "/{name}", "write", getSecret},
	{"PUT " + repositorySecrets + "/{name}", "write", putSecret},
	{"DELETE " + repositorySecrets + "/{name}", "write", deleteSecret},
	{"GET " + environmentSecrets, "write", listSecrets},
	{"GET " + environmentSecrets + "/public-key", "write", publicKey},
	{"GET " + environmentSecrets + "/{name}", "write", getSecret},
	{"PUT " + environmentSecrets + "/{name}", "write", putSecret},
	{"DELETE " + environmentSecrets + "/{name}", "write", deleteSecret},
	{"GET /repositories/{id}/environments/{environment}/secrets", "write", listSecrets},
	{"GET /repositories/{id}/environments/{environment}/secrets/public-key", "write", publicKey},
	{"PUT /repositories/{id}/environments/{environment}/secrets/{name}", "write", putSecret},
	{"GET " + repositoryVariables, "read", listVariables},
	{"POST " + repositoryVariables, "write", createVariable},
	{"GET " + repositoryVariables + "/{name}", "read", withVariable(func(_ *call, v *Variable) reply { return ok(variableJSON(v)) })},
	{"PATCH " + repositoryVariables + "/{name}", "write", withVariable(updateVariable)},
	{"DELETE " + repositoryVariables + "/{name}", "write", deleteVariable},
	{"GET " + environmentVars, "read", listVariables},
	{"POST " + environmentVars, "write", createVariable},
	{"GET " + environmentVars + "/{name}", "read", withVariable(func(_ *call, v *Variable) reply { return ok(variableJSON(v)) })},
	{"PATCH " + environmentVars + "/{name}", "write", withVariable(updateVariable)},
	{"DELETE " + environmentVars + "/{name}", "write", deleteVariable},
}

// sealingKeys holds the key pairs to which clients seal secrets: one for the
// repository and one for every environment.
type sealingKeys struct {
	seed uint64
	made map[string]*sealingKey
}

type sealingKey struct {
	id              string
	public, private *[32]byte
}

func newSealingKeys(seed uint64) *sealingKeys {
	return &sealingKeys{seed: seed, made: map[string]*sealingKey{}}
}

func (k *sealingKeys) of(owner string) (*sealingKey, error) {
	if key := k.made[owner]; key != nil {
		return key, nil
	}
	public, private, err := box.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	k.made[owner] = &sealingKey{id: fmt.Sprint(hashing(k.seed, owner)), public: public, private: private}
	return k.made[owner], nil
}

// open unseals what a client has sealed.
func (k *sealingKey) open(sealed string) (string, bool) {
	message, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return "", false
	}
	value, opened := box.OpenAnonymous(nil, message, k.public, k.private)
	return string(value), opened
}

// vault is where secrets and variables of a request are: the repository, or
// the environment that the path names; nil when that does not exist.
func (c *call) vault() (secrets *[]*Secret, variables *[]*Variable) {
	name := c.r.PathValue("environment")
	if name == "" {
		return &c.w.Hub.Secrets, &c.w.Hub.Variables
	}
	if e := c.w.Hub.environment(name); e != nil {
		return &e.Secrets, &e.Variables
	}
	return nil, nil
}

func secretJSON(s *Secret) object {
	return object{"name": s.Name, "created_at": stamp(s.Created), "updated_at": stamp(s.Updated)}
}

func listSecrets(c *call) reply {
	secrets, _ := c.vault()
	if secrets == nil {
		return notFound()
	}
	part, header := page(c, *secrets, 30, 100)
	return reply{status: 200, header: header, body: object{"total_count": len(*secrets), "secrets": collect(part, secretJSON)}}
}

func publicKey(c *call) reply {
	if secrets, _ := c.vault(); secrets == nil {
		return notFound()
	}
	key, err := c.s.keys.of(c.r.PathValue("environment"))
	if err != nil {
		return refusal(http.StatusInternalServerError, "%s", err)
	}
	return ok(object{"key_id": key.id, "key": base64.StdEncoding.EncodeToString(key.public[:])})
}

func (c *call) secret() *Secret {
	secrets, _ := c.vault()
	if secrets == nil {
		return nil
	}
	for _, s := range *secrets {
		if strings.EqualFold(s.Name, c.r.PathValue("name")) {
			return s
		}
	}
	return nil
}

func getSecret(c *call) reply {
	if s := c.secret(); s != nil {
		return ok(secretJSON(s))
	}
	return notFound()
}

// secretName is what GitHub accepts.
var secretName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func putSecret(c *call) reply {
	secrets, _ := c.vault()
	if secrets == nil {
		return notFound()
	}
	name := strings.ToUpper(c.r.PathValue("name"))
	key, err := c.s.keys.of(c.r.PathValue("environment"))
	if err != nil {
		return refusal(http.StatusInternalServerError, "%s", err)
	}
	value, opened := key.open(textOf(c.body["encrypted_value"]))
	switch {
	case !secretName.MatchString(name) || strings.HasPrefix(name, "GITHUB_"):
		return unprocessable("Secret names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_). Spaces are not allowed. Must start with a letter ([a-z], [A-Z]) or underscores (_).")
	case textOf(c.body["key_id"]) != key.id || !opened:
		return unprocessable("Bad request - Secret was not encrypted with the provided key")
	case len(value) > 48<<10:
		return unprocessable("Secret values must not be larger than 48 KB")
	}
	if s := c.secret(); s != nil {
		s.Value, s.Updated = value, c.w.now
		return nothing()
	}
	*secrets = append(*secrets, &Secret{Name: name, Value: value, Created: c.w.now, Updated: c.w.now})
	return created(object{})
}

func deleteSecret(c *call) reply {
	s := c.secret()
	if s == nil {
		return notFound()
	}
	secrets, _ := c.vault()
	*secrets = slices.DeleteFunc(*secrets, func(other *Secret) bool { return other == s })
	return nothing()
}

func variableJSON(v *Variable) object {
	return object{"name": v.Name, "value": v.Value, "created_at": stamp(v.Created), "updated_at": stamp(v.Updated)}
}

func withVariable(answer func(*call, *Variable) reply) func(*call) reply {
	return func(c *call) reply {
		if v := c.variable(c.r.PathValue("name")); v != nil {
			return answer(c, v)
		}
		return notFound()
	}
}

func (c *call) variable(name string) *Variable {
	_, variables := c.vault()
	if variables == nil {
		return nil
	}
	for _, v := range *variables {
		if strings.EqualFold(v.Name, name) {
			return v
		}
	}
	return nil
}

// listVariables pages by ten, and by thirty at most.
func listVariables(c *call) reply {
	_, variables := c.vault()
	if variables == nil {
		return notFound()
	}
	part, header := page(c, *variables, 10, 30)
	return reply{status: 200, header: header, body: object{"total_count": len(*variables), "variables": collect(part, variableJSON)}}
}

func createVariable(c *call) reply {
	_, variables := c.vault()
	if variables == nil {
		return notFound()
	}
	name := strings.ToUpper(textOf(c.body["name"]))
	if c.variable(name) != nil {
		return refusal(http.StatusConflict, "Already exists - Variable already exists")
	}
	*variables = append(*variables, &Variable{Name: name, Value: textOf(c.body["value"]), Created: c.w.now, Updated: c.w.now})
	return created(object{})
}

func updateVariable(c *call, v *Variable) reply {
	if value, given := c.body["value"].(string); given {
		v.Value = value
	}
	v.Updated = c.w.now
	return nothing()
}

func deleteVariable(c *call) reply {
	v := c.variable(c.r.PathValue("name"))
	if v == nil {
		return notFound()
	}
	_, variables := c.vault()
	*variables = slices.DeleteFunc(*variables, func(other *Variable) bool { return other == v })
	return nothing()
}
