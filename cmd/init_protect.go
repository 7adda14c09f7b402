package cmd

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"charm.land/huh/v2"
	"github.com/spf13/pflag"

	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
)

// protectionFlags say how strong the gate is to be.
type protectionFlags struct {
	reviewers  []string
	wait       time.Duration
	selfReview bool
	ask        func(ctx context.Context, environment string) ([]string, error) // nil: there is nobody to ask
}

func (f *protectionFlags) register(fl *pflag.FlagSet) {
	fl.StringArrayVar(&f.reviewers, "reviewer", nil, "with --environments: a `LOGIN` or ORG/TEAM that approves production (repeatable, at most 6; default: those it has)")
	fl.DurationVar(&f.wait, "wait", 5*time.Minute, "with --environments: how long production waits before it starts, in whole minutes")
	fl.BoolVar(&f.selfReview, "allow-self-review", false, "with --environments: who starts a run may approve it")
}

// protect applies the protection rules after it has shown the difference.
func (g *globals) protect(ctx context.Context, f initFlags) error {
	if len(f.protection.reviewers) > mostReviewers {
		return &pipeline.Error{Kind: pipeline.KindUsage, Message: "GitHub takes at most six reviewers"}
	}
	if f.protection.wait < 0 || f.protection.wait > 30*24*time.Hour || f.protection.wait%time.Minute != 0 {
		return &pipeline.Error{Kind: pipeline.KindUsage, Message: "--wait is a number of whole minutes, at most 30 days"}
	}
	client, c, closeSession, err := g.openSetup(ctx)
	if err != nil {
		return err
	}
	defer closeSession()
	if g.interactive() && !f.yes {
		f.protection.ask = g.askReviewers
	}
	wanted, err := f.protection.wanted(ctx, client, c)
	if err != nil {
		return err
	}
	var changes []pipeline.SettingChange
	for _, p := range wanted {
		now, exists, err := client.Protection(pipeline.Uncached(ctx), p.Environment)
		if err != nil {
			return err
		}
		lines := protectionDiff(now, exists, p)
		if len(lines) == 0 {
			fmt.Fprintf(g.Out, "%s: as it should be\n", p.Environment)
			continue
		}
		fmt.Fprintf(g.Out, "%s:\n", p.Environment)
		for _, l := range lines {
			fmt.Fprintln(g.Out, "  "+l)
		}
		changes = append(changes, protectionChange(client, now, p))
	}
	switch {
	case len(changes) == 0:
		fmt.Fprintln(g.Out, "nothing to do")
		return nil
	case f.dryRun:
		return nil
	}
	settings, err := g.openSettings(ctx, client)
	if err != nil {
		return err
	}
	plan, err := settings.Plan(ctx, "init --environments", changes)
	if err != nil {
		return err
	}
	if err := g.agree(ctx, f.yes, fmt.Sprintf("Change %d environments of the repository?", len(changes))); err != nil {
		return err
	}
	return g.change(ctx, settings, plan)
}

// protectionChange is the setting of an environment's rules. Refs that are
// there already stay.
func protectionChange(client *ghclient.Client, now, want ghclient.Protection) pipeline.SettingChange {
	after := want
	if len(want.Refs) > 0 {
		after.Refs = slices.Clone(want.Refs)
		for _, ref := range now.Refs {
			if !slices.Contains(after.Refs, ref) {
				after.Refs = append(after.Refs, ref)
			}
		}
	}
	return pipeline.SettingChange{
		Setting: pipeline.Setting{Kind: pipeline.SettingProtection, Place: want.Environment, Rules: after.String()},
		Want:    after.String(),
		Send:    func(ctx context.Context) error { return client.Protect(ctx, want) },
	}
}

// agree goes on with --yes, or asks on a terminal.
func (g *globals) agree(ctx context.Context, yes bool, question string) error {
	if yes {
		return nil
	}
	if !g.interactive() {
		return &pipeline.Error{Kind: pipeline.KindUsage, Message: "nothing was changed, because there is no terminal to ask on", Hint: "give --yes to do what is shown"}
	}
	ok, err := g.confirm(ctx, question)
	if err == nil && !ok {
		return errLeft
	}
	return err
}

// wanted are the rules of the system: reviewers and a timer on the gate, none
// on the environment of the jobs behind it, refs on both.
func (f protectionFlags) wanted(ctx context.Context, r *ghclient.Client, c pipeline.Configuration) ([]ghclient.Protection, error) {
	var out []ghclient.Protection
	for _, e := range c.Environments {
		var refs []ghclient.RefPolicy
		for _, b := range e.Branches {
			refs = append(refs, ghclient.RefPolicy{Pattern: b})
		}
		for _, t := range e.Tags {
			refs = append(refs, ghclient.RefPolicy{Pattern: t, Tag: true})
		}
		if e.GateEnvironment != "" {
			gate := ghclient.Protection{Environment: e.GateEnvironment, WaitTimer: f.wait, PreventSelfReview: !f.selfReview, Refs: refs}
			var err error
			if gate.Reviewers, err = f.gateReviewers(ctx, r, e.GateEnvironment); err != nil {
				return nil, err
			}
			out = append(out, gate)
		}
		if e.DeployEnvironment != e.GateEnvironment {
			out = append(out, ghclient.Protection{Environment: e.DeployEnvironment, Refs: refs})
		}
	}
	return out, nil
}

// mostReviewers is how many reviewers GitHub takes.
const mostReviewers = 6

// gateReviewers are those of the flags, else those that the gate has, else those
// that the operator names. A gate without any is none.
func (f protectionFlags) gateReviewers(ctx context.Context, r *ghclient.Client, environment string) ([]pipeline.Reviewer, error) {
	names := f.reviewers
	if len(names) == 0 {
		now, _, err := r.Protection(pipeline.Uncached(ctx), environment)
		if err != nil || len(now.Reviewers) > 0 {
			return now.Reviewers, err
		}
		if f.ask == nil {
			return nil, &pipeline.Error{Kind: pipeline.KindUsage, Message: "nobody is named who approves " + environment, Hint: "name one or two with --reviewer LOGIN"}
		}
		if names, err = f.ask(ctx, environment); err != nil {
			return nil, err
		}
	}
	out := make([]pipeline.Reviewer, len(names))
	for i, name := range names {
		out[i] = pipeline.Reviewer{Name: name, Team: strings.Contains(name, "/")}
	}
	return out, nil
}

// askReviewers asks who approves.
func (g *globals) askReviewers(ctx context.Context, environment string) ([]string, error) {
	text := ""
	names := func(text string) []string {
		return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	}
	field := huh.NewInput().Title("Who approves " + environment + "?").Value(&text).
		Description("one or two people as LOGIN, or a team as ORG/TEAM; any one of them is enough").
		Validate(func(text string) error {
			if n := len(names(text)); n == 0 || n > mostReviewers {
				return fmt.Errorf("name one to %d", mostReviewers)
			}
			return nil
		})
	err := g.runForm(ctx, huh.NewForm(huh.NewGroup(field)))
	return names(text), err
}

// protectionDiff says what would change, a line a rule; none: nothing.
func protectionDiff(now ghclient.Protection, exists bool, want ghclient.Protection) []string {
	var out []string
	if !exists {
		out = append(out, "+ the environment itself")
	}
	say := func(what, from, to string) {
		if from != to {
			out = append(out, fmt.Sprintf("~ %s: %s -> %s", what, orDash(from), orDash(to)))
		}
	}
	say("reviewers", reviewerNames(now.Reviewers), reviewerNames(want.Reviewers))
	say("wait", timer(now.WaitTimer), timer(want.WaitTimer))
	if len(want.Reviewers) > 0 {
		say("who started a run may approve it", yesNo(!now.PreventSelfReview), yesNo(!want.PreventSelfReview))
	}
	for _, ref := range want.Refs {
		if !slices.ContainsFunc(now.Refs, func(r ghclient.RefPolicy) bool { return reflect.DeepEqual(r, ref) }) {
			out = append(out, "+ may be deployed: "+ref.String())
		}
	}
	for _, ref := range now.Refs {
		if !slices.Contains(want.Refs, ref) {
			out = append(out, "! also may be deployed, and stays: "+ref.String()+" (remove it in the repository's settings)")
		}
	}
	if len(out) > 0 && !slices.ContainsFunc(out, func(l string) bool { return !strings.HasPrefix(l, "!") }) {
		return nil // there is nothing that we would change
	}
	return out
}

func reviewerNames(list []pipeline.Reviewer) string {
	var names []string
	for _, r := range list {
		names = append(names, ghclient.ReviewerName(r))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func timer(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	return fmt.Sprintf("%d min", int(d/time.Minute))
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
