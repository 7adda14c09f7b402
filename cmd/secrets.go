package cmd

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"charm.land/huh/v2"
	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/environments"
	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
)

// secretsFlags choose secrets, where they go and where their values are from.
type secretsFlags struct {
	all, check, asJSON bool
	groups             map[string]*bool
	environment, from  string
	generate, rotate   bool
	yes                bool
}

func newSecrets(g *globals) *cobra.Command {
	f := secretsFlags{groups: map[string]*bool{}}
	c := &cobra.Command{
		Use:   "secrets",
		Short: "Set the secrets that the workflows need, or say which are missing",
		Long: "secrets asks for the chosen secrets, checks their shape and sets them, sealed to the key that GitHub\n" +
			"gives for the repository or the environment. Those of the database, the services and the backup go to\n" +
			"the GitHub environment whose jobs read them, the others to the repository, or all to --environment.\n" +
			"A value is never an argument: it is typed, or read from --from FILE (KEY=value lines; - is stdin).",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if f.check {
				return g.checkSecrets(c.Context(), f)
			}
			if !f.all && f.from == "" && len(f.chosen()) == len(systemSecrets) {
				return usage(c, "choose what to set: --all, --aws, --database, --app, --backup, --monitoring or --from FILE; or --check")
			}
			return g.setSecrets(c.Context(), f)
		},
	}
	fl := c.Flags()
	fl.BoolVar(&f.all, "all", false, "all secrets of the system")
	for _, group := range []struct{ name, doc string }{
		{groupAWS, "the AWS account and access keys"},
		{groupDatabase, "name, user and password of the database"},
		{groupApp, "the services' signing keys"},
		{groupBackup, "the backup bucket"},
		{groupMonitoring, "Slack, Sentry, Codecov"},
	} {
		f.groups[group.name] = fl.Bool(group.name, false, group.doc)
	}
	fl.StringVar(&f.environment, "environment", "", "set them for this `ENVIRONMENT` of the configuration")
	fl.StringVar(&f.from, "from", "", "read KEY=value lines from `FILE`; - is standard input")
	fl.BoolVar(&f.generate, "generate", false, "make the keys that are ours to make (Django, JWT) where none is set")
	fl.BoolVar(&f.rotate, "rotate", false, "with --generate: make them anew also where they are set")
	fl.BoolVar(&f.check, "check", false, "list what the workflows read, what is missing and how old the rest is")
	fl.BoolVar(&f.asJSON, "json", false, "with --check: print JSON")
	fl.BoolVarP(&f.yes, "yes", "y", false, "ask for no confirmation")
	return c
}

// chosen are the secrets of the groups that were asked for; all where none was.
func (f secretsFlags) chosen() []systemSecret {
	narrowed := f.all
	for _, on := range f.groups {
		narrowed = narrowed || *on
	}
	var out []systemSecret
	for _, s := range systemSecrets {
		if !narrowed || f.all || *f.groups[s.group] {
			out = append(out, s)
		}
	}
	return out
}

// secretValue is one secret to set.
type secretValue struct {
	name, place string // place: GitHub environment; empty: the repository
	value       string
	made        bool // by us
}

func (v secretValue) where() string {
	if v.place == "" {
		return "the repository"
	}
	return "the GitHub environment " + v.place
}

func (g *globals) setSecrets(ctx context.Context, f secretsFlags) error {
	client, c, done, err := g.openSetup(ctx)
	if err != nil {
		return err
	}
	defer done()
	values, err := g.secretValues(ctx, f, client, c)
	if err != nil {
		return err
	}
	for _, v := range values {
		if err := checkSecret(v.name, v.value); err != nil {
			return &pipeline.Error{Kind: pipeline.KindUsage, Message: v.name + " " + err.Error(), Hint: "nothing was sent"}
		}
	}
	if len(values) == 0 {
		fmt.Fprintln(g.Out, "nothing to set")
		return nil
	}
	settings, err := g.openSettings(ctx, client)
	if err != nil {
		return err
	}
	changes := make([]pipeline.SettingChange, len(values))
	for i, v := range values {
		changes[i] = secretChange(client, v.place, v.name, v.value)
	}
	plan, err := settings.Plan(ctx, "secrets", changes)
	if err != nil {
		return err
	}
	for _, v := range values {
		how := ""
		if v.made {
			how = " (made now)"
		}
		fmt.Fprintf(g.Out, "%s for %s%s\n", v.name, v.where(), how)
	}
	// Who gave the values in a file or by flags has said what to set.
	if f.from == "" && !f.generate {
		if err := g.agree(ctx, f.yes, fmt.Sprintf("Set %d secrets?", len(values))); err != nil {
			return err
		}
	}
	return g.change(ctx, settings, plan)
}

// secretValues collects the values: from a file, made by us, or typed.
func (g *globals) secretValues(ctx context.Context, f secretsFlags, client *ghclient.Client, c pipeline.Configuration) ([]secretValue, error) {
	places, err := f.places(c)
	if err != nil {
		return nil, err
	}
	given, err := g.givenSecrets(f)
	if err != nil {
		return nil, err
	}
	if f.from != "" {
		return f.fromFile(given, places)
	}
	var out []secretValue
	for _, s := range f.chosen() {
		for _, place := range places(s) {
			v := secretValue{name: s.name, place: place}
			if f.generate {
				if s.generate == 0 {
					continue
				}
				set, err := isSet(ctx, client, place, s.name)
				if err != nil {
					return nil, err
				}
				if set && !f.rotate {
					fmt.Fprintf(g.Err, "%s of %s is set already; --rotate makes a new one\n", s.name, v.where())
					continue
				}
				v.value, v.made = generateKey(s.generate), true
			} else if err := g.askSecret(ctx, s, &v); err != nil {
				return nil, err
			}
			if v.value != "" {
				out = append(out, v)
			}
		}
	}
	return out, nil
}

// fromFile takes the chosen secrets that the file holds, and names the others
// that it holds by an error: a mistyped name must not pass for a set secret.
func (f secretsFlags) fromFile(given map[string]string, places func(systemSecret) []string) ([]secretValue, error) {
	chosen := f.chosen()
	var out []secretValue
	for _, name := range slices.Sorted(maps.Keys(given)) {
		i := slices.IndexFunc(chosen, func(s systemSecret) bool { return s.name == name })
		if i < 0 {
			var names []string
			for _, s := range chosen {
				names = append(names, s.name)
			}
			return nil, &pipeline.Error{Kind: pipeline.KindUsage, Message: name + " is none of the chosen secrets", Hint: "they are " + strings.Join(names, ", ") + "; nothing was sent"}
		}
		where := places(chosen[i])
		if len(where) > 1 {
			return nil, &pipeline.Error{Kind: pipeline.KindUsage, Message: "each environment has a " + name + " of its own", Hint: "say which with --environment; nothing was sent"}
		}
		for _, place := range where {
			out = append(out, secretValue{name: name, place: place, value: given[name]})
		}
	}
	return out, nil
}

// places says where a secret goes.
func (f secretsFlags) places(c pipeline.Configuration) (func(systemSecret) []string, error) {
	if f.environment != "" {
		e, err := c.Named(f.environment)
		if err != nil {
			return nil, err
		}
		return func(systemSecret) []string { return []string{e.DeployEnvironment} }, nil
	}
	return func(s systemSecret) []string {
		if !s.perEnvironment {
			return []string{""}
		}
		var out []string
		for _, e := range c.Environments {
			out = append(out, e.DeployEnvironment)
		}
		return out
	}, nil
}

// givenSecrets reads --from.
func (g *globals) givenSecrets(f secretsFlags) (map[string]string, error) {
	if f.from == "" {
		return nil, nil
	}
	var content []byte
	var err error
	if f.from == "-" {
		content, err = io.ReadAll(io.LimitReader(g.In, environments.MaxSize+1))
	} else {
		content, err = os.ReadFile(f.from)
	}
	if err != nil {
		return nil, &pipeline.Error{Kind: pipeline.KindUsage, Op: "read the secrets", Message: err.Error(), Err: err}
	}
	file, problems := environments.ParseEnv(f.from, content)
	if err := unreadable(file, problems); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, e := range file.Entries {
		if e.Value != "" {
			out[e.Key] = e.Value
		}
	}
	return out, nil
}

func isSet(ctx context.Context, client *ghclient.Client, place, name string) (bool, error) {
	list, err := client.Secrets(pipeline.Uncached(ctx), place)
	return slices.ContainsFunc(list, func(s ghclient.SecretName) bool { return strings.EqualFold(s.Name, name) }), err
}

// askSecret asks for a value, which is not shown. Nothing typed means: leave it,
// or for a key that is ours to make: make it.
func (g *globals) askSecret(ctx context.Context, s systemSecret, v *secretValue) error {
	if !g.interactive() {
		return &pipeline.Error{Kind: pipeline.KindUsage, Message: "there is no terminal to ask for " + s.name, Hint: "give the values with --from FILE or --from -, or --generate"}
	}
	return g.typeSecret(ctx, s, v)
}

func (g *globals) typeSecret(ctx context.Context, s systemSecret, v *secretValue) error {
	empty := "empty: leave it as it is"
	if s.generate > 0 {
		empty = "empty: make one now"
	}
	field := huh.NewInput().Title(s.name + " for " + v.where()).Description(s.doc + "; " + empty).
		EchoMode(huh.EchoModePassword).Value(&v.value).
		Validate(func(text string) error {
			if text == "" {
				return nil
			}
			return checkSecret(s.name, text)
		})
	if err := g.runForm(ctx, huh.NewForm(huh.NewGroup(field))); err != nil {
		return err
	}
	if v.value == "" && s.generate > 0 {
		v.value, v.made = generateKey(s.generate), true
	}
	return nil
}
