package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Verdict is the answer of one check.
type Verdict string

// Verdicts. Unknown is never a pass.
const (
	Pass          Verdict = "pass"
	Fail          Verdict = "fail"
	Pending       Verdict = "pending"
	Unknown       Verdict = "unknown"
	NotApplicable Verdict = "not_applicable"
)

// Severity is what a verdict that is not a pass asks of the operator.
type Severity int

// Severities, from nothing to a refusal.
const (
	Inform      Severity = iota // worth knowing
	Warn                        // worth a look
	Acknowledge                 // must be typed
	Block                       // cannot go on
)

// String is the severity as JSON and the sheets name it.
func (s Severity) String() string {
	return [...]string{"inform", "warn", "acknowledge", "block"}[s]
}

// Gate is one check of an approval or a rollback, with its answer. Gates are
// data: the sheets, --dry-run and --json show the same ones.
type Gate struct {
	ID       string // A1 to A18, R1 to R23: stable
	Code     string // stable reason code: not_staged, lane_held
	Title    string // what is checked, in three words or so
	Verdict  Verdict
	Effect   Severity // what this verdict means; Inform where it passes
	Sentence string   // what was found, for the operator
	Evidence []string // the facts behind the sentence
	Remedy   string   // what can be done about it; empty: nothing
	Ack      string   // what to type where Effect is Acknowledge, also after --ack: a word, or SCHEMA and a snapshot's id
	Named    bool     // the word is followed by a name of three characters or more: hotfix INC-42
	Observation
}

// Blocks reports whether the gate refuses.
func (g Gate) Blocks() bool { return g.Effect == Block && !g.satisfied() }

// NeedsAck reports whether the gate wants a typed acknowledgement.
func (g Gate) NeedsAck() bool { return g.Effect == Acknowledge && !g.satisfied() }

// Warns reports whether the gate is worth a look though it stops nothing.
func (g Gate) Warns() bool { return g.Effect == Warn && !g.satisfied() }

// Accepts reports whether typed text acknowledges the gate: its word, id or
// code, and behind it a name where the gate asks for one.
func (g Gate) Accepts(typed string) bool {
	typed = strings.TrimSpace(typed)
	if strings.Contains(g.Ack, " ") { // more than a word: SCHEMA and what could bring the data back
		return typed == g.Ack
	}
	word, name, _ := strings.Cut(typed, " ")
	if word == "" || word != g.Ack && word != g.ID && word != g.Code {
		return false
	}
	if g.Named {
		return len([]rune(strings.TrimSpace(name))) >= overrideName
	}
	return name == ""
}

// Word is what --ack takes for the gate, quoted where it is more than a word.
func (g Gate) Word() string {
	switch {
	case g.Named:
		return "'" + g.Ack + " NAME'"
	case strings.Contains(g.Ack, " "):
		return "'" + g.Ack + "'"
	}
	return g.ID
}

// overrideName is how long the name of an override has to be, in characters.
const overrideName = 3

func (g Gate) satisfied() bool { return g.Verdict == Pass || g.Verdict == NotApplicable }

// Fingerprint binds a decision to the verdicts that were shown: it changes
// when any verdict, effect or reason does, and not with their ages.
func Fingerprint(gates []Gate) string {
	h := sha256.New()
	for _, g := range gates {
		fmt.Fprintf(h, "%s\x00%s\x00%s\x00%d\x00", g.ID, g.Code, g.Verdict, g.Effect)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}
