package ui

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// notify tells the terminal, while nobody looks at it, the most urgent of what
// has changed: how a rollout ended, that the truths disagree, or that an
// approval is wanted of the operator.
func (c *Console) notify(before, now *pipeline.Snapshot) tea.Cmd {
	if !c.blurred || before.Restored || now.Restored {
		return nil
	}
	text := news(before, now)
	if text == "" {
		return nil
	}
	return tea.Raw(ansi.Notify(sanitise.Text(now.Repository.FullName() + ": " + text)))
}

// news is the most urgent of what a snapshot brings; empty: nothing that is
// worth to be called for.
func news(before, now *pipeline.Snapshot) string {
	good, bad := endings(before, now)
	for _, text := range []string{bad, disagreeing(before, now), wanted(before, now), good} {
		if text != "" {
			return text
		}
	}
	return ""
}

// endings tell how rollouts of production, and those that the operator asked
// for, have ended since.
func endings(before, now *pipeline.Snapshot) (good, bad string) {
	for i := range now.Rollouts {
		r := &now.Rollouts[i]
		env := now.Environment(r.Environment)
		mine := r.RequestedBy != "" && r.RequestedBy == now.Viewer.Login
		if !r.Phase.Terminal() || !wasUnderWay(before, r) || !mine && (env == nil || !env.Environment.Production) {
			continue
		}
		text := fmt.Sprintf("%s of %s to %s %s", r.Kind, r.Release.Name(), r.Environment, r.Phase)
		if r.Sentence != "" && r.Phase != pipeline.PhaseSucceeded {
			text += ", " + r.Sentence
		}
		switch theme.OfPhase(r.Phase) {
		case theme.Passed:
			good = text
		case theme.Failed:
			bad = text
		case theme.Skipped: // it changed nothing
			if mine {
				good = text
			}
		}
	}
	return good, bad
}

// wasUnderWay reports whether a rollout had not ended when it was seen before. A
// run's rollout gets another name once it has a deployment.
func wasUnderWay(before *pipeline.Snapshot, r *pipeline.Rollout) bool {
	return slices.ContainsFunc(before.Rollouts, func(b pipeline.Rollout) bool {
		return (b.ID == r.ID || b.Run.ID != 0 && b.Run == r.Run && b.Environment == r.Environment) && b.Active()
	})
}

// disagreeing tells of the first service of production whose truths have begun
// to disagree.
func disagreeing(before, now *pipeline.Snapshot) string {
	for i := range now.Environments {
		e := &now.Environments[i]
		then := before.Environment(e.Environment.Name)
		if !e.Environment.Production || then == nil {
			continue
		}
		for _, d := range e.Disagreements {
			if !slices.ContainsFunc(then.Disagreements, func(o pipeline.Disagreement) bool { return o.Service == d.Service }) {
				return d.Service + ": " + d.Sentence
			}
		}
	}
	return ""
}

// wanted tells that an approval, or the answer to a pause, is newly wanted of
// the operator.
func wanted(before, now *pipeline.Snapshot) string {
	for _, a := range now.Approvals {
		known := slices.ContainsFunc(before.Approvals, func(b pipeline.Approval) bool { return approvalID(a) == approvalID(b) })
		if a.CanApprove && !known {
			return a.Environment + " waits for your approval of " + a.Release.Name()
		}
	}
	then := before.Paused()
	for _, p := range now.Paused() {
		known := slices.ContainsFunc(then, func(b pipeline.Paused) bool { return b.Service == p.Service && b.Hook.ID == p.Hook.ID })
		if !known && now.Denied("stop") == "" {
			return p.Service.Environment + ": " + p.Sentence(now.AsOf)
		}
	}
	return ""
}

// moving is the rollout that is under way in the environment in focus; nil: none.
func (c *Console) moving() *pipeline.Rollout {
	for i := range c.snapshot.Rollouts {
		r := &c.snapshot.Rollouts[i]
		if r.Environment == c.environment && theme.OfPhase(r.Phase) == theme.Moving {
			return r
		}
	}
	return nil
}

// progress is that of the rollout in the environment in focus, for terminals
// that show it in their window or task bar: red while ECS takes it back, yellow
// while it pauses.
func (c *Console) progress() *tea.ProgressBar {
	r := c.moving()
	if r == nil {
		return nil
	}
	state := tea.ProgressBarDefault
	if env := c.snapshot.Environment(r.Environment); env != nil {
		for _, v := range env.Services {
			if v.Rollout == nil || !v.Rollout.InFlight() {
				continue
			}
			if _, paused := v.Rollout.Pause(); paused && state == tea.ProgressBarDefault {
				state = tea.ProgressBarWarning
			}
			if v.Rollout.Reverted() {
				state = tea.ProgressBarError
			}
		}
	}
	percent, known := c.percent(r)
	if !known && state == tea.ProgressBarDefault {
		state = tea.ProgressBarIndeterminate
	}
	return tea.NewProgressBar(state, percent)
}

// percent is how far a rollout has come: by the time that such a run takes, and
// at least by its services; known is false where neither says anything.
func (c *Console) percent(r *pipeline.Rollout) (percent int, known bool) {
	if r.Total > 0 && r.Done > 0 {
		percent, known = 100*r.Done/r.Total, true
	}
	if f, ok := c.snapshot.Forecasts[r.Run]; ok && f.Known() && f.Usual > 0 {
		percent, known = max(percent, int(100*f.Elapsed/f.Usual)), true
	}
	return min(percent, 99), known // it is done when it has ended
}

// title is the terminal's: what waits, and what moves, is visible from another
// window.
func (c *Console) title() string {
	dot := " " + c.styles.Glyphs.Dot + " "
	title := c.snapshot.Repository.FullName() + dot + "deployctl"
	if r := c.moving(); r != nil {
		how := string(r.Phase)
		if r.Total > 0 && r.Done > 0 {
			how = fmt.Sprintf("%d of %d", r.Done, r.Total)
		}
		title = c.styles.Glyphs.Moving + " " + r.Environment + " " + how + dot + title
	}
	if len(c.snapshot.Approvals)+len(c.snapshot.Paused()) > 0 {
		title = c.styles.Glyphs.Waiting + " " + title
	}
	return title
}
