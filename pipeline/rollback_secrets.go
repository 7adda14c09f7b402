package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// need is a secret that a service of the target takes from somewhere.
type need struct {
	name, ref string
	cluster   Cluster // of the service
}

// needs are the secrets of the task definitions that a rollback would restore,
// each with the service and the variable that take it.
func (ev *evidence) needs(c Candidate) []need {
	var out []need
	for _, p := range ev.definitionPairs(c) {
		for _, container := range p.target.Value.Containers {
			for _, name := range sortedKeys(container.Secrets) {
				out = append(out, need{p.service + " " + name, container.Secrets[name], p.cluster})
			}
		}
	}
	return out
}

// gatherSecrets looks up the secrets of the target. As the comparison of the
// logs it is left out where time is short: R15 stops no re-check.
func (o *Operator) gatherSecrets(ctx context.Context, ev *evidence, c Candidate) {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= recheckTimeout {
		return
	}
	snap, same := o.derived(time.Now())
	now := evidence{snap: snap, same: same, env: environmentOr(snap, ev.env.Environment)}
	refs := map[Cluster][]string{}
	for _, n := range now.needs(c) {
		refs[n.cluster] = append(refs[n.cluster], n.ref)
	}
	found := map[string]SecretState{}
	var failed error
	for cluster, list := range refs {
		slices.Sort(list)
		states, err := o.engine.opt.Cloud.Secrets(ctx, cluster, slices.Compact(list))
		failed = firstError([]error{failed, err})
		maps.Copy(found, states)
	}
	ev.secrets = fact(Fact[map[string]SecretState]{}, "aws secrets", EvidenceLife, found, failed)
}

// gateSecrets (R15): every secret that the target needs exists, and is not about
// to be deleted: no task starts with one that is gone. What may not be looked up
// counts where running tasks started with it.
func gateSecrets(ev *evidence, c Candidate) Gate {
	g, pairs := ev.onDefinitions(Gate{ID: "R15", Code: "secret_gone", Title: "secrets"}, c, "the secrets stay")
	if len(pairs) == 0 {
		return g
	}
	o, all := readable(pairs, g.Observation)
	g.Observation = o
	if !all {
		return unreadGate(Gate{ID: g.ID, Title: g.Title}, o, Warn)
	}
	needs := ev.needs(c)
	if len(needs) == 0 {
		g.Verdict, g.Sentence = NotApplicable, "it needs no secret"
		return g
	}
	return ev.judgeSecrets(g, needs, running(pairs))
}

// running are the references of the secrets that running tasks started with.
func running(pairs []definitions) map[string]bool {
	out := map[string]bool{}
	for _, p := range pairs {
		for _, container := range p.live.Value.Containers {
			for _, ref := range container.Secrets {
				out[ref] = true
			}
		}
	}
	return out
}

func (ev *evidence) judgeSecrets(g Gate, needs []need, running map[string]bool) Gate {
	var gone, unknown []string
	looked := 0
	for _, n := range needs {
		state, known := ev.secrets.Value[n.ref]
		switch {
		case known && !state.Present:
			gone = append(gone, n.name+" does not exist")
		case known && !state.Deleted.IsZero():
			gone = append(gone, n.name+" was marked for deletion on "+state.Deleted.UTC().Format("2006-01-02"))
		case known:
			looked++
		case !running[n.ref]:
			unknown = append(unknown, n.name)
		}
	}
	switch {
	case len(gone) > 0:
		g.Verdict, g.Effect, g.Evidence = Fail, Block, gone
		g.Sentence = "no task can start without it: " + strings.Join(gone[:min(3, len(gone))], ", ")
		g.Remedy = "restore the secret, or choose another deployment"
	case len(unknown) > 0:
		g.Verdict, g.Effect, g.Code, g.Evidence = Unknown, Warn, "secret_not_looked_up", unknown
		g.Sentence = "needs what no running task uses, and it could not be looked up" + because(ev.secrets.Err) + ": " + strings.Join(unknown, ", ")
		g.Remedy = "check that they still exist"
	case looked == len(needs):
		g.Observation = older(g.Observation, ev.secrets.Observation)
		g.Sentence = fmt.Sprintf("all of its %s exist", plural(len(needs), "secret"))
	default:
		g.Sentence = fmt.Sprintf("its %s are those of the running tasks", plural(len(needs), "secret"))
	}
	return g
}
