package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// vault is a repository's settings in memory.
type vault struct {
	states map[string]SettingState
	sent   []string
	fail   func(name string) error // of reads; nil: none
}

func (s *vault) SettingStates(_ context.Context, list []Setting) ([]SettingState, error) {
	out := make([]SettingState, len(list))
	for i, setting := range list {
		if s.fail != nil {
			if err := s.fail(setting.String()); err != nil {
				return nil, err
			}
		}
		out[i] = s.states[setting.String()]
	}
	return out, nil
}

// put is a change that sets a value; answer is what GitHub says to it, and lost
// that it never got there.
func (s *vault) put(kind SettingKind, name, value string, answer error, lost bool) SettingChange {
	return SettingChange{
		Setting: Setting{Kind: kind, Place: "staging", Name: name}, Want: value,
		Send: func(context.Context) error {
			time.Sleep(3 * time.Second) // so that the time of the change differs
			s.sent = append(s.sent, name)
			if !lost {
				now := SettingState{Exists: true, Updated: time.Now()}
				if kind != SettingSecret {
					now.Value = value
				}
				s.states["staging/"+name] = now
			}
			return answer
		},
	}
}

func (s *vault) settings(r *record) *Settings {
	return NewSettings(SettingsOptions{Repository: "acme/shop", Operator: "alice", Reader: s, Journal: r})
}

func newVault() *vault {
	long := time.Now().Add(-time.Hour)
	return &vault{states: map[string]SettingState{
		"staging/LEVEL":  {Exists: true, Updated: long, Value: "INFO"},
		"staging/SECRET": {Exists: true, Updated: long},
	}}
}

// TestSettingsAreSentOnce: each change takes the whole path, and the receipt
// says how far it came.
func TestSettingsAreSentOnce(t *testing.T) {
	refused := &Error{Kind: KindForbidden, Message: "no"}
	torn := &Error{Kind: KindUnavailable, Message: "cut off"}
	for name, c := range map[string]struct {
		second   func(*vault) SettingChange
		outcome  Outcome
		code     string
		sentence string
		sent     string
	}{
		"done": {
			second:  func(s *vault) SettingChange { return s.put(SettingSecret, "SECRET", "hush", nil, false) },
			outcome: OutcomeDone, sentence: "set 3 of 3 values of the GitHub environment staging", sent: "LEVEL SECRET LAST",
		},
		"GitHub says no": {
			second:  func(s *vault) SettingChange { return s.put(SettingSecret, "SECRET", "hush", refused, true) },
			outcome: OutcomeRejected, code: string(KindForbidden), sentence: "set 1 of 3 values of the GitHub environment staging, then no", sent: "LEVEL SECRET",
		},
		"the answer is lost, and it is there": {
			second:  func(s *vault) SettingChange { return s.put(SettingSecret, "SECRET", "hush", torn, false) },
			outcome: OutcomeDone, sentence: "set 3 of 3 values of the GitHub environment staging", sent: "LEVEL SECRET LAST",
		},
		"the answer is lost, and it is not there": {
			second:  func(s *vault) SettingChange { return s.put(SettingSecret, "SECRET", "hush", torn, true) },
			outcome: OutcomeUnknown, code: "sent_unknown", sentence: "set 1 of 3 values of the GitHub environment staging, then it cannot be told whether staging/SECRET was sent", sent: "LEVEL SECRET",
		},
		"the answer is yes, and it is not there": {
			second:  func(s *vault) SettingChange { return s.put(SettingSecret, "SECRET", "hush", nil, true) },
			outcome: OutcomeUnseen, code: "effect_unseen", sentence: "set 1 of 3 values of the GitHub environment staging, then staging/SECRET was sent, not yet seen", sent: "LEVEL SECRET",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, r := newVault(), &record{}
				changes := []SettingChange{
					s.put(SettingVariable, "LEVEL", "WARNING", nil, false), c.second(s), s.put(SettingVariable, "LAST", "1", nil, false),
				}
				o := s.settings(r)
				p, err := o.Plan(t.Context(), "env push", changes)
				if err != nil {
					t.Fatal(err)
				}
				got := o.Execute(t.Context(), p)
				if got.Outcome != c.outcome || got.Code != c.code || !strings.HasPrefix(got.Sentence, c.sentence) {
					t.Errorf("receipt: %s %s: %s", got.Outcome, got.Code, got.Sentence)
				}
				if sent := strings.Join(s.sent, " "); sent != c.sent {
					t.Errorf("sent %s", sent)
				}
				if !slices.Equal(r.kinds, []string{"intent env push", "receipt env push"}) || got.Number != 2 {
					t.Errorf("journal: %v, receipt %d", r.kinds, got.Number)
				}
				if text := strings.Join(r.data, "\n"); strings.Contains(text, "hush") || strings.Contains(text, "WARNING") {
					t.Errorf("the journal holds a value:\n%s", text)
				}
			})
		})
	}
}

// TestSettingsThatHoldAreLeftOut: what is as it should be is no change.
func TestSettingsThatHoldAreLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newVault()
		s.states["staging"] = SettingState{Exists: true, Value: "rules"}
		since := func(name string, at time.Time) SettingChange {
			c := s.put(SettingSecret, name, "older", nil, false)
			c.Since = at
			return c
		}
		gate := SettingChange{Setting: Setting{Kind: SettingProtection, Place: "staging", Rules: "rules"}, Want: "rules"}
		p, err := s.settings(&record{}).Plan(t.Context(), "x", []SettingChange{
			s.put(SettingVariable, "LEVEL", "INFO", nil, false), gate, s.put(SettingSecret, "SECRET", "again", nil, false),
			since("SECRET", s.states["staging/SECRET"].Updated.Add(-time.Minute)),
		})
		if len(p.Left) != 1 || p.Left[0].Name != "SECRET" {
			t.Errorf("a secret that was set after it was written down: %v", p.Left)
		}
		if err != nil || len(p.Changes) != 1 || p.Changes[0].Name != "SECRET" || len(p.Intent.Settings) != 1 {
			t.Errorf("%v, %v", p.Changes, err)
		}
	})
}

// TestSettingsAreCheckedAgain: nothing is sent where the world is another than
// the one that was shown, or where the journal cannot say what is sent.
func TestSettingsAreCheckedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(*vault, *record)
		code      string
		journal   int
	}{
		"somebody set it": {func(s *vault, _ *record) {
			s.states["staging/SECRET"] = SettingState{Exists: true, Updated: time.Now()}
		}, "setting_changed", 1},
		"somebody removed it": {func(s *vault, _ *record) { delete(s.states, "staging/SECRET") }, "setting_changed", 1},
		"it cannot be read": {func(s *vault, _ *record) {
			s.fail = func(string) error { return &Error{Kind: KindUnavailable, Message: "502"} }
		}, "evidence_unavailable", 1},
		"no journal": {func(_ *vault, r *record) { r.fail = fmt.Errorf("disk full") }, "journal_unwritable", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, r := newVault(), &record{}
				o := s.settings(r)
				p, err := o.Plan(t.Context(), "secrets", []SettingChange{s.put(SettingSecret, "SECRET", "hush", nil, false)})
				if err != nil {
					t.Fatal(err)
				}
				c.meanwhile(s, r)
				got := o.Execute(t.Context(), p)
				if got.Outcome != OutcomeRefused || got.Code != c.code || len(s.sent) > 0 || len(r.kinds) != c.journal {
					t.Errorf("%s %s, sent %v, journal %v", got.Outcome, got.Code, s.sent, r.kinds)
				}
			})
		})
	}
}

// TestAbandonedSettingsAreLookedUp: a process that was killed between its
// intent and its receipt leaves a trace, and the next one says what came of it,
// without sending anything.
func TestAbandonedSettingsAreLookedUp(t *testing.T) {
	for name, c := range map[string]struct {
		landed   []string
		finding  Finding
		sentence string
	}{
		"all of it":  {[]string{"SECRET", "LEVEL"}, FoundEffect, "set: staging/SECRET, staging/LEVEL"},
		"none of it": {nil, FoundAbsence, "not set: staging/SECRET, staging/LEVEL"},
		"half of it": {[]string{"SECRET"}, FoundDoubt, "set: staging/SECRET; not set: staging/LEVEL"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newVault()
				var intent json.RawMessage
				killed := &record{}
				changes := []SettingChange{s.put(SettingSecret, "SECRET", "hush", nil, true), s.put(SettingVariable, "LEVEL", "X", nil, true)}
				changes[0].Send = func(context.Context) error { // the last thing that the process saw
					intent = json.RawMessage(killed.data[0])
					return &Error{Kind: KindForbidden, Message: "killed"}
				}
				o := s.settings(killed)
				p, err := o.Plan(t.Context(), "env push", changes)
				if err != nil {
					t.Fatal(err)
				}
				o.Execute(t.Context(), p)
				for _, name := range c.landed {
					s.states["staging/"+name] = SettingState{Exists: true, Updated: time.Now(), Value: "X"}
				}
				r := &record{left: []Abandoned{{At: time.Now(), Data: intent}, {Data: json.RawMessage(`{"id":"1","kind":"approve"}`)}}}
				found, err := s.settings(r).Reconcile(t.Context())
				if err != nil || len(found) != 1 || found[0].Finding != c.finding || found[0].Sentence != c.sentence {
					t.Fatalf("%+v, %v", found, err)
				}
				if !slices.Equal(r.kinds, []string{"reconciled env push"}) || len(s.sent) > 0 {
					t.Errorf("journal %v, sent %v", r.kinds, s.sent)
				}
			})
		})
	}
}
