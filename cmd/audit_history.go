package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/journal"
)

// audit prints the journal, merged with what GitHub records of everybody. Where
// GitHub cannot be read, the journal alone is printed, and why.
func (g *globals) audit(ctx context.Context, f auditFlags, since, now time.Time) error {
	entries, err := g.journalEntries()
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		fmt.Fprintln(g.Err, "the journal is empty: nothing was done from here")
	}
	records := recordsOf(entries)
	if f.local {
		return g.printRecords(records, f.asJSON)
	}
	s := &session{globals: g}
	if err := s.openLog(); err != nil {
		return err
	}
	defer s.Close()
	if err := s.openGitHub(pipeline.ModeReadOnly); err != nil {
		return err
	}
	events, err := s.recorded(ctx, since, now)
	if err != nil {
		if len(records) == 0 {
			return err
		}
		fmt.Fprintln(g.Err, "gh deployctl: warning: without GitHub's record: "+sentence(err))
	}
	records = slices.DeleteFunc(records, func(r record) bool { return r.At.Before(since) })
	return g.printRecords(merged(records, pipeline.Since(events, since, time.Time{})), f.asJSON)
}

// recorded is GitHub's record of everybody since a moment: the runs of the
// delivery system, who decided about them, and the deployments; and of the holds
// that there are now, how they came to be. What was read is kept, so that it is
// read once.
func (s *session) recorded(ctx context.Context, since, now time.Time) ([]pipeline.Event, error) {
	config, err := s.configure(ctx)
	if err != nil {
		return nil, err
	}
	h := s.history()
	err = readRecord(ctx, s.reader, h, config, since, now)
	h.Forget(now)
	s.keepHistory(h)
	holds, holdsErr := pipeline.HoldEvents(ctx, s.reader)
	if err == nil {
		err = holdsErr
	}
	return pipeline.TimeLine(recordedEvents(h, config, since), holds), err
}

// readRecord reads what the history lacks of GitHub's record.
func readRecord(ctx context.Context, from pipeline.HistorySource, h *pipeline.History, c pipeline.Configuration, since, now time.Time) error {
	for _, file := range c.DeliveryWorkflows() {
		if err := h.ReadRuns(ctx, from, file, since, now); err != nil {
			return err
		}
	}
	for _, env := range c.Environments {
		if err := h.ReadDeployments(ctx, from, env.GitHubEnvironment, since, now); err != nil {
			return err
		}
	}
	var gated []pipeline.Run
	for _, r := range h.Runs {
		env := environmentOfRun(c, r)
		if !r.Created.Before(since) && env.GateEnvironment != "" && r.Workflow == env.Workflow {
			gated = append(gated, r)
		}
	}
	if err := h.ReadReviews(ctx, from, gated); err != nil {
		return err
	}
	_, err := h.ReadJobs(ctx, from, gated, len(gated))
	return err
}

// recordedEvents are the events of what was read.
func recordedEvents(h *pipeline.History, c pipeline.Configuration, since time.Time) []pipeline.Event {
	var out []pipeline.Event
	for _, r := range h.Runs {
		if r.Created.Before(since) && r.Updated.Before(since) || !slices.Contains(c.DeliveryWorkflows(), r.Workflow) {
			continue
		}
		out = append(out, pipeline.RunEvents(r, environmentOfRun(c, r).Name, h.Jobs[r.Key()], h.Reviews[r.ID])...)
	}
	for _, env := range c.Environments {
		for _, d := range h.DeploymentsOf(env.GitHubEnvironment, time.Time{}) {
			out = append(out, pipeline.DeploymentEvents(d, env.Name)...)
		}
	}
	return pipeline.TimeLine(out)
}

// environmentOfRun is the environment that a run's workflow moves releases
// into; the zero Environment where it moves none.
func environmentOfRun(c pipeline.Configuration, r pipeline.Run) pipeline.Environment {
	for _, env := range c.Environments {
		if env.Workflow == r.Workflow || env.Production && r.Workflow == c.Workflows.Rollback {
			return env
		}
	}
	return pipeline.Environment{}
}

// merged puts the journal's lines and other events in order. An approval that
// the journal holds as well is told when it was made, by the request that its
// comment names.
func merged(records []record, events []pipeline.Event) []record {
	out := slices.Clone(records)
	for _, e := range events {
		if e.Kind == "approval" {
			for _, r := range records {
				if r.entry.Kind == journal.Receipt && r.entry.ID != "" && strings.Contains(e.Sentence, "req="+r.entry.ID) {
					e.At, e.By = r.At, false
				}
			}
		}
		out = append(out, record{Event: e})
	}
	slices.SortStableFunc(out, func(a, b record) int { return a.At.Compare(b.At) })
	return out
}
