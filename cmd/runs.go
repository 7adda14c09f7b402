package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func newRuns(g *globals) *cobra.Command {
	var asJSON bool
	var q pipeline.RunQuery
	c := &cobra.Command{
		Use:   "runs",
		Short: "Workflow runs, newest first",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if q.Limit < 1 {
				return usage(c, "--limit is 1 or more")
			}
			s := &session{globals: g}
			if err := s.openLog(); err != nil {
				return err
			}
			defer s.Close()
			if err := s.openGitHub(pipeline.ModeReadOnly); err != nil {
				return err
			}
			list, err := s.reader.Runs(c.Context(), q)
			if q.Workflow != "" && pipeline.KindOf(err) == pipeline.KindNotFound {
				return s.noWorkflow(c.Context(), q.Workflow, err)
			}
			if err != nil {
				return err
			}
			if asJSON {
				out := []runJSON{}
				for _, r := range list.Runs {
					out = append(out, runOf(&pipeline.Snapshot{}, r))
				}
				return printJSON(g.Out, out)
			}
			return g.printRuns(list)
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.IntVarP(&q.Limit, "limit", "L", 20, "how many runs")
	f.StringVarP(&q.Workflow, "workflow", "w", "", "only runs of this workflow `FILE`")
	f.StringVarP(&q.Branch, "branch", "b", "", "only runs of this branch")
	f.StringVarP(&q.Actor, "actor", "u", "", "only runs started by this user")
	f.StringVarP(&q.Event, "event", "e", "", "only runs of this event")
	f.StringVarP(&q.Status, "status", "s", "", "only runs of this status or conclusion")
	f.StringVarP(&q.SHA, "commit", "c", "", "only runs of this commit SHA")
	return c
}

// noWorkflow tells which workflows there are instead of the one that was asked
// for. Where that cannot be read, it is the repository that was not found.
func (s *session) noWorkflow(ctx context.Context, name string, notFound error) error {
	workflows, err := s.reader.Workflows(ctx)
	if err != nil || len(workflows) == 0 {
		return notFound
	}
	var files []string
	for _, w := range workflows {
		files = append(files, w.File())
	}
	return &pipeline.Error{
		Kind: pipeline.KindUsage, Err: notFound, Message: "there is no workflow " + name,
		Hint: "the repository has " + strings.Join(files, ", "),
	}
}

func (g *globals) printRuns(list pipeline.RunList) error {
	if len(list.Runs) == 0 {
		fmt.Fprintln(g.Err, "no runs match")
		return nil
	}
	now := time.Now()
	t := g.table("state", "workflow", "number", "branch", "commit", "title", "actor", "id", "age")
	for _, r := range list.Runs {
		state := string(r.Conclusion)
		if !r.Done() {
			state = string(r.Status)
		}
		for _, f := range []string{
			state, r.Workflow, fmt.Sprintf("#%d", r.Number), r.Branch, pipeline.Short(r.SHA), r.Title, r.Actor,
			fmt.Sprint(r.ID), ago(r.Created, now),
		} {
			t.AddField(f)
		}
		t.EndRow()
	}
	return t.Render()
}
