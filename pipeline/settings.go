package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
)

// SettingKind says what a setting is.
type SettingKind string

// Kinds of setting.
const (
	SettingSecret     SettingKind = "secret"     // GitHub never gives its value back
	SettingVariable   SettingKind = "variable"   // its value can be read
	SettingProtection SettingKind = "protection" // what an environment asks of a job
)

// Setting is something that a repository keeps for its workflows. It has no
// value, so that it may stand in the journal.
type Setting struct {
	Kind  SettingKind `json:"kind"`
	Place string      `json:"place,omitempty"` // GitHub environment; empty: the repository
	Name  string      `json:"name,omitempty"`  // of a secret or variable
	Was   time.Time   `json:"was,omitzero"`    // when it was last changed, as seen; zero: it was not there
	Rules string      `json:"rules,omitempty"` // of a protection: what it is to be, in one line
}

// String names a setting: "production-deploy/DB_NAME".
func (s Setting) String() string { return strings.Trim(s.Place+"/"+s.Name, "/") }

// SettingState is a setting as GitHub has it.
type SettingState struct {
	Exists  bool
	Updated time.Time // of a secret or variable; GitHub counts in seconds
	Value   string    // of a variable; of a protection its rules in one line
}

// SettingsReader reads what a repository keeps for its workflows.
type SettingsReader interface {
	// SettingStates reads settings in their order. A setting of a place that
	// does not exist is not there, which is no error.
	SettingStates(ctx context.Context, list []Setting) ([]SettingState, error)
}

// SettingChange is a setting that is to change.
type SettingChange struct {
	Setting
	Seen SettingState // when the plan was made
	// Since is when a secret's value was written down: GitHub's is left as it is
	// where it was set later; zero: it is always sent.
	Since time.Time
	Want  string                      // of a variable its new value, of a protection its rules; a secret's is known to Send alone
	Send  func(context.Context) error // asks GitHub, once
}

// holds reports whether a state is what the change wants. Of a secret that
// cannot be known: it holds where it changed since the plan.
func (c SettingChange) holds(now SettingState) bool {
	if c.Kind == SettingSecret {
		return now.Exists && (now.Updated.After(c.Seen.Updated) || time.Since(c.Seen.Updated) < secretGranularity)
	}
	return now.Exists && now.Value == c.Want
}

// secretGranularity is how fresh a secret can be so that its next change may carry the
// same time: GitHub counts in seconds, and its clock may be a little ahead.
const secretGranularity = 2 * time.Second

// SettingsPlan is a change of settings that was checked and not yet made.
type SettingsPlan struct {
	Intent  Intent
	Changes []SettingChange // none: there is nothing to do
	Left    []Setting       // secrets that were set later than what there is to send
}

// SettingsOptions are what a Settings is built from.
type SettingsOptions struct {
	Repository string // OWNER/NAME
	Operator   string // who acts
	Reader     SettingsReader
	Journal    Recorder
	Deadline   time.Duration // how long an effect is looked for; 0: 30 s
}

// Settings changes what a repository keeps for its workflows, by the path that
// every change takes: plan → confirm → re-check → intent → send once → observe →
// receipt. Unlike an [Operator] it needs no engine: settings are changed before
// there is anything to watch.
type Settings struct{ o SettingsOptions }

// NewSettings makes a Settings.
func NewSettings(o SettingsOptions) *Settings {
	o.Deadline = cmp.Or(o.Deadline, 30*time.Second)
	return &Settings{o}
}

// Plan reads what is there and leaves out what is as it should be already;
// command is what was typed, as the journal calls it.
func (s *Settings) Plan(ctx context.Context, command string, changes []SettingChange) (SettingsPlan, error) {
	now := time.Now()
	p := SettingsPlan{Intent: Intent{
		ID: requestID(now), Kind: PlanSettings, Command: command, Repository: s.o.Repository, Operator: s.o.Operator, SeenAt: now,
	}}
	states, err := s.read(ctx, changes)
	if err != nil {
		return p, err
	}
	for i, c := range changes {
		c.Seen, c.Was = states[i], states[i].Updated
		switch {
		case c.Kind != SettingSecret && c.holds(c.Seen):
			continue
		case !c.Since.IsZero() && c.Seen.Exists && !c.Seen.Updated.Before(c.Since.Truncate(time.Second)):
			p.Left = append(p.Left, c.Setting)
			continue
		}
		p.Changes = append(p.Changes, c)
		p.Intent.Settings = append(p.Intent.Settings, c.Setting)
	}
	return p, nil
}

func (s *Settings) read(ctx context.Context, changes []SettingChange) ([]SettingState, error) {
	list := make([]Setting, len(changes))
	for i, c := range changes {
		list[i] = c.Setting
	}
	return s.o.Reader.SettingStates(Uncached(ctx), list)
}

// Execute carries out a confirmed plan. It reads again what the plan shows,
// and refuses where anything differs; it writes the intent, and refuses where it
// cannot; it sends each change once, up to the first that GitHub refuses or whose
// effect is not seen. A refusal is a receipt.
func (s *Settings) Execute(ctx context.Context, p SettingsPlan) Receipt {
	r := Receipt{Intent: p.Intent}
	if refused := s.recheck(ctx, p, &r); refused {
		return s.finish(ctx, r)
	}
	if _, _, err := writeDown(ctx, s.o.Journal, "intent", p.Intent, p.Intent); err != nil {
		r.Outcome, r.Code, r.Warning = OutcomeRefused, "journal_unwritable", err.Error()
		r.Sentence = "the journal cannot be written, so nothing was sent: " + err.Error()
		return r
	}
	s.send(ctx, p, &r)
	return s.finish(ctx, r)
}

// recheck compares what the plan shows with what is.
func (s *Settings) recheck(ctx context.Context, p SettingsPlan, r *Receipt) (refused bool) {
	ctx, cancel := context.WithTimeout(ctx, recheckTimeout)
	defer cancel()
	states, err := s.read(ctx, p.Changes)
	if err != nil {
		r.Outcome, r.Code, r.Sentence = OutcomeRefused, "evidence_unavailable", "the settings could not be read again: "+err.Error()
		return true
	}
	for i, c := range p.Changes {
		now := states[i]
		if now.Exists == c.Seen.Exists && now.Value == c.Seen.Value && now.Updated.Equal(c.Seen.Updated) {
			continue
		}
		r.Differences = append(r.Differences, Difference{
			Code: "setting_changed", Fact: c.String(), Seen: c.Seen.words(), Is: now.words(), Source: "GitHub",
		})
	}
	if len(r.Differences) > 0 {
		r.Outcome, r.Code, r.Sentence = OutcomeRefused, "setting_changed", "somebody changed the same while you decided; nothing was sent"
	}
	return len(r.Differences) > 0
}

// words say a state without its value: one is enough for a person to see that
// it differs, and a value is nobody's business.
func (s SettingState) words() string {
	switch {
	case !s.Exists:
		return "not there"
	case s.Updated.IsZero():
		return s.Value
	}
	return "of " + s.Updated.UTC().Format(time.RFC3339)
}

// send makes the changes one after the other.
func (s *Settings) send(ctx context.Context, p SettingsPlan, r *Receipt) {
	for i, c := range p.Changes {
		err := c.Send(ctx)
		seen := (err == nil || doubtful(err)) && s.seen(ctx, c)
		if seen {
			r.Steps = append(r.Steps, c.String())
			continue
		}
		r.Sentence = extent(i, p.Intent.Settings) + ", then "
		switch {
		case err == nil:
			r.Outcome, r.Code = OutcomeUnseen, "effect_unseen"
			r.Sentence += c.String() + " was sent, not yet seen; look at it before you try again"
		case doubtful(err):
			r.Outcome, r.Code = OutcomeUnknown, "sent_unknown"
			r.Sentence += "it cannot be told whether " + c.String() + " was sent: " + err.Error()
		default:
			r.Outcome, r.Code = OutcomeRejected, string(KindOf(err))
			r.Sentence += err.Error()
		}
		return
	}
	r.Outcome = OutcomeDone
	r.Sentence = extent(len(p.Changes), p.Intent.Settings)
}

// seen looks for the effect of a change until it is there or the deadline
// passes.
func (s *Settings) seen(ctx context.Context, c SettingChange) bool {
	return await(ctx, s.o.Deadline, func(ctx context.Context) (bool, error) {
		states, err := s.o.Reader.SettingStates(ctx, []Setting{c.Setting})
		return err == nil && c.holds(states[0]), err
	})
}

// finish writes the receipt, whatever became of the context.
func (s *Settings) finish(ctx context.Context, r Receipt) Receipt {
	r.At = time.Now()
	number, _, err := writeDown(ctx, s.o.Journal, "receipt", r.Intent, r)
	r.Number = number
	if err != nil {
		r.Warning = "the receipt could not be written to the journal: " + err.Error()
	}
	return r
}

// extent says how much was done: "set 2 of 3 secrets".
func extent(done int, list []Setting) string {
	kinds, places := map[SettingKind]bool{}, map[string]bool{}
	for _, s := range list {
		kinds[s.Kind], places[s.Place] = true, true
	}
	noun := "values"
	switch {
	case kinds[SettingProtection]:
		return fmt.Sprintf("protected %d of %d GitHub environments", done, len(list))
	case !kinds[SettingVariable]:
		noun = "secrets"
	case !kinds[SettingSecret]:
		noun = "variables"
	}
	text := fmt.Sprintf("set %d of %d %s", done, len(list), noun)
	if len(places) == 1 && list[0].Place != "" {
		text += " of the GitHub environment " + list[0].Place
	}
	return text
}

// Reconcile looks for the effect of changes of settings that an earlier
// process left without a receipt, and records what it found. It sends nothing.
// What was left of other commands is an [Operator]'s to look up.
func (s *Settings) Reconcile(ctx context.Context) ([]Reconciliation, error) {
	abandoned, err := s.o.Journal.Abandoned(ctx)
	if err != nil {
		return nil, &Error{Kind: KindInternal, Op: "read the journal", Err: err}
	}
	var out []Reconciliation
	for _, a := range abandoned {
		in, ok := a.intent()
		if !ok || in.Kind != PlanSettings {
			continue
		}
		found, err := traceSettings(Uncached(ctx), s.o.Reader, in)
		if err != nil {
			return out, &Error{Kind: KindOf(err), Op: "look for what became of " + in.what() + " " + in.ID, Message: err.Error(), Err: err}
		}
		found.Intent, found.At = in, time.Now()
		if _, _, err := writeDown(ctx, s.o.Journal, "reconciled", in, found); err != nil {
			return out, err
		}
		out = append(out, found)
	}
	return out, nil
}

// traceSettings compares what was intended with what is there. A setting
// counts as set where it changed since the intent saw it; somebody else may
// have done that, which GitHub does not tell apart.
func traceSettings(ctx context.Context, reader SettingsReader, in Intent) (Reconciliation, error) {
	if reader == nil {
		return Reconciliation{Finding: FoundDoubt, Sentence: "whether it was carried out cannot be looked up from here"}, nil
	}
	states, err := reader.SettingStates(ctx, in.Settings)
	if err != nil {
		return Reconciliation{}, err
	}
	var set, not []string
	for i, s := range in.Settings {
		now := states[i]
		if now.Exists && (s.Kind == SettingProtection && now.Value == s.Rules || s.Kind != SettingProtection && now.Updated.After(s.Was)) {
			set = append(set, s.String())
			continue
		}
		not = append(not, s.String())
	}
	r := Reconciliation{Finding: FoundDoubt}
	switch {
	case len(not) == 0:
		r.Finding, r.Sentence = FoundEffect, "set: "+strings.Join(set, ", ")
	case len(set) == 0:
		r.Finding, r.Sentence = FoundAbsence, "not set: "+strings.Join(not, ", ")
	default:
		r.Sentence = "set: " + strings.Join(set, ", ") + "; not set: " + strings.Join(not, ", ")
	}
	return r, nil
}
