package pipeline

import (
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// state is what was observed so far: facts, not conclusions. Conclusions are
// derived from it (derive.go) whenever it changes.
type state struct {
	mode       Mode
	focus      Focus
	config     Fact[Configuration]
	repository Fact[Repository]
	viewer     Fact[Viewer]
	identity   Fact[CloudIdentity]

	runs        Fact[RunList]
	waiting     map[int64]Run              // runs that wait for a person, however old
	waitingRead time.Time                  // when those were asked for that the list of runs is too short for
	others      map[string]otherRepository // by OWNER/NAME
	older       []Run                      // read on demand, newest first; replaced and never changed
	cursors     map[olderKey]olderCursor   // how far back was read
	renewed     map[int64]time.Time        // when an older run was read again
	jobs        map[RunKey]Fact[[]Job]
	pending     map[int64]Fact[[]PendingApproval]
	reviews     map[int64][]Review // of waiting runs
	workflows   Fact[[]Workflow]
	files       map[string]Fact[WorkflowFile] // by file name, at the default branch
	rules       map[string]Fact[ProtectionRules]
	releases    Fact[[]PublishedRelease]
	tags        Fact[map[string][]string] // by SHA
	commits     map[string]Commit         // by SHA
	spans       map[span]Fact[Between]    // what lies between the candidates and what is live

	deployments map[string]Fact[[]Deployment]   // by environment
	services    map[string]Fact[[]ServiceState] // by environment
	tasks       map[ServiceKey]Fact[[]Task]
	targets     map[ServiceKey]Fact[[]Target]
	alarms      map[ServiceKey]Fact[[]Alarm]
	loads       map[ServiceKey]Fact[Load]
	traffic     map[ServiceKey]Fact[[]Traffic]
	scalings    map[ServiceKey]Fact[Scaling]
	registered  map[ServiceKey]Fact[[]Registration]
	compared    map[ServiceKey]Fact[DefinitionComparison]
	history     map[ServiceKey]Fact[[]ServiceDeployment] // newest first
	images      map[string]Fact[ImageState]              // by digest
	definitions map[string]Fact[TaskDefinition]          // by ARN

	holds        Fact[map[string]Hold]          // by environment
	localHolds   map[string]Hold                // of this machine
	errors       map[string]Fact[logs.Evidence] // by environment: what the logs say of the time around its release's arrival
	logs         LogStatus
	logPattern   string // that CloudWatch filters the lines with; empty: none
	pastRestored bool
	past         Durations        // how long things took
	listed       Durations        // the same, from the list of runs alone
	reconciled   []Reconciliation // by this process

	newestRead map[string]uint64 // by source: the read that began last of those that were answered
}

// newest reports whether the answer to a read may be kept: none to a read of
// the same source that began later is there. The schedule and a sheet read side
// by side, and what was asked for first must not replace what is newer.
func (s *state) newest(source string, read uint64, err error) bool {
	if read < s.newestRead[source] {
		return false
	}
	if err == nil {
		s.newestRead[source] = read
	}
	return true
}

func newState(opt Options) state {
	return state{
		mode:        opt.Mode,
		repository:  Fact[Repository]{Value: opt.Repository},
		focus:       opt.Focus,
		waiting:     map[int64]Run{},
		others:      map[string]otherRepository{},
		cursors:     map[olderKey]olderCursor{},
		renewed:     map[int64]time.Time{},
		jobs:        map[RunKey]Fact[[]Job]{},
		pending:     map[int64]Fact[[]PendingApproval]{},
		reviews:     map[int64][]Review{},
		files:       map[string]Fact[WorkflowFile]{},
		rules:       map[string]Fact[ProtectionRules]{},
		commits:     map[string]Commit{},
		spans:       map[span]Fact[Between]{},
		deployments: map[string]Fact[[]Deployment]{},
		services:    map[string]Fact[[]ServiceState]{},
		tasks:       map[ServiceKey]Fact[[]Task]{},
		targets:     map[ServiceKey]Fact[[]Target]{},
		alarms:      map[ServiceKey]Fact[[]Alarm]{},
		loads:       map[ServiceKey]Fact[Load]{},
		traffic:     map[ServiceKey]Fact[[]Traffic]{},
		scalings:    map[ServiceKey]Fact[Scaling]{},
		registered:  map[ServiceKey]Fact[[]Registration]{},
		compared:    map[ServiceKey]Fact[DefinitionComparison]{},
		errors:      map[string]Fact[logs.Evidence]{},
		history:     map[ServiceKey]Fact[[]ServiceDeployment]{},
		images:      map[string]Fact[ImageState]{},
		definitions: map[string]Fact[TaskDefinition]{},
		newestRead:  map[string]uint64{},
	}
}

// fact makes a fact of a read: a failure keeps the old value and says so.
func fact[T any](old Fact[T], source string, ttl time.Duration, value T, err error) Fact[T] {
	now := time.Now()
	if err != nil {
		old.Source, old.TTL, old.Err, old.ErrAt = source, ttl, err, now
		return old
	}
	return Fact[T]{Value: value, Observation: Observation{Source: source, At: now, TTL: ttl}}
}
