package sheet

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// stage is where a sheet around a plan stands.
type stage int

const (
	checking stage = iota // a plan is being made; the one before it, if any, is greyed
	ready                 // a plan is on the screen and can be confirmed
	dryRun                // the same, and what would be sent is shown instead
	sending               // confirmed, and nothing is known yet
	ended                 // there is a receipt
	failed                // there is an error instead of a plan or a receipt
)

// The targets that all sheets share. Those of gates and buttons have names of
// their own.
const (
	targetComment = "comment"
	targetReason  = "reason"
	targetWord    = "word"
	ackPrefix     = "ack "

	buttonGo    = "go"
	buttonLater = "later"
	buttonCopy  = "copy"
	buttonAgain = "again"
	buttonOpen  = "open"
	buttonBack  = "back"
)

// renewPause is how long a sheet waits after an answer before it asks for the
// evidence again, whatever the evidence's age: a source that is slow, or down,
// must not be asked every second.
const renewPause = 15 * time.Second

// awaitedPause is the same where the evidence is known to have come in: it must
// not change again while it is being read.
const awaitedPause = 3 * time.Second

// subject is what differs between one kind of planned sheet and another.
type subject interface {
	// title names the sheet until its plan does.
	title() string
	// reading says what is read for the plan.
	reading() string
	// head draws what the sheet is about, above the gates.
	head(s *planned, p *page)
	// shows reports whether a gate stands in the list of gates.
	shows(g pipeline.Gate) bool
	// controls are the targets in head that are no fields.
	controls(s *planned) []string
	// turn handles a key on a control; false: not a key of it.
	turn(s *planned, control, key string, now time.Time) (Action, bool)
	// buttons are those of a plan that can be confirmed.
	buttons(s *planned) []button
	// press handles the buttons that are not shared.
	press(s *planned, id string, now time.Time) Action
}

// planned is a sheet around one plan: it asks for the plan, shows it, takes
// what has to be typed, keeps the evidence fresh, and shows how it ended.
type planned struct {
	subject  subject
	question question
	want     PlanWanted // what the newest plan was asked for
	previous []button   // the way back to a form, where the plan came from one

	stage   stage
	since   time.Time // when the stage began
	changed time.Time // when what Enter acts on last changed

	plan     pipeline.Plan
	planAt   time.Time // when the plan on the screen came
	renewing bool
	renewErr error // why the last renewal failed

	progress pipeline.Sending // of what was confirmed; empty: nothing was told yet
	steps    []string         // that were done so far
	receipt  pipeline.Receipt
	err      error

	fields map[string]*field
	focus  string
	note   string // the answer to the last key, until the next one

	snapshot *pipeline.Snapshot
	scenery  *scenery // what surrounds the plan, as the first snapshot read after it says; nil: none came yet
	banner   []string

	scroll scroll
	body   *page // as drawn last
	foot   *page
	place  placement
}

func newPlanned(about subject, want PlanWanted) *planned {
	return &planned{subject: about, want: want, fields: map[string]*field{}}
}

// Start asks for the first plan.
func (s *planned) Start(now time.Time) (Action, tea.Cmd) { return s.replan(now), nil }

// replan asks for a plan of what is wanted now. What was typed stays.
func (s *planned) replan(now time.Time) Action {
	s.enter(checking, now)
	s.renewing, s.renewErr = false, nil
	w := s.want
	w.Ticket = s.question.ask()
	return w
}

func (s *planned) enter(to stage, now time.Time) {
	s.stage, s.since, s.changed = to, now, now
	s.scroll = scroll{}
	s.keepFocus()
}

// hasPlan reports whether a plan was ever shown.
func (s *planned) hasPlan() bool { return !s.planAt.IsZero() }

// Handle implements [Sheet].
func (s *planned) Handle(msg tea.Msg, now time.Time) (Action, tea.Cmd) {
	switch m := msg.(type) {
	case tea.KeyPressMsg:
		return s.key(m, now), nil
	case tea.PasteMsg:
		if f := s.typing(); f != nil {
			f.handle(m)
			s.note, s.scroll.free = "", false
		}
	case tea.MouseClickMsg:
		return s.click(m.Mouse(), now), nil
	case tea.MouseWheelMsg:
		s.wheel(m.Mouse().Button)
	case Planned:
		if s.question.current(m.Ticket) && (s.stage == checking || s.renewing) {
			s.answered(m, now)
		}
	case Progressed:
		if s.question.current(m.Ticket) && s.stage == sending {
			s.progressed(m.Progress)
		}
	case Done:
		if s.question.current(m.Ticket) && s.stage == sending {
			s.done(m, now)
		}
	case Tick:
		return s.tick(now), nil
	}
	return nil, nil
}

// tick reads the evidence again when it has grown too old.
func (s *planned) tick(now time.Time) Action {
	if s.stage != ready && s.stage != dryRun || s.renewing || now.Before(s.renewAt()) {
		return nil
	}
	return s.renew()
}

func (s *planned) renew() Action {
	s.renewing = true
	return RenewWanted{Ticket: s.question.ask(), Plan: s.plan}
}

// seenAt is when the evidence on the sheet was read. Single gates may rest on
// older facts, such as when a deployment ended, and say so themselves.
func (s *planned) seenAt() time.Time {
	if at := s.plan.Intent.SeenAt; !at.IsZero() && at.Before(s.planAt) {
		return at
	}
	return s.planAt
}

// expires is when the evidence on the sheet counts no more.
func (s *planned) expires() time.Time { return s.seenAt().Add(pipeline.EvidenceLife) }

// renewAt is when the evidence is read again.
func (s *planned) renewAt() time.Time {
	if s.hasCome() {
		return s.planAt.Add(awaitedPause)
	}
	at := s.expires()
	if pause := s.planAt.Add(renewPause); at.Before(pause) {
		return pause
	}
	return at
}

// hasCome reports whether evidence that the plan did not wait for is there now.
func (s *planned) hasCome() bool {
	if !s.plan.Awaited || s.snapshot == nil {
		return false
	}
	env := s.snapshot.Environment(s.plan.Intent.Environment)
	return env != nil && env.Errors.At.After(s.seenAt())
}

// answered takes a plan, or the reason why there is none.
func (s *planned) answered(m Planned, now time.Time) {
	renewed := s.renewing
	s.renewing = false
	if s.note == readingAgain {
		s.note = ""
	}
	if m.Err != nil {
		if renewed {
			s.renewErr, s.planAt = m.Err, now
			return
		}
		s.err, s.focus = m.Err, ""
		s.enter(failed, now)
		return
	}
	old := s.plan
	s.plan, s.planAt, s.renewErr = m.Plan, now, nil
	if renewed {
		s.plan.Gates = sameOrder(old.Gates, m.Plan.Gates)
		if differs(old, m.Plan) {
			s.changed = now
			s.note = "changed, read it again: " + whatDiffers(old, m.Plan)
		}
	} else {
		if !slices.Contains(s.subject.controls(s), s.focus) {
			s.focus = ""
		}
		s.enter(ready, now)
	}
	s.scenery, s.banner = nil, nil
	s.keepFocus()
	s.compare(now)
}

// progressed takes what is done of what was confirmed.
func (s *planned) progressed(p pipeline.Progress) {
	s.progress = p.Stage
	if p.Step != "" {
		s.steps = append(s.steps, p.Step)
	}
}

// done takes the outcome of a confirmation.
func (s *planned) done(m Done, now time.Time) {
	if m.Err != nil {
		s.err, s.focus = m.Err, ""
		s.enter(failed, now)
		return
	}
	s.receipt, s.focus = m.Receipt, ""
	s.enter(ended, now)
}

// sameOrder puts the gates of a renewed plan where their predecessors stood, so
// that no row moves; new ones come last.
func sameOrder(old, renewed []pipeline.Gate) []pipeline.Gate {
	place := make(map[string]int, len(old))
	for i, g := range old {
		place[g.ID] = i
	}
	at := func(g pipeline.Gate) int {
		if i, ok := place[g.ID]; ok {
			return i
		}
		return len(old)
	}
	out := slices.Clone(renewed)
	slices.SortStableFunc(out, func(a, b pipeline.Gate) int { return at(a) - at(b) })
	return out
}

// differs reports whether two plans say different things, ages aside.
func differs(a, b pipeline.Plan) bool {
	return pipeline.Fingerprint(a.Gates) != pipeline.Fingerprint(sameOrder(a.Gates, b.Gates)) ||
		!slices.EqualFunc(a.Gates, sameOrder(a.Gates, b.Gates), says) ||
		a.Preview.To.SHA != b.Preview.To.SHA || a.Preview.From.SHA != b.Preview.From.SHA ||
		a.Intent.RunAttempt != b.Intent.RunAttempt || !maps.Equal(a.Intent.LiveECS, b.Intent.LiveECS)
}

// span matches a span of time in a sentence: 45m, 2d 3h, 1m30s.
var span = regexp.MustCompile(`\b\d+(s|m|h|d|w)(\s?\d+(s|m|h|d))*\b`)

// says reports whether two readings of a check say the same: that time went by is
// no change which anybody has to read again.
func says(a, b pipeline.Gate) bool {
	return a.Verdict == b.Verdict && a.Code == b.Code && a.Ack == b.Ack && span.ReplaceAllString(a.Sentence, "") == span.ReplaceAllString(b.Sentence, "")
}

// whatDiffers names the checks that a renewed plan answers otherwise.
func whatDiffers(old, renewed pipeline.Plan) string {
	var names []string
	for _, g := range renewed.Gates {
		i := slices.IndexFunc(old.Gates, func(o pipeline.Gate) bool { return o.ID == g.ID })
		if i < 0 || !says(old.Gates[i], g) {
			names = append(names, g.Title)
		}
	}
	switch n := len(names); {
	case n == 0:
		return "what it is about"
	case n > 2:
		return fmt.Sprintf("%s and %d more", names[0], n-1)
	}
	return strings.Join(names, ", ")
}

// Observe implements [Sheet].
func (s *planned) Observe(snapshot *pipeline.Snapshot, now time.Time) {
	s.snapshot = snapshot
	s.compare(now)
}

// compare raises the banner for what is no longer as the plan says.
func (s *planned) compare(now time.Time) {
	if s.stage != ready && s.stage != dryRun || s.snapshot == nil {
		return
	}
	before := s.scenery
	if before == nil {
		before = sceneryOf(s.snapshot, s.plan.Intent.Environment)
		if s.snapshot.Runs.At.After(s.seenAt()) {
			s.scenery = before
		}
	}
	banner := changes(s.plan.Intent, s.seenAt(), *before, s.snapshot)
	if !slices.Equal(banner, s.banner) {
		s.banner, s.changed = banner, now
	}
}

// readingAgain is said to who confirms while the evidence is read, and no longer.
const readingAgain = "the evidence is being read again: a moment"

// confirm sends the plan on the screen, if nothing is missing and its evidence
// counts.
func (s *planned) confirm(now time.Time) Action {
	if missing := s.missing(); len(missing) > 0 {
		s.note = missing[0].sentence
		if missing[0].target != "" {
			s.focus, s.scroll.free = missing[0].target, false
		}
		return nil
	}
	if s.renewing {
		s.note = readingAgain
		return nil
	}
	if now.After(s.expires()) && s.strict() {
		s.note = "the evidence was too old: it is being read again, then confirm"
		return s.renew()
	}
	s.progress, s.steps = pipeline.StageRechecking, nil
	s.enter(sending, now)
	return Confirm{Ticket: s.question.ask(), Plan: s.plan, Confirmation: s.confirmation()}
}

// strict reports whether old evidence stops the confirmation. It does not stop
// a rollback when it could not be read again: an emergency does not wait for a
// source that is down, and the check before sending says what cannot be read.
func (s *planned) strict() bool {
	return s.plan.Intent.Kind != pipeline.PlanRollback || s.renewErr == nil
}

// confirmation is what was typed.
func (s *planned) confirmation() pipeline.Confirmation {
	c := pipeline.Confirmation{}
	if s.plan.Comment {
		c.Comment = s.text(targetComment)
	}
	if s.plan.Reason > 0 {
		c.Reason = s.text(targetReason)
	}
	if s.plan.Typed != "" {
		c.Typed = s.text(targetWord)
	}
	c.Acks = s.acks()
	return c
}
