package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// operate is one action from the command line: the same plan, gates, re-check
// and receipt as in the console.
type operate struct {
	*globals
	asJSON  bool
	dryRun  bool
	acks    []string
	wait    bool
	timeout time.Duration
}

func (o *operate) register(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the plan with its checks, and send nothing")
	f.StringArrayVar(&o.acks, "ack", nil, "acknowledge a check by its `CODE` (repeatable)")
}

func (o *operate) registerWait(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&o.wait, "wait", false, "stay until the rollout has ended, and exit by its outcome")
	f.DurationVar(&o.timeout, "timeout", time.Hour, "how long --wait stays")
}

// run plans, prints or executes, and waits where that was asked.
func (o *operate) run(ctx context.Context, plan func(context.Context, *pipeline.Operator, *pipeline.Snapshot) (pipeline.Plan, error), c pipeline.Confirmation) error {
	s, snap, err := o.snapshot(ctx, sessionOptions{mode: pipeline.ModeOperator, noLogs: true})
	if err != nil {
		return err
	}
	defer s.Close()
	op, err := s.operator(o.Err)
	if err != nil {
		return err
	}
	s.reconcile(ctx, op)
	if !o.dryRun {
		o.printHolds(op.HoldAfter(ctx, s.engine.Snapshot()))
	}
	p, err := plan(ctx, op, snap)
	if err != nil {
		return err
	}
	if o.dryRun {
		return o.printPlan(p)
	}
	c.Acks = o.acks
	r, err := op.Execute(ctx, p, c)
	if err != nil {
		o.explain(p, err)
		return err
	}
	if err := o.printReceipt(p, r); err != nil {
		return err
	}
	if r.Outcome == pipeline.OutcomeDone && o.wait && r.RunID != 0 {
		if err := o.follow(ctx, s, r.RunID); err != nil {
			return err
		}
		o.printHolds(op.HoldAfter(ctx, s.engine.Snapshot()))
		return nil
	}
	return outcome(r)
}

// printHolds tells which environments are held now, after a rollback.
func (o *operate) printHolds(receipts []pipeline.Receipt) {
	for _, r := range receipts {
		fmt.Fprintf(o.Err, "%s: %s\n", r.Outcome, r.Sentence)
	}
}

// explain prints the checks that stand in the way, before the error does.
func (o *operate) explain(p pipeline.Plan, err error) {
	if pipeline.KindOf(err) == pipeline.KindRefused {
		printGates(o.Err, append(p.Blocking(), p.Missing(o.acks)...))
	}
}

// outcome is the exit of a command by its receipt.
func outcome(r pipeline.Receipt) error {
	switch r.Outcome {
	case pipeline.OutcomeDone:
		return nil
	case pipeline.OutcomeRefused:
		return exitError{pipeline.ExitRefused}
	case pipeline.OutcomeUnseen, pipeline.OutcomeUnknown:
		return exitError{pipeline.ExitUnseen}
	case pipeline.OutcomeRejected:
	}
	code := pipeline.ExitCode(&pipeline.Error{Kind: pipeline.ErrorKind(r.Code)})
	return exitError{code}
}

type planJSON struct {
	Title      string          `json:"title"`
	Intent     pipeline.Intent `json:"intent"`
	Sends      string          `json:"sends"`
	Command    string          `json:"command"`
	From       *string         `json:"from"`
	To         *string         `json:"to"`
	Ready      bool            `json:"ready"`
	Gates      []gateJSON      `json:"gates"`
	Candidates []candidateJSON `json:"candidates,omitempty"`
	Commits    []string        `json:"commits"`
	Migrations []string        `json:"migrations"`
}

func (o *operate) printPlan(p pipeline.Plan) error {
	if !o.asJSON {
		o.printPlanText(p)
	} else if err := printJSON(o.Out, planOf(p, o.acks)); err != nil {
		return err
	}
	if len(p.Blocking()) > 0 {
		return exitError{pipeline.ExitRefused}
	}
	return nil
}

func planOf(p pipeline.Plan, acks []string) planJSON {
	now := time.Now()
	out := planJSON{
		Title: p.Title, Intent: p.Intent, Sends: p.Sends, Command: p.Command, Ready: p.Ready(acks),
		From: known(p.Preview.From.SHA), To: known(p.Preview.To.SHA), Gates: []gateJSON{}, Commits: []string{}, Migrations: p.Preview.Migrations,
	}
	for _, g := range p.Gates {
		out.Gates = append(out.Gates, gateOf(g, now))
	}
	for _, c := range p.Candidates {
		out.Candidates = append(out.Candidates, candidateOf(c))
	}
	for _, c := range p.Preview.Commits {
		out.Commits = append(out.Commits, pipeline.Short(c.SHA)+" "+c.Title)
	}
	return out
}

func (o *operate) printPlanText(p pipeline.Plan) {
	w := o.Out
	fmt.Fprintln(w, p.Title)
	if !p.Preview.From.Zero() {
		fmt.Fprintf(w, "  from  %s %s  %s\n", p.Preview.From.Name(), pipeline.Short(p.Preview.From.SHA), p.Preview.From.Title)
	}
	if !p.Preview.To.Zero() {
		fmt.Fprintf(w, "  to    %s %s  %s\n", p.Preview.To.Name(), pipeline.Short(p.Preview.To.SHA), p.Preview.To.Title)
	}
	for _, c := range p.Candidates {
		fmt.Fprintf(w, "  candidate  %d  %s %s  %s  %s\n", c.Deployment.ID, c.Release.Name(), pipeline.Short(c.Release.SHA), c.Verdict, strings.Join(c.Reasons, ", "))
	}
	printGates(w, p.Gates)
	for _, line := range []string{p.Sends, p.Command} {
		if line != "" {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
	if missing := p.Missing(o.acks); len(missing) > 0 && len(p.Blocking()) == 0 {
		fmt.Fprintf(w, "  needs --ack %s\n", missing[0].Word())
	}
}

func printGates(w io.Writer, gates []pipeline.Gate) {
	for _, g := range gates {
		glyph := map[pipeline.Verdict]string{pipeline.Pass: "✓", pipeline.NotApplicable: "-", pipeline.Unknown: "?", pipeline.Pending: "◐"}[g.Verdict]
		if g.Verdict == pipeline.Fail {
			glyph = "!"
			if g.Effect == pipeline.Block {
				glyph = "✗"
			}
		}
		line := fmt.Sprintf("  %s %-4s %s", glyph, g.ID, g.Sentence)
		if g.Remedy != "" && g.Verdict != pipeline.Pass {
			line += "; " + g.Remedy
		}
		fmt.Fprintln(w, line)
	}
}

func (o *operate) printReceipt(p pipeline.Plan, r pipeline.Receipt) error {
	if r.Warning != "" {
		fmt.Fprintln(o.Err, "gh deployctl: warning: "+r.Warning)
	}
	if o.asJSON {
		return printJSON(o.Out, r)
	}
	w := o.Out
	if r.Outcome != pipeline.OutcomeDone {
		w = o.Err
	}
	fmt.Fprintf(w, "%s: %s\n", r.Outcome, r.Sentence)
	for _, override := range r.Overrides {
		fmt.Fprintf(w, "  overridden: %s\n", override)
	}
	for _, step := range r.Steps {
		fmt.Fprintf(w, "  %s\n", step)
	}
	for _, d := range r.Differences {
		fmt.Fprintf(w, "  %s  %s  you saw %s, is %s (%s)\n", d.Code, d.Fact, d.Seen, d.Is, d.Source)
	}
	if r.Outcome == pipeline.OutcomeRefused {
		printGates(w, p.Blocking())
	}
	if r.RunID != 0 {
		fmt.Fprintf(w, "run %d  %s\n", r.RunID, r.URL)
	}
	if r.Number != 0 {
		fmt.Fprintf(w, "receipt %d is in the journal\n", r.Number)
	}
	return nil
}

// follow stays until the run has ended, and exits by what became of it: ECS
// has a say, so that a green run whose image was taken back is a failure.
func (o *operate) follow(ctx context.Context, s *session, run int64) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	s.engine.SetFocus(pipeline.Focus{RunID: run})
	wake, stop := s.engine.Subscribe()
	defer stop()
	last := ""
	for {
		snap := s.engine.Snapshot()
		line, done, ok := progress(snap, run)
		if line != last && line != "" {
			fmt.Fprintln(o.Err, line)
			last = line
		}
		if done {
			if ok {
				return nil
			}
			return exitError{pipeline.ExitFailed}
		}
		select {
		case <-wake:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return &pipeline.Error{Kind: pipeline.KindUnseen, Message: fmt.Sprintf("run %d has not ended after %s", run, pipeline.Duration(o.timeout)), Hint: "it goes on without us"}
			}
			return ctx.Err()
		}
	}
}

// progress says where a run and its rollout stand.
func progress(s *pipeline.Snapshot, id int64) (line string, done, ok bool) {
	r, found := s.Run(id)
	if !found {
		return "", false, false
	}
	line = fmt.Sprintf("%s #%d %s", r.Workflow, r.Number, strings.TrimSpace(string(r.Status)+" "+string(r.Conclusion)))
	done, ok = r.Done(), r.Conclusion == pipeline.ConclusionSuccess
	for _, ro := range s.Rollouts {
		if ro.Run.ID != id {
			continue
		}
		line = fmt.Sprintf("%s #%d %s: %s %s", r.Workflow, r.Number, ro.Environment, ro.Phase, ro.Sentence)
		if r.Done() {
			done, ok = ro.Phase.Terminal(), ro.Phase == pipeline.PhaseSucceeded
		}
	}
	return strings.TrimSpace(line), done, ok
}
