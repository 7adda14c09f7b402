package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/environments"
	"github.com/deployctl/gh-deployctl/pipeline"
)

func newEnv(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "env",
		Short: "The services' settings: check, compare, show and push them",
		Long: "env works on ci-cd/environments/NAME.env of the checkout, for which init writes examples. The plain\n" +
			"values become variables of the GitHub environment whose jobs deploy there, the secret ones its secrets.",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(c, args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			return usage(c, "env takes a command: check, diff, show or push")
		},
	}
	c.AddCommand(newEnvCheck(g), newEnvDiff(g), newEnvShow(g), newEnvPush(g))
	return c
}

// readEnv reads the file of an environment, or a file by its path.
func readEnv(name string) (environments.EnvFile, []pipeline.ConfigProblem, error) {
	shown, at := name, name
	content, err := os.ReadFile(name)
	if err != nil || filepath.Ext(name) != ".env" && filepath.Ext(name) != ".example" {
		root, rootErr := findRoot()
		if rootErr != nil {
			return environments.EnvFile{}, nil, rootErr
		}
		e, _ := localEnvironment(name)
		e.Name = name
		shown = environments.EnvPath(e)
		at = filepath.Join(root, filepath.FromSlash(shown))
		content, err = inCheckout(root, shown)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return environments.EnvFile{}, nil, &pipeline.Error{Kind: pipeline.KindUsage, Message: "there is no " + shown, Hint: "copy " + shown + ".example and fill it in (gh deployctl init writes the example)", Err: err}
	}
	if err != nil {
		return environments.EnvFile{}, nil, &pipeline.Error{Kind: pipeline.KindUsage, Op: "read the environment file", Message: err.Error(), Err: err}
	}
	f, problems := environments.ParseEnv(shown, content)
	if info, err := os.Stat(at); err == nil {
		f.Modified = info.ModTime()
	}
	return f, problems, nil
}

// isProduction says whether the rules for production hold for an environment:
// by the checkout's configuration, else by its name.
func isProduction(name string) bool {
	if e, ok := localEnvironment(name); ok {
		return e.Production
	}
	return name == "production"
}

// localEnvironment is an environment of the checkout's configuration.
func localEnvironment(name string) (pipeline.Environment, bool) {
	root, err := findRoot()
	if err != nil {
		return pipeline.Environment{}, false
	}
	c, found, err := localConfiguration(root)
	if err != nil || !found {
		return pipeline.Environment{}, false // doctor and init say what is wrong with it
	}
	return c.Environment(name)
}

type envProblemJSON struct {
	File     string `json:"file"`
	Line     *int   `json:"line"`
	Key      string `json:"key"`
	Sentence string `json:"sentence"`
	Warning  bool   `json:"warning"`
}

func newEnvCheck(g *globals) *cobra.Command {
	var asJSON, production bool
	c := &cobra.Command{
		Use:   "check [ENVIRONMENT...]",
		Short: "Hold the .env files against the known keys and production's rules",
		Long: "check names each mistake with its line, and never a secret's value. It ends with 0 where there is\n" +
			"none, with 1 where there is one. Without an argument it checks every .env file of the checkout.",

		ValidArgsFunction: g.completeUpTo(math.MaxInt),
		RunE: func(_ *cobra.Command, args []string) error {
			names, err := envNames(args)
			if err != nil {
				return err
			}
			out, failed := []envProblemJSON{}, false
			for _, name := range names {
				f, problems, err := readEnv(name)
				if err != nil {
					return err
				}
				problems = append(problems, environments.CheckEnv(f, production || isProduction(name))...)
				for _, p := range problems {
					failed = failed || !p.Warning
					if !asJSON {
						fmt.Fprintln(g.Out, environments.Describe(f.Name, p))
					}
					out = append(out, envProblemOf(f.Name, p))
				}
				if len(problems) == 0 && !asJSON {
					fmt.Fprintf(g.Out, "%s: %d settings, all right\n", f.Name, len(f.Entries))
				}
			}
			if asJSON {
				if err := printJSON(g.Out, out); err != nil {
					return err
				}
			}
			if failed {
				return exitError{pipeline.ExitFailed}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&production, "production", false, "hold the file against the rules for production whatever its name")
	return c
}

func envProblemOf(file string, p pipeline.ConfigProblem) envProblemJSON {
	out := envProblemJSON{File: file, Key: p.Key, Sentence: p.Sentence, Warning: p.Warning}
	if p.Line > 0 {
		out.Line = &p.Line
	}
	return out
}

// envNames are the environments that were named, else those of the checkout.
func envNames(args []string) ([]string, error) {
	if len(args) > 0 {
		return args, nil
	}
	root, err := findRoot()
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(environments.EnvDirectory), "*.env"))
	var names []string
	if c, found, configErr := localConfiguration(root); found && configErr == nil {
		for _, e := range c.Environments {
			if _, statErr := os.Stat(filepath.Join(root, filepath.FromSlash(e.EnvFile))); e.EnvFile != "" && statErr == nil {
				names = append(names, e.Name)
			}
		}
	}
	if err != nil || len(files)+len(names) == 0 { // only a malformed pattern fails
		return nil, &pipeline.Error{Kind: pipeline.KindUsage, Message: "there is no .env file in " + environments.EnvDirectory, Hint: "copy an example there and fill it in (gh deployctl init writes the examples)"}
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".env"))
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

type envDifferenceJSON struct {
	Key    string  `json:"key"`
	Left   *string `json:"left"`
	Right  *string `json:"right"`
	Secret bool    `json:"secret"`
}

func newEnvDiff(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "diff LEFT RIGHT",
		Short: "Compare two environments; of secrets only whether they differ",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(c, "diff takes two environments, such as staging production")
			}
			return nil
		},

		ValidArgsFunction: g.completeUpTo(2),
		RunE: func(_ *cobra.Command, args []string) error {
			var files [2]environments.EnvFile
			for i, name := range args {
				f, problems, err := readEnv(name)
				if err != nil {
					return err
				}
				if err := unreadable(f, problems); err != nil {
					return err
				}
				files[i] = f
			}
			differences := environments.DiffEnv(files[0], files[1])
			if asJSON {
				return printJSON(g.Out, differencesOf(differences))
			}
			if len(differences) == 0 {
				fmt.Fprintln(g.Err, "they are the same")
				return nil
			}
			t := g.table("key", args[0], args[1])
			for _, d := range differences {
				left, right := side(d.InLeft, d.Left), side(d.InRight, d.Right)
				if environments.IsSecretKey(d.Key) && d.InLeft && d.InRight {
					right = "differs"
				}
				for _, field := range []string{d.Key, left, right} {
					t.AddField(field)
				}
				t.EndRow()
			}
			return t.Render()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func side(there bool, value string) string {
	switch {
	case !there:
		return "(not set)"
	case value == "":
		return "(empty)"
	}
	return value
}

func differencesOf(list []environments.EnvDifference) []envDifferenceJSON {
	out := []envDifferenceJSON{}
	for _, d := range list {
		j := envDifferenceJSON{Key: d.Key, Secret: environments.IsSecretKey(d.Key)}
		if d.InLeft {
			j.Left = &d.Left
		}
		if d.InRight {
			j.Right = &d.Right
		}
		out = append(out, j)
	}
	return out
}

// unreadable makes an error of lines that are no assignments.
func unreadable(f environments.EnvFile, problems []pipeline.ConfigProblem) error {
	if len(problems) == 0 {
		return nil
	}
	return &pipeline.Error{Kind: pipeline.KindInvalid, Message: environments.Describe(f.Name, problems[0]), Hint: "gh deployctl env check lists all mistakes"}
}

func newEnvShow(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "show ENVIRONMENT",
		Short: "Print an environment's settings with the secrets masked",
		Args:  oneArgument("the environment"),

		ValidArgsFunction: g.completeUpTo(1),
		RunE: func(_ *cobra.Command, args []string) error {
			f, problems, err := readEnv(args[0])
			if err != nil {
				return err
			}
			if err := unreadable(f, problems); err != nil {
				return err
			}
			if asJSON {
				values := map[string]string{}
				for _, e := range f.Entries {
					values[e.Key] = e.Shown()
				}
				return printJSON(g.Out, values)
			}
			for _, e := range f.Entries {
				fmt.Fprintf(g.Out, "%s=%s\n", e.Key, e.Shown())
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
