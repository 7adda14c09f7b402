package pipeline

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// evidence is what the check lists judge: facts read around every cache when a
// sheet opens, and again before anything is sent. What could not be read stays
// unknown, with its error.
type evidence struct {
	now        time.Time
	snap       *Snapshot         // derived after the reads
	env        *EnvironmentState // where the change would happen
	previous   *EnvironmentState // the environment that must have verified the release; nil: none
	run        Fact[Run]
	pending    Fact[[]PendingApproval]
	checks     Fact[[]Check]
	compare    Fact[Comparison] // live...candidate of an approval, target...live of a rollback
	migrations Fact[[]Migration]
	images     Fact[map[string]ImageState] // of what would be deployed
	digests    map[string]string           // service to the digest that would be deployed
	snapshots  Fact[[]DatabaseSnapshot]
	expiries   Fact[map[string]Expiry]      // of the images of a rollback's target
	secrets    Fact[map[string]SecretState] // of the definitions that a rollback restores, by reference
	after      Fact[Comparison]             // candidate...default branch: what came later
	seen       map[string]string            // liveECS as the panels showed it before the sheet was asked for
	rollback   Fact[WorkflowFile]
	errors     Fact[logs.Evidence] // in the logs, before and after the release took traffic
	named      Fact[Deployment]    // a rollback's target that is none of the environment's own
	halt       *halting            // nil: a rollback does not end what is in flight
	same       func(a, b string) bool
}

// reading collects the facts of one gathering, some of which are read at once.
type reading struct {
	o   *Operator
	ctx context.Context
	wg  sync.WaitGroup
}

func (r *reading) do(read func(ctx context.Context)) {
	r.wg.Add(1)
	go func() {
		defer r.wg.Done()
		read(r.ctx)
	}()
}

// look reads a fact in the background.
func look[T any](r *reading, into *Fact[T], source string, read func(ctx context.Context) (T, error)) {
	r.do(func(ctx context.Context) {
		v, err := read(ctx)
		*into = fact(Fact[T]{}, source, EvidenceLife, v, err)
	})
}

// refreshEnvironment reads again what ECS and GitHub say of an environment, into the
// engine's own state, so that panels and sheets see the same.
func (r *reading) refreshEnvironment(name string) {
	e := r.o.engine
	if e.opt.Cloud != nil {
		r.do(func(ctx context.Context) {
			if e.readServices(ctx, name) == nil {
				_ = e.readFitness(ctx, name) // its facts carry their errors
			}
		})
	}
}

// derived concludes a fresh snapshot after the reads.
func (o *Operator) derived(now time.Time) (*Snapshot, func(a, b string) bool) {
	e := o.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	snap := derive(&e.state, now)
	trees := map[string]string{}
	for sha, c := range e.state.commits {
		trees[sha] = c.Tree
	}
	return snap, func(a, b string) bool {
		return a != "" && b != "" && (a == b || trees[a] != "" && trees[a] == trees[b])
	}
}

// readMigrations classifies the migrations of a comparison from their files.
// One that is not readable is unknown, which the gate says.
func (o *Operator) readMigrations(ctx context.Context, c Fact[Comparison], ref string) Fact[[]Migration] {
	if c.Err != nil || !c.Known() {
		return Fact[[]Migration]{Observation: c.Observation}
	}
	list, _ := o.engine.migrationsOf(ctx, c.Value, ref)
	return Fact[[]Migration]{Value: list, Observation: c.Observation}
}

// liveECS is the identity of what runs: service to the id of its PRIMARY set.
func liveECS(e *EnvironmentState) map[string]string {
	out := map[string]string{}
	if e == nil {
		return out
	}
	for _, v := range e.Services {
		if p, ok := v.Primary(); ok {
			out[v.Key.Service] = p.ID
		}
	}
	return out
}

// usual is how long deployments to an environment took from their start to
// success: the median and the worst; 0 where there is no history.
func usual(list []Deployment, kind string) (median, worst time.Duration) {
	var spans []time.Duration
	for _, d := range list {
		if at := d.SucceededAt(); !at.IsZero() && (d.Payload.Kind == "rollback") == (kind == "rollback") {
			spans = append(spans, at.Sub(d.Created))
		}
	}
	if len(spans) == 0 {
		return 0, 0
	}
	slices.Sort(spans)
	return spans[len(spans)/2], spans[len(spans)-1]
}

// unreadGate makes a gate of a fact that could not be read.
func unreadGate(g Gate, o Observation, effect Severity) Gate {
	g.Verdict, g.Effect, g.Observation = Unknown, effect, o
	if g.Code == "" {
		g.Code = "evidence_unavailable"
	}
	g.Sentence = g.Title + " cannot be read"
	if o.Err != nil {
		g.Sentence += ": " + o.Err.Error()
	}
	return g
}

// unreadable reports whether a fact must not be relied on.
func unreadable(o Observation) bool { return o.Err != nil || !o.Known() }
