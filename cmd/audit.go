package cmd

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/journal"
)

type auditFlags struct {
	since  string
	local  bool
	asJSON bool
}

func newAudit(g *globals) *cobra.Command {
	var f auditFlags
	c := &cobra.Command{
		Use:   "audit",
		Short: "What was done and by whom, from the journal and GitHub",
		Long: "audit prints what was done, oldest first: the commands of this machine's journal, and the runs,\n" +
			"approvals and deployments that GitHub records of everybody. GitHub does not say when somebody\n" +
			"approved: such a line has a ≤ before its time, unless the journal knows better.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			now := time.Now()
			since, err := parseSince(f.since, now)
			if err != nil {
				return usage(c, err.Error())
			}
			return g.audit(c.Context(), f, since, now)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.since, "since", "30d", "how far back: a span (30d, 12h) or a time (2026-11-01T00:00:00Z)")
	fl.BoolVar(&f.local, "journal", false, "only the journal of this machine, all of it; asks GitHub nothing")
	fl.BoolVar(&f.asJSON, "json", false, "print JSON")
	c.AddCommand(newAuditVerify(g), newAuditExport(g))
	return c
}

// record is one line of the audit: an event, and the journal's entry where it
// comes from there.
type record struct {
	pipeline.Event
	entry *journal.Entry
}

// recordsOf are a journal's entries as lines of the audit.
func recordsOf(entries []journal.Entry) []record {
	out := make([]record, len(entries))
	for i, e := range entries {
		var data struct {
			Environment, URL string
			Intent           struct{ Environment string }
		}
		_ = json.Unmarshal(e.Data, &data) // what is no intent and no receipt has neither
		out[i] = record{pipeline.Event{
			At: e.At, Source: "journal", Kind: e.Kind, Actor: e.Operator, Environment: data.Environment + data.Intent.Environment,
			Subject: strings.TrimSpace(e.Command + " " + e.ID), Sentence: told(e), URL: data.URL,
		}, &entries[i]}
	}
	return out
}

// told is what an entry says in one sentence, with the reason that was given
// and what it overrode; empty where it says none.
func told(e journal.Entry) string {
	var data struct {
		Outcome, Finding, Sentence, Comment string
		Overrides                           []string
	}
	if json.Unmarshal(e.Data, &data) != nil || data.Sentence == "" {
		return ""
	}
	text := data.Sentence
	if how := data.Outcome + data.Finding; how != "" {
		text = how + ": " + text
	}
	if data.Comment != "" {
		text += fmt.Sprintf("; %q", data.Comment)
	}
	if len(data.Overrides) > 0 {
		text += "; overridden: " + strings.Join(data.Overrides, ", ")
	}
	return text
}

type eventJSON struct {
	At          time.Time       `json:"at"`
	By          bool            `json:"at_or_before"`
	Source      string          `json:"source"`
	Kind        string          `json:"kind"`
	Operator    string          `json:"operator"`
	Environment *string         `json:"environment"`
	Subject     string          `json:"subject"`
	Sentence    string          `json:"sentence"`
	URL         *string         `json:"url"`
	Seq         uint64          `json:"seq,omitempty"` // this and what follows: of the journal's entries
	ID          string          `json:"id,omitempty"`
	Command     string          `json:"command,omitempty"`
	Data        json.RawMessage `json:"data,omitempty"`
	Prev        *string         `json:"prev,omitempty"`
	Hash        string          `json:"hash,omitempty"`
}

func eventOf(r record) eventJSON {
	out := eventJSON{
		At: r.At.UTC(), By: r.By, Source: r.Source, Kind: r.Kind, Operator: r.Actor, Environment: known(r.Environment),
		Subject: r.Subject, Sentence: r.Sentence, URL: known(r.URL),
	}
	if e := r.entry; e != nil {
		out.Seq, out.ID, out.Command, out.Data, out.Prev, out.Hash = e.Seq, e.ID, e.Command, e.Data, pointer(e.Prev), e.Hash
	}
	return out
}

func (g *globals) printRecords(list []record, asJSON bool) error {
	if asJSON {
		out := []eventJSON{}
		for _, r := range list {
			out = append(out, eventOf(r))
		}
		return printJSON(g.Out, out)
	}
	return g.auditGrid(list).print(g.Out, g.width())
}

// auditGrid is the audit as a table. What was done is told in a sentence, which on
// a narrow terminal goes before who did it from where.
func (g *globals) auditGrid(list []record) *grid {
	t := newGrid(
		column{name: "line"}, column{name: "at"}, column{name: "kind", rank: 2}, column{name: "command", min: 12}, column{"operator", 12, 1},
		column{"id", 10, 3}, column{name: "hash", rank: 4}, column{name: "what", min: 34},
	)
	for _, r := range list {
		at := g.clock(r.At)
		if r.By {
			at = "≤ " + at
		}
		row := []string{r.Source, at, r.Kind, r.Subject, r.Actor, r.Environment, "", r.Sentence}
		if e := r.entry; e != nil {
			row = []string{fmt.Sprint(e.Seq), at, e.Kind, e.Command, e.Operator, e.ID, e.Hash[:min(len(e.Hash), 12)], r.Sentence}
		}
		t.add(row...)
	}
	return t
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
