package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// spansSource is what reads between the candidates of the way back and what is
// live.
const spansSource = "github migrations"

// mostMigrations bounds how many files of one comparison are read.
const mostMigrations = 60

// span is a release that could come back and the one that runs. Two commits
// never change, and neither does what lies between them: it is read once.
type span struct{ base, head string }

// Between is what lies in a span.
type Between struct {
	Comparison Comparison
	Migrations []Migration
}

// spansInterval reads at once what was never asked for, and then only what failed.
func spansInterval(s *Snapshot) time.Duration {
	if slices.ContainsFunc(s.Environments, func(e EnvironmentState) bool { return e.Return.unread }) {
		return soon
	}
	return everyHistory
}

// readSpans reads what lies between the candidates of the way back and what is
// live, and forgets what nobody asks about any more.
func (e *Engine) readSpans(ctx context.Context) error {
	all := view(e, func(s *state) []span { return s.spansWanted() })
	e.observe(func(s *state) {
		for known := range s.spans {
			if !slices.Contains(all, known) {
				delete(s.spans, known)
			}
		}
	})
	missing := view(e, func(s *state) []span {
		return slices.DeleteFunc(all, func(x span) bool { return s.spans[x].Known() })
	})
	found := make([]Fact[Between], len(missing))
	_ = each(ctx, indexes(len(missing)), func(ctx context.Context, i int) error { // its facts carry their errors
		found[i] = e.compareSpan(ctx, missing[i])
		return nil
	})
	var wanted []fileAt
	for i := range found {
		wanted = append(wanted, filesOf(found[i].Value.Comparison, missing[i].head)...)
	}
	read := e.classify(ctx, wanted)
	var errs []error
	e.observe(func(s *state) {
		for i, x := range missing {
			if f := &found[i]; f.Err == nil {
				list, err := migrationsAmong(f.Value.Comparison, x.head, read)
				f.Value.Migrations = append(f.Value.Migrations, list...)
				*f = fact(s.spans[x], spansSource, 0, f.Value, err)
			}
			s.spans[x] = found[i]
			errs = append(errs, found[i].Err)
		}
	})
	return firstError(errs)
}

// compareSpan reads the comparison of a span.
func (e *Engine) compareSpan(ctx context.Context, x span) Fact[Between] {
	var b Between
	c, err := e.opt.GitHub.Compare(ctx, x.base, x.head)
	if KindOf(err) == KindNotFound {
		err = nil // force-pushed away: what lies between will never be known
		b.Migrations = []Migration{unseen("GitHub cannot compare the two commits")}
	}
	b.Comparison = c
	return fact(Fact[Between]{}, spansSource, 0, b, err)
}

// unseen stands for migrations that there may be and that nobody can look at.
func unseen(why string) Migration {
	return Migration{Name: "beyond what can be read", Class: MigrationUnknown, Why: why}
}

// fileAt is a file of a comparison at a commit.
type fileAt struct{ path, ref, status string }

// classified is a migration, and why it could not be read.
type classified struct {
	Migration
	err error
}

// migrationsOf classifies the migrations among a comparison's files as they
// stand at ref. A file that cannot be read is unknown, and the error says why.
func (e *Engine) migrationsOf(ctx context.Context, c Comparison, ref string) ([]Migration, error) {
	return migrationsAmong(c, ref, e.classify(ctx, filesOf(c, ref)))
}

// filesOf are the migrations among a comparison's files that are looked at.
func filesOf(c Comparison, ref string) []fileAt {
	var out []fileAt
	for _, f := range migrationFiles(c.Files) {
		if len(out) < mostMigrations {
			out = append(out, fileAt{f.Path, ref, f.Status})
		}
	}
	return out
}

// classify reads every file once.
func (e *Engine) classify(ctx context.Context, files []fileAt) map[fileAt]classified {
	var once []fileAt
	for _, f := range files {
		if !slices.Contains(once, f) {
			once = append(once, f)
		}
	}
	list := make([]classified, len(once))
	_ = each(ctx, indexes(len(once)), func(ctx context.Context, i int) error { // each carries its error
		list[i] = e.classifyFile(ctx, once[i])
		return nil
	})
	out := make(map[fileAt]classified, len(once))
	for i, f := range once {
		out[f] = list[i]
	}
	return out
}

func (e *Engine) classifyFile(ctx context.Context, f fileAt) classified {
	m := classified{Migration: Migration{Path: f.path, Name: migrationName(f.path), Class: MigrationUnknown, Why: "could not be read"}}
	if f.status == "removed" {
		m.Why = "was removed"
		return m
	}
	content, err := e.opt.GitHub.File(ctx, f.path, f.ref)
	switch {
	case err == nil:
		m.Class, m.Why = Classify(string(content))
	case KindOf(err) != KindNotFound:
		m.err = err
	}
	return m
}

// migrationsAmong lists a comparison's migrations, as they were classified.
// What the list of files leaves out is unknown.
func migrationsAmong(c Comparison, ref string, read map[fileAt]classified) ([]Migration, error) {
	var out []Migration
	var errs []error
	files := filesOf(c, ref)
	for _, f := range files {
		out = append(out, read[f].Migration)
		errs = append(errs, read[f].err)
	}
	if all := len(migrationFiles(c.Files)); all > len(files) {
		out = append(out, unseen(fmt.Sprintf("only %d of %d were read", len(files), all)))
	}
	if c.FilesCut {
		out = append(out, unseen(fmt.Sprintf("GitHub lists only the first %d files of the change", len(c.Files))))
	}
	return out, firstError(errs)
}

func indexes(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// spansWanted lists what the way back of every environment asks about.
func (s *state) spansWanted() []span {
	d := &deriving{state: s, now: time.Now(), byTree: map[string][]string{}}
	d.index()
	var out []span
	for _, env := range s.config.Value.Environments {
		if !s.asksBack(env) {
			continue
		}
		e := d.environment(env)
		for _, c := range d.candidates(&e) {
			if x, ok := d.spanOf(c, &e); ok && !slices.Contains(out, x) {
				out = append(out, x)
			}
		}
	}
	return out
}

// asksBack reports whether an environment's migrations are looked at without
// anybody asking: production's, and what is in focus.
func (s *state) asksBack(env Environment) bool {
	return env.Production || env.Name == s.focus.Environment
}

// spanOf is what lies between a candidate and what is live, and whether there
// is anything to ask.
func (d *deriving) spanOf(c Candidate, e *EnvironmentState) (span, bool) {
	x := span{c.Release.SHA, e.Live.Release.SHA}
	return x, len(x.base) == 40 && len(x.head) == 40 && !d.same(x.base, x.head)
}
