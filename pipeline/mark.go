package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Marker writes what an operator did to a rollout into GitHub's record of it.
// Actions may be one.
type Marker interface {
	// Mark adds a remark of at most MarkLength characters to a deployment that
	// is in progress, and leaves it so.
	Mark(ctx context.Context, deployment int64, remark string) error
}

// MarkLength is how many characters a remark has at most: GitHub's limit for
// the description of a deployment's status.
const MarkLength = 140

// mark keeps a rollout marked for ever as one that was taken out of its run's
// hands: everybody reads it in GitHub's record of the deployment, with the
// request and the journal's head. A rollout that has no deployment, or whose
// deployment has ended, has its mark in the receipt alone.
func (o *Operator) mark(ctx context.Context, in Intent, reason, head string, r *Receipt) {
	marker, can := o.actions.(Marker)
	deployment := o.inProgress(in.Environment)
	if !can || deployment == 0 {
		r.step(ctx, "no deployment on GitHub is in progress: it is marked in this journal alone")
		return
	}
	if err := marker.Mark(context.WithoutCancel(ctx), deployment, remark(in, reason, head)); err != nil {
		r.step(ctx, fmt.Sprintf("deployment %d was not marked: %v", deployment, err))
		return
	}
	r.step(ctx, fmt.Sprintf("marked deployment %d", deployment))
}

// inProgress is the GitHub deployment of the rollout that is under way; 0: none.
func (o *Operator) inProgress(environment string) int64 {
	s, _ := o.derived(time.Now())
	i := slices.IndexFunc(s.Rollouts, func(r Rollout) bool {
		return r.Environment == environment && r.Deployment != 0 && underWay(r)
	})
	if i < 0 {
		return 0
	}
	return s.Rollouts[i].Deployment
}

// remark is the sentence of a mark. Where it is too long the reason is cut:
// the request and the journal's head anchor it.
func remark(in Intent, reason, head string) string {
	before, after := in.Operator+": "+byHand(in)+": ", anchored("", in.ID, head)
	text := []rune(reason)
	if room := MarkLength - len([]rune(before+after)); len(text) > room {
		text = append(text[:max(room-1, 0)], '…')
	}
	return before + string(text) + after
}

// byHand says what was done to a rollout past the run that drives it.
func byHand(in Intent) string {
	verb := "stopped"
	switch {
	case in.Kind == PlanContinue && in.RollBack:
		verb = "taken back at its pause"
	case in.Kind == PlanContinue:
		verb = "let go on past its pause"
	}
	return servicesOf(in.Stops) + " " + verb + " by hand"
}
