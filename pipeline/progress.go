package pipeline

import "context"

// Sending is how far a confirmed plan has come.
type Sending string

// The stages of a confirmed plan, in order.
const (
	StageRechecking Sending = "rechecking" // every fact that was shown is read again; nothing was sent
	StageSending    Sending = "sending"    // it goes out, once
	StageObserving  Sending = "observing"  // it went out, and its effect is looked for
)

// Progress is one step of a confirmed plan.
type Progress struct {
	Stage Sending
	Step  string // what was done within the stage, for the operator; empty: the stage begins
}

type progressKey struct{}

// WithProgress makes Execute tell what it does. The function is called from
// Execute's goroutine and must not wait.
func WithProgress(ctx context.Context, tell func(Progress)) context.Context {
	return context.WithValue(ctx, progressKey{}, tell)
}

// tell tells whoever asked for it how far a plan has come.
func tell(ctx context.Context, stage Sending, step string) {
	if f, ok := ctx.Value(progressKey{}).(func(Progress)); ok {
		f(Progress{stage, step})
	}
}

// step notes what was done before the last step, in the receipt and for whoever
// watches.
func (r *Receipt) step(ctx context.Context, text string) {
	r.Steps = append(r.Steps, text)
	tell(ctx, StageSending, text)
}
