package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/journal"
)

func newAuditVerify(g *globals) *cobra.Command {
	var local bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Prove the journal whole, or name the first broken line",
		Long: "verify follows the journal's chain, and names the first line that was changed, moved or cut. Then it\n" +
			"compares the journal with the heads of it that stand on GitHub, in comments of approvals, reasons of\n" +
			"rollbacks, marks of deployments and holds: a journal that was cut short or written anew after one of\n" +
			"them was sent does not hold it, and the first of them is named. What could not be compared is told.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return g.verifyJournal(c.Context(), local, time.Now()) },
	}
	c.Flags().BoolVar(&local, "local", false, "only the chain; asks GitHub nothing")
	return c
}

// verified at least is how far back GitHub is asked for heads, also of a journal
// that is younger: it may have been older once.
const verifiedAtLeast = 90 * 24 * time.Hour

func (g *globals) verifyJournal(ctx context.Context, local bool, now time.Time) error {
	path, err := g.journalPath()
	if err != nil {
		return err
	}
	report, err := journal.Verify(path)
	if err != nil {
		return notWhole(path, err)
	}
	fmt.Fprintf(g.Out, "whole: %s, head %s\n", counted(int(report.Head.Seq), "line"), orDash(report.Head.Short())) //nolint:gosec // lines of a file
	if local {
		return nil
	}
	entries, err := g.journalEntries()
	if err != nil {
		return err
	}
	since := now.Add(-verifiedAtLeast)
	if len(entries) > 0 && entries[0].At.Before(since) {
		since = entries[0].At
	}
	anchors, err := g.anchorsOnGitHub(ctx, since, now)
	if err != nil {
		return &pipeline.Error{
			Kind: pipeline.KindOf(err), Op: "compare the journal with its heads on GitHub", Message: sentence(err), Err: err,
			Hint: "try again, or prove the chain alone with --local",
		}
	}
	return g.compareHeads(path, report.Head, entries, anchors)
}

func notWhole(path string, err error) error {
	return &pipeline.Error{Kind: pipeline.KindInternal, Message: "the journal is not whole: " + err.Error(), Hint: "keep the file " + path + " and compare it with GitHub's record", Err: err}
}

// anchorsOnGitHub are the heads of journals in GitHub's record since a moment.
func (g *globals) anchorsOnGitHub(ctx context.Context, since, now time.Time) ([]pipeline.Anchor, error) {
	s := &session{globals: g}
	if err := s.openLog(); err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.openGitHub(pipeline.ModeReadOnly); err != nil {
		return nil, err
	}
	events, err := s.recorded(ctx, since, now)
	return pipeline.Anchors(events), err
}

// compareHeads tells how the journal stands to the heads that were sent.
func (g *globals) compareHeads(path string, head journal.Head, entries []journal.Entry, sent []pipeline.Anchor) error {
	var list []journal.Anchor
	places, unread := map[string]pipeline.Event{}, 0
	for _, a := range sent {
		parsed, ok := journal.ParseAnchor(a.Head)
		if !ok {
			unread++
			continue
		}
		parsed.ID = a.Request
		places[a.Request] = a.Event
		list = append(list, parsed)
	}
	c, err := journal.Compare(path, list)
	var gone *journal.AnchorError
	if errors.As(err, &gone) {
		return &pipeline.Error{
			Kind: pipeline.KindInternal, Err: err,
			Message: fmt.Sprintf("the journal is not the one that was sent from: %s; the head %d:%s of request %s stands on GitHub, %s",
				gone.Reason, gone.Anchor.Seq, gone.Anchor.Hash, gone.Anchor.ID, g.placeOf(places[gone.Anchor.ID])),
			Hint: "keep the file " + path + ": it was cut or written anew after that; gh deployctl audit tells what GitHub knows",
		}
	}
	if err != nil {
		return unreadableJournal(path, err)
	}
	g.printHeld(head, c, places)
	for _, line := range notCompared(entries, c, unread) {
		fmt.Fprintln(g.Out, "not compared: "+line)
	}
	return nil
}

// placeOf says where on GitHub a head stands.
func (g *globals) placeOf(e pipeline.Event) string {
	text := e.Kind + " " + strings.TrimPrefix(e.Subject, e.Kind+" ")
	if e.Actor != "" {
		text += " by " + e.Actor
	}
	return text + ", " + g.clock(e.At)
}

func (g *globals) printHeld(head journal.Head, c journal.Comparison, places map[string]pipeline.Event) {
	if len(c.Held) == 0 {
		fmt.Fprintln(g.Out, "GitHub holds no head of it")
		return
	}
	newest := c.Held[len(c.Held)-1]
	fmt.Fprintf(g.Out, "GitHub holds %s of it, the newest %d:%s (%s)\n", counted(len(c.Held), "head"), newest.Seq, newest.Hash, g.placeOf(places[newest.ID]))
	if n := head.Seq - newest.Seq; n > 0 {
		fmt.Fprintf(g.Out, "newer than that head: %s, which the chain alone proves\n", counted(int(n), "line")) //nolint:gosec // lines of a file
	}
}

// notCompared says what the comparison leaves open.
func notCompared(entries []journal.Entry, c journal.Comparison, unread int) []string {
	var out []string
	if n := len(c.Foreign); n > 0 {
		out = append(out, counted(n, "head")+" of other journals: of other operators, or other machines")
	}
	if unread > 0 {
		out = append(out, counted(unread, "head")+" in a form that is not known")
	}
	var silent []string
	for _, e := range entries {
		kept := slices.ContainsFunc(c.Held, func(a journal.Anchor) bool { return a.ID == e.ID })
		if e.Kind == journal.Intent && (e.Command == "approve" || e.Command == "reject" || e.Command == "rollback") && !kept {
			silent = append(silent, fmt.Sprintf("%d (%s)", e.Seq, e.Command))
		}
	}
	if len(silent) > 0 {
		out = append(out, counted(len(silent), "command")+" without a head on GitHub, which was refused there, is too old, or was deleted: lines "+strings.Join(silent, ", "))
	}
	return out
}
