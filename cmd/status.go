package cmd

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// settleTimeout bounds how long a one-shot command waits for its sources.
const settleTimeout = 25 * time.Second

func newStatus(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "What is live where, what moves, what waits",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			s, snap, err := g.snapshot(c.Context(), sessionOptions{mode: pipeline.ModeReadOnly, noLogs: true})
			if err != nil {
				return err
			}
			defer s.Close()
			if asJSON {
				if err := printJSON(g.Out, statusOf(snap, time.Now())); err != nil {
					return err
				}
			} else {
				s.printStatus(g.Out, snap)
			}
			return nothingRead(snap)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// snapshot opens a session and waits until its sources have answered once.
func (g *globals) snapshot(ctx context.Context, o sessionOptions) (*session, *pipeline.Snapshot, error) {
	s, err := g.open(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	snap := s.engine.Settle(waiting)
	if err := ctx.Err(); err != nil {
		s.Close()
		return nil, nil, err
	}
	if err := fatal(snap); err != nil {
		s.Close()
		return nil, nil, err
	}
	return s, snap, nil
}

// fatal finds the error that leaves nothing to show: credentials that are
// refused, a repository that is not there, a configuration with mistakes.
func fatal(s *pipeline.Snapshot) error {
	for _, src := range s.Sources {
		switch kind := pipeline.KindOf(src.Err); {
		case src.Err == nil, strings.HasPrefix(src.Name, "github runs "): // another repository's, without which the rest is whole
		case src.Name == "configuration" && len(s.Config.Environments) == 0:
			return src.Err
		case len(src.Name) > 6 && src.Name[:6] == "github" && (kind == pipeline.KindAuth || kind == pipeline.KindNotFound):
			return src.Err
		}
	}
	return nil
}

// nothingRead is the error of a status that could not read its main rows.
func nothingRead(s *pipeline.Snapshot) error {
	if s.Runs.Known() {
		return nil
	}
	for _, src := range s.Sources {
		if src.Err != nil {
			return src.Err
		}
	}
	return &pipeline.Error{Kind: pipeline.KindUnavailable, Op: "read the status", Message: "no answer in time", Hint: "try again"}
}

func (s *session) printStatus(w io.Writer, snap *pipeline.Snapshot) {
	now := time.Now()
	fmt.Fprintf(w, "%s · %s · as of %s\n", snap.Repository.FullName(), snap.Config.Origin, s.clock(snap.AsOf))
	for i := range snap.Environments {
		e := &snap.Environments[i]
		fmt.Fprintf(w, "\n%s  %s\n", e.Environment.Name, liveLine(e, now))
		t := s.table()
		for _, v := range e.Services {
			t.AddField("  " + v.Key.Service)
			t.AddField(fmt.Sprintf("%d/%d", v.Running, v.Desired))
			t.AddField(orDash(pipeline.Short(v.SHA)))
			t.AddField(string(v.Health))
			t.AddField(v.Why)
			t.EndRow()
		}
		_ = t.Render() // a broken pipe shows at the next write
		for _, d := range e.Disagreements {
			fmt.Fprintf(w, "  ▲ %s: %s\n", d.Service, d.Sentence)
		}
		fmt.Fprintf(w, "  return path  %s\n", e.Return.Sentence)
		for _, v := range e.Services {
			if best := e.Return.Best; best != nil && v.Return.Deployment != best.Deployment.ID {
				fmt.Fprintf(w, "               %s: %s\n", v.Key.Service, v.Return.Sentence)
			}
		}
		fmt.Fprintf(w, "  lane         %s\n", e.Lane.Sentence)
		if h := e.Hold; h != nil {
			fmt.Fprintf(w, "  held         by %s, %s%s: %s\n", h.Owner, ago(h.Since, now), reach(h), h.Reason)
		}
	}
	printMoving(w, snap, now)
	printIll(w, snap)
}

// reach says of a hold that others do not see it.
func reach(h *pipeline.Hold) string {
	if h.Local() {
		return ", on this machine alone"
	}
	return ""
}

func liveLine(e *pipeline.EnvironmentState, now time.Time) string {
	l := e.Live
	if l.Verdict == pipeline.LiveUnknown && l.Release.Zero() {
		return "live: unknown"
	}
	s := fmt.Sprintf("%s %s  %s", l.Release.Name(), pipeline.Short(l.Release.SHA), l.Release.Title)
	if l.Verdict != pipeline.LiveSame {
		s += fmt.Sprintf("  (%s: on %d of %d)", l.Verdict, l.Matching, l.Total)
	}
	if !l.Since.IsZero() {
		s += "  since " + ago(l.Since, now)
	}
	return s
}

// printNotices says what stands above everything: a freeze, approvals that
// block their lanes, and what an earlier process left.
func printNotices(w io.Writer, snap *pipeline.Snapshot, now time.Time) {
	if f, ok := snap.Frozen(now); ok {
		fmt.Fprintf(w, "frozen  %s%s\n", f.Reason, until(f))
	} else if f, ok := snap.NextFreeze(now, freezeNotice); ok {
		fmt.Fprintf(w, "freeze  %s begins in %s\n", f.Reason, pipeline.Duration(f.From.Sub(now)))
	}
	for _, a := range snap.Overdue(now) {
		fmt.Fprintf(w, "blocked %s #%d waits since %s and holds the lane of %s: decide, or gh deployctl cancel %d\n", a.Run.Workflow, a.Run.Number, ago(a.Since, now), a.Environment, a.Run.ID)
	}
	for _, r := range snap.Reconciled {
		fmt.Fprintf(w, "left    a %s without a receipt: %s\n", r.Intent.Kind, r.Sentence)
	}
}

func until(f pipeline.FreezeWindow) string {
	if f.Until.IsZero() {
		return ""
	}
	return ", until " + f.Until.Format("2006-01-02 15:04 MST")
}

// performer is what brings a rollout about: a run, as a rule.
func performer(r pipeline.Rollout) string {
	switch {
	case r.Run.ID != 0:
		return fmt.Sprintf("%s #%d", r.Workflow, r.RunNumber)
	case r.Deployment != 0:
		return fmt.Sprintf("deployment %d, a %s:", r.Deployment, r.Kind)
	}
	return "outside of GitHub Actions:"
}

func printMoving(w io.Writer, snap *pipeline.Snapshot, now time.Time) {
	fmt.Fprintln(w)
	printNotices(w, snap, now)
	for _, a := range snap.Approvals {
		who := ""
		if a.CanApprove {
			who = " (you may approve: gh deployctl approve " + fmt.Sprint(a.Run.ID) + ")"
		}
		fmt.Fprintf(w, "waits   %s #%d %s for %s, %s%s\n", a.Run.Workflow, a.Run.Number, a.Release.Name(), a.Environment, ago(a.Since, now), who)
	}
	for _, p := range snap.Paused() {
		fmt.Fprintf(w, "waits   %s: %s (gh deployctl continue -e %s --service %s --reason WHY)\n", p.Service.Environment, p.Sentence(now), p.Service.Environment, p.Service.Service)
	}
	for _, r := range snap.Rollouts {
		if r.Active() && r.Phase != pipeline.PhaseAwaiting {
			stands := string(r.Phase)
			if r.Sentence != "" {
				stands += ", " + r.Sentence
			}
			fmt.Fprintf(w, "moves   %s %s to %s: %s\n", performer(r), r.Release.Name(), r.Environment, stands)
		}
	}
	for _, r := range snap.Runs.Value {
		if f, ok := snap.Forecasts[r.Key()]; ok && !f.ETA.IsZero() {
			fmt.Fprintf(w, "runs    %s #%d %s\n", r.Workflow, r.Number, f.Sentence(now))
		}
	}
}

func printIll(w io.Writer, snap *pipeline.Snapshot) {
	for _, src := range snap.Sources {
		if src.Err != nil {
			fmt.Fprintf(w, "ill     %s: %s\n", src.Name, sentence(src.Err))
		}
	}
}
