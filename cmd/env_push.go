package cmd

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/environments"
	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/journal"
)

func newEnvPush(g *globals) *cobra.Command {
	var yes, dryRun bool
	c := &cobra.Command{
		Use:   "push ENVIRONMENT",
		Short: "Make an environment's settings the variables and secrets of its GitHub environment",
		Long: "push checks the file, shows what would change, and sets the variables and secrets of the GitHub\n" +
			"environment whose jobs deploy there. Empty values are left alone, and nothing is removed.",
		Args: oneArgument("the environment"),
		RunE: func(c *cobra.Command, args []string) error { return g.pushEnv(c.Context(), args[0], yes, dryRun) },
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "ask nothing")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show what would change, and send nothing")
	return c
}

// envChange is one value to send.
type envChange struct {
	environments.EnvEntry
	exists bool
}

func (g *globals) pushEnv(ctx context.Context, name string, yes, dryRun bool) error {
	f, problems, err := readEnv(name)
	if err != nil {
		return err
	}
	client, c, done, err := g.openSetup(ctx)
	if err != nil {
		return err
	}
	defer done()
	e, ok := c.Environment(name)
	if !ok {
		return &pipeline.Error{Kind: pipeline.KindUsage, Message: fmt.Sprintf("the configuration has no environment %q", name)}
	}
	if err := g.refuseMistakes(f, append(problems, environments.CheckEnv(f, e.Production)...)); err != nil {
		return err
	}
	changes, err := envChanges(ctx, client, e.DeployEnvironment, f)
	if err != nil {
		return err
	}
	for _, ch := range changes {
		mark := "+"
		if ch.exists {
			mark = "~"
		}
		kind := "variable"
		if ch.Secret() {
			kind = "secret  "
		}
		fmt.Fprintf(g.Out, "%s %s %s=%s\n", mark, kind, ch.Key, ch.Shown())
	}
	if len(changes) == 0 {
		fmt.Fprintln(g.Out, "nothing to do")
		return nil
	}
	if dryRun {
		return nil
	}
	if err := g.agree(ctx, yes, fmt.Sprintf("Set %d values of the GitHub environment %s?", len(changes), e.DeployEnvironment)); err != nil {
		return err
	}
	return g.sendEnv(ctx, client, e.DeployEnvironment, changes)
}

// refuseMistakes prints what is wrong with a file, and lets none through.
func (g *globals) refuseMistakes(f environments.EnvFile, problems []pipeline.ConfigProblem) error {
	mistakes := 0
	for _, p := range problems {
		fmt.Fprintln(g.Err, environments.Describe(f.Name, p))
		if !p.Warning {
			mistakes++
		}
	}
	if mistakes > 0 {
		return &pipeline.Error{Kind: pipeline.KindRefused, Message: fmt.Sprintf("nothing was sent: %s has %d mistakes", f.Name, mistakes), Hint: "correct them and push again"}
	}
	return nil
}

// envChanges are the values that GitHub does not have. Whether a secret is the
// same cannot be known, so secrets are always sent.
func envChanges(ctx context.Context, client *ghclient.Client, environment string, f environments.EnvFile) ([]envChange, error) {
	ctx = pipeline.Uncached(ctx)
	variables, err := client.Variables(ctx, environment)
	if err != nil {
		return nil, err
	}
	secrets, err := client.Secrets(ctx, environment)
	if err != nil {
		return nil, err
	}
	var out []envChange
	seen := map[string]bool{}
	for _, e := range f.Entries {
		e, _ = f.Get(e.Key) // the last one counts
		if e.Value == "" || seen[e.Key] {
			continue
		}
		seen[e.Key] = true
		ch := envChange{EnvEntry: e}
		if e.Secret() {
			ch.exists = slices.ContainsFunc(secrets, func(s ghclient.SecretName) bool { return strings.EqualFold(s.Name, e.Key) })
			out = append(out, ch)
			continue
		}
		i := slices.IndexFunc(variables, func(v ghclient.Variable) bool { return strings.EqualFold(v.Name, e.Key) })
		if i >= 0 && variables[i].Value == e.Value {
			continue
		}
		ch.exists = i >= 0
		out = append(out, ch)
	}
	return out, nil
}

func (g *globals) sendEnv(ctx context.Context, client *ghclient.Client, environment string, changes []envChange) error {
	var sent []string
	var failed error
	for _, ch := range changes {
		if ch.Secret() {
			failed = client.SetSecret(ctx, environment, ch.Key, []byte(ch.Value))
		} else {
			failed = client.SetVariable(ctx, environment, ghclient.Variable{Name: ch.Key, Value: ch.Value}, ch.exists)
		}
		if failed != nil {
			break
		}
		sent = append(sent, ch.Key)
	}
	what := fmt.Sprintf("set %d of %d values of the GitHub environment %s", len(sent), len(changes), environment)
	g.receipt(ctx, client, "env push", what, sent, failed)
	return failed
}

// setupReceipt is what the journal keeps of a change to the set-up: names,
// never values.
type setupReceipt struct {
	Outcome  string   `json:"outcome"`
	Sentence string   `json:"sentence"`
	Names    []string `json:"names"`
}

// receipt writes what was done into the journal and says so. What was done
// stands, also where it cannot be written down.
func (g *globals) receipt(ctx context.Context, client *ghclient.Client, command, what string, names []string, failed error) {
	r := setupReceipt{Outcome: "done", Sentence: what, Names: slices.Concat([]string{}, names)}
	if failed != nil {
		r.Outcome, r.Sentence = "failed", what+": "+sentence(failed)
	}
	ctx = context.WithoutCancel(ctx)
	who, err := client.Viewer(ctx)
	if err != nil {
		who.Login = "unknown" // the record matters more than the name
	}
	number, err := g.writeReceipt(ctx, who.Login, command, r)
	if err != nil {
		fmt.Fprintln(g.Err, "gh deployctl: warning: the receipt could not be written to the journal: "+sentence(err))
		return
	}
	fmt.Fprintf(g.Out, "%s: %s\nreceipt %d is in the journal\n", r.Outcome, what, number)
}

func (g *globals) writeReceipt(ctx context.Context, who, command string, r setupReceipt) (uint64, error) {
	path, err := g.journalPath()
	if err != nil {
		return 0, err
	}
	j, err := journal.Open(path)
	if err != nil {
		return 0, err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return 0, err
	}
	number, _, err := recorder{j}.Record(ctx, "receipt", rand.Text(), who, command, data)
	return number, err
}
