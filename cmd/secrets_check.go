package cmd

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/workflows"
)

// secretAge is how old a secret may be before it is worth a change.
const secretAge = 90 * 24 * time.Hour

// secretNeed is a secret that a job reads, and whether it is there.
type secretNeed struct {
	Name        string     `json:"name"`
	Environment *string    `json:"environment"` // whose jobs read it; null: a job without one
	State       string     `json:"state"`       // set, missing, optional (not set, and not needed)
	SetIn       *string    `json:"set_in"`      // repository or environment
	Updated     *time.Time `json:"updated_at"`
	AgeDays     *int       `json:"age_days"`
	UsedBy      []string   `json:"used_by"` // file and job
}

func (g *globals) checkSecrets(ctx context.Context, f secretsFlags) error {
	client, _, done, err := g.openSetup(ctx)
	if err != nil {
		return err
	}
	defer done()
	needs, err := g.secretNeeds(ctx, client.Reader)
	if err != nil {
		return err
	}
	if f.asJSON {
		if err := printJSON(g.Out, needs); err != nil {
			return err
		}
	} else if err := g.printNeeds(needs); err != nil {
		return err
	}
	if slices.ContainsFunc(needs, func(n secretNeed) bool { return n.State == "missing" }) {
		return exitError{pipeline.ExitFailed}
	}
	return nil
}

func (g *globals) printNeeds(needs []secretNeed) error {
	t := g.table("state", "secret", "environment", "set in", "age", "read by")
	for _, n := range needs {
		age := ""
		if n.AgeDays != nil {
			age = fmt.Sprintf("%dd", *n.AgeDays)
			if time.Duration(*n.AgeDays)*24*time.Hour > secretAge {
				age += " rotate"
			}
		}
		for _, field := range []string{n.State, n.Name, orDash(value(n.Environment)), orDash(value(n.SetIn)), orDash(age), strings.Join(n.UsedBy, ", ")} {
			t.AddField(field)
		}
		t.EndRow()
	}
	return t.Render()
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// workflowFiles are those of the checkout, else those of the default branch.
func workflowFiles(ctx context.Context, r *ghclient.Reader, checkout bool) (map[string][]byte, error) {
	out := map[string][]byte{}
	if root, err := findRoot(); err == nil && checkout {
		names, _ := filepath.Glob(filepath.Join(root, filepath.FromSlash(workflows.Directory), "*.y*ml")) // the pattern is well formed
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				return nil, &pipeline.Error{Kind: pipeline.KindUsage, Op: "read the workflow", Message: err.Error(), Err: err}
			}
			out[filepath.Base(name)] = content
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	list, err := r.Workflows(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range list {
		content, err := r.File(ctx, w.Path, "")
		if pipeline.KindOf(err) == pipeline.KindNotFound {
			continue // it is on another branch only
		}
		if err != nil {
			return nil, err
		}
		out[w.File()] = content
	}
	return out, nil
}

// vaults are the secrets and variables of the repository, by "", and of each
// environment that was asked for.
type vaults struct {
	client  *ghclient.Reader
	secrets map[string][]ghclient.SecretName
	oidc    map[string]bool // the variable AWS_ROLE_ARN is set
}

func (v vaults) read(ctx context.Context, place string) error {
	if _, done := v.secrets[place]; done {
		return nil
	}
	ctx = pipeline.Uncached(ctx)
	list, err := v.client.Secrets(ctx, place)
	if pipeline.KindOf(err) == pipeline.KindNotFound && place != "" {
		v.secrets[place] = nil // no such environment: nothing is set there
		return nil
	}
	if err != nil {
		return err
	}
	v.secrets[place] = list
	variables, err := v.client.Variables(ctx, place)
	if err != nil {
		return err
	}
	v.oidc[place] = slices.ContainsFunc(variables, func(x ghclient.Variable) bool { return x.Name == "AWS_ROLE_ARN" && x.Value != "" })
	return nil
}

// secretNeeds holds what the workflows read against what is set.
func (g *globals) secretNeeds(ctx context.Context, client *ghclient.Reader) ([]secretNeed, error) {
	files, err := workflowFiles(ctx, client, g.repository == "")
	if err != nil {
		return nil, err
	}
	type key struct{ name, environment string }
	users := map[key][]string{}
	for file, content := range files {
		refs, err := workflows.References(content)
		if err != nil {
			return nil, &pipeline.Error{Kind: pipeline.KindInvalid, Op: "read the workflow", On: file, Message: err.Error(), Err: err}
		}
		for _, r := range refs {
			k := key{r.Secret, r.Environment}
			users[k] = append(users[k], strings.TrimSuffix(file+" "+r.Job, " "))
		}
	}
	v := vaults{client, map[string][]ghclient.SecretName{}, map[string]bool{}}
	out := []secretNeed{}
	for k, by := range users {
		for _, place := range []string{"", k.environment} {
			if err := v.read(ctx, place); err != nil {
				return nil, err
			}
		}
		slices.Sort(by)
		out = append(out, v.need(k.name, k.environment, by))
	}
	slices.SortFunc(out, func(a, b secretNeed) int {
		return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(a.Name, b.Name), cmp.Compare(value(a.Environment), value(b.Environment)))
	})
	return out, nil
}

// need says of one secret whether it is set: in the environment first, as
// GitHub looks for it.
func (v vaults) need(name, environment string, by []string) secretNeed {
	n := secretNeed{Name: name, State: "missing", UsedBy: by}
	if environment != "" {
		n.Environment = &environment
	}
	for _, place := range []string{environment, ""} {
		i := slices.IndexFunc(v.secrets[place], func(s ghclient.SecretName) bool { return strings.EqualFold(s.Name, name) })
		if i < 0 {
			continue
		}
		s := v.secrets[place][i]
		where := cmp.Or(place, "repository")
		age := int(time.Since(s.Updated).Hours() / 24)
		n.State, n.SetIn, n.Updated, n.AgeDays = "set", &where, &s.Updated, &age
		return n
	}
	known, ok := knownSecret(name)
	withOIDC := (name == "AWS_ACCESS_KEY_ID" || name == "AWS_SECRET_ACCESS_KEY") && (v.oidc[environment] || v.oidc[""])
	if ok && known.optional || withOIDC {
		n.State = "optional"
	}
	return n
}
