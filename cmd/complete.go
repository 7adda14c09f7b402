package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// completionTime bounds what a shell waits for: nobody waits longer for a tab.
const completionTime = 3 * time.Second

// openReader is a session that only reads GitHub.
func (g *globals) openReader() (*session, error) {
	s := &session{globals: g}
	if err := s.openLog(); err != nil {
		return nil, err
	}
	if err := s.openGitHub(pipeline.ModeReadOnly); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// complete reads what a shell may offer. What cannot be read is not offered.
func (g *globals) complete(c *cobra.Command, typed string, read func(context.Context, *session) ([]cobra.Completion, error)) ([]cobra.Completion, cobra.ShellCompDirective) {
	s, err := g.openReader()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer s.Close()
	parent := c.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, completionTime)
	defer cancel()
	all, err := read(ctx, s)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []cobra.Completion
	for _, one := range all {
		if strings.HasPrefix(one, typed) {
			out = append(out, one)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// completeRefs offers branches and tags.
func (g *globals) completeRefs(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return g.complete(c, typed, func(ctx context.Context, s *session) ([]cobra.Completion, error) {
		refs, err := s.reader.Refs(ctx)
		var out []cobra.Completion
		for _, r := range refs {
			kind := "branch "
			if r.Tag {
				kind = "tag "
			}
			out = append(out, cobra.CompletionWithDesc(r.Name, kind+pipeline.Short(r.SHA)))
		}
		return out, err
	})
}

// completeRepositories offers the console's own repository and the others that
// its configuration names.
func (g *globals) completeRepositories(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	g.repository = "" // it is what is being typed
	return g.complete(c, typed, func(ctx context.Context, s *session) ([]cobra.Completion, error) {
		own := s.owner + "/" + s.name
		config, err := s.configure(ctx)
		return append([]cobra.Completion{own}, pipeline.OtherRepositories(config, own)...), err
	})
}

// completeWorkflows offers the active workflows' files, where no argument was
// given yet.
func (g *globals) completeWorkflows(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return g.complete(c, typed, func(ctx context.Context, s *session) ([]cobra.Completion, error) {
		return activeWorkflows(ctx, s.reader)
	})
}

// completeListedWorkflows offers the workflows whose runs a command lists: with
// --all also those of the other repositories.
func (g *globals) completeListedWorkflows(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return g.complete(c, typed, func(ctx context.Context, s *session) ([]cobra.Completion, error) {
		out, err := activeWorkflows(ctx, s.reader)
		if all, _ := c.Flags().GetBool("all"); !all || err != nil {
			return out, err
		}
		config, err := s.configure(ctx)
		for _, name := range pipeline.OtherRepositories(config, s.owner+"/"+s.name) {
			reader, err := s.other(name)
			if err != nil {
				return out, err
			}
			more, err := activeWorkflows(ctx, reader)
			if err != nil {
				return out, err
			}
			out = append(out, more...)
		}
		slices.SortStableFunc(out, byFile)
		return slices.CompactFunc(out, func(a, b cobra.Completion) bool { return byFile(a, b) == 0 }), err
	})
}

// byFile compares workflows by their files alone: each repository describes its
// own ci.yml.
func byFile(a, b cobra.Completion) int {
	a, _, _ = strings.Cut(a, "\t")
	b, _, _ = strings.Cut(b, "\t")
	return strings.Compare(a, b)
}

// activeWorkflows are the files of a repository's active workflows.
func activeWorkflows(ctx context.Context, from pipeline.GitHub) ([]cobra.Completion, error) {
	workflows, err := from.Workflows(ctx)
	var out []cobra.Completion
	for _, w := range workflows {
		if w.State == "active" {
			out = append(out, cobra.CompletionWithDesc(w.File(), w.Name))
		}
	}
	return out, err
}

// completeRuns offers the newest runs, where no argument was given yet.
func (g *globals) completeRuns(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return g.completeRunsThat(func(pipeline.Run) bool { return true })(c, args, typed)
}

// completeRunsThat offers those of the newest runs that a command can act on.
func (g *globals) completeRunsThat(suits func(pipeline.Run) bool) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return g.complete(c, typed, func(ctx context.Context, s *session) ([]cobra.Completion, error) {
			list, err := s.reader.Runs(ctx, pipeline.RunQuery{})
			var out []cobra.Completion
			for _, r := range list.Runs {
				if suits(r) {
					out = append(out, cobra.CompletionWithDesc(fmt.Sprint(r.ID), fmt.Sprintf("%s #%d %s %s", r.Workflow, r.Number, r.Branch, firstText(string(r.Conclusion), string(r.Status)))))
				}
			}
			return out, err
		})
	}
}

func firstText(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
