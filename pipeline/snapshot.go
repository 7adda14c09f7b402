package pipeline

import (
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// Mode says what the console may do.
type Mode string

// Modes of a console.
const (
	ModeOperator Mode = "operator"
	ModeReadOnly Mode = "read-only"
)

// Snapshot is everything that a face shows, at one moment. It is immutable:
// nobody changes a snapshot that was published, or anything it points to.
type Snapshot struct {
	Version      uint64 // grows with every published change
	AsOf         time.Time
	Mode         Mode
	Repository   Repository
	Viewer       Viewer
	Config       Configuration
	Identity     Fact[CloudIdentity]
	Sources      []SourceStatus // in a fixed order
	Rate         RateBudget
	Restored     bool // from disk; nothing was read yet
	Runs         Fact[[]Run]
	RunsTotal    int               // how many the repository has; Runs holds the newest
	Older        []Run             `json:"-"` // read on demand behind the newest ones of all repositories, newest first
	Repositories []RepositoryState // the other repositories of the configuration, by name
	Jobs         map[RunKey]Fact[[]Job]
	Pending      map[int64]Fact[[]PendingApproval] // by run
	Workflows    Fact[[]Workflow]
	Environments []EnvironmentState // in promotion order
	Trains       []Train            // newest release first
	Rollouts     []Rollout          // newest first
	Approvals    []Approval         // what waits for a person, oldest first
	Focus        Focus
	Logs         LogStatus
	Durations    Durations           `json:"-"` // how long workflows, jobs and steps take as a rule
	Forecasts    map[RunKey]Forecast // of the runs that go on
	JobForecasts map[int64]Forecast  // of their jobs, by id; those of which nothing is expected are left out
	Reconciled   []Reconciliation    // what this start found of commands that an earlier one left without a receipt

	// What only the check lists read.
	images      map[string]Fact[ImageState]
	definitions map[string]Fact[TaskDefinition]
	rules       map[string]Fact[ProtectionRules]
	concurrency map[string]string // by workflow file
	files       map[string]Fact[WorkflowFile]
	trees       map[string]string // by commit
	spans       map[span]Fact[Between]
	unresolved  int  // commits whose trees are not known yet
	unreadJobs  bool // a run's jobs are wanted and were never asked for
}

// Environment returns the state of the environment of that name; nil: none.
func (s *Snapshot) Environment(name string) *EnvironmentState {
	for i := range s.Environments {
		if s.Environments[i].Environment.Name == name {
			return &s.Environments[i]
		}
	}
	return nil
}

// Run returns the run of that ID, of any repository, and whether the snapshot
// holds it.
func (s *Snapshot) Run(id int64) (Run, bool) {
	find := func(runs []Run) (Run, bool) {
		for i := range runs {
			if runs[i].ID == id {
				return runs[i], true
			}
		}
		return Run{}, false
	}
	if r, ok := find(s.Runs.Value); ok {
		return r, true
	}
	for i := range s.Repositories {
		if r, ok := find(s.Repositories[i].Runs.Value); ok {
			return r, true
		}
	}
	return find(s.Older)
}

// EnvironmentState is one environment with all that is known of it.
type EnvironmentState struct {
	Environment   Environment
	Live          Live
	Services      []ServiceView // in configuration order
	Disagreements []Disagreement
	Lane          Lane
	Return        ReturnPath
	Hold          *Hold
	Rules         Fact[ProtectionRules]
	Deployments   Fact[[]Deployment] // newest first
	// Errors is the newest comparison of the logs of all its services; unknown
	// until somebody asks for one, or the environment falls ill.
	Errors      Fact[logs.Evidence] `json:"-"`
	Observation                     // of the services

	holds         Observation // of Hold
	lock          *Hold       // the shared lock, also one that has run out; nil: none
	unreadHistory bool        // the services are known, and what ECS did to them was never asked
}

// LiveVerdict says whether an environment's services agree on a release.
type LiveVerdict string

// Verdicts on what is live.
const (
	LiveSame    LiveVerdict = "same"
	LiveMixed   LiveVerdict = "mixed"
	LiveUnknown LiveVerdict = "unknown"
)

// Live is what an environment runs, as ECS says.
type Live struct {
	Release  Release // the majority's where mixed; zero where unknown
	Verdict  LiveVerdict
	Matching int // services on Release
	Total    int // services configured
	Since    time.Time
}

// Health is the fitness of a service in one word.
type Health string

// Healths, best first. Unknown is worse than degraded only in that nobody
// knows.
const (
	Healthy       Health = "healthy"
	Degraded      Health = "degraded"
	Unhealthy     Health = "unhealthy"
	HealthUnknown Health = "unknown"
)

// ServiceView is a service with what the engine concluded about it.
type ServiceView struct {
	ServiceState
	Health       Health
	Why          string // why not healthy, in a few words: "1 of 2 running: out of memory (137)"
	SHA          string // the release that the primary revision runs; empty: unknown
	Version      string
	OtherSHAs    []string      // releases that other tasks still run
	Return       ServiceReturn // whether this service could go back
	Disagreement *Disagreement // nil: the truths agree
	Observation
}

// Disagreement is one service whose truths do not agree.
type Disagreement struct {
	Service, Environment string
	Sentence             string // "run #210 deployed 9f8e7d6, but ECS runs 5c4d3e2: its circuit breaker …"
	Since                time.Time
}

// Approval is a run that waits for a person.
type Approval struct {
	Run           Run
	Environment   string // as the team says it
	Gate          string // the GitHub environment that holds the run
	EnvironmentID int64
	Release       Release
	Since         time.Time
	TimerEnds     time.Time // zero: no timer
	Reviewers     []Reviewer
	CanApprove    bool
}

// Lane is the queue of everything that wants to change one environment.
type Lane struct {
	Environment string
	Group       string // GitHub's concurrency group; empty: not known
	Holder      *LaneMember
	Queue       []LaneMember // behind the holder, first the next
	Evicted     []Run        // recently replaced by a newer run
	Sentence    string
}

// Free reports whether nobody holds the lane.
func (l Lane) Free() bool { return l.Holder == nil }

// LaneMember is a run that holds a lane or waits for it.
type LaneMember struct {
	Run     Run
	Since   time.Time
	Waiting bool // it only waits for a person, or for a timer
	Timer   bool // it only waits for a timer: nobody is asked any more
}

// Hold keeps an environment from being changed until somebody lifts it.
type Hold struct {
	Environment string
	Owner       string
	Reason      string
	Cause       string // manual, rollback, incident
	Since       time.Time
	Until       time.Time // zero: until lifted
	Message     string    // what is kept with it when it is taken: the reason, anchored in the journal
	RequestID   string    // of the command that took it
	Token       string    // names this very hold; empty: it is of this machine alone
	Faulty      []string  // commits of releases that must not come back
}

// ReturnPath says whether the way back is open.
type ReturnPath struct {
	Environment string
	Best        *Candidate
	Why         string         // why Best is the best
	Candidates  []Candidate    // newest first
	Deployable  int            // how many of them could be deployed
	NoReturn    *PointOfReturn // nil: none is known between the candidates and what is live
	Sentence    string
	Observation

	unread bool // what lies between was never asked for
}

// PointOfReturn is where the way back ends: a migration that older code does
// not run with, and the candidates that lie before it.
type PointOfReturn struct {
	Migration Migration
	Release   Release // the newest candidate before it
	Before    int     // how many candidates lie before it
}

// ServiceReturn is the way back of one service.
type ServiceReturn struct {
	Deployment int64   // of the best candidate; 0: there is none
	Release    Release // what that one would restore
	Candidates int     // how many hold the service
	Deployable int     // of how many its own task definition and image are there
	NoReturn   *PointOfReturn
	Sentence   string
}

// Candidate is an earlier deployment that a rollback could restore.
type Candidate struct {
	Deployment Deployment
	Release    Release
	Verdict    Verdict  // pass: deployable; fail: not; unknown
	Reasons    []string // why not, or what it would cost
	LiveFor    time.Duration
	LiveSince  time.Time
	Faulty     bool              // rolled back or declared bad
	Migrations Fact[[]Migration] // between it and what is live
	services   map[string]verdictOf
	unread     bool // an artefact was never looked up
}

// Focus is what the operator looks at; pollers favour it.
type Focus struct {
	Environment string
	RunID       int64
	Service     string
	SHA         string
	Logs        bool // the panel of logs has the keys
	Blurred     bool // the terminal is not looked at
}

// LogStatus is how the log tail fares.
type LogStatus struct {
	Groups  int
	Rate    float64       // lines a second over the last seconds
	Lines   int           // lines held
	Dropped uint64        // lines that the bounded ring let go
	Behind  time.Duration // how far the tail is behind the source
	Late    uint64
	Observation
}
