package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/environments"
	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
)

// pushFlags are the ways of env push.
type pushFlags struct{ yes, dryRun, secrets bool }

func newEnvPush(g *globals) *cobra.Command {
	var o pushFlags
	c := &cobra.Command{
		Use:   "push ENVIRONMENT",
		Short: "Set an environment's variables and secrets on GitHub",
		Long: "push checks the file, shows what would change, and sets the variables and secrets of the GitHub\n" +
			"environment whose jobs deploy there. Empty values are left alone, and nothing is removed. A variable that\n" +
			"is the same is not sent. A secret cannot be read, so one that was set after the file was last changed stays.",
		Args: oneArgument("the environment"),

		ValidArgsFunction: g.completeUpTo(1),

		RunE: func(c *cobra.Command, args []string) error { return g.pushEnv(c.Context(), args[0], o) },
	}
	c.Flags().BoolVarP(&o.yes, "yes", "y", false, "ask nothing")
	c.Flags().BoolVar(&o.secrets, "secrets", false, "send the secrets too that were set after the file was last changed")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would change, and send nothing")
	return c
}

func (g *globals) pushEnv(ctx context.Context, name string, o pushFlags) error {
	f, problems, err := readEnv(name)
	if err != nil {
		return err
	}
	client, c, done, err := g.openSetup(ctx)
	if err != nil {
		return err
	}
	defer done()
	e, err := c.Named(name)
	if err != nil {
		return err
	}
	if err := g.refuseMistakes(f, append(problems, environments.CheckEnv(f, e.Production)...)); err != nil {
		return err
	}
	settings, err := g.openSettings(ctx, client)
	if err != nil {
		return err
	}
	plan, err := settings.Plan(ctx, "env push", envChanges(client, e.DeployEnvironment, f, o.secrets))
	if err != nil {
		return err
	}
	g.printChanges(plan, f)
	if len(plan.Changes) == 0 || o.dryRun {
		return nil
	}
	if err := g.agree(ctx, o.yes, fmt.Sprintf("Set %d values of the GitHub environment %s?", len(plan.Changes), e.DeployEnvironment)); err != nil {
		return err
	}
	return g.change(ctx, settings, plan)
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

// envChanges are the settings of a file. A secret that GitHub was given after
// the file was last changed is left alone unless all are asked for: it cannot be
// compared, and it may be newer than the file's.
func envChanges(client *ghclient.Client, environment string, f environments.EnvFile, all bool) []pipeline.SettingChange {
	var out []pipeline.SettingChange
	seen := map[string]bool{}
	for _, e := range f.Entries {
		e, _ = f.Get(e.Key) // the last one counts
		if e.Value == "" || seen[e.Key] {
			continue
		}
		seen[e.Key] = true
		if !e.Secret() {
			out = append(out, variableChange(client, environment, e.Key, e.Value))
			continue
		}
		c := secretChange(client, environment, e.Key, e.Value)
		if !all {
			c.Since = f.Modified
		}
		out = append(out, c)
	}
	return out
}

// variableChange is the setting of a variable.
func variableChange(client *ghclient.Client, place, name, value string) pipeline.SettingChange {
	c := pipeline.SettingChange{Setting: pipeline.Setting{Kind: pipeline.SettingVariable, Place: place, Name: name}, Want: value}
	c.Send = func(ctx context.Context) error {
		states, err := client.SettingStates(pipeline.Uncached(ctx), []pipeline.Setting{c.Setting})
		if err != nil {
			return err
		}
		return client.SetVariable(ctx, place, ghclient.Variable{Name: name, Value: value}, states[0].Exists)
	}
	return c
}

// printChanges shows what a push would set: + new, ~ changed, and no secret.
func (g *globals) printChanges(p pipeline.SettingsPlan, f environments.EnvFile) {
	for _, c := range p.Changes {
		mark := "+"
		if c.Seen.Exists {
			mark = "~"
		}
		e, _ := f.Get(c.Name)
		fmt.Fprintf(g.Out, "%s %-8s %s=%s\n", mark, c.Kind, c.Name, e.Shown())
	}
	if len(p.Left) > 0 {
		fmt.Fprintf(g.Out, "= %d secrets were set after %s was last changed, and stay (--secrets sends them again)\n", len(p.Left), f.Name)
	}
	if len(p.Changes) == 0 {
		fmt.Fprintln(g.Out, "nothing to do")
	}
}
