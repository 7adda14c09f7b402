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

func newRuns(g *globals) *cobra.Command {
	var asJSON, all bool
	var q pipeline.RunQuery
	c := &cobra.Command{
		Use:   "runs [FILTER...]",
		Short: "Workflow runs, newest first",
		Long: "runs lists workflow runs. A filter is what the console's panel of runs takes too: terms such as\n" +
			"workflow:ci branch:main actor:alice event:push status:failure sha:9f8e7d6 repo:web, all of which must hold, and\n" +
			"text. With --all the runs of the other repositories of the configuration are listed too.",
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if q.Limit < 1 {
				return usage(c, "--limit is 1 or more")
			}
			if q.Status != "" && !slices.Contains(pipeline.RunStates(), q.Status) {
				return pipeline.NoSuch("status", q.Status, pipeline.RunStates())
			}
			s, err := g.openReader()
			if err != nil {
				return err
			}
			defer s.Close()
			list, err := s.findRuns(c.Context(), q, pipeline.ParseRunFilter(strings.Join(args, " ")), all)
			if q.Workflow != "" && pipeline.KindOf(err) == pipeline.KindNotFound {
				return s.noWorkflow(c.Context(), q.Workflow, err)
			}
			if err != nil {
				return err
			}
			snap := s.foretold(c.Context(), list.Runs)
			if asJSON {
				out := []runJSON{}
				for _, r := range list.Runs {
					out = append(out, runOf(snap, r))
				}
				return printJSON(g.Out, out)
			}
			return g.printRuns(snap, list)
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.BoolVar(&all, "all", false, "also of the other repositories that the configuration names")
	f.IntVarP(&q.Limit, "limit", "L", 20, "how many runs")
	f.StringVarP(&q.Workflow, "workflow", "w", "", "only runs of this workflow `FILE`")
	f.StringVarP(&q.Branch, "branch", "b", "", "only runs of this branch")
	f.StringVarP(&q.Actor, "actor", "u", "", "only runs started by this user")
	f.StringVarP(&q.Event, "event", "e", "", "only runs of this event")
	f.StringVarP(&q.Status, "status", "s", "", "only runs of this status or conclusion")
	f.StringVarP(&q.SHA, "commit", "c", "", "only runs of this commit SHA")
	offer(c, "workflow", g.completeListedWorkflows)
	offer(c, "branch", g.completeRefs)
	c.AddCommand(newArtifacts(g))
	return c
}

// searched is how many runs a filter looks through that GitHub cannot apply.
const searched = 300

// findRuns lists the newest runs that a query and a filter let through, of the
// session's repository and, for all, of the others of the configuration.
func (s *session) findRuns(ctx context.Context, q pipeline.RunQuery, f pipeline.RunFilter, all bool) (pipeline.RunList, error) {
	readers := map[string]pipeline.GitHub{"": s.reader}
	if all {
		config, err := s.configure(ctx)
		if err != nil {
			return pipeline.RunList{}, err
		}
		for _, name := range pipeline.OtherRepositories(config, s.owner+"/"+s.name) {
			if readers[name], err = s.other(name); err != nil {
				return pipeline.RunList{}, err
			}
		}
	}
	limit := q.Limit
	if server := f.Query(nil); !f.Zero() {
		q.Actor, q.Event = firstText(q.Actor, server.Actor), firstText(q.Event, server.Event)
		q.Status, q.SHA = firstText(q.Status, server.Status), firstText(q.SHA, server.SHA)
		q.Limit = max(limit, searched)
	}
	own := s.owner + "/" + s.name
	var found pipeline.RunList
	for name, reader := range readers {
		if !(pipeline.RunFilter{Repository: f.Repository}).Match(&pipeline.Run{Repository: name}, own) {
			continue
		}
		list, err := reader.Runs(ctx, q)
		if err != nil && name != "" {
			fmt.Fprintln(s.Err, "gh deployctl: warning: "+name+": "+sentence(err))
			continue
		}
		if err != nil {
			return found, err
		}
		for _, r := range list.Runs {
			if r.Repository = name; f.Match(&r, own) {
				found.Runs = append(found.Runs, r)
			}
		}
		found.Total += list.Total
	}
	slices.SortStableFunc(found.Runs, func(a, b pipeline.Run) int { return b.Created.Compare(a.Created) })
	found.Runs = found.Runs[:min(len(found.Runs), limit)]
	return found, nil
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
	unknown := pipeline.NoSuch("workflow", name, files)
	unknown.Err = notFound
	return unknown
}

func (g *globals) printRuns(snap *pipeline.Snapshot, list pipeline.RunList) error {
	if len(list.Runs) == 0 {
		fmt.Fprintln(g.Err, "no runs match")
		return nil
	}
	now := time.Now()
	t := newGrid(
		column{name: "state"}, column{name: "workflow"}, column{name: "number"}, column{"branch", 12, 2}, column{name: "commit", rank: 1},
		column{name: "title", min: 12}, column{"actor", 12, 3}, column{name: "id"}, column{name: "age"}, column{"forecast", 12, 4},
	)
	for _, r := range list.Runs {
		state := string(r.Conclusion)
		if !r.Done() {
			state = string(r.Status)
		}
		t.add(
			state, strings.TrimPrefix(r.Repository+"/"+r.Workflow, "/"), fmt.Sprintf("#%d", r.Number), r.Branch, pipeline.Short(r.SHA), r.Title, r.Actor,
			fmt.Sprint(r.ID), ago(r.Created, now), snap.Forecasts[r.Key()].Sentence(now),
		)
	}
	return t.print(g.Out, g.width())
}
