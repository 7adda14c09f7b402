package cmd

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/journal"
)

func newAudit(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "audit",
		Short: "The journal: what was intended, and what came of it",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			entries, err := g.journalEntries()
			if err != nil {
				return err
			}
			if asJSON {
				if entries == nil {
					entries = []journal.Entry{}
				}
				return printJSON(g.Out, entries)
			}
			t := g.table("line", "at", "kind", "command", "operator", "id", "hash", "what")
			for _, e := range entries {
				for _, f := range []string{fmt.Sprint(e.Seq), g.clock(e.At), e.Kind, e.Command, e.Operator, e.ID, e.Hash[:12], told(e)} {
					t.AddField(f)
				}
				t.EndRow()
			}
			if len(entries) == 0 {
				fmt.Fprintln(g.Err, "the journal is empty: nothing was done from here")
			}
			return t.Render()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.AddCommand(&cobra.Command{
		Use:   "verify",
		Short: "Prove the journal whole, or name the first broken line",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			path, err := g.journalPath()
			if err != nil {
				return err
			}
			report, err := journal.Verify(path)
			if err != nil {
				return &pipeline.Error{Kind: pipeline.KindInternal, Message: "the journal is not whole: " + err.Error(), Hint: "keep the file " + path + " and compare it with GitHub's record", Err: err}
			}
			fmt.Fprintf(g.Out, "whole: %d lines, head %s\n", report.Head.Seq, report.Head.Short())
			return nil
		},
	})
	return c
}

// told is what an entry says in one sentence; empty where it says none.
func told(e journal.Entry) string {
	var data struct {
		Outcome, Finding, Sentence string
	}
	if json.Unmarshal(e.Data, &data) != nil || data.Sentence == "" {
		return ""
	}
	if how := data.Outcome + data.Finding; how != "" {
		return how + ": " + data.Sentence
	}
	return data.Sentence
}

func (g *globals) journalPath() (string, error) {
	host, owner, name, err := ghclient.Resolve(g.repository)
	if err != nil {
		return "", err
	}
	return journal.Path(stateHome(), host, owner, name)
}

func unreadableJournal(path string, err error) error {
	return &pipeline.Error{Kind: pipeline.KindInternal, Op: "read the journal", On: path, Message: err.Error(), Err: err}
}

func (g *globals) journalEntries() ([]journal.Entry, error) {
	path, err := g.journalPath()
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(path)
	if err != nil {
		return nil, unreadableJournal(path, err)
	}
	var entries []journal.Entry
	for e, err := range j.Entries() {
		if err != nil {
			return entries, unreadableJournal(path, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}
