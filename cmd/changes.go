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

// changesJSON is changes --json.
type changesJSON struct {
	Schema       int                 `json:"schema"`
	From         changeEndJSON       `json:"from"`
	To           changeEndJSON       `json:"to"`
	Status       string              `json:"status"`
	Ahead        int                 `json:"ahead"`
	Behind       int                 `json:"behind"`
	Truncated    bool                `json:"truncated"`
	Commits      []changedCommitJSON `json:"commits"`
	PullRequests []pullRequestJSON   `json:"pull_requests"`
	Migrations   []migrationJSON     `json:"migrations"`
	Services     []serviceChangeJSON `json:"services"`
}

type changeEndJSON struct {
	Asked       string  `json:"asked"`
	SHA         string  `json:"sha"`
	Version     *string `json:"version"`
	Environment *string `json:"environment"`
}

type changedCommitJSON struct {
	SHA       string    `json:"sha"`
	Title     string    `json:"title"`
	Author    string    `json:"author"`
	Committed time.Time `json:"committed_at"`
}

type pullRequestJSON struct {
	Number int    `json:"number"`
	Title  string `json:"title"`
	Author string `json:"author"`
}

type migrationJSON struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	Class string `json:"class"`
	Why   string `json:"why"`
}

type serviceChangeJSON struct {
	Service           string   `json:"service"`
	FromImage         *string  `json:"from_image"`
	ToImage           *string  `json:"to_image"`
	FromDefinition    *string  `json:"from_task_definition"`
	ToDefinition      *string  `json:"to_task_definition"`
	DefinitionChanges []string `json:"task_definition_changes"` // null: not known
}

func newChanges(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "changes [FROM] [TO]",
		Short: "What lies between two releases or environments",
		Long: "changes lists commits, pull requests, migrations with what they do to the release before, images, and how\n" +
			"the task definitions differ. FROM and TO are environments (what is live there), tags, branches or commits.\n" +
			"Without TO it is the default branch; without both, what would go to the default environment from the one before.",
		Args: atMost(2, "FROM and TO"),

		ValidArgsFunction: g.completeUpTo(2),
		RunE: func(c *cobra.Command, args []string) error {
			s, snap, err := g.snapshot(c.Context(), sessionOptions{mode: pipeline.ModeReadOnly, noLogs: true})
			if err != nil {
				return err
			}
			defer s.Close()
			from, to := changeEnds(snap, args)
			return g.changes(c.Context(), s, from, to, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// changeEnds fills in what was not named.
func changeEnds(s *pipeline.Snapshot, args []string) (from, to string) {
	env := s.Environment(s.Focus.Environment)
	branch := s.Repository.DefaultBranch
	switch {
	case len(args) == 2:
		return args[0], args[1]
	case len(args) == 1:
		return args[0], branch
	case env != nil && env.Environment.After != "":
		return env.Environment.Name, env.Environment.After
	}
	return s.Focus.Environment, branch
}

func (g *globals) changes(ctx context.Context, s *session, from, to string, asJSON bool) error {
	c, err := s.engine.Changes(ctx, from, to)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(g.Out, changesOf(c))
	}
	fmt.Fprintf(g.Out, "%s → %s: %s\n", c.From.Name(), c.To.Name(), distance(c.Comparison))
	section := func(title string, n int) {
		if n > 0 {
			fmt.Fprintf(g.Out, "\n%s\n", title)
		}
	}
	section("Commits", len(c.Comparison.Commits))
	for _, commit := range c.Comparison.Commits {
		fmt.Fprintf(g.Out, "  %s  %s (%s)\n", pipeline.Short(commit.SHA), commit.Title, commit.Author)
	}
	section("Pull requests", len(c.PullRequests))
	for _, p := range c.PullRequests {
		fmt.Fprintf(g.Out, "  #%d  %s (%s)\n", p.Number, p.Title, p.Author)
	}
	section("Migrations", len(c.Migrations))
	for _, m := range c.Migrations {
		fmt.Fprintf(g.Out, "  %s  %s: %s\n", m.Name, m.Class, m.Why)
	}
	section("Services", len(c.Services))
	for _, service := range c.Services {
		printServiceChange(g, service)
	}
	if slices.ContainsFunc(c.Services, func(d pipeline.ServiceDifference) bool { return !d.Known }) {
		fmt.Fprintln(g.Out, "  Task definitions are compared where both are on record; those of some services are not.")
	}
	if c.Comparison.Truncated {
		fmt.Fprintln(g.Err, "gh deployctl: warning: GitHub held back commits or files; there may be more migrations")
	}
	return nil
}

func distance(c pipeline.Comparison) string {
	switch c.Status {
	case "identical":
		return "the same commit"
	case "diverged":
		return fmt.Sprintf("diverged, %d commits ahead and %d behind", c.Ahead, c.Behind)
	case "behind":
		return fmt.Sprintf("%d commits back", c.Behind)
	}
	return fmt.Sprintf("%d commits", c.Ahead)
}

func printServiceChange(g *globals, c pipeline.ServiceDifference) {
	image := "the same image"
	switch {
	case c.From.Image == "" || c.To.Image == "":
		image = fmt.Sprintf("%s → %s", digestOr(c.From.Image), digestOr(c.To.Image))
	case c.From.Image != c.To.Image:
		image = fmt.Sprintf("image %s → %s", digestOr(c.From.Image), digestOr(c.To.Image))
	}
	fmt.Fprintf(g.Out, "  %s  %s\n", c.Service, image)
	for _, line := range c.Definition {
		fmt.Fprintf(g.Out, "    %s\n", line)
	}
}

func digestOr(digest string) string {
	short := strings.TrimPrefix(digest, "sha256:")
	if short == "" {
		return "unknown"
	}
	return short[:min(12, len(short))]
}

func changesOf(c pipeline.Changes) changesJSON {
	end := func(e pipeline.ChangeEnd) changeEndJSON {
		return changeEndJSON{e.Asked, e.Commit.SHA, known(e.Version), known(e.Environment)}
	}
	out := changesJSON{
		Schema: 1, From: end(c.From), To: end(c.To), Status: c.Comparison.Status, Ahead: c.Comparison.Ahead, Behind: c.Comparison.Behind,
		Truncated: c.Comparison.Truncated, Commits: []changedCommitJSON{}, PullRequests: []pullRequestJSON{}, Migrations: []migrationJSON{}, Services: []serviceChangeJSON{},
	}
	for _, commit := range c.Comparison.Commits {
		out.Commits = append(out.Commits, changedCommitJSON{commit.SHA, commit.Title, commit.Author, commit.Committed})
	}
	for _, p := range c.PullRequests {
		out.PullRequests = append(out.PullRequests, pullRequestJSON(p))
	}
	for _, m := range c.Migrations {
		out.Migrations = append(out.Migrations, migrationJSON{m.Name, m.Path, string(m.Class), m.Why})
	}
	for _, s := range c.Services {
		j := serviceChangeJSON{s.Service, known(s.From.Image), known(s.To.Image), known(s.From.TaskDefinition), known(s.To.TaskDefinition), nil}
		if s.Known {
			j.DefinitionChanges = append([]string{}, s.Definition...)
		}
		out.Services = append(out.Services, j)
	}
	return out
}
