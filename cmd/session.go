package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/deployctl/gh-deployctl/aws"
	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/journal"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// session is the program for the time of one command: adapters and engine.
type session struct {
	*globals
	log               *slog.Logger
	host, owner, name string
	reader            pipeline.GitHub
	actions           pipeline.Actions // nil in a read-only session
	// other and otherActions are what reads and changes another repository on
	// the same host; otherActions is nil in a read-only session.
	other        func(repository string) (pipeline.GitHub, error)
	otherActions func(repository string) (pipeline.Actions, error)
	cloud        *aws.Cloud
	engine       *pipeline.Engine
	closers      []func()
}

// sessionOptions say what a command needs of a session.
type sessionOptions struct {
	mode      pipeline.Mode
	wall      bool
	noGitHub  bool // AWS alone
	noLogs    bool
	logGroups []string
	logSince  time.Duration
	focus     pipeline.Focus
	restore   bool // begin with the last known snapshot
	configure func(context.Context) (pipeline.Configuration, error)
}

// open builds a session. A read-only session holds no value that can change
// anything: its GitHub reader refuses all but GET and HEAD, and there is no
// Actions.
func (g *globals) open(ctx context.Context, o sessionOptions) (*session, error) {
	s := &session{globals: g}
	if err := s.openLog(); err != nil {
		return nil, err
	}
	if !o.noGitHub {
		if err := s.openGitHub(o.mode); err != nil {
			s.Close()
			return nil, err
		}
	}
	cloud, err := aws.New(ctx, aws.Options{Log: s.log, Version: Version(), CacheDir: filepath.Join(cacheHome(), "gh-deployctl")})
	if err != nil {
		s.Close()
		return nil, err
	}
	s.cloud = cloud
	s.engine = pipeline.NewEngine(s.engineOptions(o))
	s.engine.Start(ctx)
	s.closers = append(s.closers, func() { _ = s.engine.Close() }) // it only waits
	return s, nil
}

// openGitHub resolves the repository and makes the reader, and the actions
// where the mode allows any.
func (s *session) openGitHub(mode pipeline.Mode) (err error) {
	if s.host, s.owner, s.name, err = ghclient.Resolve(s.repository); err != nil {
		return err
	}
	o := ghclient.Options{Host: s.host, Repository: s.owner + "/" + s.name, Log: s.log, Version: Version()}
	if mode == pipeline.ModeReadOnly {
		reader, err := ghclient.NewReader(o)
		if err != nil {
			return err
		}
		s.reader = reader
		s.other = func(repository string) (pipeline.GitHub, error) { return reader.In(repository) }
		return nil
	}
	client, err := ghclient.NewClient(o)
	if err != nil {
		return err
	}
	s.reader, s.actions = client, client
	s.other = func(repository string) (pipeline.GitHub, error) { return client.In(repository) }
	s.otherActions = func(repository string) (pipeline.Actions, error) { return client.In(repository) }
	return nil
}

func (s *session) engineOptions(o sessionOptions) pipeline.Options {
	out := pipeline.Options{
		Repository: pipeline.Repository{Host: s.host, Owner: s.owner, Name: s.name},
		GitHub:     s.reader, OtherGitHub: s.other, Cloud: s.cloud, Mode: o.mode, Wall: o.wall, Log: s.log,
		LogGroups: o.logGroups, LogSince: o.logSince, Focus: o.focus, Configure: o.configure,
	}
	if out.Configure == nil {
		out.Configure = s.configure
	}
	if path, err := journal.Path(stateHome(), s.host, s.owner, s.name); err == nil && !o.noGitHub {
		out.LocalHolds = holdsOf(path)
		out.History = s.historyOf()
	}
	out.NoTail = o.noLogs
	out.LogSource = func(c pipeline.Cluster) logs.Source { return s.cloud.LogSource(c) }
	if o.restore {
		out.Restored = s.restored()
	}
	return out
}

// operator makes the value that can act, over the repository's journal. What a
// rollback from this machine has to tell goes to progress.
func (s *session) operator(progress io.Writer) (*pipeline.Operator, error) {
	path, err := journal.Path(stateHome(), s.host, s.owner, s.name)
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(path)
	if err != nil {
		return nil, &pipeline.Error{Kind: pipeline.KindInternal, Op: "open the journal", On: path, Err: err, Hint: "check the directory's permissions"}
	}
	cloud, err := aws.NewActions(context.Background(), aws.Options{Log: s.log, Version: Version()})
	if err != nil {
		return nil, err
	}
	return pipeline.NewOperator(pipeline.OperatorOptions{Engine: s.engine, Actions: s.actions, OtherActions: s.otherActions, Cloud: cloud, Direct: s.direct(progress), Settings: s.settingsReader(), Journal: recorder{j}}), nil
}

// settingsReader looks up what became of changes of settings; nil where the
// reader cannot.
func (s *session) settingsReader() pipeline.SettingsReader {
	r, _ := s.reader.(pipeline.SettingsReader)
	return r
}

// reconcile looks for what became of commands that an earlier process left
// without a receipt, and tells it.
func (s *session) reconcile(ctx context.Context, op *pipeline.Operator) {
	found, err := op.Reconcile(ctx)
	for _, r := range found {
		fmt.Fprintf(s.Err, "gh deployctl: note: the %s of %s was left without a receipt: %s\n", r.Intent.Kind, r.Intent.SeenAt.In(s.zone()).Format("2006-01-02 15:04"), r.Sentence)
	}
	if err != nil {
		fmt.Fprintln(s.Err, "gh deployctl: warning: "+sentence(err))
	}
}

// recorder writes the engine's records into the journal.
type recorder struct{ journal *journal.Journal }

// Record appends one entry.
func (r recorder) Record(ctx context.Context, kind, id, operator, command string, data json.RawMessage) (uint64, string, error) {
	e, err := r.journal.Append(ctx, journal.Entry{Kind: kind, ID: id, Operator: operator, Command: command, Data: data})
	if err != nil {
		return 0, "", err
	}
	return e.Seq, r.journal.Anchor(journal.Head{Seq: e.Seq, Hash: e.Hash}), nil
}

// Abandoned returns what earlier processes left without a receipt.
func (r recorder) Abandoned(context.Context) ([]pipeline.Abandoned, error) {
	entries, err := r.journal.Abandoned()
	out := make([]pipeline.Abandoned, len(entries))
	for i, e := range entries {
		out[i] = pipeline.Abandoned{At: e.At, Data: e.Data}
	}
	return out, err
}

// Close ends everything that the session began.
func (s *session) Close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
}

// openLog sends the program's log to the file that was asked for, and nowhere
// else: nothing may write behind the console's back.
func (s *session) openLog() error {
	s.log = slog.New(slog.DiscardHandler)
	if s.logFile == "" {
		return nil
	}
	f, err := os.OpenFile(s.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return &pipeline.Error{Kind: pipeline.KindUsage, Op: "open the log file", Err: err, Message: err.Error(), Hint: "choose another with --log-file"}
	}
	s.closers = append(s.closers, func() { _ = f.Close() }) // every line was written as it came
	s.log = slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return nil
}

// stateHome is $XDG_STATE_HOME, or its documented default.
func stateHome() string {
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "gh-deployctl-state")
	}
	return filepath.Join(home, ".local", "state")
}
