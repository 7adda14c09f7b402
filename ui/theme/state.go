package theme

import "github.com/deployctl/gh-deployctl/pipeline"

// State is what a glyph says. Everything that has a state on the screen is one
// of these, so that a glyph means the same in every panel, sheet and wall.
type State int

// The states, in the order of the legend.
const (
	Passed State = iota
	Failed
	Live
	Moving
	Disagrees
	Waiting // for a person
	NotYet
	Skipped // cancelled, superseded, skipped
	Attention
	Unknown
	states
)

// String is the state's word in the legend.
func (s State) String() string {
	return [...]string{
		"passed", "failed", "live, healthy", "moving or degraded", "truths disagree", "waits for a person",
		"not yet", "cancelled, superseded, skipped", "needs a look", "unknown",
	}[s]
}

// States are all of them, in the order of the legend.
func States() []State {
	out := make([]State, states)
	for i := range out {
		out[i] = State(i)
	}
	return out
}

// Mark is how a state looks.
type Mark struct {
	Glyph string
	Paint Paint
}

// String is the painted glyph.
func (m Mark) String() string { return m.Paint.Render(m.Glyph) }

// Mark is the look of a state.
func (s *Styles) Mark(state State) Mark { return s.marks[state] }

// Spin is the look of what moves now, turned by one for each step.
func (s *Styles) Spin(step int) Mark {
	return Mark{Glyph: s.Glyphs.Spin[step%len(s.Glyphs.Spin)], Paint: s.Moving}
}

func (s *Styles) makeMarks() [states]Mark {
	g := s.Glyphs
	return [states]Mark{
		Passed:    {g.Passed, s.OK},
		Failed:    {g.Failed, s.Danger},
		Live:      {g.Live, s.OK},
		Moving:    {g.Moving, s.Moving},
		Disagrees: {g.Disagrees, s.Warn},
		Waiting:   {g.Waiting, s.Waiting},
		NotYet:    {g.NotYet, s.Inactive},
		Skipped:   {g.Skipped, s.Inactive},
		Attention: {g.Attention, s.Warn},
		Unknown:   {g.Unknown, s.Unknown},
	}
}

// OfStatus is the state of a run, job or step.
func OfStatus(status pipeline.RunStatus, conclusion pipeline.Conclusion) State {
	switch status {
	case pipeline.StatusWaiting:
		return Waiting
	case pipeline.StatusInProgress:
		return Moving
	case pipeline.StatusQueued, pipeline.StatusRequested, pipeline.StatusPending:
		return NotYet
	case pipeline.StatusCompleted:
		return ofConclusion(conclusion)
	}
	return Unknown
}

func ofConclusion(c pipeline.Conclusion) State {
	switch c {
	case pipeline.ConclusionSuccess:
		return Passed
	case pipeline.ConclusionFailure, pipeline.ConclusionTimedOut, pipeline.ConclusionStartupFailure:
		return Failed
	case pipeline.ConclusionActionRequired:
		return Waiting
	case pipeline.ConclusionCancelled, pipeline.ConclusionSkipped, pipeline.ConclusionNeutral, pipeline.ConclusionStale:
		return Skipped
	}
	return Unknown
}

// OfStop is the state of a release in a stage.
func OfStop(s pipeline.StopState) State {
	switch s {
	case pipeline.StopNone:
		return NotYet
	case pipeline.StopMoving:
		return Moving
	case pipeline.StopWaiting:
		return Waiting
	case pipeline.StopLive:
		return Live
	case pipeline.StopPartly:
		return Disagrees
	case pipeline.StopPassed:
		return Passed
	case pipeline.StopFailed, pipeline.StopFaulty, pipeline.StopReverted:
		return Failed
	case pipeline.StopCancelled, pipeline.StopSuperseded, pipeline.StopRejected:
		return Skipped
	case pipeline.StopUnknown:
	}
	return Unknown
}

// OfHealth is the state of a service's fitness.
func OfHealth(h pipeline.Health) State {
	switch h {
	case pipeline.Healthy:
		return Live
	case pipeline.Degraded:
		return Moving
	case pipeline.Unhealthy:
		return Failed
	case pipeline.HealthUnknown:
	}
	return Unknown
}

// OfService is the state of a service: that its truths disagree goes before
// how it fares, and what is unhealthy goes before both.
func OfService(s pipeline.ServiceView) State {
	switch {
	case s.Health == pipeline.Unhealthy:
		return Failed
	case s.Disagreement != nil:
		return Disagrees
	case s.Moving():
		return Moving
	}
	return OfHealth(s.Health)
}

// OfGate is the state of a check.
func OfGate(g pipeline.Gate) State {
	switch {
	case g.Blocks():
		return Failed
	case g.Verdict == pipeline.Unknown:
		return Unknown
	case g.NeedsAck(), g.Warns():
		return Attention
	case g.Verdict == pipeline.Pending:
		return Moving
	case g.Verdict == pipeline.NotApplicable:
		return Skipped
	case g.Verdict == pipeline.Fail:
		return Attention
	}
	return Passed
}

// OfVerdict is the state of a verdict alone.
func OfVerdict(v pipeline.Verdict) State {
	switch v {
	case pipeline.Pass:
		return Passed
	case pipeline.Fail:
		return Failed
	case pipeline.Pending:
		return Moving
	case pipeline.NotApplicable:
		return Skipped
	case pipeline.Unknown:
	}
	return Unknown
}

// OfPhase is the state of a rollout.
func OfPhase(p pipeline.Phase) State {
	switch p {
	case pipeline.PhaseSucceeded:
		return Passed
	case pipeline.PhaseAwaiting:
		return Waiting
	case pipeline.PhaseRequested, pipeline.PhaseQueued, pipeline.PhaseTimer:
		return NotYet
	case pipeline.PhaseApproved, pipeline.PhaseMigrating, pipeline.PhaseUpdating, pipeline.PhaseStabilising,
		pipeline.PhaseVerifying, pipeline.PhaseBaking:
		return Moving
	case pipeline.PhaseRejected, pipeline.PhaseExpired, pipeline.PhaseSuperseded, pipeline.PhaseCancelled:
		return Skipped
	case pipeline.PhaseFailed, pipeline.PhaseErrored, pipeline.PhaseReverted, pipeline.PhaseRevertFailed, pipeline.PhaseFaulty:
		return Failed
	case pipeline.PhaseIndeterminate:
		return Disagrees
	}
	return Unknown
}
