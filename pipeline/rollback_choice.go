package pipeline

import (
	"context"
	"slices"
)

// target finds what a rollback would restore: the deployment that the request
// names, whatever it is, else the best candidate. What is wrong with one that is
// named, the check list says.
func (o *Operator) target(ctx context.Context, ev *evidence, req RollbackRequest) (Candidate, error) {
	if req.To == 0 {
		return bestOf(ev.env.Return)
	}
	for _, c := range ev.env.Return.Candidates {
		if c.Deployment.ID == req.To {
			return c, nil
		}
	}
	listed := view(o.engine, func(s *state) *Candidate { return s.candidateNamed(ev.env.Environment, req.To) })
	if listed != nil {
		return *listed, nil
	}
	d, err := o.engine.opt.GitHub.Deployment(Uncached(ctx), req.To)
	ev.named = fact(Fact[Deployment]{}, "github deployments", EvidenceLife, d, err)
	d.ID = req.To
	return Candidate{Deployment: d, Release: Release{SHA: d.SHA, Version: d.Payload.Version}, Verdict: Unknown, LiveSince: d.SucceededAt()}, nil
}

// bestOf is the best candidate, else the newest that could be one: its gates
// say what is not known.
func bestOf(rp ReturnPath) (Candidate, error) {
	if rp.Best != nil {
		return *rp.Best, nil
	}
	for _, c := range rp.Candidates {
		if c.Verdict == Unknown && !c.Faulty {
			return c, nil
		}
	}
	if unreadable(rp.Observation) && len(rp.Candidates) == 0 { // nothing is known, which is not that there is nothing
		return Candidate{}, &Error{Kind: KindUnavailable, Message: "what " + rp.Environment + " could go back to is not known: its deployments were not read", Hint: "try again, or name a deployment with --to", Err: rp.Err}
	}
	return Candidate{}, &Error{Kind: KindRefused, Message: "there is no way back in " + rp.Environment + ": " + rp.Sentence, Hint: "deploy a fix instead, or name a deployment with --to"}
}

// choices are what a rollback could go back to, and what was named besides, if
// it is a deployment of the environment.
func choices(ev *evidence, target Candidate) []Candidate {
	out := ev.env.Return.Candidates
	named := slices.ContainsFunc(out, func(c Candidate) bool { return c.Deployment.ID == target.Deployment.ID })
	if named || target.Deployment.Environment != ev.env.Environment.GitHubEnvironment {
		return out
	}
	return append(slices.Clone(out), target)
}

// again finds the candidate in a newer return path.
func again(rp ReturnPath, c Candidate) Candidate {
	for _, x := range rp.Candidates {
		if x.Deployment.ID == c.Deployment.ID {
			return x
		}
	}
	return c
}
