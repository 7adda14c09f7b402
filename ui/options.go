package ui

import (
	"context"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/ui/sheet"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// Engine is what the console reads from; *pipeline.Engine is one. It holds
// nothing that could change anything.
type Engine interface {
	// Snapshot is the newest snapshot, never nil and never changed.
	Snapshot() *pipeline.Snapshot
	// Subscribe gives a channel that holds one signal when a newer snapshot exists.
	Subscribe() (wake <-chan struct{}, cancel func())
	// SetFocus says what the operator looks at.
	SetFocus(f pipeline.Focus)
	// Refresh reads everything now.
	Refresh()
	// Logs is the ring of log lines.
	Logs() *logs.Ring
	// SetLogPattern has CloudWatch filter the lines by a pattern of its own.
	SetLogPattern(pattern string)
	// ReadLogsSince reads older lines into the ring.
	ReadLogsSince(at time.Time)
	// CompareLogs reads the errors before and after traffic moved.
	CompareLogs(ctx context.Context, key pipeline.ServiceKey) (logs.Evidence, error)
	// Jobs reads the jobs of one attempt of a run.
	Jobs(ctx context.Context, run int64, attempt int) ([]pipeline.Job, error)
	// JobLog reads the log of a job of a run that has ended.
	JobLog(ctx context.Context, run, job int64) (pipeline.JobLog, error)
	// Annotations reads what the tools of a run's job noted.
	Annotations(ctx context.Context, run, job int64) ([]pipeline.Annotation, error)
	// Artifacts lists what a run left behind.
	Artifacts(ctx context.Context, run int64) ([]pipeline.Artifact, error)
	// SaveArtifact unpacks an artifact of a run below a directory.
	SaveArtifact(ctx context.Context, run int64, a pipeline.Artifact, dir string) ([]string, error)
	// ReadOlder reads runs behind those of the snapshot into later snapshots. The
	// empty repository is the console's own.
	ReadOlder(ctx context.Context, repositories []string, q pipeline.RunQuery) (found int, more bool, err error)
	// WorkflowFile reads what a workflow's file says at a ref.
	WorkflowFile(ctx context.Context, repository, file, ref string) (pipeline.WorkflowFile, error)
	// Refs reads the branches and tags.
	Refs(ctx context.Context, repository string) ([]pipeline.Ref, error)
}

// InputMemory keeps what was typed into the form of a workflow, from one start
// to the next.
type InputMemory interface {
	// Recall is what was sent last, by input; empty where nothing is known.
	Recall(repository, workflow string) map[string]string
	// Remember keeps what was sent, without what must not be kept.
	Remember(repository, workflow string, inputs map[string]string) error
}

// Operator is what the console changes things through; *pipeline.Operator is
// one. Without one the console is read-only.
type Operator interface {
	sheet.Planner
	// Renew reads the evidence of a plan again; the intent stays.
	Renew(ctx context.Context, plan pipeline.Plan) (pipeline.Plan, error)
	// Execute re-checks, records, sends once and observes. A refusal is a
	// receipt and not an error.
	Execute(ctx context.Context, plan pipeline.Plan, c pipeline.Confirmation) (pipeline.Receipt, error)
}

// Options are what a console is built from.
type Options struct {
	Engine      Engine
	Operator    Operator                // nil: read-only
	Inputs      InputMemory             // nil: the form of a workflow begins with its defaults
	Now         func() time.Time        // nil: time.Now
	Zone        *time.Location          // of the times shown; nil: local
	Theme       theme.Options           // how it looks; the background is asked of the terminal
	OpenBrowser func(url string) error  // nil: o says that there is no browser
	Version     string                  // of the program, for the help screen
	Program     []tea.ProgramOption     // beside the console's own, such as input and output
	Getenv      func(key string) string // nil: os.Getenv
	Rotate      time.Duration           // after which the next panel has the focus, for a wall screen; 0: never
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = time.Local
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	return o
}
