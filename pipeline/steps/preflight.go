package steps

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const (
	ciEvery  = 15 * time.Second // between two looks at ci.yml
	ciWithin = 30 * time.Minute // until it has to have ended
	ciAppear = 3 * time.Minute  // until there has to be a run of it
)

// PreflightRequest says what is checked before anything changes.
type PreflightRequest struct {
	Environment string
	WaitForCI   bool          // wait until ci.yml has ended on this commit
	Timeout     time.Duration // of that wait; 0: 30 minutes
}

// Preflight refuses where something stands against the deployment: a hold, a
// lock of others, a freeze, a release that was rolled back, another rollout
// that is under way, a commit that the environment before has not verified, a
// tag or branch that may not go there. With WaitForCI it first waits for
// ci.yml, which fails the step when it is absent, red or late.
func (s *Suite) Preflight(ctx context.Context, req PreflightRequest) error {
	env, err := s.environment(req.Environment)
	if err != nil {
		return err
	}
	if err := s.allowedRef(env); err != nil {
		return err
	}
	if req.WaitForCI {
		if err := s.awaitCI(ctx, req.Timeout); err != nil {
			return err
		}
	}
	if err := s.clear(ctx, env, s.Run.SHA); err != nil {
		return err
	}
	if err := s.laneFree(ctx, env); err != nil {
		return err
	}
	// Before the approval nobody could have passed this check by name yet: the
	// first preflight says what the second will refuse.
	if err := s.staged(ctx, env); err != nil {
		if !req.WaitForCI || env.GateEnvironment == "" || pipeline.KindOf(err) != pipeline.KindRefused {
			return err
		}
		s.Report.Warningf("not staged", "%v", err)
	}
	s.Report.Printf("nothing stands against deploying %s to %s", pipeline.Short(s.Run.SHA), env.Name)
	s.Report.Summary(fmt.Sprintf("Nothing stands against deploying `%s` to %s: no hold, no freeze, no other rollout.", pipeline.Short(s.Run.SHA), env.Name))
	return nil
}

// allowedRef refuses a branch or tag that the configuration keeps out.
func (s *Suite) allowedRef(env pipeline.Environment) error {
	patterns, kind := env.Branches, "branch"
	if s.Run.Tag {
		patterns, kind = env.Tags, "tag"
	}
	if s.Run.Ref == "" || len(env.Branches)+len(env.Tags) == 0 || matches(patterns, s.Run.Ref) {
		return nil
	}
	return &pipeline.Error{
		Kind: pipeline.KindRefused, Op: "deploy to " + env.Name, Message: fmt.Sprintf("the %s %s may not go there", kind, s.Run.Ref),
		Hint: "the configuration's branches and tags say what may",
	}
}

// laneFree refuses while another rollout of the environment is under way. One
// whose run has ended is not: nobody carries it on.
func (s *Suite) laneFree(ctx context.Context, env pipeline.Environment) error {
	list, err := s.deployments(ctx, env)
	if err != nil {
		return err
	}
	for _, d := range list {
		if s.mine(d.Payload) || !slices.Contains([]string{"", "pending", "queued", "in_progress"}, d.State()) || d.Payload.RunID == 0 {
			continue
		}
		run, err := s.GitHub.Run(pipeline.Uncached(ctx), d.Payload.RunID)
		if pipeline.KindOf(err) == pipeline.KindNotFound {
			continue // deleted
		}
		if err != nil {
			return err
		}
		if !run.Done() {
			return &pipeline.Error{
				Kind: pipeline.KindRefused, Op: "deploy to " + env.Name,
				Message: fmt.Sprintf("%s #%d of %s holds the lane, with deployment %d (%s)", run.Workflow, run.Number, run.Actor, d.ID, firstOf(d.Payload.Version, pipeline.Short(d.SHA))),
				Hint:    "wait for its end, or cancel it",
			}
		}
	}
	return nil
}

// staged refuses what the environment before has not verified.
func (s *Suite) staged(ctx context.Context, env pipeline.Environment) error {
	_, err := s.promoted(ctx, env)
	return err
}

// awaitCI waits for the conclusion of ci.yml on the run's commit. Of several
// runs the newest counts; those of pull requests test another tree.
func (s *Suite) awaitCI(ctx context.Context, timeout time.Duration) error {
	began := time.Now()
	timeout = s.within(timeout, ciWithin)
	file, said := s.Configuration.Workflows.CI, ""
	for {
		run, found, err := s.ciRun(ctx, file)
		waited := time.Since(began)
		switch {
		case err != nil && !passing(err):
			return err
		case err == nil && found && run.Done() && run.Conclusion == pipeline.ConclusionSuccess:
			s.Report.Printf("%s #%d passed on %s", file, run.Number, pipeline.Short(s.Run.SHA))
			s.Report.Summary(fmt.Sprintf("[%s #%d](%s) passed on `%s`.", file, run.Number, run.URL, pipeline.Short(s.Run.SHA)))
			return nil
		case err == nil && found && run.Done():
			return s.ciFailed("%s #%d ended with %s: %s", file, run.Number, run.Conclusion, run.URL)
		case err == nil && !found && waited >= min(s.scaled(ciAppear), timeout):
			return s.ciFailed("there is no run of %s on %s", file, pipeline.Short(s.Run.SHA))
		case waited >= timeout && err != nil:
			return err
		case waited >= timeout:
			return s.ciFailed("%s #%d is %s still after %s: %s", file, run.Number, run.Status, pipeline.Duration(waited), run.URL)
		}
		if now := ciState(file, run, found, err); now != said {
			s.Report.Printf("%s", now)
			said = now
		}
		if err := s.pause(ctx, ciEvery); err != nil {
			return cut(file, err)
		}
	}
}

func ciState(file string, run pipeline.Run, found bool, err error) string {
	switch {
	case err != nil:
		return "asking again: " + err.Error()
	case !found:
		return "waiting for a run of " + file
	}
	return fmt.Sprintf("waiting for %s #%d: %s", file, run.Number, run.Status)
}

func (s *Suite) ciFailed(format string, args ...any) error {
	return &pipeline.Error{
		Kind: pipeline.KindFailed, Op: "deploy " + pipeline.Short(s.Run.SHA), Message: fmt.Sprintf(format, args...),
		Hint: "make it pass on this commit, then run this job again",
	}
}

// ciRun is the newest run of ci.yml that tested exactly the run's commit.
func (s *Suite) ciRun(ctx context.Context, file string) (pipeline.Run, bool, error) {
	list, err := s.GitHub.Runs(pipeline.Uncached(ctx), pipeline.RunQuery{Workflow: file, SHA: s.Run.SHA})
	if err != nil {
		return pipeline.Run{}, false, err
	}
	for _, run := range list.Runs {
		if run.Event != "pull_request" && run.SHA == s.Run.SHA {
			return run, true, nil
		}
	}
	return pipeline.Run{}, false, nil
}
