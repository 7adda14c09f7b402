package cmd

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// offerNames lets a shell complete, on every command, the flags that take a name
// of the configuration. A flag of that name means the same wherever it is.
func (g *globals) offerNames(c *cobra.Command) {
	byFlag := map[string]cobra.CompletionFunc{
		"environment": g.completeEnvironments, "holder": g.completeEnvironments,
		"service": g.completeServices, "diff": g.completeServices, "cluster": g.completeClusters,
		"to": g.completeDeployments, "scenario": completeScenarios, "status": completeStatuses,
	}
	for name, complete := range byFlag {
		if c.LocalNonPersistentFlags().Lookup(name) != nil {
			offer(c, name, complete)
		}
	}
	for _, sub := range c.Commands() {
		g.offerNames(sub)
	}
}

// offer lets a shell complete a flag, which is there already.
func offer(c *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // every test of the command tree finds it
	}
}

// completeConfigured offers what the configuration names.
func (g *globals) completeConfigured(c *cobra.Command, typed string, names func(pipeline.Configuration) []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return g.complete(c, typed, func(ctx context.Context, s *session) ([]cobra.Completion, error) {
		config, err := s.configure(ctx)
		return names(config), err
	})
}

// completeEnvironments offers the configuration's environments.
func (g *globals) completeEnvironments(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return g.completeConfigured(c, typed, pipeline.Configuration.EnvironmentNames)
}

// completeUpTo offers the configuration's environments as arguments, as many as
// a command takes; none twice.
func (g *globals) completeUpTo(most int) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return g.completeConfigured(c, typed, func(config pipeline.Configuration) []string {
			return slices.DeleteFunc(config.EnvironmentNames(), func(name string) bool { return slices.Contains(args, name) })
		})
	}
}

// completeServices offers the services of the environment that was chosen, else
// of all.
func (g *globals) completeServices(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	chosen, _ := c.Flags().GetString("environment") // not every command has it
	return g.completeConfigured(c, typed, func(config pipeline.Configuration) []string {
		if e, ok := config.Environment(chosen); ok {
			return e.ServiceNames()
		}
		return config.ServiceNames()
	})
}

// completeClusters offers the configuration's clusters.
func (g *globals) completeClusters(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return g.completeConfigured(c, typed, func(config pipeline.Configuration) []string {
		var names []string
		for _, e := range config.Environments {
			for _, cluster := range e.Clusters {
				names = append(names, cluster.Name)
			}
		}
		return names
	})
}

// completeDeployments offers the newest deployments of the environment that was
// chosen, else of the one that has the focus.
func (g *globals) completeDeployments(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	chosen, _ := c.Flags().GetString("environment") // every command that has --to has it
	return g.complete(c, typed, func(ctx context.Context, s *session) ([]cobra.Completion, error) {
		config, err := s.configure(ctx)
		if err != nil {
			return nil, err
		}
		e, err := config.Named(firstText(chosen, config.Default))
		if err != nil {
			return nil, err
		}
		list, err := s.reader.Deployments(ctx, pipeline.DeploymentQuery{Environment: e.GitHubEnvironment, Task: pipeline.DeploymentTask})
		var out []cobra.Completion
		for _, d := range list {
			out = append(out, cobra.CompletionWithDesc(strconv.FormatInt(d.ID, 10), pipeline.Short(d.SHA)+" "+d.State()+" "+g.clock(d.Created)))
		}
		return out, err
	})
}

// completeInputs offers KEY= of the inputs that a workflow declares, and of those
// that have options each KEY=VALUE.
func (g *globals) completeInputs(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ref, _ := c.Flags().GetString("ref") // the flag is there
	out, directive := g.complete(c, typed, func(ctx context.Context, s *session) ([]cobra.Completion, error) {
		if ref == "" {
			repo, err := s.reader.Repository(ctx)
			if err != nil {
				return nil, err
			}
			ref = repo.DefaultBranch
		}
		file, err := s.reader.WorkflowFile(ctx, args[0], ref)
		var out []cobra.Completion
		for _, in := range file.Inputs {
			options := in.Options
			if in.Type == pipeline.InputBoolean {
				options = []string{"true", "false"}
			}
			if len(options) == 0 {
				out = append(out, cobra.CompletionWithDesc(in.Name+"=", in.Description))
			}
			for _, value := range options {
				out = append(out, cobra.CompletionWithDesc(in.Name+"="+value, in.Description))
			}
		}
		return out, err
	})
	return out, directive | cobra.ShellCompDirectiveNoSpace
}

// fixed offers names that nobody has to be asked for.
func fixed(names []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	out := slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, typed) })
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// completeScenarios offers the worlds of the sandbox.
func completeScenarios(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return fixed(scenarioNames(), typed)
}

// scenarioNames are the worlds of the sandbox.
func scenarioNames() []string {
	var names []string
	for _, s := range sandbox.Scenarios() {
		names = append(names, s.Name)
	}
	return names
}

// completeStatuses offers what a run can be.
func completeStatuses(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return fixed(pipeline.RunStates(), typed)
}
