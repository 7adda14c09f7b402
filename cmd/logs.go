package cmd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/deployctl/gh-deployctl/aws"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// logFlags say which lines are wanted, and how they are printed.
type logFlags struct {
	asJSON, follow bool
	since, until   string
	filter         string
	pattern        string
	services       []string
	environment    string
	groups         []string
}

func (f *logFlags) register(fl *pflag.FlagSet) {
	fl.BoolVar(&f.asJSON, "json", false, "print JSON Lines")
	fl.BoolVarP(&f.follow, "follow", "f", false, "stay, and print lines as they come")
	fl.StringVar(&f.since, "since", "10m", "how far back: a span (30m, 2h, 1d) or a time (2026-11-22T14:00:00Z)")
	fl.StringVar(&f.until, "until", "", "up to when: as --since; not with --follow")
	fl.StringVar(&f.pattern, "pattern", "", "have CloudWatch filter with its own `PATTERN`: '?ERROR ?Traceback', '{ $.level = \"ERROR\" }'")
	fl.StringVar(&f.filter, "filter", "", "only lines that match: words, /regex/, level:error, service:orders, release:SHA")
	fl.StringArrayVarP(&f.services, "service", "s", nil, "only this service (repeatable)")
	fl.StringVarP(&f.environment, "environment", "e", "", "the environment (default: as configured)")
	fl.StringArrayVar(&f.groups, "group", nil, "this log group, by `NAME`, with AWS alone (repeatable)")
}

func newLogs(g *globals) *cobra.Command {
	var f logFlags
	c := &cobra.Command{
		Use:   "logs",
		Short: "CloudWatch logs of an environment's services, merged by time",
		Long: "logs prints the lines of an environment's services, or of the groups that --group names (which\n" +
			"needs neither configuration nor GitHub). --follow loses nothing and repeats nothing.\n\n" +
			"The release of a line, for --json and --filter release:SHA, is that of the task that wrote it. The tasks\n" +
			"are read before the first line; following, the lines of a task that has just started wait up to 5 s until\n" +
			"it is read. The release is null where a task stays unknown: one of --group, one that was run by hand.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			p := &linePrinter{globals: g, asJSON: f.asJSON, out: bufio.NewWriter(g.Out), services: f.services}
			if err := p.choose(&f); err != nil {
				return usage(c, err.Error())
			}
			followed, tasks, done, err := g.followed(c.Context(), f)
			if err != nil {
				return err
			}
			defer done()
			p.tasks = tasks
			return p.run(c.Context(), followed, f.follow)
		},
	}
	f.register(c.Flags())
	return c
}

// choose reads which lines are wanted. A pattern that stands in the filter
// counts as --pattern.
func (p *linePrinter) choose(f *logFlags) (err error) {
	now := time.Now()
	if p.since, err = parseSince(f.since, now); err != nil {
		return err
	}
	if f.until != "" {
		if p.until, err = parseSince(f.until, now); err != nil {
			return errors.New(strings.Replace(err.Error(), "--since", "--until", 1))
		}
	}
	switch {
	case f.until != "" && f.follow:
		return errors.New("--follow goes on after --until; leave one of them out")
	case f.until != "" && !p.until.After(p.since):
		return fmt.Errorf("--until %s is not after --since %s", f.until, f.since)
	}
	if p.filter, err = logs.ParseFilter(f.filter); err != nil {
		return fmt.Errorf("--filter: %w", err)
	}
	switch {
	case f.pattern == "":
		f.pattern = p.filter.Source
	case p.filter.Source != "":
		return errors.New("--pattern and the cw: of --filter are the same; give one of them")
	}
	return nil
}

// parseSince reads a span back from now, or a moment.
func parseSince(s string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n float64
		if _, err := fmt.Sscanf(days, "%g", &n); err == nil && n >= 0 && fmt.Sprintf("%g", n) == days {
			return now.Add(-time.Duration(n * 24 * float64(time.Hour))), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "15:04"} {
		at, err := time.ParseInLocation(layout, s, now.Location())
		if err != nil {
			continue
		}
		if layout == "15:04" {
			at = time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), 0, 0, now.Location())
		}
		return at, nil
	}
	return time.Time{}, fmt.Errorf("--since is a span such as 30m, 2h or 1d, or a time such as 2026-11-22T14:00:00Z, and not %q", s)
}

// source is one account and region with the groups to read there.
type source struct {
	from   logs.Source
	groups []logs.Group
}

// followed finds the groups: those that were named, else those of the
// environment's task definitions. Of these it also tells what each task runs.
func (g *globals) followed(ctx context.Context, f logFlags) ([]source, taskReleases, func(), error) {
	if len(f.groups) > 0 {
		s := &session{globals: g}
		if err := s.openLog(); err != nil {
			return nil, taskReleases{}, nil, err
		}
		cloud, err := aws.New(ctx, aws.Options{Log: s.log, Version: Version()})
		if err != nil {
			return nil, taskReleases{}, nil, err
		}
		one := source{from: cloud.LogSource(pipeline.Cluster{})}
		for _, name := range f.groups {
			one.groups = append(one.groups, logs.Group{Name: name, Service: name[strings.LastIndexByte(name, '/')+1:], Pattern: f.pattern})
		}
		return []source{one}, taskReleases{}, s.Close, nil
	}
	s, snap, err := g.snapshot(ctx, sessionOptions{mode: pipeline.ModeReadOnly, noLogs: true})
	if err != nil {
		return nil, taskReleases{}, nil, err
	}
	name := f.environment
	if name == "" {
		name = snap.Focus.Environment
	}
	envs, err := chosen(snap, name)
	if err == nil {
		err = noServices(snap, envs)
	}
	if err != nil {
		s.Close()
		return nil, taskReleases{}, nil, err
	}
	known := serviceNames(envs)
	for _, service := range f.services {
		if !slices.Contains(known, service) {
			s.Close()
			return nil, taskReleases{}, nil, pipeline.NoSuch("service", service, known)
		}
	}
	found := sourcesOf(s, envs, f)
	if len(found) == 0 {
		s.Close()
		return nil, taskReleases{}, nil, &pipeline.Error{Kind: pipeline.KindUsage, Message: "no log group found in " + name, Hint: "name one with --group, or a service of " + name + " with --service"}
	}
	readTasks(ctx, s, envs, f.services)
	learn := func(ctx context.Context, service string) { readTasks(ctx, s, envs, []string{service}) }
	return found, taskReleases{snapshot: s.engine.Snapshot, learn: learn}, s.Close, nil
}

// mostTasksRead is of how many services the tasks are read to name the release
// of their lines; with more, only those that move are known.
const mostTasksRead = 40

// readTasks has the engine read which tasks run. A line of a task that stays
// unknown has no release, which is all that an error means here.
func readTasks(ctx context.Context, s *session, envs []*pipeline.EnvironmentState, only []string) {
	var services []pipeline.ServiceState
	for _, e := range envs {
		for _, v := range e.Services {
			if len(only) == 0 || slices.Contains(only, v.Key.Service) {
				services = append(services, v.ServiceState)
			}
		}
	}
	if len(services) > mostTasksRead {
		return
	}
	if err := s.engine.ReadTasks(ctx, services); err != nil {
		s.log.Warn("the release of some lines stays unknown", "error", err)
	}
}

// taskReleases tells which release a task runs, as far as the newest snapshot
// knows.
type taskReleases struct {
	snapshot func() *pipeline.Snapshot // nil: nothing is known of tasks
	learn    func(ctx context.Context, service string)
	seen     *pipeline.Snapshot
	releases map[string]string
}

// of is the release of the task that wrote a line; empty: it is not known yet,
// and wanted says whether anybody could know.
func (r *taskReleases) of(l *logs.Line) (release string, wanted bool) {
	if r.snapshot == nil || l.Release != "" || l.Task == "" {
		return "", false
	}
	if now := r.snapshot(); now != r.seen {
		if r.releases == nil {
			r.releases = map[string]string{}
		}
		r.seen = now
		maps.Copy(r.releases, releasesOf(now)) // a task that is gone still has lines to come
	}
	return r.releases[l.Task], true
}

// label gives the lines of known tasks their release.
func (r *taskReleases) label(l *logs.Line) {
	if release, _ := r.of(l); release != "" {
		labelled := *l.Origin
		labelled.Release = release
		l.Origin = &labelled
	}
}

func releasesOf(s *pipeline.Snapshot) map[string]string {
	out := map[string]string{}
	for _, e := range s.Environments {
		for _, v := range e.Services {
			for _, rev := range v.Revisions {
				for _, task := range v.Tasks.Value {
					if task.TaskDefinition == rev.TaskDefinition && rev.SHA != "" {
						out[task.ID] = pipeline.Short(rev.SHA)
					}
				}
			}
		}
	}
	return out
}

func sourcesOf(s *session, envs []*pipeline.EnvironmentState, f logFlags) []source {
	var out []source
	at := map[pipeline.Cluster]int{}
	for _, e := range envs {
		for _, v := range e.Services {
			if len(f.services) > 0 && !slices.Contains(f.services, v.Key.Service) {
				continue
			}
			c := v.Cluster
			c.Name = ""
			i, ok := at[c]
			if !ok {
				i = len(out)
				at[c] = i
				out = append(out, source{from: s.cloud.LogSource(c)})
			}
			for _, lg := range v.LogGroups {
				group := logs.Group{Name: lg.Name, Service: v.Key.Service, Pattern: f.pattern}
				if !slices.Contains(out[i].groups, group) {
					out[i].groups = append(out[i].groups, group)
				}
			}
		}
	}
	return slices.DeleteFunc(out, func(s source) bool { return len(s.groups) == 0 })
}

// linePrinter is the sink of a followed log: it prints what comes, once.
type linePrinter struct {
	*globals
	asJSON   bool
	filter   logs.Filter
	services []string
	tasks    taskReleases
	since    time.Time
	until    time.Time // zero: now

	mu  sync.Mutex
	out *bufio.Writer
	err error
}

// run reads the groups and prints. Without following, it ends when everything
// since the beginning was read, and prints it in the order of time.
func (p *linePrinter) run(ctx context.Context, sources []source, follow bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ring := logs.NewRing(0, 0)
	var sink logs.Sink = ring
	var running sync.WaitGroup
	begin, finish := func() {}, func() {}
	if follow {
		follower := &inOrder{printer: p, cancel: cancel, met: map[string]time.Time{}}
		follower.learn = func(service string) { running.Go(func() { p.tasks.learn(ctx, service) }) }
		sink, begin, finish = follower, follower.begin, follower.finish
	}
	var tails []*logs.Tail
	for _, s := range sources {
		if !p.until.IsZero() {
			s.from = endingAt{s.from, p.until}
		}
		t := logs.NewTail(s.from, sink, logs.Options{Since: time.Since(p.since), BackfillPages: 1000})
		t.SetGroups(s.groups)
		tails = append(tails, t)
		running.Go(func() { _ = t.Run(ctx) }) // it ends with the context only
	}
	err := p.supervise(ctx, tails, follow, begin)
	cancel()
	running.Wait()
	finish()
	if !follow {
		p.print(ring.Snapshot()) // also what was read until a group failed, which the error tells
	}
	return errors.Join(err, p.err)
}

// endingAt is a source of which nothing is wanted after an instant.
type endingAt struct {
	logs.Source
	end time.Time
}

// Filter asks for the part of the query that is wanted.
func (s endingAt) Filter(ctx context.Context, q logs.Query) (logs.Page, error) {
	if q.Start.After(s.end) {
		return logs.Page{}, nil
	}
	if q.End.IsZero() || q.End.After(s.end) {
		q.End = s.end
	}
	return s.Source.Filter(ctx, q)
}

// beginPatience is how long lines are held at the start of following, so that
// those from before come in the order of time, over all services.
const beginPatience = 5 * time.Second

// supervise waits until the beginning was read; following, it lets that out,
// stays and says when a group can no longer be read, and when it can again.
func (p *linePrinter) supervise(ctx context.Context, tails []*logs.Tail, follow bool, begin func()) error {
	ill, began := map[string]string{}, time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		read, failed := true, error(nil)
		for _, t := range tails {
			for _, state := range t.State() {
				read = read && state.Backfilled && state.CaughtUp
				switch {
				case hopeless(state, began, follow):
					failed = state.Err
				case follow:
					p.report(ill, state)
				}
			}
		}
		switch {
		case failed != nil:
			return failed
		case read && !follow:
			return nil
		case read || time.Since(began) > beginPatience:
			begin()
		}
		select {
		case <-ctx.Done():
			return nil // Ctrl-C is how following ends
		case <-tick.C:
		}
	}
}

// hopeless reports whether waiting for a group makes no sense: nobody's waiting
// heals a missing group or permission, and a command that does not follow gives
// a source up that has not answered for a while.
func hopeless(state logs.GroupState, began time.Time, follow bool) bool {
	switch {
	case state.Err == nil:
		return false
	case pipeline.ExitCode(state.Err) != pipeline.ExitUnreachable:
		return state.LastSuccess.IsZero()
	case state.LastSuccess.After(began):
		began = state.LastSuccess
	}
	return !follow && time.Since(began) > settleTimeout
}

// report tells the change of a group's health, once, on the error stream. What
// trying again ends within seconds is nobody's business.
func (p *linePrinter) report(ill map[string]string, state logs.GroupState) {
	now := ""
	if state.Err != nil && !state.Passing() {
		now = sentence(state.Err)
	}
	if now == ill[state.Group.Name] {
		return
	}
	if now == "" {
		fmt.Fprintf(p.Err, "gh deployctl: %s is read again\n", state.Group.Name)
	} else if ill[state.Group.Name] == "" {
		fmt.Fprintf(p.Err, "gh deployctl: %s; still trying\n", now)
	}
	ill[state.Group.Name] = now
}

type lineJSON struct {
	Timestamp time.Time  `json:"timestamp"`
	Ingested  *time.Time `json:"ingestion_time"`
	Group     string     `json:"group"`
	Stream    string     `json:"stream"`
	Service   string     `json:"service"`
	Release   *string    `json:"release"`
	Level     string     `json:"level"`
	Message   string     `json:"message"`
}

// print writes lines and flushes them, so that a pipe gets them at once.
func (p *linePrinter) print(lines []*logs.Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range lines {
		p.tasks.label(l)
		if p.err != nil || l.Timestamp().Before(p.since) || !p.until.IsZero() && l.Timestamp().After(p.until) || !p.filter.Match(l) {
			continue
		}
		p.err = p.write(l)
	}
	if err := p.out.Flush(); p.err == nil {
		p.err = err
	}
}

func (p *linePrinter) write(l *logs.Line) error {
	if p.asJSON {
		e := json.NewEncoder(p.out)
		e.SetEscapeHTML(false)
		return e.Encode(lineJSON{l.Timestamp().UTC(), moment(l.Ingested()), l.Group, l.Stream, l.Service, known(l.Release), l.Level.String(), l.Text})
	}
	at := l.Timestamp().Local()
	if p.utc {
		at = at.UTC()
	}
	_, err := io.WriteString(p.out, at.Format("2006-01-02T15:04:05.000 ")+fmt.Sprintf("%-14s ", l.Service)+l.Text+"\n")
	return err
}
